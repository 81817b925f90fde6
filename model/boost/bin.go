package boost

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fealty/features/frame"
)

// binning says how one column's values become bins: value bins 0 … values−1,
// then one bin for missing, which also takes the codes that are too rare to
// have a bin of their own.
type binning struct {
	category bool
	values   int
	// edges are the cuts between the value bins of a number: bin i holds
	// edges[i−1] < x ≤ edges[i].
	edges []float64
	// grid is edges filled up with +Inf.
	grid *[binsPerByte]float64
	// code is the code of each value bin of a category, ascending; at is the
	// bin of each code.
	code []int32
	at   []uint8
	// missing tells whether a training row lay in the missing bin.
	missing bool
	// info is LightGBM's note on the range.
	info string
}

// missingBin is the bin of missing values.
func (b *binning) missingBin() int { return b.values }

// splits tells whether two bins may differ at all.
func (b *binning) splits() bool { return b.values > 1 || b.values == 1 && b.missing }

// weighted is one value and the weight of the rows that have it.
type weighted struct{ value, weight float64 }

// findBins looks at the sampled rows of a column. sample holds ascending rows;
// weights is nil where all are 1.
func findBins(c *frame.Column, sample []int32, weights []float64, most int) binning {
	if c.Kind == frame.Category {
		return findCodes(c, sample, weights, most)
	}
	distinct, missing := distinctValues(c.Numbers, sample, weights)
	if len(distinct) == 0 {
		return binning{missing: missing, info: "none"}
	}
	b := binning{edges: cuts(distinct, most), missing: missing}
	b.values = len(b.edges) + 1
	b.grid = new([binsPerByte]float64)
	for i := range b.grid {
		b.grid[i] = math.Inf(1)
	}
	copy(b.grid[:], b.edges)
	b.info = "none"
	if len(distinct) > 1 {
		b.info = "[" + strconv.FormatFloat(distinct[0].value, 'g', -1, 64) + ":" +
			strconv.FormatFloat(distinct[len(distinct)-1].value, 'g', -1, 64) + "]"
	}
	return b
}

// distinctValues returns the values of the sampled rows, ascending and each
// once, with the weight of their rows.
func distinctValues(numbers []float64, sample []int32, weights []float64) (distinct []weighted, missing bool) {
	if weights == nil {
		keys := make([]uint64, 0, len(sample))
		for _, i := range sample {
			if v := numbers[i]; !math.IsNaN(v) {
				keys = append(keys, key(v))
			}
		}
		sortKeys(keys)
		n := 0
		for i, k := range keys {
			if i == 0 || keys[i-1] != k {
				n++
			}
		}
		distinct = make([]weighted, 0, n)
		for i, k := range keys {
			if i == 0 || keys[i-1] != k {
				distinct = append(distinct, weighted{unkey(k), 0})
			}
			distinct[len(distinct)-1].weight++
		}
		return distinct, len(keys) < len(sample)
	}
	seen := make([]weighted, 0, len(sample))
	for k, i := range sample {
		if v := numbers[i]; !math.IsNaN(v) {
			seen = append(seen, weighted{v, weights[k]})
		}
	}
	slices.SortFunc(seen, func(a, b weighted) int {
		// Equal values in order of weight, so that their sum does not depend on row order.
		return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.weight, b.weight))
	})
	for _, s := range seen {
		if n := len(distinct); n > 0 && distinct[n-1].value == s.value {
			distinct[n-1].weight += s.weight
		} else {
			distinct = append(distinct, s)
		}
	}
	return distinct, len(seen) < len(sample)
}

// key maps numbers to whole numbers of the same order; 0 and −0 are one.
func key(v float64) uint64 {
	u := math.Float64bits(v + 0) // −0 + 0 is 0
	if u>>63 != 0 {
		return ^u
	}
	return u | 1<<63
}

// unkey is the number of a key.
func unkey(k uint64) float64 {
	if k>>63 != 0 {
		return math.Float64frombits(k &^ (1 << 63))
	}
	return math.Float64frombits(^k)
}

