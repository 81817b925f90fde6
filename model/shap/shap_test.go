package shap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"fealty/features/frame"
	"fealty/model/boost"
	"fealty/model/tree"
)

// reference is one case of model/tree/testdata/lightgbm-tiny.json.
type reference struct {
	Name string
	In   struct {
		Model    string
		Features []string
		Rows     [][]*float64
		// Background is what the interventional values compare with.
		Background [][]*float64
	}
	Out struct {
		Raw     []float64
		Contrib [][]float64 `json:"pred_contrib"`
		// By brute force over the subsets of six features; see the file's definition.
		Interactions               [][][]float64
		Interventional             [][]float64
		InterventionalInteractions [][][]float64 `json:"interventional_interactions"`
	}
}

func TestExplainsAsLightGBM(t *testing.T) {
	dir := filepath.Join("..", "tree", "testdata")
	text, err := os.ReadFile(filepath.Join(dir, "lightgbm-tiny.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []reference }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, ref := range file.Cases {
		t.Run(ref.Name, func(t *testing.T) {
			in, err := os.Open(filepath.Join(dir, ref.In.Model))
			if err != nil {
				t.Fatal(err)
			}
			e, err := tree.Read(in, 1<<20)
			if err := errors.Join(err, in.Close()); err != nil {
				t.Fatal(err)
			}
			rows := numbers(ref.In.Features, values(ref.In.Rows))
			dependent := explainer(t, e)
			other, err := NewInterventional(e, numbers(ref.In.Features, values(ref.In.Background)))
			if err != nil {
				t.Fatal(err)
			}
			for _, game := range []struct {
				name  string
				x     *Explainer
				want  [][]float64
				pairs [][][]float64
			}{
				{"path dependent", dependent, ref.Out.Contrib, ref.Out.Interactions},
				{"interventional", other, ref.Out.Interventional, ref.Out.InterventionalInteractions},
			} {
				t.Run(game.name, func(t *testing.T) { agrees(t, game.x, rows, game.want, game.pairs) })
			}
		})
	}
}

// XGBoost averages by sums of hessians and adds up float32.
func TestExplainsAsXGBoost(t *testing.T) {
	dir := filepath.Join("..", "tree", "testdata")
	for _, version := range []string{"1.7.6", "2.1.4", "3.2.0"} {
		text, err := os.ReadFile(filepath.Join(dir, "xgboost-"+version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Cases []struct {
				Model    string
				Rows     [][]*float64
				Contribs [][]float64
			}
		}
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			t.Run(c.Model, func(t *testing.T) {
				in, err := os.Open(filepath.Join(dir, c.Model))
				if err != nil {
					t.Fatal(err)
				}
				e, err := tree.ReadXGBoost(in, 1<<20)
				if err := errors.Join(err, in.Close()); err != nil {
					t.Fatal(err)
				}
				x := explainer(t, e)
				out := make([]float64, len(e.Features()))
				for i, row := range values(c.Rows) {
					base := x.ExplainRow(row, out)
					for j, v := range append(slices.Clone(out), base) {
						if want := c.Contribs[i][j]; !(math.Abs(v-want) <= 1e-5*max(1, math.Abs(want))) {
							t.Errorf("row %d feature %d: %v, XGBoost says %v", i, j, v, want)
						}
					}
				}
			})
		}
	}
}

// agrees compares contributions, the base behind them, and interactions, each
// without tables and with.
func agrees(t *testing.T, x *Explainer, rows *frame.Frame, want [][]float64, pairs [][][]float64) {
	t.Helper()
	width := len(x.Features())
	out, matrix := make([]float64, rows.Rows()*width), make([]float64, rows.Rows()*width*width)
	for range 2 {
		base, err := x.Explain(rows, out)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := x.Interact(rows, matrix); err != nil || b != base {
			t.Fatalf("interactions: base %v, error %v", b, err)
		}
		for i := range want {
			for j, v := range append(append([]float64{}, out[i*width:(i+1)*width]...), base) {
				if d := math.Abs(v - want[i][j]); !(d <= 1e-12) {
					t.Errorf("row %d feature %d: %v, want %v", i, j, v, want[i][j])
				}
			}
			for j := range width {
				for k := range width {
					if v := matrix[(i*width+j)*width+k]; !(math.Abs(v-pairs[i][j][k]) <= 1e-12) {
						t.Errorf("row %d features %d and %d: %v, want %v", i, j, k, v, pairs[i][j][k])
					}
				}
			}
		}
		x.prepare(patience)
	}
}

// values reads rows in which null stands for NaN.
func values(rows [][]*float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		for _, v := range r {
			value := math.NaN()
			if v != nil {
				value = *v
			}
			out[i] = append(out[i], value)
		}
	}
	return out
}

