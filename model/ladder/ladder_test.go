package ladder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gonum.org/v1/gonum/stat"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/boost"
	"fealty/model/calibrate"
)

// lasting adds what a lifetime model would say of the rows: something of what
// decides them.
func lasting(s Sample) Sample {
	recency, bought := s.Frame.Column("recency_days").Numbers, s.Frame.Column("buying_days_365d").Numbers
	c := frame.Column{Meta: frame.Meta{Name: lifetimeColumns[0], Direction: frame.Raises}, Kind: frame.Number, Numbers: make([]float64, len(s.Y))}
	for i := range c.Numbers {
		c.Numbers[i] = calibrate.Logistic(0.03*(recency[i]-60) - 0.05*(bought[i]-10))
	}
	f := *s.Frame
	f.Columns = append(slices.Clone(f.Columns), c)
	s.Frame = &f
	return s
}

// planted makes accounts at several cutoffs whose margin is known: recency
// counts, and with interaction also a product of two columns that no linear
// model sees.
func planted(accounts, cutoffs int, seed uint64, interaction float64) Sample {
	d := rand.New(rand.NewPCG(seed, 1))
	f := &frame.Frame{}
	names := []string{
		"recency_days", "recency_to_gap", "buying_days_90d", "buying_days_365d", "gap_median_days", "spend_365d",
		"active_month_share", "products_365d", "tenure_days", "left", "right", "noise",
	}
	directions := map[string]frame.Direction{"recency_days": frame.Raises, "recency_to_gap": frame.Raises, "buying_days_365d": frame.Lowers}
	columns := make([][]float64, len(names))
	var y, back []float64
	for a := range accounts {
		for c := range cutoffs {
			f.Accounts = append(f.Accounts, frame.AccountID(fmt.Sprintf("a%05d", a)))
			f.Cutoffs = append(f.Cutoffs, frame.Cutoff(1_600_000_000+int64(seed)*864_000+int64(c)*2_592_000+int64(seed)))
			recency, bought := 120*d.Float64(), float64(1+d.IntN(20))
			left, right := d.NormFloat64(), d.NormFloat64()
			gap := 365 / bought
			ratio := recency / gap
			if bought < 3 {
				gap, ratio = math.NaN(), math.NaN()
			}
			row := []float64{
				recency, ratio, math.Floor(bought / 4), bought, gap, 100 * bought * d.ExpFloat64(),
				math.Min(1, bought/12), math.Floor(3 * bought * d.Float64()), 30 + 700*d.Float64(), left, right, d.NormFloat64(),
			}
			for i, v := range row {
				columns[i] = append(columns[i], v)
			}
			margin := 0.03*(recency-60) - 0.1*(bought-10) + interaction*left*right
			churned := 0.0
			if d.Float64() < calibrate.Logistic(margin) {
				churned = 1
			}
			y, back = append(y, churned), append(back, math.NaN())
			if churned == 1 && c == 0 {
				back[len(back)-1] = float64(d.IntN(2))
			}
		}
	}
	for i, name := range names {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name, Direction: directions[name]}, Kind: frame.Number, Numbers: columns[i]})
	}
	return Sample{Frame: f, Y: y, CameBack: back}
}

// truth is the probability that planted drew each outcome with.
func truth(s Sample, interaction float64) []float64 {
	column := func(name string) []float64 { return s.Frame.Column(name).Numbers }
	p := make([]float64, len(s.Y))
	for i := range p {
		p[i] = calibrate.Logistic(0.03*(column("recency_days")[i]-60) - 0.1*(column("buying_days_365d")[i]-10) +
			interaction*column("left")[i]*column("right")[i])
	}
	return p
}

func mustTrain(t *testing.T, p Params, train, test Sample) *Result {
	t.Helper()
	r, err := Train(t.Context(), p, train, test, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rungCard(t *testing.T, r *Result, rung Rung) model.RungCard {
	t.Helper()
	for _, row := range r.Card.Ladder {
		if row.Rung == string(rung) {
			return row
		}
	}
	t.Fatalf("no rung %s in the card", rung)
	return model.RungCard{}
}

// A margin that is linear leaves boosting nothing to find beyond the logistic
// regression; an interaction is found by trees alone.
func TestTheRungFollowsThePlantedTruth(t *testing.T) {
	p := Defaults()
	p.Bags = 2
	linear := mustTrain(t, p, planted(700, 3, 1, 0), planted(900, 1, 2, 0))
	l, b := rungCard(t, linear, Logistic), rungCard(t, linear, Boosting)
	if l.FoldLogLoss > b.FoldLogLoss+0.005 || linear.Model.Rung() == Boosting {
		t.Errorf("on a linear truth %s serves; logistic %.4f, boosting %.4f on the folds", linear.Model.Rung(), l.FoldLogLoss, b.FoldLogLoss)
	}
	// The probabilities themselves are found, not only their order.
	if off := meanDistance(probabilities(linear.Rungs[Logistic]), truth(planted(900, 1, 2, 0), 0)); off > 0.03 {
		t.Errorf("the logistic rung is %.3f off the planted probabilities on average", off)
	}
	crossed := mustTrain(t, p, planted(700, 3, 1, 2), planted(900, 1, 2, 2))
	trees, line := meanDistance(probabilities(crossed.Rungs[Boosting]), truth(planted(900, 1, 2, 2), 2)), meanDistance(probabilities(crossed.Rungs[Logistic]), truth(planted(900, 1, 2, 2), 2))
	if trees > 0.16 || line < trees+0.05 {
		t.Errorf("on an interaction boosting is %.3f off the planted probabilities and the logistic rung %.3f", trees, line)
	}
	l, b = rungCard(t, crossed, Logistic), rungCard(t, crossed, Boosting)
	if b.FoldAUC < l.FoldAUC+0.03 || crossed.Model.Rung() != Boosting && crossed.Model.Rung() != Blend {
		t.Errorf("on an interaction %s serves; AUC of logistic %.3f, of boosting %.3f", crossed.Model.Rung(), l.FoldAUC, b.FoldAUC)
	}
	if crossed.Card.Report.Grade == "C" || linear.Card.Report.Grade == "" {
		t.Errorf("grades %q and %q", crossed.Card.Report.Grade, linear.Card.Report.Grade)
	}
}

func meanDistance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += math.Abs(a[i] - b[i])
	}
	return sum / float64(len(a))
}

