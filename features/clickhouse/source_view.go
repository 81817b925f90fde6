package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// plainType takes Nullable and LowCardinality off a type and tells whether it
// was Nullable.
func plainType(t string) (plain string, nullable bool) {
	for {
		switch {
		case strings.HasPrefix(t, "Nullable("):
			t, nullable = t[len("Nullable("):len(t)-1], true
		case strings.HasPrefix(t, "LowCardinality("):
			t = t[len("LowCardinality(") : len(t)-1]
		default:
			return t, nullable
		}
	}
}

// typeName returns a type's name without its arguments.
func typeName(t string) string {
	name, _, _ := strings.Cut(t, "(")
	return name
}

// Texts as numbers and instants are read when they have one of these shapes. The
// engine's own readers make 0 of "-" and the 2nd of March of the 31st of
// February.
const (
	numberShape = `'^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$'`
	timeShape   = `'^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?)?$'`
)

// The part of a source is read in levels, so that no expression is written
// twice: what the source gives, what was read of it, what the canonical kind
// can hold, and the canonical row.

// reading returns the SQL that reads a mapped field's value as its canonical
// kind; instants as DateTime64. It answers NULL where the source has nothing, or
// nothing that the kind can hold. NULL and not an error, because the engine may
// compute a value before it filters the row away that has it.
func (m *mapping) reading(f *features.Field) (string, error) {
	v := given(f.Name)
	plain, nullable := plainType(m.types[f.Name])
	name := typeName(plain)
	whole := strings.HasPrefix(name, "Int") || strings.HasPrefix(name, "UInt") || name == "Bool"
	float := name == "Float32" || name == "Float64"
	refuse := func(hint string) error {
		return fmt.Errorf("%w: it is %s, and %s of %s is %s; %s", ErrSource, m.types[f.Name], f.Name, m.Table, f.Kind, hint)
	}
	switch f.Kind {
	case frame.Text:
		switch {
		case name == "String" && nullable:
			return "ifNull(" + v + ", '')", nil
		case name == "String":
			return v, nil // as it is, so that a condition on it still reaches the sorting key
		case name == "FixedString":
			return "ifNull(toStringCutToZero(" + v + "), '')", nil
		case whole || slices.Contains([]string{"UUID", "Enum8", "Enum16", "Date", "Date32", "Decimal"}, name):
			return "ifNull(toString(" + v + "), '')", nil
		}
		return "", refuse("make a text of it")
	case frame.Decimal:
		switch {
		case whole:
			return "accurateCastOrNull(" + v + ", 'Decimal(18, 4)')", nil
		case name == "Decimal":
			return "accurateCastOrNull(round(" + v + ", 4), 'Decimal(18, 4)')", nil
		case float:
			// toDecimal64(0.57, 4) is 0.5699: it cuts off what the binary fraction lacks.
			return "toDecimal64(accurateCastOrNull(round(toFloat64(" + v + ") * 10000), 'Int64'), 0) * toDecimal64('0.0001', 4)", nil
		case name == "String":
			return "if(match(ifNull(" + v + ", ''), " + numberShape + "), accurateCastOrNull(round(toDecimal128OrNull(" + v +
				", 12), 4), 'Decimal(18, 4)'), NULL)", nil
		}
		return "", refuse("make a number of it")
	case frame.Time:
		zone := "'" + quoteEscapes.Replace(m.zone()) + "'"
		switch { //nolint:staticcheck // the cases after the first ask more than the name
		case name == "DateTime":
			return "toDateTime64(" + v + ", 0, 'UTC')", nil
		case name == "DateTime64":
			return v, nil
		case name == "Date" || name == "Date32":
			return "toDateTime64(toDate32(" + v + "), 0, " + zone + ")", nil
		case name == "String":
			text := "ifNull(" + v + ", '')"
			return "if(match(" + text + ", " + timeShape + "), toDateTime64(parseDateTimeOrNull(concat(substring(" + text + ", 1, 10), ' ', if(length(" +
				text + ") > 10, substring(" + text + ", 12, 8), '00:00:00')), '%Y-%m-%d %H:%i:%s', " + zone + "), 0, 'UTC'), NULL)", nil
		}
		return "", refuse("make an instant of it, such as fromUnixTimestamp(seconds)")
	case frame.Integer:
		switch {
		case whole || name == "Decimal" || float:
			return "accurateCastOrNull(" + v + ", 'Int64')", nil
		case name == "String":
			return "toInt64OrNull(" + v + ")", nil
		}
		return "", refuse("make a whole number of it")
	case frame.Number:
		if whole || float || name == "Decimal" {
			return "if(isFinite(toFloat64(" + v + ")), toFloat64(" + v + "), NULL)", nil
		}
		return "", refuse("make a number of it")
	case frame.Category: // no canonical field is one
	}
	return "", refuse("it can't be mapped")
}

