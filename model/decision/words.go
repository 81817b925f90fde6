package decision

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fealty/model/score"
)

// phrases are the sentences of one language. %s stands for a number with its
// unit; the order of places is the same in every language.
type phrases struct {
	contacts, nobody, defaults, none, given, losing string
	// byRate says of how many no cost is known, revenue what a rate of 1 makes of that.
	byRate, revenue string
	// unknown tells what can't be ranked, by what is not known of it.
	unknown map[string]string
	// same and best tell a case, even the break-even.
	same, even, never string
	// assumption tells each by name, label only names it.
	assumption, label map[string]string
	join, stop        string
}

var words = map[score.Language]phrases{
	score.English: {
		contacts: "Accounts to contact: %s. Expected profit in all: %s.",
		nobody:   "Contact nobody: under these assumptions and this capacity no contact is expected to earn money.",
		defaults: "Assumed by default, because nobody gave it: %s. The total is worth no more than these.",
		none:     "No assumption is a default.",
		given:    "Given: %s.",
		losing:   "Contacts that are expected to lose money, and only fill the capacity: %s.",
		byRate:   "Of the accounts that can be ranked (%s) no cost is known of %s: their value is revenue times the margin rate.",
		revenue:  "At a margin rate of 100 % that is revenue, not margin.",
		unknown: map[string]string{
			NoProbability: "Accounts that can't be ranked, because their probability of leaving is not known: %s.",
			NoValue:       "Accounts that can't be ranked, because their value is not known: %s.",
		},
		same:  "With the %s at %s these rows would earn %s; the best list (accounts: %s, added: %s, dropped: %s) would earn %s.",
		even:  "These rows earn nothing with the %s at %s.",
		never: "There is no %s within its bounds at which these rows earn nothing.",
		assumption: map[string]string{
			ContactCost: "cost of a contact %s", Incentive: "incentive %s of the value", Acceptance: "accepted by %s of those who would leave",
			Value: "values as given, times %s", Odds: "odds of churn as scored, times %s",
			MarginRate: "margin rate %s of revenue where no cost is known",
		},
		label: map[string]string{
			ContactCost: "cost of a contact", Incentive: "incentive", Acceptance: "acceptance", Value: "factor of the values", Odds: "factor of the odds of churn",
			MarginRate: "margin rate",
		},
		join: "; ", stop: " ",
	},
	score.Chinese: {
		contacts: "联系 %s 个客户：预期利润合计 %s。",
		nobody:   "不联系任何客户：在这些假设和联系能力下，没有一次联系预期能带来利润。",
		defaults: "以下为默认假设，并无人提供：%s。合计数的可信度不高于这些假设。",
		none:     "没有使用任何默认假设。",
		given:    "已提供：%s。",
		losing:   "其中 %s 次联系预期亏损，仅用于用满联系能力。",
		byRate:   "可排序的 %s 个客户中，有 %s 个成本未知：其价值为收入乘以毛利率。",
		revenue:  "毛利率为 100 % 时，该价值即为收入，而非毛利。",
		unknown: map[string]string{
			NoProbability: "%s 个客户无法排序：其流失概率未知。",
			NoValue:       "%s 个客户无法排序：其价值未知。",
		},
		same:  "若%s为 %s，则这些客户带来 %s；此时最优名单含 %s 个客户（新增 %s 个，移除 %s 个），带来 %s。",
		even:  "当%s为 %s 时，这些客户不带来利润。",
		never: "在允许范围内，没有使这些客户利润为零的%s。",
		assumption: map[string]string{
			ContactCost: "每次联系成本 %s", Incentive: "激励为价值的 %s", Acceptance: "将流失者中有 %s 接受",
			Value: "价值按所给数值乘以 %s", Odds: "流失几率按评分乘以 %s",
			MarginRate: "成本未知时毛利率为收入的 %s",
		},
		label: map[string]string{
			ContactCost: "每次联系成本", Incentive: "激励比例", Acceptance: "接受比例", Value: "价值系数", Odds: "流失几率系数",
			MarginRate: "毛利率",
		},
		join: "；", stop: "",
	},
}