func TestContributionsAddUpAndRowsDoNotDependOnTheirBatch(t *testing.T) {
	p := Defaults()
	p.Bags = 2
	test := planted(300, 1, 4, 1)
	for _, rung := range Rungs() {
		p.MaxRung = rung
		m := mustTrain(t, p, planted(600, 2, 3, 1), test).Model
		n := test.Frame.Rows()
		margins, parts := make([]float64, n), make([]float64, n*len(m.Features()))
		if err := m.Predict(test.Frame, margins); err != nil {
			t.Fatal(err)
		}
		base, err := m.Explain(test.Frame, parts)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			sum := base
			for _, v := range parts[i*len(m.Features()) : (i+1)*len(m.Features())] {
				sum += v
			}
			if math.Abs(sum-margins[i]) > 1e-9 {
				t.Fatalf("%s row %d: base and contributions give %v, the margin is %v", m.Rung(), i, sum, margins[i])
			}
			one := make([]float64, 1)
			if err := m.Predict(test.Frame.Take([]int{i}), one); err != nil || one[0] != margins[i] {
				t.Fatalf("%s row %d alone: %v (%v), in the batch %v", m.Rung(), i, one[0], err, margins[i])
			}
		}
	}
}

func TestTheSameTrainingGivesTheSameModelAndSavingKeepsItsBits(t *testing.T) {
	p := Defaults()
	p.Bags = 2
	train, test := planted(600, 2, 5, 1), planted(300, 1, 6, 1)
	a, b := mustTrain(t, p, train, test).Model, mustTrain(t, p, train, test).Model
	if a.Version() != b.Version() || !strings.HasPrefix(a.Version(), "churn-") {
		t.Errorf("versions %q and %q of the same training", a.Version(), b.Version())
	}
	p.Seed = 9
	if other := mustTrain(t, p, train, test).Model; other.Version() == a.Version() {
		t.Errorf("another seed gives the same model %s", a.Version())
	}
	bundle, err := a.Save()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := bundle.Write(&file); err != nil {
		t.Fatal(err)
	}
	read, err := artifact.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(read)
	if err != nil {
		t.Fatal(err)
	}
	x, y := make([]float64, test.Frame.Rows()), make([]float64, test.Frame.Rows())
	if err := errors.Join(a.Predict(test.Frame, x), loaded.Predict(test.Frame, y)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x, y) || loaded.Version() != a.Version() || loaded.Rung() != a.Rung() {
		t.Error("a loaded model predicts otherwise than the saved one")
	}
}

// Rows of one account never stand on both sides of a fold, and every fold gets some.
func TestFoldsKeepAccountsTogether(t *testing.T) {
	s := planted(500, 4, 7, 0)
	of := folds(s.Frame, 5, 1)
	where := map[frame.AccountID]int{}
	sizes := make([]int, 5)
	for i, a := range s.Frame.Accounts {
		if fold, seen := where[a]; seen && fold != of[i] {
			t.Fatalf("account %s stands in folds %d and %d", a, fold, of[i])
		}
		where[a] = of[i]
		sizes[of[i]]++
	}
	for k, n := range sizes {
		if n < 300 || n > 500 { // 400 expected; binomial spread of 100 accounts a fold is 9
			t.Errorf("fold %d has %d of 2,000 rows", k, n)
		}
	}
	parts, err := splits(s.Y, of, 5)
	if err != nil || len(parts) != 5 {
		t.Fatalf("%d parts (%v), want 5", len(parts), err)
	}
	judged := 0
	for _, part := range parts {
		seen := map[frame.AccountID]bool{}
		for _, i := range part.in {
			seen[s.Frame.Accounts[i]] = true
		}
		for _, i := range part.out {
			if seen[s.Frame.Accounts[i]] {
				t.Fatalf("account %s is judged by a model that saw it", s.Frame.Accounts[i])
			}
		}
		judged += len(part.out)
	}
	if judged != len(s.Y) {
		t.Errorf("%d of %d rows are judged", judged, len(s.Y))
	}
}

func TestTooLittleDataStepsDownAndSaysWhy(t *testing.T) {
	test := planted(200, 1, 9, 0)
	for _, c := range []struct {
		accounts int
		want     Rung
		why      map[Rung]string
	}{
		{60, Rule, map[Rung]string{Logistic: "needs 100 rows", Boosting: "needs 500 eligible accounts", Blend: "has 60 accounts"}},
		{300, Logistic, map[Rung]string{Boosting: "needs 500 eligible accounts", Blend: "has 300 accounts"}},
	} {
		r := mustTrain(t, Defaults(), planted(c.accounts, 1, 8, 0), test)
		if r.Model.Rung() != c.want {
			t.Errorf("%d accounts: %s serves, want %s", c.accounts, r.Model.Rung(), c.want)
		}
		for rung, words := range c.why {
			if row := rungCard(t, r, rung); !strings.Contains(row.Why, words) || !math.IsNaN(float64(row.Test.AUC)) {
				t.Errorf("%d accounts, rung %s: %q does not say %q", c.accounts, rung, row.Why, words)
			}
		}
	}
	one := planted(100, 1, 8, 0)
	for i := range one.Y {
		one.Y[i] = 1
	}
	if _, err := Train(t.Context(), Defaults(), one, test, nil); !errors.Is(err, ErrTooFew) {
		t.Errorf("one class: %v, want ErrTooFew", err)
	}
	for i := range one.Y {
		one.Y[i] = math.NaN()
	}
	if _, err := Train(t.Context(), Defaults(), one, test, nil); !errors.Is(err, ErrSample) || !strings.Contains(err.Error(), `account "a00000"`) {
		t.Errorf("labels of NaN: %v", err)
	}
	// A test of one class is measured as far as it can be, and graded C.
	single := planted(100, 1, 10, 0)
	for i := range single.Y {
		single.Y[i] = 0
	}
	if r := mustTrain(t, Defaults(), planted(300, 1, 8, 0), single); r.Card.Report.Grade != "C" || !math.IsNaN(float64(r.Card.Report.Quality.AUC)) {
		t.Errorf("a test of one class: grade %s, AUC %v", r.Card.Report.Grade, r.Card.Report.Quality.AUC)
	}
}

