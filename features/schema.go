package features

import "fealty/features/frame"

// Field is one canonical column of a table of facts or dimensions.
type Field struct {
	Name string
	Kind frame.Kind
	// Key fields identify a row together; a row with a known key and other
	// values is refused unless it is declared a correction.
	Key bool
	// Required fields must be given by an import; the others are empty ("",
	// null) when the source has none.
	Required bool
	// Nullable fields are stored as Nullable; a field that is neither required
	// nor nullable reads as the empty text.
	Nullable bool
}

// TableSchema describes one canonical table. Every stored row also carries
// source, recorded_at (Time; default the row's event time) and load (Integer).
type TableSchema struct {
	Name string
	// Event is the field that tells when the row happened; recorded_at
	// defaults to it. Empty for tables without a time of their own.
	Event string
	// Account is the field that holds the account, "" when there is none.
	Account string
	// Versioned dimensions carry valid_from (Time, nullable: empty means always).
	Versioned bool
	Fields    []Field
}

// Field returns the field of that name, or nil.
func (s *TableSchema) Field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// RecordedAt is the field that says when the business knew a row.
const RecordedAt = "recorded_at"

// Schemas returns the canonical tables in the order in which they are
// imported. The result is the caller's own.
func Schemas() []TableSchema {
	key := func(name string, kind frame.Kind) Field {
		return Field{Name: name, Kind: kind, Key: true, Required: true}
	}
	need := func(name string, kind frame.Kind) Field { return Field{Name: name, Kind: kind, Required: true} }
	text := func(name string) Field { return Field{Name: name, Kind: frame.Text} }
	null := func(name string, kind frame.Kind) Field { return Field{Name: name, Kind: kind, Nullable: true} }
	recorded := null(RecordedAt, frame.Time)
	return []TableSchema{
		{Name: "accounts", Account: "account", Versioned: true, Fields: []Field{
			key("account", frame.Text), text("name"), text("segment"), text("region"), text("department"), text("industry"),
			text("channel"), text("account_manager"), text("currency"), null("opened", frame.Time), text("parent"), text("type"),
			null("valid_from", frame.Time), recorded,
		}},
		{Name: "order_lines", Account: "account", Event: "ordered_at", Fields: []Field{
			key("account", frame.Text), key("order_id", frame.Text), {Name: "line", Kind: frame.Integer, Key: true},
			text("product"), text("category"), null("quantity", frame.Decimal), need("amount", frame.Decimal), null("amount_base", frame.Decimal),
			null("discount", frame.Decimal), null("cost", frame.Decimal), text("currency"), need("ordered_at", frame.Time), recorded,
		}},
		{Name: "interactions", Account: "account", Event: "at", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), need("at", frame.Time), need("kind", frame.Text), text("ref"),
			text("purpose"), text("channel"), null("value", frame.Decimal), text("note"), recorded,
		}},
		{Name: "wallets", Account: "account", Event: "period", Fields: []Field{
			key("account", frame.Text), {Name: "category", Kind: frame.Text, Key: true}, key("period", frame.Time),
			need("amount", frame.Decimal), {Name: "origin", Kind: frame.Text}, text("author"), recorded,
		}},
		{Name: "contracts", Account: "account", Event: "start", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), text("product"), need("start", frame.Time), null("end", frame.Time),
			text("recurring"), null("amount", frame.Decimal), null("cancelled_at", frame.Time), recorded,
		}},
		{Name: "products", Versioned: true, Fields: []Field{
			key("product", frame.Text), text("name"), text("category"), null("list_price", frame.Decimal), null("valid_from", frame.Time), recorded,
		}},
		{Name: "fx_rates", Event: "day", Fields: []Field{
			key("currency", frame.Text), key("day", frame.Time), need("rate", frame.Number), recorded,
		}},
		{Name: "outcomes", Account: "account", Event: "cutoff", Fields: []Field{
			key("account", frame.Text), key("cutoff", frame.Time), {Name: "label", Kind: frame.Text, Key: true}, need("value", frame.Decimal), recorded,
		}},
	}
}

// Schema returns the canonical table of that name and whether there is one.
func Schema(name string) (TableSchema, bool) {
	for _, s := range Schemas() {
		if s.Name == name {
			return s, true
		}
	}
	return TableSchema{}, false
}
