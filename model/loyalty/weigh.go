package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// weigher makes room for the scores by the settings and returns the function that
// computes them for a range of rows whose indicators are measured.
func (s *Scores) weigher(settings Settings) func(from, to int) {
	n := s.in.rows()
	s.settings = settings
	s.Score, s.Computed, s.Measured = make([]float64, n), make([]float64, n), make([]float64, n)
	s.Cap, s.profile = make([]int8, n), make([]int16, n)
	s.Children, s.pooled = map[int]int{}, map[int]float64{}
	choose := s.chooser()
	caps := s.boundCaps()
	return func(from, to int) {
		for i := from; i < to; i++ {
			s.profile[i] = choose(i)
			s.Computed[i], s.Measured[i] = s.mean(i)
			s.Cap[i] = s.lowest(caps, i)
			s.Score[i] = s.final(i, s.Computed[i])
		}
	}
}

// chooser lists the profiles and returns the function that picks one for a row.
func (s *Scores) chooser() func(i int) int16 {
	s.profiles = []profile{
		{DefaultProfile, s.settings.Weights.points()}, {OnboardingProfile, s.settings.Onboarding.Weights.points()},
	}
	segments := map[string]int16{}
	if s.in.Segments != nil {
		for _, name := range slices.Sorted(maps.Keys(s.settings.Segments)) {
			segments[name] = int16(len(s.profiles)) //nolint:gosec // Validate bounds the segments by maxProfiles
			s.profiles = append(s.profiles, profile{segmentProfile + name, s.settings.Segments[name].points()})
		}
	}
	tenure, young := s.in.columns().of("tenure_days"), s.settings.Onboarding.Days
	return func(i int) int16 {
		if tenure != nil && tenure[i] < young {
			return 1
		}
		if len(segments) == 0 {
			return 0
		}
		return segments[s.in.Segments[i]]
	}
}

// mean is the weighted mean of the indicators of a row that are measured, and the
// points that they were asked to have.
func (s *Scores) mean(i int) (value, measured float64) {
	points := &s.profiles[s.profile[i]].points
	var sum float64
	for k := range Indicators {
		v := s.Indicators[k][i]
		counts := one(!math.IsNaN(v))
		sum += points[k] * only(counts, v)
		measured += only(counts, points[k])
	}
	if len(s.measures) > 0 && s.measures[i] != nil {
		sum += points[Indicators] * s.measures[i].Value
		measured += points[Indicators]
	}
	if measured < s.settings.LeastMeasured {
		return math.NaN(), measured
	}
	// Rounding must not lift a mean of hundreds above 100.
	return min(100, sum/measured), measured
}

// boundCaps returns the caps' conditions with their columns.
func (s *Scores) boundCaps() []boundCondition {
	bound := make([]boundCondition, len(s.settings.Caps))
	for k, c := range s.settings.Caps {
		bound[k] = bindCondition(c.Condition, s.in.columns())
	}
	return bound
}

// AbsentCaps returns the names of the caps whose column is not there: they never
// hold, and an answer should say so.
func (s *Scores) AbsentCaps() []string {
	var names []string
	for k, c := range s.boundCaps() {
		if c.values == nil {
			names = append(names, s.settings.Caps[k].Name)
		}
	}
	return names
}

// lowest returns the index of the lowest cap that holds for a row, the first of
// equal ones; −1 for none.
func (s *Scores) lowest(caps []boundCondition, i int) int8 {
	held := int8(none)
	for k := range caps {
		if caps[k].values == nil || caps[k].holds(caps[k].values[i]) == 0 {
			continue
		}
		if held == none || s.settings.Caps[k].Cap < s.settings.Caps[held].Cap {
			held = int8(k)
		}
	}
	return held
}

// final is the score that a mean becomes: bounded by the cap that holds.
func (s *Scores) final(i int, mean float64) float64 {
	if c := s.Cap[i]; c != none {
		return min(mean, s.settings.Caps[c].Cap) // NaN stays NaN
	}
	return mean
}

// members sums what a parent's score is the mean of.
type members struct {
	// weighted is Σ value × score and value Σ value over the scored ones; plain is
	// Σ score and n their number; worth is the value of all, scored or not.
	weighted, value, plain, worth float64
	n                             int
}

// gather gives every parent the mean of its children's scores, weighted by value: a
// child weighs what it and those below it are worth. What the parent trades itself
// counts as one more child. Without any value it is the plain mean of the children.
// A parent without a scored child keeps its own score.
func (s *Scores) gather() error {
	parents, n := s.in.Parents, int32(s.in.rows()) //nolint:gosec // rows are told apart by int32
	s.Above = make([]Mean, len(s.in.Above))
	for k := range s.Above {
		s.Above[k].Score = math.NaN()
	}
	if parents == nil {
		return nil
	}
	values := s.in.Values
	if values == nil {
		values = s.in.columns().of("spend_365d")
	}
	all := slices.Concat(parents, s.in.AboveParents)
	pending := make([]int32, len(all))
	for _, p := range all {
		if p >= 0 {
			pending[p]++
		}
	}
	sums := map[int32]*members{}
	ready := make([]int32, 0, len(all))
	for i := range all {
		if pending[i] == 0 {
			ready = append(ready, int32(i))
		}
	}
	for k := 0; k < len(ready); k++ {
		i := ready[k]
		worth := 0.0
		if i < n {
			worth = max(0, known(at(values, int(i))))
		}
		if m := sums[i]; m != nil {
			s.pool(i, n, m, worth)
			worth += m.worth
		}
		p := all[i]
		if p < 0 {
			continue
		}
		if sums[p] == nil {
			sums[p] = &members{}
		}
		sums[p].add(s.scoreOf(i, n), worth)
		if pending[p]--; pending[p] == 0 {
			ready = append(ready, p)
		}
	}
	if len(ready) < len(all) {
		i := slices.IndexFunc(pending, func(left int32) bool { return left > 0 })
		return fmt.Errorf("loyalty: account %q and its parents form a cycle; correct the parent of one of them", slices.Concat(s.in.Frame.Accounts, s.in.Above)[i])
	}
	return nil
}

// scoreOf is the score of a row, or of an account above the n rows.
func (s *Scores) scoreOf(i, n int32) float64 {
	if i < n {
		return s.Score[i]
	}
	return s.Above[i-n].Score
}

func (m *members) add(score, worth float64) {
	m.worth += worth
	if math.IsNaN(score) {
		return
	}
	m.weighted += worth * score
	m.value += worth
	m.plain += score
	m.n++
}

// pool sets a parent's score from its members and its own trade.
func (s *Scores) pool(i, n int32, m *members, own float64) {
	if m.n == 0 {
		return
	}
	mean := m.plain / float64(m.n)
	if m.value > 0 {
		weighted, value := m.weighted, m.value
		if own > 0 && !math.IsNaN(s.Computed[i]) {
			weighted, value = weighted+own*s.Computed[i], value+own
		}
		mean = min(100, weighted/value)
	}
	if i >= n {
		s.Above[i-n] = Mean{mean, m.n}
		return
	}
	s.Children[int(i)] = m.n
	s.pooled[int(i)], s.Score[i] = mean, s.final(int(i), mean)
}

// uncapped is what the score would be without exceptions: the mean of a parent's
// children, else the account's own.
func (s *Scores) uncapped(i int) float64 {
	if mean, ok := s.pooled[i]; ok {
		return mean
	}
	return s.Computed[i]
}
