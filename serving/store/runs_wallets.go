package store

import (
	"context"

	"fealty/features/frame"
	"fealty/serving"
)

// Wallets implements serving.Runs. Like Briefs it reads none of the lists.
func (s *Runs) Wallets(ctx context.Context, r serving.Run, each func([]serving.AccountWallet) error) error {
	return s.readWorths(ctx, "wallets.sql", r, nil, func(t *frame.Table) error {
		all := make([]serving.AccountWallet, t.Rows())
		account, state := t.Column("account").Texts, t.Column("wallet_state").Texts
		amount, spend := t.Column("wallet").Numbers, t.Column("wallet_spend").Numbers
		for i := range all {
			all[i] = serving.AccountWallet{Account: frame.AccountID(account[i]), State: state[i], Amount: amount[i], Spend: spend[i]}
		}
		return each(all)
	})
}
