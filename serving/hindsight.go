package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/derive"
	"fealty/model/ladder"
	"fealty/model/score"
)

// maxHindsightMonths bounds a replay.
const maxHindsightMonths = 120

// hindsightMonths is how many months are replayed when no beginning is given.
const hindsightMonths = 12

// Hindsight replays past month ends as of each date: features as they were known
// then, a model trained on cutoffs whose label was final then and as it was known
// then, and the accounts flagged by it. Then it looks up, with the newest
// knowledge, who was really lost. It publishes and registers nothing.
//
// An account is lost on the day of its last purchase when no other is known
// until the end of the data. A flag is in time when it was raised after that
// purchase and not after the horizon of silence that follows, when everybody would
// have known; a lost account is counted when one of the counted dates was in time,
// in the month of the first such date, provided that the label there is final
// and calls it churned. Whoever had been silent for the horizon already, as known
// at a date, is not flagged there: no model is needed to know. So every flag at a
// counted date is in time, too early, or bothers somebody. Flags before the last
// purchase count for nothing, though they may have been early warnings: the account
// bought again. Whoever the label at a date leaves out by today's knowledge (a
// pause, an erasure, a touch in the horizon) is neither flagged nor counted there;
// whoever asked to be erased is named nowhere.
// An account that was renamed or merged since then goes on, so that a flag on it bothers. Months whose outcome is not known yet, and those for which
// nothing could have been trained, are listed and not counted.
//
// The features of all dates and of their training cutoffs are built in one pass.
// Kept are 8 bytes per feature and eligible row of all these cutoffs, the rows of
// one training again, what the ladder holds, and one slice; the label of each row
// as of each date that learns from it is one byte.
//
// Errors: ErrInvalid for dates that make no sense, for other labels than
// noncontractual, and when no month is left to be counted.
func (s *Service) Hindsight(ctx context.Context, r HindsightRequest, report func(Progress)) (HindsightResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return HindsightResult{}, err
	}
	params, err := s.ladder(r.Rung)
	if err != nil {
		return HindsightResult{}, err
	}
	if r.Capacity < 0 {
		return HindsightResult{}, fmt.Errorf("capacity %d, need 1 or more accounts, or 0 for the high band: %w", r.Capacity, ErrInvalid)
	}
	switch {
	case r.By != "" && r.By != ByRisk && r.By != ByValue:
		return HindsightResult{}, fmt.Errorf("by %q is none of %s and %s: %w", r.By, ByRisk, ByValue, ErrInvalid)
	case r.By == ByValue && r.Capacity == 0:
		return HindsightResult{}, fmt.Errorf("by %s says in which order a capacity is used up, and there is none: %w", ByValue, ErrInvalid)
	}
	if c.Label.Label != features.NonContractual {
		return HindsightResult{}, fmt.Errorf("hindsight tells of accounts that stop buying, and the label is %s: set label to %s for this call, or use backtest, which takes any label: %w",
			c.Label.Label, features.NonContractual, ErrInvalid)
	}
	plans, err := c.pastMonths(r)
	if err != nil {
		return HindsightResult{}, err
	}
	past, err := s.past(ctx, c, plans, report)
	if err != nil {
		return HindsightResult{}, err
	}
	h := &hindsight{
		calendar: c, capacity: r.Capacity, byValue: r.By == ByValue, plans: plans, past: past,
		lost: map[frame.AccountID]*lostAccount{}, bothered: map[frame.AccountID]*botheredAccount{}, byRule: map[frame.AccountID]int{},
	}
	if err := h.truth(ctx, s); err != nil {
		return HindsightResult{}, err
	}
	for i := range plans {
		if !plans[i].counts() {
			continue
		}
		if err := h.replay(ctx, params, i, c.dated(plans[i].at, report)); err != nil {
			return HindsightResult{}, err
		}
	}
	if !slices.ContainsFunc(h.plans, pastMonth.counts) {
		return HindsightResult{}, c.uncounted(h.plans)
	}
	return s.told(ctx, h)
}

// pastMonth is one date of a replay, with what trains for it.
type pastMonth struct {
	HindsightMonth
	at    frame.Cutoff
	train []frame.Cutoff
}

func (p pastMonth) counts() bool { return p.State == MonthCounted }

