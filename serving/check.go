package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/ladder"
)

// Inspector counts what is to be known of the facts before they are trusted. It
// is implemented by clickhouse.Warehouse, whose Inspect names the measurements.
type Inspector interface {
	Inspect(ctx context.Context, r features.Inspection) ([]features.Measurement, error)
}

// CheckRequest asks whether the facts are fit to train and score with; Cutoff
// "" means data_through.
type CheckRequest struct {
	Cutoff string `json:"cutoff,omitempty"`
}

// Phase says what a finding stands in the way of.
type Phase string

// The phases.
const (
	PhaseTrain Phase = "train"
	PhaseScore Phase = "score"
)

// Severity says how much a finding matters.
type Severity string

// The severities: an error makes answers wrong or impossible, a warning makes
// them worse, advice is what would make them better.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityAdvice  Severity = "advice"
)

// Finding is one thing that was found: how it is now, how it should be, and in
// Detail the way there.
type Finding struct {
	Check    string   `json:"check"`
	Phase    Phase    `json:"phase"`
	Severity Severity `json:"severity"`
	Table    string   `json:"table"`
	Column   string   `json:"column"`
	Now      string   `json:"now"`
	Needed   string   `json:"needed"`
	Detail   string   `json:"detail"`
}

// The rungs of the ladder that data can open, by the check's names.
const (
	CheckNone     = "none"
	CheckRule     = "rule"
	CheckLogistic = "logistic"
	CheckBoosting = "boosting"
)

// CheckResult is the usability report.
type CheckResult struct {
	// Findings are ordered by severity, then by check.
	Findings []Finding `json:"findings"`
	// Rung is the highest rung of the ladder that there is enough data for, and
	// Why says so.
	Rung string `json:"rung"`
	Why  string `json:"why"`
	// Cutoff is the as-of date, DataThrough the last complete business day; ""
	// without orders.
	Cutoff      string `json:"cutoff"`
	DataThrough string `json:"data_through"`
	// Eligible counts the accounts that can be scored as of the cutoff. Labelled is
	// the newest cutoff with a final label, Stayed and Left are its classes.
	Eligible int    `json:"eligible"`
	Labelled string `json:"labelled_cutoff"`
	Stayed   int    `json:"stayed"`
	Left     int    `json:"left"`
	// Hours and Weekdays (Monday first) count order lines in the business time
	// zone; Hours leaves out sources that know no time of day.
	Hours    [24]int64 `json:"lines_by_hour"`
	Weekdays [7]int64  `json:"lines_by_weekday"`
}

