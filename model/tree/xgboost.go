package tree

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrXGBoost says that the text is not a model in XGBoost's JSON format, or one
// that this package refuses.
var ErrXGBoost = errors.New("not a readable XGBoost JSON model")

// ReadXGBoost reads a model that XGBoost 1.3 to 3.x saved as JSON, of at most
// limit bytes (≥ 1): booster gbtree; objective binary:logistic,
// reg:squarederror, count:poisson or reg:quantileerror with one quantile. Every
// error wraps ErrTooLarge, ErrXGBoost or what r returned.
//
// Every row reaches the leaf that it reaches there, whatever the float64:
// XGBoost casts a value to float32 and goes left when it is less than the
// threshold; the thresholds here are the largest float64 for which that holds.
// Margins are sums in float64 where XGBoost adds up float32: they agree to
// about 1e-5 of their size. All trees count, as in Booster.predict, also those
// after the best iteration of an early stop.
//
// base_score becomes a first tree of one leaf: the log-odds, the logarithm or
// the number itself, as the objective has it. XGBoost keeps sums of hessians and
// no counts, so that Cover is CoverWeight. Features without names are f0, f1 …
// as in XGBoost. A set of codes goes right in XGBoost and left here, so that
// categorical nodes have their children exchanged.
//
// Memory stays within a small multiple of the text. Sets of codes take as many
// bits as their largest code; together they may take 16 × the text or 1 MB.
func ReadXGBoost(r io.Reader, limit int64) (*Ensemble, error) {
	text, err := readAll(r, limit)
	if err != nil {
		return nil, err
	}
	e, err := parseXGBoost(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrXGBoost, err)
	}
	return e, nil
}

// xgboost is what is kept of the text.
type xgboost struct {
	names, types       []string
	booster, objective string
	base, quantile     string
	classes, targets   string
	features, trees    string
	treeInfo           []int32
	raw                []xgboostTree
	levels             [][]string
}

// xgboostTree is one tree in XGBoost's arrays, one entry per node, leaves among them.
type xgboostTree struct {
	left, right, feature, defaultLeft, kind []int32
	condition, gain, value, hessian         []float32
	// Node sets.nodes[k] has the codes categories[segments[k]:][:sizes[k]].
	sets struct{ nodes, segments, sizes, codes []int32 }
	// Of tree_param.
	nodes, deleted, leafSize string
}

func parseXGBoost(text []byte) (*Ensemble, error) {
	j := &jsonText{text: text}
	var x xgboost
	if err := x.read(j); err != nil {
		return nil, err
	}
	h, err := x.header()
	if err != nil {
		return nil, err
	}
	base, err := x.constant()
	if err != nil {
		return nil, err
	}
	if x.trees != strconv.Itoa(len(x.raw)) {
		return nil, fmt.Errorf("num_trees is %s for %d trees", shorten(x.trees), len(x.raw))
	}
	for i, group := range x.treeInfo {
		if group != 0 {
			return nil, fmt.Errorf("tree_info: tree %d belongs to output %d; one margin per row is read", i, group)
		}
	}
	words := max(1<<18, 4*len(text)) // of 4 bytes, for sets of codes
	trees := []Tree{{LeafValue: []float64{base}, LeafWeight: []float64{0}, LeafCount: []int64{0}, Shrinkage: 1}}
	for i := range x.raw {
		t, err := x.raw[i].tree(h.Features, &words)
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		trees = append(trees, t)
		x.raw[i] = xgboostTree{}
	}
	note(h.Features, trees)
	return New(h, trees)
}

