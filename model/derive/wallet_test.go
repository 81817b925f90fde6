package derive_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model/derive"
	"fealty/model/lifetime"
	"fealty/model/metrics"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// market draws accounts with a true wallet that follows how broadly they buy, and
// a share of it that is bought here; one in ten buys all of it here. Half of the
// year's spend lies in its newer half, but of every third account nothing does.
func market(accounts int) (f *frame.Frame, share []float64) {
	r := rand.New(rand.NewPCG(7, 11))
	columns := map[string][]float64{}
	f = &frame.Frame{}
	for i := range accounts {
		f.Accounts, f.Cutoffs = append(f.Accounts, frame.AccountID(fmt.Sprintf("m%d", i))), append(f.Cutoffs, 0)
		breadth := float64(1 + r.IntN(8))
		wallet := 100 * breadth * math.Exp(.2*r.NormFloat64())
		own := 1.0
		if r.Float64() > .1 {
			own = r.Float64()
		}
		newer := own * wallet / 2
		if i%3 == 0 {
			newer = 0
		}
		share = append(share, own)
		columns["spend_365d"], columns["spend_180d"] = append(columns["spend_365d"], own*wallet), append(columns["spend_180d"], newer)
		columns["categories_ever"], columns["tenure_days"] = append(columns["categories_ever"], breadth), append(columns["tenure_days"], float64(400+r.IntN(900)))
	}
	for _, name := range []string{"spend_365d", "spend_180d", "categories_ever", "tenure_days"} { // no contracts
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: columns[name]})
	}
	return f, share
}

func purses(f *frame.Frame) *derive.Purses {
	var p derive.Purses
	r := derive.Spending(f)
	for i := range f.Rows() {
		r.Add(&p, i)
	}
	return &p
}

func TestWalletColumnsRankTheShares(t *testing.T) {
	f, share := market(2500)
	f.Columns[0].Numbers[0], f.Columns[0].Numbers[1] = math.NaN(), -5
	bare, err := derive.Fit(t.Context(), &derive.Known{}, 90, lifetime.MBGNBD)
	if err != nil {
		t.Fatal(err)
	}
	c, err := bare.WithWallet(t.Context(), purses(f))
	if err != nil || c.WhyNoWallet() != "" {
		t.Fatal(err, c.WhyNoWallet())
	}
	wide, err := c.Extend(f)
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) []float64 { return wide.Column(name).Numbers }
	shares, gaps, widths, trends := column("wallet_share_est"), column("wallet_gap_est"), column("wallet_width_est"), column("wallet_trend_est")
	own := metrics.Spearman(f.Columns[0].Numbers[2:], share[2:])
	got := metrics.Spearman(shares[2:], share[2:])
	t.Logf("rank correlation with the true share %.3f, of own spend %.3f", got, own)
	if got < own+.1 || got < .85 {
		t.Errorf("rank correlation with the true share %v, of own spend %v", got, own)
	}
	if !math.IsNaN(shares[0]) || shares[1] != 0 || !(gaps[1] > 0) {
		t.Errorf("without spend known: share %v; returned more than bought: share %v, gap %v", shares[0], shares[1], gaps[1])
	}
	for i := 2; i < f.Rows(); i++ {
		spend, newer := f.Columns[0].Numbers[i], f.Columns[1].Numbers[i]
		wallet := spend + gaps[i]
		if !(shares[i] >= 0 && shares[i] <= 1 && gaps[i] >= 0 && widths[i] >= 1) || math.Abs(shares[i]*wallet-spend) > 1e-9*wallet {
			t.Fatalf("row %d: share %v, gap %v, width %v of spend %v", i, shares[i], gaps[i], widths[i], spend)
		}
		if want := newer/(wallet*180/365) - (spend-newer)/(wallet*185/365); math.Abs(trends[i]-want) > 1e-9 {
			t.Fatalf("row %d: trend %v, want %v", i, trends[i], want)
		}
	}
	for _, m := range derive.WalletMetas() {
		if m.LabelEN == "" || m.LabelZH == "" || len(m.ReasonEN) == 0 || len(m.ReasonZH) == 0 {
			t.Errorf("%s lacks words", m.Name)
		}
	}
	// A row is derived alone as among all others, by columns that were saved and read.
	text, err := c.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(text))
	back, err := derive.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, 2, 77, 2499} {
		one, err := back.Of(f.Take([]int{i}))
		if err != nil {
			t.Fatal(err)
		}
		for j := range one {
			if want := wide.Columns[len(f.Columns)+j].Numbers[i]; math.Float64bits(one[j].Numbers[0]) != math.Float64bits(want) {
				t.Errorf("row %d alone: %s is %v, among all %v", i, one[j].Name, one[j].Numbers[0], want)
			}
		}
	}
	if _, err := c.Extend(wide); err == nil {
		t.Error("extended twice")
	}
	for _, change := range [][2]string{{"categories_ever", "categories_evil"}, {`"wallet":{"model"`, `"wallet":{"why":"none","model"`}, {"fealty wallet", "another wallet"}} {
		if !strings.Contains(string(text), change[0]) {
			t.Fatalf("no %s in the text", change[0])
		}
		if _, err := derive.Parse([]byte(strings.ReplaceAll(string(text), change[0], change[1]))); !errors.Is(err, derive.ErrText) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	if en, zh := c.WalletText(); !strings.HasSuffix(en, "peers by tenure, categories ever bought, amount of contracts alone, and no declared wallets.") || !strings.HasSuffix(zh, "且不使用申报的钱包。") {
		t.Errorf("the columns are told of as %q %q", en, zh)
	}
	without := c.WithoutWallet()
	if en, zh := without.WalletText(); en+zh != "" {
		t.Errorf("no columns are told of as %q %q", en, zh)
	}
	if columns, err := without.Of(f); err != nil || len(columns) != len(derive.Metas()) || len(without.Metas()) != len(columns) {
		t.Errorf("without the wallet there are %d columns (%v)", len(columns), err)
	}
	names := derive.WalletNames()
	if !slices.Equal(names, wide.Names()[len(wide.Names())-len(names):]) {
		t.Errorf("the names are %v, the columns %v", names, wide.Names())
	}
}

