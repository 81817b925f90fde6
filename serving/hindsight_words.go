package serving

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fealty/model"
	"fealty/model/score"
)

// The sentences of the paragraph, by language. What stands in braces is filled
// in; score.Format writes the numbers.
var hindsightSentences = map[score.Language]map[string]string{
	score.English: {
		"lost": "Replayed at the ends of {months} months ({from} to {to}), with features and a model made only of what was known on each day: " +
			"{lost} accounts were lost, silent since then or shortly before, for {horizon} days at least. In the year before they had spent {spend} {currency}. ",
		"none": "Replayed at the ends of {months} months ({from} to {to}), with features and a model made only of what was known on each day: " +
			"no account was lost for good. ",
		"reached":  "fealty would have flagged {reached} of them ({share}) before {horizon} days of silence told everybody, in the median {weeks} weeks ahead, and missed {missed}. ",
		"money":    "Those reached had spent {money} of that. ",
		"missed":   "fealty would have flagged none of them in time. ",
		"bothered": "{bothered} other accounts would have been contacted though they did not leave; {back} of them had fallen silent for {horizon} days and came back by themselves. ",
		"per":      "That is {per} for each one reached. ",
		"spared":   "No other account would have been contacted. ",
		"rule":     "The simple recency rule, flagging as many accounts on the same days, would have reached {rule} and bothered {ruleBothered}. ",
		"open":     "{open} further months are not counted, because their outcome is not known yet or too little was known to learn from. ",
		"caveat":   "This tells who would have been known in time, not who would have stayed: that, only a campaign with a control group can tell.",
	},
	score.Chinese: {
		"lost": "按月末逐月回放（{from} 至 {to}，共 {months} 个月），每个时点的特征和模型只用当时已知的数据：" +
			"有 {lost} 个客户从那时或稍早起不再购买，至今至少沉默 {horizon} 天，已经流失；流失前一年它们共消费 {spend} {currency}。",
		"none":     "按月末逐月回放（{from} 至 {to}，共 {months} 个月），每个时点的特征和模型只用当时已知的数据：没有客户真正流失。",
		"reached":  "在沉默满 {horizon} 天、人人都已知道之前，fealty 本可提前标出其中 {reached} 个（{share}），提前时间的中位数为 {weeks} 周；会漏掉 {missed} 个。",
		"money":    "及时标出的客户占这笔消费的 {money}。",
		"missed":   "fealty 不会及时标出其中任何一个。",
		"bothered": "为此还会打扰 {bothered} 个并未流失的客户，其中 {back} 个沉默满 {horizon} 天后自己回来了。",
		"per":      "平均每找到一个流失客户打扰 {per} 个。",
		"spared":   "不会打扰其他客户。",
		"rule":     "若只用简单的“距上次购买天数”规则、在同样的日期标出同样多的客户，则能找到 {rule} 个，打扰 {ruleBothered} 个。",
		"open":     "另有 {open} 个月未计入：结果尚未确定，或当时数据太少而无法训练。",
		"caveat":   "以上只说明谁本可及时被发现，不说明谁会因此留下；后者只有带对照组的活动才能回答。",
	},
}

// paragraph tells the result in one language.
func (r *HindsightResult) paragraph(language score.Language) string {
	t := &r.Total
	whole := func(n int) string { return score.Format(float64(n), "") }
	decimal := func(v model.Figure) string { return strconv.FormatFloat(float64(tenths(float64(v))), 'f', -1, 64) }
	counted := r.counted()
	values := strings.NewReplacer(
		"{from}", counted[0].Month, "{to}", counted[len(counted)-1].Month, "{months}", whole(len(counted)), "{open}", whole(len(r.Months)-len(counted)),
		"{lost}", whole(t.Lost), "{reached}", whole(t.Reached), "{missed}", whole(t.Missed), "{horizon}", strconv.Itoa(r.HorizonDays),
		"{spend}", score.Format(math.Round(float64(t.SpendLost)), ""), "{currency}", r.Currency,
		"{share}", score.Format(float64(t.ReachedShare), "share"), "{money}", score.Format(float64(t.SpendShare), "share"),
		"{weeks}", decimal(t.WeeksAhead), "{bothered}", whole(t.Bothered), "{back}", whole(t.CameBack), "{per}", decimal(t.BotheredPerReached),
		"{rule}", whole(t.RuleReached), "{ruleBothered}", whole(t.RuleBothered),
	)
	sentences := []string{"lost"}
	switch {
	case t.Lost == 0:
		sentences = []string{"none"}
	case t.Reached == 0:
		sentences = append(sentences, "missed")
	default:
		sentences = append(sentences, "reached")
		if !math.IsNaN(float64(t.SpendShare)) {
			sentences = append(sentences, "money")
		}
	}
	if t.Bothered == 0 {
		sentences = append(sentences, "spared")
	} else {
		sentences = append(sentences, "bothered")
		if t.Reached > 0 {
			sentences = append(sentences, "per")
		}
	}
	if t.Reached+t.Bothered > 0 {
		sentences = append(sentences, "rule")
	}
	if len(counted) < len(r.Months) {
		sentences = append(sentences, "open")
	}
	var b strings.Builder
	for _, name := range append(sentences, "caveat") {
		b.WriteString(values.Replace(hindsightSentences[language][name]))
	}
	return b.String()
}

// counted returns the months that are counted.
func (r *HindsightResult) counted() []HindsightMonth {
	var counted []HindsightMonth
	for i := range r.Months {
		if r.Months[i].State == MonthCounted {
			counted = append(counted, r.Months[i])
		}
	}
	return counted
}

// notes say what the words of the answer mean.
func (h *hindsight) notes(r *HindsightResult) []string {
	flag := fmt.Sprintf("An account is flagged at a month's end when its probability is in the high band (%v or more).", model.Figure(r.HighBand))
	if r.Capacity > 0 {
		flag = fmt.Sprintf("At each month's end the %d riskiest accounts are flagged.", r.Capacity)
		if r.By == ByValue {
			flag = fmt.Sprintf("At each month's end the %d accounts with the greatest value at risk are flagged, probability × margin of %d days.", r.Capacity, r.HorizonDays)
		}
	}
	flag += fmt.Sprintf(" Whoever had been silent for %d days by then is not: no model is needed to know.", r.HorizonDays)
	notes := []string{
		fmt.Sprintf("Lost: the last purchase known to this day (data through %s) lies at most %d days before one of the counted dates, and the label there says churned. Whoever came back later is not lost. "+
			"A lost account counts once, in the first month in which a flag would have been in time; the first counted month holds those of the %d days before it too.", h.text(h.through), r.HorizonDays, r.HorizonDays),
		flag,
		fmt.Sprintf("Reached: flagged at a date after the last purchase and at most %d days after it. A flag before the last purchase counts for nothing.", r.HorizonDays),
		"Weeks ahead are counted to the day when the horizon of silence was over and everybody knew.",
		"Bothered: flagged at one of the dates and not lost; an account counts once, in the month of its first flag.",
		fmt.Sprintf("Money: the margin of %d days at the account's usual pace as of that month's end (revenue × %v where no cost is known); accounts younger than that have none. Spend: that of the year before, of all of them.", r.HorizonDays, h.MarginRate),
		"Accounts lost in the last months had fewer dates at which to be flagged: see chances.",
		"Each model learnt from month ends whose label was final by then and as it was recorded by then.",
	}
	if r.LeftOut > 0 {
		notes = append(notes, fmt.Sprintf("%d accounts that fell silent are left out, because the label leaves them out at the month's end (paused, opted out, or bought and took it back).", r.LeftOut))
	}
	return notes
}
