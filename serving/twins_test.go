package serving

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// The twins below stand in for the warehouse and the registry, slow and
// obvious, where a test is about what the use cases decide. The walk on the
// real ones is in cmd/fealty.

// purchase is all that the twin of the facts knows of: who bought when, for how
// much, and in which load that came.
type purchase struct {
	account string
	at      int64
	amount  float64
	load    uint64
}

// twinFacts answers from purchases in memory; every purchase is its own order
// and known at once. Of the catalogue it fills the columns in twinColumns, the
// others are missing.
type twinFacts struct {
	purchases []purchase
	// span overrides what the purchases cover.
	span        features.Span
	definitions string
	engine      string
	sliceRows   int
	// categories is what Categories answers, after told has seen it.
	categories []features.CategoryHistory
	told       func(*features.Slice, []features.CategoryHistory)
	// holdings is what Holdings answers from.
	holdings []features.Holding
	// upkeeps and referrals are what Upkeeps and Referrals answer from.
	upkeeps   []features.Upkeep
	referrals []features.Referral
	// declared is what Declared answers from, and what Declare adds to.
	declared []features.Declared
	// assessed is what Assessed answers from, and what Assess adds to.
	assessed []features.Assessed
	// built is called before each slice is handed on.
	built func()
	// groups tells whether the last build asked was one of groups.
	groups bool
	// moves and standings are what Moves and Standings answer, links what Links does.
	// Erased answers who is erased in the standings, and those named beside.
	moves     map[frame.AccountID]features.Move
	standings map[frame.AccountID]features.Standing
	links     []features.Link
	erased    []frame.AccountID
	mu        sync.Mutex
	calls     map[string]int
}

func (f *twinFacts) called(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[name]++
}

func (f *twinFacts) Describe() string {
	if f.engine != "" {
		return f.engine
	}
	return "twin 1"
}

func (f *twinFacts) WorthDefinitions() string { return "w" + f.definitions }

func (f *twinFacts) Definitions([]features.Feature) (string, error) {
	if f.definitions != "" {
		return f.definitions, nil
	}
	return "d1", nil
}

func (f *twinFacts) Watermark(context.Context) (uint64, error) {
	var w uint64
	for _, p := range f.purchases {
		w = max(w, p.load)
	}
	return w, nil
}

func (f *twinFacts) Extent(_ context.Context, watermark uint64) (features.Span, error) {
	if f.span.Rows > 0 {
		return f.span, nil
	}
	var s features.Span
	accounts := map[string]bool{}
	for _, p := range f.purchases {
		if p.load > watermark {
			continue
		}
		if s.Rows == 0 || p.at < s.First {
			s.First = p.at
		}
		s.Last, accounts[p.account] = max(s.Last, p.at), true
		s.Rows++
	}
	s.Accounts = int64(len(accounts))
	return s, nil
}

func (f *twinFacts) ProposeHorizon(context.Context, frame.Cutoff, frame.KnownAt, uint64, string) (features.Proposal, error) {
	return features.Proposal{HorizonDays: 90, Accounts: 1}, nil
}

