package modeltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"fealty/features/frame"
)

// data is a training set.
type data struct {
	frame      *frame.Frame
	y, weights []float64
}

func number(name string, values []float64) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values}
}

func newFrame(rows int, columns ...frame.Column) *frame.Frame {
	f := &frame.Frame{Accounts: make([]frame.AccountID, rows), Cutoffs: make([]frame.Cutoff, rows)}
	for i := range rows {
		f.Accounts[i] = frame.AccountID("a" + strconv.Itoa(i))
	}
	f.Columns = columns
	return f
}

// town draws rows of a known truth: recency with a heavy tail, spend with a
// tenth missing, a trend, a count with few values and many zeros, noise, and a
// sector of three levels.
func town(rows int, seed uint64, categories bool) data {
	r := rand.New(rand.NewPCG(seed, 99)) // test rows, not secrets
	recency, spend, trend, orders, noise := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	sector := frame.Column{Meta: frame.Meta{Name: "sector"}, Kind: frame.Category, Levels: []string{"retail", "office", "school"}, Codes: make([]int32, rows)}
	d := data{y: make([]float64, rows)}
	for i := range rows {
		recency[i] = math.Floor(30 * r.ExpFloat64())
		spend[i] = math.Exp(4 + r.NormFloat64())
		trend[i] = r.NormFloat64()
		orders[i] = math.Floor(r.ExpFloat64() * 0.9)
		noise[i] = r.Float64()
		sector.Codes[i] = int32(i % 3) // 0, 1 or 2
		margin := -0.6 + 1.2*(math.Log1p(recency[i])-3) - 0.8*trend[i] - 0.5*orders[i]
		if categories && sector.Codes[i] == 1 {
			margin++
		}
		if r.Float64() < 0.1 {
			spend[i] = math.NaN()
			margin += 0.7
		} else {
			margin -= 0.4 * (math.Log(spend[i]) - 4)
		}
		if r.Float64() < 1/(1+math.Exp(-margin)) {
			d.y[i] = 1
		}
	}
	d.frame = newFrame(rows, number("recency_days", recency), number("spend", spend), number("trend", trend), number("orders", orders), number("noise", noise))
	if categories {
		d.frame.Columns = append(d.frame.Columns, sector)
	}
	return d
}

// take returns the rows at index, weights included.
func (d data) take(index []int) data {
	t := data{frame: d.frame.Take(index)}
	for _, i := range index {
		t.y = append(t.y, d.y[i])
		if d.weights != nil {
			t.weights = append(t.weights, d.weights[i])
		}
	}
	return t
}

// with returns the same rows with other columns.
func (d data) with(columns ...frame.Column) data {
	d.frame = newFrame(d.frame.Rows(), columns...)
	return d
}

// number returns a copy of the values of a number column.
func (d data) number(name string) []float64 { return slices.Clone(d.frame.Column(name).Numbers) }

// replaced returns the frame with one column's values changed.
func replaced(f *frame.Frame, name string, change func(i int, v float64) float64) *frame.Frame {
	g := newFrame(f.Rows(), slices.Clone(f.Columns)...)
	c := g.Column(name)
	c.Numbers = slices.Clone(c.Numbers)
	for i, v := range c.Numbers {
		c.Numbers[i] = change(i, v)
	}
	return g
}

func share(y []float64) float64 {
	var sum float64
	for _, v := range y {
		sum += v
	}
	return sum / float64(len(y))
}

func repeat(n int, v float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = v
	}
	return all
}

func counting(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
