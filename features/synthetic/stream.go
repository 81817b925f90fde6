package synthetic

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"fealty/features"
	"fealty/features/frame"
)

// maxBatch is the most rows of one batch, as features.Rows demands.
const maxBatch = 65_536

// truthSchemas are the streams of the hidden truth. They are no canonical
// tables: nothing may import them.
var truthSchemas = []features.TableSchema{
	{Name: Truth, Account: "account", Fields: []features.Field{
		{Name: "account", Kind: frame.Text, Key: true, Required: true},
		{Name: "churned_at", Kind: frame.Time, Nullable: true},
		{Name: "decline_from", Kind: frame.Time, Nullable: true},
		{Name: "returned_at", Kind: frame.Time, Nullable: true},
		{Name: "gap_days", Kind: frame.Decimal},
		{Name: "satisfaction", Kind: frame.Decimal},
		{Name: "neglect", Kind: frame.Decimal},
		{Name: "hazard_per_year", Kind: frame.Decimal},
		{Name: "uplift", Kind: frame.Decimal},
	}},
	{Name: TruthCauses, Account: "account", Fields: []features.Field{
		{Name: "account", Kind: frame.Text, Key: true, Required: true},
		{Name: "cause", Kind: frame.Text, Key: true, Required: true},
		{Name: "from", Kind: frame.Time, Key: true, Required: true},
		{Name: "to", Kind: frame.Time},
		{Name: "felt_from", Kind: frame.Time},
		{Name: "felt_to", Kind: frame.Time},
		{Name: "severity", Kind: frame.Decimal},
		{Name: "log_hazard", Kind: frame.Decimal},
	}},
	{Name: TruthMoves, Account: "account", Fields: []features.Field{
		{Name: "account", Kind: frame.Text, Key: true, Required: true},
		{Name: "other", Kind: frame.Text, Required: true},
		{Name: "moved_at", Kind: frame.Time},
		{Name: "declared", Kind: frame.Text},
	}},
	{Name: TruthWallets, Account: "account", Fields: []features.Field{
		{Name: "account", Kind: frame.Text, Key: true, Required: true},
		{Name: "category", Kind: frame.Text, Key: true, Required: true},
		{Name: "wallet_per_year", Kind: frame.Decimal},
		{Name: "share", Kind: frame.Decimal},
	}},
}

// writer appends the rows of the item at index; it returns false behind the last.
type writer func(s *stream, index int) bool

// writers fill the tables.
var writers = map[string]writer{
	"accounts":     perAccount(writeAccount),
	"order_lines":  perAccount(writeOrders),
	"interactions": perAccount(writeContacts),
	"wallets":      perAccount(writeWallets),
	"contracts":    perAccount(writeContracts),
	"products":     writeProducts,
	"fx_rates":     writeRates,
	Truth:          perAccount(writeTruth),
	TruthWallets:   perAccount(writeTruthWallets),
}

// recordWriters fill the tables of the shared record.
var recordWriters = map[string]writer{
	"people":        perAccount(writePeople),
	"managers":      writeManagers,
	"invoices":      perAccount(writeInvoices),
	"payments":      perAccount(writePayments),
	"targets":       writeTargets,
	"touches":       perAccount(writeTouches),
	"consents":      perAccount(writeConsents),
	"account_links": perAccount(writeLinks),
	"pauses":        perAccount(writePauses),
	"assessments":   perAccount(writeAssessments),
	"holidays":      writeHolidays,
	TruthCauses:     perAccount(writeTruthCauses),
	TruthMoves:      perAccount(writeTruthMoves),
}

// stream is one table of the town as features.Rows.
type stream struct {
	town    *Town
	schema  features.TableSchema
	write   writer
	columns []frame.Column
	rows    int // complete rows in columns
	given   int // of which so many were handed out
	next    int // the column that is probably put next
	index   int
	done    bool
	closed  bool

	draw      *draw
	profile   profile
	lines     []line
	contacts  []contact
	wallets   []wallet
	contracts []contract
	people    []person
	invoices  []invoice
	touches   []touch
	answers   []answer
	scratch   []byte
}

