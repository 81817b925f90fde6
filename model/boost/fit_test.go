package boost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fealty/features/frame"
	"fealty/model/tree"
)

// number and category make columns; table a frame of them.
func number(name string, values ...float64) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values}
}

func category(name string, levels []string, codes ...int32) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Category, Levels: levels, Codes: codes}
}

func framed(columns ...frame.Column) *frame.Frame {
	f := &frame.Frame{}
	f.Columns = columns
	n := f.Table.Rows()
	f.Accounts, f.Cutoffs = make([]frame.AccountID, n), make([]frame.Cutoff, n)
	return f
}

// town is an invented set: heavy tails, whole numbers, missing values, a
// category, and labels drawn from known log-odds.
func town(rows int, seed uint64) (f *frame.Frame, y []float64) {
	r := stream(seed)
	normal := func() float64 {
		return math.Sqrt(-2*math.Log(1-r.float())) * math.Cos(2*math.Pi*r.float())
	}
	columns := []frame.Column{
		number("recency"), number("orders"), number("spend"), number("trend"), number("noise"), number("constant"),
		category("segment", []string{"a", "b", "c", "d", "e", "f"}),
	}
	effect := []float64{1, -1, 0.5, 0, -0.5, 0.2}
	for range rows {
		recency, orders, spend, trend, noise := math.Exp(normal()), float64(r.below(9)), math.Exp(2*normal()), normal(), normal()
		segment := int32(r.below(6))
		odds := 0.8*math.Log(recency) - 0.3*orders + effect[segment] + math.Tanh(trend) + 1
		if r.float() < 0.2 {
			trend = math.NaN()
		}
		if r.float() < 0.1 {
			segment = -1
		}
		for j, v := range []float64{recency, orders, spend, trend, noise, 7} {
			columns[j].Numbers = append(columns[j].Numbers, v)
		}
		columns[6].Codes = append(columns[6].Codes, segment)
		label := 0.0
		if r.float() < 1/(1+math.Exp(-odds)) {
			label = 1
		}
		y = append(y, label)
	}
	return framed(columns...), y
}

func small() Params {
	p := Defaults()
	p.Rounds, p.Leaves = 20, 15
	return p
}

