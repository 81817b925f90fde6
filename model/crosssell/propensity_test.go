package crosssell

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"fealty/features/frame"
)

// habit draws what accounts of a town buy after its cutoff by a known law: items
// of the taste (the most bought category) at a rate that falls with the days since
// the last order. It returns the true probabilities, too.
func habit(p *Purchases, seed uint64) (bought []Bought, truth func(a int, item int32) float64) {
	truth = func(a int, item int32) float64 {
		own := p.Cells(a)
		of := make([]int, len(p.Categories))
		for _, i := range own.Item {
			of[p.Of[i]]++
		}
		k, owned := slices.BinarySearch(own.Item, item)
		switch {
		case owned:
			return .6 * math.Exp(-float64(own.DaysSince[k])/150)
		case of[p.Of[item]] == slices.Max(of):
			return .2
		}
		return .02
	}
	random := rand.New(rand.NewPCG(seed, 2))
	for a := range p.Accounts {
		for i := range p.Items {
			if random.Float64() < truth(a, int32(i)) {
				bought = append(bought, Bought{int32(a), int32(i), 10 + random.Float64()})
			}
		}
	}
	return bought, truth
}

func quick() PropensityParams {
	p := PropensityDefaults()
	p.Boost.Rounds, p.Boost.Leaves, p.Candidates = 40, 8, 20
	return p
}

var learnt = sync.OnceValues(func() (*Propensity, *Model) {
	t := &testing.T{}
	var lessons []Lesson
	for seed := range uint64(2) {
		past := town(t, 700, 30, 3, 20+seed)
		params := Defaults()
		params.Lambda = 30
		m, _, err := Fit(context.Background(), past, params)
		if err != nil {
			panic(err)
		}
		bought, _ := habit(past, seed)
		lessons = append(lessons, Lesson{m, bought})
	}
	p, _, err := FitPropensity(context.Background(), lessons, quick())
	if err != nil {
		panic(err)
	}
	return p, lessons[0].Model
})

// A planted law is found again: at a cutoff never seen, probabilities lie near the
// true ones, kind by kind.
func TestPropensityFindsThePlantedLaw(t *testing.T) {
	p, _ := learnt()
	past := town(t, 700, 30, 3, 99)
	m, _ := fit(t, past, p.Params())
	bought, truth := habit(past, 7)
	all, err := p.Evaluate(context.Background(), Lesson{m, bought})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		t.Logf("%+v", q)
		// A bin of n pairs is off by √(p(1−p)/n) by chance alone.
		rate := float64(q.Positives) / float64(q.Rows)
		if chance := math.Sqrt(rate * (1 - rate) * 10 / float64(q.Rows)); !q.Measured || q.ECE > .01+1.3*chance {
			t.Errorf("%v: ECE %.4f over %d pairs, by chance about %.4f", q.Kind, q.ECE, q.Rows, .8*chance)
		}
		// What popularity can't know: who has which taste, who bought when.
		if q.AUC < q.Popular.AUC+.05 || q.LogLoss >= q.Popular.LogLoss {
			t.Errorf("%v: AUC %.3f, log-loss %.4f, popularity alone %.3f, %.4f", q.Kind, q.AUC, q.LogLoss, q.Popular.AUC, q.Popular.LogLoss)
		}
		// Every purchase comes to 10.5 on average, whatever the history says.
		if math.Abs(q.Amount-10.5) > .1 || math.Abs(q.Expected-10.5) > 1.5 {
			t.Errorf("%v: %.2f was paid, %.2f expected", q.Kind, q.Amount, q.Expected)
		}
	}
	var n, off float64
	for a := range 200 {
		list, err := p.Recommend(m, a, 5, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			i, _ := past.Find(r.Item)
			n, off = n+1, off+math.Abs(r.Probability-truth(a, int32(i)))
		}
	}
	if off/n > .05 {
		t.Errorf("probabilities are off by %.3f on average", off/n)
	}
}

