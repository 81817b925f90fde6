package loyalty

import (
	"fmt"
	"strings"

	"fealty/model/score"
)

// Rule says by what rule a code of value and place is given.
type Rule struct {
	// Of is value, tier, policy, breach, level, rfm or verdict; Code one of its codes.
	Of, Code string
	Words    Words
}

// Rules are those of value and place as the settings have them.
func (s *Settings) Rules() []Rule {
	var all []Rule
	add := func(of, code string, w Words) { all = append(all, Rule{of, code, w}) }
	for _, p := range WorthParts() {
		add("value", string(p), worthFormulas[p])
	}
	share := func(v float64) string { return score.Format(v, "share") }
	t := &s.Tiers
	small := max(0, 1-t.VIPShare-t.MajorShare-t.OrdinaryShare)
	for _, of := range []struct {
		tier  Tier
		share float64
	}{{VIP, t.VIPShare}, {Major, t.MajorShare}, {Ordinary, t.OrdinaryShare}, {Small, small}} {
		place := Words{"the best %s by value of those who buy", "在购客户中价值最高的%s"}
		switch of.tier {
		case Major, Ordinary:
			place = Words{"the next %s", "其后%s"}
		case Small:
			place = Words{"the other %s, and whoever is worth nothing", "其余%s，以及价值不为正者"}
		case VIP, NoTier:
		}
		add("tier", string(of.tier), Words{fmt.Sprintf(place.EN, share(of.share)), fmt.Sprintf(place.ZH, share(of.share))})
	}
	for _, tier := range Tiers() {
		add("policy", string(tier), t.Policies[tier].Words())
	}
	for _, k := range []BreachKind{ContactOverdue, AnswersSlow, PaysLate, DiscountAbove} {
		add("breach", string(k), breachLabels[k])
	}
	add("level", string(PasserBy), Words{"less than an acquaintance", "未达熟人"})
	for _, of := range []struct {
		level Level
		least Closeness
	}{{Acquaintance, s.Levels.Acquaintance}, {Friend, s.Levels.Friend}, {Confidant, s.Levels.Confidant}} {
		add("level", string(of.level), Words{
			score.Counted("a tenure of %v days and %v contacts in the last 365 days, at least", of.least.TenureDays, of.least.Contacts365d),
			fmt.Sprintf("至少往来%v天，且近365天联系%v次", of.least.TenureDays, of.least.Contacts365d),
		})
	}
	cuts := func(values []float64) string { return strings.Trim(fmt.Sprint(values), "[]") }
	spend := Words{cuts(s.RFM.Spend), cuts(s.RFM.Spend)}
	if len(s.RFM.Spend) == 0 {
		spend = Words{"the 20, 40, 60 and 80 % quantiles that the model learnt", "模型学到的20%、40%、60%、80%分位数"}
	}
	add("rfm", "recency", Words{"days since the last purchase, the best grade below the first of " + cuts(s.RFM.RecencyDays), "距上次购买天数，最高级低于首个分界：" + cuts(s.RFM.RecencyDays)})
	add("rfm", "frequency", Words{"buying days of the last 365, grade 1 below the first of " + cuts(s.RFM.BuyingDays), "近365天购买天数，1级低于首个分界：" + cuts(s.RFM.BuyingDays)})
	add("rfm", "monetary", Words{"spend of the last 365 days, grade 1 below the first of " + spend.EN, "近365天消费额，1级低于首个分界：" + spend.ZH})
	r := &s.Verdicts
	add("verdict", string(Review), Words{
		fmt.Sprintf("a loss in both years; or overdue by %v days with %s of a year's spend; or %s returned in %v orders: for a person to decide", r.ArrearsDays, share(r.ArrearsShare), share(r.ReturnShare), r.ReturnOrders),
		fmt.Sprintf("连续两年亏损；或逾期达%v天且金额达年消费额的%s；或退回%s且涉及%v个订单：由人决定", r.ArrearsDays, share(r.ArrearsShare), share(r.ReturnShare), r.ReturnOrders),
	})
	add("verdict", string(FixTerms), Words{
		fmt.Sprintf("a loss in the last year, an invoice overdue by %v days, or a discount of %s", r.OverdueDays, share(r.Discount)),
		fmt.Sprintf("近一年亏损，或发票逾期%v天，或折扣率达%s", r.OverdueDays, share(r.Discount)),
	})
	add("verdict", string(Grow), Words{
		fmt.Sprintf("a potential of %s of the net value, and a risk of leaving of at most %s", share(r.GrowShare), share(r.GrowRisk)),
		fmt.Sprintf("潜在价值达净价值的%s，且流失风险不超过%s", share(r.GrowShare), share(r.GrowRisk)),
	})
	add("verdict", string(Keep), Words{"all others who buy; whoever is gone has no verdict but review", "其余在购客户；已流失客户除复核外无结论"})
	return all
}

// Words says the policy.
func (p Policy) Words() Words {
	var en, zh []string
	for _, b := range []struct {
		bound  float64
		en, zh string
	}{
		{p.ContactDays, "contact every %v days", "每%v天联系一次"}, {p.ResponseHours, "first answer within %v hours", "%v小时内首次答复"},
		{p.PaymentDays, "payment within %v days", "账期%v天"},
	} {
		if b.bound > 0 {
			en, zh = append(en, score.Counted(b.en, b.bound)), append(zh, fmt.Sprintf(b.zh, b.bound))
		}
	}
	if p.DiscountMost > 0 {
		most := score.Format(p.DiscountMost, "share")
		en, zh = append(en, "discount of at most "+most), append(zh, "折扣率至多"+most)
	}
	if len(en) == 0 {
		return Words{"no bound", "无约定"}
	}
	return Words{strings.Join(en, ", "), strings.Join(zh, "，")}
}
