package serving

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/decision"
	"fealty/model/loyalty"
	"fealty/model/score"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// three accounts and what they are worth: C0000 much, C0001 little, C0002 nobody
// knows; C0003 never bought and C0004 asked to be erased.
func worthOfThree(t *testing.T) (*Service, *twinFacts, Run) {
	t.Helper()
	s, facts, runs, _ := village(3)
	all := markedScores(5, 1)
	for i := range 3 {
		known := float64(300 - 100*i)
		if i == 2 {
			known = math.NaN()
		}
		figure := model.Figure(known)
		all[i].Manager, all[i].Probability, all[i].ValueAtRisk = "Li Wei", .5, known/2
		all[i].Worth = &score.Worth{
			Account: all[i].Account, Lifetime: score.Lifetime{Value: known, Alive: .75, SpendBy: byRunRate}, Loyalty: score.Loyalty{Score: known / 10},
			Place:  score.Place{Value: known, Tier: string(loyalty.VIP), Level: string(loyalty.Friend), Verdict: string(loyalty.Keep)},
			Wallet: score.Wallet{Potential: figure},
		}
	}
	all[0].Worth.Wallets = []score.Wallet{{Category: "tea", Share: .25, Potential: 10, Why: "peers"}, {Category: "coffee", Potential: 290, Why: "declared_amount", Flags: []string{"stale"}}}
	all[1].Worth.Recommendations = []score.Recommendation{
		{Kind: "new", Item: "P1", Category: "tea", Probability: .5, Amount: 10, Reason: "popular", Buyers: 7},
		{Kind: "repeat", Item: "P2", Category: "tea", Probability: .9, Amount: 1, Reason: "ordered", Orders: 2, Days: 3},
		{Kind: "new", Item: "P3", Category: "milk", Probability: .1, Amount: 10, Reason: "popular", Buyers: 2},
		{Kind: "new", Category: "milk", Probability: .2, Amount: 10, Reason: "a later release's"},
	}
	all[0].Worth.Recommendations = []score.Recommendation{{Kind: "new", Item: "P1", Category: "tea", Probability: .1, Amount: 10, Reason: "popular"}}
	all[3].Unscorable, all[3].Probability, all[4].Unscorable, all[4].Probability = features.NeverBought.String(), math.NaN(), "", .5
	all[4].Worth = &score.Worth{Account: all[4].Account, Lifetime: score.Lifetime{Value: 9999}}
	facts.standings = map[frame.AccountID]features.Standing{"C0004": {Erased: true}}
	run := publishOn(t, runs, 99, all)
	facts.declared = []features.Declared{
		{Account: "C0000", Cutoff: run.Cutoff, Category: "coffee", Amount: 500, Said: features.Statement{Period: instant("2026-01-01 00:00"), Author: "Li Wei"}},
		{Account: "C0000", Cutoff: run.Cutoff, Category: "tea", Amount: 500, Said: features.Statement{Author: "nobody asked"}},
	}
	return s, facts, run
}

// The published run answers in each verb's order, of those asked for, and never of
// whom was erased.
func TestWorthsOfThePublishedRun(t *testing.T) {
	s, _, run := worthOfThree(t)
	lives, err := s.Lifetimes(t.Context(), LifetimeRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	order := ""
	for _, r := range lives.Rows {
		order += r.Account + " "
	}
	if order != "C0000 C0001 C0002 " || lives.Run != run.ID || lives.Accounts != 3 || lives.Model != run.Model || lives.HorizonDays != run.HorizonDays {
		t.Errorf("%s of %+v", order, lives.WorthOf)
	}
	one, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Limit: 1, Accounts: []string{"C0001", "C0000", "C0001"}}}, nil)
	if err != nil || len(one.Rows) != 1 || one.Rows[0].Account != "C0000" || one.Accounts != 2 {
		t.Errorf("%+v (%v)", one, err)
	}
	absent, err := s.Loyalties(t.Context(), LoyaltyRequest{WorthRequest: WorthRequest{Accounts: []string{"C0004", "C0001", "nobody", "C0003"}}}, nil)
	if err != nil || len(absent.Rows) != 1 {
		t.Fatalf("%+v (%v)", absent, err)
	}
	want := []Absent{
		{"C0003", "never_bought", "it has never bought", "从未购买"}, {"C0004", "erased", "it asked to be erased", "已要求删除其数据"},
		{"nobody", "no_account", fmt.Sprintf("run %q has no account %q", run.ID, "nobody"), fmt.Sprintf("评分批次%q中没有客户%q", run.ID, "nobody")},
	}
	if diff := cmp.Diff(want, absent.Absent); diff != "" {
		t.Error(diff)
	}
	if raw, err := json.Marshal(absent); err != nil || !bytes.Contains(raw, []byte(`"uncapped":0`)) {
		t.Errorf("%s (%v)", raw, err)
	}
}