func fit(t testing.TB, p Params, f *frame.Frame, y, weights []float64) *tree.Ensemble {
	t.Helper()
	e, err := Fit(context.Background(), p, f, y, weights)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func text(t testing.TB, e *tree.Ensemble) string {
	t.Helper()
	var b bytes.Buffer
	if err := e.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func predict(t testing.TB, e *tree.Ensemble, f *frame.Frame) []float64 {
	t.Helper()
	out := make([]float64, f.Rows())
	if err := e.Predict(f, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// auc counts pairs in order; ties count half.
func auc(margin, y []float64) float64 {
	order := make([]int, len(y))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if margin[a] < margin[b] {
			return -1
		}
		if margin[a] > margin[b] {
			return 1
		}
		return 0
	})
	rank, ones := 0.0, 0.0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && margin[order[j]] == margin[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			if y[k] == 1 {
				rank += float64(i+j+1) / 2
				ones++
			}
		}
		i = j
	}
	return (rank - ones*(ones+1)/2) / (ones * (float64(len(y)) - ones))
}

func TestLearnsTheTown(t *testing.T) {
	f, y := town(6000, 1)
	test, truth := town(6000, 2)
	e := fit(t, small(), f, y, nil)
	// The true log-odds reach 0.80 here; a model that learnt nothing 0.5.
	if got := auc(predict(t, e, test), truth); got < 0.76 {
		t.Errorf("AUC %.4f on new rows, want at least 0.76", got)
	}
	for _, f := range e.Importances() {
		if f.Feature == "constant" && f.Splits > 0 {
			t.Error("a constant column was split")
		}
	}
}

func TestRecoversAPlantedSplit(t *testing.T) {
	r := stream(3)
	var a, b, y []float64
	for range 500 {
		v := math.Round(r.float() * 100)
		a, b = append(a, r.float()), append(b, v)
		label := 0.0
		if v > 37 {
			label = 1
		}
		y = append(y, label)
	}
	p := small()
	p.Rounds = 1
	tr := fit(t, p, framed(number("noise", a...), number("cause", b...)), y, nil).Tree(0)
	if tr.Feature[0] != 1 || tr.Threshold[0] != 37.5 {
		t.Errorf("the root splits feature %d at %v, planted: 1 at 37.5", tr.Feature[0], tr.Threshold[0])
	}
}

func TestRecoversPlantedCodesAndMissing(t *testing.T) {
	r := stream(4)
	var codes []int32
	var x, y []float64
	for range 2000 {
		code := int32(r.below(12))
		codes = append(codes, code)
		label, v := 0.0, r.float()
		if code == 3 || code == 7 || code == 8 {
			label = 1
		}
		if label == 0 && r.float() < 0.1 {
			v, label = math.NaN(), 1
		}
		x, y = append(x, v), append(y, label)
	}
	levels := strings.Split("abcdefghijkl", "")
	p := small()
	p.Rounds, p.Leaves, p.CatL2, p.MinCatRows = 1, 3, 0, 1
	e := fit(t, p, framed(category("segment", levels, codes...), number("seen", x...)), y, nil)
	tr := e.Tree(0)
	var words []uint32
	missingApart := false
	for i, d := range tr.Decision {
		if d.Categorical() {
			words = tr.Codes[i]
		} else {
			missingApart = tr.Threshold[i] == math.MaxFloat64
		}
	}
	const planted = 1<<3 | 1<<7 | 1<<8
	if len(words) != 1 || (words[0] != planted && words[0] != 1<<12-1-planted) {
		t.Errorf("the codes were cut as %b, planted %b", words, uint32(planted))
	}
	if !missingApart {
		t.Errorf("missing was not cut from all values: thresholds %v", tr.Threshold)
	}
}

func TestSameBytes(t *testing.T) {
	f, y := town(3000, 5)
	for _, gradients := range []Gradients{Full, Packed} {
		p := small()
		p.RowFraction, p.FeatureFraction, p.Seed, p.Threads, p.Gradients = 0.8, 0.7, 9, 1, gradients
		want := text(t, fit(t, p, f, y, nil))
		for _, threads := range []int{1, 2, 5} {
			p.Threads = threads
			if got := text(t, fit(t, p, f, y, nil)); got != want {
				t.Errorf("gradients %d: %d threads give other bytes than 1", gradients, threads)
			}
		}
		p.HistogramBytes = 0 // only three histograms: most children are built from rows
		if got := text(t, fit(t, p, f, y, nil)); got != want {
			t.Errorf("gradients %d: with three histograms the bytes differ", gradients)
		}
		p.Seed = 10
		if got := text(t, fit(t, p, f, y, nil)); got == want {
			t.Errorf("gradients %d: another seed gives the same bytes, so that nothing was drawn", gradients)
		}
	}
}

func TestDrawnColumnsAreAsIfThereWereNoOthers(t *testing.T) {
	const columns = 35
	f, y := usual(2500, columns)
	for j := 3; j < columns; j += 8 {
		f.Columns[j] = asCategory(f.Columns[j-2])
		f.Columns[j].Name = fmt.Sprintf("x%d", j)
	}
	grow := func(p Params, f *frame.Frame) tree.Tree {
		e := fit(t, p, f, y, nil)
		return e.Tree(0)
	}
	for _, gradients := range []Gradients{Full, Packed} {
		for _, fraction := range []float64{0.02, 0.2, 0.4, 0.95} {
			p := small()
			p.Rounds, p.Gradients, p.FeatureFraction, p.Seed = 1, gradients, fraction, 4
			drawn := (&training{params: &p, data: &binned{slots: seq(columns)}}).features(0)
			got := grow(p, f)
			var alone []frame.Column
			for _, j := range drawn {
				alone = append(alone, f.Columns[j])
			}
			p.FeatureFraction = 1
			want := grow(p, framed(alone...))
			for i := range want.Feature {
				want.Feature[i] = int32(drawn[want.Feature[i]])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("gradients %d: of all columns %v are drawn; without the others the tree differs: %s", gradients, drawn, diff)
			}
			if all := grow(p, f); cmp.Equal(all, got) {
				t.Errorf("gradients %d: a tree of all columns is that of %v", gradients, drawn)
			}
		}
	}
}

func TestManyRowsArePacked(t *testing.T) {
	f, y := town(PackedFrom, 23)
	p := small()
	p.Rounds = 2
	bytes := func(rows int, gradients Gradients) string {
		p.Gradients = gradients
		return text(t, fit(t, p, f.Take(seq(rows)), y[:rows], nil))
	}
	if bytes(PackedFrom-1, ByRows) != bytes(PackedFrom-1, Full) {
		t.Error("below PackedFrom rows gradients are not full")
	}
	if by, packed := bytes(PackedFrom, ByRows), bytes(PackedFrom, Packed); by != packed || packed == bytes(PackedFrom, Full) {
		t.Error("from PackedFrom rows on gradients are not packed")
	}
}

func TestPackedIsAsGoodAsFull(t *testing.T) {
	// One in fifty, so that most gradients are small beside the largest.
	f, y := town(40_000, 24)
	r := stream(24)
	for i := range y {
		if r.float() > 0.04 {
			y[i] = 0
		}
	}
	p := small()
	var loss [2]float64
	for k, gradients := range []Gradients{Full, Packed} {
		p.Gradients = gradients
		e := fit(t, p, f.Take(seq(30_000)), y[:30_000], nil)
		loss[k] = meanLoss(LogLoss{}, predict(t, e, f)[30_000:], y[30_000:], nil)
	}
	if math.Abs(loss[1]/loss[0]-1) > 0.005 {
		t.Errorf("loss %v on new rows with full gradients, %v with packed ones", loss[0], loss[1])
	}
}

func TestTotalsAreExactWhenPacked(t *testing.T) {
	// What is saved of nodes comes from the slopes, not from their packed sums:
	// of squared error, hessians are 1 and their sums count rows.
	f, y := town(3000, 25)
	f = framed(f.Columns[:5]...) // categories are shrunk more
	p := small()
	p.Loss, p.Gradients, p.LearningRate, p.L2 = Squared{}, Packed, 1, 3
	e := fit(t, p, f, y, nil)
	out := make([]float64, len(y)) // what the trees so far say
	for k := range e.Len() {
		tr := e.Tree(k)
		one, err := tree.New(tree.Header{Objective: "regression", Features: e.Header().Features}, []tree.Tree{tr})
		if err != nil {
			t.Fatal(err)
		}
		margin := predict(t, one, f)
		sum, rows := map[float64]float64{}, map[float64]float64{}
		for i, m := range margin {
			sum[m] += y[i] - out[i]
			rows[m]++
		}
		base := 0.0
		if k == 0 {
			base = Squared{}.Base(y, nil)
		}
		for l, v := range tr.LeafValue {
			if float64(tr.LeafCount[l]) != rows[v] || tr.LeafWeight[l] != rows[v] {
				t.Fatalf("tree %d leaf %d has %v rows, its count is %d and its weight %v", k, l, rows[v], tr.LeafCount[l], tr.LeafWeight[l])
			}
			if want := base + (sum[v]-base*rows[v])/(rows[v]+3); math.Abs(v-want) > 1e-9 {
				t.Fatalf("tree %d leaf %d has the value %v, its rows say %v", k, l, v, want)
			}
		}
		for i := range tr.Count {
			if float64(tr.Count[i]) != tr.Weight[i] {
				t.Fatalf("tree %d node %d: count %d, weight %v", k, i, tr.Count[i], tr.Weight[i])
			}
		}
		for i, m := range margin {
			out[i] += m
		}
	}
}

func TestRowOrderDoesNotMatter(t *testing.T) {
	f, y := town(2000, 6)
	order := make([]int, len(y))
	r := stream(1)
	for i := range order {
		k := r.below(i + 1)
		order[i], order[k] = order[k], i
	}
	shuffled := make([]float64, len(y))
	for k, i := range order {
		shuffled[k] = y[i]
	}
	if text(t, fit(t, small(), f, y, nil)) != text(t, fit(t, small(), f.Take(order), shuffled, nil)) {
		t.Error("shuffled rows give another model")
	}
}

func TestWeightTwoIsTheRowTwice(t *testing.T) {
	f, y := town(1500, 7)
	r := stream(2)
	p := small()
	p.MinRows, p.MinCatRows, p.CatSmooth, p.OneHot = 0, 0, 0, 0
	weights := make([]float64, len(y))
	var index []int
	var labels []float64
	for i := range weights {
		weights[i] = float64(r.below(4))
		for range int(weights[i]) {
			index, labels = append(index, i), append(labels, y[i])
		}
	}
	a, b := predict(t, fit(t, p, f, y, weights), f), predict(t, fit(t, p, f.Take(index), labels, nil), f)
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			t.Fatalf("row %d: %v with weights, %v with rows repeated", i, a[i], b[i])
		}
	}
}

