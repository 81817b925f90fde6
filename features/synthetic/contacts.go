package synthetic

import (
	"cmp"
	"math"
	"slices"
)

// contact is one interaction. ref is another contact's number, or a referred
// account; value is in tenths, absent when negative. about is what it was about.
type contact struct {
	at, recorded         int64
	number               int
	kind, about, channel string
	refContact           int
	refAccount           string
	value                int64
	note                 string
	// What follows is told by the shared record only. due and responded are
	// never for most.
	person         int // 0 for none
	manager        int
	factor         string
	cost           int64 // cents, absent when 0
	due, responded int64
	scale          int64 // tenths, as expectation and perception; 0 but in surveys
	expectation    int64
	perception     int64 // -1 when nobody answered
}

// The spacing of contacts beside visits, in days for an account of medium size.
const (
	callDays   = 40
	emailDays  = 24
	careDays   = 320
	surveyDays = 185
)

// contacts draws the interactions of an account whose orders and people are
// given, sorted by time.
func (t *Town) contacts(d *draw, p *profile, lines []line, people []person, out []contact) []contact {
	d.reset(t.params.Seed, forContacts, p.index)
	out = out[:0]
	begin := t.start + int64(p.firstDay)*daySeconds
	attention := math.Exp(-0.5 * p.neglect)
	visit := segments[p.segment].visitDays
	out = t.recurring(d, p, out, begin, visit/attention, func(at int64) contact {
		return contact{at: at, kind: "visit", about: oneOf(d, "annual review", "new products", "order follow-up", "introduction"), channel: "on site", value: -1, note: t.note(d, p, at)}
	})
	size := visit / segments[1].visitDays
	out = t.recurring(d, p, out, begin, callDays*math.Sqrt(size)/attention, func(at int64) contact {
		return contact{at: at, kind: "call", about: oneOf(d, "order follow-up", "offer", "payment", "delivery"), channel: "phone", value: -1}
	})
	out = t.recurring(d, p, out, begin, emailDays, func(at int64) contact {
		return contact{at: at, kind: "email", about: oneOf(d, "newsletter", "offer", "order follow-up"), channel: "email", value: -1}
	})
	out = t.recurring(d, p, out, begin, careDays*size, func(at int64) contact {
		return contact{at: at, kind: "care", about: oneOf(d, "anniversary", "training", "seasonal greeting"), channel: oneOf(d, "on site", "post"), value: -1}
	})
	if p.surveyed {
		out = t.recurring(d, p, out, begin, surveyDays, func(at int64) contact {
			score := clamp(math.Round(7.4+1.1*p.satisfaction-3.2*p.mood(at)+1.2*d.NormFloat64()), 0, 10)
			return contact{at: at, kind: "survey", about: "satisfaction", channel: "web", value: int64(score) * 10}
		})
	}
	out = t.recurring(d, p, out, begin, 365/(0.08*math.Exp(0.7*p.satisfaction)), func(at int64) contact {
		return contact{at: at, kind: "referral", about: "recommendation", channel: "phone", value: -1, refAccount: t.other(d, p.index)}
	})
	out = t.complaints(d, p, lines, out)
	if t.params.Record {
		out = t.service(d, p, people, out)
	}
	// References by place don't survive sorting; they become numbers here.
	for i := range out {
		out[i].number = i
	}
	slices.SortStableFunc(out, func(a, b contact) int { return cmp.Compare(a.at, b.at) })
	return numberContacts(out)
}

// recurring draws contacts with exponential gaps around a mean; one of no kind
// is left out. Interest in an
// account that has gone fades after two months and ends after a year.
func (t *Town) recurring(d *draw, p *profile, out []contact, begin int64, meanDays float64, one func(at int64) contact) []contact {
	at := begin + int64(d.ExpFloat64()*meanDays*daySeconds)
	for at < t.end {
		silent := at - p.last()
		keep := true
		switch {
		case at >= p.returns || silent < 60*daySeconds:
		case silent > 365*daySeconds:
			keep = false
		default:
			keep = d.chance(0.35)
		}
		if day := workday(d, at); keep && day < t.end {
			if c := one(day); c.kind != "" {
				c.recorded = day
				if d.chance(0.05) {
					c.recorded += int64(d.between(0.5, 6) * daySeconds) // written down when back in the office
				}
				c.refContact = -1
				out = append(out, c)
			}
		}
		at += int64((0.2 + 0.8*d.ExpFloat64()) * meanDays * daySeconds)
	}
	return out
}

