package clickhouse_test

import (
	"errors"
	"strings"
	"testing"

	"fealty/features"
	"fealty/features/clickhouse"
)

// Contracts and declared wallets have a currency, as orders have; invoices fall due by their terms.
func TestCurrenciesOfContractsAndWalletsAndTermsOfInvoices(t *testing.T) {
	w := migrated(t)
	loaded(t, w, into("fx_rates"), csv(t, "fx_rates", "currency,day,rate\nUSD,2025-01-01,0.9\nUSD,2025-02-01,0.5"))
	loaded(t, w, into("contracts"), csv(t, "contracts", `
id,account,start,amount,currency,recorded_at
k1,a,2025-01-02,100,USD,
k2,a,2025-12-01,100,USD,2025-02-03
k3,a,2019-01-01,100,,
k4,a,2019-01-01,,USD,`))
	// What begins later is worth what it was when it was agreed; without an amount no rate is needed.
	same1(t, "contracts", answer(t, w, "SELECT id, toFloat64(amount_base) FROM contracts ORDER BY id"), []string{"k1 90", "k2 50", "k3 100", "k4 ∅"})

	const declared = "account,category,period,amount,currency,rank,suppliers\na,paper,2025-01-03,200,USD,,\na,ink,2019-01-01,,,1,3"
	loaded(t, w, into("wallets"), csv(t, "wallets", declared))
	again := into("wallets")
	again.Correct = true
	loaded(t, w, again, csv(t, "wallets", strings.ReplaceAll(declared, "200,USD", "300,USD")))
	same1(t, "wallets", answer(t, w, "SELECT category, toFloat64(sum(amount)), toFloat64(sum(amount_base)), any(currency) FROM wallets GROUP BY category ORDER BY category"), []string{"ink ∅ ∅ ", "paper 300 270 USD"})

	berlin := into("invoices")
	berlin.Zone = "Europe/Berlin"
	loaded(t, w, berlin, csv(t, "invoices", `
id,account,issued_at,due_at,terms,amount
i1,a,2025-10-15 22:00:00,,14,100
i2,a,2025-10-15 22:00:00,2025-11-01,14,100`))
	// Two weeks by the calendar, over the end of summer time.
	same1(t, "invoices", answer(t, w, "SELECT id, due_at, terms FROM invoices ORDER BY id"), []string{"i1 2025-10-29T23:00:00 14", "i2 2025-11-01T00:00:00 14"})

	for name, c := range map[string]struct {
		table, rows string
		err         error
		says        string
	}{
		"a contract without a rate": {"contracts", "id,account,start,amount,currency\nk9,a,2019-01-01,1,USD", clickhouse.ErrNoRate, "USD"},
		"a wallet without a rate":   {"wallets", "account,category,period,amount,currency\na,,2025-01-05,1,GBP", clickhouse.ErrNoRate, "GBP"},
		"neither due nor terms":     {"invoices", "id,account,issued_at,amount\ni9,a,2025-01-01,1", clickhouse.ErrBadRow, "due_at"},
		"terms of a century":        {"invoices", "id,account,issued_at,terms,amount\ni9,a,2025-01-01,36500,1", clickhouse.ErrBadRow, "terms"},
	} {
		if _, err := w.Load(t.Context(), into(c.table), csv(t, c.table, c.rows), nil); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}

	execute(t, w, "CREATE DATABASE erp",
		"CREATE TABLE erp.bills (nr String, cust String, day DateTime('UTC'), due Nullable(DateTime('UTC')), days Nullable(Int32), net Decimal(18, 4)) ENGINE = Memory",
		"INSERT INTO erp.bills VALUES ('m1', 'a', '2025-10-15 22:00:00', NULL, 14, 5), ('m2', 'a', '2025-10-15 22:00:00', '2025-10-20 00:00:00', 14, 5), ('m3', 'a', '2025-10-15 22:00:00', NULL, NULL, 5), ('m4', 'a', '2025-10-15 22:00:00', NULL, 99999, 5)",
		"CREATE TABLE erp.agreed (nr String, cust String, day DateTime('UTC'), net Decimal(18, 4), money String) ENGINE = Memory",
		"INSERT INTO erp.agreed VALUES ('c1', 'a', '2025-01-01 00:00:00', 7, 'USD')")
	bills := features.MappedSource{Name: "erp", Table: "invoices", From: "erp.bills", Currency: "EUR", Zone: "Europe/Berlin",
		Columns: map[string]string{"id": "nr", "account": "cust", "issued_at": "day", "due_at": "due", "terms": "days", "amount": "net"}}
	agreed := features.MappedSource{Name: "erp", Table: "contracts", From: "erp.agreed", Columns: map[string]string{"id": "nr", "account": "cust", "start": "day", "amount": "net"}}
	if err := w.MapSources(t.Context(), []features.MappedSource{bills, agreed}); err != nil {
		t.Fatal(err)
	}
	same1(t, "mapped invoices", answer(t, w, "SELECT id, due_at FROM invoices WHERE source = 'erp' ORDER BY id"), []string{"m1 2025-10-29T23:00:00", "m2 2025-10-20T00:00:00"})
	agreed.Columns["currency"] = "money"
	if err := agreed.Validate(); !errors.Is(err, features.ErrBadRequest) || !strings.Contains(err.Error(), "amount_base") {
		t.Errorf("contracts in currencies that nobody converts: %v", err)
	}
	delete(bills.Columns, "terms")
	delete(bills.Columns, "due_at")
	if err := bills.Validate(); !errors.Is(err, features.ErrBadRequest) || !strings.Contains(err.Error(), "terms") {
		t.Errorf("invoices that never fall due: %v", err)
	}

	// What no rate was found for, or nobody converted, is an error in each table.
	execute(t, w, "INSERT INTO imported_contracts (id, account, start, amount, currency, load, source) SELECT 'k8', 'a', 0, 1, 'USD', load, 'import' FROM loads WHERE `table` = 'contracts'",
		"INSERT INTO imported_wallets (account, amount, currency, load, source) SELECT 'a', 1, 'GBP', max(load), 'import' FROM loads WHERE `table` = 'wallets'")
	all, err := w.Inspect(t.Context(), features.Inspection{Watermark: 99, BaseCurrency: "EUR", Now: at("2025-06-01")})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, m := range all {
		if m.Check == "currencies" {
			found[m.Table+" "+m.Subject] = m.Count
		}
	}
	same1(t, "amounts that nobody converted", found, map[string]int64{"contracts USD": 1, "wallets USD": 0, "wallets GBP": 1})
}
