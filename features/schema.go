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
	// Versioned dimensions carry valid_from (Time, nullable: empty means always) and valid_to (Time,
	// exclusive, nullable: empty means until another version begins). The newest version that began
	// before a cutoff is what is known as of it; nothing is when its valid_to lies before the cutoff, too.
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

// MostTerms is the most days from an invoice to its due date that its terms may say.
const MostTerms = 3650

// RecordedAt is the field that says when the business knew a row.
const RecordedAt = "recorded_at"

// Schemas returns the canonical tables in the order in which they are
// imported. Amounts are in the row's currency, the base currency where it has none; amount_base
// and the accounts' credit_limit are in base currency. The result is the caller's own.
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
			text("country"), text("orientation"), null("credit_limit", frame.Decimal), text("address"), text("tax_number"),
			null("valid_from", frame.Time), null("valid_to", frame.Time), recorded,
		}},
		{Name: "order_lines", Account: "account", Event: "ordered_at", Fields: []Field{
			key("account", frame.Text), key("order_id", frame.Text), {Name: "line", Kind: frame.Integer, Key: true},
			text("product"), text("category"), null("quantity", frame.Decimal), need("amount", frame.Decimal), null("amount_base", frame.Decimal),
			null("discount", frame.Decimal), null("cost", frame.Decimal), text("currency"), need("ordered_at", frame.Time),
			null("list_price", frame.Decimal), text("promotion"), null("promised_at", frame.Time), null("delivered_at", frame.Time), text("return_reason"), recorded,
		}},
		{Name: "interactions", Account: "account", Event: "at", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), need("at", frame.Time), need("kind", frame.Text), text("ref"),
			text("purpose"), text("channel"), null("value", frame.Decimal), text("note"),
			text("person"), text("manager"), text("factor"), null("cost", frame.Decimal), null("due_at", frame.Time), null("responded_at", frame.Time),
			null("scale", frame.Decimal), null("expectation", frame.Decimal), null("perception", frame.Decimal), recorded,
		}},
		{Name: "wallets", Account: "account", Event: "period", Fields: []Field{
			key("account", frame.Text), {Name: "category", Kind: frame.Text, Key: true}, key("period", frame.Time),
			null("amount", frame.Decimal), null("amount_base", frame.Decimal), text("currency"), null("rank", frame.Integer), null("suppliers", frame.Integer),
			text("origin"), text("author"), recorded,
		}},
		{Name: "contracts", Account: "account", Event: "start", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), text("product"), need("start", frame.Time), null("end", frame.Time),
			text("recurring"), null("amount", frame.Decimal), null("amount_base", frame.Decimal), text("currency"), null("cancelled_at", frame.Time), recorded,
		}},
		{Name: "products", Versioned: true, Fields: []Field{
			key("product", frame.Text), text("name"), text("category"), null("list_price", frame.Decimal), null("valid_from", frame.Time), null("valid_to", frame.Time), recorded,
		}},
		{Name: "fx_rates", Event: "day", Fields: []Field{
			key("currency", frame.Text), key("day", frame.Time), need("rate", frame.Number), recorded,
		}},
		{Name: "outcomes", Account: "account", Event: "cutoff", Fields: []Field{
			key("account", frame.Text), key("cutoff", frame.Time), {Name: "label", Kind: frame.Text, Key: true}, need("value", frame.Decimal), recorded,
		}},
		{Name: "people", Account: "account", Event: "since", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), text("name"), text("role"), null("since", frame.Time), null("until", frame.Time), recorded,
		}},
		{Name: "managers", Versioned: true, Fields: []Field{
			key("manager", frame.Text), text("name"), text("department"), text("lead"), null("valid_from", frame.Time), null("valid_to", frame.Time), recorded,
		}},
		{Name: "invoices", Account: "account", Event: "issued_at", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), text("order_id"), need("issued_at", frame.Time),
			// Without due_at it is issued_at and the terms, in days; one of the two must be given.
			{Name: "due_at", Kind: frame.Time}, null("terms", frame.Integer),
			need("amount", frame.Decimal), null("amount_base", frame.Decimal), text("currency"), recorded,
		}},
		{Name: "payments", Account: "account", Event: "paid_at", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), need("invoice", frame.Text), need("paid_at", frame.Time),
			need("amount", frame.Decimal), null("amount_base", frame.Decimal), text("currency"), recorded,
		}},
		{Name: "targets", Event: "period", Fields: []Field{
			key("manager", frame.Text), key("period", frame.Time), need("amount", frame.Decimal), recorded,
		}},
		{Name: "touches", Account: "account", Event: "at", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), need("at", frame.Time), need("campaign", frame.Text), text("arm"), text("offer"),
			null("cost", frame.Decimal), text("answer"), null("answered_at", frame.Time), recorded,
		}},
		{Name: "consents", Account: "account", Event: "given_at", Fields: []Field{
			key("account", frame.Text), key("channel", frame.Text), {Name: "purpose", Kind: frame.Text, Key: true}, key("given_at", frame.Time),
			null("withdrawn_at", frame.Time), recorded,
		}},
		{Name: "account_links", Account: "account", Event: "since", Fields: []Field{
			key("account", frame.Text), key("other", frame.Text), key("kind", frame.Text), key("since", frame.Time), null("until", frame.Time), text("author"), recorded,
		}},
		{Name: "pauses", Account: "account", Event: "start", Fields: []Field{
			key("account", frame.Text), key("start", frame.Time), null("end", frame.Time), text("kind"), text("author"), recorded,
		}},
		{Name: "assessments", Account: "account", Event: "at", Fields: []Field{
			key("id", frame.Text), need("account", frame.Text), text("person"), need("item", frame.Text), need("value", frame.Decimal),
			null("scale", frame.Decimal), null("expectation", frame.Decimal), need("kind", frame.Text), text("author"), text("comment"), need("at", frame.Time), recorded,
		}},
		{Name: "holidays", Event: "day", Fields: []Field{
			key("country", frame.Text), key("day", frame.Time), text("name"), recorded,
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
