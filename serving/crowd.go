package serving

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// crowd are the accounts that have bought by a cutoff, with all that worth is
// told of: rows ascend by account. It holds 8 bytes per account and feature, and
// 168 per account and category or product that it has bought, whose texts are shared:
// 20 million of them take 3.4 GB, and while they are gathered up to 1.8 times that,
// since a slice that is full grows by a quarter. Beside there are 450 bytes per account.
type crowd struct {
	cutoff   frame.Cutoff
	frame    *frame.Frame
	status   []features.Eligibility
	profiles []features.Profile
	// risk is the probability of churn, NaN where there is none.
	risk []float64
	// row is each account's.
	row map[frame.AccountID]int
	// products and categories are what the accounts hold; a key that no line has is
	// empty.
	products, categories []features.Holding
	// names are what products are called, of those that are called anything.
	names map[string]string
	// yearBefore is what each account spent in the 365 days before the last 365, and
	// after what it spent in the horizon; 0 where nothing was asked of it.
	yearBefore, after []float64
	// boughtAfter says who bought in the horizon.
	boughtAfter []bool
	// declared is what was said of their wallets, assessed what they say of us and what is
	// judged of them by hand.
	declared []features.Declared
	assessed []features.Assessed
	// thatYear is what the account bought in the year that a declaration speaks of, by
	// its place in declared, as far as that is known.
	thatYear map[int]ownYear
	// last is the instant of each account's last purchase in Unix seconds.
	last []int64
	// above are the parents that never bought.
	above above
	// whole is what each account buys in all, served what contacts with it cost in the
	// last year and servedBefore in the one before, NaN where that is not known;
	// referrals are who referred whom, nil where no referral is recorded.
	whole                []features.Holding
	served, servedBefore []float64
	referrals            []loyalty.Referral
}

// gathering collects a crowd out of the slices of a build of the whole catalogue.
type gathering struct {
	part  *labelled
	crowd *crowd
	leave func(frame.AccountID) bool
	// columns are those of the catalogue that are kept, nil for all.
	columns []int
}

// gather begins a crowd without the accounts that are to be left out.
func (s *Service) gather(at frame.Cutoff, leave func(frame.AccountID) bool) *gathering {
	part := emptyParts(s.catalogue(), []frame.Cutoff{at})[at]
	return &gathering{part: part, crowd: &crowd{cutoff: at, row: map[frame.AccountID]int{}}, leave: leave}
}

// gatherPupils begins a crowd of the accounts that may be learnt from.
func (s *Service) gatherPupils(ctx context.Context, c *calendar, at frame.Cutoff) (*gathering, error) {
	standings, err := s.Facts.Standings(ctx, c.request([]frame.Cutoff{at}, nil), c.Label.HorizonDays)
	if err != nil {
		return nil, fmt.Errorf("ask what the accounts asked for: %w", err)
	}
	return s.gather(at, untaught(standings)), nil
}

// gatherPurses begins a crowd of those accounts of which only wallets are told, and of
// all features only what makes them peers is kept (finishPurses).
func (s *Service) gatherPurses(ctx context.Context, c *calendar, at frame.Cutoff) (*gathering, error) {
	g, err := s.gatherPupils(ctx, c, at)
	if err != nil {
		return nil, err
	}
	var few []features.Feature
	g.columns = []int{}
	for k, f := range s.catalogue() {
		if slices.Contains(peerColumns, f.Name) {
			few, g.columns = append(few, f), append(g.columns, k)
		}
	}
	g.part = emptyParts(few, []frame.Cutoff{at})[at]
	return g, nil
}

// Nothing is told of an account that asked to be erased, and no training learns from
// one that asked for either. What goes together in the purchases of those told of is
// counted when it is told, with the purchases of who asked for no contact among them.
func untold(of map[frame.AccountID]features.Standing) func(frame.AccountID) bool {
	return func(a frame.AccountID) bool { return of[a].Erased }
}

func untaught(of map[frame.AccountID]features.Standing) func(frame.AccountID) bool {
	return func(a frame.AccountID) bool { return of[a].Erased || of[a].OptedOut }
}

// add takes the rows of a slice at the crowd's cutoff that have bought, with their
// margins of churn; nil when there are none.
func (g *gathering) add(sl *features.Slice, margins []float64) {
	f := sl.Frame
	if g.columns != nil {
		f = &frame.Frame{Accounts: f.Accounts, Cutoffs: f.Cutoffs, Table: frame.Table{Columns: picked(f.Columns, g.columns)}}
	}
	for i, status := range sl.Status {
		if f.Cutoffs[i] != g.crowd.cutoff || status == features.NeverBought || g.leave(f.Accounts[i]) {
			continue
		}
		g.crowd.row[f.Accounts[i]] = len(g.crowd.status)
		g.crowd.status = append(g.crowd.status, status)
		g.crowd.last = append(g.crowd.last, sl.LastPurchase[i])
		risk := math.NaN()
		if margins != nil {
			risk = score.Probability(margins[i])
		}
		g.crowd.risk = append(g.crowd.risk, risk)
		g.part.add(f, i)
	}
}