// read walks the text and keeps what matters.
func (x *xgboost) read(j *jsonText) error {
	model := map[string]func() error{
		"gbtree_model_param": func() error {
			return j.object(map[string]func() error{"num_trees": j.text1(&x.trees)})
		},
		"tree_info": j.ints(&x.treeInfo),
		"trees": func() error {
			return j.array(func() error {
				var t xgboostTree
				if err := t.read(j); err != nil {
					return fmt.Errorf("tree %d: %w", len(x.raw), err)
				}
				x.raw = append(x.raw, t)
				return nil
			})
		},
		"cats": func() error { return x.readLevels(j) },
	}
	learner := map[string]func() error{
		"feature_names": j.texts(&x.names),
		"feature_types": j.texts(&x.types),
		"gradient_booster": func() error {
			return j.object(map[string]func() error{
				"name": j.text1(&x.booster), "model": func() error { return j.object(model) },
			})
		},
		"learner_model_param": func() error {
			return j.object(map[string]func() error{
				"base_score": j.text1(&x.base), "num_class": j.text1(&x.classes),
				"num_target": j.text1(&x.targets), "num_feature": j.text1(&x.features),
			})
		},
		"objective": func() error {
			return j.object(map[string]func() error{
				"name": j.text1(&x.objective),
				"quantile_loss_param": func() error {
					return j.object(map[string]func() error{"quantile_alpha": j.text1(&x.quantile)})
				},
			})
		},
	}
	found := false
	var version []int32
	err := j.object(map[string]func() error{
		"learner": func() error {
			found = true
			return j.object(learner)
		},
		"version": j.ints(&version),
	})
	if err != nil {
		return err
	}
	if j.peek(); j.at < len(j.text) {
		return j.fail("something stands after the model")
	}
	if !found {
		return fmt.Errorf("there is no learner")
	}
	if len(version) == 0 || version[0] < 1 || version[0] > 3 {
		return fmt.Errorf("the format version is %v; this program reads 1 to 3", version)
	}
	return nil
}

// readLevels reads the names of codes, which XGBoost keeps since 3.1 for frames
// of pandas: one entry per feature, texts as bytes one after the other with
// their offsets, or whole numbers.
func (x *xgboost) readLevels(j *jsonText) error {
	var segments []int32
	err := j.object(map[string]func() error{
		"enc": func() error {
			return j.array(func() error {
				var offsets, values []int32
				texts := false
				err := j.object(map[string]func() error{
					"offsets": func() error {
						texts = true
						return j.ints(&offsets)()
					},
					"values": j.ints(&values),
				})
				if err != nil {
					return err
				}
				levels, err := levelsOf(offsets, values, texts)
				x.levels = append(x.levels, levels)
				return err
			})
		},
		"feature_segments": j.ints(&segments),
	})
	if err != nil {
		return err
	}
	if len(x.levels) > 0 && len(segments) != len(x.levels)+1 {
		return fmt.Errorf("feature_segments has %d entries for %d features", len(segments), len(x.levels))
	}
	for i, l := range x.levels {
		if int(segments[i+1])-int(segments[i]) != len(l) {
			return fmt.Errorf("feature_segments gives feature %d %d levels, enc %d", i, segments[i+1]-segments[i], len(l))
		}
	}
	return nil
}

func levelsOf(offsets, values []int32, texts bool) ([]string, error) {
	var levels []string
	if !texts {
		for _, v := range values {
			levels = append(levels, strconv.Itoa(int(v)))
		}
		return levels, nil
	}
	for i := 1; i < len(offsets); i++ {
		from, to := offsets[i-1], offsets[i]
		if from < 0 || to < from || int(to) > len(values) {
			return nil, fmt.Errorf("offsets: level %d lies from %d to %d of %d bytes", i-1, from, to, len(values))
		}
		var b []byte
		for _, v := range values[from:to] {
			if v < math.MinInt8 || v > math.MaxUint8 {
				return nil, fmt.Errorf("values: %d is not a byte", v)
			}
			b = append(b, byte(v&math.MaxUint8)) // XGBoost writes them as signed bytes
		}
		levels = append(levels, string(b))
	}
	return levels, nil
}

func (t *xgboostTree) read(j *jsonText) error {
	return j.object(map[string]func() error{
		"left_children": j.ints(&t.left), "right_children": j.ints(&t.right),
		"split_indices": j.ints(&t.feature), "default_left": j.ints(&t.defaultLeft), "split_type": j.ints(&t.kind),
		"split_conditions": j.singles(&t.condition), "loss_changes": j.singles(&t.gain),
		"base_weights": j.singles(&t.value), "sum_hessian": j.singles(&t.hessian),
		"categories": j.ints(&t.sets.codes), "categories_nodes": j.ints(&t.sets.nodes),
		"categories_segments": j.ints(&t.sets.segments), "categories_sizes": j.ints(&t.sets.sizes),
		"tree_param": func() error {
			return j.object(map[string]func() error{
				"num_nodes": j.text1(&t.nodes), "num_deleted": j.text1(&t.deleted), "size_leaf_vector": j.text1(&t.leafSize),
			})
		},
	})
}

