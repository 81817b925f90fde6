package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// Columns of the frame that a label is compared with.
const (
	spendColumn  = "spend_365d"
	tenureColumn = "tenure_days"
)

// outcomesFile reads ready-made labels, ordersFile is where the features have those
// columns from.
const (
	outcomesFile = "outcomes.sql"
	ordersFile   = "orders.sql"
)

// namedAccounts is the number of accounts up to which a query names them; a
// range is asked for above it.
const namedAccounts = 1000

// aftermath are slices whose labels are being filled in together.
type aftermath struct {
	// LabelRequest is what all of them have in common.
	features.LabelRequest
	views []*view
	// asks are the views' cutoffs, one view's after the other's.
	asks []question
	// families are accounts that are one within the horizon, by question.
	families []*family
}

// question is one cutoff of a view.
type question struct {
	view   int
	cutoff frame.Cutoff
}

// view is a slice with its own horizon and knowledge.
type view struct {
	features.LabelRequest
	*features.Outcome
	slice *features.Slice
	// asks begin at first; cutoffs are theirs.
	first   int
	cutoffs []frame.Cutoff
	// begin is the first row of each account; after are the rows that bought in the H
	// days after the window; shared those whose outcome is a family's.
	begin  map[string]int
	after  []bool
	shared map[int]bool
}

// Outcomes is OutcomesOf of one request.
func Outcomes(ctx context.Context, e Engine, r features.LabelRequest, s *features.Slice) (*features.Outcome, error) {
	all, err := OutcomesOf(ctx, e, []features.LabelAsk{{LabelRequest: r, Slice: s}})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// OutcomesOf returns what came after the cutoffs of slices' rows, by slice. Rows that
// never bought, lapsed or whose window is not final are excluded and say so, then
// those that were erased, opted out or paused and, if the rule says so, were
// touched: the first that fits is named. An account without any line in the
// window bought nothing. PartialDefection reads spend_365d and tenure_days of the
// slice's frame. Each table is read once for all requests. They may differ in their
// horizons, what their facts are complete to and what they know: ErrBadRequest when
// they differ otherwise.
func OutcomesOf(ctx context.Context, e Engine, asks []features.LabelAsk) ([]*features.Outcome, error) {
	a, err := aftermathOf(ctx, e, asks)
	if err != nil {
		return nil, err
	}
	all := make([]*features.Outcome, len(a.views))
	for k, v := range a.views {
		n := v.slice.Frame.Rows()
		all[k] = &features.Outcome{
			Y: missing(n), Excluded: make([]features.Exclusion, n), Spend: missing(n), Orders: missing(n), CameBack: missing(n),
			Touched: make([]bool, n),
		}
		v.Outcome, v.after = all[k], make([]bool, n)
	}
	if len(a.asks) == 0 {
		return all, nil
	}
	if err := a.purchases(ctx, e); err != nil {
		return nil, err
	}
	for _, v := range a.views {
		for i, c := range v.slice.Frame.Cutoffs {
			switch {
			case v.slice.Status[i] != features.Eligible:
				v.Excluded[i] = features.Ineligible
			case !v.Rule.Final(c, v.Through):
				v.Excluded[i] = features.NotFinal
			}
		}
	}
	if err := a.exclude(ctx, e); err != nil {
		return nil, err
	}
	if err := a.label(ctx, e); err != nil {
		return nil, err
	}
	for _, v := range a.views {
		for i, c := range v.slice.Frame.Cutoffs {
			if v.Rule.Label == features.NonContractual && v.Y[i] == 1 && v.Rule.BackFinal(c, v.Through) {
				v.CameBack[i] = truth(v.after[i])
			}
		}
	}
	return all, nil
}

// aftermathOf makes ready to ask what came after slices' rows.
func aftermathOf(ctx context.Context, e Engine, asks []features.LabelAsk) (*aftermath, error) {
	a := &aftermath{}
	for k := range asks {
		r := asks[k].LabelRequest
		if err := r.Rule.Validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", features.ErrBadRequest, err)
		}
		if k == 0 {
			a.LabelRequest = r
		} else if err := a.alike(&r); err != nil {
			return nil, err
		}
		v := &view{LabelRequest: r, slice: asks[k].Slice, first: len(a.asks), begin: map[string]int{}, shared: map[int]bool{}}
		seen := map[frame.Cutoff]bool{}
		for i, account := range v.slice.Frame.Accounts {
			if _, ok := v.begin[string(account)]; !ok {
				v.begin[string(account)] = i
			}
			if c := v.slice.Frame.Cutoffs[i]; !seen[c] {
				seen[c] = true
				v.cutoffs = append(v.cutoffs, c)
				a.asks = append(a.asks, question{k, c})
			}
		}
		a.views = append(a.views, v)
	}
	if len(a.asks) == 0 {
		return a, nil
	}
	err := a.unite(ctx, e)
	return a, err
}

