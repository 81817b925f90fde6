package features_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/frame"
)

func TestSuccessions(t *testing.T) {
	const day = 86400
	// Bought from day 10 to day 100, or from there on.
	old := func(account, address, tax, parent string) features.Trader {
		return features.Trader{Account: frame.AccountID(account), First: 10 * day, Last: 100 * day, Address: address, TaxNumber: tax, Parent: parent}
	}
	young := func(account string, first int64, address, tax, parent string) features.Trader {
		return features.Trader{Account: frame.AccountID(account), First: first * day, Last: 190 * day, Address: address, TaxNumber: tax, Parent: parent}
	}
	traders := []features.Trader{
		old("renamed", "1 High Street", "T1", ""), young("new name", 110, "1 High Street", "T1", ""),
		young("begins too late", 140, "1 High Street", "T1", ""),
		old("overlaps", "", "T2", ""), young("begins before the end", 80, "", "T2", ""),
		old("moved", "2 High Street", "T3", ""), young("neighbour", 101, "2 High Street", "", ""), young("same firm", 120, "２　HIGH street ", "ｔ 3", ""),
		old("declared", "", "T4", ""), young("declared other", 105, "", "T4", ""),
		old("branch", "", "", "holding"), young("new branch", 105, "", "", "Holding"),
		old("shop", "", "", "chain"), young("other shop", 105, "", "", "chain"),
		{Account: "still buys", First: 10 * day, Last: 185 * day, TaxNumber: "T5"}, young("its sister", 180, "", "T5", ""),
		{Account: "never bought", TaxNumber: "T1"}, old("stranger", "", "", ""),
	}
	for range 25 {
		traders = append(traders, old("tenant", "tower", "", ""), young("new tenant", 105, "tower", "", ""))
	}
	declared := []features.Link{{Account: "declared", Other: "declared other", Kind: features.Sister}}
	found := features.Successions(traders, declared, 200*day, 30)
	got := features.WithOverlap(found, map[frame.AccountID][]string{
		"renamed": {"p1", "p2", "p3"}, "new name": {"p1", "p2", "p3", "p9"},
		"branch": {"p1", "p2"}, "new branch": {"p1", "p2", "p3"}, "shop": {"p1"}, "other shop": {"p2"},
	})
	want := []features.Succession{
		{From: "branch", To: "new branch", Last: 100 * day, First: 105 * day, Evidence: []string{features.SameParent}, Overlap: 2. / 3},
		{From: "moved", To: "same firm", Last: 100 * day, First: 120 * day, Evidence: []string{features.SameTaxNumber, features.SameAddress}, Overlap: math.NaN()},
		{From: "overlaps", To: "begins before the end", Last: 100 * day, First: 80 * day, Evidence: []string{features.SameTaxNumber}, Overlap: math.NaN()},
		{From: "renamed", To: "new name", Last: 100 * day, First: 110 * day, Evidence: []string{features.SameTaxNumber, features.SameAddress}, Overlap: .75},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
