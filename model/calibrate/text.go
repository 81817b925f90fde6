package calibrate

import (
	"encoding/json"
	"errors"
	"fmt"

	"fealty/model"
)

const (
	format  = "fealty calibrator"
	version = 1

	// maxText bounds what Parse looks at, in bytes.
	maxText = 64 << 20
	// maxRows bounds a Venn–Abers predictor.
	maxRows = 1 << 30

	kindAffine    = "affine"
	kindBeta      = "beta"
	kindIsotonic  = "isotonic"
	kindVennAbers = "venn-abers"
)

// content is every calibrator's saved form; each kind uses its own fields.
type content struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	// Parameters are slope and intercept, or A, B and C.
	Parameters []float64 `json:"parameters,omitempty"`
	Margins    []float64 `json:"margins,omitempty"`
	// Values are the probabilities of an isotonic calibrator.
	Values []float64 `json:"values,omitempty"`
	Counts []int64   `json:"counts,omitempty"`
	Ones   []int64   `json:"ones,omitempty"`
}

func (c content) text() ([]byte, error) {
	headed := c
	headed.Format, headed.Version = format, version
	text, err := json.Marshal(headed)
	if err != nil {
		return nil, fmt.Errorf("write a calibrator of kind %s: %w", c.Kind, err)
	}
	return text, nil
}

// MarshalText returns the calibrator as JSON, in shortest round-trip decimals.
func (a Affine) MarshalText() ([]byte, error) {
	return content{Kind: kindAffine, Parameters: []float64{a.Slope, a.Intercept}}.text()
}

// MarshalText returns the calibrator as JSON, in shortest round-trip decimals.
func (b Beta) MarshalText() ([]byte, error) {
	return content{Kind: kindBeta, Parameters: []float64{b.A, b.B, b.C}}.text()
}

// MarshalText returns the calibrator as JSON, in shortest round-trip decimals.
func (s *Isotonic) MarshalText() ([]byte, error) {
	return content{Kind: kindIsotonic, Margins: s.x, Values: s.y}.text()
}

// MarshalText returns the calibrator as JSON, in shortest round-trip decimals.
func (v *VennAbers) MarshalText() ([]byte, error) {
	return content{Kind: kindVennAbers, Margins: v.x, Counts: v.count, Ones: v.ones}.text()
}

// Parse reads what MarshalText wrote, and nothing else: at most 64 MiB, no
// unknown, repeated or missing key, every number finite and within its bounds.
// The result is an Affine, a Beta, an *Isotonic or a *VennAbers. Errors wrap
// ErrText and say what is wrong.
func Parse(text []byte) (Calibrator, error) {
	var c content
	if err := model.DecodeText(text, maxText, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if c.Format != format || c.Version != version {
		return nil, fmt.Errorf("%w: format %q version %d, this program reads %q version %d", ErrText, c.Format, c.Version, format, version)
	}
	calibrator, err := c.calibrator()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrText, c.Kind, err)
	}
	if err := model.AsWritten(calibrator, text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	return calibrator, nil
}

func (c content) calibrator() (Calibrator, error) {
	for k, v := range c.Parameters {
		if !finite(v) {
			return nil, fmt.Errorf("parameter %d is %v", k, v)
		}
	}
	switch c.Kind {
	case kindAffine:
		if len(c.Parameters) != 2 || !(c.Parameters[0] > 0) {
			return nil, fmt.Errorf("parameters %v, want a slope above 0 and an intercept", c.Parameters)
		}
		return Affine{c.Parameters[0], c.Parameters[1]}, nil
	case kindBeta:
		if len(c.Parameters) != 3 {
			return nil, fmt.Errorf("%d parameters, want 3", len(c.Parameters))
		}
		return Beta{c.Parameters[0], c.Parameters[1], c.Parameters[2]}, nil
	case kindIsotonic:
		s := &Isotonic{x: c.Margins, y: c.Values}
		if err := s.check(); err != nil {
			return nil, err
		}
		return s, nil
	case kindVennAbers:
		v := &VennAbers{x: c.Margins, count: c.Counts, ones: c.Ones}
		if err := v.check(); err != nil {
			return nil, err
		}
		v.index()
		return v, nil
	}
	return nil, errors.New("an unknown kind")
}
