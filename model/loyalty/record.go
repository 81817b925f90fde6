package loyalty

import (
	"math"
	"slices"

	"fealty/model"
	"fealty/model/score"
)

// Record returns row i in the form in which scores are stored and answered: the
// indicators in order, after them the manual measure where it has points or was
// entered. a is the attitude of the same scores.
func (s *Scores) Record(i int, a *Attitude) score.Loyalty {
	answer := s.answer(i)
	r := score.Loyalty{
		Score: answer.Score, Uncapped: s.uncapped(i), Profile: answer.Profile, Why: answer.Why.String(), Children: int64(answer.Children),
		Satisfaction: a.Values[Satisfaction][i], ResponseRate: a.Values[ResponseRate][i], Attitudes: a.Records(i),
		Indicators: make([]score.Indicator, 0, Indicators+1),
	}
	if answer.Cap != nil {
		r.Cap = answer.Cap.Name
	}
	for k, p := range answer.Parts {
		r.Indicators = append(r.Indicators, score.Indicator{
			Name: p.Indicator.String(), Value: model.Figure(p.Value), Why: p.Why.String(), Weight: model.Figure(p.Asked), Used: model.Figure(p.Used),
			Figures: s.figures(k, i),
		})
	}
	if answer.MeasureAsked > 0 || answer.Measure != nil {
		m := score.Indicator{Name: ManualWeight, Value: model.Figure(math.NaN()), Why: NoValue.String(), Weight: model.Figure(answer.MeasureAsked)}
		if answer.Measure != nil {
			m.Value, m.Why, m.Used = model.Figure(answer.Measure.Value), "", model.Figure(answer.Used)
			m.Author, m.Comment, m.At = answer.Measure.Author, answer.Measure.Comment, answer.Measure.At
		}
		r.Indicators = append(r.Indicators, m)
	}
	return r
}

// RecordAbove returns the mean of an account above the rows in the same form. It has
// neither indicators nor attitude of its own.
func (s *Scores) RecordAbove(k int) score.Loyalty {
	mean := s.Above[k]
	r := score.Loyalty{Score: mean.Score, Uncapped: mean.Score, Children: int64(mean.Children), Satisfaction: math.NaN(), ResponseRate: math.NaN()}
	if math.IsNaN(mean.Score) {
		r.Why = TooLittle.String()
	}
	return r
}

// Places returns, for every row, its commercial value, tier, level, RFM cell, verdict
// with grounds, and breaches, in the form in which they are stored. risk is the
// probability of leaving, nil when not known. Without cut points of spend and without
// a scale the cells are empty. Who is gone has no tier and breaks no policy.
func Places(in Input, risk []float64, settings Settings) ([]score.Place, error) {
	worth, err := Value(in, settings)
	if err != nil {
		return nil, err
	}
	judgements, err := Verdicts(in, worth, risk, settings.Verdicts)
	if err != nil {
		return nil, err
	}
	levels, err := LevelsOf(in, settings.Levels)
	if err != nil {
		return nil, err
	}
	tiers := TiersOf(in.standing(worth.Total), settings.Tiers)
	breaches, err := Breaches(in, tiers, settings.Tiers)
	if err != nil {
		return nil, err
	}
	cells := make([]Cell, in.rows())
	if len(settings.RFM.Spend) > 0 || !math.IsNaN(in.Scale.Quantile("spend_365d", 0)) {
		if cells, err = RFM(in, settings.RFM); err != nil {
			return nil, err
		}
	}
	places := make([]score.Place, in.rows())
	for i := range places {
		places[i] = score.Place{
			Value: worth.Total[i], Existing: worth.Existing[i], Potential: worth.Potential[i], Influence: worth.Influence[i], Learning: worth.Learning[i],
			Tier: string(tiers[i]), Level: string(levels[i]), Cell: cells[i].String(), Verdict: string(judgements[i].Verdict),
			Parts: worth.Parts(i), Because: judgements[i].Records(),
		}
	}
	for _, b := range breaches {
		places[b.Row].Breaches = append(places[b.Row].Breaches, score.Breach{Code: string(b.Kind), Actual: model.Figure(b.Actual), Bound: model.Figure(b.Bound)})
	}
	return places, nil
}

// standing are values without those of the accounts that are gone.
func (in *Input) standing(values []float64) []float64 {
	if in.Gone == nil {
		return values
	}
	out := slices.Clone(values)
	for i, gone := range in.Gone {
		if gone {
			out[i] = math.NaN()
		}
	}
	return out
}
