package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"fealty/features/frame"
	"fealty/features/synthetic"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/wallet"
	"fealty/serving/servingtest"
)

// townFigures are the planted wallets of an invented town, found again by the wallet
// model alone, without a warehouse: of the pairs of account and category whose wallet is
// told, how often its interval holds what is planted, and how well wallets rank like it;
// of all of them, and of those that nobody declared. The bars are below what seven towns
// reach: of those estimated .76 … .91 lie in their intervals of 80 %, and they rank by
// .85 … .92.
func townFigures(ctx context.Context, _ shelf) ([]servingtest.Figure, error) {
	town, err := newTownFacts(ctx, synthetic.Params{Seed: 7, Accounts: 900}, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return nil, fmt.Errorf("invent a town: %w", err)
	}
	m, _, err := wallet.Fit(ctx, town.peers, town.declared, wallet.Defaults())
	if err != nil {
		return nil, err
	}
	estimates, err := m.Estimate(town.peers, town.declared)
	if err != nil {
		return nil, err
	}
	barOf := func(name string, value, bound float64) servingtest.Figure {
		f := servingtest.Figure{Name: name, Value: model.Figure(value)}
		f.Bar(">=", bound)
		return f
	}
	var all []servingtest.Figure
	for _, of := range []struct {
		name           string
		states         []wallet.State
		coverage, rank float64
	}{{"town/wallet", []wallet.State{wallet.Known, wallet.Estimated}, .75, .9}, {"town/wallet/estimated", []wallet.State{wallet.Estimated}, .7, .8}} {
		told, planted, inside := town.found(estimates, of.states)
		all = append(all,
			servingtest.Figure{Name: of.name + "/pairs", Unit: "account × category", Value: model.Figure(len(told))},
			barOf(of.name+"/coverage", inside/float64(len(told)), of.coverage),
			barOf(of.name+"/rank-correlation", loyalty.Spearman(told, planted).Value, of.rank))
	}
	return all, nil
}

// found are the wallets told in some states of pairs that the account buys, those that
// are planted, and how many of these lie in their intervals.
func (f *townFacts) found(estimates []wallet.Estimate, states []wallet.State) (told, planted []float64, inside float64) {
	for k := range estimates {
		e := &estimates[k]
		truth, ok := f.truth[[2]string{string(f.peers.Frame.Accounts[e.Account]), f.peers.Categories[e.Category]}]
		if !ok || e.Spend == 0 || !slices.Contains(states, e.State) {
			continue
		}
		// What was spent of late may lie above what is planted for a usual year.
		truth = max(truth, e.Spend)
		if e.Low <= truth && truth <= e.High {
			inside++
		}
		told, planted = append(told, e.Wallet), append(planted, truth)
	}
	return told, planted, inside
}

// townFacts are what wallets are told of in a town as of a cutoff, and what is planted.
type townFacts struct {
	peers    wallet.Peers
	declared []wallet.Declared
	// truth is what an account spends on a category with everybody in a usual year.
	truth map[[2]string]float64
}

// bought is one order line of an account.
type bought struct {
	category, order string
	amount          float64
	at              time.Time
}

const townYear = 365 * 24 * time.Hour