// A column that knows the outcome is called a leak, and stops promotion.
func TestAPlantedLeakIsFound(t *testing.T) {
	p := Defaults()
	p.Bags = 1
	train, test := planted(600, 2, 11, 0), planted(600, 1, 12, 0)
	for _, s := range []Sample{train, test} {
		values := make([]float64, len(s.Y))
		for i, y := range s.Y {
			values[i] = 3*y + 0.5*float64(i%3)
		}
		s.Frame.Columns[len(s.Frame.Columns)-1].Numbers = values
	}
	r := mustTrain(t, p, train, test)
	errorsFound := map[string]string{}
	for _, f := range r.Card.Report.Health {
		if f.Severity == "error" {
			errorsFound[f.Check] = f.Detail
		}
	}
	if !strings.Contains(errorsFound["leak"], "noise") {
		t.Errorf("the health checks find %v (AUC %v)", errorsFound, r.Card.Report.Quality.AUC)
	}
	clean := mustTrain(t, p, planted(600, 2, 11, 0), planted(600, 1, 12, 0))
	for _, f := range clean.Card.Report.Health {
		if f.Severity == "error" {
			t.Errorf("clean data: %s says %s", f.Check, f.Detail)
		}
	}
}

func TestGradesFollowTheInterval(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 1))
	n := 2000
	y, truth, rule := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range y {
		truth[i] = 1.5 * d.NormFloat64()
		rule[i] = truth[i] + 3*d.NormFloat64()
		if d.Float64() < calibrate.Logistic(truth[i]) {
			y[i] = 1
		}
	}
	bent := make([]float64, n)
	for i, v := range truth {
		bent[i] = 3 * v // the same order, overconfident
	}
	near := make([]float64, n)
	for i, v := range truth {
		near[i] = v + 0.8*d.NormFloat64() // nearly as good
	}
	for _, c := range []struct {
		name          string
		margins, rule []float64
		rows          int
		want          string
	}{
		{"better and calibrated", truth, rule, n, "A"},
		{"better, overconfident", bent, rule, n, "B"},
		{"better by little", truth, near, n, "B"},
		{"the rule itself", rule, rule, n, "C"},
		{"worse", rule, truth, n, "C"},
		{"better by much, on too few rows to be sure", truth, rule, 60, "C"},
		{"one row of a class", truth, rule, 2, "C"},
	} {
		q, err := quality(y[:c.rows], c.margins[:c.rows])
		if err != nil {
			t.Fatal(err)
		}
		r := model.Report{Quality: q}
		if c.rows < n {
			r.Quality.ECE = 0.01 // bins of six rows say nothing; the interval is what is asked about
		}
		if err := grade(&r, y[:c.rows], c.margins[:c.rows], c.rule[:c.rows]); err != nil || r.Grade != c.want {
			t.Errorf("%s: grade %q (%s), want %s (%v)", c.name, r.Grade, r.GradeWhy, c.want, err)
		}
		if c.rows == 60 && !(r.AboveRule >= gradeAbove && r.AboveRuleLow <= 0) {
			t.Errorf("%s: %v above the rule, from %v: no case of a wide interval", c.name, r.AboveRule, r.AboveRuleLow)
		}
	}
}

func TestTheReportAddsUp(t *testing.T) {
	p := Defaults()
	p.Bags = 1
	test := planted(600, 1, 14, 0)
	r := mustTrain(t, p, planted(600, 2, 13, 0), test)
	report := r.Card.Report
	rows, churned, share := 0, 0, 0.0
	for _, g := range report.Gains {
		rows, churned = rows+g.Rows, churned+g.Churned
	}
	for _, b := range report.Bands {
		share += float64(b.Share)
	}
	if rows != 600 || churned != report.Test.Churned || math.Abs(share-1) > 1e-12 || len(report.Thirds) != 3 || len(report.Thresholds) != 9 {
		t.Errorf("gains hold %d rows and %d churned, bands %v, thirds %d, thresholds %d", rows, churned, share, len(report.Thirds), len(report.Thresholds))
	}
	// Coming back is drawn with probability 1/2.
	if v := float64(report.CameBack); v < 0.4 || v > 0.6 {
		t.Errorf("came back %v, planted 0.5", v)
	}
	again, err := Evaluate(t.Context(), p, r.Model, test)
	if err != nil {
		t.Fatal(err)
	}
	known := report
	known.Health = known.Health[:3] // the others compare with the training rows
	if diff := cmp.Diff(known, again, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("evaluated again (-trained +evaluated):\n%s", diff)
	}
	raw, err := json.Marshal(r.Card)
	if err != nil {
		t.Fatal(err)
	}
	var back model.Card
	if err := json.Unmarshal(raw, &back); err != nil || back.Report.Quality != report.Quality {
		t.Errorf("the card does not survive JSON: %v", err)
	}
	r.Card.Excluded = map[string]int{"lapsed": 7, "account_absent": 3}
	text := CardMarkdown(&r.Card)
	for _, words := range []string{"3 account_absent, 7 lapsed |", "## Gains", "## Bands", "| recency_days |", "Grade: **" + report.Grade} {
		if !strings.Contains(text, words) {
			t.Errorf("the card in words lacks %q", words)
		}
	}
}

func TestRefitSeesTheTestRowsOnlyAfterTheReport(t *testing.T) {
	p := Defaults()
	p.MaxRung = Logistic
	train, test := planted(300, 2, 15, 0), planted(300, 1, 16, 0)
	plain := mustTrain(t, p, train, test)
	p.Refit = true
	refit := mustTrain(t, p, train, test)
	if refit.Card.Report.Quality != plain.Card.Report.Quality {
		t.Error("a refit changed the report")
	}
	if refit.Model.Version() == plain.Model.Version() || !refit.Card.Refit {
		t.Error("a refit gave the same model, or does not stand on the card")
	}
}

func TestTrainingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, Defaults(), planted(600, 2, 1, 0), planted(100, 1, 2, 0), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("trained under an ended context: %v", err)
	}
}

func TestBundlesThatAreNoneAreRefused(t *testing.T) {
	good := saved(t, Blend)
	if _, err := Load(good); err != nil {
		t.Fatal(err)
	}
	head := func(rung string, weight float64) []byte {
		return fmt.Appendf(nil, `{"format":1,"rung":%s,"logistic_weight":%v,"slope":1,"intercept":0}`, rung, weight)
	}
	for name, change := range map[string]func(artifact.Bundle){
		"no head":     func(b artifact.Bundle) { delete(b, headSection) },
		"unknown key": func(b artifact.Bundle) { b[headSection] = []byte(`{"format":1,"what":2}`) },
		"other format": func(b artifact.Bundle) {
			b[headSection] = bytes.Replace(b[headSection], []byte(`"format":1`), []byte(`"format":2`), 1)
		},
		"no such rung": func(b artifact.Bundle) {
			b[headSection] = []byte(`{"format":1,"rung":"top","logistic_weight":1,"slope":1,"intercept":0}`)
		},
		"no rule":          func(b artifact.Bundle) { delete(b, ruleSection) },
		"a broken rule":    func(b artifact.Bundle) { b[ruleSection] = []byte("{") },
		"a weight above 1": func(b artifact.Bundle) { b[headSection] = head(`"blend"`, 1.5) },
		"a weight of 0":    func(b artifact.Bundle) { b[headSection] = head(`"blend"`, 0) },
		"another rung":     func(b artifact.Bundle) { b[headSection] = head(`"logistic"`, 1) },
		"a rule with trees": func(b artifact.Bundle) {
			b[headSection] = head(`"rule"`, 1)
			delete(b, logisticSection)
		},
		"a head without end": func(b artifact.Bundle) {
			b[headSection] = append(slices.Clone(b[headSection]), bytes.Repeat([]byte(" "), maxHeadBytes)...)
		},
		"parts missing": func(b artifact.Bundle) { delete(b, treesSection); delete(b, logisticSection) },
		"negative slope": func(b artifact.Bundle) {
			b[headSection] = bytes.Replace(b[headSection], []byte(`"slope":`), []byte(`"slope":-`), 1)
		},
		"truncated trees":  func(b artifact.Bundle) { b[treesSection] = b[treesSection][:len(b[treesSection])/2] },
		"head with a tail": func(b artifact.Bundle) { b[headSection] = append(slices.Clone(b[headSection]), " {}"...) },
	} {
		b := artifact.Bundle{}
		for section, text := range good {
			b[section] = slices.Clone(text)
		}
		change(b)
		if _, err := Load(b); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v, want ErrBundle", name, err)
		}
	}
}

