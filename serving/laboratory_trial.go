package serving

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/metrics"
)

// undefined is a figure that can't be told.
var undefined = model.Figure(math.NaN())

// measure says what a definition turned out to be like.
func (b *bench) measure(segments map[frame.AccountID]string) (Trial, error) {
	t := Trial{
		Cutoffs: len(b.at), Rows: len(b.rows), Touched: b.touched, Excluded: b.excluded,
		BaseRate: undefined, CameBack: undefined, CameBack30: undefined, AUC: undefined, AUCError: undefined, BaseRateSpread: undefined, AUCSpread: undefined,
	}
	if t.Rows == 0 {
		return t, nil
	}
	accounts, back := map[frame.AccountID]bool{}, 0.0
	y, silence, ratio := make([]float64, t.Rows), make([]float64, t.Rows), make([]float64, t.Rows)
	usual := medianGap(b.rows)
	for i := range b.rows {
		r := &b.rows[i]
		accounts[r.account] = true
		y[i], silence[i] = r.lost, r.silence
		// An account without a gap of its own is measured by the others'.
		gap := r.gap
		if !(gap > 0) {
			gap = usual
		}
		ratio[i] = r.silence / gap
		t.lost += int(r.lost)
		if !math.IsNaN(r.back) {
			back += r.back
			t.Returnable++
		}
	}
	t.Accounts, t.BaseRate = len(accounts), model.Figure(float64(t.lost)/float64(t.Rows))
	if t.Returnable > 0 {
		share := back / float64(t.Returnable)
		t.CameBack = model.Figure(share)
		t.CameBack30 = model.Figure(1 - math.Pow(1-share, 30/float64(b.Label.HorizonDays)))
	}
	score := silence
	auc, err := area(y, silence)
	if err != nil {
		return t, err
	}
	t.Rule, t.AUC = recencyColumn, auc
	if auc, err = area(y, ratio); err != nil {
		return t, err
	}
	if auc > t.AUC {
		t.Rule, t.AUC, score = ratioColumn, auc, ratio
	}
	if t.AUCError, err = b.spread(y, score); err != nil {
		return t, err
	}
	if err := b.stability(&t, segments, y, score); err != nil {
		return t, err
	}
	return t, nil
}

// medianGap is the middle of the rows' own gaps, 1 when none has any.
func medianGap(rows []trialRow) float64 {
	var gaps []float64
	for i := range rows {
		if rows[i].gap > 0 {
			gaps = append(gaps, rows[i].gap)
		}
	}
	if len(gaps) == 0 {
		return 1
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// area is the AUC, undefined when a class has no row.
func area(y, score []float64) (model.Figure, error) {
	auc, err := metrics.AUC(y, score, nil)
	switch {
	case errors.Is(err, metrics.ErrOneClass):
		return undefined, nil
	case err != nil:
		return undefined, fmt.Errorf("measure the recency rule: %w", err)
	}
	return model.Figure(auc), nil
}

// spread is the standard error of an AUC by the jackknife over groups of
// accounts: √((g − 1)/g · Σ(θᵢ − θ̄)²) of the AUCs θᵢ without group i (Efron and
// Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11). Rows of one
// account at several cutoffs are no independent draws.
func (b *bench) spread(y, score []float64) (model.Figure, error) {
	group := make([]uint32, len(y))
	for i := range group {
		h := fnv.New32a()
		_, _ = h.Write([]byte(b.rows[i].account)) // a hash takes everything
		group[i] = h.Sum32() % jackknives
	}
	var areas []float64
	without, scores := make([]float64, 0, len(y)), make([]float64, 0, len(y))
	for g := range uint32(jackknives) {
		without, scores = without[:0], scores[:0]
		for i := range y {
			if group[i] != g {
				without, scores = append(without, y[i]), append(scores, score[i])
			}
		}
		if len(without) == 0 {
			return undefined, nil
		}
		a, err := area(without, scores)
		if err != nil || math.IsNaN(float64(a)) {
			return undefined, err
		}
		areas = append(areas, float64(a))
	}
	mean, sum := 0.0, 0.0
	for _, a := range areas {
		mean += a / jackknives
	}
	for _, a := range areas {
		sum += (a - mean) * (a - mean)
	}
	return model.Figure(math.Sqrt(sum * (jackknives - 1) / jackknives)), nil
}

// stability fills in how far apart the segments are.
func (b *bench) stability(t *Trial, segments map[frame.AccountID]string, y, score []float64) error {
	of := make([]string, len(y))
	if segments != nil {
		for i := range of {
			of[i] = segments[b.rows[i].account]
		}
	} else {
		order := make([]int, len(y))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(b.rows[i].pace, b.rows[j].pace) })
		for k, i := range order {
			of[i] = [...]string{"rare", "middling", "frequent"}[k*3/len(order)]
		}
	}
	ys, scores := map[string][]float64{}, map[string][]float64{}
	for i, name := range of {
		if name != "" {
			ys[name], scores[name] = append(ys[name], y[i]), append(scores[name], score[i])
		}
	}
	var rates, areas []float64
	for name, part := range ys {
		lost := 0.0
		for _, v := range part {
			lost += v
		}
		if lost < leastClass || float64(len(part))-lost < leastClass {
			continue
		}
		a, err := area(part, scores[name])
		if err != nil {
			return err
		}
		rates, areas = append(rates, lost/float64(len(part))), append(areas, float64(a))
	}
	if t.Segments = len(rates); t.Segments > 1 {
		t.BaseRateSpread = model.Figure(slices.Max(rates) - slices.Min(rates))
		t.AUCSpread = model.Figure(slices.Max(areas) - slices.Min(areas))
	}
	return nil
}
