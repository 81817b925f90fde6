package clickhouse

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// maxBatchRows is the most that features.Rows hands on at a time.
const maxBatchRows = 65_536

// buffer holds one batch, to be completed. Its columns are those of the imported
// table: the schema's fields in order, load and source.
type buffer struct {
	columns []frame.Column
	// nulls are the null marks of the columns, as long as the columns, and absent
	// tells which of them the batch lacks.
	nulls  [][]bool
	absent []bool
	// fields counts the columns that are the schema's.
	fields int
	rows   int
}

func newBuffer(schema features.TableSchema, number uint64, source string) *buffer {
	b := &buffer{fields: len(schema.Fields), nulls: make([][]bool, len(schema.Fields)), absent: make([]bool, len(schema.Fields))}
	for _, f := range schema.Fields {
		b.columns = append(b.columns, frame.Column{Meta: frame.Meta{Name: f.Name}, Kind: f.Kind})
	}
	b.columns = append(b.columns,
		frame.Column{Meta: frame.Meta{Name: "load"}, Kind: frame.Integer, Integers: slices.Repeat([]int64{int64(number)}, maxBatchRows)}, //nolint:gosec // a load's number
		frame.Column{Meta: frame.Meta{Name: "source"}, Kind: frame.Text, Texts: slices.Repeat([]string{source}, maxBatchRows)})
	return b
}

