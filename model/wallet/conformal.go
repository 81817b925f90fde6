package wallet

import (
	"math"
	"slices"
)

// Basis says what an interval was set against.
type Basis string

// The bases.
const (
	// ByDeclared: against the declared wallets of accounts that were held out.
	ByDeclared Basis = "declared"
	// ByPeers: no wallets are declared; against what peers that were held out spend.
	ByPeers Basis = "peers"
)

// band moves a log quantile to the wallet and its bounds, in units of the spread
// of the account's peers (upper − middle quantile). It is a split-conformal
// interval with normalised scores (Papadopoulos et al., ECML 2002; Lei et al., JASA
// 113, 2018): on accounts like those it was set by, it holds the truth with at
// least its probability, whatever the quantiles are worth.
type band struct {
	Segment string `json:"segment"` // "" is of all segments
	Basis   Basis  `json:"basis"`
	// Scores is how many accounts it rests on.
	Scores int     `json:"scores"`
	Low    float64 `json:"low"`
	Centre float64 `json:"centre"`
	High   float64 `json:"high"`
}

// leastSpread keeps an account whose peers all spend the same from an interval of nothing.
const leastSpread = 0.1

// spread is the unit of scores.
func spread(upper, middle float64) float64 { return max(leastSpread, upper-middle) }

// newBand sets a band by scores, which it sorts; ok is false where they are too few
// for the levels. By declared wallets the band holds the middle Coverage of them
// around their median. By peers the wallet is the Level of what they spend, and
// the band reaches from there by Coverage of what is left up to the greatest, and
// as many ranks down.
func newBand(p *Params, segment string, basis Basis, scores []float64) (b band, ok bool) {
	low, centre, high := (1-p.Coverage)/2, 0.5, (1+p.Coverage)/2
	if basis == ByPeers {
		reach := (1 - p.Level) * p.Coverage
		low, centre, high = p.Level-reach, p.Level, p.Level+reach
	}
	n := len(scores)
	// The next score lies below the k-th of n with probability k ÷ (n + 1).
	first, middle, last := int(math.Floor(float64(n+1)*low)), int(math.Round(float64(n+1)*centre)), int(math.Ceil(float64(n+1)*high))
	if first < 1 || last > n || n < p.MinScores {
		return band{}, false
	}
	slices.Sort(scores)
	return band{segment, basis, n, scores[first-1], scores[middle-1], scores[last-1]}, true
}

// wallet returns the wallet and its bounds of an account that spends so much.
func (b *band) wallet(upper, middle, spend float64) (wallet, low, high float64) {
	unit := spread(upper, middle)
	wallet = max(spend, math.Exp(upper+b.Centre*unit))
	low = max(spend, math.Exp(upper+b.Low*unit))
	high = max(wallet, math.Exp(upper+b.High*unit))
	return wallet, low, high
}

// scores gathers calibration scores per segment.
type scores map[Basis]map[string][]float64

func (s scores) add(basis Basis, segment string, v float64) {
	if s[basis] == nil {
		s[basis] = map[string][]float64{}
	}
	s[basis][segment] = append(s[basis][segment], v)
}

// bands sets the bands of all segments, first that of all together.
func (s scores) bands(p *Params) []band {
	var all []band
	for _, basis := range []Basis{ByDeclared, ByPeers} {
		segments := make([]string, 0, len(s[basis]))
		var pooled []float64
		for segment := range s[basis] {
			segments = append(segments, segment)
		}
		slices.Sort(segments)
		for _, segment := range segments {
			pooled = append(pooled, s[basis][segment]...)
		}
		if b, ok := newBand(p, "", basis, pooled); ok {
			all = append(all, b)
		}
		for _, segment := range segments {
			if segment == "" {
				continue
			}
			if b, ok := newBand(p, segment, basis, s[basis][segment]); ok {
				all = append(all, b)
			}
		}
	}
	return all
}

// bandOf picks the band of a segment: by declared wallets before by peers, of its
// own before of all. Nil where there is none.
func bandOf(bands []band, segment string) *band {
	for _, basis := range []Basis{ByDeclared, ByPeers} {
		var pooled *band
		for k := range bands {
			if b := &bands[k]; b.Basis == basis {
				if b.Segment == segment {
					return b
				}
				if b.Segment == "" {
					pooled = b
				}
			}
		}
		if pooled != nil {
			return pooled
		}
	}
	return nil
}
