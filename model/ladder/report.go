package ladder

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sort"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/calibrate"
	"fealty/model/metrics"
	"fealty/model/score"
)

const (
	// tenths of the gains and reliability tables and of ECE.
	tenths = 10
	// confidence of every interval.
	confidence = 0.95
	// What grade A asks for.
	gradeAbove, gradeECE = 0.05, 0.05
)

var undefined = model.Figure(math.NaN())

func noQuality() model.Quality {
	return model.Quality{
		AUC: undefined, AUCLow: undefined, AUCHigh: undefined, PRAUC: undefined, Lift: undefined,
		LogLoss: undefined, Brier: undefined, ECE: undefined,
	}
}

func sampleCard(s Sample) model.Sample {
	accounts, rows, churned := classes(s)
	card := model.Sample{Rows: rows, Accounts: accounts, Churned: churned, BaseRate: undefined}
	if rows > 0 {
		card.BaseRate = model.Figure(float64(churned) / float64(rows))
	}
	return card
}

func probabilities(margins []float64) []float64 {
	p := make([]float64, len(margins))
	for i, m := range margins {
		p[i] = calibrate.Logistic(m)
	}
	return p
}

// quality measures margins against outcomes. What is not defined for them (one
// class only, no rows) is NaN.
func quality(y, margins []float64) (model.Quality, error) {
	q := noQuality()
	if len(y) == 0 {
		return q, nil
	}
	p := probabilities(margins)
	for _, f := range []struct {
		to *model.Figure
		of func() (float64, error)
	}{
		{&q.AUC, func() (float64, error) { return metrics.AUC(y, margins, nil) }},
		{&q.PRAUC, func() (float64, error) { return metrics.AveragePrecision(y, margins, nil) }},
		{&q.Lift, func() (float64, error) { return metrics.Lift(y, margins, 1.0/tenths) }},
		{&q.LogLoss, func() (float64, error) { return metrics.LogLossOfMargins(y, margins, nil) }},
		{&q.Brier, func() (float64, error) { return metrics.Brier(y, p, nil) }},
		{&q.ECE, func() (float64, error) { return metrics.ECE(y, p, tenths) }},
	} {
		v, err := f.of()
		switch {
		case errors.Is(err, metrics.ErrOneClass), errors.Is(err, metrics.ErrUndefined):
		case err != nil:
			return q, fmt.Errorf("measure the quality: %w", err)
		default:
			*f.to = model.Figure(v)
		}
	}
	estimate, err := metrics.DeLong(y, margins)
	switch {
	case errors.Is(err, metrics.ErrOneClass), errors.Is(err, metrics.ErrUndefined):
	case err != nil:
		return q, fmt.Errorf("measure the AUC's interval: %w", err)
	default:
		low, high := estimate.Interval(confidence)
		q.AUCLow, q.AUCHigh = model.Figure(low), model.Figure(high)
	}
	return q, nil
}

// Evaluate reports how a model does on a sample, which must hold the model's
// columns and those of its recency rule. On the test rows of its training it
// gives the report of the card but for the checks of health that compare with
// the training rows.
func Evaluate(ctx context.Context, p Params, m *Model, test Sample) (model.Report, error) {
	p = p.withDefaults()
	if err := p.Validate(); err != nil {
		return model.Report{}, err
	}
	if err := test.check("test"); err != nil {
		return model.Report{}, err
	}
	for _, names := range [][]string{m.features, m.rule.Features()} {
		if _, err := test.Frame.Select(names); err != nil {
			return model.Report{}, fmt.Errorf("%w: the test sample: %w", ErrSample, err)
		}
	}
	test, err := test.ordered("test")
	if err != nil {
		return model.Report{}, err
	}
	if ctx.Err() != nil {
		return model.Report{}, ctx.Err()
	}
	margins := make([]float64, len(test.Y))
	if err := m.Predict(test.Frame, margins); err != nil {
		return model.Report{}, err
	}
	q, err := quality(test.Y, margins)
	if err != nil {
		return model.Report{}, err
	}
	return p.measure(m, test, margins, q)
}

