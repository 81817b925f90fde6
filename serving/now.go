package serving

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// MaxNow is the most accounts of one request to score now.
const MaxNow = 1000

// coverageHolds is how long an answer to "which sources have rows at all" is
// used again: it changes once in a source's life.
const coverageHolds = time.Minute

// Published is a run that scores made now are measured from: percentiles are
// taken from its probabilities, and changes from its scores.
type Published struct {
	Run
	Rank score.Distribution
}

// held is what score-now keeps between requests: the model of the published
// run, and what the sources hold.
type held struct {
	sync.Mutex
	model *registered

	coverage  []features.Coverage
	watermark uint64
	asked     time.Time
}

// ScoreNow scores accounts as of this instant: cutoff and known_at are the
// request's own. The model is the one of the published run. Scores stand in the
// order asked, without repetition; accounts that no facts know of are unknown.
// ErrUnavailable when the run was dropped meanwhile.
func (s *Service) ScoreNow(ctx context.Context, from Published, accounts []frame.AccountID) ([]score.Score, []frame.AccountID, error) {
	if len(accounts) == 0 || len(accounts) > MaxNow {
		return nil, nil, fmt.Errorf("%d accounts, need 1 … %d: %w", len(accounts), MaxNow, ErrInvalid)
	}
	m, err := s.publishedModel(ctx, from.Model)
	if err != nil {
		return nil, nil, err
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for the newest load: %w", err)
	}
	now := s.now()
	cutoff, known := frame.Cutoff(now.Unix()), frame.KnownAt(now.Unix())
	k := s.scorer(m, cutoff, known, watermark)
	k.rank, k.previous = from.Rank, &from.Run
	request := k.request(accounts)
	if request.Coverage, err = s.coverage(ctx, request, now); err != nil {
		return nil, nil, err
	}
	found := map[frame.AccountID]score.Score{}
	_, err = s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		part, err := k.scores(sl, 0, sl.Frame.Rows())
		if err != nil {
			return err
		}
		if err := k.dress(ctx, part); errors.Is(err, ErrNotFound) {
			return fmt.Errorf("run %q was dropped, and its successor is not held yet: %w", from.ID, ErrUnavailable)
		} else if err != nil {
			return err
		}
		for i := range part {
			found[part[i].Account] = part[i]
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	scores, unknown := inOrder(accounts, found)
	return scores, unknown, nil
}

// inOrder returns the scores in the order asked, each once, and who has none.
func inOrder(accounts []frame.AccountID, found map[frame.AccountID]score.Score) (scores []score.Score, unknown []frame.AccountID) {
	seen := make(map[frame.AccountID]bool, len(accounts))
	for _, a := range accounts {
		if seen[a] {
			continue
		}
		seen[a] = true
		if sc, ok := found[a]; ok {
			scores = append(scores, sc)
		} else {
			unknown = append(unknown, a)
		}
	}
	return scores, unknown
}

// publishedModel returns the model of the published run, which is read once.
func (s *Service) publishedModel(ctx context.Context, version string) (*registered, error) {
	s.held.Lock()
	defer s.held.Unlock()
	if m := s.held.model; m != nil && m.card.Version == version {
		return m, nil
	}
	m, err := s.model(ctx, version)
	if err != nil {
		return nil, err
	}
	if err := s.fits(m); err != nil {
		return nil, err
	}
	s.held.model = m
	return m, nil
}

// coverage tells what the sources hold as of the request's one cutoff, from an
// answer that is at most a minute old and of the same load.
func (s *Service) coverage(ctx context.Context, r features.Request, now time.Time) ([]features.Coverage, error) {
	s.held.Lock()
	defer s.held.Unlock()
	h := &s.held
	if age := now.Sub(h.asked); h.coverage == nil || h.watermark != r.Watermark || age < 0 || age >= coverageHolds {
		all, err := s.Facts.Measure(ctx, r)
		if err != nil {
			return nil, err
		}
		h.coverage, h.watermark, h.asked = all, r.Watermark, now
	}
	moved := make([]features.Coverage, len(h.coverage))
	copy(moved, h.coverage)
	for i := range moved {
		moved[i].Cutoff = r.Cutoffs[0]
	}
	return moved, nil
}
