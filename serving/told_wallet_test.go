package serving

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
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
		total, tenure = append(total, sum), append(tenure, float64(800+i%300))
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

// TestTheCardSaysWhatIsLeftOutAndActedOn: in a contractual trade the contracts are the
// spend.
func TestTheCardSaysWhatIsLeftOutAndActedOn(t *testing.T) {
	c := purchasers(400, 0)
	c.categories, c.thatYear = nil, map[int]ownYear{}
	spend := c.column(spendColumn)
	c.frame.Columns = append(c.frame.Columns, frame.Column{Meta: frame.Meta{Name: "contract_amount", LabelEN: "Contracts", LabelZH: "合同"}, Kind: frame.Number, Numbers: spend})
	for i, account := range c.frame.Accounts {
		c.declared = append(c.declared, declares(string(account), "", spend[i]/(.1+.2*float64(i%5)), int64(c.cutoff)-90*86_400))
		c.thatYear[i] = ownYear{spend[i], 12}
	}
	var card model.WalletCard
	a := &appraisal{}
	if err := a.fitWallet(t.Context(), &card, c, DefaultSettings()); err != nil {
		t.Fatal(err)
	}
	of := card.Categories[0]
	if !slices.Equal(of.Without, []string{"contract_amount"}) || !strings.Contains(of.EN, "without Contracts") || !strings.Contains(of.ZH, "不使用合同") {
		t.Errorf("of what is left out the card says %+v", of)
	}
	if len(card.Shares) != 1 || math.Abs(float64(card.Shares[0].Usual)-.5) > .05 || card.Shares[0].Accounts != 400 {
		t.Errorf("half of all is bought here, the shares are %+v (%v)", card.Shares, card.Unshared)
	}
	for _, x := range card.Coverage {
		if told := x.Acted != nil; told != (x.Basis == string(wallet.ByDeclared)) || told && (x.Acted.Accounts == 0 || !(x.Acted.Inside > .5)) {
			t.Errorf("what is acted on: %+v of %+v", x.Acted, x)
		}
	}
}

