package serving

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
)

// growing is a growth being told: the accounts pass one after the other, each as it
// stands at every end, and what stays in memory is that of the keys. Beside it stay the
// accounts that others go on in, with those, and by place of an account: 4 bytes per end
// of its region, department or manager, 24 per end with a run of its wallet, and of
// goods 48 per end of what is told of it as a whole.
type growing struct {
	*Service
	*calendar

	by   features.Dimension
	ends []frame.Cutoff
	// moves are under which account those that went on in another stand at the last end,
	// heads those others.
	moves map[frame.AccountID]features.Move
	heads map[frame.AccountID]bool
	// place numbers accounts.
	place map[frame.AccountID]int32
	// words are the values of the dimension, keys by end and place which one is the
	// account's.
	words []string
	keys  [][]int32
	// wallets are by end and place; nil at an end without a run.
	wallets [][]walletSum
	// base and parts are by period, categories by end how many all accounts hold together.
	base, parts []*loyalty.Growing
	categories  []float64
	// wholes are what is told of accounts as a whole, by end and place; of goods alone.
	wholes [][]stander
}

// stander is how an account stands as a whole at an end, or several that are one by the
// last.
type stander struct {
	// last is its last purchase in Unix seconds, 0 when it was never a customer.
	last   int64
	key    int32
	active bool
	// rested are the days since the last purchase on which the account rested.
	rested                    int32
	tenure, categories, share float64
}

// meet takes in another of the same account: it is active if one of them is, as
// old as the oldest, and stands where the one that bought last does. Categories are at
// least those of the one with most of them.
func (p *stander) meet(q *stander) {
	if p.last == 0 {
		*p = *q
		return
	}
	if q.last > p.last {
		p.last, p.key, p.share, p.rested = q.last, q.key, q.share, q.rested
	}
	p.active = p.active || q.active
	p.tenure = greater(p.tenure, q.tenure)
	p.categories = greater(p.categories, q.categories)
}

