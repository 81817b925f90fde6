package serving

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/crosssell"
	"fealty/model/decision"
	"fealty/model/score"
)

// The operations that tell what accounts are worth.
const (
	OpWorthFit  = "worth.fit"
	OpLifetime  = "lifetime"
	OpWallet    = "wallet"
	OpDeclare   = "wallet.declare"
	OpCrossSell = "crosssell"
	OpLoyalty   = "loyalty"
	OpAssess    = "loyalty.assess"
	OpPreview   = "loyalty.preview"
	OpValue     = "value"
	OpBest      = "value.best"
	OpWinBack   = "value.winback"
	OpDecide    = "decide"
)

// worthOperations are the verbs over what accounts are worth.
func (s *Service) worthOperations() []Operation {
	return []Operation{
		operation(OpWorthFit, false, func(ctx context.Context, r WorthFitRequest, _ Call) (WorthFitResult, error) {
			return s.WorthFit(ctx, r)
		}),
		operation(OpLifetime, false, func(ctx context.Context, r LifetimeRequest, call Call) (LifetimeResult, error) {
			return s.Lifetimes(ctx, r, call.Report)
		}),
		operation(OpWallet, false, func(ctx context.Context, r WalletRequest, call Call) (WalletResult, error) {
			return s.WalletsOf(ctx, r, call.Report)
		}),
		operation(OpDeclare, true, func(ctx context.Context, r DeclareRequest, _ Call) (DeclareResult, error) {
			return s.Declare(ctx, r)
		}),
		operation(OpCrossSell, false, func(ctx context.Context, r CrossSellRequest, call Call) (CrossSellResult, error) {
			return s.CrossSells(ctx, r, call.Report)
		}),
		operation(OpLoyalty, false, func(ctx context.Context, r LoyaltyRequest, call Call) (LoyaltyResult, error) {
			return s.Loyalties(ctx, r, call.Report)
		}),
		operation(OpAssess, true, func(ctx context.Context, r AssessRequest, _ Call) (AssessResult, error) {
			return s.Assess(ctx, r)
		}),
		operation(OpPreview, false, func(ctx context.Context, r PreviewRequest, call Call) (PreviewResult, error) {
			return s.PreviewLoyalty(ctx, r, call.Report)
		}),
		operation(OpValue, false, func(ctx context.Context, r ValueRequest, call Call) (ValueResult, error) {
			return s.ValuesOf(ctx, r, call.Report)
		}),
		operation(OpBest, false, func(ctx context.Context, r BestRequest, call Call) (BestResult, error) {
			return s.Best(ctx, r, call.Report)
		}),
		operation(OpWinBack, false, func(ctx context.Context, r WorthRequest, call Call) (WinBackResult, error) {
			return s.WinBacks(ctx, r, call.Report)
		}),
		operation(OpDecide, false, func(ctx context.Context, r DecideRequest, call Call) (DecideResult, error) {
			return s.Decide(ctx, r, call.Report)
		}),
	}
}

// WorthRequest asks what accounts are worth.
type WorthRequest struct {
	// Accounts are those asked for; none means all that have bought.
	Accounts []string `json:"accounts,omitempty"`
	// Limit is how many rows are answered, the first in the verb's order; 0 means all.
	Limit int `json:"limit,omitempty"`
	// Cutoff and Model ask for worth computed anew, without publishing: as of that
	// cutoff ("" means data_through), by that model ("" means the live one). With
	// neither, the published run answers.
	Cutoff string `json:"cutoff,omitempty"`
	Model  string `json:"model,omitempty"`
}

