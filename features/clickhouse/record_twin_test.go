package clickhouse_test

import (
	"math"
	"strings"

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
		order, product, reason       string
		number, t, promised, arrived int64
	}
	class := func(l line) string {
		for _, c := range []string{"", "quality", "service"} {
			if strings.HasPrefix(strings.ToLower(l.reason), c) && (c != "" || l.reason == "") {
				return c
			}
		}
		return "other"
	}
	var due90, late90, due365, late365, days, overdue, travels, travelled int64
	back := map[string]int64{}
	for _, l := range nets(seen, func(l line) key { return key{l.order, l.product, class(l), l.number, l.ordered, l.promised, l.delivered} }) {
		arrived := l.delivered
		if arrived >= cutoff {
			arrived = 0
		}
		if l.amount < 0 && l.reason != "" && l.ordered >= cutoff-365*86400 {
			back[class(l)] -= l.amount
			back["all"] -= l.amount
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
	for _, c := range []string{"quality", "service", "other"} {
		f["returns_"+c+"_share_365d"] = share(back[c], back["all"])
	}
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
}
