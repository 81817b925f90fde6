package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model/score"
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
	// Share of wallet, 0 … 1; NaN is not known.
	TenureDays, Categories, Share float64
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
	// Longer: the duration in days. Deeper: categories and share of wallet per account.
	DurationBefore, DurationAfter     float64
	CategoriesBefore, CategoriesAfter float64
	ShareBefore, ShareAfter           float64
	// SharedBefore and SharedAfter are the active accounts of which a share is known.
	SharedBefore, SharedAfter int
}

type identity struct {
	account frame.AccountID
	key     string
}

// GrowthOf compares two snapshots, key by key, keys in order. exclusive says that an
// account stands under one key at a time (a region, a manager): active at both ends
// but under another key, it moved, it is neither new nor lost. Without it (products)
// each account under a key stands for itself. An account that is in the first
// snapshot, active or not, has been a customer. Two rows of one account under one key
// are an error, and with exclusive two rows of one account.
func GrowthOf(before, after []Standing, exclusive bool) ([]Growth, error) {
	was, err := standings(before, exclusive)
	if err != nil {
		return nil, fmt.Errorf("loyalty: the first snapshot: %w", err)
	}
	is, err := standings(after, exclusive)
	if err != nil {
		return nil, fmt.Errorf("loyalty: the second snapshot: %w", err)
	}
	lines := map[string]*growthSums{}
	line := func(key string) *growthSums {
		if lines[key] == nil {
			lines[key] = &growthSums{Growth: Growth{Key: key}}
		}
		return lines[key]
	}
	for _, s := range before {
		if !s.Active {
			continue
		}
		l := line(s.Key)
		l.Before++
		l.before.add(s)
		t, there := is[identityOf(s, exclusive)]
		switch {
		case !there || !t.Active:
			l.Lost++
		case t.Key != s.Key:
			l.MovedOut++
		default:
			l.Retained++
		}
	}
	for _, s := range after {
		t, there := was[identityOf(s, exclusive)]
		if !s.Active {
			switch {
			case !there:
				line(s.Key).NewGone++
			case !t.Active && s.Last > t.Last:
				line(s.Key).WonBackGone++
			}
			continue
		}
		l := line(s.Key)
		l.After++
		l.after.add(s)
		switch {
		case !there:
			l.New++
		case !t.Active:
			l.WonBack++
		case t.Key != s.Key:
			l.MovedIn++
		}
	}
	out := make([]Growth, 0, len(lines))
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		out = append(out, lines[key].close())
	}
	return out, nil
}

func identityOf(s Standing, exclusive bool) identity {
	if exclusive {
		return identity{account: s.Account}
	}
	return identity{s.Account, s.Key}
}

func standings(rows []Standing, exclusive bool) (map[identity]Standing, error) {
	m := make(map[identity]Standing, len(rows))
	for _, s := range rows {
		id := identityOf(s, exclusive)
		if t, twice := m[id]; twice {
			return nil, fmt.Errorf("account %q stands twice, under %q and %q; give one row each", s.Account, t.Key, s.Key)
		}
		m[id] = s
	}
	return m, nil
}

// meanSum is a mean in the making, of what is there.
type meanSum struct{ sum, n float64 }

func (m *meanSum) add(v float64) {
	if !math.IsNaN(v) {
		m.sum += v
		m.n++
	}
}

func (m *meanSum) mean() float64 { return ratio(m.sum, m.n) }

type standingSums struct{ duration, categories, share meanSum }

func (s *standingSums) add(r Standing) {
	s.duration.add(r.TenureDays)
	s.categories.add(r.Categories)
	s.share.add(r.Share)
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
	return g.Growth
}

// Sentences says the three dimensions: wider, longer, deeper; and of how many accounts
// the share is.
func (g *Growth) Sentences(lang score.Language) []string {
	own := map[string]string{"rate": "share", "share": "share", "share_before": "share"}
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
	out := make([]string, len(lines))
	for k, l := range lines {
		out[k] = say(l.template, l.label, l.values, own, lang)
	}
	return out
}
