package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
	"fealty/serving"

	"github.com/spf13/cobra"
)

type loyaltyOptions struct {
	worthOptions
	story       string
	definitions bool
}

func newLoyalty(e *env) *cobra.Command {
	o := &loyaltyOptions{}
	c := &cobra.Command{
		Use: "loyalty", Short: "Tell how loyal accounts are, by ten indicators", Args: none,
		Long: `Tells the loyalty score, 0 to 100, with the ten indicators that it is the weighted mean of; what is not measurable here is
left out and its weight goes to the others (--definitions shows how each is computed, and its weight). cap names the exception
that bounds the score. The score of a parent is the mean of its children's, weighted by existing value. Attitude is no part of
it: satisfaction by surveys, complaints, emotional and conscious loyalty, delivered value, each with what it rests on or why it
is not measured. story flags an account whose loyalty and risk of leaving contradict each other. Weights, exceptions and cut
points stand under loyalty: in fealty.yaml. The most loyal account comes first. With --account it also shows each indicator with
its weight and the figures that it was computed from, and all the rest, in words; -o json tells those figures of every account.`,
		Example: `  fealty loyalty
  fealty loyalty --account A0000007
  fealty loyalty --story loyal_yet_leaving
  fealty loyalty -o csv > loyalty.csv
  fealty loyalty --definitions
  fealty loyalty --fit
  fealty loyalty assess --account A0000007 --item loyalty --value 80 --author 'Li Wei' --comment 'signs for three years'
  fealty loyalty preview --weights new.yaml --account A0000007`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.parsed(e, c.Flags()); err != nil {
				return err
			}
			return runLoyalty(c.Context(), e, o)
		},
	}
	o.addFlags(c.Flags(), "accounts", "the score beside what happened next, by tenth, and the worth of one point of retention")
	c.Flags().StringVar(&o.story, "story", "", "only accounts of which loyalty and risk tell opposite stories: "+strings.Join(loyalty.StoryCodes(), " or "))
	c.Flags().BoolVar(&o.definitions, "definitions", false, "show the ten indicators: how each is computed, of which columns, and its weight")
	c.AddCommand(newLoyaltyPreview(e), newLoyaltyAssess(e))
	return c
}

func runLoyalty(ctx context.Context, e *env, o *loyaltyOptions) error {
	switch {
	case o.definitions && (o.fit || o.story != "" || len(o.request.Accounts) > 0 || o.request.Cutoff != "" || o.request.Model != ""):
		return fmt.Errorf("--definitions shows how indicators are computed, of no account and no model: %w", serving.ErrInvalid)
	case o.fit && o.story != "":
		return fmt.Errorf("--fit shows what a model learnt, and no accounts of a story: %w", serving.ErrInvalid)
	case o.definitions:
		c, err := e.loadConfig(o.flags)
		if err != nil {
			return err
		}
		return e.show(loyaltyDefinitions(&c.settings.Worth.Loyalty))
	case o.fit:
		fit, err := o.fitted(ctx, e)
		if err != nil {
			return err
		}
		return e.show(loyaltyFit(&fit))
	}
	request := serving.LoyaltyRequest{WorthRequest: o.request, Story: o.story}
	r, err := perform[serving.LoyaltyResult](ctx, e, o.flags, job{operation: serving.OpLoyalty, request: request})
	if err != nil {
		return err
	}
	s := section{head: slices.Concat([]string{"account", "score", "uncapped", "cap"}, loyalty.Names(), []string{loyalty.ManualWeight, "satisfaction", "response_rate"},
		attitudesApart, []string{"story", "profile", "children", "why"})}
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
		row = append(row, l.Satisfaction, l.ResponseRate)
		for _, name := range attitudesApart {
			var value any // empty where the record has no such number
			for _, a := range l.Attitudes {
				if a.Name == name {
					value = a.Value
				}
			}
			row = append(row, value)
		}
		s.rows = append(s.rows, append(row, l.Story, l.Profile, l.Children, l.Why))
		if len(o.request.Accounts) > 0 {
			sections = append(sections, indicatorsOf(l), inWords(l))
		}
	}
	sections[1] = s
	return e.showWorth(r, &r.WorthOf, sections...)
}

