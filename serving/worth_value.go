package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// ValueRequest asks what accounts are worth; with Breached only those that break the
// policy of their tier are shown, with Verdict only those of that verdict.
type ValueRequest struct {
	WorthRequest
	Breached bool   `json:"breached,omitempty"`
	Verdict  string `json:"verdict,omitempty"`
}

// ValueRow is where an account stands among the others, and what to do about it.
type ValueRow struct {
	Account string `json:"account"`
	// Stage is where it stands in its life with us: who has lapsed is gone, and has
	// neither a tier nor a verdict but review.
	Stage string `json:"stage"`
	// Value is commercial value in a year, the sum of those of its four parts that
	// are known; base currency.
	Value     model.Figure `json:"value"`
	Existing  model.Figure `json:"existing"`
	Potential model.Figure `json:"potential"`
	Influence model.Figure `json:"influence"`
	Learning  model.Figure `json:"learning"`
	Tier      string       `json:"tier"`
	Level     string       `json:"level"`
	Cell      string       `json:"rfm"`
	Verdict   string       `json:"verdict"`
	// Because are the figures that the verdict rests on, Breaches the parts of the
	// tier's policy that are not kept.
	Because  []score.Ground `json:"because,omitempty"`
	Breaches []score.Breach `json:"breaches,omitempty"`
	EN       string         `json:"en,omitempty"`
	ZH       string         `json:"zh,omitempty"`
	// Parts are what the four parts are made of, with words where accounts are named;
	// runs of before tell none.
	Parts []ValuePart `json:"parts,omitempty"`
	// Untold are the parts of value, the tier and the verdict that are not told, each with
	// the reason; influence and learning, which most have not, only where accounts are named.
	Untold []Untold `json:"untold,omitempty"`

	risk float64
}

// ValuePart is one figure that a part of value is made of.
type ValuePart struct {
	score.Part
	// Of is existing, potential or influence.
	Of string `json:"of"`
	EN string `json:"en,omitempty"`
	ZH string `json:"zh,omitempty"`
}

// gone tells whether the account is none of those who buy.
func (r *ValueRow) gone() bool {
	return r.Stage == string(score.Lapsed) || r.Stage == string(score.NeverBought)
}

// ValueResult are values, the largest first, with what they are together.
type ValueResult struct {
	WorthOf
	// ValueRate is the margin rate assumed in the values of Assumed accounts, which have no
	// revenue of known cost (loyalty.value.margin_rate); null when there is none.
	ValueRate model.Figure `json:"value_margin_rate"`
	Assumed   int          `json:"margin_assumed"`
	// Gone counts the accounts that have lapsed or never bought: they count in neither
	// tiers, curve nor levels.
	Gone int        `json:"gone"`
	Rows []ValueRow `json:"rows"`
	// Tiers, Levels, Verdicts and Cells are of all accounts of the answer, also where
	// fewer rows are shown.
	Tiers         []TierSum      `json:"tiers"`
	Concentration []Concentrated `json:"concentration"`
	Levels        []LevelMix     `json:"levels"`
	Verdicts      []VerdictCount `json:"verdicts"`
	// Cells are the RFM cells, the best first, of those who buy and those who are gone.
	Cells []CellSum `json:"cells"`
}

// CellSum is what the accounts of an RFM cell are worth together, and the mean of
// their probabilities of leaving, where there are any.
type CellSum struct {
	Cell     string       `json:"rfm"`
	EN       string       `json:"en"`
	ZH       string       `json:"zh"`
	Accounts int          `json:"accounts"`
	Value    model.Figure `json:"value"`
	Risk     model.Figure `json:"risk"`
}

