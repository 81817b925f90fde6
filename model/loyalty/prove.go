package loyalty

import (
	"fmt"
	"math"
	"slices"

	"fealty/model/metrics"
	"fealty/model/score"
)

// Correlation is Spearman's rank correlation with its 95 % interval.
type Correlation struct {
	Value, Low, High float64
	// N is the number of pairs; Value is NaN with fewer than 4 and when one side is
	// constant.
	N int
}

// Spearman returns the rank correlation of the pairs of which both are there, ties
// at their mean rank. The interval is Fisher's z with the standard error
// √((1 + ρ²/2) ÷ (n − 3)) of Bonett and Wright (Psychometrika 65 (2000) 23–28). It
// panics if lengths differ.
func Spearman(a, b []float64) Correlation {
	if len(a) != len(b) {
		panic("loyalty: Spearman of different lengths")
	}
	var x, y []float64
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			x, y = append(x, a[i]), append(y, b[i])
		}
	}
	c := Correlation{N: len(x), Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
	if len(x) < 4 {
		return c
	}
	if c.Value = metrics.Spearman(x, y); math.IsNaN(c.Value) {
		return c
	}
	z := math.Atanh(c.Value)
	half := 1.959963984540054 * math.Sqrt((1+c.Value*c.Value/2)/float64(len(x)-3))
	c.Low, c.High = math.Tanh(z-half), math.Tanh(z+half)
	return c
}

// Tenth is one tenth of the accounts by a score, and what happened to it next.
type Tenth struct {
	N int
	// Score is the mean score, Kept the share of accounts that bought again, Spend
	// their mean later spend; NaN when not known.
	Score, Kept, Spend float64
}

// Against is how well one score foretold what happened.
type Against struct {
	Kept, Spend Correlation
	// Tenths are from the lowest score to the highest.
	Tenths []Tenth
}

// Story is an account whose loyalty and risk of leaving contradict each other.
type Story struct {
	Row int
	// Loyal tells "loyal, yet likely to leave" from "not loyal, yet likely to stay".
	Loyal bool
	// Loyalty and Risk are the percentiles of the two.
	Loyalty, Risk float64
}

// Proof sets the score beside what happened next, and beside the churn model.
type Proof struct {
	Loyalty Against
	// Churn is the same for 1 − risk: the probability of staying. Nil without risks.
	Churn *Against
	// Agreement is the rank correlation of loyalty with the probability of staying.
	Agreement Correlation
	// Stories are the contradictions, in row order.
	Stories []Story
}

// Prove validates scores as of a cutoff by what happened after it: kept is 1 or 0,
// spend the later spend, risk the churn model's probability (nil without one); NaN is
// not known. The outcome is read here and
// nowhere else: the score has no label.
func Prove(loyalty, kept, spend, risk []float64, rule Disagreement) (*Proof, error) {
	n := len(loyalty)
	if len(kept) != n || len(spend) != n || (risk != nil && len(risk) != n) {
		return nil, fmt.Errorf("loyalty: %d scores, %d outcomes, %d spends and %d risks; all must be as long", n, len(kept), len(spend), len(risk))
	}
	for i, k := range kept {
		if k != 0 && k != 1 && !math.IsNaN(k) {
			return nil, fmt.Errorf("loyalty: row %d was kept %v; give 1, 0 or NaN", i, k)
		}
	}
	p := &Proof{Loyalty: against(loyalty, kept, spend)}
	if risk == nil {
		return p, nil
	}
	stay := make([]float64, n)
	for i, v := range risk {
		if !math.IsNaN(v) && !shareOK(v) {
			return nil, fmt.Errorf("loyalty: the risk of row %d is %v; give a probability of 0 … 1", i, v)
		}
		stay[i] = 1 - v
	}
	churn := against(stay, kept, spend)
	p.Churn = &churn
	p.Agreement = Spearman(loyalty, stay)
	p.Stories = Stories(loyalty, risk, rule)
	return p, nil
}

// Stories returns, in row order, the accounts whose loyalty and risk of leaving both
// stand at or above percentile High, or both at or below Low, among the accounts that
// have both; NaN is not known. It panics if lengths differ.
func Stories(loyalty, risk []float64, rule Disagreement) []Story {
	l, r := slices.Clone(loyalty), slices.Clone(risk)
	for i := range l {
		if math.IsNaN(l[i]) || math.IsNaN(r[i]) {
			l[i], r[i] = math.NaN(), math.NaN()
		}
	}
	l, r = score.Percentiles(l), score.Percentiles(r)
	var stories []Story
	for i := range l {
		if (l[i] >= rule.High && r[i] >= rule.High) || (l[i] <= rule.Low && r[i] <= rule.Low) {
			stories = append(stories, Story{i, l[i] >= rule.High, l[i], r[i]})
		}
	}
	return stories
}

func against(by, kept, spend []float64) Against {
	return Against{Spearman(by, kept), Spearman(by, spend), tenths(by, kept, spend)}
}

// tenths cuts the rows with a score into ten parts of equal size by score, ties in
// row order.
func tenths(by, kept, spend []float64) []Tenth {
	var order []int
	for i, v := range by {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return descending(by[b], by[a]) })
	out := make([]Tenth, 0, 10)
	for k := range 10 {
		rows := order[k*len(order)/10 : (k+1)*len(order)/10]
		out = append(out, Tenth{len(rows), meanOf(by, rows), meanOf(kept, rows), meanOf(spend, rows)})
	}
	return out
}

// meanOf is the mean of what is there among rows; NaN without any.
func meanOf(values []float64, rows []int) float64 {
	var sum, n float64
	for _, i := range rows {
		if !math.IsNaN(values[i]) {
			sum += values[i]
			n++
		}
	}
	return ratio(sum, n)
}

// The codes of contradictions in records.
const (
	LoyalLeaving   = "loyal_yet_leaving"
	UnloyalStaying = "not_loyal_yet_staying"
)

var storyWords = map[string]Words{
	LoyalLeaving:   {"Loyal by its record, yet among those most likely to leave", "按记录忠诚，却属于最可能流失的客户"},
	UnloyalStaying: {"Not loyal by its record, yet among those least likely to leave", "按记录不忠诚，却属于最不可能流失的客户"},
}

// StoryCodes returns the codes of contradictions.
func StoryCodes() []string { return []string{LoyalLeaving, UnloyalStaying} }

// Code is the contradiction in a record.
func (s Story) Code() string {
	if s.Loyal {
		return LoyalLeaving
	}
	return UnloyalStaying
}

// WordsOfStory says a contradiction by its code in a record.
func WordsOfStory(code string) (Words, bool) {
	w, ok := storyWords[code]
	return w, ok
}