func explainer(t interface {
	Helper()
	Fatal(...any)
}, e *tree.Ensemble,
) *Explainer {
	t.Helper()
	x, err := New(e)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func numbers(names []string, rows [][]float64) *frame.Frame {
	f := &frame.Frame{Accounts: make([]frame.AccountID, len(rows)), Cutoffs: make([]frame.Cutoff, len(rows))}
	for j, name := range names {
		c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: make([]float64, len(rows))}
		for i := range rows {
			c.Numbers[i] = rows[i][j]
		}
		f.Columns = append(f.Columns, c)
	}
	return f
}

// brute is the definition by which everything is measured: what the model says for
// every set of known features (set bit j: feature j is known).
func brute(e *tree.Ensemble, features int, says func(t *tree.Tree, known int) float64) []float64 {
	game := make([]float64, 1<<features)
	for set := range game {
		for k := range e.Len() {
			t := e.Tree(k)
			game[set] += says(&t, set)
		}
	}
	return game
}

// averaged is the game of path-dependent values: a feature that is not known is
// averaged out by training rows.
func averaged(e *tree.Ensemble, row []float64) []float64 {
	return brute(e, len(row), func(t *tree.Tree, known int) float64 {
		var walk func(c int32) float64
		walk = func(c int32) float64 {
			if c < 0 {
				return t.LeafValue[^c]
			}
			if known>>t.Feature[c]&1 != 0 {
				if t.GoesLeft(int(c), row[t.Feature[c]]) {
					return walk(t.Left[c])
				}
				return walk(t.Right[c])
			}
			l, r, all := t.Cover(e.Cover(), t.Left[c]), t.Cover(e.Cover(), t.Right[c]), t.Cover(e.Cover(), c)
			return l/all*walk(t.Left[c]) + r/all*walk(t.Right[c])
		}
		return walk(root(t))
	})
}

// replaced is the game of interventional values: a feature that is not known has
// the value of a background row, on average over the rows.
func replaced(e *tree.Ensemble, row []float64, background [][]float64) []float64 {
	return brute(e, len(row), func(t *tree.Tree, known int) float64 {
		sum := 0.0
		for _, other := range background {
			mixed := slices.Clone(other)
			for j := range mixed {
				if known>>j&1 != 0 {
					mixed[j] = row[j]
				}
			}
			sum += t.LeafValue[t.Leaf(mixed)]
		}
		return sum / float64(len(background))
	})
}

// shapley returns φᵢ = Σ_S |S|!(n−|S|−1)!/n! · (v(S∪i) − v(S)) in a matrix'
// diagonal sums: the matrix holds, off the diagonal, Φᵢⱼ = Σ_S
// |S|!(n−|S|−2)!/(2(n−1)!) · (v(S∪ij) − v(S∪i) − v(S∪j) + v(S)), and on it what is left.
func shapley(game []float64, n int) (values []float64, matrix [][]float64) {
	factorial := func(k int) float64 { return math.Gamma(float64(k) + 1) }
	values, matrix = make([]float64, n), make([][]float64, n)
	for i := range values {
		matrix[i] = make([]float64, n)
		for set := range game {
			s := bits.OnesCount(uint(set))
			if set>>i&1 != 0 {
				continue
			}
			values[i] += factorial(s) * factorial(n-s-1) / factorial(n) * (game[set|1<<i] - game[set])
			for j := range n {
				if j != i && set>>j&1 == 0 {
					d := game[set|1<<i|1<<j] - game[set|1<<i] - game[set|1<<j] + game[set]
					matrix[i][j] += factorial(s) * factorial(n-s-2) / (2 * factorial(n-1)) * d
				}
			}
		}
		rest := values[i]
		for j, v := range matrix[i] {
			if j != i {
				rest -= v
			}
		}
		matrix[i][i] = rest
	}
	return values, matrix
}

