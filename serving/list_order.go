package serving

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/model/loyalty"
	"fealty/model/score"

	"go.einride.tech/aip/ordering"
)

// MaxFilter and MaxOrderBy are the longest texts of a list request, in bytes.
const (
	MaxFilter  = 2000
	MaxOrderBy = 500
)

// listField is a field that lists are filtered and ordered by. One of the three
// is set.
type listField struct {
	name   string
	number func(*edition) []float64
	text   func(*edition) *dictionary
	// words are the values of an enumeration, in order; prefix is what the API puts
	// before them.
	words  []string
	prefix string
	// ordered words compare with < and > too.
	ordered bool
}

// listFields are the allow-list of lists; nothing else of a request becomes the
// name of anything.
var listFields = []listField{
	{name: "account", text: func(e *edition) *dictionary { return &dictionary{words: e.account} }},
	{name: "name", text: func(e *edition) *dictionary { return &e.name }},
	{name: "segment", text: func(e *edition) *dictionary { return &e.segment }},
	{name: "region", text: func(e *edition) *dictionary { return &e.region }},
	{name: "manager", text: func(e *edition) *dictionary { return &e.manager }},
	{name: "unscorable", text: func(e *edition) *dictionary { return &e.unscorable }},
	{
		name: "band", text: func(e *edition) *dictionary { return &e.band }, prefix: "BAND_", ordered: true,
		words: []string{string(score.Low), string(score.Medium), string(score.High)},
	},
	{
		name: "stage", text: func(e *edition) *dictionary { return &e.stage }, prefix: "STAGE_",
		words: []string{
			string(score.Lapsed), string(score.WonBack), string(score.New), string(score.AtRisk), string(score.Active),
			string(score.NeverBought), string(score.Paused),
		},
	},
	{name: "probability", number: func(e *edition) []float64 { return e.probability }},
	{name: "percentile", number: func(e *edition) []float64 { return e.percentile }},
	{name: "value_at_risk", number: func(e *edition) []float64 { return e.valueAtRisk }},
	{name: "run_rate", number: func(e *edition) []float64 { return e.runRate }},
	{name: "change", number: func(e *edition) []float64 { return e.change }},
	{name: "loyalty", number: func(e *edition) []float64 { return e.loyalty }},
	{name: "lifetime_value", number: func(e *edition) []float64 { return e.lifetimeValue }},
	{name: "wallet_share", number: func(e *edition) []float64 { return e.walletShare }},
	{name: "potential", number: func(e *edition) []float64 { return e.potential }},
	{
		name: "tier", text: func(e *edition) *dictionary { return &e.tier }, ordered: true,
		words: []string{string(loyalty.Small), string(loyalty.Ordinary), string(loyalty.Major), string(loyalty.VIP)},
	},
	{
		name: "verdict", text: func(e *edition) *dictionary { return &e.verdict },
		words: []string{string(loyalty.Keep), string(loyalty.Grow), string(loyalty.FixTerms), string(loyalty.Review)},
	},
	{name: "story", text: func(e *edition) *dictionary { return &e.story }, words: loyalty.StoryCodes()},
}

// ListFields returns the names of the fields that lists are filtered and
// ordered by. account, name, segment, region, manager and unscorable are texts;
// band (low, medium, high), stage, tier (small, ordinary, major, vip), verdict and story are
// enumerations; probability, percentile, value_at_risk, run_rate, change (of the
// probability), loyalty, lifetime_value, wallet_share and potential are numbers.
func ListFields() []string {
	names := make([]string, len(listFields))
	for i := range listFields {
		names[i] = listFields[i].name
	}
	return names
}

func findField(name string) (*listField, bool) {
	for i := range listFields {
		if listFields[i].name == name {
			return &listFields[i], true
		}
	}
	return nil, false
}

// riskiestFirst is the order of lists without one.
var riskiestFirst = []ordering.Field{{Path: "probability", Desc: true}}

