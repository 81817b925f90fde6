package synthetic

import (
	"math"
	"slices"
)

// never is an instant behind every town.
const never = math.MaxInt64

// profile is everything that an account is, told or hidden.
type profile struct {
	index                     int
	id, name, country         string
	segment, industry         int
	region, department, kind  int
	channel, manager          int
	currency                  string
	opened                    int64
	parent                    string
	chinese                   bool
	gapDays, shape            float64 // mean and regularity of the gaps between orders
	growth                    float64 // of the basket, per year
	discount                  float64
	tastes                    []float64 // weight of each category; the lost ones fade first
	fading                    []int     // categories in the order in which a decline loses them
	favourites                []int
	share                     []float64 // our true share of what the account buys of a category
	satisfaction, neglect     float64   // hidden, standard normal
	priceSensitive            bool
	firstDay                  int // first day of the town on which the account may order
	leaves, returns           int64
	declines                  int64 // when the decline begins; never without one
	slumpFrom, slumpTo        int64
	hazardPerYear, persuasion float64
	contract                  bool
	declares                  bool // whether its wallet is asked for
	surveyed                  bool
	// What follows is told by the shared record only.
	episodes []episode // what makes it leave, by beginning
	bond     bond
	moved    int64   // when another account took its purchases over; never for most
	heir     string  // which one
	turns    int64   // when it took over those of another beside its own, or gave up a part; never for most
	pace     float64 // by what it buys faster from then on
	pauses   []pause
}

// profile draws the account of that index into p, whose slices are reused.
func (t *Town) profile(d *draw, index int, p *profile) {
	firm := index
	if t.params.Record {
		firm = firmOf(index)
		p.episodes = t.causes(d, firm, p.episodes)
	}
	d.reset(t.params.Seed, forProfile, firm)
	*p = profile{
		index: index, id: accountID(index),
		tastes: p.tastes[:0], fading: p.fading[:0], favourites: p.favourites[:0], share: p.share[:0], episodes: p.episodes, pauses: p.pauses[:0],
		leaves: never, moved: never, turns: never, returns: never, declines: never, slumpFrom: never, slumpTo: never,
	}
	p.segment = pickBy(d, len(segments), func(i int) float64 { return segments[i].weight })
	p.industry = pickBy(d, len(industries), func(i int) float64 { return industries[i].weight })
	p.name, p.country = nameOf(d, index, industries[p.industry])
	p.chinese = p.country == china
	p.region = d.IntN(len(regions) - 2)
	if p.chinese {
		p.region = len(regions) - 2 + d.IntN(2)
	}
	p.department = min(p.segment, 2)
	p.channel = d.IntN(len(channels))
	p.kind = pickBy(d, len(kindsOfFirm), func(i int) float64 { return []float64{7, 1, 2, 1}[i] })
	// Managers keep to regions, so that a manager's list is a neighbourhood.
	p.manager = (p.region*7 + d.IntN(4)) % len(managers)
	p.currency = "EUR"
	if other := d.IntN(9); t.params.SeveralCurrencies && (other < 3 || p.chinese) {
		p.currency = currencies[1+other%3].name
		if p.chinese {
			p.currency = "CNY"
		}
	}
	if firm > 20 && d.chance(0.06) {
		p.parent = accountID(d.IntN(firm)) // an earlier account, so that parents form no circle
	}
	t.open(d, p)
	p.rhythm(d)
	p.preferences(d, t.shop)
	t.fate(d, p)
	p.contract = d.chance(segments[p.segment].contract)
	p.declares = d.chance(0.25 + 0.12*float64(p.segment))
	p.surveyed = d.chance(0.45)
	if t.params.Record {
		t.move(d, p)
		t.pause(d, p)
	}
}

func accountID(index int) string { return "A" + padded(int64(index+1), 7) }

func pickBy(d *draw, n int, weight func(int) float64) int {
	total := 0.0
	for i := range n {
		total += weight(i)
	}
	at := total * d.Float64()
	for i := range n {
		if at -= weight(i); at < 0 {
			return i
		}
	}
	return n - 1
}

// open says when the account was opened: before the town's first day for
// most, as after a move from an older system; during its days for the others.
func (t *Town) open(d *draw, p *profile) {
	days := float64(t.params.Days)
	if d.chance(0.55) {
		p.opened = t.start - int64(d.between(1, 6*365))*daySeconds
	} else {
		p.firstDay = int(d.between(0, days*0.97))
		p.opened = t.start + int64(p.firstDay)*daySeconds
	}
	p.opened += int64(d.between(8, 17)*3600) / 60 * 60
}

func (p *profile) rhythm(d *draw) {
	p.gapDays = clamp(d.logNormal(29, 0.7)*segments[p.segment].gap, 3, 110)
	p.shape = clamp(d.logNormal(2.2, 0.6), 0.8, 9)
	p.growth = clamp(0.03+0.15*d.NormFloat64(), -0.3, 0.5)
	p.priceSensitive = d.chance(0.3)
	p.discount = clamp(segments[p.segment].discount+0.02*d.NormFloat64(), 0, 0.25)
}

