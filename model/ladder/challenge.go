package ladder

import (
	"context"
	"fmt"

	"fealty/features/frame"
	"fealty/model"
)

// challenge measures the learners that are shown beside the rungs. They see the
// columns and the folds that boosting sees, and are calibrated as rungs are, so
// that a log-loss compares learners and not the scales of their margins. A learner
// with a method Settings says on the card what it was fitted with.
func (c *climb) challenge(ctx context.Context) ([]model.RungCard, error) {
	rows := make([]model.RungCard, 0, len(c.p.Challengers))
	for _, l := range c.p.Challengers {
		c.step("fitting the challenger " + l.Name())
		row, err := c.measureChallenger(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("challenger %s: %w", l.Name(), err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (c *climb) measureChallenger(ctx context.Context, l model.Learner) (model.RungCard, error) {
	row := model.RungCard{Rung: l.Name(), Challenger: true}
	if l, ok := l.(interface{ Settings() string }); ok {
		row.Settings = l.Settings()
	}
	names := treeColumns(c.train.Frame)
	fit := func(f *frame.Frame, y []float64) (predictor, error) { return l.Fit(ctx, f, y, nil) }
	a := &candidate{rung: Rung(l.Name())}
	var err error
	if a.margins, err = c.train.outOfFold(names, c.parts, fit); err != nil {
		return row, err
	}
	if err := c.judge(a); err != nil {
		return row, err
	}
	row.FoldLogLoss, row.FoldAUC = model.Figure(a.logLoss), model.Figure(a.auc)
	part, err := c.train.Frame.Select(names)
	if err != nil {
		return row, fmt.Errorf("%w: %w", ErrSample, err)
	}
	var m predictor
	if err := c.timed((*float64)(&row.Seconds), func() (err error) {
		m, err = fit(part, c.train.Y)
		return err
	}); err != nil {
		return row, err
	}
	row.Test, err = c.tested(m, a)
	return row, err
}

// tested measures what was fitted on all training rows on the test rows, calibrated
// as the candidate was on the folds.
func (c *climb) tested(m predictor, by *candidate) (model.Quality, error) {
	margins := make([]float64, len(c.test.Y))
	if err := m.Predict(c.test.Frame, margins); err != nil {
		return noQuality(), fmt.Errorf("predict the test rows: %w", err)
	}
	for i, v := range margins {
		margins[i] = by.calibrator.Margin(v)
	}
	return quality(c.test.Y, margins)
}
