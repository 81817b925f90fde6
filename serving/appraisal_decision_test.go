package serving

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fealty/features/frame"
	"fealty/model/decision"
)

// Where the probabilities and values are true, lists earn what was expected of them;
// where they are another's, they don't. What is realised is told anew here.
func TestContactsEarnWhatIsExpectedOfTrueProbabilities(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	o := outcomes{Accounts: decision.Accounts{Currency: "EUR"}}
	for i := range 6000 {
		p, v := r.Float64(), 2000*r.Float64()
		y := 0.
		if r.Float64() < p {
			y = 1
		}
		o.Account, o.Probability, o.Value = append(o.Account, frame.AccountID(fmt.Sprintf("a%05d", i))), append(o.Probability, p), append(o.Value, v)
		o.Manager, o.ByRate = append(o.Manager, fmt.Sprint(i%8)), append(o.ByRate, i%3 == 0)
		o.y, o.real = append(o.y, y), append(o.real, v)
	}
	card, err := o.card(t.Context(), .5, decision.Offer{})
	if err != nil {
		t.Fatal(err)
	}
	if card.Accounts != 6000 || card.ByRate != 2000 || card.MarginRate != .5 || card.Churned < 2700 || card.Churned > 3300 || len(card.Levels) != len(capacities)+1 {
		t.Fatalf("%+v", card)
	}
	for k, l := range card.Levels {
		if k < len(capacities) && (l.PerManager != capacities[k] || l.Contacts != 8*capacities[k]) {
			t.Errorf("8 managers of %d contacts: %+v", capacities[k], l)
		}
		// The outcome of one contact is off by at most 2,000 × .35, so the sum by about
		// its root.
		if off := math.Abs(float64(l.Realised - l.Expected)); off > 4*350*math.Sqrt(float64(l.Contacts)) || l.Realised <= l.Random && k < len(capacities) {
			t.Errorf("%+v", l)
		}
	}
	last := card.Levels[len(card.Levels)-1]
	if last.PerManager != 0 || float64(card.EMPB.PerAccount)*6000 > float64(last.Realised)*1.2 || card.EMPB.Contact != 15 || card.EMPC.Value != 200 || !(card.EMPC.PerAccount > 0) {
		t.Errorf("%+v of %+v, %+v", last, card.EMPB, card.EMPC)
	}
	twin := 0.
	for i, p := range o.Probability { // 15 a contact, 5 % of the value, 30 % accept
		if v := o.Value[i]; p*.3*.95*v-(1-p)*.05*v-15 > 0 {
			if o.y[i] == 1 {
				twin += .3*.95*v - 15
			} else {
				twin -= .05*v + 15
			}
		}
	}
	if math.Abs(twin-float64(last.Realised)) > 1e-6 {
		t.Errorf("realised %v, by hand %v", last.Realised, twin)
	}
	if card.Currency != "EUR" || len(card.EMPC.Assumed) != 5 || len(card.EMPB.Assumed) != 4 {
		t.Errorf("assumed are %q and %q", card.EMPC.Assumed, card.EMPB.Assumed)
	}
	// By terms that were set both measures and all lists go.
	set, err := o.card(t.Context(), .5, decision.Offer{ContactCost: decision.Given(40), Incentive: decision.Given(.1), Alpha: decision.Given(4), Beta: decision.Given(4)})
	if err != nil {
		t.Fatal(err)
	}
	if set.EMPC.Contact != 40 || set.EMPC.Incentive != 20 || set.EMPB.Contact != 40 || set.EMPB.Incentive != .1 || set.EMPB.Alpha != 4 || len(set.EMPB.Assumed) != 0 {
		t.Errorf("%+v, %+v", set.EMPC, set.EMPB)
	}
	twin = 0
	for i, p := range o.Probability { // 40 a contact, 10 % of the value, half accept
		if v := o.Value[i]; p*.5*.9*v-(1-p)*.1*v-40 > 0 {
			twin += p*.5*.9*v - (1-p)*.1*v - 40
		}
	}
	if all := set.Levels[len(set.Levels)-1]; math.Abs(twin-float64(all.Expected)) > 1e-6 || all.Contacts == last.Contacts {
		t.Errorf("%+v, by hand %v", all, twin)
	}
	r.Shuffle(len(o.y), func(i, j int) { o.y[i], o.y[j] = o.y[j], o.y[i] })
	if card, err = o.card(t.Context(), .5, decision.Offer{}); err != nil || card.Levels[0].Realised > card.Levels[0].Expected/2 {
		t.Errorf("of another's outcomes: %+v (%v)", card.Levels[0], err)
	}
	none, err := (&outcomes{Accounts: decision.Accounts{Currency: "EUR"}}).card(t.Context(), 1, decision.Offer{})
	if err != nil || none.Why == "" || !math.IsNaN(float64(none.EMPC.PerAccount)) || none.EMPB.Alpha != 6 {
		t.Errorf("of nobody: %+v (%v)", none, err)
	}
}