// Whatever happens after the cutoff is label and nothing else: recommendations do
// not see it, and the held-out accounts' labels do not reach the trees.
func TestPropensityDoesNotLeak(t *testing.T) {
	past := town(t, 400, 30, 3, 31)
	params := Defaults()
	m, _ := fit(t, past, params)
	bought, _ := habit(past, 3)
	first, _, err := FitPropensity(context.Background(), []Lesson{{m, bought}}, quick())
	if err != nil {
		t.Fatal(err)
	}
	// Only accounts held out buy otherwise: the trees stay as they were.
	var other []Bought
	changed := false
	for k, b := range bought {
		if heldOut(past.Accounts[b.Account]) && k%3 == 0 {
			changed = true
			continue
		}
		other = append(other, b)
	}
	second, _, err := FitPropensity(context.Background(), []Lesson{{m, other}}, quick())
	if err != nil {
		t.Fatal(err)
	}
	if !changed || first.calibrator == second.calibrator {
		t.Fatal("the held-out accounts' labels changed nothing at all")
	}
	for r := range first.trees.Len() {
		if !slices.Equal(first.trees.Tree(r).Value, second.trees.Tree(r).Value) {
			t.Fatalf("tree %d changed with labels of accounts held out", r)
		}
	}
	// Lines after a cutoff change nothing that is known at it.
	cutoff := frame.Cutoff(1_000_000_000)
	line := func(account, order, item string, days int) Line {
		return Line{frame.AccountID(account), order, item, "c", cutoff.Add(days).Time(), 5}
	}
	before := []Line{line("a", "1", "x", -100), line("a", "1", "y", -100), line("a", "2", "x", -10), line("b", "3", "y", -1)}
	after := append(slices.Clone(before), line("a", "9", "x", 0), line("b", "9", "z", 5), line("c", "9", "x", 3), line("a", "9", "y", 91))
	want, err := Past(before, cutoff)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Past(after, cutoff)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("lines after the cutoff change what is known at it: %v, want %v", got, want)
	}
	x := want.Cells(0)
	if x.Orders[0] != 2 || x.Recent[0] != 1 || x.DaysSince[0] != 10 || x.Span[0] != 90 || x.Spend[0] != 10 {
		t.Errorf("a's cells of x are %+v", x)
	}
	if got := Outcome(after, want, cutoff, 90); !slices.Equal(got, []Bought{{0, 0, 5}}) {
		t.Errorf("the outcome is %v: x of a at the cutoff itself, not y 91 days later, nothing of strangers", got)
	}
}

func TestRecommendations(t *testing.T) {
	p, m := learnt()
	may := func(a int) Eligible { return func(i int32) bool { return (int(i)+a)%5 != 0 } }
	var first [][]Recommendation
	for _, threads := range []int{1, 3} {
		before := runtime.GOMAXPROCS(threads)
		lists := make([][]Recommendation, len(m.past.Accounts))
		err := p.RecommendAll(context.Background(), m, 4, may, func(a int, list []Recommendation) { lists[a] = list })
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = lists
		}
		for a := range lists {
			if !slices.Equal(lists[a], first[a]) {
				t.Fatalf("account %d: %d threads give another list", a, threads)
			}
		}
	}
	for a := 0; a < len(first); a += 7 {
		single, err := p.Recommend(m, a, 4, may(a))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(single, first[a]) {
			t.Fatalf("account %d: alone %v, batch %v", a, single, first[a])
		}
		own := m.past.Cells(a)
		count := map[Kind]int{}
		for k, r := range single {
			i, _ := m.past.Find(r.Item)
			_, owned := slices.BinarySearch(own.Item, int32(i))
			count[r.Kind]++
			switch {
			case owned != (r.Kind != New), !may(a)(int32(i)), r.Category != m.past.Items[i].Category:
				t.Fatalf("account %d: %+v does not belong here", a, r)
			case !(r.Probability > 0 && r.Probability < 1), !(r.Amount > 0), math.Abs(r.Expected()-r.Probability*r.Amount) > 1e-12:
				t.Fatalf("account %d: %+v has no probability or amount", a, r)
			case k > 0 && r.Kind < single[k-1].Kind, k > 0 && r.Kind == single[k-1].Kind && p.Reranks(r.Kind) && r.Probability > single[k-1].Probability:
				t.Fatalf("account %d: place %d of %v is out of order", a, k, single)
			}
		}
		for kind, n := range count {
			if n > 4 {
				t.Fatalf("account %d has %d items of kind %v", a, n, kind)
			}
		}
		repeat := m.Repeat(own, 4, may(a))
		got := slices.DeleteFunc(slices.Clone(single), func(r Recommendation) bool { return r.Kind != Repeat })
		for k, r := range got {
			if i, _ := m.past.Find(r.Item); repeat[k].Item != int32(i) {
				t.Fatalf("account %d: repeat orders are re-ranked", a)
			}
		}
	}
}

