package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fealty/model"
	"fealty/serving"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"gopkg.in/yaml.v3"
)

// The forms of an answer.
const (
	tableForm = "table"
	jsonForm  = "json"
	yamlForm  = "yaml"
	csvForm   = "csv"
)

var forms = []string{tableForm, jsonForm, yamlForm, csvForm}

// answer is what a verb shows on standard output.
type answer struct {
	// data is what json and yaml show, whole; its JSON is the answer's definition.
	data any
	// sections are what a person reads, in order.
	sections []section
	// rows is the section that csv shows: the one with a row for each thing.
	rows int
}

// section is a table with a title, "" for none.
type section struct {
	title string
	head  []string
	rows  [][]any
}

// facts is a section of names with values.
func facts(pairs ...any) section {
	s := section{head: []string{"field", "value"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		s.rows = append(s.rows, []any{pairs[i], pairs[i+1]})
	}
	return s
}

// checkForm refuses an unknown form before any work is done.
func (e *env) checkForm() error {
	if !slices.Contains(forms, e.global.output) {
		return fmt.Errorf("--output %q is none of %s: %w", e.global.output, strings.Join(forms, ", "), serving.ErrInvalid)
	}
	return nil
}

// show writes an answer in the form that was asked for.
func (e *env) show(a answer) error {
	var out bytes.Buffer
	var err error
	switch e.global.output {
	case jsonForm:
		err = writeJSON(&out, a.data)
	case yamlForm:
		err = writeYAML(&out, a.data)
	case csvForm:
		err = writeCSV(&out, a.sections[a.rows])
	default:
		writeTables(&out, a.sections)
	}
	if err != nil {
		return fmt.Errorf("write the answer as %s: %w", e.global.output, err)
	}
	if _, err := e.stdout.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// say writes a line for people to standard error.
func (e *env) say(format string, args ...any) {
	// When nobody hears it there is nobody to tell.
	_, _ = fmt.Fprintf(e.stderr, format+"\n", args...)
}

func writeJSON(w io.Writer, data any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(data)
}

// writeYAML writes what JSON would say, in its order: JSON is YAML already, and
// only has to be set in lines.
func writeYAML(w io.Writer, data any) error {
	var raw bytes.Buffer
	if err := writeJSON(&raw, data); err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(raw.Bytes(), &document); err != nil {
		return err
	}
	inLines(&document)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return err
	}
	return encoder.Close()
}

func inLines(n *yaml.Node) {
	quoted := n.Style&yaml.DoubleQuotedStyle != 0
	n.Style = 0
	if quoted {
		// A text such as "yes" keeps its quotes: older readers take it for a boolean.
		if alone, err := yaml.Marshal(n.Value); err != nil || bytes.ContainsAny(alone[:1], `"'`) {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, below := range n.Content {
		inLines(below)
	}
}

func writeCSV(w io.Writer, s section) error {
	out := csv.NewWriter(w)
	if err := out.Write(s.head); err != nil {
		return err
	}
	for _, row := range s.rows {
		texts := make([]string, len(row))
		for i, cell := range row {
			texts[i] = exact(cell)
		}
		if err := out.Write(texts); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func writeTables(w io.Writer, sections []section) {
	for i, s := range sections {
		if i > 0 {
			_, _ = io.WriteString(w, "\n") // a buffer takes everything
		}
		if s.title != "" {
			_, _ = io.WriteString(w, s.title+"\n")
		}
		t := table.NewWriter()
		style := table.StyleDefault
		style.Options = table.OptionsNoBordersAndSeparators
		style.Box.PaddingLeft = ""
		style.Box.PaddingRight = "  "
		style.Format.Header = text.FormatDefault
		t.SetStyle(style)
		// A list of fields needs no head; a list of things has one even when it is empty.
		if !slices.Equal(s.head, []string{"field", "value"}) {
			t.AppendHeader(row(s.head))
		}
		numeric := make([]bool, len(s.head))
		for j := range numeric {
			numeric[j] = len(s.rows) > 0
			for _, r := range s.rows {
				numeric[j] = numeric[j] && isNumber(r[j])
			}
		}
		for _, r := range s.rows {
			cells := make(table.Row, len(r))
			for j, cell := range r {
				cells[j] = short(cell)
			}
			t.AppendRow(cells)
		}
		configs := make([]table.ColumnConfig, len(numeric))
		for j := range numeric {
			configs[j] = table.ColumnConfig{Number: j + 1, Align: text.AlignLeft, AlignHeader: text.AlignLeft}
			if numeric[j] {
				configs[j].Align, configs[j].AlignHeader = text.AlignRight, text.AlignRight
			}
		}
		t.SetColumnConfigs(configs)
		for line := range strings.Lines(t.Render()) {
			_, _ = io.WriteString(w, strings.TrimRight(line, " \n")+"\n")
		}
	}
}

func row(head []string) table.Row {
	cells := make(table.Row, len(head))
	for i, h := range head {
		cells[i] = h
	}
	return cells
}

func isNumber(cell any) bool {
	switch cell.(type) {
	case int, int64, uint64, int32, float64, model.Figure:
		return true
	}
	return false
}

// exact is a cell as a program reads it: every digit, nothing for what is missing.
func exact(cell any) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case *float64:
		if v == nil {
			return ""
		}
		return exact(*v)
	case *bool:
		if v == nil {
			return ""
		}
		return exact(*v)
	case model.Figure:
		return exact(float64(v))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	case *time.Time:
		if v == nil {
			return ""
		}
		return exact(*v)
	}
	return fmt.Sprint(cell)
}

// short is a cell as a person reads it: numbers to four digits behind the
// point, a dash for what is missing, and no letter that could play with the
// terminal.
func short(cell any) string {
	switch v := cell.(type) {
	case float64:
		if !math.IsNaN(v) {
			return shortNumber(v)
		}
	case *float64:
		if v != nil {
			return short(*v)
		}
		return "-"
	case *bool:
		if v != nil {
			return short(*v)
		}
		return "-"
	case model.Figure:
		return short(float64(v))
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	words := exact(cell)
	if words == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\u202e' {
			return ' '
		}
		return r
	}, words)
}

func shortNumber(v float64) string {
	const large, places = 1000, 4
	if math.Abs(v) >= large {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	s := strconv.FormatFloat(v, 'f', places, 64)
	return strings.TrimSuffix(s, ".0000")
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// instant is a time of Unix seconds, nothing for 0.
func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
