package wallet

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// integrate adds f over the log-odds −80 … 80 of a share: an independent way to
// every figure of two suppliers.
func integrate(f func(share, rest float64) float64) float64 {
	const steps, edge = 6000, 80.0
	sum := 0.0
	for i := range steps {
		z := -edge + 2*edge*(float64(i)+0.5)/steps
		p, q := 1/(1+math.Exp(-z)), 1/(1+math.Exp(z))
		sum += f(p, q) * p * q * 2 * edge / steps
	}
	return sum
}

func TestShrinkageEqualsIntegration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(0.3, 8).Draw(t, "a"), rapid.Float64Range(0.3, 8).Draw(t, "b")
		x, y := rapid.Float64Range(0, 12).Draw(t, "ours"), rapid.Float64Range(0, 12).Draw(t, "others")
		prior := func(p, q float64) float64 { return math.Pow(p, a-1) * math.Pow(q, b-1) }
		seen := func(p, q float64) float64 { return prior(p, q) * math.Pow(p, x) * math.Pow(q, y) }
		evidence := integrate(seen)
		d := Dirichlet{[]float64{a, b}}
		counts := []float64{x, y}
		if got, want := d.LogLikelihood([][]float64{counts}), math.Log(evidence/integrate(prior)); math.Abs(got-want) > 1e-6 {
			t.Fatalf("log-likelihood %v, integration says %v", got, want)
		}
		shares := make([]float64, 2)
		d.Shares(counts, shares)
		want := integrate(func(p, q float64) float64 { return p * seen(p, q) }) / evidence
		if math.Abs(shares[0]-want) > 1e-6 || math.Abs(shares[0]+shares[1]-1) > 1e-12 {
			t.Fatalf("shares %v, integration says %v", shares, want)
		}
		low, high := d.Interval(counts, 0, 0.8)
		inside := integrate(func(p, q float64) float64 {
			if p < low || p > high {
				return 0
			}
			return seen(p, q)
		}) / evidence
		if math.Abs(inside-0.8) > 0.04 {
			t.Fatalf("interval %v … %v holds %v", low, high, inside)
		}
	})
}

// drawShares draws purchases of accounts whose shares come from a Dirichlet.
func drawShares(r *rand.Rand, alpha []float64, accounts, purchases int) [][]float64 {
	counts := make([][]float64, accounts)
	for i := range counts {
		shares := make([]float64, len(alpha))
		for k, a := range alpha {
			shares[k] = distuv.Gamma{Alpha: a, Beta: 1, Src: r}.Rand()
		}
		counts[i] = make([]float64, len(alpha))
		for range purchases {
			u, k := r.Float64()*total(shares), 0
			for k < len(shares)-1 && u >= shares[k] {
				u -= shares[k]
				k++
			}
			counts[i][k]++
		}
	}
	return counts
}

func TestDirichletIsRecovered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	planted := []float64{0.6, 1.8, 0.3}
	counts := drawShares(r, planted, 3000, 40)
	d, err := FitDirichlet(counts)
	if err != nil {
		t.Fatal(err)
	}
	at := d.LogLikelihood(counts)
	for k, a := range d.Alpha {
		if math.Abs(a-planted[k]) > 0.1*planted[k] { // standard errors are about 2.5 %
			t.Errorf("alpha %d is %v, planted %v", k, a, planted[k])
		}
		for _, f := range []float64{0.999, 1.001} {
			moved := Dirichlet{append([]float64(nil), d.Alpha...)}
			moved.Alpha[k] *= f
			if moved.LogLikelihood(counts) > at {
				t.Errorf("alpha %d × %v is more likely", k, f)
			}
		}
	}
	// Purchases in the hundreds stay finite.
	if v := d.LogLikelihood([][]float64{{400, 900, 0}}); math.IsNaN(v) || math.IsInf(v, 0) {
		t.Errorf("log-likelihood %v", v)
	}
}

func TestSharesThatTellNothingAreRefused(t *testing.T) {
	same, alone := make([][]float64, 50), make([][]float64, 50)
	for i := range same {
		same[i] = []float64{5, 5}
		alone[i] = []float64{0, 10}
		if i%2 == 0 {
			alone[i] = []float64{10, 0}
		}
	}
	for name, counts := range map[string][][]float64{
		"none": nil, "one supplier": {{3}}, "ragged": {{1, 2}, {1}}, "negative": {{1, -2}, {1, 3}},
		"once each": {{1, 0}, {0, 1}}, "nobody": {{3, 0}, {4, 0}}, "all alike": same, "never mixed": alone,
		"not a number": {{math.NaN(), 2}, {1, 2}},
	} {
		if d, err := FitDirichlet(counts); !errors.Is(err, ErrShares) {
			t.Errorf("%s: %v and error %v", name, d, err)
		}
	}
}

func TestPanelsEqualReference(t *testing.T) {
	all := map[string][]Purchase{}
	for _, c := range []struct { // figures of the reference page, to its printed digits
		name          string
		households    int
		logLoss       float64
		rmse, rawRMSE float64
	}{
		{"Catsup", 300, 1.080, .241, .278}, {"Cracker", 136, .546, .128, .131}, {"Yogurt", 100, .727, .247, .262},
	} {
		all[c.name] = panel(t, c.name)
		p, err := Figures(all[c.name])
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d households, log-loss %.4f (%.3f), RMSE %.4f (%.3f), raw %.4f (%.3f), MAE %.4f, raw %.4f, alpha %.3f",
			c.name, p.Households, p.LogLoss, c.logLoss, p.RMSE, c.rmse, p.RawRMSE, c.rawRMSE, p.MAE, p.RawMAE, p.Model.Alpha)
		const digit = 0.0006
		if p.Households != c.households || math.Abs(p.LogLoss-c.logLoss) > digit || math.Abs(p.RMSE-c.rmse) > digit || math.Abs(p.RawRMSE-c.rawRMSE) > digit {
			t.Errorf("%s: not the reference's figures", c.name)
		}
	}
	hidden, err := HiddenFigures(t.Context(), all, Defaults())
	if err != nil || len(hidden) != len(all) {
		t.Fatal(err)
	}
	for k, want := range []struct{ households, accounts int }{{300, 743}, {136, 326}, {100, 220}} { // counted in the files
		h := &hidden[k]
		t.Logf("hidden: %+v", h)
		if h.Households != want.households || h.Accounts != hiddenDraws*want.accounts || math.Abs(h.Inside-.8) > h.Tolerance(.8) || h.Told > h.Accounts || h.Told*2 < h.Accounts {
			t.Errorf("%+v, want .8 ± %.3f of %d households inside", h, h.Tolerance(.8), want.households)
		}
	}
}

// panel reads a panel of the public data sets.
func panel(t *testing.T, name string) []Purchase {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(root, "ecdat-panels", name+".csv.gz"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the panel %s is not there: set FEALTY_DATA", name)
		}
		t.Skipf("SKIPPED: the panel %s is not there: set FEALTY_DATA to run this test", name)
	}
	defer f.Close() //nolint:errcheck // read only
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var purchases []Purchase
	for _, row := range rows[1:] { // rownames, id, …, choice
		purchases = append(purchases, Purchase{Household: row[1], Choice: row[len(row)-1]})
	}
	return purchases
}
