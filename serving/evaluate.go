package serving

import (
	"context"
	"slices"

	"fealty/features/frame"
	"fealty/model/ladder"
)

// Evaluate measures a registered model on the accounts of a cutoff, as the
// test of its training did.
func (s *Service) Evaluate(ctx context.Context, r EvaluateRequest, report func(Progress)) (EvaluateResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return EvaluateResult{}, err
	}
	m, err := s.model(ctx, r.Model)
	if err != nil {
		return EvaluateResult{}, err
	}
	if err := s.fits(m); err != nil {
		return EvaluateResult{}, err
	}
	var at frame.Cutoff
	if r.Cutoff != "" {
		if at, err = c.parse(r.Cutoff); err != nil {
			return EvaluateResult{}, err
		}
		if err := c.final(at); err != nil {
			return EvaluateResult{}, err
		}
	} else if at, err = c.newestFinal(); err != nil {
		return EvaluateResult{}, err
	}
	parts, err := s.label(ctx, c, []frame.Cutoff{at}, report)
	if err != nil {
		return EvaluateResult{}, err
	}
	if err := peopled("cutoff "+c.text(at), parts[at]); err != nil {
		return EvaluateResult{}, err
	}
	params, err := s.ladder("")
	if err != nil {
		return EvaluateResult{}, err
	}
	rows := parts[at]
	if m.derived != nil {
		if rows, err = rows.by(m.derived); err != nil {
			return EvaluateResult{}, err
		}
	}
	found, err := ladder.Evaluate(ctx, params, m.Model, rows.sample())
	if err != nil {
		return EvaluateResult{}, unfit(err)
	}
	profits, err := s.profitsOf(ctx, c, m, rows)
	if err != nil {
		return EvaluateResult{}, err
	}
	text := c.text(at)
	return EvaluateResult{
		Model: m.card.Version, Cutoff: text, Report: found, Decision: profits,
		Trained: slices.Contains(m.card.TrainCutoffs, text) || m.card.Refit && m.card.TestCutoff == text,
	}, nil
}