func newStream(t *Town, schema features.TableSchema, w writer) *stream {
	s := &stream{town: t, schema: schema, write: w, draw: newDraw(), columns: make([]frame.Column, len(schema.Fields))}
	for i, f := range schema.Fields {
		s.columns[i] = frame.Column{Meta: frame.Meta{Name: f.Name}, Kind: f.Kind}
	}
	return s
}

// Next implements features.Rows.
func (s *stream) Next(ctx context.Context) (*frame.Table, error) {
	if s.closed {
		return nil, fmt.Errorf("read table %q of the town: the stream is closed", s.schema.Name)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read table %q of the town: %w", s.schema.Name, err)
	}
	if s.given == s.rows {
		s.clear()
	}
	for s.rows-s.given < maxBatch/2 && !s.done {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read table %q of the town: %w", s.schema.Name, err)
		}
		s.done = !s.write(s, s.index)
		s.index++
	}
	if s.given == s.rows {
		return nil, io.EOF
	}
	to := min(s.given+maxBatch, s.rows)
	batch := &frame.Table{Columns: make([]frame.Column, len(s.columns))}
	for i := range s.columns {
		batch.Columns[i] = s.columns[i].Slice(s.given, to)
	}
	s.given = to
	return batch, nil
}

// Close implements features.Rows.
func (s *stream) Close() error {
	s.closed = true
	return nil
}

func (s *stream) clear() {
	for i := range s.columns {
		c := &s.columns[i]
		c.Texts, c.Integers, c.Numbers, c.Null = c.Texts[:0], c.Integers[:0], c.Numbers[:0], c.Null[:0]
	}
	s.rows, s.given = 0, 0
}

// put appends a value to the named field of the row under construction. The
// value's type must be the field's kind: string, int64 (a Time in seconds, a
// Decimal in ten-thousandths, an Integer) or float64.
func put[T string | int64 | float64](s *stream, name string, value T) {
	for k := range s.columns {
		i := s.next + k
		if i >= len(s.columns) {
			i -= len(s.columns)
		}
		c := &s.columns[i]
		if c.Name != name {
			continue
		}
		s.next = i + 1 // writers put in the order of the schema
		switch v := any(value).(type) {
		case string:
			c.Texts = append(c.Texts, v)
		case float64:
			c.Numbers = append(c.Numbers, v)
		case int64:
			c.Integers = append(c.Integers, v)
			if s.schema.Fields[i].Nullable {
				c.Null = append(c.Null, false)
			}
		}
		return
	}
	panic("synthetic: table " + s.schema.Name + " has no field " + name)
}

// end completes a row: fields that were not put are missing.
func (s *stream) end() {
	s.rows++
	for i := range s.columns {
		c := &s.columns[i]
		if c.Len() == s.rows {
			continue
		}
		switch c.Kind {
		case frame.Text:
			c.Texts = append(c.Texts, "")
		case frame.Integer, frame.Decimal, frame.Time:
			c.Integers = append(c.Integers, 0)
			c.Null = append(c.Null, true)
		case frame.Number, frame.Category:
			panic("synthetic: number " + c.Name + " was not put")
		}
	}
}

// cents turns cents into a Decimal.
func cents(v int64) int64 { return v * (frame.DecimalScale / 100) }

// putTime puts an instant, nothing for never.
func putTime(s *stream, name string, at int64) {
	if at != never {
		put(s, name, at)
	}
}

// putDecimal puts a number rounded to ten-thousandths.
func putDecimal(s *stream, name string, v float64) {
	const half = 0.5
	if v < 0 {
		put(s, name, int64(v*frame.DecimalScale-half))
		return
	}
	put(s, name, int64(v*frame.DecimalScale+half))
}

// code writes prefix, the account's digits, '-' and a number.
func (s *stream) code(prefix byte, number int64) string {
	s.scratch = append(s.scratch[:0], prefix)
	s.scratch = append(s.scratch, s.profile.id[1:]...)
	s.scratch = append(s.scratch, '-')
	return string(appendPadded(s.scratch, number, 4))
}

