package decision

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"fealty/model"
	"fealty/model/metrics"
	"fealty/model/score"
)

// What somebody set stands in both offers, and each names what nobody did.
func TestAnOfferNamesItsDefaults(t *testing.T) {
	same, assumed := Offer{}.Same()
	own, ownAssumed := Offer{}.Own()
	if same != metrics.DefaultOffer() || own != metrics.DefaultBusinessOffer() || (Offer{}).Acceptance() != (Assumption{}) {
		t.Errorf("nobody set anything: %+v and %+v", same, own)
	}
	if !slices.Equal(assumed, []string{"alpha", "beta", "value", "incentive", "contact"}) || !slices.Equal(ownAssumed, []string{"alpha", "beta", "incentive", "contact"}) {
		t.Errorf("of which assumed are %q and %q", assumed, ownAssumed)
	}
	for _, c := range []struct {
		offer          Offer
		same           metrics.Offer
		own            metrics.BusinessOffer
		lacks, ownToo  string
		acceptance     float64
		acceptedByRule bool
	}{
		{
			Offer{ContactCost: Given(0), Incentive: Given(.1)}, metrics.Offer{Alpha: 6, Beta: 14, CLV: 200, Incentive: 20, Contact: 0},
			metrics.BusinessOffer{Alpha: 6, Beta: 14, IncentiveFraction: .1, Contact: 0}, "alpha beta value", "alpha beta", 0, true,
		},
		{
			Offer{Value: Given(1000), Alpha: Given(2), Beta: Given(6)}, metrics.Offer{Alpha: 2, Beta: 6, CLV: 1000, Incentive: 50, Contact: 1},
			metrics.BusinessOffer{Alpha: 2, Beta: 6, IncentiveFraction: .05, Contact: 15}, "incentive contact", "incentive contact", .25, false,
		},
		{
			Offer{Given(3), Given(.2), Given(1), Given(3), Given(50)}, metrics.Offer{Alpha: 1, Beta: 3, CLV: 50, Incentive: 10, Contact: 3},
			metrics.BusinessOffer{Alpha: 1, Beta: 3, IncentiveFraction: .2, Contact: 3}, "", "", .25, false,
		},
	} {
		same, lacks := c.offer.Same()
		own, ownLacks := c.offer.Own()
		accepted := c.offer.Acceptance()
		if same != c.same || own != c.own || strings.Join(lacks, " ") != c.lacks || strings.Join(ownLacks, " ") != c.ownToo {
			t.Errorf("%+v: %+v without %q, %+v without %q", c.offer, same, lacks, own, ownLacks)
		}
		if (accepted == Assumption{}) != c.acceptedByRule || accepted.Value != c.acceptance || c.offer.Validate() != nil {
			t.Errorf("%+v: accepted by %+v (%v)", c.offer, accepted, c.offer.Validate())
		}
	}
	for name, bad := range map[string]Offer{
		"contact_cost": {ContactCost: Given(-1)}, "incentive": {Incentive: Given(1.5)}, "acceptance_alpha": {Alpha: Given(0), Beta: Given(1)},
		"acceptance_beta": {Alpha: Given(1), Beta: Given(math.NaN())}, "value": {Value: Given(math.Inf(1))},
	} {
		if err := bad.Validate(); !errors.Is(err, ErrAssumption) || !strings.Contains(err.Error(), name+" is ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, half := range []Offer{{Alpha: Given(2)}, {Beta: Given(2)}} {
		if err := half.Validate(); !errors.Is(err, ErrAssumption) || !strings.Contains(err.Error(), "want both or none") {
			t.Errorf("%+v: %v", half, err)
		}
	}
}

// Which terms nobody set is said in both languages; of a card of before all of them are.
func TestOffersSayTheirDefaults(t *testing.T) {
	d := &model.DecisionCard{
		Currency: "EUR",
		EMPC:     model.OfferProfit{Alpha: 6, Beta: 14, Value: 200, Incentive: 10, Contact: 1},
		EMPB:     model.OfferProfit{Alpha: 6, Beta: 14, Incentive: .05, Contact: 15},
	}
	tell := func(want ...string) {
		t.Helper()
		en, zh := OfferSentences(d, score.English), OfferSentences(d, score.Chinese)
		if len(en) != 2 || len(zh) != 2 {
			t.Fatalf("%q, %q", en, zh)
		}
		for k, said := range []string{en[0], en[1], zh[0], zh[1]} {
			if said != want[k] || strings.Contains(said, "%!") {
				t.Errorf("%q, want %q", said, want[k])
			}
		}
	}
	tell("EMPC assumes by default, because nobody set it (offer in fealty.yaml): parameter alpha of the acceptance 6; parameter beta of the acceptance 14; worth of a kept account 200.00 EUR; incentive 10.00 EUR; cost of a contact 1.00 EUR.",
		"EMPB assumes by default, because nobody set it (offer in fealty.yaml): parameter alpha of the acceptance 6; parameter beta of the acceptance 14; incentive 5 % of the value; cost of a contact 15.00 EUR.",
		"EMPC的以下条件为默认假设，并无人设定（fealty.yaml中的offer）：接受比例的参数alpha为 6；接受比例的参数beta为 14；留住一个客户的价值为 200.00 EUR；激励为 10.00 EUR；每次联系成本 1.00 EUR。",
		"EMPB的以下条件为默认假设，并无人设定（fealty.yaml中的offer）：接受比例的参数alpha为 6；接受比例的参数beta为 14；激励为价值的 5 %；每次联系成本 15.00 EUR。")
	d.EMPC.Assumed, d.EMPB.Assumed, d.Currency = []string{}, []string{"contact"}, ""
	tell("No term of EMPC is a default.", "EMPB assumes by default, because nobody set it (offer in fealty.yaml): cost of a contact 15.00.",
		"EMPC没有使用任何默认条件。", "EMPB的以下条件为默认假设，并无人设定（fealty.yaml中的offer）：每次联系成本 15.00。")
}