// WorthOf says what an answer is of.
type WorthOf struct {
	// Run is the published run, "" when the answer was computed anew.
	Run         string       `json:"run,omitempty"`
	Model       string       `json:"model"`
	Cutoff      string       `json:"cutoff"`
	HorizonDays int          `json:"horizon_days"`
	Currency    string       `json:"currency"`
	MarginRate  model.Figure `json:"margin_rate"`
	// Accounts counts those of which worth is told, also where fewer rows are shown.
	Accounts int `json:"accounts"`
	// LearntThrough is the cutoff to whose end the parameters were learnt, "" when the
	// model is gone; Later says that this is after the answer's own cutoff.
	LearntThrough string `json:"learnt_through,omitempty"`
	Later         *Note  `json:"learnt_later,omitempty"`
	// Absent are the accounts asked for of which nothing is told.
	Absent []Absent `json:"absent,omitempty"`
	// Receipt names what the answer was computed from, but for the accounts' own hashes.
	Receipt score.Receipt `json:"receipt"`
	// Hashes are those of what is told of the accounts that were asked for by name, by
	// account: the receipts' worth_hash. None of runs from before, nor where the answer is
	// of other terms than a run's.
	Hashes map[string]string `json:"worth_hashes,omitempty"`
}

// Absent says why nothing is told of an account: by a code, and in words.
type Absent struct {
	Account string `json:"account"`
	Why     string `json:"why"`
	EN      string `json:"en"`
	ZH      string `json:"zh"`
}

// noWorth says that a model can't tell what accounts are worth.
func noWorth(version string) error {
	return fmt.Errorf("model %q is from before fealty told what accounts are worth; train again (fealty train): %w", version, ErrConflict)
}

// worths calls each with the worth of the accounts asked for, in bytewise order of
// account: of the published run, or computed anew. Of accounts that asked to be
// erased nothing is told. What each is handed is its own.
func (s *Service) worths(ctx context.Context, r WorthRequest, report func(Progress), each func(*score.Worth)) (WorthOf, error) {
	return s.worthsAnd(ctx, r, report, each, nil)
}

// worthsAnd also calls stood with the stage and the probability of leaving of the
// accounts, NaN where there is none, unless it is nil.
func (s *Service) worthsAnd(ctx context.Context, r WorthRequest, report func(Progress), each func(*score.Worth), stood func(frame.AccountID, score.Stage, float64)) (WorthOf, error) {
	if err := r.check(); err != nil {
		return WorthOf{}, err
	}
	if !r.anew() {
		return s.publishedWorths(ctx, r, each, stood)
	}
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return WorthOf{}, err
	}
	defer leave()
	t, err := s.tellAnew(ctx, r, true, report)
	if err != nil {
		return WorthOf{}, err
	}
	of := t.of()
	names := r.accounts()
	t.told.each(func(account frame.AccountID, worth func() *score.Worth) {
		if t.standings[account].Erased {
			return
		}
		if _, asked := slices.BinarySearch(names, account); asked || len(names) == 0 {
			w := worth()
			if asked {
				of.seal(w)
			}
			each(w)
			of.Accounts++
		}
	})
	names = slices.DeleteFunc(names, func(a frame.AccountID) bool {
		_, told := t.told.crowd.above.index[a]
		return told && !t.standings[a].Erased
	})
	of.Absent = t.absent(names, t.told.crowd, of.Cutoff)
	if stood != nil {
		t.stand(stood)
	}
	return of, nil
}

// absent are those asked for of which nothing may be told, or nothing can be as they
// are not in the crowd.
func (k *scorer) absent(names []frame.AccountID, c *crowd, cutoff string) (all []Absent) {
	for _, account := range names {
		if k.standings[account].Erased {
			all = append(all, absentBecause(account, erased))
		} else if _, known := c.row[account]; !known {
			all = append(all, absentBy(account, cutoff))
		}
	}
	return all
}

func (r *WorthRequest) check() error {
	if r.Limit < 0 {
		return fmt.Errorf("limit %d is below 0: %w", r.Limit, ErrInvalid)
	}
	if slices.Contains(r.Accounts, "") {
		return fmt.Errorf("an account without a name was asked for: %w", ErrInvalid)
	}
	return nil
}

// anew tells whether worth is to be computed, not read from the published run.
func (r *WorthRequest) anew() bool { return r.Cutoff != "" || r.Model != "" }

