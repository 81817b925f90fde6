package lifetime

import (
	"context"
	"math"
	"testing"

	"fealty/model/score"
)

// agree compares a fit with the reference: parameters to 1e-6, which Newton's last
// steps reach, log-likelihood to 1e-11 of itself, standard errors to 1e-4.
func agree(t *testing.T, c vector, estimates []Estimate, logLikelihood float64) {
	t.Helper()
	near(t, c.Name+": log-likelihood", logLikelihood, c.number(t, "log_likelihood"), 1e-11)
	params, _ := c.Out["params"].(map[string]any)
	errors, _ := c.Out["standard_errors"].(map[string]any)
	for _, e := range estimates {
		want, _ := params[e.Name].(float64)
		if e.Value/want-1 > 1e-6 || want/e.Value-1 > 1e-6 {
			t.Errorf("%s: %s is %.10g, want %.10g", c.Name, e.Name, e.Value, want)
		}
		want, _ = errors[e.Name].(float64)
		if !(e.StandardError/want-1 <= 1e-4 && want/e.StandardError-1 <= 1e-4) {
			t.Errorf("%s: the standard error of %s is %.10g, want %.10g", c.Name, e.Name, e.StandardError, want)
		}
	}
}

func TestFitsEqualReference(t *testing.T) {
	sample := cdnowSample(t)
	for _, c := range vectors(t, "fit") {
		if kind := kindOf(c.Name); kind != "" {
			m := fit(t, kind, sample)
			agree(t, c, m.Estimates(), m.Quality().LogLikelihood)
		}
	}
	spend := columns(t, "cdnow/cdnow_customers_summary_with_transactions.csv.gz")
	donations := columns(t, "donations/donations.csv")
	for _, c := range vectors(t, "fit") {
		switch c.Name {
		case "Gamma-Gamma":
			m, err := FitSpend(context.Background(), spend["x"], spend["zbar"], nil)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, c, m.Estimates(), m.Quality().LogLikelihood)
			near(t, "correlation", m.Correlation(), 0.1138839104860045, 1e-12) // pandas 2.1.4: corr of x and zbar where x > 0
		case "BG/BB":
			m, err := Fit(context.Background(), BGBB, Histories{Frequency: donations["frequency"], Recency: donations["recency"], Age: donations["periods"]}, donations["weights"])
			if err != nil {
				t.Fatal(err)
			}
			agree(t, c, m.Estimates(), m.Quality().LogLikelihood)
		}
	}
	full := cdnow(t)
	for _, c := range vectors(t, "fit and 39-week holdout") {
		m := fit(t, kindOf(c.Name), full.Histories)
		agree(t, c, m.Estimates(), m.Quality().LogLikelihood)
	}
}

func BenchmarkFit(b *testing.B) {
	full := cdnow(b)
	references := map[Kind]float64{BGNBD: -95368.44393316076, MBGNBD: -95336.95831987953, ParetoNBD: -95415.11861746985} // testdata/lifetime.json
	for kind := range references {
		b.Run(string(kind), func(b *testing.B) {
			var m *Model
			for b.Loop() {
				m = fit(b, kind, full.Histories)
			}
			b.ReportMetric(m.Quality().LogLikelihood-references[kind], "above-reference")
		})
	}
}

// Every figure of the literature, and of lifetimes on the holdout of CDNOW.
func TestFiguresReachTheirReferences(t *testing.T) {
	spend := columns(t, "cdnow/cdnow_customers_summary_with_transactions.csv.gz")
	donations := columns(t, "donations/donations.csv")
	all, err := Figures(context.Background(), Public{
		Sample: cdnowSample(t), SpendFrequency: spend["x"], SampleSpend: spend["zbar"],
		Donations:       Histories{Frequency: donations["frequency"], Recency: donations["recency"], Age: donations["periods"]},
		DonationWeights: donations["weights"], Full: cdnow(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !f.Reached() {
			t.Errorf("%s is %.8g, want %v ± %.2g", f.Name, f.Value, f.Reference, f.Tolerance)
		}
	}
	if len(all) != 59 {
		t.Errorf("%d figures", len(all))
	}
}

// The choice between the lifetime model and the run-rate on all of CDNOW, by
// hand: both errors are computed here a second time.
func TestSpendOfCDNOWAgainstItsRunRate(t *testing.T) {
	full := cdnow(t)
	mean := positive(full.MeanSpend)
	m := fit(t, ParetoNBD, full.Histories)
	s, err := FitSpend(context.Background(), full.Frequency, mean, nil)
	if err != nil {
		t.Fatal(err)
	}
	purchases, amounts, rate := make([]float64, full.Rows()), make([]float64, full.Rows()), make([]float64, full.Rows())
	if err := m.Expected(full.Histories, 39, purchases); err != nil {
		t.Fatal(err)
	}
	if err := s.Expected(full.Frequency, mean, amounts); err != nil {
		t.Fatal(err)
	}
	var off, offRate float64
	for i, v := range full.Spend {
		amounts[i] *= purchases[i]
		rate[i] = full.Spent[i] / full.Age[i] * 39
		off += math.Abs(amounts[i] - v)
		offRate += math.Abs(rate[i] - v)
	}
	choice, err := ChooseSpend(amounts, rate, full.Spend)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(choice.Sentence(score.English))
	n := float64(full.Rows())
	near(t, "MAE of the model", choice.Model.MAE, off/n, 1e-9)
	near(t, "MAE of the run-rate", choice.RunRate.MAE, offRate/n, 1e-9)
	if !choice.Lifetime {
		t.Error("the run-rate, which never lets an account leave, was chosen on CDNOW")
	}
}
