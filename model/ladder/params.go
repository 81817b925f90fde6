package ladder

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
)

// Rung is a step of the ladder.
type Rung string

// The rungs, lowest first.
const (
	// Rule is the better of recency and recency ÷ own usual gap, as a one-column
	// logistic regression, so that it has a probability and contributions.
	Rule Rung = "rule"
	// Lifetime is the probability of no purchase by a lifetime model of all accounts,
	// as a one-column logistic regression: it carries short histories and few rows,
	// since its parameters come from the purchases, not from the labels.
	Lifetime Rung = "lifetime"
	// Logistic is a ridge regression on recency, frequency, rhythm, spend and steadiness.
	Logistic Rung = "logistic"
	// Boosting is monotone histogram boosting on all columns but the tenure.
	Boosting Rung = "boosting"
	// Blend is the mean of the margins of Logistic and Boosting.
	Blend Rung = "blend"
)

// Rungs returns the rungs, lowest first.
func Rungs() []Rung { return []Rung{Rule, Lifetime, Logistic, Boosting, Blend} }

// ParseRung reads a rung's name; "" is the highest.
func ParseRung(s string) (Rung, error) {
	if s == "" {
		return Blend, nil
	}
	if slices.Contains(Rungs(), Rung(s)) {
		return Rung(s), nil
	}
	return "", fmt.Errorf("rung %q is none of %v", s, Rungs())
}

func (r Rung) height() int { return slices.Index(Rungs(), r) }

func (r Rung) hasLinear() bool { return r != Boosting }

func (r Rung) hasTrees() bool { return r == Boosting || r == Blend }

// Errors of this package, to be recognised with errors.Is.
var (
	// ErrSample: rows, labels or columns that can't be learnt from.
	ErrSample = errors.New("unusable sample")
	// ErrTooFew: not even the rule can be fitted: too few rows, or one class only.
	ErrTooFew = errors.New("too little to learn from")
	// ErrBundle: a bundle that holds no model of this package.
	ErrBundle = errors.New("not a churn model")
)

// Sample is rows with labels: eligible accounts at cutoffs.
type Sample struct {
	// Frame has the catalogue's columns, Numbers only.
	Frame *frame.Frame
	// Y is the outcome of each row, 0 or 1.
	Y []float64
	// CameBack is 1 or 0 for a churned row that did or didn't buy in the horizon
	// after, NaN where that is not known; nil when nothing is known.
	CameBack []float64
}

func (s Sample) check(name string) error {
	if s.Frame == nil {
		return fmt.Errorf("%w: the %s sample has no frame", ErrSample, name)
	}
	if len(s.Y) != s.Frame.Rows() || s.CameBack != nil && len(s.CameBack) != len(s.Y) {
		return fmt.Errorf("%w: the %s sample has %d rows, %d labels and %d marks of coming back", ErrSample, name, s.Frame.Rows(), len(s.Y), len(s.CameBack))
	}
	for i, y := range s.Y {
		if y != 0 && y != 1 {
			return fmt.Errorf("%w: label %v of account %q at %s in the %s sample is neither 0 nor 1", ErrSample, y, s.Frame.Accounts[i], s.Frame.Cutoffs[i], name)
		}
	}
	for i := range s.Frame.Columns {
		if c := &s.Frame.Columns[i]; c.Kind != frame.Number {
			return fmt.Errorf("%w: column %q of the %s sample is %s, not a number", ErrSample, c.Name, name, c.Kind)
		}
	}
	if err := s.Frame.Check(); err != nil {
		return fmt.Errorf("%w: the %s sample: %w", ErrSample, name, err)
	}
	return nil
}

// ordered returns the sample by cutoff and account, so that no draw and no sum
// depends on the order in which rows came. It refuses two rows of one account at
// one cutoff.
func (s Sample) ordered(name string) (Sample, error) {
	f := s.Frame
	by := func(i, j int) int { return compareRows(f, i, f, j) }
	order := make([]int, f.Rows())
	for i := range order {
		order[i] = i
	}
	sorted := slices.IsSortedFunc(order, by)
	if !sorted {
		slices.SortFunc(order, by)
	}
	for k := 1; k < len(order); k++ {
		if i := order[k]; by(order[k-1], i) == 0 {
			return Sample{}, fmt.Errorf("%w: account %q stands twice at %s in the %s sample", ErrSample, f.Accounts[i], f.Cutoffs[i], name)
		}
	}
	if sorted {
		return s, nil
	}
	o := Sample{Frame: f.Take(order), Y: pick(s.Y, order)}
	if s.CameBack != nil {
		o.CameBack = pick(s.CameBack, order)
	}
	return o, nil
}

