package serving

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
)

// The columns that the recency rule, and how often an account buys, are read from.
const (
	recencyColumn = "recency_days"
	ratioColumn   = "recency_to_gap"
	gapColumn     = "gap_median_days"
	paceColumn    = "buying_days_365d"
)

// Bounds and defaults of the laboratory.
const (
	// leastClass is how many rows of each class a definition needs to be
	// proposed, and a segment to be compared.
	leastClass = 100
	// defaultMostBack is the share of those called lost up to which they may come
	// back in 30 days.
	defaultMostBack = 0.15
	// jackknives are the groups of accounts that are left out in turn.
	jackknives = 20
	// mostHorizons bounds a sweep.
	mostHorizons = 20
)

// The sweeps when none are given.
func defaultHorizons() []int { return []int{30, 60, 90, 120, 180, 270, 365} }

func sweptLeastDays() []int { return []int{2, 3, 5} }

func sweptSlackDays() []int { return []int{0, 14, 30} }

// LabelsCompareRequest asks what other definitions of churn would be like.
type LabelsCompareRequest struct {
	// Horizons in days, default 30, 60, 90, 120, 180, 270 and 365; at most 20.
	Horizons []int `json:"horizons,omitempty"`
	// Last is how many of the newest month ends that suit it each horizon has, default 12.
	Last int `json:"last,omitempty"`
	// MostBack is the largest share, in (0, 1), of those called lost that may come
	// back in 30 days; default 0.15.
	MostBack float64 `json:"most_back,omitempty"`
}

// LabelsCompareResult is the sweep with what it proposes.
type LabelsCompareResult struct {
	Label    string  `json:"label"`
	MostBack float64 `json:"most_back"`
	// SegmentsBy says what the segments are: the accounts' own or thirds of how
	// often they buy.
	SegmentsBy   string       `json:"segments_by"`
	SegmentsByZH string       `json:"segments_by_zh"`
	Horizons     []HorizonRow `json:"horizons"`
	Proposed     Choice       `json:"proposed"`
	// Rhythm is the horizon that the gaps between orders propose: the 85th
	// percentile of the accounts' median gaps, rounded.
	Rhythm RhythmProposal `json:"rhythm"`
	// Categories are the rules for categories at CategoryHorizonDays, the horizon of
	// the settings; CategoryWhy says why there are none.
	CategoryHorizonDays int           `json:"category_horizon_days"`
	Categories          []CategoryRow `json:"categories"`
	CategoryWhy         string        `json:"category_why,omitempty"`
	CategoryWhyZH       string        `json:"category_why_zh,omitempty"`
	CategoryProposed    Choice        `json:"category_proposed"`
}

// RhythmProposal is features.Proposal for readers.
type RhythmProposal struct {
	HorizonDays int          `json:"horizon_days"`
	GapDays     model.Figure `json:"gap_days"`
	Accounts    int64        `json:"accounts"`
	// Why and WhyZH say it in a sentence, "" when nothing is proposed.
	Why   string `json:"why,omitempty"`
	WhyZH string `json:"why_zh,omitempty"`
}

// Choice is what is proposed and why. Row counts from 0; −1 when nothing is.
type Choice struct {
	Row   int    `json:"row"`
	Why   string `json:"why"`
	WhyZH string `json:"why_zh"`
}

