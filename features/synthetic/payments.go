package synthetic

import (
	"math"

	"fealty/features"
)

// Parts of invoices that are paid late: at all times, and in an episode of
// overdue invoices as it is severe.
const (
	usuallyOverdue = 0.1
	worstOverdue   = 0.85
)

// invoice is the bill of one order, in cents, with its payments; a payment is
// never when it isn't made within the town's days.
type invoice struct {
	order       int32
	issued, due int64
	amount      int64
	paid        [2]int64 // instants
	part        [2]int64 // cents; the second is 0 for most
}

// termDays is how long an account of the segment may take to pay.
func termDays(segment int) int64 { return []int64{14, 30, 30, 60}[segment] }

// invoices draws the bills of the orders of an account, which are given by time,
// and when they are paid. What is sent back later is credited and changes no bill.
func (t *Town) invoices(d *draw, p *profile, lines []line, out []invoice) []invoice {
	d.reset(t.params.Seed, forPayments, p.index)
	out = out[:0]
	order := int32(-1)
	for i := range lines {
		l := &lines[i]
		if l.quantity < 0 {
			continue
		}
		if l.order == order {
			out[len(out)-1].amount += l.amount
			continue
		}
		order = l.order
		// The bill goes out with the promised delivery, whether that is late or not.
		issued := l.promised - 5*3600
		out = append(out, invoice{order: order, amount: l.amount, issued: issued, due: issued + termDays(p.segment)*daySeconds})
	}
	kept := out[:0]
	for _, v := range out {
		if v.issued >= t.end {
			continue
		}
		v.paid = [2]int64{t.payment(d, p, &v), never}
		v.part[0] = v.amount
		if d.chance(0.04) && v.amount > 1 {
			v.part[0] = v.amount / 2
			v.part[1] = v.amount - v.part[0]
			v.paid[1] = v.paid[0] + int64(d.between(5, 25)*daySeconds)
		}
		kept = append(kept, v)
	}
	return kept
}

// payment draws when a bill is paid.
func (t *Town) payment(d *draw, p *profile, v *invoice) int64 {
	trouble := p.during(overdueInvoices, v.due)
	switch {
	case d.chance(worstOverdue * trouble):
		return v.due + int64(d.logNormal(45, 0.5)*daySeconds)
	case d.chance(usuallyOverdue):
		return v.due + int64(math.Min(d.logNormal(6, 0.8), 60)*daySeconds)
	}
	return max(v.due-int64(d.between(0, 10)*daySeconds), v.issued+3600)
}

// creditLimit is what the account may owe: what it usually owes at a time, and
// half as much again, in whole thousands of the base currency as a Decimal.
func (t *Town) creditLimit(p *profile) int64 {
	year := 0.0
	for _, c := range p.fading {
		year += p.spendPerYear(t, c)
	}
	owed := 1.5 * year / 100 * float64(termDays(p.segment)+15) / 365
	return cents(100_000 * int64(math.Ceil(owed/1000)))
}

func (s *stream) drawInvoices() {
	p := &s.profile
	s.lines = s.town.orders(s.draw, p, s.lines)
	s.invoices = s.town.invoices(s.draw, p, s.lines, s.invoices)
}

func writeInvoices(s *stream) {
	p := &s.profile
	s.drawInvoices()
	for i := range s.invoices {
		v := &s.invoices[i]
		put(s, "id", s.code('V', int64(v.order)))
		put(s, "account", p.id)
		put(s, "order_id", s.code('O', int64(v.order)))
		put(s, "issued_at", v.issued)
		put(s, "due_at", v.due)
		put(s, "terms", termDays(p.segment))
		put(s, "amount", cents(v.amount))
		put(s, "currency", p.currency)
		put(s, features.RecordedAt, v.issued)
		s.end()
	}
}

func writePayments(s *stream) {
	p := &s.profile
	s.drawInvoices()
	for i := range s.invoices {
		v := &s.invoices[i]
		for k, paid := range v.paid {
			if paid >= s.town.end {
				continue
			}
			put(s, "id", s.code('Z', int64(2*int(v.order)+k)))
			put(s, "account", p.id)
			put(s, "invoice", s.code('V', int64(v.order)))
			put(s, "paid_at", paid)
			put(s, "amount", cents(v.part[k]))
			put(s, "currency", p.currency)
			put(s, features.RecordedAt, paid)
			s.end()
		}
	}
}
