package serving

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
	"fealty/model/wallet"
)

// WalletRequest asks for wallets by account and category.
type WalletRequest struct {
	WorthRequest
	// Totals asks for one row per account in place of one per category.
	Totals bool `json:"totals,omitempty"`
}

// WalletRow is what an account spends with everybody.
type WalletRow struct {
	Account string `json:"account"`
	score.Wallet
	// Period is the day from which on it holds, "" when nobody declared it.
	Period string `json:"period,omitempty"`
	EN     string `json:"en,omitempty"`
	ZH     string `json:"zh,omitempty"`
}

// WalletResult are wallets, the largest potential first.
type WalletResult struct {
	WorthOf
	Rows []WalletRow `json:"rows"`
}

// WalletsOf tells what accounts spend with everybody, how sure that is, and what
// it rests on.
func (s *Service) WalletsOf(ctx context.Context, r WalletRequest, report func(Progress)) (result WalletResult, err error) {
	var rows []WalletRow
	result.WorthOf, err = s.worths(ctx, r.WorthRequest, report, func(w *score.Worth) {
		if r.Totals || len(w.Wallets) == 0 {
			rows = append(rows, WalletRow{Account: string(w.Account), Wallet: w.Wallet})
			return
		}
		for _, of := range w.Wallets {
			rows = append(rows, WalletRow{Account: string(w.Account), Wallet: of})
		}
	})
	if err != nil {
		return result, err
	}
	result.Rows = topRows(rows, r.Limit, func(a, b *WalletRow) int {
		return cmp.Or(largestFirst(float64(a.Potential), float64(b.Potential)), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Category, b.Category))
	})
	err = s.sayWallets(ctx, &result)
	return result, err
}

// sayWallets puts the reasons of rows in words, and says who declared what.
func (s *Service) sayWallets(ctx context.Context, result *WalletResult) error {
	// Runs from before wallets told who declared them leave that to the facts.
	declared := map[[2]string]*WalletRow{}
	for i := range result.Rows {
		if row := &result.Rows[i]; row.Author == "" && slices.Contains(declaredWhys, row.Why) {
			declared[[2]string{row.Account, row.Category}] = row
		}
	}
	if err := s.whoDeclared(ctx, result, declared); err != nil {
		return err
	}
	for i := range result.Rows {
		row := &result.Rows[i]
		row.EN, row.ZH = walletWords(&row.Wallet, s.Settings.Location())
		row.Period = dayOf(row.Wallet.Period, s.Settings.Location())
	}
	return nil
}

// whoDeclared asks the facts who declared some wallets, by account and category.
func (s *Service) whoDeclared(ctx context.Context, result *WalletResult, declared map[[2]string]*WalletRow) error {
	if len(declared) == 0 {
		return nil
	}
	request, err := s.declaredOf(ctx, result)
	if err != nil {
		return err
	}
	all, err := s.Facts.Declared(ctx, request)
	if err != nil {
		return fmt.Errorf("ask who declared the wallets: %w", err)
	}
	for i := range all {
		d := &all[i]
		if row := declared[[2]string{string(d.Account), d.Category}]; row != nil {
			said := d.Said
			if byRank(d) {
				said = d.Ranked
			}
			row.Author, row.Wallet.Period = said.Author, said.Period
		}
	}
	return nil
}

// declaredWhys are the reasons that somebody's declaration stands behind.
var declaredWhys = []string{wallet.DeclaredAmount.String(), wallet.DeclaredRank.String(), wallet.PastShare.String()}

// byRank tells whether the rank of a declaration holds in place of its amount.
func byRank(d *features.Declared) bool {
	known := !math.IsNaN(d.Amount) && d.Amount > 0
	return d.Rank > 0 && (!known || d.Ranked.Period > d.Said.Period)
}

// storedWallet is what the words of a wallet can name.
func storedWallet(w *score.Wallet, zone *time.Location) wallet.Stored {
	return wallet.Stored{
		Category: w.Category, Low: float64(w.Low), High: float64(w.High), Spend: float64(w.Spend), Author: w.Author, Period: dayOf(w.Period, zone),
	}
}

