package synthetic

import (
	"math"

	"fealty/features"
	"fealty/features/frame"
)

// The spacing in days of what only the shared record tells of.
const (
	promiseDays    = 140
	eventDays      = 420
	competitorDays = 60 // of which most are not heard of
)

// contactCosts are what one contact costs us, in cents of the base currency.
var contactCosts = map[string]int64{
	"visit": 18_000, "call": 1_200, "email": 60, "care": 4_500, "complaint": 2_500, "complaint_resolved": 3_500, "event": 6_000, "survey": 150,
}

// aboutFactors are the loyalty factors of contacts that their kind doesn't tell.
var aboutFactors = map[string]string{
	"late delivery": features.Service, "availability": features.Service, "wrong item": features.Quality, "quality": features.Quality,
	"invoice": features.Risk, "payment": features.Risk, "offer": features.Price, "credit": features.Price, "training": features.Switching,
	"replacement": features.Quality, "delivery": features.Service,
}

// aboutPurposes are the purposes of contacts that their kind doesn't tell.
var aboutPurposes = map[string]string{
	"annual review": features.PurposeCare, "new products": features.PurposeInformation, "introduction": features.PurposeInformation, "newsletter": features.PurposeInformation,
	"order follow-up": features.PurposeTransaction, "offer": features.PurposeTransaction, "payment": features.PurposeTransaction, "delivery": features.PurposeService,
}

// kindPurposes are those of the others.
var kindPurposes = map[string]string{
	"care": features.PurposeCare, "survey": features.PurposeIntelligence, "competitor_offer": features.PurposeIntelligence, "people_change": features.PurposeIntelligence,
	"event": features.PurposeInformation, "referral": features.PurposeInformation, "complaint": features.PurposeService, "complaint_resolved": features.PurposeService,
	"promise": features.PurposeService, "promise_kept": features.PurposeService,
}

// purpose is what a contact is for, in the words of the shared record.
func (c *contact) purpose() string {
	if of := kindPurposes[c.kind]; of != "" {
		return of
	}
	return aboutPurposes[c.about]
}

// kindFactors are those of the others.
var kindFactors = map[string]string{
	"visit": features.Service, "call": features.Service, "email": features.Service, "care": features.Service, "complaint_resolved": features.Service,
	"promise": features.Service, "promise_kept": features.Service, "people_change": features.Switching, "competitor_offer": features.Price,
	"event": features.Publicity, "referral": features.Publicity, "survey": features.Quality,
}

// workday moves an instant to working hours, to the next week if need be.
func workday(d *draw, at int64) int64 {
	for weekend(at) {
		at += daySeconds
	}
	return at/daySeconds*daySeconds + int64(d.between(8, 17)*3600)
}

// service adds to the contacts of an account, which are not in order yet, what
// the shared record tells: complaints that stay open, promises, changes of
// people, what competitors do, events; and of every contact whom it met, what it
// cost, and when an answer was due and came.
func (t *Town) service(d *draw, p *profile, people []person, out []contact) []contact {
	d.reset(t.params.Seed, forService, p.index)
	begin := t.start + int64(p.firstDay)*daySeconds
	out = t.openComplaints(d, p, begin, out)
	out = t.promises(d, p, begin, out)
	out = t.recurring(d, p, out, begin, eventDays, func(at int64) contact {
		return contact{at: at, kind: "event", about: oneOf(d, "trade fair", "open day", "factory tour"), channel: "on site", value: -1}
	})
	heard := 0.12
	if p.priceSensitive {
		heard = 0.22
	}
	out = t.recurring(d, p, out, begin, competitorDays, func(at int64) contact {
		c := contact{at: at, kind: "competitor_offer", about: oneOf(d, "information", "offer"), channel: oneOf(d, "phone", "on site"), value: -1}
		if !d.chance(clamp(heard*(1+3*p.mood(at)), 0, 0.8)) {
			c.kind = ""
		}
		return c
	})
	for i := range people {
		h := &people[i]
		// Somebody tells us when we hear of it at all.
		if h.role != buyer || h.since <= t.start || h.since == p.opened || !d.chance(0.8) {
			continue
		}
		if at := workday(d, h.recorded); at < t.end && !p.gone(at) {
			out = append(out, contact{at: at, recorded: at, kind: "people_change", about: "information", channel: "phone", value: -1, refContact: -1, person: h.number})
		}
	}
	t.complete(d, p, people, out)
	return out
}

