package loyalty

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"fealty/model"
)

const (
	// chunk is the number of rows that one goroutine takes at a time: its sums stay
	// in the nearest cache.
	chunk = 2048
	// maxProfiles bounds the segments with weights of their own, maxCaps the caps:
	// both are stored in a byte or two per account.
	maxProfiles = 1 << 14
	maxCaps     = 127
	none        = -1
)

// Profile names of the weights that no segment has.
const (
	DefaultProfile    = "default"
	OnboardingProfile = "onboarding"
	// segmentProfile stands before the name of a segment with weights of its own.
	segmentProfile = "segment "
)

// Scores are the loyalty of a batch, in columns: row i of each slice is row i of
// the input's frame. They are immutable and safe for concurrent use, and keep the
// input alive for the words of Explain.
type Scores struct {
	// Indicators are 0 … 100, NaN when not measurable; Why then says why.
	Indicators [Indicators][]float64
	Why        [Indicators][]Why
	// Score is the loyalty, 0 … 100, after children and caps; NaN when
	// too little is measured.
	Score []float64
	// Computed is the account's own weighted mean before all that.
	Computed []float64
	// Measured is how many points of the asked weights are measured, 0 … 100.
	Measured []float64
	// Cap is the index of the cap that holds (the lowest of those whose condition
	// does; the first of equal ones), −1 for none.
	Cap []int8
	// Above are the scores of the accounts above the rows.
	Above []Mean
	// Children is the number of scored children that a parent's score is the mean
	// of; rows without any are absent.
	Children map[int]int

	in       Input
	bound    [Indicators]boundIndicator
	settings Settings
	pooled   map[int]float64 // parents' means before caps
	profile  []int16         // index into profiles
	profiles []profile
	measures map[int]*Manual
	replies  map[int]*replied
}

// Mean is the loyalty of an account that trades nothing itself: the mean of its
// children's, NaN where none of them has a score.
type Mean struct {
	Score    float64
	Children int
}

type profile struct {
	name   string
	points [Indicators + 1]float64
}

// Evaluate measures the ten indicators of every row and weighs them. It refuses
// settings and inputs that don't hold together, and a cycle of parents; ctx ends it
// between chunks of rows.
func Evaluate(ctx context.Context, in Input, settings Settings) (*Scores, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	in, replies := in.withReplies(settings.Survey.MaxAgeDays)
	s := &Scores{in: in, measures: in.manuals(ManualMeasure), replies: replies}
	cols, n := in.columns(), in.rows()
	for k := range s.bound {
		s.bound[k] = bind(&definitions[k], cols, in.Scale)
		s.Indicators[k], s.Why[k] = make([]float64, n), make([]Why, n)
	}
	weigh := s.weigher(settings)
	err := inChunks(ctx, in.Threads, n, func(from, to int) {
		for k := range s.bound {
			s.bound[k].measure(from, to, s.Indicators[k][from:to], s.Why[k][from:to])
		}
		weigh(from, to)
	})
	if err != nil {
		return nil, err
	}
	if err := s.gather(); err != nil {
		return nil, err
	}
	return s, nil
}

// weighed returns the same indicators weighed by other settings, which are valid.
func (s *Scores) weighed(ctx context.Context, settings Settings) (*Scores, error) {
	other := *s
	if err := inChunks(ctx, s.in.Threads, s.in.rows(), other.weigher(settings)); err != nil {
		return nil, err
	}
	if err := other.gather(); err != nil {
		return nil, err
	}
	return &other, nil
}

// inChunks calls do for every chunk of n rows from several goroutines. Chunks write
// only their own rows, so the order in which they are done never shows.
func inChunks(ctx context.Context, threads, n int, do func(from, to int)) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var crew sync.WaitGroup
	for range min(threads, (n+chunk-1)/chunk) {
		crew.Go(func() {
			for ctx.Err() == nil {
				from := int(next.Add(chunk)) - chunk
				if from >= n {
					return
				}
				do(from, min(n, from+chunk))
			}
		})
	}
	crew.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("loyalty of %d accounts: %w", n, err)
	}
	return nil
}

// boundTerm is a term with the columns that it reads.
type boundTerm struct {
	*Term

	values, minus []float64
	path          *path
	when          *boundCondition
}

// boundIndicator is a definition with its columns. Without terms it is not
// measurable for any row, and absent says why.
type boundIndicator struct {
	terms  []boundTerm
	absent Why
	// any are the conditions whose columns are there; gated tells that there must be one.
	any       []boundCondition
	gated     bool
	otherwise Why
}

// boundCondition is a condition with its column; nil values never hold.
type boundCondition struct {
	span

	column string
	values []float64
}

func bindCondition(c Condition, cols columns) boundCondition {
	return boundCondition{c.span(), c.Column, cols.of(c.Column)}
}

