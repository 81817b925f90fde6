package loyalty

import (
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model/score"
)

// Words are one text in both languages. A template among them names columns in
// braces.
type Words struct{ EN, ZH string }

// In returns the text in a language; English for an unknown one.
func (w Words) In(lang score.Language) string {
	if lang == score.Chinese {
		return w.ZH
	}
	return w.EN
}

// units are those of the columns that sentences of this package name.
var units = func() map[string]string {
	u := map[string]string{
		"competitor_offers_365d": "offers", "complaints_365d": "complaints", "complaint_open_days": "days", "overdue_days": "days", "list_price_change_365d": "share",
		"overdue_amount": "base currency", "returns_share_365d": "share", "return_orders_365d": "orders", "spend_trend_180d": "1",
	}
	for i := range definitions {
		for _, t := range definitions[i].Terms {
			u[t.Column] = t.Unit
			if t.Minus != "" {
				u[t.Minus] = t.Unit
			}
		}
	}
	return u
}()

// say fills a template with values. Units holds the units of those that are not in
// the package's own table; a value that is missing makes it say only the label.
func say(template, label Words, values map[string]float64, more map[string]string, lang score.Language) string {
	const self = ""
	metas := map[string]frame.Meta{self: {
		LabelEN: label.EN, LabelZH: label.ZH, ReasonEN: []string{template.EN}, ReasonZH: []string{template.ZH},
	}}
	present := map[string]float64{}
	for name, v := range values {
		unit, ok := more[name]
		if !ok {
			unit = units[name]
		}
		metas[name] = frame.Meta{Name: name, Unit: unit}
		if !math.IsNaN(v) {
			present[name] = v
		}
	}
	return score.Sentence(score.Reason{Feature: self, With: present}, metas, lang)
}

// Label names the indicator.
func (k Indicator) Label(lang score.Language) string {
	m := definitions[k].Meta
	return Words{m.LabelEN, m.LabelZH}.In(lang)
}

// String returns the code of answers; "" for Measured.
func (w Why) String() string { return whyCodes[w] }

var whyCodes = [whys]string{
	"", "no_column", "no_value", "nothing_failed", "too_young", "not_recorded", "no_scale", "too_little", "too_old", "nothing_open", "one_sided",
}

// Words says why a number is not there; "" for Measured.
func (w Why) Words(lang score.Language) string { return whyWords[w].In(lang) }

var whyWords = [whys]Words{
	Measured:      {"", ""},
	NoColumn:      {"the data for it is not kept here", "此处没有所需数据"},
	NoValue:       {"nothing is known of this account", "该客户没有相关数据"},
	NothingFailed: {"there was no complaint and no failure to tolerate", "没有需要容忍的投诉或失误"},
	TooYoung:      {"the account is too young to have repeated a purchase", "客户时间太短，尚无法重复购买"},
	NotRecorded:   {"it is not recorded here: no account has any", "此处未作记录：没有任何客户有此数据"},
	NoScale:       {"there are no stored quantiles to compare with", "没有可供比较的已存分位数"},
	TooLittle:     {"too little of the indicators is measured", "可衡量的指标太少"},
	TooOld:        {"the newest answer is too old", "最近的回答过旧"},
	NothingOpen:   {"no complaint is open", "没有未解决的投诉"},
	OneSided:      {"only the values or only the costs were told", "仅有价值或仅有成本一方的回答"},
}

var (
	notMeasurable = Words{"%s: not measurable here (%s)", "%s：此处无法衡量（%s）"}
	measuredAt    = Words{"%s: %.0f of 100", "%s：%.0f分（满分100）"}
	fullStop      = Words{". ", "。"}
)

