package serving

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/wallet"
)

// AccountWallet is what an account spends in a year with everybody, in all categories
// together: a declared wallet or an estimate, as its state (known, estimated, unknown)
// says. Amount is NaN when it is unknown; Spend is our part of it.
type AccountWallet struct {
	Account       frame.AccountID
	State         string
	Amount, Spend float64
}

// GrowthEnd says by which run the wallets at an end of a period are told, or why by none.
type GrowthEnd struct {
	// At is the end, a date or an instant.
	At string `json:"at"`
	// Run is the run of scores that stands there, Cutoff its own end, the same or a few
	// days before; "" where there is none.
	Run    string `json:"run,omitempty"`
	Cutoff string `json:"cutoff,omitempty"`
	// EN and ZH say why wallets are not measured there, and the way out; "" where they are.
	EN string `json:"en,omitempty"`
	ZH string `json:"zh,omitempty"`
}

// mostRuns is how many runs are looked through for those that stand at the ends.
const mostRuns = 100_000

// walletSum is the wallet of an account, or of several that are one by the last end.
type walletSum struct {
	amount, spend float64
	// state is one more than that of wallet, so that 0 is no wallet.
	state uint8
}

// meet takes in another of the same account: it is no surer than the least sure of both.
func (w *walletSum) meet(q AccountWallet) {
	state := wallet.Unknown
	for _, s := range []wallet.State{wallet.Known, wallet.Estimated} {
		if q.State == s.String() {
			state = s
		}
	}
	if w.state == 0 || uint8(state)+1 < w.state {
		w.state = uint8(state) + 1
	}
	w.amount, w.spend = w.amount+q.Amount, w.spend+q.Spend
}

// walletOf is how the wallet of an account is known at an end, and our share of it.
func (g *growing) walletOf(end int, account frame.AccountID) (wallet.State, float64) {
	i, ok := g.place[account]
	if !ok || int(i) >= len(g.wallets[end]) || g.wallets[end][i].state <= uint8(wallet.Unknown)+1 {
		return wallet.Unknown, math.NaN()
	}
	w := &g.wallets[end][i]
	if !(w.amount > 0) {
		return wallet.State(w.state - 1), math.NaN()
	}
	return wallet.State(w.state - 1), w.spend / w.amount
}

// walletsAt reads, for each end, the wallets of the newest run of scores that stands
// there: as of the end or, as long as it is not stale then, of before, known by the last
// end, and of a model that was learnt by the run's own cutoff. A wallet that was fitted
// on what came later is none of that end. What was live is not overruled by a backfill of
// the same cutoff.
func (g *growing) walletsAt(ctx context.Context) ([]GrowthEnd, error) {
	runs, err := g.Runs.List(ctx, mostRuns)
	if err != nil {
		return nil, fmt.Errorf("ask which runs stand at the ends: %w", err)
	}
	runs = slices.DeleteFunc(runs, func(r Run) bool {
		return r.Kind != KindScores || r.Purpose == PurposeGroups || r.KnownAt > g.known()
	})
	byWhom := func(r Run) int {
		if r.Purpose == PurposeLive {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(-cmp.Compare(a.Cutoff, b.Cutoff), byWhom(a)-byWhom(b), -cmp.Compare(a.Commit, b.Commit))
	})
	live, err := g.live(ctx)
	if err != nil {
		return nil, err
	}
	served := frame.Cutoff(math.MaxInt64)
	learnt := map[string]frame.Cutoff{live: served}
	if live != "" {
		card, err := g.cardOf(ctx, live)
		if err != nil {
			return nil, err
		}
		learnt[live] = g.learntBy(card)
		if card != nil && card.Worth != nil { // scoring by others tells no wallets
			served = learnt[live]
		}
	}
	g.wallets = make([][]walletSum, len(g.ends))
	ends := make([]GrowthEnd, len(g.ends))
	for k, at := range g.ends {
		ends[k].At = g.text(at)
		later := ""
		for i := range runs {
			r := &runs[i]
			if r.Cutoff > at || r.Cutoff < at.Add(-g.StaleRunDays) || g.wallets[k] != nil {
				continue
			}
			by, asked := learnt[r.Model]
			if !asked {
				card, err := g.cardOf(ctx, r.Model)
				if err != nil {
					return nil, err
				}
				by = g.learntBy(card)
				learnt[r.Model] = by
			}
			if by > r.Cutoff {
				later = cmp.Or(later, r.ID)
				continue
			}
			if err := g.readWallets(ctx, k, *r); err != nil {
				return nil, err
			}
			if g.wallets[k] != nil {
				ends[k].Run, ends[k].Cutoff = r.ID, g.text(r.Cutoff)
			}
		}
		if g.wallets[k] == nil {
			test := ""
			if served > at {
				test = g.testBy(at)
			}
			ends[k].notMeasured(later, served <= at, test, g.StaleRunDays)
		}
	}
	return ends, nil
}

