package synthetic

import (
	"math"
	"time"
)

// Parts of orders that come late: at all times, and beyond them as an episode
// of late deliveries is severe.
const (
	usuallyLate = 0.05
	worstLate   = 0.85
)

// deliver fills in what becomes of the lines of an account, which stand order
// by order with the return of an order last: when they were promised, when they
// came, and why some went back. What comes after the town's last day has not
// come.
func (t *Town) deliver(d *draw, p *profile, lines []line) {
	d.reset(t.params.Seed, forDeliveries, p.index)
	var promised, delivered int64
	order, late := int32(-1), false
	for i := range lines {
		l := &lines[i]
		if l.quantity < 0 {
			l.promised, l.delivered, l.reason = never, never, returnReason(d, late)
			continue
		}
		if l.order != order {
			order = l.order
			const afternoon = 16 * 3600
			promised = l.at/daySeconds*daySeconds + int64(2+d.IntN(5))*daySeconds + afternoon
			for weekend(promised) {
				promised += daySeconds
			}
			late = d.chance(usuallyLate + worstLate*p.during(lateDeliveries, l.at))
			if late {
				delivered = promised + int64(1+math.Min(d.ExpFloat64()*5, 28))*daySeconds
			} else {
				delivered = max(promised-int64(d.IntN(3))*daySeconds, l.at+2*3600)
			}
		}
		l.promised, l.delivered = promised, delivered
		if d.chance(0.03) { // sent after the rest
			l.delivered += int64(1+d.IntN(6)) * daySeconds
		}
		if l.delivered >= t.end {
			l.delivered = never
		}
	}
}

func returnReason(d *draw, late bool) string {
	if late && d.chance(0.5) {
		return "too late"
	}
	return oneOf(d, "damaged", "wrong item", "not as described", "ordered too many", "no longer needed")
}

// layPromotions names the town's promotions, one a month.
func (t *Town) layPromotions() {
	first := time.Unix(t.start, 0).UTC()
	for month := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC); month.Unix() < t.end; month = month.AddDate(0, 1, 0) {
		t.promotions = append(t.promotions, "offers of "+month.Format("2006-01"))
	}
}

// promotion returns the name of the promotion at an instant of the town.
func (t *Town) promotion(at int64) string {
	first, now := time.Unix(t.start, 0).UTC(), time.Unix(at, 0).UTC()
	return t.promotions[12*(now.Year()-first.Year())+int(now.Month())-int(first.Month())]
}

// putDelivery puts what the shared record tells of a line beside its amounts.
func (t *Town) putDelivery(s *stream, l *line) {
	put(s, "list_price", cents(l.list))
	if l.promoted {
		put(s, "promotion", t.promotion(l.at))
	}
	putTime(s, "promised_at", l.promised)
	putTime(s, "delivered_at", l.delivered)
	put(s, "return_reason", l.reason)
}
