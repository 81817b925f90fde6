package logistic

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"fealty/features/frame"
)

// numbers builds a frame of number columns named x0, x1 and so on.
func numbers(columns ...[]float64) *frame.Frame {
	n := len(columns[0])
	f := &frame.Frame{Accounts: make([]frame.AccountID, n), Cutoffs: make([]frame.Cutoff, n)}
	for k, v := range columns {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: "x" + strconv.Itoa(k)}, Kind: frame.Number, Numbers: v})
	}
	return f
}

func category(name string, levels []string, codes []int32) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Category, Levels: levels, Codes: codes}
}

// town draws n rows of a known truth: a heavy-tailed number with gaps, a
// symmetric one, and a category of three levels.
func town(n int, seed uint64) (*frame.Frame, []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	spend, trend, codes, y := make([]float64, n), make([]float64, n), make([]int32, n), make([]float64, n)
	shift := []float64{-0.6, 0, 0.6}
	for i := range n {
		logSpend := 5 + 1.5*r.NormFloat64()
		spend[i], trend[i], codes[i] = math.Exp(logSpend)-1, r.NormFloat64(), int32(r.IntN(3))
		eta := -0.5 - 0.8*(logSpend-5)/1.5 + 0.5*trend[i] + shift[codes[i]]
		if r.Float64() < 0.15 {
			spend[i] = math.NaN()
			eta = 0.2 + 0.5*trend[i] + shift[codes[i]]
		}
		if r.Float64() < 1/(1+math.Exp(-eta)) {
			y[i] = 1
		}
	}
	f := numbers(spend, trend)
	f.Columns = append(f.Columns, category("sector", []string{"a", "b", "c"}, codes))
	return f, y
}

