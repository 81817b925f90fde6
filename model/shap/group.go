package shap

import "fmt"

// Groups sums the contributions of features that belong together, such as all
// that tell of recency.
//
// Two things are called the value of a group. One is the sum of its members'
// Shapley values; it is what Sum gives. The other lets each group join as one
// player; it shares what features of different groups do together by groups
// instead of by features. The sum is chosen because a person who opens a group
// finds members that add up to it, because regrouping changes no member, and
// because it costs nothing; both add up to the margin.
type Groups struct {
	names []string
	of    []int
}

// NewGroups takes the name of the group of every feature, in feature order.
func NewGroups(of []string) (*Groups, error) {
	g := &Groups{of: make([]int, len(of))}
	number := map[string]int{}
	for j, name := range of {
		if name == "" {
			return nil, fmt.Errorf("feature %d is in no group", j)
		}
		k, seen := number[name]
		if !seen {
			k = len(g.names)
			number[name] = k
			g.names = append(g.names, name)
		}
		g.of[j] = k
	}
	return g, nil
}

// Names returns the groups in the order of their first features. The caller must
// not write to it.
func (g *Groups) Names() []string { return g.names }

// Sum writes rows × len(Names()) sums, row-major, into out, given rows × features
// contributions: base + Σ sums = margin, as before.
func (g *Groups) Sum(contributions, out []float64) error {
	width, groups := len(g.of), len(g.names)
	if width == 0 || len(contributions)%width != 0 || len(out) != len(contributions)/width*groups {
		return fmt.Errorf("sum %d contributions of %d features into %d values of %d groups", len(contributions), width, len(out), groups)
	}
	clear(out)
	for i := range len(contributions) / width {
		for j, k := range g.of {
			out[i*groups+k] += contributions[i*width+j]
		}
	}
	return nil
}
