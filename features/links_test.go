package features_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fealty/features"
	"fealty/features/frame"
)

func TestUnite(t *testing.T) {
	link := func(account, other, kind string, since, until, recorded int64) features.Link {
		return features.Link{Account: frame.AccountID(account), Other: frame.AccountID(other), Kind: kind, Since: since, Until: until, Recorded: recorded}
	}
	for _, c := range []struct {
		name  string
		links []features.Link
		// cutoff and what was known then
		cutoff, known int64
		want          features.Unions
	}{
		{"renamed", []features.Link{link("a", "b", "renamed", 10, 0, 12)}, 20, 20, features.Unions{"a": "b"}},
		{"not before it begins", []features.Link{link("a", "b", "renamed", 20, 0, 12)}, 20, 20, features.Unions{}},
		{"not before it is known", []features.Link{link("a", "b", "renamed", 10, 0, 21)}, 20, 20, features.Unions{}},
		{"a chain ends in its last", []features.Link{link("a", "b", "merged", 10, 0, 10), link("b", "c", "renumbered", 15, 0, 15)}, 20, 20, features.Unions{"a": "c", "b": "c"}},
		{"a part stands under the whole", []features.Link{link("whole", "part 1", "split", 10, 0, 10), link("whole", "part 2", "split", 10, 0, 10)}, 20, 20,
			features.Unions{"part 1": "whole", "part 2": "whole"}},
		{"a part of an account that goes on in another", []features.Link{link("whole", "part", "split", 10, 0, 10), link("whole", "heir", "merged", 11, 0, 11)}, 20, 20,
			features.Unions{"part": "heir", "whole": "heir"}},
		{"sisters and groups stay apart", []features.Link{link("a", "b", "sister", 10, 0, 10), link("a", "g", "group", 10, 0, 10)}, 20, 20, features.Unions{}},
		{"over", []features.Link{link("a", "b", "split", 10, 19, 10)}, 20, 20, features.Unions{}},
		{"its last instant", []features.Link{link("a", "b", "renamed", 10, 20, 10)}, 20, 20, features.Unions{"a": "b"}},
		{"taken back later", []features.Link{link("a", "b", "renamed", 10, 0, 10), link("a", "b", "renamed", 10, 10, 15)}, 20, 20, features.Unions{}},
		{"taken back, not known yet", []features.Link{link("a", "b", "renamed", 10, 0, 10), link("a", "b", "renamed", 10, 10, 25)}, 20, 20, features.Unions{"a": "b"}},
		{"the latest of two successors", []features.Link{link("a", "b", "renamed", 10, 0, 10), link("a", "c", "renamed", 11, 0, 11)}, 20, 20, features.Unions{"a": "c"}},
		{"back to the old number", []features.Link{link("a", "b", "renamed", 10, 14, 15), link("b", "a", "renamed", 14, 0, 15)}, 20, 20, features.Unions{"b": "a"}},
		{"with itself", []features.Link{link("a", "a", "renamed", 10, 0, 10)}, 20, 20, features.Unions{}},
	} {
		got, err := features.Unite(c.links, frame.Cutoff(c.cutoff), frame.KnownAt(c.known))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestAccountsThatBecomeOneWithinTheHorizon(t *testing.T) {
	const day = 86400
	links := []features.Link{
		{Account: "a", Other: "b", Kind: features.Merged, Since: 10 * day, Recorded: 500 * day},
		{Account: "whole", Other: "part", Kind: features.Split, Since: day, Until: 6 * day, Recorded: day},
	}
	for cutoff, want := range map[frame.Cutoff]features.Unions{
		4 * day: {"part": "whole"},           // [4, 9] ends before the merger
		5 * day: {"part": "whole"},           // up to day 10 exclusive
		6 * day: {"a": "b", "part": "whole"}, // the last day of the split
		7 * day: {"a": "b"},
	} {
		got, err := features.UniteWithin(links, cutoff, math.MaxInt64, 5)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("from day %d (-want +got):\n%s", cutoff/day, diff)
		}
	}
}

// There and back again within a horizon is one account, whatever it is called.
func TestThereAndBackAgainIsOneAccount(t *testing.T) {
	links := []features.Link{
		{Account: "b", Other: "a", Kind: features.Renamed, Since: 1, Until: 5},
		{Account: "a", Other: "b", Kind: features.Renamed, Since: 5},
		{Account: "c", Other: "b", Kind: features.Merged, Since: 3},
	}
	got, err := features.UniteWithin(links, 0, math.MaxInt64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(features.Unions{"b": "a", "c": "a"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCycleOfLinksNamesItsAccounts(t *testing.T) {
	links := []features.Link{
		{Account: "b", Other: "c", Kind: features.Renamed, Since: 1},
		{Account: "c", Other: "a", Kind: features.Merged, Since: 2},
		{Account: "b", Other: "a", Kind: features.Split, Since: 3},
		{Account: "before", Other: "a", Kind: features.Renamed, Since: 1},
	}
	_, err := features.Unite(links, 10, 10)
	if want := `"a" → "b" → "c" → "a"`; !errors.Is(err, features.ErrCycle) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want ErrCycle with %s", err, want)
	}
	if _, err := features.Unite(links[:2], 10, 10); err != nil {
		t.Errorf("a chain is told as %v", err)
	}
}

// Whatever the links are, they either go round or every account ends in one
// that stands for itself, and the members of all unions are different.
func TestUnionsAreOfOneStep(t *testing.T) {
	names := []frame.AccountID{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		links := make([]features.Link, rapid.IntRange(0, 8).Draw(t, "n"))
		for i := range links {
			links[i] = features.Link{
				Account: rapid.SampledFrom(names).Draw(t, "account"), Other: rapid.SampledFrom(names).Draw(t, "other"),
				Kind: rapid.SampledFrom(features.LinkKinds()).Draw(t, "kind"), Since: rapid.Int64Range(0, 9).Draw(t, "since"),
				Until: rapid.Int64Range(0, 20).Draw(t, "until"), Recorded: rapid.Int64Range(0, 12).Draw(t, "recorded"), Load: uint64(i),
			}
		}
		u, err := features.Unite(links, 10, math.MaxInt64)
		if rapid.Bool().Draw(t, "within") {
			if u, err = features.UniteWithin(links, 0, math.MaxInt64, 1); err != nil {
				t.Fatalf("links that need not have been in force at once are told as %v", err)
			}
		}
		if err != nil {
			if !errors.Is(err, features.ErrCycle) {
				t.Fatal(err)
			}
			return
		}
		for account, head := range u {
			if account == head || u.Of(head) != head {
				t.Fatalf("%s goes on in %s, which goes on in %s", account, head, u.Of(head))
			}
		}
		seen := map[frame.AccountID]bool{}
		for head, members := range u.Members() {
			for _, m := range members {
				if seen[m] || u.Of(m) != head {
					t.Fatalf("%s stands in several unions of %v", m, u)
				}
				seen[m] = true
			}
		}
	})
}

func TestPool(t *testing.T) {
	links := []features.Link{
		{Account: "old", Other: "branch 1", Kind: features.Renamed, Since: 1},
		{Account: "branch 1", Other: "holding", Kind: features.Group, Since: 2},
		{Account: "old", Other: "elsewhere", Kind: features.Sister, Since: 2, Recorded: 30}, // not known yet
		{Account: "sister c", Other: "sister b", Kind: features.Sister, Since: 3},
		{Account: "sister b", Other: "sister d", Kind: features.Sister, Since: 3},
		{Account: "branch 2", Other: "annex", Kind: features.Sister, Since: 3},
		{Account: "left", Other: "holding", Kind: features.Group, Since: 1, Until: 9},
		{Account: "alone", Other: "also", Kind: features.Merged, Since: 1},
	}
	parents := []features.Parent{
		{Account: "branch 2", Parent: "holding", Cutoff: 20}, {Account: "holding", Parent: "top", Cutoff: 20},
		{Account: "top", Parent: "top", Cutoff: 20},      // it is its own
		{Account: "branch 1", Parent: "top", Cutoff: 20}, // above the holding too
		{Account: "branch 3", Parent: "holding", Cutoff: 10},
	}
	u, err := features.Unite(links, 20, 20)
	if err != nil {
		t.Fatal(err)
	}
	want := features.Unions{
		"old": "top", "branch 1": "top", "branch 2": "top", "holding": "top", "annex": "top",
		"sister c": "sister b", "sister d": "sister b", "alone": "also",
	}
	got, err := u.Pool(links, parents, 20, 20)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// One parent more and the top belongs to one of its branches, which was merged meanwhile.
	parents = append(parents, features.Parent{Account: "top", Parent: "old", Cutoff: 20})
	_, err = u.Pool(links, parents, 20, 20)
	for _, want := range []string{`"branch 1" → `, `"top" → "branch 1"`, "correct one of the parents"} {
		if !errors.Is(err, features.ErrCycle) || !strings.Contains(err.Error(), want) {
			t.Errorf("a cycle of parents is told as %v, want ErrCycle with %s", err, want)
		}
	}
}

// A merged account keeps the parent that it had; only that of the account it goes on in counts.
func TestPoolForgetsTheParentsOfAccountsThatWentOn(t *testing.T) {
	u := features.Unions{"b": "a"}
	got, err := u.Pool(nil, []features.Parent{{Account: "b", Parent: "x", Cutoff: 5}, {Account: "x", Parent: "a", Cutoff: 5}}, 5, 5)
	if err != nil {
		t.Fatalf("b belonged to x before it went on in a, to which x belongs: %v", err)
	}
	if diff := cmp.Diff(features.Unions{"b": "a", "x": "a"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Who is withdrawn stays what it is one with, in no group; those whom it held together stand alone.
func TestWithdrawnAccountsAreInNoGroup(t *testing.T) {
	links := []features.Link{
		{Account: "old", Other: "erased", Kind: features.Renamed, Since: 1}, {Account: "branch", Other: "new", Kind: features.Renamed, Since: 1},
		{Account: "old", Other: "sister", Kind: features.Sister, Since: 1}, {Account: "new", Other: "holding", Kind: features.Group, Since: 1},
		{Account: "old", Other: "holding", Kind: features.Group, Since: 1},
	}
	parents := []features.Parent{{Account: "below 1", Parent: "erased", Cutoff: 5}, {Account: "below 2", Parent: "erased", Cutoff: 5}, {Account: "other", Parent: "holding", Cutoff: 5}}
	u, err := features.Unite(links, 5, 5)
	if err != nil {
		t.Fatal(err)
	}
	links, parents = u.Withdraw([]frame.AccountID{"old"}, links, parents)
	got, err := u.Pool(links, parents, 5, 5)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(features.Unions{"old": "erased", "branch": "holding", "new": "holding", "other": "holding"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A cycle of parents is told exactly when somebody belongs to itself by some steps, those who
// went on in another taken for it; and groups do not depend on the order in which parents are told.
func TestPoolRefusesExactlyTheCycles(t *testing.T) {
	names := []frame.AccountID{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		var links []features.Link
		var parents []features.Parent
		u := features.Unions{}
		heads := map[frame.AccountID]bool{}
		for _, account := range names {
			head := rapid.SampledFrom(names).Draw(t, "goes on in")
			if _, gone := u[head]; account != head && !gone && !heads[account] && rapid.IntRange(0, 2).Draw(t, "merged") == 0 {
				u[account], heads[head] = head, true
			}
		}
		reach := map[[2]frame.AccountID]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			below, name := rapid.SampledFrom(names).Draw(t, "below"), rapid.SampledFrom(names).Draw(t, "name")
			if rapid.Bool().Draw(t, "parent") {
				parents = append(parents, features.Parent{Account: below, Parent: name, Cutoff: 5})
				if _, gone := u[below]; gone {
					continue
				}
			} else {
				links = append(links, features.Link{Account: below, Other: name, Kind: features.Group, Since: 1})
			}
			if below, name = u.Of(below), u.Of(name); below != name {
				reach[[2]frame.AccountID{below, name}] = true
			}
		}
		for _, by := range names { // Warshall's closure
			for _, a := range names {
				for _, b := range names {
					if reach[[2]frame.AccountID{a, by}] && reach[[2]frame.AccountID{by, b}] {
						reach[[2]frame.AccountID{a, b}] = true
					}
				}
			}
		}
		want := false
		for _, a := range names {
			want = want || reach[[2]frame.AccountID{a, a}]
		}
		pooled, err := u.Pool(links, parents, 5, 5)
		if errors.Is(err, features.ErrCycle) != want {
			t.Fatalf("a cycle: %v, told as %v", want, err)
		}
		again, err := u.Pool(links, rapid.Permutation(parents).Draw(t, "order"), 5, 5)
		if (err != nil) != want {
			t.Fatalf("in another order: %v", err)
		}
		if diff := cmp.Diff(pooled, again); diff != "" {
			t.Fatalf("in another order of the parents (-one +other):\n%s", diff)
		}
		for account, head := range u {
			if !want && pooled.Of(account) != pooled.Of(head) {
				t.Fatalf("%s goes on in %s and they stand under %s and %s", account, head, pooled.Of(account), pooled.Of(head))
			}
		}
	})
}

func TestMovesNameTheLinkAndTheEnd(t *testing.T) {
	links := []features.Link{
		{Account: "old", Other: "new", Kind: features.Renamed, Since: 2},
		{Account: "new", Other: "heir", Kind: features.Merged, Since: 5},
		{Account: "heir", Other: "part", Kind: features.Split, Since: 1},
		{Account: "heir", Other: "friend", Kind: features.Sister, Since: 1},
		{Account: "later", Other: "heir", Kind: features.Merged, Since: 30},
	}
	got, err := features.Moves(links, 20, 20)
	if err != nil {
		t.Fatal(err)
	}
	want := map[frame.AccountID]features.Move{
		"old": {Into: "heir", Kind: features.Renamed, Since: 2}, "new": {Into: "heir", Kind: features.Merged, Since: 5},
		"part": {Into: "heir", Kind: features.Split, Since: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
