package tree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fealty/features/frame"
)

// mixed draws an ensemble of every kind of decision over a frame of numbers
// (with gaps, zeros, signs, infinities) and categories, and the frame.
func mixed(r *rand.Rand, rows, features, trees, leaves int) (*Ensemble, *frame.Frame) {
	f := &frame.Frame{Accounts: make([]frame.AccountID, rows), Cutoffs: make([]frame.Cutoff, rows)}
	h := Header{Objective: "regression"}
	odd := []float64{math.NaN(), 0, math.Copysign(0, -1), 1e-36, -ZeroThreshold, math.Inf(1), math.Inf(-1), 5e-324, math.MaxFloat64}
	levels := make([]string, 2100)
	for i := range levels {
		levels[i] = fmt.Sprint("level ", i)
	}
	for j := range features {
		c := frame.Column{Meta: frame.Meta{Name: fmt.Sprintf("x%d", j)}}
		if j%4 == 3 {
			c.Kind, c.Levels, c.Codes = frame.Category, levels, make([]int32, rows)
			for i := range c.Codes {
				c.Codes[i] = int32(r.IntN([]int{50, 300, len(levels)}[j/4%3]+1)) - 1
			}
		} else {
			c.Kind, c.Numbers = frame.Number, make([]float64, rows)
			for i := range c.Numbers {
				c.Numbers[i] = math.Round(300*r.NormFloat64()) / 64
				if r.IntN(6) == 0 {
					c.Numbers[i] = odd[r.IntN(len(odd))]
				}
			}
		}
		f.Columns = append(f.Columns, c)
		h.Features = append(h.Features, Feature{Name: c.Name, Info: "none", Category: c.Kind == frame.Category})
	}
	all := make([]Tree, trees)
	for k := range all {
		t := &all[k]
		n, simple := 1+r.IntN(leaves), r.IntN(4) > 0 // simple trees stand four in a row now and then
		where := []*int32{new(int32)}
		t.Left, t.Right = make([]int32, n-1), make([]int32, n-1)
		for node := range n - 1 {
			j, missing := r.IntN(features), Missing(r.IntN(3))
			if simple {
				j, missing = j/4*4, Missing(2*r.IntN(2))
			}
			d, codes := NumericDecision(missing, r.IntN(2) == 0), []uint32(nil)
			if h.Features[j].Category {
				d, codes = []Decision{CategoricalDecision, CategoricalMissingLeft}[r.IntN(2)], make([]uint32, 1+r.IntN([]int{2, 10, 70}[r.IntN(3)]))
				for w := range codes {
					codes[w] = r.Uint32()
				}
				if r.IntN(40) == 0 {
					codes = make([]uint32, maxBatchCodes/32+1)
					codes[0] = r.Uint32()
				}
			}
			t.Feature, t.Decision, t.Codes = append(t.Feature, int32(j)), append(t.Decision, d), append(t.Codes, codes)
			limit := math.Round(300*r.NormFloat64()) / 64
			if r.IntN(50) == 0 {
				limit = math.Inf(1 - 2*r.IntN(2))
			}
			t.Threshold = append(t.Threshold, limit)
			at := r.IntN(len(where))
			*where[at] = int32(node)
			where[at] = &t.Left[node]
			where = append(where, &t.Right[node])
		}
		for leaf, to := range where {
			*to = ^int32(leaf)
			t.LeafValue = append(t.LeafValue, r.NormFloat64())
		}
		t.Gain, t.Value, t.Weight, t.Count = make([]float64, n-1), make([]float64, n-1), make([]float64, n-1), make([]int64, n-1)
		t.LeafWeight, t.LeafCount, t.Shrinkage = make([]float64, n), make([]int64, n), 1
	}
	e, err := New(h, all)
	if err != nil {
		panic(err)
	}
	return e, f
}

// plain is the walk that every faster form must equal.
func plain(e *Ensemble, row []float64) float64 {
	sum := 0.0
	for k := range e.Len() {
		t := e.Tree(k)
		sum += t.LeafValue[t.Leaf(row)]
	}
	return sum
}

// All forms of prediction equal the plain walk to the bit, whatever the shape of
// the trees, the number of rows and of goroutines.
func TestEveryFormEqualsTheWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ rows, features, trees, leaves int }{
		{1, 3, 2, 4}, {39, 4, 3, 2}, {40, 5, 9, 40}, {7, 3, 9, 8}, {8, 4, 5, 20}, {14, 4, 5, 20}, {63, 2, 5, 31}, {64, 9, 10, 32}, {65, 5, 4, 33}, {511, 4, 6, 64}, {512, 7, 12, 100},
		{513, 6, 20, 256}, {1000, 2, 30, 300}, {1030, 8, 40, 31}, {700, 3, 200, 31}, {600, 1, 9, 9}, {530, 40, 20, 31}, {1100, 12, 60, 60},
	} {
		e, f := mixed(r, c.rows, c.features, c.trees, c.leaves)
		rows, err := e.Bind(f)
		if err != nil {
			t.Fatal(err)
		}
		want, row := make([]float64, c.rows), make([]float64, c.features)
		for i := range want {
			rows.Row(i, row)
			want[i] = plain(e, row)
			if got := e.Margin(row); math.Float64bits(got) != math.Float64bits(want[i]) {
				t.Fatalf("%v: row %d is %v alone, the walk says %v", c, i, got, want[i])
			}
		}
		got := make([]float64, c.rows)
		for name, form := range forms {
			e.predict(rows, got, 0, (c.rows+blockRows-1)/blockRows, &form)
			for i := range want {
				if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
					t.Fatalf("%v, %s: row %d is %v, the walk says %v", c, name, i, got[i], want[i])
				}
			}
		}
	}
}

func TestGoroutinesChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n = 3*parallelRows + 77
	e, f := mixed(r, n, 6, 3, 31)
	rows, err := e.Bind(f)
	if err != nil {
		t.Fatal(err)
	}
	one, all := make([]float64, n), make([]float64, n)
	e.predict(rows, one, 0, (n+blockRows-1)/blockRows, &kernelsOfCPU)
	if err := e.Predict(f, all); err != nil {
		t.Fatal(err)
	}
	for i := range one {
		if math.Float64bits(one[i]) != math.Float64bits(all[i]) {
			t.Fatalf("row %d is %v alone, %v together", i, one[i], all[i])
		}
	}
}
