package serving

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// LoyaltyRequest asks how loyal accounts are.
type LoyaltyRequest struct {
	WorthRequest
	// Story asks for those whose loyalty contradicts their risk of leaving in that way
	// (loyalty.StoryCodes); "" means all.
	Story string `json:"story,omitempty"`
}

// LoyaltyRow is an account's loyalty.
type LoyaltyRow struct {
	Account string `json:"account"`
	// Score is 0 to 100; Uncapped what it would be without the exception Cap. Why is the
	// code of why there is no score, "" when there is one.
	Score    model.Figure `json:"score"`
	Uncapped model.Figure `json:"uncapped"`
	Cap      string       `json:"cap,omitempty"`
	Why      string       `json:"why,omitempty"`
	// Profile names the weights, Story says how the score contradicts the risk of
	// leaving, Children counts the accounts whose mean it is; "" and 0 also where the
	// run told nothing of them.
	Profile    string             `json:"profile,omitempty"`
	Story      string             `json:"story,omitempty"`
	Children   int64              `json:"children,omitempty"`
	Indicators []LoyaltyIndicator `json:"indicators"`
	// Satisfaction and ResponseRate are attitude, no part of the score; Attitudes are
	// all that is known of it.
	Satisfaction model.Figure     `json:"satisfaction"`
	ResponseRate model.Figure     `json:"response_rate"`
	Attitudes    []score.Attitude `json:"attitudes,omitempty"`
	// English and Chinese say what stands behind the score and the attitude, sentence by
	// sentence, of accounts that were asked for by name.
	English []string `json:"english,omitempty"`
	Chinese []string `json:"chinese,omitempty"`
}

// LoyaltyIndicator is an indicator with its group: basic or additional, "" of a measure
// by hand. EN and ZH say its value with the figures behind it, or why it is not
// measurable here, of accounts that were asked for by name; "" where this release has no
// words for it.
type LoyaltyIndicator struct {
	score.Indicator

	Group string `json:"group,omitempty"`
	EN    string `json:"en,omitempty"`
	ZH    string `json:"zh,omitempty"`
}

// LoyaltyResult are loyalties, the most loyal account first.
type LoyaltyResult struct {
	WorthOf
	Rows []LoyaltyRow `json:"rows"`
}

// Loyalties tells the loyalty scores with their indicators, and attitude.
func (s *Service) Loyalties(ctx context.Context, r LoyaltyRequest, report func(Progress)) (result LoyaltyResult, err error) {
	if r.Story != "" && !slices.Contains(loyalty.StoryCodes(), r.Story) {
		return result, fmt.Errorf("story %q is none of %s: %w", r.Story, strings.Join(loyalty.StoryCodes(), ", "), ErrInvalid)
	}
	var rows []LoyaltyRow
	result.WorthOf, err = s.worths(ctx, r.WorthRequest, report, func(w *score.Worth) {
		l := &w.Loyalty
		if r.Story != "" && l.Story != r.Story {
			return
		}
		indicators := make([]LoyaltyIndicator, len(l.Indicators))
		for k := range l.Indicators {
			indicators[k] = LoyaltyIndicator{Indicator: l.Indicators[k], Group: loyalty.Group(l.Indicators[k].Name)}
		}
		rows = append(rows, LoyaltyRow{
			Account: string(w.Account), Score: model.Figure(l.Score), Uncapped: model.Figure(l.Uncapped), Cap: l.Cap, Why: l.Why, Profile: l.Profile,
			Story: l.Story, Children: l.Children, Indicators: indicators,
			Satisfaction: model.Figure(l.Satisfaction), ResponseRate: model.Figure(l.ResponseRate), Attitudes: l.Attitudes,
		})
	})
	if err != nil {
		return result, err
	}
	result.Rows = topRows(rows, r.Limit, func(a, b *LoyaltyRow) int { return largestFirst(float64(a.Score), float64(b.Score)) })
	if len(r.Accounts) == 0 {
		return result, nil
	}
	caps, err := s.capsOf(ctx, result.Run)
	if err != nil {
		return result, err
	}
	for i := range result.Rows {
		result.Rows[i].say(caps, s.Settings.Location())
	}
	return result, nil
}

// capsOf returns the exceptions that held for a run, nil when the settings are others
// now; those of the settings for what is computed anew.
func (s *Service) capsOf(ctx context.Context, run string) ([]loyalty.Cap, error) {
	if run != "" {
		r, err := s.Runs.Run(ctx, run)
		if err != nil {
			return nil, err
		}
		if r.ConfigHash != s.Settings.Hash() {
			return nil, nil
		}
	}
	return s.Settings.Worth.Loyalty.Caps, nil
}