// header checks what the model is and says it in the words of this package.
func (x *xgboost) header() (Header, error) {
	var h Header
	if x.booster != "gbtree" {
		return h, fmt.Errorf("the booster is %s; gbtree is read", shorten(x.booster))
	}
	for _, c := range []struct{ name, value string }{{"num_class", x.classes}, {"num_target", x.targets}} {
		if c.value != "" && c.value != "0" && c.value != "1" {
			return h, fmt.Errorf("%s is %s; one margin per row is read", c.name, shorten(c.value))
		}
	}
	switch x.objective {
	case "binary:logistic":
		h.Objective = "binary sigmoid:1"
	case "reg:squarederror":
		h.Objective = "regression"
	case "count:poisson":
		h.Objective = "poisson"
	case "reg:quantileerror":
		alpha, err := strconv.ParseFloat(strings.Trim(x.quantile, "[]"), 32)
		if err != nil || !(alpha > 0 && alpha < 1) {
			return h, fmt.Errorf("quantile_alpha is %s; one quantile is read", shorten(x.quantile))
		}
		h.Objective = "quantile alpha:" + strconv.FormatFloat(alpha, 'g', -1, 32)
	default:
		return h, fmt.Errorf("the objective is %s; binary:logistic, reg:squarederror, count:poisson and reg:quantileerror are read", shorten(x.objective))
	}
	n, err := strconv.Atoi(x.features)
	if err != nil || n < 1 {
		return h, fmt.Errorf("num_feature is %s", shorten(x.features))
	}
	if len(x.names) == 0 {
		// Each tree's arrays name features by number: as many as the largest are
		// backed by text, the rest is not.
		most := 1 << 16
		for i := range x.raw {
			most = max(most, len(x.raw[i].feature))
		}
		if n > most {
			return h, fmt.Errorf("num_feature is %d and there are no feature_names; the most without names is %d", n, most)
		}
		for i := range n {
			x.names = append(x.names, "f"+strconv.Itoa(i))
		}
	}
	for _, c := range []struct {
		name string
		have int
	}{{"feature_names", len(x.names)}, {"feature_types", len(x.types)}, {"cats", len(x.levels)}} {
		if c.have != n && c.have != 0 {
			return h, fmt.Errorf("%s has %d entries, num_feature is %d", c.name, c.have, n)
		}
	}
	h.Features = make([]Feature, n)
	for i, name := range x.names {
		h.Features[i] = Feature{Name: name, Info: "none", Category: len(x.types) > 0 && x.types[i] == "c"}
		if len(x.levels) > 0 {
			h.Features[i].Levels = x.levels[i]
		}
	}
	return h, checkFeatures(h.Features)
}

// constant returns base_score as a margin. XGBoost keeps it in units of the
// prediction, since 3.1 as a list of one.
func (x *xgboost) constant() (float64, error) {
	s := x.base
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	v, err := strconv.ParseFloat(s, 32)
	if err != nil {
		return 0, fmt.Errorf("base_score is %s", shorten(x.base))
	}
	switch x.objective {
	case "binary:logistic":
		v = -math.Log(1/v - 1)
	case "count:poisson":
		v = math.Log(v)
	}
	if !finite(v) {
		return 0, fmt.Errorf("base_score %s gives %s the margin %v", shorten(x.base), x.objective, v)
	}
	return v, nil
}