// randomEnsemble draws trees with every kind of decision, and counts of children
// that do not even sum to their parent's.
func randomEnsemble(t *rapid.T, features, leaves int) *tree.Ensemble {
	h := tree.Header{Objective: "regression"}
	for j := range features {
		h.Features = append(h.Features, tree.Feature{Name: fmt.Sprintf("x%d", j), Category: j%3 == 2, Info: "none"})
	}
	trees := make([]tree.Tree, rapid.IntRange(1, 3).Draw(t, "trees"))
	count := rapid.Int64Range(1, 1000)
	for k := range trees {
		tr := tree.Tree{Shrinkage: 1}
		leaves := rapid.IntRange(1, leaves).Draw(t, "leaves")
		at := map[int]*int32{} // what leads to each leaf
		for range leaves - 1 {
			f := rapid.IntRange(0, features-1).Draw(t, "feature")
			d, set := rapid.SampledFrom([]tree.Decision{tree.CategoricalDecision, tree.CategoricalMissingLeft}).Draw(t, "category"), []uint32{rapid.Uint32().Draw(t, "codes")}
			if !h.Features[f].Category {
				d, set = tree.NumericDecision(tree.Missing(rapid.IntRange(0, 2).Draw(t, "missing")), rapid.Bool().Draw(t, "left")), nil
			}
			tr.Feature = append(tr.Feature, int32(f))
			tr.Threshold = append(tr.Threshold, rapid.SampledFrom([]float64{-2, -1, 0, 1, 2, math.Inf(-1), math.Inf(1)}).Draw(t, "threshold"))
			tr.Decision, tr.Codes = append(tr.Decision, d), append(tr.Codes, set)
			tr.Count = append(tr.Count, count.Draw(t, "rows"))
		}
		tr.Left, tr.Right = make([]int32, leaves-1), make([]int32, leaves-1)
		for n := range leaves - 1 {
			split := rapid.IntRange(0, n).Draw(t, "leaf to split")
			if to := at[split]; to != nil {
				*to = int32(n)
			}
			tr.Left[n], tr.Right[n] = ^int32(split), ^int32(n+1)
			at[split], at[n+1] = &tr.Left[n], &tr.Right[n]
		}
		tr.Gain, tr.Value, tr.Weight = make([]float64, leaves-1), make([]float64, leaves-1), make([]float64, leaves-1)
		tr.LeafWeight = make([]float64, leaves)
		for range leaves {
			tr.LeafValue = append(tr.LeafValue, rapid.Float64Range(-3, 3).Draw(t, "value"))
			tr.LeafCount = append(tr.LeafCount, count.Draw(t, "rows"))
		}
		trees[k] = tr
	}
	e, err := tree.New(h, trees)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func drawRow(t *rapid.T, features int) []float64 {
	row := make([]float64, features)
	for j := range row {
		row[j] = rapid.SampledFrom([]float64{-3, -2, -1, 0, 1, 2, 3, 17, 99, math.NaN(), math.Inf(-1), math.Inf(1)}).Draw(t, "x")
	}
	return row
}

// bounded returns an explainer whose tables take at most so many bytes and are all built.
func bounded(t interface {
	Helper()
	Fatal(...any)
}, e *tree.Ensemble, limit int,
) *Explainer {
	t.Helper()
	g, paths, base, err := newDependent(e)
	if err != nil {
		t.Fatal(err)
	}
	x := newExplainer(e, g, paths, base, limit)
	x.prepare(patience)
	return x
}

func TestEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := rapid.IntRange(1, 6).Draw(t, "features")
		e := randomEnsemble(t, features, 14)
		row := drawRow(t, features)
		game := averaged(e, row)
		for _, limit := range []int{0, 3000, 1 << 30} {
			equals(t, bounded(t, e, limit), row, game)
		}
	})
}

func TestInterventionalEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := rapid.IntRange(1, 6).Draw(t, "features")
		e := randomEnsemble(t, features, 14)
		row := drawRow(t, features)
		background := make([][]float64, rapid.IntRange(1, 5).Draw(t, "background"))
		for i := range background {
			background[i] = drawRow(t, features)
		}
		x, err := NewInterventional(e, numbers(names(features), background))
		if err != nil {
			t.Fatal(err)
		}
		game := replaced(e, row, background)
		equals(t, x, row, game)
		x.prepare(patience)
		equals(t, x, row, game)
	})
}

// equals compares contributions and interactions of one row with a game's.
func equals(t *rapid.T, x *Explainer, row, game []float64) {
	n := len(row)
	values, pairs := shapley(game, n)
	// Counts that do not sum up can make shares far above 1; the scale grows with them.
	scale := 1 + math.Abs(game[0])
	for _, v := range values {
		scale = max(scale, math.Abs(v))
	}
	out, matrix := make([]float64, n), make([]float64, n*n)
	base := x.ExplainRow(row, out)
	if !(math.Abs(base-game[0]) <= 1e-11*scale) {
		t.Fatalf("base %v, by definition %v", base, game[0])
	}
	if _, err := x.Interact(numbers(x.Features(), [][]float64{row}), matrix); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if !(math.Abs(out[i]-values[i]) <= 1e-9*scale) {
			t.Fatalf("feature %d: %v, by definition %v (row %v)", i, out[i], values[i], row)
		}
		for j := range n {
			if v := matrix[i*n+j]; !(math.Abs(v-pairs[i][j]) <= 1e-9*scale) {
				t.Fatalf("features %d and %d: %v, by definition %v (row %v)", i, j, v, pairs[i][j], row)
			}
		}
	}
}

func names(features int) []string {
	names := make([]string, features)
	for j := range names {
		names[j] = fmt.Sprintf("x%d", j)
	}
	return names
}

func TestTablesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := rapid.IntRange(1, 14).Draw(t, "features")
		e := randomEnsemble(t, features, 60)
		limit := rapid.SampledFrom([]int{20_000, 300_000, maxTableBytes}).Draw(t, "bytes")
		x := bounded(t, e, limit)
		g, paths, base, err := newDependent(e)
		if err != nil {
			t.Fatal(err)
		}
		y := newExplainer(e, g, paths, base, limit)
		if size := tableBytes(x); size > limit {
			t.Fatalf("tables of %d bytes, the limit is %d", size, limit)
		}
		rows := make([][]float64, rapid.IntRange(1, 9).Draw(t, "rows"))
		for i := range rows {
			rows[i] = drawRow(t, features)
		}
		all, one := make([]float64, len(rows)*features), make([]float64, features)
		if _, err := x.Explain(numbers(names(features), rows), all); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			y.ExplainRow(row, one)
			for j, v := range one {
				if math.Float64bits(v) != math.Float64bits(all[i*features+j]) {
					t.Fatalf("row %d feature %d: %v without tables, %v with", i, j, v, all[i*features+j])
				}
			}
		}
		if y.tables.next > 0 {
			t.Fatal("the twin has tables too")
		}
	})
}

// Who explains one row at a time never waits for more than one tree's tables, and
// who explains few rows for none.
func TestTablesAreBuiltWhenTheyPay(t *testing.T) {
	e, f := deep(t, 40)
	x := explainer(t, e)
	width := len(e.Features())
	row, out := make([]float64, width), make([]float64, width)
	for range patience - 1 {
		x.ExplainRow(row, out)
	}
	if size := tableBytes(x); size != 0 {
		t.Fatalf("%d rows built tables of %d bytes", patience-1, size)
	}
	for i := range e.Len() {
		before := x.tables.next
		x.ExplainRow(row, out)
		for _, p := range x.pieces[before:x.tables.next] {
			if p.tree != i {
				t.Fatalf("call %d built tables of tree %d", i, p.tree)
			}
		}
	}
	if !x.tables.full.Load() {
		t.Error("as many calls as trees left some without tables")
	}
	y := explainer(t, e)
	for range 7 {
		if _, err := y.Explain(f, make([]float64, f.Rows()*width)); err != nil {
			t.Fatal(err)
		}
	}
	if y.tables.next == 0 || y.tables.full.Load() {
		t.Errorf("7 calls of 40 rows built the tables of %d pieces of %d, want those of one tree", y.tables.next, len(y.pieces))
	}
	many := make([]int, patience)
	if _, err := y.Explain(f.Take(many), make([]float64, patience*width)); err != nil {
		t.Fatal(err)
	}
	if !y.tables.full.Load() {
		t.Errorf("%d rows at once left tables unbuilt", patience)
	}
}