// finish asks for what else worth needs: who the accounts are, what they hold
// and what was declared of their wallets. horizonDays above 0 also asks what
// they bought after the cutoff.
func (g *gathering) finish(ctx context.Context, s *Service, r features.Request, horizonDays int) (*crowd, error) {
	c := g.crowd
	c.frame = g.part.frame()
	if err := c.profile(ctx, s, r); err != nil {
		return nil, err
	}
	var whole []features.Holding
	for key, to := range map[features.HoldingKey]*[]features.Holding{
		features.ByCategory: &c.categories, features.ByProduct: &c.products, features.ByEverything: &whole,
	} {
		err := s.Facts.Holdings(ctx, features.HoldingRequest{Request: r, Key: key, HorizonDays: horizonDays}, func(all []features.Holding) error {
			*to = c.hold(*to, all)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ask what the accounts buy: %w", err)
		}
	}
	if err := c.lookAtShelf(ctx, s, r); err != nil {
		return nil, err
	}
	c.yearBefore, c.after, c.boughtAfter = make([]float64, c.rows()), make([]float64, c.rows()), make([]bool, c.rows())
	for k := range whole {
		i := c.row[whole[k].Account]
		c.yearBefore[i], c.after[i], c.boughtAfter[i] = whole[k].SpendLastYear, whole[k].SpendAfter, whole[k].OrdersAfter > 0
	}
	var err error
	if c.declared, err = s.Facts.Declared(ctx, r); err != nil {
		return nil, fmt.Errorf("ask what was declared of wallets: %w", err)
	}
	if err := c.lookBack(ctx, s, r); err != nil {
		return nil, err
	}
	if c.assessed, err = s.Facts.Assessed(ctx, r); err != nil {
		return nil, fmt.Errorf("ask what was assessed: %w", err)
	}
	if err := c.lookBeside(ctx, s, r, whole); err != nil {
		return nil, err
	}
	err = c.lookAbove(ctx, s, r, g.leave)
	return c, err
}

// finishPurses asks for what else the wallets by category need: who the accounts are
// and what was declared of their categories; held is what they hold of them, of which
// those of the crowd are kept in place.
func (g *gathering) finishPurses(ctx context.Context, s *Service, r features.Request, held []features.Holding) (*crowd, error) {
	of := *g.crowd // which may be finished again, for another test
	c := &of
	c.frame = g.part.frame()
	if err := c.profile(ctx, s, r); err != nil {
		return nil, err
	}
	c.categories = c.hold(held[:0], held)
	declared, err := s.Facts.Declared(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("ask what was declared of wallets: %w", err)
	}
	c.declared = slices.DeleteFunc(declared, func(d features.Declared) bool { return d.Category == everything })
	if err := c.lookBack(ctx, s, r); err != nil {
		return nil, err
	}
	return c, nil
}

// hold adds a block's holdings of the crowd's accounts, whose ids it shares.
func (c *crowd) hold(to, block []features.Holding) []features.Holding {
	for i := range block {
		if row, ok := c.row[block[i].Account]; ok {
			block[i].Account = c.frame.Accounts[row]
			to = append(to, block[i])
		}
	}
	return to
}

// profile asks who the accounts are.
func (c *crowd) profile(ctx context.Context, s *Service, r features.Request) error {
	c.profiles = make([]features.Profile, c.frame.Rows())
	err := s.Facts.Profiles(ctx, r.Cutoffs[0], r.KnownAt[0], r.Watermark, nil, func(all []features.Profile) error {
		for i := range all {
			if row, ok := c.row[all[i].Account]; ok {
				c.profiles[row] = all[i]
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask who the accounts are: %w", err)
	}
	return nil
}

func (c *crowd) rows() int { return c.frame.Rows() }

// column returns a feature's values.
func (c *crowd) column(name string) []float64 { return values(c.frame, name) }

// values returns a feature's values, NaN where there is none of that name.
func values(f *frame.Frame, name string) []float64 {
	if c := f.Column(name); c != nil {
		return c.Numbers
	}
	return unmeasured(f.Rows())
}

// segments are the accounts' own.
func (c *crowd) segments() []string {
	out := make([]string, c.rows())
	for i := range out {
		out[i] = c.profiles[i].Segment
	}
	return out
}

// picked returns the values of some rows.
func picked[T any](values []T, rows []int) []T {
	out := make([]T, len(rows))
	for k, i := range rows {
		out[k] = values[i]
	}
	return out
}
