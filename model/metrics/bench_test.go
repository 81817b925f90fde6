package metrics

import (
	"math"
	"math/rand/v2"
	"testing"
)

// million draws a million rows: outcomes, margins of two models, and values.
func million() scored {
	const n = 1_000_000
	r := rand.New(rand.NewPCG(1, 1))
	s := scored{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	for i := range n {
		s.score[i], s.value[i] = r.NormFloat64(), math.Floor(200*r.ExpFloat64())
		s.other[i] = s.score[i] + r.NormFloat64()
		if r.Float64() < 1/(1+math.Exp(-s.score[i])) {
			s.y[i] = 1
		}
	}
	return s
}

// BenchmarkMillion is every metric that sorts, on a million rows.
func BenchmarkMillion(b *testing.B) {
	s := million()
	p, ties := make([]float64, len(s.y)), make([]float64, len(s.y))
	for i, v := range s.score {
		p[i], ties[i] = 1/(1+math.Exp(-v)), math.Round(100*v)
	}
	treatment := make([]float64, len(s.y))
	for i := range treatment {
		treatment[i] = float64(i % 2)
	}
	for _, metric := range []struct {
		name string
		of   func() error
	}{
		{"AUC", func() error { return second(AUC(s.y, s.score, nil)) }},
		{"AUC of ties", func() error { return second(AUC(s.y, ties, nil)) }},
		{"AUC of weights", func() error { return second(AUC(s.y, s.score, p)) }},
		{"average precision", func() error { return second(AveragePrecision(s.y, s.score, nil)) }},
		{"DeLong", func() error { return second(DeLong(s.y, s.score)) }},
		{"DeLong paired", func() error { return second(DeLongPaired(s.y, s.score, s.other)) }},
		{"lift", func() error { return second(Lift(s.y, s.score, 0.1)) }},
		{"gains", func() error { return second(Gains(s.y, s.score, 10)) }},
		{"1,000 contacts", func() error { return second(Contacts(s.y, s.score, s.score[:1000])) }},
		{"log-loss", func() error { return second(LogLoss(s.y, p, nil)) }},
		{"log-loss of margins", func() error { return second(LogLossOfMargins(s.y, s.score, nil)) }},
		{"Brier parts", func() error { return second(BrierDecomposition(s.y, p, 0)) }},
		{"ECE", func() error { return second(ECE(s.y, p, 10)) }},
		{"EMPC", func() error { return second(EMPC(s.y, s.score, DefaultOffer())) }},
		{"EMPB", func() error { return second(EMPB(s.y, s.score, s.value, DefaultBusinessOffer())) }},
		{"Qini", func() error { return second(QiniScore(s.y, s.score, treatment)) }},
		{"AUUC", func() error { return second(AUUC(s.y, s.score, treatment)) }},
		{"NDCG", func() error { return second(NDCG(s.y, s.score, 100)) }},
		{"PSI", func() error { return second(PSI(s.score, s.other, 10, PSIFloor)) }},
	} {
		b.Run(metric.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := metric.of(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