// compareRows orders row i of f and row j of g by cutoff and account.
func compareRows(f *frame.Frame, i int, g *frame.Frame, j int) int {
	return cmp.Or(cmp.Compare(f.Cutoffs[i], g.Cutoffs[j]), cmp.Compare(f.Accounts[i], g.Accounts[j]))
}

// unseen refuses test rows that stand in the ordered training sample too: what
// was learnt by heart would be praised as knowledge.
func (s Sample) unseen(train Sample) error {
	for i := range s.Y {
		if _, seen := sort.Find(len(train.Y), func(k int) int { return compareRows(s.Frame, i, train.Frame, k) }); seen {
			return fmt.Errorf("%w: account %q at %s stands in the training and in the test sample", ErrSample, s.Frame.Accounts[i], s.Frame.Cutoffs[i])
		}
	}
	return nil
}

// Params say how to climb. The zero value of a field means its default.
type Params struct {
	// Seed decides the folds and the draws of boosting; default 1.
	Seed uint64
	// Bands of the probability, for the report; default score.DefaultBands().
	Bands score.Bands
	// Refit fits the chosen rung once more on training and test rows together,
	// after the test was looked at; calibration stays.
	Refit bool
	// MaxRung is the highest rung to try; default Blend.
	MaxRung Rung
	// Folds of the training rows, 2 … 20; default 5.
	Folds int
	// Bags is how many ensembles of different seeds boosting averages, 1 … 50; default 4.
	Bags int
	// Challengers are learners to show beside the rungs: fitted and calibrated on
	// the same rows and folds, measured on the same test rows, and never chosen.
	// Their rows stand on the card after the rungs. Default none.
	Challengers []model.Learner
	// Clock reads time that only grows, for the seconds of each rung's fit on the
	// card; nil leaves them out, so that the same rows give the same card.
	Clock func() time.Duration
	// Trial are columns that boosting takes only if they lower its log-loss on the
	// folds; the other rungs never look at them. Names that the samples don't have
	// count for nothing. TrialOnTest also says what they give on the test rows, which
	// takes two more fits. Default none.
	Trial       []string
	TrialOnTest bool
}

// Defaults returns the documented defaults.
func Defaults() Params {
	return Params{Seed: 1, Bands: score.DefaultBands(), MaxRung: Blend, Folds: 5, Bags: 4}
}

func (p Params) withDefaults() Params {
	d := Defaults()
	d.Refit, d.Challengers, d.Trial, d.TrialOnTest, d.Clock = p.Refit, p.Challengers, p.Trial, p.TrialOnTest, p.Clock
	if p.Seed != 0 {
		d.Seed = p.Seed
	}
	if p.Bands != (score.Bands{}) {
		d.Bands = p.Bands
	}
	if p.MaxRung != "" {
		d.MaxRung = p.MaxRung
	}
	if p.Folds != 0 {
		d.Folds = p.Folds
	}
	if p.Bags != 0 {
		d.Bags = p.Bags
	}
	return d
}

// Validate refuses parameters outside their bounds.
func (p Params) Validate() error {
	d := p.withDefaults()
	if d.Folds < 2 || d.Folds > 20 || d.Bags < 1 || d.Bags > 50 {
		return fmt.Errorf("ladder: %d folds and %d bags, need 2 … 20 and 1 … 50", d.Folds, d.Bags)
	}
	if d.MaxRung.height() < 0 {
		return fmt.Errorf("ladder: rung %q is none of %v", d.MaxRung, Rungs())
	}
	if err := d.Bands.Validate(); err != nil {
		return fmt.Errorf("ladder: %w", err)
	}
	return nil
}

// What a rung needs of the training rows: accounts, and rows of each class. The
// check of the data counts by them too.
const (
	RuleClass        = 10
	LogisticRows     = 100
	LogisticClass    = 20
	BoostingAccounts = 500
	BoostingClass    = 100
)

// Progress hears how far training is: what is done, and steps done of total.
type Progress func(stage string, done, total int)

// Result is what Train gives.
type Result struct {
	Model *Model
	// Card has Train, Report, Ladder, Rung, Features, Seed and Refit filled in.
	Card model.Card
	// Rungs holds the calibrated margins on the test rows of every fitted rung.
	Rungs map[Rung][]float64
	// Trial says what the columns on trial add; nil where the samples have none.
	Trial *model.ColumnTrial
}
