package decision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fealty/features/frame"
	"fealty/model/metrics"
	"fealty/model/score"
)

func plan(t interface {
	Helper()
	Fatal(args ...any)
}, a Accounts, with Assumptions, c Capacity) *List {
	t.Helper()
	l, err := Plan(context.Background(), a, with, c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// drawn are at most so many accounts of three managers, with ties.
func drawn(t *rapid.T, most int) Accounts {
	n := rapid.IntRange(0, most).Draw(t, "accounts")
	a := Accounts{Currency: "EUR"}
	for i := range n {
		a.ByRate = append(a.ByRate, rapid.Bool().Draw(t, "no cost known"))
		a.Account = append(a.Account, frame.AccountID(fmt.Sprintf("a%02d", i)))
		a.Probability = append(a.Probability, rapid.Float64Range(0, 1).Draw(t, "probability"))
		a.Value = append(a.Value, float64(rapid.IntRange(0, 20).Draw(t, "value"))*50)
		a.Manager = append(a.Manager, rapid.SampledFrom([]string{"", "li", "wu"}).Draw(t, "manager"))
	}
	return a
}

func assumed(t *rapid.T) Assumptions {
	return Assumptions{
		ContactCost: Given(rapid.Float64Range(0, 60).Draw(t, "contact")),
		Incentive:   Given(rapid.Float64Range(0, 0.3).Draw(t, "incentive")),
		Acceptance:  Given(rapid.Float64Range(0, 1).Draw(t, "acceptance")),
		Value:       Given(rapid.Float64Range(0.1, 3).Draw(t, "factor of values")),
		Odds:        Given(rapid.Float64Range(0.1, 3).Draw(t, "factor of odds")),
		MarginRate:  Given(rapid.Float64Range(0.1, 1).Draw(t, "margin rate")),
	}
}

// The twin: every subset of the accounts that the managers have room for, by the
// words of the package comment.
func TestTheListIsTheBestOfAllSubsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, with := drawn(t, 9), assumed(t)
		c := Capacity{Each: new(rapid.IntRange(0, 4).Draw(t, "capacity")), Fill: rapid.Bool().Draw(t, "fill")}
		if rapid.Bool().Draw(t, "li has a capacity") {
			c.ByManager = map[string]int{"li": rapid.IntRange(0, 3).Draw(t, "of li")}
		}
		l := plan(t, a, with, c)
		worth := func(i int) float64 {
			odds := a.Probability[i] / (1 - a.Probability[i]) * with.Odds.Value
			p := 1 / (1 + 1/odds)
			v := a.Value[i] * with.Value.Value
			paid := with.Incentive.Value * v
			return p*with.Acceptance.Value*(v-paid) - (1-p)*paid - with.ContactCost.Value
		}
		room := func(manager string) int {
			if n, ok := c.ByManager[manager]; ok {
				return n
			}
			return *c.Each
		}
		n := len(a.Account)
		bySize := slices.Repeat([]float64{math.Inf(-1)}, n+1)
		for set := range uint(1) << n {
			used, sum := map[string]int{}, 0.0
			for i := range n {
				if set>>i&1 == 1 {
					used[a.Manager[i]]++
					sum += worth(i)
				}
			}
			fits := true
			for manager, k := range used {
				fits = fits && k <= room(manager)
			}
			if k := bits.OnesCount(set); fits {
				bySize[k] = max(bySize[k], sum)
			}
		}
		for len(bySize) > 1 && math.IsInf(bySize[len(bySize)-1], -1) {
			bySize = bySize[:len(bySize)-1] // more than the capacity
		}
		want := slices.Max(bySize)
		if c.Fill {
			want = bySize[len(bySize)-1]
		}
		if math.Abs(l.Total-want) > 1e-6 {
			t.Fatalf("total %v, the best of all subsets %v", l.Total, want)
		}
		if len(l.Curve.Points) != len(bySize) {
			t.Fatalf("the curve has %d points, want %d", len(l.Curve.Points), len(bySize))
		}
		for k, p := range l.Curve.Points {
			if p.Contacts != k || math.Abs(p.Total-bySize[k]) > 1e-6 {
				t.Fatalf("point %+v, the best of %d contacts is %v", p, k, bySize[k])
			}
		}
		if best := slices.Max(bySize); math.Abs(l.Curve.Best.Total-best) > 1e-6 {
			t.Fatalf("the curve's best %+v, want %v", l.Curve.Best, best)
		}
		sum, of := 0.0, 0
		for _, m := range l.Managers {
			sum, of = sum+m.Total, of+m.Contacts
			if m.Capacity == nil || m.Contacts > *m.Capacity || m.Contacts > m.Accounts {
				t.Fatalf("manager %+v", m)
			}
		}
		if of != len(l.Rows) || math.Abs(sum-l.Total) > 1e-6 {
			t.Fatalf("managers hold %d contacts worth %v, the list %d worth %v", of, sum, len(l.Rows), l.Total)
		}
		for k, r := range l.Rows {
			if !c.Fill && r.Profit <= 0 {
				t.Fatalf("row %+v earns nothing", r)
			}
			if k > 0 && (l.Rows[k-1].Profit < r.Profit || l.Rows[k-1].Profit == r.Profit && l.Rows[k-1].Account > r.Account) {
				t.Fatalf("rows %d and %d are out of order: %+v", k-1, k, l.Rows)
			}
		}
	})
}

