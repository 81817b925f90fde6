package serving

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// buyers are accounts that buy at rates of their own and may leave, in two segments.
func buyers(n int) (*frame.Frame, []features.Profile) {
	chance := rand.New(rand.NewPCG(2, 4))
	f := &frame.Frame{}
	// The end of November, so that no month runs.
	today := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	names := []string{"buying_days_total", "recency_days", "tenure_days", "spend_total", spendColumn, marginColumn, "active_month_share"}
	columns := make([][]float64, len(names))
	profiles := make([]features.Profile, n)
	for i := range n {
		id := frame.AccountID(string(rune('a'+i/676)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26)))
		f.Accounts, f.Cutoffs = append(f.Accounts, id), append(f.Cutoffs, frame.Cutoff(today.Unix()))
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
		first, months := monthOf(today.AddDate(0, 0, -int(age))), map[int]bool{}
		for day := range days {
			months[monthOf(today.AddDate(0, 0, int(day-age)))] = true
		}
		share := float64(len(months)) / float64(monthOf(today)-first)
		for k, v := range []float64{float64(len(days)), age - last, age, spend, spend, margin, share} {
			columns[k] = append(columns[k], v)
		}
	}
	for k, name := range names {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: columns[k]})
	}
	return f, profiles
}

// an appraisal of a crowd of buyers, of whom the last has returned more than it
// bought, and every third's goods cost twice what they bring.
func crowdOfBuyers(t *testing.T, kind lifetime.Kind) (*appraisal, *crowd, *histories) {
	t.Helper()
	f, profiles := buyers(1500)
	c := &crowd{frame: f, profiles: profiles, row: map[frame.AccountID]int{}, after: make([]float64, 1500), boughtAfter: make([]bool, 1500)}
	f.Column("spend_total").Numbers[1499] = -3
	margin := f.Column(marginColumn).Numbers
	for i := 0; i < len(margin); i += 6 {
		margin[i] = -1
	}
	h := historiesOf(f, kind, time.UTC)
	if len(h.rows) != f.Rows()-1 || !kind.Discrete() && h.Paid[0] != f.Column("buying_days_total").Numbers[0] || h.missing(returnsOutweigh) != 1 || h.why[1499] != returnsOutweigh {
		t.Fatalf("%d histories of %d accounts", len(h.rows), f.Rows())
	}
	portfolio, err := lifetime.FitPortfolio(t.Context(), kind, h.Histories, h.mean, picked(c.segments(), h.rows), lifetime.DefaultLeast())
	if err != nil {
		t.Fatal(err)
	}
	settings := DefaultSettings()
	return &appraisal{spendBy: byLifetime, riskBy: byLifetime, lifetime: portfolio, terms: settings.Worth.terms()}, c, h
}

// A score now, a published one and a call list take one value at risk: the
// probability of leaving × what the account would spend if it stays × its margin.
// That of an account which has almost surely left is not small for that.
func TestValueAtRiskIsOfAnAccountThatStays(t *testing.T) {
	for _, kind := range []lifetime.Kind{lifetime.MBGNBD, lifetime.BGBB} {
		t.Run(string(kind), func(t *testing.T) { valueAtRiskBy(t, kind) })
	}
}

