package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// mostNamed is how many rows of those found are given as examples.
const mostNamed = 3

// rowRule is a condition on single rows of a table; the rows of which it holds are
// counted under check.
type rowRule struct{ check, column, condition string }

// ahead are the tables whose rows may tell of what is agreed or planned.
var ahead = []string{"accounts", "contracts", "wallets", "products", "people", "managers", "targets", "account_links", "pauses", "holidays"}

// atOnce are the tables whose rows the business commonly knows at the instant of their event.
var atOnce = []string{"assessments", "touches", "holidays", "fx_rates", "targets"}

// backwards are the columns that can't lie before the one beside them.
var backwards = []struct{ table, begins, ends string }{
	{"order_lines", "ordered_at", "delivered_at"}, {"order_lines", "ordered_at", "promised_at"},
	{"interactions", "at", "responded_at"}, {"contracts", "start", "end"}, {"people", "since", "until"},
	{"invoices", "issued_at", "due_at"}, {"touches", "at", "answered_at"},
}

// rowRules returns what is counted of each row of a table. Every table's rows can be
// recorded in the future; that they are recorded at the very instant of their event is
// told where it is not usual.
func rowRules(s features.TableSchema) []rowRule {
	const now = "{now:DateTime('UTC')}"
	event := quoted(s.Event)
	if s.Event == "" {
		event = "valid_from"
	}
	all := []rowRule{{"future", features.RecordedAt, "recorded_at > " + now + " AND NOT ifNull(recorded_at = " + event + ", 0)"}}
	if !slices.Contains(atOnce, s.Name) {
		all = append(all, rowRule{"assumed", features.RecordedAt, "recorded_at = " + event})
	}
	if !slices.Contains(ahead, s.Name) {
		all = append(all, rowRule{"future", s.Event, event + " > " + now})
	}
	for _, b := range backwards {
		if b.table == s.Name {
			all = append(all, rowRule{"backwards", b.ends, quoted(b.ends) + " < " + quoted(b.begins)})
		}
	}
	return all
}

// sameRow are the columns that two rows of a source have in common when one repeats the
// other: the key and the recording. A correction has a later recording, or, of order lines
// and wallets, other values. Lines of sources without line numbers are told apart by them.
func sameRow(s features.TableSchema) string {
	var of []string
	for _, f := range s.Fields {
		if f.Key || f.Name == "valid_from" || f.Name == features.RecordedAt || s.Name == "order_lines" && slices.Contains([]string{"product", "amount", "ordered_at"}, f.Name) ||
			s.Name == walletsTable && slices.Contains([]string{"amount", "rank", "suppliers"}, f.Name) {
			name := quoted(f.Name)
			if f.Nullable && f.Name != features.RecordedAt {
				name = "ifNull(toString(" + name + "), '')"
			}
			of = append(of, name)
		}
	}
	return "sipHash128(" + strings.Join(of, ", ") + ")"
}

// rowName is an expression that names a row to a person: its key, such as c17/2025-03-01.
func rowName(s features.TableSchema) string {
	var parts []string
	for _, f := range s.Fields {
		switch {
		case !f.Key:
		case f.Kind == frame.Time:
			parts = append(parts, "replaceOne(toString("+quoted(f.Name)+"), ' 00:00:00', '')")
		default:
			parts = append(parts, "toString("+quoted(f.Name)+")")
		}
	}
	return "arrayStringConcat(arrayFilter(p -> p != '', [" + strings.Join(parts, ", ") + "]), '/')"
}

// measureRows counts each canonical table's rows by source in one scan: all (extent), the
// surplus ones (duplicates), and those of each of its rules. Only where some are found are
// they looked for once more, to name the first of them.
func (w Warehouse) measureRows(ctx context.Context, params Params) ([]features.Measurement, error) {
	var all []features.Measurement
	for _, s := range features.Schemas() {
		rules := rowRules(s)
		counts := []string{"toString(source) AS from_source", "count() AS total", "count() - uniqExact(" + sameRow(s) + ") AS surplus"}
		for i, r := range rules {
			counts = append(counts, fmt.Sprintf("countIf(%s) AS c%d", r.condition, i))
		}
		seen := " FROM " + s.Name + " WHERE load <= {watermark:UInt64}"
		bySource := map[string]int{} // where the measurements of a source begin
		err := ask(ctx, w.Engine, "SELECT "+strings.Join(counts, ", ")+seen+" GROUP BY from_source", params, func(t *frame.Table) error {
			for i, source := range t.Columns[0].Texts {
				at, ok := bySource[source]
				if !ok {
					at = len(all)
					bySource[source] = at
					all = append(all, features.Measurement{Check: "extent", Table: s.Name, Source: source},
						features.Measurement{Check: "duplicates", Table: s.Name, Column: keyColumn(s), Source: source})
					for _, r := range rules {
						all = append(all, features.Measurement{Check: r.check, Table: s.Name, Column: r.column, Source: source})
					}
				}
				total := t.Columns[1].Integers[i]
				for k := range 2 + len(rules) {
					all[at+k].Total += total
					all[at+k].Count += t.Columns[1+k].Integers[i]
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", s.Name, err)
		}
		for source, at := range bySource {
			of := seen + " AND source = {source:String}"
			for k := range 1 + len(rules) {
				m := &all[at+1+k]
				var sql string
				switch {
				case m.Count == 0 || m.Check == "assumed":
					continue
				case m.Check == "duplicates":
					sql = "SELECT any(" + rowName(s) + ") AS name" + of + " GROUP BY " + sameRow(s) + " HAVING count() > 1"
				default:
					sql = "SELECT DISTINCT " + rowName(s) + " AS name" + of + " AND (" + rules[k-1].condition + ")"
				}
				names := Params{"source": source}
				maps.Copy(names, params)
				var found []string
				err := ask(ctx, w.Engine, fmt.Sprintf("%s ORDER BY name LIMIT %d", sql, mostNamed), names, func(t *frame.Table) error {
					found = append(found, t.Columns[0].Texts...)
					return nil
				})
				if err != nil {
					return nil, fmt.Errorf("name rows of %s: %w", s.Name, err)
				}
				m.Detail = firstOf(found)
			}
		}
	}
	return all, nil
}

// keyColumn is the last column of a table's key, which tells its rows apart.
func keyColumn(s features.TableSchema) string {
	last := ""
	for _, f := range s.Fields {
		if f.Key {
			last = f.Name
		}
	}
	return last
}

// firstOf joins the first names of those that the hosts gave.
func firstOf(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	return strings.Join(names[:min(len(names), mostNamed)], ", ")
}
