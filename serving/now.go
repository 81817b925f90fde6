package serving

import (
	"context"
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

// held is what score-now keeps between requests: the model and the ranks of
// the published run, and what the sources hold.
type held struct {
	sync.Mutex
	run   string
	model *registered
	rank  score.Distribution

	coverage  []features.Coverage
	watermark uint64
	asked     time.Time
}

// ScoreNow scores accounts as of this instant: cutoff and known_at are the
// request's own. The model is the one of the published run, and percentiles
// are taken from that run, which is returned; so is the change. Scores stand
// in the order asked, without repetition; accounts that no facts know of are
// unknown. ErrUnavailable before the first run.
func (s *Service) ScoreNow(ctx context.Context, accounts []frame.AccountID) ([]score.Score, Run, []frame.AccountID, error) {
	if len(accounts) == 0 || len(accounts) > MaxNow {
		return nil, Run{}, nil, fmt.Errorf("%d accounts, need 1 … %d: %w", len(accounts), MaxNow, ErrInvalid)
	}
	run, err := s.latest(ctx)
	if err != nil {
		return nil, Run{}, nil, err
	}
	m, rank, err := s.publishedModel(ctx, run)
	if err != nil {
		return nil, Run{}, nil, err
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return nil, Run{}, nil, fmt.Errorf("ask for the newest load: %w", err)
	}
	now := s.now()
	cutoff, known := frame.Cutoff(now.Unix()), frame.KnownAt(now.Unix())
	k := s.scorer(m, cutoff, known, watermark)
	k.rank, k.previous = rank, &run
	request := k.request(accounts)
	if request.Coverage, err = s.coverage(ctx, request, now); err != nil {
		return nil, Run{}, nil, err
	}
	found := map[frame.AccountID]score.Score{}
	_, err = s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		part, err := k.scores(sl, 0, sl.Frame.Rows())
		if err != nil {
			return err
		}
		if err := k.dress(ctx, part); err != nil {
			return err
		}
		for i := range part {
			found[part[i].Account] = part[i]
		}
		return nil
	})
	if err != nil {
		return nil, Run{}, nil, err
	}
	scores, unknown := inOrder(accounts, found)
	return scores, run, unknown, nil
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

// publishedModel returns the model and the distribution of the published run;
// they are read once per run.
func (s *Service) publishedModel(ctx context.Context, run Run) (*registered, score.Distribution, error) {
	s.held.Lock()
	defer s.held.Unlock()
	if s.held.run == run.ID {
		return s.held.model, s.held.rank, nil
	}
	m, err := s.model(ctx, run.Model)
	if err != nil {
		return nil, score.Distribution{}, err
	}
	if err := s.fits(m); err != nil {
		return nil, score.Distribution{}, err
	}
	var all []float64
	err = s.Runs.Scores(ctx, run, nil, func(part []score.Score) error {
		for i := range part {
			all = append(all, part[i].Probability)
		}
		return nil
	})
	if err != nil {
		return nil, score.Distribution{}, fmt.Errorf("read the scores of run %q: %w", run.ID, err)
	}
	s.held.run, s.held.model, s.held.rank = run.ID, m, score.NewDistribution(all)
	return s.held.model, s.held.rank, nil
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
