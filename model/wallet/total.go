package wallet

import "math"

// Total is the wallet of an account over its categories.
type Total struct {
	Account int32
	// State is Known if that of every category is, Estimated if any is estimated or
	// some are unknown, Unknown if none is known or estimated, if those unknown hold
	// more than half of the account's spend, or if the interval is too wide to act on.
	State State
	// Why says why the state is Unknown, None where it is not.
	Why Why
	// Wallet, Low and High are the sums over the categories whose wallet is known or
	// estimated. Adding lows and highs takes the errors of an account's categories
	// for one: they come from the same account and mostly share their sign, and
	// the interval holds the sum at least as often as if they did not. NaN where the
	// state is Unknown.
	Wallet, Low, High float64
	// Spend is that in those categories, SpendUnknown that in categories without a
	// wallet or that were not asked for, which Share and Potential leave out.
	Spend, SpendUnknown float64
	Share, Potential    float64
	// Categories counts those by state, in the order Unknown, Estimated, Known.
	Categories [3]int32
}

// Totals adds estimates up, which must stand by account as Estimate returns them:
// one Total per account, for accounts 0 … accounts−1. Estimates of categories that
// the account does not buy (NotBought) count only where they are known. unasked is
// what each account spends in categories of which no wallet was asked for; nil for
// none.
func (m *Model) Totals(estimates []Estimate, accounts int, unasked []float64) []Total {
	all := make([]Total, accounts)
	for i := range all {
		all[i].Account = int32(i)
		if unasked != nil && unasked[i] > 0 {
			all[i].Categories[Unknown]++
			all[i].SpendUnknown = unasked[i]
		}
	}
	for k := range estimates {
		e := &estimates[k]
		t := &all[e.Account]
		if !e.counts() {
			if e.Flags&NotBought == 0 {
				t.Categories[Unknown]++
				t.SpendUnknown += e.Spend
			}
			continue
		}
		t.Categories[e.State]++
		t.Wallet += e.Wallet
		t.Low += e.Low
		t.High += e.High
		t.Spend += e.Spend
	}
	for i := range all {
		m.finish(&all[i])
	}
	return all
}

// counts tells whether the wallet is part of its account's total.
func (e *Estimate) counts() bool {
	return e.State == Known || e.State == Estimated && e.Flags&NotBought == 0
}

func (m *Model) finish(t *Total) {
	switch {
	case t.Categories[Known]+t.Categories[Estimated] == 0:
		t.Why = NoneKnown
	case t.SpendUnknown > t.Spend:
		t.Why = MostUnknown
	case !m.narrow(t.Low, t.High):
		t.Why = SumTooWide
	}
	switch {
	case t.Why != None:
		t.State = Unknown
		t.Wallet, t.Low, t.High, t.Share, t.Potential = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return
	case t.Categories[Estimated]+t.Categories[Unknown] == 0:
		t.State = Known
	default:
		t.State = Estimated
	}
	// Sums round: what is a bound of every part stays one of the whole.
	t.Wallet = max(t.Wallet, t.Spend)
	t.Low, t.High = min(t.Wallet, max(t.Low, t.Spend)), max(t.Wallet, t.High)
	t.Share, t.Potential = t.Spend/t.Wallet, t.Wallet-t.Spend
}
