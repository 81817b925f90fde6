package loyalty

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"fealty/model/score"
)

// Why there is no worth of a point of retention, to be recognised with errors.Is.
var (
	ErrFewAccounts = errors.New("loyalty: the worth of retention takes 30 accounts with a margin and an outcome")
	ErrOneOutcome  = errors.New("loyalty: the worth of a point of retention needs some kept and some lost")
	ErrLoss        = errors.New("loyalty: a point of retention has no worth at a loss")
)

// Retention are the assumptions of the worth of one point of retention.
type Retention struct {
	// DiscountRate is the yearly rate at which later margin counts less, above 0.
	DiscountRate float64 `yaml:"discount_rate"`
	// Draws is the number of bootstrap samples, Seed their seed.
	Draws int    `yaml:"draws"`
	Seed  uint64 `yaml:"seed"`
}

func defaultRetention() Retention { return Retention{DiscountRate: .1, Draws: 1000, Seed: 1} }

func (r Retention) validate() error {
	if !(r.DiscountRate > 0 && r.DiscountRate <= 10) {
		return fmt.Errorf("retention: discount_rate is %v; give a yearly rate above 0, such as 0.1", r.DiscountRate)
	}
	if r.Draws < 100 || r.Draws > 100_000 {
		return fmt.Errorf("retention: %d draws; give 100 … 100000", r.Draws)
	}
	return nil
}

// The literature's range: keeping 5 % more of the customers raised profit by 25 to
// 85 % in the trades looked at (F. F. Reichheld and W. E. Sasser, Zero Defections:
// Quality Comes to Services, Harvard Business Review 68(5), 1990, 105–111).
const (
	LiteratureLow  = .25
	LiteratureHigh = .85
	// LiteraturePoints are the points of retention that the range is of.
	LiteraturePoints = 5
)

// Estimate is a number with a 95 % interval.
type Estimate struct{ Value, Low, High float64 }

// PointWorth is what one point of retention is worth.
type PointWorth struct {
	Accounts int
	// Days is the horizon that retention is of.
	Days float64
	// Retention is the share of accounts kept over one horizon.
	Retention Estimate
	// Point is the added value of all accounts when one in a hundred more is kept
	// over each horizon, base currency.
	Point Estimate
	// Five is the relative gain in value from five points more, beside the
	// literature's 0.25 … 0.85.
	Five Estimate
}

// maxBlocks bounds the units that are resampled: more accounts are summed in blocks
// of consecutive rows first, which changes nothing in what is estimated.
const maxBlocks = 10_000

// WorthOfRetention estimates the worth of one point of retention from what the
// user's own accounts did: margin is each account's yearly margin (of one that has
// bought for less than a year, what it would come to in one), kept 1 or 0 (whether it
// still bought in the days that followed); rows where either is NaN don't count. With r the share kept over the days, d the discount rate and m the mean
// margin of so many days, and N accounts, the value of the base is
//
//	V(r) = N · m · Σ_t (r ÷ (1 + d))^t = N · m · (1 + d) ÷ (1 + d − r),
//
// which takes an account that was not kept for lost: over a horizon shorter than the
// accounts' own gaps, those who only paused make the base look shorter-lived and a
// point cheaper than it is.
//
// Point = V(r + .01) − V(r) and Five = V(r + .05) ÷ V(r) − 1, r at most 1. The
// intervals are percentiles of a bootstrap over accounts with a fixed seed (Efron
// and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13). It refuses fewer
// than 30 accounts, nobody or everybody kept, and a mean margin that is not above 0.
func WorthOfRetention(margin, kept []float64, days float64, settings Retention) (*PointWorth, error) {
	if err := settings.validate(); err != nil {
		return nil, err
	}
	if len(margin) != len(kept) {
		return nil, fmt.Errorf("loyalty: %d margins for %d outcomes", len(margin), len(kept))
	}
	if !(days > 0 && !math.IsInf(days, 1)) {
		return nil, fmt.Errorf("loyalty: retention over %v days; give more than 0", days)
	}
	var counted []tally
	for i := range margin {
		if math.IsNaN(margin[i]) || math.IsNaN(kept[i]) {
			continue
		}
		if kept[i] != 0 && kept[i] != 1 {
			return nil, fmt.Errorf("loyalty: row %d was kept %v; give 1, 0 or NaN", i, kept[i])
		}
		if math.IsInf(margin[i], 0) {
			return nil, fmt.Errorf("loyalty: the margin of row %d is %v", i, margin[i])
		}
		counted = append(counted, tally{1, kept[i], margin[i]})
	}
	var all tally
	for _, t := range counted {
		all.add(t)
	}
	switch {
	case len(counted) < 30:
		return nil, fmt.Errorf("%w: there are %d", ErrFewAccounts, len(counted))
	case all.kept == 0 || all.kept == all.n:
		return nil, fmt.Errorf("%w: %v of %v accounts were kept", ErrOneOutcome, all.kept, all.n)
	case !(all.margin > 0):
		return nil, fmt.Errorf("%w: the margins sum to %v", ErrLoss, all.margin)
	}
	w := &PointWorth{Accounts: len(counted), Days: days}
	w.Retention.Value, w.Point.Value, w.Five.Value = all.worth(days, settings.DiscountRate, all.n)
	blocks := blocksOf(counted)
	draws := [3][]float64{}
	chance := rand.New(rand.NewPCG(settings.Seed, 0))
	for range settings.Draws {
		var drawn tally
		for range blocks {
			drawn.add(blocks[chance.IntN(len(blocks))])
		}
		r, point, five := drawn.worth(days, settings.DiscountRate, all.n)
		for k, v := range []float64{r, point, five} {
			draws[k] = append(draws[k], v)
		}
	}
	for k, e := range []*Estimate{&w.Retention, &w.Point, &w.Five} {
		slices.Sort(draws[k])
		e.Low, e.High = quantile(draws[k], .025), quantile(draws[k], .975)
	}
	return w, nil
}