// saved is the bundle of a small model on a rung, put together without a choice.
func saved(t testing.TB, rung Rung) artifact.Bundle {
	t.Helper()
	s := lasting(planted(300, 1, 17, 1))
	c := &climb{p: Defaults(), train: s, rule: ruleColumns[0]}
	columns := logisticColumns
	if rung == Lifetime {
		columns = lifetimeColumns
	}
	a := &candidate{rung: rung, columns: columns, weight: map[Rung]float64{Rule: 1, Lifetime: 1, Logistic: 1, Blend: evenWeight}[rung], rounds: 3, calibrator: calibrate.Affine{Slope: 0.9, Intercept: 0.1}}
	parts, err := c.fit(t.Context(), s, a)
	if err != nil {
		t.Fatal(err)
	}
	m, err := parts.rung(a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Save()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever stands in a bundle: it is refused, or it is a model that saves to
// bytes which load to the same model again.
func FuzzLoad(f *testing.F) {
	for _, rung := range Rungs() {
		b := saved(f, rung)
		f.Add(b[headSection], b[ruleSection], b[logisticSection], b[treesSection])
	}
	f.Add([]byte(`{`), []byte(nil), []byte(nil), []byte(nil))
	s := planted(5, 1, 20, 0)
	f.Fuzz(func(t *testing.T, head, rule, linear, trees []byte) {
		b := artifact.Bundle{}
		for name, text := range map[string][]byte{headSection: head, ruleSection: rule, logisticSection: linear, treesSection: trees} {
			if text != nil {
				b[name] = text
			}
		}
		m, err := Load(b)
		if err != nil {
			if !errors.Is(err, ErrBundle) {
				t.Errorf("error %v is no ErrBundle", err)
			}
			return
		}
		again, err := m.Save()
		if err != nil {
			t.Fatalf("a loaded model can't be saved: %v", err)
		}
		twin, err := Load(again)
		if err != nil || twin.Version() != m.Version() {
			t.Fatalf("saved and loaded again: %v", err)
		}
		x, y := make([]float64, len(s.Y)), make([]float64, len(s.Y))
		// A bundle may name columns that these rows lack; both must say so.
		if errX, errY := m.Predict(s.Frame, x), twin.Predict(s.Frame, y); (errX == nil) != (errY == nil) {
			t.Errorf("predict: %v and %v", errX, errY)
		}
		for i := range x {
			if math.Float64bits(x[i]) != math.Float64bits(y[i]) {
				t.Errorf("row %d: %v before and %v after saving", i, x[i], y[i])
			}
		}
	})
}

// shuffled returns the rows in another order.
func shuffled(s Sample, seed uint64) Sample {
	d := rand.New(rand.NewPCG(seed, 3))
	order := d.Perm(len(s.Y))
	return Sample{Frame: s.Frame.Take(order), Y: pick(s.Y, order), CameBack: pick(s.CameBack, order)}
}

// shuffledValues puts values into the order that shuffled gives rows.
func shuffledValues(v []float64, seed uint64) []float64 {
	return pick(v, rand.New(rand.NewPCG(seed, 3)).Perm(len(v)))
}

func TestTheOrderOfRowsDoesNotMatter(t *testing.T) {
	p := Defaults()
	p.Bags, p.Refit = 2, true
	train, test := lasting(planted(600, 2, 21, 1)), lasting(planted(300, 1, 22, 1))
	a, b := mustTrain(t, p, train, test), mustTrain(t, p, shuffled(train, 1), shuffled(test, 2))
	if a.Model.Version() != b.Model.Version() {
		t.Errorf("models %s and %s of the same rows", a.Model.Version(), b.Model.Version())
	}
	if diff := cmp.Diff(a.Card, b.Card, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("cards of the same rows (-in order +shuffled):\n%s", diff)
	}
	for rung, margins := range a.Rungs {
		if got := b.Rungs[rung]; !slices.Equal(shuffledValues(margins, 2), got) {
			t.Errorf("the margins of rung %s do not stand in the order of the rows that were given", rung)
		}
	}
}

// Columns that never differ, or are wholly missing, are no reason to fail, and
// say nothing.
func TestEmptyColumnsContributeNothing(t *testing.T) {
	p := Defaults()
	p.Bags = 1
	train, test := planted(600, 2, 23, 0), planted(200, 1, 24, 0)
	empty := map[string]float64{"gap_median_days": math.NaN(), "recency_to_gap": math.NaN(), "active_month_share": 1, "noise": math.NaN(), "left": 7}
	for name, v := range empty {
		column := train.Frame.Column(name).Numbers
		for i := range column {
			column[i] = v
		}
	}
	for _, rung := range Rungs() {
		p.MaxRung = rung
		r := mustTrain(t, p, train, test)
		for _, row := range r.Card.Report.Importance {
			if _, is := empty[row.Feature]; is && row.Mean != 0 {
				t.Errorf("%s: %s, empty in training, contributes %v", r.Model.Rung(), row.Feature, row.Mean)
			}
		}
		if r.Card.Report.Quality.AUC < 0.7 {
			t.Errorf("%s: AUC %v beside empty columns", r.Model.Rung(), r.Card.Report.Quality.AUC)
		}
	}
}

// What an optional table would tell is missing throughout where nobody has the
// table: the margins are those of a training without its columns, to the bit.
func TestColumnsThatNobodyFilledChangeNoMargin(t *testing.T) {
	p := Defaults()
	p.Bags = 2
	train, test := planted(600, 2, 25, 1), planted(300, 1, 26, 1)
	want := mustTrain(t, p, train, test)
	for _, s := range []*Sample{&train, &test} {
		wider := *s.Frame
		wider.Columns = nil
		for i, c := range s.Frame.Columns {
			none := frame.Column{Meta: frame.Meta{Name: fmt.Sprintf("absent_%d", i), Direction: frame.Raises}, Kind: frame.Number, Numbers: make([]float64, s.Frame.Rows())}
			for k := range none.Numbers {
				none.Numbers[k] = math.NaN()
			}
			wider.Columns = append(wider.Columns, none, c)
		}
		s.Frame = &wider
	}
	got := mustTrain(t, p, train, test)
	if len(want.Rungs) < 3 || len(got.Rungs) != len(want.Rungs) {
		t.Fatalf("%d rungs, %d with columns that nobody filled", len(want.Rungs), len(got.Rungs))
	}
	for rung, margins := range want.Rungs {
		if !slices.Equal(margins, got.Rungs[rung]) {
			t.Errorf("%s: columns that nobody filled move margins", rung)
		}
	}
	if got.Model.Rung() != want.Model.Rung() {
		t.Errorf("rung %s, without the empty columns %s", got.Model.Rung(), want.Model.Rung())
	}
}

func TestSamplesThatCannotBeReadAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(train, test *Sample)
		err    error
		words  string
	}{
		"no frame":           {func(train, _ *Sample) { train.Frame = nil }, ErrSample, "training sample has no frame"},
		"a label too few":    {func(_, test *Sample) { test.Y = test.Y[1:] }, ErrSample, "test sample has 150 rows, 149 labels"},
		"infinity":           {func(train, _ *Sample) { train.Frame.Columns[3].Numbers[5] = math.Inf(1) }, ErrSample, `"buying_days_365d" row 5`},
		"a row twice":        {func(train, _ *Sample) { train.Frame.Accounts[7] = train.Frame.Accounts[6] }, ErrSample, `account "a00006" stands twice`},
		"a row in both":      {func(train, test *Sample) { test.Frame.Cutoffs = train.Frame.Cutoffs }, ErrSample, "in the training and in the test"},
		"a column less":      {func(_, test *Sample) { test.Frame.Columns = test.Frame.Columns[:11] }, ErrSample, `"noise"`},
		"no recency":         {func(train, _ *Sample) { train.Frame.Columns = train.Frame.Columns[2:] }, ErrSample, "recency_days"},
		"a category":         {func(train, _ *Sample) { train.Frame.Columns[9] = category(150) }, ErrSample, `"segment"`},
		"one account of one": {oneChurner, ErrTooFew, "several accounts"},
	} {
		train, test := planted(150, 1, 25, 0), planted(150, 1, 26, 0)
		c.change(&train, &test)
		if _, err := Train(t.Context(), Defaults(), train, test, nil); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.err, c.words)
		}
	}
}

func category(rows int) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: "segment"}, Kind: frame.Category, Codes: make([]int32, rows), Levels: []string{"a"}}
}

// oneChurner gives all churned rows to one account: a model that is judged on
// it has seen nobody leave.
func oneChurner(train, _ *Sample) {
	for i := range train.Y {
		train.Y[i] = 0
		if i < 20 {
			train.Y[i] = 1
			train.Frame.Accounts[i], train.Frame.Cutoffs[i] = "leaver", frame.Cutoff(i)
		}
	}
}