func fit(t *testing.T, p Params, f *frame.Frame, y, w []float64) *Model {
	t.Helper()
	m, err := Fit(context.Background(), p, f, y, w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func margins(t *testing.T, m *Model, f *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, f.Rows())
	if err := m.Predict(f, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFitRecoversThePlantedTruth(t *testing.T) {
	f, y := town(30_000, 7)
	m := fit(t, Defaults(), f, y, nil)
	// The truth of town: slopes per standard deviation of log spend and of
	// trend, 0.6 between neighbouring sectors, and for a missing spend 0.2
	// against −0.5 at the mean spend.
	want := map[string]float64{"x0 value": -0.8, "x1 value": 0.5, "x0 missing": 0.7, "sector level a": -0.6, "sector level c": 0.6}
	got := map[string]Coefficient{}
	for _, c := range m.Coefficients() {
		got[strings.TrimSpace(c.Feature+" "+string(c.Term)+" "+c.Level)] = c
	}
	reference := got["sector level b"].Estimate
	for name, truth := range want {
		c, ok := got[name]
		if !ok {
			t.Fatalf("no coefficient %q in %v", name, got)
		}
		estimate := c.Estimate
		if c.Term == TermLevel {
			estimate -= reference
		}
		if c.StandardError <= 0 || c.StandardError > 0.1 {
			t.Errorf("%s: standard error %v", name, c.StandardError)
		}
		if math.Abs(estimate-truth) > 4*max(c.StandardError, 0.03) {
			t.Errorf("%s: %.3f ± %.3f, planted %.3f", name, estimate, c.StandardError, truth)
		}
	}
	if got["x0 value"].Transform != Log1p || got["x1 value"].Transform != Identity {
		t.Errorf("Auto chose %v for lognormal spend and %v for a normal trend", got["x0 value"].Transform, got["x1 value"].Transform)
	}
}

// Two groups, one mark: the unpenalised coefficient is the log odds ratio of
// the 2 × 2 table and its variance the sum of the reciprocal counts (Woolf
// 1955).
func TestStandardErrorIsWoolfs(t *testing.T) {
	table := []struct {
		x, y  float64
		count int
	}{{0, 0, 40}, {0, 1, 10}, {1, 0, 15}, {1, 1, 35}}
	var x, y []float64
	for _, c := range table {
		for range c.count {
			x, y = append(x, c.x), append(y, c.y)
		}
	}
	p := Defaults()
	p.L2, p.Transform = 0, map[string]Transform{"x0": Identity}
	c := fit(t, p, numbers(x), y, nil).Coefficients()[0]
	estimate, se := c.PerUnit()
	if want := math.Log(35. * 40 / (15 * 10)); math.Abs(estimate-want) > 1e-12 {
		t.Errorf("log odds ratio %.15f, want %.15f", estimate, want)
	}
	if want := math.Sqrt(1./40 + 1./10 + 1./15 + 1./35); math.Abs(se-want) > 1e-12 {
		t.Errorf("standard error %.15f, want %.15f", se, want)
	}
	low, high := c.OddsRatioInterval(0.95)
	if z := (math.Log(high) - math.Log(low)) / (2 * c.StandardError); math.Abs(z-1.959963984540054) > 1e-9 || low >= c.OddsRatio() || high <= c.OddsRatio() {
		t.Errorf("interval [%v, %v] around %v", low, high, c.OddsRatio())
	}
}

// At the optimum of the penalised likelihood every score equation holds:
// Σ w(μ − y) = 0 and Σ w(μ − y)·x + L2·β = 0.
func TestFitSolvesTheScoreEquations(t *testing.T) {
	f, y := town(800, 3)
	r := rand.New(rand.NewPCG(9, 9))
	w := make([]float64, len(y))
	for i := range w {
		w[i] = r.ExpFloat64()
	}
	for _, l2 := range []float64{0.01, 1, 100} {
		p := Defaults()
		p.L2 = l2
		m := fit(t, p, f, y, w)
		eta := margins(t, m, f)
		t0 := &m.content.Features[0]
		var free, slope, missing float64
		for i := range y {
			residual := w[i] * (1/(1+math.Exp(-eta[i])) - y[i])
			free += residual
			if x := f.Columns[0].Numbers[i]; math.IsNaN(x) {
				missing += residual
			} else {
				slope += residual * t0.standardise(x)
			}
		}
		slope += l2 * t0.Value.Estimate
		missing += l2 * t0.Missing.Estimate
		for name, v := range map[string]float64{"intercept": free, "value": slope, "missing": missing} {
			if math.Abs(v) > 1e-8 {
				t.Errorf("L2 %g: the score of the %s is %g", l2, name, v)
			}
		}
	}
}

func dataFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				root = filepath.Join(dir, "..", "shared", "data")
				break
			}
		}
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data set %s is not there: set FEALTY_DATA", name)
		}
		t.Skipf("SKIPPED: the data set %s is not there: set FEALTY_DATA to run this test", name)
	}
	return path
}