// Sentence says the part in words: the value and the facts, or why there is none.
func (p Part) Sentence(lang score.Language) string {
	if p.Why != Measured {
		return fmt.Sprintf(notMeasurable.In(lang), p.Indicator.Label(lang), p.Why.Words(lang))
	}
	said := fmt.Sprintf(measuredAt.In(lang), p.Indicator.Label(lang), p.Value)
	facts := score.Reason{Feature: p.Indicator.String(), With: make(map[string]float64, len(p.Figures))}
	metas := map[string]frame.Meta{facts.Feature: definitions[p.Indicator].Meta}
	for name, v := range p.Figures {
		facts.With[name], metas[name] = float64(v), frame.Meta{Name: name, Unit: units[name]}
	}
	if of, ok := score.Filled(facts, metas, lang); ok {
		said += fullStop.In(lang) + of
	}
	return said
}

// Sentence says why the cap holds for an account with that value, and at what. A unit
// of "" means that of the package's own table.
func (c *Cap) Sentence(value float64, unit string, lang score.Language) string {
	if unit == "" {
		unit = units[c.Column]
	}
	label := Words{c.Condition.String(), c.Condition.String()}
	facts := say(Words{c.EN, c.ZH}, label, map[string]float64{c.Column: value}, map[string]string{c.Column: unit}, lang)
	return fmt.Sprintf(capWords.In(lang), facts, c.Cap)
}

var capWords = Words{"%s: at most %v", "%s：最高%v分"}

// Sentences says the whole answer: the score, what each indicator adds, the cap, the
// measure by hand, and whose mean it is.
func (a *Answer) Sentences(lang score.Language) []string {
	var out []string
	if a.Why != Measured {
		out = append(out, fmt.Sprintf(Words{"No loyalty score: %s (%.0f of 100 points)", "无忠诚度评分：%s（100分中的%.0f分）"}.In(lang), a.Why.Words(lang), a.Measured))
	} else {
		out = append(out, fmt.Sprintf(Words{"Loyalty %.0f of 100; %.0f of 100 points are measured", "忠诚度%.0f分（满分100）；100分中有%.0f分可衡量"}.In(lang), a.Score, a.Measured))
	}
	for _, p := range a.Parts {
		out = append(out, p.Sentence(lang))
	}
	if a.Cap != nil {
		out = append(out, a.Cap.Sentence(a.CapValue, a.CapUnit, lang))
	}
	if a.Measure != nil {
		out = append(out, a.Measure.Sentence(lang))
	}
	if a.Children > 0 {
		out = append(out, WordsOfChildren(int64(a.Children)).In(lang))
	}
	return out
}

// WordsOfChildren says that a score is the mean of so many children.
func WordsOfChildren(n int64) Words {
	return Words{
		score.Counted("Mean of %d accounts below it, weighted by value; its own trade counts as one more", n),
		fmt.Sprintf("下属%d个客户按价值加权的平均；自身交易按其中一个客户计入", n),
	}
}

var manualWords = map[ManualKind]Words{
	ManualMeasure:  {"Measured by hand", "人工评定"},
	ManualLearning: {"Learning value entered by hand", "人工填写的学习价值"},
}

var manualTemplate = Words{"%s: %s, by %s on %s: %s", "%s：%s，%s于%s：%s"}

// Sentence says who entered what, when and why.
func (m *Manual) Sentence(lang score.Language) string {
	return fmt.Sprintf(manualTemplate.In(lang),
		manualWords[m.Kind].In(lang), score.Format(m.Value, "points"), m.Author, instant(m.At), m.Comment)
}

// WordsOfMeasure says a measure by hand as it is stored; day is when it was entered.
func WordsOfMeasure(r score.Indicator, day string) Words {
	say := func(lang score.Language) string {
		return fmt.Sprintf(manualTemplate.In(lang), manualWords[ManualMeasure].In(lang), score.Format(float64(r.Value), "points"), r.Author, day, r.Comment)
	}
	return Words{say(score.English), say(score.Chinese)}
}

// label looks a word up and panics on one that has none: a programmer's mistake.
func label[K ~string](table map[K]Words, key K, lang score.Language) string {
	w, ok := table[key]
	if !ok {
		panic("loyalty: no words for " + string(key))
	}
	return w.In(lang)
}

// keysOf returns the keys of a table of words in order.
func keysOf[K ~string](table map[K]Words) []K {
	keys := make([]K, 0, len(table))
	for k := range table {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
