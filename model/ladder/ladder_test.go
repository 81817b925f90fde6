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

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/artifact"
	"fealty/model/calibrate"
)

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
			f.Cutoffs = append(f.Cutoffs, frame.Cutoff(1_600_000_000+int64(c)*2_592_000))
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
	crossed := mustTrain(t, p, planted(700, 3, 1, 2), planted(900, 1, 2, 2))
	l, b = rungCard(t, crossed, Logistic), rungCard(t, crossed, Boosting)
	if b.FoldAUC < l.FoldAUC+0.03 || crossed.Model.Rung() != Boosting && crossed.Model.Rung() != Blend {
		t.Errorf("on an interaction %s serves; AUC of logistic %.3f, of boosting %.3f", crossed.Model.Rung(), l.FoldAUC, b.FoldAUC)
	}
	if crossed.Card.Report.Grade == "C" || linear.Card.Report.Grade == "" {
		t.Errorf("grades %q and %q", crossed.Card.Report.Grade, linear.Card.Report.Grade)
	}
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
	for _, part := range splits(s, of, 5) {
		for _, a := range part.frame.Accounts {
			if slices.Contains(part.train.Accounts, a) {
				t.Fatalf("account %s is judged by a model that saw it", a)
			}
		}
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
	for _, c := range []struct {
		name          string
		margins, rule []float64
		want          string
	}{
		{"better and calibrated", truth, rule, "A"},
		{"better, overconfident", bent, rule, "B"},
		{"the rule itself", rule, rule, "C"},
		{"worse", rule, truth, "C"},
	} {
		q, err := quality(y, c.margins)
		if err != nil {
			t.Fatal(err)
		}
		r := model.Report{Quality: q}
		if err := grade(&r, y, c.margins, c.rule); err != nil || r.Grade != c.want {
			t.Errorf("%s: grade %q (%s), want %s (%v)", c.name, r.Grade, r.GradeWhy, c.want, err)
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
	if err != nil || again.Quality != report.Quality {
		t.Errorf("evaluated again: %+v (%v), trained with %+v", again.Quality, err, report.Quality)
	}
	raw, err := json.Marshal(r.Card)
	if err != nil {
		t.Fatal(err)
	}
	var back model.Card
	if err := json.Unmarshal(raw, &back); err != nil || back.Report.Quality != report.Quality {
		t.Errorf("the card does not survive JSON: %v", err)
	}
	text := CardMarkdown(&r.Card)
	for _, words := range []string{"## Gains", "## Bands", "| recency_days |", "Grade: **" + report.Grade} {
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
	p := Defaults()
	p.Bags = 1
	m := mustTrain(t, p, planted(600, 1, 17, 1), planted(100, 1, 18, 1)).Model
	good, err := m.Save()
	if err != nil {
		t.Fatal(err)
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

func FuzzLoadHead(f *testing.F) {
	f.Add([]byte(`{"format":1,"rung":"rule","logistic_weight":1,"slope":1,"intercept":0}`), []byte(`{}`))
	f.Add([]byte(`{`), []byte(nil))
	f.Fuzz(func(t *testing.T, head, linear []byte) {
		if m, err := Load(artifact.Bundle{headSection: head, logisticSection: linear}); err == nil {
			if _, err := m.Save(); err != nil {
				t.Errorf("a loaded model can't be saved: %v", err)
			}
		} else if !errors.Is(err, ErrBundle) {
			t.Errorf("error %v is no ErrBundle", err)
		}
	})
}
