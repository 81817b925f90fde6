package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// rows returns the SELECT of the rows of a canonical view, its columns in their order.
type rows func(schema features.TableSchema) string

// views says what a file on trial reads in the place of each canonical view.
type views struct {
	base rows
	// later puts other rows in the place of those that lie after the cutoff or were
	// recorded after known_at. It needs one cutoff.
	later bool
}

// text returns the file's statement over these rows, as joined does for families.
func (v views) text(sql string) string {
	return canonicalSource.ReplaceAllStringFunc(sql, func(source string) string {
		found := canonicalSource.FindStringSubmatch(source)
		schema, _ := features.Schema(strings.ToLower(found[3]))
		text := v.base(schema)
		if v.later {
			text = laterRows(schema, limitedRows(schema, text))
		}
		// In one line: the words may stand in a comment.
		return found[1] + found[2] + "(" + text + ")"
	})
}

// The cutoff and what was known of a trial of one cutoff.
const (
	trialCutoff = "{cutoffs:Array(DateTime('UTC'))}[1]"
	trialKnown  = "{known_at:Array(DateTime('UTC'))}[1]"
)

// endings are instants that are filled when something comes to its end; from the
// cutoff on they read as empty. Text that is given with one is empty with it.
var endings = map[string]struct{ at, with string }{
	"order_lines": {at: "delivered_at"}, "interactions": {at: "responded_at"}, "contracts": {at: "cancelled_at"},
	"people": {at: "until"}, "accounts": {at: "valid_to"}, "products": {at: "valid_to"}, "managers": {at: "valid_to"}, "touches": {at: "answered_at", with: "answer"},
}

// announced are views of what is known ahead, so that what lies after a cutoff is
// no future.
var announced = []string{"holidays", "pauses"}

// additive views hold amounts that are corrected by adding rows; in all others the
// newest row of a key counts.
var additive = []string{"order_lines", "wallets"}

// eventOf returns the field that says when a row happened or began to hold, nil for none.
func eventOf(schema features.TableSchema) *features.Field {
	if schema.Versioned {
		return schema.Field("valid_from")
	}
	return schema.Field(schema.Event)
}

