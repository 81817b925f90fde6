package synthetic_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/features/synthetic"
)

const day = 86_400

// history is what a person would count by hand of one account at a cutoff: from
// the rows, with the definitions of the trade and none of fealty's SQL.
type history struct {
	purchases                      []int64 // instants of orders above 0
	recency, gap                   float64
	spendBefore, spendLately       float64
	complaints, visits, lowSurveys float64
	surveys, referrals, wallet     float64
	spendYear                      float64
	walletOf                       int64
	contract, cancelled, churned   bool
}

// order gathers the lines of one order.
type order struct {
	account string
	at      int64
	amount  int64
}

// histories counts every account of the town at a cutoff, with the label of
// horizon days.
func histories(t *testing.T, town *synthetic.Town, cutoff int64, horizonDays int) map[string]*history {
	t.Helper()
	accounts := map[string]*history{}
	each(t, town, "accounts", func(b *frame.Table) {
		for _, id := range b.Column("account").Texts {
			accounts[id] = &history{}
		}
	})
	orders := map[string]*order{}
	each(t, town, "order_lines", func(b *frame.Table) {
		account, at, amount, id := b.Column("account").Texts, b.Column("ordered_at").Integers, b.Column("amount").Integers, b.Column("order_id").Texts
		for i := range account {
			o := orders[id[i]]
			if o == nil {
				o = &order{account: account[i], at: at[i]}
				orders[id[i]] = o
			}
			o.at, o.amount = min(o.at, at[i]), o.amount+amount[i]
			h := accounts[account[i]]
			if at[i] < cutoff && at[i] >= cutoff-365*day {
				h.spendYear += float64(amount[i]) / frame.DecimalScale
			}
			switch {
			case at[i] >= cutoff:
			case at[i] >= cutoff-90*day:
				h.spendLately += float64(amount[i])
			case at[i] >= cutoff-180*day:
				h.spendBefore += float64(amount[i])
			}
		}
	})
	for _, o := range orders {
		if o.amount > 0 {
			accounts[o.account].purchases = append(accounts[o.account].purchases, o.at)
		}
	}
	each(t, town, "interactions", func(b *frame.Table) {
		for i, kind := range b.Column("kind").Texts {
			at := b.Column("at").Integers[i]
			h := accounts[b.Column("account").Texts[i]]
			if at >= cutoff || at < cutoff-180*day {
				continue
			}
			switch kind {
			case "complaint":
				h.complaints++
			case "visit":
				h.visits++
			case "referral":
				h.referrals++
			case "survey":
				if b.Column("value").IsNull(i) {
					continue // asked, and silent
				}
				h.surveys++
				if b.Column("value").Float(i) < 6 {
					h.lowSurveys++
				}
			}
		}
	})
	each(t, town, "contracts", func(b *frame.Table) {
		for i, id := range b.Column("account").Texts {
			if start, end := b.Column("start").Integers[i], b.Column("end").Integers[i]; start < cutoff && end >= cutoff {
				accounts[id].contract = true
				c := b.Column("cancelled_at")
				accounts[id].cancelled = !c.IsNull(i) && c.Integers[i] < cutoff
			}
		}
	})
	each(t, town, "wallets", func(b *frame.Table) {
		for i, id := range b.Column("account").Texts {
			h, period := accounts[id], b.Column("period").Integers[i]
			if b.Column(features.RecordedAt).Integers[i] >= cutoff || period < h.walletOf {
				continue
			}
			if period > h.walletOf {
				h.walletOf, h.wallet = period, 0
			}
			h.wallet += b.Column("amount").Float(i)
		}
	})
	for _, h := range accounts {
		slices.Sort(h.purchases)
		seen, _ := slices.BinarySearch(h.purchases, cutoff)
		until, _ := slices.BinarySearch(h.purchases, cutoff+int64(horizonDays)*day)
		h.churned = seen == until
		h.purchases = h.purchases[:seen]
		if seen == 0 {
			continue
		}
		h.recency = float64(cutoff-h.purchases[seen-1]) / day
		h.gap = 400
		if seen > 2 {
			gaps := make([]int64, 0, seen-1)
			for i := 1; i < seen; i++ {
				gaps = append(gaps, h.purchases[i]-h.purchases[i-1])
			}
			slices.Sort(gaps)
			h.gap = math.Max(float64(gaps[len(gaps)/2])/day, 1)
		}
	}
	return accounts
}

