package tree

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fealty/features/frame"
)

// grownFrame draws rows of heavy-tailed numbers; every seventh column lacks a fifth.
func grownFrame(rows, features int, r *rand.Rand) *frame.Frame {
	f := &frame.Frame{Accounts: make([]frame.AccountID, rows), Cutoffs: make([]frame.Cutoff, rows)}
	for j := range features {
		c := frame.Column{Meta: frame.Meta{Name: fmt.Sprintf("x%d", j)}, Kind: frame.Number, Numbers: make([]float64, rows)}
		for i := range rows {
			c.Numbers[i] = float64(float32(math.Exp(r.NormFloat64())))
			if j%7 == 0 && r.IntN(5) == 0 {
				c.Numbers[i] = math.NaN()
			}
		}
		f.Columns = append(f.Columns, c)
	}
	return f
}

// grow draws trees as a leaf-wise learner with 255 bins leaves them: the largest
// leaf of a few is split between two of a feature's 254 quantiles that its rows
// straddle. Counts and weights are those of the frame's rows.
func grow(f *frame.Frame, trees, leaves int, r *rand.Rand) *Ensemble {
	h := Header{Objective: "binary sigmoid:1"}
	grids := make([][]float64, len(f.Columns))
	for j, c := range f.Columns {
		h.Features = append(h.Features, Feature{Name: c.Name, Info: "none"})
		sorted := slices.DeleteFunc(slices.Sorted(slices.Values(c.Numbers)), func(v float64) bool { return v != v })
		for q := range 254 {
			grids[j] = append(grids[j], sorted[(q+1)*(len(sorted)-1)/255])
		}
	}
	all := make([]Tree, trees)
	for k := range all {
		t := &all[k]
		t.Shrinkage = 0.1
		type place struct {
			rows   []int32
			parent int // 2n for the left side of node n, 2n+1 for its right one; −1 for the root
		}
		root := make([]int32, f.Rows())
		for i := range root {
			root[i] = int32(i)
		}
		open := []place{{root, -1}}
		for tries := 0; len(open) < leaves && tries < 100*leaves; tries++ {
			at := r.IntN(len(open))
			if other := r.IntN(len(open)); len(open[other].rows) > len(open[at].rows) {
				at = other
			}
			p, j := open[at], r.IntN(len(f.Columns))
			limit, way := grids[j][r.IntN(len(grids[j]))], NumericDecision(MissingNaN, r.IntN(2) == 0)
			n := len(t.Left)
			t.Feature = append(t.Feature, int32(j))
			t.Threshold, t.Decision, t.Codes = append(t.Threshold, limit), append(t.Decision, way), append(t.Codes, nil)
			var left, right []int32
			for _, i := range p.rows {
				if t.GoesLeft(n, f.Columns[j].Numbers[i]) {
					left = append(left, i)
				} else {
					right = append(right, i)
				}
			}
			if min(len(left), len(right)) < min(20, f.Rows()/leaves/4) {
				t.Feature, t.Threshold, t.Decision, t.Codes = t.Feature[:n], t.Threshold[:n], t.Decision[:n], t.Codes[:n]
				continue
			}
			t.Left, t.Right = append(t.Left, 0), append(t.Right, 0)
			t.Count, t.Weight = append(t.Count, int64(len(p.rows))), append(t.Weight, float64(len(p.rows))/4)
			t.Gain, t.Value = append(t.Gain, 1), append(t.Value, 0)
			if p.parent >= 0 {
				[][]int32{t.Left, t.Right}[p.parent%2][p.parent/2] = int32(n)
			}
			open[at] = place{left, 2 * n}
			open = append(open, place{right, 2*n + 1})
		}
		for i, p := range open {
			if p.parent >= 0 {
				[][]int32{t.Left, t.Right}[p.parent%2][p.parent/2] = ^int32(i)
			}
			t.LeafValue = append(t.LeafValue, r.NormFloat64())
			t.LeafCount, t.LeafWeight = append(t.LeafCount, int64(len(p.rows))), append(t.LeafWeight, float64(len(p.rows))/4)
		}
	}
	e, err := New(h, all)
	if err != nil {
		panic(err)
	}
	return e
}

// BenchmarkPredict predicts 40 features in a batch; one operation is one batch.
func BenchmarkPredict(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows = 8192
	f := grownFrame(rows, 40, r)
	for _, shape := range []struct{ trees, leaves int }{{100, 31}, {300, 31}, {100, 255}} {
		e := grow(f, shape.trees, shape.leaves, r)
		name := fmt.Sprintf("trees=%d/leaves=%d", shape.trees, shape.leaves)
		out := make([]float64, rows)
		b.Run(name+"/walk", func(b *testing.B) {
			bound, err := e.Bind(f)
			if err != nil {
				b.Fatal(err)
			}
			row := make([]float64, 40)
			for b.Loop() {
				for i := range out {
					bound.Row(i, row)
					out[i] = plain(e, row)
				}
			}
			perRow(b, rows)
		})
		for _, form := range slices.Sorted(maps.Keys(forms)) {
			k := forms[form]
			b.Run(name+"/"+form, func(b *testing.B) {
				bound, err := e.Bind(f)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					e.predict(bound, out, 0, rows/blockRows, &k)
				}
				perRow(b, rows)
			})
		}
	}
}

func perRow(b *testing.B, rows int) {
	b.Helper()
	b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkMargin predicts one row at a time.
func BenchmarkMargin(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	f := grownFrame(4096, 40, r)
	for _, trees := range []int{100, 300} {
		e := grow(f, trees, 31, r)
		bound, err := e.Bind(f)
		if err != nil {
			b.Fatal(err)
		}
		flat := make([]float64, f.Rows()*40)
		for i := range f.Rows() {
			bound.Row(i, flat[i*40:])
		}
		b.Run(fmt.Sprintf("trees=%d/leaves=31", trees), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % f.Rows() * 40
				e.Margin(flat[at : at+40])
			}
		})
	}
}
