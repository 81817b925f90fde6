package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// reversible are the tables whose rows add up, so that a correction takes back
// the old amount; the newest version of a row counts in the others.
var reversible = []string{"order_lines", "wallets", "outcomes"}

// part is what is compared at a time: a range of the sorting key where keys
// begin with it, a share of the keys by hash where they don't.
type part struct {
	from, to      string
	rows          int64
	slice, slices uint64
}

// reconcile compares the load with the committed ones: rows that say what is
// known are left out, and those that say something else are refused or become
// corrections. What is left is written again under a new number, which is then
// the load's.
func (l *load) reconcile(ctx context.Context) (unchanged, corrected, reversed int64, err error) {
	parts, err := l.parts(ctx)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("cut the load into parts: %w", err)
	}
	based, recorded := int64(0), int64(0)
	if l.based {
		based = 1
	}
	if l.assumed == 0 {
		recorded = 1
	}
	params := Params{"table": l.table, "load": l.number.Load(), "name": l.Source, "based": based, "recorded": recorded}
	if err := l.each(ctx, "loads/compare.sql", params, parts); err != nil {
		return 0, 0, 0, fmt.Errorf("compare with what is known: %w", err)
	}
	row, err := l.one(ctx, "loads/verdicts.sql", Params{"load": l.number.Load()}, "unchanged", "changed", "corrected_at")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("count what is known: %w", err)
	}
	unchanged, corrected = row[0], row[1]
	switch {
	case corrected > 0 && !l.Correct:
		return 0, 0, 0, l.conflict(ctx)
	case unchanged == 0 && corrected == 0:
		return 0, 0, 0, nil
	}
	came := l.number.Load()
	if err := l.takeNumber(ctx); err != nil {
		return 0, 0, 0, err
	}
	if err := l.markOf(ctx, came, l.holder, true); err != nil {
		return 0, 0, 0, err
	}
	params["into"], params["corrected_at"] = l.number.Load(), time.Unix(row[2], 0).UTC()
	if err := l.each(ctx, "loads/restage.sql", params, parts); err != nil {
		return 0, 0, 0, fmt.Errorf("leave out what is known: %w", err)
	}
	if corrected > 0 && slices.Contains(reversible, l.schema.Name) {
		sql := statement("loads/reverse_" + l.schema.Name + ".sql")
		if err := l.Exec(ctx, sql, only(sql, params)); err != nil {
			return 0, 0, 0, fmt.Errorf("take back what is corrected: %w", err)
		}
	}
	count, err := l.one(ctx, "loads/count.sql", Params{"table": l.table, "load": l.number.Load()}, "reversals")
	if err != nil {
		return 0, 0, 0, fmt.Errorf("count the reversals: %w", err)
	}
	return unchanged, corrected, count[0], nil
}

// parts cuts the load so that the engine's memory is bounded.
func (l *load) parts(ctx context.Context) ([]part, error) {
	var ranges []part
	err := l.Query(ctx, statement("loads/ranges.sql"), Params{"table": l.table, "load": l.number.Load()}, func(t *frame.Table) error {
		columns, err := pick(t, "range_key", "rows")
		if err != nil {
			return err
		}
		for i, key := range columns[0].Texts {
			n := columns[1].Integers[i]
			if last := len(ranges) - 1; last < 0 || ranges[last].rows+n > comparedRows {
				ranges = append(ranges, part{from: key})
			}
			last := &ranges[len(ranges)-1]
			last.to, last.rows = key, last.rows+n
		}
		return nil
	})
	var parts []part
	for _, p := range ranges {
		// One range may be larger than a part: a table whose keys don't begin with it, or an account of many lines.
		p.slices = uint64(max(1, (p.rows+comparedRows-1)/comparedRows))
		for p.slice = range p.slices {
			parts = append(parts, p)
		}
	}
	return parts, err
}

// each runs a statement for each part.
func (l *load) each(ctx context.Context, name string, params Params, parts []part) error {
	sql := statement(name)
	for i, p := range parts {
		params["part"], params["from_key"], params["to_key"] = uint64(i), p.from, p.to
		params["slice"], params["slices"] = p.slice, p.slices
		if err := l.Exec(ctx, sql, only(sql, params)); err != nil {
			return err
		}
	}
	return nil
}

// conflict names the first key that is known with other values, and the field.
func (l *load) conflict(ctx context.Context) error {
	var known, given *frame.Table
	err := l.Query(ctx, statement("loads/conflict.sql"), Params{"table": l.table, "load": l.number.Load()}, func(t *frame.Table) error {
		loads := t.Column("load")
		for i := range t.Rows() {
			row := taken(t, i)
			switch {
			case uint64(loads.Integers[i]) != l.number.Load() && known == nil: //nolint:gosec // a load's number
				known = row
			case uint64(loads.Integers[i]) == l.number.Load() && given == nil: //nolint:gosec // a load's number
				given = row
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for what is known with other values: %w", err)
	}
	if known == nil || given == nil {
		return fmt.Errorf("%w: %s", features.ErrKnown, l.schema.Name)
	}
	var key strings.Builder
	for _, f := range l.schema.Fields {
		if f.Key || l.schema.Versioned && f.Name == "valid_from" {
			fmt.Fprintf(&key, " %s %s", f.Name, valueText(given.Column(f.Name)))
		}
	}
	differs := "the number of its rows"
	for _, f := range l.schema.Fields {
		a, b := valueText(known.Column(f.Name)), valueText(given.Column(f.Name))
		if a != b && f.Name != features.RecordedAt && (f.Name != "amount_base" || l.based) {
			differs = fmt.Sprintf("%s was %s, now %s", f.Name, a, b)
			break
		}
	}
	return fmt.Errorf("%w (load %d): %s%s: %s; declare it a correction if it is one", features.ErrKnown, known.Column("load").Integers[0], l.schema.Name, key.String(), differs)
}

// taken copies one row.
func taken(t *frame.Table, i int) *frame.Table {
	row := &frame.Table{}
	for c := range t.Columns {
		row.Columns = append(row.Columns, t.Columns[c].Take([]int{i}))
	}
	return row
}

// valueText writes the value of a one-row column for people.
func valueText(c *frame.Column) string {
	switch {
	case c == nil || c.IsNull(0):
		return "empty"
	case c.Kind == frame.Text:
		return shortText(c.Texts[0])
	case c.Kind == frame.Decimal:
		return decimalText(c.Integers[0])
	case c.Kind == frame.Time:
		return instant(c.Integers[0])
	case c.Kind == frame.Integer:
		return fmt.Sprint(c.Integers[0])
	}
	return fmt.Sprint(c.Float(0))
}