// selected returns a SELECT of the canonical columns, some of them computed
// otherwise; facts is the name of the rows inside.
func selected(schema features.TableSchema, from string, otherwise map[string]string) string {
	columns := canonicalColumns(schema)
	for i, name := range columns {
		columns[i] = "facts." + quoted(name)
		if value, ok := otherwise[name]; ok {
			columns[i] = value
			if f := schema.Field(name); f != nil {
				columns[i] = "CAST(" + value + ", '" + quoteEscapes.Replace(canonicalType(f)) + "')"
			}
		}
		columns[i] += " AS " + quoted(name)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + from + ") AS facts"
}

// storedRows are those of the accounts that are asked for.
func storedRows(schema features.TableSchema) string {
	columns := canonicalColumns(schema)
	for i := range columns {
		columns[i] = quoted(columns[i])
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM " + schema.Name
	if schema.Account != "" {
		text += " WHERE " + quoted(schema.Account) + " IN {accounts:Array(String)}"
	}
	return text
}

// limitedRows leaves what was there to be seen.
func limitedRows(schema features.TableSchema, from string) string {
	otherwise := map[string]string{}
	if end := endings[schema.Name]; end.at != "" {
		before := "ifNull(facts." + end.at + " < " + trialCutoff + ", 0)"
		otherwise[end.at] = "if(" + before + ", facts." + end.at + ", NULL)"
		if end.with != "" {
			otherwise[end.with] = "if(" + before + " OR isNull(facts." + end.at + "), facts." + end.with + ", '')"
		}
	}
	text := selected(schema, from, otherwise) + " WHERE facts.recorded_at <= " + trialKnown
	event := eventOf(schema)
	switch {
	case event == nil || slices.Contains(announced, schema.Name):
	case event.Key || schema.Versioned || slices.Contains(additive, schema.Name):
		text += " AND ifNull(facts." + quoted(event.Name) + " < " + trialCutoff + ", 1)"
	default:
		// What the newest version puts off until later is not seen, whatever older ones said.
		text += fmt.Sprintf(" AND (facts.source, facts.id) NOT IN (SELECT source, id FROM (%s) WHERE recorded_at <= %s GROUP BY source, id"+
			" HAVING argMax(ifNull(%s, toDateTime(0, 'UTC')), (recorded_at, load)) >= %s)", from, trialKnown, quoted(event.Name), trialCutoff)
	}
	return text
}

// laterRows adds to rows that were there to be seen what was not: each once more a
// day after the cutoff as another row, each corrected a day after known_at, and
// all endings that are open two days after the cutoff.
func laterRows(schema features.TableSchema, from string) string {
	ended := map[string]string{}
	if end := endings[schema.Name]; end.at != "" {
		open := "isNull(facts." + end.at + ")"
		if end.with != "" {
			open += " AND empty(facts." + end.with + ")" // with a text it has come to its end, nobody knows when
			ended[end.with] = "if(" + open + ", 'yes', facts." + end.with + ")"
		}
		ended[end.at] = "if(" + open + ", " + trialCutoff + " + INTERVAL 2 DAY, facts." + end.at + ")"
	}
	parts := []string{selected(schema, from, ended)}
	event := eventOf(schema)
	if event != nil && !slices.Contains(announced, schema.Name) {
		next := trialCutoff + " + INTERVAL 1 DAY"
		after := map[string]string{event.Name: next, features.RecordedAt: next}
		if !event.Key && !schema.Versioned {
			key := slices.IndexFunc(schema.Fields, func(f features.Field) bool { return f.Key && f.Name != schema.Account && f.Kind == frame.Text })
			name := schema.Fields[key].Name
			after[name] = "concat(facts." + quoted(name) + ", ' later')"
		}
		parts = append(parts, selected(schema, from, after))
	}
	corrected := map[string]string{features.RecordedAt: trialKnown + " + INTERVAL 1 DAY"}
	for i := range schema.Fields {
		f := &schema.Fields[i]
		value := "facts." + quoted(f.Name)
		switch {
		case f.Key || event != nil && f.Name == event.Name || f.Name == features.RecordedAt:
		case f.Kind == frame.Decimal && f.Nullable:
			corrected[f.Name] = "ifNull(" + value + ", 0) + 1"
		case f.Kind == frame.Decimal:
			corrected[f.Name] = value + " + 1"
		case f.Kind == frame.Time && f.Nullable:
			corrected[f.Name] = trialCutoff + " - INTERVAL 1 DAY"
		}
	}
	parts = append(parts, selected(schema, from, corrected))
	return strings.Join(parts, " UNION ALL ")
}

// What is invented: 30 rows for each of 24 accounts in every view, over a
// thousand days until inventedEnd, recorded up to 33 days later.
const (
	inventedEnd  = frame.Cutoff(1_735_689_600) // 2025-01-01
	inventedRow  = 720
	inventedName = 24
)

// inventedAccounts are the invented accounts in bytewise order.
func inventedAccounts() []string {
	names := make([]string, inventedName)
	for i := range names {
		names[i] = fmt.Sprintf("invented %02d", i)
	}
	return names
}

// inventedTexts are the words that a text column is filled with.
var inventedTexts = map[string][]string{
	"kind": {
		"complaint", "call", "complaint_resolved", "visit", "email", "promise", "promise_kept", "competitor_offer", "people_change", "event",
		"survey_satisfaction", "recommendation",
	},
	"role": {"buyer", "decision maker", "user"}, "currency": {"EUR"}, "factor": {"price", "publicity", "service"}, "recurring": {"yes", "no"},
	"answer": {"", "yes", "no"}, "promotion": {"", "spring"}, "return_reason": {"", "", "quality"}, "country": {"DE", "CN"}, "ref": {""},
}

// inventedRows are rows that depend on nothing but the view's schema.
func inventedRows(schema features.TableSchema) string {
	event := eventOf(schema)
	happened := fmt.Sprintf("toDateTime(%d - number * 37 %% 1000 * 86400 - number * 7919 %% 86400, 'UTC')", inventedEnd)
	parts := make([]string, 0, len(schema.Fields)+2)
	for i := range schema.Fields {
		f := &schema.Fields[i]
		value := "toString(number)"
		words := inventedTexts[f.Name]
		switch {
		case f.Name == schema.Account:
			value = fmt.Sprintf("concat('invented ', leftPad(toString(number %% %d), 2, '0'))", inventedName)
		case event != nil && f.Name == event.Name:
			value = happened
		case f.Name == features.RecordedAt:
			value = happened + " + number % 4 * 11 * 86400"
		case f.Kind == frame.Time:
			value = fmt.Sprintf("%s + number %% 45 * 86400", happened)
		case f.Kind == frame.Decimal || f.Kind == frame.Number:
			value = "number * 31 % 97 + 1"
		case f.Kind == frame.Integer:
			value = "1"
		case words != nil:
			value = fmt.Sprintf("['%s'][1 + intDiv(number, %d) %% %d]", strings.Join(words, "', '"), inventedName, len(words))
		case !f.Key && f.Name != "invoice":
			value = "concat('" + f.Name + " ', toString(number % 3))"
		}
		if f.Nullable && f.Name != features.RecordedAt && (event == nil || f.Name != event.Name) {
			value = "if(number % 5 = 4, NULL, " + value + ")"
		}
		parts = append(parts, "CAST("+value+", '"+quoteEscapes.Replace(canonicalType(f))+"') AS "+quoted(f.Name))
	}
	parts = append(parts, "toUInt64(0) AS load", "'' AS source")
	return "SELECT " + strings.Join(parts, ", ") + fmt.Sprintf(" FROM numbers(%d)", inventedRow)
}