// Noise wants few rounds, a truth that only many trees can draw wants many.
func TestRoundsComeFromTheFolds(t *testing.T) {
	rounds := func(s Sample) int {
		of := folds(s.Frame, 5, 1)
		parts, err := splits(s.Y, of, 5)
		if err != nil {
			t.Fatal(err)
		}
		n, margins, err := s.rounds(t.Context(), parts, 1, func() {})
		if err != nil {
			t.Fatal(err)
		}
		// The margins are those of fits of so many rounds without the rows' accounts.
		again, err := s.outOfFold(treeColumns(s.Frame), parts, func(f *frame.Frame, y []float64) (predictor, error) {
			return forest{seed: 1, bags: 1, rounds: n}.fit(t.Context(), f, y)
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(again, margins); diff != "" {
			t.Errorf("margins out of fold (-fitted again +cut from the fits that found the rounds): %.500s", diff)
		}
		return n
	}
	noise := planted(1000, 1, 26, 0)
	d := rand.New(rand.NewPCG(1, 1))
	d.Shuffle(len(noise.Y), func(i, j int) { noise.Y[i], noise.Y[j] = noise.Y[j], noise.Y[i] })
	few, many := rounds(noise), rounds(planted(1000, 2, 26, 2))
	if few > 40 || many < 150 {
		t.Errorf("%d rounds on noise, %d on an interaction", few, many)
	}
}

func TestShuffledLabelsTeachNothing(t *testing.T) {
	p := Defaults()
	p.Bags = 1
	sum := 0.0
	const seeds = 4
	for seed := range uint64(seeds) {
		train, test := planted(600, 1, 30+seed, 1), planted(1500, 1, 50+seed, 1)
		d := rand.New(rand.NewPCG(seed, 1))
		d.Shuffle(len(train.Y), func(i, j int) { train.Y[i], train.Y[j] = train.Y[j], train.Y[i] })
		d.Shuffle(len(test.Y), func(i, j int) { test.Y[i], test.Y[j] = test.Y[j], test.Y[i] })
		r := mustTrain(t, p, train, test)
		auc := float64(r.Card.Report.Quality.AUC)
		// The standard deviation of an AUC of noise over 1,500 rows is .015.
		if math.Abs(auc-0.5) > 0.06 || r.Card.Report.Grade == "A" {
			t.Errorf("seed %d: AUC %.3f, grade %s on shuffled labels", seed, auc, r.Card.Report.Grade)
		}
		sum += auc
	}
	if mean := sum / seeds; math.Abs(mean-0.5) > 0.03 {
		t.Errorf("mean AUC %.3f on shuffled labels", mean)
	}
}

// The blend serves where boosting's lead is within its own error, boosting where
// the lead is clear, and the simpler rung where nothing is gained.
func TestTheChoiceOfRung(t *testing.T) {
	const n = 400
	d := rand.New(rand.NewPCG(2, 2))
	s := Sample{Frame: &frame.Frame{}}
	zero, good, noisy, bad := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		s.Frame.Accounts = append(s.Frame.Accounts, frame.AccountID(fmt.Sprint(i/2)))
		y := float64(d.IntN(2))
		s.Y = append(s.Y, y)
		good[i] = 2*y - 1 + 0.5*d.NormFloat64()
		noisy[i] = good[i] + 0.02*d.NormFloat64()
		bad[i] = 0.7 * good[i]
	}
	for name, c := range map[string]struct {
		lifetime, linear, trees, blend []float64
		want                           Rung
	}{
		"nothing gained":            {zero, zero, zero, zero, Rule},
		"boosting clearly ahead":    {zero, zero, good, bad, Boosting},
		"boosting ahead by a hair":  {zero, zero, good, noisy, Blend},
		"the blend ahead":           {zero, zero, bad, good, Blend},
		"the logistic rung as good": {bad, good, good, good, Logistic},
		"the lifetime rung as good": {good, good, good, good, Lifetime},
	} {
		climb := &climb{train: s}
		var all []*candidate
		for k, margins := range [][]float64{zero, c.lifetime, c.linear, c.trees, c.blend} {
			a := &candidate{rung: Rungs()[k], crossed: margins}
			for i, m := range margins {
				a.logLoss += boost.LogLoss{}.Value(m, s.Y[i]) / n
			}
			all = append(all, a)
		}
		if got := climb.choose(all).rung; got != c.want {
			t.Errorf("%s: %s serves, want %s", name, got, c.want)
		}
	}
}

// A lifetime model carries few rows: it serves where there are too few for a
// regression on several columns, if the folds say that it is better than the rule.
func TestTheLifetimeRungCarriesFewRows(t *testing.T) {
	few, test := planted(90, 1, 41, 0), planted(300, 1, 42, 0)
	r := mustTrain(t, Defaults(), lasting(few), lasting(test))
	if r.Model.Rung() != Lifetime || r.Card.Ladder[1].Rung != string(Lifetime) || r.Card.Ladder[2].Why == "" {
		t.Errorf("%s serves of %+v", r.Model.Rung(), r.Card.Ladder)
	}
	untold := lasting(few)
	for i := range untold.Y {
		untold.Frame.Column(lifetimeColumns[0]).Numbers[i] = math.NaN()
	}
	r = mustTrain(t, Defaults(), untold, lasting(test))
	if r.Model.Rung() != Rule || r.Card.Ladder[1].Why == "" {
		t.Errorf("without a lifetime model %s serves of %+v", r.Model.Rung(), r.Card.Ladder)
	}
}

// The error of a lead takes an account's rows as one draw: rows given k times
// to the same account leave it as it was, where independent rows would shrink it
// by √k.
func TestTheErrorOfALeadCountsAccounts(t *testing.T) {
	lead := func(copies int, own bool) (float64, float64) {
		d := rand.New(rand.NewPCG(3, 3))
		s := Sample{Frame: &frame.Frame{}}
		var a, b []float64
		for i := range 300 {
			y, m, shift := float64(d.IntN(2)), d.NormFloat64(), 0.3*d.NormFloat64()
			for k := range copies {
				name := fmt.Sprint(i)
				if own {
					name = fmt.Sprint(i, " ", k)
				}
				s.Frame.Accounts, s.Y = append(s.Frame.Accounts, frame.AccountID(name)), append(s.Y, y)
				a, b = append(a, m), append(b, m+shift)
			}
		}
		return (&climb{train: s}).lead(a, b)
	}
	draws := func() (differences []float64) {
		d := rand.New(rand.NewPCG(3, 3))
		for range 300 {
			y, m, shift := float64(d.IntN(2)), d.NormFloat64(), 0.3*d.NormFloat64()
			chance := func(m float64) float64 { return y*calibrate.Logistic(m) + (1-y)*(1-calibrate.Logistic(m)) }
			differences = append(differences, math.Log(chance(m))-math.Log(chance(m+shift)))
		}
		return differences
	}
	l, one := lead(1, false)
	l4, same := lead(4, false)
	_, apart := lead(4, true)
	// One row an account: the error of a mean of independent draws.
	if d, n := draws(), 300.0; math.Abs(l-stat.Mean(d, nil)) > 1e-12 || math.Abs(one-stat.PopStdDev(d, nil)/math.Sqrt(n)) > 1e-12 {
		t.Errorf("lead %v ± %v, the draws give %v ± %v", l, one, stat.Mean(d, nil), stat.PopStdDev(d, nil)/math.Sqrt(n))
	}
	if math.Abs(l-l4) > 1e-12 || math.Abs(one-same) > 1e-12 || math.Abs(apart-one/2) > 1e-12 {
		t.Errorf("lead %v and %v; error %v, four rows an account %v, four accounts %v", l, l4, one, same, apart)
	}
}

// A calibrator is kept where it helps on folds that it did not see: for margins
// that say too much, not for right ones, and never one that turns them round.
func TestCalibrationIsKeptOnlyWhereItHelps(t *testing.T) {
	const n = 4000
	d := rand.New(rand.NewPCG(4, 4))
	right, loud, back, y, of := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]int, n)
	for i := range n {
		right[i] = d.NormFloat64()
		loud[i], back[i] = 2.5*right[i]+0.5, -right[i]
		if d.Float64() < calibrate.Logistic(right[i]) {
			y[i] = 1
		}
		of[i] = i % 5
	}
	before := func(m []float64) (sum float64) {
		for i := range m {
			sum += boost.LogLoss{}.Value(m[i], y[i]) / n
		}
		return sum
	}
	c, crossed, err := calibrator(loud, y, of, 5)
	if err != nil {
		t.Fatal(err)
	}
	// loud = 2.5·right + .5, so right = .4·loud − .2.
	if math.Abs(c.Slope-0.4) > 0.03 || math.Abs(c.Intercept+0.2) > 0.1 || before(crossed) > before(loud)-0.1 {
		t.Errorf("loud margins: %+v, log-loss %.3f before and %.3f after", c, before(loud), before(crossed))
	}
	for name, m := range map[string][]float64{"turned round": back, "all equal to the base rate": make([]float64, n)} {
		if c, crossed, err := calibrator(m, y, of, 5); err != nil || name == "turned round" && c != calibrate.Identity() || before(crossed) > before(m) {
			t.Errorf("%s: %+v, log-loss %.4f before and %.4f after (%v)", name, c, before(m), before(crossed), err)
		}
	}
	// Right margins: over draws, what is kept never loses on the folds, and the slope stays at 1.
	if c, crossed, err := calibrator(right, y, of, 5); err != nil || before(crossed) > before(right) || math.Abs(c.Slope-1) > 0.1 {
		t.Errorf("right margins: %+v, log-loss %.4f before and %.4f after (%v)", c, before(right), before(crossed), err)
	}
}