func TestDeclaredWalletsMeetTheirParts(t *testing.T) {
	c := purchasers(400, mostCategories)
	fresh := int64(c.cutoff) - 90*86_400
	c.declared = []features.Declared{
		declares("a0000", "tea", 5000, fresh), declares("a0001", "", 10, fresh), declares("a0002", "", 10_000, fresh), declares("a0002", "tea", 20_000, fresh),
		declares("a0003", "cofee", 900, fresh), declares("nobody", "cofee", 900, fresh),
		declares("a0004", "rare 000", 900, fresh),
	}
	tenure := c.column(tenureColumn)
	tenure[3] = 364
	p := c.purses()
	if p.rest != 2 || len(p.beyond[0]) != 2 || p.unmet["cofee"] != 1 || len(p.unmet) != 1 || len(p.declared) != 3 {
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
	if w.Wallet.State != "unknown" || w.Wallet.Why != "most_unknown" || w.Wallet.NoTrend != "" {
		t.Errorf("a total of which most is unknown: %+v", w.Wallet)
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
	// Where there is no year before, there is no trend either, and it says so.
	none := func(w score.Wallet, want wallet.NoTrend) {
		t.Helper()
		en, zh := walletWords(&w, time.UTC)
		if w.State == "unknown" || !math.IsNaN(float64(w.Trend)) || w.NoTrend != string(want) || !strings.Contains(en, "no trend: ") || !strings.Contains(zh, "无趋势：") {
			t.Errorf("%+v, want no trend by %s; in words %s / %s", w, want, en, zh)
		}
	}
	young, here := of(3), of(4)
	none(young.Wallet, wallet.FirstYear)
	none(category(young, "tea"), wallet.FirstYear)
	none(category(here, "rare 000"), wallet.NeverHere)
	longAgo := &told{toldWallets: toldWallets{noTrend: []wallet.NoTrend{""}, earlier: wallet.Spend{Start: []int{0, 1}, Category: []int32{0}, Amount: []float64{0}}}}
	if trend, why := longAgo.trend(0, &wallet.Estimate{State: wallet.Known, Wallet: 100}); !math.IsNaN(trend) || why != wallet.NeverHere {
		t.Errorf("of a category last bought before both years the trend is %v (%q)", trend, why)
	}
	if math.IsNaN(float64(here.Wallet.Trend)) || here.Wallet.NoTrend != "" || category(here, "tea").NoTrend != "" {
		t.Errorf("two years are known: %+v", here)
	}
	for i := range tenure {
		tenure[i] = min(tenure[i], 729)
	}
	tell = &told{crowd: c}
	if err := (&appraisal{wallet: m}).tellWallets(tell); err != nil {
		t.Fatal(err)
	}
	none(category(of(0), "tea"), wallet.ShortData)
	none(of(2).Wallet, wallet.ShortData)
	none(of(3).Wallet, wallet.FirstYear)
	for k, v := range tell.columns[trendColumn].Numbers {
		if !math.IsNaN(v) {
			t.Fatalf("row %d has a trend of %v for other models", k, v)
		}
	}
	if tell = (&told{crowd: c}); (&appraisal{}).tellWallets(tell) != nil || of(0).Wallet.Why != "no_model" {
		t.Errorf("without a model of wallets: %+v", of(0).Wallet)
	}
}

// lookedBack keeps what is asked of holdings.
type lookedBack struct {
	*twinFacts

	asked []features.HoldingRequest
}

func (f *lookedBack) Holdings(ctx context.Context, r features.HoldingRequest, each func([]features.Holding) error) error {
	f.asked = append(f.asked, r)
	return f.twinFacts.Holdings(ctx, r, each)
}

// An old declaration is carried to today by the share of its own year, which is moved
// towards the usual one; what of that year is not known is taken as it was said.
func TestOldDeclarationsAreCarriedToToday(t *testing.T) {
	c := purchasers(400, 0)
	c.cutoff = frame.Cutoff(instant("2026-03-01 00:00"))
	facts := &lookedBack{twinFacts: &twinFacts{}}
	chance := rand.New(rand.NewPCG(5, 5))
	year := func(account frame.AccountID, key string, start int64, spend float64, orders, before int) {
		for _, h := range []features.Holding{
			{Cutoff: frame.Cutoff(start), Orders: before, Spend: 70 * float64(before)},
			{Cutoff: frame.Cutoff(start + 365*86_400), Orders: before + orders, Spend: 70*float64(before) + spend, Spend365: spend},
		} {
			h.Account, h.Key = account, key
			facts.holdings = append(facts.holdings, h)
		}
	}
	last := int64(c.cutoff) - 365*86_400
	for i, account := range c.frame.Accounts {
		c.frame.Cutoffs[i] = c.cutoff
		if i >= 100 { // fresh ones, whose year is the last before the cutoff: 1 to 11 of 12 orders are ours
			orders := 1 + chance.IntN(11)
			c.declared = append(c.declared, declares(string(account), "tea", 1200, int64(c.cutoff)-90*86_400))
			year(account, "tea", last, 100*float64(orders), orders, i%2)
		}
	}
	first, old := len(c.declared), instant("2023-06-01 00:00")
	c.declared = append(c.declared,
		declares("a0000", "tea", 1200, old+5*86_400), declares("a0001", "tea", 1200, old), declares("a0002", "", 2000, old), declares("a0003", "tea", 1200, instant("2021-01-01 00:00")),
		declares("nobody", "tea", 1200, old))
	year("a0000", "tea", old, 800, 160, 3)
	year("a0001", "tea", old, 800, 8, 3)
	facts.holdings[len(facts.holdings)-1].Spend += 500 // another account joined it meanwhile
	year("a0002", "everything", old, 1500, 300, 0)
	year("a0003", "tea", instant("2021-01-01 00:00"), 800, 8, 3)
	for k := range mostYears - 2 { // with them the last year, 2023-06 and that of 2021 are one too many
		c.declared = append(c.declared, declares(fmt.Sprintf("a%04d", 10+k), "tea", 1200, time.Unix(old, 0).UTC().AddDate(0, -1-k%24, 0).Unix()))
	}
	s := &Service{Facts: facts, Settings: DefaultSettings()}
	known := frame.KnownAt(c.cutoff) + 7
	if err := c.lookBack(t.Context(), s, features.Request{KnownAt: []frame.KnownAt{known}, Watermark: 3}); err != nil {
		t.Fatal(err)
	}
	for _, r := range facts.asked {
		if slices.Max(r.Cutoffs) > c.cutoff || !slices.Equal(r.KnownAt, []frame.KnownAt{known, known}) || r.HorizonDays != 0 || r.Watermark != 3 || len(r.Accounts) == 0 || slices.Contains(r.Accounts, "nobody") {
			t.Fatalf("asked %+v as of %s", r, c.cutoff)
		}
	}
	if _, joined := c.thatYear[first+1]; joined || c.thatYear[first] != (ownYear{800, 160}) || c.thatYear[first+2] != (ownYear{1500, 300}) || len(c.thatYear) != first+2 || len(facts.asked) > mostYears+1 {
		t.Fatalf("of %d declarations %d years are known, by %d questions: %+v", len(c.declared), len(c.thatYear), len(facts.asked), c.thatYear[first])
	}
	p := c.purses()
	m, report, err := wallet.Fit(t.Context(), p.Peers, p.declared, wallet.Defaults())
	if err != nil || len(report.Shares) != 2 || report.Shares[1].Accounts < 300 {
		t.Fatalf("%v; shares %+v, %v", err, report.Shares, report.Unshared)
	}
	tell := &told{crowd: c}
	if err := (&appraisal{wallet: m}).tellWallets(tell); err != nil {
		t.Fatal(err)
	}
	of := func(i int) score.Wallet {
		w := &score.Worth{}
		tell.tellPurse(i, w)
		if i == 2 {
			return w.Wallet
		}
		return w.Wallets[slices.IndexFunc(w.Wallets, func(x score.Wallet) bool { return x.Category == "tea" })]
	}
	for i, want := range map[int]struct {
		ours, all float64
		shares    wallet.ShareReport
	}{0: {160, 240, report.Shares[1]}, 2: {300, 400, report.Shares[0]}} {
		got, usual := of(i), want.shares
		share := (usual.Usual*usual.Concentration + want.ours) / (usual.Concentration + want.all)
		if got.State != "estimated" || got.Why != "past_share" || math.Abs(float64(got.Share)-share) > 1e-9 || math.Abs(float64(got.Amount)*share-float64(got.Spend)) > 1e-6 || !slices.Equal(got.Flags, []string{"stale"}) {
			t.Errorf("account %d: %+v, want a share of %v", i, got, share)
		}
		if en, zh := walletWords(&got, time.UTC); !strings.Contains(en, "share of the wallet declared by Li Wei for the year from 2023-06-0") || !strings.Contains(zh, "Li Wei申报的、自2023-06-0") {
			t.Errorf("account %d in words: %s / %s", i, en, zh)
		}
	}
	for _, i := range []int{1, 3} {
		got := of(i)
		if got.Why != "declared_amount" || got.Amount != 1200 || !slices.Equal(got.Flags, []string{"stale", "as_said"}) {
			t.Errorf("account %d, of whose year nothing is known: %+v", i, got)
		}
		if en, zh := walletWords(&got, time.UTC); !strings.Contains(en, "taken as it was said") || !strings.Contains(zh, "按申报原值采用") {
			t.Errorf("account %d in words: %s / %s", i, en, zh)
		}
	}
}
