package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

//go:embed sql/checks/*.sql
var checkStatements embed.FS

// checkedTables finds the tables in the header of a check that says nothing without their rows.
var checkedTables = regexp.MustCompile(`(?m)^-- Of: +([a-z_, ]+);`)

// Inspect counts what is to be known of the facts before they are trusted: one
// measurement per thing counted, also where the count is 0, in no particular
// order of tables. On a cluster what the shards count is added up. Where single rows
// or accounts are at fault, Detail names the first three by their keys.
//
//	extent            rows of a table and source
//	clock_hour        order lines by hour, of all; Subject 00 … 23
//	clock_weekday     order lines by weekday; Subject 1 (Monday) … 7
//	clock_dates_only  order lines of a source that knows no time of day
//	empty             rows that lack an optional value
//	assumed           rows recorded at the instant of their event, of tables where that is not usual
//	strangers         accounts of a table that the accounts table lacks
//	undated           accounts without a date
//	duplicates        surplus rows
//	twice             orders in several sources
//	future            rows after Now
//	returns           returns, of sales, in whole units of money
//	currencies        amounts without amount_base; Subject is the currency
//	reference         rows that answer or name what isn't there; Subject says what
//	overlap           spans that begin before an earlier one of the same thing ends
//	backwards         rows that end, or are answered, promised or delivered, before they begin
//	endless           pauses without an end
//	words             rows with a word, or a reason of return, that no feature reads, of the column's 10,000 most frequent; Detail names the first
//	unsettled         payments in another currency than their invoice, without amount_base of both
//	foreign           payments of the invoice of another account
//	early             payments before their invoice
//	below_spend       wallets declared below the account's own spend
//	country           countries that ISO 3166-1 doesn't know; Subject is the country
//	link_kind         links of a kind that nobody follows; Subject is the kind
//	holiday_country   holidays of a country that no account is of; Subject is the country
//	assessment        rows of assessments that say nothing: of no item, off their scale, judged by nobody
//	cycle             1 when links lead from an account back to itself; Detail names them
//	apart             accounts with imported and cluster-mapped facts
//	terms_apart       accounts with imported facts whose pauses, country or segment are mapped on the cluster, or the other way round
//	unreadable        a mapped source that can't be read; Detail says why
//	drift             a mapped column whose type changed; Detail says how
//	sorting           1 when a mapped table is not sorted by the account first; Detail is its key
//	left_out          rows of a mapped source without a key or required value, by column
//	out_of_range      rows of a mapped source with a value that the column can't hold
func (w Warehouse) Inspect(ctx context.Context, r features.Inspection) ([]features.Measurement, error) {
	zone := r.Zone
	if zone == "" {
		zone = "UTC"
	}
	params := Params{"watermark": r.Watermark, "tz": zone, "base_currency": r.BaseCurrency, "now": frame.Cutoff(r.Now)}
	all, err := w.measureSources(ctx, r.Sources)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Check == "unreadable" {
			return all, nil // the views over it can't be read either
		}
	}
	names, err := fs.Glob(checkStatements, "sql/checks/*.sql")
	if err != nil {
		return nil, err
	}
	rows, err := w.measureRows(ctx, params)
	if err != nil {
		return nil, err
	}
	filled := map[string]bool{} // the tables that have rows
	for _, m := range rows {
		filled[m.Table] = filled[m.Table] || m.Check == "extent" && m.Count > 0
	}
	words, err := w.measureWords(ctx, params, filled)
	if err != nil {
		return nil, err
	}
	all = slices.Concat(all, rows, words)
	sum, found := map[features.Measurement]int{}, map[int][]string{}
	for _, name := range names {
		b, err := checkStatements.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if of := checkedTables.FindSubmatch(b); of != nil && !slices.ContainsFunc(strings.Split(string(of[1]), ", "), func(table string) bool { return filled[table] }) {
			continue
		}
		err = ask(ctx, w.Engine, string(b), params, func(t *frame.Table) error {
			c, err := pick(t, "check", "table_name", "column_name", "from_source", "subject", "found", "total")
			if err != nil {
				return err
			}
			examples := t.Column("examples") // where single rows or accounts are at fault
			for i := range t.Rows() {
				m := features.Measurement{Check: c[0].Texts[i], Table: c[1].Texts[i], Column: c[2].Texts[i], Source: c[3].Texts[i], Subject: c[4].Texts[i]}
				at, ok := sum[m]
				if !ok {
					at = len(all)
					sum[m], all = at, append(all, m)
				}
				all[at].Count += c[5].Integers[i]
				all[at].Total += c[6].Integers[i]
				if examples != nil && examples.Texts[i] != "" {
					found[at] = append(found[at], strings.Split(examples.Texts[i], "\n")...)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("inspect the facts by %s: %w", strings.TrimPrefix(name, "sql/checks/"), err)
		}
	}
	for at, names := range found {
		all[at].Detail = firstOf(names)
	}
	cycle := features.Measurement{Check: "cycle", Table: "account_links", Column: "other", Total: 1}
	links, err := readLinks(ctx, w.Engine, r.Watermark)
	if err != nil {
		return nil, err
	}
	// What is in force changes when a link begins; a cycle that was ended since still
	// stops a build as of a cutoff within it.
	instants := []int64{r.Now}
	for i := range links {
		instants = append(instants, min(r.Now, links[i].Since+1))
	}
	slices.Sort(instants)
	for _, at := range slices.Compact(instants) {
		if _, err := features.Unite(links, frame.Cutoff(at), frame.KnownAt(r.Now)); err != nil {
			cycle.Count, cycle.Detail = 1, err.Error()
			break
		}
	}
	if cycle.Count == 0 {
		if err := w.parentsInACycle(ctx, r, links, &cycle); err != nil {
			return nil, err
		}
	}
	apart, err := w.apart(ctx, r.Watermark)
	if err != nil {
		return nil, err
	}
	terms, err := w.termsApart(ctx, r.Watermark)
	return slices.Concat(all, []features.Measurement{cycle}, apart, terms), err
}

// parentsInACycle notes accounts that belong to each other now. Links that go round
// are looked for before.
func (w Warehouse) parentsInACycle(ctx context.Context, r features.Inspection, links []features.Link, cycle *features.Measurement) error {
	at, known := frame.Cutoff(r.Now), frame.KnownAt(r.Now)
	parents, err := readParents(ctx, w.Engine, Params{
		"cutoffs": []frame.Cutoff{at}, "known_at": []frame.KnownAt{known}, "watermark": r.Watermark,
	})
	if err != nil {
		return err
	}
	u, err := features.Unite(links, at, known)
	if err != nil {
		return fmt.Errorf("unite the accounts now: %w", err)
	}
	if _, err := u.Pool(links, parents, at, known); err != nil {
		cycle.Count, cycle.Table, cycle.Column, cycle.Detail = 1, "accounts", "parent", err.Error()
	}
	return nil
}

// oneSide are the tables whose rows of an account have to lie on one side of a cluster:
// each table's own, and invoices with the payments that settle them. The first table's
// imported rows are compared with the second one's mapped ones.
var oneSide = [][2]string{
	{"order_lines", "order_lines"}, {"interactions", "interactions"}, {"contracts", "contracts"}, {"wallets", "wallets"}, {"people", "people"},
	{"touches", "touches"}, {"assessments", "assessments"}, {"invoices", "invoices"}, {"payments", "payments"}, {"invoices", "payments"}, {"payments", "invoices"},
}

// apart counts the accounts that have imported facts on the first host and
// mapped ones on the cluster: each host would see a part of their history. Subject is the
// mapped table where it is another one.
func (w Warehouse) apart(ctx context.Context, watermark uint64) ([]features.Measurement, error) {
	info := w.Info()
	if info.Cluster == "" {
		return nil, nil
	}
	var all []features.Measurement
	for _, of := range oneSide {
		m := features.Measurement{Check: "apart", Table: of[0], Column: "account"}
		if of[1] != of[0] {
			m.Subject = of[1]
		}
		mapped := OnShards(info.Cluster, info.ShardDatabase, "SELECT DISTINCT account FROM "+of[1])
		names, err := w.onBothSides(ctx, &m, "SELECT DISTINCT account FROM "+of[0]+" WHERE load <= {watermark:UInt64}", mapped, Params{"watermark": watermark})
		if err != nil {
			return nil, fmt.Errorf("look for accounts with imported and mapped facts: %w", err)
		}
		m.Detail = firstOf(names)
		all = append(all, m)
	}
	return all, nil
}

// onBothSides adds to a measurement the accounts of one query that stand in the other's
// answer too, of all that it has, and returns the first of them.
func (w Warehouse) onBothSides(ctx context.Context, m *features.Measurement, one, other string, params Params) ([]string, error) {
	var names []string
	sql := "SELECT countIf(both) AS found, count() AS total, arrayStringConcat(groupArraySortedIf(3)(account, both), '\n') AS examples FROM (SELECT account, account IN (" + other + ") AS both FROM (" + one + "))"
	err := w.Query(ctx, sql, only(sql, params), func(t *frame.Table) error {
		m.Count += t.Columns[0].Integers[0]
		m.Total += t.Columns[1].Integers[0]
		if t.Columns[2].Texts[0] != "" {
			names = strings.Split(t.Columns[2].Texts[0], "\n")
		}
		return nil
	})
	return names, err
}

// measureSources looks at the mapped sources themselves, before their rows are
// filtered.
func (w Warehouse) measureSources(ctx context.Context, sources []features.MappedSource) ([]features.Measurement, error) {
	here, there := divided(sources)
	all, err := measureHost(ctx, w.Engine, w.Engine, "", here)
	if err != nil || len(there) == 0 {
		return all, err
	}
	addresses, err := w.clusterHosts(ctx)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		host, err := w.openHost(address)
		if err != nil {
			return nil, err
		}
		found, err := measureHost(ctx, host, w.Engine, w.Info().ShardDatabase, there)
		if err = errors.Join(err, host.Close()); err != nil {
			return nil, fmt.Errorf("on %s: %w", address, err)
		}
		for _, m := range found {
			i := slices.IndexFunc(all, func(o features.Measurement) bool {
				return o.Check == m.Check && o.Table == m.Table && o.Column == m.Column && o.Source == m.Source && o.Detail == m.Detail
			})
			if i < 0 || m.Check == "drift" || m.Check == "sorting" {
				all = append(all, m)
				continue
			}
			all[i].Count += m.Count
			all[i].Total += m.Total
		}
	}
	return all, nil
}

// measureHost looks at the sources of one host; what their columns once were is
// remembered by the warehouse.
func measureHost(ctx context.Context, e, memory Engine, database string, sources []features.MappedSource) ([]features.Measurement, error) {
	var all []features.Measurement
	for _, s := range sources {
		m, err := compile(ctx, e, database, s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if (errors.Is(err, ErrSource) || errors.Is(err, ErrExpression)) && !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrBusy) {
			all = append(all, features.Measurement{Check: "unreadable", Table: s.Table, Source: s.Name, Count: 1, Total: 1, Detail: err.Error()})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at source %q of %s: %w", s.Name, s.Table, err)
		}
		was, err := remembered(ctx, memory, m.id())
		if err != nil {
			return nil, err
		}
		for _, field := range slices.Sorted(maps.Keys(m.types)) {
			if before := was[field]; before != "" && before != m.types[field] {
				all = append(all, features.Measurement{
					Check: "drift", Table: s.Table, Column: field, Source: s.Name, Count: 1, Total: 1,
					Detail: fmt.Sprintf("%s was %s and is %s", m.Columns[field], before, m.types[field]),
				})
			}
		}
		sorting, err := m.sorting(ctx, e)
		if err != nil {
			return nil, err
		}
		lost, err := m.lost(ctx, e)
		if err != nil {
			return nil, err
		}
		all = append(append(all, sorting...), lost...)
	}
	return all, nil
}

// sorting tells whether the table's sorting key begins with the account as it
// is, so that a question about one account reads a part of it only.
func (m *mapping) sorting(ctx context.Context, e Engine) ([]features.Measurement, error) {
	if m.schema.Account == "" || m.base == nil {
		return nil, nil
	}
	key, engine := "", ""
	err := e.Query(ctx, "SELECT sorting_key, engine FROM system.tables WHERE database = {database:String} AND name = {table:String}",
		Params{"database": m.base.database, "table": m.base.table}, func(t *frame.Table) error {
			if t.Rows() > 0 {
				key, engine = t.Columns[0].Texts[0], t.Columns[1].Texts[0]
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("ask for the sorting key of %s: %w", m.base, err)
	}
	if engine == "View" || engine == "Distributed" {
		return nil, nil // what lies below it has the key
	}
	all, err := tokens(m.Columns[m.schema.Account], columnForm)
	if err != nil {
		return nil, err
	}
	name := all[len(all)-1].text // of account, `account` and d.account
	plain := len(all) == 1 || len(all) == 3 && all[1].symbol(".")
	first, _, _ := strings.Cut(key, ",")
	found := features.Measurement{Check: "sorting", Table: m.Table, Column: m.schema.Account, Source: m.Name, Total: 1, Detail: m.base.String() + " is sorted by " + key}
	if key == "" {
		found.Detail = m.base.String() + " has no sorting key"
	}
	if t, _ := plainType(m.types[m.schema.Account]); !plain || t != "String" {
		found.Count, found.Detail = 1, "the account is computed: "+m.Columns[m.schema.Account]+" ("+m.types[m.schema.Account]+")"
	} else if strings.Trim(strings.TrimSpace(first), "`") != name {
		found.Count = 1
	}
	return []features.Measurement{found}, nil
}

// lost counts the rows that the canonical view leaves out, and the values that
// it does not hold.
func (m *mapping) lost(ctx context.Context, e Engine) ([]features.Measurement, error) {
	var parts []string
	var all []features.Measurement
	for _, f := range m.mappedFields() {
		nothing := "isNull(" + given(f.Name) + ")"
		if t, _ := plainType(m.types[f.Name]); t == "String" {
			nothing = "empty(ifNull(" + given(f.Name) + ", ''))"
		}
		if f.Required {
			parts = append(parts, "countIf(ifNull("+nothing+", 1))")
			all = append(all, features.Measurement{Check: "left_out", Table: m.Table, Column: f.Name, Source: m.Name})
		}
		if f.Kind != frame.Text {
			parts = append(parts, "countIf(NOT ("+nothing+") AND isNull("+held(f)+"))")
			all = append(all, features.Measurement{Check: "out_of_range", Table: m.Table, Column: f.Name, Source: m.Name})
		}
	}
	switch m.Table {
	case walletsTable:
		parts = append(parts, "countIf(NOT ("+m.declares()+"))")
		all = append(all, features.Measurement{Check: "left_out", Table: m.Table, Column: "amount", Source: m.Name})
	case invoicesTable:
		parts = append(parts, "countIf(NOT ("+m.falls()+"))")
		all = append(all, features.Measurement{Check: "left_out", Table: m.Table, Column: "due_at", Source: m.Name})
	}
	for i := range parts {
		parts[i] = fmt.Sprintf("%s AS c%d", parts[i], i)
	}
	err := e.Query(ctx, "SELECT count() AS total, "+strings.Join(parts, ", ")+"\nFROM ("+m.levels()+")", nil, func(t *frame.Table) error {
		for i := range all {
			all[i].Count, all[i].Total = t.Columns[i+1].Integers[0], t.Columns[0].Integers[0]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the rows of source %q that are not seen: %w", m.Name, err)
	}
	return all, nil
}
