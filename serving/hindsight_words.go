package serving

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"fealty/model"
	"fealty/model/ladder"
	"fealty/model/score"
)

// The sentences of the paragraph, of the notes and of the reasons, by language. What stands in braces is filled
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

		WhyOutcomeOpen:        "its outcome is known when the data goes through {through}",
		WhyNoHistory:          "no month end was {days} days over by then with as many days of data before it",
		WhyNobodyTaught:       "no account can be labelled at the month ends to learn from",
		WhyNobodyJudged:       "no account can be labelled at this month end",
		WhyTooFew:             "too little to learn from: {rows} training rows, of which {churned} churned and {stayed} stayed; a rule needs {least} of each, in several accounts",
		WhyRungNotAsked:       "{rung} not asked for: the highest rung to try is {highest}",
		WhyRungNoLifetime:     "{rung} needs a lifetime model of the accounts, and none could be fitted",
		WhyRungTooFewRows:     "{rung} needs {needRows} rows and {need} of each class, has {rows} rows and {rarer} of the rarer class",
		WhyRungTooFewAccounts: "{rung} needs {needAccounts} eligible accounts and {need} rows of each class, has {accounts} accounts and {rarer} rows of the rarer class",

		"note.lost": "Lost: the last purchase known to this day (data through {through}) lies at most {horizon} days before one of the counted dates, and the label there says churned. " +
			"Whoever came back later is not lost. A lost account counts once, in the first month in which a flag would have been in time; " +
			"the first counted month holds those of the {horizon} days before it too.",
		"note.flag.band":  "An account is flagged at a month's end when its probability is in the high band ({band} or more).",
		"note.flag.risk":  "At each month's end the {capacity} riskiest accounts are flagged.",
		"note.flag.value": "At each month's end the {capacity} accounts with the greatest value at risk are flagged, probability × margin of {horizon} days.",
		"note.silent":     "Whoever had been silent for {horizon} days by a month's end is not flagged there: no model is needed to know.",
		"note.reached":    "Reached: flagged at a date after the last purchase and at most {horizon} days after it. A flag before the last purchase counts for nothing.",
		"note.weeks":      "Weeks ahead are counted to the day when the horizon of silence was over and everybody knew.",
		"note.bothered":   "Bothered: flagged at one of the dates and not lost; an account counts once, in the month of its first flag.",
		"note.money": "Money: the margin of {horizon} days at the account's usual pace as of that month's end (revenue × {margin} where no cost is known); " +
			"accounts younger than that have none. Spend: that of the year before, of all of them.",
		"note.chances": "Accounts lost in the last months had fewer dates at which to be flagged: see chances.",
		"note.models":  "Each model learnt from month ends whose label was final by then and as it was recorded by then.",
		"note.chart": "The chart: blue are lost accounts flagged in time, grey those missed, orange the others bothered; the number above is how many were bothered for each one flagged in time. " +
			"A month holds the accounts for which it was the first date in time.",
		"note.left": "{left} accounts that fell silent are left out, because the label leaves them out at the month's end (paused, opted out, or bought and took it back) or because they asked to be erased.",
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

		WhyOutcomeOpen:        "数据到 {through} 为止时，才能知道它的结果",
		WhyNoHistory:          "当时没有任何月末既已过去 {days} 天、之前又有同样多天的数据",
		WhyNobodyTaught:       "可供学习的月末没有任何客户有标签",
		WhyNobodyJudged:       "这个月末没有任何客户有标签",
		WhyTooFew:             "可学习的数据太少：{rows} 行训练样本，其中流失 {churned} 行、留存 {stayed} 行；规则要求两类各至少 {least} 行，且各来自多个客户",
		WhyRungNotAsked:       "未尝试 {rung}：要求的最高一级为 {highest}",
		WhyRungNoLifetime:     "{rung} 需要客户生命周期模型，而当时无法拟合",
		WhyRungTooFewRows:     "{rung} 需要 {needRows} 行、两类各 {need} 行；现有 {rows} 行，较少的一类 {rarer} 行",
		WhyRungTooFewAccounts: "{rung} 需要 {needAccounts} 个合格客户、两类各 {need} 行；现有 {accounts} 个客户，较少的一类 {rarer} 行",

		"note.lost": "流失：截至今日（数据到 {through} 为止）所知的最后一次购买，在某个计入的时点之前不超过 {horizon} 天，且该时点的标签为流失。" +
			"后来又回来的不算流失。每个流失客户只计一次，计入本可及时标出的第一个月；第一个计入的月份还包含此前 {horizon} 天内流失的客户。",
		"note.flag.band":  "月末时流失概率落在高档（{band} 及以上）的客户会被标出。",
		"note.flag.risk":  "每个月末标出风险最高的 {capacity} 个客户。",
		"note.flag.value": "每个月末标出风险价值最高的 {capacity} 个客户，风险价值 = 概率 × {horizon} 天的毛利。",
		"note.silent":     "月末时已沉默满 {horizon} 天的客户不再标出：不需要模型也知道。",
		"note.reached":    "及时标出：在最后一次购买之后、且不晚于其后 {horizon} 天的时点标出。在最后一次购买之前标出的不算。",
		"note.weeks":      "提前的周数，算到沉默满期限、人人都已知道的那一天为止。",
		"note.bothered":   "被打扰：在某个时点被标出但并未流失；每个客户只计一次，计入首次被标出的月份。",
		"note.money":      "金额：按该月末所知的一贯速度推算 {horizon} 天的毛利（成本未知时为收入 × {margin}）；时间不足的新客户没有此项。消费：全部流失客户此前一年的消费。",
		"note.chances":    "最后几个月流失的客户，可被标出的时点较少：见 chances。",
		"note.models":     "每个模型只用当时标签已确定的月末、且只用当时已记录的内容来学习。",
		"note.chart":      "图中：蓝色为及时标出的流失客户，灰色为漏掉的，橙色为被打扰的其他客户；其上的数字为每及时标出一个流失客户所打扰的客户数。每个月包含以该月为首个及时时点的客户。",
		"note.left":       "另有 {left} 个沉默的客户未计入：标签在该月末将其排除（暂停、退订，或购买后退货），或其要求删除数据。",
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

