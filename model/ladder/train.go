package ladder

import (
	"context"
	"fmt"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/calibrate"
	"fealty/model/logistic"
	"fealty/model/metrics"
	"fealty/model/tree"
)

// worthwhile is how much log-loss on the folds a higher rung must gain over the
// best lower one to be chosen: what can't be told apart stays simple.
const worthwhile = 1e-4

// candidate is one rung while the ladder is climbed.
type candidate struct {
	rung Rung
	why  string // why it was not fitted
	// margins out of fold, as they are and cross-calibrated.
	margins, crossed []float64
	calibrator       calibrate.Affine
	logLoss, auc     float64
	settings         string
	// columns of a linear part; weight of it in a blend.
	columns []string
	weight  float64
	model   *Model
}

// climb is the state of one training.
type climb struct {
	p      Params
	train  Sample
	test   Sample
	of     []int
	parts  []split
	report Progress
	steps  int
	done   int

	trees   *tree.Ensemble
	treesOf *frame.Frame
}

// Train fits every rung that the training rows carry, chooses one on their
// folds, and reports how it does on the test rows, which decide nothing. train
// and test must hold the same columns; rows of one account at several cutoffs
// stand in one fold. The same samples and parameters give the same model.
//
// Errors: ErrTooFew when not even the rule can be fitted, ErrSample for what
// can't be read, those of Params.Validate, ctx.Err().
func Train(ctx context.Context, p Params, train, test Sample, report Progress) (*Result, error) {
	p = p.withDefaults()
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := train.check("training"); err != nil {
		return nil, err
	}
	if err := test.check("test"); err != nil {
		return nil, err
	}
	if report == nil {
		report = func(string, int, int) {}
	}
	c := &climb{p: p, train: train, test: test, report: report, steps: 6}
	if err := c.enough(); err != nil {
		return nil, err
	}
	c.of = folds(train.Frame, p.Folds, p.Seed)
	c.parts = splits(train, c.of, p.Folds)
	candidates, err := c.candidates(ctx)
	if err != nil {
		return nil, err
	}
	best := choose(candidates)
	c.step("fitting the chosen rung")
	for _, a := range candidates {
		if a.why != "" {
			continue
		}
		if a.model, err = c.fit(ctx, a, train); err != nil {
			return nil, err
		}
	}
	return c.finish(ctx, candidates, best)
}

func (c *climb) step(stage string) {
	c.report(stage, c.done, c.steps)
	c.done++
}

// classes counts accounts, rows and churned rows.
func classes(s Sample) (accounts, rows, churned int) {
	seen := map[frame.AccountID]bool{}
	for i, a := range s.Frame.Accounts {
		seen[a] = true
		if s.Y[i] == 1 {
			churned++
		}
	}
	return len(seen), len(s.Y), churned
}

func (c *climb) enough() error {
	_, rows, churned := classes(c.train)
	if min(churned, rows-churned) < ruleClass {
		return fmt.Errorf("%w: %d training rows, of which %d churned and %d stayed; a rule needs %d of each",
			ErrTooFew, rows, churned, rows-churned, ruleClass)
	}
	if len(present(c.train.Frame, ruleColumns)) == 0 {
		return fmt.Errorf("%w: none of the columns %v", ErrSample, ruleColumns)
	}
	return nil
}

// lack says what the training rows lack for a rung, "" when nothing.
func (c *climb) lack(r Rung) string {
	accounts, rows, churned := classes(c.train)
	least := min(churned, rows-churned)
	switch {
	case r.height() > c.p.MaxRung.height():
		return fmt.Sprintf("not asked for: the highest rung to try is %s", c.p.MaxRung)
	case r == Logistic && (rows < logisticRows || least < logisticClass):
		return fmt.Sprintf("needs %d rows and %d of each class, has %d rows and %d of the rarer class", logisticRows, logisticClass, rows, least)
	case (r == Boosting || r == Blend) && (accounts < boostingClients || least < boostingClass):
		return fmt.Sprintf("needs %d eligible accounts and %d rows of each class, has %d accounts and %d rows of the rarer class",
			boostingClients, boostingClass, accounts, least)
	}
	return ""
}

