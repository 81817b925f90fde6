package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"fealty/features/frame"
)

// shape is a kind of table with a known truth. The same shape and seed give the
// same rows; another seed draws other rows of the same truth.
type shape struct {
	name    string
	columns int
	// informative columns bear on the label; the rest is noise.
	informative int
	// categories of the columns are codes, spread over informative ones and noise.
	categories int
	// missing columns lack between least and most of their values, in equal steps.
	missing     int
	least, most float64
	// rate is the share of ones.
	rate float64
}

// The shapes. The first is the one of all speeds: 40 columns, 20 of them
// informative, heavy tails, six columns with 8–30 % missing.
var (
	usual      = shape{name: "usual", columns: 40, informative: 20, missing: 6, least: 0.08, most: 0.30, rate: 0.3}
	accounts   = shape{name: "accounts", columns: 60, informative: 20, missing: 6, least: 0.08, most: 0.30, rate: 0.3}
	heavy      = shape{name: "heavy", columns: 40, informative: 20, rate: 0.3}
	categories = shape{name: "categories", columns: 40, informative: 20, categories: 10, missing: 6, least: 0.08, most: 0.30, rate: 0.3}
	sparse     = shape{name: "missing", columns: 40, informative: 20, missing: 20, least: 0.08, most: 0.60, rate: 0.3}
	imbalance  = shape{name: "imbalance", columns: 40, informative: 20, missing: 6, least: 0.08, most: 0.30, rate: 1.0 / 51}
)

// columnOf is what both sides are told of a column.
type columnOf struct {
	Name string `json:"name"`
	// Levels is the number of codes of a category, 0 for a number.
	Levels int `json:"levels"`
	// Direction is the sign of the planted effect where it is monotone, else 0.
	Direction frame.Direction `json:"direction"`

	effect   int // of effects, −1 for none
	weight   float64
	lacking  float64
	ofLevels []float64
}

// ladderNames are names that the ladder's rule and logistic regression look for;
// they are given to columns with a long right tail, as those of orders have.
var ladderNames = []string{
	"recency_days", "recency_to_gap", "buying_days_90d", "buying_days_365d", "gap_median_days", "spend_365d", "active_month_share", "products_365d",
}

// The effects of an informative number z on the log-odds, by turns.
var effects = []func(z, next float64) float64{
	func(z, _ float64) float64 { return z },
	func(z, _ float64) float64 { return max(-0.5, min(1.5, 2*z)) },
	func(z, _ float64) float64 { return 0.7 * (z*z - 1) },
	func(z, _ float64) float64 { return math.Sin(2 * z) },
	func(z, next float64) float64 { return z * next },
}

// monotoneEffects begin effects.
const monotoneEffects = 2

// plan draws the truth of a shape.
func (s shape) plan() []columnOf {
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // a table is drawn, not a secret
	all := make([]columnOf, s.columns)
	step := 0
	if s.categories > 0 {
		step = s.columns / s.categories
	}
	lacking, named := 0, 0
	for j := range all {
		c := &all[j]
		c.Name, c.effect, c.weight = "f"+strconv.Itoa(j), -1, 0.15+0.35*r.Float64()
		if r.IntN(2) == 0 {
			c.weight = -c.weight
		}
		if step > 0 && j%step == step-1 {
			c.Levels = 3 + j*j/16
			c.ofLevels = make([]float64, c.Levels)
			for k := range c.ofLevels {
				if j < s.informative {
					c.ofLevels[k] = 0.7 * r.NormFloat64()
				}
			}
			continue
		}
		if j < s.informative {
			c.effect = j % len(effects)
			if c.effect < monotoneEffects {
				c.Direction = frame.Raises
				if c.weight < 0 {
					c.Direction = frame.Lowers
				}
			}
		}
		if j%2 == 1 && lacking < s.missing {
			c.lacking = s.least
			if s.missing > 1 {
				c.lacking += (s.most - s.least) * float64(lacking) / float64(s.missing-1)
			}
			lacking++
		}
		if j%4 == 0 && named < len(ladderNames) {
			c.Name = ladderNames[named]
			named++
		}
	}
	return all
}

// seen is the value that stands in the table for the normal z in column j: heavy
// tails, whole numbers or z itself.
func seen(j int, z float64) float64 {
	switch j % 4 {
	case 0:
		return math.Exp(1.5 * z)
	case 1:
		return math.Round(3 * z)
	case 2:
		return z * z * z
	default:
		return z
	}
}

// draw writes one row of values into row and returns the log-odds, without the
// intercept. z has room for one value per column.
func draw(r *rand.Rand, columns []columnOf, z, row []float64) (logOdds float64) {
	for j := range columns {
		z[j] = r.NormFloat64()
	}
	for j := range columns {
		c := &columns[j]
		if c.Levels > 0 {
			u := r.Float64()
			code := int(u * u * float64(c.Levels))
			row[j] = float64(code)
			logOdds += c.ofLevels[code]
			continue
		}
		if c.effect >= 0 {
			logOdds += c.weight * effects[c.effect](z[j], z[(j+1)%len(z)])
		}
		row[j] = seen(j, z[j])
		if c.lacking > 0 && r.Float64() < c.lacking {
			row[j] = math.NaN()
		}
	}
	return logOdds
}