// The calibrator is folded into the contributions of every rung.
func TestContributionsOfCalibratedMargins(t *testing.T) {
	s := lasting(planted(50, 1, 27, 1))
	for _, rung := range Rungs() {
		m, err := Load(saved(t, rung))
		if err != nil {
			t.Fatal(err)
		}
		width := len(m.Features())
		margins, parts := make([]float64, len(s.Y)), make([]float64, len(s.Y)*width)
		base, err := m.Explain(s.Frame, parts)
		if err := errors.Join(err, m.Predict(s.Frame, margins)); err != nil {
			t.Fatal(err)
		}
		raw := *m
		raw.head.Slope, raw.head.Intercept = 1, 0
		plain := make([]float64, len(s.Y))
		if err := raw.Predict(s.Frame, plain); err != nil {
			t.Fatal(err)
		}
		for i := range s.Y {
			sum := base
			for _, v := range parts[i*width : (i+1)*width] {
				sum += v
			}
			if math.Abs(sum-margins[i]) > 1e-9 || math.Abs(margins[i]-(0.9*plain[i]+0.1)) > 1e-12 {
				t.Errorf("%s row %d: contributions give %v, the margin is %v and before calibration %v", rung, i, sum, margins[i], plain[i])
			}
		}
		if m.Rung() != rung {
			t.Errorf("%s comes back as %s", rung, m.Rung())
		}
	}
}

// The better of the two columns on the folds is the rule, whichever it is.
func TestTheRuleIsTheBetterColumn(t *testing.T) {
	p := Defaults()
	p.MaxRung = Rule
	for _, noise := range ruleColumns {
		train, test := planted(300, 1, 31, 0), planted(100, 1, 32, 0)
		d := rand.New(rand.NewPCG(5, 5))
		column := train.Frame.Column(noise).Numbers
		d.Shuffle(len(column), func(i, j int) { column[i], column[j] = column[j], column[i] })
		r := mustTrain(t, p, train, test)
		if got := r.Model.Features(); len(got) != 1 || got[0] == noise || rungCard(t, r, Rule).Settings != got[0] {
			t.Errorf("with noise in %s the rule reads %v and the card says %q", noise, got, rungCard(t, r, Rule).Settings)
		}
	}
}

