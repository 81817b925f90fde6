package ladder

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"fealty/model"
	"fealty/model/lifetime"
)

// worthTables writes what was fitted and found of worth; nothing without it.
func worthTables(say func(string, ...any), w *model.WorthCard) {
	if w == nil {
		return
	}
	say("\n# What accounts are worth\n\nLearnt of %d accounts, as of the test cutoff, and held against what came after it.\n", w.Accounts)
	lifetimeTables(say, &w.Lifetime)
	walletTables(say, &w.Wallet)
	crossSellTables(say, w.CrossSell)
	loyaltyTables(say, &w.Loyalty)
	decisionTables(say, w.Decision)
}

func lifetimeTables(say func(string, ...any), l *model.LifetimeCard) {
	say("\n## Lifetime\n\n")
	if l.Model == "" {
		say("No lifetime model: %s.\n", l.Why)
	} else {
		lifetimeFits(say, l)
	}
	say("\nMean absolute error of spend within the horizon: run-rate %s, lifetime model %s; spend is forecast by %s.", figure(l.RunRate), figure(l.Forecast), l.SpendBy)
	if l.Judged > 0 {
		say(" That is of %d accounts; of %d, not a horizon old, there is no run-rate.", l.Judged, l.TooYoung)
	}
	if s := l.Stayed; s != nil {
		say(" Of the %d that stayed, which value at risk is of: run-rate %s, lifetime model %s; by %s.", s.Accounts, figure(s.RunRate), figure(s.Forecast), s.By)
	}
	if l.ReturnsOutweigh+l.NoHistory > 0 {
		say(" Nothing is told of %d accounts whose returns outweigh their purchases and of %d without a history.", l.ReturnsOutweigh, l.NoHistory)
	}
	if c := l.Coverage; c != nil {
		say(" The %s interval of spend within the horizon held %s of %d accounts; %s came to more.", percent(c.Target), percent(c.Inside), c.Accounts, percent(c.Above))
	}
	if r := l.Returns; r != nil {
		say(" Of %d lapsed accounts %s were expected to buy again within the horizon, and %d did.", r.Accounts, figure(r.Expected), r.Returned)
	}
	say("\n")
}

// lifetimeFits writes the models tried and the parameters of the one that serves.
func lifetimeFits(say func(string, ...any), l *model.LifetimeCard) {
	say("Purchases by %s of %d accounts, log-likelihood %s; frequency and mean spend correlate %s. The value is the margin of %d months at a discount of %s a month",
		l.Model, l.Accounts, figure(l.LogLikelihood), number(l.Correlation), l.Months, percent(l.Discount))
	if l.ValueBy != "" {
		say(", by %s", l.ValueBy)
	}
	if l.Draws > 0 {
		say("; its %s interval is of %d drawn futures", percent(l.Interval), l.Draws)
	}
	say(".\n")
	if l.Instead != "" {
		say("\nNobody leaves in it, since no model with departures has an optimum: %s.\n", l.Instead)
	}
	if l.SpendWhy != "" {
		say("\nThere is no model of spend: %s.\n", l.SpendWhy)
	}
	if len(l.Models) > 0 {
		say("\n| model tried | log-likelihood | mean absolute error of spend | used | why not |\n|---|---|---|---|---|\n")
		for _, m := range l.Models {
			used := "no"
			if m.Used {
				used = "yes"
			}
			likelihood := figure(m.LogLikelihood)
			if lifetime.Kind(m.Model).Discrete() { // of months, which does not compare with that of days
				likelihood = "–"
			}
			say("| %s | %s | %s | %s | %s |\n", m.Model, likelihood, figure(m.MAE), used, cell(m.Why))
		}
	}
	say("\n| of | segment | parameter | value | standard error |\n|---|---|---|---|---|\n")
	parameters := func(of, segment string, all []model.Parameter) {
		for _, p := range all {
			say("| %s | %s | %s | %s | %s |\n", of, cell(segment), p.Name, figure(p.Value), figure(p.StandardError))
		}
	}
	parameters("purchases", "", l.Purchases)
	parameters("spend", "", l.Spend)
	for _, s := range l.Segments {
		parameters("purchases", s.Segment, s.Parameters)
		parameters("spend", s.Segment, s.SpendParameters)
	}
	say("\n| segment | accounts | repeat buyers | purchases told by | spend told by | problem |\n|---|---|---|---|---|---|\n")
	for _, s := range l.Segments {
		say("| %s | %d | %d | %s | %s | %s |\n", cell(s.Segment), s.Accounts, s.RepeatBuyers, s.Purchases, s.Spend, cell(joined(s.PurchasesProblem, s.SpendProblem)))
	}
}

