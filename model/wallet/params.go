package wallet

import "fmt"

// Params say how wallets are estimated. Start from Defaults; the zero value is refused.
type Params struct {
	// Level is the quantile of peers' spend that counts as a wallet, in [.5, .99];
	// default .9. It says that at least 1 − Level of the accounts buy all they need
	// here, whatever that is; without declared wallets the intervals rest on it.
	Level float64 `json:"level"`
	// Coverage is the probability of an interval, in [.5, .99]; default .8.
	Coverage float64 `json:"coverage"`
	// MaxRatio is the greatest high ÷ low of an estimate to act on, 1.1 … 1000;
	// default 10: an order of magnitude. A wider one is unknown.
	MaxRatio float64 `json:"max_ratio"`

	// MinPeers is the fewest accounts with spend in a category to learn from, ≥ 20; default 100.
	MinPeers int `json:"min_peers"`
	// MinScores is the fewest accounts that an interval of a segment rests on, ≥ 20;
	// default 50. With fewer, it rests on all segments together.
	MinScores int `json:"min_scores"`
	// MaxRows is the most training rows of a category, drawn by Seed, 100 … 1,000,000; default 20,000.
	MaxRows int `json:"max_rows"`

	// References is the most accounts of a category in which neighbours are looked
	// for, 50 … 10,000; default 1,000. They travel with the model.
	References int `json:"references"`
	// Neighbours is how many nearest are asked, 10 … 1,000; default 50; of few
	// references at most a quarter.
	Neighbours int `json:"neighbours"`
	// Rounds, 1 … 1,000, and Leaves, 2 … 256, of the boosting; defaults 60 and 15.
	Rounds int `json:"rounds"`
	Leaves int `json:"leaves"`

	// FreshDays is how old a declared period may be, from its first day to the
	// cutoff, to be taken for today's, 1 … 3,650; default 540.
	FreshDays int `json:"fresh_days"`
	// DeclaredError and RankError are the standard deviations of the logarithm of a
	// declared wallet and of one derived from a rank, in (0, 2]; defaults .15 and .35.
	DeclaredError float64 `json:"declared_error"`
	RankError     float64 `json:"rank_error"`

	// Seed decides which accounts train, which are held out and which are drawn.
	Seed uint64 `json:"seed"`
	// Threads is how many categories are fitted at once, 0 … 1024; 0 (default)
	// means GOMAXPROCS. The model does not depend on it.
	Threads int `json:"-"`
}

// Defaults returns the default parameters.
func Defaults() Params {
	return Params{
		Level: .9, Coverage: .8, MaxRatio: 10, MinPeers: 100, MinScores: 50, MaxRows: 20_000, References: 1000, Neighbours: 50,
		Rounds: 60, Leaves: 15, FreshDays: 540, DeclaredError: .15, RankError: .35,
	}
}

// Validate reports the first parameter out of its bounds, by name.
func (p Params) Validate() error {
	for _, b := range []struct {
		name                   string
		value, atLeast, atMost float64
	}{
		{"Level", p.Level, .5, .99},
		{"Coverage", p.Coverage, .5, .99},
		{"MaxRatio", p.MaxRatio, 1.1, 1000},
		{"MinPeers", float64(p.MinPeers), 20, 1e9},
		{"MinScores", float64(p.MinScores), 20, 1e9},
		{"MaxRows", float64(p.MaxRows), 100, 1e6},
		{"References", float64(p.References), 50, maxReferences},
		{"Neighbours", float64(p.Neighbours), 10, 1000},
		{"Rounds", float64(p.Rounds), 1, 1000},
		{"Leaves", float64(p.Leaves), 2, 256},
		{"FreshDays", float64(p.FreshDays), 1, 3650},
		{"DeclaredError", p.DeclaredError, 1e-6, 2},
		{"RankError", p.RankError, 1e-6, 2},
		{"Threads", float64(p.Threads), 0, 1024},
	} {
		if !(b.value >= b.atLeast && b.value <= b.atMost) {
			return fmt.Errorf("wallet parameter %s is %v, expected %v … %v", b.name, b.value, b.atLeast, b.atMost)
		}
	}
	return nil
}
