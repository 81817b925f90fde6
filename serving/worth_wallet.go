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
	"fealty/model"
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

// walletWords tell what a wallet rests on, what a person should look at, and why there
// is no trend, in English and Chinese.
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
	add(wallet.NoTrendText(w.NoTrend, stored))
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
	// New insists on a category that no order line names.
	New bool `json:"new,omitempty"`
}

// DeclareResult is what was loaded, and what a person should look at.
type DeclareResult struct {
	features.LoadReport
	// Period is the day from which on it holds; Recorded is when it was taken, Unix seconds.
	Period   string `json:"period"`
	Recorded int64  `json:"recorded_at"`
	// Spend is the account's own of the last 365 days in the category, base currency.
	Spend model.Figure `json:"spend"`
	// Notes say what contradicts the declaration: an amount below own spend.
	Notes []Note `json:"notes,omitempty"`
}

// Declare takes a correction, recorded now. Scores take it up with their next run.
//
// ErrInvalid names what is wrong with it: a category that no order line names among
// that, unless New insists. An amount below the account's own spend is taken and
// noted.
func (s *Service) Declare(ctx context.Context, r DeclareRequest) (DeclareResult, error) {
	now := s.now()
	d := features.Declaration{
		Account: frame.AccountID(r.Account), Category: r.Category, Period: now.Unix(), Recorded: now.Unix(), Amount: math.NaN(),
		Rank: r.Rank, Suppliers: r.Suppliers, Author: r.Author,
	}
	if r.Amount != nil {
		if math.IsNaN(*r.Amount) {
			return DeclareResult{}, fmt.Errorf("the declared amount is no number: %w", ErrInvalid)
		}
		d.Amount = *r.Amount
	}
	if r.Period != "" {
		at, err := time.ParseInLocation(time.DateOnly, r.Period, s.Settings.Location())
		if err != nil {
			return DeclareResult{}, fmt.Errorf("period %q is no day such as 2026-01-01: %w", r.Period, ErrInvalid)
		}
		if at.After(now) {
			return DeclareResult{}, fmt.Errorf("period %s has not begun; a declaration tells what is, not what will be: %w", r.Period, ErrInvalid)
		}
		d.Period = at.Unix()
	}
	if err := d.Validate(); err != nil {
		return DeclareResult{}, refused{err}
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return DeclareResult{}, fmt.Errorf("ask for the newest load: %w", err)
	}
	if err := s.knows(ctx, d.Account); err != nil {
		return DeclareResult{}, err
	}
	if !r.New {
		if err := s.sells(ctx, d.Category, watermark); err != nil {
			return DeclareResult{}, err
		}
	}
	spend, err := s.ownSpend(ctx, d.Account, d.Category, watermark)
	if err != nil {
		return DeclareResult{}, err
	}
	done, err := s.Facts.Declare(ctx, d)
	if err != nil {
		return DeclareResult{}, fmt.Errorf("take the declaration of account %q: %w", r.Account, err)
	}
	result := DeclareResult{LoadReport: done, Period: dayOf(d.Period, s.Settings.Location()), Recorded: d.Recorded, Spend: model.Figure(spend)}
	if d.Amount < spend {
		own, said := score.Format(spend, "base currency"), score.Format(d.Amount, "base currency")
		result.Notes = append(result.Notes, Note{
			EN: fmt.Sprintf("the declared wallet %s is below the account's own spend of the last year, %s, which scores take instead", said, own),
			ZH: fmt.Sprintf("申报的钱包%s低于客户最近一年的自身消费%s，评分将采用后者", said, own),
		})
	}
	return result, nil
}

// sells refuses a category that no order line names, with those that it may mean.
// "" is all of them.
func (s *Service) sells(ctx context.Context, category string, watermark uint64) error {
	if category == everything {
		return nil
	}
	now := s.now().Unix()
	all, err := s.Facts.CategoryNames(ctx, frame.Cutoff(now), frame.KnownAt(now), watermark)
	if err != nil {
		return err
	}
	if slices.Contains(all, category) {
		return nil
	}
	hint := "there are " + strings.Join(all[:min(len(all), shownNames)], ", ")
	if near := Nearest(category, all); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(all) == 0 {
		hint = "no order line names a category: declare the account's whole spending, without one"
	} else if len(all) > shownNames {
		hint += " and others"
	}
	return fmt.Errorf("no order line names category %q; %s To declare it all the same, say that it is new: %w", category, hint+end(hint), ErrInvalid)
}

// shownNames is how many names an error shows.
const shownNames = 10

// end is the full stop that a hint lacks.
func end(hint string) string {
	if strings.HasSuffix(hint, "?") {
		return ""
	}
	return "."
}

// ownSpend is what an account spent here in the last 365 days in a category, or in all.
func (s *Service) ownSpend(ctx context.Context, account frame.AccountID, category string, watermark uint64) (float64, error) {
	now := s.now().Unix()
	request := features.HoldingRequest{Key: features.ByCategory, Request: features.Request{
		Cutoffs: []frame.Cutoff{frame.Cutoff(now)}, KnownAt: []frame.KnownAt{frame.KnownAt(now)}, Accounts: []frame.AccountID{account},
		Watermark: watermark, Zone: s.Settings.Zone,
	}}
	if category == everything {
		request.Key = features.ByEverything
	}
	spend := 0.0
	err := s.Facts.Holdings(ctx, request, func(all []features.Holding) error {
		for i := range all {
			if request.Key == features.ByEverything || all[i].Key == category {
				spend = max(0, all[i].Spend365)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("ask what account %q spends: %w", account, err)
	}
	return spend, nil
}

// knows refuses an account that the facts don't know, and one that asked to be erased:
// nothing more is taken of it, and nothing is told.
func (s *Service) knows(ctx context.Context, account frame.AccountID) error {
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return fmt.Errorf("ask for the newest load: %w", err)
	}
	now, known := s.now().Unix(), false
	gone, err := s.Erased(ctx, Run{Purpose: PurposeBackfill, Cutoff: frame.Cutoff(now), KnownAt: frame.KnownAt(now), Watermark: watermark})
	if err != nil {
		return err
	}
	if gone[account] {
		return fmt.Errorf("nothing is told or taken of account %q: %s: %w", account, whys[erased].EN, ErrNotFound)
	}
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