// Trial is what a definition of churn turned out to be like.
type Trial struct {
	// Cutoffs are month ends with a final label and the horizon's days before them.
	Cutoffs int `json:"cutoffs"`
	// Rows are labelled accounts (or categories) by cutoff, of so many accounts.
	Rows     int          `json:"rows"`
	Accounts int          `json:"accounts"`
	BaseRate model.Figure `json:"base_rate"`
	// CameBack is the share of the rows called lost that bought within the next
	// horizon, among the Returnable whose next horizon is final.
	CameBack   model.Figure `json:"came_back"`
	Returnable int          `json:"returnable"`
	// CameBack30 is the share per 30 days that makes up CameBack, were it the same
	// all the time: 1 − (1 − CameBack)^(30/H). The next horizon of a longer horizon
	// is longer too, so that only this compares horizons.
	CameBack30 model.Figure `json:"came_back_30d"`
	// AUC is that of the recency rule, the better of the silence and the silence ÷
	// the own gap (Rule); AUCError its standard error, with all rows of an account
	// as one draw.
	Rule     string       `json:"rule"`
	AUC      model.Figure `json:"auc"`
	AUCError model.Figure `json:"auc_error"`
	// Segments with at least 100 rows of each class, and how far apart the lowest
	// and the highest of their base rates and AUCs are.
	Segments       int          `json:"segments"`
	BaseRateSpread model.Figure `json:"base_rate_spread"`
	AUCSpread      model.Figure `json:"auc_spread"`
	// Touched rows, whether they were left out or not; Excluded by reason.
	Touched  int            `json:"touched"`
	Excluded map[string]int `json:"excluded"`
	lost     int
}

// HorizonRow is one horizon.
type HorizonRow struct {
	HorizonDays int `json:"horizon_days"`
	Trial
	// Why and WhyZH say why there is nothing to measure.
	Why   string `json:"why,omitempty"`
	WhyZH string `json:"why_zh,omitempty"`
}

// CategoryRow is one rule for categories.
type CategoryRow struct {
	LeastDays int `json:"least_days"`
	SlackDays int `json:"slack_days"`
	Trial
	// Leaving is the money that leaves with those that were stopped, base currency,
	// summed over the cutoffs.
	Leaving model.Figure `json:"leaving"`
	// To counts them by where the money may have gone.
	To map[string]int `json:"to"`
}

// LabelsCompare is the definition laboratory: it sweeps the horizon, and the rule
// for categories at the horizon of the settings, over past month ends, and
// proposes a choice. Features are built once for all horizons, in one pass. It
// keeps one slice and about 60 bytes for each row of each definition.
func (s *Service) LabelsCompare(ctx context.Context, r LabelsCompareRequest, report func(Progress)) (LabelsCompareResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return LabelsCompareResult{}, err
	}
	l, err := newLaboratory(c, r)
	if err != nil {
		return LabelsCompareResult{}, err
	}
	cutoffs := l.cutoffs()
	if len(cutoffs) == 0 {
		return LabelsCompareResult{}, fmt.Errorf("no month end has a final label at any of the horizons %v with as many days before it; %s: %w", l.days, c.days(), ErrInvalid)
	}
	if err := l.profiles(ctx, s, cutoffs[len(cutoffs)-1]); err != nil {
		return LabelsCompareResult{}, err
	}
	request := c.request(cutoffs, labelCatalogue())
	request.ActiveWithinDays = 0 // each horizon judges for itself
	progress := c.progress("building features and labels", report)
	_, err = s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		progress(sl)
		if err := l.take(ctx, s, sl); err != nil {
			return err
		}
		return l.takeCategories(ctx, s, sl)
	})
	if err != nil {
		return LabelsCompareResult{}, err
	}
	if report != nil {
		report(Progress{Stage: "comparing the definitions"})
	}
	result, err := l.judge(ctx)
	if err != nil {
		return LabelsCompareResult{}, err
	}
	p, err := s.Facts.ProposeHorizon(ctx, c.through, c.Known(c.through), c.watermark, c.Zone)
	if err != nil {
		return LabelsCompareResult{}, fmt.Errorf("propose a horizon: %w", err)
	}
	result.Rhythm = rhythm(p)
	return result, nil
}

// laboratory is a sweep under way.
type laboratory struct {
	*calendar
	mostBack float64
	days     []int
	horizons []*bench
	segments map[frame.AccountID]string
	// categories is where the rules for categories are tried: its cutoffs are those
	// of the settings' horizon, its benches one for each rule.
	categories *bench
	rules      []features.CategoryRule
	trials     []*bench
	leaving    []float64
	to         []map[string]int
	seen       bool
}