// sortKeys sorts by eleven bits at a time from the lowest on (radix sort), leaving
// out bits in which all keys agree: numbers that were float32 or whole have many.
func sortKeys(keys []uint64) {
	const few, digit, digits = 2048, 11, 6 // 6 × 11 ≥ 64
	if len(keys) < few {
		slices.Sort(keys)
		return
	}
	count := new([digits][1 << digit]uint32)
	for _, k := range keys {
		for d := range count {
			count[d][k>>(d*digit)&(1<<digit-1)]++
		}
	}
	from, to := keys, make([]uint64, len(keys))
	for d := range count {
		at, shift := &count[d], d*digit
		if int(at[keys[0]>>shift&(1<<digit-1)]) == len(keys) {
			continue
		}
		sum := uint32(0)
		for i, n := range at {
			at[i] = sum
			sum += n
		}
		for _, k := range from {
			i := &at[k>>shift&(1<<digit-1)]
			to[*i] = k
			*i++
		}
		from, to = to, from
	}
	if &from[0] != &keys[0] {
		copy(keys, from)
	}
}

// cuts places at most most−1 cuts between distinct ascending values: everywhere
// where there are no more values than bins; otherwise values heavier than an
// even share get a bin of their own and the rest shares what is left, as
// LightGBM's GreedyFindBin does.
func cuts(distinct []weighted, most int) []float64 {
	var edges []float64
	if len(distinct) <= most {
		for i := 1; i < len(distinct); i++ {
			edges = append(edges, between(distinct[i-1].value, distinct[i].value))
		}
		return edges
	}
	total := 0.0
	for _, d := range distinct {
		total += d.weight
	}
	share := total / float64(most)
	heavy := func(i int) bool { return distinct[i].weight >= share }
	rest, left := total, most
	for i := range distinct {
		if heavy(i) {
			rest -= distinct[i].weight
			left--
		}
	}
	even := math.Inf(1)
	if left > 0 {
		even = rest / float64(left)
	}
	sum := 0.0
	for i := 0; i+1 < len(distinct) && len(edges) < most-1; i++ {
		own := heavy(i)
		if !own {
			rest -= distinct[i].weight
		}
		sum += distinct[i].weight
		if own || sum >= even || (heavy(i+1) && sum >= even/2) {
			edges = append(edges, between(distinct[i].value, distinct[i+1].value))
			sum = 0
			if !own {
				if left--; left > 0 {
					even = rest / float64(left)
				}
			}
		}
	}
	return edges
}

// between returns a cut c with a ≤ c < b, the middle where it exists: a row
// with x ≤ a goes left, one with x ≥ b right.
func between(a, b float64) float64 {
	c := a/2 + b/2 // halves first: a + b may overflow
	if !(c >= a && c < b) {
		return a
	}
	return c
}

// findCodes gives the heaviest codes of a category a bin each, in code order.
func findCodes(c *frame.Column, sample []int32, weights []float64, most int) binning {
	weight := make([]float64, len(c.Levels))
	b := binning{category: true}
	for k, i := range sample {
		code := c.Codes[i]
		if code < 0 {
			b.missing = true
			continue
		}
		if weights == nil {
			weight[code]++
		} else {
			weight[code] += weights[k]
		}
	}
	for code, w := range weight {
		if w > 0 {
			b.code = append(b.code, int32(code)) // codes are int32
		}
	}
	if len(b.code) > most {
		slices.SortStableFunc(b.code, func(x, y int32) int { return cmp.Compare(weight[y], weight[x]) })
		b.code = b.code[:most:most]
		slices.Sort(b.code)
		b.missing = true
	}
	b.values = len(b.code)
	b.at = make([]uint8, len(c.Levels))
	for code := range b.at {
		b.at[code] = uint8(b.values) //nolint:gosec // values ≤ 255
	}
	for bin, code := range b.code {
		b.at[code] = uint8(bin) // bin < 255
	}
	// Every level is named, so that a file with few rows still says that this is a category.
	var info strings.Builder
	info.WriteString("-1")
	for code := range c.Levels {
		info.WriteByte(':')
		info.WriteString(strconv.Itoa(code))
	}
	b.info = info.String()
	return b
}