// intercept returns the constant that makes the mean probability of the truth the
// shape's rate, found by bisection on 20,000 rows of their own.
func (s shape) intercept(columns []columnOf) float64 {
	r := rand.New(rand.NewPCG(8, 8)) //nolint:gosec // a table is drawn, not a secret
	odds := make([]float64, 20_000)
	z, row := make([]float64, len(columns)), make([]float64, len(columns))
	for i := range odds {
		odds[i] = draw(r, columns, z, row)
	}
	low, high := -20.0, 20.0
	for range 50 {
		middle := (low + high) / 2
		sum := 0.0
		for _, o := range odds {
			sum += 1 / (1 + math.Exp(-o-middle))
		}
		if sum < s.rate*float64(len(odds)) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// make writes a training and a test table into folder: train_x.npy, train_y.npy,
// test_x.npy, test_y.npy and columns.json.
func (s shape) make(folder string, train, test int, seed uint64) error {
	columns := s.plan()
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a table is drawn, not a secret
	constant := s.intercept(columns)
	for _, part := range []struct {
		name string
		rows int
	}{{"train", train}, {"test", test}} {
		if err := writePart(folder, part.name, part.rows, r, columns, constant); err != nil {
			return fmt.Errorf("write the %s rows of %s: %w", part.name, s.name, err)
		}
	}
	return writeColumns(folder, columns)
}

func writePart(folder, part string, rows int, r *rand.Rand, columns []columnOf, constant float64) (err error) {
	x, err := createArray(filepath.Join(folder, part+"_x.npy"), rows, len(columns), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	y, err := createArray(filepath.Join(folder, part+"_y.npy"), rows, 0, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, y.close()) }()
	z, row := make([]float64, len(columns)), make([]float64, len(columns))
	for range rows {
		p := 1 / (1 + math.Exp(-constant-draw(r, columns, z, row)))
		label := 0.0
		if r.Float64() < p {
			label = 1
		}
		if err := errors.Join(x.add(row...), y.add(label)); err != nil {
			return err
		}
	}
	return nil
}

const columnsFile = "columns.json"

func writeColumns(folder string, columns []columnOf) error {
	raw, err := json.Marshal(columns)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, columnsFile), raw, 0o600)
}

// readTable reads the first rows (all where 0) of a part of a set as a frame, and
// its labels.
func readTable(folder, part string, rows int) (f *frame.Frame, y []float64, err error) {
	raw, err := os.ReadFile(filepath.Join(folder, columnsFile)) //nolint:gosec // the files are the bench's own
	if err != nil {
		return nil, nil, err
	}
	var columns []columnOf
	if err := json.Unmarshal(raw, &columns); err != nil {
		return nil, nil, fmt.Errorf("read the columns of %s: %w", folder, err)
	}
	x, err := openArray(filepath.Join(folder, part+"_x.npy"))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	if x.columns != len(columns) {
		return nil, nil, fmt.Errorf("%s has %d columns in its table and %d in %s", folder, x.columns, len(columns), columnsFile)
	}
	if rows == 0 || rows > x.rows {
		rows = x.rows
	}
	f = &frame.Frame{Accounts: make([]frame.AccountID, rows), Cutoffs: make([]frame.Cutoff, rows)}
	for _, c := range columns {
		f.Columns = append(f.Columns, c.empty(rows))
	}
	row := make([]float64, x.columns)
	for i := range rows {
		if err := x.next(row); err != nil {
			return nil, nil, err
		}
		for j, v := range row {
			set(&f.Columns[j], i, v)
		}
	}
	y, _, err = readArray(filepath.Join(folder, part+"_y.npy"))
	if err != nil {
		return nil, nil, err
	}
	return f, y[:rows], nil
}

// empty returns the column with room for rows.
func (c columnOf) empty(rows int) frame.Column {
	column := frame.Column{Meta: frame.Meta{Name: c.Name, Direction: c.Direction}, Kind: frame.Number}
	if c.Levels == 0 {
		column.Numbers = make([]float64, rows)
		return column
	}
	column.Kind, column.Codes = frame.Category, make([]int32, rows)
	for k := range c.Levels {
		column.Levels = append(column.Levels, strconv.Itoa(k))
	}
	return column
}

// set writes value i of a column; NaN is missing.
func set(c *frame.Column, i int, v float64) {
	switch {
	case c.Kind == frame.Number:
		c.Numbers[i] = v
	case math.IsNaN(v):
		c.Codes[i] = -1
	default:
		c.Codes[i] = int32(v)
	}
}
