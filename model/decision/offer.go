package decision

import (
	"fmt"
	"strconv"
	"strings"

	"fealty/model"
	"fealty/model/metrics"
	"fealty/model/score"
)

// Offer are the terms of an offer that somebody set. The zero value leaves all of them
// to the defaults: those of Assumptions, metrics.DefaultOffer and
// metrics.DefaultBusinessOffer.
type Offer struct {
	// ContactCost and Incentive are those of Assumptions.
	ContactCost, Incentive Assumption
	// Alpha and Beta shape the Beta distribution of the share of churners who accept,
	// 0.001 … 1,000,000. Default 6 and 14.
	Alpha, Beta Assumption
	// Value is what an account that is kept is worth where all are worth the same, as in
	// EMPC: 0 … 1e15. Default 200, in whatever currency.
	Value Assumption
}

// The terms by name, as DecisionCard writes them.
const (
	termAlpha     = "alpha"
	termBeta      = "beta"
	termValue     = "value"
	termIncentive = "incentive"
	termContact   = "contact"
)

// Validate checks every bound, and that the acceptance has both of its parameters or
// none; its error wraps ErrAssumption and names the term.
func (o Offer) Validate() error {
	if (o.Alpha == Assumption{}) != (o.Beta == Assumption{}) {
		return fmt.Errorf("%w: one of acceptance_alpha and acceptance_beta is set, want both or none", ErrAssumption)
	}
	for _, t := range []struct {
		name        string
		of          Assumption
		least, most float64
	}{
		{"contact_cost", o.ContactCost, 0, most}, {"incentive", o.Incentive, 0, 1},
		{"acceptance_alpha", o.Alpha, 1e-3, 1e6}, {"acceptance_beta", o.Beta, 1e-3, 1e6}, {"value", o.Value, 0, most},
	} {
		if t.of != (Assumption{}) && !(t.of.Value >= t.least && t.of.Value <= t.most) {
			return fmt.Errorf("%w: %s is %v, want %g … %g", ErrAssumption, t.name, t.of.Value, t.least, t.most)
		}
	}
	return nil
}

// Acceptance is the mean of the acceptance; a default where nobody set its parameters.
func (o Offer) Acceptance() Assumption {
	if o.Alpha == (Assumption{}) {
		return Assumption{}
	}
	own, _ := o.Own()
	return Given(own.Alpha / (own.Alpha + own.Beta))
}

// Same are the terms of an offer to accounts that are all worth the same, and the names
// of those that are defaults. The incentive is its share of the value, and 10 where
// nobody set either.
func (o Offer) Same() (terms metrics.Offer, assumed []string) {
	terms, fill := metrics.DefaultOffer(), fill{assumed: []string{}}
	fill.in(termAlpha, o.Alpha, &terms.Alpha)
	fill.in(termBeta, o.Beta, &terms.Beta)
	fill.in(termValue, o.Value, &terms.CLV)
	share := metrics.DefaultBusinessOffer().IncentiveFraction
	fill.in(termIncentive, o.Incentive, &share)
	if o.Incentive != (Assumption{}) || o.Value != (Assumption{}) {
		terms.Incentive = share * terms.CLV
	}
	fill.in(termContact, o.ContactCost, &terms.Contact)
	return terms, fill.assumed
}

// Own are the terms of an offer to accounts that are worth their own, and the names of
// those that are defaults.
func (o Offer) Own() (terms metrics.BusinessOffer, assumed []string) {
	terms, fill := metrics.DefaultBusinessOffer(), fill{assumed: []string{}}
	fill.in(termAlpha, o.Alpha, &terms.Alpha)
	fill.in(termBeta, o.Beta, &terms.Beta)
	fill.in(termIncentive, o.Incentive, &terms.IncentiveFraction)
	fill.in(termContact, o.ContactCost, &terms.Contact)
	return terms, fill.assumed
}

// fill puts in what somebody set, and notes what nobody did.
type fill struct{ assumed []string }

func (f *fill) in(name string, set Assumption, to *float64) {
	if set == (Assumption{}) {
		f.assumed = append(f.assumed, name)
		return
	}
	*to = set.Value
}

// offerPhrases are those of one language, by the name of the term; share tells an
// incentive of EMPB.
type offerPhrases struct {
	assumed, none, join string
	terms               map[string]string
	share               string
}

var offerWords = map[score.Language]offerPhrases{
	score.English: {
		assumed: "%s assumes by default, because nobody set it (offer in fealty.yaml): %s.", none: "No term of %s is a default.", join: "; ",
		terms: map[string]string{
			termAlpha: "parameter alpha of the acceptance %s", termBeta: "parameter beta of the acceptance %s", termValue: "worth of a kept account %s",
			termIncentive: "incentive %s", termContact: "cost of a contact %s",
		},
		share: "incentive %s of the value",
	},
	score.Chinese: {
		assumed: "%s的以下条件为默认假设，并无人设定（fealty.yaml中的offer）：%s。", none: "%s没有使用任何默认条件。", join: "；",
		terms: map[string]string{
			termAlpha: "接受比例的参数alpha为 %s", termBeta: "接受比例的参数beta为 %s", termValue: "留住一个客户的价值为 %s",
			termIncentive: "激励为 %s", termContact: "每次联系成本 %s",
		},
		share: "激励为价值的 %s",
	},
}

// OfferSentences say of EMPC and of EMPB which terms nobody set. A card of before does
// not tell: then nobody could set any.
func OfferSentences(d *model.DecisionCard, language score.Language) []string {
	w := offerWords[language]
	money := func(v model.Figure) string {
		return strings.TrimSpace(strconv.FormatFloat(float64(v), 'f', 2, 64) + " " + d.Currency)
	}
	number := func(v model.Figure) string { return strconv.FormatFloat(float64(v), 'g', 4, 64) }
	all := make([]string, 0, 2)
	for _, m := range []struct {
		name string
		of   *model.OfferProfit
		own  bool
	}{{"EMPC", &d.EMPC, false}, {"EMPB", &d.EMPB, true}} {
		assumed := m.of.Assumed
		if assumed == nil {
			_, assumed = Offer{}.Same()
			if m.own {
				_, assumed = Offer{}.Own()
			}
		}
		var parts []string
		for _, name := range assumed {
			switch {
			case name == termAlpha:
				parts = append(parts, fmt.Sprintf(w.terms[name], number(m.of.Alpha)))
			case name == termBeta:
				parts = append(parts, fmt.Sprintf(w.terms[name], number(m.of.Beta)))
			case name == termValue:
				parts = append(parts, fmt.Sprintf(w.terms[name], money(m.of.Value)))
			case name == termContact:
				parts = append(parts, fmt.Sprintf(w.terms[name], money(m.of.Contact)))
			case name == termIncentive && m.own:
				parts = append(parts, fmt.Sprintf(w.share, number(100*m.of.Incentive)+" %"))
			case name == termIncentive:
				parts = append(parts, fmt.Sprintf(w.terms[name], money(m.of.Incentive)))
			}
		}
		if len(parts) == 0 {
			all = append(all, fmt.Sprintf(w.none, m.name))
			continue
		}
		all = append(all, fmt.Sprintf(w.assumed, m.name, strings.Join(parts, w.join)))
	}
	return all
}
