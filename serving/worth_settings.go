package serving

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"fealty/model/crosssell"
	"fealty/model/lifetime"
	"fealty/model/loyalty"
	"fealty/model/wallet"
)

// WorthSettings say how worth is told.
type WorthSettings struct {
	// Loyalty are weights, caps, cut points, policies and rules.
	Loyalty loyalty.Settings
	// LifetimeMonths is how many months ahead a lifetime value looks, 1 … 600;
	// LifetimeDiscount is the rate per month, 0 … 1.
	LifetimeMonths   int
	LifetimeDiscount float64
	// LifetimeModels are those tried, of AllLifetimeModels; none means DefaultLifetimeModels.
	LifetimeModels []string `json:"lifetime_models,omitempty"`
	// LifetimeInterval is the probability that a lifetime value lies in its interval,
	// .5 … .99; LifetimeDraws is how many futures an interval is drawn from, 100 …
	// 100,000, at about a microsecond each per account and year. The default of 100 means
	// as many as the level takes, 199 at .99, where that is more.
	LifetimeInterval float64 `json:"lifetime_interval,omitempty"`
	LifetimeDraws    int     `json:"lifetime_draws,omitempty"`
	// WalletLevel is the quantile of peers' spend that counts as a wallet, .5 … .99;
	// WalletMaxRatio the greatest high ÷ low to act on, 1.1 … 1000.
	WalletLevel, WalletMaxRatio float64
	// ExcludedCategories and ExcludedProducts are never recommended. These lists, and those
	// below, rise bytewise.
	ExcludedCategories, ExcludedProducts []string
	// OnlyProducts, unless there are none, are the products that can be delivered: no
	// other is recommended. SoldByRegion are those sold in a region of accounts; a region
	// that it does not name gets all.
	OnlyProducts []string            `json:"only_products,omitempty"`
	SoldByRegion map[string][]string `json:"sold_by_region,omitempty"`
	// CrossSellList is how many recommendations of each kind an account gets, 1 …
	// MostListed, by category and by product.
	CrossSellList int `json:"crosssell_list,omitempty"`
	// LapsedDays is after how many days without an order a category or product counts as
	// given up, 1 … MostLapsed; 0 means as many as active_within, and the default of
	// crosssell.Params where that is unlimited. A model keeps those it was trained with.
	LapsedDays int `json:"lapsed_days,omitempty"`
	// CrossSellBytes bounds the closed form of what goes together (crosssell.Memory).
	CrossSellBytes int64 `json:"crosssell_bytes,omitempty"`
}

// MostListed bounds the recommendations of a kind that an account gets; defaultListed
// is how many it gets when nobody says.
const (
	MostListed    = 20
	defaultListed = 3
)

// MostLapsed bounds LapsedDays, as active_within is bounded.
const MostLapsed = 36_500

// defaultDraws is how many futures an interval is drawn from when nobody says: fewer
// than a single account's would be, since a run draws them for every account.
const defaultDraws = 100

// DefaultWorth returns the documented defaults.
func DefaultWorth() WorthSettings {
	terms, w := lifetime.DefaultTerms(), wallet.Defaults()
	return WorthSettings{
		Loyalty: loyalty.DefaultSettings(), LifetimeMonths: terms.Months, LifetimeDiscount: terms.Discount, LifetimeModels: DefaultLifetimeModels(),
		LifetimeInterval: lifetime.DefaultChance().Level, LifetimeDraws: defaultDraws,
		WalletLevel: w.Level, WalletMaxRatio: w.MaxRatio, CrossSellList: defaultListed, CrossSellBytes: crosssell.Defaults().MaxBytes,
	}
}

func (w *WorthSettings) validate() error {
	if err := w.Loyalty.Validate(); err != nil {
		return fmt.Errorf("loyalty: %w: %w", err, ErrInvalid)
	}
	if err := w.terms().Validate(); err != nil {
		return fmt.Errorf("lifetime: %w: %w", err, ErrInvalid)
	}
	chance := w.chance(0)
	if least := lifetime.LeastDraws(chance.Level); chance.Level <= .99 && chance.Draws < least {
		return fmt.Errorf("lifetime.draws is %d, an interval of level %v (lifetime.interval) takes %d or more; give as many, or leave it out: %w", chance.Draws, chance.Level, least, ErrInvalid)
	}
	if err := chance.Validate(); err != nil {
		return fmt.Errorf("lifetime: %w: %w", err, ErrInvalid)
	}
	for k, name := range w.LifetimeModels {
		if !slices.Contains(AllLifetimeModels(), name) || slices.Contains(w.LifetimeModels[:k], name) {
			return fmt.Errorf("lifetime: model %q is none of %q, or stands twice: %w", name, AllLifetimeModels(), ErrInvalid)
		}
	}
	if err := w.wallet(0).Validate(); err != nil {
		return fmt.Errorf("wallet: %w: %w", err, ErrInvalid)
	}
	if w.CrossSellList < 1 || w.CrossSellList > MostListed {
		return fmt.Errorf("crosssell: a list of %d recommendations, need 1 … %d: %w", w.CrossSellList, MostListed, ErrInvalid)
	}
	if w.LapsedDays < 0 || w.LapsedDays > MostLapsed {
		return fmt.Errorf("crosssell: lapsed after %d days, need 1 … %d, or 0 for as many as active_within: %w", w.LapsedDays, MostLapsed, ErrInvalid)
	}
	if err := w.crossSell(0).Validate(); err != nil {
		return fmt.Errorf("crosssell: %w: %w", err, ErrInvalid)
	}
	return nil
}

