package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/model"
	"fealty/model/score"
)

// Survey items, as shares of their declared scale, 0 … 1; handed in as replies or as
// extras. The catalogue has none of them, so without them the numbers below are not
// measured.
const (
	// ItemIntention is how firmly the account says it means to stay, ItemRecommend how
	// ready it is to recommend, ItemRepurchase to buy again: conscious loyalty.
	ItemIntention  = "survey_intention"
	ItemRecommend  = "survey_recommend"
	ItemRepurchase = "survey_repurchase"
	// ItemEmotional is emotional loyalty asked as one; ItemTrust, ItemAttachment and
	// ItemPride are its parts.
	ItemEmotional  = "survey_emotional"
	ItemTrust      = "survey_trust"
	ItemAttachment = "survey_attachment"
	ItemPride      = "survey_pride"
	// ItemProduct and the three after it are the values of what is delivered; more is better.
	ItemProduct = "survey_product"
	ItemService = "survey_service"
	ItemPeople  = "survey_people"
	ItemImage   = "survey_image"
	// ItemMoney and the three after it are the costs of it; more is worse.
	ItemMoney    = "survey_money"
	ItemTime     = "survey_time"
	ItemMental   = "survey_mental"
	ItemPhysical = "survey_physical"
)

// group is a set of items that are one number together.
type group int

const (
	feelings group = iota
	intentions
	benefits
	costs
	groups
)

var (
	itemsOf = [groups][]string{
		feelings:   {ItemEmotional, ItemTrust, ItemAttachment, ItemPride},
		intentions: {ItemIntention, ItemRecommend, ItemRepurchase},
		benefits:   {ItemProduct, ItemService, ItemPeople, ItemImage},
		costs:      {ItemMoney, ItemTime, ItemMental, ItemPhysical},
	}
	// behaviour are the indicators of what the account does, not what it says.
	behaviour = []Indicator{Repeat, WalletShare, Duration, Frequency}
)

// Items returns the names of the survey items.
func Items() []string { return slices.Concat(itemsOf[:]...) }

// Reply is what an account answered to a survey item, or somebody of ours judged in
// its place.
type Reply struct {
	Row  int
	Item string
	// Share is the answer and Expected what was expected, as shares of the declared
	// scale, 0 … 1; Expected is NaN when it was not asked.
	Share, Expected float64
	Judged          bool
	// At is when it was said, in Unix seconds, before the row's cutoff.
	At int64
}

// replied is what the replies of a row say beside their values.
type replied struct {
	basis [groups]Basis
	old   [groups]bool
	// gap sums the answers to the benefits less what was expected, over gaps of them.
	gap  float64
	gaps int
}

// withReplies returns the input with the replies of at most that many days as columns
// of their items, and what else they say by row.
func (in *Input) withReplies(most float64) (Input, map[int]*replied) {
	out, rows := *in, map[int]*replied{}
	if len(in.Replies) == 0 {
		return out, rows
	}
	out.Extra = maps.Clone(in.Extra)
	if out.Extra == nil {
		out.Extra = map[string][]float64{}
	}
	for g, items := range itemsOf {
		for _, item := range items {
			var column []float64
			for k := range in.Replies {
				r := &in.Replies[k]
				if r.Item != item {
					continue
				}
				if column == nil {
					column = emptyColumn(in.rows())
				}
				of := rows[r.Row]
				if of == nil {
					of = &replied{}
					rows[r.Row] = of
				}
				if float64(int64(in.Frame.Cutoffs[r.Row])-r.At) > most*86400 {
					of.old[g] = true
					continue
				}
				column[r.Row] = r.Share
				of.basis[g] = of.basis[g].and(r.Judged)
				if group(g) == benefits && !math.IsNaN(r.Expected) {
					of.gap, of.gaps = of.gap+r.Share-r.Expected, of.gaps+1
				}
			}
			if column != nil {
				out.Extra[item] = column
			}
		}
	}
	return out, rows
}

