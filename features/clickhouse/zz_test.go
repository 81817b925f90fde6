package clickhouse_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
	"fealty/features/frame"
)

func TestZZ(t *testing.T) {
	s := launch.Start(t, launch.Options{})
	e, err := clickhouse.OpenServer(t.Context(), s.URL("default", ""), clickhouse.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	show := func(tag string) {
		_ = e.Query(context.Background(), "SELECT query, elapsed, toInt64(is_cancelled) AS c, toInt64(read_rows) as r FROM system.processes", nil, func(b *frame.Table) error {
			for i := range b.Rows() {
				q := b.Columns[0].Texts[i]
				fmt.Println(tag, q[:min(60, len(q))], b.Columns[1].Numbers[i], b.Columns[2].Integers[i], b.Columns[3].Integers[i])
			}
			return nil
		})
	}
	for _, q := range []string{
		"SELECT sum(sleepEachRow(0.01)) FROM system.numbers SETTINGS max_block_size = 10",
		"SELECT sleepEachRow(0.01) FROM system.numbers SETTINGS max_block_size = 10",
		"SELECT sum(cityHash64(number)) FROM system.numbers",
	} {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(500*time.Millisecond, cancel)
		b := time.Now()
		err := e.Query(ctx, q, nil, func(b *frame.Table) error { return nil })
		fmt.Println(q, err, time.Since(b))
		for range 4 {
			time.Sleep(400 * time.Millisecond)
			show("  ")
		}
	}
	b := time.Now()
	err = e.Query(context.Background(), "SELECT sum(sleepEachRow(0.5)) FROM numbers(2)", nil, func(b *frame.Table) error { return nil })
	fmt.Println(err, time.Since(b))
	e.Close()
}
