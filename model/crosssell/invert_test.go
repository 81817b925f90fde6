package crosssell

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// gramOf returns XᵀX + λI of random baskets, row-major.
func gramOf(n, accounts, basket int, lambda float64, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	a := make([]float32, n*n)
	for range accounts {
		own := make([]int, basket)
		for k := range own {
			own[k] = int(float64(n) * math.Pow(random.Float64(), 2))
		}
		slices.Sort(own)
		own = slices.Compact(own)
		for _, i := range own {
			for _, j := range own {
				a[i*n+j]++
			}
		}
	}
	for i := range n {
		a[i*n+i] += float32(lambda)
	}
	return a
}

// pad sets the n × n matrix into one whose side is a multiple of tileRows.
func pad(a []float32, n int) []float32 {
	side := padded(n)
	out := make([]float32, side*side)
	for i := range side {
		out[i*side+i] = 1
		if i < n {
			copy(out[i*side:], a[i*n:(i+1)*n])
		}
	}
	return out
}

func TestInverseEqualsCholesky(t *testing.T) {
	for _, n := range []int{1, 2, 63, 64, 65, 127, 128, 129, 200, 530} {
		side := padded(n)
		a := pad(gramOf(n, 4*n, 12, 20, uint64(n)), n)
		s := mat.NewSymDense(n, nil)
		for i := range n {
			for j := range i + 1 {
				s.SetSym(i, j, float64(a[i*side+j]))
			}
		}
		// Only the lower triangle may be read.
		for i := range side {
			for j := i + 1; j < side; j++ {
				a[i*side+j] = float32(math.NaN())
			}
		}
		if err := invert(context.Background(), a, side); err != nil {
			t.Fatal(err)
		}
		var c mat.Cholesky
		var want mat.SymDense
		if !c.Factorize(s) || c.InverseTo(&want) != nil {
			t.Fatal("the twin did not invert")
		}
		worst, scale := 0.0, 0.0
		for i := range n {
			scale = max(scale, want.At(i, i))
			for j := range n {
				worst = max(worst, math.Abs(float64(-a[i*side+j])-want.At(i, j)))
				if math.IsNaN(float64(a[i*side+j])) {
					t.Fatalf("n = %d: cell %d, %d is NaN", n, i, j)
				}
			}
		}
		if worst > 2e-6*scale {
			t.Errorf("n = %d: off by %.2g of %.2g", n, worst, scale)
		}
	}
}

func TestInverseIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	const n = 320
	var first []float32
	for _, threads := range []int{1, 2, 7} {
		a := gramOf(n, 900, 10, 5, 3)
		before := runtime.GOMAXPROCS(threads)
		err := invert(context.Background(), a, n)
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = a
		} else if !slices.Equal(a, first) {
			t.Errorf("%d threads give other bits than one", threads)
		}
	}
}

func TestInverseRefuses(t *testing.T) {
	if err := invert(context.Background(), pad([]float32{1, 0, 2, 1}, 2), tileRows); !errors.Is(err, ErrUnstable) {
		t.Errorf("an indefinite matrix gives %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := invert(cancelled, pad([]float32{1}, 1), tileRows); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled inversion gives %v", err)
	}
}

func BenchmarkInvert(b *testing.B) {
	const n = 2048
	a := gramOf(n, 4*n, 30, 100, 1)
	work := make([]float32, n*n)
	for b.Loop() {
		copy(work, a)
		if err := invert(context.Background(), work, n); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*n*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMul+Add/s")
}