// bench gathers the rows of one definition.
type bench struct {
	*calendar
	at       map[frame.Cutoff]bool
	excluded map[string]int
	touched  int
	rows     []trialRow
}

// trialRow is one labelled row: lost is its label, back whether it came back
// (NaN when nobody knows), silence in days and the own gap (NaN without one);
// pace is buying days per day.
type trialRow struct {
	account                        frame.AccountID
	lost, back, silence, gap, pace float64
}

func newBench(c *calendar, ends []frame.Cutoff, last int) *bench {
	b := &bench{calendar: c, at: map[frame.Cutoff]bool{}, excluded: map[string]int{}}
	for _, at := range slices.Backward(ends) {
		if len(b.at) < last && c.Label.Final(at, c.through) && c.covered(at) {
			b.at[at] = true
		}
	}
	return b
}

func newLaboratory(c *calendar, r LabelsCompareRequest) (*laboratory, error) {
	if c.Label.Label == features.ReadyMade {
		return nil, fmt.Errorf("label %q has no horizon to compare: its outcomes are given: %w", c.Label.Label, ErrInvalid)
	}
	l := &laboratory{calendar: c, days: slices.Clone(r.Horizons), mostBack: cmp.Or(r.MostBack, defaultMostBack)}
	if len(l.days) == 0 {
		l.days = defaultHorizons()
	}
	slices.Sort(l.days)
	l.days = slices.Compact(l.days)
	last := cmp.Or(r.Last, MaxTrainCutoffs)
	switch {
	case len(l.days) > mostHorizons:
		return nil, fmt.Errorf("%d horizons, at most %d are compared: %w", len(l.days), mostHorizons, ErrInvalid)
	case last < 1 || last > 120:
		return nil, fmt.Errorf("the last %d month ends, need 1 … 120: %w", last, ErrInvalid)
	case !(l.mostBack > 0 && l.mostBack < 1):
		return nil, fmt.Errorf("a share of %v that may come back, need above 0 and below 1: %w", l.mostBack, ErrInvalid)
	}
	ends := c.monthEnds()
	for _, days := range l.days {
		h := c.horizon(days)
		if err := h.Label.Validate(); err != nil {
			return nil, refused{err}
		}
		l.horizons = append(l.horizons, newBench(h, ends, last))
	}
	l.categories = newBench(c.buying(), ends, last)
	for _, least := range sweptLeastDays() {
		for _, slack := range sweptSlackDays() {
			l.rules = append(l.rules, c.categoryRule(least, slack))
			l.trials = append(l.trials, &bench{calendar: c, at: l.categories.at, excluded: map[string]int{}})
			l.to = append(l.to, map[string]int{})
		}
	}
	l.leaving = make([]float64, len(l.rules))
	return l, nil
}

// cutoffs are those of all definitions, ascending.
func (l *laboratory) cutoffs() []frame.Cutoff {
	all := map[frame.Cutoff]bool{}
	for _, b := range append(l.horizons, l.categories) {
		for at := range b.at {
			all[at] = true
		}
	}
	cutoffs := make([]frame.Cutoff, 0, len(all))
	for at := range all {
		cutoffs = append(cutoffs, at)
	}
	slices.Sort(cutoffs)
	return cutoffs
}

