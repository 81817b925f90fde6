package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// ownYear is what an account spent in a year in a category, in base currency, and in
// how many purchases.
type ownYear struct{ spend, orders float64 }

// Bounds of looking back at the years that declarations speak of: the most years, the
// newest, each of which is a question of its own, and the most accounts of a question.
const (
	mostYears      = 24
	mostDeclarants = 10_000
	yearSeconds    = 365 * secondsPerDay
)

// spoken is a question about a declared year: when it began, and whether of
// categories or of everything.
type spoken struct {
	start int64
	key   features.HoldingKey
}

// spokenOf is the year that a declaration speaks of: 365 days from the first of the
// month in which its period begins, so that those of one month are one question; the
// last 365 before the cutoff where that year is not over by then.
func (c *crowd) spokenOf(d *features.Declared, zone *time.Location) spoken {
	at := time.Unix(d.Said.Period, 0).In(zone)
	year := spoken{time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, zone).Unix(), features.ByCategory}
	year.start = min(year.start, int64(c.cutoff)-yearSeconds)
	if d.Category == everything {
		year.key = features.ByEverything
	}
	return year
}

// lookBack asks what the accounts whose wallets are declared bought in the years that
// are spoken of, of the newest mostYears: that is what a share of then is told by. All
// is as known now.
func (c *crowd) lookBack(ctx context.Context, s *Service, r features.Request) error {
	c.thatYear = map[int]ownYear{}
	questions := map[spoken][]int{}
	starts := map[int64]bool{}
	for k := range c.declared {
		d := &c.declared[k]
		if _, ok := c.row[d.Account]; !ok || !(d.Amount > 0) {
			continue
		}
		year := c.spokenOf(d, s.Settings.Location())
		questions[year], starts[year.start] = append(questions[year], k), true
	}
	newest := slices.Sorted(maps.Keys(starts))
	newest = newest[max(0, len(newest)-mostYears):]
	for _, start := range newest {
		for _, key := range []features.HoldingKey{features.ByCategory, features.ByEverything} {
			// Declarations come by account, so that those of one lie together.
			for some := range slices.Chunk(questions[spoken{start, key}], mostDeclarants) {
				if err := c.lookAtYear(ctx, s, r, spoken{start, key}, some); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lookAtYear asks what the accounts of some declarations bought in one year.
func (c *crowd) lookAtYear(ctx context.Context, s *Service, r features.Request, of spoken, declared []int) error {
	type shelf struct {
		account frame.AccountID
		key     string
	}
	asked := features.HoldingRequest{Key: of.key, Request: features.Request{
		Cutoffs: []frame.Cutoff{frame.Cutoff(of.start), frame.Cutoff(of.start + yearSeconds)}, KnownAt: []frame.KnownAt{r.KnownAt[0], r.KnownAt[0]},
		Groups: r.Groups, Watermark: r.Watermark, Zone: r.Zone, Links: r.Links,
	}}
	at := make(map[shelf]int, len(declared))
	for _, k := range declared {
		d := &c.declared[k]
		key := d.Category
		if of.key == features.ByEverything {
			key = string(features.ByEverything)
		}
		at[shelf{d.Account, key}] = k
		asked.Accounts = append(asked.Accounts, d.Account)
	}
	asked.Accounts = slices.Compact(asked.Accounts)
	before, after := map[int]features.Holding{}, map[int]features.Holding{}
	err := s.Facts.Holdings(ctx, asked, func(all []features.Holding) error {
		for _, h := range all {
			k, ok := at[shelf{h.Account, h.Key}]
			switch {
			case !ok:
			case h.Cutoff == asked.Cutoffs[0]:
				before[k] = h
			default:
				after[k] = h
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask what accounts bought in the year from %s: %w", dayOf(of.start, s.Settings.Location()), err)
	}
	for k, end := range after {
		begin := before[k]
		// An account that another one joined within the year brought its past along:
		// what it bought in the year does not follow from the two.
		const rounding = 1e-6
		if math.Abs(end.Spend-begin.Spend-end.Spend365) > rounding*max(1, math.Abs(end.Spend)) || end.Orders <= begin.Orders || !(end.Spend365 > 0) {
			continue
		}
		c.thatYear[k] = ownYear{end.Spend365, float64(end.Orders - begin.Orders)}
	}
	return nil
}
