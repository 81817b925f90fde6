package shap

import (
	"slices"
	"testing"
)

func TestGroupsSumTheirMembers(t *testing.T) {
	g, err := NewGroups([]string{"recency", "money", "recency", "place"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.Names(), []string{"recency", "money", "place"}; !slices.Equal(got, want) {
		t.Errorf("groups %v, want %v", got, want)
	}
	out := make([]float64, 6)
	if err := g.Sum([]float64{1, 2, 4, 8, 0.5, 0, -0.5, 3}, out); err != nil {
		t.Fatal(err)
	}
	if want := []float64{5, 2, 8, 0, 0, 3}; !slices.Equal(out, want) {
		t.Errorf("sums %v, want %v", out, want)
	}
}

func TestGroupsRefuse(t *testing.T) {
	if _, err := NewGroups([]string{"recency", ""}); err == nil {
		t.Error("a feature without a group was accepted")
	}
	g, err := NewGroups([]string{"recency", "money"})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{3, 3}, {4, 3}, {2, 4}} {
		if err := g.Sum(make([]float64, size[0]), make([]float64, size[1])); err == nil {
			t.Errorf("%d contributions into %d values were accepted", size[0], size[1])
		}
	}
}