// table returns the rows for an insert; it shares the buffer's memory. A column
// that the batch lacks and nothing completed is left out: the table's default is
// what is missing, NULL or the empty text.
func (b *buffer) table() *frame.Table {
	t := &frame.Table{Columns: make([]frame.Column, 0, len(b.columns))}
	for i := range b.columns {
		c := b.columns[i]
		if i >= b.fields {
			t.Columns = append(t.Columns, c.Slice(0, b.rows))
			continue
		}
		if b.absent[i] && (c.Kind == frame.Text || b.nulls[i][0]) {
			continue
		}
		if slices.Contains(b.nulls[i], true) {
			c.Null = b.nulls[i]
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// fill replaces the rows by a batch's. Fields that it lacks are missing
// throughout. before is the number of the load's rows that came before it.
func (b *buffer) fill(batch *frame.Table, before int64) error {
	n := batch.Rows()
	if n == 0 || n > maxBatchRows {
		return fmt.Errorf("a batch after row %d has %d rows, not 1 … %d", before, n, maxBatchRows)
	}
	if err := batch.Check(); err != nil {
		return fmt.Errorf("a batch after row %d: %w", before, err)
	}
	b.rows = n
	for i := range b.columns[:b.fields] {
		c := &b.columns[i]
		c.Texts, c.Integers, c.Numbers, b.nulls[i] = c.Texts[:0], c.Integers[:0], c.Numbers[:0], b.nulls[i][:0]
		from := batch.Column(c.Name)
		if b.absent[i] = from == nil; from == nil {
			b.addMissing(i, n)
			continue
		}
		if from.Kind != c.Kind {
			return fmt.Errorf("column %q holds %s values, the table's are %s", c.Name, from.Kind, c.Kind)
		}
		c.Texts, c.Integers, c.Numbers = append(c.Texts, from.Texts...), append(c.Integers, from.Integers...), append(c.Numbers, from.Numbers...)
		if from.Null == nil {
			b.nulls[i] = append(b.nulls[i], make([]bool, n)...)
		} else {
			b.nulls[i] = append(b.nulls[i], from.Null...)
		}
	}
	return nil
}

func (b *buffer) addMissing(i, n int) {
	c := &b.columns[i]
	switch c.Kind {
	case frame.Text:
		c.Texts = append(c.Texts, make([]string, n)...)
	case frame.Number:
		c.Numbers = append(c.Numbers, missing(n)...)
	default:
		c.Integers = append(c.Integers, make([]int64, n)...)
	}
	b.nulls[i] = append(b.nulls[i], slices.Repeat([]bool{true}, n)...)
}

// completion gives rows the values that they lack and refuses those that the
// warehouse can't keep.
type completion struct {
	schema features.TableSchema
	// at is the index of each field.
	at map[string]int
	// now is what recorded_at defaults to without any event.
	now   int64
	base  string
	rates *rates
	// lines counts the rows of each order so far; nil where a table has none.
	lines *ordinals

	rows, assumed int64
	based         bool
}

func (l *load) newCompletion(ctx context.Context) (*completion, error) {
	c := &completion{schema: l.schema, at: map[string]int{}, now: l.now, base: l.BaseCurrency}
	for i := range l.schema.Fields {
		c.at[l.schema.Fields[i].Name] = i
	}
	if _, ok := c.at["amount_base"]; ok {
		var err error
		if c.rates, err = readRates(ctx, l.Engine, l.Zone); err != nil {
			return nil, err
		}
	}
	if l.schema.Field("line") != nil {
		c.lines = &ordinals{}
	}
	return c, nil
}

// refuse names the row, counted from 1, and the column.
func (c *completion) refuse(row int64, column, format string, values ...any) error {
	return fmt.Errorf("%w: row %d, column %q: %s", ErrBadRow, row+1, column, fmt.Sprintf(format, values...))
}

// complete works on the buffer's rows.
func (c *completion) complete(b *buffer) error {
	if err := c.numberLines(b); err != nil {
		return err
	}
	c.recorded(b)
	if c.schema.Name == invoicesTable {
		if err := c.due(b); err != nil {
			return err
		}
	}
	for i := range c.schema.Fields {
		if err := c.check(b, i); err != nil {
			return err
		}
	}
	switch c.schema.Name {
	case walletsTable:
		if err := c.rank(b); err != nil {
			return err
		}
	case assessmentsTable:
		if err := c.assess(b); err != nil {
			return err
		}
	}
	if c.rates != nil {
		if err := c.convert(b); err != nil {
			return err
		}
	}
	c.rows += int64(b.rows)
	return nil
}

// numberLines gives a row without a line number its ordinal within its order.
// Every row is counted, so that the ordinal does not depend on which rows have
// numbers.
func (c *completion) numberLines(b *buffer) error {
	if c.lines == nil {
		return nil
	}
	accounts, orders := b.columns[c.at["account"]].Texts, b.columns[c.at["order_id"]].Texts
	k := c.at["line"]
	numbers, nulls := b.columns[k].Integers, b.nulls[k]
	for i := range b.rows {
		c.lines.add(accounts[i], orders[i])
		if !nulls[i] {
			continue
		}
		ordinal, ok := c.lines.last()
		if !ok {
			return c.refuse(c.rows+int64(i), "line", "more than %d orders in one load need line numbers of their own", maxCountedOrders)
		}
		nulls[i], numbers[i] = false, ordinal
	}
	return nil
}

// recorded gives rows without a recording time their event's, and counts them.
func (c *completion) recorded(b *buffer) {
	k := c.at[features.RecordedAt]
	event := c.schema.Event
	if event == "" {
		event = "valid_from"
	}
	e := c.at[event]
	for i := range b.rows {
		if !b.nulls[k][i] {
			continue
		}
		c.assumed++
		b.nulls[k][i] = false
		if b.columns[k].Integers[i] = b.columns[e].Integers[i]; b.nulls[e][i] {
			b.columns[k].Integers[i] = c.now
		}
	}
}

// check refuses values of field number k that are absent or out of range.
func (c *completion) check(b *buffer, k int) error {
	f := &c.schema.Fields[k]
	column, nulls := &b.columns[k], b.nulls[k]
	stored := f.Nullable && f.Name != features.RecordedAt
	end := power(maxPrecision)
	for i := range b.rows {
		row := c.rows + int64(i)
		if nulls[i] {
			switch {
			case f.Required || !stored && f.Kind != frame.Text:
				return c.refuse(row, f.Name, "the value is missing")
			case !stored:
				nulls[i], column.Texts[i] = false, ""
			}
			continue
		}
		switch f.Kind {
		case frame.Text:
			if f.Required && column.Texts[i] == "" {
				return c.refuse(row, f.Name, "the text is empty")
			}
		case frame.Number: // rates
			if v := column.Numbers[i]; !(v > 0) {
				return c.refuse(row, f.Name, "%v is not above 0", v)
			}
		case frame.Time:
			if v := column.Integers[i]; v < 0 || v >= endOfDateTime {
				return c.refuse(row, f.Name, "%s lies outside %s … %s", instant(v), instant(0), instant(endOfDateTime-1))
			}
		case frame.Decimal:
			if v := column.Integers[i]; v >= end || v <= -end {
				return c.refuse(row, f.Name, "%s has more than %d digits", decimalText(v), maxPrecision)
			}
		case frame.Integer, frame.Category: // every int64 is kept; a schema has no categories
		}
	}
	return nil
}

// rank refuses rows of wallets that say neither how much an account spends nor
// which place we have among how many suppliers.
func (c *completion) rank(b *buffer) error {
	value := func(name string, i int) (int64, bool) {
		k := c.at[name]
		return b.columns[k].Integers[i], !b.nulls[k][i]
	}
	for i := range b.rows {
		_, declared := value("amount", i)
		rank, ranked := value("rank", i)
		suppliers, counted := value("suppliers", i)
		if column, fault := features.RankFault(declared, ranked, counted, rank, suppliers); fault != "" {
			return c.refuse(c.rows+int64(i), column, "%s", fault)
		}
	}
	return nil
}

// assess refuses rows of assessments that say nothing.
func (c *completion) assess(b *buffer) error {
	text := func(name string, i int) string { return b.columns[c.at[name]].Texts[i] }
	number := func(name string, i int, missing float64) float64 {
		if k := c.at[name]; !b.nulls[k][i] {
			return float64(b.columns[k].Integers[i]) / frame.DecimalScale
		}
		return missing
	}
	for i := range b.rows {
		a := features.Assessment{
			Item: text("item", i), Kind: text("kind", i), Author: text("author", i), Comment: text("comment", i),
			Value: number("value", i, math.NaN()), Scale: number("scale", i, 0), Expectation: number("expectation", i, math.NaN()),
		}
		if column, fault := a.Fault(); fault != "" {
			return c.refuse(c.rows+int64(i), column, "%s", fault)
		}
	}
	return nil
}

// due gives an invoice without due_at the end of its terms, by the business's calendar.
func (c *completion) due(b *buffer) error {
	due, terms, issued := c.at["due_at"], c.at["terms"], c.at["issued_at"]
	for i := range b.rows {
		row := c.rows + int64(i)
		days, none := b.columns[terms].Integers[i], b.nulls[terms][i]
		switch {
		case !none && (days < 0 || days > features.MostTerms):
			return c.refuse(row, "terms", "%d lies outside 0 … %d days", days, features.MostTerms)
		case !b.nulls[due][i] || b.nulls[issued][i]:
		case none:
			return c.refuse(row, "due_at", "the value is missing; give it, or the terms in days")
		default:
			b.nulls[due][i] = false
			b.columns[due].Integers[i] = time.Unix(b.columns[issued].Integers[i], 0).In(c.rates.zone).AddDate(0, 0, int(days)).Unix()
		}
	}
	return nil
}

// convert fills amount_base where the file gives none and there is an amount. What is agreed
// or declared ahead is worth what it was when it was recorded.
func (c *completion) convert(b *buffer) error {
	k, amount := c.at["amount_base"], c.at["amount"]
	amounts, currencies := b.columns[amount].Integers, b.columns[c.at["currency"]].Texts
	times, recorded := b.columns[c.at[c.schema.Event]].Integers, b.columns[c.at[features.RecordedAt]].Integers
	ahead := c.schema.Name == walletsTable || c.schema.Name == contractsTable
	for i := range b.rows {
		if !b.nulls[k][i] {
			c.based = true
			continue
		}
		if b.nulls[amount][i] {
			continue
		}
		day := times[i]
		if ahead {
			day = min(day, recorded[i])
		}
		value := amounts[i]
		if currency := currencies[i]; currency != "" && currency != c.base {
			row := c.rows + int64(i)
			rate, day, ok := c.rates.at(currency, day)
			if !ok {
				into := c.base
				if into == "" {
					into = "a base currency, which is not set,"
				}
				return fmt.Errorf("row %d is in %s: %w from %s into %s on %s or the %d days before; load fx_rates first",
					row+1, currency, ErrNoRate, currency, into, time.Unix(day*secondsPerDay, 0).UTC().Format(time.DateOnly), rateDays)
			}
			if value, ok = rate.convert(value); !ok {
				return c.refuse(row, "amount_base", "%s %s leaves %d digits in %s", decimalText(amounts[i]), currency, maxPrecision, c.base)
			}
		}
		b.nulls[k][i], b.columns[k].Integers[i] = false, value
	}
	return nil
}