func TestMonotoneIsMonotone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := stream(rapid.Uint64().Draw(rt, "seed"))
		n := 300
		columns := make([]frame.Column, 3)
		for j := range columns {
			columns[j] = number(fmt.Sprintf("x%d", j), make([]float64, n)...)
			columns[j].Direction = frame.Direction(j - 1) // Lowers, Unknown, Raises
		}
		y := make([]float64, n)
		for i := range n {
			sum := 0.0
			for j := range columns {
				columns[j].Numbers[i] = math.Round(r.float() * 20)
				sum += math.Sin(columns[j].Numbers[i]) // anything but monotone
			}
			y[i] = sum + r.float()
		}
		f := framed(columns...)
		p := small()
		p.MinRows, p.Monotone = 1, true
		p.Gradients = rapid.SampledFrom([]Gradients{Full, Packed}).Draw(rt, "gradients")
		p.Loss = []Loss{Squared{}, Pinball{Alpha: 0.8}}[rapid.IntRange(0, 1).Draw(rt, "loss")]
		e := fit(t, p, f, y, nil)
		row := make([]float64, 3)
		for range 20 {
			for j := range row {
				row[j] = math.Round(r.float() * 20)
			}
			for _, j := range []int{0, 2} {
				last := math.Inf(-1)
				at := slices.Clone(row)
				for v := -1.0; v <= 21; v += 0.5 {
					at[j] = v
					if j == 0 {
						at[j] = 20 - v
					}
					m := e.Margin(at)
					if m < last-1e-12 {
						rt.Fatalf("margin falls from %v to %v along x%d at %v", last, m, j, at)
					}
					last = m
				}
			}
		}
	})
}

