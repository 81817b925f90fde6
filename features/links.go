package features

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fealty/features/frame"
)

// ErrCycle is that links lead from an account back to itself, so that nobody
// can say which of them goes on; or that accounts belong to each other, so that
// none is above all others.
var ErrCycle = errors.New("links in a cycle")

// The kinds of account_links. Renamed, Renumbered and Merged accounts go on as
// the link's other; the other of a Split is a part of the account. Those four
// make one account of two for as long as the link is in force. Sister and Group
// accounts belong together and stay accounts of their own.
const (
	Renamed    = "renamed"
	Renumbered = "renumbered"
	Merged     = "merged"
	Split      = "split"
	Sister     = "sister"
	Group      = "group"
)

// LinkKinds returns the kinds of account_links.
func LinkKinds() []string { return []string{Renamed, Renumbered, Merged, Split, Sister, Group} }

// Link is one row of account_links.
type Link struct {
	Account, Other frame.AccountID
	Kind           string
	// Since when, and until when (0: until further notice), in Unix seconds.
	Since, Until int64
	// Recorded is when the business knew, in Unix seconds; of two rows of one
	// account, other, kind and since the one recorded last counts, then that of the
	// greater Load.
	Recorded int64
	Load     uint64
}

// newest tells whether the link replaces another row of its key.
func (l *Link) newest(than *Link) bool {
	return l.Recorded > than.Recorded || l.Recorded == than.Recorded && l.Load > than.Load
}

// ends returns the account that ends and the one that it goes on in.
func (l *Link) ends() (from, to frame.AccountID) {
	if l.Kind == Split {
		return l.Other, l.Account
	}
	return l.Account, l.Other
}

// Unions says which accounts are one: each account that goes on in another,
// with the account that stands for it. Whoever is not in it stands for itself.
type Unions map[frame.AccountID]frame.AccountID

// Unite returns the accounts that are one as of a cutoff, by the links known
// then: those with since before it, and until open or not before it.
func Unite(links []Link, cutoff frame.Cutoff, known frame.KnownAt) (Unions, error) {
	u, _, err := unite(links, int64(cutoff), int64(cutoff), int64(known))
	return u, err
}

// Move says where an account has gone.
type Move struct {
	// Into is the account, or the group, that stands for it.
	Into frame.AccountID
	// Kind is that of its own link, and Since when that holds in Unix seconds; of
	// whoever is counted in a group Kind is Group and Since 0.
	Kind  string
	Since int64
}

// Moves returns where the accounts that go on in another do so as of a cutoff, by
// the links known then.
func Moves(links []Link, cutoff frame.Cutoff, known frame.KnownAt) (map[frame.AccountID]Move, error) {
	u, next, err := unite(links, int64(cutoff), int64(cutoff), int64(known))
	if err != nil {
		return nil, err
	}
	moves := make(map[frame.AccountID]Move, len(u))
	for account, head := range u {
		moves[account] = Move{Into: head, Kind: next[account].Kind, Since: next[account].Since}
	}
	return moves, nil
}

// UniteWithin returns the accounts that are one at some instant of a horizon in
// days from the cutoff on, by the links known at an instant: what one of them buys
// after the cutoff is no loss of another.
func UniteWithin(links []Link, cutoff frame.Cutoff, known frame.KnownAt, horizonDays int) (Unions, error) {
	u, _, err := unite(links, int64(cutoff), int64(cutoff.Add(horizonDays)), int64(known))
	return u, err
}

// inForce returns the links of some kinds that are in force at some instant between
// two, as known at a third, in the order of their accounts, others and kinds.
func inForce(links []Link, kinds []string, from, to, known int64) []*Link {
	type key struct {
		account, other frame.AccountID
		kind           string
		since          int64
	}
	seen := map[key]*Link{}
	for i := range links {
		l := &links[i]
		if l.Recorded > known || l.Account == l.Other || !slices.Contains(kinds, l.Kind) {
			continue
		}
		k := key{l.Account, l.Other, l.Kind, l.Since}
		if before := seen[k]; before == nil || l.newest(before) {
			seen[k] = l
		}
	}
	var all []*Link
	for _, l := range seen {
		if l.Since < to && (l.Until == 0 || l.Until >= from && l.Until > l.Since) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *Link) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Other, b.Other), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Since, b.Since))
	})
	return all
}

// unite follows the links in force between two instants, as known at a third, and
// returns too by which link each account goes on. An account with several successors goes on in that of the latest link. At one
// instant ErrCycle names the accounts of a cycle; between two, accounts that went on
// in each other are one.
func unite(links []Link, from, to, known int64) (Unions, map[frame.AccountID]*Link, error) {
	next := map[frame.AccountID]*Link{}
	for _, l := range inForce(links, []string{Renamed, Renumbered, Merged, Split}, from, to, known) {
		account, other := l.ends()
		before := next[account]
		if before != nil {
			_, rival := before.ends()
			if before.Since > l.Since || before.Since == l.Since && rival <= other {
				continue
			}
		}
		next[account] = l
	}
	u := make(Unions, len(next))
	for account := range next {
		path := []frame.AccountID{account}
		for l := next[account]; l != nil; {
			_, other := l.ends()
			if i := slices.Index(path, other); i >= 0 {
				if from == to {
					return nil, nil, cycleError(path[i:], "end one of the links by until, or correct it (account_links)")
				}
				// Links that were never in force at once: there and back again.
				path = append(path, slices.Min(path[i:]))
				break
			}
			path = append(path, other)
			l = next[other]
		}
		if head := path[len(path)-1]; head != account {
			u[account] = head
		}
	}
	return u, next, nil
}