// lanes is how many columns share one word of bins.
const lanes = 8

// table holds binned columns, one after the other, for partitions, which ask for one.
type table struct {
	rows int
	// bySlot has rows bytes per slot and columnSlack more.
	bySlot []uint8
}

// columnSlack is how far behind a bin a kernel may read.
const columnSlack = 8

// column returns the bins of a slot; columnSlack bytes behind them can be read.
func (t *table) column(slot int) []uint8 { return t.bySlot[slot*t.rows:][:t.rows] }

// words holds columns of a table row by row, for histograms, which ask for all
// that a tree may split.
type words struct {
	// slots are the columns, in blocks of eight. byRow has blocks words per row; the
	// word of block b has the bins of slots[8b] … slots[8b+7], lowest byte first, and
	// 0 where there are no more.
	slots  []int
	blocks int
	byRow  []uint64
}

// blocksOf is how many blocks so many slots fill.
func blocksOf(slots int) int { return (slots + lanes - 1) / lanes }

// words lays some columns out row by row, in the memory of room if it suffices.
func (t *table) words(c *crew, slots []int, room []uint64) words {
	w := words{slots: slots, blocks: blocksOf(len(slots))}
	n := t.rows * w.blocks
	w.byRow = slices.Grow(room[:0], n)[:n]
	c.run(chunks(t.rows), func(k int) {
		from := k * chunk
		to := min(from+chunk, t.rows)
		for block := range w.blocks {
			var columns [lanes][]uint8
			for lane := range columns {
				columns[lane] = blank[:to-from]
			}
			for lane, slot := range w.of(block, 1) {
				columns[lane] = t.column(slot)[from:to]
			}
			kernelsOfCPU.interleave(&columns, w.byRow[from*w.blocks+block:], w.blocks)
		}
	})
	return w
}

// of returns the slots of n blocks.
func (w *words) of(first, n int) []int {
	return w.slots[first*lanes : min((first+n)*lanes, len(w.slots))]
}

// blank is a column of nothing.
var blank [chunk]uint8

// touchRows is how many rows are touched ahead of being summed.
const touchRows = 512

// touch reads a word of every line that the rows' bins in n blocks lie on. Rows
// of a leaf lie anywhere in memory; read in a loop that does nothing else, many
// of them are under way at once. What it returns has no meaning.
func (w *words) touch(first, n int, rows []uint64) uint64 {
	touched := uint64(0)
	for _, row := range rows {
		at := int(uint32(row))*w.blocks + first //nolint:gosec // the lower half is the row's number
		touched |= w.byRow[at] | w.byRow[at+n-1]
	}
	return touched
}

// binned is the training set in bins.
type binned struct {
	table
	// columns has one entry per column of the frame; slots lists the columns
	// that can split, in order, and offset where each slot's bins begin in a
	// histogram. offset has one entry more: the size of a histogram.
	columns []binning
	slots   []int
	offset  []int
}

// binning returns the binning of a slot.
func (b *binned) binning(slot int) *binning { return &b.columns[b.slots[slot]] }

// newBinned finds the bins and bins the training rows. use lists the rows of f
// that train, ascending; weights is parallel to use or nil.
func newBinned(c *crew, p *Params, f *frame.Frame, use []int32, weights []float64) *binned {
	sample, sampleWeights := sampleRows(p, use, weights)
	b := &binned{columns: make([]binning, len(f.Columns))}
	c.run(len(f.Columns), func(j int) {
		b.columns[j] = findBins(&f.Columns[j], sample, sampleWeights, p.MaxBins)
		if len(sample) < len(use) {
			b.columns[j].missing = b.columns[j].missing || anyMissing(&f.Columns[j], &b.columns[j], use)
		}
	})
	b.offset = []int{0}
	for j := range b.columns {
		if b.columns[j].splits() {
			b.slots = append(b.slots, j)
			b.offset = append(b.offset, b.offset[len(b.offset)-1]+b.columns[j].values+1)
		}
	}
	b.table = b.apply(c, f, use, nil)
	return b
}