// perAccount turns a writer of the current profile's rows into a writer.
func perAccount(w func(*stream)) writer {
	return func(s *stream, index int) bool {
		if index >= s.town.params.Accounts {
			return false
		}
		s.town.profile(s.draw, index, &s.profile)
		w(s)
		return true
	}
}

func writeAccount(s *stream) {
	p := &s.profile
	put(s, "account", p.id)
	put(s, "name", p.name)
	put(s, "segment", segments[p.segment].name)
	put(s, "region", regions[p.region])
	put(s, "department", departments[p.department])
	put(s, "industry", industries[p.industry].name)
	put(s, "channel", channels[p.channel])
	put(s, "account_manager", managers[p.manager])
	put(s, "currency", p.currency)
	put(s, "opened", p.opened)
	put(s, "parent", p.parent)
	put(s, "type", kindsOfFirm[p.kind])
	if s.town.params.Record {
		putStanding(s)
	}
	put(s, features.RecordedAt, p.opened)
	s.end()
}

func writeOrders(s *stream) {
	p := &s.profile
	s.lines = s.town.orders(s.draw, p, s.lines)
	var id string
	var last int32
	var lastCredit bool
	for i := range s.lines {
		l := &s.lines[i]
		if l.order != last || l.credit != lastCredit {
			prefix := byte('O')
			if l.credit {
				prefix = 'R'
			}
			id, last, lastCredit = s.code(prefix, int64(l.order)), l.order, l.credit
		}
		put(s, "account", p.id)
		put(s, "order_id", id)
		put(s, "line", int64(l.number))
		put(s, "product", l.product.id)
		put(s, "category", categories[l.category].name)
		put(s, "quantity", l.quantity*frame.DecimalScale)
		put(s, "amount", cents(l.amount))
		put(s, "discount", cents(l.discount))
		put(s, "cost", cents(l.cost))
		put(s, "currency", p.currency)
		put(s, "ordered_at", l.at)
		if s.town.params.Record {
			s.town.putDelivery(s, l)
		}
		put(s, features.RecordedAt, l.recorded)
		s.end()
	}
}

func writeContacts(s *stream) {
	p := &s.profile
	s.lines = s.town.orders(s.draw, p, s.lines)
	if s.town.params.Record {
		s.people = s.town.people(s.draw, p, s.people)
	}
	s.contacts = s.town.contacts(s.draw, p, s.lines, s.people, s.contacts)
	for i := range s.contacts {
		c := &s.contacts[i]
		put(s, "id", s.code('I', int64(c.number)))
		put(s, "account", p.id)
		put(s, "at", c.at)
		put(s, "kind", c.kind)
		switch {
		case c.refContact >= 0:
			put(s, "ref", s.code('I', int64(c.refContact)))
		default:
			put(s, "ref", c.refAccount)
		}
		purpose, note := c.about, c.note
		if s.town.params.Record {
			if purpose = c.purpose(); note == "" && c.kind != "competitor_offer" { // there it would name the competitor
				note = c.about
			}
		}
		put(s, "purpose", purpose)
		put(s, "channel", c.channel)
		if c.value >= 0 {
			put(s, "value", c.value*(frame.DecimalScale/10))
		}
		put(s, "note", note)
		if s.town.params.Record {
			putService(s, c)
		}
		put(s, features.RecordedAt, c.recorded)
		s.end()
	}
}

func writeWallets(s *stream) {
	p := &s.profile
	s.wallets = s.town.wallets(s.draw, p, s.wallets)
	for _, w := range s.wallets {
		put(s, "account", p.id)
		put(s, "category", categories[w.category].name)
		put(s, "period", w.period)
		put(s, "amount", cents(w.amount))
		s.putCurrency()
		put(s, "origin", w.origin)
		put(s, "author", managers[p.manager])
		put(s, features.RecordedAt, w.recorded)
		s.end()
	}
}

// putCurrency puts the currency of what is agreed with the account or declared by it. The town of
// one currency and without the record says nothing of it.
func (s *stream) putCurrency() {
	if s.town.params.Record || s.town.params.SeveralCurrencies {
		put(s, "currency", s.profile.currency)
	}
}

