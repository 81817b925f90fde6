package loyalty

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Anchor is one published point of a map: the value X is worth Y, 0 … 100.
type Anchor struct{ X, Y float64 }

// Curve maps a value to 0 … 100: straight lines between anchors whose X rise,
// level outside them. Its Y never turn, so the map is monotone.
type Curve []Anchor

// At returns the curve's value at x; NaN when x is NaN or the curve is empty.
func (c Curve) At(x float64) float64 {
	if len(c) == 0 || math.IsNaN(x) {
		return math.NaN()
	}
	if x <= c[0].X {
		return c[0].Y
	}
	for k := 1; k < len(c); k++ {
		if x <= c[k].X {
			a, b := c[k-1], c[k]
			return a.Y + (b.Y-a.Y)*((x-a.X)/(b.X-a.X))
		}
	}
	return c[len(c)-1].Y
}

// check says what is wrong with the curve: anchors that don't rise, a Y outside
// 0 … 100 or a turn.
func (c Curve) check() error {
	if len(c) < 2 {
		return fmt.Errorf("a curve has %d anchors, needs 2 or more", len(c))
	}
	var up, down bool
	for k, a := range c {
		if !(a.Y >= 0 && a.Y <= 100) || math.IsNaN(a.X) || math.IsInf(a.X, 0) {
			return fmt.Errorf("anchor %d is (%v, %v), want a finite X and a Y of 0 … 100", k, a.X, a.Y)
		}
		if k == 0 {
			continue
		}
		if !(a.X > c[k-1].X) {
			return fmt.Errorf("anchor %d at %v does not lie above the one before, %v", k, a.X, c[k-1].X)
		}
		up = up || a.Y > c[k-1].Y
		down = down || a.Y < c[k-1].Y
	}
	if up && down {
		return fmt.Errorf("the curve %s turns", c)
	}
	return nil
}

// String writes the anchors: "0→0, 0.5→70, 1→100".
func (c Curve) String() string {
	var b strings.Builder
	for k, a := range c {
		if k > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatFloat(a.X, 'g', -1, 64))
		b.WriteString("→")
		b.WriteString(strconv.FormatFloat(a.Y, 'g', -1, 64))
	}
	return b.String()
}