// chain returns a tree that peels one leaf off per node: numeric thresholds
// 0, 1, 2 … on one feature, or sets {k} of one category.
func chain(nodes int, category bool) tree.Tree {
	tr := tree.Tree{Shrinkage: 1}
	for n := range nodes {
		d, set := tree.NumericDecision(tree.MissingNaN, n%2 == 0), []uint32(nil)
		if category {
			d, set = tree.CategoricalDecision, make([]uint32, n/32+1)
			set[n/32] = 1 << (n % 32)
		}
		right := int32(n + 1)
		if n == nodes-1 {
			right = ^int32(nodes)
		}
		tr.Feature, tr.Threshold, tr.Decision, tr.Codes = append(tr.Feature, 0), append(tr.Threshold, float64(n)), append(tr.Decision, d), append(tr.Codes, set)
		tr.Left, tr.Right = append(tr.Left, ^int32(n)), append(tr.Right, right)
		tr.Count = append(tr.Count, int64(nodes-n+1))
	}
	tr.Gain, tr.Value, tr.Weight = make([]float64, nodes), make([]float64, nodes), make([]float64, nodes)
	tr.LeafWeight = make([]float64, nodes+1)
	for n := range nodes + 1 {
		tr.LeafValue, tr.LeafCount = append(tr.LeafValue, math.Sin(float64(n))), append(tr.LeafCount, 1)
	}
	return tr
}

// High up in a large tree regions are no longer tried with each other.
func TestLargeTree(t *testing.T) {
	const leaves, features = 1 << 13, 30
	e := bushy(t, leaves, features)
	row, out := make([]float64, features), make([]float64, features)
	for j := range row {
		row[j] = math.Sin(float64(j))
	}
	sum := explainer(t, e).ExplainRow(row, out)
	for _, v := range out {
		sum += v
	}
	if m := e.Margin(row); !(math.Abs(sum-m) <= 1e-9) {
		t.Fatalf("sum %v, margin %v", sum, m)
	}
}

