package wallet

import (
	"context"
	"runtime"
	"sync"
	"testing"
)

// city is 200,000 accounts in 30 categories, of which each buys some 18.
var city = sync.OnceValue(func() *town { return newTown(200_000, 30, 0.35, 0.1, 1) })

func BenchmarkNeighbours(b *testing.B) {
	w := newTown(20_000, 1, 0.35, 0, 1)
	p := Defaults()
	p.Rounds = 1 // boosting learns nothing, so that neighbours serve
	m, _ := fit(b, w, p)
	b.ResetTimer()
	for b.Loop() {
		estimate(b, m, w, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(w.Spend.Amount)), "ns/pair")
}

func BenchmarkFit(b *testing.B) {
	w := city()
	b.ResetTimer()
	for b.Loop() {
		if _, _, err := Fit(context.Background(), w.Peers, w.declared, Defaults()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEstimate(b *testing.B) {
	w := city()
	for _, twin := range []Twin{Boosting, Neighbours} {
		b.Run(string(twin), func(b *testing.B) {
			p := Defaults()
			if twin == Neighbours {
				p.Rounds = 1 // learns nothing, so that neighbours serve
			}
			m, report := fit(b, w, p)
			if got := report.Categories[0].Serves; got != twin {
				b.Fatalf("%s serves", got)
			}
			text, err := m.MarshalText()
			if err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			b.ResetTimer()
			for b.Loop() {
				all := estimate(b, m, w, w.declared)
				m.Totals(all, w.Frame.Rows(), nil)
			}
			b.ReportMetric(float64(len(w.Spend.Amount)), "pairs")
			b.ReportMetric(float64(len(text))/1e6, "MB-text")
		})
	}
}