func bind(d *Definition, cols columns, scale *Scale) boundIndicator {
	b := boundIndicator{absent: NoColumn, gated: len(d.Any) > 0, otherwise: d.Otherwise}
	for i := range d.Terms {
		term := &d.Terms[i]
		t := boundTerm{Term: term, values: cols.of(term.Column)}
		if t.values == nil {
			continue
		}
		if term.Minus != "" {
			if t.minus = cols.of(term.Minus); t.minus == nil {
				continue
			}
		}
		if term.When != nil {
			when := bindCondition(*term.When, cols)
			if t.when = &when; when.values == nil {
				continue
			}
		}
		if term.Recorded && !scale.recorded(term.Column) {
			b.absent = NotRecorded
			continue
		}
		curve := term.Curve
		if curve == nil {
			curve = scale.Curve(term.Column)
		}
		if curve == nil {
			b.absent = NoScale
			continue
		}
		t.path = curve.path()
		b.terms = append(b.terms, t)
	}
	for _, c := range d.Any {
		if bound := bindCondition(c, cols); bound.values != nil {
			b.any = append(b.any, bound)
		}
	}
	if b.gated && len(b.any) == 0 {
		b.terms, b.absent = nil, NoColumn
	}
	return b
}

// measure writes rows [from, to): the weighted mean of the terms that are there.
func (b *boundIndicator) measure(from, to int, out []float64, why []Why) {
	var sums, weights [chunk]float64
	n := to - from
	for i := range b.terms {
		b.terms[i].add(from, sums[:n], weights[:n])
	}
	if len(b.terms) == 0 {
		for j := range n {
			out[j], why[j] = math.NaN(), b.absent
		}
		return
	}
	for j := range n {
		out[j] = bounded(sums[j] / weights[j])       // NaN without any weight
		why[j] = NoValue * Why(one(weights[j] == 0)) //nolint:gosec // 0 or 1
	}
	if !b.gated {
		return
	}
	for j := range n {
		if reason := b.gate(from + j); reason != Measured {
			out[j], why[j] = math.NaN(), reason
		}
	}
}

// gate says whether one of the conditions holds for a row, and if not, why the
// indicator is not measurable: the definition's reason when a condition could be
// looked at, else NoValue.
func (b *boundIndicator) gate(i int) Why {
	why := NoValue
	for k := range b.any {
		v := b.any[k].values[i]
		if b.any[k].holds(v) == 1 {
			return Measured
		}
		if !math.IsNaN(v) {
			why = b.otherwise
		}
	}
	return why
}

// add adds the term's part of the rows from `from` on to their sums and weights.
func (t *boundTerm) add(from int, sums, weights []float64) {
	var buffer [chunk]float64
	worth, values := buffer[:len(sums)], t.values[from:from+len(sums)]
	if t.minus != nil {
		minus := t.minus[from : from+len(sums)]
		for j, v := range values {
			worth[j] = v - minus[j]
		}
		values = worth
	}
	t.path.apply(values, worth)
	weight, fallback := t.Weight, t.Fallback
	for j, y := range worth {
		counts := one(!math.IsNaN(y))
		if t.when != nil {
			counts &= t.when.holds(t.when.values[from+j])
		}
		if fallback {
			counts &= one(weights[j] == 0)
		}
		sums[j] += weight * only(counts, y)
		weights[j] += only(counts, weight)
	}
}

// figures are what a row that is measured was computed from, by column: the values of
// the terms that count, and of the conditions that hold.
func (b *boundIndicator) figures(i int) map[string]model.Figure {
	all := make(map[string]model.Figure, 2*len(b.terms))
	counted := false
	for k := range b.terms {
		t := &b.terms[k]
		v, minus := t.values[i], 0.
		if t.minus != nil {
			minus = t.minus[i]
		}
		if math.IsNaN(v-minus) || t.when != nil && t.when.holds(t.when.values[i]) == 0 || t.Fallback && counted {
			continue
		}
		counted, all[t.Column] = true, model.Figure(v)
		if t.minus != nil {
			all[t.Minus] = model.Figure(minus)
		}
		if t.when != nil {
			all[t.when.column] = model.Figure(t.when.values[i])
		}
	}
	for k := range b.any {
		if c := &b.any[k]; c.holds(c.values[i]) == 1 {
			all[c.column] = model.Figure(c.values[i])
		}
	}
	return all
}

// only is v where counts is 1 and 0 where it is 0, whatever v is. What is missing is
// scattered over the accounts, so a branch would be guessed wrong again and again.
func only(counts int, v float64) float64 {
	return math.Float64frombits(math.Float64bits(v) & -uint64(counts)) //nolint:gosec // 0 or 1
}