// bushy returns one complete tree that splits features in turn, at thresholds of
// both signs.
func bushy(t *testing.T, leaves, features int) *tree.Ensemble {
	t.Helper()
	h := tree.Header{}
	for _, name := range names(features) {
		h.Features = append(h.Features, tree.Feature{Name: name, Info: "none"})
	}
	tr, nodes := tree.Tree{Shrinkage: 1}, leaves-1
	child := func(c int) int32 { // numbered by rows of the tree, leaves behind the nodes
		if c >= nodes {
			return ^int32(c - nodes)
		}
		return int32(c)
	}
	for n := range nodes {
		tr.Feature = append(tr.Feature, int32(n*7%features))
		tr.Threshold = append(tr.Threshold, math.Round(math.Cos(float64(n))*8)/8)
		tr.Decision, tr.Codes = append(tr.Decision, tree.NumericDecision(tree.MissingNaN, false)), append(tr.Codes, nil)
		tr.Left, tr.Right = append(tr.Left, child(2*n+1)), append(tr.Right, child(2*n+2))
	}
	tr.Gain, tr.Value, tr.Weight = make([]float64, nodes), make([]float64, nodes), make([]float64, nodes)
	tr.LeafWeight, tr.Count = make([]float64, leaves), make([]int64, nodes)
	for n := range leaves {
		tr.LeafValue, tr.LeafCount = append(tr.LeafValue, math.Sin(float64(n))), append(tr.LeafCount, int64(1+n%5))
	}
	for n := nodes - 1; n >= 0; n-- {
		for _, c := range [2]int32{tr.Left[n], tr.Right[n]} {
			tr.Count[n] += int64(tr.Cover(tree.CoverCount, c))
		}
	}
	e, err := tree.New(h, []tree.Tree{tr})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A feature with more cells than a table can tell apart is explained all the same.
func TestManyCells(t *testing.T) {
	for _, nodes := range []int{62, 63, 300, maxClasses + 5} {
		for _, category := range []bool{false, true} {
			h := tree.Header{Features: []tree.Feature{{Name: "x", Category: category, Info: "none"}}}
			e, err := tree.New(h, []tree.Tree{chain(nodes, category), chain(3, category)})
			if err != nil {
				t.Fatal(err)
			}
			x := bounded(t, e, maxTableBytes)
			out := make([]float64, 1)
			for _, v := range []float64{-1, 0, 0.5, 1, 2, 61, 62, 63, 64, 299, 300, math.Inf(1), math.NaN()} {
				// One feature: what it contributes is the margin without the base.
				base := x.ExplainRow([]float64{v}, out)
				if want := e.Margin([]float64{v}); !(math.Abs(base+out[0]-want) <= 1e-9) {
					t.Errorf("%d nodes, category %v, value %v: sum %v, margin %v", nodes, category, v, base+out[0], want)
				}
			}
		}
	}
}

// deep trains a model with long paths over many features.
func deep(t testing.TB, rows int) (*tree.Ensemble, *frame.Frame) {
	t.Helper()
	const width = 24
	var data [][]float64
	var y []float64
	state := uint64(1)
	draw := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11) / (1 << 53)
	}
	for range rows {
		row, sum := make([]float64, width), 0.0
		for j := range row {
			row[j] = math.Round(100*draw()) / 10
			sum += math.Sin(row[j]+float64(j)) + row[j]*row[(j+7)%width]/50
			if draw() < 0.05 {
				row[j] = math.NaN()
			}
		}
		if math.IsNaN(sum) {
			sum = 0
		}
		data, y = append(data, row), append(y, sum)
	}
	p := boost.Defaults()
	p.Loss, p.Rounds, p.Leaves, p.MinRows = boost.Squared{}, 30, 63, 2
	f := numbers(names(width), data)
	e, err := boost.Fit(context.Background(), p, f, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e, f
}

func TestContributionsSumToTheMargin(t *testing.T) {
	e, f := deep(t, 800)
	x := explainer(t, e)
	if e.Depth() < 12 {
		t.Fatalf("paths of %d nodes are too short to show anything", e.Depth())
	}
	width := len(e.Features())
	out, margin := make([]float64, f.Rows()*width), make([]float64, f.Rows())
	base, err := x.Explain(f, out)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Predict(f, margin); err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for i, m := range margin {
		sum := base
		for _, v := range out[i*width : (i+1)*width] {
			sum += v
		}
		if !(math.Abs(sum-m) <= 1e-9) {
			t.Fatalf("row %d: base and contributions sum to %v, margin %v", i, sum, m)
		}
		mean += m / float64(f.Rows())
	}
	// No weights, all rows in every tree: the base is the mean margin of the training rows.
	if math.Abs(mean-base) > 1e-9 {
		t.Errorf("base %v, mean margin of the training rows %v", base, mean)
	}
}

func TestSumsToTheMarginOnAnyTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := rapid.IntRange(1, 30).Draw(t, "features")
		e := randomEnsemble(t, features, 40)
		// Shares below 1 everywhere: counts as a trained tree has them.
		e = consistent(t, e)
		row, got := drawRow(t, features), make([]float64, features)
		for _, x := range []*Explainer{explainer(t, e), bounded(t, e, maxTableBytes)} {
			sum := x.ExplainRow(row, got)
			for _, v := range got {
				sum += v
			}
			if m := e.Margin(row); !(math.Abs(sum-m) <= 1e-9) {
				t.Fatalf("sum %v, margin %v", sum, m)
			}
		}
	})
}

