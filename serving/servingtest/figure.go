package servingtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"fealty/model"
)

// ErrBelowBar says that a figure is on the wrong side of its bar.
var ErrBelowBar = errors.New("a figure does not reach its bar")

// Figure is one measured number, with the bar that it has to reach if it has
// one.
type Figure struct {
	// Name is a path from the protocol to the number.
	Name string `json:"name"`
	// Engine is the kind of warehouse that it was measured on.
	Engine string       `json:"engine"`
	Value  model.Figure `json:"value"`
	Unit   string       `json:"unit"`
	// Reference is what another system reached on the same file by the same
	// protocol, nil when nobody measured it.
	Reference *float64 `json:"reference,omitempty"`
	// Op, "==", ">=" or "<=", and Bound are the bar; OK says whether Value is on
	// the right side of it. "within" means that Value is at most Bound away from
	// Reference. Figures without a bar have none of the three.
	Op    string   `json:"op,omitempty"`
	Bound *float64 `json:"bound,omitempty"`
	OK    *bool    `json:"ok,omitempty"`
}

// Reached reports whether the figure has no bar or reaches it.
func (f *Figure) Reached() bool { return f.OK == nil || *f.OK }

// Bar sets the bar and says whether the value reaches it: op is "==", ">=" or
// "<=".
func (f *Figure) Bar(op string, bound float64) {
	v := float64(f.Value)
	// NaN reaches nothing.
	ok := op == "==" && v == bound || op == ">=" && v >= bound || op == "<=" && v <= bound
	f.Op, f.Bound, f.OK = op, &bound, &ok
}

// Near sets the reference and the bar that the value be at most tolerance away from
// it.
func (f *Figure) Near(reference, tolerance float64) {
	// NaN is near nothing.
	ok := math.Abs(float64(f.Value)-reference) <= tolerance
	f.Reference, f.Op, f.Bound, f.OK = &reference, "within", &tolerance, &ok
}

// PrintFigures prints a JSON line for each figure; the error wraps ErrBelowBar
// when one is not good enough.
func PrintFigures(to io.Writer, figures []Figure) error {
	encode := json.NewEncoder(to)
	encode.SetEscapeHTML(false)
	failed := 0
	for i := range figures {
		if err := encode.Encode(&figures[i]); err != nil {
			return fmt.Errorf("print figure %s: %w", figures[i].Name, err)
		}
		if !figures[i].Reached() {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d: %w", failed, len(figures), ErrBelowBar)
	}
	return nil
}
