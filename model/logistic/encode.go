package logistic

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"fealty/features/frame"
)

// maxValues bounds rows × columns of a frame, whatever its columns encode to.
const maxValues = 1 << 31

// maxCells bounds rows × terms of the encoded matrix: 2^28 float64 are 2 GiB.
const maxCells = 1 << 28

// maxStandardised bounds a standardised number. A value a million deviations
// off says nothing more than one half as far, and the bound keeps every margin
// finite.
const maxStandardised = 1e6

// maxConstantSpread is the deviation, relative to the largest magnitude of the
// column, below which differences are rounding noise and not values.
const maxConstantSpread = 1e-13

// sample is the training rows that count: those with a weight above 0.
type sample struct {
	frame  *frame.Frame
	rows   []int
	y, w   []float64 // by position in rows
	weight float64   // Σ w
}

// newSample checks outcomes and weights and drops the rows of weight 0, so that
// such a row is the same as no row.
func newSample(f *frame.Frame, y, weights []float64) (*sample, error) {
	n := f.Rows()
	if len(f.Columns) == 0 {
		return nil, ErrNoFeatures
	}
	if n == 0 {
		return nil, ErrNoRows
	}
	if len(y) != n {
		return nil, fmt.Errorf("%w: %d outcomes for %d rows", ErrBadInput, len(y), n)
	}
	if weights != nil && len(weights) != n {
		return nil, fmt.Errorf("%w: %d weights for %d rows", ErrBadInput, len(weights), n)
	}
	s := &sample{frame: f, rows: make([]int, 0, n), y: make([]float64, 0, n), w: make([]float64, 0, n)}
	var positive bool
	var negative bool
	for i, label := range y {
		if label != 0 && label != 1 {
			return nil, fmt.Errorf("%w: outcome of row %d is %v, want 0 or 1", ErrBadInput, i, label)
		}
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		if !(w >= 0) || math.IsInf(w, 1) {
			return nil, fmt.Errorf("%w: weight of row %d is %v, want a finite number of 0 or more", ErrBadInput, i, w)
		}
		if w == 0 {
			continue
		}
		s.rows, s.y, s.w = append(s.rows, i), append(s.y, label), append(s.w, w)
		s.weight += w
		positive, negative = positive || label == 1, negative || label == 0
	}
	if len(s.rows) == 0 {
		return nil, fmt.Errorf("%w: every weight is 0", ErrNoRows)
	}
	if math.IsInf(s.weight, 1) {
		return nil, fmt.Errorf("%w: the weights sum to infinity", ErrBadInput)
	}
	if !positive || !negative {
		return nil, fmt.Errorf("%w: all %d are %v", ErrOneClass, len(s.rows), s.y[0])
	}
	return s, nil
}

// encoding is what one column turns into: its feature, still without
// coefficients, and the terms of the matrix that belong to it.
type encoding struct {
	feature feature
	// terms points at the coefficients of feature, in matrix order.
	terms []*term
	// level maps a code of the training column to its place among terms; −1
	// where the code does not occur.
	level []int
}

// encode learns the encoding of every column.
func (s *sample) encode(ctx context.Context, p Params) ([]encoding, error) {
	for _, name := range sortedKeys(p.Transform) {
		c := s.frame.Column(name)
		if c == nil {
			return nil, fmt.Errorf("%w: a transform is given for column %q, which the frame lacks", ErrBadInput, name)
		}
		if c.Kind != frame.Number {
			return nil, fmt.Errorf("%w: a transform is given for column %q, which is a %v", ErrBadInput, name, c.Kind)
		}
	}
	encodings := make([]encoding, len(s.frame.Columns))
	for k := range s.frame.Columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := &s.frame.Columns[k]
		if c.Name == "" || !utf8.ValidString(c.Name) {
			return nil, fmt.Errorf("%w: column %d has the name %q, want non-empty UTF-8", ErrBadInput, k, c.Name)
		}
		if c.Kind == frame.Number {
			encodings[k] = s.encodeNumber(c, p.Transform[c.Name])
			continue
		}
		e, err := s.encodeCategory(c, p.MaxLevels)
		if err != nil {
			return nil, err
		}
		encodings[k] = e
	}
	return encodings, nil
}

