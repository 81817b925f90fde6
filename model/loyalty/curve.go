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
	if len(c) == 0 {
		return math.NaN()
	}
	y := []float64{max(c[0].X, min(c[len(c)-1].X, x))}
	c.path().apply(y, y)
	return bounded(y[0])
}

// bounded undoes what rounding may add beyond 0 … 100.
func bounded(y float64) float64 { return min(100, max(0, y)) }

// block is the number of anchors that are compared without looking for the right
// ones first.
const block = 4

// path is a curve made ready for many values: which segment a value falls into is
// counted, not branched on, because values come in no order.
type path struct {
	// starts are the anchors' X, filled with NaN up to block times a power of two;
	// segment k holds the values with k starts at or below.
	starts   []float64
	segments []segment
}

// segment is the line y + slope · (x − from).
type segment struct{ from, y, slope float64 }

func (c Curve) path() *path {
	p := &path{segments: []segment{{c[0].X, c[0].Y, 0}}}
	for k, a := range c {
		s := segment{a.X, a.Y, 0}
		if k+1 < len(c) {
			s.slope = (c[k+1].Y - a.Y) / (c[k+1].X - a.X)
		}
		p.starts, p.segments = append(p.starts, a.X), append(p.segments, s)
	}
	size := block
	for size < len(c) {
		size *= 2
	}
	for len(p.starts) < size {
		p.starts = append(p.starts, math.NaN())
	}
	return p
}

// one is 1 for true. The compiler makes it an instruction, not a branch.
func one(yes bool) int {
	n := 0
	if yes {
		n = 1
	}
	return n
}

// apply writes the curve's values at finite x, to be bounded; NaN stays NaN. out is
// as long as x and may be x.
func (p *path) apply(x, out []float64) {
	out = out[:len(x)]
	for j := range out {
		v, k := x[j], 0
		for size := len(p.starts); size > block; size /= 2 {
			k += size / 2 * one(v >= p.starts[k+size/2-1])
		}
		s := (*[block]float64)(p.starts[k:])
		k += one(v >= s[0]) + one(v >= s[1]) + one(v >= s[2]) + one(v >= s[3])
		line := &p.segments[k]
		out[j] = line.y + line.slope*(v-line.from) //nolint:gosec // out is as long as x, above
	}
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
