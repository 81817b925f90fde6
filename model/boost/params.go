package boost

import (
	"fmt"
	"math"

	"fealty/features/frame"
)

// Params says how to learn. Start from Defaults; the zero value is refused.
type Params struct {
	// Loss is what is minimised; nil means LogLoss.
	Loss Loss
	// Rounds is the number of trees, 1 … 100,000; default 150. Early stopping may keep fewer.
	Rounds int
	// LearningRate scales every tree, in (0, 1]; default 0.1.
	LearningRate float64
	// Leaves is the most leaves per tree, 2 … 65,536; default 31.
	Leaves int
	// MaxDepth is the most nodes on a path, 0 … 65,536; 0 (default) means no limit but Leaves.
	MaxDepth int
	// MinRows is the fewest rows in a leaf, ≥ 0; default 20. Rows count once, whatever their weight.
	MinRows int
	// MinHessian is the smallest sum of weighted hessians in a leaf, ≥ 0; default 0.001.
	MinHessian float64
	// L1 and L2 regularise leaf values, ≥ 0; default 0.
	L1, L2 float64
	// MinGain is what a split must gain at least, in units of the loss, ≥ 0; default 0.
	MinGain float64

	// MaxBins is the most bins of a column, missing not counted, 2 … 255; default 255.
	MaxBins int
	// BinRows is how many rows, drawn by Seed, the bins are found from, ≥ 1;
	// default 200,000. All rows are used where there are no more.
	BinRows int

	// RowFraction of the rows is drawn for a tree, in (0, 1]; default 1. Drawn
	// anew every RowRounds rounds, 1 … Rounds; default 1.
	RowFraction float64
	RowRounds   int
	// FeatureFraction of the columns is drawn for each tree, in (0, 1]; default 1.
	FeatureFraction float64

	// Monotone makes the margin monotone in every Number column whose
	// Meta.Direction is Raises or Lowers. Directions names columns whose
	// direction differs from their Meta; it acts with or without Monotone.
	Monotone   bool
	Directions map[string]frame.Direction

	// ByGroup lets only columns of one Meta.Group stand on one path; Together
	// lists further sets of columns that may. Columns in no set and columns
	// without a group interact with nothing. Neither: everything may interact.
	ByGroup  bool
	Together [][]string

	// A category column of at most OneHot codes is split one code against the
	// rest (0 … 255; default 4). Larger ones are ordered by gradient ÷ (hessian
	// + CatSmooth) and cut, with CatL2 added to L2, after at most MaxCatCodes
	// codes from either end; a code needs CatSmooth rows to take part, and cuts
	// lie at least MinCatRows rows apart. Defaults 10, 10, 32, 100, as in LightGBM.
	OneHot      int
	CatSmooth   float64
	CatL2       float64
	MaxCatCodes int
	MinCatRows  int

	// Validation, with Patience ≥ 1, stops the rounds once the loss on it has
	// not fallen for Patience rounds; the rounds up to the best one are kept.
	// Default: nil and 0.
	// KeepAll keeps the later rounds too, for callers who choose among them.
	Validation *Validation
	Patience   int
	KeepAll    bool

	// HistogramBytes bounds the histograms kept at once, ≥ 0; default 1 GiB. At
	// least three are kept. The bound changes speed, never the model.
	HistogramBytes int64

	// Gradients says how finely gradients are summed; default ByRows.
	Gradients Gradients

	// Seed decides every draw.
	Seed uint64
	// Threads is how many goroutines work, 0 … 1024; 0 (default) means
	// GOMAXPROCS. The model does not depend on it.
	Threads int
	// Progress, if set, is called after every round, from the goroutine of Fit.
	Progress func(Progress)
}

// Gradients says how finely gradients and hessians are summed while a tree looks
// for its cuts.
type Gradients int

const (
	// ByRows, the default, is Full below PackedFrom training rows and Packed from there on.
	ByRows Gradients = iota
	// Full sums 61 bits of gradient and 35 of hessian. Sums are exact: a row of
	// weight 2 is a row twice to the bit, and neither the order of rows nor their
	// number per goroutine shows.
	Full
	// Packed sums 12 bits of each, rounded by a chance that depends on Seed, round
	// and the row's number; rows are counted exactly, and values of leaves, counts
	// and weights come from the slopes before rounding. It is twice as fast. As in
	// LightGBM, which tells the rows of a bin by their hessian, a leaf needs the
	// hessian of MinRows − ½ average rows of the leaf it is cut from; here it needs
	// MinRows rows as well. Where positives are rare, this keeps leaves of a lucky
	// few from being cut off where there are hardly any.
	// Other orders of the rows, or weights instead of repeated rows, give other
	// roundings and may give other trees of the same quality.
	Packed
)

// PackedFrom is the number of training rows from which on gradients are packed
// by default. Fewer rows are learnt from in no time either way, and keep sums
// that are exact.
const PackedFrom = 3 << 12

// packs tells whether gradients of so many rows are packed.
func (p Params) packs(rows int) bool {
	return p.Gradients == Packed || p.Gradients == ByRows && rows >= PackedFrom
}

// Validation is the set on which early stopping looks. The caller sees to it
// that no account of it is among the training rows, and that it is the later part.
type Validation struct {
	// Rows, when Frame is nil, are rows of the training frame that are left out
	// of training: distinct, in range, at least one.
	Rows []int
	// Frame, Y and Weights (nil: all 1) are a set of its own.
	Frame      *frame.Frame
	Y, Weights []float64
}