// TierSum is what the accounts of a tier are worth together.
type TierSum struct {
	Tier string `json:"tier"`
	// Why says why the accounts have no tier; "" of a tier.
	Why      string       `json:"why,omitempty"`
	EN       string       `json:"en"`
	ZH       string       `json:"zh"`
	Accounts int          `json:"accounts"`
	Value    model.Figure `json:"value"`
	// Share of the value of all, where that is above 0.
	Share model.Figure `json:"share"`
	// Breached is how many accounts have a breach of the tier's policy.
	Breached int `json:"breached"`
	// Policy is what the tier is promised and what is expected of it; nil where the run
	// was scored with other settings.
	Policy   *TierPolicy `json:"policy,omitempty"`
	PolicyEN string      `json:"policy_en,omitempty"`
	PolicyZH string      `json:"policy_zh,omitempty"`
}

// TierPolicy is a loyalty.Policy by the names of an answer. The policy itself has no
// such names: the hash of the settings is of its own.
type TierPolicy struct {
	ContactDays   float64 `json:"contact_days"`
	ResponseHours float64 `json:"response_hours"`
	PaymentDays   float64 `json:"payment_days"`
	DiscountMost  float64 `json:"discount_most"`
}

// Concentrated says that so large a share of the accounts, the best, holds so large
// a share of the value.
type Concentrated struct {
	Accounts model.Figure `json:"accounts"`
	Value    model.Figure `json:"value"`
}

// LevelMix is how many accounts stand at a level of relationship, of a hundred whose
// level is known, beside the literature's range.
type LevelMix struct {
	Level          string       `json:"level"`
	EN             string       `json:"en"`
	ZH             string       `json:"zh"`
	Accounts       int          `json:"accounts"`
	PerHundred     model.Figure `json:"per_hundred"`
	LiteratureLow  model.Figure `json:"literature_low"`
	LiteratureHigh model.Figure `json:"literature_high"`
}

// VerdictCount counts the accounts of a verdict.
type VerdictCount struct {
	Verdict string `json:"verdict"`
	// Why says why the accounts have no verdict; "" of a verdict.
	Why      string `json:"why,omitempty"`
	EN       string `json:"en"`
	ZH       string `json:"zh"`
	Accounts int    `json:"accounts"`
}

// ValuesOf tells commercial value in its four parts, with tier, level, verdict and
// breaches.
func (s *Service) ValuesOf(ctx context.Context, r ValueRequest, report func(Progress)) (result ValueResult, err error) {
	if _, known := loyalty.Verdict(r.Verdict).Words(); !known {
		return result, fmt.Errorf("verdict %q is none of %v: %w", r.Verdict, verdicts, ErrInvalid)
	}
	var rows []ValueRow
	place := map[frame.AccountID]int{}
	result.WorthOf, err = s.worthsAnd(ctx, r.WorthRequest, report, func(w *score.Worth) {
		p := &w.Place
		row := ValueRow{
			Account: string(w.Account), Value: model.Figure(p.Value), Existing: model.Figure(p.Existing), Potential: model.Figure(p.Potential),
			Influence: model.Figure(p.Influence), Learning: model.Figure(p.Learning), Tier: p.Tier, Level: p.Level, Cell: p.Cell,
			Verdict: p.Verdict, Because: p.Because, Breaches: p.Breaches, Untold: untoldOf(w), risk: math.NaN(),
		}
		row.made(p.Parts, len(r.Accounts) > 0)
		place[w.Account] = len(rows)
		rows = append(rows, row)
	}, func(account frame.AccountID, stage score.Stage, risk float64) {
		if i, told := place[account]; told {
			rows[i].Stage, rows[i].risk = string(stage), risk
		}
	})
	if err != nil {
		return result, err
	}
	for i := range rows {
		rows[i].stand(len(r.Accounts) > 0)
	}
	result.sum(rows)
	if err := s.policies(ctx, &result); err != nil {
		return result, err
	}
	rows = slices.DeleteFunc(rows, func(row ValueRow) bool {
		return r.Breached && len(row.Breaches) == 0 || r.Verdict != "" && row.Verdict != r.Verdict
	})
	result.Rows = topRows(rows, r.Limit, func(a, b *ValueRow) int { return largestFirst(float64(a.Value), float64(b.Value)) })
	for i := range result.Rows { // not of a million accounts of which few are shown
		result.Rows[i].say()
	}
	return result, nil
}