func newTownFacts(ctx context.Context, params synthetic.Params, cutoff time.Time) (*townFacts, error) {
	town, err := synthetic.New(params)
	if err != nil {
		return nil, err
	}
	read := func(table string, columns ...string) ([][]string, error) {
		var text bytes.Buffer
		if err := town.WriteTable(ctx, table, &text); err != nil {
			return nil, err
		}
		rows, err := csv.NewReader(&text).ReadAll()
		if err != nil {
			return nil, err
		}
		g, all := grid{rows[0], rows[1:]}, make([][]string, len(columns))
		for k, name := range columns {
			if all[k], err = g.texts(name); err != nil {
				return nil, fmt.Errorf("%s: %w", table, err)
			}
		}
		return all, nil
	}
	lines, err := read("order_lines", "account", "category", "order_id", "amount", "ordered_at", "recorded_at")
	if err != nil {
		return nil, err
	}
	history := map[string][]bought{}
	for i, account := range lines[0] {
		at, recorded := townTime(lines[4][i]), townTime(lines[5][i])
		if at.Before(cutoff) && !recorded.After(cutoff) {
			history[account] = append(history[account], bought{lines[1][i], lines[2][i], townNumber(lines[3][i]), at})
		}
	}
	who, err := read("accounts", "account", "segment", "region", "industry", "channel", "type")
	if err != nil {
		return nil, err
	}
	f := &townFacts{truth: map[[2]string]float64{}}
	rows := f.people(who, history, cutoff)
	said, err := read("wallets", "account", "category", "amount", "period", "recorded_at")
	if err != nil {
		return nil, err
	}
	for i, account := range said[0] {
		row, ok := rows[account]
		category := slices.Index(f.peers.Categories, said[1][i])
		if !ok || category < 0 || townTime(said[4][i]).After(cutoff) {
			continue
		}
		period, orders := townTime(said[3][i]), map[string]bool{}
		d := wallet.Declared{Account: row, Category: category, Amount: townNumber(said[2][i]), Period: period.Unix()}
		if !period.Add(townYear).After(cutoff) {
			for _, b := range history[account] {
				if b.category == said[1][i] && !b.at.Before(period) && b.at.Before(period.Add(townYear)) {
					d.Spend += b.amount
					orders[b.order] = true
				}
			}
			d.Spend, d.Orders = max(d.Spend, 0), float64(len(orders))
		}
		f.declared = append(f.declared, d)
	}
	planted, err := read(synthetic.TruthWallets, "account", "category", "wallet_per_year")
	if err != nil {
		return nil, err
	}
	for i, account := range planted[0] {
		f.truth[[2]string{account, planted[1][i]}] = townNumber(planted[2][i])
	}
	return f, nil
}

// people are the accounts that have bought, as peers of one another, with what they
// spent in the year before the cutoff; the result is the row of each.
func (f *townFacts) people(who [][]string, history map[string][]bought, cutoff time.Time) map[string]int {
	rows, names := map[string]int{}, map[string]bool{}
	texts := make([][]string, len(who)-1)
	p := &f.peers
	p.Frame, p.Spend.Start = &frame.Frame{}, []int{0}
	for _, all := range history {
		for _, b := range all {
			names[b.category] = true
		}
	}
	for name := range names {
		p.Categories = append(p.Categories, name)
	}
	slices.Sort(p.Categories)
	var tenure, ever []float64
	for i, account := range who[0] {
		all := history[account]
		if _, twice := rows[account]; twice || len(all) == 0 {
			continue
		}
		rows[account] = len(rows)
		year, first := map[string]float64{}, all[0].at
		for _, b := range all {
			if b.at.Before(first) {
				first = b.at
			}
			year[b.category] += 0 // what was ever bought is asked for
			if !b.at.Before(cutoff.Add(-townYear)) {
				year[b.category] += b.amount
			}
		}
		for k, name := range p.Categories {
			if amount, held := year[name]; held {
				p.Spend.Category, p.Spend.Amount = append(p.Spend.Category, int32(k)), append(p.Spend.Amount, max(amount, 0))
			}
		}
		p.Spend.Start = append(p.Spend.Start, len(p.Spend.Amount))
		p.Frame.Accounts, p.Frame.Cutoffs = append(p.Frame.Accounts, frame.AccountID(account)), append(p.Frame.Cutoffs, frame.Cutoff(cutoff.Unix()))
		tenure, ever = append(tenure, math.Floor(cutoff.Sub(first).Hours()/24)), append(ever, float64(len(year)))
		for k := range texts {
			texts[k] = append(texts[k], who[k+1][i])
		}
		p.Segment = append(p.Segment, who[1][i])
	}
	number := func(name string, column []float64) frame.Column {
		return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: column}
	}
	p.Frame.Columns = append(p.Frame.Columns, number("tenure_days", tenure), number("categories_ever", ever))
	for k, name := range []string{"segment", "region", "industry", "channel", "type"} {
		p.Frame.Columns = append(p.Frame.Columns, category(name, texts[k]))
	}
	return rows
}

// townTime and townNumber read what the town wrote; nothing else is read by them.
func townTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic("the town wrote no time: " + err.Error())
	}
	return t
}

func townNumber(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic("the town wrote no number: " + err.Error())
	}
	return v
}
