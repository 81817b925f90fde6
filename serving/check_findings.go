package serving

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fealty/features"
)

// missingShare is the part of rows without a required value from which on a
// column can't be relied on.
const missingShare = 0.2

// The night begins and ends at these hours of the business time zone.
const (
	nightBegins = 22
	nightEnds   = 6
)

// optionalTables and what they would tell.
var optionalTables = []struct{ name, adds string }{
	{"accounts", "names, segments and managers of the accounts"},
	{"contracts", "contract terms left, and contractual churn"},
	{"interactions", "visits, complaints, referrals and surveys"},
	{"wallets", "the share of what an account spends that it spends here"},
}

// rows counts a table's rows of all sources.
func (v *verdict) rows(table string) int64 {
	var n int64
	for _, m := range v.measured {
		if m.Check == "extent" && m.Table == table {
			n += m.Count
		}
	}
	return n
}

// declared judges what the configuration says of the sources.
func (v *verdict) declared() {
	for _, s := range v.Sources {
		if s.Currency != "" && s.Currency != v.Settings.BaseCurrency {
			v.add("currencies", PhaseTrain, SeverityError, s.Table, "amount_base", fmt.Sprintf("source %s declares %s", s.Name, s.Currency),
				"amounts in the base currency "+v.Settings.BaseCurrency, "map amount_base, or set base_currency to the one of all sources")
		}
	}
}

// judge turns measurements into findings.
func (v *verdict) judge() {
	for i := range v.measured {
		m := &v.measured[i]
		if m.Check == "clock_hour" || m.Check == "clock_weekday" {
			v.clock(m)
			continue
		}
		if judge := judgements[m.Check]; judge != nil && m.Count > 0 {
			judge(v, m)
		}
	}
	v.night()
	if v.rows("order_lines") == 0 {
		return
	}
	for _, t := range optionalTables {
		if v.rows(t.name) > 0 {
			continue
		}
		if t.name == "contracts" && v.Settings.Label.Label == features.Contractual {
			v.add("contracts", PhaseTrain, SeverityError, t.name, "", "no rows", "the contracts whose ends are predicted", "import contracts, map a source to them, or choose another label")
			continue
		}
		v.add("optional_table", PhaseTrain, SeverityAdvice, t.name, "", "no rows", "nothing; the features of it read as missing", "it would add "+t.adds)
	}
}

func share(m *features.Measurement) float64 {
	if m.Total == 0 {
		return 0
	}
	return float64(m.Count) / float64(m.Total)
}

// part writes a count with what it is of: "12 of 300 rows (4 %)".
func part(m *features.Measurement, noun string) string {
	percent := 100 * share(m)
	digits := 0
	if percent < 1 || percent > 99 && m.Count < m.Total {
		digits = 2
	}
	return fmt.Sprintf("%d of %s (%s %%)", m.Count, plural(m.Total, noun), strconv.FormatFloat(percent, 'f', digits, 64))
}

// such names the first of the rows found, if the measurement does: ": k3, k4, k5, …".
func such(m *features.Measurement) string {
	if m.Detail == "" {
		return ""
	}
	more := ""
	if m.Count > 3 {
		more = ", …"
	}
	return ": " + m.Detail + more
}

// of names a source, if the measurement has one.
func of(m *features.Measurement) string {
	if m.Source == "" {
		return ""
	}
	return " of source " + m.Source
}

func (v *verdict) mapped(m *features.Measurement) bool {
	return slices.ContainsFunc(v.Sources, func(s features.MappedSource) bool { return s.Name == m.Source && s.Table == m.Table })
}

// adviceReferences are those that few features follow, or that may well lead to what was
// never loaded: an order before the first, an account that has not bought yet.
var adviceReferences = []string{
	"interactions.ref promise", "interactions.ref account", "interactions.manager manager", "invoices.order_id order", "managers.lead manager",
}

