package loyalty

import (
	"math"
	"time"

	"fealty/features/frame"
	"fealty/model"
)

// Part is one indicator's part in an account's score.
type Part struct {
	Indicator Indicator
	// Value is 0 … 100, NaN when not measurable; Why then says why.
	Value float64
	Why   Why
	// Asked are the points of the weights, Used the points after what is missing
	// gave its share to the others: used points sum to 100 over what is measured.
	Asked, Used float64
	// Points is what the indicator adds to the score before caps: Used × Value ÷ 100.
	Points float64
	// Figures are what the value was computed from, by column: the values of the terms
	// that count, and of the conditions that hold.
	Figures map[string]model.Figure
}

// Answer is the loyalty of one account, indicator by indicator.
type Answer struct {
	Account frame.AccountID
	// Score is what holds, Computed the account's own weighted mean; NaN with Why
	// TooLittle when not enough is measured.
	Score, Computed float64
	Why             Why
	// Basic and Additional are the same mean over one group only; NaN when none of
	// the group is measured.
	Basic, Additional float64
	// Profile names the weights: DefaultProfile, OnboardingProfile or a segment.
	Profile string
	// Measured is how many of the 100 asked points are measured.
	Measured float64
	Parts    []Part
	// Measure is the manual measure with its points, nil when there is none.
	Measure            *Manual
	MeasureAsked, Used float64
	// Cap is the exception that holds, nil for none; CapValue is the account's value
	// and CapUnit its unit, "" when not known.
	Cap      *Cap
	CapValue float64
	CapUnit  string
	// Children is how many scored children the score is the mean of, 0 when the
	// account's own.
	Children int
}

// Explain returns the whole answer for a row. It panics when there is no such row.
func (s *Scores) Explain(i int) Answer {
	a := s.answer(i)
	for k := range a.Parts {
		a.Parts[k].Figures = s.figures(k, i)
	}
	return a
}

// figures are what indicator k of row i was computed from, nil when it is not
// measurable.
func (s *Scores) figures(k, i int) map[string]model.Figure {
	if s.Why[k][i] != Measured {
		return nil
	}
	return s.bound[k].figures(i)
}

// answer is the answer without the figures, which cost more than all the rest.
func (s *Scores) answer(i int) Answer {
	p := s.profiles[s.profile[i]]
	a := Answer{
		Account: s.in.Frame.Accounts[i], Score: s.Score[i], Computed: s.Computed[i], Profile: p.name, Measured: s.Measured[i],
		Measure: s.measures[i], MeasureAsked: p.points[Indicators], Children: s.Children[i], CapValue: math.NaN(),
	}
	if math.IsNaN(a.Score) {
		a.Why = TooLittle
	}
	if c := s.Cap[i]; c != none {
		held := s.settings.Caps[c]
		a.Cap, a.CapValue = &held, at(s.in.columns().of(held.Column), i)
		if column := s.in.Frame.Column(held.Column); column != nil {
			a.CapUnit = column.Unit
		}
	}
	if a.Measure != nil {
		a.Used = share(a.MeasureAsked, a.Measured)
	}
	a.Parts = make([]Part, 0, Indicators)
	var group [2]struct{ sum, points float64 }
	for k := range definitions {
		part := Part{Indicator: Indicator(k), Value: s.Indicators[k][i], Why: s.Why[k][i], Asked: p.points[k]}
		if part.Why == Measured {
			part.Used = share(part.Asked, a.Measured)
			part.Points = part.Used * part.Value / 100
			g := &group[0]
			if !definitions[k].Basic {
				g = &group[1]
			}
			g.sum += part.Asked * part.Value
			g.points += part.Asked
		}
		a.Parts = append(a.Parts, part)
	}
	a.Basic, a.Additional = ratio(group[0].sum, group[0].points), ratio(group[1].sum, group[1].points)
	return a
}

// share returns points as a share of those measured, × 100; 0 when none is.
func share(points, measured float64) float64 {
	if measured == 0 {
		return 0
	}
	return 100 * points / measured
}

// ratio returns a ÷ b, NaN when b is not above 0 or either is missing.
func ratio(a, b float64) float64 {
	if !(b > 0) {
		return math.NaN()
	}
	return a / b
}

// instant writes Unix seconds as a date, UTC.
func instant(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateOnly) }