func TestWalletsSayWhoDeclaredThem(t *testing.T) {
	s, _, _ := worthOfThree(t)
	r, err := s.WalletsOf(t.Context(), WalletRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range r.Rows {
		got = append(got, fmt.Sprintf("%s %s %s %s", w.Account, w.Category, w.Author, w.Period))
	}
	// By potential: 290, 200, 10, and last what nobody knows.
	if diff := cmp.Diff([]string{"C0000 coffee Li Wei 2026-01-01", "C0001   ", "C0000 tea  ", "C0002   "}, got); diff != "" {
		t.Error(diff)
	}
	if w := r.Rows[0]; w.EN != "declared by Li Wei for the year from 2026-01-01; the declaration of 2026-01-01 is old" || w.ZH != "由Li Wei申报，自2026-01-01起的一年；2026-01-01的申报已过时" {
		t.Errorf("said as %q, %q", w.EN, w.ZH)
	}
	totals, err := s.WalletsOf(t.Context(), WalletRequest{Totals: true}, nil)
	if err != nil || len(totals.Rows) != 3 || totals.Rows[0].Account != "C0000" || totals.Rows[0].Category != "" {
		t.Errorf("%+v (%v)", totals.Rows, err)
	}
}

func TestCrossSellByAccount(t *testing.T) {
	s, _, run := worthOfThree(t)
	r, err := s.CrossSells(t.Context(), CrossSellRequest{Kind: "new"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range r.Rows {
		got = append(got, fmt.Sprintf("%s %s %d %s %v %v %s", c.Account, c.By, c.Rank, c.Item, c.WalletShare, c.WalletGap, c.EN))
	}
	if diff := cmp.Diff([]string{
		"C0001 product 1 P1 NaN NaN Bought by 7 accounts; nothing this account has bought points to it in particular.",
		"C0001 product 2 P3 NaN NaN Bought by 2 accounts; nothing this account has bought points to it in particular.",
		"C0001 category 1  NaN NaN ", "C0000 product 1 P1 0.25 10 Bought by 0 accounts; nothing this account has bought points to it in particular.",
	}, got); diff != "" {
		t.Error(diff)
	}
	first, err := s.CrossSells(t.Context(), CrossSellRequest{By: "category", WorthRequest: WorthRequest{Limit: 1}}, nil)
	if err != nil || len(first.Rows) != 1 || first.Rows[0].Category != "milk" {
		t.Errorf("%+v (%v)", first.Rows, err)
	}
	if r.Nothing != nil {
		t.Errorf("something is recommended, and nothing because %+v", r.Nothing)
	}
	registry, ok := s.Registry.(*twinRegistry)
	if !ok {
		t.Fatalf("the registry is %T", s.Registry)
	}
	// Why nothing is: of those asked for each, else of all; of a card that learnt, that did not, and that is gone.
	for _, c := range []struct {
		card    string
		request CrossSellRequest
		want    string
	}{
		{`{"worth": {"crosssell": [{"key": "category"}, {"key": "product", "why": "few"}]}}`, CrossSellRequest{WorthRequest: WorthRequest{Accounts: []string{"C0002", "C0001"}}}, "C0002 nothing_eligible;"},
		{`{"worth": {"crosssell": [{"key": "category"}, {"key": "product", "why": "few"}]}}`, CrossSellRequest{By: "product", WorthRequest: WorthRequest{Accounts: []string{"C0002"}}}, "C0002 no_propensity;"},
		{`{"worth": {"crosssell": [{"key": "category", "why": "few"}]}}`, CrossSellRequest{WorthRequest: WorthRequest{Accounts: []string{"C0002"}}}, "C0002 no_propensity;"},
		{`{"worth": {"crosssell": [{"key": "category"}]}}`, CrossSellRequest{Kind: "lapsed"}, " other_kinds;"},
		{"", CrossSellRequest{Kind: "repeat", WorthRequest: WorthRequest{Accounts: []string{"C0000", "C0002"}}}, "C0000 other_kinds;C0002 model_gone;"},
	} {
		registry.models = nil
		if c.card != "" {
			registry.models = []RegisteredModel{{Version: run.Model, Card: []byte(c.card)}}
		}
		r, err := s.CrossSells(t.Context(), c.request, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, n := range r.Nothing {
			got += n.Account + " " + n.Why + ";"
			if n.EN == n.Why || n.ZH == n.Why {
				t.Errorf("%s has no words", n.Why)
			}
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.request, got, c.want)
		}
	}
	for _, bad := range []CrossSellRequest{{Kind: "old"}, {By: "shelf"}, {WorthRequest: WorthRequest{Limit: -1}}, {WorthRequest: WorthRequest{Accounts: []string{""}}}} {
		if _, err := s.CrossSells(t.Context(), bad, nil); KindOf(err) != Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestValuesTogether(t *testing.T) {
	s, _, _ := worthOfThree(t)
	r, err := s.ValuesOf(t.Context(), ValueRequest{WorthRequest: WorthRequest{Limit: 1}}, nil)
	if err != nil || len(r.Rows) != 1 || r.Rows[0].EN != "Keep" || r.Rows[0].ZH != "维护" {
		t.Fatalf("%+v (%v)", r.Rows, err)
	}
	// All three accounts, though one row is shown; the value that nobody knows adds nothing.
	if len(r.Tiers) != 1 || r.Tiers[0].Accounts != 3 || r.Tiers[0].Value != 500 || r.Tiers[0].Share != 1 {
		t.Errorf("tiers are %+v", r.Tiers)
	}
	if len(r.Levels) != 4 || r.Levels[2].Accounts != 3 || r.Levels[2].PerHundred != 100 || r.Levels[2].LiteratureLow != 10 {
		t.Errorf("levels are %+v", r.Levels)
	}
	if diff := cmp.Diff([]VerdictCount{{"keep", "", "Keep", "维护", 3}}, r.Verdicts); diff != "" {
		t.Error(diff)
	}
}

// A call list says what its values are and who is not on it.
func TestDecideTellsWhatItRestsOn(t *testing.T) {
	s, facts, _ := worthOfThree(t)
	facts.standings["C0001"] = features.Standing{OptedOut: true}
	cost := 1.
	r, err := s.Decide(t.Context(), DecideRequest{ContactCost: &cost}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Of five: one never bought, one erased, one opted out, one without a value.
	if want := map[string]int{"never_bought": 1, "erased": 1, "opted_out": 1}; !maps.Equal(r.LeftOut, want) {
		t.Errorf("left out %v, want %v", r.LeftOut, want)
	}
	if len(r.List.Rows) != 1 || r.List.Rows[0].Account != "C0000" || r.List.Rows[0].Value != 300 || r.List.Rows[0].Manager != "Li Wei" {
		t.Errorf("the list is %+v", r.List.Rows)
	}
	if len(r.List.Unknown) != 1 || r.List.Unknown[0] != (decision.Unknown{Account: "C0002", Why: decision.NoValue}) {
		t.Errorf("not known: %+v", r.List.Unknown)
	}
	english, chinese := strings.Join(r.English, " "), strings.Join(r.Chinese, " ")
	for _, want := range []string{
		"Assumed by default", "Given: cost of a contact 1.00 EUR", "margin rate 40 % of revenue", "(1) no cost is known of 1",
		"no candidates: asked to be erased: 1; never bought: 1; opted out: 1.", "value is not known: 1.",
	} {
		if !strings.Contains(english, want) {
			t.Errorf("%q is not said in %q", want, english)
		}
	}
	for _, want := range []string{"1个要求删除数据；1个从未购买；1个拒绝被联系或分析", "1 个客户无法排序：其价值未知", "毛利率为收入的 40 %"} {
		if !strings.Contains(chinese, want) {
			t.Errorf("%q is not said in %q", want, chinese)
		}
	}
	if r.EN != "The value of a kept account is its revenue × the margin rate of 0.4 expected within 90 days, as in value at risk: no cost is known of any account." ||
		r.ZH != "留住客户的价值为其90天内的预期收入×毛利率0.4，与风险价值的口径相同：所有客户的成本均未知。" {
		t.Errorf("the value is %q, %q", r.EN, r.ZH)
	}
	// Of one that stays, and is a customer with a probability of .75. The run's model is not there any more.
	lasting, err := s.Decide(t.Context(), DecideRequest{Value: ValueLifetime}, nil)
	if err != nil || lasting.List.Rows[0].Value != 300/.75 || !strings.Contains(lasting.EN, "was trained for") {
		t.Errorf("by lifetime: %+v (%v)", lasting, err)
	}
	// A capacity of nobody limits nobody; an account that is no candidate has a manager too.
	for name, want := range map[string]string{"Li We": `did you mean "Li Wei"?`, "Ming": `there are ["Li Wei"]`} {
		if _, err := s.Decide(t.Context(), DecideRequest{Managers: map[string]int{name: 1, "": 1}}, nil); KindOf(err) != Invalid || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("a capacity of %q: %v", name, err)
		}
	}
	much, none := 2., -1
	for _, bad := range []DecideRequest{{Value: "gold"}, {Incentive: &much}, {PerManager: &none}, {Swing: 3}} {
		if _, err := s.Decide(t.Context(), bad, nil); KindOf(err) != Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// Whoever rests by agreement is not called, neither by the published list nor by one told anew.
func TestDecideLeavesThePausedAlone(t *testing.T) {
	s, _, runs, _ := village(3)
	all := markedScores(2, 1)
	for i := range all {
		all[i].Probability, all[i].ValueAtRisk = .5, 400
	}
	all[0].Stage = score.Paused
	publishOn(t, runs, 99, all)
	r, err := s.Decide(t.Context(), DecideRequest{Managers: map[string]int{"": 1}}, nil)
	if err != nil || r.LeftOut[paused] != 1 || len(r.List.Rows) != 1 || r.List.Rows[0].Account != all[1].Account || !strings.Contains(strings.Join(r.English, " "), "at rest by agreement: 1") {
		t.Errorf("%+v (%v)", r, err)
	}
}

// An account at a loss is worth no contact, and the answer counts it.
func TestDecideWithALoss(t *testing.T) {
	s, _, runs, _ := village(3)
	all := markedScores(2, 1)
	all[0].Probability, all[0].ValueAtRisk, all[1].Probability, all[1].ValueAtRisk = .5, -40, .5, 400
	publishOn(t, runs, 99, all)
	r, err := s.Decide(t.Context(), DecideRequest{Managers: map[string]int{"": 1}}, nil)
	if err != nil || r.Losing != 1 || !strings.Contains(strings.Join(r.English, " "), "below 0") || !strings.Contains(strings.Join(r.Chinese, " "), "低于0") || len(r.List.Rows) != 1 || r.List.Rows[0].Account != all[1].Account {
		t.Errorf("%+v (%v)", r, err)
	}
	if _, err := s.Decide(t.Context(), DecideRequest{Value: ValueLifetime}, nil); KindOf(err) != Conflict || !strings.Contains(fmt.Sprint(err), "train again") {
		t.Errorf("lifetimes of a run that tells none: %v", err)
	}
}

// settled is a village whose newest run tells worth.
func settled(t *testing.T, n int) (*Service, *twinFacts, *twinRegistry) {
	t.Helper()
	s, facts, _, registry := village(n)
	result, err := s.Train(t.Context(), TrainRequest{Rung: "rule"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Promote(t.Context(), PromoteRequest{Version: result.Model}); err != nil {
		t.Fatal(err)
	}
	scored(t, s, ScoreRequest{})
	return s, facts, registry
}

// What is told anew as of the published cutoff is what was published, and nothing is
// published by telling.
func TestTellingAnewIsWhatWasPublished(t *testing.T) {
	s, facts, registry := settled(t, 200)
	facts.standings = map[frame.AccountID]features.Standing{"C0003": {Erased: true}}
	at := "2026-01-14"
	texts := func(r WorthRequest) []string {
		t.Helper()
		var out []string
		keep := func(of *WorthOf, result any, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			of.Run = ""
			raw, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(raw))
		}
		lives, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: r}, nil)
		keep(&lives.WorthOf, &lives, err)
		wallets, err := s.WalletsOf(t.Context(), WalletRequest{WorthRequest: r}, nil)
		keep(&wallets.WorthOf, &wallets, err)
		loyal, err := s.Loyalties(t.Context(), LoyaltyRequest{WorthRequest: r}, nil)
		keep(&loyal.WorthOf, &loyal, err)
		values, err := s.ValuesOf(t.Context(), ValueRequest{WorthRequest: r}, nil)
		keep(&values.WorthOf, &values, err)
		back, err := s.WinBacks(t.Context(), r, nil)
		keep(&back.WorthOf, &back, err)
		best, err := s.Best(t.Context(), BestRequest{WorthRequest: r, By: "sales"}, nil)
		keep(&best.WorthOf, &best, err)
		return out
	}
	published, anew := texts(WorthRequest{}), texts(WorthRequest{Cutoff: at})
	for k := range published {
		if published[k] != anew[k] || strings.Contains(published[k], "C0003") {
			t.Errorf("answer %d is\n%.400s, and anew\n%.400s", k, published[k], anew[k])
		}
	}
	// The list told anew is the published one to the last bit; its months are those of
	// the training, whatever is configured now.
	for _, of := range []string{ValueHorizon, ValueLifetime} {
		was, err := s.Decide(t.Context(), DecideRequest{Value: of}, nil)
		if err != nil {
			t.Fatal(err)
		}
		is, err := s.Decide(t.Context(), DecideRequest{Value: of, Cutoff: at}, nil)
		if err != nil || len(was.List.Rows) == 0 {
			t.Fatalf("%v, %d rows", err, len(was.List.Rows))
		}
		if of == ValueHorizon {
			for given, want := range map[bool]decision.Origin{false: decision.Default, true: decision.Known} {
				s.Settings.MarginGiven = given
				r, err := s.Decide(t.Context(), DecideRequest{Value: of}, nil)
				if stated := (decision.Stated{Name: decision.MarginRate, Value: 1, Origin: want}); err != nil || !slices.Contains(r.List.Assumptions, stated) {
					t.Errorf("a margin rate that was set, %v, stands among %+v (%v)", given, r.List.Assumptions, err)
				}
			}
			s.Settings.MarginGiven = false
			// What the settings have of the offer is given; what is asked for comes first.
			s.Settings.Offer = decision.Offer{ContactCost: decision.Given(7), Alpha: decision.Given(14), Beta: decision.Given(14)}
			asked := 3.
			for cost, r := range map[float64]DecideRequest{7: {Value: of}, asked: {Value: of, ContactCost: &asked}} {
				r, err := s.Decide(t.Context(), r, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, stated := range []decision.Stated{{Name: decision.ContactCost, Value: cost, Origin: decision.Known}, {Name: decision.Acceptance, Value: .5, Origin: decision.Known}, {Name: decision.Incentive, Value: .05, Origin: decision.Default}} {
					if !slices.Contains(r.List.Assumptions, stated) {
						t.Errorf("%+v is not among %+v", stated, r.List.Assumptions)
					}
				}
			}
			s.Settings.Offer = decision.Offer{}
		}
		was.Run = ""
		for i := range was.List.Rows { // whose names the twin tells of accounts asked for alone
			was.List.Rows[i].Manager = ""
		}
		was.List.Managers[0].Manager = ""
		if diff := cmp.Diff(was, is, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("decided by %s, published and anew (-, +):\n%s", of, diff)
		}
		if of == ValueLifetime && (!strings.Contains(was.EN, "12 months") || !strings.Contains(was.ZH, "12个月")) {
			t.Errorf("a lifetime is %q, %q", was.EN, was.ZH)
		}
	}
	if runs, err := s.ListRuns(t.Context(), RunsRequest{}); err != nil || len(runs.Runs) != 1 {
		t.Errorf("runs after telling: %+v (%v)", runs, err)
	}
	r, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Cutoff: at, Accounts: []string{"nobody", "C0003", "C0005"}}}, nil)
	if err != nil || len(r.Rows) != 1 || len(r.Absent) != 2 || r.Absent[0].Why != "erased" || r.Absent[1].Why != "not_bought_by_then" ||
		!strings.Contains(r.Absent[1].EN, "had bought by 2026-01-14") || !strings.Contains(r.Absent[1].ZH, "截至2026-01-14") {
		t.Errorf("%+v (%v)", r, err)
	}
	fit, err := s.WorthFit(t.Context(), WorthFitRequest{})
	if err != nil || fit.Worth.Accounts == 0 || fit.TestCutoff == "" || fit.Worth.Lifetime.Accounts == 0 {
		t.Errorf("%+v (%v)", fit, err)
	}
	older := withoutWorth(t, s, registry, fit.Model)
	for name, ask := range map[string]func() error{
		"fit": func() error { _, err := s.WorthFit(t.Context(), WorthFitRequest{Model: older}); return err },
		"lifetime": func() error {
			_, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Model: older}}, nil)
			return err
		},
		"best": func() error {
			_, err := s.Best(t.Context(), BestRequest{WorthRequest: WorthRequest{Model: older}, By: "sales"}, nil)
			return err
		},
		"decide": func() error { _, err := s.Decide(t.Context(), DecideRequest{Model: older}, nil); return err },
		"a run of it": func() error {
			if _, err := s.Score(t.Context(), ScoreRequest{Model: older}, nil); err != nil {
				t.Fatal(err)
			}
			_, err := s.Lifetimes(t.Context(), LifetimeRequest{}, nil)
			return err
		},
	} {
		if err := ask(); KindOf(err) != Conflict || !strings.Contains(fmt.Sprint(err), "train again") {
			t.Errorf("%s by a model without worth: %v", name, err)
		}
	}
	if _, err := s.Lifetimes(t.Context(), LifetimeRequest{WorthRequest: WorthRequest{Accounts: []string{"C0005"}}}, nil); KindOf(err) != Conflict {
		t.Errorf("an account of a run without worth: %v", err)
	}
}

// withoutWorth registers a model as one from before there was any worth to tell.
func withoutWorth(t *testing.T, s *Service, registry *twinRegistry, version string) string {
	t.Helper()
	m, err := s.model(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	sections, err := artifact.Read(bytes.NewReader(registry.bundles[version]))
	if err != nil {
		t.Fatal(err)
	}
	delete(sections, cardSection)
	delete(sections, wordsSection)
	maps.DeleteFunc(sections, func(name string, _ []byte) bool { return strings.HasPrefix(name, "worth.") })
	card := m.card
	card.Worth = nil
	if card.Version, err = versionOf(sections, card); err != nil {
		t.Fatal(err)
	}
	if sections[cardSection], err = encodeCard(&card); err != nil {
		t.Fatal(err)
	}
	sections[wordsSection] = []byte("old")
	var out bytes.Buffer
	if err := sections.Write(&out); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Registry.SaveModel(t.Context(), RegisteredModel{Version: card.Version}, out.Bytes()); err != nil {
		t.Fatal(err)
	}
	return card.Version
}

// New weights are weighed over the accounts of the published run; the old ones
// change nothing.
func TestPreviewOfLoyalty(t *testing.T) {
	s, facts, _ := settled(t, 150)
	facts.standings = map[frame.AccountID]features.Standing{"C0003": {Erased: true}}
	same, err := s.PreviewLoyalty(t.Context(), PreviewRequest{Loyalty: s.Settings.Worth.Loyalty}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if same.Changed != 0 || same.MeanChange != 0 || same.Gained != 0 || len(same.Deciles) != 11 || same.Run == "" {
		t.Errorf("the same settings change %+v", same)
	}
	proposed := loyalty.DefaultSettings()
	proposed.Weights = loyalty.Weights{"duration": 50, "frequency_turnover": 50}
	proposed.Onboarding.Days = 0
	r, err := s.PreviewLoyalty(t.Context(), PreviewRequest{
		Loyalty: proposed, Thresholds: []float64{50}, WorthRequest: WorthRequest{Accounts: []string{"C0005", "nobody", "C0003"}},
	}, nil)
	if err != nil || r.Changed == 0 || len(r.Crossings) != 1 || len(r.Effects) != 1 || len(r.Absent) != 2 {
		t.Fatalf("%+v (%v)", r, err)
	}
	e := r.Effects[0]
	var points model.Figure
	for _, k := range e.Shifts {
		points += k.NewPoints
	}
	if e.Account != "C0005" || math.Abs(float64(points-e.New)) > 1e-9 || len(e.English) != len(e.Chinese) || len(e.English) == 0 {
		t.Errorf("points sum to %v of %+v", points, e)
	}
	published, err := s.Loyalties(t.Context(), LoyaltyRequest{WorthRequest: WorthRequest{Accounts: []string{"C0005"}}}, nil)
	if err != nil || math.Abs(float64(published.Rows[0].Score-e.Old)) > 1e-9 {
		t.Errorf("published %+v, previewed from %v (%v)", published.Rows, e.Old, err)
	}
	// A parent that never bought has the mean of those below it, by the new settings too.
	s.Facts = &parentsOf{Facts: facts, parents: map[frame.AccountID]string{"C0005": "top"}}
	if r, err = s.PreviewLoyalty(t.Context(), PreviewRequest{Loyalty: proposed, WorthRequest: WorthRequest{Accounts: []string{"top", "C0005"}}}, nil); err != nil ||
		len(r.Absent) != 0 || r.Accounts != 2 || len(r.Effects) != 2 || r.Effects[1].Account != "top" ||
		math.Abs(float64(r.Effects[1].New-e.New)) > 1e-9 || math.Abs(float64(r.Effects[1].Old-e.Old)) > 1e-9 || len(r.Effects[1].Chinese) != 1 {
		t.Errorf("of a parent %+v, absent %+v (%v)", r.Effects, r.Absent, err)
	}
	proposed.Weights = loyalty.Weights{"duration": 90}
	if _, err := s.PreviewLoyalty(t.Context(), PreviewRequest{Loyalty: proposed}, nil); KindOf(err) != Invalid || !strings.Contains(fmt.Sprint(err), "sum to 90, not to 100") {
		t.Errorf("weights of 90: %v", err)
	}
	for _, bad := range []BestRequest{{By: "height"}, {By: "sales", Share: 2}, {By: "sales", Share: -1}} {
		if _, err := s.Best(t.Context(), bad, nil); KindOf(err) != Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	best, err := s.Best(t.Context(), BestRequest{By: "sales", WorthRequest: WorthRequest{Limit: 3}}, nil)
	if err != nil || len(best.Rows) != 3 || !slices.IsSortedFunc(best.Rows, func(a, b BestRow) int { return int(b.Value - a.Value) }) {
		t.Errorf("%+v (%v)", best, err)
	}
}

// A declaration is recorded now, by its author; what lacks is said by name.
func TestDeclare(t *testing.T) {
	s, facts, _, _ := village(3)
	amount := 1200.
	facts.holdings = []features.Holding{{Account: "C0001", Cutoff: frame.Cutoff(s.now().Unix()), Key: "tea", Category: "tea", Orders: 2, Spend365: 1500}}
	done, err := s.Declare(t.Context(), DeclareRequest{Account: "C0001", Category: "tea", Amount: &amount, Period: "2025-12-01", Author: "Li Wei"})
	if err != nil {
		t.Fatal(err)
	}
	// It is below own spend, and says so.
	if done.Spend != 1500 || done.Period != "2025-12-01" || done.Recorded != s.now().Unix() || len(done.Notes) != 1 ||
		!strings.Contains(done.Notes[0].EN, "1,500.00") || !strings.Contains(done.Notes[0].ZH, "1,200.00") {
		t.Errorf("taken as %+v", done)
	}
	if _, err := s.Declare(t.Context(), DeclareRequest{Account: "C0001", Rank: 2, Suppliers: 3, Author: "Li Wei"}); err != nil {
		t.Fatal(err)
	}
	got := facts.declared
	if len(got) != 2 || got[0].Amount != 1200 || got[0].Said.Period != instant("2025-12-01 00:00") || got[0].Said.Recorded != s.now().Unix() ||
		got[0].Said.Author != "Li Wei" || got[1].Rank != 2 || !math.IsNaN(got[1].Amount) || got[1].Said.Period != s.now().Unix() {
		t.Errorf("declared %+v", got)
	}
	bad, nan := -1., math.NaN()
	for want, r := range map[string]DeclareRequest{
		"author":               {Account: "C0001", Amount: &amount},
		"account":              {Author: "me", Amount: &amount},
		"amount: -1":           {Account: "C0001", Author: "me", Amount: &bad},
		"no number":            {Account: "C0001", Author: "me", Amount: &nan},
		"suppliers":            {Account: "C0001", Author: "me", Rank: 2},
		"4 of 3":               {Account: "C0001", Author: "me", Rank: 4, Suppliers: 3},
		"no day":               {Account: "C0001", Author: "me", Amount: &amount, Period: "2025"},
		"has not begun":        {Account: "C0001", Author: "me", Amount: &amount, Period: "2126-01-01"},
		"give an amount, or a": {Account: "C0001", Author: "me"},
		`did you mean "tea"?`:  {Account: "C0001", Author: "me", Category: "tee", Amount: &amount},
		"there are tea.":       {Account: "C0001", Author: "me", Category: "furniture", Amount: &amount},
	} {
		if _, err := s.Declare(t.Context(), r); KindOf(err) != Invalid || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	facts.erased = []frame.AccountID{"C0002"}
	if _, err := s.Declare(t.Context(), DeclareRequest{Account: "C0002", Author: "me", Amount: &amount}); KindOf(err) != NotFound || !strings.Contains(fmt.Sprint(err), "asked to be erased") {
		t.Errorf("of who asked to be erased: %v", err)
	}
	if _, err := s.Assess(t.Context(), AssessRequest{Account: "C0002", Author: "me", Comment: "met", Item: features.AssessedLoyalty, Value: &amount, Scale: 2000}); KindOf(err) != NotFound || !strings.Contains(fmt.Sprint(err), "asked to be erased") {
		t.Errorf("assessed who asked to be erased: %v", err)
	}
	if len(facts.declared) != 2 || len(facts.assessed) != 0 {
		t.Error("what was refused was taken")
	}
	if _, err := s.Declare(t.Context(), DeclareRequest{Account: "C0001", Author: "me", Category: "furniture", Amount: &amount, New: true}); err != nil || len(facts.declared) != 3 {
		t.Errorf("a new category: %v", err)
	}
	if _, err := s.Lifetimes(t.Context(), LifetimeRequest{}, nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("before the first run: %v", err)
	}
}
