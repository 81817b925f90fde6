package synthetic

import (
	"cmp"
	"slices"
)

// line is one order line. Money is in cents; order numbers the account's
// orders, credit marks the credit note of an order.
type line struct {
	at, recorded           int64
	order                  int32
	credit                 bool
	number                 int32
	category               int
	product                *product
	quantity               int64
	amount, discount, cost int64
	list                   int64 // price of one before reductions
	promoted               bool
	promised, delivered    int64 // told by the shared record only
	reason                 string
}

// late says whether the line came, or is still to come, after it was promised.
func (l *line) late() bool { return l.promised != never && l.delivered > l.promised }

// orders draws the lines of an account, sorted by time.
func (t *Town) orders(d *draw, p *profile, lines []line) []line {
	d.reset(t.params.Seed, forOrders, p.index)
	lines = lines[:0]
	season, rest := t.seasons[p.industry], t.rest[p.country]
	order := int32(0)
	// Work accrues day by day, faster in season and slower in decline; an order
	// is placed when as many days of work as the next gap have accrued.
	work, need := 0.0, p.gapDays*d.gamma(p.shape)
	if p.firstDay > 0 {
		need = d.between(0, 3) // whoever opens an account wants something
	} else {
		work = need * d.Float64()
	}
	for day := p.firstDay; day < t.params.Days; day++ {
		noon := t.start + int64(day)*daySeconds + daySeconds/2
		if p.gone(noon) || p.paused(noon) || rest != nil && rest[day] {
			continue
		}
		pace := season[day] * (1 - 0.62*p.decline(noon))
		if noon >= p.slumpFrom && noon < p.slumpTo {
			pace *= 0.5
		}
		if noon >= p.turns {
			pace *= p.pace
		}
		work += pace
		if work < need || weekend(noon) && !d.chance(0.08) {
			continue
		}
		work = 0
		need = p.gapDays * d.gamma(p.shape)
		order++
		lines = t.order(d, p, lines, order, day)
	}
	if t.params.Record {
		t.deliver(d, p, lines)
		for i := range lines { // what is entered late is entered by the last day
			lines[i].recorded = min(lines[i].recorded, t.end-1)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	return lines
}

// weekend says whether an instant falls on Saturday or Sunday. 1970-01-01 was
// a Thursday.
func weekend(at int64) bool {
	day := (at/daySeconds + 3) % 7
	return day >= 5
}

// order draws one order and perhaps its return.
func (t *Town) order(d *draw, p *profile, lines []line, order int32, day int) []line {
	midnight := t.start + int64(day)*daySeconds
	at := midnight + int64(clamp(11.5+2.5*d.NormFloat64(), 6, 19)*3600)
	recorded := at
	if d.chance(0.02) { // entered late, by hand
		recorded += int64(d.between(0.3, 4) * daySeconds)
	}
	seg := segments[p.segment]
	decline := p.decline(at)
	years := float64(at-t.start) / (365 * daySeconds)
	basket := clamp(1+p.growth*years, 0.3, 3) * (1 - 0.45*decline)
	count := 1 + d.poisson(seg.lines*basket)
	kept := p.fading[:p.kept(at)]
	first := len(lines)
	for k := range count {
		category := kept[pickBy(d, len(kept), func(i int) float64 { return p.tastes[kept[i]] })]
		item := t.shop.choose(d, category, p.favourites[category])
		quantity := 1 + int64(d.ExpFloat64()*seg.quantity*(1-0.2*decline))
		price := int64(float64(item.list) * (1 + 0.03*years) * rateOf(p.currency))
		full := quantity * price
		share := p.discount
		if p.priceSensitive {
			share += 0.06 * decline
		}
		promoted := d.chance(0.1)
		if promoted {
			share += 0.1
		}
		discount := int64(float64(full) * clamp(share, 0, 0.4))
		lines = append(lines, line{
			at: at, recorded: recorded, order: order, number: int32(k + 1), category: category, product: item,
			quantity: quantity, amount: full - discount, discount: discount, list: price, promoted: promoted,
			promised: never, delivered: never,
			cost: int64(float64(quantity*item.costCents) * (1 + 0.03*years) * rateOf(p.currency)),
		})
	}
	if !d.chance(0.035 + 0.05*decline) {
		return lines
	}
	back := lines[first+d.IntN(count)]
	back.at += int64(d.between(3, 20) * daySeconds)
	if back.at >= t.end {
		return lines
	}
	if p.paused(back.at) {
		return lines // nobody is there to send it
	}
	back.recorded = back.at
	if d.chance(0.5) {
		q := back.quantity
		back.quantity = max(1, q/2)
		back.amount, back.discount, back.cost = back.amount*back.quantity/q, back.discount*back.quantity/q, back.cost*back.quantity/q
	}
	back.quantity, back.amount, back.discount, back.cost = -back.quantity, -back.amount, -back.discount, -back.cost
	if back.credit = d.chance(0.6); back.credit {
		back.number = 1
	} else {
		back.number = int32(count + 1) //nolint:gosec // at most 202
	}
	return append(lines, back)
}
