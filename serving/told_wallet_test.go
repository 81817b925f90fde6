package serving

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
	"fealty/model/wallet"
)

// purchasers are accounts that buy in two categories; the first also buys in so many
// rare ones.
func purchasers(n, rare int) *crowd {
	chance := rand.New(rand.NewPCG(4, 4))
	c := &crowd{frame: &frame.Frame{}, row: map[frame.AccountID]int{}, profiles: make([]features.Profile, n), cutoff: 1e9}
	total, tenure := []float64{}, []float64{}
	for i := range n {
		id := frame.AccountID(fmt.Sprintf("a%04d", i))
		c.frame.Accounts, c.frame.Cutoffs, c.row[id] = append(c.frame.Accounts, id), append(c.frame.Cutoffs, c.cutoff), i
		sum := 0.0
		hold := func(key string, spend float64) {
			c.categories = append(c.categories, features.Holding{Account: id, Cutoff: c.cutoff, Key: key, Category: key, Orders: 3, Spend: spend, Spend365: spend, SpendLastYear: spend / 2})
			sum += spend
		}
		hold("coffee", 100*math.Exp(.3*chance.NormFloat64()))
		for k := range rare {
			if i == 0 {
				hold(fmt.Sprintf("rare %03d", k), 1)
			}
		}
		hold("tea", 200*math.Exp(.3*chance.NormFloat64()))
		total, tenure = append(total, sum), append(tenure, float64(400+i%300))
		c.yearBefore = append(c.yearBefore, sum/2)
	}
	for name, values := range map[string][]float64{spendColumn: total, tenureColumn: tenure} {
		c.frame.Columns = append(c.frame.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	return c
}

func declares(account, category string, amount float64, period int64) features.Declared {
	return features.Declared{Account: frame.AccountID(account), Category: category, Amount: amount, Said: features.Statement{Period: period, Author: "Li Wei"}}
}

func TestDeclaredWalletsMeetTheirParts(t *testing.T) {
	c := purchasers(400, mostCategories)
	fresh := int64(c.cutoff) - 90*86_400
	c.declared = []features.Declared{
		declares("a0000", "tea", 5000, fresh), declares("a0001", "", 10, fresh), declares("a0002", "", 10_000, fresh), declares("a0002", "tea", 20_000, fresh),
		declares("a0003", "cofee", 900, fresh), declares("nobody", "cofee", 900, fresh),
	}
	p := c.purses()
	if p.rest != 2 || len(p.beyond[0]) != 2 || p.unmet["cofee"] != 1 || len(p.unmet) != 1 || len(p.declared) != 2 {
		t.Fatalf("beyond the most bought %d categories, held %v; unmet %v; %d met", p.rest, p.beyond, p.unmet, len(p.declared))
	}
	m, _, err := wallet.Fit(t.Context(), p.Peers, p.declared, wallet.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	tell := &told{crowd: c}
	if err := (&appraisal{wallet: m}).tellWallets(tell); err != nil {
		t.Fatal(err)
	}
	of := func(i int) *score.Worth {
		w := &score.Worth{}
		tell.tellPurse(i, w)
		return w
	}
	category := func(w *score.Worth, name string) score.Wallet {
		at := slices.IndexFunc(w.Wallets, func(x score.Wallet) bool { return x.Category == name })
		if at < 0 {
			t.Fatalf("no wallet of %s among %d", name, len(w.Wallets))
		}
		return w.Wallets[at]
	}
	w := of(0)
	tea, spend := category(w, "tea"), c.categories[mostCategories+1].Spend365
	if tea.State != "known" || tea.Author != "Li Wei" || tea.Period != fresh || tea.Amount != 5000 || float64(tea.Width) != float64(tea.High)/float64(tea.Low) ||
		math.Abs(float64(tea.Trend)-spend/2/5000) > 1e-9 {
		t.Errorf("tea is %+v, of spend %v", tea, spend)
	}
	if beyond := category(w, p.beyond[0][0].Key); beyond.State != "unknown" || beyond.Why != "not_asked" || beyond.Spend != 1 || !math.IsNaN(float64(beyond.Amount)) {
		t.Errorf("beyond the most bought: %+v", beyond)
	}
	if got := tell.totals[0].SpendUnknown; got < 2 {
		t.Errorf("spend without a wallet is %v, of two categories that are not asked for at least 2", got)
	}
	// A whole below the account's spend, and one below what is known of a part.
	if w := of(1).Wallet; w.State != "known" || w.Amount != w.Spend || !slices.Equal(w.Flags, []string{"raised"}) || w.Author != "Li Wei" {
		t.Errorf("a whole below own spend: %+v", w)
	}
	w = of(2)
	if whole, coffee := w.Wallet, category(w, "coffee"); math.Abs(float64(whole.Amount)-20_000-float64(coffee.Spend)) > 1e-6 || !slices.Equal(whole.Flags, []string{"below_parts"}) ||
		whole.Low > whole.Amount || whole.High < whole.Amount || math.Abs(float64(whole.Trend)-float64(whole.Spend)/2/float64(whole.Amount)) > 1e-9 {
		t.Errorf("a whole below one of its parts: %+v beside coffee %+v", whole, coffee)
	}
}
