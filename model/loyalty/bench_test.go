package loyalty

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fealty/features/frame"
)

// million is a batch of 1 M accounts with every column that the score reads.
func million(b *testing.B) Input {
	b.Helper()
	const n = 1_000_000
	f := &frame.Frame{Accounts: make([]frame.AccountID, n), Cutoffs: make([]frame.Cutoff, n)}
	in := Input{Frame: f, Extra: map[string][]float64{}}
	chance := rand.New(rand.NewPCG(1, 1))
	add := func(name string) {
		if name == "" || in.columns().of(name) != nil {
			return
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = plausible(name, chance)
		}
		if name == ExtraWalletShare || name == ExtraWalletTrend || name == ExtraLifetimeValue || name == ItemRecommend {
			in.Extra[name] = values
			return
		}
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	for i := range definitions {
		for _, t := range definitions[i].Terms {
			add(t.Column)
			add(t.Minus)
			if t.When != nil {
				add(t.When.Column)
			}
		}
		for _, c := range definitions[i].Any {
			add(c.Column)
		}
	}
	for _, c := range DefaultSettings().Caps {
		add(c.Column)
	}
	scale, err := FitScale(in)
	if err != nil {
		b.Fatal(err)
	}
	in.Scale = scale
	return in
}

// BenchmarkMillion scores 1 M accounts and sets the time beside two ways of
// reading the same inputs, on as many threads: "rows" copies every value out of the
// frame in row order; "decode" turns each column's little-endian bytes and null
// marks, as a warehouse answers them, into a column of numbers.
func BenchmarkMillion(b *testing.B) {
	in := million(b)
	ctx := context.Background()
	all := columnsRead(in)
	n := in.rows()
	bytes, null := make([][]byte, len(all)), make([][]byte, len(all))
	for k, c := range all {
		bytes[k], null[k] = make([]byte, 8*n), make([]byte, n)
		for i, v := range c.Numbers {
			binary.LittleEndian.PutUint64(bytes[k][8*i:], math.Float64bits(v))
			if math.IsNaN(v) {
				null[k][i] = 1
			}
		}
	}
	var scoring, rows, decoding time.Duration
	for b.Loop() {
		from := time.Now()
		if _, err := Evaluate(ctx, in, DefaultSettings()); err != nil {
			b.Fatal(err)
		}
		scoring += time.Since(from)

		from = time.Now()
		out := make([]float64, n*len(all))
		if err := inChunks(ctx, 0, n, func(from, to int) {
			for i := from; i < to; i++ {
				row := out[i*len(all) : (i+1)*len(all)]
				for k := range all {
					row[k] = all[k].Float(i)
				}
			}
		}); err != nil {
			b.Fatal(err)
		}
		rows += time.Since(from)

		from = time.Now()
		decoded := make([][]float64, len(all))
		for k := range decoded {
			decoded[k] = make([]float64, n)
		}
		if err := inChunks(ctx, 0, n, func(from, to int) {
			for k := range all {
				for i := from; i < to; i++ {
					v := math.Float64frombits(binary.LittleEndian.Uint64(bytes[k][8*i:]))
					if null[k][i] != 0 {
						v = math.NaN()
					}
					decoded[k][i] = v
				}
			}
		}); err != nil {
			b.Fatal(err)
		}
		decoding += time.Since(from)
	}
	b.ReportMetric(scoring.Seconds()/float64(b.N), "s/score")
	b.ReportMetric(rows.Seconds()/float64(b.N), "s/rows")
	b.ReportMetric(decoding.Seconds()/float64(b.N), "s/decode")
	b.ReportMetric(scoring.Seconds()/rows.Seconds(), "score/rows")
	b.ReportMetric(scoring.Seconds()/decoding.Seconds(), "score/decode")
	b.ReportMetric(float64(len(all)), "columns")
}

// columnsRead returns the input's columns, extras among them.
func columnsRead(in Input) []frame.Column {
	all := in.Frame.Columns
	for name, values := range in.Extra {
		all = append(all, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	return all
}

// BenchmarkRecord makes the stored form of one account after another.
func BenchmarkRecord(b *testing.B) {
	in := scaledInput(b, 5000, 1)
	scores := evaluate(b, in, DefaultSettings())
	attitudes := Attitudes(scores)
	i := 0
	for b.Loop() {
		scores.Record(i, attitudes)
		i = (i + 1) % in.rows()
	}
}

// BenchmarkPlaces places 5,000 accounts.
func BenchmarkPlaces(b *testing.B) {
	in := scaledInput(b, 5000, 1)
	for b.Loop() {
		if _, err := Places(in, nil, DefaultSettings()); err != nil {
			b.Fatal(err)
		}
	}
}
