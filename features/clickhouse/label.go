package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
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

// aftermath is a slice whose labels are being filled in.
type aftermath struct {
	features.LabelRequest
	*features.Outcome
	slice   *features.Slice
	cutoffs []frame.Cutoff
	// begin is the first row of each account.
	begin map[string]int
	// families are accounts that are one within the horizon, shared the rows of their members.
	families []*family
	shared   map[int]bool
}

// Outcomes returns what came after the cutoffs of a slice's rows. Rows that
// never bought, lapsed or whose window is not final are excluded and say so, then
// those that were erased, opted out or paused and, if the rule says so, were
// touched: the first that fits is named. An account without any line in the
// window bought nothing. PartialDefection reads spend_365d and tenure_days of the
// slice's frame.
func Outcomes(ctx context.Context, e Engine, r features.LabelRequest, s *features.Slice) (*features.Outcome, error) {
	n := s.Frame.Rows()
	o := &features.Outcome{
		Y: missing(n), Excluded: make([]features.Exclusion, n), Spend: missing(n), Orders: missing(n), CameBack: missing(n),
		Touched: make([]bool, n),
	}
	a, err := aftermathOf(ctx, e, r, s)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return o, nil
	}
	a.Outcome = o
	after, err := a.purchases(ctx, e)
	if err != nil {
		return nil, err
	}
	for i := range n {
		switch {
		case s.Status[i] != features.Eligible:
			o.Excluded[i] = features.Ineligible
		case !r.Rule.Final(s.Frame.Cutoffs[i], r.Through):
			o.Excluded[i] = features.NotFinal
		}
	}
	if err := a.exclude(ctx, e); err != nil {
		return nil, err
	}
	if err := a.label(ctx, e); err != nil {
		return nil, err
	}
	for i := range n {
		c := s.Frame.Cutoffs[i]
		if r.Rule.Label == features.NonContractual && o.Y[i] == 1 && r.Rule.BackFinal(c, r.Through) {
			o.CameBack[i] = 0
			if after[i] {
				o.CameBack[i] = 1
			}
		}
	}
	return o, nil
}

// aftermathOf makes ready to ask what came after a slice's rows.
func aftermathOf(ctx context.Context, e Engine, r features.LabelRequest, s *features.Slice) (*aftermath, error) {
	if err := r.Rule.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", features.ErrBadRequest, err)
	}
	a := &aftermath{LabelRequest: r, slice: s, begin: map[string]int{}}
	seen := map[frame.Cutoff]bool{}
	for i, account := range s.Frame.Accounts {
		if _, ok := a.begin[string(account)]; !ok {
			a.begin[string(account)] = i
		}
		if c := s.Frame.Cutoffs[i]; !seen[c] {
			seen[c] = true
			a.cutoffs = append(a.cutoffs, c)
		}
	}
	if len(a.cutoffs) == 0 {
		return a, nil
	}
	if err := a.unite(ctx, e); err != nil {
		return nil, err
	}
	return a, nil
}