// Known outcomes give what metrics says of the same offer.
func TestKnownOutcomesAreEMPB(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawn(t, 30)
		if len(a.Account) == 0 {
			t.Skip("nobody")
		}
		for i, p := range a.Probability {
			a.Probability[i] = math.Round(p)
		}
		offer := metrics.BusinessOffer{
			Alpha: rapid.Float64Range(0.1, 20).Draw(t, "alpha"), Beta: rapid.Float64Range(0.1, 20).Draw(t, "beta"),
			IncentiveFraction: rapid.Float64Range(0, 1).Draw(t, "incentive"), Contact: rapid.Float64Range(0, 50).Draw(t, "contact"),
		}
		with := Assumptions{ContactCost: Given(offer.Contact), Incentive: Given(offer.IncentiveFraction), Acceptance: Given(offer.Alpha / (offer.Alpha + offer.Beta))}
		l := plan(t, a, with, Capacity{Fill: true})
		all, err := metrics.ProfitOfContacts(a.Probability, a.Value, a.Value, offer, len(a.Account))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(l.Total-all) > 1e-9*max(1, math.Abs(all)) {
			t.Fatalf("everybody contacted: %v here, %v there", l.Total, all)
		}
		score := make([]float64, len(a.Account)) // the list's own order
		for k, r := range l.Rows {
			score[slices.Index(a.Account, r.Account)] = -float64(k)
		}
		best, err := metrics.EMPB(a.Probability, score, a.Value, offer)
		if err != nil {
			t.Fatal(err)
		}
		if want := best.PerCustomer * float64(len(a.Account)); math.Abs(l.Curve.Best.Total-want) > 1e-9*max(1, math.Abs(want)) {
			t.Fatalf("best of the curve %+v, EMPB of its order %v", l.Curve.Best, want)
		}
	})
}

