package loyalty

import (
	"fmt"
	"math"

	"fealty/model/score"
)

// Survey items, as shares of their declared scale, 0 … 1; handed in as extras. The
// catalogue has none of them, so without them the numbers below are not measured.
const (
	// ItemRecommend is how ready the account says it is to recommend, ItemRepurchase
	// to buy again: conscious loyalty.
	ItemRecommend  = "survey_recommend"
	ItemRepurchase = "survey_repurchase"
	// ItemTrust, ItemAttachment and ItemPride are emotional loyalty.
	ItemTrust      = "survey_trust"
	ItemAttachment = "survey_attachment"
	ItemPride      = "survey_pride"
	// ItemProduct and the three after it are the values of what is delivered; more is better.
	ItemProduct = "survey_value_product"
	ItemService = "survey_value_service"
	ItemPeople  = "survey_value_people"
	ItemImage   = "survey_value_image"
	// ItemMoney and the three after it are the costs of it; more is worse.
	ItemMoney    = "survey_cost_money"
	ItemTime     = "survey_cost_time"
	ItemMental   = "survey_cost_mental"
	ItemPhysical = "survey_cost_physical"
)

var (
	conscious = []string{ItemRecommend, ItemRepurchase}
	emotional = []string{ItemTrust, ItemAttachment, ItemPride}
	benefits  = []string{ItemProduct, ItemService, ItemPeople, ItemImage}
	costs     = []string{ItemMoney, ItemTime, ItemMental, ItemPhysical}
	// behaviour are the indicators of what the account does, not what it says.
	behaviour = []Indicator{Repeat, WalletShare, Duration, Frequency}
)

// Items returns the names of the survey items.
func Items() []string {
	var names []string
	for _, group := range [][]string{conscious, emotional, benefits, costs} {
		names = append(names, group...)
	}
	return names
}

// Basis says what satisfaction is made of.
type Basis string

// The bases. NotMeasured: nobody asked, nobody answered, or too long ago; that no
// complaint came is not satisfaction.
const (
	NotMeasured        Basis = ""
	AgainstExpectation Basis = "against_expectation"
	PerceptionOnly     Basis = "perception_only"
)

var basisWords = map[Basis]Words{
	NotMeasured:        {"Satisfaction: not measured", "满意度：未衡量"},
	AgainstExpectation: {"Satisfaction {satisfaction} of 100, where 50 is just as expected", "满意度{satisfaction}分（满分100，50分为恰如预期）"},
	PerceptionOnly:     {"Satisfaction {satisfaction} of 100 by perception alone; the expectation was not asked", "仅按感知的满意度{satisfaction}分（满分100）；未询问期望"},
}

// Attitude is what accounts say and feel, apart from what they do; in columns, NaN
// when not measured.
type Attitude struct {
	// Satisfaction is 0 … 100: 50 + 50 × (perception − expectation) as shares of the
	// declared scale, or 100 × perception where the expectation was not asked.
	Satisfaction []float64
	Basis        []Basis
	// Why says why there is no satisfaction.
	Why []Why
	// ResponseRate is the share of the last 365 days' surveys that were answered.
	ResponseRate []float64
	// Complaints counts those of the last 365 days, OpenDays is the age of the oldest
	// open one. They are numbers of their own, no part of satisfaction.
	Complaints, OpenDays []float64
	// Emotional, Behavioural and Conscious loyalty, each 0 … 100 and apart: means of
	// the survey items of trust, attachment and pride; of the indicators repeat
	// purchase, share of wallet, duration and frequency; of the stated intentions to
	// recommend and to buy again.
	Emotional, Behavioural, Conscious []float64
	// Delivered is the delivered value, −100 … 100: 100 × (mean of product, service,
	// people and image − mean of money, time, mental and physical cost); it takes at
	// least one item of each side.
	Delivered []float64
	// Asked is how many of its eight items were answered.
	Asked []int8
}