// greater is the greater of two values of which one may be missing.
func greater(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// at asks for what is known at the end of the whole period as of instants.
func (g *growing) at(ats []frame.Cutoff, catalogue []features.Feature) features.Request {
	r := g.request(ats, catalogue)
	for i := range r.KnownAt {
		r.KnownAt[i] = g.known()
	}
	return r
}

// known is what all ends are told by: what is known at the last.
func (g *growing) known() frame.KnownAt { return g.Known(g.ends[len(g.ends)-1]) }

// head is the account that stands for another at the last end, and whether it stands for
// others or goes on in one.
func (g *growing) head(account frame.AccountID) (head frame.AccountID, several bool) {
	if m, ok := g.moves[account]; ok {
		return m.Into, true
	}
	return account, g.heads[account]
}

// placeOf numbers an account that is met.
func (g *growing) placeOf(account frame.AccountID) int32 {
	i, ok := g.place[account]
	if !ok {
		i = int32(len(g.place)) //nolint:gosec // fewer accounts than that
		g.place[frame.AccountID(strings.Clone(string(account)))] = i
	}
	return i
}

// put sets what stands at a place, which may lie behind the others.
func put[T any](all []T, at int32, v, none T) []T {
	for int(at) >= len(all) {
		all = append(all, none)
	}
	all[at] = v
	return all
}

// look looks at the base at all ends.
func (g *growing) look(ctx context.Context, seen func(*features.Slice)) error {
	g.base, g.parts = make([]*loyalty.Growing, len(g.ends)-1), make([]*loyalty.Growing, len(g.ends)-1)
	for k := range g.base {
		g.base[k], g.parts[k] = loyalty.NewGrowing(true), loyalty.NewGrowing(!g.by.OfGoods())
	}
	g.categories, g.wholes = make([]float64, len(g.ends)), make([][]stander, len(g.ends))
	ends := map[frame.Cutoff]int{}
	for k, at := range g.ends {
		ends[at] = k
	}
	several := map[frame.AccountID][]stander{}
	one := make([]stander, len(g.ends))
	_, err := g.Facts.Build(ctx, g.at(g.ends, features.Presence()), func(sl *features.Slice) error {
		f, err := sl.Frame.Select([]string{tenureColumn, categoriesColumn, walletShareColumn})
		if err != nil {
			return err
		}
		for i, rows := 0, f.Rows(); i < rows; {
			account := f.Accounts[i]
			head, others := g.head(account)
			stands := one
			if others {
				if several[head] == nil {
					several[head] = make([]stander, len(g.ends))
				}
				stands = several[head]
			} else {
				clear(stands)
			}
			for ; i < rows && f.Accounts[i] == account; i++ {
				if sl.LastPurchase[i] == 0 { // never a customer
					continue
				}
				k := ends[f.Cutoffs[i]]
				stands[k].meet(&stander{
					last: sl.LastPurchase[i], key: g.keyOf(k, account), active: sl.Status[i] == features.Eligible, rested: int32(sl.DaysRested(i)), //nolint:gosec // days
					tenure: f.Columns[0].Numbers[i], categories: f.Columns[1].Numbers[i], share: f.Columns[2].Numbers[i],
				})
			}
			if others {
				continue
			}
			if err := g.take(account, stands); err != nil {
				return err
			}
		}
		seen(sl)
		return nil
	})
	if err != nil {
		return err
	}
	for _, account := range slices.Sorted(maps.Keys(several)) {
		if err := g.take(account, several[account]); err != nil {
			return err
		}
	}
	if g.by.OfGoods() {
		return g.lookAtGoods(ctx, ends)
	}
	return nil
}

// keyOf is the number of the account's value of the dimension at an end.
func (g *growing) keyOf(end int, account frame.AccountID) int32 {
	if g.keys == nil {
		return 0
	}
	if i, ok := g.place[account]; ok && int(i) < len(g.keys[end]) {
		return g.keys[end][i]
	}
	return 0
}

// take compares the ends of one account.
func (g *growing) take(account frame.AccountID, stands []stander) error {
	if g.by.OfGoods() {
		i := g.placeOf(account)
		for k := range stands {
			g.wholes[k] = put(g.wholes[k], i, stands[k], stander{})
		}
	}
	var sides [2][]loyalty.Standing
	for k := range stands {
		p := &stands[k]
		side := sides[k%2][:0]
		if p.last != 0 {
			g.categories[k] += greater(p.categories, 0)
			s := loyalty.Standing{Account: account, Active: p.active, Last: p.last, TenureDays: p.tenure, Categories: p.categories, Share: p.share}
			s.Wallet, s.WalletShare = g.walletOf(k, account)
			side = append(side, s)
		}
		sides[k%2] = side
		if k == 0 {
			continue
		}
		before, after := sides[(k-1)%2], side
		if err := g.base[k-1].Add(before, after); err != nil {
			return err
		}
		if g.by == "" || g.by.OfGoods() {
			continue
		}
		if err := g.parts[k-1].Add(g.keyed(before, &stands[k-1]), g.keyed(after, p)); err != nil {
			return err
		}
	}
	return nil
}

// keyed is a side under the value of the dimension.
func (g *growing) keyed(side []loyalty.Standing, p *stander) []loyalty.Standing {
	if len(side) == 0 {
		return nil
	}
	s := side[0]
	s.Key = g.words[p.key]
	return []loyalty.Standing{s}
}

// keysAt asks which value of the dimension each account has as of each end; of goods
// and the whole base there is none.
func (g *growing) keysAt(ctx context.Context) error {
	if g.by == "" || g.by.OfGoods() {
		return nil
	}
	g.words, g.keys = []string{""}, make([][]int32, len(g.ends))
	number := map[string]int32{"": 0}
	for k, at := range g.ends {
		err := g.eachKey(ctx, g.by, at, g.known(), g.watermark, func(account frame.AccountID, key string) {
			n, ok := number[key]
			if !ok {
				n = int32(len(g.words)) //nolint:gosec // fewer than accounts
				g.words = append(g.words, strings.Clone(key))
				number[g.words[n]] = n
			}
			g.keys[k] = put(g.keys[k], g.placeOf(account), n, 0)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// boughtBy is how an account stands at an end by what it bought.
type boughtBy map[string]loyalty.Standing

// lookAtGoods looks at who is there within categories or products: active as long as that
// was bought within active_within, the days of rest since the account's last purchase of
// anything left out: rests between the two count as silence of that shelf. Categories and
// shares are those of the accounts as a whole.
func (g *growing) lookAtGoods(ctx context.Context, ends map[frame.Cutoff]int) error {
	several := map[frame.AccountID][]boughtBy{}
	one := make([][]loyalty.Standing, len(g.ends))
	r := features.HoldingRequest{Request: g.at(g.ends, nil), Key: features.HoldingKey(g.by)}
	err := g.Facts.Holdings(ctx, r, func(block []features.Holding) error {
		for len(block) > 0 {
			account, n := block[0].Account, 1
			for n < len(block) && block[n].Account == account {
				n++
			}
			own := block[:n]
			block = block[n:]
			head, others := g.head(account)
			if others && several[head] == nil {
				several[head] = make([]boughtBy, len(g.ends))
			}
			for k := range one {
				one[k] = one[k][:0]
			}
			for i := range own {
				h := &own[i]
				if h.Orders == 0 {
					continue
				}
				k := ends[h.Cutoff]
				s := g.shelved(k, head, h)
				if !others { // they come in the order of the keys
					one[k] = append(one[k], s)
					continue
				}
				if several[head][k] == nil {
					several[head][k] = boughtBy{}
				}
				several[head][k].meet(s)
			}
			if others {
				continue
			}
			if err := g.takeGoods(one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, account := range slices.Sorted(maps.Keys(several)) {
		for k, held := range several[account] {
			one[k] = one[k][:0]
			for _, key := range slices.Sorted(maps.Keys(held)) {
				one[k] = append(one[k], held[key])
			}
		}
		if err := g.takeGoods(one); err != nil {
			return err
		}
	}
	return nil
}

// meet takes in what another of the same account bought.
func (f boughtBy) meet(s loyalty.Standing) {
	if t, ok := f[s.Key]; ok {
		s.Active, s.Last, s.TenureDays = s.Active || t.Active, max(s.Last, t.Last), max(s.TenureDays, t.TenureDays)
	} else {
		s.Key = strings.Clone(s.Key)
	}
	f[s.Key] = s
}

// shelved is how an account stands by one of its holdings.
func (g *growing) shelved(end int, account frame.AccountID, h *features.Holding) loyalty.Standing {
	s := loyalty.Standing{Account: account, Key: h.Key, Last: h.Last, TenureDays: float64(h.FirstDays), Categories: math.NaN(), Share: math.NaN()}
	rested := 0
	if i, ok := g.place[account]; ok && int(i) < len(g.wholes[end]) && g.wholes[end][i].last != 0 {
		w := &g.wholes[end][i]
		s.Categories, s.Share, rested = w.categories, w.share, int(w.rested)
	}
	s.Wallet, s.WalletShare = g.walletOf(end, account)
	s.Active = features.Judge(h.Last, rested, h.Cutoff, g.ActiveWithin()) == features.Eligible
	return s
}

// takeGoods compares the ends of what one account bought.
func (g *growing) takeGoods(at [][]loyalty.Standing) error {
	for k := 1; k < len(at); k++ {
		if err := g.parts[k-1].Add(at[k-1], at[k]); err != nil {
			return err
		}
	}
	return nil
}

// rows are how the base, or its parts, grew over a period.
func (g *growing) rows(of []*loyalty.Growing, period int) []loyalty.Growth {
	all := of[period].Lines()
	for i := range all {
		// Where no line names a category, nobody has none.
		if g.categories[period] == 0 {
			all[i].CategoriesBefore = math.NaN()
		}
		if g.categories[period+1] == 0 {
			all[i].CategoriesAfter = math.NaN()
		}
	}
	return all
}

// eachKey tells the value of a dimension of each account as of an instant; the texts are
// valid until it returns.
func (s *Service) eachKey(ctx context.Context, by features.Dimension, at frame.Cutoff, known frame.KnownAt, watermark uint64, each func(frame.AccountID, string)) error {
	err := s.Facts.Profiles(ctx, at, known, watermark, nil, func(block []features.Profile) error {
		for i := range block {
			each(block[i].Account, by.Of(&block[i]))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask to which %s the accounts belong: %w", by, err)
	}
	return nil
}
