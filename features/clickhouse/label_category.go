package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// Categories returns what the accounts of a slice's rows bought regularly, when
// more was due and what came, in the order of rows and then of categories. Rows
// are answered for whatever their eligibility. What accounts that become one
// within the horizon bought stands once, at the first of their rows.
func Categories(ctx context.Context, e Engine, r features.CategoryRequest, s *features.Slice) ([]features.CategoryHistory, error) {
	if r.LeastDays < 2 || r.LeastDays > 366 {
		return nil, fmt.Errorf("%w: %d buying days, need 2 … 366", features.ErrBadRequest, r.LeastDays)
	}
	a, err := aftermathOf(ctx, e, []features.LabelAsk{{LabelRequest: r.LabelRequest, Slice: s}})
	if err != nil || len(a.asks) == 0 {
		return nil, err
	}
	own, err := a.rests(ctx, e)
	if err != nil {
		return nil, err
	}
	own["least_days"] = uint64(r.LeastDays)
	columns := []string{
		"category", "buying_days", "gap_days", "today", "last_day", "due_day", "orders", "orders_after",
		"spend_365d", "tenure_days", "other_spend_365d", "other_tenure_days", "other_spend_after",
	}
	var all []features.CategoryHistory
	err = a.answers(ctx, e, "categories.sql", own, columns, func(_ *view, rows []int, c []*frame.Column, i int) {
		whole := func(k int) int { return int(c[k].Integers[i]) }
		all = append(all, features.CategoryHistory{
			Row: rows[0], Account: s.Frame.Accounts[rows[0]], Cutoff: s.Frame.Cutoffs[rows[0]], Category: c[0].Texts[i],
			BuyingDays: whole(1), GapDays: c[2].Float(i), Today: whole(3), Last: whole(4), Due: whole(5), Orders: whole(6), OrdersAfter: whole(7),
			Spend: c[8].Float(i), TenureDays: whole(9), Other: c[10].Float(i), OtherDays: whole(11), OtherAfter: c[12].Float(i),
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, features.CompareCategories)
	return all, a.offers(ctx, e, all)
}

// aheadDays is how far behind a cutoff's day categories.sql looks for the day on which more
// is due, so that it knows the holidays up to there.
const aheadDays = 800

// rests returns what categories.sql takes for the first view's cutoffs, with the days of
// rest. Purchases of the last 365 days are counted; cadences are of no account here.
func (a *aftermath) rests(ctx context.Context, e Engine) (Params, error) {
	params := a.params(0, 1)
	zone, err := time.LoadLocation(cmp.Or(a.Zone, "UTC"))
	if err != nil {
		return nil, fmt.Errorf("zone %q: %w", a.Zone, err)
	}
	cutoffs := a.views[0].cutoffs
	until := make([]int, len(cutoffs))
	for k, c := range cutoffs {
		until[k] = int(dayIn(zone, int64(c))) + aheadDays
	}
	if _, err := resting(ctx, e, params, max(0, slices.Min(until)-aheadDays-366), slices.Max(until), until); err != nil {
		return nil, fmt.Errorf("days of rest: %w", err)
	}
	params["cadence_segments"], params["cadence_days"] = []string{""}, []int64{0}
	return params, nil
}

// offers lets the categories, which are sorted, and the offers of competitors
// meet.
func (a *aftermath) offers(ctx context.Context, e Engine, all []features.CategoryHistory) error {
	told := map[int][]features.Offer{}
	err := a.answers(ctx, e, "offers.sql", nil, []string{"told_at", "ref", "note"}, func(_ *view, rows []int, c []*frame.Column, i int) {
		told[rows[0]] = append(told[rows[0]], features.Offer{At: c[0].Integers[i], Ref: c[1].Texts[i], Note: c[2].Texts[i]})
	})
	if err != nil || len(told) == 0 {
		return err
	}
	for begin := 0; begin < len(all); {
		end := begin
		var categories []string
		for ; end < len(all) && all[end].Row == all[begin].Row; end++ {
			categories = append(categories, all[end].Category)
		}
		speaking := features.Speaking(told[all[begin].Row], categories)
		for i := begin; i < end; i++ {
			all[i].Offers = speaking[all[i].Category]
		}
		begin = end
	}
	return nil
}
