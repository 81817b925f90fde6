package serving

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/derive"
	"fealty/model/ladder"
)

// Grades of a model, best first.
const (
	GradeA = "A"
	GradeB = "B"
	GradeC = "C"
)

// severityError is the severity of a finding that stops promotion.
const severityError = "error"

// Train builds the labelled rows of the training and test cutoffs, climbs the
// ladder, registers the model with its card, and lets it go live when its grade
// and health allow. Training the same content again gives the same version and
// changes nothing. Broken off, it leaves nothing behind.
//
// Facts are read in one pass over all cutoffs. It keeps the labelled rows of all of them
// and the accounts of the test that have bought (8 bytes per feature and row), what makes
// accounts peers at the newest training cutoff, and one slice of the build; what the
// ladder holds comes on top.
func (s *Service) Train(ctx context.Context, r TrainRequest, report func(Progress)) (TrainResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return TrainResult{}, err
	}
	params, err := s.ladder(r.Rung)
	if err != nil {
		return TrainResult{}, err
	}
	params.Refit = r.Refit
	train, test, err := c.choose(r.Cutoffs, r.TestCutoff)
	if err != nil {
		return TrainResult{}, err
	}
	// Asked before the work, so that whoever promotes meanwhile is not overwritten.
	before, err := s.live(ctx)
	if err != nil {
		return TrainResult{}, err
	}
	lesson, err := s.gatherPurses(ctx, c, slices.Max(train))
	if err != nil {
		return TrainResult{}, err
	}
	crowd, err := s.gatherPupils(ctx, c, test)
	if err != nil {
		return TrainResult{}, err
	}
	parts, err := s.label(ctx, c, both(train, test), report, lesson, crowd)
	if err != nil {
		return TrainResult{}, err
	}
	rows := join(at(parts, train), true)
	derived := parts[slices.Max(train)].derived
	last, err := parts[test].by(derived)
	if err != nil {
		return TrainResult{}, err
	}
	result, err := c.climb(ctx, params, rows, last, report)
	if err != nil {
		return TrainResult{}, err
	}
	better, err := s.better(ctx, before)
	if err != nil {
		return TrainResult{}, err
	}
	if result.Card.Report.Grade == GradeC && result.Model.Rung() != ladder.Rule && r.Rung == "" && !r.NoPromote && better == "" {
		// Not better than the rule, so that the rule itself is what may serve.
		if result, err = c.stepDown(ctx, params, rows, last, result, report); err != nil {
			return TrainResult{}, err
		}
	}
	if err := s.complete(c, &result.Card, parts, train, test); err != nil {
		return TrainResult{}, err
	}
	worth, err := s.appraise(ctx, c, result, lesson, crowd, last, report)
	if err != nil {
		return TrainResult{}, err
	}
	if result.Card.Worth.Wallet.Columns = result.Trial; result.Trial == nil || !result.Trial.Kept {
		derived = derived.WithoutWallet()
	}
	bundle, err := seal(result.Model, derived, worth, &result.Card)
	if err != nil {
		return TrainResult{}, err
	}
	card, err := encodeCard(&result.Card)
	if err != nil {
		return TrainResult{}, err
	}
	version, grade := result.Card.Version, result.Card.Report.Grade
	if err := ctx.Err(); err != nil {
		return TrainResult{}, err
	}
	if _, err := s.Registry.SaveModel(ctx, RegisteredModel{Version: version, Kind: result.Card.Kind, Grade: grade, Card: card}, bundle); err != nil {
		return TrainResult{}, err
	}
	answer := TrainResult{Model: version, Card: result.Card}
	if answer.Live, answer.Why, err = s.promote(ctx, &result.Card, before, better, r.NoPromote); err != nil {
		return TrainResult{}, err
	}
	return answer, nil
}

// ladder returns the ladder's parameters under these settings.
func (s *Service) ladder(rung string) (ladder.Params, error) {
	p := ladder.Defaults()
	p.Seed, p.Bands, p.MaxRung, p.Trial = s.Settings.Seed, s.Settings.Bands, ladder.Rung(rung), derive.WalletNames()
	if err := p.Validate(); err != nil {
		return p, refused{err}
	}
	return p, nil
}

// climb trains on the rows of the training cutoffs and looks at the test once.
func (c *calendar) climb(ctx context.Context, p ladder.Params, rows, last *labelled, report func(Progress)) (*ladder.Result, error) {
	if err := peopled("training cutoffs", rows); err != nil {
		return nil, err
	}
	if err := peopled("test cutoff", last); err != nil {
		return nil, err
	}
	result, err := ladder.Train(ctx, p, rows.sample(), last.sample(), func(stage string, done, total int) {
		if report != nil {
			report(Progress{Stage: stage, Done: int64(done), Total: int64(total)})
		}
	})
	if err != nil {
		return nil, unfit(err)
	}
	// That columns have no values is seen by the ladder, and what was in the way here.
	if t := result.Trial; t != nil {
		if why := last.derived.WhyNoWallet(); t.Why != "" && why != "" {
			t.Why += "; " + why
		}
		t.EN, t.ZH = last.derived.WalletText()
	}
	return result, nil
}