// openComplaints adds the complaints that a cause leaves open: for as long as
// its episode lasts, and half of them for ever. Who waits asks again.
func (t *Town) openComplaints(d *draw, p *profile, begin int64, out []contact) []contact {
	for i := range p.episodes {
		e := &p.episodes[i]
		at := workday(d, e.from)
		if e.cause != openComplaint || at < begin || at >= t.end || p.gone(at) {
			continue
		}
		first := contact{
			at: at, recorded: at, kind: "complaint", about: oneOf(d, "wrong item", "quality", "quality", "invoice", "availability"),
			channel: oneOf(d, "phone", "email"), value: -1, refContact: -1, note: t.grievance(d, p),
		}
		place := len(out)
		out = append(out, first)
		if again := workday(d, at+int64(d.between(10, 45)*daySeconds)); d.chance(e.severity) && again < min(t.end, e.to) && !p.gone(again) {
			c := first
			c.at, c.recorded, c.refContact, c.note = again, again, place, ""
			out = append(out, c)
		}
		if end := workday(d, e.to); d.chance(0.5) && end < t.end {
			for k := place; k < len(out); k++ {
				if out[k].kind == "complaint" {
					out = append(out, contact{
						at: end, recorded: end, kind: "complaint_resolved", about: "apology", channel: "phone", value: -1, refContact: k,
					})
				}
			}
		}
	}
	return out
}

// promises adds what we promised, and that it was kept: mostly, less so while
// deliveries are late or a complaint is open.
func (t *Town) promises(d *draw, p *profile, begin int64, out []contact) []contact {
	made := len(out)
	out = t.recurring(d, p, out, begin, promiseDays, func(at int64) contact {
		return contact{
			at: at, kind: "promise", about: oneOf(d, "call back", "offer", "replacement", "delivery"), channel: oneOf(d, "phone", "email"), value: -1,
			due: at + int64(1+d.IntN(14))*daySeconds,
		}
	})
	for k, until := made, len(out); k < until; k++ {
		c := &out[k]
		trouble := math.Max(p.during(openComplaint, c.at), p.during(lateDeliveries, c.at))
		if !d.chance(0.92 - 0.5*trouble) {
			continue
		}
		at := workday(d, c.at+int64(d.Float64()*float64(c.due-c.at)))
		if d.chance(0.1) {
			at = workday(d, c.due+int64(d.between(0, 6)*daySeconds))
		}
		if at = max(at, c.at); at < t.end {
			out = append(out, contact{at: at, recorded: at, kind: "promise_kept", about: c.about, channel: c.channel, value: -1, refContact: k})
		}
	}
	return out
}

// complete fills in what the shared record tells of every contact.
func (t *Town) complete(d *draw, p *profile, people []person, out []contact) {
	for i := range out {
		c := &out[i]
		if c.due == 0 {
			c.due = never
		}
		c.responded = never
		c.manager = p.manager
		if d.chance(0.1) { // a colleague stood in
			c.manager = (p.manager + 1) % len(managers)
		}
		role := buyer
		switch {
		case c.about == "payment" || c.about == "invoice":
			role = payer
		case c.kind == "visit" || c.kind == "survey":
			role = decisionMaker
		case c.kind == "complaint" || c.kind == "event":
			role = user
		}
		if c.person == 0 {
			c.person = holder(people, role, c.at)
		}
		if c.factor = aboutFactors[c.about]; c.factor == "" {
			c.factor = kindFactors[c.kind]
		}
		c.cost = contactCosts[c.kind]
		switch c.kind {
		case "complaint":
			c.due = c.at + 2*daySeconds
			days := 0.8
			if p.during(openComplaint, c.at) > 0 {
				days = 9
			}
			if at := c.at + int64(d.logNormal(days, 0.7)*daySeconds); at < t.end {
				c.responded = at
			}
		case "complaint_resolved":
			if first := &out[c.refContact]; first.responded > c.at {
				first.responded = c.at
			}
		case "survey":
			c.scale = 100
			c.expectation = int64(clamp(math.Round(8+d.NormFloat64()), 0, 10)) * 10
			if c.perception = c.value; d.chance(0.15 + 0.35*p.mood(c.at)) {
				c.value, c.perception = -1, -1 // asked, and silent
			}
		}
	}
}

// putService puts what the shared record tells of a contact.
func putService(s *stream, c *contact) {
	if c.person != 0 {
		put(s, "person", s.code('H', int64(c.person)))
	}
	put(s, "manager", managers[c.manager])
	put(s, "factor", c.factor)
	if c.cost > 0 {
		put(s, "cost", cents(c.cost))
	}
	putTime(s, "due_at", c.due)
	putTime(s, "responded_at", c.responded)
	if c.scale == 0 {
		return
	}
	const tenth = frame.DecimalScale / 10
	put(s, "scale", c.scale*tenth)
	put(s, "expectation", c.expectation*tenth)
	if c.perception >= 0 {
		put(s, "perception", c.perception*tenth)
	}
}
