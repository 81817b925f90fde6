package shap

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/tree"
)

var _ model.Explainer = (*Explainer)(nil)

// ErrCover says that the ensemble lacks how many training rows went each way;
// without that no feature can be averaged out. NewInterventional does without.
var ErrCover = errors.New("ensemble lacks the counts of its training rows")

// ErrSize says that the paths of the ensemble hold too many features to be laid out.
var ErrSize = errors.New("the paths of the trees hold more than 67108864 features; explain a smaller ensemble")

// Explainer explains one ensemble, and predicts as it does. It is safe for
// concurrent use; what it explains never changes, to the bit, though it grows
// faster with use.
type Explainer struct {
	*tree.Ensemble
	width   int
	longest int // features on a path
	base    float64
	game    game
	paths   [][]path // per tree and leaf
	columns []column
	pieces  []piece
	groups  []int // where each group of pieces begins, and the last ends
	tables  tables
	// used lists the features that any tree asks for.
	used []int32
	row  rowFinder
	// rows keeps blocks of one row between calls.
	rows sync.Pool
}

// game says what the features of a path contribute.
type game interface {
	// values writes what each feature of a path contributes, given which of them
	// go the leaf's way. work has room for nine numbers per feature.
	values(p *path, known on, to, work []float64)
	// pairs writes the interactions of each two of d features, d × d, and on the
	// diagonal what they leave of each one's value.
	pairs(p *path, known on, to, work []float64)
}

// New prepares an explainer of path-dependent values. Training rows are counted,
// or weighed by their hessians, as tree.Ensemble.Cover says. Beside the tables (see
// the package's comment) it takes about 60 bytes × leaves × features of a path. It
// returns ErrCover, naming tree and node, when a node or leaf has no training rows,
// and ErrSize when the paths of all leaves hold more than 2²⁶ features together.
func New(e *tree.Ensemble) (*Explainer, error) {
	g, paths, base, err := newDependent(e)
	if err != nil {
		return nil, err
	}
	return newExplainer(e, g, paths, base, maxTableBytes), nil
}

// newExplainer cuts the trees; limit bounds the bytes of the tables.
func newExplainer(e *tree.Ensemble, g game, paths [][]path, base float64, limit int) *Explainer {
	x := &Explainer{Ensemble: e, width: len(e.Features()), base: base, game: g, paths: paths, columns: newColumns(e)}
	for _, leaves := range paths {
		for i := range leaves {
			x.longest = max(x.longest, len(leaves[i].features))
		}
	}
	asked := make([]bool, x.width)
	cutters := make([]*cutter, e.Len())
	for i := range cutters {
		t := e.Tree(i)
		cutters[i] = newCutter(&t, x.columns)
		for _, f := range t.Feature {
			asked[f] = true
		}
	}
	choose(cutters, limit)
	for i, c := range cutters {
		if len(c.t.Left) > 0 {
			x.pieces = append(x.pieces, c.pieces(i)...)
		}
	}
	for f, yes := range asked {
		if yes && !x.columns[f].wide {
			x.used = append(x.used, int32(f))
		}
	}
	x.pack()
	x.row = newRowFinder(x.pieces, x.columns)
	x.tables.of = make([]table, len(x.pieces))
	size := 0
	for i := range x.pieces {
		if size += x.pieces[i].bytes(); i == 0 || size > groupBytes {
			x.groups, size = append(x.groups, i), x.pieces[i].bytes()
		}
	}
	x.groups = append(x.groups, len(x.pieces))
	return x
}

// Base returns the expected margin: what the contributions are added to.
func (x *Explainer) Base() float64 { return x.base }

// Explain writes rows × len(Features()) contributions, row-major, into out and
// returns the base: base + Σ contributions = margin to 1e-9 on every row.
// Columns are found by name, as Predict does. More than 2048 rows are shared
// among GOMAXPROCS goroutines; how many they are, and which rows stand beside
// which, changes no bit.
func (x *Explainer) Explain(f *frame.Frame, out []float64) (base float64, err error) {
	rows, err := x.Bind(f)
	if err != nil {
		return 0, fmt.Errorf("explain: %w", err)
	}
	if len(out) != rows.Len()*x.width {
		return 0, fmt.Errorf("explain: out has %d values for %d rows of %d features", len(out), rows.Len(), x.width)
	}
	x.prepare(rows.Len())
	if rows.Len() == 1 {
		b := x.takeRow()
		rows.Row(0, b.values)
		x.explainRow(b, out)
		x.rows.Put(b)
		return x.base, nil
	}
	share((rows.Len()+blockRows-1)/blockRows, func() func(int) {
		b := x.newBlock(min(rows.Len(), blockRows))
		return func(k int) {
			from := k * blockRows
			n := min(blockRows, rows.Len()-from)
			for i := range n {
				rows.Row(from+i, b.values[i*x.width:(i+1)*x.width])
			}
			x.explain(b, n, out[from*x.width:(from+n)*x.width])
		}
	})
	return x.base, nil
}

// ExplainRow writes the contributions of one row, given as for
// tree.Ensemble.Margin, into out, and returns the base. It panics if row or out
// is shorter than the features.
func (x *Explainer) ExplainRow(row, out []float64) (base float64) {
	x.prepare(1)
	b := x.takeRow()
	copy(b.values, row[:x.width])
	x.explainRow(b, out[:x.width])
	x.rows.Put(b)
	return x.base
}

// takeRow returns a block of one row, to be given back to x.rows.
func (x *Explainer) takeRow() *block {
	if b, ok := x.rows.Get().(*block); ok {
		return b
	}
	return x.newBlock(1)
}

// share does work 0 … n−1 on up to GOMAXPROCS goroutines, the caller's among
// them, each with a worker of its own. A panic of one becomes the caller's.
func share(n int, worker func() func(k int)) {
	var (
		next   atomic.Int64
		wait   sync.WaitGroup
		failed atomic.Pointer[any]
	)
	run := func() {
		defer func() {
			if p := recover(); p != nil {
				failed.CompareAndSwap(nil, &p)
			}
		}()
		var work func(int)
		for {
			k := int(next.Add(1)) - 1
			if k >= n || failed.Load() != nil {
				return
			}
			if work == nil {
				work = worker()
			}
			work(k)
		}
	}
	for range min(runtime.GOMAXPROCS(0), n) - 1 {
		wait.Go(run)
	}
	run()
	wait.Wait()
	if p := failed.Load(); p != nil {
		panic(*p)
	}
}