// say puts the indicators, and what else stands behind the score, in words.
func (l *LoyaltyRow) say(caps []loyalty.Cap, zone *time.Location) {
	add := func(w loyalty.Words, ok bool) {
		if ok && w.EN != "" {
			l.English, l.Chinese = append(l.English, w.EN), append(l.Chinese, w.ZH)
		}
	}
	if w, ok := loyalty.WordsOfWhy(l.Why); l.Why != "" {
		add(loyalty.Words{EN: "No loyalty score: " + w.EN, ZH: "无忠诚度评分：" + w.ZH}, ok)
	}
	if l.Profile != "" {
		w := loyalty.WordsOfProfile(l.Profile)
		add(loyalty.Words{EN: "Weighed by: " + w.EN, ZH: "权重：" + w.ZH}, true)
	}
	if l.Children > 0 {
		add(loyalty.WordsOfChildren(l.Children), true)
	}
	add(wordsOfCap(caps, l.Cap))
	for i := range l.Indicators {
		k := &l.Indicators[i]
		if w, ok := loyalty.WordsOfMeasured(k.Indicator); ok {
			k.EN, k.ZH = w.EN, w.ZH
		}
		if k.Author != "" {
			add(loyalty.WordsOfMeasure(k.Indicator, time.Unix(k.At, 0).In(zone).Format(time.DateOnly)), true)
		}
	}
	add(loyalty.WordsOfStory(l.Story))
	for _, a := range l.Attitudes {
		add(loyalty.WordsOfAttitude(a))
	}
}

// wordsOfCap says an exception by its name.
func wordsOfCap(caps []loyalty.Cap, name string) (loyalty.Words, bool) {
	for i := range caps {
		if caps[i].Name == name {
			return caps[i].Words(), true
		}
	}
	return loyalty.Words{}, false
}

// AssessRequest is what a person says of an account by hand, or what the account
// answered to one item.
type AssessRequest struct {
	Account string `json:"account"`
	Item    string `json:"item"`
	// Value lies on 0 … Scale; Scale 0 means 100, and none of an amount. Expectation is
	// nil when it was not asked.
	Value       *float64 `json:"value"`
	Scale       float64  `json:"scale,omitempty"`
	Expectation *float64 `json:"expectation,omitempty"`
	// Kind is judgement or survey; "" is judgement.
	Kind    string `json:"kind,omitempty"`
	Person  string `json:"person,omitempty"`
	Author  string `json:"author,omitempty"`
	Comment string `json:"comment,omitempty"`
	// At is the day on which it was said, "" now.
	At string `json:"at,omitempty"`
}

// AssessResult says what was taken, and what it does.
type AssessResult struct {
	features.LoadReport
	Notes []Note `json:"notes,omitempty"`
}

// Assess takes an assessment, recorded now. Scores take it up with their next run.
func (s *Service) Assess(ctx context.Context, r AssessRequest) (result AssessResult, err error) {
	now := s.now()
	if r.Value == nil {
		return result, fmt.Errorf("no value is given: %w", ErrInvalid)
	}
	a := features.Assessment{
		Account: frame.AccountID(r.Account), Person: r.Person, Item: r.Item, Value: *r.Value, Scale: r.Scale, Expectation: math.NaN(),
		Kind: r.Kind, Author: r.Author, Comment: r.Comment, At: now.Unix(), Recorded: now.Unix(),
	}
	if a.Kind == "" {
		a.Kind = features.Judgement
	}
	if a.Scale == 0 && a.Item != features.AssessedLearning {
		a.Scale = 100
	}
	if r.Expectation != nil {
		a.Expectation = *r.Expectation
	}
	if r.At != "" {
		at, err := time.ParseInLocation(time.DateOnly, r.At, s.Settings.Location())
		if err != nil {
			return result, fmt.Errorf("day %q is no day such as 2026-01-01: %w", r.At, ErrInvalid)
		}
		if at.After(now) {
			return result, fmt.Errorf("day %s has not begun: %w", r.At, ErrInvalid)
		}
		a.At = at.Unix()
	}
	if err := a.Validate(); err != nil {
		return result, refused{err}
	}
	if err := s.knows(ctx, a.Account); err != nil {
		return result, err
	}
	if result.LoadReport, err = s.Facts.Assess(ctx, a); err != nil {
		return result, fmt.Errorf("take the assessment of account %q: %w", r.Account, err)
	}
	if a.Item == features.AssessedLoyalty && !s.Settings.Worth.Loyalty.Measures() {
		result.Notes = append(result.Notes, Note{
			EN: "The weights give a measure by hand no points, so that it is shown beside the score and does not change it; give manual points under loyalty.weights.",
			ZH: "当前权重未给人工评定分配分值：它仅显示在评分旁，不改变评分；请在loyalty.weights中为manual分配分值。",
		})
	}
	return result, nil
}