// alike refuses a request that differs from the first in more than its horizon, what its
// facts are complete to and what it knows.
func (a *aftermath) alike(r *features.LabelRequest) error {
	rule := r.Rule
	rule.HorizonDays = a.Rule.HorizonDays
	if rule != a.Rule || r.Watermark != a.Watermark || r.KnownLag != a.KnownLag || r.Zone != a.Zone ||
		len(r.Links) != len(a.Links) || len(r.Links) > 0 && &r.Links[0] != &a.Links[0] {
		return fmt.Errorf("%w: labels asked for together differ in more than horizon, through and known_at", features.ErrBadRequest)
	}
	return nil
}

func missing(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

// params are those of every label query for the views from … to, the latter not
// included.
func (a *aftermath) params(from, to int) Params {
	p := Params{
		"grace_days": uint64(a.Rule.GraceDays), "outcome": a.Rule.Outcome, //nolint:gosec // validated: 0 … 366
		"watermark": a.Watermark, "tz": cmp.Or(a.Zone, "UTC"),
		"accounts": []string{}, "from_account": "", "to_account": "",
	}
	var cutoffs []frame.Cutoff
	var known []frame.KnownAt
	var horizons, knownBy []int64
	names := map[string]bool{}
	for _, v := range a.views[from:to] {
		for _, c := range v.cutoffs {
			cutoffs, known = append(cutoffs, c), append(known, a.knownAt(c))
			horizons, knownBy = append(horizons, int64(v.Rule.HorizonDays)), append(knownBy, v.knownBy())
		}
		for name := range v.begin {
			names[name] = true
		}
	}
	p["cutoffs"], p["known_at"], p["horizons"], p["known_by"] = cutoffs, known, horizons, knownBy
	if to == from+1 { // what is asked for one view at a time
		p["horizon_days"] = uint64(a.views[from].Rule.HorizonDays) //nolint:gosec // validated: 1 … 1830
		p["recorded_by"] = uint64(max(0, a.views[from].KnownAt))
	}
	sorted := slices.Sorted(maps.Keys(names))
	if len(sorted) > namedAccounts {
		p["from_account"], p["to_account"] = sorted[0], sorted[len(sorted)-1]
		return p
	}
	p["accounts"] = sorted
	return p
}

// knownAt is the instant up to which features at a cutoff know their facts.
func (a *aftermath) knownAt(c frame.Cutoff) frame.KnownAt {
	return frame.KnownAt(int64(c) + int64(a.KnownLag/time.Second))
}

// whenever is later than anything is recorded.
const whenever = math.MaxInt64

// knownBy is the instant up to which the view knows what came.
func (v *view) knownBy() int64 {
	if v.KnownAt == 0 {
		return whenever
	}
	return int64(v.KnownAt)
}

// find returns the row of an account at a cutoff, −1 when the slice has none:
// a range holds accounts that nothing was known of yet.
func (v *view) find(account string, cutoff frame.Cutoff) int {
	i, ok := v.begin[account]
	if !ok {
		return -1
	}
	f := v.slice.Frame
	for ; i < f.Rows() && string(f.Accounts[i]) == account; i++ {
		if f.Cutoffs[i] == cutoff {
			return i
		}
	}
	return -1
}

// read runs a label query and hands on each row of the views that it answers
// for, with the values of the named columns. Of accounts that are one within the
// horizon it reads what all of them did.
func (a *aftermath) read(ctx context.Context, e Engine, name string, columns []string, each func(v *view, row int, values []float64)) error {
	values := make([]float64, len(columns))
	return a.answers(ctx, e, name, nil, columns, func(v *view, rows []int, found []*frame.Column, i int) {
		for c := range values {
			values[c] = found[c].Float(i)
		}
		for _, row := range rows {
			each(v, row, values)
		}
	})
}

// answers runs a label query, with parameters of its own if it has any, and hands on its
// answers: the rows of a view that one speaks of (several for accounts that are one
// within the horizon), the named columns, and where in them it stands. A query that
// takes the horizons and the knowledge of many questions runs once, another for each
// view.
func (a *aftermath) answers(ctx context.Context, e Engine, name string, own Params, columns []string, each func(v *view, rows []int, found []*frame.Column, i int)) error {
	sql := statement("labels/" + name)
	if own["rested"] == uint64(0) {
		sql = withoutTerms(sql)
	}
	together, step := strings.Contains(sql, "{known_by:"), 1
	key := "cutoff"
	if together {
		step, key = len(a.views), "asked"
	}
	families := a.families
	if name == outcomesFile {
		families = nil // outcomes are recorded of an account itself
	}
	var rows []int
	for from := 0; from < len(a.views); from += step {
		if !slices.ContainsFunc(a.views[from:from+step], func(v *view) bool { return len(v.cutoffs) > 0 }) {
			continue
		}
		params := a.params(from, from+step)
		maps.Copy(params, own)
		take := func(t *frame.Table, named map[string]*family) error {
			found, err := pick(t, append([]string{"account", key}, columns...)...)
			if err != nil {
				return err
			}
			for i := range t.Rows() {
				k := int(found[1].Integers[i]) - 1
				if !together {
					k = a.views[from].asked(frame.Cutoff(found[1].Integers[i]))
				}
				if k < 0 {
					continue
				}
				v, account := a.views[a.asks[k].view], found[0].Texts[i]
				rows = rows[:0]
				if named != nil {
					a.members(named[account], k, func(row int) { rows = append(rows, row) })
				} else if row := v.find(account, a.asks[k].cutoff); row >= 0 && (families == nil || !v.shared[row]) {
					rows = append(rows, row)
				}
				if len(rows) > 0 {
					each(v, rows, found[2:], i)
				}
			}
			return nil
		}
		err := ask(ctx, e, sql, params, func(t *frame.Table) error { return take(t, nil) })
		if err == nil {
			params["accounts"], params["from_account"], params["to_account"] = []string{}, "", ""
			err = askFamilies(ctx, e, families, sql, params, take)
		}
		if err != nil {
			return fmt.Errorf("label by %s: %w", name, err)
		}
	}
	return nil
}

// asked returns the number of the view's question at a cutoff, −1 when there is none.
func (v *view) asked(cutoff frame.Cutoff) int {
	if i := slices.Index(v.cutoffs, cutoff); i >= 0 {
		return v.first + i
	}
	return -1
}

// purchases fills Spend and Orders, and notes which rows bought in the H days
// after the window.
func (a *aftermath) purchases(ctx context.Context, e Engine) error {
	for _, v := range a.views {
		for i, c := range v.slice.Frame.Cutoffs {
			if c.Add(v.Rule.HorizonDays) <= v.Through {
				v.Spend[i], v.Orders[i] = 0, 0
			}
		}
	}
	return a.read(ctx, e, "purchases.sql", []string{"orders", "spend", "orders_after"}, func(v *view, row int, found []float64) {
		if !math.IsNaN(v.Orders[row]) {
			v.Orders[row], v.Spend[row] = found[0], found[1]
		}
		v.after[row] = found[2] > 0
	})
}

// exclude marks what campaigns touched and leaves out the rows that nothing may
// be learnt of, or whose silence was agreed. Each table is one query, and one
// without rows leaves everything as it is.
func (a *aftermath) exclude(ctx context.Context, e Engine) error {
	out := func(v *view, row int, why features.Exclusion) {
		if v.Excluded[row] == features.Labelled {
			v.Excluded[row] = why
		}
	}
	err := a.read(ctx, e, "consents.sql", []string{"opted_out", "erased"}, func(v *view, row int, found []float64) {
		if found[1] != 0 {
			out(v, row, features.Erased)
		} else {
			out(v, row, features.OptedOut)
		}
	})
	if err != nil {
		return err
	}
	if err := a.read(ctx, e, "pauses.sql", nil, func(v *view, row int, _ []float64) { out(v, row, features.Paused) }); err != nil {
		return err
	}
	return a.read(ctx, e, "touches.sql", nil, func(v *view, row int, _ []float64) {
		v.Touched[row] = true
		if a.Rule.ExcludeTouched {
			out(v, row, features.Touched)
		}
	})
}

// label fills Y of the rows that are not excluded yet, and excludes those that
// the label does not speak of.
func (a *aftermath) label(ctx context.Context, e Engine) error {
	switch a.Rule.Label {
	case features.NonContractual:
		for _, v := range a.views {
			v.each(func(i int) (float64, features.Exclusion) { return truth(v.Orders[i] == 0), features.Labelled })
		}
		return nil
	case features.PartialDefection:
		if err := a.partial(ctx, e); err != nil {
			return fmt.Errorf("label partial defection: %w", err)
		}
		return nil
	case features.Contractual:
		return a.answered(ctx, e, "contracts.sql", "churned", features.NoContract)
	case features.NonRenewal:
		return a.answered(ctx, e, "renewals.sql", "not_renewed", features.NoRenewal)
	case features.ReadyMade:
		return a.answered(ctx, e, outcomesFile, "value", features.NoOutcome)
	}
	return fmt.Errorf("%w: label %q", features.ErrBadRequest, a.Rule.Label)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (v *view) each(label func(i int) (float64, features.Exclusion)) {
	for i := range v.Y {
		if v.Excluded[i] != features.Labelled {
			continue
		}
		y, x := label(i)
		if v.Excluded[i] = x; x == features.Labelled {
			v.Y[i] = y
		}
	}
}

// answered takes the label from a query; rows it does not answer for are
// excluded for the reason given.
func (a *aftermath) answered(ctx context.Context, e Engine, name, column string, absent features.Exclusion) error {
	found := map[*view][]float64{}
	for _, v := range a.views {
		found[v] = missing(len(v.Y))
	}
	if err := a.read(ctx, e, name, []string{column}, func(v *view, row int, values []float64) { found[v][row] = values[0] }); err != nil {
		return err
	}
	for _, v := range a.views {
		v.each(func(i int) (float64, features.Exclusion) {
			if math.IsNaN(found[v][i]) {
				return 0, absent
			}
			return found[v][i], features.Labelled
		})
	}
	return nil
}

// paces are the spend and the tenure of a view's rows.
type paces struct{ spend, tenure []float64 }

// partial compares what came with the account's own pace. Accounts that are one
// within the horizon are measured by one pace, that of all of them together, as it
// is their common spend that came.
func (a *aftermath) partial(ctx context.Context, e Engine) error {
	all := make([]paces, len(a.views))
	for k, v := range a.views {
		if len(v.cutoffs) == 0 {
			continue
		}
		f, err := v.slice.Frame.Select([]string{spendColumn, tenureColumn})
		if err != nil {
			return fmt.Errorf("read the pace: %w", err)
		}
		// A family's own is written over them.
		all[k] = paces{slices.Clone(f.Columns[0].Numbers), slices.Clone(f.Columns[1].Numbers)}
	}
	if err := a.pace(ctx, e, all); err != nil {
		return err
	}
	for k, v := range a.views {
		v.each(func(i int) (float64, features.Exclusion) {
			rate := features.RunRate(all[k].spend[i], all[k].tenure[i], v.Rule.HorizonDays)
			switch {
			case math.IsNaN(rate):
				return 0, features.TooShort
			case rate <= 0:
				return 0, features.NoRunRate
			}
			return truth(v.Spend[i] < rate/2), features.Labelled
		})
	}
	return nil
}

// pace writes the families' spend and tenure over those of their members' rows, which
// are by view, by the query that the features have theirs from.
func (a *aftermath) pace(ctx context.Context, e Engine, all []paces) error {
	if len(a.families) == 0 {
		return nil
	}
	params := a.params(0, len(a.views))
	params["accounts"], params["from_account"], params["to_account"] = []string{}, "", ""
	// All views know a cutoff as long after it: each is asked for once.
	var cutoffs []frame.Cutoff
	var known []frame.KnownAt
	for _, q := range a.asks {
		if !slices.Contains(cutoffs, q.cutoff) {
			cutoffs, known = append(cutoffs, q.cutoff), append(known, a.knownAt(q.cutoff))
		}
	}
	params["cutoffs"], params["known_at"] = cutoffs, known
	// Neither spend nor tenure knows days of rest or cadences.
	restless(params)
	sql, err := fileStatement(features.File{Name: ordersFile})
	if err != nil {
		return err
	}
	return askFamilies(ctx, e, a.families, withoutTerms(sql), params, func(t *frame.Table, named map[string]*family) error {
		c, err := pick(t, "account", "cutoff", spendColumn, tenureColumn)
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			for k, v := range a.views {
				if asked := v.asked(frame.Cutoff(c[1].Integers[i])); asked >= 0 {
					a.members(named[c[0].Texts[i]], asked, func(row int) { all[k].spend[row], all[k].tenure[row] = c[2].Float(i), c[3].Float(i) })
				}
			}
		}
		return nil
	})
}

// Extent returns the span of the order lines.
func Extent(ctx context.Context, e Engine, watermark uint64) (features.Span, error) {
	var s features.Span
	err := ask(ctx, e, statement("span.sql"), Params{"watermark": watermark}, func(t *frame.Table) error {
		columns, err := pick(t, "rows", "accounts", "first_at", "last_at")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if columns[0].Integers[i] == 0 {
				continue
			}
			if first := columns[2].Integers[i]; s.Rows == 0 || first < s.First {
				s.First = first
			}
			s.Last = max(s.Last, columns[3].Integers[i])
			s.Rows += columns[0].Integers[i]
			s.Accounts += columns[1].Integers[i]
		}
		return nil
	})
	if err != nil {
		return features.Span{}, fmt.Errorf("ask for the span of the orders: %w", err)
	}
	return s, nil
}

// ProposeHorizon proposes H as of a cutoff: the 85th percentile, over accounts
// with at least 3 buying days, of each account's median gap, rounded to 30, 60,
// 90, 180 or 365. On a cluster the host with the most such accounts speaks for
// all, since accounts are spread by hash.
func ProposeHorizon(ctx context.Context, e Engine, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, zone string) (features.Proposal, error) {
	p := features.Proposal{GapDays: math.NaN()}
	params := Params{"cutoffs": []frame.Cutoff{cutoff}, "known_at": []frame.KnownAt{known}, "watermark": watermark, "tz": zone}
	err := ask(ctx, e, statement("horizon.sql"), params, func(t *frame.Table) error {
		columns, err := pick(t, "accounts", "gap_days")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if n := columns[0].Integers[i]; n > p.Accounts {
				p.Accounts, p.GapDays = n, columns[1].Float(i)
				p.HorizonDays = features.ProposedHorizon(p.GapDays)
			}
		}
		return nil
	})
	if err != nil {
		return features.Proposal{}, fmt.Errorf("propose a horizon as of %s: %w", cutoff, err)
	}
	return p, nil
}
