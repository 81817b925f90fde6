package loyalty

import (
	"fmt"
	"math"

	"fealty/model/score"
)

// RFMSettings are the cut points of recency, frequency and monetary value. k cut
// points make k + 1 grades, 1 the poorest.
type RFMSettings struct {
	// RecencyDays rise: below the first is the best grade.
	RecencyDays []float64 `yaml:"recency_days"`
	// BuyingDays of the last 365 rise: below the first is grade 1.
	BuyingDays []float64 `yaml:"buying_days"`
	// Spend of the last 365 days rises: below the first is grade 1. Empty means the
	// 20, 40, 60 and 80 % quantiles of the Scale.
	Spend []float64 `yaml:"spend"`
}

func defaultRFM() RFMSettings {
	return RFMSettings{RecencyDays: []float64{30, 60, 120, 240}, BuyingDays: []float64{2, 4, 8, 16}}
}

// maxGrades keeps a cell three digits.
const maxGrades = 9

func (r RFMSettings) validate() error {
	for _, cuts := range []struct {
		name   string
		values []float64
	}{{"recency_days", r.RecencyDays}, {"buying_days", r.BuyingDays}, {"spend", r.Spend}} {
		if !rising(cuts.values) || len(cuts.values) >= maxGrades {
			return fmt.Errorf("rfm: the cut points of %s are %v; give at most %d that rise", cuts.name, cuts.values, maxGrades-1)
		}
	}
	return nil
}

// Cell is an account's grades, 1 the poorest; all 0 when one of the three is not known.
type Cell struct{ Recency, Frequency, Monetary int8 }

// RFM grades every row by recency_days, buying_days_365d and spend_365d. Without
// cut points for spend it needs a Scale that knows spend_365d.
func RFM(in Input, settings RFMSettings) ([]Cell, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := settings.validate(); err != nil {
		return nil, err
	}
	spend := settings.Spend
	if len(spend) == 0 {
		for _, p := range []float64{.2, .4, .6, .8} {
			spend = append(spend, in.Scale.Quantile("spend_365d", p))
		}
		if math.IsNaN(spend[0]) {
			return nil, fmt.Errorf("rfm: no cut points of spend and no stored quantiles of spend_365d; give rfm.spend or a scale")
		}
	}
	cols := in.columns()
	recency, days, money := cols.of("recency_days"), cols.of("buying_days_365d"), cols.of("spend_365d")
	cells := make([]Cell, in.rows())
	for i := range cells {
		r, f, m := at(recency, i), at(days, i), at(money, i)
		if math.IsNaN(r) || math.IsNaN(f) || math.IsNaN(m) {
			continue
		}
		best := int8(len(settings.RecencyDays) + 1) //nolint:gosec // validate bounds the cut points
		cells[i] = Cell{best + 1 - grade(settings.RecencyDays, r), grade(settings.BuyingDays, f), grade(spend, m)}
	}
	return cells, nil
}

// grade is 1 + the number of cut points at or below v.
func grade(cuts []float64, v float64) int8 {
	g := int8(1)
	for _, cut := range cuts {
		if v >= cut {
			g++
		}
	}
	return g
}

// String writes the cell: "5-4-2"; "" when it is not known.
func (c Cell) String() string {
	if c.Recency == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d-%d", c.Recency, c.Frequency, c.Monetary)
}

// Sentence says the cell in words.
func (c Cell) Sentence(lang score.Language) string {
	if c.Recency == 0 {
		return Words{"RFM: not known", "RFM：未知"}.In(lang)
	}
	return fmt.Sprintf(Words{"Grades (1 is the poorest): recency %d, frequency %d, monetary value %d", "等级（1为最低）：近度%d，频度%d，金额%d"}.In(lang),
		c.Recency, c.Frequency, c.Monetary)
}