// A forest is the mean of its bags, monotone where the catalogue says so, and
// blind to the tenure; a blend is the mean of its parts, on the folds as in service.
func TestForestsAndBlendsAreMeans(t *testing.T) {
	s := planted(600, 1, 33, 1)
	predict := func(m predictor, f *frame.Frame) []float64 {
		t.Helper()
		out := make([]float64, f.Rows())
		if err := m.Predict(f, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	grow := func(g forest) []float64 {
		e, err := g.fit(t.Context(), s.Frame, s.Y)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(e.Features(), ageing) {
			t.Errorf("the trees read %s", ageing)
		}
		return predict(e, s.Frame)
	}
	g := forest{seed: 3, bags: 2, rounds: 30}
	both := grow(g)
	first := grow(forest{seed: 3, bags: 1, rounds: 30})
	second := grow(forest{seed: g.params(1).Seed, bags: 1, rounds: 30})
	differ := false
	for i := range both {
		differ = differ || first[i] != second[i]
		if mean := (first[i] + second[i]) / 2; math.Abs(both[i]-mean) > 1e-12 {
			t.Fatalf("row %d: two bags give %v, their mean is %v", i, both[i], mean)
		}
	}
	if !differ {
		t.Error("two bags are the same")
	}

	c := &climb{p: Defaults(), train: s, report: func(string, int, int) {}}
	c.p.Bags = 1
	c.of = folds(s.Frame, c.p.Folds, 1)
	var err error
	if c.parts, err = splits(s.Y, c.of, c.p.Folds); err != nil {
		t.Fatal(err)
	}
	all, err := c.candidates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.fit(t.Context(), s, all...)
	if err != nil {
		t.Fatal(err)
	}
	blend, err := p.rung(all[4])
	if err != nil {
		t.Fatal(err)
	}
	line, trees, served := predict(p.linear, s.Frame), predict(p.trees, s.Frame), predict(blend, s.Frame)
	for i := range served {
		if mean := (all[2].margins[i] + all[3].margins[i]) / 2; math.Abs(all[4].margins[i]-mean) > 1e-12 {
			t.Fatalf("row %d: the blend is judged on %v, the mean of the parts is %v", i, all[4].margins[i], mean)
		}
		if mean := all[3].calibrator.Margin((line[i] + trees[i]) / 2); math.Abs(served[i]-mean) > 1e-12 {
			t.Fatalf("row %d: the blend says %v, the mean of the parts is %v", i, served[i], mean)
		}
	}

	// More silence never lowers the risk.
	later := s.Frame.Take([]int{0, 1, 2, 3, 4, 5, 6, 7})
	before := predict(p.trees, later)
	for range 60 {
		for i := range later.Rows() {
			later.Column("recency_days").Numbers[i] += 2
		}
		after := predict(p.trees, later)
		for i := range after {
			if after[i] < before[i] {
				t.Fatalf("row %d: two more days of silence take the margin from %v to %v", i, before[i], after[i])
			}
		}
		before = after
	}
}

func TestProgressRunsToItsEnd(t *testing.T) {
	p := Defaults()
	p.Bags = 1
	for _, accounts := range []int{60, 600} {
		next, total := 0, 0
		_, err := Train(t.Context(), p, planted(accounts, 1, 28, 0), planted(50, 1, 29, 0), func(stage string, done, of int) {
			if stage == "" || done != next || total != 0 && of != total {
				t.Errorf("%d accounts: %q is step %d of %d, want %d of %d", accounts, stage, done, of, next, total)
			}
			next, total = done+1, of
		})
		if err != nil || next != total+1 {
			t.Errorf("%d accounts: the last of %d steps was %d (%v)", accounts, total, next-1, err)
		}
	}
}

func TestHealthFindings(t *testing.T) {
	report := func(auc, above, share float64, features, rows, churned int) *model.Report {
		r := &model.Report{Quality: model.Quality{AUC: model.Figure(auc)}, AboveRule: model.Figure(above), Test: model.Sample{Rows: rows, Churned: churned}}
		for i := range features {
			r.Importance = append(r.Importance, model.Importance{Feature: fmt.Sprint("f", i), Share: model.Figure(share)})
		}
		return r
	}
	for name, c := range map[string]struct {
		report                 *model.Report
		leak, dominant, volume string
	}{
		"as usual":                       {report(0.75, 0.06, 0.3, 12, 3000, 1000), "ok", "ok", "ok"},
		"too good":                       {report(0.96, 0.15, 0.3, 12, 3000, 1000), "error", "ok", "ok"},
		"just below":                     {report(0.95, 0.20, 0.3, 12, 3000, 1000), "ok", "ok", "ok"},
		"far above the rule":             {report(0.90, 0.25, 0.3, 12, 3000, 1000), "warning", "ok", "ok"},
		"beyond belief above the rule":   {report(0.90, 0.35, 0.3, 12, 3000, 1000), "error", "ok", "ok"},
		"one feature holds most":         {report(0.75, 0.06, 0.6, 10, 3000, 1000), "ok", "warning", "ok"},
		"one of few features":            {report(0.75, 0.06, 0.6, 9, 3000, 1000), "ok", "ok", "ok"},
		"one feature, and too good":      {report(0.99, 0.06, 0.6, 12, 3000, 1000), "error", "error", "ok"},
		"few rows":                       {report(0.75, 0.06, 0.3, 12, 499, 200), "ok", "ok", "warning"},
		"few of a class":                 {report(0.75, 0.06, 0.3, 12, 3000, 2910), "ok", "ok", "warning"},
		"nothing defined, for one class": {report(math.NaN(), math.NaN(), 0.3, 12, 3000, 0), "ok", "ok", "warning"},
	} {
		found := health(c.report)
		got := []string{found[0].Severity, found[1].Severity, found[2].Severity}
		if want := []string{c.leak, c.dominant, c.volume}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v: %v", name, got, want, found)
		}
	}
	// 3 % to 6 % is as much of a season as 50 % to 67 %, unless it is 6 of 100.
	for _, c := range []struct {
		a, n, b, m int
		want       bool
	}{
		{1500, 3000, 1290, 3000, false}, {1500, 3000, 2010, 3000, true}, {90, 3000, 180, 3000, true}, {90, 3000, 6, 100, false}, {1500, 3000, 0, 3000, true},
	} {
		moved, spread := drifted(c.a, c.n, c.b, c.m)
		if got := math.Abs(moved) > driftOdds && math.Abs(moved) > driftErrors*spread; got != c.want {
			t.Errorf("from %d of %d to %d of %d: drift %v (%.2f ± %.2f), want %v", c.a, c.n, c.b, c.m, got, moved, spread, c.want)
		}
	}
}