// notMeasured says why the wallets at an end are not told: no run stands there, or one,
// of a model that was learnt later; and how they can be, served telling whether the
// model that is live was learnt by then, and test at which cutoff one could be, "" at none.
func (e *GrowthEnd) notMeasured(later string, served bool, test string, days int) {
	if later == "" {
		e.EN = fmt.Sprintf("No run of scores as of %s, or of at most %d days before, tells wallets", e.At, days)
		e.ZH = fmt.Sprintf("没有截至%s（或此前%d天内）的评分运行给出钱包", e.At, days)
	} else {
		e.EN = fmt.Sprintf("The model of run %s, which stands at %s, was learnt on what came later, or is gone", later, e.At)
		e.ZH = fmt.Sprintf("截至%[2]s的运行%[1]s所用模型是根据其后的信息学得的，或已不存在", later, e.At)
	}
	switch {
	case served:
		e.EN += fmt.Sprintf("; fealty score --backfill --cutoff %s measures them", e.At)
		e.ZH += fmt.Sprintf("；运行 fealty score --backfill --cutoff %s 即可测量", e.At)
	case test != "":
		e.EN += fmt.Sprintf("; fealty train --test-cutoff %s --no-promote learns a model by then, and fealty score --backfill --cutoff %s --model VERSION, with its version, measures them", test, e.At)
		e.ZH += fmt.Sprintf("；fealty train --test-cutoff %s --no-promote 可训练仅用当时信息的模型，再运行 fealty score --backfill --cutoff %s --model VERSION（填其版本）即可测量", test, e.At)
	default:
		e.EN += "; there is too little data before it to learn a model by then"
		e.ZH += "；此前的数据不足以训练当时的模型"
	}
}

// testBy is the newest cutoff up to an end at which a model can be tested, "" without one.
func (g *growing) testBy(at frame.Cutoff) string {
	ends := g.monthEnds()
	for _, test := range slices.Backward(ends) {
		if test <= at && g.Label.Final(test, g.through) && len(g.trainable(ends, test, 1)) > 0 {
			return g.text(test)
		}
	}
	return ""
}

// learntBy is the cutoff on which a model's wallets were learnt, by its card; the end of
// time where nobody can tell.
func (g *growing) learntBy(card *model.Card) frame.Cutoff {
	if card == nil {
		return math.MaxInt64
	}
	test, err := frame.ParseCutoff(card.TestCutoff, g.zone)
	if err != nil { // a card that doesn't say it
		return math.MaxInt64
	}
	return test
}

// readWallets takes the wallets of a run as those of an end; none when it tells none.
// Those of accounts that asked to be erased, or of which none is told, are unknown, and
// so is the wallet of several of which one is.
func (g *growing) readWallets(ctx context.Context, end int, r Run) error {
	told, err := g.disclose(ctx, r)
	if err != nil {
		return err
	}
	some := false
	err = g.Runs.Wallets(ctx, r, func(part []AccountWallet) error {
		for _, w := range part {
			some = some || w.State != ""
			if w.State == "" || told.hides(w.Account) {
				w = AccountWallet{Account: w.Account, State: wallet.Unknown.String()}
			}
			head, _ := g.head(w.Account)
			i := g.placeOf(head)
			sum := walletSum{}
			if int(i) < len(g.wallets[end]) {
				sum = g.wallets[end][i]
			}
			sum.meet(w)
			g.wallets[end] = put(g.wallets[end], i, sum, walletSum{})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the wallets of run %q: %w", r.ID, err)
	}
	if !some {
		g.wallets[end] = nil
	}
	return nil
}
