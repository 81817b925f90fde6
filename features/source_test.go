package features_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"fealty/features"
)

func orders() features.MappedSource {
	return features.MappedSource{
		Name: "erp", Table: "order_lines", From: "shop.lines", Currency: "EUR",
		Columns: map[string]string{"account": "cust", "order_id": "nr", "amount": "net", "ordered_at": "day"},
	}
}

func TestMappedSourcesAreRefusedByKey(t *testing.T) {
	if err := orders().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*features.MappedSource){
		`table: "orders" is none of accounts, order_lines`:     func(m *features.MappedSource) { m.Table = "orders" },
		`name: need 1 … 64`:                                    func(m *features.MappedSource) { m.Name = "Erp'" },
		`give one of from (a table) and query`:                 func(m *features.MappedSource) { m.From = "" },
		`from: give one of`:                                    func(m *features.MappedSource) { m.Query = "SELECT 1" },
		`zone: "Berlin" is no IANA time zone`:                  func(m *features.MappedSource) { m.Zone = "Berlin" },
		`zone: "Local"`:                                        func(m *features.MappedSource) { m.Zone = "Local" },
		`order_lines has no field "customer"; there are acc`:   func(m *features.MappedSource) { m.Columns["customer"] = "x" },
		`amount is not mapped, and order_lines needs it`:       func(m *features.MappedSource) { delete(m.Columns, "amount") },
		`a table without any date is no source of features`:    func(m *features.MappedSource) { m.Columns["ordered_at"] = "" },
		`currency: "euro" is no ISO 4217 code`:                 func(m *features.MappedSource) { m.Currency = "euro" },
		`map amount_base, or declare the one currency`:         func(m *features.MappedSource) { m.Currency = "" },
		`neither currency nor amount_base is mapped`:           func(m *features.MappedSource) { m.Columns["currency"] = "cur" },
		`accounts has no amounts to convert`:                   func(m *features.MappedSource) { m.Table, m.Columns = "accounts", map[string]string{"account": "x"} },
		`source "erp": columns: account is not mapped`:         func(m *features.MappedSource) { delete(m.Columns, "account") },
		`one currency is declared, so that neither`:            func(m *features.MappedSource) { m.Columns["amount_base"] = "net" },
		`zone: "../../etc/passwd" is no IANA time zone`:        func(m *features.MappedSource) { m.Zone = "../../etc/passwd" },
		`name: need 1 … 64 of a-z, 0-9 and _, beginning with `: func(m *features.MappedSource) { m.Name = "" },
	} {
		m := orders()
		m.Columns = maps.Clone(m.Columns)
		spoil(&m)
		err := m.Validate()
		if !errors.Is(err, features.ErrBadRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestCanonicalTextOfSourcesIsEqualExactlyWhenTheyAre(t *testing.T) {
	a, b := orders(), orders()
	b.Name = "web"
	if features.Canonical(nil) != "" {
		t.Error("no sources have a text")
	}
	text := features.Canonical([]features.MappedSource{a, b})
	if text != features.Canonical([]features.MappedSource{b, a}) {
		t.Error("the order of the sources changes the text")
	}
	// Each field tells two sources apart, also when a value moves to the next field.
	seen := []string{features.Canonical([]features.MappedSource{a})}
	for _, change := range []func(*features.MappedSource){
		func(m *features.MappedSource) { m.Name = "x" },
		func(m *features.MappedSource) { m.Table = "wallets" },
		func(m *features.MappedSource) { m.From = "shop.other" },
		func(m *features.MappedSource) { m.From, m.Query = "", "shop.lines" },
		func(m *features.MappedSource) { m.Where = "EUR" },
		func(m *features.MappedSource) { m.Where, m.Currency = "EUR", "" },
		func(m *features.MappedSource) { m.Zone = "UTC" },
		func(m *features.MappedSource) { m.Cluster = "UTC" },
		func(m *features.MappedSource) { m.Columns = map[string]string{"account": "cust"} },
		func(m *features.MappedSource) { m.Columns = map[string]string{"account": `cust" amount="net`} },
	} {
		m := orders()
		change(&m)
		text := features.Canonical([]features.MappedSource{m})
		if slices.Contains(seen, text) {
			t.Errorf("two sources have the text %s", text)
		}
		seen = append(seen, text)
	}
}