// policies adds the tiers' policies, if they are those that the answer was told by.
func (s *Service) policies(ctx context.Context, r *ValueResult) error {
	if r.Run != "" {
		run, err := s.Runs.Run(ctx, r.Run)
		if err != nil || run.ConfigHash != s.Settings.Hash() {
			return err //nolint:wrapcheck // it names the run
		}
	}
	for i := range r.Tiers {
		if policy, ok := s.Settings.Worth.Loyalty.Tiers.Policies[loyalty.Tier(r.Tiers[i].Tier)]; ok {
			words := policy.Words()
			r.Tiers[i].Policy, r.Tiers[i].PolicyEN, r.Tiers[i].PolicyZH = (*TierPolicy)(&policy), words.EN, words.ZH
		}
	}
	return nil
}

// stand hands on where the accounts stand, and that the parents above them never bought.
func (t *toldAnew) stand(stood func(frame.AccountID, score.Stage, float64)) {
	c := t.told.crowd
	tenure, comeback := c.column(tenureColumn), c.column(comebackColumn)
	for i, account := range c.frame.Accounts {
		band := score.None
		if !math.IsNaN(c.risk[i]) {
			band = t.Settings.Bands.Of(c.risk[i])
		}
		stood(account, t.stage(account, c.status[i], tenure[i], comeback[i], band), c.risk[i])
	}
	for _, account := range c.above.names {
		stood(account, score.NeverBought, math.NaN())
	}
}

// made notes what the parts of value are made of.
func (r *ValueRow) made(parts []score.Part, said bool) {
	for _, p := range parts {
		part := ValuePart{Part: p, Of: string(loyalty.PartCode(p.Code).Of())}
		if w, ok := loyalty.WordsOfPart(p); ok && said {
			part.EN, part.ZH = w.EN, w.ZH
		}
		r.Parts = append(r.Parts, part)
	}
}

// say puts the verdict, its grounds, the breaches and what is not told in words.
func (r *ValueRow) say() {
	join := func(w loyalty.Words, ok bool) {
		if !ok {
			return
		}
		if r.EN != "" {
			r.EN, r.ZH = r.EN+"; ", r.ZH+"；"
		}
		r.EN, r.ZH = r.EN+w.EN, r.ZH+w.ZH
	}
	if r.untold(ofVerdict) == nil {
		join(loyalty.Verdict(r.Verdict).Words())
	}
	for _, g := range r.Because {
		join(loyalty.WordsOfGround(g))
	}
	for _, b := range r.Breaches {
		join(loyalty.WordsOfBreach(b))
	}
	for _, u := range r.Untold {
		join(loyalty.Words{EN: u.EN, ZH: u.ZH}, true)
	}
}

