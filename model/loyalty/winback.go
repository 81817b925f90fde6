package loyalty

import (
	"fmt"
	"math"
	"slices"

	"fealty/model/score"
)

// WinBack is an account already gone and what its return would be worth.
type WinBack struct {
	Row int
	// YearlyMargin is what it was worth per year while it bought: spend_total ÷ the
	// years from its first purchase to its last (ExtraBuyingLife, at least 90 days) ×
	// Rate, the margin per unit of revenue, which rests on RateBy (MarginOf): where that
	// is PartMarginRate, it is no margin of the account's own.
	YearlyMargin, Rate float64
	RateBy             PartCode
	// Probability that it buys again within the horizon, NaN when not known.
	Probability float64
	// Value = Probability × YearlyMargin × horizon ÷ 365, NaN without a probability.
	Value float64
}

// WinBacks lists the accounts that are gone, the most valuable first, those without
// a value after them by yearly margin. They belong in no other list: what is gone is
// not at risk.
func WinBacks(in Input, horizonDays float64, settings Settings) ([]WinBack, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if !(horizonDays > 0 && !math.IsInf(horizonDays, 1)) {
		return nil, fmt.Errorf("loyalty: a horizon of %v days; give more than 0", horizonDays)
	}
	cols := in.columns()
	spend, lived := cols.of("spend_total"), cols.of(ExtraBuyingLife)
	margin, ever, probability := cols.of("margin_share_365d"), cols.of(ExtraMarginEver), cols.of(ExtraReturnProbability)
	var list []WinBack
	for i, gone := range in.Gone {
		if !gone {
			continue
		}
		w := WinBack{Row: i, Probability: at(probability, i)}
		w.Rate, w.RateBy = MarginOf(at(margin, i), at(ever, i), settings.Value.MarginRate)
		w.YearlyMargin = at(spend, i) * 365 / max(90, at(lived, i)) * w.Rate
		w.Value = w.Probability * w.YearlyMargin * horizonDays / 365
		list = append(list, w)
	}
	slices.SortStableFunc(list, func(a, b WinBack) int {
		if c := descending(a.Value, b.Value); c != 0 {
			return c
		}
		return descending(a.YearlyMargin, b.YearlyMargin)
	})
	return list, nil
}

// descending compares for an order from large to small, NaN last.
func descending(a, b float64) int {
	switch {
	case a == b || (math.IsNaN(a) && math.IsNaN(b)):
		return 0
	case a > b || math.IsNaN(b):
		return -1
	}
	return 1
}

// Sentence says what a return would be worth, and what its margin rests on.
func (w WinBack) Sentence(lang score.Language) string {
	by := marginWords[w.RateBy]
	template := Words{
		"Already gone; worth {margin} a year while it bought, " + by.EN + "; {value} in the horizon at a probability of return of {probability}",
		"已流失；购买期间每年价值{margin}（" + by.ZH + "）；按回归概率{probability}，期内价值{value}",
	}
	if math.IsNaN(w.Value) {
		template = Words{
			"Already gone; worth {margin} a year while it bought, " + by.EN + "; the probability of return is not known",
			"已流失；购买期间每年价值{margin}（" + by.ZH + "）；回归概率未知",
		}
	}
	return say(template, Words{"Already gone", "已流失"},
		map[string]float64{"margin": w.YearlyMargin, "value": w.Value, "probability": w.Probability},
		map[string]string{"margin": "base currency", "value": "base currency", "probability": "share"}, lang)
}
