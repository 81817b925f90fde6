package lifetime

import (
	"context"
	"testing"
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
			m, err := FitChances(context.Background(), Chances{donations["frequency"], donations["recency"], donations["periods"]}, donations["weights"])
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
	for _, kind := range Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				fit(b, kind, full.Histories)
			}
		})
	}
}
