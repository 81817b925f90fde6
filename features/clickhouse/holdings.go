package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// holdingAccounts is how many accounts are asked for at a time, unless the
// request says: what they hold is held in memory.
const holdingAccounts = 25_000

// Holdings calls each with what the accounts buy as of each cutoff, by category or
// by product, in the order of features.CompareHoldings, the holdings of some
// accounts at a time; all of an account's come together. Accounts that are one at
// a cutoff stand once. A block is the receiver's own. An error from each ends the
// reading and is returned as it is.
func Holdings(ctx context.Context, e Engine, r features.HoldingRequest, each func([]features.Holding) error) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.SliceAccounts == 0 && len(r.Cutoffs) > 0 {
		r.SliceAccounts = max(1, holdingAccounts/len(r.Cutoffs))
	}
	h, err := holdingsOf(ctx, e, r)
	if err != nil {
		return fmt.Errorf("ask for holdings: %w", err)
	}
	ranges, err := h.ranges(ctx, e)
	if err != nil {
		return fmt.Errorf("ask for holdings: %w", err)
	}
	for _, rg := range ranges {
		block, err := h.read(ctx, e, rg)
		if err != nil {
			return fmt.Errorf("ask for holdings by %s: %w", r.Key, err)
		}
		if len(block) == 0 {
			continue
		}
		if err := each(block); err != nil {
			return err
		}
	}
	return nil
}

// holdings are a request for holdings with what follows from it.
type holdings struct {
	*prepared
	by features.HoldingKey
	// later are the accounts that are one within the horizon, by cutoff, and laterOnes
	// all that are in one of them.
	later     []*family
	laterOnes []map[string]bool
	// words keeps one copy of each key and category, so that no block of an answer is kept.
	words map[string]string
	// parts are those of the range before; their room is used again.
	parts []features.Holding
}

func holdingsOf(ctx context.Context, e Engine, r features.HoldingRequest) (*holdings, error) {
	p, err := prepare(r.Request)
	if err != nil {
		return nil, err
	}
	if err := p.unite(ctx, e); err != nil {
		return nil, err
	}
	p.params["by"], p.params["horizon_days"], p.params["recorded_by"] = string(r.Key), uint64(r.HorizonDays), uint64(r.RecordedBy) //nolint:gosec // validated: not negative
	h := &holdings{prepared: p, by: r.Key, words: map[string]string{}}
	if r.HorizonDays == 0 {
		return h, nil
	}
	links, err := readLinks(ctx, e, p.Watermark)
	if err != nil || len(links) == 0 {
		return h, err
	}
	known := r.RecordedBy
	if known == 0 {
		known = math.MaxInt64
	}
	unions := make([]features.Unions, len(p.Cutoffs))
	h.laterOnes = make([]map[string]bool, len(p.Cutoffs))
	for k, c := range p.Cutoffs {
		if unions[k], err = features.UniteWithin(links, c, known, r.HorizonDays); err != nil {
			return nil, fmt.Errorf("unite the accounts after %s: %w", c, err)
		}
		h.laterOnes[k] = map[string]bool{}
		for account, head := range unions[k] {
			h.laterOnes[k][string(account)], h.laterOnes[k][string(head)] = true, true
		}
	}
	h.later = gather(unions)
	return h, nil
}

// stands tells whether an account stands for itself at a cutoff.
func (h *holdings) stands(account string, cutoff int) bool {
	return h.unions == nil || h.unions[cutoff].Of(frame.AccountID(account)) == frame.AccountID(account)
}