// Four unpenalised regressions on the Hillstrom e-mail test, against
// scikit-learn's (testdata/README.md).
func TestFitEqualsScikitLearnOnHillstrom(t *testing.T) {
	text, err := os.ReadFile("testdata/hillstrom.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Cases []struct {
			Arm          string
			Coefficients map[string][]float64
		}
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(dataFile(t, "hillstrom/hillstrom.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(unzipped).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for k, name := range records[0] {
		column[name] = k
	}
	for _, c := range reference.Cases {
		var x [9][]float64
		var visit []float64
		var treated []bool
		at := -1
		for _, r := range records[1:] {
			segment := r[column["segment"]]
			if segment != c.Arm && segment != "No E-Mail" {
				continue
			}
			if at++; at%2 == 1 {
				continue // odd rows are the reference's test half
			}
			for k, name := range []string{"recency", "history", "mens", "womens", "newbie"} {
				v, err := strconv.ParseFloat(r[column[name]], 64)
				if err != nil {
					t.Fatal(err)
				}
				x[k] = append(x[k], v)
			}
			for k, mark := range [][2]string{{"zip_code", "Surburban"}, {"zip_code", "Urban"}, {"channel", "Phone"}, {"channel", "Web"}} {
				v := 0.0
				if r[column[mark[0]]] == mark[1] {
					v = 1
				}
				x[5+k] = append(x[5+k], v)
			}
			v, err := strconv.ParseFloat(r[column["visit"]], 64)
			if err != nil {
				t.Fatal(err)
			}
			visit, treated = append(visit, v), append(treated, segment == c.Arm)
		}
		if len(c.Coefficients) != 2 {
			t.Fatalf("%s: %d reference fits, want 2", c.Arm, len(c.Coefficients))
		}
		for side, want := range c.Coefficients {
			// The reference standardises over both arms and fits one, so ours,
			// which standardises over the rows it fits, is compared per unit.
			all, one := moment(x), []int{}
			for i, tr := range treated {
				if tr == (side == "treated") {
					one = append(one, i)
				}
			}
			p := Defaults()
			p.L2 = 0
			p.Transform = map[string]Transform{}
			f := numbers(x[:]...)
			for k := range f.Columns {
				p.Transform[f.Columns[k].Name] = Identity
			}
			y := make([]float64, len(one))
			for k, i := range one {
				y[k] = visit[i]
			}
			m := fit(t, p, f.Take(one), y, nil)
			base := m.Base()
			for k, coefficient := range m.Coefficients() {
				unit, _ := coefficient.PerUnit()
				if got := unit * all[k].sd; math.Abs(got-want[k+1]) > 1e-9 {
					t.Errorf("%s, %s, column %d: %.12f, scikit-learn %.12f", c.Arm, side, k, got, want[k+1])
				}
				base += unit * (all[k].mean - m.content.Features[k].Mean)
			}
			if math.Abs(base-want[0]) > 1e-9 {
				t.Errorf("%s, %s, intercept: %.12f, scikit-learn %.12f", c.Arm, side, base, want[0])
			}
		}
	}
}

type meanSD struct{ mean, sd float64 }

// moment is a second way to the mean and deviation, plain two-pass sums.
func moment(x [9][]float64) [9]meanSD {
	var all [9]meanSD
	for k, v := range x {
		var sum, squares float64
		for _, u := range v {
			sum += u
		}
		mean := sum / float64(len(v))
		for _, u := range v {
			squares += (u - mean) * (u - mean)
		}
		all[k] = meanSD{mean, math.Sqrt(squares / float64(len(v)))}
	}
	return all
}

func TestSeparableClasses(t *testing.T) {
	f, y := numbers([]float64{1, 2, 3, 4, 5, 6}), []float64{0, 0, 0, 1, 1, 1}
	for _, v := range margins(t, fit(t, Defaults(), f, y, nil), f) {
		if math.Abs(v) > 20 {
			t.Errorf("with a ridge the margins stay small, got %v", v)
		}
	}
	p := Defaults()
	p.L2 = 0
	_, err := Fit(context.Background(), p, f, y, nil)
	if !errors.Is(err, ErrNotConverged) && !errors.Is(err, ErrSingular) {
		t.Fatalf("without a penalty: %v", err)
	}
	if !strings.Contains(err.Error(), "raise L2") {
		t.Errorf("no advice in %q", err)
	}
	p = Defaults()
	p.MaxIterations = 1
	if _, err := Fit(context.Background(), p, f, y, nil); !errors.Is(err, ErrNotConverged) {
		t.Errorf("one iteration: %v", err)
	}
	p = Defaults()
	p.L2 = 0
	x := []float64{1, 2, 3, 4, 5, 6}
	if _, err := Fit(context.Background(), p, numbers(x, x), []float64{0, 1, 0, 1, 0, 1}, nil); !errors.Is(err, ErrSingular) {
		t.Errorf("the same column twice without a penalty: %v", err)
	}
}

func TestFitRefusesBadInput(t *testing.T) {
	x := []float64{1, 2, 3, 4}
	y := []float64{0, 1, 0, 1}
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name string
		f    *frame.Frame
		y, w []float64
		p    func(*Params)
		want error
		says string
	}{
		{"NaN label", numbers(x), []float64{0, nan, 0, 1}, nil, nil, ErrBadInput, "row 1"},
		{"infinite label", numbers(x), []float64{0, 1, 0, inf}, nil, nil, ErrBadInput, "row 3"},
		{"label 2", numbers(x), []float64{0, 1, 2, 1}, nil, nil, ErrBadInput, "row 2 is 2"},
		{"one class", numbers(x), []float64{1, 1, 1, 1}, nil, nil, ErrOneClass, "all 4 are 1"},
		{"one class among the weighted", numbers(x), y, []float64{0, 1, 0, 1}, nil, ErrOneClass, "all 2"},
		{"negative weight", numbers(x), y, []float64{1, 1, -1, 1}, nil, ErrBadInput, "weight of row 2 is -1"},
		{"NaN weight", numbers(x), y, []float64{1, 1, nan, 1}, nil, ErrBadInput, "weight of row 2"},
		{"infinite weight", numbers(x), y, []float64{1, inf, 1, 1}, nil, ErrBadInput, "weight of row 1"},
		{"weights 0", numbers(x), y, make([]float64, 4), nil, ErrNoRows, "every weight"},
		{"too few labels", numbers(x), y[:3], nil, nil, ErrBadInput, "3 outcomes for 4 rows"},
		{"too many weights", numbers(x), y, make([]float64, 5), nil, ErrBadInput, "5 weights"},
		{"infinite value", numbers(x, []float64{1, 2, inf, 4}), y, nil, nil, ErrBadInput, `"x1" row 2`},
		{"no rows", numbers(nil), nil, nil, nil, ErrNoRows, ""},
		{"no columns", &frame.Frame{Accounts: make([]frame.AccountID, 4), Cutoffs: make([]frame.Cutoff, 4)}, y, nil, nil, ErrNoFeatures, ""},
		{"negative L2", numbers(x), y, nil, func(p *Params) { p.L2 = -1 }, ErrParams, "L2"},
		{"NaN L2", numbers(x), y, nil, func(p *Params) { p.L2 = nan }, ErrParams, "L2"},
		{"no iterations", numbers(x), y, nil, func(p *Params) { p.MaxIterations = 0 }, ErrParams, "MaxIterations"},
		{"no tolerance", numbers(x), y, nil, func(p *Params) { p.Tolerance = 0 }, ErrParams, "Tolerance"},
		{"no levels", numbers(x), y, nil, func(p *Params) { p.MaxLevels = 0 }, ErrParams, "MaxLevels"},
		{"unknown transform", numbers(x), y, nil, func(p *Params) { p.Transform = map[string]Transform{"x0": 9} }, ErrParams, `"x0"`},
		{"transform of nothing", numbers(x), y, nil, func(p *Params) { p.Transform = map[string]Transform{"z": Log1p} }, ErrBadInput, `"z"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Defaults()
			if c.p != nil {
				c.p(&p)
			}
			_, err := Fit(context.Background(), p, c.f, c.y, c.w)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v saying %q", err, c.want, c.says)
			}
		})
	}
	bad := numbers(x)
	bad.Columns[0].Name = "\xff"
	if _, err := Fit(context.Background(), Defaults(), bad, y, nil); !errors.Is(err, ErrBadInput) {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
	bad.Columns[0] = category("c", []string{"a", "\xff"}, []int32{0, 1, 0, 1})
	if _, err := Fit(context.Background(), Defaults(), bad, y, nil); !errors.Is(err, ErrBadInput) {
		t.Errorf("a level that is not UTF-8: %v", err)
	}
}

func TestRareLevelsShareOneCoefficient(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	n := 2000
	levels := make([]string, 500)
	for k := range levels {
		levels[k] = "product " + strconv.Itoa(k)
	}
	codes, y := make([]int32, n), make([]float64, n)
	for i := range n {
		codes[i] = int32(float64(len(levels)) * math.Pow(r.Float64(), 3))
		y[i] = float64(r.IntN(2))
	}
	f := numbers(make([]float64, n))
	f.Columns[0] = category("product", levels, codes)
	p := Defaults()
	p.MaxLevels = 10
	m := fit(t, p, f, y, nil)
	if got := len(m.Coefficients()); got != 11 {
		t.Errorf("%d coefficients, want 10 levels and the rest", got)
	}
	var total float64
	for _, c := range m.Coefficients() {
		total += c.Share
	}
	if math.Abs(total-1) > 1e-12 {
		t.Errorf("shares sum to %v", total)
	}
	// A level of the pool and one that nobody has seen read alike.
	g := numbers(make([]float64, 2))
	g.Columns[0] = category("product", []string{"product 499", "never seen"}, []int32{0, 1})
	if got := margins(t, m, g); got[0] != got[1] {
		t.Errorf("pooled %v, unseen %v", got[0], got[1])
	}
}

func TestPredictFindsColumnsAndLevelsByName(t *testing.T) {
	f, y := town(500, 5)
	m := fit(t, Defaults(), f, y, nil)
	want := margins(t, m, f)
	g := *f
	codes := make([]int32, f.Rows())
	for i, c := range f.Columns[2].Codes {
		codes[i] = 3 - c
	}
	g.Columns = []frame.Column{category("sector", []string{"unused", "c", "b", "a"}, codes), f.Columns[1],
		{Meta: frame.Meta{Name: "extra"}, Kind: frame.Number, Numbers: make([]float64, f.Rows())}, f.Columns[0]}
	if got := margins(t, m, &g); !same(got, want) {
		t.Error("other order of columns and levels, other margins")
	}
	g.Columns = g.Columns[:3]
	if err := m.Predict(&g, want); !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), `expected feature "x0" at 0, found "sector"`) {
		t.Errorf("a column is absent: %v", err)
	}
	g.Columns = append([]frame.Column{category("x0", []string{"a"}, make([]int32, f.Rows()))}, f.Columns[1:]...)
	if err := m.Predict(&g, want); !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), `"x0" is a category`) {
		t.Errorf("a column of another kind: %v", err)
	}
	if err := m.Predict(f, want[1:]); !errors.Is(err, ErrFrame) {
		t.Errorf("too few places: %v", err)
	}
	if _, err := m.Explain(f, want); !errors.Is(err, ErrFrame) {
		t.Errorf("too few places to explain: %v", err)
	}
	infinite := numbers([]float64{1, math.Inf(-1)}, []float64{0, 0})
	infinite.Columns = append(infinite.Columns, category("sector", []string{"a"}, []int32{0, 0}))
	if err := m.Predict(infinite, make([]float64, 2)); !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), `"x0" row 1`) {
		t.Errorf("an infinite value: %v", err)
	}
}

func TestWhatTrainingNeverSawReadsAsTheMean(t *testing.T) {
	f := numbers([]float64{1, 2, 3, 4, 5, 6})
	f.Columns = append(f.Columns, category("sector", []string{"a", "b"}, []int32{0, 1, 0, 1, 1, 0}))
	m := fit(t, Defaults(), f, []float64{0, 1, 0, 1, 1, 1}, nil)
	g := numbers([]float64{math.NaN(), math.NaN()})
	g.Columns = append(g.Columns, category("sector", []string{"z"}, []int32{0, -1}))
	for i, v := range margins(t, m, g) {
		if v != m.Base() {
			t.Errorf("row %d: margin %v, base %v", i, v, m.Base())
		}
	}
}

func TestExtremeValuesGiveFiniteMargins(t *testing.T) {
	for _, x := range [][]float64{
		{-math.MaxFloat64, math.MaxFloat64, 0, 1, 2, 3},
		{5e-324, 0, 1e-323, 0, 5e-324, 0},
		{1e300, 1e300, 1e300, 1e300, 1e300, math.Nextafter(1e300, 2e300)},
	} {
		for _, transform := range []Transform{Auto, Identity, Log1p} {
			p := Defaults()
			p.Transform = map[string]Transform{"x0": transform}
			f := numbers(x)
			m := fit(t, p, f, []float64{0, 1, 0, 1, 0, 0}, nil)
			g := numbers([]float64{-math.MaxFloat64, math.MaxFloat64, 5e-324, 0, math.NaN()})
			for i, v := range margins(t, m, g) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%v, %v: margin %d is %v", x, transform, i, v)
				}
			}
		}
	}
}

func TestSameBytesOnAnyNumberOfThreads(t *testing.T) {
	f, y := town(3*stripeRows, 11)
	var texts [][]byte
	for _, threads := range []int{1, 2, 5} {
		before := runtime.GOMAXPROCS(threads)
		text, err := fit(t, Defaults(), f, y, nil).MarshalText()
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if !bytes.Equal(texts[0], texts[1]) || !bytes.Equal(texts[0], texts[2]) {
		t.Error("the model depends on the number of threads")
	}
}

func TestCancelledFit(t *testing.T) {
	f, y := town(100, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fit(ctx, Defaults(), f, y, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func same(a, b []float64) bool {
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