// measure fills in a report from the margins of the model and their quality.
func (p Params) measure(m *Model, test Sample, margins []float64, q model.Quality) (model.Report, error) {
	r := model.Report{Test: sampleCard(test), Quality: q, CameBack: undefined, AboveRule: undefined, AboveRuleLow: undefined, AboveRuleHigh: undefined}
	if len(test.Y) == 0 {
		r.Grade, r.GradeWhy = "C", "there are no test rows"
		return r, nil
	}
	rule, err := m.ruleMargins(test.Frame, margins)
	if err != nil {
		return r, err
	}
	r.CameBack = cameBack(test)
	parts := []func() error{ // of which each fills in fields of its own
		func() (err error) {
			r.Importance, err = importance(m, test.Frame)
			return err
		},
		func() error {
			if r.Test.Churned == 0 || r.Test.Churned == r.Test.Rows {
				r.Grade, r.GradeWhy = "C", "the test rows are of one class, so that nothing can be told apart"
				return nil
			}
			return grade(&r, test.Y, margins, rule)
		},
		func() error { return p.tables(&r, test, margins, rule) },
	}
	if err := together(runtime.GOMAXPROCS(0), len(parts), nil, func(k int) error { return parts[k]() }); err != nil {
		return r, err
	}
	r.Health = health(&r)
	return r, nil
}

// grade compares with the rule: A if the AUC exceeds its by .05 with a paired
// 95 % interval above 0 and ECE ≤ .05; B if the interval is above 0; else C.
func grade(r *model.Report, y, margins, rule []float64) error {
	paired, err := metrics.DeLongPaired(y, margins, rule)
	if err != nil {
		if errors.Is(err, metrics.ErrOneClass) || errors.Is(err, metrics.ErrUndefined) {
			r.Grade, r.GradeWhy = "C", "the test rows are too few to compare with the recency rule"
			return nil
		}
		return fmt.Errorf("compare with the rule: %w", err)
	}
	low, high := paired.Interval(confidence)
	r.AboveRule, r.AboveRuleLow, r.AboveRuleHigh = model.Figure(paired.Difference), model.Figure(low), model.Figure(high)
	said := fmt.Sprintf("AUC %+.3f against the recency rule, 95 %% interval %+.3f … %+.3f; ECE %.3f", paired.Difference, low, high, float64(r.Quality.ECE))
	switch {
	case low > 0 && paired.Difference >= gradeAbove && float64(r.Quality.ECE) <= gradeECE:
		r.Grade, r.GradeWhy = "A", said
	case low > 0:
		r.Grade, r.GradeWhy = "B", said+"; A needs +0.050 and an ECE of at most 0.050"
	default:
		r.Grade, r.GradeWhy = "C", said+"; the interval reaches 0, so that the rule may be as good"
	}
	return nil
}

func cameBack(s Sample) model.Figure {
	known, back := 0, 0
	for i, v := range s.CameBack {
		if s.Y[i] != 1 || math.IsNaN(v) {
			continue
		}
		known++
		if v == 1 {
			back++
		}
	}
	if known == 0 {
		return undefined
	}
	return model.Figure(float64(back) / float64(known))
}

// tables fills in gains, reliability, thresholds, bands and thirds.
func (p Params) tables(r *model.Report, test Sample, margins, rule []float64) error {
	chances := probabilities(margins)
	bins := min(tenths, len(test.Y))
	gains, err := metrics.Gains(test.Y, margins, bins)
	if err != nil && !errors.Is(err, metrics.ErrOneClass) {
		return fmt.Errorf("make the gains table: %w", err)
	}
	for i, g := range gains {
		r.Gains = append(r.Gains, model.GainRow{
			Tenth: i + 1, Rows: g.Rows, Churned: int(math.Round(g.Positives)),
			Rate: model.Figure(g.Rate), Lift: model.Figure(g.Lift), Caught: model.Figure(g.CumulativeGain),
		})
	}
	reliability, err := metrics.Reliability(test.Y, chances, bins)
	if err != nil {
		return fmt.Errorf("make the reliability table: %w", err)
	}
	for _, b := range reliability {
		r.Reliability = append(r.Reliability, model.ReliabilityRow{Rows: b.Rows, Predicted: model.Figure(b.Forecast), Observed: model.Figure(b.Observed)})
	}
	thresholds := make([]float64, 0, tenths-1)
	for i := 1; i < tenths; i++ {
		thresholds = append(thresholds, float64(i)/tenths)
	}
	contacts, err := metrics.Contacts(test.Y, chances, thresholds)
	if err != nil {
		return fmt.Errorf("explore thresholds: %w", err)
	}
	for _, c := range contacts {
		row := model.ThresholdRow{
			Threshold: model.Figure(c.Threshold), Reached: c.Contacted, Caught: c.Caught, Bothered: c.Bothered,
			Recall: model.Figure(c.Recall), Precision: undefined,
		}
		if c.Contacted > 0 {
			row.Precision = model.Figure(c.Precision)
		}
		r.Thresholds = append(r.Thresholds, row)
	}
	for _, band := range []score.Band{score.Low, score.Medium, score.High} {
		n, churned := 0, 0.0
		for i, v := range chances {
			if p.Bands.Of(v) == band {
				n++
				churned += test.Y[i]
			}
		}
		row := model.BandRow{Band: string(band), Share: model.Figure(float64(n) / float64(len(chances))), Observed: undefined}
		if n > 0 {
			row.Observed = model.Figure(churned / float64(n))
		}
		r.Bands = append(r.Bands, row)
	}
	r.Thirds = thirds(test, margins, rule)
	return nil
}

