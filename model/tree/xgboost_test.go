package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// xgboostCase is one model with what XGBoost says of it.
type xgboostCase struct {
	Model    string
	Rows     [][]*float64
	Margin   []float64
	Contribs [][]float64
}

func xgboostCases(t testing.TB) []xgboostCase {
	t.Helper()
	var all []xgboostCase
	for _, version := range []string{"1.7.6", "2.1.4", "3.2.0"} {
		var file struct{ Cases []xgboostCase }
		if err := json.Unmarshal(testdata(t, "xgboost-"+version+".json"), &file); err != nil {
			t.Fatal(err)
		}
		all = append(all, file.Cases...)
	}
	if len(all) != 14 {
		t.Fatalf("there are %d cases, want 14", len(all))
	}
	return all
}

func TestPredictsAsXGBoost(t *testing.T) {
	for _, c := range xgboostCases(t) {
		t.Run(c.Model, func(t *testing.T) {
			text := testdata(t, c.Model)
			e, err := ReadXGBoost(bytes.NewReader(text), int64(len(text)))
			if err != nil {
				t.Fatal(err)
			}
			if e.Cover() != CoverWeight {
				t.Errorf("cover is %d, want %d", e.Cover(), CoverWeight)
			}
			for i, r := range c.Rows {
				row := make([]float64, len(r))
				for j, v := range r {
					row[j] = math.NaN()
					if v != nil {
						row[j] = *v
					}
				}
				if got, want := e.Margin(row), c.Margin[i]; !(math.Abs(got-want) <= 1e-5*max(1, math.Abs(want))) {
					t.Errorf("row %d: margin %v, XGBoost says %v", i, got, want)
				}
				values, base := contributions(e, row)
				for j, want := range append(values, base) {
					if got := c.Contribs[i][j]; !(math.Abs(got-want) <= 1e-5*max(1, math.Abs(want))) {
						t.Errorf("row %d: contribution %d is %v, XGBoost says %v", i, j, want, got)
					}
				}
			}
		})
	}
}

// contributions returns the path-dependent Shapley values by their definition,
// over all subsets of the features, averaging by the ensemble's cover.
func contributions(e *Ensemble, row []float64) (values []float64, base float64) {
	n := len(row)
	expected := make([]float64, 1<<n)
	for set := range expected {
		for k := range e.Len() {
			tr := e.Tree(k)
			var at func(child int32) float64
			at = func(child int32) float64 {
				if child < 0 {
					return tr.LeafValue[^child]
				}
				left, right := tr.Left[child], tr.Right[child]
				if f := tr.Feature[child]; set>>f&1 != 0 {
					if tr.GoesLeft(int(child), row[f]) {
						return at(left)
					}
					return at(right)
				}
				l, r := tr.Cover(e.Cover(), left), tr.Cover(e.Cover(), right)
				return (l*at(left) + r*at(right)) / (l + r)
			}
			root := int32(0)
			if len(tr.Left) == 0 {
				root = ^0
			}
			expected[set] += at(root)
		}
	}
	factorial := []float64{1, 1, 2, 6, 24}
	values = make([]float64, n)
	for set := range expected {
		size := 0
		for j := range n {
			size += set >> j & 1
		}
		for j := range values {
			if set>>j&1 == 0 {
				values[j] += factorial[size] * factorial[n-size-1] / factorial[n] * (expected[set|1<<j] - expected[set])
			}
		}
	}
	return values, expected[0]
}

