package ladder

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/model"
	"fealty/model/score"
)

// CardMarkdown writes a card for people to read. Figures that are not defined
// are written as –.
func CardMarkdown(c *model.Card) string {
	var b strings.Builder
	say := func(format string, args ...any) { b.WriteString(score.Counted(format, args...)) }
	say("# Model %s\n\n", c.Version)
	say("Predicts %s churn within %d days of the cutoff. Rung: **%s**. Grade: **%s** (%s).\n\n", c.Label, c.HorizonDays, c.Rung, c.Report.Grade, c.Report.GradeWhy)
	say("| what | value |\n|---|---|\n")
	for _, row := range [][2]string{
		{"trained through", c.TrainedThrough},
		{"training cutoffs", strings.Join(c.TrainCutoffs, ", ")},
		{"training rows", fmt.Sprintf("%d of %d accounts, %s churned", c.Train.Rows, c.Train.Accounts, percent(c.Train.BaseRate))},
		{"test cutoff", c.TestCutoff},
		{"test rows", fmt.Sprintf("%d, %s churned", c.Report.Test.Rows, percent(c.Report.Test.BaseRate))},
		{"came back within the next horizon", percent(c.Report.CameBack)},
		{"active within", activeWithin(c.ActiveWithin)},
		{"rows left out", leftOut(c.Excluded)},
		{"features that it reads", fmt.Sprint(len(c.Features))},
		{"refit on the test rows too", fmt.Sprint(c.Refit)},
		{"seed", fmt.Sprint(c.Seed)},
		{"watermark", fmt.Sprint(c.Watermark)},
		{"engine", c.Engine},
		{"definitions hash", c.DefinitionsHash},
		{"configuration hash", c.ConfigHash},
		{"share of revenue that is margin where no cost is known", fmt.Sprint(c.MarginRate)},
	} {
		say("| %s | %s |\n", row[0], row[1])
	}
	for _, why := range c.Empty {
		say("| columns without values | %s |\n", cell(why))
	}
	say("\n## Rungs on the test cutoff\n\n| rung | AUC | PR-AUC | lift, first tenth | log-loss | Brier | ECE | log-loss on folds | settings |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range c.Ladder {
		if r.Why != "" {
			say("| %s | not fitted: %s | | | | | | | |\n", r.Rung, r.Why)
			continue
		}
		q := r.Test
		say("| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.Rung, number(q.AUC), number(q.PRAUC), number(q.Lift), number(q.LogLoss), number(q.Brier), number(q.ECE), number(r.FoldLogLoss), r.Settings)
	}
	q := c.Report.Quality
	say("\nServed: AUC %s (95 %% %s … %s), %s above the recency rule (%s … %s).\n", number(q.AUC), number(q.AUCLow), number(q.AUCHigh),
		number(c.Report.AboveRule), number(c.Report.AboveRuleLow), number(c.Report.AboveRuleHigh))
	tables(say, &c.Report)
	worthTables(say, c.Worth)
	return b.String()
}

func tables(say func(string, ...any), r *model.Report) {
	say("\n## Gains, riskiest tenth first\n\n| tenth | accounts | churned | rate | lift | caught so far |\n|---|---|---|---|---|---|\n")
	for _, g := range r.Gains {
		say("| %d | %d | %d | %s | %s | %s |\n", g.Tenth, g.Rows, g.Churned, percent(g.Rate), number(g.Lift), percent(g.Caught))
	}
	say("\n## Reliability\n\n| accounts | said | came |\n|---|---|---|\n")
	for _, row := range r.Reliability {
		say("| %d | %s | %s |\n", row.Rows, percent(row.Predicted), percent(row.Observed))
	}
	say("\n## AUC among buyers of like frequency\n\n| third | accounts | churned | AUC | recency rule |\n|---|---|---|---|---|\n")
	for _, row := range r.Thirds {
		say("| %s | %d | %s | %s | %s |\n", row.Third, row.Rows, percent(row.BaseRate), number(row.AUC), number(row.RuleAUC))
	}
	say("\n## What contacting everybody above a probability means\n\n| probability | reached | caught | bothered | of the churned | of the reached |\n|---|---|---|---|---|---|\n")
	for _, row := range r.Thresholds {
		say("| %s | %d | %d | %d | %s | %s |\n", percent(row.Threshold), row.Reached, row.Caught, row.Bothered, percent(row.Recall), percent(row.Precision))
	}
	say("\n## Bands\n\n| band | share | churned |\n|---|---|---|\n")
	for _, row := range r.Bands {
		say("| %s | %s | %s |\n", row.Band, percent(row.Share), percent(row.Observed))
	}
	say("\n## Health\n\n| check | verdict | detail |\n|---|---|---|\n")
	for _, f := range r.Health {
		say("| %s | %s | %s |\n", f.Check, f.Severity, f.Detail)
	}
	say("\n## Importance: mean absolute contribution in log-odds\n\n| feature | mean | share |\n|---|---|---|\n")
	for _, row := range r.Importance {
		say("| %s | %s | %s |\n", row.Feature, number(row.Mean), percent(row.Share))
	}
}

// leftOut tells the reasons in the order of the alphabet.
func leftOut(excluded map[string]int) string {
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(excluded)) {
		parts = append(parts, fmt.Sprintf("%d %s", excluded[why], why))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func activeWithin(days int) string {
	if days == 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%d days", days)
}

func number(f model.Figure) string {
	if math.IsNaN(float64(f)) {
		return "–"
	}
	return fmt.Sprintf("%.3f", float64(f))
}

func percent(f model.Figure) string {
	if math.IsNaN(float64(f)) {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(f))
}