// parseOrder reads an AIP-132 order.
func parseOrder(text string) ([]ordering.Field, error) {
	if len(text) > MaxOrderBy {
		return nil, fmt.Errorf("order_by has %d bytes, at most %d are read: %w", len(text), MaxOrderBy, ErrInvalid)
	}
	if strings.TrimSpace(text) == "" {
		return riskiestFirst, nil
	}
	var order ordering.OrderBy
	if err := order.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("order_by %q: need fields, each with asc or desc behind it or neither, between commas: %w", text, ErrInvalid)
	}
	seen := map[string]bool{}
	for _, f := range order.Fields {
		if _, ok := findField(f.Path); !ok {
			return nil, fmt.Errorf("order_by: there is no field %q; there are %s: %w", f.Path, strings.Join(ListFields(), ", "), ErrInvalid)
		}
		if seen[f.Path] {
			return nil, fmt.Errorf("order_by: field %q stands twice: %w", f.Path, ErrInvalid)
		}
		seen[f.Path] = true
	}
	return order.Fields, nil
}

// missing is the key of a value that is not there: last in either direction.
const missing = math.MaxUint64

// keys returns a function from row to a number whose order is the field's.
func (f *listField) keys(e *edition, desc bool) func(i int) uint64 {
	turn := func(key uint64) uint64 {
		if desc {
			return missing - 1 - key
		}
		return key
	}
	switch {
	case f.number != nil:
		values := f.number(e)
		return func(i int) uint64 {
			v := values[i]
			if math.IsNaN(v) {
				return missing
			}
			return turn(sortable(v))
		}
	case f.words != nil:
		column := f.text(e)
		ranks := make([]uint64, column.words.len())
		for code := range ranks {
			ranks[code] = missing
			if rank := slices.Index(f.words, column.words.at(code)); rank >= 0 {
				ranks[code] = turn(uint64(rank))
			}
		}
		return func(i int) uint64 { return ranks[column.code(i)] }
	default:
		column := f.text(e)
		return func(i int) uint64 { return turn(uint64(column.code(i))) } //nolint:gosec // a row's or a word's number
	}
}

// sortable maps finite numbers to integers of the same order, both zeros to one.
func sortable(v float64) uint64 {
	if v == 0 {
		v = 0 // −0 too
	}
	bits := math.Float64bits(v)
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

// sorted returns the rows in an order, those alike by account.
func (e *edition) sorted(order []ordering.Field) []uint32 {
	// Two keys stand beside the row: a first that is alike for many (a segment, a
	// band) would otherwise send every comparison to the columns.
	type row struct {
		first, second uint64
		at            uint32
	}
	keys := make([]func(int) uint64, len(order))
	for k, o := range order {
		f, ok := findField(o.Path)
		if !ok {
			panic("serving: order by " + o.Path) // parseOrder refuses it
		}
		keys[k] = f.keys(e, o.Desc)
	}
	rows := make([]row, e.rows())
	for i := range rows {
		rows[i] = row{first: keys[0](i), at: uint32(i)}
		if len(keys) > 1 {
			rows[i].second = keys[1](i)
		}
	}
	rest := keys[min(2, len(keys)):]
	slices.SortFunc(rows, func(a, b row) int {
		if c := cmp.Compare(a.first, b.first); c != 0 {
			return c
		}
		if c := cmp.Compare(a.second, b.second); c != 0 {
			return c
		}
		for _, key := range rest {
			if c := cmp.Compare(key(int(a.at)), key(int(b.at))); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.at, b.at)
	})
	at := make([]uint32, len(rows))
	for i := range rows {
		at[i] = rows[i].at
	}
	return at
}

// keptOrders is how many orders an edition remembers: pages after the first
// find theirs sorted.
const keptOrders = 8

// order returns the rows in an order, sorted once.
func (e *edition) order(order []ordering.Field) []uint32 {
	if slices.Equal(order, riskiestFirst) {
		return e.byRisk
	}
	name := fmt.Sprint(order)
	e.mu.Lock()
	at, ok := e.orders[name]
	e.mu.Unlock()
	if ok {
		return at
	}
	at = e.sorted(order)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.orders) >= keptOrders {
		for some := range e.orders {
			delete(e.orders, some)
			break
		}
	}
	e.orders[name] = at
	return at
}