func valueAtRiskBy(t *testing.T, kind lifetime.Kind) {
	t.Helper()
	a, c, _ := crowdOfBuyers(t, kind)
	f, profiles := c.frame, c.profiles
	settings := DefaultSettings()
	settings.MarginRate = .5
	said := &told{crowd: c, horizon: 90}
	// Older costs are known of the first two, of whom the first has a margin of the last year too.
	c.whole = make([]features.Holding, f.Rows())
	for i := range c.whole {
		c.whole[i].MarginEver = math.NaN()
	}
	c.whole[0].MarginEver, c.whole[1].MarginEver = .125, .125
	if err := a.tellLifetime(t.Context(), said, settings, a.asked(settings, false)); err != nil {
		t.Fatal(err)
	}
	if by := said.rateBy[:3]; !slices.Equal(by, []loyalty.PartCode{loyalty.PartMargin, loyalty.PartMarginEver, loyalty.PartMarginRate}) {
		t.Errorf("margins rest on %q", by)
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
	for i := range scores[:len(scores)-1] {
		rate := .5
		if i%3 == 0 {
			rate = margin[i]
		}
		if want := scores[i].Probability * said.kept[i] * rate; scores[i].ValueAtRisk != want || !(want*rate > 0) {
			t.Fatalf("account %d: %v at risk, told %v", i, scores[i].ValueAtRisk, want)
		}
		if i == 1 {
			rate = .125 // in the lifetime value, not in the value at risk
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
	a.riskBy = byRunRate
	before := scores[0].ValueAtRisk
	scores[0].ValueAtRisk = 7
	if err := k.stake(f, scores); err != nil || scores[0].ValueAtRisk != 7 {
		t.Errorf("by run-rate %v at risk (%v), before %v", scores[0].ValueAtRisk, err, before)
	}
}

// Where the spend of the lifetime model did not beat the run-rate, its spend model
// ships nowhere: spend is the run-rate, and the value is of purchases at the
// account's own mean. Of whom nothing can be told, it is said why.
func TestSpendModelShipsOnlyWhereItBeatTheRunRate(t *testing.T) {
	for _, kind := range []lifetime.Kind{lifetime.MBGNBD, lifetime.BGBB} {
		t.Run(string(kind), func(t *testing.T) { spendModelBy(t, kind) })
	}
}

func spendModelBy(t *testing.T, kind lifetime.Kind) {
	t.Helper()
	a, c, h := crowdOfBuyers(t, kind)
	settings := DefaultSettings()
	tell := func() *told {
		said := &told{crowd: c, horizon: 90}
		if err := a.tellLifetime(t.Context(), said, settings, a.asked(settings, true)); err != nil {
			t.Fatal(err)
		}
		return said
	}
	modelled := tell()
	a.spendBy, a.riskBy = byRunRate, byRunRate
	paced := tell()
	scores, err := a.lifetime.PlainSpend().Score(h.Histories, h.mean, picked(c.segments(), h.rows), h.span(90), h.terms(a.terms))
	if err != nil {
		t.Fatal(err)
	}
	spent, tenure := c.column(spendColumn), c.column(tenureColumn)
	differ := 0
	for k, i := range h.rows {
		rate := paced.rate[i]
		pace := features.RunRate(spent[i], tenure[i], 90)
		if same := paced.spend[i] == pace && paced.kept[i] == pace && paced.spendBy[i] == byRunRate; !same && !math.IsNaN(pace) || math.IsNaN(pace) && paced.spendBy[i] != "" {
			t.Fatalf("account %d: %v by %q, its pace is %v", i, paced.spend[i], paced.spendBy[i], pace)
		}
		if want := scores.Value[k] * rate; math.Abs(paced.value[i]-want) > 1e-9*math.Abs(want) {
			t.Fatalf("account %d is worth %v, its purchases at its own mean %v", i, paced.value[i], want)
		}
		if math.Abs(paced.value[i]-modelled.value[i]) > 1e-6*math.Abs(paced.value[i]) {
			differ++
		}
		for _, said := range []*told{modelled, paced} {
			if !(said.low[i] <= said.high[i]) || rate < 0 && said.high[i] > 0 || rate > 0 && said.low[i] < 0 {
				t.Fatalf("account %d at a margin of %v: %v … %v", i, rate, said.low[i], said.high[i])
			}
			if said.whys[i] != "" || math.IsNaN(said.alive[i]) {
				t.Fatalf("account %d: alive %v, %q", i, said.alive[i], said.whys[i])
			}
		}
		if modelled.spendBy[i] != byLifetime {
			t.Fatalf("account %d: spend by %q", i, modelled.spendBy[i])
		}
	}
	if modelled.valueBy != byGammaGamma || paced.valueBy != byPlainMean || differ < len(h.rows)/2 {
		t.Errorf("values by %q and %q, %d differ", modelled.valueBy, paced.valueBy, differ)
	}
	// Its returns outweigh its purchases: it keeps the run-rate, whatever the others have.
	if i := 1499; modelled.whys[i] != returnsOutweigh || modelled.spendBy[i] == byLifetime || !math.IsNaN(modelled.value[i]) {
		t.Errorf("spend by %q, worth %v, because %q", modelled.spendBy[i], modelled.value[i], modelled.whys[i])
	}
	for _, why := range []string{returnsOutweigh, noHistory, noModel, noDeparture} {
		if w := lifetimeWhys[why]; w.EN == "" || w.ZH == "" {
			t.Errorf("no words for %q", why)
		}
	}
	// A bundle keeps what values are by; one from before that is by its spend model.
	a.scale, a.level = &loyalty.Scale{}, .8
	for by, edit := range map[string]func(string) string{
		byPlainMean:  func(head string) string { return head },
		byGammaGamma: func(head string) string { return strings.Replace(head, `"value_by":"plain_mean",`, "", 1) },
	} {
		b := artifact.Bundle{}
		if err := a.save(b); err != nil {
			t.Fatal(err)
		}
		b[worthSection] = []byte(edit(string(b[worthSection])))
		if back, err := loadAppraisal(b); err != nil || back.spendBy != byRunRate || back.valueBy() != by || back.chance(5) != (lifetime.Chance{Level: .8, Draws: 100, Seed: 5}) {
			t.Errorf("read by %+v (%v), want %q", back, err, by)
		}
	}
	a.lifetime = nil
	if said := tell(); said.whys[0] != noModel || said.whys[1499] != returnsOutweigh || said.fits[0] != "" {
		t.Errorf("without a model: %q, %q", said.whys[0], said.whys[1499])
	}
}

// In a model without departures nobody can say who is still a customer.
func TestNobodyIsAliveForCertain(t *testing.T) {
	a, c, h := crowdOfBuyers(t, lifetime.NBD)
	settings := DefaultSettings()
	said := &told{crowd: c, horizon: 90}
	if err := a.tellLifetime(t.Context(), said, settings, a.asked(settings, false)); err != nil {
		t.Fatal(err)
	}
	for _, i := range h.rows {
		if !math.IsNaN(said.alive[i]) || said.whys[i] != noDeparture || math.IsNaN(said.value[i]) || math.IsNaN(said.noPurchase[i]) {
			t.Fatalf("account %d: alive %v, %q, worth %v", i, said.alive[i], said.whys[i], said.value[i])
		}
	}
}

// The model whose spend was nearest to what came serves, and each that was tried
// stands on the card. What may not be learnt from does not change what is refitted.
func TestLifetimeModelIsChosenByWhatCame(t *testing.T) {
	_, c, h := crowdOfBuyers(t, lifetime.MBGNBD)
	chance := rand.New(rand.NewPCG(6, 1))
	for k, i := range h.rows {
		if chance.Float64() < .5 {
			c.after[i], c.boughtAfter[i] = h.mean[k]*(1+math.Floor(3*chance.Float64())), true
		}
	}
	// Some had lapsed; the returns expected of them are those that their scores tell.
	c.status = make([]features.Eligibility, c.rows())
	lapsed, returned := 0, 0
	for k, i := range h.rows {
		if k%3 == 0 {
			c.status[i] = features.Lapsed
			if lapsed++; c.boughtAfter[i] {
				returned++
			}
		}
	}
	settings := DefaultSettings()
	settings.Worth.LifetimeModels = []string{string(lifetime.BGBB), string(lifetime.MBGNBD)}
	a := &appraisal{spendBy: byRunRate, riskBy: byRunRate, terms: settings.Worth.terms()}
	card := &model.LifetimeCard{}
	if err := a.fitLifetime(t.Context(), card, c, 90, settings); err != nil {
		t.Fatal(err)
	}
	swapped := settings.Worth
	swapped.LifetimeModels = []string{string(lifetime.MBGNBD), string(lifetime.BGBB)}
	if s := settings.Worth; s.text() != swapped.text() || !strings.Contains(s.text(), `"lifetime_models":["mbg-nbd","bg-bb"]`) || s.lifetimeModels()[0] != lifetime.MBGNBD || s.text() == defaultWorth() || s.columnsBy() != lifetime.MBGNBD {
		t.Errorf("%v are %v", s.LifetimeModels, s.lifetimeModels())
	}
	// Where nobody set draws they are as many as the level takes; where they are too few, the
	// error names the setting.
	wide := DefaultWorth()
	if wide.LifetimeInterval = .99; wide.validate() != nil || wide.chance(0).Draws != 199 {
		t.Errorf("an interval of .99 is of %d draws (%v)", wide.chance(0).Draws, wide.validate())
	}
	wide.LifetimeDraws = 150
	if err := wide.validate(); KindOf(err) != Invalid || !strings.Contains(err.Error(), "lifetime.draws is 150") || !strings.Contains(err.Error(), "199") {
		t.Errorf("150 draws: %v", err)
	}
	if q, err := (&LifetimeRequest{Level: .99}).asks(a, settings); err != nil || q.chance.Draws != 199 {
		t.Errorf("asked for a level of .99: %+v (%v)", q.chance, err)
	}
	// Intervals of other levels and draws are other settings, those by default the same as
	// before there was a choice.
	for _, of := range []lifetime.Chance{{Level: .9, Draws: 100}, {Level: .8, Draws: 100}, {Level: .9, Draws: 200}} {
		s := DefaultWorth()
		s.LifetimeInterval, s.LifetimeDraws = of.Level, of.Draws
		if same := s.text() == defaultWorth(); same != (of == s.chance(0) && of.Level == .9 && of.Draws == 100) || strings.Contains(defaultWorth(), "lifetime_draws") {
			t.Errorf("%+v stands as %s", of, s.text())
		}
	}
	// Columns count days, whatever is tried; as many models as by default are not the default.
	if s := (WorthSettings{LifetimeModels: []string{"bg-bb"}}); s.columnsBy() != lifetime.MBGNBD {
		t.Errorf("columns by %s", s.columnsBy())
	}
	for _, names := range [][]string{{"bg-bb", "mbg-nbd", "bg-nbd"}, {"pareto-nbd", "mbg-nbd", "bg-nbd"}} {
		s := DefaultWorth()
		if s.LifetimeModels = names; (s.text() == defaultWorth()) != (names[0] == "pareto-nbd") {
			t.Errorf("%q stands as %s", names, s.text())
		}
	}
	if len(card.Models) != 2 || card.Instead != "" || card.Why != "" || card.ReturnsOutweigh != 1 || card.Judged+card.TooYoung != len(h.rows) {
		t.Fatalf("%+v", card)
	}
	least := min(card.Models[0].MAE, card.Models[1].MAE)
	for _, m := range card.Models {
		if m.Used != (m.MAE == least) || m.Used != (m.Model == card.Model) || m.Why != "" {
			t.Errorf("%+v serves beside %s", m, card.Model)
		}
	}
	if s := card.Stayed; s == nil || s.Accounts == 0 || s.Accounts >= card.Judged || (s.By == byLifetime) != (s.Forecast < s.RunRate) || a.riskBy != s.By {
		t.Errorf("%+v, risk by %s", s, a.riskBy)
	}
	if s := card.Coverage; s == nil || s.Accounts != len(h.rows) || !(s.Inside > .5 && s.Inside+s.Above <= 1) {
		t.Errorf("coverage %+v", s)
	}
	scores, err := a.lifetime.Score(h.Histories, h.mean, picked(c.segments(), h.rows), 90, a.terms)
	if err != nil {
		t.Fatal(err)
	}
	back := 0.
	for k, i := range h.rows {
		if c.status[i] == features.Lapsed {
			back += 1 - scores.NoPurchase[k]
		}
	}
	if r := card.Returns; r == nil || r.Accounts != lapsed || r.Returned != returned || math.Abs(float64(r.Expected)-back) > 1e-9 || lapsed == returned {
		t.Errorf("returns %+v, want %d of %d and %v", r, returned, lapsed, back)
	}
	if len(card.Segments) != 2 || len(card.Segments[0].Parameters) != 4 || card.Segments[0].Parameters[0].StandardError <= 0 || len(card.Segments[1].SpendParameters) != 3 {
		t.Errorf("segments %+v", card.Segments)
	}
	odd := func(account frame.AccountID) bool { return account[2]%2 == 1 }
	once, err := a.refitted(t.Context(), c, settings, odd)
	if err != nil {
		t.Fatal(err)
	}
	for i, account := range c.frame.Accounts {
		if odd(account) {
			c.frame.Column("tenure_days").Numbers[i] += 50
		}
	}
	again, err := a.refitted(t.Context(), c, settings, odd)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := once.lifetime.Pooled()
	other, _ := again.lifetime.Pooled()
	before, _ := a.lifetime.Pooled()
	if !slices.Equal(one.Estimates(), other.Estimates()) || slices.Equal(one.Estimates(), before.Estimates()) || one.Kind() != before.Kind() {
		t.Errorf("refitted to %v, then to %v", one.Estimates(), other.Estimates())
	}
}