// walletWords tell what a wallet rests on, and what a person should look at, in
// English and Chinese.
func walletWords(w *score.Wallet, zone *time.Location) (en, zh string) {
	stored := storedWallet(w, zone)
	var inEN, inZH []string
	add := func(en, zh string, ok bool) {
		if ok && en != "" {
			inEN, inZH = append(inEN, en), append(inZH, zh)
		}
	}
	add(wallet.WhyText(w.Why, stored))
	for _, flag := range w.Flags {
		add(wallet.FlagText(flag, stored))
	}
	return strings.Join(inEN, "; "), strings.Join(inZH, "；")
}

// declaredOf asks for the declarations that an answer was told from.
func (s *Service) declaredOf(ctx context.Context, result *WalletResult) (features.Request, error) {
	if result.Run != "" {
		run, err := s.Runs.Run(ctx, result.Run)
		if err != nil {
			return features.Request{}, err
		}
		return s.ofRun(run), nil
	}
	c, err := s.calendar(ctx)
	if err != nil {
		return features.Request{}, err
	}
	at, err := c.parse(result.Cutoff)
	if err != nil {
		return features.Request{}, err
	}
	return c.request([]frame.Cutoff{at}, nil), nil
}

// DeclareRequest is a manager's correction: an account's wallet in a category as
// it is known, an amount a year in base currency or our rank among its suppliers.
type DeclareRequest struct {
	Account string `json:"account"`
	// Category "" is the account's whole spending.
	Category string `json:"category,omitempty"`
	// Amount is nil for none, Rank and Suppliers 0.
	Amount    *float64 `json:"amount,omitempty"`
	Rank      int      `json:"rank,omitempty"`
	Suppliers int      `json:"suppliers,omitempty"`
	// Period is the day from which on it holds, "" today.
	Period string `json:"period,omitempty"`
	Author string `json:"author"`
}

// Declare takes a correction, recorded now. Scores take it up with their next run.
func (s *Service) Declare(ctx context.Context, r DeclareRequest) (features.LoadReport, error) {
	now := s.now()
	d := features.Declaration{
		Account: frame.AccountID(r.Account), Category: r.Category, Period: now.Unix(), Recorded: now.Unix(), Amount: math.NaN(),
		Rank: r.Rank, Suppliers: r.Suppliers, Author: r.Author,
	}
	if r.Amount != nil {
		if math.IsNaN(*r.Amount) {
			return features.LoadReport{}, fmt.Errorf("the declared amount is no number: %w", ErrInvalid)
		}
		d.Amount = *r.Amount
	}
	if r.Period != "" {
		at, err := time.ParseInLocation(time.DateOnly, r.Period, s.Settings.Location())
		if err != nil {
			return features.LoadReport{}, fmt.Errorf("period %q is no day such as 2026-01-01: %w", r.Period, ErrInvalid)
		}
		if at.After(now) {
			return features.LoadReport{}, fmt.Errorf("period %s has not begun; a declaration tells what is, not what will be: %w", r.Period, ErrInvalid)
		}
		d.Period = at.Unix()
	}
	if err := d.Validate(); err != nil {
		return features.LoadReport{}, refused{err}
	}
	if err := s.knows(ctx, d.Account); err != nil {
		return features.LoadReport{}, err
	}
	done, err := s.Facts.Declare(ctx, d)
	if err != nil {
		return features.LoadReport{}, fmt.Errorf("take the declaration of account %q: %w", r.Account, err)
	}
	return done, nil
}

// knows refuses an account that the facts don't know.
func (s *Service) knows(ctx context.Context, account frame.AccountID) error {
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return fmt.Errorf("ask for the newest load: %w", err)
	}
	now, known := s.now().Unix(), false
	err = s.Facts.Profiles(ctx, frame.Cutoff(now), frame.KnownAt(now), watermark, []frame.AccountID{account}, func(all []features.Profile) error {
		known = known || len(all) > 0
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("ask who account %q is: %w", account, err)
	case !known:
		return fmt.Errorf("nothing is known of account %q: %w", account, ErrNotFound)
	}
	return nil
}
