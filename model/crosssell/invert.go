package crosssell

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/blas"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"
)

const (
	// pivotRows is how many rows are swept at once, tileRows the side of a tile of
	// the update: two panels of tileRows × pivotRows float32 fit a core's cache.
	pivotRows = 256
	tileRows  = 64
)

// invert replaces the lower triangle of the symmetric positive definite n × n
// matrix a, row-major, by that of −a⁻¹, and mirrors it into the upper one.
//
// It sweeps blocks of rows (the sweep operator of Beaton 1964 in blocks; Goodnight,
// American Statistician 33 (1979) 149–158): with D the inverse of a diagonal block
// K, a_ij ← a_ij − a_iK·D·a_Kj, a_iK ← a_iK·D, a_KK ← −D. It takes n³ multiplications
// and additions together, as Cholesky's way does, but works in place and in
// products of tiles alone, which several cores share. Each tile is written by one
// goroutine in one order, so the result does not depend on their number.
// Extra memory: 8·pivotRows·n bytes.
func invert(ctx context.Context, a []float32, n int) error {
	panel, swept := make([]float32, n*pivotRows), make([]float32, n*pivotRows)
	engine := blasgonum.Implementation{}
	tiles := (n + tileRows - 1) / tileRows
	for k0 := 0; k0 < n; k0 += pivotRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := min(pivotRows, n-k0)
		d, err := inverseBlock(a, n, k0, b)
		if err != nil {
			return err
		}
		// The column of blocks, read from the lower triangle, and its product with D.
		each(tiles, func(t int) {
			from, to := t*tileRows, min(n, (t+1)*tileRows)
			for i := from; i < to; i++ {
				row := panel[i*b : (i+1)*b]
				for j := range row {
					if k := k0 + j; i >= k {
						row[j] = a[i*n+k]
					} else {
						row[j] = a[k*n+i]
					}
				}
			}
			for j := 0; j < b; j += tileRows {
				w := min(tileRows, b-j)
				engine.Sgemm(blas.NoTrans, blas.Trans, to-from, w, b, 1, panel[from*b:], b, d[j*b:], b, 0, swept[from*b+j:], b)
			}
		})
		each(tiles, func(t int) {
			from, to := t*tileRows, min(n, (t+1)*tileRows)
			for j := 0; j <= t; j++ {
				left, right := j*tileRows, min(n, (j+1)*tileRows)
				engine.Sgemm(blas.NoTrans, blas.Trans, to-from, right-left, b, -1, swept[from*b:], b, panel[left*b:], b, 1, a[from*n+left:], n)
			}
		})
		// What belongs to the pivot is not updated but replaced.
		for i := range n {
			for j := range b {
				k := k0 + j
				switch {
				case i >= k0 && i < k0+b:
					a[i*n+k] = -d[(i-k0)*b+j]
				case i > k:
					a[i*n+k] = swept[i*b+j]
				default:
					a[k*n+i] = swept[i*b+j]
				}
			}
		}
	}
	each(tiles, func(t int) {
		for i := t * tileRows; i < min(n, (t+1)*tileRows); i++ {
			for j := range i {
				a[j*n+i] = a[i*n+j]
			}
		}
	})
	return nil
}

// inverseBlock returns the inverse of the diagonal block of b rows from k0 on, by
// Cholesky's factors in float64.
func inverseBlock(a []float32, n, k0, b int) ([]float32, error) {
	s := mat.NewSymDense(b, nil)
	for i := range b {
		for j := range i + 1 {
			s.SetSym(i, j, float64(a[(k0+i)*n+k0+j]))
		}
	}
	var c mat.Cholesky
	var inverse mat.SymDense
	if !c.Factorize(s) {
		return nil, fmt.Errorf("%w: the matrix of items is not positive definite at items %d … %d: raise Lambda", ErrUnstable, k0, k0+b-1)
	}
	if err := c.InverseTo(&inverse); err != nil {
		return nil, fmt.Errorf("%w: items %d … %d: %w: raise Lambda", ErrUnstable, k0, k0+b-1, err)
	}
	d := make([]float32, b*b)
	for i := range b {
		for j := range b {
			d[i*b+j] = float32(inverse.At(i, j))
		}
	}
	return d, nil
}
