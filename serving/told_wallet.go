package serving

import (
	"fealty/model/wallet"
)

func (a *appraisal) tellWallets(t *told) error {
	n := t.crowd.rows()
	t.first = make([]int, n+1)
	if a.wallet == nil {
		return nil
	}
	p := t.crowd.purses()
	t.categories = p.Categories
	var err error
	if t.estimates, err = a.wallet.Estimate(p.Peers, p.declared); err != nil {
		return refused{err}
	}
	t.totals = a.wallet.Totals(t.estimates, n, nil)
	for i := range t.estimates {
		t.first[t.estimates[i].Account+1] = i + 1
	}
	for i := range n {
		t.first[i+1] = max(t.first[i+1], t.first[i])
	}
	if len(t.crowd.categories) > 0 {
		if err := a.tellWhole(t); err != nil {
			return err
		}
	}
	if t.columns, err = wallet.Columns(t.estimates, t.totals, &p.earlier); err != nil {
		return refused{err}
	}
	return nil
}

// tellWhole takes what was declared of an account's whole spending as its total.
func (a *appraisal) tellWhole(t *told) error {
	p := t.crowd.wholePurses()
	if len(p.declared) == 0 {
		return nil
	}
	whole, err := a.wallet.Estimate(p.Peers, p.declared)
	if err != nil {
		return refused{err}
	}
	t.whole = map[int]wallet.Estimate{}
	for _, e := range whole {
		if e.State == wallet.Known {
			t.whole[int(e.Account)] = e
			total := &t.totals[e.Account]
			total.State, total.Wallet, total.Low, total.High, total.Spend, total.Share, total.Potential = e.State, e.Wallet, e.Low, e.High, e.Spend, e.Share, e.Potential
		}
	}
	return nil
}

// wallets are the estimates of an account.
func (t *told) wallets(i int) []wallet.Estimate {
	if len(t.estimates) == 0 {
		return nil
	}
	return t.estimates[t.first[i]:t.first[i+1]]
}
