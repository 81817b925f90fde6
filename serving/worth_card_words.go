package serving

import (
	"errors"
	"strings"

	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/wallet"
)

// cardWhys are why a card tells nothing of a part of worth: by code, with the error that
// the code stands for. Of errors that wrap each other the narrower comes first.
var cardWhys = []struct {
	code  string
	err   error
	words loyalty.Words
}{
	{"nobody_bought_again", lifetime.ErrNoRepeat, loyalty.Words{EN: "nobody bought again; take a longer history or more accounts", ZH: "没有客户再次购买；请使用更长的历史或更多客户"}},
	{"not_converged", lifetime.ErrNotConverged, loyalty.Words{EN: "the likelihood has no optimum that these histories determine; take more accounts or a longer history", ZH: "现有数据无法确定似然函数的最优解；请使用更多客户或更长的历史"}},
	{"unusable_histories", lifetime.ErrInput, loyalty.Words{EN: "a history or an amount can't be used; the text of the error names it", ZH: "某条购买历史或金额不可用，详见错误原文"}},
	{"unusable_wallets", wallet.ErrInput, loyalty.Words{EN: "the accounts, the categories or the declarations give no wallet to learn from; the text of the error names what lacks", ZH: "客户、品类或申报数据不足以学习钱包，所缺内容详见错误原文"}},
	{"too_little_bought", crosssell.ErrInput, loyalty.Words{EN: "too few accounts, products or purchases to learn from, or purchases that can't be used; the text of the error names which", ZH: "客户、商品或购买过少，或购买数据不可用，无法学习，详见错误原文"}},
	{"too_few_accounts", loyalty.ErrFewAccounts, loyalty.Words{EN: "it takes 30 accounts with a margin and an outcome", ZH: "至少需要30个已知毛利和结果的客户"}},
	{"one_outcome", loyalty.ErrOneOutcome, loyalty.Words{EN: "everybody was kept, or nobody; it takes both", ZH: "全部客户留存或全部流失；需要两者兼有"}},
	{"at_a_loss", loyalty.ErrLoss, loyalty.Words{EN: "together the accounts earn nothing, so that keeping them is worth nothing", ZH: "客户合计没有盈利，留住他们不带来价值"}},
}

// whyCode is the code of why a card tells nothing of a part, "" for an error without one.
func whyCode(err error) string {
	for _, w := range cardWhys {
		if errors.Is(err, w.err) {
			return w.code
		}
	}
	return ""
}

// whyNot puts in words why a card tells nothing of a part: those of the code, or the
// card's own text where it has no code, or that of a later release. Both are "" where
// nothing is in the way.
func whyNot(code, text string) Note {
	for _, w := range cardWhys {
		if w.code == code {
			return Note{EN: w.words.EN, ZH: w.words.ZH}
		}
	}
	return Note{EN: text, ZH: text}
}

// whyNoModel puts in words what was in the way of the lifetime models that were tried,
// which a card also says in one text.
func whyNoModel(tried []model.LifetimeTrial, text string) Note {
	var en, zh []string
	for _, m := range tried {
		if m.Why == "" {
			continue
		}
		if m.WhyCode == "" {
			return Note{EN: text, ZH: text}
		}
		why := whyNot(m.WhyCode, m.Why)
		en, zh = append(en, m.Model+": "+why.EN), append(zh, m.Model+"："+why.ZH)
	}
	if text == "" || len(en) == 0 {
		return Note{EN: text, ZH: text}
	}
	return Note{EN: strings.Join(en, "; "), ZH: strings.Join(zh, "；")}
}

// CardWhys are why a card tells nothing of the parts of worth, in words; both are "" where
// it does.
type CardWhys struct {
	Lifetime Note `json:"lifetime"`
	// Models are of those that were tried, in the order of the card.
	Models    []Note `json:"models"`
	Wallet    Note   `json:"wallet"`
	Loyalty   Note   `json:"loyalty"`
	Retention Note   `json:"retention"`
	// CrossSell has the keys of the card.
	CrossSell map[string]Note `json:"crosssell"`
}

// whysOf says why a card tells nothing of parts of worth.
func whysOf(w *model.WorthCard) CardWhys {
	all := CardWhys{
		Lifetime: whyNoModel(w.Lifetime.Models, w.Lifetime.Why), Wallet: whyNot(w.Wallet.WhyCode, w.Wallet.Why),
		Loyalty: whyNot("", w.Loyalty.Why), Retention: whyNot(w.Loyalty.WhyNotCode, w.Loyalty.WhyNot), CrossSell: map[string]Note{},
	}
	for _, m := range w.Lifetime.Models {
		all.Models = append(all.Models, whyNot(m.WhyCode, m.Why))
	}
	for i := range w.CrossSell {
		all.CrossSell[w.CrossSell[i].Key] = whyNot(w.CrossSell[i].WhyCode, w.CrossSell[i].Why)
	}
	return all
}
