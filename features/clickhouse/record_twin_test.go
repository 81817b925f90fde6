package clickhouse_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fealty/features"
	"fealty/features/frame"
)

// share is a/b, missing when b is not above 0.
func share[T int64 | float64](a, b T) float64 {
	if b <= 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// nets adds up the lines that a correction can't tell apart.
func nets[K comparable](seen []line, key func(line) K) (byKey map[K]line) {
	byKey = map[K]line{}
	for _, l := range seen {
		sum, known := byKey[key(l)]
		if !known {
			sum, sum.amount, sum.quantity = l, 0, 0
		}
		sum.amount, sum.quantity = sum.amount+l.amount, sum.quantity+l.quantity
		byKey[key(l)] = sum
	}
	return byKey
}

// delivered adds the twin's features of deliveries and reasons of return.
func delivered(f map[string]float64, seen []line, cutoff int64, today int, day func(int64) int) {
	type key struct {
		order, product               string
		reason                       features.ReturnClass
		number, t, promised, arrived int64
	}
	class := func(l line) features.ReturnClass { return features.ClassOfReturn(l.reason) }
	var due90, late90, due365, late365, days, overdue, travels, travelled int64
	back, all := map[features.ReturnClass]int64{}, int64(0)
	for _, l := range nets(seen, func(l line) key {
		return key{l.order, l.product, class(l), l.number, l.ordered, l.promised, l.delivered}
	}) {
		arrived := l.delivered
		if arrived >= cutoff {
			arrived = 0
		}
		if l.amount < 0 && l.reason != "" && l.ordered >= cutoff-365*86400 {
			back[class(l)] -= l.amount
			all -= l.amount
		}
		if l.amount <= 0 {
			continue
		}
		if arrived != 0 && arrived >= cutoff-365*86400 {
			travels++
			travelled += int64(max(0, day(arrived)-day(l.ordered)))
		}
		if l.promised == 0 || day(l.promised) >= today || l.promised < cutoff-365*86400 {
			continue
		}
		came := today
		if arrived != 0 {
			came = day(arrived)
		} else {
			overdue++
		}
		due365++
		if l.promised >= cutoff-90*86400 {
			due90++
		}
		if came > day(l.promised) {
			late365++
			days += int64(came - day(l.promised))
			if l.promised >= cutoff-90*86400 {
				late90++
			}
		}
	}
	f["late_delivery_share_90d"], f["late_delivery_share_365d"] = share(late90, due90), share(late365, due365)
	f["days_late_mean_365d"], f["delivery_days_mean_365d"], f["deliveries_overdue"] = share(days, late365), share(travelled, travels), float64(overdue)
	f["returns_quality_share_365d"], f["returns_service_share_365d"] = share(back[features.ReturnQuality], all), share(back[features.ReturnService], all)
	f["returns_price_share_365d"] = share(back[features.ReturnPrice], all)
	f["returns_other_share_365d"] = share(back[features.ReturnUnneeded]+back[features.ReturnUnknown], all)
}

// priced adds the twin's features of prices.
func priced(f map[string]float64, seen []line, within func(int64, int64) bool) {
	type key struct {
		order, product, promotion string
		number, t, list           int64
	}
	type price struct{ t, list int64 }
	paid, promoted, listPaid, listed := map[int64]int64{}, map[int64]int64{}, map[int64]int64{}, map[int64]float64{}
	first, last, quantity := map[string]price{}, map[string]price{}, map[string]float64{}
	times := map[string]map[int64]*priceAt{}
	for _, l := range nets(seen, func(l line) key { return key{l.order, l.product, l.promotion, l.number, l.ordered, l.list} }) {
		if l.amount <= 0 {
			continue
		}
		for _, d := range []int64{90, 365} {
			if !within(l.ordered, d) {
				continue
			}
			paid[d] += l.amount
			if l.promotion != "" {
				promoted[d] += l.amount
			}
			if l.list > 0 && l.quantity > 0 {
				listPaid[d] += l.amount
				listed[d] += float64(l.list) * float64(l.quantity) / frame.DecimalScale
			}
		}
		if !within(l.ordered, 365) || l.list <= 0 || l.quantity <= 0 || l.product == "" {
			continue
		}
		quantity[l.product] += float64(l.quantity)
		if times[l.product] == nil {
			times[l.product] = map[int64]*priceAt{}
		}
		if times[l.product][l.ordered] == nil {
			times[l.product][l.ordered] = &priceAt{}
		}
		when := times[l.product][l.ordered]
		when.list, when.quantity = max(when.list, float64(l.list)), when.quantity+float64(l.quantity)
		// The cheapest of the first instant, the dearest of the last.
		if p, ok := first[l.product]; !ok || l.ordered < p.t || l.ordered == p.t && l.list < p.list {
			first[l.product] = price{l.ordered, l.list}
		}
		if p, ok := last[l.product]; !ok || l.ordered > p.t || l.ordered == p.t && l.list > p.list {
			last[l.product] = price{l.ordered, l.list}
		}
	}
	was, is := 0.0, 0.0
	for product, q := range quantity {
		if first[product].t != last[product].t {
			was, is = was+q*float64(first[product].list), is+q*float64(last[product].list)
		}
	}
	for d, name := range map[int64]string{90: "90d", 365: "365d"} {
		f["promotion_share_"+name] = share(promoted[d], paid[d])
		f["list_discount_share_"+name] = math.Max(0, share(listed[d]-float64(listPaid[d]), listed[d]))
	}
	f["list_price_change_365d"] = share(is-was, was)
	f["list_price_response_365d"], f["list_price_pressure_90d"] = responses(times, func(t int64) bool { return within(t, 90) })
}

// priceAt is what a product cost and how much of it was bought at an instant.
type priceAt struct{ list, quantity float64 }

// responses returns the response of quantities to list prices, and the pressure of
// recent moves, of what was bought by product and instant.
func responses(times map[string]map[int64]*priceAt, recently func(int64) bool) (response, pressure float64) {
	var responded, provoked, respondedBefore, provokedBefore, moved, from float64
	for _, bought := range times {
		instants := slices.Sorted(maps.Keys(bought))
		for i := 1; i < len(instants); i++ {
			was, is := bought[instants[i-1]], bought[instants[i]]
			move := (is.list - was.list) * was.quantity
			answer := (is.quantity - was.quantity) * was.list
			if move < 0 {
				answer = -answer
			}
			if move == 0 {
				continue
			}
			responded, provoked = responded+answer, provoked+math.Abs(move)
			if recently(instants[i]) {
				moved, from = moved+move, from+was.list*was.quantity
			} else {
				respondedBefore, provokedBefore = respondedBefore+answer, provokedBefore+math.Abs(move)
			}
		}
	}
	response, pressure = math.NaN(), math.NaN()
	if provoked > 0 {
		response = responded / provoked
	}
	if from > 0 && provokedBefore > 0 {
		pressure = moved / from * (respondedBefore / provokedBefore)
	}
	return response, pressure
}

// newest returns the newest version of each row that was known.
func newest[T any](rows []T, known int64, id func(T) string, recorded func(T) int64) []T {
	byID := map[string]T{}
	for _, x := range rows {
		if old, ok := byID[id(x)]; recorded(x) <= known && (!ok || recorded(old) <= recorded(x)) {
			byID[id(x)] = x
		}
	}
	return slices.Collect(maps.Values(byID))
}

// record is what is written down of one account beside its orders.
type record struct {
	contacts []contact
	invoices []invoice
	payments []payment
	touches  []touch
	people   []person
	versions []version
}

// records draws the record of one account: few rows, few instants, corrections.
func records(account string) *rapid.Generator[record] {
	return rapid.Custom(func(t *rapid.T) record {
		start := at("2023-06-01")
		when := func(name string) int64 {
			return start + rapid.Int64Range(0, 700).Draw(t, name)*86400 + rapid.Int64Range(0, 3).Draw(t, name+" quarter")*21600
		}
		later := func(t0 int64) int64 { return t0 + rapid.Int64Range(1, 90).Draw(t, "later")*86400 }
		rare := func() bool { return rapid.IntRange(0, 3).Draw(t, "rare") == 0 }
		r := record{contacts: contacts(account).Draw(t, "contacts")}
		// Ids are of one source: two may have the same.
		sources, money := rapid.SampledFrom([]source{"", "", "shop", "bank"}), rapid.SampledFrom([]string{"", "", "EUR", "usd", "USD"})
		taken := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "invoices") {
			x := invoice{id: fmt.Sprintf("%s-i%d", account, rapid.IntRange(0, 5).Draw(t, "invoice")), account: account, issued: when("issued"),
				amount: rapid.Int64Range(-2, 12).Draw(t, "amount") * 2500, source: sources.Draw(t, "source"), currency: money.Draw(t, "currency")}
			if taken[x.key()] {
				continue
			}
			taken[x.key()] = true
			x.due = x.issued + rapid.Int64Range(0, 60).Draw(t, "due")*86400
			if rapid.Bool().Draw(t, "converted") {
				x.base = rapid.Int64Range(1, 12).Draw(t, "base") * 3100
				if x.amount < 0 {
					x.base = -x.base
				}
			}
			r.invoices = append(r.invoices, x)
			if rare() {
				x.amount, x.due, x.recorded = x.amount+5000, x.due+20*86400, later(x.issued)
				r.invoices = append(r.invoices, x)
			}
			for p := range rapid.IntRange(0, 4).Draw(t, "payments") {
				y := payment{id: fmt.Sprintf("%s/%d", x.key(), p), account: account, invoice: x.id, paid: x.issued + rapid.Int64Range(-10, 300).Draw(t, "paid")*43200,
					amount: rapid.Int64Range(-2, 8).Draw(t, "payment") * 2500, source: x.source, currency: x.currency}
				if rare() {
					y.source = sources.Draw(t, "other source")
				}
				if rare() {
					y.currency = money.Draw(t, "other currency")
				}
				if rapid.Bool().Draw(t, "payment converted") {
					y.base = rapid.Int64Range(1, 12).Draw(t, "payment base") * 3100
				}
				alone := p == 0 && x.base != 0 && rare()
				if alone { // settles it in another currency, or nearly
					y.source, y.currency, y.base = x.source, "CHF", x.base*rapid.Int64Range(95, 102).Draw(t, "what rates left")/100
				}
				if rare() {
					y.invoice = account + "-none"
				}
				r.payments = append(r.payments, y)
				if rare() {
					y.amount, y.recorded = y.amount+2500, later(y.paid)
					r.payments = append(r.payments, y)
				}
				if alone {
					break
				}
			}
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "people") {
			x := person{id: fmt.Sprintf("%s-p%d", account, i), account: account, role: rapid.SampledFrom([]string{"buyer", "Decision Maker", "user", ""}).Draw(t, "role"), since: when("since")}
			x.recorded = x.since
			if rare() {
				x.since = 0
			}
			r.people = append(r.people, x)
			if rapid.Bool().Draw(t, "left") {
				x.recorded = later(x.recorded)
				x.until = x.recorded + rapid.Int64Range(-30, 60).Draw(t, "until")*86400
				r.people = append(r.people, x)
			}
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "touches") {
			x := touch{id: fmt.Sprintf("%s-t%d", account, i), account: account, arm: rapid.SampledFrom([]string{"treated", "Holdout", ""}).Draw(t, "arm"), at: when("touched")}
			if rapid.Bool().Draw(t, "answered") {
				x.answered = x.at + rapid.Int64Range(0, 100).Draw(t, "answer")*86400
			}
			r.touches = append(r.touches, x)
			if rare() {
				x.answered, x.recorded = x.at+30*86400, later(x.at)
				r.touches = append(r.touches, x)
			}
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "versions") {
			x := version{account: account, manager: rapid.SampledFrom([]string{"Li", "Wang", ""}).Draw(t, "manager"), from: start + int64(i)*100*86400, limit: rapid.Int64Range(0, 3).Draw(t, "limit") * 70_000,
				segment: rapid.SampledFrom([]string{"large", "small", "other", ""}).Draw(t, "segment"), orientation: rapid.SampledFrom([]string{"", "Price", "value", "quality"}).Draw(t, "orientation")}
			if i == 0 && rare() {
				x.from, x.recorded = 0, start
			}
			if rapid.Bool().Draw(t, "ends") { // before the next one begins, as it does, or later
				x.to = max(start, x.from) + rapid.Int64Range(0, 150).Draw(t, "end")*86400
			}
			r.versions = append(r.versions, x)
			if rare() {
				x.manager, x.segment, x.recorded, x.to = "Zhao", "large", later(max(start, x.from)), 0
				r.versions = append(r.versions, x)
			}
		}
		return r
	})
}

