package metrics

import (
	"fmt"
	"math"
	"sort"
)

// contactedRows is ceil(fraction·n): the top decile of 25 rows is 3 rows. The
// small subtraction keeps 0.1·30 at 3.
func contactedRows(n int, fraction float64) int {
	return max(1, int(math.Ceil(fraction*float64(n)-1e-9)))
}

// cumulative returns the expected number of positives among the first k rows
// for k = 0 … n, ties shared out.
func cumulative(y, score []float64) []float64 {
	caught := make([]float64, 1, len(y)+1)
	var before float64
	for group := range groups(score) {
		var p float64
		for _, i := range group {
			p += y[i]
		}
		for k := range group {
			caught = append(caught, before+p*float64(k+1)/float64(len(group)))
		}
		before += p
	}
	return caught
}

// Lift returns how much more frequent positives are among the first
// ceil(fraction·n) rows than in all, fraction in (0,1].
func Lift(y, score []float64, fraction float64) (float64, error) {
	if err := checkScored(y, score, nil); err != nil {
		return 0, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return 0, fmt.Errorf("%w: the fraction is %v, want above 0 and at most 1", ErrInput, fraction)
	}
	caught := cumulative(y, score)
	if caught[len(y)] == 0 {
		return 0, fmt.Errorf("%w: no positives", ErrOneClass)
	}
	k := contactedRows(len(y), fraction)
	return caught[k] / float64(k) / (caught[len(y)] / float64(len(y))), nil
}

// Gain is one step of the gains table.
type Gain struct {
	// Rows is how many rows the step holds, Positives how many of them are
	// positive (a fraction where ties were shared out).
	Rows      int
	Positives float64
	// Rate is Positives ÷ Rows, Lift that rate ÷ the overall rate.
	Rate, Lift float64
	// CumulativeRows, CumulativeGain (share of all positives) and
	// CumulativeLift hold this step and those above it.
	CumulativeRows int
	CumulativeGain float64
	CumulativeLift float64
}

// Gains returns the gains table in bins steps, the highest scores first; step j
// ends at row ceil(n·j/bins). bins is 1 … n.
func Gains(y, score []float64, bins int) ([]Gain, error) {
	if err := checkScored(y, score, nil); err != nil {
		return nil, err
	}
	n := len(y)
	if bins < 1 || bins > n {
		return nil, fmt.Errorf("%w: %d bins for %d rows", ErrInput, bins, n)
	}
	caught := cumulative(y, score)
	total := caught[n]
	if total == 0 {
		return nil, fmt.Errorf("%w: no positives", ErrOneClass)
	}
	table := make([]Gain, bins)
	from := 0
	for j := range table {
		to := (n*(j+1) + bins - 1) / bins
		g := Gain{Rows: to - from, Positives: caught[to] - caught[from], CumulativeRows: to, CumulativeGain: caught[to] / total}
		if g.Rows > 0 {
			g.Rate = g.Positives / float64(g.Rows)
		}
		g.Lift = g.Rate / (total / float64(n))
		g.CumulativeLift = g.CumulativeGain * float64(n) / float64(to)
		table[j], from = g, to
	}
	return table, nil
}

// Contact is what a threshold does.
type Contact struct {
	// Threshold is the lowest score that is contacted.
	Threshold float64
	// Contacted is the number of rows at or above it, Caught the positives among
	// them, Bothered the others.
	Contacted, Caught, Bothered int
	// Reached is Contacted ÷ all rows, Recall Caught ÷ all positives (0 without
	// positives), Precision Caught ÷ Contacted (0 without contacts).
	Reached, Recall, Precision float64
}

// Contacts tells for each threshold who would be contacted, in the order given.
func Contacts(y, score, thresholds []float64) ([]Contact, error) {
	if err := checkScored(y, score, nil); err != nil {
		return nil, err
	}
	if err := checkFinite("threshold", len(thresholds), thresholds); err != nil {
		return nil, err
	}
	order := descending(score)
	caught := make([]int, len(order)+1) // positives among the first k rows
	for k, i := range order {
		caught[k+1] = caught[k] + int(y[i])
	}
	positives := caught[len(order)]
	all := make([]Contact, len(thresholds))
	for k, t := range thresholds {
		n := sort.Search(len(order), func(j int) bool { return score[order[j]] < t })
		c := Contact{Threshold: t, Contacted: n, Caught: caught[n], Bothered: n - caught[n], Reached: float64(n) / float64(len(y))}
		if positives > 0 {
			c.Recall = float64(c.Caught) / float64(positives)
		}
		if c.Contacted > 0 {
			c.Precision = float64(c.Caught) / float64(c.Contacted)
		}
		all[k] = c
	}
	return all, nil
}
