package ladder

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/boost"
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
	// columns of a linear part; weight of it in a blend; rounds of the trees.
	columns []string
	weight  float64
	rounds  int
	model   *Model
	// seconds that fitting it on the training rows took.
	seconds float64
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

	// rule is the recency rule's column.
	rule string
	// wide is the training frame with the columns on trial; train has them once
	// they are kept.
	wide  *frame.Frame
	trial *model.ColumnTrial
}

// Train fits every rung that the training rows carry, chooses one on their
// folds, and reports how it does on the test rows, which decide nothing. test
// must hold the columns of train; rows of one account at several cutoffs stand
// in one fold. The same samples and parameters give the same model, whatever
// the order of their rows.
//
// Beside the samples it keeps one copy of the training rows, two where they do
// not come by cutoff and account; up to 131,072 rows, one more for each other fit
// that is done at the same time, at most GOMAXPROCS.
//
// Errors: ErrTooFew when not even the rule can be fitted (too few rows of a
// class, or of one class only), ErrSample for what can't be read, those of
// Params.Validate, ctx.Err().
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
	if _, err := test.Frame.Select(train.Frame.Names()); err != nil {
		return nil, fmt.Errorf("%w: the test sample beside the training sample: %w", ErrSample, err)
	}
	train, err := train.ordered("training")
	if err != nil {
		return nil, err
	}
	given := test.Frame
	if test, err = test.ordered("test"); err != nil {
		return nil, err
	}
	if err := test.unseen(train); err != nil {
		return nil, err
	}
	if report == nil {
		report = func(string, int, int) {}
	}
	c := &climb{p: p, train: train, test: test, report: report, wide: train.Frame}
	c.set()
	if err := c.enough(); err != nil {
		return nil, err
	}
	c.of = folds(train.Frame, p.Folds, p.Seed)
	if c.parts, err = splits(train.Y, c.of, p.Folds); err != nil {
		return nil, err
	}
	c.steps = 6 // rule, lifetime, logistic, choosing, fitting, measuring
	if c.lack(Boosting) == "" {
		c.steps += len(c.parts)
	}
	c.steps += len(p.Challengers)
	candidates, err := c.candidates(ctx)
	if err != nil {
		return nil, err
	}
	best := c.choose(candidates)
	c.step("fitting the rungs")
	parts, err := c.fit(ctx, c.train, candidates...)
	if err != nil {
		return nil, err
	}
	for _, a := range candidates {
		if a.why != "" {
			continue
		}
		if a.model, err = parts.rung(a); err != nil {
			return nil, err
		}
		a.seconds = parts.took(a)
	}
	challengers, err := c.challenge(ctx)
	if err != nil {
		return nil, err
	}
	r, err := c.finish(ctx, candidates, best, given)
	if err != nil {
		return nil, err
	}
	r.Card.Ladder, r.Trial = append(r.Card.Ladder, challengers...), c.trial
	return r, nil
}

// timed runs a fit and adds the seconds that it took by the caller's clock, if
// there is one.
func (c *climb) timed(seconds *float64, fit func() error) error {
	if c.p.Clock == nil {
		return fit()
	}
	from := c.p.Clock()
	err := fit()
	*seconds += (c.p.Clock() - from).Seconds()
	return err
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
	if min(churned, rows-churned) < RuleClass {
		return fmt.Errorf("%w: %d training rows, of which %d churned and %d stayed; a rule needs %d of each",
			ErrTooFew, rows, churned, rows-churned, RuleClass)
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
	case r == Lifetime && !told(c.train.Frame, lifetimeColumns[0]):
		return "needs a lifetime model of the accounts, and none could be fitted"
	case r == Logistic && (rows < LogisticRows || least < LogisticClass):
		return fmt.Sprintf("needs %d rows and %d of each class, has %d rows and %d of the rarer class", LogisticRows, LogisticClass, rows, least)
	case r.hasTrees() && (accounts < BoostingAccounts || least < BoostingClass):
		return fmt.Sprintf("needs %d eligible accounts and %d rows of each class, has %d accounts and %d rows of the rarer class",
			BoostingAccounts, BoostingClass, accounts, least)
	}
	return ""
}

