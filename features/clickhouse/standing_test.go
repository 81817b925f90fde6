package clickhouse_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// As of 2025-03-01, with the horizon of 60 days: [2025-03-01, 2025-04-30).
func TestStandings(t *testing.T) {
	w := &town{}
	for _, account := range []string{"rests", "old number", "heir", "branch 1", "branch 2", "branch 3", "branch 4", "erased later", "both of a day"} {
		w.lines = append(w.lines, line{account: account, order: account, amount: euros(10), ordered: at("2025-01-10")})
	}
	w.links = []link{
		{account: "old number", other: "heir", kind: "merged", since: at("2025-01-20")},
		{account: "the other", other: "both of a day", kind: "merged", since: at("2025-01-20")},
		{account: "branch 1", other: "all rest", kind: "group", since: at("2025-01-01")},
		{account: "branch 2", other: "all rest", kind: "group", since: at("2025-01-01")},
		{account: "branch 3", other: "one rests", kind: "group", since: at("2025-01-01")},
		{account: "branch 4", other: "one rests", kind: "group", since: at("2025-01-01")},
	}
	e := embedded(t)
	w.fill(t, e)
	fillStanding(t, e,
		[]pauseRow{
			{account: "rests", start: "2025-02-01"},
			{account: "known too late", start: "2025-02-01", recorded: "2025-03-05"},
			{account: "old number", start: "2025-03-05", end: "2025-04-04", recorded: "2025-02-20"}, // half of the horizon
			// Of two members from one day on; what was said of the one last says nothing of the other.
			{account: "both of a day", start: "2025-02-01", recorded: "2025-02-01"}, {account: "the other", start: "2025-02-01", end: "2025-02-05", recorded: "2025-02-10"},
			{account: "branch 1", start: "2025-02-01"}, {account: "branch 2", start: "2025-02-01"}, {account: "branch 3", start: "2025-02-01"},
		},
		[]consentRow{
			{"rests", "", "profiling", "2024-01-01", "2025-02-01", ""},
			{"heir", "email", "news", "2024-01-01", "2025-02-01", ""},
			{"old number", "email", "news", "2023-01-01", "", ""}, // the two are one, and one consent stands
			{"erased later", "", "erasure", "2025-06-01", "", ""}, // whenever it was recorded
			{"the other", "", "erasure", "2025-01-01", "", ""}, {"both of a day", "", "erasure", "2025-01-01", "2025-01-05", "2025-01-05"},
			{"branch 1", "", "profiling", "2024-01-01", "2025-03-01", "2025-03-01"},
		}, nil)
	warehouse := clickhouse.Warehouse{Engine: e}
	r := request("2025-03-01")
	standings := func(change func(*features.Request)) map[frame.AccountID]features.Standing {
		t.Helper()
		r := r
		change(&r)
		got, err := warehouse.Standings(t.Context(), r, 60)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	paused, erased := features.Standing{Paused: true}, features.Standing{Erased: true}
	rests, both := features.Standing{Paused: true, OptedOut: true}, features.Standing{Paused: true, Erased: true}
	want := map[frame.AccountID]features.Standing{
		"rests": rests, "heir": paused, "erased later": erased, "both of a day": both, "branch 1": paused, "branch 2": paused, "branch 3": paused,
	}
	if diff := cmp.Diff(want, standings(func(*features.Request) {})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// By name, as for a score now; the old number has no standing of its own any more.
	if diff := cmp.Diff(map[frame.AccountID]features.Standing{"heir": paused, "branch 3": paused}, standings(func(r *features.Request) {
		r.Accounts = []frame.AccountID{"old number", "heir", "branch 3", "nobody"}
	})); diff != "" {
		t.Errorf("by name (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[frame.AccountID]features.Standing{"rests": rests, "heir": paused, "erased later": erased, "both of a day": both, "all rest": paused},
		standings(func(r *features.Request) { r.Groups = true })); diff != "" {
		t.Errorf("of groups (-want +got):\n%s", diff)
	}
	moves := func(groups bool) map[frame.AccountID]features.Move {
		t.Helper()
		r := r
		r.Groups = groups
		got, err := warehouse.Moves(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	merged := features.Move{Into: "heir", Kind: features.Merged, Since: at("2025-01-20")}
	gone := features.Move{Into: "both of a day", Kind: features.Merged, Since: at("2025-01-20")}
	if diff := cmp.Diff(map[frame.AccountID]features.Move{"old number": merged, "the other": gone}, moves(false)); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
	rest, one := features.Move{Into: "all rest", Kind: features.Group}, features.Move{Into: "one rests", Kind: features.Group}
	if diff := cmp.Diff(map[frame.AccountID]features.Move{
		"old number": merged, "the other": gone, "branch 1": rest, "branch 2": rest, "branch 3": one, "branch 4": one,
	}, moves(true)); diff != "" {
		t.Errorf("moves into groups (-want +got):\n%s", diff)
	}
}

// As of 2025-03-01 only one branch of the group had ordered, and it rests; a branch that
// asked to be erased is in no group, whatever was pooled before.
func TestGroupsKnowNoLaterOrdersAndNoErasedBranches(t *testing.T) {
	w := &town{lines: slices.Concat(boughtOn("rests", "2025-01-10"), boughtOn("buys later", "2025-03-10"),
		boughtOn("erased", "2025-01-05", "2025-02-20"), boughtOn("stays", "2025-01-10", "2025-02-01"), boughtOn("below", "2025-01-12"))}
	for branch, group := range map[string]string{"rests": "silent", "buys later": "silent", "erased": "partly", "stays": "partly", "below": "erased"} {
		w.links = append(w.links, link{account: branch, other: group, kind: "group", since: at("2025-01-01")})
	}
	e := embedded(t)
	w.fill(t, e)
	fillStanding(t, e, []pauseRow{{account: "rests", start: "2025-02-01"}}, []consentRow{{"erased", "", "erasure", "2025-06-01", "", ""}}, nil)
	r := request("2025-03-01")
	r.Catalogue = fromFiles(features.Orders)
	branches := build(t.Context(), t, e, r)
	r.Groups = true
	groups := build(t.Context(), t, e, r)
	for account, branch := range map[string]string{"partly": "stays", "erased": "erased", "below": "below"} {
		if got, want := accountLife(groups, account, "2025-03-01"), accountLife(branches, branch, "2025-03-01"); got != want || want == "no row" {
			t.Errorf("%s reads\n%s, want\n%s", account, got, want)
		}
	}
	got, err := clickhouse.Warehouse{Engine: e}.Standings(t.Context(), r, 60)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[frame.AccountID]features.Standing{"silent": {Paused: true}, "erased": {Erased: true}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
