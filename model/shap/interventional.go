package shap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"fealty/features/frame"
	"fealty/model/tree"
)

// ErrBackground says that there is no row to compare with.
var ErrBackground = errors.New("background has no row")

// interventional is the game in which a feature that is not known has the value
// of a background row, averaged over the rows.
//
// With row x and one background row, a leaf of value v pays v when all of A, the
// features that only x takes the leaf's way, are known, and none of B, those that
// only the other takes there. If neither takes some feature there, it pays
// nothing. The Shapley value of such a game is (a−1)!b!/(a+b)! · v for a feature of
// A and −a!(b−1)!/(a+b)! · v for one of B (Lundberg et al., 2020, algorithm 3).
type interventional struct {
	// weights has (a−1)!b!/(a+b)! at [a][b], a ≥ 1.
	weights [][]float64
}

// others is what a leaf needs of the background.
type others struct {
	// sets holds the distinct sets of features that background rows take the
	// leaf's way, each of wordsOf(features) words, and shares how many of the rows
	// have each.
	sets   []uint64
	shares []float64
}

// NewInterventional prepares an explainer that compares with the rows of a
// background, whose columns are found by name: the base is the mean margin of the
// background, and a contribution is what a feature brings when it takes the row's
// value instead of a background row's, on average. Neither counts of training
// rows nor background rows that resemble the row are needed, but features that
// hang together are torn apart: such a row may be one that cannot be.
//
// Preparing takes rows × leaves steps, and memory for at most that many sets of
// features; rows that a leaf cannot tell apart are one. Tables cost as much more to
// build as there are such sets per leaf: a background of some hundred rows, drawn
// from those that the model was trained on, is usual. It returns ErrBackground when
// there is no row, and ErrSize as New does.
func NewInterventional(e *tree.Ensemble, background *frame.Frame) (*Explainer, error) {
	rows, err := e.Bind(background)
	if err != nil {
		return nil, fmt.Errorf("background: %w", err)
	}
	if rows.Len() == 0 {
		return nil, ErrBackground
	}
	paths, err := newPaths(e, false, maxPathFeatures)
	if err != nil {
		return nil, err
	}
	var (
		values = make([][]float64, rows.Len())
		width  = len(e.Features())
		w      = newWalker(width)
		base   float64
		most   int
	)
	for i := range values {
		values[i] = make([]float64, width)
		rows.Row(i, values[i])
		base += e.Margin(values[i]) / float64(rows.Len())
	}
	for i := range paths {
		t := e.Tree(i)
		counts := make([]map[string]int, len(paths[i])) // where in shares a set stands
		for k := range paths[i] {
			counts[k] = map[string]int{}
			most = max(most, len(paths[i][k].features))
		}
		var key []byte
		for _, row := range values {
			w.leaves(&t, paths[i], nil, root(&t), row, func(leaf int, known on) {
				key = key[:0]
				for _, word := range known {
					key = binary.LittleEndian.AppendUint64(key, word)
				}
				o := &paths[i][leaf].others
				at, seen := counts[leaf][string(key)]
				if !seen {
					at = len(o.shares)
					counts[leaf][string(key)] = at
					o.sets, o.shares = append(o.sets, known...), append(o.shares, 0)
				}
				o.shares[at] += 1 / float64(rows.Len())
			})
		}
	}
	g := &interventional{weights: make([][]float64, most+1)}
	for a := 1; a <= most; a++ {
		g.weights[a] = []float64{1 / float64(a)}
		for b := 1; a+b <= most; b++ {
			g.weights[a] = append(g.weights[a], g.weights[a][b-1]*float64(b)/float64(a+b))
		}
	}
	return newExplainer(e, g, paths, base, maxTableBytes), nil
}

// each calls pay with every set of the background that can reach the leaf
// together with the row, its share, and the sizes of A and B.
func (o *others) each(known on, features int, pay func(other on, share float64, a, b int)) {
	n := len(known)
	for k, share := range o.shares {
		other := on(o.sets[k*n : (k+1)*n])
		together, a, b := 0, 0, 0
		for i := range known {
			together += bits.OnesCount64(known[i] | other[i])
			a += bits.OnesCount64(known[i] &^ other[i])
			b += bits.OnesCount64(other[i] &^ known[i])
		}
		if together == features && a+b > 0 {
			pay(other, share, a, b)
		}
	}
}

func (g *interventional) values(p *path, known on, to, _ []float64) {
	clear(to)
	p.others.each(known, len(to), func(other on, share float64, a, b int) {
		for j := range to {
			switch mine, theirs := known.has(j), other.has(j); {
			case mine && !theirs:
				to[j] += p.value * share * g.weights[a][b]
			case theirs && !mine:
				to[j] -= p.value * share * g.weights[b][a]
			}
		}
	})
}

// pairs: of two features of A, the interaction is (a−2)!b!/(a+b−1)! · v, of one of
// each −(a−1)!(b−1)!/(a+b−1)! · v, of two of B a!(b−2)!/(a+b−1)! · v.
func (g *interventional) pairs(p *path, known on, to, _ []float64) {
	clear(to)
	d := len(p.features)
	p.others.each(known, d, func(other on, share float64, a, b int) {
		v := p.value * share
		for i := range d {
			mine, theirs := known.has(i), other.has(i)
			if mine == theirs {
				continue
			}
			if mine {
				to[i*d+i] += v * g.weights[a][b]
			} else {
				to[i*d+i] -= v * g.weights[b][a]
			}
			for j := range i {
				switch {
				case known.has(j) == other.has(j):
				case known.has(j) != mine:
					to[i*d+j] -= v * g.weights[a][b-1] / 2
				case mine:
					to[i*d+j] += v * g.weights[a-1][b] / 2
				default:
					to[i*d+j] += v * g.weights[b-1][a] / 2
				}
			}
		}
	})
	mirror(to, d)
}
