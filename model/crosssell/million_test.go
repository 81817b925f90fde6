//go:build unix

package crosssell

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fealty/features/frame"
)

// A million accounts, fifty thousand items, some twenty million cells: what does
// not fit the stated memory goes to the tail. Lists are made for all accounts.
// Times and memory are printed, not judged; FEALTY_TORTURE=1 runs it.
func TestAMillionAccounts(t *testing.T) {
	if os.Getenv("FEALTY_TORTURE") != "1" {
		t.Skip("SKIPPED: set FEALTY_TORTURE=1 to measure a million accounts")
	}
	const accounts, items, categories = 1_000_000, 50_000, 500
	begin, spent := time.Now(), processor(t)
	step := func(what string) {
		t.Helper()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		now := processor(t)
		t.Logf("%-45s %6.1f s, of a processor %6.1f s, heap %.2f GB, from the system %.2f GB", what, time.Since(begin).Seconds(), (now - spent).Seconds(), float64(m.HeapAlloc)/1e9, float64(m.Sys)/1e9)
		begin, spent = time.Now(), now
	}
	past := bigTown(t, accounts, items, categories)
	runtime.GC()
	step(fmt.Sprintf("building %d cells", len(past.Item)))
	m, report := fit(t, past, Defaults())
	step("fitting")
	en, _ := report.Text()
	t.Logf("%s Residual %.2g.", en, report.Residual)

	const every = accounts / 20
	var inTaste, all atomic.Int64
	checks := make([][]Scored, accounts/every)
	err := m.NewForAll(context.Background(), 10, nil, func(a int, list []Scored) {
		if a%every == 0 {
			checks[a/every] = list
		}
		of := map[int32]bool{}
		for _, i := range past.Cells(a).Item {
			of[past.Of[i]] = true
		}
		for _, x := range list {
			all.Add(1)
			if of[past.Of[x.Item]] {
				inTaste.Add(1)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	step(fmt.Sprintf("listing 10 new items for %d accounts", accounts))
	if all.Load() != 10*accounts {
		t.Errorf("%d items are listed", all.Load())
	}
	share := float64(inTaste.Load()) / float64(all.Load())
	t.Logf("%.3f of the items listed are of a category that the account buys", share)
	if share < .5 {
		t.Error("the lists do not follow the tastes")
	}
	for k, list := range checks {
		if want := m.New(past.Cells(every*k), 10, nil); !slices.Equal(list, want) {
			t.Errorf("account %d: in the batch %v, alone %v", every*k, list, want)
		}
	}

	random := rand.New(rand.NewPCG(5, 5))
	var bought []Bought
	for a := range past.Accounts {
		for _, i := range past.Cells(a).Item {
			if random.IntN(3) == 0 {
				bought = append(bought, Bought{int32(a), i, 10})
			}
		}
	}
	p, learning, err := FitPropensity(context.Background(), []Lesson{{m, bought}}, PropensityDefaults())
	if err != nil {
		t.Fatal(err)
	}
	step(fmt.Sprintf("learning probabilities from %d pairs", learning.Rows))
	var lines atomic.Int64
	err = p.RecommendAll(context.Background(), m, 10, nil, func(_ int, list []Recommendation) { lines.Add(int64(len(list))) })
	if err != nil {
		t.Fatal(err)
	}
	step(fmt.Sprintf("%d recommendations for %d accounts", lines.Load(), accounts))
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

// bigTown draws accounts that buy mostly of three categories each, popular items
// more often.
func bigTown(tb testing.TB, accounts, items, categories int) *Purchases {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	per := items / categories
	ids, names := make([]string, items), make([]string, categories)
	for i := range ids {
		ids[i] = fmt.Sprintf("item-%05d", i)
	}
	for c := range names {
		names[c] = fmt.Sprintf("category-%03d", c)
	}
	b := NewBuilder()
	var own []int
	for a := range accounts {
		tastes := [3]int{random.IntN(categories), random.IntN(categories), random.IntN(categories)}
		own = own[:0]
		for range 4 + int(random.ExpFloat64()*18) {
			category := tastes[random.IntN(3)]
			if random.IntN(10) < 2 {
				category = random.IntN(categories)
			}
			// Skewed towards the first items of the category.
			own = append(own, category*per+int(float64(per)*math.Pow(random.Float64(), 3)))
		}
		slices.Sort(own)
		id := frame.AccountID(fmt.Sprintf("account-%07d", a))
		for _, i := range slices.Compact(own) {
			orders := 1 + random.IntN(3)
			err := b.Add(Row{Account: id, Item: ids[i], Category: names[i/per], Orders: orders, Recent: random.IntN(orders + 1), Spend: float64(10 * orders), DaysSince: random.IntN(300), Span: 30 * (orders - 1)})
			if err != nil {
				tb.Fatal(err)
			}
		}
	}
	p, err := b.Purchases()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