func TestXGBoostKeepsNamesOfCodes(t *testing.T) {
	e, err := ReadXGBoost(bytes.NewReader(testdata(t, "xgboost-3.2.0-levels.json")), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	h := e.Header()
	for j, want := range []string{"bronze gold silver", "3 5 9", ""} {
		if got := strings.Join(h.Features[j].Levels, " "); got != want {
			t.Errorf("levels of %s are %q, want %q", h.Features[j].Name, got, want)
		}
	}
}

// A threshold read from XGBoost must cut float64 as the cast to float32 does.
func TestBelowIsTheCast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.Float32(), rapid.SampledFrom([]float32{0, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1, 0x1p-126})).Draw(t, "t")
		got, ok := below(limit)
		if !ok {
			t.Skip()
		}
		near := got
		for range 3 {
			near = math.Nextafter(near, math.Inf(-1))
		}
		points := []float64{rapid.Float64().Draw(t, "x"), float64(limit), float64(math.Nextafter32(limit, float32(math.Inf(-1)))), 0, math.MaxFloat64, -math.MaxFloat64}
		for range 6 {
			points = append(points, near)
			near = math.Nextafter(near, math.Inf(1))
		}
		for _, x := range points {
			if want := float32(x) < limit; (x <= got) != want {
				t.Fatalf("float32(%v) < %v is %v; %v ≤ %v is not", x, limit, want, x, got)
			}
		}
	})
}

func TestReadXGBoostRefuses(t *testing.T) {
	good := string(testdata(t, "xgboost-3.2.0-logistic.json"))
	replace := func(old, repl string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the model has no %s", old)
		}
		return strings.Replace(good, old, repl, 1)
	}
	// first replaces the first entry of the first list of this name.
	first := func(key, value string) string {
		at := strings.Index(good, `"`+key+`":[`) + len(key) + 4
		return good[:at] + value + good[at+strings.Index(good[at:], ","):]
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "the text ends"},
		{"another file", "tree\nversion=v4\n", "expected '{'"},
		{"no learner", "{}", "no learner"},
		{"a newer format", replace(`"version":[3,`, `"version":[4,`), "version is [4"},
		{"no version", replace(`"version":[`, `"was":[`), "version is []"},
		{"something after", good + "{}", "after the model"},
		{"another booster", replace(`"name":"gbtree"`, `"name":"dart"`), "dart"},
		{"another objective", replace(`"name":"binary:logistic"`, `"name":"multi:softmax"`), "multi:softmax"},
		{"several classes", replace(`"num_class":"0"`, `"num_class":"3"`), "num_class"},
		{"several outputs", replace(`"num_target":"1"`, `"num_target":"2"`), "num_target"},
		{"trees of several outputs", replace(`"tree_info":[0`, `"tree_info":[1`), "output 1"},
		{"vector leaves", replace(`"size_leaf_vector":"1"`, `"size_leaf_vector":"3"`), "size_leaf_vector"},
		{"wrong tree count", replace(`"num_trees":"3"`, `"num_trees":"4"`), "num_trees"},
		{"wrong feature count", replace(`"num_feature":"4","num_target"`, `"num_feature":"5","num_target"`), "num_feature"},
		{"absurd feature count", strings.NewReplacer(
			`"feature_names":["recency","spend","orders","segment"]`, `"feature_names":[]`, `"feature_types":["float","float","int","c"]`, `"feature_types":[]`,
			`"num_feature":"4","num_target"`, `"num_feature":"2000000000","num_target"`).Replace(good), "without names"},
		{"base score of 1", replace(`"base_score":"[`, `"base_score":"[1E0]","was":"[`), "base_score"},
		{"base score in words", replace(`"base_score":"[`, `"base_score":"half","was":"[`), "base_score"},
		{"duplicate key", replace(`"num_deleted":"0"`, `"num_deleted":"0","num_deleted":"0"`), "twice"},
		{"duplicate key in what is skipped", replace(`"attributes":{}`, `"attributes":{"a":"1","a":"2"}`), "twice"},
		{"cycle", replace(`"left_children":[1,`, `"left_children":[0,`), "reached twice"},
		{"child out of range", replace(`"left_children":[1,`, `"left_children":[1000,`), "node 1000"},
		{"negative child", replace(`"left_children":[1,`, `"left_children":[-1,`), "node -1"},
		{"unreached nodes", strings.Replace(first("right_children", "-1"), `"left_children":[1,`, `"left_children":[-1,`, 1), "cannot be reached"},
		{"feature out of range", replace(`"split_indices":[0`, `"split_indices":[4`), "feature 4 of 4"},
		{"no number", replace(`"split_conditions":[`, `"split_conditions":[x`), "not a value"},
		{"NaN threshold", first("split_conditions", "NaN"), "threshold NaN"},
		{"infinite threshold", first("split_conditions", "1e39"), "out of range"},
		{"too few hessians", replace(`"sum_hessian":[`, `"sum_hessian":[],"was":[`), "sum_hessian has 0 entries"},
		{"negative hessian", first("sum_hessian", "-1"), "weight -1"},
		{"unknown split", replace(`"split_type":[0`, `"split_type":[2`), "split_type"},
		{"default way 2", first("default_left", "2"), "default_left is 2"},
		{"code below zero", first("categories", "-3"), "code -3"},
		{"code above the largest", first("categories", "16777216"), "code 16777216"},
		{"large sets in a small text", first("categories", "16777215"), "sets of codes larger"},
		{"a set without a split", replace(`"split_type":[0,1`, `"split_type":[0,0`), "splits a number and has a set"},
		{"a split without a set", first("categories_nodes", "3"), "has no set"},
		{"sets beyond their end", replace(`"categories_segments":[0`, `"categories_segments":[9000`), "lie from 9000"},
		{"feature twice", replace(`"recency","spend"`, `"recency","recency"`), "twice"},
		{"white space in a name", replace(`"recency","spend"`, `"recency","all spend"`), "white space"},
		{"a category for a number", replace(`"int","c"`, `"c","int"`), "splits feature"},
		{"brackets without end", strings.Repeat("[", 1000), "expected '{'"},
		{"skipped brackets without end", `{"x":` + strings.Repeat("[", 1000), "brackets inside one another"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadXGBoost(strings.NewReader(c.text), 1<<20)
			if !errors.Is(err, ErrXGBoost) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrXGBoost with %q", err, c.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		if _, err := ReadXGBoost(strings.NewReader(good), int64(len(good))-1); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	})
	t.Run("truncated anywhere", func(t *testing.T) {
		for n := range len(good) {
			if _, err := ReadXGBoost(strings.NewReader(good[:n]), 1<<20); !errors.Is(err, ErrXGBoost) {
				t.Fatalf("cut after %d bytes: %v", n, err)
			}
		}
	})
}