// Progress is how far learning has come.
type Progress struct {
	// Round counts from 1 to Rounds.
	Round, Rounds int
	// Loss is the mean loss on the validation set; NaN without one. Best is the
	// round where it was lowest, 0 without one.
	Loss float64
	Best int
	// Trees is how many trees there are; a round that finds nothing to split adds none.
	Trees int
}

// Defaults returns the default parameters.
func Defaults() Params {
	return Params{
		Loss: LogLoss{}, Rounds: 150, LearningRate: 0.1, Leaves: 31, MinRows: 20, MinHessian: 1e-3,
		MaxBins: 255, BinRows: 200_000, RowFraction: 1, RowRounds: 1, FeatureFraction: 1,
		OneHot: 4, CatSmooth: 10, CatL2: 10, MaxCatCodes: 32, MinCatRows: 100,
		HistogramBytes: 1 << 30,
	}
}

// Validate reports the first parameter out of its bounds, by name.
func (p Params) Validate() error {
	for _, b := range []struct {
		name            string
		value           int
		atLeast, atMost int
	}{
		{"Rounds", p.Rounds, 1, 100_000},
		{"Leaves", p.Leaves, 2, 65_536},
		{"MaxDepth", p.MaxDepth, 0, 65_536},
		{"MinRows", p.MinRows, 0, math.MaxInt32},
		{"MaxBins", p.MaxBins, 2, 255},
		{"BinRows", p.BinRows, 1, math.MaxInt32},
		{"RowRounds", p.RowRounds, 1, max(1, p.Rounds)},
		{"OneHot", p.OneHot, 0, 255},
		{"MaxCatCodes", p.MaxCatCodes, 1, 255},
		{"MinCatRows", p.MinCatRows, 0, math.MaxInt32},
		{"Patience", p.Patience, 0, 100_000},
		{"Gradients", int(p.Gradients), int(ByRows), int(Packed)},
		{"Threads", p.Threads, 0, 1024},
	} {
		if b.value < b.atLeast || b.value > b.atMost {
			return fmt.Errorf("boosting parameter %s is %d, expected %d … %d", b.name, b.value, b.atLeast, b.atMost)
		}
	}
	for _, b := range []struct {
		name  string
		value float64
		unit  bool // in (0, 1], otherwise ≥ 0 and finite
	}{
		{"LearningRate", p.LearningRate, true}, {"RowFraction", p.RowFraction, true},
		{"FeatureFraction", p.FeatureFraction, true}, {"MinHessian", p.MinHessian, false},
		{"L1", p.L1, false}, {"L2", p.L2, false}, {"MinGain", p.MinGain, false},
		{"CatSmooth", p.CatSmooth, false}, {"CatL2", p.CatL2, false},
	} {
		switch {
		case b.unit && !(b.value > 0 && b.value <= 1):
			return fmt.Errorf("boosting parameter %s is %v, expected a number in (0, 1]", b.name, b.value)
		case !b.unit && !(b.value >= 0 && b.value <= math.MaxFloat64):
			return fmt.Errorf("boosting parameter %s is %v, expected a finite number of at least 0", b.name, b.value)
		}
	}
	if p.HistogramBytes < 0 {
		return fmt.Errorf("boosting parameter HistogramBytes is %d, expected at least 0", p.HistogramBytes)
	}
	if (p.Validation == nil) != (p.Patience == 0) {
		return fmt.Errorf("boosting parameters Validation and Patience go together; Patience is %d", p.Patience)
	}
	for name, d := range p.Directions {
		if d < frame.Lowers || d > frame.Raises {
			return fmt.Errorf("boosting parameter Directions gives %q the direction %d, expected -1, 0 or 1", name, d)
		}
	}
	if c, ok := p.Loss.(interface{ Validate() error }); ok {
		if err := c.Validate(); err != nil {
			return fmt.Errorf("boosting parameter Loss: %w", err)
		}
	}
	return nil
}

// Memory returns the most bytes that Fit holds beside the frame and the
// finished trees, for rows training rows, held-out validation rows and columns:
//
//	bins       16 × ⌈columns ÷ 8⌉ bytes per training row (twice, by row and by
//	           column), 8 × ⌈columns ÷ 8⌉ per validation row
//	rows       72 bytes per training row: label, weight, margin, gradient and
//	           hessian 8 each, its word in two places 16, the rest for row numbers
//	           and sides; 16 more for full cells where gradients are Full, 24 more
//	           for residuals where the loss is a Refiner
//	validation 28 bytes per row
//	histograms min(Leaves, max(3, HistogramBytes ÷ H)) × H, H = 16 × 256 × (columns + 1) bytes
//	sums       128 KiB per thread where gradients are Packed
//	bin search 64 bytes × min(rows, BinRows) per thread
func (p Params) Memory(rows, held, columns int) int64 {
	n, v, c, each := int64(rows), int64(held), int64(columns), int64(threads(p.Threads))
	words := 8 * ((c + 7) / 8)
	histogram := 16 * 256 * (c + 1)
	kept := min(int64(p.Leaves), max(3, p.HistogramBytes/histogram))
	row := 2*words + 72
	if _, refines := p.Loss.(Refiner); refines {
		row += 24
	}
	sums := each * deskBlocks * lanes * binsPerByte * 8
	if !p.packs(rows) {
		row += 16
		sums = 0
	}
	return n*row + v*(words+28) + kept*histogram + sums + 64*min(n, int64(p.BinRows))*each
}
