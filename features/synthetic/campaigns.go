package synthetic

import (
	"math"
	"strconv"
	"time"

	"fealty/features"
)

// touch is one account asked by a campaign, or held out of it.
type touch struct {
	number                     int
	at, answered               int64
	campaign, arm, offer, says string
	cost                       int64 // cents
}

// touches draws the campaigns that the account was part of. They change
// nothing: an arm tells no more than chance does.
func (t *Town) touches(d *draw, p *profile, out []touch) []touch {
	d.reset(t.params.Seed, forTouches, p.index)
	out = out[:0]
	const meanDays = 700
	begin := t.start + int64(p.firstDay)*daySeconds
	for at := begin + int64(d.ExpFloat64()*meanDays*daySeconds); at < t.end; at += int64((30 + d.ExpFloat64()*meanDays) * daySeconds) {
		morning := at/daySeconds*daySeconds + 9*3600
		if morning >= t.end || p.gone(morning-365*daySeconds) {
			continue
		}
		c := touch{number: len(out) + 1, at: morning, answered: never, campaign: "spring " + strconv.Itoa(time.Unix(at, 0).UTC().Year()), arm: "holdout"}
		if time.Unix(at, 0).UTC().Month() > time.June {
			c.campaign = "autumn" + c.campaign[len("spring"):]
		}
		if d.chance(0.8) {
			c.arm, c.offer, c.cost = "treated", oneOf(d, "5 % voucher", "free delivery", "visit"), 250
			if answered := morning + int64(d.logNormal(3, 0.8)*daySeconds); d.chance(0.3) && !p.gone(answered) && answered < t.end {
				c.answered, c.says = answered, oneOf(d, "yes", "yes", "no")
			}
		}
		out = append(out, c)
	}
	return out
}

func writeTouches(s *stream) {
	p := &s.profile
	s.touches = s.town.touches(s.draw, p, s.touches)
	for i := range s.touches {
		c := &s.touches[i]
		put(s, "id", s.code('T', int64(c.number)))
		put(s, "account", p.id)
		put(s, "at", c.at)
		put(s, "campaign", c.campaign)
		put(s, "arm", c.arm)
		put(s, "offer", c.offer)
		if c.cost > 0 {
			put(s, "cost", cents(c.cost))
		}
		put(s, "answer", c.says)
		putTime(s, "answered_at", c.answered)
		put(s, features.RecordedAt, c.at)
		s.end()
	}
}

// writeConsents writes by which channels the account may be asked, and since
// when no more.
func writeConsents(s *stream) {
	p := &s.profile
	s.draw.reset(s.town.params.Seed, forConsents, p.index)
	for _, channel := range []string{"email", "phone", "post"} {
		if !s.draw.chance(0.8) {
			continue
		}
		put(s, "account", p.id)
		put(s, "channel", channel)
		put(s, "purpose", "marketing")
		put(s, "given_at", p.opened)
		withdrawn := max(p.opened, s.town.start) + int64(s.draw.ExpFloat64()*20*365*daySeconds)
		if withdrawn < s.town.end {
			put(s, "withdrawn_at", withdrawn)
		}
		put(s, features.RecordedAt, p.opened)
		s.end()
	}
}

// writeTargets writes what one manager is to sell, month by month.
func writeTargets(s *stream, index int) bool {
	if index >= len(managers) {
		return false
	}
	s.draw.reset(s.town.params.Seed, forTargets, index)
	// An account spends about that much a month, and the managers share them.
	const perAccount = 1_500
	usual := perAccount * float64(s.town.params.Accounts) / float64(len(managers)) * s.draw.between(0.7, 1.3)
	first := time.Unix(s.town.start, 0).UTC()
	for month := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC); month.Unix() < s.town.end; month = month.AddDate(0, 1, 0) {
		if month.Unix() < s.town.start {
			continue
		}
		put(s, "manager", managers[index])
		put(s, "period", month.Unix())
		put(s, "amount", cents(100_000*int64(math.Round(usual/1000))))
		put(s, features.RecordedAt, month.AddDate(0, 0, -10).Unix())
		s.end()
		usual *= 1 + 0.01*s.draw.NormFloat64()
	}
	return true
}
