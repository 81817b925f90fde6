package synthetic

import (
	"math"
	"math/rand/v2"
)

// The purposes of random draws. Each account has an independent stream for each,
// so that one table can be drawn without the others.
const (
	forProfile = iota + 1
	forOrders
	forContacts
	forWallets
	forContracts
	forShop
	forRates
	forCauses
	forDeliveries
	forService
	forPeople
	forPayments
	forMoves
	forPlaces
	forPauses
	forTouches
	forConsents
	forTargets
	forAssessments
)

// draw is a stream of random numbers that can be set to any account.
type draw struct {
	source *rand.PCG
	*rand.Rand
}

func newDraw() *draw {
	source := rand.NewPCG(0, 0)
	return &draw{source: source, Rand: rand.New(source)}
}

// reset starts the stream of one account and purpose over.
func (d *draw) reset(seed uint64, purpose, index int) {
	d.source.Seed(mix(seed+uint64(purpose)), mix(seed^mix(uint64(index)))) //nolint:gosec // both are small and not negative
}

// mix is the finaliser of splitmix64 (Steele, Lea and Flood 2014): neighbouring
// seeds become unrelated.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chance is true with probability p.
func (d *draw) chance(p float64) bool { return d.Float64() < p }

// between draws uniformly from [low, high).
func (d *draw) between(low, high float64) float64 { return low + (high-low)*d.Float64() }

// logNormal draws median·e^(sigma·N(0,1)).
func (d *draw) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*d.NormFloat64())
}

// gamma draws from the gamma distribution with mean 1 and the given shape
// (Marsaglia and Tsang, A simple method for generating gamma variables, 2000).
func (d *draw) gamma(shape float64) float64 {
	if shape < 1 {
		u := 1 - d.Float64()
		return d.gamma(shape+1) * (shape + 1) * math.Pow(u, 1/shape) / shape
	}
	a := shape - 1.0/3
	c := 1 / math.Sqrt(9*a)
	for {
		x := d.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-d.Float64()) < x*x/2+a*(1-v+math.Log(v)) {
			return a * v / shape
		}
	}
}

// poisson draws a count with the given mean, at most 200; meant for small means.
func (d *draw) poisson(mean float64) int {
	limit, p := math.Exp(-mean), 1.0
	for n := range 200 {
		p *= d.Float64()
		if p <= limit {
			return n
		}
	}
	return 200
}

// clamp brings v into [low, high].
func clamp(v, low, high float64) float64 { return math.Max(low, math.Min(high, v)) }