// The law that ties interactions to contributions, on paths too long for the definition.
func TestInteractionsSumToContributions(t *testing.T) {
	e, f := deep(t, 60)
	other, err := NewInterventional(e, f.Take([]int{1, 5, 8, 13, 21, 34, 55}))
	if err != nil {
		t.Fatal(err)
	}
	n := len(e.Features())
	values, pairs := make([]float64, f.Rows()*n), make([]float64, f.Rows()*n*n)
	for _, x := range []*Explainer{explainer(t, e), other} {
		if _, err := x.Explain(f, values); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Interact(f, pairs); err != nil {
			t.Fatal(err)
		}
		for k, v := range values {
			sum := 0.0
			for j := range n {
				sum += pairs[k*n+j]
				if a, b := pairs[k*n+j], pairs[(k/n*n+j)*n+k%n]; math.Float64bits(a) != math.Float64bits(b) && k%n != j {
					t.Fatalf("row %d features %d and %d: %v and %v", k/n, k%n, j, a, b)
				}
			}
			if !(math.Abs(sum-v) <= 1e-9) {
				t.Fatalf("row %d feature %d: interactions sum to %v, the contribution is %v", k/n, k%n, sum, v)
			}
		}
	}
}

// The base of interventional values is the mean margin of the background, and a
// row compared with itself owes nothing to any feature.
func TestBackground(t *testing.T) {
	e, f := deep(t, 60)
	n := len(e.Features())
	margins, out := make([]float64, f.Rows()), make([]float64, n)
	if err := e.Predict(f, margins); err != nil {
		t.Fatal(err)
	}
	x, err := NewInterventional(e, f)
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for i, m := range margins {
		mean += m / float64(f.Rows())
		self, err := NewInterventional(e, f.Take([]int{i, i}))
		if err != nil {
			t.Fatal(err)
		}
		base, err := self.Explain(f.Take([]int{i}), out)
		if err != nil || math.Abs(base-m) > 1e-12 {
			t.Fatalf("row %d compared with itself: base %v, margin %v, error %v", i, base, m, err)
		}
		for j, v := range out {
			if v != 0 {
				t.Fatalf("row %d compared with itself: feature %d contributes %v", i, j, v)
			}
		}
	}
	if math.Abs(x.Base()-mean) > 1e-12 {
		t.Errorf("base %v, mean margin %v", x.Base(), mean)
	}
	if _, err := NewInterventional(e, f.Take(nil)); !errors.Is(err, ErrBackground) {
		t.Errorf("without rows: got %v, want ErrBackground", err)
	}
	if _, err := NewInterventional(e, numbers([]string{"z"}, [][]float64{{1}})); err == nil {
		t.Error("a background without the features was accepted")
	}
}

// consistent gives every node the sum of its leaves' counts.
func consistent(t *rapid.T, e *tree.Ensemble) *tree.Ensemble {
	trees := make([]tree.Tree, e.Len())
	for k := range trees {
		tr := e.Tree(k)
		tr.Count = make([]int64, len(tr.Left))
		var fill func(c int32) int64
		fill = func(c int32) int64 {
			if c < 0 {
				return tr.LeafCount[^c]
			}
			tr.Count[c] = fill(tr.Left[c]) + fill(tr.Right[c])
			return tr.Count[c]
		}
		if len(tr.Left) > 0 {
			fill(0)
		}
		trees[k] = tr
	}
	c, err := tree.New(e.Header(), trees)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRowAndBatchAgree(t *testing.T) {
	e, f := deep(t, 60)
	x := explainer(t, e)
	width := len(e.Features())
	all := make([]float64, f.Rows()*width)
	base, err := x.Explain(f, all)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]float64, width)
	for i := range f.Rows() {
		b, err := x.Explain(f.Take([]int{i}), one)
		if err != nil || b != base {
			t.Fatalf("row %d alone: base %v, error %v", i, b, err)
		}
		for j, v := range one {
			if math.Float64bits(v) != math.Float64bits(all[i*width+j]) {
				t.Fatalf("row %d feature %d: %v alone, %v in the batch", i, j, v, all[i*width+j])
			}
		}
	}
}