// judge fills in what the folds say of a candidate.
func (c *climb) judge(a *candidate) error {
	var err error
	if a.calibrator, a.crossed, err = calibrator(a.margins, c.train.Y, c.of, c.p.Folds); err != nil {
		return err
	}
	if a.logLoss, err = metrics.LogLossOfMargins(c.train.Y, a.crossed, nil); err != nil {
		return fmt.Errorf("judge rung %s: %w", a.rung, err)
	}
	if a.auc, err = metrics.AUC(c.train.Y, a.margins, nil); err != nil {
		return fmt.Errorf("judge rung %s: %w", a.rung, err)
	}
	return nil
}

func (c *climb) linear(ctx context.Context, names []string) ([]float64, error) {
	return outOfFold(len(c.train.Y), c.parts, func(f *frame.Frame, y []float64) (predictor, error) {
		return fitLinear(ctx, f, y, names)
	})
}

// candidates judges every rung on the folds.
func (c *climb) candidates(ctx context.Context) ([]*candidate, error) {
	rule := &candidate{rung: Rule}
	linear := &candidate{rung: Logistic, why: c.lack(Logistic)}
	trees := &candidate{rung: Boosting, why: c.lack(Boosting)}
	blend := &candidate{rung: Blend, why: c.lack(Blend)}
	all := []*candidate{rule, linear, trees, blend}

	c.step("judging the recency rule")
	for _, name := range present(c.train.Frame, ruleColumns) {
		margins, err := c.linear(ctx, []string{name})
		if err != nil {
			return nil, err
		}
		auc, err := metrics.AUC(c.train.Y, margins, nil)
		if err != nil {
			return nil, fmt.Errorf("judge the rule on %s: %w", name, err)
		}
		if rule.margins == nil || auc > rule.auc {
			rule.margins, rule.auc, rule.settings, rule.columns = margins, auc, name, []string{name}
		}
	}
	c.step("judging the logistic rung")
	var err error
	linear.columns = present(c.train.Frame, logisticColumns)
	blend.columns = linear.columns
	if linear.why == "" {
		if linear.margins, err = c.linear(ctx, linear.columns); err != nil {
			return nil, err
		}
		linear.settings = fmt.Sprintf("ridge %d on %v", logisticL2, linear.columns)
	}
	c.step("judging the boosting rung")
	if trees.why == "" {
		trees.margins, err = outOfFold(len(c.train.Y), c.parts, func(f *frame.Frame, y []float64) (predictor, error) {
			return fitTrees(ctx, f, y, c.p.Seed, c.p.Bags)
		})
		if err != nil {
			return nil, err
		}
		trees.settings = fmt.Sprintf("%d × %d trees of %d leaves, rate %v, monotone", c.p.Bags, boostRounds, boostLeaves, boostRate)
	}
	c.step("choosing")
	if blend.why == "" {
		blend.weight = evenWeight
		blend.margins = blended(linear.margins, trees.margins, evenWeight)
		blend.settings = fmt.Sprintf("%v logistic, %v boosting", evenWeight, 1-evenWeight)
	}
	for _, a := range all {
		if a.why == "" {
			if err := c.judge(a); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// evenWeight is each part's share of a blend. A weight chosen on the folds
// gained less than .0005 of log-loss there and leant on the part that the season
// happened to suit.
const evenWeight = 0.5

func blended(linear, trees []float64, weight float64) []float64 {
	margins := make([]float64, len(linear))
	for i := range margins {
		margins[i] = weight*linear[i] + (1-weight)*trees[i]
	}
	return margins
}

// choose returns the rung with the lowest log-loss on the folds, the simpler of
// two that can't be told apart.
func choose(all []*candidate) *candidate {
	best := all[0]
	for _, a := range all[1:] {
		if a.why == "" && a.logLoss < best.logLoss-worthwhile {
			best = a
		}
	}
	return best
}

// fit fits one rung on all rows of a sample.
func (c *climb) fit(ctx context.Context, a *candidate, s Sample) (*Model, error) {
	h := head{Format: format, Rung: a.rung, Weight: 1, Slope: a.calibrator.Slope, Intercept: a.calibrator.Intercept}
	var linear *logistic.Model
	var trees *tree.Ensemble
	var err error
	if a.rung != Boosting {
		if linear, err = fitLinear(ctx, s.Frame, s.Y, a.columns); err != nil {
			return nil, err
		}
	}
	if a.rung == Boosting || a.rung == Blend {
		h.Weight = a.weight
		if trees, err = c.forest(ctx, s); err != nil {
			return nil, err
		}
	}
	return assemble(h, linear, trees)
}

// forest fits the trees, once for the rungs that share them.
func (c *climb) forest(ctx context.Context, s Sample) (*tree.Ensemble, error) {
	if c.trees == nil || c.treesOf != s.Frame {
		e, err := fitTrees(ctx, s.Frame, s.Y, c.p.Seed, c.p.Bags)
		if err != nil {
			return nil, err
		}
		c.trees, c.treesOf = e, s.Frame
	}
	return c.trees, nil
}

// finish reports on the test rows, and refits when asked to.
func (c *climb) finish(ctx context.Context, all []*candidate, best *candidate) (*Result, error) {
	c.step("measuring on the test rows")
	r := &Result{Model: best.model, Rungs: map[Rung][]float64{}}
	card := &r.Card
	card.Rung, card.Seed, card.Refit, card.Features = string(best.rung), c.p.Seed, c.p.Refit, best.model.Features()
	card.Train = sampleCard(c.train)
	for _, a := range all {
		row := model.RungCard{Rung: string(a.rung), Why: a.why, FoldLogLoss: undefined, FoldAUC: undefined, Test: noQuality()}
		if a.why == "" {
			margins := make([]float64, len(c.test.Y))
			if err := a.model.Predict(c.test.Frame, margins); err != nil {
				return nil, err
			}
			r.Rungs[a.rung] = margins
			row.FoldLogLoss, row.FoldAUC, row.Settings = model.Figure(a.logLoss), model.Figure(a.auc), a.settings
			var err error
			if row.Test, err = quality(c.test.Y, margins); err != nil {
				return nil, err
			}
		}
		card.Ladder = append(card.Ladder, row)
	}
	var err error
	if card.Report, err = c.p.measure(best.model, c.test, r.Rungs[best.rung], r.Rungs[Rule]); err != nil {
		return nil, err
	}
	card.Report.Health = append(card.Report.Health, c.health(best, &card.Report)...)
	if c.p.Refit {
		both, err := join(c.train, c.test)
		if err != nil {
			return nil, err
		}
		if r.Model, err = c.fit(ctx, best, both); err != nil {
			return nil, err
		}
	}
	c.report("trained", c.steps, c.steps)
	return r, nil
}

// join puts one sample below the other.
func join(a, b Sample) (Sample, error) {
	f := &frame.Frame{
		Accounts: slices.Concat(a.Frame.Accounts, b.Frame.Accounts),
		Cutoffs:  slices.Concat(a.Frame.Cutoffs, b.Frame.Cutoffs),
	}
	other, err := b.Frame.Select(a.Frame.Names())
	if err != nil {
		return Sample{}, fmt.Errorf("%w: the test sample: %w", ErrSample, err)
	}
	for i := range a.Frame.Columns {
		c := a.Frame.Columns[i]
		c.Numbers = slices.Concat(c.Numbers, other.Columns[i].Numbers)
		f.Columns = append(f.Columns, c)
	}
	return Sample{Frame: f, Y: slices.Concat(a.Y, b.Y)}, nil
}