// attitudesApart are the numbers of attitude that have columns beside satisfaction
// and response rate.
var attitudesApart = []string{loyalty.Emotional.String(), loyalty.Behavioural.String(), loyalty.Conscious.String(), loyalty.Delivered.String()}

// inWords tells what stands behind an account's score, and its attitude.
func inWords(l *serving.LoyaltyRow) section {
	s := section{title: "In words 说明", head: []string{"English", "中文"}}
	for k := range l.English {
		s.rows = append(s.rows, []any{l.English[k], l.Chinese[k]})
	}
	return s
}

// indicatorsOf tells an account's indicators, with the figures behind them in words.
func indicatorsOf(l *serving.LoyaltyRow) section {
	s := section{title: "Why " + l.Account + " 依据", head: []string{"indicator", "group", "value", "weight", "used", "English", "中文"}}
	for i := range l.Indicators {
		k := &l.Indicators[i]
		s.rows = append(s.rows, []any{k.Name, groupOf(k.Group), k.Value, k.Weight, k.Used, k.EN, k.ZH})
	}
	return s
}

// groupOf names a group of indicators in both languages; a measure by hand is of none.
func groupOf(code string) string {
	w, ok := loyalty.WordsOfGroup(code)
	if !ok {
		return code
	}
	return code + " " + w.ZH
}

// definitionOf is one of the ten indicators as it is published.
type definitionOf struct {
	Number     int          `json:"number"`
	Indicator  string       `json:"indicator"`
	Basic      bool         `json:"basic"`
	Weight     model.Figure `json:"weight"`
	Onboarding model.Figure `json:"onboarding_weight"`
	EN         string       `json:"en"`
	ZH         string       `json:"zh"`
	Formula    string       `json:"formula"`
	FormulaZH  string       `json:"formula_zh"`
	Columns    []string     `json:"columns"`
}

// loyaltyDefinitions show how the ten indicators are computed, with their weights.
func loyaltyDefinitions(settings *loyalty.Settings) answer {
	s := section{title: "The ten indicators 十项指标", head: []string{
		"number", "indicator", "group", "weight", "onboarding_weight", "English", "中文", "formula", "公式", "columns",
	}}
	var all []definitionOf
	for _, d := range loyalty.Definitions() {
		name := d.Indicator.String()
		words, _ := loyalty.WordsOfIndicator(name)
		of := definitionOf{
			Number: int(d.Indicator) + 1, Indicator: name, Basic: d.Basic, Weight: model.Figure(settings.Weights[name]),
			Onboarding: model.Figure(settings.Onboarding.Weights[name]), EN: words.EN, ZH: words.ZH,
			Formula: d.Formula(score.English), FormulaZH: d.Formula(score.Chinese), Columns: d.Columns(),
		}
		all = append(all, of)
		s.rows = append(s.rows, []any{of.Number, name, groupOf(loyalty.Group(name)), of.Weight, of.Onboarding, of.EN, of.ZH, of.Formula, of.FormulaZH, strings.Join(of.Columns, " ")})
	}
	return answer{data: all, sections: []section{s}}
}

