package synthetic_test

import (
	"math"
	"testing"

	"fealty/features/frame"
	"fealty/features/synthetic"
)

// sign is what a person would count of one account at a day, from the facts of
// the record as they stood then.
type sign struct {
	orders, due, late          int // orders of the year before; of half a year: due deliveries, and late ones
	complaintDays, overdueDays int // of the oldest complaint, and bill, that is open
	buyerChanged               bool
	breaks, gone, newcomer     bool // whether it breaks with us in the days that follow, before, or is new
	truly                      map[string]bool
	expected, base             float64 // hazard by the truth, over those days, with and without causes
}

// signs counts every account of the town at a day; breaks looks at the span of
// days that follow.
func signs(t *testing.T, built *synthetic.Town, at, span int64) map[string]*sign {
	t.Helper()
	all := map[string]*sign{}
	get := func(b *frame.Table, row int) *sign { return all[b.Column("account").Texts[row]] }
	each(t, built, "truth", func(b *frame.Table) {
		left, declines := instants(b, "churned_at"), instants(b, "decline_from")
		for row, a := range b.Column("account").Texts {
			begins := min(left[row], declines[row])
			year := b.Column("hazard_per_year").Float(row) / 365 * float64(span/day)
			all[a] = &sign{gone: begins < at, breaks: begins >= at && begins < at+span, truly: map[string]bool{}, base: year}
		}
	})
	each(t, built, "truth_moves", func(b *frame.Table) {
		for row := range b.Rows() {
			get(b, row).gone = true // whoever moves doesn't leave
		}
	})
	each(t, built, "accounts", func(b *frame.Table) {
		for row, opened := range b.Column("opened").Integers {
			get(b, row).newcomer = opened >= at-60*day
		}
	})
	logs := map[string]float64{}
	each(t, built, synthetic.TruthCauses, func(b *frame.Table) {
		for row, a := range b.Column("account").Texts {
			if b.Column("felt_from").Integers[row] <= at+span/2 && at+span/2 < b.Column("felt_to").Integers[row] {
				all[a].truly[b.Column("cause").Texts[row]] = true
				logs[a] += b.Column("log_hazard").Float(row)
			}
		}
	})
	for a, s := range all {
		s.expected = s.base * math.Exp(logs[a])
	}
	counted := map[string]bool{}
	each(t, built, "order_lines", func(b *frame.Table) {
		promised, delivered := instants(b, "promised_at"), instants(b, "delivered_at")
		for row, id := range b.Column("order_id").Texts {
			ordered := b.Column("ordered_at").Integers[row]
			if counted[id] || b.Column("amount").Integers[row] < 0 || ordered >= at || ordered < at-365*day {
				continue
			}
			counted[id] = true
			s := get(b, row)
			s.orders++
			if promised[row] < at && promised[row] >= at-180*day {
				s.due++
				if min(delivered[row], at) > promised[row] {
					s.late++
				}
			}
		}
	})
	since := map[string]int64{}
	each(t, built, "interactions", func(b *frame.Table) {
		for row, kind := range b.Column("kind").Texts {
			when := b.Column("at").Integers[row]
			switch {
			case when >= at:
			case kind == "complaint":
				since[b.Column("id").Texts[row]] = when
			case kind == "complaint_resolved":
				delete(since, b.Column("ref").Texts[row])
			}
		}
	})
	for id, when := range since {
		if s := all["A"+id[1:8]]; when >= at-270*day {
			s.complaintDays = max(s.complaintDays, int((at-when)/day))
		}
	}
	owed := map[string]int64{}
	each(t, built, "invoices", func(b *frame.Table) {
		for row, id := range b.Column("id").Texts {
			if due := b.Column("due_at").Integers[row]; due < at {
				owed[id] = due
			}
		}
	})
	each(t, built, "payments", func(b *frame.Table) {
		for row, id := range b.Column("invoice").Texts {
			if b.Column("paid_at").Integers[row] < at {
				delete(owed, id)
			}
		}
	})
	for id, due := range owed {
		s := all["A"+id[1:8]]
		s.overdueDays = max(s.overdueDays, int((at-due)/day))
	}
	each(t, built, "people", func(b *frame.Table) {
		until := instants(b, "until")
		for row, role := range b.Column("role").Texts {
			if role == "buyer" && until[row] < at && until[row] >= at-150*day {
				get(b, row).buyerChanged = true
			}
		}
	})
	return all
}

// The planted causes are in the facts, before the break, and raise it by about
// what the truth says; many who have them stay all the same.
func TestCausesCanBeFound(t *testing.T) {
	t.Parallel()
	const span = 90 * day
	var alive []*sign
	for _, seed := range []uint64{1, 7} {
		built := town(t, synthetic.Params{Seed: seed, Record: true})
		for _, back := range []int64{120, 330} {
			for _, s := range signs(t, built, built.Params().Through.Unix()-back*day, span) {
				if !s.gone && !s.newcomer && s.orders > 1 {
					alive = append(alive, s)
				}
			}
		}
	}
	rate := func(pick func(*sign) bool) (broke float64, n int) {
		count := 0
		for _, s := range alive {
			if pick(s) {
				n++
				if s.breaks {
					count++
				}
			}
		}
		return float64(count) / float64(n), n
	}
	for _, c := range []struct {
		cause string
		seen  func(*sign) bool
		not   func(*sign) bool
		times float64 // by the facts, at least
	}{
		{"late", func(s *sign) bool { return s.due > 1 && 3*s.late >= s.due }, func(s *sign) bool { return s.due > 1 && s.late == 0 }, 1.6},
		{"complaint", func(s *sign) bool { return s.complaintDays > 14 }, func(s *sign) bool { return s.complaintDays == 0 }, 2},
		{"buyer", func(s *sign) bool { return s.buyerChanged }, func(s *sign) bool { return !s.buyerChanged }, 2},
		{"overdue", func(s *sign) bool { return s.overdueDays > 20 }, func(s *sign) bool { return s.overdueDays == 0 }, 1.8},
	} {
		with, k := rate(c.seen)
		without, m := rate(c.not)
		truly, n := rate(func(s *sign) bool { return s.truly[c.cause] })
		others, o := rate(func(s *sign) bool { return !s.truly[c.cause] })
		t.Logf("%-10s seen: %.3f of %d break, not: %.3f of %d; in truth: %.3f of %d against %.3f of %d", c.cause, with, k, without, m, truly, n, others, o)
		if k < 100 || with < c.times*without {
			t.Errorf("%s: %.3f of the %d in whom it is seen break, %.3f of the others; want %.1f times as many at least", c.cause, with, k, without, c.times)
		}
		if with > 0.6 {
			t.Errorf("%s: %.3f of those in whom it is seen break; want many who stay", c.cause, with)
		}
		if truly < 2.4*others {
			t.Errorf("%s: %.3f of those who have it in truth break, %.3f of the others; want 2.4 times as many at least", c.cause, truly, others)
		}
	}
	// The hazard of the truth is the one by which accounts break.
	expected, broke := 0.0, 0.0
	for _, s := range alive {
		if len(s.truly) == 0 {
			continue
		}
		expected += 1 - math.Exp(-s.expected)
		if s.breaks {
			broke++
		}
	}
	t.Logf("%.0f accounts with a cause are expected to break, %.0f do", expected, broke)
	if math.Abs(broke-expected) > 0.25*expected {
		t.Errorf("%.0f accounts with a cause break, by their hazard %.0f should", broke, expected)
	}
}
