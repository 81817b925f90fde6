package tree

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// What a text claims must not make a reader allocate more than a multiple of
// what the text is.
func TestMemoryFollowsTheText(t *testing.T) {
	lightgbm, xgb := string(testdata(t, "lightgbm-tiny-zero.txt")), string(testdata(t, "xgboost-3.2.0-logistic.json"))
	categories := string(testdata(t, "lightgbm-tiny.txt"))
	var large bytes.Buffer
	if err := grow(grownFrame(1000, 8, rand.New(rand.NewPCG(1, 2))), 60, 31, rand.New(rand.NewPCG(3, 4))).Write(&large); err != nil {
		t.Fatal(err)
	}
	readText := func(s string) (*Ensemble, error) { return Read(strings.NewReader(s), 1<<20) }
	readJSON := func(s string) (*Ensemble, error) { return ReadXGBoost(strings.NewReader(s), 1<<20) }
	for _, c := range []struct {
		name string
		read func(string) (*Ensemble, error)
		text string
	}{
		{"a model", readText, large.String()},
		{"a small model", readText, categories},
		{"a small model of XGBoost", readJSON, xgb},
		{"many leaves", readText, strings.Replace(lightgbm, "num_leaves=8", "num_leaves=2000000000", 1)},
		{"many codes", readText, strings.Replace(categories, "cat_boundaries=0 2 3", "cat_boundaries=0 2 2000000000", 1)},
		{"many sets", readText, strings.Replace(categories, "num_cat=2", "num_cat=2000000000", 1)},
		{"many features", readJSON, strings.ReplaceAll(xgb, `"num_feature":"4"`, `"num_feature":"2000000000"`)},
		{"many trees", readJSON, strings.Replace(xgb, `"num_trees":"3"`, `"num_trees":"2000000000"`, 1)},
		{"many nodes", readJSON, strings.Replace(xgb, `"num_nodes":"`, `"num_nodes":"20000000`, 1)},
		{"far codes", readJSON, strings.ReplaceAll(xgb, `"categories":[`, `"categories":[16777215,`)},
		{"many brackets", readJSON, `{"a":` + strings.Repeat("[", 1<<16)},
		{"many levels", readText, strings.Replace(categories, "pandas_categorical:null", "pandas_categorical:"+strings.Repeat("[", 1<<16), 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.read(c.text)
			runtime.ReadMemStats(&after)
			got, most := after.TotalAlloc-before.TotalAlloc, uint64(24*len(c.text)+1<<18)
			if got > most {
				t.Errorf("%d bytes of text made the reader allocate %d, the most is %d (it said %v)", len(c.text), got, most, err)
			}
		})
	}
}