// twin computes the features of the record in the plainest way.
func (r record) twin(cutoff, known int64, zone *time.Location) map[string]float64 {
	f := map[string]float64{}
	day := func(t int64) int64 {
		y, m, d := time.Unix(t, 0).In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	within := func(t, days int64) bool { return t >= cutoff-days*86400 && t < cutoff }
	// missing makes NaN of what no row answers.
	missing := func(names ...string) {
		for _, name := range names {
			if _, ok := f[name]; !ok {
				f[name] = math.NaN()
			}
		}
	}
	count := func(when bool, name string) {
		if _, ok := f[name]; !ok {
			f[name] = 0
		}
		if when {
			f[name]++
		}
	}

	r.touched(f, cutoff, known)
	seen := newest(r.contacts, known, contact.key, func(c contact) int64 { return orElse(c.recorded, c.at) })
	seen = slices.DeleteFunc(seen, func(c contact) bool { return c.at >= cutoff })
	for i := range seen {
		seen[i].kind, seen[i].factor = strings.ToLower(seen[i].kind), strings.ToLower(seen[i].factor)
	}
	complained(f, seen, within, count)
	served(f, seen, cutoff, within, count)
	content(f, seen, cutoff, day, within)
	for _, name := range []string{"competitor_offers_90d", "competitor_offers_365d", "people_changes_180d", "people_changes_365d", "events_365d", "publicity_365d"} {
		count(false, name)
	}
	for _, c := range seen {
		count(c.kind == "competitor_offer" && within(c.at, 90), "competitor_offers_90d")
		count(c.kind == "competitor_offer" && within(c.at, 365), "competitor_offers_365d")
		count(c.kind == "people_change" && within(c.at, 180), "people_changes_180d")
		count(c.kind == "people_change" && within(c.at, 365), "people_changes_365d")
		count(c.kind == "event" && within(c.at, 365), "events_365d")
		count(c.factor == "publicity" && within(c.at, 365), "publicity_365d")
		if ago := float64(day(cutoff) - day(c.at)); c.kind == "competitor_offer" && !(f["competitor_offer_recency_days"] < ago && f["competitor_offer_recency_days"] > 0) {
			f["competitor_offer_recency_days"] = ago
		}
	}
	missing("competitor_offer_recency_days")
	var touched []int64
	for _, c := range seen {
		if c.kind == "visit" || c.kind == "call" || c.kind == "email" {
			touched = append(touched, day(c.at))
		}
	}
	slices.Sort(touched)
	touched = slices.Compact(touched)
	var gaps []int64
	for i := 1; i < len(touched); i++ {
		gaps = append(gaps, touched[i]-touched[i-1])
	}
	if slices.Sort(gaps); len(gaps) > 0 {
		f["contact_gap_median_days"] = float64(gaps[(len(gaps)-1)/2]+gaps[len(gaps)/2]) / 2
	}
	missing("contact_gap_median_days")
	f["contact_cadence_days"], f["contact_overdue_days"] = math.NaN(), math.NaN()
	if days := r.cadence(cutoff, known); days > 0 {
		f["contact_cadence_days"] = float64(days)
		last := day(at("2023-05-01")) // the purchase of every record
		if n := len(touched); n > 0 {
			last = touched[n-1]
		}
		f["contact_overdue_days"] = float64(day(cutoff) - last - days)
	}

	for _, name := range []string{"key_people_left_180d", "key_people_left_365d", "key_people_new_180d", "people_live", "key_people_live"} {
		count(false, name)
	}
	came := int64(0)
	for _, p := range newest(r.people, known, func(p person) string { return p.id }, func(p person) int64 { return p.recorded }) {
		if p.since >= cutoff {
			continue
		}
		deciding, live := p.role == "buyer" || p.role == "Decision Maker", p.until == 0 || p.until >= cutoff
		count(live, "people_live")
		count(live && deciding, "key_people_live")
		count(deciding && !live && within(p.until, 180), "key_people_left_180d")
		count(deciding && !live && within(p.until, 365), "key_people_left_365d")
		count(deciding && within(p.since, 180), "key_people_new_180d")
		if deciding && live && p.since > came {
			came = p.since
			f["key_person_newest_days"] = float64(day(cutoff) - day(came))
		}
	}
	missing("key_person_newest_days")
	r.owed(f, cutoff, known, day, within)
	r.managed(f, cutoff, known, day, within)
	return f
}

// served adds the twin's features of answers, complaints and promises.
func served(f map[string]float64, seen []contact, cutoff int64, within func(int64, int64) bool, count func(bool, string)) {
	var seconds, n, recent, nRecent, due, late, promises int64
	for _, name := range []string{"responses_overdue", "complaints_reopened_365d", "promises_broken_365d", "promises_overdue"} {
		count(false, name)
	}
	for _, c := range seen {
		answered := c.responded != 0 && c.responded < cutoff
		if answered && within(c.at, 365) {
			n, seconds = n+1, seconds+max(0, c.responded-c.at)
			if within(c.at, 90) {
				nRecent, recent = nRecent+1, recent+max(0, c.responded-c.at)
			}
		}
		overdue := c.due != 0 && within(c.due, 365)
		if overdue && c.kind != "promise" && c.kind != "promise_kept" {
			due++
			if !answered || c.responded > c.due {
				late++
			}
			count(!answered, "responses_overdue")
		}
		reopened, inTime, ever := false, false, false
		for _, other := range seen {
			if c.ref != "" && other.kind == "complaint_resolved" && other.at <= c.at &&
				(other.named(seen, "complaint") == c.named(seen, "complaint") || other.key() == c.named(seen, "complaint_resolved")) {
				reopened = true
			}
			kept := other.kind == "promise_kept" && other.ref != "" && other.named(seen, "promise") == c.key()
			ever = ever || kept
			inTime = inTime || kept && other.at <= c.due
		}
		count(c.kind == "complaint" && within(c.at, 365) && reopened, "complaints_reopened_365d")
		if c.kind == "promise" && overdue {
			promises++
			count(!inTime, "promises_broken_365d")
			count(!ever, "promises_overdue")
		}
	}
	f["response_hours_365d"] = share(seconds, n) / 3600
	f["response_trend_90d"] = trend(recent, nRecent, seconds-recent, n-nRecent)
	f["responses_late_share_365d"] = share(late, due)
	f["promises_broken_share_365d"] = share(f["promises_broken_365d"], float64(promises))
}

// key tells rows of several sources apart.
func (c contact) key() string { return c.source.text() + "\x00" + c.id }
func (x invoice) key() string { return x.source.text() + "\x00" + x.id }
func (p payment) key() string { return p.source.text() + "\x00" + p.id }

// named returns the key of the row of a kind that the contact names: of its own source first, else of
// the only other one with that id; its own source's, which nobody has, otherwise.
func (c contact) named(seen []contact, kind string) string {
	own := contact{source: c.source, id: c.ref}.key()
	var others []string
	for _, x := range seen {
		switch {
		case x.kind != kind || x.id != c.ref:
		case x.key() == own:
			return own
		default:
			others = append(others, x.key())
		}
	}
	if len(others) == 1 {
		return others[0]
	}
	return own
}

// complained adds the twin's features of complaints and of what contacts are for.
func complained(f map[string]float64, seen []contact, within func(int64, int64) bool, count func(bool, string)) {
	for _, name := range []string{"complaints_90d", "complaints_365d", "complaints_open", "contacts_care_365d", "care_365d", "referrals_365d"} {
		count(false, name)
	}
	var resolved, seconds, caring, purposeful int64
	for _, c := range seen {
		recent := within(c.at, 365)
		count(c.kind == "care" && recent, "care_365d")
		count(c.kind == "referral" && recent, "referrals_365d")
		if slices.Contains([]string{"visit", "call", "email"}, c.kind) && recent {
			purposes, _ := features.Words("interactions", "purpose")
			word, known := purposes.Read(c.purpose)
			count(word == features.PurposeCare, "contacts_care_365d")
			if known {
				purposeful++
			}
			if word == features.PurposeCare {
				caring++
			}
		}
		if c.kind != "complaint" {
			continue
		}
		first := int64(-1)
		for _, r := range seen {
			if r.kind == "complaint_resolved" && r.named(seen, "complaint") == c.key() && (first < 0 || r.at < first) {
				first = r.at
			}
		}
		count(first < 0, "complaints_open")
		count(within(c.at, 90), "complaints_90d")
		count(recent, "complaints_365d")
		if recent && first >= 0 {
			resolved, seconds = resolved+1, seconds+max(0, first-c.at)
		}
	}
	f["contacts_care_share_365d"] = share(caring, purposeful)
	f["complaints_resolved_share_365d"] = share(float64(resolved), f["complaints_365d"])
	f["complaint_resolution_days"] = share(seconds, resolved) / 86400
}

// trend compares the mean of a late and an early part, in −1 … 1.
func trend(late, nLate, early, nEarly int64) float64 {
	if nLate == 0 || nEarly == 0 {
		return math.NaN()
	}
	a, b := float64(late)/float64(nLate), float64(early)/float64(nEarly)
	if a+b == 0 {
		return math.NaN()
	}
	return (a - b) / (a + b)
}

// content adds the twin's features of satisfaction.
func content(f map[string]float64, seen []contact, cutoff int64, day func(int64) int64, within func(int64, int64) bool) {
	var answered []contact
	var asked, silent int64
	for _, c := range seen {
		if !strings.HasPrefix(c.kind, "survey") || c.opinion == nil {
			continue
		}
		said := c.opinion.perception != absent
		if said {
			answered = append(answered, c)
		}
		spoke := said || c.value != absent
		if within(c.at, 365) && (spoke || c.due < cutoff) {
			asked++
			if !spoke {
				silent++
			}
		}
	}
	slices.SortFunc(answered, func(a, b contact) int { return int(a.at - b.at) })
	f["survey_silence_share_365d"] = share(silent, asked)
	for _, name := range []string{"satisfaction_last", "satisfaction_mean_365d", "satisfaction_trend", "expectation_gap", "satisfaction_age_days"} {
		f[name] = math.NaN()
	}
	sum, year, nYear := 0.0, 0.0, 0.0
	for i, c := range answered {
		last := float64(c.opinion.perception) / float64(c.opinion.scale)
		if within(c.at, 365) {
			year, nYear = year+last, nYear+1
			f["satisfaction_mean_365d"] = year / nYear
		}
		f["expectation_gap"] = math.NaN()
		if c.opinion.expectation != absent {
			f["expectation_gap"] = last - float64(c.opinion.expectation)/float64(c.opinion.scale)
		}
		if i == len(answered)-1 && i > 0 {
			f["satisfaction_trend"] = last - sum/float64(i)
		}
		sum += last
		f["satisfaction_last"], f["satisfaction_age_days"] = last, float64(day(cutoff)-day(c.at))
	}
}

// owed adds the twin's features of invoices and payments.
func (r record) owed(f map[string]float64, cutoff, known int64, day func(int64) int64, within func(int64, int64) bool) {
	payments := newest(r.payments, known, payment.key, func(p payment) int64 { return orElse(p.recorded, p.paid) })
	slices.SortFunc(payments, func(a, b payment) int {
		if a.paid != b.paid {
			return int(a.paid - b.paid)
		}
		return int(a.amount - b.amount)
	})
	var overdue, open float64
	var bills, matured, late, days, n, daysRecent, nRecent, oldest int64
	invoices := newest(r.invoices, known, invoice.key, func(x invoice) int64 { return orElse(x.recorded, x.issued) })
	invoices = slices.DeleteFunc(invoices, func(x invoice) bool { return x.issued >= cutoff })
	for _, x := range invoices {
		if x.amount == 0 {
			continue
		}
		paid, own, foreign, settled, told := int64(0), int64(0), int64(0), int64(0), true
		for _, p := range payments {
			if p.paid >= cutoff || p.bill(invoices) != x.key() {
				continue
			}
			before := paid
			switch {
			case strings.EqualFold(p.currency, x.currency):
				own += p.amount
			case p.base != 0 && x.base != 0:
				foreign += p.base
			default:
				told = false
			}
			if paid = own; x.base != 0 {
				converted := foreign * x.amount / x.base
				// A rest of 3 % of it is what two days' rates made.
				if paid += converted; 100*max(x.amount-paid, paid-x.amount) <= 3*max(converted, -converted) {
					paid = x.amount
				}
			}
			if x.amount > 0 && before < x.amount && paid >= x.amount {
				settled = p.paid
			}
			if paid < x.amount {
				settled = 0
			}
		}
		if !told {
			continue // nobody can tell what is open of it
		}
		inBase := float64(orElse(x.base, x.amount)) / float64(x.amount)
		if x.amount < 0 {
			open += min(0, float64(x.amount-paid)) * inBase // a credit note
			continue
		}
		if settled == 0 {
			open += float64(x.amount-paid) * inBase
			if day(x.due) < day(cutoff) {
				bills++
				overdue += float64(x.amount-paid) * inBase
				oldest = max(oldest, day(cutoff)-day(x.due))
			}
		}
		if x.due >= cutoff-365*86400 && day(x.due) < day(cutoff) {
			matured++
			if settled == 0 || day(settled) > day(x.due) {
				late++
			}
		}
		if settled != 0 && within(settled, 365) {
			took := max(0, day(settled)-day(x.issued))
			days, n = days+took, n+1
			if within(settled, 90) {
				daysRecent, nRecent = daysRecent+took, nRecent+1
			}
		}
	}
	f["overdue_amount"], f["open_amount"], f["invoices_overdue"] = overdue/frame.DecimalScale, max(0, open)/frame.DecimalScale, float64(bills)
	f["overdue_days"] = float64(oldest)
	if bills == 0 {
		f["overdue_days"] = math.NaN()
	}
	f["invoices_late_share_365d"], f["days_to_pay_365d"] = share(late, matured), share(days, n)
	f["days_to_pay_trend_90d"] = trend(daysRecent, nRecent, days-daysRecent, n-nRecent)
}

// bill returns the key of the invoice that the payment is of.
func (p payment) bill(invoices []invoice) string {
	own := invoice{source: p.source, id: p.invoice}.key()
	var others []string
	for _, x := range invoices {
		switch {
		case x.id != p.invoice:
		case x.key() == own:
			return own
		default:
			others = append(others, x.key())
		}
	}
	if len(others) == 1 {
		return others[0]
	}
	return own
}

// touched adds the twin's features of campaigns.
func (r record) touched(f map[string]float64, cutoff, known int64) {
	const day = 86400
	asked, silent := int64(0), int64(0)
	for _, x := range newest(r.touches, known, func(x touch) string { return x.id }, func(x touch) int64 { return orElse(x.recorded, x.at) }) {
		if x.arm == "Holdout" || x.at < cutoff-365*day || x.at >= cutoff-60*day {
			continue
		}
		asked++
		if x.answered == 0 || x.answered >= cutoff || x.answered >= x.at+60*day {
			silent++
		}
	}
	f["touches_silent_365d"], f["touches_silent_share_365d"] = float64(silent), share(silent, asked)
}

// planned are the cadences under which every segment of the generated accounts has its own
// case: one of its own, none on purpose, and that of all others.
var planned = features.Cadence{Days: 60, Segments: map[string]int{"large": 14, "small": 0}}

// cadence returns the days planned for the account's segment, 0 for none.
func (r record) cadence(cutoff, known int64) int64 {
	segment := ""
	if seen := r.seen(cutoff, known); len(seen) > 0 {
		segment = seen[len(seen)-1].segment
	}
	if days, ok := planned.Segments[segment]; ok {
		return int64(days)
	}
	return int64(planned.Days)
}

// seen returns the account's versions as known at a cutoff, oldest first; none when the last of them has ended.
func (r record) seen(cutoff, known int64) []version {
	versions := newest(r.versions, known, func(v version) string { return strconv.FormatInt(v.from, 10) }, func(v version) int64 { return orElse(v.recorded, v.from) })
	versions = slices.DeleteFunc(versions, func(v version) bool { return v.from >= cutoff })
	slices.SortFunc(versions, func(a, b version) int { return int(a.from - b.from) })
	if n := len(versions); n > 0 && versions[n-1].to != 0 && versions[n-1].to < cutoff {
		return nil
	}
	return versions
}

// managed adds the twin's features of the account's versions.
func (r record) managed(f map[string]float64, cutoff, known int64, day func(int64) int64, within func(int64, int64) bool) {
	for _, name := range []string{"manager_changes_180d", "manager_changes_365d", "manager_days", "credit_limit", "price_oriented"} {
		f[name] = math.NaN()
	}
	manager := ""
	for _, v := range r.seen(cutoff, known) {
		f["credit_limit"] = math.NaN()
		if v.limit != 0 {
			f["credit_limit"] = float64(v.limit) / frame.DecimalScale
		}
		switch strings.ToLower(v.orientation) {
		case features.OrientationPrice:
			f["price_oriented"] = 1
		case features.OrientationValue:
			f["price_oriented"] = 0
		}
		if v.manager == "" || v.manager == manager {
			continue
		}
		f["manager_days"] = math.NaN()
		if v.from != 0 {
			f["manager_days"] = float64(day(cutoff) - day(v.from))
		}
		if manager == "" {
			f["manager_changes_180d"], f["manager_changes_365d"] = 0, 0
		} else {
			for days, name := range map[int64]string{180: "manager_changes_180d", 365: "manager_changes_365d"} {
				if within(v.from, days) {
					f[name]++
				}
			}
		}
		manager = v.manager
	}
}

func TestRecordFeaturesEqualTheDumbTwin(t *testing.T) {
	e := embedded(t)
	w := &town{}
	byAccount := map[string]record{}
	for i := range 500 {
		account := fmt.Sprintf("r%03d", i)
		r := records(account).Example(i)
		byAccount[account] = r
		w.addRecord(r)
		w.lines = append(w.lines, line{account: account, order: "o", amount: 1, discount: absent, cost: absent, ordered: at("2023-05-01")})
	}
	w.fill(t, e)
	r := randomCutoffs(8)
	r.Cadence = planned
	berlin, err := time.LoadLocation(r.Zone)
	if err != nil {
		t.Fatal(err)
	}
	m := build(t.Context(), t, e, r)
	none := map[features.Source]map[frame.Cutoff]bool{}
	for _, c := range m.report.Coverage {
		if none[c.Source] == nil {
			none[c.Source] = map[frame.Cutoff]bool{}
		}
		none[c.Source][c.Cutoff] = c.Rows == 0
	}
	needs := map[string]features.Source{}
	for _, f := range features.Catalogue() {
		needs[f.Name] = f.Needs()
	}
	present, wrong := 0, mistakes(0)
	for account, rows := range byAccount {
		for i, c := range r.Cutoffs {
			row, ok := m.row[rowKey(account, c)]
			if !ok {
				t.Fatalf("%s has no row at %s", account, c)
			}
			for name, v := range rows.twin(int64(c), int64(r.KnownAt[i]), berlin) {
				if none[needs[name]][c] {
					v = math.NaN()
				}
				if !math.IsNaN(v) && v != 0 {
					present++
				}
				wrong.compare(t, m, name, account, row, v, 3e-6) // answers are read in millionths of their scale
			}
		}
	}
	if present < 10_000 {
		t.Errorf("only %d values other than 0 compared", present)
	}
}

func (w *town) addRecord(r record) {
	w.contacts, w.invoices, w.payments = append(w.contacts, r.contacts...), append(w.invoices, r.invoices...), append(w.payments, r.payments...)
	w.people, w.versions, w.touches = append(w.people, r.people...), append(w.versions, r.versions...), append(w.touches, r.touches...)
}