func TestFlippedBytesOfXGBoostNeverPanic(t *testing.T) {
	good := testdata(t, "xgboost-3.2.0-logistic.json")
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= []byte{0x01, 0x04, 0x10, 0x80}[i%4]
		e, err := ReadXGBoost(bytes.NewReader(bad), 1<<20)
		if err != nil {
			continue // a flip inside a number may still read; checksums are the bundle's task
		}
		if m := e.Margin(make([]float64, len(e.Features()))); math.IsNaN(m) {
			t.Fatalf("byte %d flipped to %q: margin NaN", i, bad[i])
		}
	}
}

func FuzzReadXGBoost(f *testing.F) {
	for _, name := range []string{"logistic", "levels", "pruned", "poisson"} {
		f.Add(testdata(f, "xgboost-3.2.0-"+name+".json"))
	}
	f.Add(testdata(f, "xgboost-1.7.6-logistic.json"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ReadXGBoost(bytes.NewReader(text), 1<<16)
		if err != nil {
			return
		}
		row := make([]float64, len(e.Features()))
		for i := range row {
			row[i] = float64(i) - 1
		}
		if m := e.Margin(row); math.IsNaN(m) {
			t.Fatal("margin NaN")
		}
		var b bytes.Buffer
		if e.Write(&b) != nil {
			return // missing left at a category
		}
		again, err := Read(&b, 1<<24)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if a, b := e.Margin(row), again.Margin(row); math.Float64bits(a) != math.Float64bits(b) {
			t.Fatalf("margin %v before, %v after", a, b)
		}
	})
}