// profiles notes the segments of the accounts, if they have at least two.
func (l *laboratory) profiles(ctx context.Context, s *Service, at frame.Cutoff) error {
	l.segments = map[frame.AccountID]string{}
	names := map[string]bool{}
	err := s.Facts.Profiles(ctx, at, l.Known(at), l.watermark, nil, func(block []features.Profile) error {
		for i := range block {
			if name := block[i].Segment; name != "" {
				l.segments[block[i].Account], names[name] = name, true
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the segments: %w", err)
	}
	if len(names) < 2 {
		l.segments = nil
	}
	return nil
}

// part returns the rows of a slice at the bench's cutoffs, judged by its horizon.
func (b *bench) part(sl *features.Slice) *features.Slice {
	var index []int
	p := &features.Slice{}
	for row, at := range sl.Frame.Cutoffs {
		if !b.at[at] {
			continue
		}
		index = append(index, row)
		p.Status = append(p.Status, features.Judge(sl.LastPurchase[row], sl.DaysRested(row), at, b.ActiveWithin()))
		p.FirstPurchase, p.LastPurchase = append(p.FirstPurchase, sl.FirstPurchase[row]), append(p.LastPurchase, sl.LastPurchase[row])
		p.Rested = append(p.Rested, sl.DaysRested(row))
	}
	p.Frame = sl.Frame.Take(index)
	return p
}

// take adds the rows of a slice to every horizon, whose labels are asked for once.
func (l *laboratory) take(ctx context.Context, s *Service, sl *features.Slice) error {
	asks := make([]features.LabelAsk, len(l.horizons))
	for i, b := range l.horizons {
		asks[i] = features.LabelAsk{LabelRequest: b.labels(b.Label), Slice: b.part(sl)}
	}
	all, err := s.Facts.OutcomesOf(ctx, asks)
	if err != nil {
		return fmt.Errorf("label with horizons of %v days: %w", l.days, err)
	}
	for i, b := range l.horizons {
		if err := b.add(asks[i].Slice, all[i]); err != nil {
			return err
		}
	}
	return nil
}

// add adds rows with their labels.
func (b *bench) add(part *features.Slice, o *features.Outcome) error {
	columns, err := part.Frame.Select([]string{recencyColumn, gapColumn, paceColumn, tenureColumn})
	if err != nil {
		return fmt.Errorf("read the recency rule's columns: %w", err)
	}
	for i := range part.Status {
		if o.Touched != nil && o.Touched[i] && (o.Excluded[i] == features.Labelled || o.Excluded[i] == features.Touched) {
			b.touched++
		}
		if why := whyLeftOut(part, o, i); why != "" {
			b.excluded[why]++
			continue
		}
		if y := o.Y[i]; y != 0 && y != 1 {
			return fmt.Errorf("the outcome of account %q at %s is %v, and churn is 0 or 1: %w", part.Frame.Accounts[i], part.Frame.Cutoffs[i], y, ErrInvalid)
		}
		b.rows = append(b.rows, trialRow{
			account: part.Frame.Accounts[i], lost: o.Y[i], back: o.CameBack[i],
			silence: columns.Columns[0].Numbers[i], gap: columns.Columns[1].Numbers[i],
			pace: pace(columns.Columns[2].Numbers[i], columns.Columns[3].Numbers[i]),
		})
	}
	return nil
}

// pace returns the buying days per day of the year, or of a shorter tenure of at
// least 30 days; 0 where nothing is known.
func pace(buyingDays, tenureDays float64) float64 {
	v := buyingDays / math.Max(30, math.Min(365, tenureDays))
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// takeCategories adds the categories of a slice's accounts under every rule.
func (l *laboratory) takeCategories(ctx context.Context, s *Service, sl *features.Slice) error {
	part := l.categories.part(sl)
	if part.Frame.Rows() == 0 {
		return nil
	}
	return s.eachCategory(ctx, l.categories.calendar, part, slices.Min(sweptLeastDays()), func(h *features.CategoryHistory, o *features.Outcome, why string) {
		l.seen = true
		row := trialRow{
			account: h.Account, back: math.NaN(), silence: float64(h.Today - h.Last), gap: h.GapDays,
			pace: pace(float64(h.BuyingDays), float64(h.TenureDays)),
		}
		for k, rule := range l.rules {
			b := l.trials[k]
			y, x := rule.Stopped(h)
			switch {
			case why != "":
				b.excluded[why]++
				continue
			case x != features.Labelled:
				b.excluded[x.String()]++
				continue
			}
			if o.Touched != nil && o.Touched[h.Row] {
				b.touched++
			}
			if row.lost = y; y == 1 {
				l.leaving[k] += rule.Leaving(h)
				l.to[k][string(rule.Destination(h))]++
			}
			if row.back = math.NaN(); y == 1 && l.categories.Label.BackFinal(h.Cutoff, l.through) {
				row.back = 0
				if h.OrdersAfter > 0 {
					row.back = 1
				}
			}
			b.rows = append(b.rows, row)
		}
	})
}

// judge measures every definition and proposes one of each kind.
func (l *laboratory) judge(ctx context.Context) (LabelsCompareResult, error) {
	result := LabelsCompareResult{
		Label: string(l.Label.Label), MostBack: l.mostBack, SegmentsBy: "segment", SegmentsByZH: "客户分群", CategoryHorizonDays: l.Label.HorizonDays,
		Horizons: []HorizonRow{}, Categories: []CategoryRow{}, CategoryProposed: Choice{Row: -1},
	}
	if l.segments == nil {
		result.SegmentsBy, result.SegmentsByZH = "thirds of how often accounts buy", "按购买频率分成的三等份"
	}
	var trials []Trial
	var names, namesZH []string
	for i, b := range l.horizons {
		if err := ctx.Err(); err != nil {
			return result, err
		}
		trial, err := b.measure(l.segments)
		if err != nil {
			return result, err
		}
		row := HorizonRow{HorizonDays: l.days[i], Trial: trial}
		switch {
		case len(b.at) == 0:
			first, through := l.first.Time().In(l.zone).Format(time.DateOnly), l.text(l.through)
			row.Why = fmt.Sprintf("no month end has a final label and %d days before it; %s", l.days[i], l.calendar.days())
			row.WhyZH = fmt.Sprintf("没有任何月末既有已确定的标签、之前又有%d天的数据；订单从%s到%s", l.days[i], first, through)
		case trial.Rows == 0:
			row.Why, row.WhyZH = "no account has a label", "没有任何客户有标签"
		}
		result.Horizons, trials = append(result.Horizons, row), append(trials, trial)
		names, namesZH = append(names, fmt.Sprintf("%d days", l.days[i])), append(namesZH, fmt.Sprintf("%d天", l.days[i]))
	}
	result.Proposed = choose(trials, l.mostBack, horizonWords(names, namesZH))
	switch {
	case len(l.categories.at) == 0:
		result.CategoryWhy = fmt.Sprintf("no month end has a final label of %d days", l.Label.HorizonDays)
		result.CategoryWhyZH = fmt.Sprintf("没有任何月末有已确定的%d天标签", l.Label.HorizonDays)
		return result, nil
	case !l.seen:
		result.CategoryWhy, result.CategoryWhyZH = "no category was bought on two days of a year: order lines need a category", "没有任何品类在一年内有两个购买日：订单行需要品类"
		return result, nil
	}
	trials, names, namesZH = nil, nil, nil
	order := make([]int, len(l.rules))
	for k, b := range l.trials {
		if err := ctx.Err(); err != nil {
			return result, err
		}
		trial, err := b.measure(l.segments)
		if err != nil {
			return result, err
		}
		rule := l.rules[k]
		result.Categories = append(result.Categories, CategoryRow{
			LeastDays: rule.LeastDays, SlackDays: rule.SlackDays, Trial: trial, Leaving: model.Figure(l.leaving[k]), To: l.to[k],
		})
		order[k] = k
	}
	// The more a rule speaks of, the better.
	slices.SortStableFunc(order, func(a, b int) int { return result.Categories[b].Rows - result.Categories[a].Rows })
	for _, k := range order {
		r := &result.Categories[k]
		trials = append(trials, r.Trial)
		names = append(names, fmt.Sprintf("at least %d buying days and %d days of slack", r.LeastDays, r.SlackDays))
		namesZH = append(namesZH, fmt.Sprintf("至少%d个购买日、宽限%d天", r.LeastDays, r.SlackDays))
	}
	if result.CategoryProposed = choose(trials, l.mostBack, categoryWords(names, namesZH)); result.CategoryProposed.Row >= 0 {
		result.CategoryProposed.Row = order[result.CategoryProposed.Row]
	}
	return result, nil
}