func TestUnconstrainedWouldNotBeMonotone(t *testing.T) {
	// Guards the test above: on such labels a free model must go up and down.
	var x, y []float64
	for i := range 400 {
		x = append(x, float64(i%20))
		y = append(y, math.Sin(float64(i%20)))
	}
	p := small()
	p.Loss = Squared{}
	e := fit(t, p, framed(number("x", x...)), y, nil)
	if !(e.Margin([]float64{5}) < e.Margin([]float64{1}) && e.Margin([]float64{5}) < e.Margin([]float64{8})) {
		t.Error("a free model did not follow the sine")
	}
	p.Directions = map[string]frame.Direction{"x": frame.Raises}
	e = fit(t, p, framed(number("x", x...)), y, nil)
	if e.Margin([]float64{5}) < e.Margin([]float64{1}) {
		t.Error("Directions did not act")
	}
}

func TestGroupsDoNotMix(t *testing.T) {
	f, y := town(3000, 8)
	group := map[string]string{"recency": "time", "trend": "time", "orders": "volume", "spend": "volume"}
	for j := range f.Columns {
		f.Columns[j].Group = group[f.Columns[j].Name]
	}
	p := small()
	p.ByGroup = true
	e := fit(t, p, f, y, nil)
	mixed := map[string]bool{}
	for k := range e.Len() {
		tr := e.Tree(k)
		var walk func(c int32, path []int32)
		walk = func(c int32, path []int32) {
			if c < 0 {
				for _, a := range path {
					for _, b := range path {
						ga, gb := group[e.Features()[a]], group[e.Features()[b]]
						if a != b && (ga == "" || ga != gb) {
							t.Fatalf("tree %d has %s and %s on one path", k, e.Features()[a], e.Features()[b])
						}
						if a != b {
							mixed[ga] = true
						}
					}
				}
				return
			}
			path = append(slices.Clone(path), tr.Feature[c])
			walk(tr.Left[c], path)
			walk(tr.Right[c], path)
		}
		walk(0, nil)
	}
	if !mixed["time"] || !mixed["volume"] {
		t.Errorf("within groups nothing mixes either: %v", mixed)
	}
	p.ByGroup, p.Together = false, [][]string{{"recency", "spend"}}
	if fit(t, p, f, y, nil).Depth() < 2 {
		t.Error("Together lets nothing interact")
	}
}