// phrasesOf are those of a language; of another than those of score.Language the
// English ones.
func phrasesOf(lang score.Language) phrases {
	w, ok := words[lang]
	if !ok {
		w = words[score.English]
	}
	return w
}

// Defaults says what the list assumes by default, in one sentence: every way of
// showing a list shows this.
func (l *List) Defaults(lang score.Language) string {
	w := phrasesOf(lang)
	if assumed := l.stated(w, Default); assumed != "" {
		return fmt.Sprintf(w.defaults, assumed)
	}
	return w.none
}

// stated names the assumptions of an origin.
func (l *List) stated(w phrases, origin Origin) string {
	var parts []string
	for _, a := range l.Assumptions {
		if a.Origin == origin {
			parts = append(parts, fmt.Sprintf(w.assumption[a.Name], l.amount(a.Name, a.Value)))
		}
	}
	return strings.Join(parts, w.join)
}

// Sentences tell the list to people, one sentence each: the total, then what it
// assumes by default, before anything else, then what was given, of whom no cost is
// known, what can't be ranked, and how it depends on each assumption. Another language
// than those of score.Language is told in English.
func (l *List) Sentences(lang score.Language) []string {
	w := phrasesOf(lang)
	all := []string{w.nobody}
	if n := len(l.Rows); n > 0 {
		all[0] = fmt.Sprintf(w.contacts, strconv.Itoa(n), l.money(l.Total))
	}
	all = append(all, l.Defaults(lang))
	if given := l.stated(w, Known); given != "" {
		all = append(all, fmt.Sprintf(w.given, given))
	}
	if l.ByRate > 0 {
		all = append(all, fmt.Sprintf(w.byRate, strconv.Itoa(l.Ranked), strconv.Itoa(l.ByRate)))
		for _, a := range l.Assumptions {
			if a.Name == MarginRate && a.Value == 1 {
				all = append(all, w.revenue)
			}
		}
	}
	losing := 0
	for _, r := range l.Rows {
		if r.Profit <= 0 {
			losing++
		}
	}
	if losing > 0 {
		all = append(all, fmt.Sprintf(w.losing, strconv.Itoa(losing)))
	}
	unknown := map[string]int{}
	for _, u := range l.Unknown {
		unknown[u.Why]++
	}
	for _, why := range []string{NoProbability, NoValue} {
		if n := unknown[why]; n > 0 {
			all = append(all, fmt.Sprintf(w.unknown[why], strconv.Itoa(n)))
		}
	}
	for _, s := range l.Sensitivity {
		if len(l.Rows) > 0 || s.Cases[0].Contacts+s.Cases[1].Contacts > 0 {
			all = append(all, l.depends(w, s))
		}
	}
	return all
}

// depends tells one assumption's cases and break-even.
func (l *List) depends(w phrases, s Sensitivity) string {
	var parts []string
	for _, k := range s.Cases {
		parts = append(parts, fmt.Sprintf(w.same, w.label[s.Name], l.amount(s.Name, k.Value), l.money(k.SameRows),
			strconv.Itoa(k.Contacts), strconv.Itoa(k.Added), strconv.Itoa(k.Dropped), l.money(k.Total)))
	}
	switch at := float64(s.BreakEven); {
	case len(l.Rows) == 0:
	case !math.IsNaN(at):
		parts = append(parts, fmt.Sprintf(w.even, w.label[s.Name], l.amount(s.Name, at)))
	default:
		parts = append(parts, fmt.Sprintf(w.never, w.label[s.Name]))
	}
	return strings.Join(parts, w.stop)
}

func (l *List) money(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + " " + l.Currency }

// amount writes an assumption in its unit.
func (l *List) amount(name string, v float64) string {
	switch name {
	case ContactCost:
		return l.money(v)
	case Incentive, Acceptance, MarginRate:
		return strconv.FormatFloat(100*v, 'g', 4, 64) + " %"
	default:
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
}