// tree checks the arrays and turns them into a Tree: nodes and leaves numbered
// from the root on, left before right. What is marked as deleted is left behind.
// words is what sets of codes may still take.
func (t *xgboostTree) tree(features []Feature, words *int) (Tree, error) {
	n := len(t.left)
	if t.nodes != strconv.Itoa(n) || n == 0 {
		return Tree{}, fmt.Errorf("num_nodes is %s for %d left_children", shorten(t.nodes), n)
	}
	if t.leafSize != "" && t.leafSize != "0" && t.leafSize != "1" {
		return Tree{}, fmt.Errorf("size_leaf_vector is %s; one margin per row is read", shorten(t.leafSize))
	}
	if len(t.kind) == 0 { // before 1.3 there were no categories
		t.kind = make([]int32, n)
	}
	for _, a := range []struct {
		name string
		have int
	}{
		{"right_children", len(t.right)}, {"split_indices", len(t.feature)}, {"default_left", len(t.defaultLeft)},
		{"split_type", len(t.kind)}, {"split_conditions", len(t.condition)}, {"loss_changes", len(t.gain)},
		{"base_weights", len(t.value)}, {"sum_hessian", len(t.hessian)},
	} {
		if a.have != n {
			return Tree{}, fmt.Errorf("%s has %d entries for %d nodes", a.name, a.have, n)
		}
	}
	sets, err := t.codeSets()
	if err != nil {
		return Tree{}, err
	}
	out := Tree{Shrinkage: 1}
	type visit struct {
		node   int32
		parent *int32 // where the node's number here is to be written
	}
	reached := make([]bool, n)
	nodes := 0
	for _, c := range t.left {
		if c != -1 {
			nodes++
		}
	}
	// Room for all, so that pointers into them stay.
	out.Left, out.Right = make([]int32, 0, nodes), make([]int32, 0, nodes)
	visited := 0
	for stack := []visit{{node: 0, parent: new(int32)}}; len(stack) > 0; {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v.node < 0 || int(v.node) >= n {
			return Tree{}, fmt.Errorf("a child is node %d of %d", v.node, n)
		}
		if reached[v.node] {
			return Tree{}, fmt.Errorf("node %d is reached twice: a cycle or a shared child", v.node)
		}
		reached[v.node] = true
		visited++
		left, right := t.left[v.node], t.right[v.node]
		if left == -1 && right == -1 {
			*v.parent = ^int32(len(out.LeafValue)) //nolint:gosec // fewer than the int32 entries of left_children
			out.LeafValue = append(out.LeafValue, float64(t.condition[v.node]))
			out.LeafWeight = append(out.LeafWeight, float64(t.hessian[v.node]))
			continue
		}
		*v.parent = int32(len(out.Left)) //nolint:gosec // as above
		out.Left, out.Right = append(out.Left, 0), append(out.Right, 0)
		at := len(out.Left) - 1
		if err := t.split(&out, v.node, sets, features, words); err != nil {
			return Tree{}, fmt.Errorf("node %d: %w", v.node, err)
		}
		if out.Decision[at].Categorical() {
			left, right = right, left
		}
		stack = append(stack, visit{right, &out.Right[at]}, visit{left, &out.Left[at]})
	}
	if deleted := strconv.Itoa(n - visited); t.deleted != deleted && (t.deleted != "" || visited != n) {
		return Tree{}, fmt.Errorf("%s of %d nodes cannot be reached from the root, num_deleted is %s", deleted, n, shorten(t.deleted))
	}
	out.Count, out.LeafCount = make([]int64, len(out.Left)), make([]int64, len(out.LeafValue))
	return out, nil
}

// split appends what one node says, apart from its children. Sets of leaves and
// of deleted nodes are what pruning left over, and of no meaning.
func (t *xgboostTree) split(out *Tree, node int32, sets map[int32][]int32, features []Feature, words *int) error {
	f := t.feature[node]
	if f < 0 || int(f) >= len(features) {
		return fmt.Errorf("it splits on feature %d of %d", f, len(features))
	}
	if d := t.defaultLeft[node]; d != 0 && d != 1 {
		return fmt.Errorf("default_left is %d", d)
	}
	out.Feature = append(out.Feature, f)
	out.Gain = append(out.Gain, float64(t.gain[node]))
	out.Value = append(out.Value, float64(t.value[node]))
	out.Weight = append(out.Weight, float64(t.hessian[node]))
	codes, has := sets[node]
	switch t.kind[node] {
	case 0:
		if has {
			return fmt.Errorf("it splits a number and has a set of codes")
		}
		limit, ok := below(t.condition[node])
		if !ok {
			return fmt.Errorf("it has the threshold %v", t.condition[node])
		}
		out.Threshold = append(out.Threshold, limit)
		out.Decision = append(out.Decision, NumericDecision(MissingNaN, t.defaultLeft[node] == 1))
		out.Codes = append(out.Codes, nil)
		return nil
	case 1:
		if !has {
			return fmt.Errorf("it splits a category and has no set of codes")
		}
		set, err := codeBits(codes, words)
		out.Threshold = append(out.Threshold, 0)
		d := CategoricalDecision
		if t.defaultLeft[node] == 0 { // children are exchanged: what went right goes left
			d = CategoricalMissingLeft
		}
		out.Decision = append(out.Decision, d)
		out.Codes = append(out.Codes, set)
		return err
	default:
		return fmt.Errorf("split_type is %d", t.kind[node])
	}
}

