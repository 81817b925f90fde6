package serving

import (
	"context"
	"fmt"
	"math"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/loyalty"
	"fealty/model/wallet"
)

// lookBeside asks what the accounts cost beside what they bought, and whom they
// referred to us; whole is what they buy in all.
func (c *crowd) lookBeside(ctx context.Context, s *Service, r features.Request, whole []features.Holding) error {
	c.whole = make([]features.Holding, c.rows())
	for i := range c.whole {
		c.whole[i] = features.Holding{Units365: math.NaN(), MarginLastYear: math.NaN(), MarginEver: math.NaN()}
	}
	for k := range whole {
		c.whole[c.row[whole[k].Account]] = whole[k]
	}
	upkeeps, err := s.Facts.Upkeeps(ctx, r)
	if err != nil {
		return fmt.Errorf("ask what contacts with the accounts cost: %w", err)
	}
	c.serve(upkeeps)
	referrals, err := s.Facts.Referrals(ctx, r)
	if err != nil {
		return fmt.Errorf("ask who referred whom: %w", err)
	}
	if len(referrals) == 0 {
		return nil
	}
	c.referrals = []loyalty.Referral{}
	for _, x := range referrals {
		by, known := c.row[x.Account]
		of, bought := c.row[x.Referred]
		// Whoever bought before was no stranger; the referral may be written down on the
		// day of the order.
		if !known || !bought {
			continue
		}
		if first := c.whole[of].First; first > 0 && first > x.At-secondsPerDay {
			c.referrals = append(c.referrals, loyalty.Referral{By: int32(by), Of: int32(of)}) //nolint:gosec // accounts of one run
		}
	}
	return nil
}

const secondsPerDay = 86400

// serve takes what contacts cost: 0 of an account without a contact, not known of one
// of whose contacts of the year fewer than leastCosted say a cost, and of all where none
// ever does.
func (c *crowd) serve(upkeeps []features.Upkeep) {
	c.served, c.servedBefore = unmeasured(c.rows()), unmeasured(c.rows())
	costed := false
	for k := range upkeeps {
		costed = costed || upkeeps[k].Costed+upkeeps[k].CostedLastYear > 0
	}
	if !costed {
		return
	}
	of := make(map[frame.AccountID]*features.Upkeep, len(upkeeps))
	for k := range upkeeps {
		of[upkeeps[k].Account] = &upkeeps[k]
	}
	for i, account := range c.frame.Accounts {
		u := of[account]
		if u == nil {
			u = &features.Upkeep{}
		}
		if mostlyCosted(u.Costed, u.Contacts) {
			c.served[i] = u.Cost
		}
		if mostlyCosted(u.CostedLastYear, u.ContactsLastYear) {
			c.servedBefore[i] = u.CostLastYear
		}
	}
}

// marginEver is the margin of each account's whole history seen, NaN where none of its
// revenue has a known cost.
func (c *crowd) marginEver() []float64 {
	ever := unmeasured(c.rows())
	for i := range c.whole {
		ever[i] = c.whole[i].MarginEver
	}
	return ever
}

// place adds what value and place are told from beside the columns of features. Of whom
// first bought within the last year nothing is told of the year before: contacts with
// those that are yet to buy are no loss.
func (t *told) place(in *loyalty.Input, s Settings) {
	c, n := t.crowd, t.crowd.rows()
	in.Gone, in.Referrals = make([]bool, n), c.referrals
	back, life, units, before, ever := unmeasured(n), unmeasured(n), unmeasured(n), unmeasured(n), c.marginEver()
	for i, status := range c.status {
		if in.Gone[i] = status == features.Lapsed; in.Gone[i] {
			back[i] = 1 - t.noPurchase[i]
		}
	}
	margin := c.column(marginColumn)
	for i := range c.whole {
		h := &c.whole[i]
		if units[i] = h.Units365; h.Orders > 0 {
			life[i] = float64(h.Last-h.First) / secondsPerDay
		}
		rate := h.MarginLastYear
		if math.IsNaN(rate) && math.IsNaN(margin[i]) {
			rate, _ = loyalty.MarginOf(margin[i], ever[i], s.Worth.Loyalty.Value.MarginRate)
		}
		if h.First > 0 && h.First <= int64(c.cutoff)-365*secondsPerDay {
			before[i] = h.SpendLastYear * rate
		}
		if cost := c.servedBefore[i]; !math.IsNaN(cost) {
			before[i] -= cost
		}
	}
	in.Extra[loyalty.ExtraReturnProbability], in.Extra[loyalty.ExtraBuyingLife], in.Extra[loyalty.ExtraQuantity] = back, life, units
	in.Extra[loyalty.ExtraNetValueBefore], in.Extra[loyalty.ExtraServiceCost], in.Extra[loyalty.ExtraMarginEver] = before, c.served, ever
	if c.served == nil {
		delete(in.Extra, loyalty.ExtraServiceCost)
	}
	if t.totals == nil {
		return
	}
	// What is said of the whole wallet is the wallet model's total, as the wallet's own
	// answer has it: a declaration of a part is none of the whole.
	share, gap := unmeasured(n), unmeasured(n)
	for i := range t.totals {
		if total := &t.totals[i]; total.State == wallet.Known {
			share[i], gap[i] = total.Share, total.Potential
		}
	}
	in.Extra["wallet_share"], in.Extra["wallet_gap"] = share, gap
}