func walletTables(say func(string, ...any), w *model.WalletCard) {
	say("\n## Wallet\n\n")
	if w.Why != "" {
		say("No wallets: %s.\n", w.Why)
		return
	}
	say("%d declared wallets among %d accounts; %d of them below the account's own spend, which is taken instead.\n", w.Declared, w.Accounts, w.Below)
	trialLine(say, "the churn model", w.Columns)
	say("\n| category | peers | serves | pinball loss of boosting | of neighbours | of a constant | note |\n|---|---|---|---|---|---|---|\n")
	for _, c := range w.Categories {
		say("| %s | %d | %s | %s | %s | %s | %s |\n", cell(c.Category), c.Peers, c.Serves, number(c.Boosting), number(c.Neighbours), number(c.Constant), cell(joined(c.Why, c.Suspect, c.EN, c.ZH)))
	}
	if w.Unasked > 0 {
		say("\nOf %d more categories, which fewer accounts buy, no wallet is told; what is spent in them counts as unknown.\n", w.Unasked)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Unmet)) {
		say("\nIn %q %d wallets stand declared, and it is none of the categories above: misspelt, or bought by too few.\n", cell(name), w.Unmet[name])
	}
	say("\n| segment | category | held out | accounts | target | inside | median high ÷ low | rank correlation | narrow enough to act on | of those inside |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range w.Coverage {
		acted, held := "", ""
		if c.Acted != nil {
			acted, held = strconv.Itoa(c.Acted.Accounts), percent(c.Acted.Inside)
		}
		say("| %s | %s | %s | %d | %s | %s | %s | %s | %s | %s |\n", cell(orAll(c.Segment)), cell(orAll(c.Category)), c.Basis, c.Accounts, percent(c.Target), percent(c.Inside),
			figure(c.Width), number(c.Correlation), acted, held)
	}
	for _, s := range w.Shares {
		say("\nShares of wallet, %s: the usual one of %d declared years is %s, and weighs as much as %s purchases of the account's own.\n",
			cell(orAll(s.Category)), s.Accounts, percent(s.Usual), figure(s.Concentration))
	}
	for _, why := range w.Unshared {
		say("\nNo model of shares: %s.\n", cell(why))
	}
}

// trialLine says what columns of the wallet add to a model; nothing where they
// were off.
func trialLine(say func(string, ...any), of string, t *model.ColumnTrial) {
	switch {
	case t == nil:
		return
	case t.Why != "":
		say("\nColumns of the estimated wallet were not tried for %s: %s.\n", of, t.Why)
	default:
		kept := "not kept"
		if t.Kept {
			kept = "kept"
		}
		say("\nColumns of the estimated wallet for %s: on folds, log-loss %s and AUC %s with them, %s and %s without (gain %s ± %s); %s.\n", of,
			number(t.FoldLogLossWith), number(t.FoldAUCWith), number(t.FoldLogLossWithout), number(t.FoldAUCWithout), number(t.Gain), number(t.GainError), kept)
	}
	if t.EN != "" {
		say("\n%s %s\n", t.EN, t.ZH)
	}
}

// orAll is the name of a group, "all" for that of everybody.
func orAll(name string) string {
	if name == "" {
		return "all"
	}
	return name
}

