package modeltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/metrics"
)

var checks = []check{
	{"finds the planted truth", (*suite).findsTruth},
	{"constant features give the base rate", (*suite).constantFeatures},
	{"an all-missing column does no harm", (*suite).allMissing},
	{"one class", (*suite).oneClass},
	{"no rows, no columns, one row", (*suite).tooLittle},
	{"stumps", (*suite).stump},
	{"bad outcomes are refused", (*suite).badOutcomes},
	{"bad weights are refused", (*suite).badWeights},
	{"lengths that differ are refused", (*suite).badLengths},
	{"more than 2³¹ values are refused", (*suite).tooLarge},
	{"infinite values", (*suite).infiniteValues},
	{"extreme values", (*suite).extremeValues},
	{"degenerate quantiles", (*suite).degenerateQuantiles},
	{"weight 0 is no row", (*suite).zeroWeights},
	{"weight 2 is the row twice", (*suite).doubleWeights},
	{"row order", (*suite).rowOrder},
	{"column order", (*suite).columnOrder},
	{"a column twice", (*suite).duplicateColumn},
	{"a column times 1,000", (*suite).rescaledColumn},
	{"a column in another unit, order kept", (*suite).orderOnly},
	{"the same seed, the same model", (*suite).sameSeed},
	{"any number of threads, the same model", (*suite).threads},
	{"fit leaves its input alone", (*suite).inputUnchanged},
	{"row by row equals batch", (*suite).rowByRow},
	{"contributions sum to the margin", (*suite).contributions},
	{"columns are found by name", (*suite).columnsByName},
	{"a column of another name", (*suite).otherName},
	{"missing where training had none", (*suite).newlyMissing},
	{"unseen levels", (*suite).unseenLevels},
	{"levels are found by name", (*suite).levelsByName},
	{"codes outside the levels", (*suite).strayCodes},
	{"100,000 levels", (*suite).manyLevels},
	{"save and load keep every bit", (*suite).saveAndLoad},
	{"a newer format is refused", (*suite).newerFormat},
	{"a model cut short is refused", (*suite).cutShort},
	{"several readers at once", (*suite).concurrentReaders},
	{"a cancelled fit", (*suite).cancelledFit},
}

func (s *suite) findsTruth() error {
	got, err := s.fitAndPredict(s.train, s.fresh.frame)
	if err != nil {
		return err
	}
	auc, err := metrics.AUC(s.fresh.y, got, nil)
	if err != nil {
		return err
	}
	// The truth itself reaches about 0.84 on these rows.
	if auc < 0.72 {
		return fmt.Errorf("AUC %.3f on fresh rows of a town whose truth gives 0.84", auc)
	}
	return nil
}