// codeSets returns the codes of each categorical node.
func (t *xgboostTree) codeSets() (map[int32][]int32, error) {
	s := &t.sets
	if len(s.segments) != len(s.nodes) || len(s.sizes) != len(s.nodes) {
		return nil, fmt.Errorf("%d categories_nodes have %d segments and %d sizes", len(s.nodes), len(s.segments), len(s.sizes))
	}
	sets := make(map[int32][]int32, len(s.nodes))
	for i, node := range s.nodes {
		from, size := int(s.segments[i]), int(s.sizes[i])
		if from < 0 || size < 0 || from+size > len(s.codes) {
			return nil, fmt.Errorf("categories of node %d lie from %d, %d of them, of %d", node, from, size, len(s.codes))
		}
		if _, twice := sets[node]; twice {
			return nil, fmt.Errorf("categories_nodes names node %d twice", node)
		}
		sets[node] = s.codes[from : from+size]
	}
	return sets, nil
}

// codeBits returns a set of codes, 32 to a word.
func codeBits(codes []int32, words *int) ([]uint32, error) {
	const most = 1 << 24 // float32, in which XGBoost keeps codes, tells no more apart
	largest := int32(0)
	for _, c := range codes {
		if c < 0 || c >= most {
			return nil, fmt.Errorf("it asks for the code %d; codes lie from 0 to %d", c, most-1)
		}
		largest = max(largest, c)
	}
	size := int(largest)/32 + 1
	if *words -= size; *words < 0 {
		return nil, fmt.Errorf("code %d makes the sets of codes larger than 16 × the text", largest)
	}
	set := make([]uint32, size)
	for _, c := range codes {
		set[c/32] |= 1 << (c % 32)
	}
	return set, nil
}

// below returns the largest float64 that, cast to float32, is less than t: the
// middle between t and the float32 before it, or the float64 before that where
// the middle, which is cast to the even one of the two, is cast to t. A t that
// is not finite has none.
func below(t float32) (float64, bool) {
	if !finite(float64(t)) {
		return 0, false
	}
	before := math.Nextafter32(t, float32(math.Inf(-1)))
	low := float64(before)
	if math.IsInf(low, -1) {
		low = -0x1p128 // what would follow if there were one exponent more; casts round as if there were
	}
	middle := low/2 + float64(t)/2
	if math.Float32bits(t)&1 == 0 {
		middle = math.Nextafter(middle, math.Inf(-1))
	}
	return middle, true
}

// note writes what the trees tell about each feature's range.
func note(features []Feature, trees []Tree) {
	low, high := make([]float64, len(features)), make([]float64, len(features))
	seen := make([]map[uint32]bool, len(features))
	used := make([]bool, len(features))
	for i := range trees {
		t := &trees[i]
		for k, f := range t.Feature {
			if t.Codes[k] != nil {
				if seen[f] == nil {
					seen[f] = map[uint32]bool{}
				}
				for w, word := range t.Codes[k] {
					for b := range uint32(32) {
						if word>>b&1 != 0 {
							seen[f][uint32(w)*32+b] = true
						}
					}
				}
				continue
			}
			if v := t.Threshold[k]; !used[f] {
				low[f], high[f], used[f] = v, v, true
			} else {
				low[f], high[f] = min(low[f], v), max(high[f], v)
			}
		}
	}
	for i := range features {
		switch f := &features[i]; {
		case f.Category:
			f.Info = "-1"
			for _, code := range slices.Sorted(maps.Keys(seen[i])) {
				f.Info += ":" + strconv.FormatUint(uint64(code), 10)
			}
		case used[i]:
			f.Info = fmt.Sprintf("[%g:%g]", low[i], high[i])
		}
	}
}