// thirds repeats the AUC among rare, middling and frequent buyers, by buying
// days per day of the year or of the tenure, if shorter.
func thirds(test Sample, margins, rule []float64) []model.ThirdRow {
	bought, tenure := test.Frame.Column("buying_days_365d"), test.Frame.Column("tenure_days")
	if bought == nil || tenure == nil || len(test.Y) < 3 {
		return nil
	}
	pace := make([]float64, len(test.Y))
	order := make([]int, len(test.Y))
	for i := range pace {
		order[i] = i
		if pace[i] = bought.Numbers[i] / math.Max(30, math.Min(365, tenure.Numbers[i])); math.IsNaN(pace[i]) {
			pace[i] = 0
		}
	}
	sort.SliceStable(order, func(a, b int) bool { return pace[order[a]] < pace[order[b]] })
	rows := make([]model.ThirdRow, 0, 3)
	for k, name := range []string{"rare", "middling", "frequent"} {
		part := order[k*len(order)/3 : (k+1)*len(order)/3]
		y, m, u := make([]float64, len(part)), make([]float64, len(part)), make([]float64, len(part))
		churned := 0.0
		for j, i := range part {
			y[j], m[j], u[j] = test.Y[i], margins[i], rule[i]
			churned += y[j]
		}
		row := model.ThirdRow{Third: name, Rows: len(part), BaseRate: model.Figure(churned / float64(len(part))), AUC: undefined, RuleAUC: undefined}
		if v, err := metrics.AUC(y, m, nil); err == nil {
			row.AUC = model.Figure(v)
		}
		if v, err := metrics.AUC(y, u, nil); err == nil {
			row.RuleAUC = model.Figure(v)
		}
		rows = append(rows, row)
	}
	return rows
}

// importance is the mean absolute contribution of each feature, largest first.
func importance(m *Model, f *frame.Frame) ([]model.Importance, error) {
	const block = 4096
	sums := make([]float64, len(m.features))
	for from := 0; from < f.Rows(); from += block {
		to := min(from+block, f.Rows())
		index := make([]int, to-from)
		for i := range index {
			index[i] = from + i
		}
		out := make([]float64, len(index)*len(sums))
		if _, err := m.Explain(f.Take(index), out); err != nil {
			return nil, err
		}
		for i, v := range out {
			sums[i%len(sums)] += math.Abs(v)
		}
	}
	total := 0.0
	for _, v := range sums {
		total += v
	}
	all := make([]model.Importance, len(sums))
	for i, v := range sums {
		all[i] = model.Importance{Feature: m.features[i], Mean: model.Figure(v / float64(f.Rows()))}
		if total > 0 {
			all[i].Share = model.Figure(v / total)
		}
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].Mean > all[b].Mean })
	return all, nil
}

// Bounds of the health checks.
const (
	// dominantShare of the importance in one feature is suspect in a rung of at
	// least dominantAmong features.
	dominantShare, dominantAmong = 0.5, 10
	// An AUC above leakAUC, or leakAbove over the rule's, is a leak until proven
	// otherwise; oddAbove is worth a look: on the public order data of the refs
	// page models without a leak stand .05 … .07 above the rule.
	leakAUC, leakAbove, oddAbove = 0.95, 0.30, 0.20
	// gapAUC is between folds and test. driftOdds is between their base rates in
	// log-odds: 50 % to 65 %, or 3 % to 5.3 %; and beyond driftErrors standard errors.
	gapAUC, driftOdds, driftErrors = 0.08, 0.6, 2.0
	// Figures of fewer test rows, or fewer of one class, are rough.
	volumeRows, volumeClass = 500, 100
)

// Severities of findings.
const (
	severityOK      = "ok"
	severityWarning = "warning"
	severityError   = "error"
)

