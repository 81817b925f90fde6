package serving

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/model/wallet"
)

// above are the parents of a crowd's accounts that never bought, and so are not of
// the crowd, with the parents above them.
type above struct {
	names []frame.AccountID
	index map[frame.AccountID]int
	// parents are theirs, "" for none.
	parents []frame.AccountID
}

// lookAbove finds the parents of the crowd's accounts that are not of it, and theirs.
// Of whoever is to be left out nothing is told.
func (c *crowd) lookAbove(ctx context.Context, s *Service, r features.Request, leave func(frame.AccountID) bool) error {
	c.above.index = map[frame.AccountID]int{}
	note := func(p frame.AccountID) {
		if _, bought := c.row[p]; bought || p == "" || leave(p) {
			return
		}
		if _, known := c.above.index[p]; !known {
			c.above.index[p] = len(c.above.names)
			c.above.names, c.above.parents = append(c.above.names, p), append(c.above.parents, "")
		}
	}
	for i := range c.profiles {
		note(frame.AccountID(c.profiles[i].Parent))
	}
	for from := 0; from < len(c.above.names); {
		asked := c.above.names[from:]
		from += len(asked)
		err := s.Facts.Profiles(ctx, r.Cutoffs[0], r.KnownAt[0], r.Watermark, asked, func(all []features.Profile) error {
			for i := range all {
				c.above.parents[c.above.index[all[i].Account]] = frame.AccountID(all[i].Parent)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ask who the parents of accounts are: %w", err)
		}
		for _, p := range c.above.parents[from-len(asked):] {
			note(p)
		}
	}
	return nil
}

// rowsAbove are the rows of the parents of those above.
func (c *crowd) rowsAbove() []int32 {
	rows := make([]int32, len(c.above.names))
	for k, name := range c.above.names {
		rows[k] = c.rowOf(c.above.parents[k], name)
	}
	return rows
}

// rowOf is the row of an account's parent, −1 for none: those above the crowd come
// after its rows. An account is no parent of its own.
func (c *crowd) rowOf(parent, of frame.AccountID) int32 {
	if parent == of {
		return -1
	}
	if row, ok := c.row[parent]; ok {
		return int32(row) //nolint:gosec // accounts of one run
	}
	if k, ok := c.above.index[parent]; ok {
		return int32(c.rows() + k) //nolint:gosec // as above
	}
	return -1
}

// measured is the frame without the columns that no account has a value of: what is
// not kept here is not there.
func (c *crowd) measured() *frame.Frame {
	f := *c.frame
	f.Columns = nil
	for i := range c.frame.Columns {
		if column := &c.frame.Columns[i]; column.Kind != frame.Number || hasValue(column.Numbers) {
			f.Columns = append(f.Columns, *column)
		}
	}
	return &f
}

func hasValue(values []float64) bool {
	for _, v := range values {
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}

// sincePurchase is the days of the calendar since each account's last purchase.
func (c *crowd) sincePurchase(zone *time.Location) []float64 {
	day := func(at int64) float64 {
		y, m, d := time.Unix(at, 0).In(zone).Date()
		return math.Floor(float64(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()) / 86400)
	}
	out := unmeasured(c.rows())
	for i, last := range c.last {
		if last > 0 {
			out[i] = day(int64(c.cutoff)) - day(last)
		}
	}
	return out
}

// assess hands on what the accounts say of us, and what is judged of them by hand.
func (c *crowd) assess(in *loyalty.Input) {
	for i := range c.assessed {
		a := &c.assessed[i]
		row, ok := c.row[a.Account]
		if !ok {
			continue
		}
		manual := loyalty.Manual{Account: a.Account, Author: a.Author, Comment: a.Comment, At: a.At}
		switch {
		case a.Item == features.AssessedLearning && a.Kind == features.Judgement:
			manual.Kind, manual.Value = loyalty.ManualLearning, a.Value
			in.Manual = append(in.Manual, manual)
		case a.Item == features.AssessedLoyalty && a.Kind == features.Judgement:
			manual.Kind, manual.Value = loyalty.ManualMeasure, 100*a.Share()
			in.Manual = append(in.Manual, manual)
		default:
			in.Replies = append(in.Replies, loyalty.Reply{
				Row: row, Item: surveyItem + a.Item, Share: a.Share(), Expected: a.Expected(), Judged: a.Kind == features.Judgement, At: a.At,
			})
		}
	}
}

// surveyItem stands before the name of an assessed item in loyalty.Items.
const surveyItem = "survey_"

// valued weighs children by their existing value, the margin or revenue of the last
// year less what they cost, as far as it is known.
func valued(in *loyalty.Input, settings loyalty.Settings) error {
	worth, err := loyalty.Value(*in, settings)
	if err != nil {
		return refused{err}
	}
	in.Values = worth.Existing
	return nil
}

// contradict notes whose loyalty and risk of leaving contradict each other.
func (t *told) contradict(rule loyalty.Disagreement) {
	t.stories = map[int]string{}
	for _, s := range loyalty.Stories(t.loyalty.Score, t.crowd.risk, rule) {
		t.stories[s.Row] = s.Code()
	}
}

// loyal is the loyalty of row i.
func (t *told) loyal(i int) score.Loyalty {
	l := t.loyalty.Record(i, t.attitude)
	l.Story = t.stories[i]
	return l
}

// each calls with the worth of every account, in bytewise order of account.
func (t *told) each(call func(account frame.AccountID, worth func() *score.Worth)) {
	names := slices.Concat(t.crowd.frame.Accounts, t.crowd.above.names)
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(string(names[a]), string(names[b])) })
	n := t.crowd.rows()
	for _, i := range order {
		call(names[i], func() *score.Worth {
			if i >= n {
				return t.ofAbove(i - n)
			}
			return t.of(i)
		})
	}
}

// ofAbove is what is told of the k-th account above the crowd: the mean of those
// below it, and nothing else, since it buys nothing itself.
func (t *told) ofAbove(k int) *score.Worth {
	nan := math.NaN()
	none := model.Figure(nan)
	return sealed(&score.Worth{
		Account: t.crowd.above.names[k], Loyalty: t.loyalty.RecordAbove(k),
		Lifetime: score.Lifetime{Alive: nan, NoPurchase: nan, Purchases: nan, Spend: nan, Value: nan, Low: nan, High: nan},
		Place:    score.Place{Value: nan, Existing: nan, Potential: nan, Influence: nan, Learning: nan},
		Wallet: score.Wallet{
			State: wallet.Unknown.String(), Why: wallet.NoPurchases.String(), Amount: none, Low: none, High: none, Spend: none, Share: none, Potential: none, Width: none, Trend: none,
		},
	})
}
