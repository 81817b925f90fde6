package wallet

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model/metrics"
)

// Purchase is one row of a panel in which every purchase of a household in a
// category is seen, whoever it was bought from.
type Purchase struct{ Household, Choice string }

// Panel are the figures of one panel: how well shares of the second half of each
// household's purchases are foreseen from the first half.
type Panel struct {
	// Households with two purchases or more, and the purchases foreseen.
	Households, Purchases int
	// Suppliers in order of first appearance, and the fitted model.
	Suppliers []string
	Model     Dirichlet
	// LogLoss is the mean over the second half's purchases of −log(share) by the
	// shrunk shares. Raw shares have none: it is infinite for a change of supplier.
	LogLoss float64
	// RMSE and MAE are over household × supplier, of shrunk and of raw past shares.
	RMSE, MAE, RawRMSE, RawMAE float64
}

// Figures computes a panel's figures. Purchases of a household are in the order
// of time. Its first half are the first ⌊n ÷ 2⌋; a household with one purchase is
// left out. Errors: those of FitDirichlet.
func Figures(purchases []Purchase) (Panel, error) {
	var p Panel
	supplier, household := map[string]int{}, map[string]int{}
	var chosen [][]int
	for _, r := range purchases {
		k, ok := supplier[r.Choice]
		if !ok {
			k = len(supplier)
			supplier[r.Choice] = k
			p.Suppliers = append(p.Suppliers, r.Choice)
		}
		i, ok := household[r.Household]
		if !ok {
			i = len(chosen)
			household[r.Household] = i
			chosen = append(chosen, nil)
		}
		chosen[i] = append(chosen[i], k)
	}
	var first, second [][]float64
	for _, c := range chosen {
		if len(c) < 2 {
			continue
		}
		a, b := make([]float64, len(supplier)), make([]float64, len(supplier))
		for j, k := range c {
			if j < len(c)/2 {
				a[k]++
			} else {
				b[k]++
			}
		}
		first, second = append(first, a), append(second, b)
		p.Purchases += len(c) - len(c)/2
	}
	p.Households = len(first)
	var err error
	if p.Model, err = FitDirichlet(first); err != nil {
		return Panel{}, fmt.Errorf("panel of %d households: %w", p.Households, err)
	}
	shares := make([]float64, len(supplier))
	cells := float64(p.Households * len(supplier))
	for i, before := range first {
		p.Model.Shares(before, shares)
		had, has := total(before), total(second[i])
		for k, v := range second[i] {
			p.LogLoss -= v * math.Log(shares[k]) / float64(p.Purchases)
			d, raw := shares[k]-v/has, before[k]/had-v/has
			p.RMSE += d * d / cells
			p.RawRMSE += raw * raw / cells
			p.MAE += math.Abs(d) / cells
			p.RawMAE += math.Abs(raw) / cells
		}
	}
	p.RMSE, p.RawRMSE = math.Sqrt(p.RMSE), math.Sqrt(p.RawRMSE)
	return p, nil
}

func total(values []float64) float64 {
	s := 0.0
	for _, v := range values {
		s += v
	}
	return s
}

// Hidden are the figures of wallets that were kept from the model and estimated:
// those of the accounts that one supplier has with one household of a panel, whose
// wallet is the household's purchases in all.
type Hidden struct {
	Category string
	// Households, and the accounts with an interval, of all draws.
	Households, Accounts int
	// Inside is the share of the accounts whose interval holds the wallet, Width the
	// median of high ÷ low. Told are those with an interval narrow enough to act on:
	// ToldInside is their share, Rank the rank correlation of their estimated and true
	// wallets.
	Inside, Width    float64
	Told             int
	ToldInside, Rank float64
}

// Tolerance is how far Inside may lie from the target by chance: two standard errors of
// it among so many households, those that are tested and as many that set the interval.
// Accounts of one household are not many.
func (h *Hidden) Tolerance(target float64) float64 {
	return 2 * math.Sqrt(2*target*(1-target)/float64(h.Households))
}

// hiddenFolds is into how many parts the households are dealt: one at a time is hidden.
// hiddenDraws is how often that is done, each time with other accounts to set the
// intervals by.
const (
	hiddenFolds = 5
	hiddenDraws = 5
)

