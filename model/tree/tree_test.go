package tree_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fealty/features/frame"
	"fealty/model/tree"
)

const limit = 1 << 20

// reference is one case of lightgbm-tiny.json.
type reference struct {
	Name string
	In   struct {
		Model    string
		Features []string
		Rows     [][]*float64
	}
	Out struct {
		Raw  []float64
		Leaf [][]int
	}
}

func references(t testing.TB) []reference {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "lightgbm-tiny.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []reference }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 3 {
		t.Fatalf("lightgbm-tiny.json has %d cases, want 3", len(file.Cases))
	}
	return file.Cases
}

func load(t testing.TB, name string) (*tree.Ensemble, []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	e, err := tree.Read(bytes.NewReader(text), limit)
	if err != nil {
		t.Fatal(err)
	}
	return e, text
}

func row(values []*float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.NaN()
		if v != nil {
			out[i] = *v
		}
	}
	return out
}

// numbers makes a frame of Number columns out of rows.
func numbers(names []string, rows [][]float64) *frame.Frame {
	f := &frame.Frame{Accounts: make([]frame.AccountID, len(rows)), Cutoffs: make([]frame.Cutoff, len(rows))}
	for j, name := range names {
		c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: make([]float64, len(rows))}
		for i := range rows {
			c.Numbers[i] = rows[i][j]
		}
		f.Columns = append(f.Columns, c)
	}
	return f
}

func TestPredictsAsLightGBM(t *testing.T) {
	for _, ref := range references(t) {
		t.Run(ref.Name, func(t *testing.T) {
			e, _ := load(t, ref.In.Model)
			if !slices.Equal(e.Features(), ref.In.Features) {
				t.Fatalf("features %v, want %v", e.Features(), ref.In.Features)
			}
			rows := make([][]float64, len(ref.In.Rows))
			for i := range rows {
				rows[i] = row(ref.In.Rows[i])
				for k := range e.Len() {
					tr := e.Tree(k)
					if got := tr.Leaf(rows[i]); got != ref.Out.Leaf[i][k] {
						t.Errorf("row %d tree %d reaches leaf %d, LightGBM's reaches %d", i, k, got, ref.Out.Leaf[i][k])
					}
				}
			}
			out := make([]float64, len(rows))
			if err := e.Predict(numbers(ref.In.Features, rows), out); err != nil {
				t.Fatal(err)
			}
			for i, want := range ref.Out.Raw {
				if d := math.Abs(out[i] - want); !(d <= 1e-12) {
					t.Errorf("row %d: margin %v, LightGBM says %v", i, out[i], want)
				}
				if walk := e.Margin(rows[i]); walk != out[i] {
					t.Errorf("row %d: walk %v, batch %v", i, walk, out[i])
				}
			}
		})
	}
}

func TestWriteReadsBackTheSame(t *testing.T) {
	for _, ref := range references(t) {
		e, _ := load(t, ref.In.Model)
		first := write(t, e)
		again, err := tree.Read(bytes.NewReader(first), limit)
		if err != nil {
			t.Fatalf("%s: %v", ref.In.Model, err)
		}
		if second := write(t, again); !bytes.Equal(first, second) {
			t.Errorf("%s: written twice, the bytes differ", ref.In.Model)
		}
		for i, r := range ref.In.Rows {
			if a, b := e.Margin(row(r)), again.Margin(row(r)); math.Float64bits(a) != math.Float64bits(b) {
				t.Errorf("%s row %d: %v before, %v after", ref.In.Model, i, a, b)
			}
		}
	}
}