// cell is a name out of the data, so that it stays in its cell.
func cell(text string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(text) }

// joined are those texts that say something.
func joined(texts ...string) string {
	out := ""
	for _, text := range texts {
		if text != "" && out != "" {
			out += "; "
		}
		out += text
	}
	return out
}

func crossSellTables(say func(string, ...any), all []model.CrossSellCard) {
	say("\n## What is bought next\n")
	for _, c := range all {
		if c.Why != "" {
			say("\nNothing is recommended by %s: %s.\n", c.Key, c.Why)
			continue
		}
		fitted := strings.TrimSpace(c.EN + " " + c.ZH)
		if fitted == "" {
			fitted = fmt.Sprintf("%d, of which %d in the closed form and %d by likeness to one.", c.Items, c.Dense, c.Tail)
		}
		say("\nBy %s: %s\n", c.Key, fitted)
		walletTrial(say, c.Wallet)
		say("\n| kind | offered | bought | AUC | of popularity | log-loss | of popularity | ECE | NDCG@10 | of the list alone |\n|---|---|---|---|---|---|---|---|---|---|\n")
		for _, q := range c.Quality {
			say("| %s | %d | %d | %s | %s | %s | %s | %s | %s | %s |\n", q.Kind, q.Rows, q.Bought, number(q.AUC), number(q.PopularAUC),
				number(q.LogLoss), number(q.PopularLogLoss), number(q.ECE), number(q.NDCG), number(q.BaseNDCG))
		}
	}
}

func loyaltyTables(say func(string, ...any), l *model.LoyaltyCard) {
	say("\n## Loyalty\n\n")
	if l.Why != "" {
		say("Not validated: %s.\n", l.Why)
		return
	}
	say("Rank correlation with what happened within the horizon (95 %% interval):\n\n| of | with being kept | with spend |\n|---|---|---|\n")
	say("| loyalty | %s | %s |\n| the churn model's probability of staying | %s | %s |\n", interval(l.Kept), interval(l.Spend), interval(l.ChurnKept), interval(l.ChurnSpend))
	say("\nLoyalty and the churn model agree by %s; of %d accounts they tell opposite stories.\n", interval(l.Agreement), l.Stories)
	say("\n| tenth, least loyal first | accounts | score | kept | spend | by the churn model: kept | spend |\n|---|---|---|---|---|---|---|\n")
	for i, t := range l.Tenths {
		kept, spend := "", ""
		if t.Churn != nil {
			kept, spend = percent(t.Churn.Kept), figure(t.Churn.Spend)
		}
		say("| %d | %d | %s | %s | %s | %s | %s |\n", i+1, t.Accounts, figure(t.Score), percent(t.Kept), figure(t.Spend), kept, spend)
	}
	say("\n| indicator | accounts with it |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(l.Measured)) {
		say("| %s | %d |\n", name, l.Measured[name])
	}
	if l.WhyNot != "" {
		say("\nThe worth of retention is not told: %s.\n", l.WhyNot)
		return
	}
	say("\nOne point more kept over the horizon is worth %s (%s … %s); five points raise the value of the base by %s (%s … %s), where the literature says 25 %% to 85 %% of profit (Reichheld and Sasser 1990).\n",
		figure(l.Point.Value), figure(l.Point.Low), figure(l.Point.High), percent(l.Five.Value), percent(l.Five.Low), percent(l.Five.High))
}

func interval(i model.Interval) string {
	return fmt.Sprintf("%s (%s … %s)", number(i.Value), number(i.Low), number(i.High))
}

// figure is a number of any size: two places from 100 on, four digits below.
func figure(f model.Figure) string {
	switch v := math.Abs(float64(f)); {
	case math.IsNaN(v):
		return "–"
	case v >= 100:
		return fmt.Sprintf("%.2f", float64(f))
	}
	return fmt.Sprintf("%.4g", float64(f))
}
