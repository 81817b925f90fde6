package serving

import (
	"fmt"
	"math"

	"fealty/features"
	"fealty/model"
	"fealty/model/score"
)

// choiceWords say a choice among definitions, whose names stand in both languages.
type choiceWords struct {
	names, namesZH []string
	// best tells which of several is taken: the shortest, or that which speaks of most.
	best, bestZH string
}

func horizonWords(names, namesZH []string) choiceWords {
	return choiceWords{names, namesZH, "the shortest", "其中最短者"}
}

func categoryWords(names, namesZH []string) choiceWords {
	return choiceWords{names, namesZH, "the one that speaks of most categories", "其中覆盖品类最多者"}
}

// choose proposes the first definition, of those with at least 100 rows of each
// class, of which at most mostBack came back in 30 days and whose AUC is within
// one standard error of the best; without one the first of which at most mostBack
// came back; without one that of which fewest did.
func choose(trials []Trial, mostBack float64, words choiceWords) Choice {
	best, fewest, first, both := -1, -1, -1, -1
	enough := func(t *Trial) bool { return t.lost >= leastClass && t.Rows-t.lost >= leastClass }
	for i := range trials {
		t := &trials[i]
		if !enough(t) {
			continue
		}
		if best < 0 || t.AUC > trials[best].AUC {
			best = i
		}
		if !math.IsNaN(float64(t.CameBack30)) && (fewest < 0 || t.CameBack30 < trials[fewest].CameBack30) {
			fewest = i
		}
	}
	if best < 0 {
		return Choice{
			Row: -1, Why: fmt.Sprintf("nothing is proposed: no definition has %d rows of each class", leastClass),
			WhyZH: fmt.Sprintf("无建议：没有任何定义的两类样本都达到%d行", leastClass),
		}
	}
	for i := range trials {
		t := &trials[i]
		if !enough(t) || !(float64(t.CameBack30) <= mostBack) {
			continue
		}
		if first < 0 {
			first = i
		}
		if both < 0 && t.AUC >= trials[best].AUC-trials[best].AUCError {
			both = i
		}
	}
	if fewest < 0 {
		return Choice{
			Row: -1, Why: "nothing is proposed: at no definition is it known yet who came back within the next horizon",
			WhyZH: "无建议：尚无任何定义可知流失客户是否在下一窗口内回购",
		}
	}
	share := func(v model.Figure) string { return fmt.Sprintf("%.1f %%", 100*float64(v)) }
	shareZH := func(v model.Figure) string { return fmt.Sprintf("%.1f%%", 100*float64(v)) }
	top, limit := &trials[best], model.Figure(mostBack)
	say := func(row int, rest, restZH string) Choice {
		t := &trials[row]
		return Choice{
			Row: row,
			Why: fmt.Sprintf("%s: %s of those called lost came back in 30 days (%s may), and the recency rule has an AUC of %.3f (best %.3f ± %.3f at %s); %s",
				words.names[row], share(t.CameBack30), share(limit), float64(t.AUC), float64(top.AUC), float64(top.AUCError), words.names[best], rest),
			WhyZH: fmt.Sprintf("%s：被判流失者中每30天有%s回购（上限%s），近度规则的AUC为%.3f（最佳为%s的%.3f±%.3f）；%s",
				words.namesZH[row], shareZH(t.CameBack30), shareZH(limit), float64(t.AUC), words.namesZH[best], float64(top.AUC), float64(top.AUCError), restZH),
		}
	}
	switch {
	case both >= 0:
		return say(both, words.best+" of those that keep both bounds", "同时满足两项条件，"+words.bestZH)
	case first >= 0:
		return say(first, words.best+" of those where few came back; none of them is within one standard error of the best AUC", "回购率达标，"+words.bestZH+"；但达标者的AUC均未达到最佳值一个标准误之内")
	}
	return say(fewest, "at every definition more came back than may, and here the fewest did: who is called lost mostly pauses", "所有定义的回购率都超过上限，此处最低：被判流失者多数只是暂停购买")
}

// rhythm puts what the gaps between orders propose into words.
func rhythm(p features.Proposal) RhythmProposal {
	r := RhythmProposal{HorizonDays: p.HorizonDays, GapDays: model.Figure(p.GapDays), Accounts: p.Accounts}
	if p.HorizonDays > 0 {
		gap := score.Format(p.GapDays, "")
		r.Why = fmt.Sprintf("%d days: 85 of 100 accounts usually order within %s days (%d accounts with three buying days)", p.HorizonDays, gap, p.Accounts)
		r.WhyZH = fmt.Sprintf("%d天：每100个客户中有85个通常在%s天内再次下单（%d个至少有三个购买日的客户）", p.HorizonDays, gap, p.Accounts)
	}
	return r
}