// emptyColumn is a column without values.
func emptyColumn(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// Aspect is one number of what an account says and feels; it is an index into the
// columns of Attitude.
type Aspect uint8

// The aspects. Satisfaction is 0 … 100: 50 + 50 × (perception − expectation) as
// shares of the declared scale, or 100 × perception where the expectation was not
// asked; without either, the same of the items product, service, people and image.
// ResponseRate is the share of the last 365 days' surveys that were answered.
// Complaints counts those of the last 365 days, OpenDays is the age of the oldest open
// one; they are numbers of their own: no complaint is not satisfaction. Emotional and
// Conscious are means of survey items, Behavioural that of the indicators repeat
// purchase, share of wallet, duration and frequency, each 0 … 100. Delivered is the
// delivered value, −100 … 100: 100 × (mean of product, service, people and image −
// mean of money, time, mental and physical cost); it takes an item of each side.
const (
	Satisfaction Aspect = iota
	ResponseRate
	Complaints
	OpenDays
	Emotional
	Behavioural
	Conscious
	Delivered
	Aspects
)

var aspects = [Aspects]struct {
	code, unit string
	label      Words
}{
	Satisfaction: {"satisfaction", "points", Words{"Satisfaction", "满意度"}},
	ResponseRate: {"response_rate", "share", Words{"Share of surveys answered", "调查回复率"}},
	Complaints:   {"complaints", "complaints", Words{"Complaints in the last 365 days", "近365天投诉次数"}},
	OpenDays:     {"complaint_open_days", "days", Words{"Days since the oldest open complaint", "最早未解决投诉的天数"}},
	Emotional:    {"emotional", "points", Words{"Emotional loyalty", "情感忠诚"}},
	Behavioural:  {"behavioural", "points", Words{"Behavioural loyalty", "行为忠诚"}},
	Conscious:    {"conscious", "points", Words{"Conscious loyalty (stated intention)", "意识忠诚（表达的意向）"}},
	Delivered:    {"delivered_value", "points", Words{"Delivered value, −100 to 100", "让渡价值（−100至100）"}},
}

// String returns the aspect's name in a record.
func (a Aspect) String() string { return aspects[a].code }

// Basis says what a number of attitude is made of.
type Basis uint8

// The bases. NotMeasured: nobody asked, nobody answered, or too long ago.
const (
	NotMeasured Basis = iota
	AgainstExpectation
	PerceptionOnly
	ItemsAgainstExpectation
	Surveyed
	Judged
	SurveyedAndJudged
	ByIndicators
	bases
)

var basisCodes = [bases]string{
	"", "against_expectation", "perception_only", "items_against_expectation", "survey", "judgement", "survey_and_judgement", "indicators",
}

var basisWords = [bases]Words{
	AgainstExpectation:      {"perception against expectation, 50 is just as expected", "感知与期望之比，50分为恰如预期"},
	PerceptionOnly:          {"by perception alone; the expectation was not asked", "仅按感知；未询问期望"},
	ItemsAgainstExpectation: {"product, service, people and image against what was expected, 50 is just as expected", "产品、服务、人员与形象对照期望，50分为恰如预期"},
	Surveyed:                {"answered by the account", "客户自答"},
	Judged:                  {"judged by hand", "人工判断"},
	SurveyedAndJudged:       {"partly answered by the account, partly judged by hand", "部分为客户自答，部分为人工判断"},
	ByIndicators:            {"repeat purchase, share of wallet, duration and frequency", "重复购买、钱包份额、持续时间与购买频率"},
}

// String returns the code of answers; "" for NotMeasured.
func (b Basis) String() string { return basisCodes[b] }

// and is the basis with one more reply.
func (b Basis) and(judged bool) Basis {
	one := Surveyed
	if judged {
		one = Judged
	}
	return b.with(one)
}

// with is the basis of what rests on both.
func (b Basis) with(other Basis) Basis {
	switch {
	case b == NotMeasured || b == other:
		return other
	case other == NotMeasured:
		return b
	}
	return SurveyedAndJudged
}

// Attitude is what accounts say and feel, apart from what they do: by aspect a column
// of values, NaN when not measured and Why then says why.
type Attitude struct {
	Values [Aspects][]float64
	Why    [Aspects][]Why
	Basis  [Aspects][]Basis
}

// Attitudes reads the surveys of every row of the scores.
func Attitudes(s *Scores) *Attitude {
	n, cols := s.in.rows(), s.in.columns()
	a := &Attitude{}
	for k := range Aspects {
		a.Values[k], a.Why[k], a.Basis[k] = make([]float64, n), make([]Why, n), make([]Basis, n)
	}
	perception, gap, age := cols.of("satisfaction_last"), cols.of("expectation_gap"), cols.of("satisfaction_age_days")
	silence, complaints, open := cols.of("survey_silence_share_365d"), cols.of("complaints_365d"), cols.of("complaint_open_days")
	var said [groups][][]float64
	for g := range groups {
		said[g] = cols.all(itemsOf[g])
	}
	does := make([][]float64, len(behaviour))
	for k, b := range behaviour {
		does[k] = s.Indicators[b]
	}
	none := &replied{}
	for i := range n {
		of := s.replies[i]
		if of == nil {
			of = none
		}
		a.satisfaction(i, at(perception, i), at(gap, i), at(age, i), s.settings.Survey.MaxAgeDays, perception == nil && gap == nil && len(s.replies) == 0, of)
		a.set(ResponseRate, i, 1-at(silence, i), NotMeasured, absence(silence == nil, false))
		a.set(Complaints, i, at(complaints, i), NotMeasured, absence(complaints == nil, false))
		why := absence(open == nil, false)
		if !math.IsNaN(at(complaints, i)) && open != nil {
			why = NothingOpen
		}
		a.set(OpenDays, i, at(open, i), NotMeasured, why)
		done, _ := meanAt(does, i)
		a.set(Behavioural, i, done, ByIndicators, NoValue)
		var mean [groups]float64
		var asked [groups]int
		var basis [groups]Basis
		for g := range groups {
			mean[g], asked[g] = meanAt(said[g], i)
			if basis[g] = of.basis[g]; basis[g] == NotMeasured && asked[g] > 0 {
				basis[g] = Surveyed
			}
		}
		a.set(Emotional, i, 100*mean[feelings], basis[feelings], absence(said[feelings] == nil, of.old[feelings]))
		a.set(Conscious, i, 100*mean[intentions], basis[intentions], absence(said[intentions] == nil, of.old[intentions]))
		why = absence(said[benefits] == nil && said[costs] == nil, of.old[benefits] || of.old[costs])
		if (asked[benefits] > 0) != (asked[costs] > 0) {
			why = OneSided
		}
		a.set(Delivered, i, 100*(mean[benefits]-mean[costs]), basis[benefits].with(basis[costs]), why)
	}
	return a
}

// absence says why a number of attitude is not there.
func absence(column, old bool) Why {
	switch {
	case column:
		return NoColumn
	case old:
		return TooOld
	}
	return NoValue
}

// set notes a number with its basis, or why it is not there.
func (a *Attitude) set(k Aspect, i int, v float64, basis Basis, why Why) {
	if a.Values[k][i] = v; math.IsNaN(v) {
		a.Why[k][i] = why
		return
	}
	a.Basis[k][i] = basis
}

func (a *Attitude) satisfaction(i int, perception, gap, age, most float64, absent bool, of *replied) {
	// What was said too long ago says nothing of today.
	old := age > most
	switch {
	case !math.IsNaN(gap) && !old:
		a.set(Satisfaction, i, 50+50*min(1, max(-1, gap)), AgainstExpectation, Measured)
	case !math.IsNaN(perception) && !old:
		a.set(Satisfaction, i, 100*min(1, max(0, perception)), PerceptionOnly, Measured)
	case of.gaps > 0:
		a.set(Satisfaction, i, 50+50*of.gap/float64(of.gaps), ItemsAgainstExpectation, Measured)
	default:
		a.set(Satisfaction, i, math.NaN(), NotMeasured, absence(absent, old && !(math.IsNaN(perception) && math.IsNaN(gap))))
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

// Records returns row i's attitude in the form in which it is stored, in the order of
// the aspects.
func (a *Attitude) Records(i int) []score.Attitude {
	out := make([]score.Attitude, Aspects)
	for k := range Aspects {
		out[k] = score.Attitude{Name: k.String(), Value: model.Figure(a.Values[k][i]), Why: a.Why[k][i].String(), Basis: a.Basis[k][i].String()}
	}
	return out
}

// aspectOf finds an aspect by its name in a record.
func aspectOf(name string) (Aspect, bool) {
	for k := range Aspects {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

// WordsOfAspect names an aspect by its name in a record.
func WordsOfAspect(name string) (Words, bool) {
	k, ok := aspectOf(name)
	if !ok {
		return Words{}, false
	}
	return aspects[k].label, true
}

// WordsOfBasis says what a number of attitude is made of, by the code in a record.
func WordsOfBasis(code string) (Words, bool) {
	b := slices.Index(basisCodes[:], code)
	if b < 0 {
		return Words{}, false
	}
	return basisWords[b], true
}

// WordsOfAttitude says one number of attitude as it is stored: what it is and what it
// is made of, or that it is not measured, and why; false for one of a later version.
func WordsOfAttitude(r score.Attitude) (Words, bool) {
	k, ok := aspectOf(r.Name)
	if !ok {
		return Words{}, false
	}
	label := aspects[k].label
	if math.IsNaN(float64(r.Value)) {
		why, ok := WordsOfWhy(r.Why)
		if !ok || r.Why == "" {
			return Words{label.EN + ": not measured", label.ZH + "：未衡量"}, true
		}
		return Words{fmt.Sprintf("%s: not measured (%s)", label.EN, why.EN), fmt.Sprintf("%s：未衡量（%s）", label.ZH, why.ZH)}, true
	}
	v := float64(r.Value)
	if aspects[k].unit == "points" {
		v = math.Round(v)
	}
	text := score.Format(v, aspects[k].unit)
	out := Words{label.EN + ": " + text, label.ZH + "：" + text}
	if basis, ok := WordsOfBasis(r.Basis); ok && r.Basis != "" {
		out = Words{out.EN + " (" + basis.EN + ")", out.ZH + "（" + basis.ZH + "）"}
	}
	return out, true
}
