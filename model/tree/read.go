package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Errors of Read, wrapped with the line and the reason.
var (
	// ErrTooLarge: the text is longer than the limit.
	ErrTooLarge = errors.New("model text is too large")
	// ErrFormat: the text is not a model in LightGBM's v4 format, or one that this package refuses.
	ErrFormat = errors.New("not a readable LightGBM v4 model")
)

// formatVersion is the version of LightGBM's text format that is read and written.
const formatVersion = "v4"

// Read reads an ensemble in LightGBM's v4 text format, of at most limit bytes
// (≥ 1). Memory stays within a small multiple of the text: no length that the
// text claims is allocated before the text has delivered it. Every error wraps
// ErrTooLarge, ErrFormat or what r returned.
func Read(r io.Reader, limit int64) (*Ensemble, error) {
	text, err := readAll(r, limit)
	if err != nil {
		return nil, err
	}
	e, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return e, nil
}

// readAll returns the whole text, or ErrTooLarge.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read model text: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return text, nil
}

// lines walks the text line by line and knows where it is.
type lines struct {
	rest   []byte
	number int
}

// next returns the next line without its end; ok is false at the end of the text.
func (l *lines) next() (line string, ok bool) {
	if len(l.rest) == 0 {
		return "", false
	}
	at := bytes.IndexByte(l.rest, '\n')
	if at < 0 {
		line, l.rest = string(l.rest), nil
	} else {
		line, l.rest = string(l.rest[:at]), l.rest[at+1:]
	}
	l.number++
	return strings.TrimSuffix(line, "\r"), true
}

