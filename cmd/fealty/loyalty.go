package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fealty/model"
	"fealty/model/loyalty"
	"fealty/serving"

	"github.com/spf13/cobra"
)

func newLoyalty(e *env) *cobra.Command {
	o := &worthOptions{}
	c := &cobra.Command{
		Use: "loyalty", Short: "Tell how loyal accounts are, by ten indicators", Args: none,
		Long: `Tells the loyalty score, 0 to 100, with the ten indicators that it is the weighted mean of; what is not measurable here is
left out and its weight goes to the others. cap names the exception that bounds the score, and satisfaction, which surveys tell,
is no part of it. Weights, exceptions and cut points stand under loyalty: in fealty.yaml. The most loyal account comes first.
With --account it also shows each indicator with its weight, in words.`,
		Example: `  fealty loyalty
  fealty loyalty --account A0000007
  fealty loyalty -o csv > loyalty.csv
  fealty loyalty --fit
  fealty loyalty preview --weights new.yaml --account A0000007`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runLoyalty(c.Context(), e, o)
		},
	}
	o.addFlags(c.Flags(), "accounts", "the score beside what happened next, by tenth, and the worth of one point of retention")
	c.AddCommand(newLoyaltyPreview(e))
	return c
}

func runLoyalty(ctx context.Context, e *env, o *worthOptions) error {
	if o.fit {
		fit, err := o.fitted(ctx, e)
		if err != nil {
			return err
		}
		return e.show(loyaltyFit(&fit))
	}
	r, err := perform[serving.LoyaltyResult](ctx, e, o.flags, job{operation: serving.OpLoyalty, request: o.request})
	if err != nil {
		return err
	}
	s := section{head: append(append([]string{"account", "score", "uncapped", "cap"}, loyalty.Names()...), loyalty.ManualWeight, "satisfaction", "response_rate")}
	sections := []section{worthFacts(&r.WorthOf, len(r.Rows)), {}}
	for i := range r.Rows {
		l := &r.Rows[i]
		row := []any{l.Account, l.Score, l.Uncapped, l.Cap}
		for _, name := range append(loyalty.Names(), loyalty.ManualWeight) {
			var value any // empty where the record has no such indicator
			for _, k := range l.Indicators {
				if k.Name == name {
					value = k.Value
				}
			}
			row = append(row, value)
		}
		s.rows = append(s.rows, append(row, l.Satisfaction, l.ResponseRate))
		if len(o.request.Accounts) > 0 {
			sections = append(sections, indicatorsOf(l))
		}
	}
	sections[1] = s
	return e.showWorth(r, &r.WorthOf, sections...)
}

// indicatorsOf tells an account's indicators in words.
func indicatorsOf(l *serving.LoyaltyRow) section {
	s := section{title: "Why " + l.Account, head: []string{"indicator", "value", "weight", "used", "English", "中文"}}
	for _, k := range l.Indicators {
		label, _ := loyalty.WordsOfIndicator(k.Name)
		if why, ok := loyalty.WordsOfWhy(k.Why); ok && k.Why != "" {
			label.EN, label.ZH = label.EN+": "+why.EN, label.ZH+"："+why.ZH
		}
		s.rows = append(s.rows, []any{k.Name, k.Value, k.Weight, k.Used, label.EN, label.ZH})
	}
	return s
}

func loyaltyFit(fit *serving.WorthFitResult) answer {
	l := &fit.Worth.Loyalty
	proof := section{title: "Rank correlation with what happened within the horizon (95 % interval)", head: []string{"of", "with", "value", "low", "high"}}
	for _, c := range []struct {
		of, with string
		model.Interval
	}{
		{"loyalty", "kept", l.Kept}, {"loyalty", "spend", l.Spend}, {"churn model", "kept", l.ChurnKept}, {"churn model", "spend", l.ChurnSpend},
		{"loyalty", "churn model", l.Agreement},
	} {
		proof.rows = append(proof.rows, []any{c.of, c.with, c.Value, c.Low, c.High})
	}
	tenths := section{title: "Tenths of the accounts, the least loyal first", head: []string{"tenth", "accounts", "score", "kept", "spend"}}
	for i, t := range l.Tenths {
		tenths.rows = append(tenths.rows, []any{i + 1, t.Accounts, t.Score, t.Kept, t.Spend})
	}
	measured := section{title: "Accounts with each indicator", head: []string{"indicator", "accounts", "English", "中文"}}
	for _, name := range loyalty.Names() {
		label, _ := loyalty.WordsOfIndicator(name)
		measured.rows = append(measured.rows, []any{name, l.Measured[name], label.EN, label.ZH})
	}
	retention := section{title: "Worth of retention", head: []string{"what", "value", "low", "high", "literature"}, rows: [][]any{
		{"one point more kept over the horizon, " + fit.Currency, l.Point.Value, l.Point.Low, l.Point.High, ""},
		{"gain in value from five points", l.Five.Value, l.Five.Low, l.Five.High, fmt.Sprintf("%v … %v of profit (Reichheld and Sasser 1990)", loyalty.LiteratureLow, loyalty.LiteratureHigh)},
	}}
	return answer{data: fit, rows: 2, sections: []section{
		fitFacts(fit, "why not", l.Why, "accounts whose loyalty and risk contradict each other", l.Stories, "worth of retention is not told because", l.WhyNot),
		proof, tenths, measured, retention,
	}}
}

