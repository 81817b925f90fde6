package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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
// order asked, without repetition; accounts that no facts know of are unknown. Of an
// account that goes on in another it is the other's score that is found, and says so.
// ErrUnavailable when the run was dropped meanwhile.
func (s *Service) ScoreNow(ctx context.Context, from Published, accounts []frame.AccountID) ([]Found, []frame.AccountID, error) {
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
	// Once for all that is asked of them.
	if request.Links, err = s.Facts.Links(ctx, watermark); err != nil {
		return nil, nil, fmt.Errorf("ask for the links between accounts: %w", err)
	}
	if request.Coverage, err = s.coverage(ctx, request, now); err != nil {
		return nil, nil, err
	}
	found := map[frame.AccountID]Found{}
	if err := k.now(ctx, request, found); err != nil {
		return nil, nil, err
	}
	// Whoever has no row may go on in another, which is asked for when somebody has none.
	var moves map[frame.AccountID]features.Move
	if missing := without(accounts, found); len(missing) > 0 {
		if moves, err = s.Facts.Moves(ctx, request); err != nil {
			return nil, nil, fmt.Errorf("ask where the accounts have gone: %w", err)
		}
		var heirs []frame.AccountID
		for _, a := range missing {
			if move, ok := moves[a]; ok {
				heirs = append(heirs, move.Into)
			}
		}
		if request.Accounts = without(heirs, found); len(request.Accounts) > 0 {
			if err := k.now(ctx, request, found); err != nil {
				return nil, nil, err
			}
		}
	}
	scores, unknown := inOrder(accounts, found, moves)
	return scores, unknown, nil
}

// now scores the accounts of a request into found.
func (k *scorer) now(ctx context.Context, request features.Request, found map[frame.AccountID]Found) error {
	if err := k.stand(ctx, request); err != nil {
		return err
	}
	_, err := k.Facts.Build(ctx, request, func(sl *features.Slice) error {
		part, err := k.scores(sl, 0, sl.Frame.Rows())
		if err != nil {
			return err
		}
		if err := k.dress(ctx, part); errors.Is(err, ErrNotFound) {
			return fmt.Errorf("run %q was dropped, and its successor is not held yet: %w", k.previous.ID, ErrUnavailable)
		} else if err != nil {
			return err
		}
		if err := k.stake(sl.Frame, part); err != nil {
			return err
		}
		briefs, err := k.lifetimesNow(ctx, sl, part)
		if err != nil {
			return err
		}
		for i := range part {
			f := Found{Score: part[i], OptedOut: k.standings[part[i].Account].OptedOut}
			if f.Unscorable == erased {
				f = Found{Score: blank(&f.Score)}
			} else if briefs != nil && sl.Status[i] != features.NeverBought {
				f.Brief, f.Untold = &briefs[i], untoldNow
			}
			found[f.Account] = f
		}
		return nil
	})
	return err
}

// untoldNow are the parts of worth that a score of now does not tell, and why: it reads
// the features of the accounts asked for, and nothing of the others.
var untoldNow = []Term{
	{"loyalty", "a parent's loyalty is the mean of its children's, and a score of now reads the accounts asked for alone; published runs tell it", "上级客户的忠诚度是其下级的平均值，而即时评分只读取所问的客户；见已发布的评分"},
	{"tier", "a tier is a rank among all accounts; published runs tell it", "等级是在所有客户中的排名；见已发布的评分"},
	{"verdict", "a verdict weighs the whole value, of which the wallet is a part; published runs tell it", "处置建议权衡全部价值，其中包括钱包；见已发布的评分"},
	{"wallet", "a wallet rests on purchases by category and on declarations, which a score of now does not read; published runs tell it", "钱包依据分品类的购买和申报，即时评分不读取这些；见已发布的评分"},
}

// lifetimesNow tells the lifetime values of the rows of a slice, whose scores know their
// segments, by the one way in which runs tell them; nil when the model tells no worth.
func (k *scorer) lifetimesNow(ctx context.Context, sl *features.Slice, scores []score.Score) ([]Brief, error) {
	if k.worth == nil {
		return nil, nil
	}
	c := &crowd{cutoff: k.receipt.Cutoff, frame: sl.Frame, status: sl.Status, profiles: make([]features.Profile, len(scores))}
	for i := range scores {
		c.profiles[i] = features.Profile{Account: scores[i].Account, Segment: scores[i].Segment}
	}
	t := &told{crowd: c, horizon: k.card.HorizonDays}
	if err := k.worth.tellLifetime(ctx, t, k.Settings, k.worth.asked(k.Settings, false)); err != nil {
		return nil, err
	}
	nan := math.NaN()
	briefs := make([]Brief, len(scores))
	for i := range briefs {
		briefs[i] = Brief{Account: scores[i].Account, LifetimeValue: t.value[i], Loyalty: nan, WalletShare: nan, Potential: nan}
	}
	return briefs, nil
}

// without returns the accounts that were not found, each once.
func without(accounts []frame.AccountID, found map[frame.AccountID]Found) []frame.AccountID {
	var missing []frame.AccountID
	for _, a := range accounts {
		if _, ok := found[a]; !ok && !slices.Contains(missing, a) {
			missing = append(missing, a)
		}
	}
	return missing
}

// inOrder returns the scores in the order asked, each account once, and who has none.
// Of an erased account it is not told where it went.
func inOrder(accounts []frame.AccountID, found map[frame.AccountID]Found, moves map[frame.AccountID]features.Move) (scores []Found, unknown []frame.AccountID) {
	seen := make(map[frame.AccountID]bool, len(accounts))
	for _, a := range accounts {
		if seen[a] {
			continue
		}
		seen[a] = true
		if f, ok := found[a]; ok {
			scores = append(scores, f)
			continue
		}
		move, gone := moves[a]
		f, ok := found[move.Into]
		if !gone || !ok {
			unknown = append(unknown, a)
			continue
		}
		if f.Unscorable == erased {
			f.Account = a // and not where it went
		} else {
			f.Moved = &Moved{Account: a, Kind: move.Kind, Since: move.Since}
		}
		scores = append(scores, f)
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