// block reads key=value lines until an empty line or the end of the text, which
// only `last` blocks may meet. Keys must be known and stand once.
func (l *lines) block(known []string) (map[string]string, error) {
	values := make(map[string]string, len(known))
	for {
		line, ok := l.next()
		if !ok {
			return nil, fmt.Errorf("the text ends at line %d, inside a block", l.number)
		}
		if line == "" {
			return values, nil
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok && key == "average_output" {
			return nil, fmt.Errorf("line %d: the model averages its trees (a random forest); fealty reads sums of trees", l.number)
		}
		if !ok {
			return nil, fmt.Errorf("line %d: %s is not key=value", l.number, shorten(line))
		}
		if slices.Contains(linearKeys, key) {
			return nil, fmt.Errorf("line %d: the key %q is of linear leaves, which are not read", l.number, key)
		}
		if !slices.Contains(known, key) {
			return nil, fmt.Errorf("line %d: the key %s is not part of %s", l.number, shorten(key), formatVersion)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: the key %q stands twice", l.number, key)
		}
		values[key] = value
	}
}

func shorten(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

var (
	headerKeys = []string{
		"version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx",
		"objective", "feature_names", "monotone_constraints", "feature_infos", "tree_sizes",
	}
	treeKeys = []string{
		"num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child",
		"right_child", "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight",
		"internal_count", "cat_boundaries", "cat_threshold", "is_linear", "shrinkage",
	}
	linearKeys = []string{"leaf_const", "num_features", "leaf_features", "leaf_coeff"}
)

func parse(text []byte) (*Ensemble, error) {
	l := &lines{rest: text}
	if line, _ := l.next(); line != "tree" {
		return nil, fmt.Errorf("line 1 is %s, expected \"tree\"", shorten(line))
	}
	head, err := l.block(headerKeys)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(head)
	if err != nil {
		return nil, err
	}
	sizes := strings.Fields(head["tree_sizes"])
	// No allocation by count: a tree needs more bytes than its entry in tree_sizes.
	var trees []Tree
	for i, s := range sizes {
		size, err := strconv.Atoi(s)
		if err != nil || size < 1 {
			return nil, fmt.Errorf("tree_sizes: entry %d is %s", i, shorten(s))
		}
		before, start := len(l.rest), l.number
		t, err := parseTree(l, i)
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		if used := before - len(l.rest); used != size {
			return nil, fmt.Errorf("tree %d (from line %d) has %d bytes, tree_sizes says %d", i, start+1, used, size)
		}
		trees = append(trees, t)
	}
	if line, _ := l.next(); line != "end of trees" {
		return nil, fmt.Errorf("line %d is %s, expected \"end of trees\" after %d trees", l.number, shorten(line), len(trees))
	}
	pandas, err := parseTail(l, &h)
	if err != nil {
		return nil, err
	}
	e, err := New(h, trees)
	if err != nil {
		return nil, err
	}
	e.pandas = pandas
	return e, nil
}

func parseHeader(head map[string]string) (Header, error) {
	var h Header
	if v := head["version"]; v != formatVersion {
		return h, fmt.Errorf("the format version is %s; this program reads %s", shorten(v), formatVersion)
	}
	for _, key := range []string{"num_class", "num_tree_per_iteration"} {
		if v := head[key]; v != "1" {
			return h, fmt.Errorf("%s is %s; one margin per row is read", key, shorten(v))
		}
	}
	names, infos := strings.Fields(head["feature_names"]), strings.Fields(head["feature_infos"])
	if last, err := strconv.Atoi(head["max_feature_idx"]); err != nil || last != len(names)-1 {
		return h, fmt.Errorf("max_feature_idx is %s for %d feature names", shorten(head["max_feature_idx"]), len(names))
	}
	if len(infos) != len(names) {
		return h, fmt.Errorf("there are %d feature_infos for %d feature names", len(infos), len(names))
	}
	if head["tree_sizes"] == "" {
		return h, fmt.Errorf("tree_sizes is missing or empty")
	}
	h.Objective = head["objective"]
	h.Features = make([]Feature, len(names))
	for i := range names {
		// "[min:max]" is a number, "none" a constant, anything else a list of codes.
		h.Features[i] = Feature{Name: names[i], Info: infos[i], Category: infos[i] != "none" && infos[i][0] != '['}
	}
	return h, checkFeatures(h.Features)
}

func parseTree(l *lines, i int) (Tree, error) {
	if line, _ := l.next(); line != "Tree="+strconv.Itoa(i) {
		return Tree{}, fmt.Errorf("line %d is %s, expected \"Tree=%d\"", l.number, shorten(line), i)
	}
	v, err := l.block(treeKeys)
	if err != nil {
		return Tree{}, err
	}
	// LightGBM ends a tree with two empty lines.
	if line, ok := l.next(); !ok || line != "" {
		return Tree{}, fmt.Errorf("line %d is %s, expected an empty line after the tree", l.number, shorten(line))
	}
	if linear, ok := v["is_linear"]; ok && linear != "0" {
		return Tree{}, fmt.Errorf("is_linear is %s; linear leaves are not read", shorten(linear))
	}
	leaves, err := strconv.Atoi(v["num_leaves"])
	if err != nil || leaves < 1 {
		return Tree{}, fmt.Errorf("num_leaves is %s", shorten(v["num_leaves"]))
	}
	f := fields{of: v}
	t := Tree{
		Feature: f.int32s("split_feature", leaves-1), Threshold: each(&f, "threshold", leaves-1, true, parseThreshold),
		Left: f.int32s("left_child", leaves-1), Right: f.int32s("right_child", leaves-1),
		Decision: f.decisions(leaves - 1), Gain: f.floats("split_gain", leaves-1, false),
		Value: f.floats("internal_value", leaves-1, false), Weight: f.floats("internal_weight", leaves-1, false),
		Count: f.int64s("internal_count", leaves-1), LeafValue: f.floats("leaf_value", leaves, true),
		LeafWeight: f.floats("leaf_weight", leaves, false), LeafCount: f.int64s("leaf_count", leaves), Shrinkage: 1,
	}
	if s, ok := v["shrinkage"]; ok && f.err == nil {
		t.Shrinkage, f.err = parseFloat(s)
	}
	if f.err == nil {
		t.Codes, f.err = parseCodes(&f, &t)
	}
	return t, f.err
}

// fields reads the arrays of one tree; after the first error it returns nil.
type fields struct {
	of  map[string]string
	err error
}

// list splits the value of key, which must hold want entries. Entries of keys
// that are not required may be missing altogether: zeros stand for them. want
// was read from the text, so that nothing of its size is made before another
// array has shown that many entries; leaf_value and left_child always do.
func (f *fields) list(key string, want int, required bool) []string {
	if f.err != nil {
		return nil
	}
	v, ok := f.of[key]
	// Single-leaf trees of LightGBM carry empty arrays.
	if n := strings.Count(v, " ") + 1; (ok && v != "" && n != want) || (v == "" && want > 0 && required) {
		if v == "" {
			n = 0
		}
		f.err = fmt.Errorf("%s has %d entries, expected %d", key, n, want)
		return nil
	}
	if v == "" {
		return nil
	}
	return strings.Split(v, " ")
}

func each[T any](f *fields, key string, want int, required bool, parse func(string) (T, error)) []T {
	words := f.list(key, want, required)
	if f.err != nil {
		return nil
	}
	// Required arrays come first in Tree's literal, so an absent one is only
	// replaced by zeros when want is known to be backed by text.
	out := make([]T, want)
	for i, w := range words {
		v, err := parse(w)
		if err != nil {
			f.err = fmt.Errorf("%s: entry %d: %w", key, i, err)
			return nil
		}
		out[i] = v
	}
	return out
}

func (f *fields) floats(key string, want int, required bool) []float64 {
	return each(f, key, want, required, parseFloat)
}

func (f *fields) int32s(key string, want int) []int32 {
	return each(f, key, want, true, func(s string) (int32, error) {
		v, err := strconv.ParseInt(s, 10, 32)
		return int32(v), numberError(s, err)
	})
}

func (f *fields) int64s(key string, want int) []int64 {
	return each(f, key, want, false, func(s string) (int64, error) {
		v, err := strconv.ParseInt(s, 10, 64)
		return v, numberError(s, err)
	})
}

func (f *fields) decisions(want int) []Decision {
	return each(f, "decision_type", want, true, func(s string) (Decision, error) {
		v, err := strconv.ParseUint(s, 10, 4)
		if d := Decision(v); err == nil && d.Categorical() && d.DefaultLeft() {
			return 0, fmt.Errorf("%s is a category with a default way, which LightGBM does not have", s)
		}
		return Decision(v), numberError(s, err)
	})
}

func parseFloat(s string) (float64, error) {
	v, err := parseThreshold(s)
	if err == nil && !finite(v) {
		err = fmt.Errorf("%s is not finite", shorten(s))
	}
	return v, err
}

// parseThreshold takes what parseFloat takes and infinities: LightGBM writes inf
// where only missing values go right.
func parseThreshold(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, numberError(s, err)
	}
	if math.IsNaN(v) {
		return 0, fmt.Errorf("%s is not a number", shorten(s))
	}
	return v, nil
}

// numberError says what was read, shortened, instead of strconv's whole text.
func numberError(s string, err error) error {
	if err == nil {
		return nil
	}
	if n, ok := errors.AsType[*strconv.NumError](err); ok {
		err = n.Err
	}
	return fmt.Errorf("%s: %w", shorten(s), err)
}

// parseCodes reads the sets of codes of categorical nodes: the node's threshold
// is the index k of its set, which is words [cat_boundaries[k],
// cat_boundaries[k+1]) of cat_threshold.
func parseCodes(f *fields, t *Tree) ([][]uint32, error) {
	sets := make([][]uint32, len(t.Left))
	number := 0
	if s := f.of["num_cat"]; s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > len(t.Left) {
			return nil, fmt.Errorf("num_cat is %s for %d nodes", shorten(s), len(t.Left))
		}
		number = n
	}
	if number == 0 {
		if f.of["cat_boundaries"] != "" || f.of["cat_threshold"] != "" {
			return nil, fmt.Errorf("num_cat is 0, yet there are code sets")
		}
		return sets, nil // a categorical decision without a set is refused by checkNode
	}
	bounds := f.int32s("cat_boundaries", number+1)
	if f.err != nil {
		return nil, f.err
	}
	if bounds[0] != 0 || !slices.IsSorted(bounds) {
		return nil, fmt.Errorf("cat_boundaries do not rise from 0")
	}
	words := each(f, "cat_threshold", int(bounds[number]), true, func(s string) (uint32, error) {
		v, err := strconv.ParseUint(s, 10, 32)
		return uint32(v), numberError(s, err)
	})
	if f.err != nil {
		return nil, f.err
	}
	used := make([]bool, number)
	for i, d := range t.Decision {
		if !d.Categorical() {
			continue
		}
		k := int(t.Threshold[i])
		if t.Threshold[i] < 0 || k >= number || float64(k) != t.Threshold[i] || used[k] {
			return nil, fmt.Errorf("node %d asks for code set %v of %d, or for one that another node has", i, t.Threshold[i], number)
		}
		used[k] = true
		t.Threshold[i] = 0
		sets[i] = words[bounds[k]:bounds[k+1]:bounds[k+1]]
	}
	if k := slices.Index(used, false); k >= 0 {
		return nil, fmt.Errorf("no node asks for code set %d", k)
	}
	return sets, nil
}