type previewOptions struct {
	worthOptions
	weights    string
	thresholds []float64
}

func newLoyaltyPreview(e *env) *cobra.Command {
	o := &previewOptions{}
	c := &cobra.Command{
		Use: "preview --weights FILE.yaml", Short: "Show what new weights would do, before they are saved", Args: none,
		Long: `Reads what would stand under loyalty: in fealty.yaml, over the settings that hold, and scores the accounts of the published
run by both: the quantiles of the score, who would gain or lose a score or cross --threshold, and with --account that account
indicator by indicator. Nothing is saved or published.`,
		Example: `  fealty loyalty preview --weights new.yaml
  fealty loyalty preview --weights new.yaml --account A0000007 --threshold 60`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runLoyaltyPreview(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.weights, "weights", "", "the file (- for standard input)")
	f.StringArrayVar(&o.request.Accounts, "account", nil, "an account to show indicator by indicator; give it again for another")
	f.StringVar(&o.request.Cutoff, "cutoff", "", "as of a date or instant (default: that of the published run)")
	f.StringVar(&o.request.Model, "model", "", "by this model (default: that of the published run)")
	f.Float64SliceVar(&o.thresholds, "threshold", nil, "count who would rise to this score or fall below it")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

func runLoyaltyPreview(ctx context.Context, e *env, o *previewOptions) (err error) {
	if o.weights == "" {
		return fmt.Errorf("--weights names no file: %w", serving.ErrInvalid)
	}
	c, err := e.loadConfig(o.flags)
	if err != nil {
		return err
	}
	in, err := e.openInputs([]string{o.weights})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	proposed, err := readLoyalty(in.files[0].Name, in.files[0], c.settings.Worth.Loyalty)
	if err != nil {
		return err
	}
	request := serving.PreviewRequest{WorthRequest: o.request, Loyalty: proposed, Thresholds: o.thresholds}
	r, err := perform[serving.PreviewResult](ctx, e, o.flags, job{operation: serving.OpPreview, request: request})
	if err != nil {
		return err
	}
	deciles := section{title: "Scores", head: []string{"share_of_accounts", "old", "new"}}
	for _, d := range r.Deciles {
		deciles.rows = append(deciles.rows, []any{d.Share, d.Old, d.New})
	}
	sections := []section{worthFacts(&r.WorthOf, len(r.Effects), "mean change", r.MeanChange, "scores changed", r.Changed, "scores gained", r.Gained,
		"scores lost", r.Lost, "rank correlation of old and new", r.RankCorrelation.Value, "exceptions that never hold here", strings.Join(r.AbsentCaps, " ")), deciles}
	if len(r.Crossings) > 0 {
		crossings := section{title: "Thresholds", head: []string{"threshold", "rise_to_it", "fall_below"}}
		for _, t := range r.Crossings {
			crossings.rows = append(crossings.rows, []any{t.Threshold, t.Up, t.Down})
		}
		sections = append(sections, crossings)
	}
	for i := range r.Effects {
		sections = append(sections, effectOn(&r.Effects[i])...)
	}
	return e.showWorth(r, &r.WorthOf, sections...)
}

// effectOn shows what new weights do to an account.
func effectOn(a *serving.LoyaltyEffect) []section {
	s := section{title: "Effect on " + a.Account, head: []string{
		"indicator", "value", "old_weight", "new_weight", "old_points", "new_points", "English", "中文",
	}}
	for _, k := range a.Shifts {
		s.rows = append(s.rows, []any{k.Name, k.Value, k.OldWeight, k.NewWeight, k.OldPoints, k.NewPoints, k.EN, k.ZH})
	}
	s.rows = append(s.rows, []any{"score", nil, nil, nil, a.Old, a.New, "Loyalty " + a.NewCap, "忠诚度 " + a.NewCap})
	words := section{title: "In words, by the new weights", head: []string{"English", "中文"}}
	for k := range a.English {
		words.rows = append(words.rows, []any{a.English[k], a.Chinese[k]})
	}
	return []section{s, words}
}