// told tells whether a column is there and says something of any row.
func told(f *frame.Frame, name string) bool {
	c := f.Column(name)
	return c != nil && slices.ContainsFunc(c.Numbers, func(v float64) bool { return !math.IsNaN(v) })
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

// linear returns the out-of-fold margins of a logistic regression.
func (c *climb) linear(ctx context.Context, names []string) ([]float64, error) {
	return c.train.outOfFold(names, c.parts, func(f *frame.Frame, y []float64) (predictor, error) {
		return fitLinear(ctx, f, y, names)
	})
}

// candidates judges every rung on the folds.
func (c *climb) candidates(ctx context.Context) ([]*candidate, error) {
	rule := &candidate{rung: Rule, weight: 1}
	lasting := &candidate{rung: Lifetime, weight: 1, why: c.lack(Lifetime), columns: lifetimeColumns}
	linear := &candidate{rung: Logistic, weight: 1, why: c.lack(Logistic)}
	trees := &candidate{rung: Boosting, why: c.lack(Boosting)}
	blend := &candidate{rung: Blend, why: c.lack(Blend)}
	all := []*candidate{rule, lasting, linear, trees, blend}

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
	c.rule = rule.columns[0]
	var err error
	c.step("judging the lifetime rung")
	if lasting.why == "" {
		if lasting.margins, err = c.linear(ctx, lasting.columns); err != nil {
			return nil, err
		}
		lasting.settings = lifetimeColumns[0]
	}
	c.step("judging the logistic rung")
	linear.columns = present(c.train.Frame, logisticColumns)
	blend.columns = linear.columns
	if linear.why == "" {
		if linear.margins, err = c.linear(ctx, linear.columns); err != nil {
			return nil, err
		}
		linear.settings = fmt.Sprintf("ridge %d on %v", logisticL2, linear.columns)
	}
	if trees.why == "" {
		if err := c.grow(ctx, trees); err != nil {
			return nil, err
		}
		if err := c.try(ctx, trees); err != nil {
			return nil, err
		}
		blend.rounds = trees.rounds
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

// grow finds the rounds of boosting on the folds and judges it there.
func (c *climb) grow(ctx context.Context, a *candidate) error {
	fold := 0
	var err error
	a.rounds, a.margins, err = c.train.rounds(ctx, c.parts, c.p.Seed, func() {
		fold++
		c.step(fmt.Sprintf("finding the rounds of boosting, fold %d of %d", fold, len(c.parts)))
	})
	a.settings = fmt.Sprintf("%d × %d trees of %d leaves, rate %v, monotone", c.p.Bags, a.rounds, boostLeaves, boostRate)
	return err
}

// evenWeight is each part's share of a blend. The best of five weights on the
// folds gained .0006 of log-loss at most over it on Online Retail I, and leant on
// the part that the training's season happened to suit.
const evenWeight = 0.5

func blended(linear, trees []float64, weight float64) []float64 {
	margins := make([]float64, len(linear))
	for i := range margins {
		margins[i] = weight*linear[i] + (1-weight)*trees[i]
	}
	return margins
}

// choose returns the rung with the lowest log-loss on the folds, the simpler of
// two that can't be told apart; but of boosting and the blend the latter where
// boosting's lead is within one standard error. Folds share their season, so
// they can't show what a mean of two kinds of model is good for. Judged forward
// in time, scikit-learn's boosting has a log-loss of .599 on Online Retail I and
// its mean with a logistic regression .582.
func (c *climb) choose(all []*candidate) *candidate {
	best := all[0]
	for _, a := range all[1:] {
		if a.why == "" && a.logLoss < best.logLoss-worthwhile {
			best = a
		}
	}
	if blend := all[len(all)-1]; best.rung == Boosting && blend.why == "" {
		if lead, spread := c.lead(best.crossed, blend.crossed); lead <= spread {
			return blend
		}
	}
	return best
}

// lead returns by how much the mean log-loss of margins a is below that of b,
// and the standard error of that, with an account's rows taken as one draw.
func (c *climb) lead(a, b []float64) (lead, spread float64) {
	sums, rows := map[frame.AccountID]float64{}, map[frame.AccountID]float64{}
	var order []frame.AccountID // sums of floats must not follow a map's order
	for i, y := range c.train.Y {
		account := c.train.Frame.Accounts[i]
		if rows[account] == 0 {
			order = append(order, account)
		}
		d := boost.LogLoss{}.Value(b[i], y) - boost.LogLoss{}.Value(a[i], y)
		sums[account] += d
		rows[account]++
		lead += d
	}
	n := float64(len(c.train.Y))
	lead /= n
	for _, account := range order {
		d := sums[account] - lead*rows[account]
		spread += d * d
	}
	return lead, math.Sqrt(spread) / n
}

// parts are what rungs are made of, each fitted once on all rows of a sample
// though several rungs share it.
type parts struct {
	rule, lasting, linear *logistic.Model
	trees                 *tree.Ensemble
	// seconds that each took.
	ruleSeconds, lastingSeconds, linearSeconds, treesSeconds float64
}

// took is how long a rung's own parts took; the rule that every model holds for
// comparison counts for the rule alone.
func (p parts) took(a *candidate) float64 {
	switch a.rung {
	case Rule:
		return p.ruleSeconds
	case Lifetime:
		return p.lastingSeconds
	case Logistic:
		return p.linearSeconds
	case Boosting:
		return p.treesSeconds
	case Blend:
	}
	return p.linearSeconds + p.treesSeconds
}

// fit fits the parts that the rungs need, and the rule to compare them with.
func (c *climb) fit(ctx context.Context, s Sample, rungs ...*candidate) (parts, error) {
	var p parts
	linear := func(into **logistic.Model, seconds *float64, columns []string) error {
		return c.timed(seconds, func() (err error) {
			*into, err = fitLinear(ctx, s.Frame, s.Y, columns)
			return err
		})
	}
	if err := linear(&p.rule, &p.ruleSeconds, []string{c.rule}); err != nil {
		return p, err
	}
	for _, a := range rungs {
		if a.why != "" {
			continue
		}
		if a.rung == Lifetime {
			if err := linear(&p.lasting, &p.lastingSeconds, a.columns); err != nil {
				return p, err
			}
			continue
		}
		if p.linear == nil && a.rung.hasLinear() && a.rung != Rule {
			if err := linear(&p.linear, &p.linearSeconds, a.columns); err != nil {
				return p, err
			}
		}
		if p.trees == nil && a.rung.hasTrees() {
			g := forest{seed: c.p.Seed, bags: c.p.Bags, rounds: a.rounds}
			if err := c.timed(&p.treesSeconds, func() (err error) {
				p.trees, err = g.fit(ctx, s.Frame, s.Y)
				return err
			}); err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// rung puts the parts of one rung together.
func (p parts) rung(a *candidate) (*Model, error) {
	h := head{Format: format, Rung: a.rung, Weight: a.weight, Slope: a.calibrator.Slope, Intercept: a.calibrator.Intercept}
	linear, trees := p.linear, p.trees
	switch a.rung {
	case Rule:
		linear = p.rule
	case Lifetime:
		linear = p.lasting
	case Logistic, Boosting, Blend:
	}
	if !a.rung.hasLinear() {
		linear = nil
	}
	if !a.rung.hasTrees() {
		trees = nil
	}
	return assemble(h, p.rule, linear, trees)
}

// finish reports on the test rows, and refits when asked to. given are the test
// rows in the caller's order.
func (c *climb) finish(ctx context.Context, all []*candidate, best *candidate, given *frame.Frame) (*Result, error) {
	c.step("measuring on the test rows")
	r := &Result{Model: best.model, Rungs: map[Rung][]float64{}}
	card := &r.Card
	card.Rung, card.Seed, card.Refit, card.Features = string(best.rung), c.p.Seed, c.p.Refit, best.model.Features()
	card.Train = sampleCard(c.train)
	card.Ladder = make([]model.RungCard, len(all))
	inOrder, asGiven := make([][]float64, len(all)), make([][]float64, len(all))
	err := together(runtime.GOMAXPROCS(0), len(all), nil, func(k int) error {
		a, row := all[k], &card.Ladder[k]
		*row = model.RungCard{Rung: string(a.rung), Why: a.why, FoldLogLoss: undefined, FoldAUC: undefined, Test: noQuality()}
		if a.why != "" {
			return nil
		}
		row.FoldLogLoss, row.FoldAUC, row.Settings = model.Figure(a.logLoss), model.Figure(a.auc), a.settings
		row.Seconds = model.Figure(a.seconds)
		margins := make([]float64, len(c.test.Y))
		if err := a.model.Predict(c.test.Frame, margins); err != nil {
			return err
		}
		inOrder[k], asGiven[k] = margins, margins
		var err error
		if row.Test, err = quality(c.test.Y, margins); err != nil || given == c.test.Frame {
			return err
		}
		asGiven[k] = make([]float64, given.Rows())
		return a.model.Predict(given, asGiven[k])
	})
	if err != nil {
		return nil, err
	}
	for k, a := range all {
		if a.why == "" {
			r.Rungs[a.rung] = asGiven[k]
		}
	}
	at := slices.Index(all, best)
	if card.Report, err = c.p.measure(best.model, c.test, inOrder[at], card.Ladder[at].Test); err != nil {
		return nil, err
	}
	card.Report.Health = append(card.Report.Health, c.health(best, &card.Report)...)
	if c.p.Refit {
		both, err := join(c.train, c.test)
		if err != nil {
			return nil, err
		}
		again, err := c.fit(ctx, both, best)
		if err != nil {
			return nil, err
		}
		if r.Model, err = again.rung(best); err != nil {
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
	return Sample{Frame: f, Y: slices.Concat(a.Y, b.Y)}.ordered("training and test")
}
