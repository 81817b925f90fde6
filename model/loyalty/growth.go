package loyalty

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/features/frame"
	"fealty/model/score"
	"fealty/model/wallet"
)

// Standing is one account's state at one end of a period, within one value of a
// dimension (a region, product, department or manager).
type Standing struct {
	Account frame.AccountID
	// Key is the value of the dimension; the same account may stand under several
	// keys of a dimension that overlaps (products).
	Key string
	// Active tells whether it counts as a customer at that time; Last is the instant of
	// its last purchase before then, in Unix seconds.
	Active bool
	Last   int64
	// TenureDays since the first purchase, Categories bought in the last 365 days and
	// Share of the declared wallet, 0 … 1; NaN is not known.
	TenureDays, Categories, Share float64
	// Wallet is how the wallet is known, declared or estimated, and WalletShare our share
	// of it, 0 … 1, NaN of an unknown one.
	Wallet      wallet.State
	WalletShare float64
}

// Growth is how the base grew over a period in three dimensions.
type Growth struct {
	// Key is the value of the dimension.
	Key string
	// Before and After are the active accounts at both ends.
	Before, After int
	// Wider: New were never a customer before, WonBack were and had gone; both are active
	// at the end. NewGone bought for the first time within the period, and WonBackGone
	// again, and had gone once more by its end: two snapshots alone would not count them.
	// Who is active at both ends and was gone in between counts as retained.
	New, WonBack, NewGone, WonBackGone int
	// MovedIn and MovedOut are active at both ends, but under another key.
	MovedIn, MovedOut int
	// Longer: Retained are active here at both ends, Lost at the start only.
	Retained, Lost int
	// RetentionRate = Retained ÷ (Retained + Lost).
	RetentionRate float64
	// Means over the active accounts with a value, before and after; NaN without any.
	// Longer: the duration in days. Deeper: categories and share of the declared wallet
	// per account.
	DurationBefore, DurationAfter     float64
	CategoriesBefore, CategoriesAfter float64
	ShareBefore, ShareAfter           float64
	// SharedBefore and SharedAfter are the active accounts of which a share is known.
	SharedBefore, SharedAfter int
	// WalletsBefore and WalletsAfter are the wallets of the active accounts, declared or
	// estimated.
	WalletsBefore, WalletsAfter WalletGrowth
}

// WalletGrowth is what is known of the wallets of active accounts at one end of a
// period.
type WalletGrowth struct {
	// Share is our share per account, the mean over those whose wallet is known or
	// estimated; NaN without any.
	Share float64
	// Known, Estimated and Unknown count the active accounts by the state of their wallet.
	Known, Estimated, Unknown int
}

// Growing is how a base grew over a period in the making. It takes in the accounts one
// after the other and keeps none of them: its memory is that of the keys. It is not
// safe for concurrent use.
type Growing struct {
	exclusive bool
	lines     map[string]*growthSums
}

// NewGrowing begins without an account. exclusive says that an account stands under one
// key at a time (a region, a manager): active at both ends but under another key, it
// moved, it is neither new nor lost. Without it (products) each account under a key
// stands for itself.
func NewGrowing(exclusive bool) *Growing {
	return &Growing{exclusive: exclusive, lines: map[string]*growthSums{}}
}

// Add takes in one account: where it stands before and after, in the order of the keys,
// empty where it was never a customer by then. An account that stands somewhere before,
// active or not, has been a customer. It is an error that an account stands twice under
// a key or, with exclusive, under two. Whoever adds an account a second time counts it
// twice.
func (g *Growing) Add(before, after []Standing) error {
	if err := cmp.Or(g.once(before, "before"), g.once(after, "after")); err != nil {
		return err
	}
	for i := range before {
		s := &before[i]
		if !s.Active {
			continue
		}
		l := g.line(s.Key)
		l.Before++
		l.before.add(s)
		switch t := g.same(after, s); {
		case t == nil || !t.Active:
			l.Lost++
		case t.Key != s.Key:
			l.MovedOut++
		default:
			l.Retained++
		}
	}
	for i := range after {
		s := &after[i]
		t := g.same(before, s)
		if !s.Active {
			switch {
			case t == nil:
				g.line(s.Key).NewGone++
			case !t.Active && s.Last > t.Last:
				g.line(s.Key).WonBackGone++
			}
			continue
		}
		l := g.line(s.Key)
		l.After++
		l.after.add(s)
		switch {
		case t == nil:
			l.New++
		case !t.Active:
			l.WonBack++
		case t.Key != s.Key:
			l.MovedIn++
		}
	}
	return nil
}

// once refuses an account that stands twice.
func (g *Growing) once(side []Standing, when string) error {
	for i := 1; i < len(side); i++ {
		if a, b := &side[i-1], &side[i]; g.exclusive || a.Key >= b.Key {
			return fmt.Errorf("loyalty: account %q stands twice %s, under %q and %q; give one row each, in the order of the keys", b.Account, when, a.Key, b.Key)
		}
	}
	return nil
}

// same is where the account of a standing stands on the other side, nil where it doesn't.
func (g *Growing) same(other []Standing, s *Standing) *Standing {
	if g.exclusive {
		if len(other) == 0 {
			return nil
		}
		return &other[0]
	}
	i, there := slices.BinarySearchFunc(other, s.Key, func(t Standing, key string) int { return strings.Compare(t.Key, key) })
	if !there {
		return nil
	}
	return &other[i]
}

func (g *Growing) line(key string) *growthSums {
	l := g.lines[key]
	if l == nil {
		l = &growthSums{Growth: Growth{Key: key}}
		g.lines[key] = l
	}
	return l
}