// health judges a model by its report alone. An error stops promotion.
func health(r *model.Report) []model.Finding {
	auc, above := float64(r.Quality.AUC), float64(r.AboveRule)
	said := fmt.Sprintf("AUC %s, %s against the recency rule", number(r.Quality.AUC), signed(r.AboveRule))
	var top model.Importance
	if len(r.Importance) > 0 {
		top = r.Importance[0]
	}
	leak := model.Finding{Check: "leak", Severity: severityOK, Detail: said}
	doubt := fmt.Sprintf("look for a column that knows the outcome, such as one recorded after the cutoff (largest part: %s)", top.Feature)
	switch {
	case auc > leakAUC || above > leakAbove:
		leak.Severity, leak.Detail = severityError, said+": too good until proven otherwise; "+doubt
	case above > oddAbove:
		leak.Severity, leak.Detail = severityWarning, said+": better than most; "+doubt
	}
	dominant := model.Finding{Check: "dominant_feature", Severity: severityOK, Detail: fmt.Sprintf("%s holds %s of the importance", top.Feature, percent(top.Share))}
	if len(r.Importance) >= dominantAmong && float64(top.Share) > dominantShare {
		dominant.Severity = severityWarning
		if leak.Severity == severityError {
			dominant.Severity = severityError
		}
	}
	rarer := min(r.Test.Churned, r.Test.Rows-r.Test.Churned)
	volume := model.Finding{Check: "volume", Severity: severityOK, Detail: fmt.Sprintf("%d test rows, %d of the rarer class", r.Test.Rows, rarer)}
	if r.Test.Rows < volumeRows || rarer < volumeClass {
		volume.Severity = severityWarning
		volume.Detail += fmt.Sprintf("; figures of fewer than %d rows, or %d of a class, are rough", volumeRows, volumeClass)
	}
	return []model.Finding{leak, dominant, volume}
}

// health compares the test with the training rows.
func (c *climb) health(best *candidate, r *model.Report) []model.Finding {
	auc := float64(r.Quality.AUC)
	gap := model.Finding{Check: "train_test_gap", Severity: severityOK, Detail: fmt.Sprintf("AUC %.3f on the folds, %s on the test", best.auc, number(r.Quality.AUC))}
	if best.auc-auc > gapAUC {
		gap.Severity = severityWarning
		gap.Detail += ": the test is another time, or the model learnt by heart"
	}
	_, rows, churned := classes(c.train)
	drift := model.Finding{Check: "label_drift", Severity: severityOK, Detail: fmt.Sprintf("%s churned in training (%s), %s in the test",
		percent(model.Figure(float64(churned)/float64(rows))), rates(c.train), percent(r.Test.BaseRate))}
	moved, spread := drifted(churned, rows, r.Test.Churned, r.Test.Rows)
	if math.Abs(moved) > driftOdds && math.Abs(moved) > driftErrors*spread {
		drift.Severity = severityWarning
		drift.Detail += ": a season, or the definition changed"
	}
	return []model.Finding{gap, drift}
}

// drifted returns how far the log-odds of the base rate moved from a of n rows
// to b of m, with its standard error; half a row is added to each class, so that
// none is empty (Haldane, Annals of Human Genetics 20 (1956) 309–311).
func drifted(a, n, b, m int) (moved, spread float64) {
	var cells [4]float64
	for i, count := range []int{a, n - a, b, m - b} {
		cells[i] = float64(count) + 0.5
		spread += 1 / cells[i]
	}
	return math.Log(cells[2]/cells[3]) - math.Log(cells[0]/cells[1]), math.Sqrt(spread)
}

// rates tells the base rates of a sample's cutoffs apart.
func rates(s Sample) string {
	rows, churned := map[frame.Cutoff]float64{}, map[frame.Cutoff]float64{}
	for i, at := range s.Frame.Cutoffs {
		rows[at]++
		churned[at] += s.Y[i]
	}
	low, high := math.Inf(1), math.Inf(-1)
	for at, n := range rows {
		low, high = math.Min(low, churned[at]/n), math.Max(high, churned[at]/n)
	}
	if len(rows) == 1 {
		return "one cutoff"
	}
	return fmt.Sprintf("%s … %s by cutoff", percent(model.Figure(low)), percent(model.Figure(high)))
}

func signed(f model.Figure) string {
	if math.IsNaN(float64(f)) {
		return "–"
	}
	return fmt.Sprintf("%+.3f", float64(f))
}
