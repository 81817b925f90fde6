package synthetic

import (
	"math"
	"time"
)

// wallet is a declaration of what an account spends in a category in a year,
// in cents of its currency.
type wallet struct {
	category         int
	period, recorded int64
	amount           int64
	origin           string
}

// wallets draws what is declared of the account's spending with everybody:
// once a year for the accounts that are asked, off by some 15 %.
func (t *Town) wallets(d *draw, p *profile, out []wallet) []wallet {
	d.reset(t.params.Seed, forWallets, p.index)
	out = out[:0]
	if !p.declares {
		return out
	}
	first := time.Unix(max(t.start, p.opened), 0).UTC().Year()
	for year := first; ; year++ {
		period := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		recorded := max(period, p.opened) + int64(d.between(1, 75)*daySeconds)
		if recorded >= t.end {
			return out
		}
		if recorded < t.start || p.gone(recorded) || !d.chance(0.8) {
			continue
		}
		origin := oneOf(d, "survey", "manager", "manager")
		for _, c := range p.categoriesBought() {
			amount := p.walletPerYear(t, c) * rateOf(p.currency) * math.Exp(0.15*d.NormFloat64())
			out = append(out, wallet{category: c, period: period, recorded: recorded, amount: int64(amount), origin: origin})
		}
	}
}

// contract is a yearly agreement. end and cancelled are instants; cancelled is
// never for most.
type contract struct {
	number                int
	start, end, cancelled int64
	recurring             string
	amount                int64 // cents a year, in the account's currency
	product               *product
}

// contracts draws the account's agreements, renewed year by year until it
// leaves; some are cancelled before the account has bought its last.
func (t *Town) contracts(d *draw, p *profile, out []contract) []contract {
	d.reset(t.params.Seed, forContracts, p.index)
	out = out[:0]
	if !p.contract {
		return out
	}
	shelf := t.shop.shelves[p.fading[0]]
	c := contract{
		recurring: oneOf(d, "yearly", "yearly", "monthly"),
		amount:    int64(d.logNormal(1200, 0.6)*segments[p.segment].quantity*rateOf(p.currency)) * 100,
		product:   &shelf[d.IntN(len(shelf))],
	}
	cancels := int64(never)
	if p.leaves != never && d.chance(0.65) {
		cancels = p.leaves - int64(d.between(-30, 100)*daySeconds)
	}
	// The first one begins within a year of the opening, and before the town
	// for old accounts.
	c.start = (p.opened/daySeconds + int64(d.between(0, 365))) * daySeconds
	for c.start < t.end && c.start < p.last() {
		c.number++
		c.end = time.Unix(c.start, 0).UTC().AddDate(1, 0, 0).Unix()
		c.cancelled = never
		if cancels > c.start && cancels <= c.end {
			c.cancelled = cancels
		}
		if c.end > t.start {
			out = append(out, c)
		}
		if c.cancelled != never || !d.chance(0.93) {
			return out
		}
		c.start = c.end
	}
	return out
}

// currency is a money of the town with its usual price of one EUR.
type currency struct {
	name string
	rate float64
}

// currencies; the first is the base.
var currencies = []currency{{"EUR", 1}, {"CNY", 7.8}, {"GBP", 0.86}, {"USD", 1.1}}

// rateOf returns the units of a currency for one EUR.
func rateOf(name string) float64 {
	for _, c := range currencies {
		if c.name == name {
			return c.rate
		}
	}
	return 1
}
