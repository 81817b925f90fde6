package serving

import (
	"math"
	"math/rand/v2"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/lifetime"
	"fealty/model/score"
)

// buyers are accounts that buy at rates of their own and may leave, in two segments.
func buyers(n int) (*frame.Frame, []features.Profile) {
	chance := rand.New(rand.NewPCG(2, 4))
	f := &frame.Frame{}
	names := []string{"buying_days_total", "recency_days", "tenure_days", "spend_total", spendColumn, marginColumn}
	columns := make([][]float64, len(names))
	profiles := make([]features.Profile, n)
	for i := range n {
		id := frame.AccountID(string(rune('a'+i/676)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)))
		f.Accounts, f.Cutoffs = append(f.Accounts, id), append(f.Cutoffs, 1)
		profiles[i] = features.Profile{Account: id, Segment: []string{"large", "small"}[i%2]}
		age, gap, stops := 60+math.Floor(400*chance.Float64()), 10+50*chance.ExpFloat64(), min(1, .15*chance.ExpFloat64())
		days, last := map[float64]bool{0: true}, 0.0
		for t := gap * chance.ExpFloat64(); t < age && chance.Float64() >= stops; t += gap * chance.ExpFloat64() {
			days[math.Floor(t)], last = true, math.Floor(t)
		}
		spend := float64(len(days)) * (20 + 100*chance.ExpFloat64())
		margin := math.NaN()
		if i%3 == 0 {
			margin = .25
		}
		for k, v := range []float64{float64(len(days)), age - last, age, spend, spend, margin} {
			columns[k] = append(columns[k], v)
		}
	}
	for k, name := range names {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: columns[k]})
	}
	return f, profiles
}

// A score now, a published one and a call list take one value at risk: the
// probability of leaving × what the account would spend if it stays × its margin.
// That of an account which has almost surely left is not small for that.
func TestValueAtRiskIsOfAnAccountThatStays(t *testing.T) {
	f, profiles := buyers(1500)
	c := &crowd{frame: f, profiles: profiles, row: map[frame.AccountID]int{}}
	h, mean, rows := historiesOf(f)
	if len(rows) != f.Rows() || h.Paid[0] != f.Column("buying_days_total").Numbers[0] {
		t.Fatalf("%d histories of %d accounts", len(rows), f.Rows())
	}
	portfolio, err := lifetime.FitPortfolio(t.Context(), lifetime.MBGNBD, h, mean, c.segments(), lifetime.DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	settings := DefaultSettings()
	settings.MarginRate = .5
	a := &appraisal{spendBy: byLifetime, lifetime: portfolio, terms: settings.Worth.terms()}
	said := &told{crowd: c, horizon: 90, spendBy: a.spendBy}
	if err := a.tellLifetime(t.Context(), said, settings, false); err != nil {
		t.Fatal(err)
	}
	k := &scorer{Service: &Service{Settings: settings}, registered: &registered{worth: a, card: model.Card{HorizonDays: 90}}}
	scores := make([]score.Score, f.Rows())
	for i := range scores {
		scores[i] = score.Score{Account: f.Accounts[i], Segment: profiles[i].Segment, Probability: .2 + .6*float64(i%7)/7}
	}
	if err := k.stake(f, scores); err != nil {
		t.Fatal(err)
	}
	margin, left := f.Column(marginColumn).Numbers, -1
	for i := range scores {
		rate := .5
		if i%3 == 0 {
			rate = margin[i]
		}
		if want := scores[i].Probability * said.kept[i] * rate; scores[i].ValueAtRisk != want || !(want > 0) {
			t.Fatalf("account %d: %v at risk, told %v", i, scores[i].ValueAtRisk, want)
		}
		if said.rate[i] != rate || math.Abs(said.spend[i]-said.alive[i]*said.kept[i]) > 1e-9*said.kept[i] {
			t.Fatalf("account %d: margin %v, %v is expected of %v with %v alive", i, said.rate[i], said.spend[i], said.kept[i], said.alive[i])
		}
		if said.alive[i] < .2 {
			left = i
		}
	}
	if left < 0 || !(said.kept[left] > 3*said.spend[left]) {
		t.Errorf("nobody has left, or what is lost with them is what is still expected of them: %d", left)
	}
	// By run-rate nothing is changed.
	a.spendBy = byRunRate
	before := scores[0].ValueAtRisk
	scores[0].ValueAtRisk = 7
	if err := k.stake(f, scores); err != nil || scores[0].ValueAtRisk != 7 {
		t.Errorf("by run-rate %v at risk (%v), before %v", scores[0].ValueAtRisk, err, before)
	}
}