func TestConstantColumnsGiveTheBaseRate(t *testing.T) {
	n := 60
	y := make([]float64, n)
	for i := range 15 {
		y[i] = 1
	}
	for name, c := range map[string]frame.Column{
		"one value":   number("x", filled(n, 3)...),
		"all missing": number("x", filled(n, math.NaN())...),
		"one code":    category("x", []string{"a"}, make([]int32, n)...),
	} {
		e := fit(t, Defaults(), framed(c), y, nil)
		if e.Len() != 1 || e.Depth() != 0 {
			t.Errorf("%s: %d trees of depth %d", name, e.Len(), e.Depth())
		}
		for _, m := range predict(t, e, framed(c)) {
			if want := math.Log(0.25 / 0.75); math.Abs(m-want) > 1e-15 {
				t.Fatalf("%s: margin %v, base rate %v", name, m, want)
			}
		}
	}
}

func TestFewRowsGiveTheBaseRate(t *testing.T) {
	e := fit(t, Defaults(), framed(number("x", 1, 2)), []float64{0, 1}, nil)
	if m := e.Margin([]float64{1}); m != 0 {
		t.Errorf("margin %v, want log-odds 0", m)
	}
	p := Defaults()
	p.Loss = Squared{}
	if m := fit(t, p, framed(number("x", 1)), []float64{5}, nil).Margin([]float64{1}); m != 5 {
		t.Errorf("one row: margin %v, want its label 5", m)
	}
}

func TestRefusesBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := func() *frame.Frame { return framed(number("x", 1, 2, 3)) }
	with := func(set func(*Params)) Params { p := Defaults(); set(&p); return p }
	for _, c := range []struct {
		name    string
		p       Params
		f       *frame.Frame
		y, w    []float64
		is      error
		mention string
	}{
		{"no rows", Defaults(), framed(number("x")), nil, nil, ErrEmpty, "no rows"},
		{"no columns", Defaults(), &frame.Frame{Accounts: make([]frame.AccountID, 3), Cutoffs: make([]frame.Cutoff, 3)}, []float64{0, 1, 1}, nil, ErrEmpty, "no columns"},
		{"labels too few", Defaults(), good(), []float64{0, 1}, nil, ErrInput, "2 labels for 3 rows"},
		{"NaN label", Defaults(), good(), []float64{0, nan, 1}, nil, ErrInput, "label 1 is NaN"},
		{"infinite label", Defaults(), good(), []float64{0, 1, inf}, nil, ErrInput, "label 2 is +Inf"},
		{"label of no class", Defaults(), good(), []float64{0, 1, 2}, nil, ErrInput, "label 2 is 2"},
		{"one class", Defaults(), good(), []float64{1, 1, 1}, nil, ErrOneClass, "all 1"},
		{"one class by weight", Defaults(), good(), []float64{1, 1, 0}, []float64{1, 1, 0}, ErrOneClass, "all 1"},
		{"weights too few", Defaults(), good(), []float64{0, 1, 1}, []float64{1}, ErrInput, "1 weights"},
		{"negative weight", Defaults(), good(), []float64{0, 1, 1}, []float64{1, -1, 1}, ErrInput, "weight 1 is -1"},
		{"NaN weight", Defaults(), good(), []float64{0, 1, 1}, []float64{1, nan, 1}, ErrInput, "weight 1 is NaN"},
		{"no weight", Defaults(), good(), []float64{0, 1, 1}, []float64{0, 0, 0}, ErrEmpty, "positive weight"},
		{"infinity in a column", Defaults(), framed(number("x", 1, inf, 3)), []float64{0, 1, 1}, nil, ErrInput, `column "x" row 1`},
		{"code out of range", Defaults(), framed(category("x", []string{"a"}, 0, 1, 0)), []float64{0, 1, 1}, nil, ErrInput, `column "x" row 1`},
		{"column twice", Defaults(), framed(number("x", 1, 2, 3), number("x", 1, 2, 3)), []float64{0, 1, 1}, nil, ErrInput, "twice"},
		{"name with a space", Defaults(), framed(number("a b", 1, 2, 3)), []float64{0, 1, 1}, nil, ErrInput, `"a b"`},
		{"level not UTF-8", Defaults(), framed(category("x", []string{"\xff"}, 0, 0, 0)), []float64{0, 1, 1}, nil, ErrInput, "UTF-8"},
		{"parameter", with(func(p *Params) { p.LearningRate = nan }), good(), []float64{0, 1, 1}, nil, nil, "LearningRate is NaN"},
		{"zero parameters", Params{}, good(), []float64{0, 1, 1}, nil, nil, "Rounds is 0"},
		{"quantile", with(func(p *Params) { p.Loss = Pinball{Alpha: 1} }), good(), []float64{0, 1, 1}, nil, nil, "alpha is 1"},
		{"negative count", with(func(p *Params) { p.Loss = Poisson{} }), good(), []float64{0, -1, 1}, nil, ErrInput, "label 1 is -1"},
		{"no count", with(func(p *Params) { p.Loss = Poisson{} }), good(), []float64{0, 0, 0}, nil, ErrInput, "all 3"},
		{"huge labels", with(func(p *Params) { p.Loss = Squared{} }), good(), []float64{1e308, 1e308, -1e308}, nil, ErrInput, "starts from"},
		{"large labels", with(func(p *Params) { p.Loss = Squared{} }), good(), []float64{1e200, 1e200, -1e200}, nil, nil, "too large"},
		{"direction of nothing", with(func(p *Params) { p.Directions = map[string]frame.Direction{"z": 1} }), good(), []float64{0, 1, 1}, nil, ErrInput, `"z"`},
		{"set of nothing", with(func(p *Params) { p.Together = [][]string{{"z"}} }), good(), []float64{0, 1, 1}, nil, ErrInput, `"z"`},
		{"patience alone", with(func(p *Params) { p.Patience = 3 }), good(), []float64{0, 1, 1}, nil, nil, "go together"},
		{"validation row out of range", with(func(p *Params) { p.Patience, p.Validation = 1, &Validation{Rows: []int{3}} }), good(), []float64{0, 1, 1}, nil, ErrInput, "row 3 of 3"},
		{"validation row twice", with(func(p *Params) { p.Patience, p.Validation = 1, &Validation{Rows: []int{1, 1}} }), good(), []float64{0, 1, 1}, nil, ErrInput, "twice"},
		{"validation of nothing", with(func(p *Params) { p.Patience, p.Validation = 1, &Validation{} }), good(), []float64{0, 1, 1}, nil, ErrInput, "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := Fit(context.Background(), c.p, c.f, c.y, c.w)
			if e != nil || err == nil || !strings.Contains(err.Error(), c.mention) || (c.is != nil && !errors.Is(err, c.is)) {
				t.Errorf("got %v, want %v with %q", err, c.is, c.mention)
			}
		})
	}
}

func TestEarlyStoppingKeepsTheBestRounds(t *testing.T) {
	f, y := town(1200, 11)
	held, truth := town(1200, 12)
	p := small()
	p.Rounds, p.LearningRate, p.MinRows, p.Patience = 300, 0.4, 1, 5
	p.Validation = &Validation{Frame: held, Y: truth}
	var losses []float64
	p.Progress = func(g Progress) {
		losses = append(losses, g.Loss)
		if g.Round != len(losses) || g.Rounds != 300 {
			t.Errorf("progress %+v after %d calls", g, len(losses))
		}
	}
	e := fit(t, p, f, y, nil)
	best := 0
	for i, l := range losses {
		if l < losses[best] {
			best = i
		}
	}
	if e.Len() != best+1 || len(losses) >= 300 {
		t.Errorf("%d trees kept, the loss was lowest after %d of %d rounds", e.Len(), best+1, len(losses))
	}
	// The loss that was watched is that of the ensemble that came out, to the bit.
	if got := meanLoss(LogLoss{}, predict(t, e, held), truth, nil); got != losses[best] {
		t.Errorf("loss %v of the ensemble, %v was watched", got, losses[best])
	}
	// The same split given by rows of one frame.
	both := framed()
	for j := range f.Columns {
		c := f.Columns[j]
		c.Numbers = append(slices.Clone(c.Numbers), held.Columns[j].Numbers...)
		c.Codes = append(slices.Clone(c.Codes), held.Columns[j].Codes...)
		both.Columns = append(both.Columns, c)
	}
	both.Accounts, both.Cutoffs = make([]frame.AccountID, 2400), make([]frame.Cutoff, 2400)
	p.Validation = &Validation{}
	for i := range 1200 {
		p.Validation.Rows = append(p.Validation.Rows, 1200+i)
	}
	p.Progress = nil
	if text(t, fit(t, p, both, append(slices.Clone(y), truth...), nil)) != text(t, e) {
		t.Error("validation by rows and by frame differ")
	}
}

