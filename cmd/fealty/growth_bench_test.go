//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fealty/features/clickhouse/launch"
	"fealty/serving"
	"fealty/serving/store"
)

// BenchmarkGrowth looks at a base of 200,000 accounts with 10 million lines: two ends, the
// month ends of a year, by region and by category. The bound is of the processor's time, of
// which a call has 30 s on each of two cores; not all of it runs on both.
func BenchmarkGrowth(b *testing.B) {
	if os.Getenv("FEALTY_BENCH") == "" {
		b.Skip("needs minutes and 2 GB: make bench")
	}
	launch.Library(b)
	collectOften() // as the shipped program does
	dir := b.TempDir()
	w := benchWarehouse(b, "chdb://"+filepath.Join(dir, "warehouse"))
	for name, sql := range map[string]string{
		"order_lines": fmt.Sprintf("%s FROM numbers(%d)", benchRows, benchLines), "accounts": benchRecord["accounts"], "wallets": benchRecord["wallets"],
	} {
		path := filepath.Join(dir, name+".csv")
		makeCSV(b, w, path, sql)
		if err := load(b, w, name, path); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
	state, err := store.OpenState(b.Context(), filepath.Join(dir, "state"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := state.Close(); err != nil {
			b.Error(err)
		}
	})
	runs, err := store.OpenRuns(b.Context(), w.Engine)
	if err != nil {
		b.Fatal(err)
	}
	s := &serving.Service{Facts: w, Loads: w, Runs: runs, Registry: state.By("bench"), Settings: serving.DefaultSettings()}
	for _, c := range []struct {
		name string
		serving.GrowthRequest
	}{
		{"two-ends", serving.GrowthRequest{}}, {"thirteen-ends", serving.GrowthRequest{Every: serving.EveryMonth}},
		{"region", serving.GrowthRequest{By: "region"}}, {"category", serving.GrowthRequest{By: "category"}},
	} {
		c.From, c.To = "2022-11-30", "2023-11-30"
		watch, began, spent := watchMemory(), time.Now(), processor(b)
		if _, err := s.Growth(b.Context(), c.GrowthRequest, nil); err != nil {
			b.Fatal(err)
		}
		took := (processor(b) - spent).Seconds()
		b.Logf("growth %s: %.1f s, of the processor %.1f s, memory of Go %.0f MB", c.name, time.Since(began).Seconds(), took, watch()/1e6)
		atMost(b, "growth/200k/"+c.name, w.Describe(), "processor seconds", took, 60, 45)
	}
}

// processor returns the time that the process has had of a processor.
func processor(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
