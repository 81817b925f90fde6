package serving

import (
	"context"
	"errors"
	"fmt"

	"fealty/model"
	"fealty/model/wallet"
)

// fitWallet fits wallets on peers and declarations.
func (a *appraisal) fitWallet(ctx context.Context, card *model.WalletCard, c *crowd, s Settings) error {
	p := c.purses()
	card.Accounts, card.Declared = p.Frame.Rows(), len(p.declared)
	m, report, err := wallet.Fit(ctx, p.Peers, p.declared, s.Worth.wallet(s.Seed))
	switch {
	case errors.Is(err, wallet.ErrInput):
		card.Why = err.Error()
		return nil
	case err != nil:
		return fmt.Errorf("fit wallets: %w", err)
	}
	a.wallet, card.Below, card.Unmet = m, len(report.Below), p.unmet
	card.Unasked = p.rest
	below := map[int]int{}
	for _, k := range report.Below {
		below[p.declared[k].Category]++
	}
	for k, r := range report.Categories {
		card.Categories = append(card.Categories, model.WalletCategory{
			Category: r.Category, Peers: r.Peers, Why: r.Why.String(), Serves: string(r.Serves), Suspect: r.Suspect,
			Boosting: model.Figure(r.Boosting), Neighbours: model.Figure(r.Neighbours), Constant: model.Figure(r.Constant),
			Below: below[k],
		})
	}
	for _, r := range report.Coverage {
		card.Coverage = append(card.Coverage, model.WalletCoverage{
			Segment: r.Segment, Category: r.Category, Basis: string(r.Basis), Accounts: r.Accounts, Target: model.Figure(r.Target), Inside: model.Figure(r.Inside),
			Width: model.Figure(r.Width), Correlation: model.Figure(r.Correlation),
		})
	}
	return nil
}
