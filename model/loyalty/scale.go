package loyalty

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// ScaleKnots is the number of quantiles that a Scale keeps of a column, from the
// smallest to the largest value in equal steps.
const ScaleKnots = 101

// Scale holds the quantiles of the columns that say something only beside the
// other accounts: money, whose worth depends on the trade, and counts that may not
// be recorded at all. It is fitted on one population, stored, and then measures
// any account at any time by the same rule. It is immutable and safe for
// concurrent use.
type Scale struct{ knots map[string][]float64 }

// scaled are the columns that a scale is fitted on.
func scaled() []string {
	var names []string
	for i := range definitions {
		for _, t := range definitions[i].Terms {
			if (t.Curve == nil || t.Recorded) && !slices.Contains(names, t.Column) {
				names = append(names, t.Column)
			}
		}
	}
	return names
}

// FitScale takes the quantiles from the rows of the input. Missing values don't
// count; a column without any value is left out.
func FitScale(in Input) (*Scale, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	cols := in.columns()
	s := &Scale{knots: map[string][]float64{}}
	for _, name := range scaled() {
		var values []float64
		for _, v := range cols.of(name) {
			if !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		slices.Sort(values)
		knots := make([]float64, ScaleKnots)
		for k := range knots {
			// Whole numbers first, so that a knot that falls on a value is that value.
			place := k * (len(values) - 1)
			knots[k] = between(values, place/(ScaleKnots-1), float64(place%(ScaleKnots-1))/(ScaleKnots-1))
		}
		s.knots[name] = knots
	}
	return s, nil
}

// quantile interpolates between the order statistics of sorted values (type 7 of
// Hyndman and Fan, The American Statistician 50 (1996) 361–365).
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	return between(sorted, int(at), at-math.Trunc(at))
}

// between returns the value at a part of the way from element low to the next.
func between(sorted []float64, low int, part float64) float64 {
	if low >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + part*(sorted[low+1]-sorted[low])
}

// Quantile returns the value below which share p of the population lies; NaN when
// the scale lacks the column.
func (s *Scale) Quantile(column string, p float64) float64 {
	if s == nil || s.knots[column] == nil {
		return math.NaN()
	}
	return quantile(s.knots[column], min(1, max(0, p)))
}

// Curve returns the map from a value of the column to its mid-rank among the stored
// quantiles, 0 … 100: equal quantiles share their mean rank, values between two are
// interpolated, values beyond all stand with the nearest. It is nil when the scale
// lacks the column.
func (s *Scale) Curve(column string) Curve {
	if s == nil {
		return nil
	}
	var c Curve
	knots := s.knots[column]
	for from := 0; from < len(knots); {
		to := from
		for to+1 < len(knots) && knots[to+1] == knots[from] {
			to++
		}
		c = append(c, Anchor{knots[from], 100 * float64(from+to) / 2 / float64(len(knots)-1)})
		from = to + 1
	}
	return c
}

// recorded tells whether any account had a value above 0.
func (s *Scale) recorded(column string) bool {
	return s != nil && s.knots[column] != nil && s.knots[column][ScaleKnots-1] > 0
}

type scaleText struct {
	Format  string               `json:"format"`
	Version int                  `json:"version"`
	Columns map[string][]float64 `json:"columns"`
}

const (
	scaleFormat  = "fealty loyalty scale"
	scaleVersion = 1
	maxScaleText = 1 << 20
)

// MarshalText returns the scale as JSON, in shortest round-trip decimals.
func (s *Scale) MarshalText() ([]byte, error) {
	text, err := json.Marshal(scaleText{Format: scaleFormat, Version: scaleVersion, Columns: s.knots})
	if err != nil {
		return nil, fmt.Errorf("write a loyalty scale: %w", err)
	}
	return text, nil
}

// ParseScale reads what MarshalText wrote; it refuses other formats, more than
// 1 MiB, unknown columns and quantiles that don't rise.
func ParseScale(text []byte) (*Scale, error) {
	if len(text) > maxScaleText {
		return nil, fmt.Errorf("a loyalty scale of %d bytes; at most %d are read", len(text), maxScaleText)
	}
	var t scaleText
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("read a loyalty scale: %w", err)
	}
	if t.Format != scaleFormat || t.Version != scaleVersion {
		return nil, fmt.Errorf("read a loyalty scale: format %q version %d, want %q version %d", t.Format, t.Version, scaleFormat, scaleVersion)
	}
	for name, knots := range t.Columns {
		if !slices.Contains(scaled(), name) {
			return nil, fmt.Errorf("read a loyalty scale: unknown column %q", name)
		}
		if len(knots) != ScaleKnots || !slices.IsSorted(knots) {
			return nil, fmt.Errorf("read a loyalty scale: column %q has %d quantiles, want %d that rise", name, len(knots), ScaleKnots)
		}
	}
	if t.Columns == nil {
		t.Columns = map[string][]float64{}
	}
	return &Scale{knots: t.Columns}, nil
}
