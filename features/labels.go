package features

import (
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
)

// Label names a definition of what is to be predicted.
type Label string

// The labels.
const (
	// NonContractual churn: no purchase in [cutoff, cutoff + H).
	NonContractual Label = "noncontractual"
	// Contractual churn: a contract in force at the cutoff ends in [cutoff, cutoff
	// + H) and no contract of the account is in force grace_days after that end.
	Contractual Label = "contractual"
	// NonRenewal: a contract in force at the cutoff, as known then, whose agreed
	// term ends in [cutoff, cutoff + H), and no contract of the account is in
	// force grace_days after that end. Unlike Contractual it speaks only of
	// accounts that are up for renewal, never of contracts without an end, and a
	// renewal that moved the contract's own end counts as one.
	NonRenewal Label = "nonrenewal"
	// PartialDefection: spend in [cutoff, cutoff + H) below half of the run-rate.
	PartialDefection Label = "partial"
	// ReadyMade outcomes come from the outcomes table, by their own name.
	ReadyMade Label = "ready"
)

// Labels returns the label definitions.
func Labels() []Label {
	return []Label{NonContractual, Contractual, NonRenewal, PartialDefection, ReadyMade}
}

// ParseLabel reads a label's name.
func ParseLabel(s string) (Label, error) {
	if slices.Contains(Labels(), Label(s)) {
		return Label(s), nil
	}
	return "", fmt.Errorf("label %q is none of %v", s, Labels())
}

// LabelRule is a label with its settings.
type LabelRule struct {
	Label Label
	// HorizonDays is H, 1 … 1830.
	HorizonDays int
	// SettleDays (default 7) are waited for before a label is final.
	SettleDays int
	// GraceDays (default 30) after a contract's end belong to Contractual and
	// NonRenewal.
	GraceDays int
	// Outcome is the name of a ReadyMade label in the outcomes table.
	Outcome string
	// ExcludeTouched leaves out rows that a campaign touched inside the horizon:
	// what they did may be the campaign's doing. They are marked either way.
	ExcludeTouched bool
}

// Defaults of a LabelRule.
const (
	DefaultSettleDays = 7
	DefaultGraceDays  = 30
)

// Validate refuses a rule outside its bounds.
func (r LabelRule) Validate() error {
	if _, err := ParseLabel(string(r.Label)); err != nil {
		return err
	}
	if err := validHorizon(r.HorizonDays); err != nil {
		return err
	}
	switch {
	case r.SettleDays < 0 || r.SettleDays > 366:
		return fmt.Errorf("settle_days of %d: need 0 … 366", r.SettleDays)
	case r.GraceDays < 0 || r.GraceDays > 366:
		return fmt.Errorf("grace_days of %d: need 0 … 366", r.GraceDays)
	case r.Label == ReadyMade && r.Outcome == "":
		return fmt.Errorf("label %q needs the outcome's name", r.Label)
	}
	return nil
}

func validHorizon(days int) error {
	if days < 1 || days > 1830 {
		return fmt.Errorf("horizon of %d days: need 1 … 1830", days)
	}
	return nil
}

// End returns the instant up to which facts must be complete for the label at
// a cutoff to be final: cutoff + H + settle_days, and for Contractual the grace
// too.
func (r LabelRule) End(c frame.Cutoff) frame.Cutoff {
	days := r.HorizonDays + r.SettleDays
	if r.Label == Contractual || r.Label == NonRenewal {
		days += r.GraceDays
	}
	return c.Add(days)
}

// Final reports whether the label at a cutoff is final when facts are complete
// up to through, the end of the last complete business day.
func (r LabelRule) Final(c, through frame.Cutoff) bool { return r.End(c) <= through }

// BackFinal reports whether it is known for good who of those lost at a cutoff
// bought within the next H, when facts are complete up to through.
func (r LabelRule) BackFinal(c, through frame.Cutoff) bool {
	return c.Add(2*r.HorizonDays+r.SettleDays) <= through
}