func (f *twinFacts) Measure(_ context.Context, r features.Request) ([]features.Coverage, error) {
	f.called("measure")
	var all []features.Coverage
	for _, source := range features.Sources() {
		for _, at := range r.Cutoffs {
			c := features.Coverage{Source: source, Cutoff: at}
			if source == features.OrderLines {
				c.Rows = int64(len(f.purchases))
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (f *twinFacts) Population(_ context.Context, r features.Request) ([]features.Person, error) {
	var all []features.Person
	accounts, of := f.by(r.Watermark)
	for _, a := range accounts {
		for _, at := range r.Cutoffs {
			who := features.Person{Account: frame.AccountID(a), Cutoff: at}
			for _, p := range of[a] {
				if p.at < int64(at) {
					who.Last = p.at
				}
			}
			if who.Last > 0 {
				who.First, who.Status = of[a][0].at, features.Judge(who.Last, 0, at, r.ActiveWithinDays)
				all = append(all, who)
			}
		}
	}
	return all, nil
}

func (f *twinFacts) Moves(_ context.Context, r features.Request) (map[frame.AccountID]features.Move, error) {
	f.called("moves")
	f.linked(r)
	return f.moves, nil
}

func (f *twinFacts) Links(context.Context, uint64) ([]features.Link, error) {
	f.called("links")
	return append([]features.Link{}, f.links...), nil
}

func (f *twinFacts) Erased(context.Context, uint64) ([]frame.AccountID, error) {
	f.called("erased")
	all := slices.Clone(f.erased)
	for account, s := range f.standings {
		if s.Erased {
			all = append(all, account)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Fingerprints counts the purchases known at the instant and adds up their amounts:
// to the twin every source has them all.
func (f *twinFacts) Fingerprints(_ context.Context, sources []features.MappedSource, known frame.KnownAt) ([]features.Fingerprint, error) {
	f.called("fingerprints")
	all := make([]features.Fingerprint, len(sources))
	for i := range sources {
		all[i] = features.Fingerprint{Table: sources[i].Table, Source: sources[i].Name, Mapping: features.Canonical(sources[i : i+1])}
		sum := 0.0
		for _, p := range f.purchases {
			if p.at <= int64(known) {
				all[i].Rows++
				sum += p.amount
			}
		}
		all[i].Sum = fmt.Sprint(sum)
	}
	return all, nil
}

// linked notes a request that has to read the links by itself.
func (f *twinFacts) linked(r features.Request) {
	if r.Links == nil {
		f.called("links within")
	}
}

func (f *twinFacts) Standings(_ context.Context, r features.Request, _ int) (map[frame.AccountID]features.Standing, error) {
	f.linked(r)
	return f.standings, nil
}

func (f *twinFacts) Profiles(_ context.Context, _ frame.Cutoff, _ frame.KnownAt, _ uint64, accounts []frame.AccountID, each func([]features.Profile) error) error {
	var all []features.Profile
	for _, a := range slices.Sorted(slices.Values(accounts)) {
		all = append(all, features.Profile{Account: a, Name: "Firm " + string(a), Segment: "shop", Region: "north", Manager: "Li Wei"})
	}
	return each(all)
}

// by returns the accounts with their purchases in order of time.
func (f *twinFacts) by(watermark uint64) (accounts []string, of map[string][]purchase) {
	of = map[string][]purchase{}
	for _, p := range f.purchases {
		if p.load <= watermark {
			of[p.account] = append(of[p.account], p)
		}
	}
	for a := range of {
		accounts = append(accounts, a)
		slices.SortFunc(of[a], func(x, y purchase) int { return int(x.at - y.at) })
	}
	slices.Sort(accounts)
	return accounts, of
}

func (f *twinFacts) Build(ctx context.Context, r features.Request, each func(*features.Slice) error) (*features.BuildReport, error) {
	f.called("build")
	f.linked(r)
	f.groups = r.Groups
	report := &features.BuildReport{Status: map[features.Eligibility]int{}, Coverage: r.Coverage}
	if report.Coverage == nil {
		report.Coverage, _ = f.Measure(ctx, r)
	}
	accounts, of := f.by(r.Watermark)
	var open *features.Slice
	hand := func() error {
		if open == nil {
			return nil
		}
		if f.built != nil {
			f.built()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		s := open
		open = nil
		report.Slices++
		return each(s)
	}
	for _, a := range accounts {
		if len(r.Accounts) > 0 && !slices.Contains(r.Accounts, frame.AccountID(a)) {
			continue
		}
		report.Accounts++
		for _, at := range r.Cutoffs {
			seen := of[a][:0:0]
			for _, p := range of[a] {
				if p.at < int64(at) {
					seen = append(seen, p)
				}
			}
			if len(seen) == 0 {
				continue // nothing known of it yet
			}
			if open == nil {
				open = &features.Slice{Frame: &frame.Frame{}}
				for i := range r.Catalogue {
					open.Frame.Columns = append(open.Frame.Columns, frame.Column{Meta: r.Catalogue[i].Meta, Kind: frame.Number})
				}
			}
			first, last := seen[0].at, seen[len(seen)-1].at
			status := features.Judge(last, 0, at, r.ActiveWithinDays)
			values := twinRow(seen, int64(at))
			for i := range open.Frame.Columns {
				v, ok := values[r.Catalogue[i].Name]
				if !ok {
					v = math.NaN()
				}
				open.Frame.Columns[i].Numbers = append(open.Frame.Columns[i].Numbers, v)
			}
			open.Frame.Accounts, open.Frame.Cutoffs = append(open.Frame.Accounts, frame.AccountID(a)), append(open.Frame.Cutoffs, at)
			open.Status = append(open.Status, status)
			open.FirstPurchase, open.LastPurchase = append(open.FirstPurchase, first), append(open.LastPurchase, last)
			report.Status[status]++
			report.Rows++
		}
		if open != nil && f.sliceRows > 0 && len(open.Status) >= f.sliceRows {
			if err := hand(); err != nil {
				return nil, err
			}
		}
	}
	if err := hand(); err != nil {
		return nil, err
	}
	return report, nil
}

// twinRow is a row of features from the purchases before a cutoff.
func twinRow(seen []purchase, at int64) map[string]float64 {
	days := func(t int64) float64 { return math.Floor(float64(at-t) / 86400) }
	v := map[string]float64{
		"recency_days": days(seen[len(seen)-1].at), "tenure_days": days(seen[0].at), "orders_total": float64(len(seen)),
		"buying_days_total": float64(len(seen)), "orders_90d": 0, "orders_365d": 0, "spend_90d": 0, "spend_365d": 0, "spend_total": 0,
	}
	for i, p := range seen {
		v["spend_total"] += p.amount
		if age := days(p.at); age <= 365 {
			v["orders_365d"]++
			v["spend_365d"] += p.amount
			if age <= 90 {
				v["orders_90d"]++
				v["spend_90d"] += p.amount
			}
			if i > 0 && age <= 90 {
				v["comeback_gap_days"] = max(v["comeback_gap_days"], math.Floor(float64(p.at-seen[i-1].at)/86400))
			}
		}
	}
	if n := len(seen); n > 1 {
		v["gap_mean_days"] = float64(seen[n-1].at-seen[0].at) / 86400 / float64(n-1)
		v["gap_median_days"] = v["gap_mean_days"]
		if v["gap_mean_days"] > 0 {
			v["recency_to_gap"] = v["recency_days"] / v["gap_mean_days"]
		}
	}
	return v
}

func (f *twinFacts) Outcomes(_ context.Context, r features.LabelRequest, s *features.Slice) (*features.Outcome, error) {
	if r.Links == nil {
		f.called("links")
	}
	_, of := f.by(r.Watermark)
	n := s.Frame.Rows()
	o := &features.Outcome{Y: make([]float64, n), Excluded: make([]features.Exclusion, n), Spend: make([]float64, n), Orders: make([]float64, n), CameBack: make([]float64, n)}
	for i := range n {
		at := s.Frame.Cutoffs[i]
		o.CameBack[i] = math.NaN()
		for _, p := range of[string(s.Frame.Accounts[i])] {
			if p.at >= int64(at) && p.at < int64(at.Add(r.Rule.HorizonDays)) {
				o.Orders[i]++
				o.Spend[i] += p.amount
			}
		}
		switch {
		case s.Status[i] != features.Eligible:
			o.Excluded[i], o.Y[i] = features.Ineligible, math.NaN()
		case !r.Rule.Final(at, r.Through):
			o.Excluded[i], o.Y[i] = features.NotFinal, math.NaN()
		case o.Orders[i] == 0:
			o.Y[i] = 1
		}
	}
	return o, nil
}

func (f *twinFacts) Categories(_ context.Context, _ features.CategoryRequest, s *features.Slice) ([]features.CategoryHistory, error) {
	all := slices.Clone(f.categories)
	if f.told != nil {
		f.told(s, all)
	}
	return all, nil
}

// twinRuns keeps runs in memory, whole or not at all.
type twinRuns struct {
	mu     sync.Mutex
	runs   []Run
	scores map[string][]score.Score
	// kept are the features that runs keep, by run.
	kept map[string][]*features.Slice
}

func (t *twinRuns) commit(r Run, rows int) Run {
	r.Commit, r.Rows, r.CommittedAt = uint64(len(t.runs)+1), int64(rows), time.Unix(1_700_000_000, 0).UTC()
	r.ID = fmt.Sprintf("run-%d", r.Commit)
	t.runs = append(t.runs, r)
	return r
}

func (t *twinRuns) PublishScores(_ context.Context, r Run, next func() (Batch, error)) (Run, error) {
	var all []score.Score
	var kept []*features.Slice
	for {
		part, err := next()
		if err == io.EOF { //nolint:errorlint // the interface says io.EOF itself
			break
		}
		if err != nil {
			return Run{}, err
		}
		all = append(all, part.Scores...)
		if part.Features != nil {
			kept, r.KeptFeatures = append(kept, part.Features), r.KeptFeatures+int64(len(part.Features.Status))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r = t.commit(r, len(all))
	t.keep(r, kept)
	if t.scores == nil {
		t.scores = map[string][]score.Score{}
	}
	t.scores[r.ID] = all
	return r, nil
}

func (t *twinRuns) PublishFeatures(_ context.Context, r Run, next func() (*features.Slice, error)) (Run, error) {
	n := 0
	var kept []*features.Slice
	for {
		s, err := next()
		if err == io.EOF { //nolint:errorlint // the interface says io.EOF itself
			break
		}
		if err != nil {
			return Run{}, err
		}
		n += s.Frame.Rows()
		kept = append(kept, s)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r = t.commit(r, n)
	t.keep(r, kept)
	return r, nil
}

func (t *twinRuns) keep(r Run, all []*features.Slice) {
	if t.kept == nil {
		t.kept = map[string][]*features.Slice{}
	}
	t.kept[r.ID] = all
}

func (t *twinRuns) Kept(_ context.Context, r Run, account frame.AccountID) ([]KeptRow, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var own, others []KeptRow
	for _, run := range t.runs {
		if run.ID != r.ID && (run.Kind != KindFeatures || run.DefinitionsHash != r.DefinitionsHash) {
			continue
		}
		for _, s := range t.kept[run.ID] {
			for i, a := range s.Frame.Accounts {
				if a != account || s.Frame.Cutoffs[i] != r.Cutoff {
					continue
				}
				row := KeptRow{Run: run.ID, Status: s.Status[i], FirstPurchase: s.FirstPurchase[i], LastPurchase: s.LastPurchase[i], Values: map[string]float64{}}
				for k := range s.Frame.Columns {
					row.Values[s.Frame.Columns[k].Name] = s.Frame.Columns[k].Numbers[i]
				}
				if run.ID == r.ID {
					own = append(own, row)
				} else {
					others = append(others, row)
				}
			}
		}
	}
	slices.Reverse(others)
	return append(own, others...), nil
}

// newest returns the score run of a purpose with the greatest (cutoff, commit)
// below a cutoff.
func (t *twinRuns) newest(purpose string, below frame.Cutoff) (Run, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var best Run
	for _, r := range t.runs {
		if r.Kind == KindScores && r.Purpose == purpose && r.Cutoff < below && r.Cutoff >= best.Cutoff {
			best = r
		}
	}
	return best, best.ID != ""
}

func (t *twinRuns) Latest(context.Context) (Run, error) {
	if r, ok := t.newest(PurposeLive, math.MaxInt64); ok {
		return r, nil
	}
	return Run{}, ErrUnavailable
}

func (t *twinRuns) Newest(_ context.Context, purpose string, below frame.Cutoff) (Run, error) {
	if r, ok := t.newest(purpose, below); ok {
		return r, nil
	}
	return Run{}, ErrNotFound
}

func (t *twinRuns) Run(_ context.Context, id string) (Run, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return Run{}, fmt.Errorf("run %q: %w", id, ErrNotFound)
}

func (t *twinRuns) List(_ context.Context, limit int) ([]Run, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.runs)
	slices.Reverse(all)
	return all[:min(limit, len(all))], nil
}

func (t *twinRuns) Scores(_ context.Context, r Run, accounts []frame.AccountID, each func([]score.Score) error) error {
	t.mu.Lock()
	all, there := t.scores[r.ID]
	t.mu.Unlock()
	if !there {
		return fmt.Errorf("run %q: %w", r.ID, ErrNotFound)
	}
	var part []score.Score
	for _, s := range all {
		if len(accounts) == 0 || slices.Contains(accounts, s.Account) {
			part = append(part, s)
		}
	}
	if len(part) == 0 {
		return nil
	}
	return each(part)
}

func (t *twinRuns) Worths(ctx context.Context, r Run, accounts []frame.AccountID, each func([]score.Worth) error) error {
	return t.Scores(ctx, r, accounts, func(part []score.Score) error {
		var worths []score.Worth
		for i := range part {
			if part[i].Worth != nil {
				worths = append(worths, *part[i].Worth)
			}
		}
		return each(worths)
	})
}

func (t *twinRuns) Briefs(ctx context.Context, r Run, each func([]Brief) error) error {
	return t.Worths(ctx, r, nil, func(part []score.Worth) error {
		briefs := make([]Brief, len(part))
		for i := range part {
			briefs[i] = BriefOf(&part[i])
		}
		return each(briefs)
	})
}

func (t *twinRuns) Wallets(ctx context.Context, r Run, each func([]AccountWallet) error) error {
	return t.Worths(ctx, r, nil, func(part []score.Worth) error {
		wallets := make([]AccountWallet, len(part))
		for i := range part {
			w := &part[i].Wallet
			wallets[i] = AccountWallet{Account: part[i].Account, State: w.State, Amount: float64(w.Amount), Spend: float64(w.Spend)}
		}
		return each(wallets)
	})
}

func (t *twinRuns) Drop(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.scores, id)
	t.runs = slices.DeleteFunc(t.runs, func(r Run) bool { return r.ID == id })
	return nil
}

// twinRegistry keeps bundles in memory.
type twinRegistry struct {
	mu      sync.Mutex
	models  []RegisteredModel
	bundles map[string][]byte
	alias   string
}

func (t *twinRegistry) SaveModel(_ context.Context, m RegisteredModel, bundle []byte) (RegisteredModel, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, ok := t.bundles[m.Version]; ok {
		if string(before) != string(bundle) {
			return RegisteredModel{}, ErrConflict
		}
		return m, nil
	}
	if t.bundles == nil {
		t.bundles = map[string][]byte{}
	}
	t.bundles[m.Version] = bundle
	t.models = append(t.models, m)
	return m, nil
}

func (t *twinRegistry) LoadModel(_ context.Context, version string) ([]byte, RegisteredModel, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.models {
		if m.Version == version {
			return t.bundles[version], m, nil
		}
	}
	return nil, RegisteredModel{}, fmt.Errorf("model %q: %w", version, ErrNotFound)
}

func (t *twinRegistry) Models(_ context.Context, limit, offset int) ([]RegisteredModel, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.models)
	slices.Reverse(all)
	return all[min(offset, len(all)):min(offset+limit, len(all))], nil
}

func (t *twinRegistry) Alias(context.Context, string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.alias == "" {
		return "", ErrNotFound
	}
	return t.alias, nil
}

func (t *twinRegistry) SetAlias(_ context.Context, _, version string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.models, func(m RegisteredModel) bool { return m.Version == version }) {
		return "", fmt.Errorf("model %q: %w", version, ErrNotFound)
	}
	before := t.alias
	t.alias = version
	return before, nil
}

func (t *twinRegistry) SwapAlias(_ context.Context, _, from, to string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.alias != from {
		return fmt.Errorf("it stands for %q: %w", t.alias, ErrConflict)
	}
	t.alias = to
	return nil
}

// twinLoads remembers what was loaded.
type twinLoads struct {
	requests []features.LoadRequest
	rows     int64
	hashes   map[string]uint64
	refuse   error
}

func (t *twinLoads) Load(ctx context.Context, r features.LoadRequest, rows features.Rows, report func(int64)) (features.LoadReport, error) {
	t.requests = append(t.requests, r)
	var n int64
	for {
		part, err := rows.Next(ctx)
		if err == io.EOF { //nolint:errorlint // the interface says io.EOF itself
			break
		}
		if err != nil {
			return features.LoadReport{}, fmt.Errorf("load %s: %w", r.Table, err)
		}
		n += int64(part.Rows())
		report(n)
	}
	if t.refuse != nil {
		return features.LoadReport{}, t.refuse
	}
	hash := strings.Clone(r.Hash())
	if before, ok := t.hashes[hash]; ok {
		return features.LoadReport{Table: r.Table, Load: before, Already: true}, nil
	}
	if t.hashes == nil {
		t.hashes = map[string]uint64{}
	}
	t.hashes[hash] = uint64(len(t.hashes) + 1)
	t.rows += n
	return features.LoadReport{Table: r.Table, Load: t.hashes[hash], Rows: n}, nil
}

func (t *twinLoads) Loads(context.Context, int) ([]features.Load, error) { return nil, nil }

var (
	_ Facts    = (*twinFacts)(nil)
	_ Runs     = (*twinRuns)(nil)
	_ Registry = (*twinRegistry)(nil)
	_ Loads    = (*twinLoads)(nil)
)