// sum tells of all rows together.
func (r *ValueResult) sum(rows []ValueRow) {
	var values []float64
	var levels []loyalty.Level
	tiers, counts := map[placed]*TierSum{}, map[placed]int{}
	var all model.Figure
	r.ValueRate = nan()
	r.addCells(rows)
	for i := range rows {
		row := &rows[i]
		for _, p := range row.Parts {
			if p.Code == string(loyalty.PartMarginRate) {
				r.ValueRate, r.Assumed = p.Value, r.Assumed+1
			}
		}
		counts[row.placed(ofVerdict, row.Verdict, loyalty.Verdict(row.Verdict).Words)]++
		if row.gone() {
			r.Gone++
			continue
		}
		values, levels = append(values, float64(row.Value)), append(levels, loyalty.Level(row.Level))
		tier := row.placed(ofTier, row.Tier, loyalty.Tier(row.Tier).Words)
		t := tiers[tier]
		if t == nil {
			t = &TierSum{Tier: tier.Code, Why: tier.why, EN: tier.EN, ZH: tier.ZH}
			tiers[tier] = t
		}
		t.Accounts++
		if !math.IsNaN(float64(row.Value)) {
			t.Value, all = t.Value+row.Value, all+row.Value
		}
		if len(row.Breaches) > 0 {
			t.Breached++
		}
	}
	for _, tier := range byPlace(append(loyalty.Tiers(), loyalty.NoTier), tiers) {
		t := tiers[tier]
		if t.Share = nan(); all > 0 {
			t.Share = t.Value / all
		}
		r.Tiers = append(r.Tiers, *t)
	}
	for _, c := range loyalty.Concentration(values) {
		r.Concentration = append(r.Concentration, Concentrated{model.Figure(c.Accounts), model.Figure(c.Value)})
	}
	for _, m := range loyalty.MixOf(levels) {
		r.Levels = append(r.Levels, LevelMix{
			Level: string(m.Level), EN: m.Level.Label(score.English), ZH: m.Level.Label(score.Chinese), Accounts: m.Count,
			PerHundred: model.Figure(m.PerHundred), LiteratureLow: model.Figure(m.LiteratureLow), LiteratureHigh: model.Figure(m.LiteratureHigh),
		})
	}
	for _, v := range byPlace(append(slices.Clone(verdicts), loyalty.NoVerdict), counts) {
		r.Verdicts = append(r.Verdicts, VerdictCount{v.Code, v.why, v.EN, v.ZH, counts[v]})
	}
}

// verdicts are those that rows may be asked by.
var verdicts = []loyalty.Verdict{loyalty.Keep, loyalty.Grow, loyalty.FixTerms, loyalty.Review}

// addCells sums the RFM cells.
func (r *ValueResult) addCells(rows []ValueRow) {
	cells, risks := map[string]*CellSum{}, map[string]int{}
	for i := range rows {
		row := &rows[i]
		if row.Cell == "" {
			continue
		}
		c := cells[row.Cell]
		if c == nil {
			c = &CellSum{Cell: row.Cell}
			cells[row.Cell] = c
		}
		c.Accounts++
		if !math.IsNaN(float64(row.Value)) {
			c.Value += row.Value
		}
		if !math.IsNaN(row.risk) {
			c.Risk, risks[row.Cell] = c.Risk+model.Figure(row.risk), risks[row.Cell]+1
		}
	}
	names := slices.Sorted(maps.Keys(cells))
	slices.Reverse(names)
	for _, name := range names {
		c := cells[name]
		c.Risk /= model.Figure(risks[name]) // 0 ÷ 0 is not known
		if w, ok := loyalty.WordsOfCell(name); ok {
			c.EN, c.ZH = w.EN, w.ZH
		}
		r.Cells = append(r.Cells, *c)
	}
}

// measurement is what loyalty and value are told from as of a cutoff, without what
// is recommended.
type measurement struct {
	*scorer
	of    WorthOf
	crowd *crowd
	input loyalty.Input
}

// gatherFor gathers the accounts that worth is told of: as of the published run, by
// its model and what it knew, or as of the cutoff and by the model of the request.
func (s *Service) gatherFor(ctx context.Context, r WorthRequest, report func(Progress)) (*measurement, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var run *Run
	if !r.anew() {
		latest, err := s.latest(ctx)
		if err != nil {
			return nil, err
		}
		run = &latest
		r.Cutoff, r.Model = CutoffText(run.Cutoff, s.Settings.Location()), run.Model
	}
	k, c, err := s.asked(ctx, r.Cutoff, r.Model)
	if err != nil {
		return nil, err
	}
	if k.worth == nil {
		return nil, noWorth(k.card.Version)
	}
	m := &measurement{scorer: k, of: k.of()}
	if run != nil {
		c.watermark, k.receipt.Watermark = run.Watermark, run.Watermark
		if m.of, err = s.ofPublished(ctx, *run); err != nil {
			return nil, err
		}
	}
	if m.crowd, err = s.crowd(ctx, c, k.receipt.Cutoff, report); err != nil {
		return nil, err
	}
	if err := k.standToday(ctx, k.request(nil)); err != nil {
		return nil, err
	}
	m.of.Absent = k.absent(r.accounts(), m.crowd, m.of.Cutoff)
	return m, nil
}