// HiddenFigures estimates the wallets of panels, by category, each time of a fifth of
// the households, dealt by turns: those of the others are declared, to every supplier
// that they buy from. All that is known of an account is its supplier and what it
// spends there. The draws have the seeds from params.Seed on. Errors: those of Fit.
func HiddenFigures(ctx context.Context, panels map[string][]Purchase, params Params) ([]Hidden, error) {
	ledger := newLedger(panels)
	type side struct{ wallets, truths, widths []float64 }
	all, told := make([]Hidden, len(ledger.Categories)), make([]side, len(ledger.Categories))
	for draw := range hiddenDraws * hiddenFolds {
		fold := draw % hiddenFolds
		if draw > 0 && fold == 0 {
			params.Seed++
		}
		var declared []Declared
		for i, household := range ledger.household {
			if household%hiddenFolds != fold {
				declared = append(declared, Declared{Account: i, Category: int(ledger.Spend.Category[i]), Amount: ledger.wallet[i], Author: "panel"})
			}
		}
		m, _, err := Fit(ctx, ledger.Peers, declared, params)
		if err != nil {
			return nil, fmt.Errorf("fit wallets of panels: %w", err)
		}
		estimates, err := m.Estimate(ledger.Peers, declared)
		if err != nil {
			return nil, err
		}
		for k := range estimates {
			e := &estimates[k]
			if ledger.household[e.Account]%hiddenFolds != fold || math.IsNaN(e.High) {
				continue
			}
			h, s, truth := &all[e.Category], &told[e.Category], ledger.wallet[e.Account]
			inside := truth >= e.Low && truth <= e.High
			h.Accounts++
			s.widths = append(s.widths, e.Width())
			if inside {
				h.Inside++
			}
			if e.State != Unknown {
				if inside {
					h.ToldInside++
				}
				s.wallets, s.truths = append(s.wallets, e.Wallet), append(s.truths, truth)
			}
		}
	}
	for c := range all {
		h, s := &all[c], &told[c]
		h.Category, h.Households, h.Told = ledger.Categories[c], ledger.households[c], len(s.truths)
		h.Inside /= float64(h.Accounts)
		h.ToldInside /= float64(h.Told)
		h.Width, h.Rank = math.NaN(), math.NaN()
		if h.Accounts > 0 {
			slices.Sort(s.widths)
			h.Width = ranked(s.widths, middleLevel)
		}
		if h.Told > 1 {
			h.Rank = metrics.Spearman(s.wallets, s.truths)
		}
	}
	return all, nil
}

// ledger are panels as their suppliers see them: one row per household and supplier.
type ledger struct {
	Peers

	// household numbers that of each row within its category, households counts them.
	household, households []int
	wallet                []float64
}

// newLedger counts purchases, each as 1.
func newLedger(panels map[string][]Purchase) *ledger {
	l := &ledger{Peers: Peers{Frame: &frame.Frame{}, Spend: Spend{Start: []int{0}}, Categories: slices.Sorted(maps.Keys(panels))}}
	supplier := frame.Column{Meta: frame.Meta{Name: "supplier"}, Kind: frame.Category}
	for c, name := range l.Categories {
		number, wallet, row := map[string]int{}, map[string]float64{}, map[Purchase]int{}
		from := len(l.household)
		for _, p := range panels[name] {
			if _, ok := number[p.Household]; !ok {
				number[p.Household] = len(number)
			}
			wallet[p.Household]++
			i, ok := row[p]
			if !ok {
				i = len(l.household)
				row[p] = i
				level := slices.Index(supplier.Levels, p.Choice)
				if level < 0 {
					level, supplier.Levels = len(supplier.Levels), append(supplier.Levels, p.Choice)
				}
				l.Frame.Accounts = append(l.Frame.Accounts, frame.AccountID(name+" "+p.Household+" "+p.Choice))
				supplier.Codes = append(supplier.Codes, int32(level)) //nolint:gosec // as many as suppliers
				l.household = append(l.household, number[p.Household])
				l.Spend.Category, l.Spend.Amount = append(l.Spend.Category, int32(c)), append(l.Spend.Amount, 0)
				l.Spend.Start = append(l.Spend.Start, len(l.Spend.Amount))
			}
			l.Spend.Amount[i]++
		}
		l.households = append(l.households, len(number))
		l.wallet = append(l.wallet, make([]float64, len(l.household)-from)...)
		for p, i := range row {
			l.wallet[i] = wallet[p.Household]
		}
	}
	l.Frame.Cutoffs = make([]frame.Cutoff, len(l.household))
	l.Frame.Columns = []frame.Column{supplier}
	return l
}
