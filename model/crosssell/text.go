package crosssell

import (
	"encoding"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fealty/model"
	"fealty/model/calibrate"
	"fealty/model/tree"
)

const (
	format  = "fealty cross-sell propensity"
	version = 1
	// maxText bounds what Parse looks at, in bytes.
	maxText = 64 << 20
)

// content is the saved form. EASE's matrix is not in it, which may take gigabytes: a Fit with
// Params on the purchases of the day gives the model.
type content struct {
	Format      string `json:"format"`
	Version     int    `json:"version"`
	Params      Params `json:"params"`
	HorizonDays int    `json:"horizon_days"`
	Candidates  int    `json:"candidates"`
	MaxRows     int    `json:"max_rows"`
	// One entry per kind: new, lapsed, repeat. A calibrator is slope and intercept.
	Calibrators [3][2]float64 `json:"calibrators"`
	Popular     [3][2]float64 `json:"popular"`
	Baskets     [3]float64    `json:"baskets"`
	Rerank      [3]bool       `json:"rerank"`
	// Beside is absent where the purchases are all that is read.
	Beside []string `json:"beside,omitempty"`
	// Trees is the ensemble in LightGBM's text.
	Trees string `json:"trees"`
}

var _ encoding.TextMarshaler = (*Propensity)(nil)

// MarshalText returns the propensity as JSON, numbers in shortest round-trip
// decimals: parameters, trees and calibrators, and no purchase of anybody.
func (p *Propensity) MarshalText() ([]byte, error) {
	var trees strings.Builder
	if err := p.trees.Write(&trees); err != nil {
		return nil, fmt.Errorf("write a propensity: %w", err)
	}
	c := content{
		Format: format, Version: version, Params: p.params, HorizonDays: p.horizon, Candidates: p.candidates, MaxRows: p.maxRows,
		Baskets: p.baskets, Rerank: p.rerank, Beside: p.beside, Trees: trees.String(),
	}
	for k := range kinds {
		c.Calibrators[k] = [2]float64{p.calibrator[k].Slope, p.calibrator[k].Intercept}
		c.Popular[k] = [2]float64{p.popular[k].Slope, p.popular[k].Intercept}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write a propensity: %w", err)
	}
	return text, nil
}

// Parse reads what MarshalText wrote, and nothing else: at most 64 MiB, no
// unknown, repeated or missing key, every number finite and within its bounds.
// Errors wrap ErrText and say what is wrong.
func Parse(text []byte) (*Propensity, error) {
	var c content
	if err := model.DecodeText(text, maxText, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if c.Format != format || c.Version != version {
		return nil, fmt.Errorf("%w: format %q version %d, this program reads %q version %d", ErrText, c.Format, c.Version, format, version)
	}
	p, err := c.propensity()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if err := model.AsWritten(p, text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	return p, nil
}

func (c content) propensity() (*Propensity, error) {
	check := PropensityDefaults()
	check.HorizonDays, check.Candidates, check.MaxRows = c.HorizonDays, c.Candidates, c.MaxRows
	if err := check.Validate(); err != nil {
		return nil, err
	}
	if err := c.Params.Validate(); err != nil {
		return nil, err
	}
	p := &Propensity{
		params: c.Params, horizon: c.HorizonDays, candidates: c.Candidates, maxRows: c.MaxRows, baskets: c.Baskets, rerank: c.Rerank, beside: c.Beside,
	}
	for k, kind := range kinds {
		p.calibrator[k] = calibrate.Affine{Slope: c.Calibrators[k][0], Intercept: c.Calibrators[k][1]}
		p.popular[k] = calibrate.Affine{Slope: c.Popular[k][0], Intercept: c.Popular[k][1]}
		if !(p.calibrator[k].Slope > 0) || !(p.popular[k].Slope >= 0) {
			return nil, fmt.Errorf("the slopes of kind %v are %v and %v, expected above 0 and at least 0", kind, p.calibrator[k].Slope, p.popular[k].Slope)
		}
		if !(c.Baskets[k] > 0 && c.Baskets[k] <= mostBaskets) {
			return nil, fmt.Errorf("the baskets of kind %v are %v, expected a number in (0, %v]", kind, c.Baskets[k], float64(mostBaskets))
		}
	}
	var err error
	if p.trees, err = tree.Read(strings.NewReader(c.Trees), maxText); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range features {
		names = append(names, f.Name)
	}
	names = append(names, c.Beside...)
	if got := p.trees.Features(); !slices.Equal(got, names) {
		return nil, fmt.Errorf("the trees read %q, this program makes %q", got, names)
	}
	return p, nil
}