// judgements say what a measurement above 0 means.
var judgements = map[string]func(*verdict, *features.Measurement){
	"unreadable": func(v *verdict, m *features.Measurement) {
		v.add("unreadable_source", PhaseScore, SeverityError, m.Table, "", "source "+m.Source+" can't be read", "a table with the mapped columns", m.Detail)
	},
	"drift": func(v *verdict, m *features.Measurement) {
		v.add("schema_drift", PhaseScore, SeverityWarning, m.Table, m.Column, "source "+m.Source+": "+m.Detail, "the type that it had when the mapping was first used",
			"see whether the values still mean the same, then write the conversion into the mapping: a mapping that changes is looked at anew")
	},
	"sorting": func(v *verdict, m *features.Measurement) {
		v.add("sorting_key", PhaseScore, SeverityAdvice, m.Table, m.Column, m.Detail+of(m), "a text, as it is, that the sorting key begins with",
			"otherwise each question about one account reads the whole table; a projection or a copy sorted by it helps")
	},
	"left_out": func(v *verdict, m *features.Measurement) {
		severity := SeverityWarning
		if share(m) >= missingShare {
			severity = SeverityError
		}
		v.add("missing_values", PhaseTrain, severity, m.Table, m.Column, part(m, "row")+of(m)+" have none, and are not read", "less than 20 %",
			"fill them in at the source, map another column, or leave the rows out by where")
	},
	"out_of_range": func(v *verdict, m *features.Measurement) {
		severity := SeverityWarning
		if share(m) >= missingShare {
			severity = SeverityError
		}
		v.add("unusable_values", PhaseTrain, severity, m.Table, m.Column, part(m, "row")+of(m)+" have a value that can't be held, and read as missing",
			"instants of 1970 … 2105, finite amounts below 10^14, texts that are numbers or ISO dates", "correct them at the source, convert them in the mapping, or leave the rows out by where")
	},
	"empty": func(v *verdict, m *features.Measurement) {
		if share(m) < missingShare {
			return
		}
		v.add("optional_values", PhaseTrain, SeverityAdvice, m.Table, m.Column, part(m, "order line")+" have none", "nothing; features of it read as missing where there is none",
			map[string]string{
				"category": "it would tell how broadly an account buys, and its share of wallet", "product": "it would tell lines of an order apart",
				"cost": "it would tell margins; until then value at risk is revenue × margin_rate", "discount": "it would tell how much an account buys at a discount",
			}[m.Column])
	},
	"assumed": func(v *verdict, m *features.Measurement) {
		severity, detail := SeverityAdvice, "give recorded_at if the business has it: late bookings otherwise look known in time"
		if slices.ContainsFunc(v.Sources, func(s features.MappedSource) bool {
			return s.Name == m.Source && s.Table == m.Table && s.Columns[features.RecordedAt] == ""
		}) {
			detail += ", and scores of facts that are mapped without it are replayed from kept features only (runs.keep_features)"
		}
		v.add("assumed_recorded_at", PhaseTrain, severity, m.Table, m.Column, part(m, "row")+of(m)+" are taken to be known at once", "the instant when the business knew", detail)
	},
	"strangers": func(v *verdict, m *features.Measurement) {
		v.add("unknown_accounts", PhaseTrain, SeverityWarning, m.Table, m.Column, part(m, "account")+" are not in accounts"+such(m), "none",
			"complete accounts; if most are unknown the two may number accounts differently")
	},
	"reference": func(v *verdict, m *features.Measurement) {
		severity := SeverityWarning
		if slices.Contains(adviceReferences, m.Table+"."+m.Column+" "+m.Subject) {
			severity = SeverityAdvice
		}
		v.add("lost_references", PhaseScore, severity, m.Table, m.Column, part(m, "row")+of(m)+" have no such "+m.Subject+such(m), "each "+m.Subject+" under the same id",
			"load what is missing, or correct the id; until then such rows tell nothing of the "+m.Subject)
	},
	"overlap": func(v *verdict, m *features.Measurement) {
		severity, way := SeverityWarning, "correct the earlier end; overlapping spans are read as one"
		switch m.Table {
		case "people":
			way = "an account's person of one name and role under two ids counts twice: give the earlier one an end"
		case "contracts":
			severity, way = SeverityAdvice, "an account's contracts of one product count each: if one replaced the other, give the earlier one an end"
		case "accounts", "products", "managers":
			way = "correct the earlier version's valid_to; what began last counts"
		}
		v.add("overlapping_validity", PhaseScore, severity, m.Table, m.Column, part(m, "row")+" begin before an earlier one of the same thing has ended"+such(m), "one at a time", way)
	},
	"backwards": func(v *verdict, m *features.Measurement) {
		when, needed := " before they begin", "an instant at or after the beginning"
		if m.Column == "valid_to" { // which is no part of what is valid
			when, needed = " no later than they begin", "an instant after the beginning"
		}
		v.add("ends_before_it_begins", PhaseScore, SeverityWarning, m.Table, m.Column, part(m, "row")+" have "+m.Column+when+such(m), needed,
			"the two columns may be mapped the wrong way round; such rows are read as if they had lasted no time")
	},
	"endless": func(v *verdict, m *features.Measurement) {
		v.add("pause_without_end", PhaseScore, SeverityAdvice, m.Table, m.Column, part(m, "pause")+" have no end"+such(m), "nothing; they last until an end is loaded",
			"accounts are neither flagged nor counted as lost meanwhile: give an end when it is known")
	},
	"cycle": func(v *verdict, m *features.Measurement) {
		if m.Table == "accounts" {
			v.add("parents_in_a_cycle", PhaseScore, SeverityError, m.Table, m.Column, m.Detail, "one account above all others", "until then no groups are built; branches are")
			return
		}
		v.add("links_in_a_cycle", PhaseScore, SeverityError, m.Table, m.Column, m.Detail, "one account that goes on", "until then nothing is built of any account")
	},
	"assessment": func(v *verdict, m *features.Measurement) {
		v.add("silent_assessments", PhaseScore, SeverityWarning, m.Table, m.Column, part(m, "row")+of(m)+" say nothing"+such(m), "a known item and kind, a value on its scale, and of a judgement author and comment",
			"correct them at the source; until then they count as not said")
	},
	"words": func(v *verdict, m *features.Measurement) {
		severity, needed, way := SeverityAdvice, "a reason that begins with quality, late, price, not needed or the like", "returns for other reasons count as other"
		if words, ok := features.Words(m.Table, m.Column); ok {
			needed, way = strings.Join(words.Words, ", "), "no feature reads other words; convert the column in the mapping if they mean one of these"
		}
		if share(m) >= missingShare {
			severity = SeverityWarning
		}
		v.add("unknown_words", PhaseTrain, severity, m.Table, m.Column, part(m, "row")+" say what nobody reads: "+m.Detail, needed, way)
	},
	"unsettled": func(v *verdict, m *features.Measurement) {
		v.add("unsettled_payments", PhaseScore, SeverityError, m.Table, m.Column, part(m, "payment")+of(m)+" are in another currency than their invoice, and one of the two has no amount in "+v.Settings.BaseCurrency+such(m),
			"the invoice's currency, or both in "+v.Settings.BaseCurrency, "map amount_base, or import fx_rates and then invoices and payments; until then nobody can tell what is open of these invoices, and they are left out")
	},
	"foreign": func(v *verdict, m *features.Measurement) {
		v.add("payments_of_others", PhaseScore, SeverityWarning, m.Table, m.Column, part(m, "payment")+of(m)+" name an invoice of another account"+such(m), "the account of the invoice",
			"write the invoice's account; until then they settle nothing")
	},
	"early": func(v *verdict, m *features.Measurement) {
		v.add("payments_before_invoice", PhaseScore, SeverityAdvice, m.Table, m.Column, part(m, "payment")+of(m)+" came before their invoice was issued"+such(m), "nothing where goods are paid in advance",
			"otherwise the two columns may be mapped the wrong way round, or the invoice be another")
	},
	"below_spend": func(v *verdict, m *features.Measurement) {
		v.add("wallets_below_spend", PhaseScore, SeverityWarning, m.Table, m.Column, part(m, "declared wallet")+" are below what the account spent here in the last year"+such(m),
			"at least the own spend", "ask again what the account spends with everybody; until then its own spend is taken instead, and the answer says so")
	},
	"link_kind": func(v *verdict, m *features.Measurement) {
		v.add("unknown_link_kind", PhaseScore, SeverityWarning, m.Table, m.Column, plural(m.Count, "row")+" of kind "+strconv.Quote(m.Subject)+such(m),
			strings.Join(features.LinkKinds(), ", "), "links of other kinds are not followed; convert the column in the mapping")
	},
	"holiday_country": func(v *verdict, m *features.Measurement) {
		v.add("holidays_of_nobody", PhaseScore, SeverityAdvice, m.Table, m.Column, plural(m.Count, "holiday")+" of "+strconv.Quote(m.Subject)+", where no account is", "a country of accounts.country",
			"write both by the same two letters, give accounts their country, or leave the holidays out")
	},
	"country": func(v *verdict, m *features.Measurement) {
		v.add("unknown_country", PhaseScore, SeverityWarning, m.Table, m.Column, plural(m.Count, "row")+of(m)+" saying "+strconv.Quote(m.Subject)+", which is no country"+such(m), "two capital letters of ISO 3166-1, such as CN, DE or GB",
			"holidays are found by it; convert the column in the mapping")
	},
	"undated": func(v *verdict, m *features.Measurement) {
		severity := SeverityAdvice
		if v.mapped(m) {
			severity = SeverityWarning // it is read as if it had always been so
		}
		v.add("no_date", PhaseTrain, severity, m.Table, m.Column, part(m, "account")+of(m)+" have no date since when they stand there"+such(m), "valid_from or opened",
			"without a date standing in the list may tell that the account lived on, and no feature can be made of it")
	},
	"duplicates": func(v *verdict, m *features.Measurement) {
		v.add("duplicate_rows", PhaseTrain, SeverityWarning, m.Table, m.Column, part(m, "row")+of(m)+" repeat another row"+such(m), "each once",
			"if it is no repeated purchase, leave them out at the source; they count twice")
	},
	"twice": func(v *verdict, m *features.Measurement) {
		v.add("orders_twice", PhaseTrain, SeverityError, m.Table, m.Column, part(m, "order")+" stand in several sources"+such(m), "each in one",
			"their amounts add up; separate the sources by where, or drop one")
	},
	"future": func(v *verdict, m *features.Measurement) {
		severity, detail := SeverityError, "the newest order decides which day is the last complete one; correct the rows, or set data_through"
		if v.Settings.DataThrough != 0 || m.Column != "ordered_at" {
			severity, detail = SeverityWarning, "correct the rows; until their time has come they are not seen"
		}
		v.add("future_rows", PhaseScore, severity, m.Table, m.Column, part(m, "row")+of(m)+" lie in the future"+such(m), "none", detail)
	},
	"returns": func(v *verdict, m *features.Measurement) {
		if m.Count <= m.Total {
			return
		}
		v.add("returns_above_sales", PhaseTrain, SeverityError, m.Table, m.Column, fmt.Sprintf("returns of %d against sales of %d%s", m.Count, m.Total, of(m)), "returns below sales",
			"returns are negative amounts and sales positive ones: the sign may be turned round, or sales be missing")
	},
	"currencies": func(v *verdict, m *features.Measurement) {
		noun := map[string]string{"order_lines": "order line", "invoices": "invoice", "payments": "payment", "contracts": "contract", "wallets": "declared wallet"}[m.Table]
		v.add("currencies", PhaseTrain, SeverityError, m.Table, m.Column, part(m, noun)+of(m)+" in "+m.Subject+" have no amount in "+v.Settings.BaseCurrency+such(m), "an amount in the base currency for each",
			"map amount_base, or import fx_rates and then the "+strings.ReplaceAll(m.Table, "order_lines", "orders")+"; until then "+m.Subject+" counts as "+v.Settings.BaseCurrency)
	},
	"apart": func(v *verdict, m *features.Measurement) {
		there, needed, way := "rows on the cluster too", "each account's rows in one of the two", "each part would be taken for the whole; import none of what the cluster holds, or all of it"
		if m.Subject != "" {
			there, needed, way = m.Subject+" on the cluster", "each account's "+m.Table+" and "+m.Subject+" in one of the two", "no payment would settle an invoice there, and each bill read as unpaid; import both or map both on the cluster"
		}
		v.add("accounts_apart", PhaseTrain, SeverityError, m.Table, m.Column, part(m, "account")+" with imported rows have "+there+such(m), needed, way)
	},
	"terms_apart": func(v *verdict, m *features.Measurement) {
		lost := map[string]string{"start": "pauses", "country": "holidays", "segment": "cadence of the segment"}[m.Column]
		if m.Column == "segment" && len(v.Settings.Cadence.Segments) == 0 {
			return // nobody asks for it
		}
		v.add("terms_apart", PhaseScore, SeverityError, m.Table, m.Column,
			part(m, "account")+" with rows of "+m.Table+" have their orders or contacts on the other side of the cluster, where the "+lost+" can't be seen"+such(m),
			"rows of "+m.Table+" where the account's orders and contacts are",
			"map "+m.Table+" on the cluster, sharded by account, where order_lines and interactions are mapped; import it where they are imported")
	},
	"clock_dates_only": func(v *verdict, m *features.Measurement) {
		v.add("no_time_of_day", PhaseTrain, SeverityAdvice, m.Table, m.Column, part(m, "order line")+" are those"+of(m)+", which knows days only", "nothing; features count days",
			"see that business_time_zone ("+v.Settings.Zone+") is the zone of these days")
	},
}

// clock notes when orders are placed.
func (v *verdict) clock(m *features.Measurement) {
	n, err := strconv.Atoi(m.Subject)
	switch {
	case err != nil:
	case m.Check == "clock_hour" && n < len(v.Hours):
		v.Hours[n] += m.Count
	case m.Check == "clock_weekday" && n >= 1 && n <= len(v.Weekdays):
		v.Weekdays[n-1] += m.Count
	}
}

// night warns when most orders are placed while the business sleeps.
func (v *verdict) night() {
	m := features.Measurement{Table: "order_lines", Column: "ordered_at"}
	for hour, n := range v.Hours {
		m.Total += n
		if hour >= nightBegins || hour < nightEnds {
			m.Count += n
		}
	}
	if 2*m.Count <= m.Total {
		return
	}
	v.add("night_orders", PhaseTrain, SeverityWarning, m.Table, m.Column, part(&m, "order line")+" fall between 22:00 and 06:00 in "+v.Settings.Zone, "most by day",
		"a wrong zone moves orders to another day: set business_time_zone, and the zone in which the times were read")
}