// moments are the weighted mean, deviation and skewness of the present values
// of a column after a transform. scale is 0 where there is nothing to learn.
type moments struct{ mean, scale, skew float64 }

func (s *sample) moments(values []float64, h shape) moments {
	var largest, weight float64
	for k, i := range s.rows {
		if x := values[i]; !math.IsNaN(x) {
			largest = max(largest, math.Abs(h.apply(x)))
			weight += s.w[k]
		}
	}
	if largest == 0 || weight == 0 {
		return moments{}
	}
	// Values are divided by the largest first: squares and cubes of 1e200 would
	// overflow, those of 1e-200 vanish.
	var mean float64
	for k, i := range s.rows {
		if x := values[i]; !math.IsNaN(x) {
			mean += s.w[k] / weight * (h.apply(x) / largest)
		}
	}
	var m2, m3 float64
	for k, i := range s.rows {
		if x := values[i]; !math.IsNaN(x) {
			d := h.apply(x)/largest - mean
			m2 += s.w[k] / weight * d * d
			m3 += s.w[k] / weight * d * d * d
		}
	}
	sd := math.Sqrt(m2)
	m := moments{mean: mean * largest, scale: sd * largest}
	if sd <= maxConstantSpread || m.scale == 0 {
		return moments{mean: m.mean}
	}
	m.skew = m3 / (m2 * sd)
	return m
}

// smallMagnitude is the share of magnitudes above 0 that lie at or below the
// unit of Auto's logarithm: small enough that most of the column is beyond the
// linear part, large enough that one odd value does not set it.
const smallMagnitude = 0.05

// unit returns the smallMagnitude quantile of the magnitudes above 0, or 0.
func (s *sample) unit(values []float64) float64 {
	type magnitude struct{ size, weight float64 }
	var all []magnitude
	var total float64
	for k, i := range s.rows {
		if x := math.Abs(values[i]); x > 0 {
			all = append(all, magnitude{x, s.w[k]})
			total += s.w[k]
		}
	}
	slices.SortFunc(all, func(a, b magnitude) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.weight, b.weight))
	})
	var below float64
	for _, m := range all {
		if below += m.weight; below >= smallMagnitude*total {
			return m.size
		}
	}
	return 0
}

func (s *sample) encodeNumber(c *frame.Column, t Transform) encoding {
	h := shape{transform: t}
	var m moments
	switch t {
	case Identity:
		m = s.moments(c.Numbers, h)
	case Log1p:
		h.unit = 1
		m = s.moments(c.Numbers, h)
	default:
		h.transform = Identity
		m = s.moments(c.Numbers, h)
		if math.Abs(m.skew) > 1 {
			log := shape{Log1p, s.unit(c.Numbers)}
			if tamed := s.moments(c.Numbers, log); tamed.scale > 0 && math.Abs(tamed.skew) < math.Abs(m.skew) {
				h, m = log, tamed
			}
		}
	}
	e := encoding{feature: feature{Name: c.Name, Kind: kindNumber, Transform: h.transform.String(), Unit: h.unit, shape: h}}
	if m.scale > 0 {
		e.feature.Mean, e.feature.Scale = m.mean, m.scale
		e.feature.Value = &term{}
		e.terms = append(e.terms, e.feature.Value)
	}
	e.missing(s, c)
	return e
}

// missing adds the term of missing values if some are missing and some are not.
func (e *encoding) missing(s *sample, c *frame.Column) {
	var missing, present float64
	for k, i := range s.rows {
		if c.IsNull(i) {
			missing += s.w[k]
		} else {
			present += s.w[k]
		}
	}
	if missing > 0 && present > 0 {
		e.feature.Missing = &term{Share: missing / (missing + present)}
		e.terms = append(e.terms, e.feature.Missing)
	}
}