func TestValidationLevelsAreMatchedByName(t *testing.T) {
	f, y := town(800, 13)
	held, truth := town(800, 14)
	p := small()
	p.Patience, p.Validation = 3, &Validation{Frame: held, Y: truth}
	want := text(t, fit(t, p, f, y, nil))
	other := held.Take(seq(held.Rows()))
	c := other.Column("segment")
	c.Levels = []string{"f", "e", "d", "new", "c", "b", "a"}
	for i, code := range c.Codes {
		if code >= 0 {
			c.Codes[i] = []int32{6, 5, 4, 2, 1, 0}[code]
		}
	}
	p.Validation.Frame = other
	if text(t, fit(t, p, f, y, nil)) != want {
		t.Error("levels in another order change the model")
	}
}

func seq(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func TestCancelled(t *testing.T) {
	f, y := town(500, 15)
	ctx, cancel := context.WithCancel(context.Background())
	p := small()
	p.Rounds = 100_000
	p.Progress = func(g Progress) {
		if g.Round == 3 {
			cancel()
		}
	}
	if e, err := Fit(ctx, p, f, y, nil); e != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestSavedAndLoadedPredictsTheSameBits(t *testing.T) {
	f, y := town(1000, 16)
	e := fit(t, small(), f, y, nil)
	again, err := tree.Read(strings.NewReader(text(t, e)), 1<<22)
	if err != nil {
		t.Fatal(err)
	}
	a, b := predict(t, e, f), predict(t, again, f)
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			t.Fatalf("row %d: %v saved, %v loaded", i, a[i], b[i])
		}
	}
}

func TestLeavesKeepTheirMinimum(t *testing.T) {
	f, y := town(2000, 17)
	p := small()
	p.MinRows, p.MinHessian, p.MaxDepth, p.Leaves = 37, 3, 4, 10
	t.Run("full", func(t *testing.T) { checkMinimum(t, p, fit(t, p, f, y, nil)) })
	// Sums of packed hessians are off by chance: by less than 1 in 2,000 rows.
	p.Gradients = Packed
	t.Run("packed", func(t *testing.T) {
		e := fit(t, p, f, y, nil)
		p.MinHessian--
		checkMinimum(t, p, e)
	})
}

func checkMinimum(t *testing.T, p Params, e *tree.Ensemble) {
	t.Helper()
	if e.Depth() > 4 {
		t.Errorf("depth %d, at most 4 allowed", e.Depth())
	}
	for k := range e.Len() {
		tr := e.Tree(k)
		if tr.Leaves() > 10 {
			t.Errorf("tree %d has %d leaves", k, tr.Leaves())
		}
		total := int64(0)
		for i, n := range tr.LeafCount {
			total += n
			if n < 37 || tr.LeafWeight[i] < p.MinHessian {
				t.Errorf("tree %d leaf %d has %d rows and weight %v", k, i, n, tr.LeafWeight[i])
			}
		}
		if total != 2000 || tr.Count[0] != 2000 {
			t.Errorf("tree %d counts %d rows in leaves and %d in the root, trained on 2000", k, total, tr.Count[0])
		}
	}
}

