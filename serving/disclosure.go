package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// linksAheadDays is how far ahead links count when it is asked who is one with an
// account that asked to be erased: a day, so that accounts which lead round to
// each other are one, and no error that would freeze everybody's wish.
const linksAheadDays = 1

// Erased tells of which accounts of a run nothing may be told as of this instant:
// those that asked to be erased, whoever is one with one of them today, and the
// rows of the run that one of them was counted in. In a run of groups that is a
// group of which every branch that has bought asked, or the group itself. The result
// is read-only.
func (s *Service) Erased(ctx context.Context, r Run) (map[frame.AccountID]bool, error) {
	erased, _, err := s.forgotten(ctx, r)
	return erased, err
}

// forgotten are the erased accounts of a run, and where its accounts have gone, in
// groups or not; both nil when nobody is erased.
func (s *Service) forgotten(ctx context.Context, r Run) (map[frame.AccountID]bool, map[frame.AccountID]features.Move, error) {
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for the newest load: %w", err)
	}
	asked, err := s.Facts.Erased(ctx, watermark)
	if err != nil || len(asked) == 0 {
		return nil, nil, err
	}
	erased := make(map[frame.AccountID]bool, len(asked))
	for _, account := range asked {
		erased[account] = true
	}
	links, err := s.Facts.Links(ctx, watermark)
	if err != nil {
		return nil, nil, err
	}
	now := s.now().Unix()
	today, err := features.UniteWithin(links, frame.Cutoff(now), frame.KnownAt(now), linksAheadDays)
	if err != nil {
		return nil, nil, fmt.Errorf("unite those that asked to be erased: %w", err)
	}
	for _, members := range today.Members() {
		if slices.ContainsFunc(members, func(a frame.AccountID) bool { return erased[a] }) {
			for _, a := range members {
				erased[a] = true
			}
		}
	}
	apart := r
	if r.Purpose == PurposeGroups {
		apart.Purpose = PurposeLive
	}
	moves, err := s.Moves(ctx, apart)
	if err != nil {
		return nil, nil, err
	}
	for account, move := range moves {
		if erased[account] && move.Kind != features.Group {
			erased[move.Into] = true
		}
	}
	if r.Purpose == PurposeGroups {
		if moves, err = s.Moves(ctx, r); err == nil {
			err = s.eraseGroups(ctx, r, moves, erased)
		}
	}
	return erased, moves, err
}

// eraseGroups adds the groups of a run of which every branch that has bought is
// erased.
func (s *Service) eraseGroups(ctx context.Context, r Run, moves map[frame.AccountID]features.Move, erased map[frame.AccountID]bool) error {
	touched := map[frame.AccountID]bool{}
	for account, move := range moves {
		if erased[account] && move.Kind == features.Group {
			touched[move.Into] = true
		}
	}
	if len(touched) == 0 {
		return nil
	}
	request := s.ofRun(r)
	request.Groups = false
	for account, move := range moves {
		if touched[move.Into] {
			request.Accounts = append(request.Accounts, account)
		}
	}
	for group := range touched {
		request.Accounts = append(request.Accounts, group)
	}
	people, err := s.Facts.Population(ctx, request)
	if err != nil {
		return fmt.Errorf("ask which branches of groups have bought: %w", err)
	}
	for i := range people {
		group := people[i].Account
		if move, below := moves[group]; below {
			group = move.Into
		}
		if people[i].Last != 0 && !erased[people[i].Account] {
			delete(touched, group) // somebody's row whom nobody asked to forget
		}
	}
	for group := range touched {
		erased[group] = true
	}
	return nil
}

// blank is what is left of a score of an account that asked to be erased.
func blank(sc *score.Score) score.Score {
	nan := math.NaN()
	bare := score.Score{
		Account: sc.Account, Unscorable: erased, Receipt: sc.Receipt,
		Margin: nan, Base: nan, Probability: nan, Percentile: nan, ValueAtRisk: nan, RunRate: nan,
	}
	bare.Receipt.RowHash = "" // a fingerprint of what was known
	return bare
}

// disclosure is the one door to what a run says of its accounts: nothing of those
// that have asked to be erased, be it before the run or since.
type disclosure struct {
	*Service
	run    Run
	erased map[frame.AccountID]bool
}