// accounts are those asked for, each once, in bytewise order.
func (r *WorthRequest) accounts() []frame.AccountID {
	names := make([]frame.AccountID, len(r.Accounts))
	for i, name := range r.Accounts {
		names[i] = frame.AccountID(name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Service) publishedWorths(ctx context.Context, r WorthRequest, each func(*score.Worth), stood func(frame.AccountID, score.Stage, float64)) (WorthOf, error) {
	run, err := s.latest(ctx)
	if err != nil {
		return WorthOf{}, err
	}
	d, err := s.disclose(ctx, run)
	if err != nil {
		return WorthOf{}, err
	}
	of, err := s.ofPublished(ctx, run)
	if err != nil {
		return WorthOf{}, err
	}
	names, met := r.accounts(), map[frame.AccountID]bool{}
	err = d.worths(ctx, names, func(part []score.Worth) error {
		for i := range part {
			w := &part[i]
			if len(names) > 0 {
				met[w.Account] = true
				of.seal(w)
			}
			of.Accounts++
			each(w)
		}
		return nil
	})
	if err != nil {
		return WorthOf{}, fmt.Errorf("read what the accounts of run %q are worth: %w", run.ID, err)
	}
	if stood != nil {
		err = d.scores(ctx, names, func(part []score.Score) error {
			for i := range part {
				stood(part[i].Account, part[i].Stage, part[i].Probability)
			}
			return nil
		})
		if err != nil {
			return WorthOf{}, fmt.Errorf("read where the accounts of run %q stand: %w", run.ID, err)
		}
	}
	if len(names) == 0 && of.Accounts == 0 {
		return WorthOf{}, fmt.Errorf("run %q tells nothing of worth: %w, and score (fealty score)", run.ID, noWorth(run.Model))
	}
	missing := slices.DeleteFunc(names, func(a frame.AccountID) bool { return met[a] })
	if of.Absent, err = d.absentWorths(ctx, missing); err != nil {
		return WorthOf{}, err
	}
	return of, nil
}

func (s *Service) ofPublished(ctx context.Context, run Run) (WorthOf, error) {
	of := WorthOf{
		Run: run.ID, Model: run.Model, Cutoff: CutoffText(run.Cutoff, s.Settings.Location()), HorizonDays: run.HorizonDays,
		Currency: run.Currency, MarginRate: model.Figure(run.MarginRate), Receipt: run.Receipt(),
	}
	card, err := s.cardOf(ctx, run.Model)
	if card != nil {
		of.learnt(card, run.Cutoff, s.Settings.Location())
	}
	return of, err
}

// absentWorths says why a run tells nothing of accounts; an error when it is
// because the run tells no worth at all.
func (d *disclosure) absentWorths(ctx context.Context, missing []frame.AccountID) ([]Absent, error) {
	if len(missing) == 0 {
		return nil, nil
	}
	why := map[frame.AccountID]string{}
	err := d.scores(ctx, missing, func(part []score.Score) error {
		for i := range part {
			sc := &part[i]
			if sc.Unscorable == "" || sc.Unscorable == features.Lapsed.String() {
				// Whoever has bought has a worth, if the run tells any.
				return fmt.Errorf("run %q tells nothing of worth: %w, and score (fealty score)", d.run.ID, noWorth(d.run.Model))
			}
			why[sc.Account] = sc.Unscorable
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	moves, err := d.Moves(ctx, d.run)
	if err != nil {
		return nil, err
	}
	var all []Absent
	for _, account := range missing {
		switch {
		case why[account] != "":
			all = append(all, absentBecause(account, why[account]))
		case d.hides(account):
			all = append(all, absentBecause(account, erased))
		default:
			all = append(all, d.absentOf(account, moves))
		}
	}
	return all, nil
}

// toldAnew is what a model tells as of a cutoff, computed for one question.
type toldAnew struct {
	*scorer
	told *told
}

// of says what is told by a model as of a cutoff.
func (k *scorer) of() WorthOf {
	of := WorthOf{
		Model: k.card.Version, Cutoff: CutoffText(k.receipt.Cutoff, k.Settings.Location()), HorizonDays: k.card.HorizonDays,
		Currency: k.Settings.BaseCurrency, MarginRate: model.Figure(k.Settings.MarginRate), Receipt: k.receipt,
	}
	of.learnt(&k.card, k.receipt.Cutoff, k.Settings.Location())
	return of
}

// tellAnew computes what accounts are worth as Score does, and publishes nothing.
// With intervals, lifetime values have them.
func (s *Service) tellAnew(ctx context.Context, r WorthRequest, intervals bool, report func(Progress)) (*toldAnew, error) {
	k, c, err := s.asked(ctx, r.Cutoff, r.Model)
	if err != nil {
		return nil, err
	}
	if k.worth == nil {
		return nil, noWorth(k.card.Version)
	}
	request := k.request(nil)
	if err := k.standToday(ctx, request); err != nil {
		return nil, err
	}
	t := &toldAnew{scorer: k}
	t.told, err = k.appraiseAll(ctx, request, c, intervals, report)
	return t, err
}

// WorthFitRequest asks what was fitted; Model "" means the live one.
type WorthFitRequest struct {
	Model string `json:"model,omitempty"`
}

// WorthFitResult is what a model's card says of worth.
type WorthFitResult struct {
	Model       string          `json:"model"`
	TestCutoff  string          `json:"test_cutoff"`
	HorizonDays int             `json:"horizon_days"`
	Currency    string          `json:"currency"`
	Worth       model.WorthCard `json:"worth"`
	// Whys say in words why the card tells nothing of parts of worth.
	Whys CardWhys `json:"whys"`
	// LifetimeEN and LifetimeZH say in sentences how lifetimes did.
	LifetimeEN []string `json:"lifetime_en"`
	LifetimeZH []string `json:"lifetime_zh"`
	// DecisionEN and DecisionZH say which terms of the offers that contacts were judged by
	// are defaults; none where contacts were not judged.
	DecisionEN []string `json:"decision_en"`
	DecisionZH []string `json:"decision_zh"`
	// RetentionEN and RetentionZH say what one point of retention is worth beside the
	// literature's range; "" where that is not told.
	RetentionEN string `json:"retention_en,omitempty"`
	RetentionZH string `json:"retention_zh,omitempty"`
}

// WorthFit tells what a model learnt of worth, and how it did.
func (s *Service) WorthFit(ctx context.Context, r WorthFitRequest) (WorthFitResult, error) {
	m, err := s.model(ctx, r.Model)
	if err != nil {
		return WorthFitResult{}, err
	}
	if m.worth == nil || m.card.Worth == nil {
		return WorthFitResult{}, noWorth(m.card.Version)
	}
	result := WorthFitResult{
		Model: m.card.Version, TestCutoff: m.card.TestCutoff, HorizonDays: m.card.HorizonDays, Currency: s.Settings.BaseCurrency, Worth: *m.card.Worth,
	}
	result.Whys = whysOf(m.card.Worth)
	result.LifetimeEN, result.LifetimeZH = sayLifetimes(&m.card.Worth.Lifetime)
	result.RetentionEN, result.RetentionZH = sayRetention(&m.card.Worth.Loyalty, m.card.HorizonDays)
	if d := m.card.Worth.Decision; d != nil {
		result.DecisionEN, result.DecisionZH = decision.OfferSentences(d, score.English), decision.OfferSentences(d, score.Chinese)
	}
	return result, nil
}

// topRows returns the rows of a limit in an order; of equal ones the first by account.
func topRows[Row any](rows []Row, limit int, order func(a, b *Row) int) []Row {
	slices.SortStableFunc(rows, func(a, b Row) int { return order(&a, &b) })
	if limit > 0 && limit < len(rows) {
		return rows[:limit]
	}
	if rows == nil {
		return []Row{}
	}
	return rows
}

// CrossSellRequest asks what accounts may buy next.
type CrossSellRequest struct {
	WorthRequest
	// Kind is new, lapsed or repeat, By category or product; "" means all.
	Kind string `json:"kind,omitempty"`
	By   string `json:"by,omitempty"`
}

// CrossSellRow is one recommendation.
type CrossSellRow struct {
	Account string `json:"account"`
	// By is category or product; Rank counts within the account, By and Kind from 1.
	By   string `json:"by"`
	Rank int    `json:"rank"`
	score.Recommendation
	// WalletShare and WalletGap are the account's share of wallet in the category and what
	// it spends there elsewhere; NaN where that is not known.
	WalletShare model.Figure `json:"wallet_share"`
	WalletGap   model.Figure `json:"wallet_gap"`
	EN          string       `json:"en"`
	ZH          string       `json:"zh"`
}

// CrossSellResult are recommendations, account by account: first the one whose best
// is expected to bring most (probability × amount).
type CrossSellResult struct {
	WorthOf
	Rows []CrossSellRow `json:"rows"`
	// Nothing says of the accounts asked for by name why they have no row, and without
	// a name why nobody has any.
	Nothing []Absent `json:"nothing,omitempty"`
}

// CrossSells tells what may be bought next, and why. The limit counts accounts.
func (s *Service) CrossSells(ctx context.Context, r CrossSellRequest, report func(Progress)) (result CrossSellResult, err error) {
	kinds, keys := []string{"new", "lapsed", "repeat"}, []string{string(features.ByCategory), string(features.ByProduct)}
	if r.Kind != "" && !slices.Contains(kinds, r.Kind) {
		return result, fmt.Errorf("kind %q is none of %v: %w", r.Kind, kinds, ErrInvalid)
	}
	if r.By != "" && !slices.Contains(keys, r.By) {
		return result, fmt.Errorf("by %q is none of %v: %w", r.By, keys, ErrInvalid)
	}
	type of struct {
		best float64
		rows []CrossSellRow
	}
	var all []of
	var without []string
	var had []bool
	some := false
	result.WorthOf, err = s.worths(ctx, r.WorthRequest, report, func(w *score.Worth) {
		var one of
		ranks := map[string]int{}
		for _, rec := range w.Recommendations {
			by := string(features.ByProduct)
			if rec.Item == "" {
				by = string(features.ByCategory)
			}
			ranks[by+rec.Kind]++
			if r.Kind != "" && rec.Kind != r.Kind || r.By != "" && by != r.By {
				continue
			}
			row := CrossSellRow{Account: string(w.Account), By: by, Rank: ranks[by+rec.Kind], Recommendation: rec}
			row.WalletShare, row.WalletGap = walletIn(w.Wallets, rec.Category)
			row.EN, row.ZH = SayRecommendation(&rec)
			one.rows = append(one.rows, row)
			one.best = max(one.best, float64(rec.Probability)*float64(rec.Amount))
		}
		other := len(w.Recommendations) > 0
		some = some || other
		switch {
		case one.rows != nil:
			all = append(all, one)
		case len(r.Accounts) > 0:
			without, had = append(without, string(w.Account)), append(had, other)
		}
	})
	for _, one := range topRows(all, r.Limit, func(a, b *of) int { return cmp.Compare(b.best, a.best) }) {
		result.Rows = append(result.Rows, one.rows...)
	}
	if err != nil {
		return result, err
	}
	if result.Rows == nil {
		result.Rows = []CrossSellRow{}
		if len(r.Accounts) == 0 && result.Accounts > 0 {
			without, had = []string{""}, []bool{some}
		}
	}
	err = result.sayNothing(ctx, s, r.By, without, had)
	return result, err
}

// walletIn returns the share and the gap of the wallet in a category, NaN without one.
func walletIn(wallets []score.Wallet, category string) (share, gap model.Figure) {
	for i := range wallets {
		if w := &wallets[i]; w.Category == category {
			return w.Share, w.Potential
		}
	}
	return model.Figure(math.NaN()), model.Figure(math.NaN())
}

// SayRecommendation tells why something is recommended, in English and Chinese; ""
// for a reason that this release doesn't know. An item that has a name is called by it,
// its id behind.
func SayRecommendation(r *score.Recommendation) (en, zh string) {
	name := func(id string) string { return id }
	if r.BecauseName != "" {
		name = func(id string) string { return r.BecauseName + " (" + id + ")" }
	}
	return crosssell.Reason{
		Code: crosssell.ReasonCode(r.Reason), Because: r.Because, Orders: r.Orders, Days: r.Days, Buyers: r.Buyers,
	}.Text(name)
}