func (s *sample) encodeCategory(c *frame.Column, maxLevels int) (encoding, error) {
	e := encoding{feature: feature{Name: c.Name, Kind: kindCategory}, level: make([]int, len(c.Levels))}
	byCode := make([]float64, len(c.Levels))
	for k, i := range s.rows {
		if code := c.Codes[i]; code >= 0 {
			byCode[code] += s.w[k]
		}
	}
	// Levels go by name: two frames may number the same levels differently, and
	// one frame may list a name twice.
	byName := make(map[string]float64, min(len(c.Levels), 1024))
	for code, w := range byCode {
		if w == 0 {
			continue
		}
		if !utf8.ValidString(c.Levels[code]) {
			return encoding{}, fmt.Errorf("%w: level %d of column %q is not UTF-8: %q", ErrBadInput, code, c.Name, c.Levels[code])
		}
		byName[c.Levels[code]] += w
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(byName[b], byName[a]), cmp.Compare(a, b))
	})
	e.missing(s, c)
	if len(names) == 1 && e.feature.Missing == nil {
		names = nil // one level throughout: the intercept has said it
	}
	own := min(len(names), maxLevels)
	e.feature.Levels = make([]level, own)
	place := make(map[string]int, own)
	for k, name := range names[:own] {
		e.feature.Levels[k] = level{Name: name, term: term{Share: min(byName[name]/s.weight, 1)}}
		place[name] = len(e.terms)
		e.terms = append(e.terms, &e.feature.Levels[k].term)
	}
	other := -1
	if own < len(names) {
		e.feature.Other = &term{}
		for _, name := range names[own:] {
			e.feature.Other.Share += byName[name] / s.weight
		}
		e.feature.Other.Share = min(e.feature.Other.Share, 1)
		other = len(e.terms)
		e.terms = append(e.terms, e.feature.Other)
	}
	for code, name := range c.Levels {
		if at, ok := place[name]; ok {
			e.level[code] = at
		} else {
			e.level[code] = other
		}
	}
	return e, nil
}

// matrix is the encoded sample, row-major, with a leading 1 for the intercept.
// Numbers are centred; missing marks and levels are left 0 or 1, so that most
// cells of a wide category are 0 and cost nothing in the Hessian.
type matrix struct {
	cells []float64
	width int
	y, w  []float64
}

func (s *sample) matrix(ctx context.Context, encodings []encoding) (*matrix, error) {
	width := 1
	for k := range encodings {
		width += len(encodings[k].terms)
	}
	if len(s.rows) > maxCells/width {
		return nil, fmt.Errorf("%w: %d rows × %d terms are more than %d cells of 8 bytes", ErrTooLarge, len(s.rows), width, maxCells)
	}
	m := &matrix{cells: make([]float64, len(s.rows)*width), width: width, y: s.y, w: s.w}
	for k := range s.rows {
		m.cells[k*width] = 1
	}
	at := 1
	for j := range encodings {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, c := &encodings[j], &s.frame.Columns[j]
		if len(e.terms) == 0 {
			continue
		}
		for k, i := range s.rows {
			e.fill(m.cells[k*width+at:k*width+at+len(e.terms)], c, i)
		}
		at += len(e.terms)
	}
	return m, nil
}

// fill writes the cells of row i of column c.
func (e *encoding) fill(cells []float64, c *frame.Column, i int) {
	switch {
	case c.IsNull(i):
		if e.feature.Missing != nil {
			cells[slices.Index(e.terms, e.feature.Missing)] = 1
		}
	case c.Kind == frame.Category:
		if at := e.level[c.Codes[i]]; at >= 0 {
			cells[at] = 1
		}
	case e.feature.Value != nil:
		cells[0] = e.feature.standardise(c.Numbers[i])
	}
}