// measure gathers the accounts and tells of them what loyalty and value rest on.
func (s *Service) measure(ctx context.Context, r WorthRequest, report func(Progress)) (*measurement, error) {
	m, err := s.gatherFor(ctx, r, report)
	if err != nil {
		return nil, err
	}
	k := m.scorer
	t := &told{crowd: m.crowd, horizon: k.card.HorizonDays}
	if err := k.worth.measure(ctx, t, s.Settings, false); err != nil {
		return nil, err
	}
	m.input = t.input(unmeasured(m.crowd.rows()), s.Settings)
	if err := valued(&m.input, s.Settings.Worth.Loyalty); err != nil {
		return nil, err
	}
	m.input.Scale = k.worth.scale
	names := r.accounts()
	for i := range m.crowd.rows() {
		if m.shown(i, names) {
			m.of.Accounts++
		}
	}
	return m, nil
}

// shown tells whether row i is one that was asked for and may be told of.
func (m *measurement) shown(i int, names []frame.AccountID) bool {
	account := m.crowd.frame.Accounts[i]
	_, asked := slices.BinarySearch(names, account)
	return (asked || len(names) == 0) && !m.standings[account].Erased
}

// BestRequest asks for the best accounts by sales, volume, overdue or
// purchase_cycle.
type BestRequest struct {
	WorthRequest
	By string `json:"by"`
	// Share of the accounts, above 0 and at most 1; 0 means .2.
	Share float64 `json:"share,omitempty"`
}

// BestRow is one of them, with the value that ranks it.
type BestRow struct {
	Rank    int          `json:"rank"`
	Account string       `json:"account"`
	Name    string       `json:"name,omitempty"`
	Manager string       `json:"manager,omitempty"`
	Value   model.Figure `json:"value"`
	// OptedOut marks an account that may not be called.
	OptedOut bool `json:"opted_out,omitempty"`
}

// BestResult are the best accounts of a ranking.
type BestResult struct {
	WorthOf
	By    string       `json:"by"`
	EN    string       `json:"en"`
	ZH    string       `json:"zh"`
	Share model.Figure `json:"share"`
	// Column is what they are ranked by; Of is how many of those who buy have any of it,
	// which Share is of.
	Column string    `json:"column"`
	Of     int       `json:"of"`
	Rows   []BestRow `json:"rows"`
}

// bestShare is how many of the accounts are the best when nobody says.
const bestShare = .2

// Best ranks the accounts and tells the best share of them.
func (s *Service) Best(ctx context.Context, r BestRequest, report func(Progress)) (BestResult, error) {
	by := loyalty.Ranking(r.By)
	if !slices.Contains(loyalty.Rankings(), by) {
		return BestResult{}, fmt.Errorf("ranking %q is none of %v: %w", r.By, loyalty.Rankings(), ErrInvalid)
	}
	if r.Share == 0 {
		r.Share = bestShare
	}
	if !(r.Share > 0 && r.Share <= 1) {
		return BestResult{}, fmt.Errorf("share %v, need above 0 and at most 1: %w", r.Share, ErrInvalid)
	}
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return BestResult{}, err
	}
	defer leave()
	m, err := s.measure(ctx, r.WorthRequest, report)
	if err != nil {
		return BestResult{}, err
	}
	ranks, err := loyalty.Best(m.input, by, r.Share)
	if err != nil {
		return BestResult{}, refused{err}
	}
	result := BestResult{WorthOf: m.of, By: r.By, EN: by.Label(score.English), ZH: by.Label(score.Chinese), Share: model.Figure(r.Share), Column: ranks.Column, Of: ranks.Of, Rows: []BestRow{}}
	names := r.accounts()
	for k, b := range ranks.Best {
		if m.shown(b.Row, names) && (r.Limit == 0 || len(result.Rows) < r.Limit) {
			who := &m.crowd.profiles[b.Row]
			account := m.crowd.frame.Accounts[b.Row]
			result.Rows = append(result.Rows, BestRow{k + 1, string(account), who.Name, who.Manager, model.Figure(b.Value), m.standings[account].OptedOut})
		}
	}
	return result, nil
}