func TestDuplicateAndRescaledColumnsChangeNothing(t *testing.T) {
	f, y := town(1500, 18)
	want := predict(t, fit(t, small(), f, y, nil), f)
	twice := framed(slices.Clone(f.Columns)...)
	copied := f.Columns[0]
	copied.Name = "recency2"
	twice.Columns = append(twice.Columns, copied)
	scaled := f.Take(seq(f.Rows()))
	for i := range scaled.Columns[2].Numbers {
		scaled.Columns[2].Numbers[i] *= 1024 // a power of two, so that cuts scale exactly
	}
	for name, g := range map[string]*frame.Frame{"duplicate": twice, "rescaled": scaled} {
		got := predict(t, fit(t, small(), g, y, nil), g)
		if !slices.Equal(got, want) {
			t.Errorf("%s column: other predictions", name)
		}
	}
}

func TestExtremesStayFinite(t *testing.T) {
	x := []float64{5e-324, -5e-324, 0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, 1e-308, math.NaN(), 1, 2}
	var values, y []float64
	for i := range 200 {
		values = append(values, x[i%len(x)])
		y = append(y, float64(i%len(x)%2))
	}
	p := small()
	p.MinRows = 1
	f := framed(number("x", values...))
	e := fit(t, p, f, y, nil)
	for i, m := range predict(t, e, f) {
		if math.IsNaN(m) || math.IsInf(m, 0) {
			t.Fatalf("row %d (%v): margin %v", i, values[i], m)
		}
		// Every value has one label but for 0 and −0, which are equal.
		if values[i] != 0 && (m > 0) != (y[i] == 1) {
			t.Errorf("%v: margin %v for label %v", values[i], m, y[i])
		}
	}
}

func TestManyAndUnseenCategories(t *testing.T) {
	const levels = 100_000
	names := make([]string, levels)
	for i := range names {
		names[i] = fmt.Sprint("level", i)
	}
	r := stream(20)
	var codes []int32
	var y []float64
	for i := range 4000 {
		code := int32(r.below(levels))
		if i%2 == 0 {
			code = int32(r.below(5))
		}
		label := 0.0
		if code == 2 || code == 4 {
			label = 1
		}
		codes, y = append(codes, code), append(y, label)
	}
	p := small()
	p.OneHot = 0
	p.MinCatRows = 1
	e := fit(t, p, framed(category("c", names, codes...)), y, nil)
	out := predict(t, e, framed(category("c", []string{"level2", "level0", "never seen"}, 0, 1, 2, -1)))
	if !(out[0] > 0 && out[1] < 0) {
		t.Errorf("margins of codes 2 and 0: %v", out[:2])
	}
	if out[2] != out[3] {
		t.Errorf("an unseen level has margin %v, missing %v", out[2], out[3])
	}
}

func TestSamplesBinsOfManyRows(t *testing.T) {
	f, y := town(4000, 21)
	p := small()
	p.BinRows = 500
	e := fit(t, p, f, y, nil)
	if got := auc(predict(t, e, f), y); got < 0.76 {
		t.Errorf("AUC %.3f with bins from a sample", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	f, y := usual(20_000, 30)
	held, truth := usual(5_000, 30)
	p := Defaults()
	p.Rounds, p.Threads = 1, 1
	p.Patience, p.Validation = 1, &Validation{Frame: held, Y: truth}
	for _, p.Gradients = range []Gradients{Full, Packed} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fit(t, p, f, y, nil)
		runtime.ReadMemStats(&after)
		// One round allocates no less in all than any number of rounds hold at once;
		// while bins are found, one column after another allocates anew.
		search := uint64(64 * 20_000 * (30 - 1))
		const slack = 1 << 20
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(p.Memory(20_000, 5_000, 30)); got > most+search+slack {
			t.Errorf("gradients %d: %d bytes were allocated, the formula allows %d", p.Gradients, got, most)
		}
	}
}

func TestLearner(t *testing.T) {
	f, y := town(400, 22)
	l := Learner{Params: small()}
	m, err := l.Fit(context.Background(), f, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.Name() != "boosting" || len(m.Features()) != len(f.Columns) {
		t.Errorf("%s with features %v", l.Name(), m.Features())
	}
	if m, err := l.Fit(context.Background(), f, y[:3], nil); m != nil || err == nil {
		t.Errorf("got model %v and error %v", m, err)
	}
}