func write(t testing.TB, e *tree.Ensemble) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := e.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadRefuses(t *testing.T) {
	_, good := load(t, "lightgbm-tiny.txt")
	_, zero := load(t, "lightgbm-tiny-zero.txt")
	// same keeps the length of tree 0, so that tree_sizes does not speak first.
	replace := func(old, repl string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("the model has no %q", old)
			}
			return strings.Replace(s, old, repl, 1)
		}
	}
	for _, c := range []struct {
		name string
		edit func(string) string
		want string
	}{
		{"another first line", replace("tree\n", "model\n"), "line 1"},
		{"a newer format", replace("version=v4", "version=v5"), "v5"},
		{"several classes", replace("num_class=1", "num_class=3"), "num_class"},
		{"duplicate key in header", replace("num_class=1\n", "num_class=1\nnum_class=1\n"), "twice"},
		{"duplicate key in tree", replace("is_linear=0", "leaf_value=0"), "twice"},
		{"unknown key", replace("is_linear=0", "is_cosmic=0"), "is_cosmic"},
		{"linear leaves", replace("is_linear=0", "is_linear=1"), "linear"},
		{"constants of linear leaves", replace("leaf_value=", "leaf_const=1\nleaf_value="), "linear"},
		{"averaged trees", replace("label_index=0\n", "label_index=0\naverage_output\n"), "random forest"},
		{"feature out of range", replace("split_feature=2 3", "split_feature=6 3"), "feature 6 of 6"},
		{"negative feature", replace("split_feature=2 3 3 0 5 1 2", "split_feature=-2 3 3 0 5 1 "), "split_feature"},
		{"child out of range", replace("left_child=1 -1 6", "left_child=1 -1 7"), "child node 7 of 7"},
		{"leaf out of range", replace("right_child=2 3 -4", "right_child=2 3 -9"), "child leaf 8 of 8"},
		{"cycle", replace("left_child=1 -1 6", "left_child=1 -1 0"), "cycle"},
		{"shared child", replace("left_child=1 -1 6", "left_child=1 -1 1"), "reached already"},
		{"NaN threshold", replace("threshold=1.0000000180025095e-35 0", "threshold=NaN                    0"), "threshold"},
		{"real NaN threshold", replace("threshold=1.0000000180025095e-35 0", "threshold=nan 0"), "not a number"},
		{"infinite leaf", replace("leaf_value=0.55749753720840545", "leaf_value=inf"), "not finite"},
		{"unknown decision", replace("decision_type=2 1 1 8", "decision_type=2 1 1 99"), "decision_type"},
		{"missing type 3", replace("decision_type=2 1 1 8 2 2 2", "decision_type=2 1 1 12 2 2 2"), "bytes"},
		{"category split on a number", replace("split_feature=2 3 3", "split_feature=2 0 3"), "a category"},
		{"negative count", replace("leaf_count=95", "leaf_count=-5"), "count -5"},
		{"too few thresholds", replace("58.550000000000004 1.0000000180025095e-35", "58.550000000000004"), "threshold has 6 entries"},
		{"more leaves than entries", replace("num_leaves=8", "num_leaves=9"), "8"},
		{"absurd number of leaves", replace("num_leaves=8", "num_leaves=2000000000"), "entries"},
		{"absurd code set", replace("cat_boundaries=0 2 3", "cat_boundaries=0 2 2000000000"), "cat_threshold"},
		{"falling code sets", replace("cat_boundaries=0 2 3", "cat_boundaries=0 4 3"), "cat_boundaries"},
		{"code set of another", replace("threshold=1.0000000180025095e-35 0 1", "threshold=1.0000000180025095e-35 0 0"), "code set"},
		{"wrong tree count", replace("tree_sizes=963 973 993", "tree_sizes=963 973"), "end of trees"},
		{"a tree too many", replace("tree_sizes=963 973 993", "tree_sizes=963 973 993 9"), "Tree=3"},
		{"wrong tree size", replace("tree_sizes=963", "tree_sizes=964"), "tree_sizes says 964"},
		{"no trees", replace("tree_sizes=963 973 993", "tree_sizes="), "tree_sizes"},
		{"feature twice", replace("orders_180d trend", "orders_180d orders_180d"), "twice"},
		{"feature count", replace("max_feature_idx=5", "max_feature_idx=6"), "max_feature_idx"},
		{"levels of which category", replace("pandas_categorical:null", `pandas_categorical:[["a"],["b"]]`), "cannot be told"},
		{"a level twice", replace("pandas_categorical:null", `pandas_categorical:[["a","a"]]`), "twice"},
		{"levels not a list", replace("pandas_categorical:null", `pandas_categorical:[[null]]`), "neither text"},
		{"something after", func(s string) string { return s + "pickle\n" }, "belongs to no section"},
		{"empty", func(string) string { return "" }, "line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tree.Read(strings.NewReader(c.edit(string(good))), limit)
			if !errors.Is(err, tree.ErrFormat) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrFormat with %q", err, c.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		if _, err := tree.Read(bytes.NewReader(good), int64(len(good))-1); !errors.Is(err, tree.ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	})
	t.Run("truncated anywhere in the trees", func(t *testing.T) {
		end := bytes.Index(zero, []byte("end of trees"))
		for n := range end {
			if _, err := tree.Read(bytes.NewReader(zero[:n]), limit); !errors.Is(err, tree.ErrFormat) {
				t.Fatalf("cut after %d bytes: %v", n, err)
			}
		}
	})
}

func TestFlippedBytesNeverPanic(t *testing.T) {
	_, good := load(t, "lightgbm-tiny-zero.txt")
	for i := range good {
		bad := slices.Clone(good)
		for _, flip := range []byte{0x01, 0x04, 0x10, 0x80} {
			bad[i] = good[i] ^ flip
			e, err := tree.Read(bytes.NewReader(bad), limit)
			if err != nil {
				continue // a flip inside a number may still read; checksums are the bundle's task
			}
			if m := e.Margin(make([]float64, len(e.Features()))); math.IsNaN(m) {
				t.Fatalf("byte %d flipped to %q: margin NaN", i, bad[i])
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"lightgbm-tiny.txt", "lightgbm-tiny-zero.txt", "lightgbm-tiny-numeric.txt"} {
		_, text := load(f, name)
		f.Add(text)
	}
	f.Add([]byte(oneLeaf))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := tree.Read(bytes.NewReader(text), 1<<16)
		if err != nil {
			return
		}
		first := write(t, e)
		again, err := tree.Read(bytes.NewReader(first), 1<<20)
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, first)
		}
		if second := write(t, again); !bytes.Equal(first, second) {
			t.Fatalf("written twice, the bytes differ:\n%s\n%s", first, second)
		}
		r := make([]float64, len(e.Features()))
		for i := range r {
			r[i] = float64(i) - 1
		}
		if a, b := e.Margin(r), again.Margin(r); math.Float64bits(a) != math.Float64bits(b) {
			t.Fatalf("margin %v before, %v after", a, b)
		}
		rows := make([][]float64, 64) // enough for the batch layout
		for i := range rows {
			rows[i] = make([]float64, len(r))
			for j := range r {
				rows[i][j] = float64((i+j)%9) - 4
			}
			rows[i][i%len(r)] = math.NaN()
		}
		out := make([]float64, len(rows))
		if e.Predict(numbers(e.Features(), rows), out) != nil {
			return // categories with levels want codes
		}
		for i := range rows {
			if want := e.Margin(rows[i]); math.Float64bits(out[i]) != math.Float64bits(want) {
				t.Fatalf("row %d: batch %v, alone %v", i, out[i], want)
			}
		}
	})
}