// auc is the chance that a churner gets a higher score than one who stayed,
// ties half (Mann and Whitney).
func auc(population []*history, score func(*history) float64) float64 {
	type scored struct {
		value   float64
		churned bool
	}
	all := make([]scored, 0, len(population))
	for _, h := range population {
		all = append(all, scored{score(h), h.churned})
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.value, b.value) })
	sum, churners := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].value == all[i].value {
			j++
		}
		rank := float64(i+j+1) / 2
		for _, s := range all[i:j] {
			if s.churned {
				sum += rank
				churners++
			}
		}
		i = j
	}
	return (sum - churners*(churners+1)/2) / (churners * (float64(len(all)) - churners))
}

// churn is the share of churners among those that a condition picks.
func churn(population []*history, pick func(*history) bool) (share float64, count int) {
	churners := 0
	for _, h := range population {
		if pick(h) {
			count++
			if h.churned {
				churners++
			}
		}
	}
	return float64(churners) / float64(count), count
}

// The town's default is worth a demo: enough accounts, churn that is neither
// rare nor the rule, found in part by recency alone, and told of by everything
// that is planted.
func TestTheTruthCanBeFoundInPart(t *testing.T) {
	t.Parallel()
	for _, record := range []bool{false, true} {
		t.Run(fmt.Sprintf("record %v", record), func(t *testing.T) {
			t.Parallel()
			truthIsFoundInPart(t, record)
		})
	}
}

func truthIsFoundInPart(t *testing.T, record bool) {
	t.Helper()
	type split struct{ with, without func(*history) bool }
	effects := map[string]struct {
		split
		times float64 // how much more often those with it churn, at least
	}{
		"silent beyond two gaps": {split{func(h *history) bool { return h.recency > 2*h.gap }, func(h *history) bool { return h.recency <= h.gap }}, 2},
		"falling spend":          {split{func(h *history) bool { return h.spendLately < h.spendBefore/2 }, func(h *history) bool { return h.spendLately >= h.spendBefore/2 && h.spendBefore > 0 }}, 2},
		"complaints":             {split{func(h *history) bool { return h.complaints > 0 }, func(h *history) bool { return h.complaints == 0 }}, 1.3},
		"low survey answers":     {split{func(h *history) bool { return h.lowSurveys > 0 }, func(h *history) bool { return h.surveys > 0 && h.lowSurveys == 0 }}, 1.4},
		"a cancelled contract":   {split{func(h *history) bool { return h.cancelled }, func(h *history) bool { return h.contract && !h.cancelled }}, 3},
		"no visit in 180 days":   {split{func(h *history) bool { return h.visits == 0 }, func(h *history) bool { return h.visits > 1 }}, 1.1},
		"no referral given":      {split{func(h *history) bool { return h.referrals == 0 }, func(h *history) bool { return h.referrals > 0 }}, 1.05},
		"a small share of the wallet": {split{func(h *history) bool { return h.wallet > 0 && h.spendYear < 0.4*h.wallet },
			func(h *history) bool { return h.wallet > 0 && h.spendYear >= 0.4*h.wallet }}, 1.3},
	}
	var everyone []*history
	for _, seed := range []uint64{0, 1, 7} {
		town := town(t, synthetic.Params{Seed: seed, Record: record})
		const horizon, settle = 90, 7
		// data_through is where the newest order's day begins.
		cutoff := town.Params().Through.Unix() - (horizon+settle)*day
		var population []*history
		for _, h := range histories(t, town, cutoff, horizon) {
			last := int64(0)
			if len(h.purchases) > 0 {
				last = h.purchases[len(h.purchases)-1]
			}
			if features.Judge(last, 0, frame.Cutoff(cutoff), features.DefaultActiveWithin(horizon)) == features.Eligible {
				population = append(population, h)
			}
		}
		rate, n := churn(population, func(*history) bool { return true })
		recency := auc(population, func(h *history) float64 { return h.recency })
		t.Logf("seed %d: %d eligible, churn %.3f; AUC of recency %.3f, by own gap %.3f", seed, n, rate, recency, auc(population, func(h *history) float64 { return h.recency / h.gap }))
		if n < 1_000 {
			t.Errorf("seed %d: %d eligible accounts, want 1,000 at least", seed, n)
		}
		if rate < .15 || rate > .45 {
			t.Errorf("seed %d: churn %.3f, want .15 … .45", seed, rate)
		}
		if recency < .65 || recency > .82 {
			t.Errorf("seed %d: AUC of recency %.3f, want .65 … .82", seed, recency)
		}
		everyone = append(everyone, population...)
	}
	for name, effect := range effects {
		with, k := churn(everyone, effect.with)
		without, m := churn(everyone, effect.without)
		t.Logf("%-28s %4d: churn %.3f, the others %4d: %.3f", name, k, with, m, without)
		if k < 20 || m < 20 || with < effect.times*without {
			t.Errorf("%s: churn %.3f of %d, %.3f of the %d others; want %.2f times as much at least", name, with, k, without, m, effect.times)
		}
	}
}
