package serving

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
)

const weekSeconds = 7 * 86400

// money returns what each row had spent in the year before, and the margin of a
// horizon at its usual pace, NaN where it has none yet.
func (h *hindsight) money(rows *labelled) (spend, money []float64) {
	columns := rows.frame()
	number := func(name string) []float64 {
		if c := columns.Column(name); c != nil {
			return c.Numbers
		}
		return slices.Repeat([]float64{math.NaN()}, len(rows.y))
	}
	spend = number(spendColumn)
	tenure, share := number(tenureColumn), number(marginColumn)
	money = make([]float64, len(spend))
	for i := range money {
		money[i] = features.RunRate(spend[i], tenure[i], h.Label.HorizonDays) * h.marginShare(share[i])
	}
	return spend, money
}

// count writes down what the flags of a date, and as many of the recency rule,
// mean to each scored account.
func (h *hindsight) count(month int, scored *labelled, margins, spend, money []float64, flags, byRule map[int]bool) {
	p := &h.plans[month]
	for i, account := range scored.accounts {
		// Whoever is not known any more goes on under another name.
		last, known := h.last[account]
		gone, probability := known && last < int64(p.at), score.Probability(margins[i])
		if flags[i] {
			p.Flagged++
			switch {
			case gone:
				p.FlaggedGone++
			case scored.y[i] == 1:
				p.FlaggedCameBack++
			default:
				p.FlaggedStayed++
			}
		}
		if l := h.lost[account]; l != nil {
			if l.month == month {
				l.spend, l.money = spend[i], money[i]
			}
			switch {
			case h.inTime(p.at, l.last):
				l.see(month, probability, flags[i], byRule[i])
			case int64(p.at) <= l.last:
				l.early = l.early || flags[i]
			}
			continue
		}
		if gone {
			continue // so long ago that everybody knew at the first date
		}
		if flags[i] {
			b := h.bothered[account]
			if b == nil {
				b = &botheredAccount{first: month, probability: probability}
				h.bothered[account] = b
			}
			b.cameBack = b.cameBack || scored.y[i] == 1
		}
		if _, known := h.byRule[account]; byRule[i] && !known {
			h.byRule[account] = month
		}
	}
}

// see notes what was said of a lost account at a date in time.
func (l *lostAccount) see(month int, probability float64, flag, byRule bool) {
	if !(l.highest >= probability) {
		l.highest = probability
	}
	l.byRule = l.byRule || byRule
	if flag && l.first < 0 {
		l.first, l.probability = month, probability
	}
}

// told puts the answer together.
func (s *Service) told(ctx context.Context, h *hindsight) (HindsightResult, error) {
	r := HindsightResult{
		From: h.plans[0].Month, To: h.plans[len(h.plans)-1].Month, HorizonDays: h.Label.HorizonDays, Currency: h.BaseCurrency,
		Capacity: h.capacity, By: ByRisk, HighBand: h.Bands.High, Accounts: []HindsightAccount{},
	}
	if h.byValue {
		r.By = ByValue
	}
	weeks := make([][]float64, len(h.plans))
	for account, l := range h.lost {
		if l.leftOut || h.erased[account] {
			r.LeftOut++
			continue
		}
		row := h.lostRow(account, l)
		h.plans[l.month].addLost(&row)
		if row.Outcome == OutcomeReached {
			weeks[l.month] = append(weeks[l.month], float64(row.WeeksAhead))
		}
		r.Accounts = append(r.Accounts, row)
	}
	for account, b := range h.bothered {
		if h.erased[account] {
			continue
		}
		row := h.botheredRow(account, b)
		sums := &h.plans[b.first].HindsightSums
		sums.Bothered++
		if b.cameBack {
			sums.CameBack++
		}
		r.Accounts = append(r.Accounts, row)
	}
	for account, month := range h.byRule {
		if !h.erased[account] {
			h.plans[month].RuleBothered++
		}
	}
	// Money is added up in the order of the rows, so that the sums don't follow a map's.
	slices.SortFunc(r.Accounts, compareHindsight)
	for i := range h.plans {
		p := &h.plans[i]
		for k := range r.Accounts {
			if r.Accounts[k].Month == p.Month {
				p.addMoney(&r.Accounts[k])
			}
		}
		p.divide(weeks[i])
		r.Months = append(r.Months, p.HindsightMonth)
		if p.counts() {
			r.Counted++
			r.Total.add(&p.HindsightSums)
		}
	}
	r.Total.divide(slices.Concat(weeks...))
	if err := s.introduce(ctx, h, r.Accounts); err != nil {
		return HindsightResult{}, err
	}
	r.English, r.Chinese = r.paragraph(score.English), r.paragraph(score.Chinese)
	r.Notes, r.NotesZH = h.notes(&r, score.English), h.notes(&r, score.Chinese)
	return r, nil
}

// compareHindsight orders lost accounts before bothered ones, the lost by what
// they had spent, the bothered by month and probability, all equals by account.
func compareHindsight(a, b HindsightAccount) int {
	lost := func(r *HindsightAccount) int {
		if r.Outcome == OutcomeReached || r.Outcome == OutcomeMissed {
			return 0
		}
		return 1
	}
	if c := cmp.Compare(lost(&a), lost(&b)); c != 0 {
		return c
	}
	if lost(&a) == 0 {
		// Less than everything is what is missing.
		return cmp.Or(cmp.Compare(b.Spend, a.Spend), cmp.Compare(a.Account, b.Account))
	}
	return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Account, b.Account))
}