// parseTail reads what follows the trees: importances (recomputed, so skipped),
// parameters and the levels of categories.
func parseTail(l *lines, h *Header) (pandas string, err error) {
	const levels = "pandas_categorical:"
	known := make(map[string]bool, len(h.Features))
	for _, f := range h.Features {
		known[f.Name] = true
	}
	seen := map[string]bool{}
	once := func(section string) error {
		if seen[section] {
			return fmt.Errorf("line %d: the section %q stands twice", l.number, section)
		}
		seen[section] = true
		return nil
	}
	for {
		line, ok := l.next()
		if !ok {
			return pandas, nil
		}
		switch {
		case line == "":
		case line == "feature_importances:":
			if err := once(line); err != nil {
				return "", err
			}
			for line, ok = l.next(); ok && line != ""; line, ok = l.next() {
				if name, _, eq := strings.Cut(line, "="); !eq || !known[name] {
					return "", fmt.Errorf("line %d: %s is not the importance of a feature", l.number, shorten(line))
				}
			}
		case line == "parameters:":
			if err := once(line); err != nil {
				return "", err
			}
			if err := parseParameters(l, h); err != nil {
				return "", err
			}
		case strings.HasPrefix(line, levels):
			if err := once(levels); err != nil {
				return "", err
			}
			pandas = line[len(levels):]
			if err := parseLevels(pandas, h.Features); err != nil {
				return "", fmt.Errorf("line %d: %w", l.number, err)
			}
		default:
			return "", fmt.Errorf("line %d: %s belongs to no section", l.number, shorten(line))
		}
	}
}