// Exclusion says why a row has no label.
type Exclusion uint8

// The exclusions; Labelled rows have a label.
const (
	Labelled Exclusion = iota
	// NotFinal: the window ends after the data does.
	NotFinal
	// Ineligible: never bought, or lapsed.
	Ineligible
	// TooShort: PartialDefection needs a tenure of at least H.
	TooShort
	// NoContract: Contractual needs a contract in force at the cutoff.
	NoContract
	// NoOutcome: the outcomes table has no row for the account and cutoff.
	NoOutcome
	// NoRunRate: PartialDefection needs spend above 0 to compare with.
	NoRunRate
	// Erased: the account asked to be erased, at whatever time; nothing is learnt
	// of it.
	Erased
	// OptedOut: as of the cutoff the account had withdrawn every consent that it
	// gave, or every one to be profiled.
	OptedOut
	// Paused: a pause holds the cutoff or covers at least half of the horizon, so
	// that silence was agreed.
	Paused
	// Touched: a campaign reached the account inside the horizon, and the rule
	// leaves such rows out.
	Touched
	// NoRenewal: NonRenewal needs a contract whose term ends inside the horizon.
	NoRenewal
	// Irregular, CategoryLapsed and NotDue are those of a category: bought on too
	// few days, too long ago, or with nothing due inside the horizon.
	Irregular
	CategoryLapsed
	NotDue
)

// String returns the exclusion's name, as reports spell it.
func (x Exclusion) String() string {
	names := [...]string{
		"labelled", "not_final", "ineligible", "tenure_below_horizon", "no_contract", "no_outcome", "no_run_rate",
		"erased", "opted_out", "paused", "touched", "no_renewal_due",
		"irregular", "category_lapsed", "not_due",
	}
	if int(x) < len(names) {
		return names[x]
	}
	return fmt.Sprintf("exclusion(%d)", uint8(x))
}

// Outcome is what came after the cutoff, parallel to the rows of a slice, with
// the newest knowledge. Slices are the receiver's own.
type Outcome struct {
	// Y is the label, 0 or 1 (or the outcome's value for ReadyMade), NaN where
	// the row is excluded.
	Y []float64
	// Excluded says why, row by row.
	Excluded []Exclusion
	// Spend is the net spend in [cutoff, cutoff + H), base currency; Orders the
	// purchases begun in it. NaN when H has not passed yet.
	Spend, Orders []float64
	// Touched marks the rows that a campaign reached inside the horizon, whatever
	// their label; accounts held out of one were not.
	Touched []bool
	// CameBack is 1 when a row without a purchase within H had one within the
	// next H, 0 when it had none; NaN for the other rows and while that window
	// is not final.
	CameBack []float64
}

// Counts returns how many rows there are of each exclusion, Labelled included.
func (o *Outcome) Counts() map[Exclusion]int {
	counts := map[Exclusion]int{}
	for _, x := range o.Excluded {
		counts[x]++
	}
	return counts
}

// RunRate returns the spend expected over the horizon at the account's usual
// pace: the spend of the last min(365 d, tenure) scaled to H days. It is NaN
// when either value is missing or the tenure is below H.
func RunRate(spend365, tenureDays float64, horizonDays int) float64 {
	if math.IsNaN(spend365) || !(tenureDays >= float64(horizonDays)) {
		return math.NaN()
	}
	return spend365 / math.Max(1, math.Min(365, tenureDays)) * float64(horizonDays)
}

// ProposedHorizon rounds a gap in days to the horizon proposed from it: the
// nearest of 30, 60, 90, 180 and 365, the longer one when two are as near.
func ProposedHorizon(gapDays float64) int {
	best := 30
	for _, h := range []int{60, 90, 180, 365} {
		if math.Abs(float64(h)-gapDays) <= math.Abs(float64(best)-gapDays) {
			best = h
		}
	}
	return best
}
