package loyalty

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"fealty/features/frame"
)

// columnsOf lists every column that a definition, a cap, a level, a policy or a
// verdict reads, frame columns first.
func columnsOf() (inFrame, extra []string) {
	extra = Extras()
	add := func(name string) {
		if name != "" && !slices.Contains(inFrame, name) && !slices.Contains(extra, name) {
			inFrame = append(inFrame, name)
		}
	}
	for i := range definitions {
		for _, t := range definitions[i].Terms {
			add(t.Column)
			add(t.Minus)
			if t.When != nil {
				add(t.When.Column)
			}
		}
		for _, c := range definitions[i].Any {
			add(c.Column)
		}
	}
	for _, name := range []string{
		"complaint_open_days", "overdue_days", "overdue_amount", "margin_share_365d", "wallet_gap", "contact_recency_days", "response_hours_365d",
		"days_to_pay_365d", "contacts_365d", "orders_365d", "gap_median_days", "return_orders_365d", "returns_share_365d", "satisfaction_last", "expectation_gap",
		"satisfaction_age_days", "survey_silence_share_365d", "spend_total",
	} {
		add(name)
	}
	return inFrame, extra
}

// draw invents n accounts with plausible values, a tenth of them missing.
func draw(n int, seed uint64) Input {
	chance := rand.New(rand.NewPCG(seed, 7))
	names, extras := columnsOf()
	f := &frame.Frame{Accounts: make([]frame.AccountID, n), Cutoffs: make([]frame.Cutoff, n)}
	for i := range n {
		f.Accounts[i], f.Cutoffs[i] = frame.AccountID(fmt.Sprintf("a%d", i)), 1_700_000_000
	}
	fill := func(name string) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = plausible(name, chance)
		}
		return values
	}
	for _, name := range names {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: fill(name)})
	}
	in := Input{Frame: f, Extra: map[string][]float64{}}
	for _, name := range extras {
		in.Extra[name] = fill(name)
	}
	return in
}

func plausible(name string, chance *rand.Rand) float64 {
	if chance.IntN(10) == 0 {
		return math.NaN()
	}
	switch {
	case strings.HasPrefix(name, "survey_") && name != "survey_silence_share_365d" || name == ExtraWalletShare || name == ExtraPropensity || name == ExtraReturnProbability:
		return chance.Float64()
	case name == ExtraWalletTrend || name == "expectation_gap" || name == "spend_trend_180d":
		return 2*chance.Float64() - 1
	case name == "list_price_response_365d":
		return 2 * chance.NormFloat64()
	case strings.HasSuffix(name, "share_365d") || name == "active_month_share" || name == "satisfaction_last":
		return chance.Float64()
	case name == "tenure_days" || name == "satisfaction_age_days":
		return float64(chance.IntN(2000))
	case name == "recency_days" || name == "complaint_recency_days" || name == "overdue_days" || name == "complaint_open_days":
		return float64(chance.IntN(200))
	case name == "spend_365d" || name == ExtraLifetimeValue || name == "spend_total":
		return math.Round(100*math.Exp(7+chance.NormFloat64())) / 100
	case name == "gap_variation" || name == "recency_to_gap" || name == "category_entropy_365d":
		return 3 * chance.Float64()
	}
	return float64(chance.IntN(6))
}

// with sets a frame column for one row.
func with(in Input, name string, i int, v float64) {
	in.Frame.Column(name).Numbers[i] = v
}