// oneLeaf is what LightGBM 4.7 writes for a tree that found no split, without
// the optional parts.
const oneLeaf = `tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=regression
feature_names=x
feature_infos=none
tree_sizes=224

Tree=0
num_leaves=1
num_cat=0
split_feature=
split_gain=
threshold=
decision_type=
left_child=
right_child=
leaf_value=0.25
leaf_weight=
leaf_count=
internal_value=
internal_weight=
internal_count=
is_linear=0
shrinkage=1


end of trees
`

func TestOneLeaf(t *testing.T) {
	e, err := tree.Read(strings.NewReader(oneLeaf), limit)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, 2)
	if err := e.Predict(numbers([]string{"x"}, [][]float64{{1}, {math.NaN()}}), out); err != nil {
		t.Fatal(err)
	}
	if out[0] != 0.25 || out[1] != 0.25 {
		t.Errorf("margins %v, want 0.25 twice", out)
	}
}

// randomEnsemble draws trees with every kind of decision.
func randomEnsemble(t *rapid.T, features int, plain bool) *tree.Ensemble {
	h := tree.Header{Objective: "regression"}
	for j := range features {
		category := !plain && j%3 == 2
		h.Features = append(h.Features, tree.Feature{Name: fmt.Sprintf("x%d", j), Category: category, Info: "none"})
	}
	trees := make([]tree.Tree, rapid.IntRange(1, 4).Draw(t, "trees"))
	for k := range trees {
		leaves := rapid.IntRange(1, 12).Draw(t, "leaves")
		tr := tree.Tree{Shrinkage: 1}
		type place struct {
			node int
			left bool
		}
		var where []place // of each leaf so far
		for n := range leaves - 1 {
			f := rapid.IntRange(0, features-1).Draw(t, "feature")
			d, set := tree.CategoricalDecision, []uint32{rapid.Uint32().Draw(t, "codes")}
			if !h.Features[f].Category {
				missing := tree.Missing(rapid.IntRange(0, 2).Draw(t, "missing"))
				if plain && missing == tree.MissingZero {
					missing = tree.MissingNaN
				}
				d, set = tree.NumericDecision(missing, rapid.Bool().Draw(t, "left")), nil
			}
			tr.Feature = append(tr.Feature, int32(f))
			tr.Threshold = append(tr.Threshold, float64(rapid.IntRange(-2, 2).Draw(t, "threshold")))
			tr.Decision = append(tr.Decision, d)
			tr.Codes = append(tr.Codes, set)
			tr.Left = append(tr.Left, 0)
			tr.Right = append(tr.Right, 0)
			at := 0
			if n > 0 {
				at = rapid.IntRange(0, n).Draw(t, "leaf to split")
				if p := where[at]; p.left {
					tr.Left[p.node] = int32(n)
				} else {
					tr.Right[p.node] = int32(n)
				}
				where[at] = place{n, true}
			} else {
				where = append(where, place{n, true})
			}
			where = append(where, place{n, false})
			tr.Left[n], tr.Right[n] = ^int32(at), ^int32(n+1)
		}
		tr.Gain, tr.Value, tr.Weight = make([]float64, leaves-1), make([]float64, leaves-1), make([]float64, leaves-1)
		tr.Count = make([]int64, leaves-1)
		tr.LeafWeight, tr.LeafCount = make([]float64, leaves), make([]int64, leaves)
		for range leaves {
			tr.LeafValue = append(tr.LeafValue, rapid.Float64Range(-3, 3).Draw(t, "value"))
		}
		trees[k] = tr
	}
	e, err := tree.New(h, trees)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestBatchEqualsWalkToTheBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		features := rapid.IntRange(1, 5).Draw(t, "features")
		e := randomEnsemble(t, features, rapid.Bool().Draw(t, "plain"))
		value := rapid.OneOf(
			rapid.SampledFrom([]float64{math.NaN(), 0, math.Copysign(0, -1), 1e-36, -1e-36, 5e-324, math.MaxFloat64, -math.MaxFloat64, -1, -0.5, 4.7, 31, 32, 1e10}),
			rapid.Float64Range(-3, 3))
		rows := make([][]float64, rapid.IntRange(0, 70).Draw(t, "rows"))
		for i := range rows {
			rows[i] = make([]float64, features)
			for j := range rows[i] {
				rows[i][j] = value.Draw(t, "x")
			}
		}
		out := make([]float64, len(rows))
		if err := e.Predict(numbers(e.Features(), rows), out); err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if want := e.Margin(rows[i]); math.Float64bits(out[i]) != math.Float64bits(want) {
				t.Fatalf("row %d %v: batch %v, walk %v", i, rows[i], out[i], want)
			}
		}
	})
}