func (h *hindsight) day(at int64) string { return time.Unix(at, 0).In(h.zone).Format(time.DateOnly) }

func (h *hindsight) lostRow(account frame.AccountID, l *lostAccount) HindsightAccount {
	silent, nan := h.silentBy(l.last), model.Figure(math.NaN())
	row := HindsightAccount{
		Account: string(account), Outcome: OutcomeMissed, Month: h.plans[l.month].Month, LastPurchase: h.day(l.last), SilentBy: h.day(silent),
		Probability: model.Figure(l.highest), WeeksAhead: nan, WeeksAfter: nan, Early: l.early, ByRule: l.byRule,
		Money: model.Figure(l.money), Spend: model.Figure(l.spend),
	}
	for i := range h.plans {
		if h.plans[i].counts() && h.inTime(h.plans[i].at, l.last) {
			row.Chances++
		}
	}
	if l.first >= 0 {
		at := int64(h.plans[l.first].at)
		row.Outcome, row.Flagged, row.Probability = OutcomeReached, h.plans[l.first].Month, model.Figure(l.probability)
		row.WeeksAhead, row.WeeksAfter = tenths(float64(silent-at)/weekSeconds), tenths(float64(at-l.last)/weekSeconds)
	}
	return row
}

// tenths rounds to one decimal.
func tenths(v float64) model.Figure { return model.Figure(math.Round(10*v) / 10) }

func (h *hindsight) botheredRow(account frame.AccountID, b *botheredAccount) HindsightAccount {
	nan := model.Figure(math.NaN())
	row := HindsightAccount{
		Account: string(account), Outcome: OutcomeStayed, Month: h.plans[b.first].Month, Flagged: h.plans[b.first].Month,
		Probability: model.Figure(b.probability), WeeksAhead: nan, WeeksAfter: nan, Money: nan, Spend: nan,
	}
	if b.cameBack {
		row.Outcome = OutcomeCameBack
	}
	_, row.ByRule = h.byRule[account]
	return row
}

func (t *HindsightSums) addLost(row *HindsightAccount) {
	t.Lost++
	if row.Outcome == OutcomeReached {
		t.Reached++
	} else {
		t.Missed++
	}
	if row.ByRule {
		t.RuleReached++
	}
}

// addMoney adds the money of a lost account; bothered ones have none.
func (t *HindsightSums) addMoney(row *HindsightAccount) {
	if row.Outcome != OutcomeReached && row.Outcome != OutcomeMissed {
		return
	}
	money, spend := row.Money, row.Spend
	if math.IsNaN(float64(money)) {
		t.Unpriced++
		money = 0
	}
	if math.IsNaN(float64(spend)) {
		spend = 0 // nothing was known of it at the month's end
	}
	t.MoneyLost += money
	t.SpendLost += spend
	if row.Outcome == OutcomeReached {
		t.MoneyReached += money
		t.SpendReached += spend
	}
}

func (t *HindsightSums) add(other *HindsightSums) {
	t.Lost, t.Reached, t.Missed = t.Lost+other.Lost, t.Reached+other.Reached, t.Missed+other.Missed
	t.Bothered, t.CameBack, t.Unpriced = t.Bothered+other.Bothered, t.CameBack+other.CameBack, t.Unpriced+other.Unpriced
	t.MoneyLost, t.MoneyReached = t.MoneyLost+other.MoneyLost, t.MoneyReached+other.MoneyReached
	t.SpendLost, t.SpendReached = t.SpendLost+other.SpendLost, t.SpendReached+other.SpendReached
	t.RuleReached, t.RuleBothered = t.RuleReached+other.RuleReached, t.RuleBothered+other.RuleBothered
}

// divide fills in the shares and the median of the weeks ahead.
func (t *HindsightSums) divide(weeks []float64) {
	over := func(a, b float64) model.Figure {
		if b == 0 {
			return model.Figure(math.NaN())
		}
		return model.Figure(a / b)
	}
	t.ReachedShare, t.SpendShare = over(float64(t.Reached), float64(t.Lost)), over(float64(t.SpendReached), float64(t.SpendLost))
	t.BotheredPerReached = over(float64(t.Bothered), float64(t.Reached))
	t.WeeksAhead = model.Figure(math.NaN())
	if n := len(weeks); n > 0 {
		slices.Sort(weeks)
		t.WeeksAhead = tenths((weeks[(n-1)/2] + weeks[n/2]) / 2)
	}
}

// introduce fills in who the accounts are, as known at the last counted date.
func (s *Service) introduce(ctx context.Context, h *hindsight, rows []HindsightAccount) error {
	at := map[frame.AccountID]*HindsightAccount{}
	for i := range rows {
		at[frame.AccountID(rows[i].Account)] = &rows[i]
	}
	if len(at) == 0 {
		return nil
	}
	var last frame.Cutoff
	for i := range h.plans {
		if h.plans[i].counts() {
			last = h.plans[i].at
		}
	}
	accounts := slices.Sorted(maps.Keys(at))
	err := s.Facts.Profiles(ctx, last, h.Known(last), h.watermark, accounts, func(profiles []features.Profile) error {
		for i := range profiles {
			if row := at[profiles[i].Account]; row != nil {
				row.Name, row.Segment, row.Manager = profiles[i].Name, profiles[i].Segment, profiles[i].Manager
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask who the accounts are: %w", err)
	}
	return nil
}