// uncounted says why none of the months can be counted.
func (c *calendar) uncounted(plans []pastMonth) error {
	first, last := &plans[0], &plans[len(plans)-1]
	why := fmt.Sprintf("%s: %s", first.Month, first.Why)
	if len(plans) > 1 {
		why += fmt.Sprintf("; %s: %s", last.Month, last.Why)
	}
	return fmt.Errorf("no month from %s to %s can be judged in hindsight (%s); %s: %w", first.Month, last.Month, why, c.days(), ErrInvalid)
}

// pastMonths lists the months of a request, ascending, and says which of them
// can't be counted.
func (c *calendar) pastMonths(r HindsightRequest) ([]pastMonth, error) {
	from, to, err := c.pastRange(r)
	if err != nil {
		return nil, err
	}
	var plans []pastMonth
	first := from.Time().In(c.zone)
	monthStart := func(n int) frame.Cutoff {
		return frame.Cutoff(time.Date(first.Year(), first.Month()+time.Month(n), 1, 0, 0, 0, 0, c.zone).Unix())
	}
	ends := c.monthEnds()
	for n := 0; monthStart(n) <= to; n++ {
		p := pastMonth{at: monthStart(n)}
		if p.at < from {
			continue
		}
		if len(plans) == maxHindsightMonths {
			return nil, fmt.Errorf("more than %d months from %s to %s: %w", maxHindsightMonths, c.text(from), c.text(to), ErrInvalid)
		}
		p.Month, p.State, p.AUC = c.text(p.at), MonthCounted, model.Figure(math.NaN())
		// Final by then, not only over: what was recorded late had come in.
		p.train = c.trainable(ends, p.at.Add(-c.Label.SettleDays), MaxTrainCutoffs)
		switch {
		case !c.Label.Final(p.at, c.through):
			p.State = MonthNotFinal
			p.because(WhyOutcomeOpen, "{through}", c.text(c.Label.End(p.at)))
		case len(p.train) == 0:
			p.State = MonthNoModel
			p.because(WhyNoHistory, "{days}", strconv.FormatInt(int64(c.Label.End(0))/86400, 10))
		}
		plans = append(plans, p)
	}
	switch {
	case len(plans) == 0:
		return nil, fmt.Errorf("no month ends from %s to %s: %w", c.text(from), c.text(to), ErrInvalid)
	case !slices.ContainsFunc(plans, pastMonth.counts):
		return nil, c.uncounted(plans)
	}
	return plans, nil
}

// pastRange reads the range of a request. Unlike a cutoff it may go beyond the
// data: people ask for a year.
func (c *calendar) pastRange(r HindsightRequest) (from, to frame.Cutoff, err error) {
	for _, end := range []struct {
		text string
		to   *frame.Cutoff
	}{{r.From, &from}, {r.To, &to}} {
		if end.text == "" {
			continue
		}
		if *end.to, err = frame.ParseCutoff(end.text, c.zone); err != nil {
			return 0, 0, fmt.Errorf("%w: %w", err, ErrInvalid)
		}
	}
	if r.To == "" {
		if to, err = c.newestFinal(); err != nil {
			return 0, 0, err
		}
	}
	if r.From == "" {
		t := to.Time().In(c.zone)
		from = max(c.first+1, frame.Cutoff(time.Date(t.Year(), t.Month()-hindsightMonths+1, 1, 0, 0, 0, 0, c.zone).Unix()))
	}
	if from > to {
		return 0, 0, fmt.Errorf("from %s lies after to %s: %w", c.text(from), c.text(to), ErrInvalid)
	}
	return from, to, nil
}

// fate is a label in one byte.
type fate uint8

const (
	unlabelled fate = iota
	stayed
	left
)

func fateOf(o *features.Outcome, i int) fate {
	switch {
	case o.Excluded[i] != features.Labelled:
		return unlabelled
	case o.Y[i] == 1:
		return left
	}
	return stayed
}

// past holds the eligible rows of every cutoff, and what is known of them.
type past struct {
	parts map[frame.Cutoff]*labelled
	// newest are the fates of the rows of a replayed date as known today; asKnown
	// those of a training cutoff's as of the replayed date that learns from it.
	newest  map[frame.Cutoff][]fate
	asKnown map[learnt][]fate
	// silent are the rows whose last purchase, as known then, lay more than the
	// horizon before.
	silent map[frame.Cutoff][]bool
}

