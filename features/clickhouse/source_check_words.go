package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// mostWords bounds the different words of a column that are looked at.
const mostWords = 10_000

// measureWords counts the rows whose word no feature reads, of those that say one, in each
// column that features read word by word, and the returns whose reason is of no known class.
// Detail names the three words said most often. Only tables that have rows are asked.
// Reasons of return are free text: of each column only the rows of its mostWords most
// frequent words are counted, those that are read and all.
func (w Warehouse) measureWords(ctx context.Context, params Params, filled map[string]bool) ([]features.Measurement, error) {
	type column struct {
		table, name string
		known       func(text string) bool
	}
	columns := []column{{"order_lines", "return_reason", func(text string) bool { return features.ClassOfReturn(text) != features.ReturnUnknown }}}
	for _, v := range features.Vocabularies() {
		columns = append(columns, column{v.Table, v.Column, func(text string) bool { _, known := v.Read(text); return known }})
	}
	var all []features.Measurement
	for _, c := range columns {
		if !filled[c.table] {
			continue
		}
		m := features.Measurement{Check: "words", Table: c.table, Column: c.name}
		unknown := map[string]int64{}
		sql := "SELECT toString(" + c.name + ") AS word, count() AS n FROM " + c.table + " WHERE load <= {watermark:UInt64} AND " + c.name + " != '' GROUP BY word" +
			fmt.Sprintf(" ORDER BY n DESC, word LIMIT %d", mostWords)
		err := ask(ctx, w.Engine, sql, params, func(t *frame.Table) error {
			for i, word := range t.Columns[0].Texts {
				n := t.Columns[1].Integers[i]
				m.Total += n
				if !c.known(word) {
					m.Count += n
					unknown[strings.ToLower(word)] += n
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("count the words of %s.%s: %w", c.table, c.name, err)
		}
		words := slices.SortedFunc(maps.Keys(unknown), func(a, b string) int {
			return cmp.Or(cmp.Compare(unknown[b], unknown[a]), strings.Compare(a, b))
		})
		for i, word := range words[:min(len(words), mostNamed)] {
			words[i] = fmt.Sprintf("%q (%d)", word, unknown[word])
		}
		m.Detail = strings.Join(words[:min(len(words), mostNamed)], ", ")
		if len(words) > mostNamed {
			m.Detail += fmt.Sprintf(" and %d more", len(words)-mostNamed)
		}
		all = append(all, m)
	}
	return all, nil
}