func TestThreadsChangeNothing(t *testing.T) {
	e, f := deep(t, 60)
	width := len(e.Features())
	index := make([]int, 2*blockRows+7)
	for i := range index {
		index[i] = i * i % f.Rows()
	}
	many := f.Take(index)
	one, four := make([]float64, len(index)*width), make([]float64, len(index)*width)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if _, err := explainer(t, e).Explain(many, one); err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(4)
	x := explainer(t, e)
	var wait sync.WaitGroup
	for range 3 { // and callers do not disturb each other
		wait.Go(func() {
			if _, err := x.Explain(f, make([]float64, f.Rows()*width)); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := x.Explain(many, four); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	for k := range one {
		if math.Float64bits(one[k]) != math.Float64bits(four[k]) {
			t.Fatalf("row %d feature %d: %v on one thread, %v on four", k/width, k%width, one[k], four[k])
		}
	}
}

// A frame whose codes lie outside its levels is a programmer's mistake; the
// panic must reach the caller, who may recover, and not end the process.
func TestPanicReachesTheCaller(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	share(100, func() func(int) {
		return func(k int) {
			if k == 50 {
				panic("a code without a level")
			}
		}
	})
}

func TestUnusedFeatureContributesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := randomEnsemble(t, 4, 8)
		used := make([]bool, 4)
		for k := range e.Len() {
			for _, f := range e.Tree(k).Feature {
				used[f] = true
			}
		}
		got := make([]float64, 4)
		explainer(t, e).ExplainRow(drawRow(t, 4), got)
		for j, v := range got {
			if !used[j] && v != 0 {
				t.Fatalf("feature %d is never asked for and contributes %v", j, v)
			}
		}
	})
}

func TestRefuses(t *testing.T) {
	bare := tree.Tree{
		Feature: []int32{0}, Threshold: []float64{0}, Decision: []tree.Decision{0}, Left: []int32{-1}, Right: []int32{-2},
		Codes: make([][]uint32, 1), Gain: make([]float64, 1), Value: make([]float64, 1), Weight: make([]float64, 1),
		Count: make([]int64, 1), LeafValue: []float64{1, 2}, LeafWeight: make([]float64, 2), LeafCount: make([]int64, 2),
	}
	e, err := tree.New(tree.Header{Features: []tree.Feature{{Name: "x", Info: "none"}}}, []tree.Tree{bare})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(e); !errors.Is(err, ErrCover) {
		t.Errorf("without counts: got %v, want ErrCover", err)
	}
	// Where nothing is averaged out, no counts are needed.
	other, err := NewInterventional(e, numbers([]string{"x"}, [][]float64{{1}}))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, 1)
	if base := other.ExplainRow([]float64{-1}, out); base != 2 || out[0] != -1 {
		t.Errorf("base %v and contribution %v, want 2 and -1", base, out[0])
	}
	good, f := deep(t, 40)
	if _, err := newPaths(good, true, 1000); !errors.Is(err, ErrSize) {
		t.Errorf("more features than the bound: got %v, want ErrSize", err)
	}
	x := explainer(t, good)
	if _, err := x.Explain(f, nil); err == nil {
		t.Error("an answer of no values was accepted")
	}
	if _, err := x.Interact(f, nil); err == nil {
		t.Error("interactions of no values were accepted")
	}
	if _, err := x.Explain(numbers([]string{"z"}, [][]float64{{1}}), make([]float64, 24)); err == nil {
		t.Error("a frame without the features was accepted")
	}
}

func TestGaussIsExact(t *testing.T) {
	for n := 1; n <= 200; n++ {
		points, weights := gauss(n)
		// ∫₀¹ tᵈ dt = 1 ÷ (d+1), for the lowest and the highest degree that n points take.
		for _, degree := range []int{0, 1, n, 2*n - 1} {
			if degree > 2*n-1 {
				continue
			}
			sum := 0.0
			for q, t := range points {
				sum += weights[q] * math.Pow(t, float64(degree))
			}
			if want := 1 / float64(degree+1); math.Abs(sum-want) > 1e-13 {
				t.Fatalf("%d points, degree %d: %v, want %v", n, degree, sum, want)
			}
		}
	}
}
