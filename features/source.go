package features

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MappedSource says how rows of the user's own table or query are read, in
// place, as rows of a canonical table. Nothing is copied.
type MappedSource struct {
	// Name tells the sources of a table apart and stands in the source column of
	// its rows: 1 … 64 of a-z 0-9 _, beginning with a letter.
	Name string
	// Table is the canonical table's name.
	Table string
	// From is the table read, as database.table; an identifier with other
	// characters than letters, digits and _ stands in backquotes.
	From string
	// Query is one SELECT, instead of From.
	Query string
	// Columns are the SQL expressions of the canonical fields over the columns of
	// From or Query. Fields without one are empty; recorded_at is the event time,
	// and a missing line a number drawn from the row's values.
	Columns map[string]string
	// Where keeps the rows for which the expression is true; "" keeps all.
	Where string
	// Currency is the one currency of all amounts, the base currency, where there
	// is no amount_base; "" otherwise. Amounts of contracts and wallets without a
	// currency are in base currency.
	Currency string
	// Zone reads dates and texts without an offset, by its IANA name; "" is UTC.
	Zone string
	// Cluster is the cluster on whose hosts From or Query is read, "" for the
	// warehouse's own host. It is the cluster of the warehouse's URL.
	Cluster string
}

var (
	sourceName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Validate refuses a mapping that no warehouse could carry out, naming the
// source and the key; whether its tables, columns and expressions are right is
// for the warehouse to say. Errors wrap ErrBadRequest.
func (m MappedSource) Validate() error {
	refuse := func(key, format string, args ...any) error {
		return fmt.Errorf("%w: source %q: %s: %s", ErrBadRequest, m.Name, key, fmt.Sprintf(format, args...))
	}
	schema, ok := Schema(m.Table)
	if !ok {
		names := make([]string, 0, 8)
		for _, s := range Schemas() {
			names = append(names, s.Name)
		}
		return refuse("table", "%q is none of %s", m.Table, strings.Join(names, ", "))
	}
	if !sourceName.MatchString(m.Name) {
		return refuse("name", "need 1 … 64 of a-z, 0-9 and _, beginning with a letter")
	}
	if (m.From == "") == (m.Query == "") {
		return refuse("from", "give one of from (a table) and query (a SELECT)")
	}
	if _, err := time.LoadLocation(m.Zone); err != nil || m.Zone == "Local" {
		return refuse("zone", "%q is no IANA time zone", m.Zone)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Columns)) {
		if schema.Field(name) == nil {
			names := make([]string, len(schema.Fields))
			for i := range schema.Fields {
				names[i] = schema.Fields[i].Name
			}
			return refuse("columns", "%s has no field %q; there are %s", m.Table, name, strings.Join(names, ", "))
		}
	}
	for i := range schema.Fields {
		f := &schema.Fields[i]
		if !f.Required || m.Columns[f.Name] != "" {
			continue
		}
		if f.Name == schema.Event {
			return refuse("columns", "%s is not mapped; a table without any date is no source of features: standing in it may tell that the account lived on", f.Name)
		}
		return refuse("columns", "%s is not mapped, and %s needs it", f.Name, m.Table)
	}
	if m.Table == string(Invoices) && m.Columns["due_at"] == "" && m.Columns["terms"] == "" {
		return refuse("columns", "neither due_at nor terms is mapped, and %s needs one of them", m.Table)
	}
	if m.Table == "wallets" {
		if column, fault := RankFault(m.Columns["amount"] != "", m.Columns["rank"] != "", m.Columns["suppliers"] != "", 1, 1); fault != "" {
			return refuse("columns", "%s: %s", column, fault)
		}
	}
	base := schema.Field("amount_base") != nil
	// Where an amount may be missing, one without a currency is in base currency.
	unsaid := base && schema.Field("amount").Nullable && (m.Columns["amount"] == "" || m.Columns["currency"] == "")
	switch {
	case m.Currency != "" && !currencyCode.MatchString(m.Currency):
		return refuse("currency", "%q is no ISO 4217 code such as EUR", m.Currency)
	case m.Currency != "" && !base:
		return refuse("currency", "%s has no amounts to convert", m.Table)
	case m.Currency != "" && (m.Columns["amount_base"] != "" || m.Columns["currency"] != ""):
		return refuse("currency", "one currency is declared, so that neither currency nor amount_base is mapped")
	case base && !unsaid && m.Currency == "" && m.Columns["amount_base"] == "":
		return refuse("currency", "map amount_base, or declare the one currency of all amounts")
	}
	return nil
}

// Canonical returns one text for the sources that is equal exactly when they
// are, in whatever order they stand; "" when there are none.
func Canonical(sources []MappedSource) string {
	all := make([]string, 0, len(sources))
	for i := range sources {
		m := &sources[i]
		var b strings.Builder
		for _, part := range []string{m.Table, m.Name, m.From, m.Query, m.Where, m.Currency, m.Zone, m.Cluster} {
			b.WriteString(strconv.Quote(part))
			b.WriteByte(' ')
		}
		for _, name := range slices.Sorted(maps.Keys(m.Columns)) {
			if m.Columns[name] != "" {
				fmt.Fprintf(&b, "%s=%s ", name, strconv.Quote(m.Columns[name]))
			}
		}
		all = append(all, strings.TrimSpace(b.String()))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// Inspection asks what is to be known of the facts before they are trusted.
type Inspection struct {
	// Now is this instant in Unix seconds: what lies after it has not happened.
	Now int64
	// Watermark is the greatest load that is read.
	Watermark uint64
	// Zone is the business time zone; "" means UTC.
	Zone string
	// BaseCurrency is what amount_base is in.
	BaseCurrency string
	// Sources are the mapped sources.
	Sources []MappedSource
}

// Measurement is one thing counted by an inspection; what it means is for
// others to judge.
type Measurement struct {
	// Check names what was looked at.
	Check string
	// Table is the canonical table, Column the field, Source the source of the
	// rows; Subject is what they have in common (a currency, an hour). Each is ""
	// where it says nothing.
	Table, Column, Source, Subject string
	// Count of Total.
	Count, Total int64
	// Detail is what was found, in words, or the first rows found, by their keys.
	Detail string
}