// learnt is a training cutoff as of a replayed date.
type learnt struct{ train, at frame.Cutoff }

// past builds all rows in one pass, with their labels as each date knew them.
func (s *Service) past(ctx context.Context, c *calendar, plans []pastMonth, report func(Progress)) (*past, error) {
	var all []frame.Cutoff
	for i := range plans {
		if plans[i].counts() {
			all = both(slices.Concat(all, plans[i].train), plans[i].at)
		}
	}
	catalogue := s.catalogue()
	k := &past{parts: emptyParts(catalogue, all), newest: map[frame.Cutoff][]fate{}, asKnown: map[learnt][]fate{}, silent: map[frame.Cutoff][]bool{}}
	gone, err := s.Facts.Erased(ctx, c.watermark)
	if err != nil {
		return nil, fmt.Errorf("ask who is erased: %w", err)
	}
	untaught := make(map[frame.AccountID]bool, len(gone))
	for _, account := range gone {
		untaught[account] = true
	}
	progress := c.progress("building features and labels", report)
	_, err = s.Facts.Build(ctx, c.request(all, catalogue), func(sl *features.Slice) error {
		progress(sl)
		histories, purses := derive.Histories(sl.Frame), derive.Spending(sl.Frame)
		for i, status := range sl.Status {
			p := k.parts[sl.Frame.Cutoffs[i]]
			if p == nil {
				continue
			}
			if !untaught[sl.Frame.Accounts[i]] {
				histories.Add(&p.known, i)
				purses.Add(&p.purses, i)
			}
			if status == features.Eligible {
				p.add(sl.Frame, i)
				at := sl.Frame.Cutoffs[i]
				k.silent[at] = append(k.silent[at], sl.LastPurchase[i] < int64(at.Add(-c.Label.HorizonDays)))
			}
		}
		return s.judge(ctx, c, plans, sl, k)
	})
	if err != nil {
		return nil, err
	}
	return k, c.derive(ctx, k.parts)
}

// judge asks for the labels of a slice's eligible rows, once for all dates: those of
// the cutoffs that each date learns from as known then, and those of the dates
// themselves as known today. Fates are kept in the slice's order.
func (s *Service) judge(ctx context.Context, c *calendar, plans []pastMonth, sl *features.Slice, k *past) error {
	request := c.labels(c.Label)
	var asks []features.LabelAsk
	var replayed []frame.Cutoff
	for i := range plans {
		p := &plans[i]
		if !p.counts() {
			continue
		}
		replayed = append(replayed, p.at)
		then := request
		then.Through, then.KnownAt = p.at, c.Known(p.at)
		asks = append(asks, features.LabelAsk{LabelRequest: then, Slice: eligibleAt(sl, p.train)})
	}
	asks = append(asks, features.LabelAsk{LabelRequest: request, Slice: eligibleAt(sl, replayed)})
	all, err := s.Facts.OutcomesOf(ctx, asks)
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	for n, o := range all {
		for i, at := range asks[n].Slice.Frame.Cutoffs {
			if n == len(replayed) {
				k.newest[at] = append(k.newest[at], fateOf(o, i))
				continue
			}
			of := learnt{at, replayed[n]}
			k.asKnown[of] = append(k.asKnown[of], fateOf(o, i))
		}
	}
	return nil
}

// eligibleAt returns a slice's eligible rows at some cutoffs, without their columns.
func eligibleAt(sl *features.Slice, cutoffs []frame.Cutoff) *features.Slice {
	part := &features.Slice{Frame: &frame.Frame{}}
	for i, at := range sl.Frame.Cutoffs {
		if sl.Status[i] == features.Eligible && slices.Contains(cutoffs, at) {
			part.Frame.Accounts, part.Frame.Cutoffs = append(part.Frame.Accounts, sl.Frame.Accounts[i]), append(part.Frame.Cutoffs, at)
			part.Status = append(part.Status, features.Eligible)
		}
	}
	return part
}