// Lines returns how the base grew, key by key, keys in order.
func (g *Growing) Lines() []Growth {
	out := make([]Growth, 0, len(g.lines))
	for _, key := range slices.Sorted(maps.Keys(g.lines)) {
		out = append(out, g.lines[key].close())
	}
	return out
}

// Nobody returns how a base grew in which nobody is active at either end: no figure is
// known of it.
func Nobody() Growth { return (&growthSums{}).close() }

// meanSum is a mean in the making, of what is there.
type meanSum struct{ sum, n float64 }

func (m *meanSum) add(v float64) {
	if !math.IsNaN(v) {
		m.sum += v
		m.n++
	}
}

func (m *meanSum) mean() float64 { return ratio(m.sum, m.n) }

type standingSums struct {
	duration, categories, share, walletShare meanSum
	wallets                                  [wallet.Known + 1]int
}

func (s *standingSums) add(r *Standing) {
	s.duration.add(r.TenureDays)
	s.categories.add(r.Categories)
	s.share.add(r.Share)
	s.walletShare.add(r.WalletShare)
	s.wallets[r.Wallet]++
}

func (s *standingSums) close() WalletGrowth {
	return WalletGrowth{Share: s.walletShare.mean(), Known: s.wallets[wallet.Known], Estimated: s.wallets[wallet.Estimated], Unknown: s.wallets[wallet.Unknown]}
}

type growthSums struct {
	Growth

	before, after standingSums
}

func (g *growthSums) close() Growth {
	g.RetentionRate = ratio(float64(g.Retained), float64(g.Retained+g.Lost))
	g.DurationBefore, g.DurationAfter = g.before.duration.mean(), g.after.duration.mean()
	g.CategoriesBefore, g.CategoriesAfter = g.before.categories.mean(), g.after.categories.mean()
	g.ShareBefore, g.ShareAfter = g.before.share.mean(), g.after.share.mean()
	g.SharedBefore, g.SharedAfter = int(g.before.share.n), int(g.after.share.n)
	g.WalletsBefore, g.WalletsAfter = g.before.close(), g.after.close()
	return g.Growth
}

// shares are the units of what sentences of growth name.
var shares = map[string]string{"rate": "share", "share": "share", "share_before": "share"}

// Sentences says the three dimensions: wider, longer, deeper; and of how many accounts
// the shares are. before and after tell whether wallets were measured at the two ends.
func (g *Growth) Sentences(lang score.Language, before, after bool) []string {
	lines := []struct {
		template, label Words
		values          map[string]float64
	}{
		{
			Words{"Wider: {new} new, {won_back} won back", "更广：新增{new}，赢回{won_back}"},
			Words{"Wider", "更广"},
			map[string]float64{"new": float64(g.New), "won_back": float64(g.WonBack)},
		},
		{
			Words{"Longer: {rate} retained, mean duration {duration} days (was {duration_before})", "更久：留存{rate}，平均关系{duration}天（此前{duration_before}天）"},
			Words{"Longer", "更久"},
			map[string]float64{"rate": g.RetentionRate, "duration": math.Round(g.DurationAfter), "duration_before": math.Round(g.DurationBefore)},
		},
		{
			Words{"Deeper, categories per account: {categories} (was {categories_before})", "更深，户均品类：{categories}（此前{categories_before}）"},
			Words{"Deeper, categories per account", "更深，户均品类"},
			map[string]float64{"categories": g.CategoriesAfter, "categories_before": g.CategoriesBefore},
		},
		{
			Words{
				"Deeper, share of the declared wallet: {share} of {shared} accounts (was {share_before} of {shared_before})",
				"更深，已申报钱包份额：{share}（{shared}个客户；此前{share_before}，{shared_before}个客户）",
			},
			Words{"Deeper, share of the declared wallet", "更深，已申报钱包份额"},
			map[string]float64{"share": g.ShareAfter, "share_before": g.ShareBefore, "shared": float64(g.SharedAfter), "shared_before": float64(g.SharedBefore)},
		},
	}
	if g.NewGone+g.WonBackGone > 0 {
		lines[0].template = Words{
			"Wider: {new} new, {won_back} won back; {new_gone} more came for the first time and {won_back_gone} came back, and had gone by the end",
			"更广：新增{new}，赢回{won_back}；另有{new_gone}个首次购买、{won_back_gone}个回归，但期末前又已流失",
		}
		lines[0].values["new_gone"], lines[0].values["won_back_gone"] = float64(g.NewGone), float64(g.WonBackGone)
	}
	out := make([]string, 0, len(lines)+1)
	for _, l := range lines {
		out = append(out, say(l.template, l.label, l.values, shares, lang))
	}
	is, was := Words{"not measured", "未测量"}.In(lang), Words{"not measured", "未测量"}.In(lang)
	if after {
		is = g.WalletsAfter.sentence(lang)
	}
	if before {
		was = g.WalletsBefore.sentence(lang)
	}
	return append(out, fmt.Sprintf(Words{"Deeper, share of wallet per account: %s (was: %s)", "更深，户均钱包份额：%s（此前：%s）"}.In(lang), is, was))
}

// sentence says the share and what it rests on.
func (w *WalletGrowth) sentence(lang score.Language) string {
	template := Words{
		"{share} of {known} known and {estimated} estimated wallets, {unknown} unknown", "{share}（已知{known}个，估计{estimated}个，未知{unknown}个）",
	}
	if w.Known+w.Estimated == 0 {
		template = Words{"none known or estimated of {unknown}", "{unknown}个客户中无已知或估计的钱包"}
	}
	return say(template, Words{"Share of wallet", "钱包份额"}, map[string]float64{
		"share": w.Share, "known": float64(w.Known), "estimated": float64(w.Estimated), "unknown": float64(w.Unknown),
	}, shares, lang)
}