// cycleError names the accounts of a cycle, the bytewise first one first, so
// that one cycle reads alike wherever it was met, and the way out.
func cycleError(path []frame.AccountID, out string) error {
	first := slices.Index(path, slices.Min(path))
	names := make([]string, 0, len(path)+1)
	for i := range len(path) + 1 {
		names = append(names, fmt.Sprintf("%q", path[(first+i)%len(path)]))
	}
	return fmt.Errorf("%w: accounts %s: %s", ErrCycle, strings.Join(names, " → "), out)
}

// Of returns the account that stands for an account: itself, unless it goes on
// in another.
func (u Unions) Of(account frame.AccountID) frame.AccountID {
	if other, ok := u[account]; ok {
		return other
	}
	return account
}

// Members returns by the account that stands for them all accounts that are
// one, itself included, in bytewise order.
func (u Unions) Members() map[frame.AccountID][]frame.AccountID {
	members := map[frame.AccountID][]frame.AccountID{}
	for account, head := range u {
		if members[head] == nil {
			members[head] = []frame.AccountID{head}
		}
		members[head] = append(members[head], account)
	}
	for _, all := range members {
		slices.Sort(all)
	}
	return members
}

// Parent says which account a version of an account belonged to.
type Parent struct {
	Account, Parent frame.AccountID
	Cutoff          frame.Cutoff
}

// Pool returns the groups as of a cutoff: accounts that belong together by links of kind
// Group (under the link's other) or Sister, as known then, or by their parents, of which
// those of accounts that go on in another don't count. The
// result says under which name each account is pooled, whatever it is one with included, so that nothing
// is in two groups; accounts of no group stand as in u. A group has the name of the
// other or parent that is above all others; sisters without one that of the bytewise first.
// Accounts that belong to each other, by however many steps, are ErrCycle. The order of links
// and parents doesn't matter.
func (u Unions) Pool(links []Link, parents []Parent, cutoff frame.Cutoff, known frame.KnownAt) (Unions, error) {
	above := map[frame.AccountID]frame.AccountID{}
	top := func(a frame.AccountID) frame.AccountID {
		for a = u.Of(a); above[a] != ""; {
			a = above[a]
		}
		return a
	}
	named := map[frame.AccountID]bool{}
	belongs := map[frame.AccountID][]frame.AccountID{}
	join := func(below, name frame.AccountID) {
		if one, other := u.Of(below), u.Of(name); one != other {
			belongs[one] = append(belongs[one], other)
		}
		if below, name = top(below), top(name); below != name {
			above[below], named[name] = name, true
		}
	}
	for _, p := range slices.SortedFunc(slices.Values(parents), func(a, b Parent) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Parent, b.Parent))
	}) {
		// Whoever went on in another keeps the parent that it had, and only the other's counts.
		if _, gone := u[p.Account]; p.Cutoff == cutoff && p.Parent != "" && !gone {
			join(p.Account, p.Parent)
		}
	}
	var sisters [][2]frame.AccountID
	for _, l := range inForce(links, []string{Group, Sister}, int64(cutoff), int64(cutoff), int64(known)) {
		if l.Kind == Group {
			join(l.Account, l.Other)
		} else {
			sisters = append(sisters, [2]frame.AccountID{l.Account, l.Other})
		}
	}
	if cycle := round(belongs); cycle != nil {
		return nil, cycleError(cycle, "correct one of the parents (accounts), or end one of the links of kind group by until (account_links)")
	}
	for _, s := range sisters {
		a, b := top(s[0]), top(s[1])
		if named[a] == named[b] && b < a || named[b] && !named[a] {
			a, b = b, a
		}
		join(b, a)
	}
	pooled := Unions{}
	for account := range u {
		pooled[account] = top(account)
	}
	for account := range above {
		pooled[account] = top(account)
	}
	return pooled, nil
}

// Withdraw returns the links and parents without those that put the named accounts, or whatever
// is one with them, into a group or others under them: for Pool, so that each of them stays by
// itself. Links that make one account of several stay.
func (u Unions) Withdraw(accounts []frame.AccountID, links []Link, parents []Parent) ([]Link, []Parent) {
	if len(accounts) == 0 {
		return links, parents
	}
	out := map[frame.AccountID]bool{}
	for _, account := range accounts {
		out[u.Of(account)] = true
	}
	var kept []Link
	for i := range links {
		if l := &links[i]; l.Kind != Group && l.Kind != Sister || !out[u.Of(l.Account)] && !out[u.Of(l.Other)] {
			kept = append(kept, *l)
		}
	}
	var above []Parent
	for _, p := range parents {
		if !out[u.Of(p.Account)] && !out[u.Of(p.Parent)] {
			above = append(above, p)
		}
	}
	return kept, above
}

// round returns the accounts of a cycle among those that belong to others, in its
// order; nil when there is none.
func round(belongs map[frame.AccountID][]frame.AccountID) []frame.AccountID {
	const (
		fresh = iota
		open
		done
	)
	state := make(map[frame.AccountID]int, len(belongs))
	// turn is how many of an account's others were looked at.
	turn := make(map[frame.AccountID]int, len(belongs))
	for _, first := range slices.Sorted(maps.Keys(belongs)) {
		path := []frame.AccountID{}
		if state[first] == fresh {
			path, state[first] = append(path, first), open
		}
		for len(path) > 0 {
			at := path[len(path)-1]
			if turn[at] == len(belongs[at]) {
				path, state[at] = path[:len(path)-1], done
				continue
			}
			other := belongs[at][turn[at]]
			turn[at]++
			switch state[other] {
			case fresh:
				path, state[other] = append(path, other), open
			case open:
				return path[slices.Index(path, other):]
			}
		}
	}
	return nil
}
