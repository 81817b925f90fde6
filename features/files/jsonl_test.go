package files_test

import (
	"errors"
	"strings"
	"testing"

	"fealty/features/files"
)

func TestJSONLines(t *testing.T) {
	t.Parallel()
	content := strings.Join([]string{
		`{"account":"A1","order_id":9007199254740993,"amount":0.1,"ordered_at":"2026-01-02","vip":true}`,
		"",
		`  { "ordered_at" : "2026-01-03T04:05:06Z" , "amount" : -2.5e1 , "account" : "\u8bed\ud83d\ude00\t\"x\"" , "order_id" : "18446744073709551615" }  ` + "\r",
		`{"order_id":"3","account":"A1","amount":"7","ordered_at":"2026-01-04","unasked":{"a":[1,{"b":null}],"c":"\u0000"},"cost":null,"product":""}`,
		`{"order_id":4,"\u0061ccount":"A1","amount":12345678901234.5678,"ordered_at":"2026-01-05"}`, // the key is written with an escape
	}, "\n")
	got, report, err := readAll(t, files.Options{Inputs: []files.Input{memory("orders.jsonl", []byte(content))}, Table: schema(t, "order_lines"), Map: []string{"category=vip"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"account":  {"A1", "语😀\t\"x\"", "A1", "A1"},
		"order_id": {"9007199254740993", "18446744073709551615", "3", "4"}, // beyond 2^53 and 2^63
		"category": {"true", "", "", ""},
	}
	for name, texts := range want {
		for i, w := range texts {
			if got[name].texts[i] != w {
				t.Errorf("row %d %s is %q, want %q", i, name, got[name].texts[i], w)
			}
		}
	}
	for i, w := range []int64{1_000, -250_000, 70_000, 123_456_789_012_345_678} {
		if a := got["amount"].integers[i]; a != w {
			t.Errorf("row %d amount is %d ten-thousandths, want %d", i, a, w)
		}
	}
	if !got["cost"].null[0] || !got["cost"].null[2] {
		t.Error("a key that is absent, or null, is not empty")
	}
	for _, m := range report.Mapping {
		if m.Field == "discount" && m.From != "" || m.Field == "cost" && m.From != "cost" {
			t.Errorf("the report says that %s comes from %q", m.Field, m.From)
		}
	}
}

// A decimal comma is declared of texts; a number of JSON has a point by JSON's
// own rules.
func TestDecimalCommaIsOfTexts(t *testing.T) {
	t.Parallel()
	content := `{"account":"A","order_id":"1","amount":1.5,"cost":"2,25","ordered_at":"2026-01-02"}`
	got, _, err := readAll(t, files.Options{Inputs: []files.Input{memory("orders.jsonl", []byte(content))}, Table: schema(t, "order_lines"), DecimalComma: true})
	if err != nil {
		t.Fatal(err)
	}
	if a, c := got["amount"].integers[0], got["cost"].integers[0]; a != 15_000 || c != 22_500 {
		t.Errorf("amount %d and cost %d ten-thousandths, want 15000 and 22500", a, c)
	}
}

func TestBadJSONLinesAreRefused(t *testing.T) {
	t.Parallel()
	good := `{"account":"A","order_id":"1","amount":1,"ordered_at":"2026-01-02"}` + "\n"
	for name, c := range map[string]struct{ line, want string }{
		"cut":                {`{"account":"A","order_id":"1"`, "ends inside an object"},
		"cut in a key":       {`{"acc`, "not closed"},
		"a list":             {`[1,2]`, "no JSON object"},
		"a number":           {`17`, "no JSON object"},
		"two objects":        {`{"account":"A"} {"account":"B"}`, "something behind its object"},
		"no colon":           {`{"account" "A"}`, "colon"},
		"no comma":           {`{"account":"A" "order_id":"1"}`, "comma"},
		"a comma too many":   {`{"account":"A",}`, "key"},
		"single quotes":      {`{'account':'A'}`, "key in double quotes"},
		"twice":              {`{"account":"A","account":"A","order_id":"1"}`, `"account": stands twice`},
		"twice by an escape": {`{"account":"A","acc\u006funt":"A"}`, `"account": stands twice`},
		"twice, unasked":     {`{"x":1,"account":"A","x":1}`, `"x": stands twice`},
		"nested":             {`{"account":{"id":"A"}}`, `"account": "{`},
		"a list of ids":      {`{"account":["A"]}`, "is nested"},
		"too deep":           {`{"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, "64 objects"},
		"NaN":                {`{"amount":NaN}`, "not finite"},
		"Infinity":           {`{"amount":-Infinity}`, "not finite"},
		"leading zero":       {`{"amount":007}`, "not a number as JSON"},
		"plus":               {`{"amount":+1}`, "no JSON value"},
		"hexadecimal":        {`{"amount":0x10}`, "not a number as JSON"},
		"bare":               {`{"account":A1}`, "no JSON value"},
		"half a pair":        {`{"account":"\ud83d"}`, "surrogate"},
		"the wrong half":     {`{"account":"\ude00\ud83d"}`, "surrogate"},
		"bad escape":         {`{"account":"\x41"}`, "escapes"},
		"short escape":       {`{"account":"\u12"}`, "escapes"},
		"NUL by an escape":   {`{"account":"a\u0000b"}`, "NUL"},
		"NUL":                {"{\"account\":\"a\x00b\"}", "NUL"},
		"a tab inside":       {"{\"account\":\"a\tb\"}", "control character"},
		"not UTF-8":          {"{\"account\":\"M\xfcller\"}", "not valid UTF-8"},
		"no amount":          {`{"account":"A","order_id":"1","ordered_at":"2026-01-02"}`, `"amount": is empty`},
		"an empty object":    {`{}`, "is empty"},
		"long field":         {`{"account":"` + strings.Repeat("x", 70_000) + `"}`, "longer than the limit of 65536"},
		"many keys":          {`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}`, "more keys than the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := files.Options{Inputs: []files.Input{memory("orders.jsonl", []byte(good+c.line+"\n"+good))}, Table: schema(t, "order_lines"), Limits: files.Limits{Columns: 6}}
			_, _, err := readAll(t, o)
			var row *files.RowError
			if !errors.As(err, &row) || row.Line != 2 || row.File != "orders.jsonl" || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "orders.jsonl:2:") {
				t.Fatalf("error %v, want one at orders.jsonl:2 with %q", err, c.want)
			}
			// In quarantine the record is one bad one, and the lines around it are whole.
			var bad strings.Builder
			o.Quarantine = &bad
			o.Inputs = []files.Input{memory("orders.jsonl", []byte(good+c.line+"\n"+good))}
			_, report, err := readAll(t, o)
			if err != nil || report.Rows != 2 || report.Quarantined != 1 || strings.Count(bad.String(), "\n") != 1 {
				t.Errorf("with quarantine: %d rows, %d quarantined, %q, error %v", report.Rows, report.Quarantined, bad.String(), err)
			}
		})
	}
}

// A name with a typing mistake would be a column of empty values.
func TestAKeyThatNoObjectHasIsRefused(t *testing.T) {
	t.Parallel()
	content := `{"account":"A","order_id":"1","amount":1,"ordered_at":"2026-01-02","prodct":"bolt"}` + "\n"
	for _, o := range []files.Options{{Map: []string{"product=product_name"}}, {Where: []string{"not empty(product_name)"}}, {Where: []string{"empty(product_name)"}}} {
		o.Inputs, o.Table = []files.Input{memory("orders.jsonl", []byte(content))}, schema(t, "order_lines")
		_, _, err := readAll(t, o)
		if err == nil || !strings.Contains(err.Error(), `no column "product_name"; there are account, amount, order_id, ordered_at, prodct`) {
			t.Errorf("%v %v: error %v", o.Map, o.Where, err)
		}
	}
}

func TestJSONThatIsNotLinesIsRefused(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"[{\"account\":\"A\"}]":      "one JSON array",
		"{\n  \"account\": \"A\"\n}": "ends inside an object",
		"\n\n \n":                    "has no record",
	} {
		_, _, err := readAll(t, files.Options{Inputs: []files.Input{memory("orders.json", []byte(content))}, Table: schema(t, "order_lines")})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "orders.json") {
			t.Errorf("%q: error %v, want %q", content, err, want)
		}
	}
	both := []files.Input{memory("a.csv", []byte("account,order_id,amount,ordered_at\nA,1,1,2026-01-02\n")), memory("b.jsonl", []byte(`{"account":"A"}`))}
	if _, _, err := readAll(t, files.Options{Inputs: both, Table: schema(t, "order_lines")}); err == nil || !strings.Contains(err.Error(), "separately") {
		t.Errorf("CSV and JSON lines together: error %v", err)
	}
}

// Keys that are other ones in every object must not gather.
func TestChangingKeysTakeNoMemory(t *testing.T) {
	t.Parallel()
	var content strings.Builder
	for i := range 3_000 {
		content.WriteString(`{"account":"A","order_id":"1","amount":1,"ordered_at":"2026-01-02","k` + strings.Repeat("k", i%50) + string(rune('a'+i%26)) + `":1}` + "\n")
	}
	_, report, err := readAll(t, files.Options{Inputs: []files.Input{memory("orders.jsonl", []byte(content.String()))}, Table: schema(t, "order_lines"), Limits: files.Limits{Columns: 8}})
	if err != nil || report.Rows != 3_000 {
		t.Fatalf("%d rows, error %v", report.Rows, err)
	}
}
