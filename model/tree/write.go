package tree

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Write writes the ensemble in LightGBM's v4 text format. The same ensemble
// gives the same bytes, numbers are the shortest that read back to the same
// bits, and Read(Write(e)) predicts as e does, to the bit. lightgbm.Booster
// opens the text; its pandas_categorical carries the levels of categories.
// It reads values of at most ZeroThreshold as 0, which matters to a threshold
// between −ZeroThreshold and ZeroThreshold only; its own learner sets none there.
// Refused is what the format cannot say: CategoricalMissingLeft, and levels of
// some categories and not of others.
func (e *Ensemble) Write(w io.Writer) error {
	levels, err := e.levels()
	if err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	var body bytes.Buffer
	sizes := make([]int, len(e.trees))
	for i := range e.trees {
		for k, d := range e.trees[i].Decision {
			if d.Categorical() && d.DefaultLeft() {
				return fmt.Errorf("write model: tree %d sends missing values of %q left, which LightGBM's format cannot say of a category",
					i, e.names[e.trees[i].Feature[k]])
			}
		}
		before := body.Len()
		e.trees[i].append(&body, i)
		sizes[i] = body.Len() - before
	}
	var names, infos []string
	for _, f := range e.header.Features {
		names = append(names, f.Name)
		infos = append(infos, f.Info)
	}
	var head bytes.Buffer
	head.WriteString("tree\nversion=" + formatVersion + "\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n")
	list(&head, "max_feature_idx", []int{len(names) - 1}, strconv.Itoa)
	if e.header.Objective != "" {
		head.WriteString("objective=" + e.header.Objective + "\n")
	}
	same := func(s string) string { return s }
	list(&head, "feature_names", names, same)
	list(&head, "feature_infos", infos, same)
	list(&head, "tree_sizes", sizes, strconv.Itoa)
	head.WriteByte('\n')

	out := bufio.NewWriter(w)
	for _, part := range [][]byte{head.Bytes(), body.Bytes(), e.tail(levels)} {
		if _, err := out.Write(part); err != nil {
			return fmt.Errorf("write model: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	return nil
}

// tail renders what follows the trees: importances by number of splits as
// LightGBM sorts them, parameters and levels.
func (e *Ensemble) tail(levels string) []byte {
	var b bytes.Buffer
	b.WriteString("end of trees\n\nfeature_importances:\n")
	all := e.Importances()
	sort.SliceStable(all, func(i, j int) bool { return all[i].Splits > all[j].Splits })
	for _, f := range all {
		if f.Splits > 0 {
			b.WriteString(f.Feature + "=" + strconv.Itoa(f.Splits) + "\n")
		}
	}
	b.WriteString("\nparameters:\n")
	for _, p := range e.header.Parameters {
		b.WriteString("[" + p.Name + ": " + p.Value + "]\n")
	}
	b.WriteString("end of parameters\n\npandas_categorical:" + levels + "\n")
	return b.Bytes()
}

// levels returns the JSON list of levels as Python expects it: one list per
// category, or null when no level is known. Some known and others not cannot be
// written.
func (e *Ensemble) levels() (string, error) {
	if e.pandas != "" {
		return e.pandas, nil
	}
	var lists [][]string
	unknown := ""
	for _, f := range e.header.Features {
		switch {
		case f.Category && f.Levels == nil:
			unknown = f.Name
		case f.Category:
			lists = append(lists, f.Levels)
		}
	}
	if lists == nil {
		return "null", nil
	}
	if unknown != "" {
		return "", fmt.Errorf("category %q has no levels while others have", unknown)
	}
	text, err := json.Marshal(lists)
	if err != nil {
		return "", fmt.Errorf("encode levels: %w", err)
	}
	return string(text), nil
}

// append renders tree i as LightGBM's Tree::ToString does.
func (t *Tree) append(b *bytes.Buffer, i int) {
	float := func(v float64) string {
		if math.IsInf(v, 0) { // strconv's +Inf is not LightGBM's word
			return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64)), "+")
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	int32s := func(v int32) string { return strconv.Itoa(int(v)) }
	int64s := func(v int64) string { return strconv.FormatInt(v, 10) }
	thresholds := append([]float64(nil), t.Threshold...)
	bounds, words := []int{0}, []uint32(nil)
	for k, s := range t.Codes {
		if s != nil {
			thresholds[k] = float64(len(bounds) - 1)
			words = append(words, s...)
			bounds = append(bounds, len(words))
		}
	}
	b.WriteString("Tree=" + strconv.Itoa(i) + "\n")
	list(b, "num_leaves", []int{t.Leaves()}, strconv.Itoa)
	list(b, "num_cat", []int{len(bounds) - 1}, strconv.Itoa)
	list(b, "split_feature", t.Feature, int32s)
	list(b, "split_gain", t.Gain, float)
	list(b, "threshold", thresholds, float)
	list(b, "decision_type", t.Decision, func(d Decision) string { return strconv.Itoa(int(d)) })
	list(b, "left_child", t.Left, int32s)
	list(b, "right_child", t.Right, int32s)
	list(b, "leaf_value", t.LeafValue, float)
	list(b, "leaf_weight", t.LeafWeight, float)
	list(b, "leaf_count", t.LeafCount, int64s)
	list(b, "internal_value", t.Value, float)
	list(b, "internal_weight", t.Weight, float)
	list(b, "internal_count", t.Count, int64s)
	if len(bounds) > 1 {
		list(b, "cat_boundaries", bounds, strconv.Itoa)
		list(b, "cat_threshold", words, func(v uint32) string { return strconv.FormatUint(uint64(v), 10) })
	}
	list(b, "is_linear", []int{0}, strconv.Itoa)
	list(b, "shrinkage", []float64{t.Shrinkage}, float)
	b.WriteString("\n\n")
}

// list renders key=v v v.
func list[T any](b *bytes.Buffer, key string, values []T, text func(T) string) {
	b.WriteString(key + "=")
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text(v))
	}
	b.WriteByte('\n')
}