func loyaltyFit(fit *serving.WorthFitResult) answer {
	l := &fit.Worth.Loyalty
	proof := section{title: "Rank correlation with what happened within the horizon (95 % interval) 与期内实际结果的秩相关（95%区间）", head: []string{"of", "with", "value", "low", "high"}}
	for _, c := range []struct {
		of, with string
		model.Interval
	}{
		{"loyalty", "kept", l.Kept}, {"loyalty", "spend", l.Spend}, {"churn model", "kept", l.ChurnKept}, {"churn model", "spend", l.ChurnSpend},
		{"loyalty", "churn model", l.Agreement},
	} {
		proof.rows = append(proof.rows, []any{c.of, c.with, c.Value, c.Low, c.High})
	}
	tenths := section{title: "Tenths of the accounts, the least loyal first, beside tenths by the churn model, the least likely to stay first " +
		"客户十等分（忠诚度由低到高），旁为按流失模型（留存概率由低到高）的十等分", head: []string{"tenth", "accounts", "score", "kept", "spend", "churn_stay", "churn_kept", "churn_spend"}}
	for i, t := range l.Tenths {
		row := []any{i + 1, t.Accounts, t.Score, t.Kept, t.Spend, nil, nil, nil}
		if t.Churn != nil {
			row = append(row[:5], t.Churn.Score, t.Churn.Kept, t.Churn.Spend)
		}
		tenths.rows = append(tenths.rows, row)
	}
	measured := section{title: "Accounts with each indicator 各指标可衡量的客户数", head: []string{"indicator", "accounts", "English", "中文"}}
	for _, name := range loyalty.Names() {
		label, _ := loyalty.WordsOfIndicator(name)
		measured.rows = append(measured.rows, []any{name, l.Measured[name], label.EN, label.ZH})
	}
	retention := section{title: "Worth of retention 留存的价值", head: []string{"English", "中文"}}
	if fit.RetentionEN != "" {
		retention.rows = [][]any{{fit.RetentionEN, fit.RetentionZH}}
	}
	return answer{data: fit, rows: 2, sections: []section{
		fitFacts(fit, "why not 未评估原因", whySaid(fit.Whys.Loyalty, l.Why), "accounts whose loyalty and risk contradict each other 忠诚度与流失风险矛盾的客户", l.Stories,
			"worth of retention is not told because 未给出留存价值的原因", whySaid(fit.Whys.Retention, l.WhyNot)),
		proof, tenths, measured, retention,
	}}
}

// notesOf shows what a person should look at.
func notesOf(notes []serving.Note) section {
	s := section{title: "Notes 提示", head: []string{"English", "中文"}}
	for _, n := range notes {
		s.rows = append(s.rows, []any{n.EN, n.ZH})
	}
	return s
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
	deciles := section{title: "Scores 评分分布", head: []string{"share_of_accounts", "old", "new"}}
	for _, d := range r.Deciles {
		deciles.rows = append(deciles.rows, []any{d.Share, d.Old, d.New})
	}
	sections := []section{worthFacts(&r.WorthOf, len(r.Effects), "mean change 平均变化", r.MeanChange, "scores changed 评分改变", r.Changed, "scores gained 新获评分", r.Gained,
		"scores lost 失去评分", r.Lost, "rank correlation of old and new 新旧秩相关", r.RankCorrelation.Value, "exceptions that never hold here 此处永不生效的例外", strings.Join(r.AbsentCaps, " ")), deciles}
	if len(r.Crossings) > 0 {
		crossings := section{title: "Thresholds 阈值", head: []string{"threshold", "rise_to_it", "fall_below"}}
		for _, t := range r.Crossings {
			crossings.rows = append(crossings.rows, []any{t.Threshold, t.Up, t.Down})
		}
		sections = append(sections, crossings)
	}
	if len(r.Stray) > 0 {
		sections = append(sections, notesOf(r.Stray))
	}
	for i := range r.Effects {
		sections = append(sections, effectOn(&r.Effects[i])...)
	}
	return e.showWorth(r, &r.WorthOf, sections...)
}

// effectOn shows what new weights do to an account.
func effectOn(a *serving.LoyaltyEffect) []section {
	s := section{title: "Effect on " + a.Account + " 影响", head: []string{
		"indicator", "value", "old_weight", "new_weight", "old_points", "new_points", "English", "中文",
	}}
	for _, k := range a.Shifts {
		s.rows = append(s.rows, []any{k.Name, k.Value, k.OldWeight, k.NewWeight, k.OldPoints, k.NewPoints, k.EN, k.ZH})
	}
	s.rows = append(s.rows, []any{"score", nil, nil, nil, a.Old, a.New, "Loyalty " + a.NewCap, "忠诚度 " + a.NewCap})
	words := section{title: "In words, by the new weights 按新权重的说明", head: []string{"English", "中文"}}
	for k := range a.English {
		words.rows = append(words.rows, []any{a.English[k], a.Chinese[k]})
	}
	return []section{s, words}
}