// preferences draws which categories the account buys, and how much of each
// from the town's wholesaler.
func (p *profile) preferences(d *draw, s *shop) {
	count := 2 + min(d.poisson(1.5+1.2*float64(p.segment)), len(categories)-2)
	for range categories {
		p.tastes = append(p.tastes, 0)
		p.favourites = append(p.favourites, d.IntN(len(s.taste)))
		p.share = append(p.share, clamp(0.5+0.2*d.NormFloat64(), 0.05, 0.95))
	}
	for range count {
		c := d.IntN(len(categories))
		if p.tastes[c] == 0 {
			p.fading = append(p.fading, c)
		}
		p.tastes[c] += d.gamma(0.9)
	}
}

// fate draws when and how the account leaves.
func (t *Town) fate(d *draw, p *profile) {
	p.satisfaction, p.neglect = d.NormFloat64(), d.NormFloat64()
	// Whoever buys little of what it needs from us leaves more easily.
	p.hazardPerYear = 0.34 * math.Exp(-0.55*p.satisfaction+0.4*p.neglect-2*(p.meanShare()-0.5)-0.15*float64(p.segment))
	// What a timely contact would take off the hazard: most for accounts that
	// are neglected but content, a little the wrong way for the price-sensitive.
	p.persuasion = clamp(0.12+0.12*p.neglect+0.05*p.satisfaction, 0, 0.5)
	if p.priceSensitive {
		p.persuasion = -0.03
	}
	begin := max(t.start+int64(p.firstDay)*daySeconds, t.start)
	patience := d.ExpFloat64()
	life := patience / p.hazardPerYear * 365
	gradual, length := d.chance(0.72), clamp(d.logNormal(110, 0.4), 45, 260)
	back, away := d.chance(0.2), d.between(120, 330)
	slump, slumpAt, slumpLong := d.chance(0.35), d.Float64(), d.between(45, 130)
	leaves := begin + int64((60+life)*daySeconds)
	if t.params.Record {
		// A decline begins when the account breaks with us, so that a cause comes before all signs of it.
		p.hazardPerYear *= recordHazard
		length *= recordDecline
		if leaves = p.breaks(begin+60*daySeconds, t.end, patience); leaves != never && gradual {
			leaves += int64(length * daySeconds)
		}
	}
	switch {
	case leaves == never:
	case leaves < t.end:
		p.leaves = leaves
		if gradual {
			p.declines = leaves - int64(length*daySeconds)
		}
		if back {
			p.returns = leaves + int64(away*daySeconds)
		}
	case gradual && leaves-int64(length*daySeconds) < t.end:
		p.declines = leaves - int64(length*daySeconds) // it will leave after the town's last day
		p.leaves = leaves
	}
	if slump {
		p.slumpFrom = begin + int64(slumpAt*float64(t.end-begin))
		p.slumpTo = p.slumpFrom + int64(slumpLong*daySeconds)
	}
}

// meanShare is our true share of what the account buys, over its categories.
func (p *profile) meanShare() float64 {
	total := 0.0
	for _, c := range p.fading {
		total += p.share[c]
	}
	return total / float64(len(p.fading))
}

// decline is how far the account has declined at an instant: 0 … 1.
func (p *profile) decline(at int64) float64 {
	if at < p.declines || at >= p.returns {
		return 0
	}
	return clamp(float64(at-p.declines)/float64(p.leaves-p.declines), 0, 1)
}

// gone says whether the account buys nothing at an instant.
func (p *profile) gone(at int64) bool { return at >= p.moved || at >= p.leaves && at < p.returns }

// last is when the account buys its last: when it leaves, or its purchases move.
func (p *profile) last() int64 { return min(p.leaves, p.moved) }

// mood is how far decline and slump trouble the account: 0 … 1.
func (p *profile) mood(at int64) float64 {
	m := p.decline(at)
	if at >= p.slumpFrom && at < p.slumpTo {
		m = math.Max(m, 0.45)
	}
	return m
}

// kept returns how many of its categories the account still buys from.
func (p *profile) kept(at int64) int {
	return max(1, len(p.fading)-int(0.7*p.decline(at)*float64(len(p.fading))))
}

// spendPerYear is what the account would spend in a category in a year of its
// rhythm without decline, in cents before discount.
func (p *profile) spendPerYear(t *Town, category int) float64 {
	total := 0.0
	for _, w := range p.tastes {
		total += w
	}
	seg := segments[p.segment]
	lines := 365 / p.gapDays * (1 + seg.lines)
	return lines * p.tastes[category] / total * seg.quantity * t.shop.means[category][p.favourites[category]] * (1 - p.discount)
}

// walletPerYear is what the account truly spends in a category with
// everybody, in cents a year.
func (p *profile) walletPerYear(t *Town, category int) float64 {
	return p.spendPerYear(t, category) / p.share[category]
}

// categoriesBought returns the account's categories in the shop's order.
func (p *profile) categoriesBought() []int {
	bought := slices.Clone(p.fading)
	slices.Sort(bought)
	return bought
}