// Checker finds out whether facts are fit to train and score with. Its fields
// are set once; it is safe for concurrent use.
type Checker struct {
	Facts     Facts
	Inspector Inspector
	Settings  Settings
	// Sources are the mapped sources.
	Sources []features.MappedSource
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Operation returns the check as an operation that writes nothing.
func (c Checker) Operation() Operation {
	return operation(OpCheck, false, func(ctx context.Context, r CheckRequest, _ Call) (CheckResult, error) { return c.Check(ctx, r) })
}

// Check looks at the facts and reports what stands in the way. Facts that are
// unfit are findings, not errors; errors are a warehouse that doesn't answer, a
// cutoff that makes no sense (ErrInvalid) and settings out of bounds.
func (c Checker) Check(ctx context.Context, r CheckRequest) (CheckResult, error) {
	if err := c.Settings.Validate(); err != nil {
		return CheckResult{}, err
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	watermark, err := c.Facts.Watermark(ctx)
	if err != nil {
		return CheckResult{}, fmt.Errorf("ask for the newest load: %w", err)
	}
	measured, err := c.Inspector.Inspect(ctx, features.Inspection{
		Now: now().Unix(), Watermark: watermark, Zone: c.Settings.Zone, BaseCurrency: c.Settings.BaseCurrency, Sources: c.Sources,
	})
	if err != nil {
		return CheckResult{}, fmt.Errorf("inspect the facts: %w", err)
	}
	v := &verdict{Checker: c, measured: measured, CheckResult: CheckResult{Rung: CheckNone, Findings: []Finding{}}}
	v.declared()
	v.judge()
	if slices.ContainsFunc(measured, func(m features.Measurement) bool { return m.Check == "unreadable" }) {
		v.Why = "a mapped source can't be read, so that nothing can be said of the facts"
		return v.done(), nil
	}
	if slices.ContainsFunc(measured, func(m features.Measurement) bool { return m.Check == "cycle" && m.Table != "accounts" && m.Count > 0 }) {
		v.Why = "links lead from an account back to itself, so that nobody can say which of them goes on"
		return v.done(), nil
	}
	calendar, err := (&Service{Facts: c.Facts, Settings: c.Settings}).calendar(ctx)
	switch {
	case errors.Is(err, ErrUnavailable) && calendar == nil && v.rows("order_lines") == 0:
		if _, err := frame.ParseCutoff(r.Cutoff, c.Settings.Location()); r.Cutoff != "" && err != nil {
			return CheckResult{}, fmt.Errorf("%w: %w", err, ErrInvalid)
		}
		v.add("orders", PhaseTrain, SeverityError, "order_lines", "", "no order lines", "order lines of at least "+days(2*c.Settings.Label.HorizonDays),
			"import order_lines, or map a source to it")
		v.Why = "there are no order lines"
		return v.done(), nil
	case err != nil:
		return CheckResult{}, err
	}
	at := calendar.through
	if r.Cutoff != "" {
		if at, err = calendar.parse(r.Cutoff); err != nil {
			return CheckResult{}, err
		}
	}
	v.Cutoff, v.DataThrough = calendar.text(at), calendar.text(calendar.through)
	v.time(calendar, at)
	if err := v.population(ctx, calendar, at); err != nil {
		return CheckResult{}, err
	}
	if err := v.classes(ctx, calendar, at); err != nil {
		return CheckResult{}, err
	}
	v.choose()
	return v.done(), nil
}

// verdict is a report under way.
type verdict struct {
	Checker
	CheckResult
	measured []features.Measurement
}

func (v *verdict) add(check string, phase Phase, severity Severity, table, column, now, needed, detail string) {
	v.Findings = append(v.Findings, Finding{check, phase, severity, table, column, now, needed, detail})
}

func (v *verdict) done() CheckResult {
	rank := map[Severity]int{SeverityError: 0, SeverityWarning: 1, SeverityAdvice: 2}
	slices.SortStableFunc(v.Findings, func(a, b Finding) int {
		return cmp.Or(rank[a.Severity]-rank[b.Severity], strings.Compare(a.Check, b.Check), strings.Compare(a.Table, b.Table), strings.Compare(a.Column, b.Column), strings.Compare(a.Now, b.Now))
	})
	return v.CheckResult
}

// time judges how far the orders reach.
func (v *verdict) time(c *calendar, at frame.Cutoff) {
	h := c.Label.HorizonDays
	if have := int(int64(at-c.first) / 86400); have < 2*h {
		v.add("history", PhaseTrain, SeverityError, "order_lines", "ordered_at", days(have)+" of orders before "+c.text(at), days(2*h)+", twice the horizon",
			"load older orders, or choose a shorter horizon_days")
	}
	if age := int(int64(at)-c.span.Last) / 86400; age > newestOrderDays {
		v.add("fresh_orders", PhaseScore, SeverityError, "order_lines", "ordered_at", "the newest order is "+days(age)+" older than the as-of date "+c.text(at),
			"at most "+days(newestOrderDays), "load the newer orders, or check as of an earlier cutoff")
	}
}

// newestOrderDays is how old the newest order may be at the as-of date.
const newestOrderDays = 30

// population counts who can be scored.
func (v *verdict) population(ctx context.Context, c *calendar, at frame.Cutoff) error {
	people, err := v.Facts.Population(ctx, c.request([]frame.Cutoff{at}, nil))
	if err != nil {
		return fmt.Errorf("ask who can be scored: %w", err)
	}
	counts := map[features.Eligibility]int{}
	for _, p := range people {
		counts[p.Status]++
	}
	v.Eligible = counts[features.Eligible]
	if v.Eligible >= ladder.BoostingAccounts {
		return nil
	}
	severity, detail := SeverityWarning, "with fewer the ladder steps down"
	if v.Eligible == 0 {
		severity, detail = SeverityError, "check active_within, the amounts' sign and the as-of date"
	}
	v.add("accounts", PhaseTrain, severity, "order_lines", "account",
		fmt.Sprintf("%s of %d can be scored (%d lapsed, %d never bought)", plural(v.Eligible, "account"), len(people), counts[features.Lapsed], counts[features.NeverBought]),
		fmt.Sprintf("%d for the full model, %d for logistic regression", ladder.BoostingAccounts, ladder.LogisticRows), detail)
	return nil
}

// classes counts who stayed and who left at the newest cutoff whose label is
// final.
func (v *verdict) classes(ctx context.Context, c *calendar, at frame.Cutoff) error {
	newest := min(at, c.through-c.Label.End(0))
	if !c.covered(newest) {
		v.add("labels", PhaseTrain, SeverityError, "order_lines", "ordered_at", "no cutoff has a final label with "+days(c.Label.HorizonDays)+" of orders before it",
			days(c.Label.HorizonDays+int(int64(c.Label.End(0))/86400))+" of orders", "wait, load older orders, or choose a shorter horizon_days")
		return nil
	}
	// Without features but those that a label is compared with.
	var catalogue []features.Feature
	for _, f := range features.Catalogue() {
		if f.Name == "spend_365d" || f.Name == "tenure_days" {
			catalogue = append(catalogue, f)
		}
	}
	_, err := v.Facts.Build(ctx, c.request([]frame.Cutoff{newest}, catalogue), func(s *features.Slice) error {
		o, err := v.Facts.Outcomes(ctx, c.labels(c.Label), s)
		if err != nil {
			return err
		}
		for _, y := range o.Y {
			switch {
			case y >= 0.5:
				v.Left++
			case y < 0.5:
				v.Stayed++
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count the labels of %s: %w", c.text(newest), err)
	}
	v.Labelled = c.text(newest)
	if least := min(v.Stayed, v.Left); least < ladder.BoostingClass {
		severity, detail := SeverityWarning, "with fewer the ladder steps down; a longer history or another horizon_days may give more"
		if least == 0 {
			severity, detail = SeverityError, "a model needs to see both; check the label, horizon_days and whether orders go on after that day"
		}
		v.add("classes", PhaseTrain, severity, "order_lines", "", fmt.Sprintf("%d stayed and %d left as of %s", v.Stayed, v.Left, v.Labelled),
			fmt.Sprintf("%d of each for the full model, %d for logistic regression", ladder.BoostingClass, ladder.LogisticClass), detail)
	}
	return nil
}

// choose says which rung is open.
func (v *verdict) choose() {
	least := min(v.Stayed, v.Left)
	had := fmt.Sprintf("%s can be scored, and %d stayed and %d left as of %s", plural(v.Eligible, "account"), v.Stayed, v.Left, v.Labelled)
	switch {
	case v.Labelled == "":
		v.Why = "no cutoff has a final label to learn from"
	case v.Eligible == 0 || least == 0:
		v.Why = had
	case v.Eligible < ladder.LogisticRows || least < ladder.LogisticClass:
		v.Rung, v.Why = CheckRule, fmt.Sprintf("%s; logistic regression needs %d accounts and %d of each class", had, ladder.LogisticRows, ladder.LogisticClass)
	case v.Eligible < ladder.BoostingAccounts || least < ladder.BoostingClass:
		v.Rung, v.Why = CheckLogistic, fmt.Sprintf("%s; boosting needs %d accounts and %d of each class", had, ladder.BoostingAccounts, ladder.BoostingClass)
	default:
		v.Rung, v.Why = CheckBoosting, had
	}
}

func days(n int) string { return plural(n, "day") }

func plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
