package logistic

import (
	"bytes"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestTextRoundTripKeepsEveryBit(t *testing.T) {
	f, y := town(400, 2)
	f.Columns[2].Levels = []string{"a & <b>", "零售", ""}
	m := fit(t, Defaults(), f, y, nil)
	text, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if !same(margins(t, m, f), margins(t, again, f)) {
		t.Error("other margins after a round trip")
	}
	a, b := m.Coefficients(), again.Coefficients()
	if len(a) != len(b) {
		t.Fatalf("%d coefficients became %d", len(a), len(b))
	}
	for k := range a {
		if a[k] != b[k] {
			t.Errorf("%+v became %+v", a[k], b[k])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	f, y := town(200, 2)
	text, err := fit(t, Defaults(), f, y, nil).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(from, to string) []byte {
		if !bytes.Contains(text, []byte(from)) {
			t.Fatalf("%s is not in %s", from, text)
		}
		return bytes.Replace(text, []byte(from), []byte(to), 1)
	}
	for name, bad := range map[string][]byte{
		"empty":             nil,
		"null":              []byte("null"),
		"a newer format":    replace(`"version":1`, `"version":2`),
		"another format":    replace("fealty logistic", "fealty tree"),
		"an unknown key":    replace(`"rows":`, `"code":"x","rows":`),
		"a repeated key":    replace(`"l2":1`, `"l2":1,"l2":1`),
		"a key's case":      replace(`"l2":1`, `"L2":1`),
		"NaN":               replace(`"l2":1`, `"l2":NaN`),
		"a huge number":     replace(`"l2":1`, `"l2":1e999`),
		"a negative L2":     replace(`"l2":1`, `"l2":-1`),
		"no rows":           replace(`"rows":200`, `"rows":0`),
		"a feature twice":   replace(`"name":"x1"`, `"name":"x0"`),
		"a level twice":     replace(`"name":"b"`, `"name":"a"`),
		"an unknown kind":   replace(`"kind":"number"`, `"kind":"text"`),
		"a kind mixed up":   replace(`"kind":"number"`, `"kind":"category"`),
		"a transform":       replace(`"transform":"log1p"`, `"transform":"auto"`),
		"a unit of 0":       regexp.MustCompile(`"unit":[0-9][^,]*,`).ReplaceAll(text, []byte(`"unit":0,`)),
		"a unit too many":   replace(`"transform":"identity","unit":0`, `"transform":"identity","unit":1`),
		"trailing bytes":    append(bytes.Clone(text), '\n'),
		"another whole one": append(bytes.Clone(text), text...),
	} {
		if _, err := Parse(bad); !errors.Is(err, ErrText) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range text {
		if _, err := Parse(text[:n]); !errors.Is(err, ErrText) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte(" "), maxText+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a text beyond the bound: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"format":"fealty logistic","version":1,"l2":1,"rows":4,"weight":4,"iterations":3,"log_loss":0.5,"base":0,"base_standard_error":1,"features":[{"name":"x","kind":"number","transform":"identity","unit":0,"mean":1,"scale":2,"value":{"estimate":1,"standard_error":1,"share":0}}]}`))
	f.Add([]byte(`{"features":[{"name":"c","kind":"category","levels":[{"name":"a","estimate":1}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		again, err := m.MarshalText()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%q became %q (%v)", text, again, err)
		}
		if b := m.Base(); math.IsNaN(b) || math.IsInf(b, 0) {
			t.Fatalf("base %v", b)
		}
	})
}
