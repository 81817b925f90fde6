package serving

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/loyalty"
	"fealty/model/score"
)

// PreviewRequest asks what new settings of loyalty would do, before they are saved.
type PreviewRequest struct {
	WorthRequest
	// Loyalty are the settings proposed, whole.
	Loyalty loyalty.Settings `json:"loyalty"`
	// Thresholds are scores of which it is counted who would cross them.
	Thresholds []float64 `json:"thresholds,omitempty"`
}

// PreviewResult is what they would do.
type PreviewResult struct {
	WorthOf
	// Effects are those on the accounts asked for.
	Effects []LoyaltyEffect `json:"effects,omitempty"`
	// Deciles are the 0, 10 … 100 % quantiles of the scores.
	Deciles []LoyaltyDecile `json:"deciles"`
	// MeanChange is of the accounts with a score by both; Changed of them have
	// another score. Gained have a score only by the new settings, Lost only by the old.
	MeanChange model.Figure `json:"mean_change"`
	Changed    int          `json:"changed"`
	Gained     int          `json:"gained"`
	Lost       int          `json:"lost"`
	// RankCorrelation of the old scores with the new.
	RankCorrelation model.Interval `json:"rank_correlation"`
	Crossings       []Crossing     `json:"crossings,omitempty"`
	// AbsentCaps are exceptions whose column is not there: they never hold.
	AbsentCaps []string `json:"absent_caps,omitempty"`
	// Stray says which of the settings proposed name what is not there.
	Stray []Note `json:"stray,omitempty"`
}

// LoyaltyEffect is that on one account.
type LoyaltyEffect struct {
	Account string            `json:"account"`
	Old     model.Figure      `json:"old"`
	New     model.Figure      `json:"new"`
	OldCap  string            `json:"old_cap,omitempty"`
	NewCap  string            `json:"new_cap,omitempty"`
	Shifts  []IndicatorEffect `json:"indicators"`
	// English and Chinese tell the new score, sentence by sentence.
	English []string `json:"english"`
	Chinese []string `json:"chinese"`
}

// IndicatorEffect is what an indicator adds to the score, before and after: its
// value × the points that it uses.
type IndicatorEffect struct {
	Name      string       `json:"name"`
	EN        string       `json:"en"`
	ZH        string       `json:"zh"`
	Value     model.Figure `json:"value"`
	Why       string       `json:"why,omitempty"`
	OldWeight model.Figure `json:"old_weight"`
	NewWeight model.Figure `json:"new_weight"`
	OldPoints model.Figure `json:"old_points"`
	NewPoints model.Figure `json:"new_points"`
}

// LoyaltyDecile is a quantile of the scores by the old settings and the new.
type LoyaltyDecile struct {
	Share model.Figure `json:"share"`
	Old   model.Figure `json:"old"`
	New   model.Figure `json:"new"`
}

// Crossing counts who would rise to a score or fall below it.
type Crossing struct {
	Threshold model.Figure `json:"threshold"`
	Up        int          `json:"up"`
	Down      int          `json:"down"`
}

// PreviewLoyalty scores the accounts by the settings that hold and by those
// proposed. Nothing is saved or published.
func (s *Service) PreviewLoyalty(ctx context.Context, r PreviewRequest, report func(Progress)) (PreviewResult, error) {
	if err := r.Loyalty.Validate(); err != nil {
		return PreviewResult{}, fmt.Errorf("loyalty: %w: %w", err, ErrInvalid)
	}
	leave, err := s.telling.enter(ctx, report)
	if err != nil {
		return PreviewResult{}, err
	}
	defer leave()
	m, err := s.measure(ctx, r.WorthRequest, report)
	if err != nil {
		return PreviewResult{}, err
	}
	result := PreviewResult{WorthOf: m.of, Deciles: []LoyaltyDecile{}, Stray: s.strayLoyalty(&r.Loyalty, m.crowd)}
	preview := func(row int) (*loyalty.Preview, error) {
		p, err := loyalty.PreviewSettings(ctx, m.input, s.Settings.Worth.Loyalty, r.Loyalty, row, r.Thresholds)
		if err != nil {
			return nil, refused{err}
		}
		return p, nil
	}
	p, err := preview(-1)
	if err != nil {
		return PreviewResult{}, err
	}
	above := map[string]bool{}
	for _, account := range r.accounts() {
		if k, ok := m.crowd.above.index[account]; ok && !m.standings[account].Erased {
			result.Effects = append(result.Effects, effectAbove(account, p.OldAbove[k], p.NewAbove[k]))
			result.Accounts++
			above[string(account)] = true
			continue
		}
		i, known := m.crowd.row[account]
		if !known || !m.shown(i, []frame.AccountID{account}) {
			continue
		}
		one, err := preview(i)
		if err != nil {
			return PreviewResult{}, err
		}
		result.Effects = append(result.Effects, effectOf(one.Account))
	}
	result.Absent = slices.DeleteFunc(result.Absent, func(a Absent) bool { return above[a.Account] })
	for k := range p.NewDeciles {
		old := nan()
		if k < len(p.OldDeciles) {
			old = model.Figure(p.OldDeciles[k])
		}
		result.Deciles = append(result.Deciles, LoyaltyDecile{model.Figure(float64(k) / 10), old, model.Figure(p.NewDeciles[k])})
	}
	result.MeanChange, result.Changed, result.Gained, result.Lost = model.Figure(p.MeanChange), p.Changed, p.Gained, p.Lost
	result.RankCorrelation, result.AbsentCaps = correlation(p.RankCorrelation), p.AbsentCaps
	for _, c := range p.Crossings {
		result.Crossings = append(result.Crossings, Crossing{model.Figure(c.Threshold), c.Up, c.Down})
	}
	return result, nil
}

// effectAbove is the effect on a parent that never bought: it has the mean of those
// below it, and no indicators of its own.
func effectAbove(account frame.AccountID, was, is loyalty.Mean) LoyaltyEffect {
	row := LoyaltyRow{Children: int64(is.Children)}
	if math.IsNaN(is.Score) {
		row.Why = loyalty.TooLittle.String()
	}
	row.say(nil, time.UTC)
	return LoyaltyEffect{
		Account: string(account), Old: model.Figure(was.Score), New: model.Figure(is.Score), Shifts: []IndicatorEffect{},
		English: row.English, Chinese: row.Chinese,
	}
}

func effectOf(e *loyalty.Effect) LoyaltyEffect {
	out := LoyaltyEffect{
		Account: string(e.Old.Account), Old: model.Figure(e.Old.Score), New: model.Figure(e.New.Score),
		English: e.New.Sentences(score.English), Chinese: e.New.Sentences(score.Chinese),
	}
	if e.Old.Cap != nil {
		out.OldCap = e.Old.Cap.Name
	}
	if e.New.Cap != nil {
		out.NewCap = e.New.Cap.Name
	}
	for k := range e.Old.Parts {
		was, is := &e.Old.Parts[k], &e.New.Parts[k]
		out.Shifts = append(out.Shifts, IndicatorEffect{
			Name: was.Indicator.String(), EN: was.Indicator.Label(score.English), ZH: was.Indicator.Label(score.Chinese),
			Value: model.Figure(is.Value), Why: is.Why.String(), OldWeight: model.Figure(was.Asked), NewWeight: model.Figure(is.Asked),
			OldPoints: model.Figure(was.Points), NewPoints: model.Figure(is.Points),
		})
	}
	return out
}
