package serving

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/model/wallet"
)

// Untold is a part of an account's value or place that is not told, and why.
type Untold struct {
	// Of is existing, potential, influence, learning, tier or verdict.
	Of string `json:"of"`
	// Why is a code; EN and ZH say it in a sentence.
	Why string `json:"why"`
	EN  string `json:"en,omitempty"`
	ZH  string `json:"zh,omitempty"`
}

// The parts of a place that may be untold, beside those of commercial value.
const (
	ofTier    = "tier"
	ofVerdict = "verdict"
)

// Why a part is not told, beside never_bought.
const (
	// gone: who does not buy any more has neither tier nor verdict.
	gone = "gone"
	// noSpend: there is no value without the spend of the last year.
	noSpend = "no_spend"
	// noWallet: nothing is known to be spent elsewhere; noCategory: it is, of all spending
	// and of no category, while buying is forecast by category; noPropensity: nothing
	// forecasts it.
	noWallet     = "no_wallet"
	noCategory   = "no_category"
	noPropensity = "no_propensity"
	noReferrals  = "no_referrals"
	notEntered   = "not_entered"
)

// untoldWhys are the words of why a part is not told.
var untoldWhys = map[string]loyalty.Words{
	string(score.NeverBought): whys[string(score.NeverBought)],
	gone:                      {EN: "it is already gone", ZH: "已流失"},
	noSpend:                   {EN: "its spend of the last 365 days is not known", ZH: "近365天消费额未知"},
	noWallet:                  {EN: "what it spends elsewhere is not known", ZH: "在别处的消费未知"},
	noCategory: {
		EN: "what it spends elsewhere is known in all and of no single category, so that nothing tells how likely it buys of that here",
		ZH: "仅知其在别处的总消费，不知属于哪些品类，无法判断在此购买的可能性",
	},
	noPropensity: {EN: "the model tells of no category how likely it is bought here", ZH: "模型未给出按品类在此购买的概率"},
	noReferrals:  {EN: "no referral is recorded here", ZH: "此处没有推荐记录"},
	notEntered:   {EN: "nobody has entered any", ZH: "无人填写"},
}

// untoldLabels stand before the reason.
var untoldLabels = map[string]loyalty.Words{
	string(loyalty.Existing):  {EN: "No existing value", ZH: "无现有价值"},
	string(loyalty.Potential): {EN: "No potential value", ZH: "无潜在价值"},
	string(loyalty.Influence): {EN: "No influence value", ZH: "无影响价值"},
	string(loyalty.Learning):  {EN: "No learning value", ZH: "无学习价值"},
	ofTier:                    wordsOf(loyalty.NoTier.Words()),
	ofVerdict:                 wordsOf(loyalty.NoVerdict.Words()),
}

func wordsOf(w loyalty.Words, _ bool) loyalty.Words { return w }

// untoldSentences are the words of a part with a reason, made once: the rows of an answer
// share them.
var untoldSentences = func() map[[2]string]loyalty.Words {
	all := map[[2]string]loyalty.Words{}
	for of, label := range untoldLabels {
		for code, why := range untoldWhys {
			all[[2]string{of, code}] = loyalty.Words{EN: label.EN + ": " + why.EN, ZH: label.ZH + "：" + why.ZH}
		}
	}
	return all
}()

// say puts it in a sentence.
func (u *Untold) say() {
	w := untoldSentences[[2]string{u.Of, u.Why}]
	u.EN, u.ZH = w.EN, w.ZH
}

// untoldOf returns what a record tells nothing of, in the order of the four parts of
// value, tier and verdict, without words and before it is known where the account
// stands.
func untoldOf(w *score.Worth) []Untold {
	var all []Untold
	p := &w.Place
	note := func(missing bool, of, why string) {
		if missing {
			all = append(all, Untold{Of: of, Why: why})
		}
	}
	note(math.IsNaN(p.Existing), string(loyalty.Existing), noSpend)
	note(math.IsNaN(p.Potential), string(loyalty.Potential), noPotential(w))
	note(math.IsNaN(p.Influence), string(loyalty.Influence), noReferrals)
	note(math.IsNaN(p.Learning), string(loyalty.Learning), notEntered)
	place := gone // of those that buy whoever has a value has a place
	if math.IsNaN(p.Existing) {
		place = noSpend
	}
	note(p.Tier == string(loyalty.NoTier), ofTier, place)
	note(p.Verdict == string(loyalty.NoVerdict), ofVerdict, place)
	return all
}

// stand takes into account where the account stands.
func (u *Untold) stand(stage score.Stage) {
	switch {
	case stage == score.NeverBought:
		u.Why = string(score.NeverBought)
	case stage == score.Lapsed && (u.Of == ofTier || u.Of == ofVerdict):
		u.Why = gone
	}
}

// noPotential says why what is spent elsewhere gives no potential value, which is that
// times the probability of buying of it here (buysOfWallet).
func noPotential(w *score.Worth) string {
	if math.IsNaN(float64(w.Wallet.Potential)) {
		return noWallet
	}
	for i := range w.Wallets {
		of := &w.Wallets[i]
		guessed := of.State == wallet.Estimated.String() && slices.Contains(of.Flags, wallet.NotBought.String())
		if of.Potential > 0 && !guessed {
			return noPropensity
		}
	}
	return noCategory
}

// sayUntold names what is not told of an account, with the reason in words.
func (a *WorthAnswer) sayUntold(stage score.Stage) {
	a.Untold = untoldOf(&a.Worth)
	for i := range a.Untold {
		u := &a.Untold[i]
		u.stand(stage)
		u.say()
		switch u.Of {
		case ofTier:
			a.Tier.EN, a.Tier.ZH = u.EN, u.ZH
		case ofVerdict:
			a.Verdict.EN, a.Verdict.ZH = u.EN, u.ZH
		}
	}
}

// stand takes into account where the row's account stands, and puts what is not told
// in words. Of a list of all accounts it keeps only what stands in the way of value,
// tier and verdict: most have neither influence nor learning value.
func (r *ValueRow) stand(named bool) {
	if !named {
		r.Untold = slices.DeleteFunc(r.Untold, func(u Untold) bool { return u.Of == string(loyalty.Influence) || u.Of == string(loyalty.Learning) })
	}
	for i := range r.Untold {
		r.Untold[i].stand(score.Stage(r.Stage))
		r.Untold[i].say()
	}
}

// untold is the part of the row that is not told, nil where it is.
func (r *ValueRow) untold(of string) *Untold {
	for i := range r.Untold {
		if r.Untold[i].Of == of {
			return &r.Untold[i]
		}
	}
	return nil
}

// placed is a tier or a verdict with its words, or that there is none and why.
type placed struct {
	Term
	why string
}

// placed is the row's tier or verdict.
func (r *ValueRow) placed(of, code string, words func() (loyalty.Words, bool)) placed {
	if u := r.untold(of); u != nil {
		return placed{Term{code, u.EN, u.ZH}, u.Why}
	}
	return placed{Term: termOf(code, words)}
}

// byPlace are the keys of sums in the order of codes, those of one code by reason.
func byPlace[Code ~string, Sum any](codes []Code, sums map[placed]Sum) []placed {
	return slices.SortedFunc(maps.Keys(sums), func(a, b placed) int {
		return cmp.Or(cmp.Compare(slices.Index(codes, Code(a.Code)), slices.Index(codes, Code(b.Code))), cmp.Compare(a.why, b.why))
	})
}
