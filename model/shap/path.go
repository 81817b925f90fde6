package shap

import (
	"fmt"
	"slices"

	"fealty/model/tree"
)

// path is a leaf and what leads to it.
type path struct {
	value float64
	// features lists whose nodes lead to the leaf, ascending. Wherever a set of
	// them is meant, bit j stands for features[j]; see on.
	features []int32
	// shares has per feature the share of training rows that go the leaf's way at
	// all its nodes, each node counted alone; nil where nothing asks for it.
	shares []float64
	// others tells what the rows of a background do here; nothing without one.
	others others
}

// on is a set of a path's features: those that go the leaf's way at all their
// nodes. A word holds 64.
type on []uint64

func (o on) has(j int) bool { return o[j>>6]>>(j&63)&1 != 0 }

func wordsOf(features int) int { return (features + 63) / 64 }

// maxPathFeatures bounds the features of all paths together, which take 60 bytes
// each: 20,000 trees of 255 leaves that stand on 13 features.
const maxPathFeatures = 1 << 26

// newPaths returns the paths of every tree, by leaf. It returns ErrSize where they
// have more than so many features together, and, with shares, ErrCover, naming tree
// and node, where a node or leaf has no training rows.
func newPaths(e *tree.Ensemble, shares bool, most int) ([][]path, error) {
	all := make([][]path, e.Len())
	for i := range all {
		t := e.Tree(i)
		all[i] = make([]path, len(t.LeafValue))
		left, err := follow(&t, all[i], shares, e.Cover(), most)
		if err != nil {
			return nil, fmt.Errorf("explain tree %d: %w", i, err)
		}
		most = left
	}
	return all, nil
}

// follow fills in the paths of one tree and returns how many features are left of most.
func follow(t *tree.Tree, paths []path, shares bool, by tree.Cover, most int) (left int, err error) {
	type visit struct {
		child int32
		path  path
	}
	for stack := []visit{{child: root(t)}}; len(stack) > 0; {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v.child < 0 {
			v.path.value = t.LeafValue[^v.child]
			paths[^v.child] = v.path
			continue
		}
		at, tested := slices.BinarySearch(v.path.features, t.Feature[v.child])
		for _, child := range [2]int32{t.Left[v.child], t.Right[v.child]} {
			below := path{features: slices.Clone(v.path.features), shares: slices.Clone(v.path.shares)}
			if !tested {
				below.features = slices.Insert(below.features, at, t.Feature[v.child])
			}
			if shares {
				rows, all := t.Cover(by, child), t.Cover(by, v.child)
				if !(rows > 0 && all > 0) {
					return 0, fmt.Errorf("%w: node %d has %v of them and one child %v", ErrCover, v.child, all, rows)
				}
				if !tested {
					below.shares = slices.Insert(below.shares, at, 1)
				}
				below.shares[at] *= rows / all
			}
			if child < 0 {
				if most -= len(below.features); most < 0 {
					return 0, ErrSize
				}
			}
			stack = append(stack, visit{child, below})
		}
	}
	return most, nil
}

// root returns the child that a tree begins with.
func root(t *tree.Tree) int32 {
	if len(t.Left) == 0 {
		return ^0
	}
	return 0
}

// walker leads rows to leaves, along with what they would reach if features were
// replaced. It serves one goroutine.
type walker struct {
	came []bool // per feature: whether the row came its way at all nodes so far
	on   on
}

func newWalker(features int) walker {
	w := walker{came: make([]bool, features), on: make(on, wordsOf(features))}
	for f := range w.came {
		w.came[f] = true
	}
	return w
}

// leaves calls found with every leaf below a child that is in the set (nil: all),
// and which features of its path go its way. on is valid until found returns.
func (w *walker) leaves(t *tree.Tree, paths []path, in *members, child int32, row []float64, found func(leaf int, on on)) {
	if child < 0 {
		features := paths[^child].features
		set := w.on[:wordsOf(len(features))]
		clear(set)
		for j, f := range features {
			if w.came[f] {
				set[j>>6] |= 1 << (j & 63)
			}
		}
		found(int(^child), set)
		return
	}
	f := t.Feature[child]
	came, left := w.came[f], t.GoesLeft(int(child), row[f])
	for side, c := range [2]int32{t.Left[child], t.Right[child]} {
		if in == nil || in.has(c) {
			w.came[f] = came && left == (side == 0)
			w.leaves(t, paths, in, c, row, found)
		}
	}
	w.came[f] = came
}