// constantOr demands an error or a constant model at the base rate.
func (s *suite) constantOr(what string, d data) error {
	m, err := s.fit(d)
	if errors.Is(err, errPanic) {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err != nil {
		return nil //nolint:nilerr // refusing is one of the two right answers
	}
	got, err := margins(m, d.frame)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if len(got) == 0 {
		return fmt.Errorf("%s: a model from no rows", what)
	}
	return s.baseRate(what, got, share(d.y))
}

func (s *suite) constantFeatures() error {
	n := s.train.frame.Rows()
	for _, v := range []float64{0, 1, -3.7, 1e15, 0.1} {
		got, err := s.fitAndPredict(s.train.with(number("a", repeat(n, v)), number("b", repeat(n, 2*v))), s.train.with(number("a", repeat(n, v)), number("b", repeat(n, 2*v))).frame)
		if err != nil {
			return fmt.Errorf("columns all %v: %w", v, err)
		}
		if err := s.baseRate(fmt.Sprintf("columns all %v", v), got, share(s.train.y)); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) allMissing() error {
	n := s.train.frame.Rows()
	gone := number("gone", repeat(n, math.NaN()))
	if err := s.constantOr("a frame of missing values only", s.train.with(gone)); err != nil {
		return err
	}
	columns := append(slices.Clone(s.train.frame.Columns), gone)
	d := s.train.with(columns...)
	m, err := s.fit(d)
	if err != nil {
		return fmt.Errorf("with a column of missing values: %w", err)
	}
	before, err := margins(m, d.frame)
	if err != nil {
		return err
	}
	// What the training never saw must not move a score.
	after, err := margins(m, replaced(d.frame, "gone", func(i int, _ float64) float64 { return float64(i) }))
	if err != nil {
		return err
	}
	return sameBits("values where the training had none", after, before)
}

func (s *suite) oneClass() error {
	for _, label := range []float64{0, 1} {
		d := s.train
		d.y = repeat(len(d.y), label)
		m, err := s.fit(d)
		if s.o.OneClass != nil {
			if !errors.Is(err, s.o.OneClass) {
				return fmt.Errorf("all outcomes %v: error is %v, want %v", label, err, s.o.OneClass) //nolint:errorlint // err may be nil, and nobody unwraps what was wanted
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("all outcomes %v: %w", label, err)
		}
		if _, err := margins(m, d.frame); err != nil {
			return fmt.Errorf("all outcomes %v: %w", label, err)
		}
	}
	return nil
}

func (s *suite) tooLittle() error {
	if err := s.refused("no rows", data{frame: newFrame(0, number("x", nil))}, "no rows"); err != nil {
		return err
	}
	if err := s.constantOr("no columns", s.train.with()); err != nil {
		return err
	}
	return s.constantOr("one row", s.train.take([]int{0}))
}

func (s *suite) stump() error {
	for _, n := range []int{2, 3, 4, 20} {
		x, y := make([]float64, n), make([]float64, n)
		for i := range n {
			x[i], y[i] = float64(i%2), float64(i%2)
		}
		d := data{frame: newFrame(n, number("x", x)), y: y}
		m, err := s.fit(d)
		if errors.Is(err, errPanic) {
			return fmt.Errorf("%d rows: %w", n, err)
		}
		if err != nil {
			continue // too few rows may be refused
		}
		got, err := margins(m, d.frame)
		if err != nil {
			return fmt.Errorf("%d rows: %w", n, err)
		}
		if got[0] > got[1] {
			return fmt.Errorf("%d rows where y = x: margin %v at 0, %v at 1", n, got[0], got[1])
		}
	}
	return nil
}

// refused demands an error that is no panic and says each of the words, in
// capitals or not.
func (s *suite) refused(what string, d data, words ...string) error {
	m, err := s.fit(d)
	if err == nil || m != nil {
		return fmt.Errorf("%s: not refused", what)
	}
	return says(what, err, words...)
}

// says demands that err is no panic and holds each of the words.
func says(what string, err error, words ...string) error {
	if errors.Is(err, errPanic) {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, w := range words {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(w)) {
			return fmt.Errorf("%s: the error does not say %q: %w", what, w, err)
		}
	}
	return nil
}

// badRow is where a check puts what must be refused: a number that no error
// holds by accident.
const badRow = 83

func (s *suite) badOutcomes() error {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 2, 0.5, -1} {
		d := s.train
		d.y = slices.Clone(d.y)
		d.y[badRow] = v
		if err := s.refused(fmt.Sprintf("outcome %v", v), d, strconv.Itoa(badRow), fmt.Sprint(v)); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) badWeights() error {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1.25} {
		d := s.train
		d.weights = repeat(len(d.y), 1)
		d.weights[badRow] = v
		if err := s.refused(fmt.Sprintf("weight %v", v), d, strconv.Itoa(badRow), fmt.Sprint(v)); err != nil {
			return err
		}
	}
	d := s.train
	d.weights = make([]float64, len(d.y))
	return s.refused("weights all 0", d)
}

// tooLarge: the columns share their values, so that the frame is small and a
// learner that would copy it is not.
func (s *suite) tooLarge() error {
	const rows, columns = 1<<16 + 1, 1<<15 + 1
	values, y := make([]float64, rows), make([]float64, rows)
	for i := range rows {
		values[i], y[i] = float64(i%5), float64(i%2)
	}
	f := newFrame(rows)
	for k := range columns {
		f.Columns = append(f.Columns, number("x"+strconv.Itoa(k), values))
	}
	return s.refused("65,537 rows of 32,769 columns", data{frame: f, y: y}, strconv.Itoa(rows), strconv.Itoa(columns))
}

func (s *suite) badLengths() error {
	d := s.train
	d.y = d.y[1:]
	if err := s.refused("an outcome too few", d); err != nil {
		return err
	}
	d = s.train
	d.weights = repeat(len(d.y)+1, 1)
	if err := s.refused("a weight too many", d); err != nil {
		return err
	}
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	for _, places := range []int{0, s.fresh.frame.Rows() - 1, s.fresh.frame.Rows() + 1} {
		if err := predict(m, s.fresh.frame, make([]float64, places)); err == nil || errors.Is(err, errPanic) {
			return fmt.Errorf("%d places for the margins of %d rows: %w", places, s.fresh.frame.Rows(), cmpErr(err))
		}
	}
	return nil
}

func (s *suite) infiniteValues() error {
	for _, v := range []float64{math.Inf(1), math.Inf(-1)} {
		put := func(i int, old float64) float64 {
			if i == badRow {
				return v
			}
			return old
		}
		d := s.train
		d.frame = replaced(d.frame, "trend", put)
		if err := s.refused(fmt.Sprintf("%v among the values", v), d, "trend", strconv.Itoa(badRow), "inf"); err != nil {
			return err
		}
		m, err := s.fit(s.train)
		if err != nil {
			return err
		}
		// A frame refuses infinities, so a predictor may too; a margin that is not
		// finite it may not return.
		out := make([]float64, s.fresh.frame.Rows())
		if err := predict(m, replaced(s.fresh.frame, "trend", put), out); err != nil {
			if err := says(fmt.Sprintf("%v at prediction", v), err, "trend", strconv.Itoa(badRow), "inf"); err != nil {
				return err
			}
		} else if math.IsNaN(out[badRow]) || math.IsInf(out[badRow], 0) {
			return fmt.Errorf("%v at prediction gives the margin %v", v, out[badRow])
		}
	}
	return nil
}

func (s *suite) extremeValues() error {
	wild := []float64{-math.MaxFloat64, math.MaxFloat64, 5e-324, -5e-324, 1e-310, 0, math.Copysign(0, -1), 1e300, -1e300, 1}
	n := s.train.frame.Rows()
	x := make([]float64, n)
	for i := range x {
		x[i] = wild[i%len(wild)]
	}
	tiny := make([]float64, n)
	for i := range tiny {
		tiny[i] = float64(i%3) * 5e-324
	}
	for name, d := range map[string]data{
		"all magnitudes": s.train.with(append(slices.Clone(s.train.frame.Columns), number("x", x))...),
		"subnormals":     s.train.with(number("x", tiny)),
	} {
		m, err := s.fit(d)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := margins(m, d.frame); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := margins(m, replaced(d.frame, "x", func(i int, _ float64) float64 { return wild[i%len(wild)] })); err != nil {
			return fmt.Errorf("%s, wild values at prediction: %w", name, err)
		}
	}
	return nil
}

// degenerateQuantiles: nearly all values the same, so quantile edges coincide.
func (s *suite) degenerateQuantiles() error {
	n := s.train.frame.Rows()
	x := make([]float64, n)
	for i, y := range s.train.y {
		if i%50 == 0 {
			x[i] = y*10 + float64(i%7)
		}
	}
	d := s.train.with(number("x", x), number("near", repeat(n, 1)))
	d.frame.Columns[1].Numbers[0] = math.Nextafter(1, 2)
	got, err := s.fitAndPredict(d, d.frame)
	if err != nil {
		return err
	}
	for i, v := range got {
		if x[i] == 0 && i > 0 && v != got[slices.Index(x[1:], 0)+1] {
			return fmt.Errorf("rows alike in every column have different margins: %v", v)
		}
	}
	return nil
}

// weighted gives the rows weights of the values, in turn.
func (d data) weighted(values ...float64) data {
	d.weights = make([]float64, len(d.y))
	for i := range d.weights {
		d.weights[i] = values[(i*7)%len(values)]
	}
	return d
}

func (s *suite) zeroWeights() error {
	d := s.rows(s.o.ZeroWeights).weighted(1, 0, 1, 1, 0)
	// Rows without weight may hold anything that a frame may hold.
	d.frame = replaced(d.frame, "trend", func(i int, v float64) float64 {
		if d.weights[i] == 0 {
			return 1e12
		}
		return v
	})
	var kept []int
	for i, w := range d.weights {
		if w > 0 {
			kept = append(kept, i)
		}
	}
	return s.sameModel("weight 0 against no row", d, d.take(kept), s.fresh, s.o.ZeroWeights)
}

func (s *suite) doubleWeights() error {
	d := s.rows(s.o.Weights).weighted(1, 2, 1)
	var index []int
	for i, w := range d.weights {
		for range int(w) {
			index = append(index, i)
		}
	}
	twice := data{frame: d.frame, y: d.y}.take(index)
	if err := s.sameModel("weight 2 against the row twice", d, twice, s.fresh, s.o.Weights); err != nil {
		return err
	}
	// Weights that are ignored would pass above if they hardly mattered: here
	// they undo a class.
	d = s.train
	d.weights = make([]float64, len(d.y))
	for i, y := range d.y {
		d.weights[i] = 1 + 19*y
	}
	heavy, err := s.fitAndPredict(d, s.fresh.frame)
	if err != nil {
		return err
	}
	plain, err := s.fitAndPredict(s.train, s.fresh.frame)
	if err != nil {
		return err
	}
	if shift := mean(heavy) - mean(plain); shift < 1 {
		return fmt.Errorf("positives of weight 20 raise the mean margin by %.2f; log 20 is 3.0", shift)
	}
	return nil
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func (s *suite) rowOrder() error {
	r := rand.New(rand.NewPCG(5, 5)) // a test's shuffle
	d := s.rows(s.o.RowOrder)
	return s.sameModel("rows in another order", d, d.take(r.Perm(len(d.y))), s.fresh, s.o.RowOrder)
}

func (s *suite) columnOrder() error {
	d := s.rows(s.o.ColumnOrder)
	columns := slices.Clone(d.frame.Columns)
	slices.Reverse(columns)
	return s.sameModel("columns in another order", d, d.with(columns...), s.fresh, s.o.ColumnOrder)
}

func (s *suite) duplicateColumn() error {
	again := func(d data) data {
		return d.with(append(slices.Clone(d.frame.Columns), number("again", d.number("recency_days")))...)
	}
	d := s.rows(s.o.Duplicate)
	return s.sameModel("a column twice", d, again(d), again(s.fresh), s.o.Duplicate)
}

func (s *suite) rescaledColumn() error {
	scaled := func(d data) data {
		for _, name := range []string{"recency_days", "spend", "trend"} {
			d.frame = replaced(d.frame, name, func(_ int, v float64) float64 { return 1000 * v })
		}
		return d
	}
	d := s.rows(s.o.Rescale)
	return s.sameModel("columns times 1,000", d, scaled(d), scaled(s.fresh), s.o.Rescale)
}

// orderOnly: trees ask only which of two values is larger. The rows compared are
// those of the training: between two of its values, a threshold of the one unit
// need not be that of the other.
func (s *suite) orderOnly() error {
	if !s.o.OrderOnly {
		return fmt.Errorf("%w: more than the order of values counts", errNotApplicable)
	}
	bent := s.train
	for _, name := range []string{"recency_days", "spend", "trend", "orders"} {
		bent.frame = replaced(bent.frame, name, func(_ int, v float64) float64 { return v*v*v + 1000*v - 7 })
	}
	a, err := s.fitAndPredict(s.train, s.train.frame)
	if err != nil {
		return err
	}
	b, err := s.fitAndPredict(bent, bent.frame)
	if err != nil {
		return err
	}
	return sameBits("columns in other units", a, b)
}

func (s *suite) sameSeed() error {
	a, err := s.fitAndPredict(s.train, s.fresh.frame)
	if err != nil {
		return err
	}
	b, err := s.fitAndPredict(s.train, s.fresh.frame)
	if err != nil {
		return err
	}
	return sameBits("the same fit twice", a, b)
}

func (s *suite) threads() error {
	// Large enough that a learner finds it worth while to share the work.
	d := town(max(s.o.Rows, 10_000), 3, !s.o.NoCategories)
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	a, err := s.fitAndPredict(d, s.fresh.frame)
	if err != nil {
		return err
	}
	for _, threads := range []int{2, 3} {
		runtime.GOMAXPROCS(threads)
		b, err := s.fitAndPredict(d, s.fresh.frame)
		if err != nil {
			return err
		}
		if err := sameBits(strconv.Itoa(threads)+" threads against one", b, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) inputUnchanged() error {
	d := s.train.weighted(1, 2, 0.5)
	before := d.take(counting(len(d.y)))
	m, err := s.fit(d)
	if err != nil {
		return err
	}
	first, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	if err := sameBits("outcomes", d.y, before.y); err != nil {
		return fmt.Errorf("fit changed its input: %w", err)
	}
	if err := sameBits("weights", d.weights, before.weights); err != nil {
		return fmt.Errorf("fit changed its input: %w", err)
	}
	for k := range d.frame.Columns {
		was, is := &before.frame.Columns[k], &d.frame.Columns[k]
		if err := sameBits(is.Name, is.Numbers, was.Numbers); err != nil {
			return fmt.Errorf("fit changed its input: %w", err)
		}
		if is.Name != was.Name || !slices.Equal(is.Codes, was.Codes) || !slices.Equal(is.Levels, was.Levels) {
			return fmt.Errorf("fit changed its input: column %q", was.Name)
		}
	}
	// Nor may the model live on the input: its owner may use the memory again.
	for k := range d.frame.Columns {
		for i := range d.frame.Columns[k].Numbers {
			d.frame.Columns[k].Numbers[i] = -1
		}
	}
	defer func() { // the suite's own rows
		for k := range d.frame.Columns {
			copy(d.frame.Columns[k].Numbers, before.frame.Columns[k].Numbers)
		}
	}()
	second, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	return sameBits("after the training rows were overwritten", second, first)
}

func (s *suite) rowByRow() error {
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	batch, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	for _, size := range []int{1, 3, 17, 64} {
		var pieces []float64
		for from := 0; from < len(batch); from += size {
			index := counting(len(batch))[from:min(from+size, len(batch))]
			piece, err := margins(m, s.fresh.frame.Take(index))
			if err != nil {
				return err
			}
			pieces = append(pieces, piece...)
		}
		if err := sameBits(fmt.Sprintf("%d rows at a time", size), pieces, batch); err != nil {
			return err
		}
	}
	if _, err := margins(m, s.fresh.frame.Take(nil)); err != nil {
		return fmt.Errorf("no rows: %w", err)
	}
	return nil
}

func (s *suite) contributions() error {
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	explainer, ok := m.(model.Explainer)
	if !ok {
		return fmt.Errorf("%w: the model does not explain", errNotApplicable)
	}
	f := s.fresh.frame
	want, err := margins(m, f)
	if err != nil {
		return err
	}
	width := len(explainer.Features())
	all := repeat(f.Rows()*width, math.NaN())
	base, err := explainer.Explain(f, all)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	for i, margin := range want {
		sum := base
		for _, v := range all[i*width : (i+1)*width] {
			sum += v
		}
		if !(math.Abs(sum-margin) <= 1e-9) {
			return fmt.Errorf("row %d: base %v and contributions %v sum to %v, the margin is %v", i, base, all[i*width:(i+1)*width], sum, margin)
		}
	}
	for _, i := range []int{0, 1, f.Rows() - 1} {
		one := make([]float64, width)
		again, err := explainer.Explain(f.Take([]int{i}), one)
		if err != nil {
			return fmt.Errorf("explain row %d: %w", i, err)
		}
		if err := sameBits(fmt.Sprintf("row %d explained alone", i), slices.Concat(one, []float64{again}), append(slices.Clone(all[i*width:(i+1)*width]), base)); err != nil {
			return err
		}
	}
	// A contribution must stand at its own feature: noise, which says nothing,
	// says less than recency.
	at := func(name string) (sum float64) {
		k := slices.Index(explainer.Features(), name)
		if k < 0 {
			return 0
		}
		for i := range f.Rows() {
			sum += math.Abs(all[i*width+k])
		}
		return sum
	}
	if at("noise") >= at("recency_days") {
		return fmt.Errorf("noise contributes %.3g in all, recency %.3g", at("noise"), at("recency_days"))
	}
	return nil
}

func (s *suite) columnsByName() error {
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	want, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	for _, name := range m.Features() {
		if s.train.frame.Column(name) == nil {
			return fmt.Errorf("the model names a feature %q that it never saw", name)
		}
	}
	columns := slices.Clone(s.fresh.frame.Columns)
	slices.Reverse(columns)
	columns = append([]frame.Column{number("extra", repeat(len(want), 1))}, columns...)
	got, err := margins(m, s.fresh.with(columns...).frame)
	if err != nil {
		return err
	}
	if err := sameBits("columns in another order at prediction", got, want); err != nil {
		return err
	}
	short := s.fresh.with(slices.DeleteFunc(columns, func(c frame.Column) bool { return c.Name == "recency_days" })...)
	if slices.Contains(m.Features(), "recency_days") {
		if _, err := margins(m, short.frame); err == nil || errors.Is(err, errPanic) || !strings.Contains(err.Error(), "recency_days") {
			return fmt.Errorf("a frame without recency_days: %w", cmpErr(err))
		}
	}
	return nil
}

// otherName: the frame has as many columns as the training's, one of them by
// another name. The error must say what was expected, where, and what is there.
func (s *suite) otherName() error {
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	names := m.Features()
	if len(names) == 0 {
		return errors.New("the model names no feature")
	}
	f, err := s.fresh.frame.Select(names)
	if err != nil {
		return err
	}
	at := min(2, len(names)-1)
	columns := slices.Clone(f.Columns)
	columns[at].Name = "zzz"
	_, err = margins(m, s.fresh.with(columns...).frame)
	if err == nil {
		return fmt.Errorf("a frame with zzz for %s is not refused", names[at])
	}
	return says("a column of another name", err, "expected", names[at], "at "+strconv.Itoa(at), "found", "zzz")
}

// cmpErr names the absence of an error.
func cmpErr(err error) error {
	if err == nil {
		return errors.New("not refused")
	}
	return err
}

func (s *suite) newlyMissing() error {
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	f := s.fresh.frame
	for _, name := range []string{"recency_days", "spend", "trend", "orders", "noise"} {
		f = replaced(f, name, func(int, float64) float64 { return math.NaN() })
		if _, err := margins(m, f); err != nil {
			return fmt.Errorf("%s missing: %w", name, err)
		}
	}
	if c := f.Column("sector"); c != nil {
		c.Codes = make([]int32, f.Rows()) // the column header is replaced's own copy
		for i := range c.Codes {
			c.Codes[i] = -1
		}
		if _, err := margins(m, f); err != nil {
			return fmt.Errorf("everything missing: %w", err)
		}
	}
	return nil
}

func (s *suite) unseenLevels() error {
	if s.o.NoCategories {
		return fmt.Errorf("%w: no categories", errNotApplicable)
	}
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	unseen := func(levels []string, code int32) ([]float64, error) {
		columns := slices.Clone(s.fresh.frame.Columns)
		codes := make([]int32, s.fresh.frame.Rows())
		for i := range codes {
			codes[i] = code
		}
		columns[len(columns)-1] = frame.Column{Meta: frame.Meta{Name: "sector"}, Kind: frame.Category, Levels: levels, Codes: codes}
		return margins(m, s.fresh.with(columns...).frame)
	}
	levels := []string{"retail", "office", "school", "embassy", "circus"}
	a, err := unseen(levels, 3)
	if err != nil {
		return fmt.Errorf("an unseen level: %w", err)
	}
	b, err := unseen(levels, 4)
	if err != nil {
		return fmt.Errorf("another unseen level: %w", err)
	}
	return sameBits("two levels that training never saw", a, b)
}

func (s *suite) levelsByName() error {
	if s.o.NoCategories || !s.o.LevelsByName {
		return fmt.Errorf("%w: levels go by code", errNotApplicable)
	}
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	want, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	columns := slices.Clone(s.fresh.frame.Columns)
	c := &columns[len(columns)-1]
	codes := make([]int32, len(c.Codes))
	for i, code := range c.Codes {
		codes[i] = 3 - code
	}
	*c = frame.Column{Meta: c.Meta, Kind: c.Kind, Levels: []string{"unused", "school", "office", "retail"}, Codes: codes}
	got, err := margins(m, s.fresh.with(columns...).frame)
	if err != nil {
		return err
	}
	return sameBits("levels numbered otherwise", got, want)
}

func (s *suite) manyLevels() error {
	if s.o.NoCategories {
		return fmt.Errorf("%w: no categories", errNotApplicable)
	}
	levels := make([]string, 100_000)
	for k := range levels {
		levels[k] = "product " + strconv.Itoa(k)
	}
	d := s.train
	c := frame.Column{Meta: frame.Meta{Name: "product"}, Kind: frame.Category, Levels: levels, Codes: make([]int32, len(d.y))}
	for i := range c.Codes {
		c.Codes[i] = int32(i * 97 % len(levels)) // below 100,000
	}
	d = d.with(append(slices.Clone(d.frame.Columns), c)...)
	m, err := s.fit(d)
	if errors.Is(err, errPanic) {
		return err
	}
	if err != nil {
		if !strings.Contains(err.Error(), "product") {
			return fmt.Errorf("refused without naming the column: %w", err)
		}
		return nil
	}
	_, err = margins(m, d.frame)
	return err
}

// strayCodes: a code that no level belongs to is damage, which training refuses
// by column and row. Prediction is not asked: its frames have been checked.
func (s *suite) strayCodes() error {
	if s.o.NoCategories {
		return fmt.Errorf("%w: no categories", errNotApplicable)
	}
	for _, code := range []int32{-2, 3, math.MinInt32, math.MaxInt32} {
		columns := slices.Clone(s.train.frame.Columns)
		c := &columns[len(columns)-1]
		c.Codes = slices.Clone(c.Codes)
		c.Codes[badRow] = code
		if err := s.refused(fmt.Sprintf("code %d of 3 levels", code), s.train.with(columns...), "sector", strconv.Itoa(badRow), strconv.Itoa(int(code))); err != nil {
			return err
		}
	}
	return nil
}

// saved fits and saves a model; it does not apply without Save and Load.
func (s *suite) saved() (model.Predictor, []byte, error) {
	if s.o.Save == nil || s.o.Load == nil {
		return nil, nil, fmt.Errorf("%w: no Save and Load are given", errNotApplicable)
	}
	m, err := s.fit(s.train)
	if err != nil {
		return nil, nil, err
	}
	text, err := s.o.Save(m)
	if err != nil {
		return nil, nil, fmt.Errorf("save: %w", err)
	}
	return m, text, nil
}

// load turns a panic into an error.
func (s *suite) load(text []byte) (m model.Predictor, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return s.o.Load(text)
}

func (s *suite) saveAndLoad() error {
	m, text, err := s.saved()
	if err != nil {
		return err
	}
	want, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	again, err := s.load(text)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	got, err := margins(again, s.fresh.frame)
	if err != nil {
		return err
	}
	if err := sameBits("after save and load", got, want); err != nil {
		return err
	}
	text2, err := s.o.Save(again)
	if err != nil {
		return fmt.Errorf("save again: %w", err)
	}
	if string(text) != string(text2) {
		return errors.New("saving what was loaded gives other bytes")
	}
	return nil
}

// formatVersion finds the first version that a saved model names, in JSON
// ("version":1) or in lines (version=v4).
var formatVersion = regexp.MustCompile(`version"?\s*[=:]\s*"?v?([0-9]+)`)

// newerFormat: a model that a later release wrote must not be read as if this
// one had; the error says which version it is and which one is read.
func (s *suite) newerFormat() error {
	_, text, err := s.saved()
	if err != nil {
		return err
	}
	at := formatVersion.FindSubmatchIndex(text)
	if at == nil {
		return errors.New("a saved model does not name the version of its format")
	}
	was := string(text[at[2]:at[3]])
	number, err := strconv.Atoi(was)
	if err != nil {
		return fmt.Errorf("the version of the format: %w", err)
	}
	is := strconv.Itoa(number + 1)
	_, err = s.load(slices.Concat(text[:at[2]], []byte(is), text[at[3]:]))
	if err == nil {
		return fmt.Errorf("a model of version %s, one beyond %s, is read", is, was)
	}
	return says("a model from a newer format", err, "version", was, is)
}

func (s *suite) cutShort() error {
	_, text, err := s.saved()
	if err != nil {
		return err
	}
	const cuts = 32
	for k := range cuts {
		n := k * len(text) / cuts
		if m, err := s.load(text[:n]); err == nil {
			return fmt.Errorf("the first %d bytes of %d are read as the model %v", n, len(text), m)
		} else if errors.Is(err, errPanic) {
			return fmt.Errorf("the first %d bytes of %d: %w", n, len(text), err)
		}
	}
	return nil
}

func (s *suite) concurrentReaders() error {
	m, err := s.fit(s.train)
	if err != nil {
		return err
	}
	want, err := margins(m, s.fresh.frame)
	if err != nil {
		return err
	}
	problems := make([]error, 8)
	var wait sync.WaitGroup
	for k := range problems {
		wait.Go(func() {
			got, err := margins(m, s.fresh.frame)
			if err == nil {
				err = sameBits("read at the same time", got, want)
			}
			problems[k] = err
		})
	}
	wait.Wait()
	return errors.Join(problems...)
}

// countdown is a context that is cancelled when it has been asked left times:
// it reaches every point at which a learner looks, without a clock.
type countdown struct {
	context.Context //nolint:containedctx // it is a context itself
	mu              sync.Mutex
	left            int
	done            chan struct{}
}

func newCountdown(left int) *countdown {
	return &countdown{Context: context.Background(), left: left, done: make(chan struct{})}
}

func (c *countdown) ask() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left--
	if c.left == 0 {
		close(c.done)
	}
	return c.left <= 0
}

// Done is closed once the context has been asked often enough.
func (c *countdown) Done() <-chan struct{} {
	c.ask()
	return c.done
}

// Err is context.Canceled once the context has been asked often enough.
func (c *countdown) Err() error {
	if c.ask() {
		return context.Canceled
	}
	return nil
}

func (s *suite) cancelledFit() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if m, err := s.fitIn(ctx, s.train); !errors.Is(err, context.Canceled) || m != nil {
		return fmt.Errorf("a context cancelled before: model %v, error %w", m, cmpErr(err))
	}
	cancelled := 0
	for left := 1; left <= 40; left++ {
		m, err := s.fitIn(newCountdown(left), s.train)
		switch {
		case err == nil:
			continue // it was done before it looked that often
		case !errors.Is(err, context.Canceled) || m != nil:
			return fmt.Errorf("a context cancelled at look %d: model %v, error %w", left, m, err)
		}
		cancelled++
	}
	if cancelled < 3 {
		return fmt.Errorf("the context is looked at %d times only: a long fit could not be cancelled", cancelled)
	}
	return nil
}
