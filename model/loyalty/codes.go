package loyalty

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/model/score"
)

// What follows turns the codes of stored records back into words, with the figures
// that are kept beside them. A code that is unknown here, such as that of a later
// version, has no words.

// Words names the tier in both languages.
func (t Tier) Words() (Words, bool) {
	w, ok := tierWords[t]
	return w, ok
}

// Words names the level in both languages.
func (l Level) Words() (Words, bool) {
	w, ok := levelWords[l]
	return w, ok
}

// Words names the verdict in both languages.
func (v Verdict) Words() (Words, bool) {
	w, ok := verdictWords[v]
	return w, ok
}

// WordsOfCell says an RFM cell as Cell.String writes it; "" is one that is not known.
func WordsOfCell(code string) (Words, bool) {
	var c Cell
	if n, err := fmt.Sscanf(code, "%d-%d-%d", &c.Recency, &c.Frequency, &c.Monetary); code != "" && (n != 3 || err != nil || c.String() != code) {
		return Words{}, false
	}
	return Words{c.Sentence(score.English), c.Sentence(score.Chinese)}, true
}

// WordsOfIndicator names an indicator, or the manual measure, by the name in a record.
func WordsOfIndicator(name string) (Words, bool) {
	if name == ManualWeight {
		return manualWords[ManualMeasure], true
	}
	k, err := ParseIndicator(name)
	if err != nil {
		return Words{}, false
	}
	return Words{k.Label(score.English), k.Label(score.Chinese)}, true
}

// WordsOfMeasured says an indicator of a record: its value with the figures that the
// record keeps of it, or why there is none; false for an unknown indicator or reason. A
// measure by hand says its value alone; WordsOfMeasure says who gave it.
func WordsOfMeasured(r score.Indicator) (Words, bool) {
	label, known := WordsOfIndicator(r.Name)
	why := slices.Index(whyCodes[:], r.Why)
	if !known || why < 0 {
		return Words{}, false
	}
	k, err := ParseIndicator(r.Name)
	say := func(lang score.Language) string {
		switch {
		case err == nil:
			return Part{Indicator: k, Value: float64(r.Value), Why: Why(why), Figures: r.Figures}.Sentence(lang) //nolint:gosec // an index of whyCodes
		case r.Why != "":
			return fmt.Sprintf(notMeasurable.In(lang), label.In(lang), whyWords[why].In(lang))
		}
		return fmt.Sprintf(measuredAt.In(lang), label.In(lang), r.Value)
	}
	return Words{say(score.English), say(score.Chinese)}, true
}

// The two groups of indicators.
const (
	BasicGroup      = "basic"
	AdditionalGroup = "additional"
)

var groupWords = map[string]Words{BasicGroup: {"Basic", "基本"}, AdditionalGroup: {"Additional", "附加"}}

// Group is the group of an indicator by the name in a record; "" of a measure by hand.
func Group(name string) string {
	k, err := ParseIndicator(name)
	switch {
	case err != nil:
		return ""
	case definitions[k].Basic:
		return BasicGroup
	}
	return AdditionalGroup
}

// WordsOfGroup names a group.
func WordsOfGroup(group string) (Words, bool) {
	w, ok := groupWords[group]
	return w, ok
}

// WordsOfProfile names the weights of a record.
func WordsOfProfile(name string) Words {
	switch name {
	case DefaultProfile:
		return Words{"The weights of all accounts", "通用权重"}
	case OnboardingProfile:
		return Words{"The weights of young accounts", "新客户权重"}
	}
	segment := strings.TrimPrefix(name, segmentProfile)
	return Words{"The weights of segment " + segment, "细分“" + segment + "”的权重"}
}

// WordsOfWhy says why a number is not there, by the code in a record.
func WordsOfWhy(code string) (Words, bool) {
	w := slices.Index(whyCodes[:], code)
	if w < 0 {
		return Words{}, false
	}
	return whyWords[w], true
}

