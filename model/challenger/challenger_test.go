package challenger

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/boost"
	"fealty/model/logistic"
	"fealty/model/metrics"
	"fealty/model/modeltest"

	"github.com/sjwhitworth/golearn/base"
	"pgregory.net/rapid"
)

// Not applicable: golearn's trees cut at means of values, not by order alone; a
// challenger reads numbers only and is never saved.
func TestForestConformance(t *testing.T) {
	modeltest.Run(t, func(seed uint64) model.Learner {
		return Forest{Params: ForestParams{Trees: 20, MaxRows: 600, Seed: seed}}
	}, modeltest.Options{OneClass: ErrOneClass, NoCategories: true, Rescale: modeltest.Tolerance{Margin: 1e-9}})
}

func TestBayesConformance(t *testing.T) {
	modeltest.Run(t, func(uint64) model.Learner { return Bayes{Params: DefaultBayes()} },
		modeltest.Options{OneClass: ErrOneClass, NoCategories: true, ColumnOrder: modeltest.Tolerance{Margin: 1e-9}})
}

// mixed is an invented sample: two columns that tell who churns, one of them
// with gaps, a count and noise.
func mixed(n int, seed uint64) (*frame.Frame, []float64) {
	chance := rand.New(rand.NewPCG(seed, 1)) // a test's draws
	f := &frame.Frame{Accounts: make([]frame.AccountID, n), Cutoffs: make([]frame.Cutoff, n)}
	columns := make([][]float64, 4)
	y := make([]float64, n)
	for i := range n {
		f.Accounts[i] = frame.AccountID(fmt.Sprint(i))
		recency, orders := chance.ExpFloat64()*60, float64(chance.IntN(5))
		if 1/(1+math.Exp(2-recency/30+orders/2)) > chance.Float64() {
			y[i] = 1
		}
		spend := orders*10 + chance.Float64()
		if i%4 == 0 {
			spend = math.NaN()
		}
		for k, v := range []float64{recency, spend, orders, chance.NormFloat64()} {
			columns[k] = append(columns[k], v)
		}
	}
	for k, name := range []string{"recency", "spend", "orders", "noise"} {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: columns[k]})
	}
	return f, y
}

