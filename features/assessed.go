package features

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features/frame"
)

// The kinds of assessments: what the account answered, and what somebody of ours
// judges.
const (
	Survey    = "survey"
	Judgement = "judgement"
)

// AssessmentKinds returns the kinds of assessments.
func AssessmentKinds() []string { return []string{Survey, Judgement} }

// The items that are no answers on a scale of the account's.
const (
	// AssessedLoyalty is how loyal somebody judges the account to be, 0 … 100 where no
	// scale is given.
	AssessedLoyalty = "loyalty"
	// AssessedLearning is what is learnt from the account, in base currency a year.
	AssessedLearning = "learning"
)

// assessmentItems are what may be assessed: feelings, stated intentions, the values
// of what is delivered and its costs, and the two above.
var assessmentItems = []string{
	"emotional", "trust", "attachment", "pride", "intention", "recommend", "repurchase",
	"product", "service", "people", "image", "money", "time", "mental", "physical", AssessedLoyalty, AssessedLearning,
}

// AssessmentItems returns what may be assessed; the result is the caller's own.
func AssessmentItems() []string { return slices.Clone(assessmentItems) }

// Assessment is one answer of an account to an item, or a judgement of it.
type Assessment struct {
	Account frame.AccountID
	// Person of the account who answered, "" when nobody says.
	Person string
	Item   string
	// Value and Expectation lie on 0 … Scale; Expectation is NaN when it was not asked.
	// Scale is 0 for AssessedLearning, whose value is an amount, and may be for
	// AssessedLoyalty, which means 100.
	Value, Scale, Expectation float64
	// Kind is Survey or Judgement; a judgement has an author and a comment.
	Kind, Author, Comment string
	// At is when it was said, Recorded when the business knew, in Unix seconds from 1 on.
	At, Recorded int64
}

// Assessed is the newest assessment of an item as known at a cutoff.
type Assessed struct {
	Cutoff frame.Cutoff
	Assessment
}

// Share is the value as a part of its scale, 0 … 1; of an amount the amount.
func (a *Assessment) Share() float64 { return a.part(a.Value) }

// Expected is the expectation as a part of the scale, NaN when it was not asked.
func (a *Assessment) Expected() float64 { return a.part(a.Expectation) }

func (a *Assessment) part(v float64) float64 {
	switch {
	case a.Item == AssessedLearning:
		return v
	case a.Scale == 0:
		return v / 100
	}
	return v / a.Scale
}

// mostAssessed bounds a value so that it fits the warehouse's decimals.
const mostAssessed = 1e13

// Fault says what is wrong with an assessment, and of which column; "" is nothing.
func (a *Assessment) Fault() (column, fault string) {
	scale := a.Scale
	if a.Item == AssessedLoyalty && scale == 0 {
		scale = 100
	}
	within := func(v float64) bool { return v >= 0 && v <= scale }
	amount := a.Item == AssessedLearning
	switch {
	case !slices.Contains(assessmentItems, a.Item):
		return "item", fmt.Sprintf("%q is none of %s", a.Item, strings.Join(assessmentItems, ", "))
	case !slices.Contains(AssessmentKinds(), a.Kind):
		return "kind", fmt.Sprintf("%q is none of %s", a.Kind, strings.Join(AssessmentKinds(), ", "))
	case (amount || a.Item == AssessedLoyalty) && a.Kind != Judgement:
		return "kind", fmt.Sprintf("%s is judged by somebody of ours, not surveyed: give %s", a.Item, Judgement)
	case amount && (a.Scale != 0 || !math.IsNaN(a.Expectation)):
		return "scale", "learning is an amount a year in base currency: it has neither scale nor expectation"
	case amount && !(math.Abs(a.Value) < mostAssessed):
		return "value", fmt.Sprintf("%v lies outside −%v … %v", a.Value, mostAssessed, mostAssessed)
	case !amount && !(scale > 0 && scale < mostAssessed):
		return "scale", fmt.Sprintf("%v is no scale: give its greatest value, above 0, such as 10", a.Scale)
	case !amount && !within(a.Value):
		return "value", fmt.Sprintf("%v lies outside the scale 0 … %v", a.Value, scale)
	case !amount && !math.IsNaN(a.Expectation) && !within(a.Expectation):
		return "expectation", fmt.Sprintf("%v lies outside the scale 0 … %v", a.Expectation, scale)
	case a.Kind == Judgement && strings.TrimSpace(a.Author) == "":
		return "author", "it is missing: a judgement needs somebody who answers for it"
	case a.Kind == Judgement && strings.TrimSpace(a.Comment) == "":
		return "comment", "it is missing: a judgement says why"
	}
	return "", ""
}

// Validate refuses an assessment that says nothing; its errors wrap ErrBadRequest.
func (a *Assessment) Validate() error {
	refuse := func(column, fault string) error {
		return fmt.Errorf("%w: assessment of %q: %s: %s", ErrBadRequest, a.Account, column, fault)
	}
	if a.Account == "" {
		return refuse("account", "it is missing")
	}
	if a.At < 1 || a.Recorded < 1 {
		return refuse("at", "need instants")
	}
	if column, fault := a.Fault(); fault != "" {
		return refuse(column, fault)
	}
	return nil
}

// Rows returns the assessment as the row of that id.
func (a *Assessment) Rows(id string) Rows {
	return &row{table: &frame.Table{Columns: []frame.Column{
		oneText("id", id), oneText("account", string(a.Account)), oneText("person", a.Person), oneText("item", a.Item), oneDecimal("value", a.Value, true),
		oneDecimal("scale", a.Scale, a.Scale != 0), oneDecimal("expectation", a.Expectation, !math.IsNaN(a.Expectation)),
		oneText("kind", a.Kind), oneText("author", a.Author), oneText("comment", a.Comment),
		oneNumber("at", frame.Time, a.At, true), oneNumber(RecordedAt, frame.Time, a.Recorded, true),
	}}}
}