func missing(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

// params are those of every label query over the slice's accounts.
func (a *aftermath) params() Params {
	known := make([]frame.KnownAt, len(a.cutoffs))
	for i, c := range a.cutoffs {
		known[i] = frame.KnownAt(int64(c) + int64(a.KnownLag/time.Second))
	}
	p := Params{
		"cutoffs": a.cutoffs, "known_at": known, "horizon_days": uint64(a.Rule.HorizonDays), //nolint:gosec // validated: 1 … 1830
		"grace_days": uint64(a.Rule.GraceDays), "outcome": a.Rule.Outcome, //nolint:gosec // validated: 0 … 366
		"watermark": a.Watermark, "recorded_by": uint64(max(0, a.KnownAt)), "tz": cmp.Or(a.Zone, "UTC"),
		"accounts": []string{}, "from_account": "", "to_account": "",
	}
	accounts := a.slice.Frame.Accounts
	if len(a.begin) > namedAccounts {
		p["from_account"], p["to_account"] = string(accounts[0]), string(accounts[len(accounts)-1])
		return p
	}
	names := make([]string, 0, len(a.begin))
	for i, name := range accounts {
		if i == 0 || name != accounts[i-1] {
			names = append(names, string(name))
		}
	}
	p["accounts"] = names
	return p
}

// find returns the row of an account at a cutoff, −1 when the slice has none:
// a range holds accounts that nothing was known of yet.
func (a *aftermath) find(account string, cutoff int64) int {
	i, ok := a.begin[account]
	if !ok {
		return -1
	}
	f := a.slice.Frame
	for ; i < f.Rows() && string(f.Accounts[i]) == account; i++ {
		if int64(f.Cutoffs[i]) == cutoff {
			return i
		}
	}
	return -1
}

// read runs a label query and hands on each row of the slice that it answers
// for, with the values of the named columns. Of accounts that are one within the
// horizon it reads what all of them did.
func (a *aftermath) read(ctx context.Context, e Engine, name string, columns []string, each func(row int, values []float64)) error {
	values := make([]float64, len(columns))
	return a.answers(ctx, e, name, a.params(), columns, func(rows []int, found []*frame.Column, i int) {
		for c := range values {
			values[c] = found[c].Float(i)
		}
		for _, row := range rows {
			each(row, values)
		}
	})
}

// answers runs a label query and hands on its answers: the rows of the slice that
// one speaks of (several for accounts that are one within the horizon), the named
// columns, and where in them it stands.
func (a *aftermath) answers(ctx context.Context, e Engine, name string, params Params, columns []string, each func(rows []int, found []*frame.Column, i int)) error {
	sql := statement("labels/" + name)
	families := a.families
	if name == outcomesFile {
		families = nil // outcomes are recorded of an account itself
	}
	var rows []int
	take := func(t *frame.Table, named map[string]*family) error {
		found, err := pick(t, append([]string{"account", "cutoff"}, columns...)...)
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			account, cutoff := found[0].Texts[i], found[1].Integers[i]
			rows = rows[:0]
			if named != nil {
				a.members(named[account], cutoff, func(row int) { rows = append(rows, row) })
			} else if row := a.find(account, cutoff); row >= 0 && (families == nil || !a.shared[row]) {
				rows = append(rows, row)
			}
			if len(rows) > 0 {
				each(rows, found[2:], i)
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
	return nil
}

// purchases fills Spend and Orders and returns which rows bought in the H days
// after the window.
func (a *aftermath) purchases(ctx context.Context, e Engine) ([]bool, error) {
	for i, c := range a.slice.Frame.Cutoffs {
		if c.Add(a.Rule.HorizonDays) <= a.Through {
			a.Spend[i], a.Orders[i] = 0, 0
		}
	}
	after := make([]bool, len(a.Y))
	err := a.read(ctx, e, "purchases.sql", []string{"orders", "spend", "orders_after"}, func(row int, v []float64) {
		if !math.IsNaN(a.Orders[row]) {
			a.Orders[row], a.Spend[row] = v[0], v[1]
		}
		after[row] = v[2] > 0
	})
	return after, err
}

// exclude marks what campaigns touched and leaves out the rows that nothing may
// be learnt of, or whose silence was agreed. Each table is one query, and one
// without rows leaves everything as it is.
func (a *aftermath) exclude(ctx context.Context, e Engine) error {
	out := func(row int, why features.Exclusion) {
		if a.Excluded[row] == features.Labelled {
			a.Excluded[row] = why
		}
	}
	err := a.read(ctx, e, "consents.sql", []string{"opted_out", "erased"}, func(row int, v []float64) {
		if v[1] != 0 {
			out(row, features.Erased)
		} else {
			out(row, features.OptedOut)
		}
	})
	if err != nil {
		return err
	}
	if err := a.read(ctx, e, "pauses.sql", nil, func(row int, _ []float64) { out(row, features.Paused) }); err != nil {
		return err
	}
	return a.read(ctx, e, "touches.sql", nil, func(row int, _ []float64) {
		a.Touched[row] = true
		if a.Rule.ExcludeTouched {
			out(row, features.Touched)
		}
	})
}

// label fills Y of the rows that are not excluded yet, and excludes those that
// the label does not speak of.
func (a *aftermath) label(ctx context.Context, e Engine) error {
	switch a.Rule.Label {
	case features.NonContractual:
		a.each(func(i int) (float64, features.Exclusion) { return truth(a.Orders[i] == 0), features.Labelled })
		return nil
	case features.PartialDefection:
		return a.partial(ctx, e)
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

func (a *aftermath) each(label func(i int) (float64, features.Exclusion)) {
	for i := range a.Y {
		if a.Excluded[i] != features.Labelled {
			continue
		}
		y, x := label(i)
		if a.Excluded[i] = x; x == features.Labelled {
			a.Y[i] = y
		}
	}
}

// answered takes the label from a query; rows it does not answer for are
// excluded for the reason given.
func (a *aftermath) answered(ctx context.Context, e Engine, name, column string, absent features.Exclusion) error {
	found := missing(len(a.Y))
	if err := a.read(ctx, e, name, []string{column}, func(row int, v []float64) { found[row] = v[0] }); err != nil {
		return err
	}
	a.each(func(i int) (float64, features.Exclusion) {
		if math.IsNaN(found[i]) {
			return 0, absent
		}
		return found[i], features.Labelled
	})
	return nil
}

// partial compares what came with the account's own pace. Accounts that are one
// within the horizon are measured by one pace, that of all of them together, as it
// is their common spend that came.
func (a *aftermath) partial(ctx context.Context, e Engine) error {
	f, err := a.slice.Frame.Select([]string{spendColumn, tenureColumn})
	if err != nil {
		return fmt.Errorf("label partial defection: %w", err)
	}
	spend, tenure := f.Columns[0].Numbers, f.Columns[1].Numbers
	if len(a.families) > 0 {
		spend, tenure = slices.Clone(spend), slices.Clone(tenure)
		if err := a.pace(ctx, e, spend, tenure); err != nil {
			return fmt.Errorf("label partial defection: %w", err)
		}
	}
	a.each(func(i int) (float64, features.Exclusion) {
		rate := features.RunRate(spend[i], tenure[i], a.Rule.HorizonDays)
		switch {
		case math.IsNaN(rate):
			return 0, features.TooShort
		case rate <= 0:
			return 0, features.NoRunRate
		}
		return truth(a.Spend[i] < rate/2), features.Labelled
	})
	return nil
}

// pace writes the families' spend and tenure over those of their members' rows, by
// the query that the features have theirs from.
func (a *aftermath) pace(ctx context.Context, e Engine, spend, tenure []float64) error {
	params := a.params()
	params["accounts"], params["from_account"], params["to_account"] = []string{}, "", ""
	// Neither spend nor tenure knows days of rest or cadences.
	params["rested"], params["rest_countries"] = uint64(0), []string{}
	params["cadence_days"] = []int64{0}
	params["calendars"], params["rest_days"], params["rest_before"] = make([]int64, len(a.cutoffs)), []int64{0}, []int64{0}
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
			a.members(named[c[0].Texts[i]], c[1].Integers[i], func(row int) { spend[row], tenure[row] = c[2].Float(i), c[3].Float(i) })
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