func predicted(t *testing.T, m model.Predictor, f *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, f.Rows())
	if err := m.Predict(f, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// The flat trees say what golearn's say: the mean of its own probabilities, and
// the class that its bag votes for.
func TestForestEqualsGolearn(t *testing.T) {
	f, y := mixed(400, 1)
	m, bag, err := Forest{Params: ForestParams{Trees: 15, MaxRows: 300, Seed: 3}}.fit(t.Context(), f, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := mixed(150, 2)
	got := predicted(t, m, fresh)
	rows := make([][]float64, fresh.Rows())
	for i := range rows {
		for _, in := range m.inputs {
			rows[i] = append(rows[i], in.of(fresh.Column(m.names[in.column]).Numbers[i]))
		}
	}
	class := func(int) string { return className(0) } // any
	votes, err := bag.Predict(grid(len(m.inputs), rows, times(len(rows), class)))
	if err != nil {
		t.Fatal(err)
	}
	split := 0
	for i, row := range rows {
		one := grid(len(m.inputs), [][]float64{row}, times(1, class))
		sum, churn, tied := m.rate, 0, false
		for _, c := range bag.Models {
			tree, ok := c.(*member)
			if !ok {
				t.Fatalf("the bag holds a %T", c)
			}
			shares, err := tree.PredictProba(one)
			if err != nil {
				t.Fatal(err)
			}
			share := 0.0
			for _, s := range shares {
				if s.ClassValue == className(1) {
					share = s.Probability
				}
			}
			sum += share
			if share > 0.5 {
				churn++
			}
			tied = tied || share == 0.5
		}
		if want := logOdds(sum / float64(len(bag.Models)+1)); got[i] != want {
			t.Errorf("row %d: margin %v, golearn's probabilities give %v", i, got[i], want)
		}
		if tied {
			continue // golearn's answer there depends on the order of a map
		}
		split++
		if want := className(float64(churn * 2 / len(bag.Models))); base.GetClass(votes, i) != want {
			t.Errorf("row %d: %d of %d trees say churn, golearn says %s", i, churn, len(bag.Models), base.GetClass(votes, i))
		}
	}
	if split < 50 {
		t.Errorf("only %d rows without a tie", split)
	}
}

func times(n int, of func(int) string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = of(i)
	}
	return all
}

// The sign of the margin is the class that golearn's naive Bayes answers.
func TestBayesEqualsGolearn(t *testing.T) {
	f, y := mixed(500, 4)
	l := Bayes{Params: DefaultBayes()}
	m, parts, nb, err := l.fit(t.Context(), f, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := mixed(300, 5)
	churn := 0
	for i, margin := range predicted(t, m, fresh) {
		var row [][]byte
		for k, part := range parts {
			for b := range part.width() {
				bit := byte(0)
				if part.set(fresh.Column(m.names[k]).Numbers[i], b) {
					bit = 1
				}
				row = append(row, []byte{bit})
			}
		}
		want := nb.PredictOne(append(row, []byte{1}))
		if math.Abs(margin) > 1e-9 && (margin > 0) != (want == className(1)) {
			t.Errorf("row %d: margin %v, golearn says %s", i, margin, want)
		}
		if margin > 0 {
			churn++
		}
	}
	if churn < 20 || churn > 280 {
		t.Errorf("%d of 300 rows with a margin above 0: the comparison says little", churn)
	}
}

// What the doc comment says of missing values.
func TestMissingValuesAreRead(t *testing.T) {
	n := 400
	f, y := mixed(n, 6)
	gaps := make([]float64, n)
	for i := range gaps {
		if y[i] == 1 && i%3 > 0 {
			gaps[i] = math.NaN()
		}
	}
	f.Columns = append(f.Columns[3:], frame.Column{Meta: frame.Meta{Name: "gaps"}, Kind: frame.Number, Numbers: gaps})
	for _, l := range Learners(1) {
		m, err := l.Fit(t.Context(), f, y, nil)
		if err != nil {
			t.Fatal(err)
		}
		if auc := area(t, y, predicted(t, m, f)); auc < 0.8 {
			t.Errorf("%s: AUC %.3f where two thirds of the churned lack a value", l.Name(), auc)
		}
	}
}

func area(t *testing.T, y, margins []float64) float64 {
	t.Helper()
	v, err := metrics.AUC(y, margins, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Whole weights are met exactly, others to within one row.
func TestSampleMeetsWeights(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(r, "rows")
		f, _ := mixed(n, 1)
		whole := rapid.Bool().Draw(r, "whole")
		weights, total := make([]float64, n), 0.0
		for i := range weights {
			weights[i] = rapid.Float64Range(0, 9).Draw(r, "weight")
			if whole {
				weights[i] = math.Round(weights[i])
			}
			total += weights[i]
		}
		most := rapid.IntRange(10, 600).Draw(r, "most")
		y := make([]float64, n)
		for i := range y {
			y[i] = float64(i % 2)
		}
		rows, rate, err := sample(f, y, weights, most)
		if total == 0 {
			if !errors.Is(err, ErrNoRows) {
				r.Fatalf("no weight at all: %v", err)
			}
			return
		}
		if errors.Is(err, ErrOneClass) {
			r.Skip("one class")
		}
		if err != nil {
			r.Fatal(err)
		}
		churned := 0.0
		for i, w := range weights {
			churned += w * y[i]
		}
		if math.Abs(rate-churned/total) > 1e-12 {
			r.Fatalf("a rate of %v, the weights give %v", rate, churned/total)
		}
		if len(rows) > most {
			r.Fatalf("%d rows, at most %d", len(rows), most)
		}
		times := make([]float64, n)
		for _, i := range rows {
			times[i]++
		}
		for i, w := range weights {
			want := w / total * float64(len(rows))
			if math.Abs(times[i]-want) > 1+1e-9 || whole && float64(len(rows)) == total && times[i] != w {
				r.Fatalf("row %d of weight %v of %v stands %v times among %d", i, w, total, times[i], len(rows))
			}
		}
	})
}

func TestParamsOutOfBounds(t *testing.T) {
	for name, p := range map[string]interface{ Validate() error }{
		"no trees":        ForestParams{MaxRows: 10},
		"columns below 0": ForestParams{Trees: 1, MaxRows: 10, Columns: -1},
		"few rows":        ForestParams{Trees: 1, MaxRows: 9},
		"no cuts":         BayesParams{MaxRows: 10},
		"many rows":       BayesParams{Cuts: 1, MaxRows: 1e6},
	} {
		if err := p.Validate(); !errors.Is(err, ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, y := mixed(20, 1)
	if _, err := (Forest{}).Fit(t.Context(), f, y, nil); !errors.Is(err, ErrParams) {
		t.Errorf("the zero value: %v", err)
	}
	f.Columns[1] = frame.Column{Meta: frame.Meta{Name: "sector"}, Kind: frame.Category, Codes: make([]int32, 20), Levels: []string{"a"}}
	for _, l := range Learners(1) {
		if _, err := l.Fit(t.Context(), f, y, nil); !errors.Is(err, ErrBadInput) || !strings.Contains(err.Error(), "sector") {
			t.Errorf("%s on a category: %v", l.Name(), err)
		}
	}
}

// Beside the logistic regression on customers of a telephone company whose AUC by
// a good model is .845 (refs page). The challengers come near it and don't pass it.
func TestTelcoBesideLogistic(t *testing.T) {
	f, y := telco(t)
	var in, out []int
	for i := range y {
		if i%5 == 0 {
			out = append(out, i)
		} else {
			in = append(in, i)
		}
	}
	label := func(rows []int) []float64 {
		part := make([]float64, len(rows))
		for k, i := range rows {
			part[k] = y[i]
		}
		return part
	}
	reached := map[string]float64{}
	small := Forest{Params: ForestParams{Trees: 20, MaxRows: 1_000, Seed: 1}} // the default takes seconds
	for _, l := range []model.Learner{small, Bayes{Params: DefaultBayes()}, logistic.Learner{Params: logistic.Defaults()}} {
		m, err := l.Fit(t.Context(), f.Take(in), label(in), nil)
		if err != nil {
			t.Fatal(err)
		}
		reached[l.Name()] = area(t, label(out), predicted(t, m, f.Take(out)))
		t.Logf("%s: AUC %.4f on %d rows", l.Name(), reached[l.Name()], len(out))
	}
	for name, least := range map[string]float64{"logistic": 0.82, "golearn-forest": 0.79, "golearn-bayes": 0.78} {
		if v := reached[name]; !(v > least && v < 0.90) {
			t.Errorf("%s: AUC %.4f, want above %v and, without a leak, below .9", name, v, least)
		}
	}
}

// telco reads every column as a number, a text as one 0/1 column per level.
func telco(t *testing.T) (*frame.Frame, []float64) {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	file, err := os.Open(filepath.Join(root, "telco", "Telco-Customer-Churn.csv.gz"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data set telco is not there: set FEALTY_DATA: %v", err)
		}
		t.Skipf("SKIPPED: the data set telco is not there: set FEALTY_DATA to run this test: %v", err)
	}
	defer func() { _ = file.Close() }()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(unpacked).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head, lines := lines[0], lines[1:]
	f := &frame.Frame{Cutoffs: make([]frame.Cutoff, len(lines))}
	y := make([]float64, len(lines))
	for i, line := range lines {
		f.Accounts = append(f.Accounts, frame.AccountID(line[0]))
		if line[len(line)-1] == "Yes" {
			y[i] = 1
		}
	}
	add := func(name string, of func(text string) float64, k int) {
		c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number}
		for _, line := range lines {
			c.Numbers = append(c.Numbers, of(line[k]))
		}
		f.Columns = append(f.Columns, c)
	}
	for k := 1; k < len(head)-1; k++ {
		if _, err := strconv.ParseFloat(lines[0][k], 64); err == nil {
			add(head[k], func(text string) float64 {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					return math.NaN() // eleven blank totals
				}
				return v
			}, k)
			continue
		}
		levels := map[string]bool{}
		for _, line := range lines {
			levels[line[k]] = true
		}
		for _, level := range slices.Sorted(maps.Keys(levels)) {
			add(head[k]+"="+level, func(text string) float64 {
				if text == level {
					return 1
				}
				return 0
			}, k)
		}
	}
	return f, y
}

// 2,000 rows of 40 columns, the forest's largest sample.
func BenchmarkFit(b *testing.B) {
	f, y := mixed(2_000, 1)
	for k := len(f.Columns); k < 40; k++ {
		noise, _ := mixed(2_000, uint64(k))
		f.Columns = append(f.Columns, noise.Columns[k%4])
		f.Columns[k].Name += strconv.Itoa(k)
	}
	for _, l := range append(Learners(1), boost.Learner{Params: boost.Defaults()}) {
		b.Run(l.Name(), func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Fit(b.Context(), f, y, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
