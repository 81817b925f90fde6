package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
)

// Portfolio of the twin holds nothing; tests that need more embed it.
func (f *twinFacts) Portfolio(context.Context, features.PortfolioRequest, func([]features.Takings) error) (features.Takings, error) {
	f.called("portfolio")
	return features.Takings{}, nil
}

// till is facts with planted sums and profiles.
type till struct {
	*twinFacts
	rows     []features.Takings
	total    features.Takings
	profiles []features.Profile
	asked    features.PortfolioRequest
}

func (f *till) Portfolio(_ context.Context, r features.PortfolioRequest, each func([]features.Takings) error) (features.Takings, error) {
	f.asked = r
	for i := range f.rows {
		if err := each(f.rows[i : i+1]); err != nil {
			return features.Takings{}, err
		}
	}
	return f.total, nil
}

func (f *till) Profiles(_ context.Context, _ frame.Cutoff, _ frame.KnownAt, _ uint64, _ []frame.AccountID, each func([]features.Profile) error) error {
	return each(f.profiles)
}

// tillShop is a service over planted sums, and a run over the accounts a to d.
func tillShop(t *testing.T) (*Service, *till) {
	t.Helper()
	s, facts, runs, _ := village(3)
	f := &till{twinFacts: facts, profiles: []features.Profile{
		{Account: "a", Region: "north", Manager: "mia"}, {Account: "b", Region: "north", Manager: "tom"}, {Account: "c", Region: "south", Manager: "mia"},
	}}
	s.Facts = f
	facts.moves = map[frame.AccountID]features.Move{"old c": {Into: "c"}}
	nan := math.NaN()
	scores := []score.Score{
		{Account: "a", Probability: .5, Band: score.Medium, ValueAtRisk: 50}, // of 100
		{Account: "b", Probability: .8, Band: score.High, ValueAtRisk: 160},  // of 200
		{Account: "d", Unscorable: "lapsed", Probability: nan, ValueAtRisk: nan},
		{Account: "old c", Probability: .9, Band: score.High, ValueAtRisk: nan},
	}
	cutoff := frame.Cutoff(instant("2025-10-01 00:00"))
	handed := false
	_, err := runs.PublishScores(t.Context(), Run{Kind: KindScores, Purpose: PurposeLive, Cutoff: cutoff, HorizonDays: 90}, func() (Batch, error) {
		if handed {
			return Batch{}, io.EOF
		}
		handed = true
		return Batch{Scores: scores}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// figured writes a row as name=value, and name!lacking where it is not measurable.
func figured(r *PortfolioRow) string {
	all := r.Key + ":"
	for _, f := range r.Figures {
		if math.IsNaN(float64(f.Value)) {
			all += fmt.Sprintf(" %s!%s", f.Name, strings.Join(f.Lacks, "+"))
		} else {
			all += fmt.Sprintf(" %s=%.4g", f.Name, float64(f.Value))
		}
	}
	return all
}

func euro(v float64) features.Amount { return features.Amount(math.Round(v * frame.DecimalScale)) }

func TestPortfolioTellsFiguresAndWhatTheyLack(t *testing.T) {
	s, f := tillShop(t)
	north := features.Takings{
		Key: "north", Revenue: euro(1000), GoodsCost: euro(600), Lines: 5, CostedLines: 5, Orders: 4, Buyers: 2,
		Contacts: 5, CostedContacts: 4, ServiceCost: euro(100), Visits: 2, VisitContacts: 2, CostedVisits: 2, VisitCost: euro(90), WorkingDays: 2,
		Invoices: 2, Payments: 1, PaymentsKnown: 1, Invoiced: euro(900), Received: euro(500), Due: euro(800), Collected: euro(400), OpenBefore: euro(100), Open: euro(500), Overdue: euro(400),
		Touches: 1, TouchCost: euro(100),
	}
	south := features.Takings{Key: "south", Revenue: euro(1500), GoodsCost: euro(10), Lines: 3, CostedLines: 2, Buyers: 1, Contacts: 1, VisitContacts: 1, Visits: 1, WorkingDays: 1}
	f.rows = []features.Takings{north, south}
	f.total = features.Takings{
		Revenue: euro(2500), GoodsCost: euro(610), Lines: 8, CostedLines: 7, Buyers: 3, Contacts: 6, CostedContacts: 4, ServiceCost: euro(100),
		Visits: 3, VisitContacts: 3, CostedVisits: 2, WorkingDays: 3, Invoices: 2, Payments: 1, PaymentsKnown: 1,
	}
	r, err := s.Portfolio(t.Context(), PortfolioRequest{From: "2025-06-30", To: "2025-12-31", By: "region"})
	if err != nil {
		t.Fatal(err)
	}
	// Assets of the north: (100 + 500) ÷ 2 + 100 + 100 = 500. By value, 210 of 300 are at risk; c's value is not known.
	wantNorth := "north: cost=700 cost_of_goods=600 profit=300 gross_profit=400 productivity=500 risk_rate=0.5 value_risk_rate=0.7 return_on_customer_assets=0.6"
	wantSouth := "south: cost!goods_cost+service_cost cost_of_goods!goods_cost profit!goods_cost+service_cost gross_profit!goods_cost productivity=1500 risk_rate=1 value_risk_rate!expected_value return_on_customer_assets!goods_cost+service_cost+customer_assets"
	if len(r.Rows) != 2 || figured(&r.Rows[1]) != wantNorth || figured(&r.Rows[0]) != wantSouth {
		t.Errorf("got\n%s\n%s\nwant\n%s\n%s", figured(&r.Rows[0]), figured(&r.Rows[1]), wantSouth, wantNorth)
	}
	if r.Rows[1].Overdue != 400 || r.Rows[0].Overdue != 0 || r.Rows[1].Received != 500 || r.Rows[1].CostedContacts != 4 || r.Rows[0].Contacts != 1 {
		t.Errorf("money of the north %+v, of the south %+v", r.Rows[1], r.Rows[0])
	}
	if got := figured(&r.Total); !strings.Contains(got, "cost!goods_cost+service_cost") || !strings.Contains(got, "risk_rate=0.6667") {
		t.Errorf("of everybody: %s", got)
	}
	if r.From != "2025-06-30" || r.To != "2025-12-31" || r.Keys != 2 || r.Run == "" || r.Cutoff != "2025-09-30" {
		t.Errorf("%+v", r)
	}
	if f.asked.From != frame.Cutoff(instant("2025-07-01 00:00")) || f.asked.Cutoffs[0] != frame.Cutoff(instant("2026-01-01 00:00")) {
		t.Errorf("asked for %s to %s", f.asked.From, f.asked.Cutoffs[0])
	}
	for i, w := range r.Figures {
		if w.Name != r.Total.Figures[i].Name || w.Formula == "" || w.FormulaZH == "" || w.Label == w.LabelZH {
			t.Errorf("%+v stands over %s", w, r.Total.Figures[i].Name)
		}
	}
	// Of goods nothing is told that is done for accounts as a whole.
	north.Key = "pens"
	f.rows = []features.Takings{north}
	to := frame.Cutoff(instant("2026-01-15 00:00"))
	for i, account := range []frame.AccountID{"a", "b", "c", "d"} {
		h := features.Holding{Account: account, Cutoff: to, Key: "pens", Orders: 1, Last: int64(to.Add(-1))}
		if i == 1 { // bought before the period
			h.Last = int64(to.Add(-366))
		}
		f.holdings = append(f.holdings, h)
	}
	if r, err = s.Portfolio(t.Context(), PortfolioRequest{By: "product"}); err != nil {
		t.Fatal(err)
	}
	// Of a and c, who bought pens in the period, a's 50 of 100 are at risk; c's value is not known.
	want := "pens: cost!service_cost cost_of_goods=600 profit!service_cost gross_profit=400 productivity!working_days risk_rate=0.5 " +
		"value_risk_rate=0.5 return_on_customer_assets!service_cost+customer_assets"
	if got := figured(&r.Rows[0]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if f := r.Rows[0].Figures; f[0].Instead != "cost_of_goods" || f[2].Instead != "gross_profit" || f[3].Instead != "" || !math.IsNaN(float64(r.Rows[0].Contacts)) {
		t.Errorf("told instead: %+v", r.Rows[0])
	}
	// A year without a beginning of its own.
	if f.asked.From != frame.Cutoff(instant("2025-01-15 00:00")) || r.To != "2026-01-14" {
		t.Errorf("by default from %s to %s", f.asked.From, r.To)
	}
}

func TestPortfolioOfManagers(t *testing.T) {
	s, f := tillShop(t)
	mia := features.Takings{
		Key: "mia", Revenue: euro(1000), Buyers: 4, Contacts: 9, Visits: 6, VisitContacts: 6, CostedVisits: 6, VisitCost: euro(90), WorkingDays: 3,
		Invoices: 2, Payments: 1, PaymentsKnown: 3, Received: euro(500), Due: euro(800), Collected: euro(400), Targets: 2, TargetAmount: euro(800),
	}
	tom := features.Takings{Key: "tom", Revenue: euro(10), Buyers: 1}
	f.rows, f.total = []features.Takings{mia, tom}, mia
	r, err := s.Portfolio(t.Context(), PortfolioRequest{By: "manager"})
	if err != nil {
		t.Fatal(err)
	}
	want := "mia: visits_per_day=2 revenue_per_account=250 cash_collection=0.5 receivables_collection=0.5 cost_per_visit=15 target_attainment=1.25"
	if got := figured(&r.Rows[0]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// Where nobody records what is paid, nothing is owed or collected for that.
	f.total.PaymentsKnown = 0
	unpaid, err := s.Portfolio(t.Context(), PortfolioRequest{By: "manager"})
	if err != nil || !strings.Contains(figured(&unpaid.Rows[0]), "cash_collection!cash_collected receivables_collection!receivables_collected+receivables_due") ||
		!math.IsNaN(float64(unpaid.Rows[0].Open)) || unpaid.Rows[0].Invoiced != 0 {
		t.Errorf("%s, %+v (%v)", figured(&unpaid.Rows[0]), unpaid.Rows[0], err)
	}
	f.total.PaymentsKnown = 3
	// Where contacts are on record and never a visit, nobody is known to have made none.
	f.total.VisitContacts = 0
	calls, err := s.Portfolio(t.Context(), PortfolioRequest{By: "manager"})
	if err != nil || !strings.Contains(figured(&calls.Rows[0]), "visits_per_day!visits ") || !strings.Contains(figured(&calls.Rows[0]), "cost_per_visit!visits ") {
		t.Errorf("%s (%v)", figured(&calls.Rows[0]), err)
	}
	f.total.VisitContacts = 6
	// Tom has no target, so that the others' are not everybody's.
	if got := figured(&r.Total); !strings.Contains(got, "target_attainment!target") {
		t.Error(got)
	}
	if got := figured(&r.Rows[1]); !strings.Contains(got, "visits_per_day!working_days") || !strings.Contains(got, "target_attainment!target") {
		t.Error(got)
	}
	f.rows = f.rows[:1]
	if r, err = s.Portfolio(t.Context(), PortfolioRequest{By: "manager"}); err != nil || !strings.Contains(figured(&r.Total), "target_attainment=1.25") {
		t.Errorf("%v, %s", err, figured(&r.Total))
	}
}

func TestPortfolioKeepsTheMostRevenueAndNoErasedAccount(t *testing.T) {
	s, f := tillShop(t)
	for i := range 50 {
		f.rows = append(f.rows, features.Takings{Key: fmt.Sprintf("a%02d", i), Revenue: euro(float64(i * 37 % 50))})
	}
	f.standings = map[frame.AccountID]features.Standing{"a49": {Paused: true}, "a27": {Erased: true}}
	r, err := s.Portfolio(t.Context(), PortfolioRequest{By: "account", Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range r.Rows {
		got = append(got, fmt.Sprint(row.Key, " ", row.Sums["revenue"]))
	}
	// 37 × 27 mod 50 = 49, the most of all.
	if want := []string{"a04 48", "a31 47", "a08 46"}; !slices.Equal(got, want) || r.Erased != 1 || r.Keys != 49 {
		t.Errorf("%v, want %v; %d keys, %d erased", got, want, r.Keys, r.Erased)
	}
	// Nor one that another was counted in who asked.
	f.erased, f.moves = []frame.AccountID{"before"}, map[frame.AccountID]features.Move{"before": {Into: "a04", Kind: features.Merged}}
	r, err = s.Portfolio(t.Context(), PortfolioRequest{By: "account", Limit: 1})
	if err != nil || r.Rows[0].Key != "a31" || r.Erased != 2 || r.Keys != 48 {
		t.Errorf("%+v, %v", r, err)
	}
	f.erased, f.moves = nil, nil
	// Nothing was published as of an earlier end.
	r, err = s.Portfolio(t.Context(), PortfolioRequest{By: "account", From: "2025-01-31", To: "2025-09-29", Limit: 1})
	if err != nil || r.Run != "" || !strings.Contains(figured(&r.Rows[0]), "risk_rate!accounts_at_risk+accounts_scored") {
		t.Errorf("%v: run %q, %s", err, r.Run, figured(&r.Rows[0]))
	}
	for _, bad := range []PortfolioRequest{
		{By: ""}, {By: "colour"}, {By: "region", Limit: -1}, {By: "region", From: "2025-06-30", To: "2025-06-30"}, {By: "region", To: "2030-01-01"}, {By: "region", From: "soon"},
	} {
		if _, err := s.Portfolio(t.Context(), bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// census is facts with a planted base: what Build and Holdings answer at each cutoff.
type census struct {
	*till
	people   map[frame.Cutoff][]citizen
	holdings map[frame.Cutoff][]features.Holding
	profiles map[frame.Cutoff][]features.Profile
	known    map[frame.KnownAt]bool
}

type citizen struct {
	account                   string
	last                      string
	tenure, categories, share float64
	status                    features.Eligibility
}

func (f *census) Build(_ context.Context, r features.Request, each func(*features.Slice) error) (*features.BuildReport, error) {
	for _, known := range r.KnownAt {
		f.known[known] = true
	}
	columns := make([]frame.Column, len(r.Catalogue))
	for c := range columns {
		columns[c] = frame.Column{Meta: r.Catalogue[c].Meta, Kind: frame.Number}
	}
	sl := &features.Slice{Frame: &frame.Frame{}}
	// By account, then by cutoff, as the warehouse answers.
	names := map[string]bool{}
	for _, at := range r.Cutoffs {
		for _, p := range f.people[at] {
			names[p.account] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, at := range r.Cutoffs {
			i := slices.IndexFunc(f.people[at], func(p citizen) bool { return p.account == name })
			if i < 0 {
				continue
			}
			p := f.people[at][i]
			sl.Frame.Accounts, sl.Frame.Cutoffs = append(sl.Frame.Accounts, frame.AccountID(p.account)), append(sl.Frame.Cutoffs, at)
			last := int64(0)
			if p.last != "" {
				last = instant(p.last + " 00:00")
			}
			sl.LastPurchase, sl.Status = append(sl.LastPurchase, last), append(sl.Status, p.status)
			for c := range columns {
				v := map[string]float64{"tenure_days": p.tenure, "categories_365d": p.categories, "wallet_share": p.share}[columns[c].Name]
				columns[c].Numbers = append(columns[c].Numbers, v)
			}
		}
	}
	sl.Frame.Columns = columns
	return &features.BuildReport{}, each(sl)
}

func (f *census) Holdings(_ context.Context, r features.HoldingRequest, each func([]features.Holding) error) error {
	var block []features.Holding
	for _, at := range r.Cutoffs {
		for _, h := range f.holdings[at] {
			h.Cutoff = at
			block = append(block, h)
		}
	}
	slices.SortFunc(block, features.CompareHoldings)
	return each(block)
}

func (f *census) Profiles(_ context.Context, at frame.Cutoff, _ frame.KnownAt, _ uint64, _ []frame.AccountID, each func([]features.Profile) error) error {
	return each(f.profiles[at])
}

func TestGrowthIsWiderLongerAndDeeper(t *testing.T) {
	s, f := tillShop(t)
	june, autumn := frame.Cutoff(instant("2025-07-01 00:00")), frame.Cutoff(instant("2025-10-01 00:00"))
	nan := math.NaN()
	el, lapsed := features.Eligible, features.Lapsed
	base := &census{till: f, known: map[frame.KnownAt]bool{}, people: map[frame.Cutoff][]citizen{
		june: {
			{"a", "2025-06-01", 100, 2, .5, el}, {"b", "2025-05-01", 300, 4, nan, el}, {"gone", "2025-06-01", 50, 1, nan, el}, {"back", "2024-01-01", 900, 1, nan, lapsed},
			// Two accounts that become one by the autumn, the older one in the south.
			{"c", "2025-06-02", 10, 3, .2, el}, {"old c", "2025-04-01", 400, 5, .9, lapsed},
			{account: "never", status: features.NeverBought, tenure: nan, categories: 0, share: nan},
		},
		autumn: {
			{"a", "2025-09-01", 192, 3, .7, el}, {"b", "2025-09-01", 392, 4, nan, el}, {"gone", "2025-06-01", 142, 1, nan, lapsed}, {"back", "2025-09-01", 992, 1, nan, el},
			{"c", "2025-09-01", 492, 6, .4, el}, {"new", "2025-09-01", 8, 1, nan, el},
		},
	}, profiles: map[frame.Cutoff][]features.Profile{
		june:   {{Account: "a", Region: "north"}, {Account: "b", Region: "north"}, {Account: "gone", Region: "north"}, {Account: "c", Region: "north"}, {Account: "old c", Region: "south"}},
		autumn: {{Account: "a", Region: "north"}, {Account: "b", Region: "south"}, {Account: "c", Region: "north"}, {Account: "new", Region: "south"}},
	}}
	s.Facts = base
	r, err := s.Growth(t.Context(), GrowthRequest{From: "2025-06-30", To: "2025-09-30", By: "region"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := GrowthRow{
		From: "2025-06-30", To: "2025-09-30", Before: 4, After: 5, New: 1, WonBack: 1, Retained: 3, Lost: 1, RetentionRate: .75,
		// 100, 300, 50 and the older c's 400; 2, 4, 1 and the 5 that the older c had at least; c, which bought last, tells the share.
		DurationBefore: 212.5, DurationAfter: 415.2, CategoriesBefore: 3, CategoriesAfter: 3, ShareBefore: .35, ShareAfter: .55, SharedBefore: 2, SharedAfter: 2,
	}
	got := r.Base[0]
	if len(got.EN) != 5 || got.EN[0] != "Wider: 1 new, 1 won back" || got.ZH[0] != "更广：新增1，赢回1" {
		t.Errorf("in words: %q %q", got.EN, got.ZH)
	}
	got.EN, got.ZH = nil, nil
	if diff := cmp.Diff(want, rounded(got)); diff != "" || len(r.Base) != 1 {
		t.Errorf("the base (-want +got):\n%s", diff)
	}
	var lines []string
	for _, g := range r.Rows {
		lines = append(lines, fmt.Sprintf("%s: %d to %d, new %d, back %d, in %d, out %d, retained %d, lost %d", g.Key, g.Before, g.After, g.New, g.WonBack, g.MovedIn, g.MovedOut, g.Retained, g.Lost))
	}
	if diff := cmp.Diff([]string{
		": 0 to 1, new 0, back 1, in 0, out 0, retained 0, lost 0",
		"north: 4 to 2, new 0, back 0, in 0, out 1, retained 2, lost 1",
		"south: 0 to 2, new 1, back 0, in 1, out 0, retained 0, lost 0",
	}, lines); diff != "" {
		t.Errorf("by region (-want +got):\n%s", diff)
	}
	// Both ends read what is known at the last one.
	if len(base.known) != 1 || !base.known[frame.KnownAt(autumn)] {
		t.Errorf("known at %v", base.known)
	}
	// Where no line names a category, nobody has none.
	for at := range base.people {
		for i := range base.people[at] {
			base.people[at][i].categories = 0
		}
	}
	r, err = s.Growth(t.Context(), GrowthRequest{From: "2025-06-30", To: "2025-09-30"}, nil)
	if err != nil || !math.IsNaN(float64(r.Base[0].CategoriesAfter)) || len(r.Rows) != 0 {
		t.Errorf("%v: %+v", err, r)
	}
}

func rounded(g GrowthRow) GrowthRow {
	for _, f := range []*model.Figure{&g.DurationAfter, &g.ShareBefore, &g.ShareAfter} {
		*f = model.Figure(math.Round(float64(*f)*1e6) / 1e6)
	}
	return g
}

func TestGrowthOfGoods(t *testing.T) {
	s, f := tillShop(t)
	june, autumn := frame.Cutoff(instant("2025-07-01 00:00")), frame.Cutoff(instant("2025-10-01 00:00"))
	of := func(account, key string, last frame.Cutoff, days int) features.Holding {
		return features.Holding{Account: frame.AccountID(account), Key: key, Orders: 1, Last: int64(last), FirstDays: days}
	}
	s.Facts = &census{till: f, known: map[frame.KnownAt]bool{}, people: map[frame.Cutoff][]citizen{
		autumn: {{"a", "2025-06-20", 592, 2, .3, features.Eligible}, {"c", "2025-09-28", 392, 1, math.NaN(), features.Eligible}, {"b", "2025-09-30", 1, 4, .5, features.Eligible}},
	}, holdings: map[frame.Cutoff][]features.Holding{
		june: {of("a", "ink", june.Add(-10), 10), of("a", "pens", june.Add(-500), 500), of("old c", "ink", june.Add(-1), 70), of("c", "ink", june.Add(-300), 300), {Account: "d", Key: "ink", Spend: -1}},
		autumn: {
			of("a", "ink", june.Add(-10), 102), of("a", "pens", autumn.Add(-1), 592), of("b", "pens", autumn.Add(-1), 1), of("c", "ink", autumn.Add(-2), 392),
		},
	}}
	r, err := s.Growth(t.Context(), GrowthRequest{From: "2025-06-30", To: "2025-09-30", By: "category"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, g := range r.Rows {
		got += fmt.Sprintf("%s: %d to %d, new %d, back %d, retained %d for %g days, %g categories, share %g of %d; ", g.Key, g.Before, g.After, g.New, g.WonBack, g.Retained, float64(g.DurationAfter),
			float64(g.CategoriesAfter), float64(g.ShareAfter), g.SharedAfter)
	}
	if want := "ink: 2 to 2, new 0, back 0, retained 2 for 247 days, 1.5 categories, share 0.3 of 1; " +
		"pens: 0 to 2, new 1, back 1, retained 0 for 296.5 days, 3 categories, share 0.4 of 2; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(r.Base) != 1 || r.Base[0].After != 3 || r.Base[0].New != 3 || !math.IsNaN(float64(r.Base[0].RetentionRate)) {
		t.Errorf("nobody's growth: %+v", r.Base)
	}
}

func TestGrowthStepsByStep(t *testing.T) {
	s, f := tillShop(t)
	s.Facts = &census{till: f, known: map[frame.KnownAt]bool{}}
	steps := 0
	r, err := s.Growth(t.Context(), GrowthRequest{From: "2025-08-30", To: "2025-12-10", Every: EveryMonth}, func(Progress) { steps++ })
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, g := range r.Base {
		got += g.From + " to " + g.To + "; "
	}
	// The 31st has no like in September, the first instant of the 31st ends the 30th.
	if want := "2025-08-30 to 2025-09-29; 2025-09-29 to 2025-10-30; 2025-10-30 to 2025-11-29; 2025-11-29 to 2025-12-10; "; got != want || steps != 1 {
		t.Errorf("%d reports\ngot  %s\nwant %s", steps, got, want)
	}
	for _, bad := range []GrowthRequest{{By: "account"}, {By: "colour"}, {Every: "day"}, {From: "1990-01-01", Every: EveryMonth}, {From: "2026-01-14"}} {
		if _, err := s.Growth(t.Context(), bad, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