// read returns the holdings of a range's accounts. What lies before a cutoff is that
// of the accounts that are one at it, what lies after it that of those that are
// one within the horizon; the parts of a holding then meet.
func (h *holdings) read(ctx context.Context, e Engine, rg accountRange) ([]features.Holding, error) {
	sql := statement("holdings.sql")
	all := h.parts[:0]
	err := ask(ctx, e, sql, h.with(rg), func(t *frame.Table) error {
		return h.rows(t, func(x *features.Holding, k int) {
			account := string(x.Account)
			if !h.alone(account, k) {
				clearBefore(x)
			}
			if h.laterOnes != nil && h.laterOnes[k][account] || !h.stands(account, k) {
				x.OrdersAfter, x.SpendAfter = 0, 0
			}
			all = append(all, *x)
		})
	})
	if err != nil {
		return nil, err
	}
	err = askFamilies(ctx, e, h.within(rg), sql, h.params, func(t *frame.Table, named map[string]*family) error {
		return h.rows(t, func(x *features.Holding, k int) {
			if f := named[string(x.Account)]; f.at[k] {
				x.Account, x.OrdersAfter, x.SpendAfter = frame.AccountID(f.head), 0, 0
				all = append(all, *x)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	err = askFamilies(ctx, e, h.laterWithin(rg), sql, h.params, func(t *frame.Table, named map[string]*family) error {
		return h.rows(t, func(x *features.Holding, k int) {
			f := named[string(x.Account)]
			if !f.at[k] {
				return
			}
			clearBefore(x)
			for _, m := range f.members {
				if h.stands(m, k) && rg.has(m) {
					x.Account = frame.AccountID(m)
					all = append(all, *x)
				}
			}
		})
	})
	if err != nil {
		return nil, err
	}
	h.parts = all
	return met(all, h.by), nil
}

// laterWithin returns the families of the horizon with a member in the range.
func (h *holdings) laterWithin(rg accountRange) []*family {
	var some []*family
	for _, f := range h.later {
		if slices.ContainsFunc(f.members, rg.has) {
			some = append(some, f)
		}
	}
	return some
}

// has tells whether an account is of the range.
func (r accountRange) has(account string) bool {
	if r.named != nil {
		_, named := slices.BinarySearch(r.named, account)
		return named
	}
	return account >= r.from && (r.to == "" || account <= r.to)
}

// rows hands on each row of an answer, with the index of its cutoff. The Holding is
// written over by the next one.
func (h *holdings) rows(t *frame.Table, each func(x *features.Holding, cutoff int)) error {
	c, err := pick(t, "account", "cutoff", "held", "category", "orders", "orders_90d", "spend", "spend_365d", "spend_last_year",
		"first_at", "last_at", "first_days", "last_days", "orders_after", "spend_after", "units_365d", "margin_share_last_year", "margin_share_ever")
	if err != nil {
		return err
	}
	count := func(k, i int) int { return int(c[k].Integers[i]) }
	var account, category string
	var x features.Holding
	for i := range t.Rows() {
		if text := c[0].Texts[i]; text != account || i == 0 {
			account = strings.Clone(text)
		}
		k, err := h.place(account, c[1].Integers[i])
		if err != nil {
			return err
		}
		if text := c[3].Texts[i]; text != category {
			category = h.word(text)
		}
		x = features.Holding{
			Account: frame.AccountID(account), Cutoff: h.Cutoffs[k], Key: h.word(c[2].Texts[i]), Category: category,
			Orders: count(4, i), Orders90: count(5, i), Spend: c[6].Numbers[i], Spend365: c[7].Numbers[i], SpendLastYear: c[8].Numbers[i],
			First: c[9].Integers[i], Last: c[10].Integers[i], FirstDays: count(11, i), LastDays: count(12, i),
			OrdersAfter: count(13, i), SpendAfter: c[14].Numbers[i], Units365: c[15].Numbers[i], MarginLastYear: c[16].Numbers[i], MarginEver: c[17].Numbers[i],
		}
		each(&x, k)
	}
	return nil
}

// word returns the one copy of a key or category.
func (h *holdings) word(text string) string {
	word, ok := h.words[text]
	if !ok {
		word = strings.Clone(text)
		h.words[word] = word
	}
	return word
}

// clearBefore takes away what lies before the cutoff.
func clearBefore(x *features.Holding) {
	*x = features.Holding{
		Account: x.Account, Cutoff: x.Cutoff, Key: x.Key, OrdersAfter: x.OrdersAfter, SpendAfter: x.SpendAfter,
		Units365: math.NaN(), MarginLastYear: math.NaN(), MarginEver: math.NaN(),
	}
}

// met brings the parts of each holding together, in order: at most one part has
// what lies before the cutoff, and one what lies after it. What has neither is
// no holding. The rows of an account lie together, but for what several answers say of
// it, so that few are compared with each other.
func met(parts []features.Holding, key features.HoldingKey) []features.Holding {
	var runs [][]features.Holding
	for begin := 0; begin < len(parts); {
		end := begin + 1
		for end < len(parts) && parts[end].Account == parts[begin].Account {
			end++
		}
		runs = append(runs, parts[begin:end])
		begin = end
	}
	slices.SortStableFunc(runs, func(a, b []features.Holding) int {
		return strings.Compare(string(a[0].Account), string(b[0].Account))
	})
	all := make([]features.Holding, 0, len(parts))
	var own []*features.Holding
	for len(runs) > 0 {
		begin, account := len(all), runs[0][0].Account
		own = own[:0]
		for ; len(runs) > 0 && runs[0][0].Account == account; runs = runs[1:] {
			for i := range runs[0] {
				own = append(own, &runs[0][i])
			}
		}
		slices.SortFunc(own, func(a, b *features.Holding) int {
			return cmp.Or(cmp.Compare(a.Cutoff, b.Cutoff), strings.Compare(a.Key, b.Key))
		})
		for _, x := range own {
			if key != features.ByProduct {
				x.Category = x.Key
			}
			last := len(all) - 1
			switch {
			case !x.Before() && x.OrdersAfter == 0 && x.SpendAfter == 0:
			case last < begin || all[last].Cutoff != x.Cutoff || all[last].Key != x.Key:
				all = append(all, *x)
			case x.Before():
				x.OrdersAfter, x.SpendAfter = all[last].OrdersAfter, all[last].SpendAfter
				all[last] = *x
			default:
				all[last].OrdersAfter, all[last].SpendAfter = x.OrdersAfter, x.SpendAfter
			}
		}
	}
	return all
}
