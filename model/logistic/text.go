package logistic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// ErrText marks a text that is not a model of this package.
var ErrText = errors.New("logistic: not a saved model")

const (
	format  = "fealty logistic"
	version = 1

	// maxText bounds what Parse looks at.
	maxText = 64 << 20
	// maxFeatures bounds the columns of a model.
	maxFeatures = 1 << 16

	kindNumber   = "number"
	kindCategory = "category"
)

// content is the model as it is saved.
type content struct {
	Format            string    `json:"format"`
	Version           int       `json:"version"`
	L2                float64   `json:"l2"`
	Rows              int       `json:"rows"`
	Weight            float64   `json:"weight"`
	Iterations        int       `json:"iterations"`
	LogLoss           float64   `json:"log_loss"`
	Base              float64   `json:"base"`
	BaseStandardError float64   `json:"base_standard_error"`
	Features          []feature `json:"features"`
}

// feature is one column: how it is encoded and the coefficients of its terms.
type feature struct {
	Name      string  `json:"name"`
	Kind      string  `json:"kind"`
	Transform string  `json:"transform,omitempty"`
	Unit      float64 `json:"unit"`
	Mean      float64 `json:"mean"`
	Scale     float64 `json:"scale"`
	Value     *term   `json:"value,omitempty"`
	Missing   *term   `json:"missing,omitempty"`
	Levels    []level `json:"levels,omitempty"`
	Other     *term   `json:"other,omitempty"`

	shape  shape
	centre float64 // mean(), computed once
}

// term is one coefficient; Share is the weighted share of rows with the mark,
// 0 for the value of a number.
type term struct {
	Estimate      float64 `json:"estimate"`
	StandardError float64 `json:"standard_error"`
	Share         float64 `json:"share"`
}

type level struct {
	Name string `json:"name"`
	term
}

// MarshalText returns the model as JSON: UTF-8, no code, shortest round-trip
// decimals. Parse of it gives a model with the same bits.
func (m *Model) MarshalText() ([]byte, error) {
	text, err := json.Marshal(m.content)
	if err != nil {
		return nil, fmt.Errorf("write a logistic model: %w", err)
	}
	return text, nil
}

// Parse reads what MarshalText wrote, and nothing else: at most 64 MiB, no
// unknown, repeated or missing key, every number finite and within its bounds.
// Errors wrap ErrText and say what is wrong.
func Parse(text []byte) (*Model, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrText, len(text), maxText)
	}
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if c.Format != format {
		return nil, fmt.Errorf("%w: format is %q, want %q", ErrText, c.Format, format)
	}
	if c.Version != version {
		return nil, fmt.Errorf("%w: version %d, this program reads version %d", ErrText, c.Version, version)
	}
	m, err := newModel(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	// JSON allows the same thing to be said in many ways, some of them (repeated
	// keys, other letter case, lone surrogates) read differently by different
	// readers. Only the way MarshalText says it is a model.
	again, err := m.MarshalText()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, text) {
		at := 0
		for at < len(again) && at < len(text) && again[at] == text[at] {
			at++
		}
		return nil, fmt.Errorf("%w: byte %d is not as it was written (an unknown, repeated or missing key, or another spelling)", ErrText, at)
	}
	return m, nil
}

// check verifies the content and fills the parsed transform of each feature.
func (c *content) check() error {
	if len(c.Features) == 0 || len(c.Features) > maxFeatures {
		return fmt.Errorf("%d features, want 1 … %d", len(c.Features), maxFeatures)
	}
	if c.Rows < 1 || c.Iterations < 1 {
		return fmt.Errorf("%d rows and %d iterations, want at least 1", c.Rows, c.Iterations)
	}
	if !(c.Weight > 0) || !finite(c.Weight) || !(c.L2 >= 0) || !finite(c.L2) || !(c.LogLoss >= 0) || !finite(c.LogLoss) {
		return fmt.Errorf("weight %v, L2 %v, log-loss %v: want finite, not negative", c.Weight, c.L2, c.LogLoss)
	}
	if !finite(c.Base) || !finite(c.BaseStandardError) || c.BaseStandardError < 0 {
		return fmt.Errorf("base %v ± %v is not finite", c.Base, c.BaseStandardError)
	}
	seen := make(map[string]bool, len(c.Features))
	for k := range c.Features {
		t := &c.Features[k]
		if t.Name == "" || seen[t.Name] {
			return fmt.Errorf("feature %d: the name %q is empty or stands twice", k, t.Name)
		}
		seen[t.Name] = true
		if err := t.check(); err != nil {
			return fmt.Errorf("feature %q: %w", t.Name, err)
		}
	}
	return nil
}

func (t *feature) check() error {
	switch t.Kind {
	case kindNumber:
		if len(t.Levels) > 0 || t.Other != nil {
			return errors.New("a number with levels")
		}
		switch t.Transform {
		case Identity.String():
			t.shape = shape{Identity, t.Unit}
		case Log1p.String():
			t.shape = shape{Log1p, t.Unit}
		default:
			return fmt.Errorf("transform %q, want identity or log1p", t.Transform)
		}
		if !finite(t.Unit) || t.Unit < 0 || (t.Unit > 0) != (t.shape.transform == Log1p) {
			return fmt.Errorf("unit %v of %s: want above 0 for a logarithm, otherwise 0", t.Unit, t.Transform)
		}
		if !finite(t.Mean) || !finite(t.Scale) || t.Scale < 0 || (t.Value != nil) != (t.Scale > 0) {
			return fmt.Errorf("mean %v, scale %v: want finite, and a scale above 0 with a value", t.Mean, t.Scale)
		}
	case kindCategory:
		if t.Value != nil || t.Transform != "" || t.Unit != 0 || t.Mean != 0 || t.Scale != 0 {
			return errors.New("a category with the terms of a number")
		}
	default:
		return fmt.Errorf("kind %q, want number or category", t.Kind)
	}
	return t.checkTerms()
}

func (t *feature) checkTerms() error {
	var shares float64
	for _, v := range []*term{t.Value, t.Missing, t.Other} {
		if v == nil {
			continue
		}
		if err := v.check(); err != nil {
			return err
		}
		shares += v.Share
	}
	seen := make(map[string]bool, len(t.Levels))
	for k := range t.Levels {
		v := &t.Levels[k]
		if seen[v.Name] {
			return fmt.Errorf("level %q stands twice", v.Name)
		}
		seen[v.Name] = true
		if err := v.check(); err != nil {
			return fmt.Errorf("level %q: %w", v.Name, err)
		}
		shares += v.Share
	}
	if shares > 1+1e-9 {
		return fmt.Errorf("shares sum to %v", shares)
	}
	return nil
}

// maxEstimate bounds a coefficient so that, times maxStandardised and summed
// over maxFeatures, a margin stays finite.
const maxEstimate = 1e100

func (v *term) check() error {
	if !(math.Abs(v.Estimate) <= maxEstimate) || !finite(v.StandardError) || v.StandardError < 0 || !(v.Share >= 0 && v.Share <= 1) {
		return fmt.Errorf("coefficient %v ± %v, share %v: out of bounds", v.Estimate, v.StandardError, v.Share)
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