func (l *labelled) sample() ladder.Sample {
	return ladder.Sample{Frame: l.frame(), Y: l.y, CameBack: l.back}
}

// complete writes on the card what only the use case knows. The rest is the
// ladder's.
func (s *Service) complete(c *calendar, card *model.Card, parts map[frame.Cutoff]*labelled, train []frame.Cutoff, test frame.Cutoff) error {
	definitions, err := s.Facts.Definitions(s.catalogue())
	if err != nil {
		return fmt.Errorf("fingerprint the features: %w", err)
	}
	card.Kind = churnKind
	card.TrainedThrough, card.Label, card.HorizonDays, card.ActiveWithin = c.through.String(), string(c.Label.Label), c.Label.HorizonDays, c.ActiveWithin()
	card.TrainCutoffs = nil
	for _, at := range train {
		card.TrainCutoffs = append(card.TrainCutoffs, c.text(at))
	}
	card.TestCutoff, card.Watermark, card.DefinitionsHash, card.ConfigHash = c.text(test), c.watermark, definitions, c.Hash()
	card.Engine, card.MarginRate, card.OwnFeatures = s.Facts.Describe(), c.MarginRate, features.OwnFingerprints(s.catalogue())
	card.Empty, card.Excluded = parts[slices.Max(train)].derived.Empty(), map[string]int{}
	for _, part := range at(parts, both(train, test)) {
		for why, n := range part.excluded {
			card.Excluded[why] += n
		}
	}
	return nil
}

// stepDown trains the recency rule alone, and keeps on its card what the higher
// rungs reached.
func (c *calendar) stepDown(ctx context.Context, p ladder.Params, rows, last *labelled, above *ladder.Result, report func(Progress)) (*ladder.Result, error) {
	p.MaxRung = ladder.Rule
	result, err := c.climb(ctx, p, rows, last, report)
	if err != nil {
		return nil, err
	}
	result.Card.Ladder, result.Trial = above.Card.Ladder, above.Trial
	if result.Trial != nil {
		result.Trial.Kept = false // the rule looks at none of them
	}
	result.Card.Report.GradeWhy += fmt.Sprintf("; the %s rung, which the folds chose, was of grade %s too (%s)",
		above.Card.Rung, above.Card.Report.Grade, above.Card.Report.GradeWhy)
	return result, nil
}

// better returns the grade of a live model if it is A or B, "" otherwise. A
// live model that was removed from the registry is no better than anything.
func (s *Service) better(ctx context.Context, live string) (string, error) {
	if live == "" {
		return "", nil
	}
	_, m, err := s.Registry.LoadModel(ctx, live)
	switch {
	case errors.Is(err, ErrNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look at the live model: %w", err)
	case m.Grade == GradeA || m.Grade == GradeB:
		return m.Grade, nil
	}
	return "", nil
}

// promote lets a registered model go live, or says why not. Grades A and B go
// live by themselves; C only as the recency rule, and when nothing better is
// live. before was live when the training began, of the grade better if that is
// A or B: if something else is live now, somebody decided meanwhile, and that
// stands.
func (s *Service) promote(ctx context.Context, card *model.Card, before, better string, leave bool) (bool, string, error) {
	if before == card.Version {
		return true, "this very model is live already", nil
	}
	if leave {
		return false, "it was asked to leave the live model alone", nil
	}
	for _, finding := range card.Report.Health {
		if finding.Severity == severityError {
			return false, fmt.Sprintf("the health check %q found an error: %s", finding.Check, finding.Detail), nil
		}
	}
	why := fmt.Sprintf("grade %s: %s", card.Report.Grade, card.Report.GradeWhy)
	switch card.Report.Grade {
	case GradeA, GradeB:
	case GradeC:
		if ladder.Rung(card.Rung) != ladder.Rule {
			return false, why + "; a model of grade C goes live only as the recency rule (train with --rung rule)", nil
		}
		if better != "" {
			return false, fmt.Sprintf("%s; the live model %s is better, of grade %s", why, before, better), nil
		}
		why += "; nothing better is live"
	default:
		return false, why + "; an unknown grade never goes live", nil
	}
	err := s.Registry.SwapAlias(ctx, LiveAlias, before, card.Version)
	if errors.Is(err, ErrConflict) {
		return false, why + "; but another model was promoted during the training, and that stands", nil
	}
	if err != nil {
		return false, "", err
	}
	return true, why, nil
}