// labelledBy returns the rows that have a label by the fates, sharing the
// columns when all have one.
func (l *labelled) labelledBy(fates []fate) *labelled {
	var index []int
	y := make([]float64, 0, len(fates))
	for i, v := range fates {
		if v == unlabelled {
			continue
		}
		index = append(index, i)
		if v == left {
			y = append(y, 1)
		} else {
			y = append(y, 0)
		}
	}
	back := make([]float64, len(index))
	for i := range back {
		back[i] = math.NaN()
	}
	some := &labelled{metas: l.metas, accounts: l.accounts, cutoffs: l.cutoffs, columns: l.columns, y: y, back: back}
	if len(index) < len(fates) {
		taken := l.frame().Take(index)
		some.accounts, some.cutoffs, some.columns = taken.Accounts, taken.Cutoffs, make([][]float64, len(l.columns))
		for k := range some.columns {
			some.columns[k] = taken.Columns[k].Numbers
		}
	}
	return some
}

// lostAccount is an account that bought for the last time, with a counted date in
// time; month is the first of them.
type lostAccount struct {
	last  int64
	month int
	// leftOut: the label at that date does not speak of it.
	leftOut bool
	// first and probability of the first flag in time, −1 without one; highest is
	// the highest probability given at its chances.
	first                int
	probability, highest float64
	early, byRule        bool
	money, spend         float64
}

// botheredAccount was flagged and not lost.
type botheredAccount struct {
	first       int
	probability float64
	cameBack    bool
}

// hindsight is a replay under way.
type hindsight struct {
	*calendar
	*past
	capacity int
	byValue  bool
	plans    []pastMonth
	// last purchase of every account with the newest knowledge; those that were
	// renamed or merged have none.
	last     map[frame.AccountID]int64
	lost     map[frame.AccountID]*lostAccount
	bothered map[frame.AccountID]*botheredAccount
	// byRule is the first date at which the rule flagged an account that was not lost.
	byRule map[frame.AccountID]int
	// erased are the accounts of which nothing may be told today. The labels leave
	// them out where they knew of them; whoever's orders were recorded late stands in
	// no label.
	erased map[frame.AccountID]bool
}

// truth asks when each account bought for the last time, with the newest
// knowledge, and which of them were lost in the counted months.
func (h *hindsight) truth(ctx context.Context, s *Service) error {
	// Everything that was ever ordered, whenever it was recorded: the last day is
	// read too, incomplete as it may be, since it may bring somebody back.
	all := Run{Purpose: PurposeBackfill, Cutoff: frame.Cutoff(h.span.Last + 1), KnownAt: math.MaxUint32, Watermark: h.watermark}
	people, err := s.Facts.Population(ctx, s.ofRun(all))
	if err != nil {
		return fmt.Errorf("ask when the accounts bought for the last time: %w", err)
	}
	if h.erased, err = s.Erased(ctx, all); err != nil {
		return err
	}
	h.last = make(map[frame.AccountID]int64, len(people))
	for i := range people {
		who := &people[i]
		h.last[who.Account] = who.Last
		if month := h.chance(who.Last); month >= 0 {
			h.lost[who.Account] = &lostAccount{
				last: who.Last, month: month, first: -1, probability: math.NaN(), highest: math.NaN(), money: math.NaN(), spend: math.NaN(),
			}
		}
	}
	return nil
}

// silentBy is the instant at which an account had been silent for the horizon.
func (h *hindsight) silentBy(last int64) int64 { return last + int64(h.Label.HorizonDays)*86400 }

// inTime tells whether a date lies after a last purchase and not after the
// horizon of silence.
func (h *hindsight) inTime(at frame.Cutoff, last int64) bool {
	return int64(at) > last && int64(at) <= h.silentBy(last)
}

// chance returns the first counted date in time for a last purchase, −1 when
// there is none.
func (h *hindsight) chance(last int64) int {
	return slices.IndexFunc(h.plans, func(p pastMonth) bool { return p.counts() && h.inTime(p.at, last) })
}

// skip takes a date out of the count, at which nothing could be learnt, for a reason
// and its values.
func (h *hindsight) skip(month int, code string, values ...string) {
	h.plans[month].State = MonthNoModel
	h.plans[month].because(code, values...)
	for account, l := range h.lost {
		if l.month != month {
			continue
		}
		if l.month, l.leftOut = h.chance(l.last), false; l.month < 0 {
			delete(h.lost, account)
		}
	}
}

