package serving

import (
	"context"
	"fmt"
	"math"
	"strings"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
)

// otherEngineTolerance is how far a margin may lie from the published one when
// another engine version computes it: its floating-point functions may differ
// in the last bits.
const otherEngineTolerance = 1e-9

// Replay computes an account's published score again from its receipt and
// compares: the fingerprint of its row and the margin must be equal on the
// same engine version, the margin within 1e-9 on another. What differs is said
// in Why; it is an error only when there is nothing to compare.
func (s *Service) Replay(ctx context.Context, r ReplayRequest) (ReplayResult, error) {
	if r.Account == "" {
		return ReplayResult{}, fmt.Errorf("replay: no account was given: %w", ErrInvalid)
	}
	run, err := s.replayed(ctx, r)
	if err != nil {
		return ReplayResult{}, err
	}
	// Who asked to be erased is asked as of now: the receipt's load knows nothing of it.
	told, err := s.disclose(ctx, run)
	if err != nil {
		return ReplayResult{}, err
	}
	published, since, err := told.score(ctx, frame.AccountID(r.Account))
	if err != nil {
		return ReplayResult{}, err
	}
	receipt := published.Receipt
	result := ReplayResult{
		Account: r.Account, Run: run.ID, Replayable: true,
		Published: side(&published), Replayed: s.today(receipt), MarginDelta: model.Figure(math.NaN()),
	}
	if told.hides(published.Account) {
		// Nothing is computed of it any more.
		result.Replayed.Unscorable, result.Same, result.Replayable = erased, !since, !since
		result.Why = "the account asked to be erased, and the run says no more of it"
		if since {
			result.Why = "not replayable: the account has asked to be erased since, and nothing is told of its score"
		}
		return result, nil
	}
	if sources := s.unrecorded(); len(sources) > 0 {
		result.Replayable = false
		result.Why = "not replayable: source " + strings.Join(sources, ", ") + " has no recording time"
		return result, nil
	}
	definitions, err := s.Facts.Definitions(s.catalogue())
	if err != nil {
		return ReplayResult{}, fmt.Errorf("fingerprint the features: %w", err)
	}
	result.Replayed.DefinitionsHash = definitions
	if definitions != receipt.DefinitionsHash {
		// Other definitions make another row: to compare the numbers would prove nothing.
		result.Why = fmt.Sprintf("the features are defined otherwise now (%s) than then (%s): only the release that scored can replay it",
			definitions, receipt.DefinitionsHash)
		if m, err := s.model(ctx, receipt.Model); err == nil {
			if why := s.otherOwn(&m.card); why != "" {
				result.Why += "; " + why
			}
		}
		return result, nil
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return ReplayResult{}, fmt.Errorf("ask for the newest load: %w", err)
	}
	if watermark < receipt.Watermark {
		result.Why = fmt.Sprintf("the score was made of loads up to %d, and the warehouse holds loads up to %d", receipt.Watermark, watermark)
		return result, nil
	}
	again, err := s.again(ctx, frame.AccountID(r.Account), receipt, run.Purpose == PurposeGroups)
	if err != nil {
		return ReplayResult{}, err
	}
	if again == nil {
		result.Why = "the facts up to the receipt's load don't know the account"
		return result, nil
	}
	result.Replayed = side(again)
	result.compare(&published, again)
	return result, nil
}

// replayed returns the run whose score is to be replayed.
func (s *Service) replayed(ctx context.Context, r ReplayRequest) (run Run, err error) {
	switch {
	case r.Run != "":
		run, err = s.Runs.Run(ctx, r.Run)
	case r.Groups:
		run, err = s.latestGroups(ctx)
	default:
		run, err = s.latest(ctx)
	}
	if err == nil && run.Kind != KindScores {
		err = fmt.Errorf("run %q holds %ss, no scores: %w", run.ID, run.Kind, ErrInvalid)
	}
	return run, err
}

// unrecorded names the mapped sources whose rows don't say when they were known:
// what such a source held at an earlier instant nobody can tell.
func (s *Service) unrecorded() []string {
	var names []string
	for _, m := range s.Sources {
		if m.Columns[features.RecordedAt] == "" {
			names = append(names, m.Name)
		}
	}
	return names
}

// again scores the account, or the group, by the receipt; nil when the facts don't
// know it.
func (s *Service) again(ctx context.Context, account frame.AccountID, receipt score.Receipt, group bool) (*score.Score, error) {
	m, err := s.model(ctx, receipt.Model)
	if err != nil {
		return nil, err
	}
	k := s.scorer(m, receipt.Cutoff, receipt.KnownAt, receipt.Watermark)
	var found *score.Score
	request := k.request([]frame.AccountID{account})
	request.Groups = group
	if err := k.stand(ctx, request); err != nil {
		return nil, err
	}
	_, err = s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		part, err := k.scores(sl, 0, sl.Frame.Rows())
		for i := range part {
			if part[i].Account == account {
				found = &part[i]
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// today is what the replayed side would be computed with.
func (s *Service) today(receipt score.Receipt) ReplayedSide {
	receipt.RowHash, receipt.ConfigHash, receipt.Engine = "", s.Settings.Hash(), s.Facts.Describe()
	return side(&score.Score{Receipt: receipt, Margin: math.NaN(), Probability: math.NaN()})
}

func side(sc *score.Score) ReplayedSide {
	r := &sc.Receipt
	return ReplayedSide{
		Model: r.Model, Engine: r.Engine, DefinitionsHash: r.DefinitionsHash, ConfigHash: r.ConfigHash, RowHash: r.RowHash,
		Cutoff: r.Cutoff.String(), KnownAt: r.KnownAt.String(), Watermark: r.Watermark,
		Margin: model.Figure(sc.Margin), Probability: model.Figure(sc.Probability), Unscorable: sc.Unscorable,
	}
}

// compare gives the verdict.
func (r *ReplayResult) compare(then, now *score.Score) {
	other := then.Receipt.Engine != now.Receipt.Engine
	delta := now.Margin - then.Margin
	r.MarginDelta = model.Figure(delta)
	sameRow := then.Receipt.RowHash == now.Receipt.RowHash
	sameMargin := math.Float64bits(then.Margin) == math.Float64bits(now.Margin) || then.Unscorable != "" && now.Unscorable == then.Unscorable
	var differs []string
	switch {
	case then.Unscorable != now.Unscorable:
		differs = append(differs, fmt.Sprintf("it was %s and is %s", standing(then), standing(now)))
	case other && !sameMargin:
		// NaN is never within.
		if within := math.Abs(delta) <= otherEngineTolerance; !within {
			differs = append(differs, fmt.Sprintf("the margin differs by %g, more than another engine version explains", delta))
		}
	case !other:
		if !sameRow {
			differs = append(differs, "the account's features differ")
		}
		if !sameMargin {
			differs = append(differs, fmt.Sprintf("the margin differs by %g", delta))
		}
	}
	r.Same = len(differs) == 0
	switch {
	case !r.Same:
		r.Why = strings.Join(differs, "; ")
	case other:
		r.Why = fmt.Sprintf("the margin agrees to 1e-9 on another engine version (%s, then %s)", now.Receipt.Engine, then.Receipt.Engine)
	case then.Unscorable != "":
		r.Why = "the same features and the same reason for no score"
	default:
		r.Why = "the same features and the same margin, to the bit"
	}
	if then.Receipt.ConfigHash != now.Receipt.ConfigHash {
		r.Why += "; the settings that change numbers are others than then"
	}
}

func standing(sc *score.Score) string {
	if sc.Unscorable == "" {
		return "scored"
	}
	return sc.Unscorable
}
