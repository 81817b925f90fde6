package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/ladder"
	"fealty/model/score"
)

func looked(t *testing.T, s *Service, r HindsightRequest) HindsightResult {
	t.Helper()
	result, err := s.Hindsight(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// year is the range that the tests replay: of the village's two years the last
// months have no outcome yet.
var year = HindsightRequest{From: "2025-01-31", To: "2026-01-31", Rung: "logistic"}

// An account that asked to be erased is in no list and no sum, also where no label
// speaks of it: its orders were recorded after all dates.
func TestHindsightNamesNobodyWhoWasErased(t *testing.T) {
	s, facts, _, _ := village(300)
	r := year
	r.Capacity = 40 // enough to bother somebody
	before := looked(t, s, r)
	var lost, bothered *HindsightAccount
	for i := range before.Accounts {
		switch a := &before.Accounts[i]; a.Outcome {
		case OutcomeReached, OutcomeMissed:
			lost = a
		default:
			bothered = a
		}
	}
	if lost == nil || bothered == nil {
		t.Fatalf("nobody was lost, or nobody bothered: %+v", before.Total)
	}
	facts.erased = []frame.AccountID{"old name", frame.AccountID(bothered.Account)}
	facts.moves = map[frame.AccountID]features.Move{"old name": {Into: frame.AccountID(lost.Account), Kind: features.Renamed}}
	after := looked(t, s, r)
	for i := range after.Accounts {
		if a := after.Accounts[i].Account; a == lost.Account || a == bothered.Account {
			t.Errorf("%s is named: %+v", a, after.Accounts[i])
		}
	}
	if len(after.Accounts) != len(before.Accounts)-2 || after.LeftOut != before.LeftOut+1 || after.Total.Lost != before.Total.Lost-1 || after.Total.Bothered != before.Total.Bothered-1 {
		t.Errorf("%d rows, left out %d, %+v; before %d, %d, %+v", len(after.Accounts), after.LeftOut, after.Total, len(before.Accounts), before.LeftOut, before.Total)
	}
}

func TestHindsightAddsUp(t *testing.T) {
	s, facts, _, _ := village(300)
	r := looked(t, s, year)
	if facts.calls["build"] != 1 {
		t.Errorf("%d builds, want one for all dates", facts.calls["build"])
	}
	if facts.calls["links"] != 1 {
		t.Errorf("links read %d times, want once for all labels", facts.calls["links"])
	}
	var states []string
	var sum HindsightSums
	for i := range r.Months {
		m := &r.Months[i]
		states = append(states, m.State)
		if m.FlaggedGone+m.FlaggedCameBack+m.FlaggedStayed != m.Flagged || m.Reached+m.Missed != m.Lost || m.Watched > m.Scored || m.Flagged > m.Watched {
			t.Errorf("%s does not add up: %+v", m.Month, m)
		}
		if m.State == MonthCounted && (m.Rung == "" || m.TrainCutoffs == 0 || m.Scored == 0) || m.State != MonthCounted && (m.Why == "" || m.Lost+m.Bothered+m.Flagged > 0) {
			t.Errorf("%s is %s and has %+v", m.Month, m.State, m)
		}
		sum.add(&m.HindsightSums)
	}
	// Data goes through 2026-01-14, 97 days before which lies 2025-10-09: September is
	// the last month with an outcome.
	want := slices.Concat(slices.Repeat([]string{MonthCounted}, 9), slices.Repeat([]string{MonthNotFinal}, 4))
	if !slices.Equal(states, want) || r.Counted != 9 {
		t.Errorf("the months are %v", states)
	}
	total := r.Total
	if sum.Lost != total.Lost || sum.Reached != total.Reached || sum.Bothered != total.Bothered || sum.RuleReached != total.RuleReached ||
		math.Abs(float64(sum.SpendLost-total.SpendLost)) > 1e-6 || math.Abs(float64(sum.MoneyReached-total.MoneyReached)) > 1e-6 {
		t.Errorf("the months add up to %+v, and the whole is %+v", sum, total)
	}
	count := map[string]int{}
	var spend float64
	for i := range r.Accounts {
		a := &r.Accounts[i]
		count[a.Outcome]++
		if a.Outcome != OutcomeReached && a.Outcome != OutcomeMissed {
			continue
		}
		spend += float64(a.Spend)
		inTime := a.Outcome == OutcomeReached
		if inTime != (a.Flagged > a.LastPurchase || a.Flagged == a.LastPurchase && a.Flagged != "") || inTime && !(a.WeeksAhead >= 0 && a.WeeksAfter >= 0) || a.Chances < 1 || a.Name != "Firm "+a.Account {
			t.Errorf("account %+v", a)
		}
		if !inTime && a.Probability >= .6 {
			t.Errorf("%s was missed at %v", a.Account, a.Probability)
		}
		if inTime && math.Abs(float64(a.WeeksAhead+a.WeeksAfter)-90./7) > .11 {
			t.Errorf("%s was flagged %v weeks after its last purchase and %v ahead", a.Account, a.WeeksAfter, a.WeeksAhead)
		}
	}
	if count[OutcomeReached] != total.Reached || count[OutcomeMissed] != total.Missed || count[OutcomeStayed]+count[OutcomeCameBack] != total.Bothered ||
		count[OutcomeCameBack] != total.CameBack || math.Abs(spend-float64(total.SpendLost)) > 1e-6 {
		t.Errorf("listed %v with %v spent, counted %+v", count, spend, total)
	}
	// A third of the village stops, and recency tells who: most are seen.
	if !(total.ReachedShare > .5) || !(total.BotheredPerReached < 1) {
		t.Errorf("reached %v of %d lost, bothered %d", total.ReachedShare, total.Lost, total.Bothered)
	}
}

// Who was lost is counted again from the purchases alone.
func TestHindsightFindsWhoWasLost(t *testing.T) {
	s, facts, _, _ := village(200)
	r := looked(t, s, year)
	last := map[string]int64{}
	for _, p := range facts.purchases {
		last[p.account] = max(last[p.account], p.at)
	}
	want := map[string]string{}
	for account, at := range last {
		for _, m := range r.Months {
			c, err := frame.ParseCutoff(m.Month, s.Settings.Location())
			if err != nil {
				t.Fatal(err)
			}
			if m.State == MonthCounted && int64(c) > at && int64(c) <= at+90*86400 && want[account] == "" {
				want[account] = m.Month
			}
		}
	}
	got := map[string]string{}
	for _, a := range r.Accounts {
		if a.Outcome == OutcomeReached || a.Outcome == OutcomeMissed {
			got[a.Account] = a.Month
		}
	}
	if len(want) < 20 {
		t.Fatalf("only %d accounts were lost", len(want))
	}
	for account := range want {
		if got[account] != want[account] {
			t.Errorf("%s counts in %q, want %q", account, got[account], want[account])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d accounts were lost, want %d", len(got), len(want))
	}
}

// What happened after a date moves no flag at it.
func TestHindsightSeesNothingOfTheFuture(t *testing.T) {
	s, facts, _, _ := village(200)
	s.Settings.DataThrough = frame.Cutoff(instant("2026-01-15 00:00"))
	before := looked(t, s, year)
	// In the last half year everybody comes back: nobody is lost any more.
	for i := range 200 {
		facts.purchases = append(facts.purchases, purchase{account: facts.purchases[i].account, at: instant("2025-07-02 10:00"), amount: 10, load: 1})
	}
	accounts, _ := facts.by(1)
	for _, a := range accounts {
		facts.purchases = append(facts.purchases, purchase{account: a, at: instant("2026-01-15 11:00"), amount: 10, load: 1})
	}
	after := looked(t, s, year)
	if after.Total.Lost != 0 || after.Total.Bothered == 0 || before.Total.Lost == 0 {
		t.Errorf("lost %d before and %d after everybody came back", before.Total.Lost, after.Total.Lost)
	}
	same := 0
	for i := range before.Months {
		x, y := &before.Months[i], &after.Months[i]
		if x.State != MonthCounted || x.Month > "2025-06-30" {
			continue
		}
		same++
		if x.Flagged != y.Flagged || x.Watched != y.Watched || x.Rung != y.Rung || x.TrainRows != y.TrainRows {
			t.Errorf("%s: %d of %d flagged by %s, with a changed future %d of %d by %s", x.Month, x.Flagged, x.Watched, x.Rung, y.Flagged, y.Watched, y.Rung)
		}
	}
	if same != 6 {
		t.Errorf("compared %d months", same)
	}
}

// asked remembers which labels were asked for.
type asked struct {
	*twinFacts
	requests []features.LabelRequest
	cutoffs  [][]frame.Cutoff
}

func (a *asked) Outcomes(ctx context.Context, r features.LabelRequest, s *features.Slice) (*features.Outcome, error) {
	a.requests, a.cutoffs = append(a.requests, r), append(a.cutoffs, slices.Clone(s.Frame.Cutoffs))
	return a.twinFacts.Outcomes(ctx, r, s)
}

func (a *asked) OutcomesOf(ctx context.Context, asks []features.LabelAsk) ([]*features.Outcome, error) {
	return oneByOne(ctx, a.Outcomes, asks)
}

func TestHindsightLearnsFromLabelsAsKnownThen(t *testing.T) {
	s, facts, _, _ := village(100)
	a := &asked{twinFacts: facts}
	s.Facts = a
	looked(t, s, year)
	bound := 0
	for i, r := range a.requests {
		if r.KnownAt == 0 {
			continue // what is known today of the replayed dates
		}
		bound++
		for _, c := range a.cutoffs[i] {
			if !r.Rule.Final(c, frame.Cutoff(r.KnownAt)) {
				t.Errorf("at %s a model learnt from %s, whose label was not final", frame.Cutoff(r.KnownAt), c)
			}
		}
	}
	if bound != 9 {
		t.Errorf("%d dates learnt from labels as known then, want 9", bound)
	}
}

// renamed answers for accounts that go on under another name at the end.
type renamed struct {
	*twinFacts
	names []frame.AccountID
}

func (r *renamed) Population(ctx context.Context, q features.Request) ([]features.Person, error) {
	all, err := r.twinFacts.Population(ctx, q)
	return slices.DeleteFunc(all, func(p features.Person) bool { return slices.Contains(r.names, p.Account) }), err
}

// Who was renamed was not lost: a flag on it bothers somebody.
func TestHindsightOfRenamedAccounts(t *testing.T) {
	s, facts, _, _ := village(150)
	before := looked(t, s, year)
	r := &renamed{twinFacts: facts}
	for _, a := range before.Accounts {
		if a.Outcome == OutcomeReached {
			r.names = append(r.names, frame.AccountID(a.Account))
		}
	}
	s.Facts = r
	after := looked(t, s, year)
	if len(r.names) < 5 || after.Total.Reached != 0 || after.Total.Lost != before.Total.Missed || after.Total.Bothered != before.Total.Bothered+len(r.names) {
		t.Errorf("%d accounts were renamed: %+v became %+v", len(r.names), before.Total, after.Total)
	}
}

func TestHindsightWithACapacity(t *testing.T) {
	s, _, _, _ := village(200) //nolint:dogsled // only the service is asked
	r := year
	r.Capacity = 5
	result := looked(t, s, r)
	for _, m := range result.Months {
		if m.State == MonthCounted && m.Flagged != 5 {
			t.Errorf("%s: %d flagged", m.Month, m.Flagged)
		}
	}
	if !strings.Contains(strings.Join(result.Notes, " "), "the 5 riskiest") {
		t.Errorf("the notes are %q", result.Notes)
	}

	// Spent on the value at risk, it reaches more money with as many flags.
	r.By = ByValue
	value := looked(t, s, r)
	if !(value.Total.MoneyReached/model.Figure(value.Total.Reached) > result.Total.MoneyReached/model.Figure(result.Total.Reached)) {
		t.Errorf("by value %v of %d accounts, by risk %v of %d", value.Total.MoneyReached, value.Total.Reached, result.Total.MoneyReached, result.Total.Reached)
	}
	for words, notes := range map[string][]string{"value at risk": value.Notes, "风险价值最高的": value.NotesZH} {
		if all := strings.Join(notes, " "); !strings.Contains(all, words) || strings.ContainsAny(all, "{}") || len(notes) != len(value.Notes) {
			t.Errorf("the notes are %q", notes)
		}
	}
}

func TestHindsightWithoutEnoughHistory(t *testing.T) {
	s, _, _, _ := village(100) //nolint:dogsled // only the service is asked
	r := looked(t, s, HindsightRequest{From: "2024-01-01", To: "2024-10-31", Rung: "rule"})
	var states []string
	for _, m := range r.Months {
		states = append(states, m.State)
		if m.Why == "" || m.WhyCode == "" || !strings.ContainsAny(m.WhyZH, "的未需无") || strings.ContainsAny(m.Why+m.WhyZH, "{}") {
			t.Errorf("%s says why by %q: %q, %q", m.Month, m.WhyCode, m.Why, m.WhyZH)
		}
	}
	// The orders begin on 2024-01-01; the first month end with 90 days before it is
	// March's, and its label is final 97 days later, on July 7. In July's month too
	// few of the accounts that began to buy had left.
	want := slices.Concat(slices.Repeat([]string{MonthNoModel}, 7), slices.Repeat([]string{MonthCounted}, 3))
	if july := r.Months[6]; july.WhyCode != WhyTooFew || !strings.Contains(july.Why, "a rule needs") || !strings.Contains(july.WhyZH, "两类各至少 10 行") {
		t.Errorf("July is not counted because %q, %q", july.Why, july.WhyZH)
	}
	if !slices.Equal(states, want) || r.From != "2024-01-31" {
		t.Errorf("from %s the months are %v", r.From, states)
	}
	last := r.Months[len(r.Months)-1]
	if last.WhyCode != WhyRungNotAsked || last.Why != "lifetime not asked for: the highest rung to try is rule" || last.WhyZH != "未尝试 lifetime：要求的最高一级为 rule" {
		t.Errorf("why the ladder stepped down is %q, %q", last.Why, last.WhyZH)
	}
}

func TestHindsightRefuses(t *testing.T) {
	s, facts, _, _ := village(60)
	for name, r := range map[string]HindsightRequest{
		"from after to":       {From: "2025-06-30", To: "2025-05-31"},
		"no month end":        {From: "2025-06-02", To: "2025-06-20"},
		"no date":             {From: "soon"},
		"a negative capacity": {Capacity: -1},
		"an unknown rung":     {Rung: "ladder"},
		"an unknown order":    {Capacity: 3, By: "name"},
		"an order of nothing": {By: ByValue},
		"nothing final":       {From: "2025-11-30", To: "2025-12-31"},
		"before the data":     {From: "2020-01-31", To: "2020-12-31"},
		"a century":           {From: "1950-01-31", To: "2025-12-31"},
	} {
		if _, err := s.Hindsight(t.Context(), r, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	facts.built = cancel
	if _, err := s.Hindsight(ctx, year, nil); KindOf(err) != Canceled {
		t.Errorf("broken off: %v", err)
	}
	facts.built = nil
	s.Settings.Label.Label = features.PartialDefection
	if _, err := s.Hindsight(t.Context(), year, nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "the label is partial: set label to noncontractual") {
		t.Errorf("another label: %v", err)
	}
}

// Too few accounts for any model is said, and not counted.
func TestHindsightOfAHamlet(t *testing.T) {
	s, _, _, _ := village(12) //nolint:dogsled // only the service is asked
	_, err := s.Hindsight(t.Context(), HindsightRequest{From: "2024-09-30", To: "2024-09-30"}, nil)
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "a rule needs") {
		t.Errorf("a hamlet: %v", err)
	}
}

// What stands in one language stands in the other, with the same values.
func TestHindsightSpeaksBothLanguages(t *testing.T) {
	values := func(sentence string) []string {
		all := regexp.MustCompile(`\{[A-Za-z]+\}`).FindAllString(sentence, -1)
		slices.Sort(all)
		return slices.Compact(all)
	}
	english, chinese := hindsightSentences[score.English], hindsightSentences[score.Chinese]
	if len(english) != len(chinese) {
		t.Errorf("%d sentences in English, %d in Chinese", len(english), len(chinese))
	}
	for name, en := range english {
		if zh := chinese[name]; zh == "" || !slices.Equal(values(en), values(zh)) {
			t.Errorf("%s: %q and %q", name, en, zh)
		}
	}
	var m HindsightMonth
	card := model.Card{Train: model.Sample{Rows: 90, Accounts: 40, Churned: 12}, Ladder: []model.RungCard{{Rung: "rule"}, {Rung: "logistic", Why: "too few"}}}
	m.steppedDown(&card, ladder.Blend)
	if want := fmt.Sprintf("logistic 需要 %d 行、两类各 %d 行；现有 90 行，较少的一类 12 行", ladder.LogisticRows, ladder.LogisticClass); m.WhyZH != want {
		t.Errorf("%q, want %q", m.WhyZH, want)
	}
}

func TestHindsightInWords(t *testing.T) {
	month := HindsightMonth{Month: "2025-06-30", State: MonthCounted}
	open := HindsightMonth{Month: "2025-07-31", State: MonthNotFinal}
	nan := model.Figure(math.NaN())
	for name, c := range map[string]struct {
		total  HindsightSums
		months []HindsightMonth
		en, zh []string
	}{
		"reached": {
			HindsightSums{Lost: 8, Reached: 6, Missed: 2, Bothered: 9, CameBack: 3, SpendLost: 12345.6, ReachedShare: .75, SpendShare: .5, BotheredPerReached: 1.5, WeeksAhead: 6.9, RuleReached: 4, RuleBothered: 11},
			[]HindsightMonth{month, open},
			[]string{"ends of 1 months", "8 accounts were lost", "12,346 EUR", "6 of them (75 %)", "6.9 weeks ahead, and missed 2", "50 % of that", "9 other accounts", "1.5 for each", "reached 4 and bothered 11", "1 further months"},
			[]string{"8 个客户", "12,346 EUR", "其中 6 个（75 %）", "6.9 周", "50 %", "9 个并未流失", "打扰 1.5 个", "另有 1 个月"},
		},
		"none reached": {
			HindsightSums{Lost: 8, Missed: 8, Bothered: 2, SpendLost: 1, ReachedShare: 0, SpendShare: 0, BotheredPerReached: nan, WeeksAhead: nan},
			[]HindsightMonth{month}, []string{"none of them in time", "2 other accounts"}, []string{"不会及时标出"},
		},
		"none lost": {
			HindsightSums{ReachedShare: nan, SpendShare: nan, BotheredPerReached: nan, WeeksAhead: nan},
			[]HindsightMonth{month}, []string{"no account was lost", "No other account"}, []string{"没有客户真正流失"},
		},
	} {
		r := HindsightResult{HorizonDays: 90, Currency: "EUR", Months: c.months, Total: c.total}
		en, zh := r.paragraph("en"), r.paragraph("zh")
		for _, words := range c.en {
			if !strings.Contains(en, words) {
				t.Errorf("%s: %q lacks %q", name, en, words)
			}
		}
		for _, words := range c.zh {
			if !strings.Contains(zh, words) {
				t.Errorf("%s: %q lacks %q", name, zh, words)
			}
		}
		if both := en + zh; strings.ContainsAny(both, "{}") || strings.Contains(both, "NaN") || !strings.Contains(en, "control group") || !strings.Contains(zh, "对照组") {
			t.Errorf("%s: %s %s", name, en, zh)
		}
	}
}
