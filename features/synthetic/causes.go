package synthetic

import (
	"cmp"
	"math"
	"slices"
)

// cause is something that happens to an account and makes it leave more
// easily. Nobody chooses it by what the account is like: it comes by chance, so
// that what it does can be told from what comes with it.
type cause int

const (
	lateDeliveries cause = iota
	openComplaint
	changedBuyer
	overdueInvoices
	causeCount
)

// causeSizes are the planted sizes. Rates are those of the record's town; all
// times are days.
var causeSizes = [causeCount]struct {
	name      string  // of its columns in the truth
	perYear   float64 // how often it begins
	days      float64 // how long it goes on, median
	spread    float64 // sigma of the logarithm of days
	delay     float64 // from its beginning until the account holds it against us
	lasting   float64 // from its end until that is forgotten
	logHazard float64 // added to the logarithm of the hazard of leaving, when it is as bad as can be
}{
	lateDeliveries:  {"late", 0.30, 190, 0.35, 30, 90, 3.4},
	openComplaint:   {"complaint", 0.30, 180, 0.35, 15, 60, 3.2},
	changedBuyer:    {"buyer", 0.25, 1, 0, 10, 180, 3.0},
	overdueInvoices: {"overdue", 0.25, 180, 0.35, 40, 60, 3.2},
}

// recordHazard is what is left of the hazard of a town without causes; they
// bring the rest.
const recordHazard = 0.24

// recordDecline shortens a decline against a town without causes: whoever has
// a reason hesitates less.
const recordDecline = 0.5

// episode is one time in which a cause is at work. severity in 0.5 … 1 scales
// what is seen of it, and what it adds to the logarithm of the hazard.
type episode struct {
	cause    cause
	from, to int64
	severity float64
}

// feltFrom and feltTo bound when the account leaves more easily for it.
func (e *episode) feltFrom() int64 { return e.from + int64(causeSizes[e.cause].delay*daySeconds) }
func (e *episode) feltTo() int64   { return e.to + int64(causeSizes[e.cause].lasting*daySeconds) }

// logHazard is what the episode adds to the logarithm of the hazard while it is felt.
func (e *episode) logHazard() float64 { return causeSizes[e.cause].logHazard * e.severity }

// causes draws the account's episodes over all days of the town, by beginning;
// those of one cause don't overlap.
func (t *Town) causes(d *draw, index int, out []episode) []episode {
	d.reset(t.params.Seed, forCauses, index)
	out = out[:0]
	for c := range causeCount {
		size := &causeSizes[c]
		mean := 365 * daySeconds / size.perYear
		// What began before the town's days is not told; the first one may begin on any of them.
		for at := t.start + int64(mean*d.ExpFloat64()); at < t.end; {
			e := episode{cause: c, from: at, severity: d.between(0.5, 1)}
			e.to = at + int64(d.logNormal(size.days, size.spread)*daySeconds)
			out = append(out, e)
			at = e.to + int64(mean*d.ExpFloat64())
		}
	}
	slices.SortStableFunc(out, func(a, b episode) int { return cmp.Compare(a.from, b.from) })
	return out
}

// during returns the severity of a cause at an instant, 0 when it is not at work.
func (p *profile) during(c cause, at int64) float64 {
	for i := range p.episodes {
		if e := &p.episodes[i]; e.cause == c && at >= e.from && at < e.to {
			return e.severity
		}
	}
	return 0
}

// breaks returns the instant at which an account breaks with us that has lived
// since begin and whose patience, drawn from Exp(1), is worn down by the hazard:
// hazardPerYear times e to the sum of what the felt episodes add. This is a
// proportional-hazards model with covariates that change by steps (Bender,
// Augustin and Blettner, Generating survival times, 2005). It is never when
// that lies behind the horizon.
func (p *profile) breaks(begin, horizon int64, patience float64) int64 {
	at := begin
	for at < horizon {
		sum, until := 0.0, horizon
		for i := range p.episodes {
			e := &p.episodes[i]
			from, to := e.feltFrom(), e.feltTo()
			switch {
			case at < from:
				until = min(until, from)
			case at < to:
				until = min(until, to)
				sum += e.logHazard()
			}
		}
		perSecond := p.hazardPerYear * math.Exp(sum) / (365 * daySeconds)
		if worn := perSecond * float64(until-at); worn < patience {
			patience -= worn
			at = until
			continue
		}
		return at + int64(patience/perSecond)
	}
	return never
}