func TestLevelsAreMatchedByName(t *testing.T) {
	text := strings.Replace(oneLeaf, "feature_infos=none", "feature_infos=-1:0:1", 1)
	text = strings.Replace(text, "num_leaves=1\nnum_cat=0\nsplit_feature=\nsplit_gain=\nthreshold=\ndecision_type=\nleft_child=\nright_child=\nleaf_value=0.25\n",
		"num_leaves=2\nnum_cat=1\nsplit_feature=0\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\nleaf_value=1 2\ncat_boundaries=0 1\ncat_threshold=2\n", 1)
	for _, key := range []string{"leaf_weight=\n", "leaf_count=\n", "internal_value=\n", "internal_weight=\n", "internal_count=\n"} {
		text = strings.Replace(text, key, "", 1)
	}
	from, to := strings.Index(text, "Tree=0"), strings.Index(text, "end of trees")
	text = strings.Replace(text, "tree_sizes=224", fmt.Sprintf("tree_sizes=%d", to-from), 1) + `pandas_categorical:[["retail","wholesale"]]` + "\n"
	e, err := tree.Read(strings.NewReader(text), limit)
	if err != nil {
		t.Fatal(err)
	}
	// Only "wholesale" (code 1 in the model) goes left, whatever its code here.
	f := &frame.Frame{Accounts: make([]frame.AccountID, 4), Cutoffs: make([]frame.Cutoff, 4)}
	f.Columns = []frame.Column{{
		Meta: frame.Meta{Name: "x"}, Kind: frame.Category,
		Levels: []string{"wholesale", "export", "retail"}, Codes: []int32{0, 1, 2, -1},
	}}
	out := make([]float64, 4)
	if err := e.Predict(f, out); err != nil {
		t.Fatal(err)
	}
	if want := []float64{1, 2, 2, 2}; !slices.Equal(out, want) {
		t.Errorf("margins %v, want %v", out, want)
	}
	if !bytes.Contains(write(t, e), []byte(`pandas_categorical:[["retail","wholesale"]]`)) {
		t.Error("the levels were not written")
	}
}

func TestPredictRefuses(t *testing.T) {
	e, _ := load(t, "lightgbm-tiny.txt")
	names := e.Features()
	one := [][]float64{make([]float64, len(names))}
	swapped := slices.Clone(names)
	swapped[3] = "region"
	text := numbers(names, one)
	stray := numbers(names, one)
	stray.Columns[3] = frame.Column{Meta: frame.Meta{Name: names[3]}, Kind: frame.Category, Codes: []int32{7}, Levels: []string{"a", "b"}}
	text.Columns[0] = frame.Column{Meta: frame.Meta{Name: names[0]}, Kind: frame.Category, Codes: []int32{0}, Levels: []string{"a"}}
	for _, c := range []struct {
		name string
		f    *frame.Frame
		out  int
		want string
	}{
		{"a lacking feature", numbers(swapped, one), 1, `expected feature "segment" at 3, found "region"`},
		{"a category for a number", text, 1, `"days_since_order" is category`},
		{"a short answer", numbers(names, one), 0, "0 values for 1 rows"},
		{"a stray code", stray, 1, `column "segment" row 0 has code 7, outside its 2 levels`},
	} {
		err := e.Predict(c.f, make([]float64, c.out))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
