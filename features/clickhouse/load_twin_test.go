package clickhouse_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// plannedLoad is a file to be loaded; a line of 0 is missing.
type plannedLoad struct {
	rows    []plannedRow
	correct bool
}

type plannedRow struct {
	order        string
	line, amount int64
}

// plans draws a few loads of few keys, so that they meet often; the same key may
// come twice in one file.
var plans = rapid.Custom(func(t *rapid.T) []plannedLoad {
	row := rapid.Custom(func(t *rapid.T) plannedRow {
		return plannedRow{
			order:  rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "order"),
			line:   rapid.Int64Range(0, 3).Draw(t, "line"),
			amount: rapid.Int64Range(0, 1).Draw(t, "amount") * frame.DecimalScale,
		}
	})
	one := rapid.Custom(func(t *rapid.T) plannedLoad {
		return plannedLoad{rapid.SliceOfN(row, 1, 6).Draw(t, "rows"), rapid.Bool().Draw(t, "correct")}
	})
	return rapid.SliceOfN(one, 2, 5).Draw(t, "loads")
})

// Random loads, corrections among them, against the plainest account of what is
// known: a map from key to the amounts that the last load gave it.
func TestLoadsAndCorrectionsAgreeWithAMap(t *testing.T) {
	w := migrated(t)
	t.Cleanup(clickhouse.CompareAtATime(2)) // several parts even here
	rounds := 8
	if os.Getenv("FEALTY_TORTURE") == "1" {
		rounds = 300
	}
	corrected, refusals, unchanged := 0, 0, 0
	for round := range rounds {
		known, account := map[string][]int64{}, "r"+strconv.Itoa(round)
		for n, load := range plans.Example(round) {
			now, counted := map[string][]int64{}, map[string]int64{}
			for _, r := range load.rows {
				counted[r.order]++
				key := fmt.Sprint(r.order, " ", orElse(r.line, counted[r.order]))
				now[key] = append(now[key], r.amount)
			}
			var want features.LoadReport
			for key, amounts := range now {
				slices.Sort(amounts)
				switch before, ok := known[key]; {
				case ok && slices.Equal(before, amounts):
					want.Unchanged += int64(len(amounts))
				case ok:
					want.Corrected += int64(len(amounts))
				}
			}
			want.Rows = int64(len(load.rows)) - want.Unchanged
			request := into("order_lines")
			request.Correct = load.correct
			got, err := w.Load(t.Context(), request, &given{size: 2, table: &frame.Table{Columns: []frame.Column{
				texts("account", load.rows, func(plannedRow) string { return account }),
				texts("order_id", load.rows, func(r plannedRow) string { return r.order }),
				numbers("line", frame.Integer, load.rows, func(r plannedRow) int64 { return orElse(r.line, absent) }),
				numbers("amount", frame.Decimal, load.rows, func(r plannedRow) int64 { return r.amount }),
				numbers("ordered_at", frame.Time, load.rows, func(plannedRow) int64 { return at("2024-01-05") }),
			}}}, nil)
			refused := want.Corrected > 0 && !load.correct
			if refused != errors.Is(err, features.ErrKnown) || !refused && err != nil {
				t.Fatalf("round %d, load %d, %+v onto %v: error %v, want one: %t", round, n, load, known, err, refused)
			}
			if refused {
				refusals++
				continue
			}
			if got.Rows != want.Rows || got.Unchanged != want.Unchanged || got.Corrected != want.Corrected {
				t.Fatalf("round %d, load %d, %+v onto %v reports %+v, want %+v", round, n, load, known, got, want)
			}
			corrected, unchanged = corrected+int(got.Corrected), unchanged+int(got.Unchanged)
			maps.Copy(known, now)
		}
		var want []string
		for key, amounts := range known {
			sum := int64(0)
			for _, a := range amounts {
				sum += a
			}
			want = append(want, fmt.Sprint(key, " ", float64(sum)/frame.DecimalScale))
		}
		slices.Sort(want)
		got := answer(t, w, "SELECT order_id, line, toFloat64(sum(amount)) FROM order_lines WHERE account = '"+account+"' GROUP BY order_id, line ORDER BY order_id, line")
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("round %d: known are\n%s\nwant\n%s", round, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if corrected == 0 || refusals == 0 || unchanged == 0 {
		t.Errorf("%d rows corrected, %d loads refused, %d rows unchanged: the plans never meet", corrected, refusals, unchanged)
	}
}

// Parts are ranges of accounts, or shares of the keys by hash where the account
// is no part of the key; neither loses a row nor takes one twice.
func TestRowsAreComparedInParts(t *testing.T) {
	w := migrated(t)
	t.Cleanup(clickhouse.CompareAtATime(3))
	lines := "account,order_id,line,amount,ordered_at"
	contacts := "id,account,at,kind"
	for i := range 20 {
		lines += fmt.Sprintf("\na%d,o%d,1,%d,2024-01-05", i/2, i, i)
		contacts += fmt.Sprintf("\n%d,a%d,2024-01-05,call", i, i/7)
	}
	loaded(t, w, into("order_lines"), csv(t, "order_lines", lines))
	loaded(t, w, into("interactions"), csv(t, "interactions", contacts))
	for _, c := range []struct{ table, rows string }{
		{"order_lines", strings.Replace(lines, "a3,o7,1,7", "a3,o7,1,70", 1) + "\nb,o1,1,1,2024-01-05"},
		{"interactions", strings.Replace(contacts, "\n7,a1", "\n7,a9", 1) + "\nb,a1,2024-01-05,call"},
	} {
		if _, err := w.Load(t.Context(), into(c.table), csv(t, c.table, c.rows), nil); !errors.Is(err, features.ErrKnown) {
			t.Errorf("%s with another value: %v", c.table, err)
		}
		fix := into(c.table)
		fix.Correct = true
		if r := loaded(t, w, fix, csv(t, c.table, c.rows)); r.Rows != 2 || r.Unchanged != 19 || r.Corrected != 1 {
			t.Errorf("%s with another value and a new row: %+v", c.table, r)
		}
	}
	// 0 + 1 + … + 19, then 70 instead of 7, and 1.
	same1(t, "order lines", answer(t, w, "SELECT count(), toFloat64(sum(amount)) FROM order_lines"), []string{"23 254"})
	same1(t, "interactions", answer(t, w, "SELECT count(), uniqExact(id), argMaxIf(account, load, id = '7') FROM interactions"), []string{"22 21 a9"})
}
