package loyalty

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Effect is what new settings do to one account.
type Effect struct {
	Old, New Answer
	// Shift is, by indicator, the change of the points that it adds.
	Shift [Indicators]float64
}

// Crossing counts the accounts that a threshold parts.
type Crossing struct {
	Threshold float64
	// Up rose to or above it, Down fell below it.
	Up, Down int
}

// Preview is what new settings do before they are saved.
type Preview struct {
	// Account is nil when no row was asked for.
	Account *Effect
	// OldDeciles and NewDeciles are the 0, 10 … 100 % quantiles of the scores; nil
	// without any score.
	OldDeciles, NewDeciles []float64
	// MeanChange is the mean of new − old over the accounts with both, NaN without any;
	// Gained and Lost count those that have a score only with one.
	MeanChange         float64
	Changed            int
	Gained, Lost       int
	Crossings          []Crossing
	RankCorrelation    Correlation
	AbsentCaps         []string
	OldScore, NewScore []float64
	// OldAbove and NewAbove are the means of the accounts above the rows, as
	// Scores.Above.
	OldAbove, NewAbove []Mean
}

// PreviewSettings scores the batch by old and by new settings. row is the account
// to show indicator by indicator, −1 for none; thresholds are scores, such as the
// bounds of a campaign. The indicators are measured once: settings only weigh.
func PreviewSettings(ctx context.Context, in Input, old, proposed Settings, row int, thresholds []float64) (*Preview, error) {
	if row < -1 || (in.Frame != nil && row >= in.rows()) {
		return nil, fmt.Errorf("loyalty: there is no row %d to preview; give −1 or a row of the frame", row)
	}
	if err := proposed.Validate(); err != nil {
		return nil, err
	}
	before, err := Evaluate(ctx, in, old)
	if err != nil {
		return nil, err
	}
	after, err := before.weighed(ctx, proposed)
	if err != nil {
		return nil, err
	}
	p := &Preview{
		OldDeciles: deciles(before.Score), NewDeciles: deciles(after.Score), RankCorrelation: Spearman(before.Score, after.Score),
		AbsentCaps: after.AbsentCaps(), OldScore: before.Score, NewScore: after.Score, OldAbove: before.Above, NewAbove: after.Above,
	}
	p.compare(before.Score, after.Score, thresholds)
	if row >= 0 {
		e := Effect{Old: before.Explain(row), New: after.Explain(row)}
		for k := range e.Shift {
			e.Shift[k] = e.New.Parts[k].Points - e.Old.Parts[k].Points
		}
		p.Account = &e
	}
	return p, nil
}

func (p *Preview) compare(old, proposed, thresholds []float64) {
	var sum, both float64
	for _, t := range thresholds {
		p.Crossings = append(p.Crossings, Crossing{Threshold: t})
	}
	for i, was := range old {
		is := proposed[i]
		switch {
		case math.IsNaN(was) && math.IsNaN(is):
			continue
		case math.IsNaN(was):
			p.Gained++
			continue
		case math.IsNaN(is):
			p.Lost++
			continue
		}
		sum += is - was
		both++
		if is != was {
			p.Changed++
		}
		for k := range p.Crossings {
			c := &p.Crossings[k]
			switch {
			case was < c.Threshold && is >= c.Threshold:
				c.Up++
			case was >= c.Threshold && is < c.Threshold:
				c.Down++
			}
		}
	}
	p.MeanChange = ratio(sum, both)
}

func deciles(values []float64) []float64 {
	sorted := present(values)
	if len(sorted) == 0 {
		return nil
	}
	slices.Sort(sorted)
	out := make([]float64, 11)
	for k := range out {
		out[k] = quantile(sorted, float64(k)/10)
	}
	return out
}