// tally sums accounts.
type tally struct{ n, kept, margin float64 }

func (t *tally) add(o tally) {
	t.n += o.n
	t.kept += o.kept
	t.margin += o.margin
}

// worth returns retention, the worth of a point for that many accounts and the
// relative gain of five. discount is per year.
func (t *tally) worth(days, discount, accounts float64) (retention, point, five float64) {
	r, margin, growth := t.kept/t.n, t.margin/t.n*days/365, math.Pow(1+discount, days/365)
	base := func(r float64) float64 { return growth / (growth - min(1, r)) }
	return r, accounts * margin * (base(r+.01) - base(r)), base(r+.05)/base(r) - 1
}

// blocksOf sums consecutive accounts so that at most maxBlocks are left, equal in
// size but for the last.
func blocksOf(counted []tally) []tally {
	size := (len(counted) + maxBlocks - 1) / maxBlocks
	if size <= 1 {
		return counted
	}
	blocks := make([]tally, 0, maxBlocks)
	for part := range slices.Chunk(counted, size) {
		var sum tally
		for _, t := range part {
			sum.add(t)
		}
		blocks = append(blocks, sum)
	}
	return blocks
}

// Sentence says the worth beside the literature's range; of how many accounts, and what
// share of them is kept, where that is known.
func (w *PointWorth) Sentence(lang score.Language) string {
	template := Words{
		"One point more kept over each {days} days is worth {point} ({point_low} … {point_high}); five points raise the value of the base by {five} ({five_low} … {five_high}); the literature says {low} … {high} of profit (Reichheld and Sasser 1990)",
		"每{days}天的留存率提高1个百分点价值{point}（{point_low}～{point_high}）；提高5个百分点使客户总价值增加{five}（{five_low}～{five_high}）；文献为利润的{low}～{high}（Reichheld与Sasser，1990）",
	}
	if w.Accounts > 0 {
		template.EN = "Of {accounts} accounts {kept} are kept over {days} days. " + template.EN
		template.ZH = "{accounts}个客户中{days}天内留存{kept}。" + template.ZH
	}
	money, part := "base currency", "share"
	return say(template, Words{"Worth of retention", "留存的价值"}, map[string]float64{
		"accounts": float64(w.Accounts), "days": w.Days, "kept": w.Retention.Value, "point": w.Point.Value, "point_low": w.Point.Low, "point_high": w.Point.High,
		"five": w.Five.Value, "five_low": w.Five.Low, "five_high": w.Five.High, "low": LiteratureLow, "high": LiteratureHigh,
	}, map[string]string{
		"kept": part, "point": money, "point_low": money, "point_high": money, "five": part, "five_low": part, "five_high": part, "low": part, "high": part,
	}, lang)
}
