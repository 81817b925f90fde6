package serving

import (
	"context"
	"errors"
	"fmt"

	"fealty/features/frame"
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
		card.Why, card.WhyCode = err.Error(), whyCode(err)
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
		en, zh := withoutText(&p.Peers, r.Without)
		card.Categories = append(card.Categories, model.WalletCategory{
			Category: r.Category, Peers: r.Peers, Why: r.Why.String(), Serves: string(r.Serves),
			Boosting: model.Figure(r.Boosting), Neighbours: model.Figure(r.Neighbours), Constant: model.Figure(r.Constant),
			Below: below[k], Without: r.Without, EN: en, ZH: zh,
		})
	}
	for _, r := range report.Coverage {
		of := model.WalletCoverage{
			Segment: r.Segment, Category: r.Category, Basis: string(r.Basis), Accounts: r.Accounts, Target: model.Figure(r.Target), Inside: model.Figure(r.Inside),
			Width: model.Figure(r.Width), Correlation: model.Figure(r.Correlation),
		}
		if r.Basis == wallet.ByDeclared {
			of.Acted = &model.WalletActed{Accounts: r.Narrow, Inside: model.Figure(r.NarrowInside)}
		}
		card.Coverage = append(card.Coverage, of)
	}
	card.Unshared = report.Unshared
	for _, r := range report.Shares {
		card.Shares = append(card.Shares, model.WalletShares{Category: r.Category, Accounts: r.Accounts, Usual: model.Figure(r.Usual), Concentration: model.Figure(r.Concentration)})
	}
	return nil
}

// withoutText says of which columns wallets of a category are learnt without.
func withoutText(p *wallet.Peers, columns []string) (en, zh string) {
	metas := make([]frame.Meta, len(columns))
	for k, name := range columns {
		metas[k] = p.Frame.Column(name).Meta
	}
	return wallet.WithoutText(metas)
}
