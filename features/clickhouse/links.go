package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Links are followed in Go, and whoever is several accounts is asked for a
// second time: the same statements read the rows of all of them under one name.
// So statements know nothing of links, and without links nothing else is asked.

// outcomesTable holds what was recorded of an account itself; its values don't
// add up over several.
const outcomesTable = "outcomes"

// Links returns every row of account_links up to the watermark; not nil when there
// is none.
func (w Warehouse) Links(ctx context.Context, watermark uint64) ([]features.Link, error) {
	links, err := readLinks(ctx, w.Engine, watermark)
	if links == nil {
		links = []features.Link{}
	}
	return links, err
}

// readLinks returns every row of account_links up to the watermark.
func readLinks(ctx context.Context, e Engine, watermark uint64) ([]features.Link, error) {
	var links []features.Link
	err := ask(ctx, e, statement("links.sql"), Params{"watermark": watermark}, func(t *frame.Table) error {
		c, err := pick(t, "account", "other", "kind", "since", "until", "recorded_at", "load")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			l := features.Link{
				Account: frame.AccountID(c[0].Texts[i]), Other: frame.AccountID(c[1].Texts[i]), Kind: c[2].Texts[i],
				Since: c[3].Integers[i], Recorded: c[5].Integers[i], Load: uint64(c[6].Integers[i]), //nolint:gosec // a load's number
			}
			if !c[4].IsNull(i) {
				l.Until = c[4].Integers[i]
			}
			links = append(links, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read account_links: %w", err)
	}
	return links, nil
}

// linksRead are the rows of account_links, from the request where it has them.
func (p *prepared) linksRead(ctx context.Context, e Engine) ([]features.Link, error) {
	if p.Links != nil {
		return p.Links, nil
	}
	return readLinks(ctx, e, p.Watermark)
}

// readParents returns who belonged to whom as of each cutoff.
func readParents(ctx context.Context, e Engine, params Params) ([]features.Parent, error) {
	var parents []features.Parent
	err := ask(ctx, e, statement("parents.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "account", "cutoff", "parent")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			parents = append(parents, features.Parent{
				Account: frame.AccountID(c[0].Texts[i]), Cutoff: frame.Cutoff(c[1].Integers[i]), Parent: frame.AccountID(c[2].Texts[i]),
			})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask to whom the accounts belong: %w", err)
	}
	return parents, nil
}

// readErased returns the accounts that asked to be erased, at whatever time, as of the cutoffs
// of the parameters; they are the same at each. Of accounts that are one it is those that asked.
func readErased(ctx context.Context, e Engine, params Params) ([]frame.AccountID, error) {
	params = maps.Clone(params)
	params["known_by"] = slices.Repeat([]int64{whenever}, len(params["cutoffs"].([]frame.Cutoff))) //nolint:forcetypeassert,errcheck // ours
	var erased []frame.AccountID
	err := ask(ctx, e, statement("labels/consents.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "account", "erased")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if c[1].Float(i) != 0 {
				erased = append(erased, frame.AccountID(c[0].Texts[i]))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask which accounts are erased: %w", err)
	}
	return erased, nil
}

// family is accounts that are one, at the cutoffs (of labels: questions) at which it is these.
type family struct {
	head    string
	members []string
	at      []bool
}

// gather returns the families of the unions, which are by cutoff, in bytewise
// order of their heads.
func gather(unions []features.Unions) []*family {
	var all []*family
	index := map[string]*family{}
	for k, u := range unions {
		for head, members := range u.Members() {
			names := []string{string(head)}
			for _, m := range members {
				names = append(names, string(m))
			}
			key := strings.Join(names, "\x00")
			f := index[key]
			if f == nil {
				f = &family{head: names[0], members: names[1:], at: make([]bool, len(unions))}
				index[key], all = f, append(all, f)
			}
			f.at[k] = true
		}
	}
	slices.SortFunc(all, func(a, b *family) int {
		if c := strings.Compare(a.head, b.head); c != 0 {
			return c
		}
		return slices.Compare(a.members, b.members)
	})
	return all
}

// askFamilies runs a query over the facts of each family as if they were one account's.
// It calls each with the answers and the families that they name by the number
// in their column account; an answer for a cutoff at which the family is not these
// accounts is none. On a cluster the rows come to the first host, since
// the members of a family may live on several.
func askFamilies(ctx context.Context, e Engine, all []*family, sql string, params Params, each func(t *frame.Table, named map[string]*family) error) error {
	sql = joined(e.Info(), sql)
	for len(all) > 0 {
		var of, in, heads, headOf []string
		named := map[string]*family{}
		for n := 0; len(all) > 0 && (n == 0 || n+len(all[0].members) <= mostNames); all = all[1:] {
			name := strconv.Itoa(len(named))
			named[name] = all[0]
			heads, headOf = append(heads, all[0].head), append(headOf, name)
			for _, m := range all[0].members {
				of, in = append(of, m), append(in, name)
			}
			n += len(all[0].members)
		}
		asked := only(sql, params)
		asked["members"], asked["member_of"], asked["heads"], asked["head_of"] = of, in, heads, headOf
		if err := e.Query(ctx, sql, only(sql, asked), func(t *frame.Table) error { return each(t, named) }); err != nil {
			return err
		}
	}
	return nil
}

// joined returns a statement that reads the rows of every member of a family
// under the family's name, from {members} and {member_of}. What an account is said to
// be (accounts) or to have come to (outcomes) is the head's own, from {heads} and {head_of}.
// A statement that must tell the members apart reads account AS member.
func joined(info Info, sql string) string {
	sql = strings.ReplaceAll(sql, "account AS member", "member")
	return canonicalSource.ReplaceAllStringFunc(sql, func(source string) string {
		found := canonicalSource.FindStringSubmatch(source)
		schema, _ := features.Schema(strings.ToLower(found[3]))
		if schema.Account == "" {
			return source
		}
		one, name := "members", "member_of"
		if schema.Versioned || schema.Name == outcomesTable {
			one, name = "heads", "head_of"
		}
		columns := canonicalColumns(schema)
		for i := range columns {
			columns[i] = quoted(columns[i])
		}
		rows := fmt.Sprintf("SELECT %s FROM %s WHERE account IN {%s:Array(String)}", strings.Join(columns, ", "), quoted(schema.Name), one)
		if info.Cluster != "" {
			rows += " UNION ALL " + strings.ReplaceAll(OnShards(info.Cluster, info.ShardDatabase, strings.ReplaceAll(rows, quoted(schema.Name), schema.Name)), "\n", " ")
		}
		// In one line: the words may stand in a comment.
		return fmt.Sprintf("%s%s(SELECT %s FROM (%s) AS facts INNER JOIN (SELECT pair.1 AS one, pair.2 AS name FROM (SELECT arrayJoin(arrayZip({%s:Array(String)}, {%s:Array(String)})) AS pair)) AS names ON facts.account = names.one)",
			found[1], found[2], "names.name AS account, facts.account AS member, "+strings.Join(slices.DeleteFunc(columns, func(c string) bool { return c == quoted(schema.Account) }), ", "), rows, one, name)
	})
}

// unite notes which rows share an outcome: those of accounts that are one at some
// instant of the horizon.
func (a *aftermath) unite(ctx context.Context, e Engine) error {
	links, err := a.Links, error(nil)
	if links == nil {
		links, err = readLinks(ctx, e, a.Watermark)
	}
	if err != nil || len(links) == 0 {
		return err
	}
	unions := make([]features.Unions, len(a.asks))
	for k, q := range a.asks {
		v := a.views[q.view]
		if unions[k], err = features.UniteWithin(links, q.cutoff, frame.KnownAt(v.knownBy()), v.Rule.HorizonDays); err != nil {
			return fmt.Errorf("unite the accounts after %s: %w", q.cutoff, err)
		}
	}
	for _, f := range gather(unions) {
		stands := false
		for k, is := range f.at {
			if is {
				a.members(f, k, func(row int) { a.views[a.asks[k].view].shared[row], stands = true, true })
			}
		}
		if stands {
			a.families = append(a.families, f)
		}
	}
	return nil
}

// members calls each for the rows of the family's accounts at a question to which it is these.
func (a *aftermath) members(f *family, k int, each func(row int)) {
	if !f.at[k] {
		return
	}
	for _, m := range f.members {
		if row := a.views[a.asks[k].view].find(m, a.asks[k].cutoff); row >= 0 {
			each(row)
		}
	}
}