// anyMissing looks beyond the sample for a row in the missing bin.
func anyMissing(c *frame.Column, b *binning, use []int32) bool {
	for _, i := range use {
		if c.Kind == frame.Number && math.IsNaN(c.Numbers[i]) {
			return true
		}
		if c.Kind == frame.Category && (c.Codes[i] < 0 || int(b.at[c.Codes[i]]) == b.values) {
			return true
		}
	}
	return false
}

// sampleRows draws at most BinRows of the rows, ascending.
func sampleRows(p *Params, use []int32, weights []float64) (rows []int32, w []float64) {
	if len(use) <= p.BinRows {
		return use, weights
	}
	draw := stream(p.Seed, 'b')
	for k, i := range use {
		// Selection sampling (Knuth, TAOCP 3.4.2, algorithm S): exactly BinRows rows.
		if draw.float()*float64(len(use)-k) < float64(p.BinRows-len(rows)) {
			rows = append(rows, i)
			if weights != nil {
				w = append(w, weights[k])
			}
		}
	}
	return rows, w
}

// apply bins rows of f. recode, where not nil, translates a category column's
// codes of f into the training frame's (−1: none), by column.
func (b *binned) apply(c *crew, f *frame.Frame, chosen []int32, recode [][]int32) table {
	use := kernelsOfCPU
	t := table{rows: len(chosen), bySlot: make([]uint8, len(chosen)*len(b.slots)+columnSlack)}
	c.run(chunks(t.rows), func(k int) {
		from := k * chunk
		rows := chosen[from:min(from+chunk, t.rows)]
		var numbers [chunk]float64
		for slot, j := range b.slots {
			out := t.column(slot)[from:][:len(rows)]
			if column := &f.Columns[j]; !b.columns[j].category {
				for n, i := range rows {
					numbers[n] = column.Numbers[i]
				}
				use.bins(numbers[:len(rows)], b.columns[j].grid, uint8(b.columns[j].values), out) //nolint:gosec // values ≤ 255
			} else {
				var to []int32
				if recode != nil {
					to = recode[j]
				}
				b.columns[j].codes(column.Codes, rows, to, out)
			}
		}
	})
	return t
}

// codes writes the bins of a category's rows. recode is nil or the code of every code.
func (b *binning) codes(codes, rows, recode []int32, out []uint8) {
	for n, i := range rows {
		code := codes[i]
		if code >= 0 && recode != nil {
			code = recode[code]
		}
		out[n] = uint8(b.values) //nolint:gosec // values ≤ 255
		if code >= 0 {
			out[n] = b.at[code]
		}
	}
}

// matchLevels translates the codes of other's category columns into those of f,
// by the levels' names. other has the columns of f, in order.
func matchLevels(f, other *frame.Frame) ([][]int32, error) {
	recode := make([][]int32, len(f.Columns))
	for j := range f.Columns {
		want, have := &f.Columns[j], &other.Columns[j]
		if want.Kind != have.Kind {
			return nil, fmt.Errorf("column %q is %s in the validation frame and %s in training", want.Name, have.Kind, want.Kind)
		}
		if want.Kind != frame.Category || slices.Equal(want.Levels, have.Levels) {
			continue
		}
		at := make(map[string]int32, len(want.Levels))
		for code, l := range want.Levels {
			at[l] = int32(code) // codes are int32
		}
		recode[j] = make([]int32, len(have.Levels))
		for code, l := range have.Levels {
			recode[j][code] = -1
			if to, ok := at[l]; ok {
				recode[j][code] = to
			}
		}
	}
	return recode, nil
}
