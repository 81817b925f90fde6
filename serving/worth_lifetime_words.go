package serving

import (
	"fmt"
	"math"

	"fealty/model"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// valueWords are the words of what a purchase is worth in a lifetime value.
var valueWords = map[string]loyalty.Words{
	byGammaGamma: {EN: "A purchase counts what the spend model expects of it", ZH: "每次购买按消费模型的预期金额计"},
	byPlainMean:  {EN: "A purchase counts the account's own mean", ZH: "每次购买按客户自身的平均金额计"},
}

// sayLifetimes tells in sentences what was fitted and how it did. What a card of
// before does not tell is left out.
func sayLifetimes(l *model.LifetimeCard) (en, zh []string) {
	add := func(e, z string) { en, zh = append(en, e+"."), append(zh, z+"。") }
	switch {
	case l.Model == "":
		why := whyNoModel(l.Models, l.Why)
		add("There is no lifetime model: "+why.EN, "没有可用的生命周期模型："+why.ZH)
		return en, zh
	case l.Instead != "":
		why := whyNoModel(l.Models, l.Instead)
		add(fmt.Sprintf("Purchases are told by %s, in which nobody leaves, since no model with departures has an optimum: %s", l.Model, why.EN),
			fmt.Sprintf("购买按%s（无流失模型）估计，因为带流失的模型均未收敛：%s", l.Model, why.ZH))
	default:
		add("Purchases are told by "+l.Model, "购买按"+l.Model+"估计")
	}
	if l.SpendWhy != "" {
		why := whyNot(l.SpendWhyCode, l.SpendWhy)
		add("There is no model of spend: "+why.EN, "没有可用的消费模型："+why.ZH)
	}
	if l.ReturnsOutweigh > 0 {
		add(score.Counted("Nothing is told of %d accounts whose returns outweigh their purchases", l.ReturnsOutweigh), fmt.Sprintf("%d个客户的退货金额超过购买金额，不作估计", l.ReturnsOutweigh))
	}
	if l.NoHistory > 0 {
		add(score.Counted("Nothing is told of %d accounts without a history that can be read", l.NoHistory), fmt.Sprintf("%d个客户没有可用的购买历史，不作估计", l.NoHistory))
	}
	if l.Judged > 0 {
		choice := spendChoice(l.SpendBy, l.Judged, l.Forecast, l.RunRate)
		add(upperFirst(choice.Sentence(score.English)), choice.Sentence(score.Chinese))
	}
	if l.TooYoung > 0 {
		add(score.Counted("%d accounts without a run-rate, not a horizon old, took no part in that", l.TooYoung), fmt.Sprintf("%d个客户的历史不足一个预测期，没有既往消费速度，未参与比较", l.TooYoung))
	}
	if s := l.Stayed; s != nil {
		choice := spendChoice(s.By, s.Accounts, s.Forecast, s.RunRate)
		add("What accounts spend if they stay, which value at risk is of: "+choice.Sentence(score.English), "留存客户的消费（风险价值的口径）："+choice.Sentence(score.Chinese))
	}
	if w, ok := valueWords[l.ValueBy]; ok {
		add("In the lifetime value "+lowerFirst(w.EN), "生命周期价值中"+w.ZH)
	}
	if c := l.Coverage; c != nil && !math.IsNaN(float64(c.Inside)) {
		add(score.Counted("The %.0f %% interval of spend within the horizon held what came of %.1f %% of %d accounts; %.1f %% came to more", 100*c.Target, 100*c.Inside, c.Accounts, 100*c.Above),
			fmt.Sprintf("期内消费的%.0f%%区间覆盖了%d个客户中的%.1f%%；%.1f%%高于区间", 100*c.Target, c.Accounts, 100*c.Inside, 100*c.Above))
	}
	if r := l.Returns; r != nil {
		add(score.Counted("Of %d lapsed accounts %.1f were expected to buy again within the horizon, and %d did", r.Accounts, r.Expected, r.Returned),
			fmt.Sprintf("%d个已流失客户中，预期%.1f个在期内再次购买，实际%d个", r.Accounts, r.Expected, r.Returned))
	}
	return en, zh
}

func spendChoice(by string, accounts int, forecast, pace model.Figure) lifetime.SpendChoice {
	return lifetime.SpendChoice{
		Lifetime: by == byLifetime, Model: lifetime.Backtest{Accounts: accounts, MAE: float64(forecast)}, RunRate: lifetime.Backtest{Accounts: accounts, MAE: float64(pace)},
	}
}