func writeContracts(s *stream) {
	p := &s.profile
	s.contracts = s.town.contracts(s.draw, p, s.contracts)
	for i := range s.contracts {
		c := &s.contracts[i]
		put(s, "id", s.code('C', int64(c.number)))
		put(s, "account", p.id)
		put(s, "product", c.product.id)
		put(s, "start", c.start)
		put(s, "end", c.end)
		put(s, "recurring", c.recurring)
		put(s, "amount", cents(c.amount))
		s.putCurrency()
		putTime(s, "cancelled_at", c.cancelled)
		put(s, features.RecordedAt, c.start)
		s.end()
	}
}

// writeProducts writes one shelf of the shop.
func writeProducts(s *stream, index int) bool {
	if index >= len(categories) {
		return false
	}
	for i := range s.town.shop.shelves[index] {
		p := &s.town.shop.shelves[index][i]
		put(s, "product", p.id)
		put(s, "name", p.name)
		put(s, "category", categories[index].name)
		put(s, "list_price", cents(p.list))
		s.end()
	}
	return true
}

// writeRates writes the rates of one currency: units of EUR for one unit, a
// random walk that is pulled back to the usual rate, from ten days before the
// town on. Before that, as long as what is declared or agreed at its beginning may
// date back, it is the usual rate.
func writeRates(s *stream, index int) bool {
	if index >= len(currencies) {
		return false
	}
	c := currencies[index]
	s.draw.reset(s.town.params.Seed, forRates, index)
	drift := 0.0
	walks := s.town.start - 10*daySeconds
	for day := s.town.start - 400*daySeconds; day < s.town.end; day += daySeconds {
		put(s, "currency", c.name)
		put(s, "day", day)
		// Six decimals, as a central bank publishes them.
		rate, err := strconv.ParseFloat(strconv.FormatFloat(1/(c.rate*(1+drift)), 'f', 6, 64), 64)
		if err != nil {
			panic("synthetic: a formatted rate does not parse: " + err.Error())
		}
		put(s, "rate", rate)
		put(s, features.RecordedAt, day)
		s.end()
		if index > 0 && day >= walks {
			drift = clamp(0.995*drift+0.003*s.draw.NormFloat64(), -0.2, 0.2)
		}
	}
	return true
}

func writeTruth(s *stream) {
	p := &s.profile
	put(s, "account", p.id)
	if p.leaves < s.town.end {
		put(s, "churned_at", p.leaves)
	}
	if p.declines < s.town.end {
		put(s, "decline_from", p.declines)
	}
	if p.returns < s.town.end {
		put(s, "returned_at", p.returns)
	}
	putDecimal(s, "gap_days", p.gapDays)
	putDecimal(s, "satisfaction", p.satisfaction)
	putDecimal(s, "neglect", p.neglect)
	putDecimal(s, "hazard_per_year", p.hazardPerYear)
	putDecimal(s, "uplift", p.persuasion)
	s.end()
}

func writeTruthCauses(s *stream) {
	p := &s.profile
	for i := range p.episodes {
		e := &p.episodes[i]
		put(s, "account", p.id)
		put(s, "cause", causeSizes[e.cause].name)
		put(s, "from", e.from)
		put(s, "to", e.to)
		put(s, "felt_from", e.feltFrom())
		put(s, "felt_to", e.feltTo())
		putDecimal(s, "severity", e.severity)
		putDecimal(s, "log_hazard", e.logHazard())
		s.end()
	}
}

func writeTruthMoves(s *stream) {
	p := &s.profile
	if p.moved == never {
		return
	}
	put(s, "account", p.id)
	put(s, "other", p.heir)
	put(s, "moved_at", p.moved)
	put(s, "declared", linkKinds[p.bond])
	s.end()
}

func writeTruthWallets(s *stream) {
	p := &s.profile
	for _, c := range p.categoriesBought() {
		put(s, "account", p.id)
		put(s, "category", categories[c].name)
		putDecimal(s, "wallet_per_year", p.walletPerYear(s.town, c)/100)
		putDecimal(s, "share", p.share[c])
		s.end()
	}
}