// Attitudes reads the surveys of every row of the scores.
func Attitudes(s *Scores) *Attitude {
	n, cols := s.in.rows(), s.in.columns()
	numbers := make([]float64, 8*n)
	part := func(k int) []float64 { return numbers[k*n : (k+1)*n : (k+1)*n] }
	a := &Attitude{
		Satisfaction: part(0), ResponseRate: part(1), Complaints: part(2), OpenDays: part(3), Emotional: part(4), Behavioural: part(5),
		Conscious: part(6), Delivered: part(7), Basis: make([]Basis, n), Why: make([]Why, n), Asked: make([]int8, n),
	}
	perception, gap, age := cols.of("satisfaction_last"), cols.of("expectation_gap"), cols.of("satisfaction_age_days")
	silence, complaints, open := cols.of("survey_silence_share_365d"), cols.of("complaints_365d"), cols.of("complaint_open_days")
	feels, means, good, bad := cols.all(emotional), cols.all(conscious), cols.all(benefits), cols.all(costs)
	does := make([][]float64, len(behaviour))
	for k, b := range behaviour {
		does[k] = s.Indicators[b]
	}
	for i := range n {
		a.satisfaction(i, at(perception, i), at(gap, i), at(age, i), s.settings.Survey.MaxAgeDays, perception == nil && gap == nil)
		a.ResponseRate[i] = 1 - at(silence, i)
		a.Complaints[i], a.OpenDays[i] = at(complaints, i), at(open, i)
		felt, _ := meanAt(feels, i)
		done, _ := meanAt(does, i)
		meant, _ := meanAt(means, i)
		a.Emotional[i], a.Behavioural[i], a.Conscious[i] = 100*felt, done, 100*meant
		got, of := meanAt(good, i)
		given, and := meanAt(bad, i)
		a.Delivered[i], a.Asked[i] = 100*(got-given), int8(of+and) //nolint:gosec // eight items
	}
	return a
}

func (a *Attitude) satisfaction(i int, perception, gap, age, most float64, absent bool) {
	a.Satisfaction[i] = math.NaN()
	switch {
	case absent:
		a.Why[i] = NoColumn
	case math.IsNaN(perception) && math.IsNaN(gap):
		a.Why[i] = NoValue
	case age > most:
		a.Why[i] = TooOld
	case !math.IsNaN(gap):
		a.Satisfaction[i], a.Basis[i] = 50+50*min(1, max(-1, gap)), AgainstExpectation
	default:
		a.Satisfaction[i], a.Basis[i] = 100*min(1, max(0, perception)), PerceptionOnly
	}
}

// all returns the columns of those names that are there.
func (c columns) all(names []string) [][]float64 {
	var found [][]float64
	for _, name := range names {
		if values := c.of(name); values != nil {
			found = append(found, values)
		}
	}
	return found
}

// meanAt is the mean over columns of what is there in row i, and how many are.
func meanAt(columns [][]float64, i int) (mean float64, n int) {
	var sum float64
	for _, c := range columns {
		if v := c[i]; !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return ratio(sum, float64(n)), n
}

// Sentences says row i's attitude; each number that is not measured says so.
func (a *Attitude) Sentences(i int, lang score.Language) []string {
	first := basisWords[NotMeasured].In(lang)
	if a.Basis[i] == NotMeasured {
		first = fmt.Sprintf(Words{"%s (%s)", "%s（%s）"}.In(lang), first, a.Why[i].Words(lang))
	} else {
		first = say(basisWords[a.Basis[i]], basisWords[NotMeasured], map[string]float64{"satisfaction": math.Round(a.Satisfaction[i])}, nil, lang)
	}
	out := []string{first}
	for _, line := range []struct {
		label Words
		value float64
		unit  string
	}{
		{Words{"Share of surveys answered", "调查回复率"}, a.ResponseRate[i], "share"},
		{Words{"Complaints in the last 365 days", "近365天投诉次数"}, a.Complaints[i], "complaints"},
		{Words{"Emotional loyalty", "情感忠诚"}, math.Round(a.Emotional[i]), "points"},
		{Words{"Behavioural loyalty", "行为忠诚"}, math.Round(a.Behavioural[i]), "points"},
		{Words{"Conscious loyalty (stated intention)", "意识忠诚（表达的意向）"}, math.Round(a.Conscious[i]), "points"},
		{Words{"Delivered value, −100 to 100", "让渡价值（−100至100）"}, math.Round(a.Delivered[i]), "points"},
	} {
		text := Words{"not measured", "未衡量"}.In(lang)
		if !math.IsNaN(line.value) {
			text = score.Format(line.value, line.unit)
		}
		out = append(out, line.label.In(lang)+Words{": ", "："}.In(lang)+text)
	}
	return out
}