func parseParameters(l *lines, h *Header) error {
	for {
		line, ok := l.next()
		switch {
		case !ok:
			return fmt.Errorf("the text ends at line %d, inside the parameters", l.number)
		case line == "":
		case line == "end of parameters":
			return nil
		default:
			name, value, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "["), "]"), ": ")
			if !ok || line[0] != '[' || line[len(line)-1] != ']' {
				return fmt.Errorf("line %d: %s is not [name: value]", l.number, shorten(line))
			}
			h.Parameters = append(h.Parameters, Parameter{Name: name, Value: value})
		}
	}
}

// parseLevels reads Python's list of levels, one list per category in order of
// the features. Levels may be texts, numbers or booleans there; here they are
// the texts of these.
func parseLevels(text string, features []Feature) error {
	if strings.TrimSpace(text) == "null" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var lists [][]any
	if err := d.Decode(&lists); err != nil {
		return fmt.Errorf("pandas_categorical: %w", err)
	}
	if d.More() {
		return fmt.Errorf("pandas_categorical has something after its list")
	}
	if len(lists) == 0 {
		return nil
	}
	k := 0
	for i := range features {
		if !features[i].Category {
			continue
		}
		if k < len(lists) {
			features[i].Levels = make([]string, len(lists[k]))
			for j, v := range lists[k] {
				switch v := v.(type) {
				case string:
					features[i].Levels[j] = v
				case json.Number:
					features[i].Levels[j] = v.String()
				case bool:
					features[i].Levels[j] = strconv.FormatBool(v)
				default:
					return fmt.Errorf("pandas_categorical: level %d of %q is neither text, number nor boolean", j, features[i].Name)
				}
			}
		}
		k++
	}
	if k != len(lists) {
		return fmt.Errorf("pandas_categorical lists %d categories, feature_infos %d: which is which cannot be told", len(lists), k)
	}
	return nil
}