func TestPropensityRefuses(t *testing.T) {
	ctx := context.Background()
	past := town(t, 100, 20, 2, 5)
	m, _ := fit(t, past, Defaults())
	good, _ := habit(past, 1)
	for text, bad := range map[string][]Bought{
		"account 100 of item 0: there are 100 accounts": {{100, 0, 1}},
		"item -1": {{0, -1, 1}},
		`account "a000000" bought item "i0003" for NaN`: {{0, 3, math.NaN()}},
		`account "a000000" bought item "i0003" for -1`:  {{0, 3, -1}},
		`item "i0003" stands after item "i0003"`:        {{0, 3, 1}, {0, 3, 1}},
		`stands after item "i0003" of account`:          {{1, 3, 1}, {0, 3, 1}},
		"a horizon with purchases is needed":            {},
	} {
		if _, _, err := FitPropensity(ctx, []Lesson{{m, bad}}, quick()); !errors.Is(err, ErrInput) || !contains(err, text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, _, err := FitPropensity(ctx, nil, quick()); !errors.Is(err, ErrInput) {
		t.Errorf("no lesson gives %v", err)
	}
	for text, change := range map[string]func(*PropensityParams){
		"HorizonDays is 0": func(p *PropensityParams) { p.HorizonDays = 0 },
		"Candidates is 0":  func(p *PropensityParams) { p.Candidates = 0 },
		"MaxRows is 9":     func(p *PropensityParams) { p.MaxRows = 9 },
		"Rounds is 0":      func(p *PropensityParams) { p.Boost.Rounds = 0 },
	} {
		params := quick()
		change(&params)
		if _, _, err := FitPropensity(ctx, []Lesson{{m, good}}, params); !errors.Is(err, ErrParams) || !contains(err, text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	p, _ := learnt()
	if _, err := p.Recommend(m, 0, 3, nil); !errors.Is(err, ErrInput) || !contains(err, "Lambda 30") {
		t.Errorf("a model with another Lambda gives %v", err)
	}
	_, right := learnt()
	if _, err := p.Recommend(right, 700, 3, nil); !errors.Is(err, ErrInput) {
		t.Errorf("account 700 of 700 gives %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := FitPropensity(cancelled, []Lesson{{m, good}}, quick()); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit gives %v", err)
	}
	if err := p.RecommendAll(cancelled, right, 3, nil, func(int, []Recommendation) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled recommendations give %v", err)
	}
}

func TestReasonsInWords(t *testing.T) {
	for _, test := range []struct {
		reason Reason
		en, zh string
	}{
		{Reason{Code: Ordered, Orders: 12, Days: 4}, "Ordered 12 times, last 4 days ago.", "已订购 12 次，最近一次在 4 天前。"},
		{Reason{Code: Ordered, Orders: 1, Days: 1}, "Ordered once, last 1 day ago.", "已订购 1 次，最近一次在 1 天前。"},
		{Reason{Code: Ordered, Orders: 2}, "Ordered twice, last today.", "已订购 2 次，最近一次在今天。"},
		{Reason{Code: GivenUp, Orders: 3, Days: 212}, "Ordered 3 times, but not for 212 days.", "曾订购 3 次，但已有 212 天未再订购。"},
		{Reason{Code: Together, Because: "tea", Orders: 2, Share: .8}, "Often bought together with Green tea, which this account ordered twice.", "常与 Green tea 一起购买，该客户已订购后者 2 次。"},
		{Reason{Code: Alike, Because: "tea", Orders: 2, Share: .2}, "Accounts that buy similar items buy this; of this account's items, Green tea speaks for it most.", "购买相似商品的客户也买此商品；在该客户的商品中，Green tea 与之关联最强。"},
		{Reason{Code: Popular, Buyers: 1}, "Bought by 1 account; nothing this account has bought points to it in particular.", "已有 1 个客户购买；该客户的购买记录中没有特别指向它的商品。"},
	} {
		en, zh := test.reason.Text(func(id string) string { return map[string]string{"tea": "Green tea"}[id] })
		if en != test.en || zh != test.zh {
			t.Errorf("%+v reads %q and %q, want %q and %q", test.reason, en, zh, test.en, test.zh)
		}
	}
	if en, _ := (Reason{Code: Together, Because: "tea{days}", Orders: 5}).Text(nil); en != "Often bought together with tea{days}, which this account ordered 5 times." {
		t.Errorf("a name with braces reads %q", en)
	}
}

// The reason of a new item names the own item that adds most to its score.
func TestReasonNamesTheStrongestItem(t *testing.T) {
	past := town(t, 300, 40, 4, 1)
	params := Defaults()
	params.Lambda = 20
	m := withHead(t, past, params, 25)
	codes := map[ReasonCode]int{}
	for a := range past.Accounts {
		own := past.Cells(a)
		for _, x := range m.New(own, 40, nil) {
			r := m.Reason(own, New, x.Item)
			codes[r.Code]++
			best, speaks := 0.0, 0.0
			var because string
			for _, i := range own.Item {
				alone := m.score(Cells{Item: []int32{i}}, m.newBoard())[x.Item]
				if alone > 0 {
					speaks += float64(alone)
				}
				if float64(alone) > best {
					best, because = float64(alone), past.Items[i].ID
				}
			}
			if r.Because != because || because != "" && math.Abs(r.Share-best/speaks) > 1e-6 {
				t.Fatalf("account %d, item %d: %+v, want %q with %.3f", a, x.Item, r, because, best/speaks)
			}
			if (r.Code == Popular) != (because == "") || r.Code == Together && r.Share < .5 || r.Code == Alike && r.Share >= .5 {
				t.Fatalf("account %d, item %d: %+v", a, x.Item, r)
			}
		}
	}
	if codes[Together] == 0 || codes[Alike] == 0 {
		t.Errorf("the town gives reasons of few kinds only: %v", codes)
	}
}

func TestPropensityText(t *testing.T) {
	p, m := learnt()
	text, err := p.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	q, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for a := range 20 {
		want, err := p.Recommend(m, a, 5, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.Recommend(m, a, 5, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("account %d: read back %v (%v), want %v", a, got, err, want)
		}
	}
	if q.HorizonDays() != 90 || q.Params() != p.Params() {
		t.Errorf("horizon %d, parameters %v", q.HorizonDays(), q.Params())
	}
	for name, bad := range map[string]string{
		"empty":       "",
		"other":       `{"format":"x","version":1}`,
		"cut":         string(text[:len(text)/2]),
		"unknown key": `{"x":1,` + string(text[1:]),
		"space":       " " + string(text),
		"lambda":      replaced(t, text, `"lambda":30`, `"lambda":-30`),
		"horizon":     replaced(t, text, `"horizon_days":90`, `"horizon_days":0`),
		"candidates":  replaced(t, text, `"candidates":20`, `"candidates":2000000000`),
		"a feature":   replaced(t, text, `days_since`, `days_until`),
		"baskets":     replaced(t, text, `"baskets":[`, `"baskets":[-`),
		"slope":       replaced(t, text, `"calibrators":[[`, `"calibrators":[[-`),
	} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrText) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func replaced(t *testing.T, text []byte, from, to string) string {
	t.Helper()
	for at := range len(text) - len(from) {
		if string(text[at:at+len(from)]) == from {
			return string(text[:at]) + to + string(text[at+len(from):])
		}
	}
	t.Fatalf("the text holds no %q", from)
	return ""
}

func FuzzParse(f *testing.F) {
	p, _ := learnt()
	text, err := p.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"fealty cross-sell propensity","version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := p.MarshalText(); err != nil || string(again) != string(text) {
			t.Fatalf("%q was read and written otherwise (%v)", text, err)
		}
	})
}

// Categories of Online Retail I, learnt at protocol T's cutoffs: probabilities at
// the newest one beat what popularity says where an account has a history of the
// category. Products, with the re-ranked lists, take longer: FEALTY_TORTURE=1.
func TestOnlineRetailPropensity(t *testing.T) {
	lines := retail(t)
	var earlier []frame.Cutoff
	for month := time.March; month <= time.June; month++ {
		earlier = append(earlier, frame.Cutoff(time.Date(2011, month, 10, 0, 0, 0, 0, time.UTC).Unix()))
	}
	params := PropensityDefaults()
	params.MaxRows = 60_000
	value := figuresOf(t, "category", ByCategory(lines), earlier, params)
	if value["category/repeat/auc"] < value["category/repeat/popular-auc"]+.05 || value["category/repeat/log-loss"] > value["category/repeat/popular-log-loss"]-.02 {
		t.Error("repeat orders of categories are told no better than by popularity")
	}
	if value["category/new/auc"] < .8 || value["category/repeat/auc"] > .9 {
		t.Error("new categories are hardly told, or something leaks")
	}
	if os.Getenv("FEALTY_TORTURE") != "1" {
		return
	}
	value = figuresOf(t, "product", lines, earlier, PropensityDefaults())
	if value["product/new/ndcg@10"] < value["product/new/base-ndcg@10"] || value["product/recommended/ndcg@10"] < .119 {
		t.Error("re-ranking loses what EASE has won")
	}
	if value["product/repeat/auc"] < value["product/repeat/popular-auc"]+.05 || value["product/new/auc"] < value["product/new/popular-auc"]+.05 {
		t.Error("products are told no better than by popularity")
	}
}

func figuresOf(t *testing.T, name string, lines []Line, earlier []frame.Cutoff, params PropensityParams) map[string]float64 {
	t.Helper()
	figures, err := PropensityFigures(context.Background(), name, lines, earlier, retailCutoff, Defaults(), params)
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	for _, f := range figures {
		t.Logf("%s = %.4f", f.Name, f.Value)
		value[f.Name] = f.Value
	}
	return value
}

// Beyond MaxRows accounts are taken at equal distances, with all that is theirs.
func TestPropensityTakesFewerAccountsWhereRowsAreBounded(t *testing.T) {
	past := town(t, 600, 30, 3, 12)
	m, _ := fit(t, past, Defaults())
	bought, _ := habit(past, 4)
	params := quick()
	params.MaxRows = 5000
	_, report, err := FitPropensity(context.Background(), []Lesson{{m, bought}}, params)
	if err != nil {
		t.Fatal(err)
	}
	// 600 accounts have at most 20 candidates and some 4 own items each: every
	// third is taken.
	if report.Accounts != 200 || report.Rows > 5000 || report.HeldOut == 0 || report.HeldOut >= 100 {
		t.Errorf("%d accounts, %d held out, %d rows", report.Accounts, report.HeldOut, report.Rows)
	}
	want := 0
	for _, b := range bought {
		if b.Account%3 == 0 {
			want++
		}
	}
	if report.Positives == 0 || report.Positives > want {
		t.Errorf("%d purchases among the pairs, the accounts taken made %d", report.Positives, want)
	}
}