// WinBackRow is an account already gone, and what its return would be worth.
type WinBackRow struct {
	Account string `json:"account"`
	Name    string `json:"name,omitempty"`
	Manager string `json:"manager,omitempty"`
	// YearlyMargin is what it was worth a year while it bought; Probability that it
	// returns within the horizon, Value of that.
	YearlyMargin model.Figure `json:"yearly_margin"`
	Probability  model.Figure `json:"return_probability"`
	Value        model.Figure `json:"value"`
	// Margin is the share of revenue that counts as margin. MarginBy says what it rests
	// on: margin_share, the account's own of the last 365 days, margin_share_ever, its
	// own of the whole history, or margin_rate, assumed.
	Margin   model.Figure `json:"margin"`
	MarginBy string       `json:"margin_by"`
	EN       string       `json:"en"`
	ZH       string       `json:"zh"`
}

// WinBackResult is the list of those to win back, the most valuable first.
type WinBackResult struct {
	WorthOf
	// OptedOut counts those who are gone and may not be called: they are not listed.
	OptedOut int `json:"opted_out"`
	// ValueRate is the margin rate assumed in the values of Assumed accounts, which have no
	// revenue of known cost (loyalty.value.margin_rate); null when there is none. They are
	// counted also where fewer rows are shown.
	ValueRate model.Figure `json:"value_margin_rate"`
	Assumed   int          `json:"margin_assumed"`
	Rows      []WinBackRow `json:"rows"`
}

// WinBacks lists the lapsed accounts, which are at risk no more.
func (s *Service) WinBacks(ctx context.Context, r WorthRequest, report func(Progress)) (WinBackResult, error) {
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return WinBackResult{}, err
	}
	defer leave()
	m, err := s.measure(ctx, r, report)
	if err != nil {
		return WinBackResult{}, err
	}
	list, err := loyalty.WinBacks(m.input, float64(m.card.HorizonDays), s.Settings.Worth.Loyalty)
	if err != nil {
		return WinBackResult{}, refused{err}
	}
	result := WinBackResult{WorthOf: m.of, ValueRate: nan(), Rows: []WinBackRow{}}
	names := r.accounts()
	for _, w := range list {
		switch {
		case !m.shown(w.Row, names):
			continue
		case m.standings[m.crowd.frame.Accounts[w.Row]].OptedOut:
			result.OptedOut++
			continue
		case w.RateBy == loyalty.PartMarginRate:
			result.ValueRate, result.Assumed = model.Figure(w.Rate), result.Assumed+1
		}
		if r.Limit == 0 || len(result.Rows) < r.Limit {
			who := &m.crowd.profiles[w.Row]
			result.Rows = append(result.Rows, WinBackRow{
				Account: string(m.crowd.frame.Accounts[w.Row]), Name: who.Name, Manager: who.Manager, YearlyMargin: model.Figure(w.YearlyMargin),
				Probability: model.Figure(w.Probability), Value: model.Figure(w.Value), Margin: model.Figure(w.Rate), MarginBy: string(w.RateBy),
				EN: w.Sentence(score.English), ZH: w.Sentence(score.Chinese),
			})
		}
	}
	return result, nil
}
