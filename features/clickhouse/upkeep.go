package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Upkeeps returns what contacts with the accounts cost as of each cutoff, by account
// and cutoff; accounts without a contact of the two years are not in it. Accounts that
// are one at a cutoff stand once. The request's catalogue and slices don't matter.
func (w Warehouse) Upkeeps(ctx context.Context, r features.Request) ([]features.Upkeep, error) {
	all, err := spoken(ctx, w.Engine, r, "upkeep.sql", (*prepared).upkeeps, func(u *features.Upkeep) *frame.AccountID { return &u.Account })
	if err != nil {
		return nil, fmt.Errorf("ask what contacts cost: %w", err)
	}
	slices.SortFunc(all, func(a, b features.Upkeep) int {
		return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Cutoff, b.Cutoff))
	})
	return all, nil
}

// upkeeps hands on the rows of an answer, with the index of their cutoff.
func (p *prepared) upkeeps(t *frame.Table, each func(u features.Upkeep, cutoff int)) error {
	return p.beside(t, []string{
		"contacts_365d", "costed_365d", "cost_365d", "contacts_last_year", "costed_last_year", "cost_last_year",
	}, func(account frame.AccountID, k int, c []*frame.Column, i int) {
		count := func(j int) int { return int(c[j].Integers[i]) }
		each(features.Upkeep{
			Account: account, Cutoff: p.Cutoffs[k], Contacts: count(0), Costed: count(1), Cost: c[2].Numbers[i],
			ContactsLastYear: count(3), CostedLastYear: count(4), CostLastYear: c[5].Numbers[i],
		}, k)
	})
}

// Referrals returns whom the accounts referred to us as of each cutoff, by account,
// cutoff and referred account. Accounts that are one at a cutoff stand once, on both
// sides; nobody refers itself. The request's catalogue and slices don't matter.
func (w Warehouse) Referrals(ctx context.Context, r features.Request) ([]features.Referral, error) {
	all, err := spoken(ctx, w.Engine, r, referredFile, (*prepared).referrals, func(x *features.Referral) *frame.AccountID { return &x.Account })
	if err != nil {
		return nil, fmt.Errorf("ask who was referred: %w", err)
	}
	all = slices.DeleteFunc(all, func(x features.Referral) bool { return x.Referred == x.Account })
	slices.SortFunc(all, func(a, b features.Referral) int { return cmp.Or(sameReferral(a, b), cmp.Compare(a.At, b.At)) })
	return slices.CompactFunc(all, func(a, b features.Referral) bool { return sameReferral(a, b) == 0 }), nil // the first counts
}

func sameReferral(a, b features.Referral) int {
	return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Cutoff, b.Cutoff), strings.Compare(string(a.Referred), string(b.Referred)))
}

// referrals hands on the rows of an answer, with the index of their cutoff.
func (p *prepared) referrals(t *frame.Table, each func(x features.Referral, cutoff int)) error {
	return p.beside(t, []string{"referred", "referred_at"}, func(account frame.AccountID, k int, c []*frame.Column, i int) {
		referred := frame.AccountID(strings.Clone(c[0].Texts[i]))
		if p.unions != nil {
			referred = p.unions[k].Of(referred)
		}
		each(features.Referral{Account: account, Cutoff: p.Cutoffs[k], Referred: referred, At: c[1].Integers[i]}, k)
	})
}

// beside hands on each row of an answer of the grain account × cutoff: the account, the
// index of the cutoff and the columns named.
func (p *prepared) beside(t *frame.Table, names []string, each func(account frame.AccountID, cutoff int, c []*frame.Column, row int)) error {
	c, err := pick(t, append([]string{"account", "cutoff"}, names...)...)
	if err != nil {
		return err
	}
	for i := range t.Rows() {
		account := strings.Clone(c[0].Texts[i])
		k, err := p.place(account, c[1].Integers[i])
		if err != nil {
			return err
		}
		each(frame.AccountID(account), k, c[2:], i)
	}
	return nil
}