// because says why a month is not counted, or why the ladder stepped down, in both
// languages; values are pairs of what stands in braces and what it is.
func (m *HindsightMonth) because(code string, values ...string) {
	fill := strings.NewReplacer(values...)
	m.WhyCode = code
	m.Why, m.WhyZH = fill.Replace(hindsightSentences[score.English][code]), fill.Replace(hindsightSentences[score.Chinese][code])
}

// steppedDown says what the first rung lacked that was not fitted, if any.
func (m *HindsightMonth) steppedDown(card *model.Card, highest ladder.Rung) {
	rungs := ladder.Rungs()
	for i := range card.Ladder {
		if card.Ladder[i].Why == "" {
			continue
		}
		rung := ladder.Rung(card.Ladder[i].Rung)
		rows, least := 0, ladder.BoostingClass
		code := WhyRungTooFewAccounts
		switch {
		case slices.Index(rungs, rung) > slices.Index(rungs, highest):
			code = WhyRungNotAsked
		case rung == ladder.Lifetime:
			code = WhyRungNoLifetime
		case rung == ladder.Logistic:
			code, rows, least = WhyRungTooFewRows, ladder.LogisticRows, ladder.LogisticClass
		}
		t := &card.Train
		m.because(code, "{rung}", string(rung), "{highest}", string(highest), "{needRows}", strconv.Itoa(rows), "{need}", strconv.Itoa(least),
			"{needAccounts}", strconv.Itoa(ladder.BoostingAccounts), "{rows}", strconv.Itoa(t.Rows), "{accounts}", strconv.Itoa(t.Accounts),
			"{rarer}", strconv.Itoa(min(t.Churned, t.Rows-t.Churned)))
		return
	}
}

// notes say what the words of the answer mean, in one language.
func (h *hindsight) notes(r *HindsightResult, language score.Language) []string {
	values := strings.NewReplacer(
		"{through}", h.text(h.through), "{horizon}", strconv.Itoa(r.HorizonDays), "{band}", strconv.FormatFloat(r.HighBand, 'f', -1, 64),
		"{capacity}", strconv.Itoa(r.Capacity), "{margin}", strconv.FormatFloat(h.MarginRate, 'f', -1, 64), "{left}", strconv.Itoa(r.LeftOut),
	)
	flag := "note.flag.band"
	switch {
	case r.Capacity > 0 && r.By == ByValue:
		flag = "note.flag.value"
	case r.Capacity > 0:
		flag = "note.flag.risk"
	}
	names := []string{"note.lost", flag, "note.silent", "note.reached", "note.weeks", "note.bothered", "note.money", "note.chances", "note.models", "note.chart"}
	if r.LeftOut > 0 {
		names = append(names, "note.left")
	}
	notes := make([]string, len(names))
	for i, name := range names {
		notes[i] = values.Replace(hindsightSentences[language][name])
	}
	return notes
}