// groundFigures says each ground with its first figure, which is all that records of
// before kept of it. name is the figure's, which the words name in braces.
var groundFigures = map[Ground]struct {
	name, unit string
	words      Words
}{
	LastingLoss: {"net_value", "base currency", Words{"Net value {net_value} in the last year, and below 0 in the year before", "近一年净价值{net_value}，前一年也低于0"}},
	Arrears:     {"overdue_amount", "base currency", Words{"Overdue: {overdue_amount}, for long and against little spend", "逾期{overdue_amount}，逾期已久，且相对消费额偏高"}},
	ReturnAbuse: {"returns_share_365d", "share", Words{"{returns_share_365d} of what was bought came back, in several orders", "购买额中{returns_share_365d}被退回，涉及多个订单"}},
	Loss:        {"net_value", "base currency", groundWords[Loss]},
	Overdue:     {"overdue_amount", "base currency", Words{"Overdue: {overdue_amount}", "逾期{overdue_amount}"}},
	DeepTerms:   {"discount_share_365d", "share", groundWords[DeepTerms]},
	Room:        {"potential", "base currency", Words{"Potential {potential}, much against the net value", "潜在价值{potential}，相对净价值较大"}},
	Earns:       {"net_value", "base currency", groundWords[Earns]},
	EarnsAtRisk: {"risk", "share", Words{"Risk of leaving {risk}, and no loss in the last year", "流失风险{risk}，近一年没有亏损"}},
}

// WordsOfGround says a ground with the figures that the record keeps of it; false for
// an unknown ground, and where its first figure is missing.
func WordsOfGround(g score.Ground) (Words, bool) {
	first, ok := groundFigures[Ground(g.Code)]
	if !ok || math.IsNaN(float64(g.Value)) {
		return Words{}, false
	}
	template := groundWords[Ground(g.Code)]
	if len(g.Figures) < strings.Count(template.EN, "{") {
		r := strings.NewReplacer("{"+first.name+"}", score.Format(float64(g.Value), first.unit))
		return Words{r.Replace(first.words.EN), r.Replace(first.words.ZH)}, true
	}
	values := make(map[string]float64, len(g.Figures))
	for name, v := range g.Figures {
		values[name] = float64(v)
	}
	said := func(lang score.Language) string { return say(template, Words{}, values, factUnits, lang) }
	return Words{said(score.English), said(score.Chinese)}, true
}

var breachLabels = map[BreachKind]Words{
	ContactOverdue: {"No contact for longer than the policy of the tier", "未联系的天数超过该级别政策"},
	AnswersSlow:    {"First answers take longer than the policy of the tier", "首次答复时间超过该级别政策"},
	PaysLate:       {"Invoices are paid later than the terms of the tier", "付款晚于该级别账期"},
	DiscountAbove:  {"Discount above the terms of the tier", "折扣率高于该级别条款"},
}

// WordsOfBreach says a breach with its figures, where the record keeps them; false for
// an unknown one.
func WordsOfBreach(b score.Breach) (Words, bool) {
	kind, actual, bound := BreachKind(b.Code), float64(b.Actual), float64(b.Bound)
	w, ok := breachLabels[kind]
	if !ok || math.IsNaN(actual) || math.IsNaN(bound) {
		return w, ok
	}
	breach := Breach{Kind: kind, Actual: actual, Bound: bound}
	return Words{breach.Sentence(score.English), breach.Sentence(score.Chinese)}, true
}

var operatorWords = map[string]Words{
	">": {"more than ", "超过"}, ">=": {"at least ", "至少"}, "<": {"less than ", "不足"}, "<=": {"at most ", "至多"}, "==": {"", ""},
}

// Words says the cap for any account that it holds for, with its bound in place of
// the account's own value.
func (c *Cap) Words() Words {
	bound := score.Format(c.Value, units[c.Column])
	say := func(template, operator string) string {
		return strings.ReplaceAll(template, "{"+c.Column+"}", operator+bound)
	}
	w := operatorWords[c.Operator]
	return Words{
		fmt.Sprintf(capWords.EN, say(c.EN, w.EN), c.Cap), fmt.Sprintf(capWords.ZH, say(c.ZH, w.ZH), c.Cap),
	}
}