// Every case is a plan of its own, and at the break-even the rows earn nothing.
func TestSensitivityIsAnotherPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, with := drawn(t, 25), assumed(t)
		with.Swing = rapid.Float64Range(0.05, 0.9).Draw(t, "swing")
		c := Capacity{Each: new(5)}
		l := plan(t, a, with, c)
		today := map[frame.AccountID]bool{}
		only := Accounts{Currency: "EUR"}
		for _, r := range l.Rows {
			today[r.Account] = true
			only.Account, only.Probability, only.Value = append(only.Account, r.Account), append(only.Probability, r.Probability), append(only.Value, r.Value)
			only.ByRate = append(only.ByRate, r.ByRate)
		}
		rated := 0
		for _, marked := range a.ByRate {
			if marked {
				rated++
			}
		}
		if stated := len(l.Assumptions) == 6; rated != l.ByRate || stated != (rated > 0) || len(l.Sensitivity) != len(l.Assumptions) || l.Ranked != len(a.Account) {
			t.Fatalf("%d of %d by the margin rate, told as %d of %d with %+v", rated, len(a.Account), l.ByRate, l.Ranked, l.Assumptions)
		}
		for k, s := range l.Sensitivity {
			set := func(v float64) Assumptions {
				other := with
				*[]*Assumption{&other.ContactCost, &other.Incentive, &other.Acceptance, &other.Value, &other.Odds, &other.MarginRate}[k] = Given(v)
				return other
			}
			// By another margin rate the values are others, where no cost is known.
			of := func(a Accounts, v float64) Accounts {
				if s.Name != MarginRate {
					return a
				}
				a.Value = slices.Clone(a.Value)
				for i := range a.Value {
					if a.ByRate[i] {
						a.Value[i] *= v / with.MarginRate.Value
					}
				}
				return a
			}
			for _, have := range s.Cases {
				other := plan(t, of(a, have.Value), set(have.Value), c)
				want := Case{Value: have.Value, SameRows: plan(t, of(only, have.Value), set(have.Value), Capacity{Fill: true}).Total, Total: other.Total, Contacts: len(other.Rows), Dropped: len(l.Rows)}
				for _, r := range other.Rows {
					if today[r.Account] {
						want.Dropped--
					} else {
						want.Added++
					}
				}
				if math.Abs(have.Total-want.Total) > 1e-6 || math.Abs(have.SameRows-want.SameRows) > 1e-6 {
					t.Fatalf("%s: %+v, another plan says %+v", s.Name, have, want)
				}
				have.Total, have.SameRows, want.Total, want.SameRows = 0, 0, 0, 0
				if have != want {
					t.Fatalf("%s: %+v, another plan says %+v", s.Name, have, want)
				}
			}
			at := float64(s.BreakEven)
			if math.IsNaN(at) {
				continue
			}
			if rest := plan(t, of(only, at), set(at), Capacity{Fill: true}).Total; math.Abs(rest) > 1e-5*max(1, l.Total) {
				t.Fatalf("%s: %v is left at the break-even %v of rows that earn %v", s.Name, rest, at, l.Total)
			}
		}
	})
}

// Where a break-even exists: worked by hand for one account, p .5, v 1,000.
func TestBreakEvenByHand(t *testing.T) {
	a := Accounts{Account: []frame.AccountID{"a"}, Probability: []float64{0.5}, Value: []float64{1000}, Currency: "EUR"}
	l := plan(t, a, Assumptions{}, Capacity{})
	// .5·.3·950 − .5·50 − 15 = 142.5 − 25 − 15
	if math.Abs(l.Total-102.5) > 1e-9 {
		t.Fatalf("total %v, want 102.5", l.Total)
	}
	for k, want := range []float64{
		117.5,                         // 142.5 − 25
		(150.0 - 15) / 650,            // 150 − 150f − 500f − 15 = 0
		40.0 / 475,                    // 475γ = 25 + 15
		15 / 117.5,                    // 117.5s = 15
		(65.0 / 335) / (1 - 65.0/335), // 285p − 50(1 − p) = 15 at p = 65/335; odds were 1
	} {
		if got := float64(l.Sensitivity[k].BreakEven); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: break-even %v, want %v", l.Sensitivity[k].Name, got, want)
		}
	}
	dear := plan(t, a, Assumptions{ContactCost: Given(400)}, Capacity{Fill: true})
	if v := float64(dear.Sensitivity[2].BreakEven); v <= 0.3 || v > 1 {
		t.Errorf("a contact of 400 is worth it at an acceptance of %v", v)
	}
	dearer := plan(t, a, Assumptions{ContactCost: Given(600)}, Capacity{Fill: true})
	for _, k := range []int{1, 2} {
		if v := float64(dearer.Sensitivity[k].BreakEven); !math.IsNaN(v) {
			t.Errorf("%s: break-even %v where there is none", dearer.Sensitivity[k].Name, v)
		}
	}
}

func TestOrderOfAccountsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, with := drawn(t, 25), assumed(t)
		order := make([]int, len(a.Account))
		for i := range order {
			order[i] = i
		}
		order = rapid.Permutation(order).Draw(t, "order")
		b := Accounts{Currency: a.Currency, Manager: []string{}, ByRate: []bool{}}
		for _, i := range order {
			b.ByRate = append(b.ByRate, a.ByRate[i])
			b.Account, b.Probability, b.Value, b.Manager = append(b.Account, a.Account[i]), append(b.Probability, a.Probability[i]), append(b.Value, a.Value[i]), append(b.Manager, a.Manager[i])
		}
		c := Capacity{Each: new(3)}
		first, err := json.Marshal(plan(t, a, with, c))
		if err != nil {
			t.Fatal(err)
		}
		second, err := json.Marshal(plan(t, b, with, c))
		if err != nil {
			t.Fatal(err)
		}
		if string(first) != string(second) {
			t.Fatalf("%s\nin another order %s", first, second)
		}
	})
}

func TestNobodysAccountsAreAGroupAndUnknownOnesStandApart(t *testing.T) {
	a := Accounts{
		Account:     []frame.AccountID{"d", "c", "b", "a", "e"},
		Probability: []float64{0.6, 0.6, 0.6, math.NaN(), 0.6},
		Value:       []float64{1000, 1000, 1000, 1000, math.NaN()},
		Currency:    "EUR",
	}
	l := plan(t, a, Assumptions{}, Capacity{Each: new(2), ByManager: map[string]int{"li": 4}})
	if len(l.Rows) != 2 || l.Rows[0].Account != "b" || l.Rows[1].Account != "c" {
		t.Errorf("rows %+v, want b and c: of equal profits the smaller id", l.Rows)
	}
	if len(l.Managers) != 2 || l.Managers[0].Manager != "" || l.Managers[0].Accounts != 3 || l.Managers[0].Worthwhile != 3 || l.Managers[1].Accounts != 0 || *l.Managers[1].Capacity != 4 {
		t.Errorf("managers %+v", l.Managers)
	}
	if !slices.Equal(l.Unknown, []Unknown{{"a", NoProbability}, {"e", NoValue}}) {
		t.Errorf("unknown %+v", l.Unknown)
	}
}

func TestALongCurveKeepsItsBest(t *testing.T) {
	a := Accounts{Currency: "EUR"}
	for i := range 1001 {
		a.Account = append(a.Account, frame.AccountID(fmt.Sprintf("a%04d", i)))
		a.Probability, a.Value = append(a.Probability, 0.5), append(a.Value, float64(i))
	}
	l := plan(t, a, Assumptions{}, Capacity{})
	points := l.Curve.Points
	if len(points) > curvePoints+2 || points[0] != (Point{}) || points[len(points)-1].Contacts != 1001 {
		t.Fatalf("%d points from %+v to %+v", len(points), points[0], points[len(points)-1])
	}
	if !slices.Contains(points, l.Curve.Best) || l.Curve.Best.Contacts != len(l.Rows) || math.Abs(l.Curve.Best.Total-l.Total) > 1e-6 {
		t.Errorf("best %+v of a list of %d rows worth %v", l.Curve.Best, len(l.Rows), l.Total)
	}
	if !slices.IsSortedFunc(points, func(a, b Point) int { return a.Contacts - b.Contacts }) {
		t.Error("the points are out of order")
	}
}

