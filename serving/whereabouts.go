package serving

import (
	"context"
	"fmt"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// Whereabouts tells what became of accounts beside what they bought.
type Whereabouts interface {
	// Moves returns under which account those that go on in another are found as of
	// the request's one cutoff; with Groups, under which group branches are too.
	Moves(ctx context.Context, r features.Request) (map[frame.AccountID]features.Move, error)
	// Links returns all rows of account_links up to the watermark; not nil when there
	// is none.
	Links(ctx context.Context, watermark uint64) ([]features.Link, error)
	// Erased returns who asked to be erased by loads up to the watermark, whenever that
	// was recorded, under the name by which it asked and no other, in bytewise order.
	Erased(ctx context.Context, watermark uint64) ([]frame.AccountID, error)
	// Standings returns what was agreed with the accounts, or asked by them, as of the
	// request's one cutoff; whoever has no standing is not in it.
	Standings(ctx context.Context, r features.Request, horizonDays int) (map[frame.AccountID]features.Standing, error)
}

// Moved says that an answer is of another account than the one asked for.
type Moved struct {
	// Account was asked for.
	Account frame.AccountID
	// Kind is how it goes on (renamed, renumbered, merged, split), or group when it
	// is counted in one; Since when in Unix seconds, 0 when nobody says.
	Kind  string
	Since int64
}

// Found is a score with what must be said beside it.
type Found struct {
	score.Score
	// Brief is nil when nothing is told of what the account is worth. Untold are the
	// parts of it that are not told, though the model could, each with the reason.
	Brief  *Brief
	Untold []Term
	// Moved is nil when the score is of the account asked for.
	Moved *Moved
	// OptedOut: the account has withdrawn every consent that it gave, or every one to
	// be profiled.
	OptedOut bool
}

// erased is the reason for which an account that asked to be erased has no score.
var erased = features.Erased.String()

// Moves tells where the accounts of a run have gone as of it, by their own names.
func (s *Service) Moves(ctx context.Context, r Run) (map[frame.AccountID]features.Move, error) {
	moves, err := s.Facts.Moves(ctx, s.ofRun(r))
	if err != nil {
		return nil, fmt.Errorf("ask where the accounts of run %q have gone: %w", r.ID, err)
	}
	return moves, nil
}

// Standings tells how the accounts of a run stand as of this instant.
func (s *Service) Standings(ctx context.Context, r Run) (map[frame.AccountID]features.Standing, error) {
	request := s.ofRun(r)
	now := s.now().Unix()
	request.Cutoffs, request.KnownAt = []frame.Cutoff{frame.Cutoff(now)}, []frame.KnownAt{frame.KnownAt(now)}
	var err error
	if request.Watermark, err = s.Facts.Watermark(ctx); err != nil {
		return nil, fmt.Errorf("ask for the newest load: %w", err)
	}
	standings, err := s.Facts.Standings(ctx, request, r.HorizonDays)
	if err != nil {
		return nil, fmt.Errorf("ask how the accounts stand: %w", err)
	}
	return standings, nil
}

// ofRun asks for what a run was made of.
func (s *Service) ofRun(r Run) features.Request {
	return features.Request{
		Cutoffs: []frame.Cutoff{r.Cutoff}, KnownAt: []frame.KnownAt{r.KnownAt}, Watermark: r.Watermark, Zone: s.Settings.Zone,
		Groups: r.Purpose == PurposeGroups,
	}
}
