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
	}
	Out struct {
		Raw     []float64
		Contrib [][]float64 `json:"pred_contrib"`
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
			x := explainer(t, e)
			rows := make([][]float64, len(ref.In.Rows))
			for i, r := range ref.In.Rows {
				for _, v := range r {
					value := math.NaN()
					if v != nil {
						value = *v
					}
					rows[i] = append(rows[i], value)
				}
			}
			width := len(ref.In.Features)
			out := make([]float64, len(rows)*width)
			base, err := x.Explain(numbers(ref.In.Features, rows), out)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range ref.Out.Contrib {
				got := append(append([]float64{}, out[i*width:(i+1)*width]...), base)
				for j := range want {
					if d := math.Abs(got[j] - want[j]); !(d <= 1e-12) {
						t.Errorf("row %d feature %d: %v, LightGBM says %v", i, j, got[j], want[j])
					}
				}
			}
		})
	}
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

// brute is the definition: φᵢ = Σ_S |S|!(n−|S|−1)!/n! · (v(S∪i) − v(S)), where v
// averages out by training rows every feature that is not in S.
func brute(e *tree.Ensemble, row []float64) (values []float64, base float64) {
	n := len(row)
	game := make([]float64, 1<<n)
	for set := range game {
		for k := range e.Len() {
			t := e.Tree(k)
			var walk func(c int32) float64
			walk = func(c int32) float64 {
				if c < 0 {
					return t.LeafValue[^c]
				}
				if set>>t.Feature[c]&1 != 0 {
					if t.GoesLeft(int(c), row[t.Feature[c]]) {
						return walk(t.Left[c])
					}
					return walk(t.Right[c])
				}
				l, r := float64(cover(&t, t.Left[c])), float64(cover(&t, t.Right[c]))
				all := float64(t.Count[c])
				return l/all*walk(t.Left[c]) + r/all*walk(t.Right[c])
			}
			root := int32(0)
			if len(t.Left) == 0 {
				root = ^0
			}
			game[set] += walk(root)
		}
	}
	factorial := func(k int) float64 { return math.Gamma(float64(k) + 1) }
	values = make([]float64, n)
	for i := range values {
		for set := range game {
			if set>>i&1 == 0 {
				s := bits.OnesCount(uint(set))
				values[i] += factorial(s) * factorial(n-s-1) / factorial(n) * (game[set|1<<i] - game[set])
			}
		}
	}
	return values, game[0]
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
			d, set := tree.CategoricalDecision, []uint32{rapid.Uint32().Draw(t, "codes")}
			if !h.Features[f].Category {
				d, set = tree.NumericDecision(tree.Missing(rapid.IntRange(0, 2).Draw(t, "missing")), rapid.Bool().Draw(t, "left")), nil
			}
			tr.Feature = append(tr.Feature, int32(f))
			tr.Threshold = append(tr.Threshold, float64(rapid.IntRange(-2, 2).Draw(t, "threshold")))
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
		row[j] = rapid.SampledFrom([]float64{-3, -2, -1, 0, 1, 2, 3, 17, math.NaN()}).Draw(t, "x")
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
		row, got := drawRow(t, features), make([]float64, features)
		want, wantBase := brute(e, row)
		// Counts that do not sum up can make shares far above 1; the scale grows with them.
		scale := 1 + math.Abs(wantBase)
		for _, v := range want {
			scale = max(scale, math.Abs(v))
		}
		for _, limit := range []int{0, 3000, 1 << 30} {
			base := bounded(t, e, limit).ExplainRow(row, got)
			if !(math.Abs(base-wantBase) <= 1e-11*scale) {
				t.Fatalf("base %v, by definition %v", base, wantBase)
			}
			for j := range want {
				if !(math.Abs(got[j]-want[j]) <= 1e-9*scale) {
					t.Fatalf("tables of %d bytes: feature %d: %v, by definition %v (row %v)", limit, j, got[j], want[j], row)
				}
			}
		}
	})
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
		size := 0
		for i := range x.pieces {
			if table := x.tables.of[i].Load(); table != nil {
				size += 8 * len(*table)
			}
		}
		if size > limit {
			t.Fatalf("tables of %d bytes, the limit is %d", size, limit)
		}
		rows := make([][]float64, rapid.IntRange(1, 9).Draw(t, "rows"))
		names := make([]string, features)
		for j := range names {
			names[j] = fmt.Sprintf("x%d", j)
		}
		for i := range rows {
			rows[i] = drawRow(t, features)
		}
		all, one := make([]float64, len(rows)*features), make([]float64, features)
		if _, err := x.Explain(numbers(names, rows), all); err != nil {
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
	names := make([]string, width)
	for j := range names {
		names[j] = fmt.Sprintf("x%d", j)
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
	f := numbers(names, data)
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
	good, f := deep(t, 40)
	x := explainer(t, good)
	if _, err := x.Explain(f, nil); err == nil {
		t.Error("an answer of no values was accepted")
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

func BenchmarkExplain(b *testing.B) {
	e, f := deep(b, 800)
	x := explainer(b, e)
	out := make([]float64, f.Rows()*len(e.Features()))
	for b.Loop() {
		if _, err := x.Explain(f, out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(f.Rows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