func TestBadInputIsNamed(t *testing.T) {
	good := func() Accounts {
		return Accounts{Account: []frame.AccountID{"ada", "bo"}, Probability: []float64{0.1, 0.9}, Value: []float64{1, 2}, Manager: []string{"li", ""}, Currency: "EUR"}
	}
	for _, c := range []struct {
		name  string
		a     func(*Accounts)
		with  Assumptions
		limit Capacity
		want  error
		says  string
	}{
		{"negative value", func(a *Accounts) { a.Value[1] = -1 }, Assumptions{}, Capacity{}, ErrInput, `value of account "bo" is -1`},
		{"infinite value", func(a *Accounts) { a.Value[0] = math.Inf(1) }, Assumptions{}, Capacity{}, ErrInput, `"ada"`},
		{"probability above 1", func(a *Accounts) { a.Probability[0] = 1.5 }, Assumptions{}, Capacity{}, ErrInput, `probability of account "ada" is 1.5`},
		{"no currency", func(a *Accounts) { a.Currency = "" }, Assumptions{}, Capacity{}, ErrCurrency, "currency"},
		{"marks", func(a *Accounts) { a.ByRate = []bool{true} }, Assumptions{}, Capacity{}, ErrInput, "1 marks of a missing cost"},
		{"a margin above the revenue", nil, Assumptions{MarginRate: Given(1.2)}, Capacity{}, ErrAssumption, "margin_rate is 1.2"},
		{"lengths", func(a *Accounts) { a.Value = a.Value[:1] }, Assumptions{}, Capacity{}, ErrInput, "1 values"},
		{"twice", func(a *Accounts) { a.Account[1] = "ada" }, Assumptions{}, Capacity{}, ErrInput, `"ada" stands twice`},
		{"no id", func(a *Accounts) { a.Account[1] = "" }, Assumptions{}, Capacity{}, ErrInput, "account 1 has no id"},
		{"capacity below 0", nil, Assumptions{}, Capacity{Each: new(-1)}, ErrInput, "capacity of -1"},
		{"capacity of a manager below 0", nil, Assumptions{}, Capacity{ByManager: map[string]int{"li": -2}}, ErrInput, `"li"`},
		{"contact cost below 0", nil, Assumptions{ContactCost: Given(-1)}, Capacity{}, ErrAssumption, "contact_cost is -1"},
		{"acceptance above 1", nil, Assumptions{Acceptance: Given(30)}, Capacity{}, ErrAssumption, "acceptance is 30"},
		{"no acceptance", nil, Assumptions{Acceptance: Given(math.NaN())}, Capacity{}, ErrAssumption, "acceptance"},
		{"odds of 0", nil, Assumptions{Odds: Given(0)}, Capacity{}, ErrAssumption, "odds is 0"},
		{"no origin", nil, Assumptions{Incentive: Assumption{Value: 0.2}}, Capacity{}, ErrAssumption, "origin"},
		{"a default of one's own", nil, Assumptions{Incentive: Assumption{0.2, Default}}, Capacity{}, ErrAssumption, "incentive"},
		{"swing", nil, Assumptions{Swing: 1}, Capacity{}, ErrAssumption, "swing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := good()
			if c.a != nil {
				c.a(&a)
			}
			if _, err := Plan(t.Context(), a, c.with, c.limit); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.says)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Plan(ctx, good(), Assumptions{}, Capacity{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// No way of telling the list hides a default.
func TestDefaultsAreSaid(t *testing.T) {
	a := Accounts{Account: []frame.AccountID{"a"}, Probability: []float64{0.5}, Value: []float64{1000}, Currency: "EUR"}
	zero := Accounts{Account: []frame.AccountID{"a"}, Probability: []float64{0}, Value: []float64{0}, Currency: "EUR"}
	rated := a
	rated.ByRate = []bool{true}
	all := Assumptions{ContactCost: Given(20), Incentive: Given(0), Acceptance: Given(0.5), Value: Given(1), Odds: Given(1)}
	for _, c := range []struct {
		name     string
		accounts Accounts
		with     Assumptions
		lang     score.Language
		want     []string
		never    string
	}{
		{"all", a, Assumptions{}, score.English, []string{"Expected profit in all: 102.50 EUR", "Assumed by default", "cost of a contact 15.00 EUR", "incentive 5 % of the value", "accepted by 30 %"}, "Given:"},
		{"all, in Chinese", a, Assumptions{}, score.Chinese, []string{"默认假设", "每次联系成本 15.00 EUR", "激励为价值的 5 %", "30 % 接受"}, "已提供"},
		{"one given", a, Assumptions{ContactCost: Given(20)}, score.English, []string{"Given: cost of a contact 20.00 EUR.", "incentive 5 %"}, "contact 15.00"},
		{"none", a, all, score.English, []string{"No assumption is a default.", "earn nothing with the cost of a contact at 250.00 EUR"}, "Assumed by default"},
		{"an empty list", zero, Assumptions{}, score.English, []string{"Contact nobody", "cost of a contact 15.00 EUR"}, "earn nothing with"},
		{"an empty list, in Chinese", zero, Assumptions{}, score.Chinese, []string{"不联系任何客户", "每次联系成本 15.00 EUR"}, "Contact"},
		{"no cost known", rated, all, score.English, []string{
			"Assumed by default, because nobody gave it: margin rate 100 % of revenue where no cost is known.", "(1) no cost is known of 1:", "that is revenue, not margin", "With the margin rate at 50 %",
		}, "No assumption is a default"},
		{"no cost known, in Chinese", rated, all, score.Chinese, []string{"并无人提供：成本未知时毛利率为收入的 100 %", "1 个客户中，有 1 个成本未知", "即为收入，而非毛利", "若毛利率为 50 %"}, "没有使用任何默认假设"},
		{"a margin rate given", rated, Assumptions{MarginRate: Given(.4)}, score.English, []string{"Given: margin rate 40 % of revenue", "no cost is known of 1"}, "not margin"},
		{"another language", a, Assumptions{}, "fr", []string{"Assumed by default"}, "Given:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := plan(t, c.accounts, c.with, Capacity{})
			text := strings.Join(l.Sentences(c.lang), "\n")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not said in:\n%s", want, text)
				}
			}
			if !strings.Contains(text, l.Defaults(c.lang)) {
				t.Errorf("%q is not said in:\n%s", l.Defaults(c.lang), text)
			}
			if strings.Contains(text, c.never) || strings.Contains(text, "%!") {
				t.Errorf("%q or a broken template in:\n%s", c.never, text)
			}
			raw, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range l.Assumptions {
				if !strings.Contains(string(raw), fmt.Sprintf(`{"name":%q,"value":%v,"origin":%q}`, s.Name, s.Value, s.Origin)) {
					t.Errorf("%+v does not stand in %s", s, raw)
				}
			}
		})
	}
	for lang, w := range words {
		for _, name := range []string{ContactCost, Incentive, Acceptance, Value, Odds, MarginRate} {
			if w.assumption[name] == "" || w.label[name] == "" {
				t.Errorf("no words for %s in %s", name, lang)
			}
		}
	}
}

func TestContactsAtALossAreSaid(t *testing.T) {
	a := Accounts{Account: []frame.AccountID{"a", "b", "c"}, Probability: []float64{0.5, 0, math.NaN()}, Value: []float64{1000, math.NaN(), 1}, Currency: "EUR"}
	l := plan(t, a, Assumptions{ContactCost: Given(400)}, Capacity{Fill: true})
	text := strings.Join(l.Sentences(score.English), "\n")
	if !strings.Contains(text, "only fill the capacity: 1.") || !strings.Contains(text, "value is not known: 1.") || !strings.Contains(text, "leaving is not known: 1.") {
		t.Error(text)
	}
}

func ExamplePlan() {
	accounts := Accounts{
		Account:     []frame.AccountID{"ada", "bo", "cy"},
		Probability: []float64{0.7, 0.6, 0.1},
		Value:       []float64{2000, 900, 5000},
		Manager:     []string{"li", "li", "wu"},
		Currency:    "EUR",
	}
	one := 1
	list, err := Plan(context.Background(), accounts, Assumptions{ContactCost: Given(20)}, Capacity{Each: &one})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range list.Rows {
		fmt.Printf("%s: %s, %.1f %s\n", r.Manager, r.Account, r.Profit, list.Currency)
	}
	for _, s := range list.Sentences(score.English)[:3] {
		fmt.Println(s)
	}
	// Output:
	// li: ada, 349.0 EUR
	// Accounts to contact: 1. Expected profit in all: 349.00 EUR.
	// Assumed by default, because nobody gave it: incentive 5 % of the value; accepted by 30 % of those who would leave; values as given, times 1; odds of churn as scored, times 1. The total is worth no more than these.
	// Given: cost of a contact 20.00 EUR.
}

func BenchmarkPlan(b *testing.B) {
	a := Accounts{Currency: "EUR"}
	for i := range 1_000_000 {
		a.Account = append(a.Account, frame.AccountID(fmt.Sprintf("a%07d", i*7919%1_000_000)))
		a.Probability, a.Value = append(a.Probability, float64(i%997)/997), append(a.Value, float64(i%10_007))
		a.Manager = append(a.Manager, fmt.Sprintf("m%03d", i%500))
	}
	for b.Loop() {
		if _, err := Plan(b.Context(), a, Assumptions{}, Capacity{Each: new(50)}); err != nil {
			b.Fatal(err)
		}
	}
}