// standToday asks how the accounts of a request stand, and who of them is erased as
// of this instant: of that a receipt of earlier knows nothing.
func (k *scorer) standToday(ctx context.Context, request features.Request) error {
	if err := k.stand(ctx, request); err != nil {
		return err
	}
	erased, moves, err := k.forgotten(ctx, Run{
		Purpose: PurposeBackfill, Cutoff: k.receipt.Cutoff, KnownAt: k.receipt.KnownAt, Watermark: k.receipt.Watermark,
	})
	if err != nil || len(erased) == 0 {
		return err
	}
	all := make(map[frame.AccountID]features.Standing, len(k.standings)+len(erased))
	maps.Copy(all, k.standings)
	for account := range erased {
		if _, gone := moves[account]; !gone {
			stands := all[account]
			stands.Erased = true
			all[account] = stands
		}
	}
	k.standings = all
	return nil
}

// disclose opens the door to a run as of this instant.
func (s *Service) disclose(ctx context.Context, run Run) (*disclosure, error) {
	erased, err := s.Erased(ctx, run)
	if err != nil {
		return nil, err
	}
	return &disclosure{s, run, erased}, nil
}

// hides tells whether nothing may be told of an account.
func (d *disclosure) hides(account frame.AccountID) bool { return d.erased[account] }

// scores reads scores as Runs.Scores does; those of erased accounts are blank.
func (d *disclosure) scores(ctx context.Context, accounts []frame.AccountID, each func([]score.Score) error) error {
	return d.Runs.Scores(ctx, d.run, accounts, func(part []score.Score) error {
		told := part
		for i := range part {
			if d.hides(part[i].Account) {
				if &told[0] == &part[0] {
					told = slices.Clone(part)
				}
				told[i] = blank(&part[i])
			}
		}
		return each(told)
	})
}

// worths reads worths as Runs.Worths does, without those of erased accounts.
func (d *disclosure) worths(ctx context.Context, accounts []frame.AccountID, each func([]score.Worth) error) error {
	return d.Runs.Worths(ctx, d.run, accounts, func(part []score.Worth) error {
		told := make([]score.Worth, 0, len(part))
		for i := range part {
			if !d.hides(part[i].Account) {
				told = append(told, part[i])
			}
		}
		return each(told)
	})
}

// score reads an account's score. since tells that the run had one, and the account
// asked to be erased later. Without a row it is ErrNotFound, as absent says.
func (d *disclosure) score(ctx context.Context, account frame.AccountID) (found score.Score, since bool, err error) {
	var known bool
	err = d.Runs.Scores(ctx, d.run, []frame.AccountID{account}, func(part []score.Score) error {
		for i := range part {
			if part[i].Account == account {
				found, known = part[i], true
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return score.Score{}, false, fmt.Errorf("read the score of account %q in run %q: %w", account, d.run.ID, err)
	case !known:
		return score.Score{}, false, d.absent(ctx, account)
	case d.hides(account):
		return blank(&found), found.Unscorable != erased, nil
	}
	return found, false, nil
}

// absent says that a run has no score of an account, and of whom to ask instead;
// not of where an erased account has gone.
func (d *disclosure) absent(ctx context.Context, account frame.AccountID) error {
	moves, err := d.Moves(ctx, d.run)
	if err != nil {
		return err
	}
	switch move, gone := d.goesOn(account, moves); {
	case !gone:
		return fmt.Errorf("run %q has no account %q: %w", d.run.ID, account, ErrNotFound)
	case move.Kind == features.Group:
		return fmt.Errorf("run %q counts account %q in group %q; ask for that: %w", d.run.ID, account, move.Into, ErrNotFound)
	default:
		return fmt.Errorf("run %q has no account %q of its own: it goes on in %q (%s since %s); ask for that: %w", d.run.ID, account, move.Into, move.Kind,
			time.Unix(move.Since, 0).In(d.Settings.Location()).Format(time.DateOnly), ErrNotFound)
	}
}

// goesOn tells where an account has gone; not of an erased one, nor into one.
func (d *disclosure) goesOn(account frame.AccountID, moves map[frame.AccountID]features.Move) (features.Move, bool) {
	move, gone := moves[account]
	return move, gone && !d.hides(account) && !d.hides(move.Into)
}
