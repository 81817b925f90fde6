package synthetic

import (
	"strconv"
	"time"

	"fealty/features"
)

// bond is how an account belongs together with its neighbour in the list.
type bond int

const (
	noBond bond = iota
	// renamed: one firm under a new number.
	renamed
	// merged: a firm that goes on within another.
	merged
	// sister: two firms of one owner, who both go on.
	sister
	// split: a part of a firm gets a number of its own.
	split
	// silent: as renamed, but nobody says so.
	silent
)

// takenOver is by what the pace of an account grows that another merges into,
// halved that of both parts of one that is split.
const (
	takenOver = 1.5
	halved    = 0.5
)

// linkKinds are the kinds under which bonds are declared.
var linkKinds = map[bond]string{renamed: "renamed", merged: "merged", sister: "sister", split: "split"}

// The town's bonds: of every bondEvery accounts the two at each place belong
// together. The first of the two is the account that goes on.
const bondEvery = 200

var bondPlaces = map[int]bond{20: renamed, 60: merged, 100: sister, 140: silent, 180: split}

// bondOf returns how an account belongs together with another, and whether it
// is the first of the two. It depends on nothing but the index, so that a town
// of more accounts holds the smaller one.
func bondOf(index int) (b bond, first bool) {
	place := index % bondEvery
	if b, ok := bondPlaces[place]; ok {
		return b, true
	}
	return bondPlaces[place-1], false
}

// firmOf returns the index from whose seed the account is drawn: its own, or
// that of the account under which the same firm goes on.
func firmOf(index int) int {
	if b, first := bondOf(index); !first && (b == renamed || b == silent || b == split) {
		return index - 1
	}
	return index
}

// move makes the account what its bond demands: the one that goes on begins
// when the other ends, or buys more from then on; of two parts each buys half.
func (t *Town) move(d *draw, p *profile) {
	var first bool
	if p.bond, first = bondOf(p.index); p.bond == noBond || p.bond == sister {
		return
	}
	begins := p.index
	if !first {
		begins--
	}
	d.reset(t.params.Seed, forMoves, begins)
	day := int64(d.between(0.35, 0.8) * float64(t.params.Days))
	at := t.start + day*daySeconds
	switch {
	case p.bond == split:
		p.leaves, p.declines, p.returns = never, never, never
		p.turns, p.pace = at, halved
		if !first {
			p.firstDay, p.opened = int(day), at+9*3600
		}
	case !first:
		// The one that ends is an old account, and doesn't leave before; nor does the firm under its new number.
		p.firstDay, p.opened = 0, t.start-int64(d.between(100, 2000))*daySeconds+9*3600
		p.leaves, p.declines, p.returns = never, never, never
		p.moved, p.heir = at, accountID(begins)
	case p.bond == merged:
		p.turns, p.pace = at, takenOver
	default:
		p.firstDay, p.opened = int(day), at+9*3600
		p.leaves, p.declines, p.returns = never, never, never
	}
}

// pause is a time in which an account buys nothing, as agreed.
type pause struct {
	start, end int64
	kind       string
}

// pause draws the account's pauses: one in thirty rests for a season every
// year, as many shut down once.
func (t *Town) pause(d *draw, p *profile) {
	d.reset(t.params.Seed, forPauses, p.index)
	kind := d.IntN(30)
	month, length := time.Month(1+d.IntN(12)), int64(d.between(40, 100))
	switch kind {
	case 0:
		for year := time.Unix(t.start, 0).UTC().Year() - 1; ; year++ {
			start := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix()
			if start >= t.end {
				return
			}
			if start >= t.start && start >= p.opened {
				p.pauses = append(p.pauses, pause{start, start + length*daySeconds, "season"})
			}
		}
	case 1:
		start := t.start + int64(d.between(0.1, 0.9)*float64(t.params.Days))*daySeconds
		if start >= p.opened {
			p.pauses = append(p.pauses, pause{start, start + length*daySeconds, "shutdown"})
		}
	}
}

// paused says whether the account rests at an instant.
func (p *profile) paused(at int64) bool {
	for i := range p.pauses {
		if at >= p.pauses[i].start && at < p.pauses[i].end {
			return true
		}
	}
	return false
}

// place returns the address and tax number of the account; those of one firm
// under two numbers, and the address of sisters, are the same.
func (t *Town) place(d *draw, p *profile) (address, tax string) {
	firm := firmOf(p.index)
	house := firm
	if b, first := bondOf(p.index); b == sister && !first {
		house--
	}
	d.reset(t.params.Seed, forPlaces, house)
	number := strconv.Itoa(1 + d.IntN(180))
	if p.chinese {
		address = cities[d.IntN(len(cities))] + brands[d.IntN(len(brands))] + "路" + number + "号"
	} else {
		address = firstWords[d.IntN(len(firstWords))] + " Street " + number + ", " + regions[p.region]
	}
	return address, p.country + padded(int64(mix(t.params.Seed^mix(uint64(firm)))%1_000_000_000), 9) //nolint:gosec // below 10^9
}

// putStanding puts what the shared record tells of the account beside its profile.
func putStanding(s *stream) {
	p := &s.profile
	put(s, "country", p.country)
	address, tax := s.town.place(s.draw, p)
	// Not of everybody is known what it looks at.
	switch known := s.draw.chance(0.6); {
	case known && p.priceSensitive:
		put(s, "orientation", "price")
	case known:
		put(s, "orientation", "value")
	}
	put(s, "credit_limit", s.town.creditLimit(p))
	put(s, "address", address)
	put(s, "tax_number", tax)
}

// writeLinks writes the bond of the second of two accounts to the first, if
// somebody declared it: some days after the move.
func writeLinks(s *stream) {
	p := &s.profile
	_, first := bondOf(p.index)
	kind := linkKinds[p.bond]
	if first || kind == "" {
		return
	}
	since, account, other := p.moved, p.id, p.heir
	if p.bond == sister {
		since, other = p.opened, accountID(p.index-1)
	}
	if p.bond == split {
		since, account, other = p.turns, accountID(p.index-1), p.id
	}
	put(s, "account", account)
	put(s, "other", other)
	put(s, "kind", kind)
	put(s, "since", since)
	put(s, "author", managers[p.manager])
	put(s, features.RecordedAt, since+4*daySeconds)
	s.end()
}

// writePauses writes the account's pauses, which are agreed before they begin.
func writePauses(s *stream) {
	p := &s.profile
	for i := range p.pauses {
		q := &p.pauses[i]
		put(s, "account", p.id)
		put(s, "start", q.start)
		put(s, "end", q.end)
		put(s, "kind", q.kind)
		put(s, "author", managers[p.manager])
		put(s, features.RecordedAt, q.start-20*daySeconds)
		s.end()
	}
}