// TestContractsThatAreTheSpendAreLeftOut: in a contractual trade the contracts would say
// that everybody buys all of it here.
func TestContractsThatAreTheSpendAreLeftOut(t *testing.T) {
	f, _ := market(600)
	contracted := *f
	contracted.Columns = append(slices.Clone(f.Columns), frame.Column{Meta: frame.Meta{Name: "contract_amount"}, Kind: frame.Number, Numbers: f.Column("spend_365d").Numbers})
	of := func(f *frame.Frame) (*derive.Columns, []frame.Column) {
		bare, err := derive.Fit(t.Context(), &derive.Known{}, 90, lifetime.MBGNBD)
		if err != nil {
			t.Fatal(err)
		}
		c, err := bare.WithWallet(t.Context(), purses(f))
		if err != nil {
			t.Fatal(err)
		}
		text, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if c, err = derive.Parse(text); err != nil {
			t.Fatal(err)
		}
		all, err := c.Of(f)
		if err != nil {
			t.Fatal(err)
		}
		return c, all
	}
	c, got := of(&contracted)
	_, want := of(f)
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("contracts move the wallet: %s", diff)
	}
	if en, zh := c.WalletText(); !strings.Contains(en, "learnt without amount of contracts") || !strings.Contains(zh, "不使用合同金额") {
		t.Errorf("left out, and told of as %q %q", en, zh)
	}
}

func TestTooFewPursesAreMissing(t *testing.T) {
	f, _ := market(60)
	for name, p := range map[string]*derive.Purses{"60 accounts": purses(f), "nobody": {}} {
		c, err := (&derive.Columns{}).WithWallet(t.Context(), p)
		if err != nil || c.WhyNoWallet() == "" {
			t.Fatalf("%s: %v, %q", name, err, c.WhyNoWallet())
		}
		all, err := c.Of(f)
		if err != nil || len(all) != len(derive.Metas())+len(derive.WalletMetas()) {
			t.Fatalf("%s: %d columns, %v", name, len(all), err)
		}
		for _, column := range all {
			if slices.ContainsFunc(column.Numbers, func(v float64) bool { return !math.IsNaN(v) }) {
				t.Errorf("%s: %s has values", name, column.Name)
			}
		}
	}
}