// replay trains as of a date, flags, and writes down what became of the accounts.
func (h *hindsight) replay(ctx context.Context, params ladder.Params, month int, report func(Progress)) error {
	defer h.release(month)
	p := &h.plans[month]
	parts := make([]*labelled, len(p.train))
	for i, train := range p.train {
		parts[i] = h.parts[train].labelledBy(h.asKnown[learnt{train, p.at}])
		delete(h.asKnown, learnt{train, p.at})
	}
	all, newest := h.parts[p.at], h.newest[p.at]
	for i, v := range newest {
		if l := h.lost[all.accounts[i]]; l != nil && l.month == month && v != left {
			l.leftOut = true // paused, opted out, or taken back only after the window
		}
	}
	scored, err := all.labelledBy(newest).by(h.parts[slices.Max(p.train)].derived)
	if err != nil {
		return fmt.Errorf("replay %s: %w", p.Month, err)
	}
	rows := join(parts, false)
	switch {
	case len(rows.y) == 0:
		h.skip(month, WhyNobodyTaught)
		return nil
	case len(scored.y) == 0:
		h.skip(month, WhyNobodyJudged)
		return nil
	}
	trained, err := h.climb(ctx, params, rows, scored, report)
	switch {
	case errors.Is(err, ladder.ErrTooFew):
		churned := 0
		for _, y := range rows.y {
			churned += int(y)
		}
		h.skip(month, WhyTooFew, "{rows}", strconv.Itoa(len(rows.y)), "{churned}", strconv.Itoa(churned), "{stayed}", strconv.Itoa(len(rows.y)-churned),
			"{least}", strconv.Itoa(ladder.RuleClass))
		return nil
	case err != nil:
		return fmt.Errorf("replay %s: %w", p.Month, err)
	}
	card := &trained.Card
	p.Rung, p.TrainCutoffs, p.TrainRows, p.AUC, p.Scored = card.Rung, len(p.train), card.Train.Rows, card.Report.Quality.AUC, len(scored.y)
	p.steppedDown(card, params.MaxRung)
	margins := trained.Rungs[ladder.Rung(card.Rung)]
	// Those that may be flagged: not silent for the horizon yet.
	var watched []int
	row := 0
	for i, v := range newest {
		if v == unlabelled {
			continue
		}
		if !h.silent[p.at][i] {
			watched = append(watched, row)
		}
		row++
	}
	p.Watched = len(watched)
	spend, money := h.money(scored)
	flags := h.flags(scored.accounts, margins, money, watched)
	byRule := first(scored.accounts, h.order(trained.Rungs[ladder.Rule], money), watched, len(flags))
	h.count(month, scored, margins, spend, money, flags, byRule)
	return nil
}

// release lets go of the rows that no later date needs.
func (h *hindsight) release(month int) {
	needed := map[frame.Cutoff]bool{}
	for i := month + 1; i < len(h.plans); i++ {
		if h.plans[i].counts() {
			needed[h.plans[i].at] = true
			for _, train := range h.plans[i].train {
				needed[train] = true
			}
		}
	}
	for at := range h.parts {
		if !needed[at] {
			delete(h.parts, at)
		}
	}
}

// flags returns the rows among the watched ones that would have been brought to
// somebody's attention.
func (h *hindsight) flags(accounts []frame.AccountID, margins, money []float64, watched []int) map[int]bool {
	if h.capacity > 0 {
		return first(accounts, h.order(margins, money), watched, h.capacity)
	}
	flags := map[int]bool{}
	for _, i := range watched {
		if h.Bands.Of(score.Probability(margins[i])) == score.High {
			flags[i] = true
		}
	}
	return flags
}

// order returns what rows are flagged by first, higher before lower: margins, or
// the value at risk.
func (h *hindsight) order(margins, money []float64) []float64 {
	if !h.byValue {
		return margins
	}
	values := make([]float64, len(margins))
	for i, m := range margins {
		values[i] = score.Probability(m) * money[i]
	}
	return values
}

// first returns the n watched rows of the highest values, of equal ones those of
// the first accounts; what is missing comes last.
func first(accounts []frame.AccountID, values []float64, watched []int, n int) map[int]bool {
	order := slices.Clone(watched)
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(values[j], values[i]), cmp.Compare(accounts[i], accounts[j]))
	})
	flags := map[int]bool{}
	for _, i := range order[:min(n, len(order))] {
		flags[i] = true
	}
	return flags
}
