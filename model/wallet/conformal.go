package wallet

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Basis says what an interval was set against.
type Basis string

// The bases.
const (
	// ByDeclared: the declared wallets of accounts that were held out.
	ByDeclared Basis = "declared"
	// ByPeers: what peers that were held out spend here, as no wallets are known.
	ByPeers Basis = "peers"
)

// quantiles are what peers of an account spend, as logarithms, and what it spends
// itself, 0 or more.
type quantiles struct{ upper, middle, spend float64 }

// leastSpread keeps an account whose peers all spend the same from an interval of nothing.
const leastSpread = 0.1

// spread is the upper quantile over the middle one.
func (q quantiles) spread() float64 { return max(leastSpread, q.upper-q.middle) }

// correction is what declared wallets teach of those of other accounts: the
// expected logarithm of wallet ÷ spend, and its expected distance from that, by
// least squares on terms. The quantile of peers alone knows nothing of the
// account's own spend, and where accounts differ in size more than in their share
// of wallet, that spend tells more than all peers do.
type correction struct {
	Accounts int            `json:"accounts"`
	Value    [terms]float64 `json:"value"`
	Scale    [terms]float64 `json:"scale"`
	// From and To bound the distance from the quantile that was seen.
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

const terms = 4

// terms of the regression: how far the account is below its peers' quantile, bent
// at 0, because no wallet is below the spend, and how much its peers differ.
func (c *correction) terms(q quantiles) [terms]float64 {
	below := min(max(q.upper-math.Log(q.spend), c.From), c.To)
	return [terms]float64{1, below, max(0, below), q.spread()}
}

func dot(a, b [terms]float64) float64 {
	sum := 0.0
	for k, v := range a {
		sum += v * b[k]
	}
	return sum
}

// newCorrection learns from accounts that spend and whose wallet is declared.
func newCorrection(tests []tested) (*correction, error) {
	c := &correction{Accounts: len(tests), From: math.Inf(1), To: math.Inf(-1)}
	for k := range tests {
		below := tests[k].upper - math.Log(tests[k].spend)
		c.From, c.To = min(c.From, below), max(c.To, below)
	}
	ys := make([]float64, len(tests))
	for k := range tests {
		ys[k] = math.Log(tests[k].truth / tests[k].spend)
	}
	var err error
	if c.Value, err = c.leastSquares(tests, ys); err != nil {
		return nil, err
	}
	for k := range tests {
		ys[k] = math.Abs(ys[k] - dot(c.Value, c.terms(tests[k].quantiles)))
	}
	c.Scale, err = c.leastSquares(tests, ys)
	return c, err
}

// leastSquares solves for the coefficients; a trace of ridge keeps terms that
// never differ from having none.
func (c *correction) leastSquares(tests []tested, ys []float64) (b [terms]float64, err error) {
	const ridge = 1e-6
	normal, right := mat.NewSymDense(terms, nil), mat.NewVecDense(terms, nil)
	for i := range terms {
		normal.SetSym(i, i, ridge*float64(len(tests)))
	}
	for k := range tests {
		x := c.terms(tests[k].quantiles)
		for i, v := range x {
			right.SetVec(i, right.AtVec(i)+v*ys[k])
			for j := i; j < terms; j++ {
				normal.SetSym(i, j, normal.At(i, j)+v*x[j])
			}
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(normal) {
		return b, fmt.Errorf("%w: declared wallets and peers' spend are too large to compare", ErrInput)
	}
	if err := factor.SolveVecTo(mat.NewVecDense(terms, b[:]), right); err != nil {
		return b, fmt.Errorf("%w: declared wallets and peers' spend cannot be compared: %w", ErrInput, err)
	}
	return b, nil
}

// base returns the logarithm of a wallet and the unit of its uncertainty: by peers
// their quantile and their spread, by declared wallets what those teach. The
// latter needs spend.
func (m *Model) base(basis Basis, q quantiles) (log, unit float64) {
	if basis == ByPeers {
		return q.upper, q.spread()
	}
	x := m.correction.terms(q)
	return math.Log(q.spend) + dot(m.correction.Value, x), max(leastUnit, dot(m.correction.Scale, x))
}

// leastUnit keeps an account from an interval of nothing.
const leastUnit = 0.05

// band moves the logarithm of a wallet to its bounds, in units of its uncertainty.
// It is a split-conformal interval with normalised scores (Papadopoulos et al.,
// ECML 2002; Lei et al., JASA 113, 2018): on accounts like those it was set by, it
// holds the truth with at least its probability, whatever the wallet is worth.
type band struct {
	Segment string `json:"segment"` // "" is of all segments
	// Category "" is of all categories; absent in texts from before there were others.
	Category string `json:"category,omitempty"`
	Basis    Basis  `json:"basis"`
	// Scores is how many wallets it rests on.
	Scores int     `json:"scores"`
	Low    float64 `json:"low"`
	Centre float64 `json:"centre"`
	High   float64 `json:"high"`
}

// levels are the quantiles of the scores that a band is made of.
//
// By declared wallets they are the median and the middle Coverage around it. By
// peers, only spend is seen, and no wallet is below its spend: a wallet lies below
// the low quantile of spend at most as often as spend does. Upwards it takes an
// assumption, that of Level: of accounts with any wallet, at least 1 − Level buy
// all of it here. Then P(wallet > x) ≤ P(spend > x) ÷ (1 − Level), so that the
// wallet lies above the quantile 1 − (1 − Level) × (1 − Coverage) ÷ 2 of spend at
// most as often as it may. The wallet itself is the quantile Level.
func (p Params) levels(basis Basis) (low, centre, high float64) {
	tail := (1 - p.Coverage) / 2
	if basis == ByPeers {
		return tail, p.Level, 1 - (1-p.Level)*tail
	}
	return tail, middleLevel, 1 - tail
}

// newBand sets a band by scores, which it sorts; ok is false where they are too few
// for the levels: by peers and with the defaults fewer than 99.
func newBand(p *Params, at place, scores []float64) (b band, ok bool) {
	low, centre, high := p.levels(at.basis)
	n := len(scores)
	// The next score lies below the k-th of n with probability k ÷ (n + 1).
	first, middle, last := int(math.Floor(float64(n+1)*low)), int(math.Round(float64(n+1)*centre)), int(math.Ceil(float64(n+1)*high))
	if first < 1 || last > n || n < p.MinScores {
		return band{}, false
	}
	slices.Sort(scores)
	return band{at.segment, at.category, at.basis, n, scores[first-1], scores[middle-1], scores[last-1]}, true
}

// bounds returns the wallet and its bounds, none below the spend.
func (m *Model) bounds(b *band, q quantiles) (wallet, low, high float64) {
	log, unit := m.base(b.Basis, q)
	wallet = max(q.spend, amount(log+b.Centre*unit))
	low = max(q.spend, amount(log+b.Low*unit))
	high = max(wallet, amount(log+b.High*unit))
	return wallet, low, high
}

// amount is what a logarithm stands for, at most maxSpend: a band that one outlier
// among equal peers has set reaches beyond what a number can be.
func amount(log float64) float64 { return min(math.Exp(log), maxSpend) }

// setBands sets the bands by tests: of all together, of each segment, of each
// category, and of each segment in each category (a Mondrian of accounts: Vovk,
// Gammerman and Shafer, 2005), each where the tests suffice.
func (m *Model) setBands(tests []tested) {
	for _, basis := range []Basis{ByDeclared, ByPeers} {
		if basis == ByDeclared && m.correction == nil {
			continue
		}
		scores := map[place][]float64{}
		for k := range tests {
			t := &tests[k]
			if t.basis != basis {
				continue
			}
			log, unit := m.base(basis, t.quantiles)
			score := (math.Log(t.truth) - log) / unit
			cells := []place{{"", "", basis}, {t.segment, "", basis}}
			if len(m.categories) > 1 {
				cells = append(cells, place{"", t.category, basis}, place{t.segment, t.category, basis})
			}
			for j, at := range cells {
				if !slices.Contains(cells[:j], at) {
					scores[at] = append(scores[at], score)
				}
			}
		}
		for _, at := range slices.SortedFunc(maps.Keys(scores), func(a, b place) int {
			return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.category, b.category))
		}) {
			if b, ok := newBand(&m.params, at, scores[at]); ok {
				m.bands = append(m.bands, b)
			}
		}
	}
}

// bandOf picks the narrowest group that has a band: the segment in the category,
// the category, the segment, all. Nil where there is none.
func (m *Model) bandOf(segment, category string, basis Basis) *band {
	for _, at := range []place{{segment, category, basis}, {"", category, basis}, {segment, "", basis}} {
		if b := m.bandAt[at]; b != nil {
			return b
		}
	}
	return m.bandAt[place{"", "", basis}]
}