// complaints draws complaints about orders, more of them and worse answered in
// a decline. A resolution refers to its complaint by its place in out.
func (t *Town) complaints(d *draw, p *profile, lines []line, out []contact) []contact {
	last := int32(-1)
	for i := range lines {
		if lines[i].credit || lines[i].order == last {
			continue
		}
		last = lines[i].order
		mood := p.mood(lines[i].at)
		late := lines[i].late()
		cause := 1 + 20*mood
		if late {
			cause += 6
		}
		if !d.chance(clamp(0.016*math.Exp(-0.5*p.satisfaction)*cause, 0, 0.7)) {
			continue
		}
		at := lines[i].at + int64(d.between(0.5, 9)*daySeconds)
		if late {
			at = max(at, lines[i].promised+daySeconds)
		}
		if at >= t.end {
			continue
		}
		out = append(out, contact{
			at: at, recorded: at, kind: "complaint", about: oneOf(d, "late delivery", "wrong item", "quality", "invoice", "availability"),
			channel: oneOf(d, "phone", "email"), value: -1, refContact: -1, note: t.grievance(d, p),
		})
		if late {
			out[len(out)-1].about = "late delivery"
		}
		if d.chance(0.06 + 0.3*mood) {
			continue // left open
		}
		resolved := at + int64(d.logNormal(3.5*(1+1.5*mood), 0.8)*daySeconds)
		if resolved < t.end {
			out = append(out, contact{
				at: resolved, recorded: resolved, kind: "complaint_resolved", about: oneOf(d, "credit", "replacement", "apology"),
				channel: "phone", value: -1, refContact: len(out) - 1,
			})
		}
	}
	return out
}

// numberContacts renumbers contacts in order of time and moves the references with them.
func numberContacts(out []contact) []contact {
	places := make(map[int]int)
	for i := range out {
		if out[i].kind == "complaint" || out[i].kind == "promise" {
			places[out[i].number] = i + 1
		}
	}
	for i := range out {
		out[i].number = i + 1
		if out[i].refContact >= 0 {
			out[i].refContact = places[out[i].refContact]
		}
	}
	return out
}

// other draws another account of the town, or none when there is no other.
func (t *Town) other(d *draw, index int) string {
	if t.params.Accounts < 2 {
		return ""
	}
	k := d.IntN(t.params.Accounts - 1)
	if k >= index {
		k++
	}
	return accountID(k)
}

func oneOf(d *draw, texts ...string) string { return texts[d.IntN(len(texts))] }

// note is what a manager writes after a visit: seldom, and not always telling.
func (t *Town) note(d *draw, p *profile, at int64) string {
	if !d.chance(0.3) {
		return ""
	}
	if p.mood(at) > 0.4 && d.chance(0.5) {
		if p.chinese {
			return oneOf(d, "客户在比较其他供应商的价格", "对交货期不满意", "采购负责人已更换")
		}
		return oneOf(d, "is comparing prices elsewhere", "not happy with delivery times", "new head of purchasing")
	}
	if p.chinese {
		return oneOf(d, "计划扩大车间", "对新产品感兴趣", "一切正常")
	}
	return oneOf(d, "plans to extend the workshop", "interested in the new range", "all well", "asked for a \"volume\" price, will call back")
}

func (t *Town) grievance(d *draw, p *profile) string {
	if !d.chance(0.4) {
		return ""
	}
	if p.chinese {
		return oneOf(d, "货物迟到三天", "发票金额有误", "包装破损")
	}
	return oneOf(d, "three days late", "invoice differs from the offer", "parcel damaged, twice")
}
