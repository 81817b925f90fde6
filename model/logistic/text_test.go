package logistic

import (
	"bytes"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"fealty/features/frame"
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
	for _, seed := range []string{
		`{"format":"fealty logistic","version":1,"l2":1,"rows":4,"weight":4,"iterations":3,"log_loss":0.5,"base":0,"base_standard_error":1,"features":[{"name":"x","kind":"number","transform":"identity","unit":0,"mean":1,"scale":2,"value":{"estimate":1,"standard_error":1,"share":0}}]}`,
		`{"format":"fealty logistic","version":1,"l2":1,"rows":4,"weight":4,"iterations":3,"log_loss":0.5,"base":0,"base_standard_error":1,"features":[{"name":"x","kind":"number","transform":"log1p","unit":5e-324,"mean":1,"scale":2e-9,"value":{"estimate":1e+100,"standard_error":1,"share":0},"missing":{"estimate":-1,"standard_error":1,"share":0.5}}]}`,
		`{"format":"fealty logistic","version":1,"l2":1,"rows":4,"weight":4,"iterations":3,"log_loss":0.5,"base":0,"base_standard_error":1,"features":[{"name":"c","kind":"category","unit":0,"mean":0,"scale":0,"levels":[{"name":"a","estimate":1,"standard_error":0,"share":0.5}],"other":{"estimate":-1,"standard_error":1,"share":0.25}}]}`,
	} {
		if _, err := Parse([]byte(seed)); err != nil {
			f.Fatalf("the seed %s: %v", seed, err)
		}
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		again, err := m.MarshalText()
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%q became %q (%v)", text, again, err)
		}
		out := make([]float64, 6)
		if err := m.Predict(anything(m), out); err != nil {
			t.Fatalf("%q does not predict: %v", text, err)
		}
		for i, v := range out {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%q: the margin of row %d is %v", text, i, v)
			}
		}
	})
}

// anything returns six rows of the model's own columns, as wild as a frame may
// be.
func anything(m *Model) *frame.Frame {
	f := &frame.Frame{Accounts: make([]frame.AccountID, 6), Cutoffs: make([]frame.Cutoff, 6)}
	for k := range m.content.Features {
		if t := &m.content.Features[k]; t.Kind == kindNumber {
			f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: t.Name}, Kind: frame.Number,
				Numbers: []float64{math.NaN(), -math.MaxFloat64, math.MaxFloat64, 5e-324, 0, t.Mean}})
		} else {
			c := category(t.Name, []string{"never seen"}, []int32{-1, 0, 0, 0, 0, 0})
			for _, l := range t.Levels[:min(len(t.Levels), 3)] {
				c.Levels = append(c.Levels, l.Name)
				c.Codes[len(c.Levels)] = int32(len(c.Levels) - 1)
			}
			f.Columns = append(f.Columns, c)
		}
	}
	return f
}