// held is the name of what the canonical kind can hold of a mapped field, NULL
// or the empty text where it is nothing.
func held(f *features.Field) string { return quoted("held " + f.Name) }

// fitting returns the SQL of held over read: an instant outside 1970 … 2105 is
// NULL, where the engine would wrap or clip it.
func fitting(f *features.Field) string {
	read := quoted("read " + f.Name)
	if f.Kind != frame.Time {
		return read
	}
	return "if(" + read + " >= toDateTime64('1970-01-01 00:00:00', 0, 'UTC') AND " + read + " < toDateTime64('2106-01-01 00:00:00', 0, 'UTC'), toDateTime(" + read +
		", 'UTC'), NULL)"
}

// mappedFields are the schema's fields that the source gives, in order.
func (m *mapping) mappedFields() []*features.Field {
	var fields []*features.Field
	for i := range m.schema.Fields {
		if f := &m.schema.Fields[i]; m.Columns[f.Name] != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// levels returns the SELECT of every mapped field as given and as held.
func (m *mapping) levels() string {
	var raw, read, holds []string
	for _, f := range m.mappedFields() {
		value, _ := m.reading(f) // compile has seen it
		raw = append(raw, given(f.Name))
		read = append(read, value+" AS "+quoted("read "+f.Name))
		holds = append(holds, fitting(f)+" AS "+held(f))
	}
	return "SELECT " + strings.Join(slices.Concat(raw, holds), ", ") +
		"\nFROM (SELECT " + strings.Join(slices.Concat(raw, read), ", ") + "\nFROM (" + m.inner() + "))"
}

func (m *mapping) zone() string {
	if m.Zone == "" {
		return "UTC"
	}
	return m.Zone
}

// canonicalType is the type of a field in the canonical views.
func canonicalType(f *features.Field) string {
	name := map[frame.Kind]string{
		frame.Text: "String", frame.Integer: "Int64", frame.Decimal: "Decimal(18, 4)", frame.Time: "DateTime('UTC')", frame.Number: "Float64",
	}[f.Kind]
	if f.Nullable && f.Name != features.RecordedAt {
		return "Nullable(" + name + ")"
	}
	return name
}

// present is the condition that a mapped field has a value.
func present(f *features.Field) string {
	if f.Kind == frame.Text {
		return "notEmpty(" + held(f) + ")"
	}
	return "isNotNull(" + held(f) + ")"
}

// value returns the SQL of a field, mapped or not, in its canonical type.
func (m *mapping) value(f *features.Field) string {
	if m.Columns[f.Name] != "" {
		switch {
		case f.Kind == frame.Text:
			return held(f)
		case f.Required:
			return "assumeNotNull(" + held(f) + ")" // rows without it are filtered away
		case f.Name == features.RecordedAt:
			return "assumeNotNull(ifNull(" + held(f) + ", " + m.event() + "))"
		case f.Name == "line":
			return "assumeNotNull(ifNull(" + held(f) + ", " + m.ordinal() + "))"
		case m.dues(f):
			return m.due()
		}
		return "CAST(" + held(f) + ", '" + quoteEscapes.Replace(canonicalType(f)) + "')"
	}
	switch {
	case f.Name == features.RecordedAt:
		return m.event()
	case f.Name == "line":
		return m.ordinal()
	case m.dues(f):
		return m.due()
	case f.Name == "currency" && m.Currency != "":
		return "'" + m.Currency + "'"
	case f.Name == "amount_base" && m.Currency != "" && m.Columns["amount"] != "":
		return "CAST(" + held(m.schema.Field("amount")) + ", 'Nullable(Decimal(18, 4))')"
	case f.Kind == frame.Text:
		return "''"
	}
	return "CAST(NULL, '" + quoteEscapes.Replace(canonicalType(f)) + "')"
}

// event is when a row happened, which is when it is taken to be known where
// nobody says: its event time, valid_from, or from the beginning.
func (m *mapping) event() string {
	name := m.schema.Event
	if name == "" && m.Columns["valid_from"] != "" {
		name = "valid_from"
	}
	if name == "" {
		return "toDateTime(0, 'UTC')"
	}
	return "assumeNotNull(ifNull(" + held(m.schema.Field(name)) + ", toDateTime(0, 'UTC')))"
}

// ordinal stands for a line number that nobody gives. An import counts the lines
// of an order; here equal rows get one number and all others different ones,
// which comes to the same: features add up the rows of a line.
func (m *mapping) ordinal() string {
	var parts []string
	for _, f := range m.mappedFields() {
		if f.Name != "line" {
			parts = append(parts, "ifNull(toString("+given(f.Name)+"), '')")
		}
	}
	return "reinterpretAsInt64(sipHash64(" + strings.Join(parts, ", ") + "))"
}

// branch returns the SELECT that is the source's part of the canonical view.
func (m *mapping) branch() string {
	var parts, conditions []string
	for i := range m.schema.Fields {
		f := &m.schema.Fields[i]
		parts = append(parts, m.value(f)+" AS "+quoted(f.Name))
		if f.Required {
			conditions = append(conditions, present(f))
		}
	}
	switch m.Table {
	case walletsTable:
		conditions = append(conditions, m.declares())
	case invoicesTable:
		conditions = append(conditions, m.falls())
	}
	parts = append(parts, "toUInt64(0) AS load", "CAST('"+m.Name+"', 'LowCardinality(String)') AS source")
	return "SELECT " + strings.Join(parts, ",\n    ") + "\nFROM (" + m.levels() + ")\nWHERE " + strings.Join(conditions, " AND ")
}

// declares is the condition that a row of wallets keeps features.RankFault.
func (m *mapping) declares() string {
	either := make([]string, 0, 2)
	unranked := "1"
	if m.Columns["amount"] != "" {
		either = append(either, present(m.schema.Field("amount")))
	}
	if m.Columns["rank"] != "" {
		rank, suppliers := m.schema.Field("rank"), m.schema.Field("suppliers")
		either = append(either, present(rank))
		unranked = "(isNull(" + held(rank) + ") AND isNull(" + held(suppliers) + ") OR ifNull(" + held(rank) + " >= 1 AND " + held(rank) + " <= " + held(suppliers) + ", 0))"
	}
	return "(" + strings.Join(either, " OR ") + ") AND " + unranked
}

// dues tells whether a field is the due date of an invoice.
func (m *mapping) dues(f *features.Field) bool { return m.Table == invoicesTable && f.Name == "due_at" }

// due is the due date of an invoice, and falls the condition that it has one: what the source
// says, or the end of the terms, in days of the source's zone.
func (m *mapping) due() string {
	var parts []string
	if m.Columns["due_at"] != "" {
		parts = append(parts, held(m.schema.Field("due_at")))
	}
	if m.Columns["terms"] != "" {
		parts = append(parts, "toDateTime(toTimeZone(assumeNotNull("+held(m.schema.Field("issued_at"))+"), '"+quoteEscapes.Replace(m.zone())+"') + toIntervalDay("+
			m.agreed()+"), 'UTC')")
	}
	return "assumeNotNull(coalesce(" + strings.Join(append(parts, "toDateTime(0, 'UTC')"), ", ") + "))"
}

func (m *mapping) falls() string {
	var either []string
	if m.Columns["due_at"] != "" {
		either = append(either, present(m.schema.Field("due_at")))
	}
	if m.Columns["terms"] != "" {
		either = append(either, "isNotNull("+m.agreed()+")")
	}
	return "(" + strings.Join(either, " OR ") + ")"
}

// agreed is the terms of an invoice, NULL where they are out of bounds.
func (m *mapping) agreed() string {
	days := held(m.schema.Field("terms"))
	return fmt.Sprintf("if(%s >= 0 AND %s <= %d, %s, NULL)", days, days, features.MostTerms, days)
}

// emptyBranch is a canonical view of a host that has no source for it.
func emptyBranch(schema features.TableSchema) string {
	parts := make([]string, 0, len(schema.Fields)+2)
	for i := range schema.Fields {
		f := &schema.Fields[i]
		zero := map[frame.Kind]string{frame.Text: "''", frame.Time: "0", frame.Integer: "0", frame.Decimal: "0", frame.Number: "0"}[f.Kind]
		parts = append(parts, "CAST("+zero+", '"+quoteEscapes.Replace(canonicalType(f))+"') AS "+quoted(f.Name))
	}
	parts = append(parts, "toUInt64(0) AS load", "CAST('', 'LowCardinality(String)') AS source")
	return "SELECT " + strings.Join(parts, ", ") + " FROM system.one WHERE 0"
}