// DefaultLifetimeModels are the lifetime models that are tried when nobody says, the
// one to prefer first.
func DefaultLifetimeModels() []string {
	return []string{string(lifetime.MBGNBD), string(lifetime.BGNBD), string(lifetime.ParetoNBD)}
}

// AllLifetimeModels are those that can be named, in the order in which they are tried:
// the defaults, then the one that counts time in months.
func AllLifetimeModels() []string { return append(DefaultLifetimeModels(), string(lifetime.BGBB)) }

// lifetimeModels are those tried, in the order of AllLifetimeModels.
func (w *WorthSettings) lifetimeModels() []lifetime.Kind {
	named := w.LifetimeModels
	if len(named) == 0 {
		named = DefaultLifetimeModels()
	}
	var kinds []lifetime.Kind
	for _, name := range AllLifetimeModels() {
		if slices.Contains(named, name) {
			kinds = append(kinds, lifetime.Kind(name))
		}
	}
	return kinds
}

// columnsBy is the lifetime model that churn columns are of: the first of those tried
// that counts time in days, as columns do; without one the default.
func (w *WorthSettings) columnsBy() lifetime.Kind {
	for _, kind := range w.lifetimeModels() {
		if !kind.Discrete() {
			return kind
		}
	}
	return lifetime.Kind(DefaultLifetimeModels()[0])
}

// text is canonical: equal exactly when the settings are. The default list of
// lifetime models is none, and so are the default intervals, length of lists and memory,
// which leaves hashes as they were before there was one.
func (w *WorthSettings) text() string {
	told := *w
	if w.CrossSellList == defaultListed {
		told.CrossSellList = 0
	}
	told.LifetimeInterval, told.LifetimeDraws = unlessDefault(w.chance(0))
	if w.CrossSellBytes == crosssell.Defaults().MaxBytes {
		told.CrossSellBytes = 0
	}
	told.LifetimeModels = nil // in whatever order they are named
	if without := (WorthSettings{}); !slices.Equal(w.lifetimeModels(), without.lifetimeModels()) {
		for _, kind := range w.lifetimeModels() {
			told.LifetimeModels = append(told.LifetimeModels, string(kind))
		}
	}
	told.Loyalty.Caps = withoutWords(told.Loyalty.Caps)
	raw, err := json.Marshal(told) //nolint:musttag // the names of the fields are as good as any: it is hashed, not read
	if err != nil {
		panic("serving: settings of worth are no JSON: " + err.Error()) // validate refuses what is no number
	}
	return string(raw)
}

// withoutWords are exceptions as they bound scores. Those that have a default's name
// have its words, as all had before words were left out.
func withoutWords(caps []loyalty.Cap) []loyalty.Cap {
	caps, defaults := slices.Clone(caps), loyalty.DefaultSettings().Caps
	for i := range caps {
		caps[i].EN, caps[i].ZH = "", ""
		for _, d := range defaults {
			if d.Name == caps[i].Name {
				caps[i].EN, caps[i].ZH = d.EN, d.ZH
			}
		}
	}
	return caps
}

// defaultWorth is the text of the defaults, which leave configuration hashes as
// they were before there was anything to set.
func defaultWorth() string {
	w := DefaultWorth()
	return w.text()
}

// terms of a lifetime value. Its margin is the account's own.
func (w *WorthSettings) terms() lifetime.Terms {
	t := lifetime.DefaultTerms()
	t.Months, t.Discount = w.LifetimeMonths, w.LifetimeDiscount
	return t
}

// chance says how the intervals of lifetime values are drawn.
func (w *WorthSettings) chance(seed uint64) lifetime.Chance {
	c := lifetime.Chance{Level: w.LifetimeInterval, Draws: w.LifetimeDraws, Seed: seed}
	if c.Draws == defaultDraws {
		c.Draws = drawsOf(c.Level)
	}
	return c
}

// drawsOf is how many futures an interval of a level is drawn from when nobody says.
func drawsOf(level float64) int { return max(defaultDraws, lifetime.LeastDraws(min(level, .99))) }

// unlessDefault returns level and draws, each 0 where it is the default's.
func unlessDefault(c lifetime.Chance) (level float64, draws int) {
	if level = c.Level; level == lifetime.DefaultChance().Level {
		level = 0
	}
	if draws = c.Draws; draws == defaultDraws {
		draws = 0
	}
	return level, draws
}

func (w *WorthSettings) wallet(seed uint64) wallet.Params {
	p := wallet.Defaults()
	p.Level, p.MaxRatio, p.Seed = w.WalletLevel, w.WalletMaxRatio, seed
	return p
}

// crossSell says how to learn what goes together among accounts that are active within
// so many days, 0 for unlimited.
func (w *WorthSettings) crossSell(activeWithin int) crosssell.Params {
	p := crosssell.Defaults()
	p.MaxBytes, p.LapsedDays = w.CrossSellBytes, cmp.Or(w.LapsedDays, activeWithin, p.LapsedDays)
	return p
}
