package crosssell

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

const (
	// pivotRows is how many rows are swept at once, tileRows the side of a tile of
	// the update: what a tile needs of the panels fits a core's cache.
	pivotRows = 128
	tileRows  = 64
)

// padded returns the side of the matrix that invert takes for n items: a multiple
// of tileRows.
func padded(n int) int { return (n + tileRows - 1) / tileRows * tileRows }

// invert replaces the lower triangle of the symmetric positive definite n × n
// matrix a, row-major, by that of −a⁻¹, and mirrors it into the upper one. n is a
// multiple of tileRows.
//
// It sweeps blocks of rows (the sweep operator of Beaton 1964 in blocks; Goodnight,
// American Statistician 33 (1979) 149–158): with D the inverse of a diagonal block
// K, a_ij ← a_ij − a_iK·D·a_Kj, a_iK ← a_iK·D, a_KK ← −D. It takes n³ multiplications
// and additions together, as Cholesky's way does, but works in place and in
// products of tiles alone, which several cores share. Each tile is written by one
// goroutine in one order, so the result does not depend on their number.
// Extra memory: 8·pivotRows·n bytes, and a little per goroutine.
func invert(ctx context.Context, a []float32, n int) error {
	tiles := n / tileRows
	// Per tile: the block of the column of K, packed as columns, and its product
	// with D, packed as rows.
	right, left := make([]float32, n*pivotRows), make([]float32, n*pivotRows)
	scratch := newPool(func() *[2 * tileRows * pivotRows]float32 { return new([2 * tileRows * pivotRows]float32) })
	for k0 := 0; k0 < n; k0 += pivotRows {
		b := min(pivotRows, n-k0)
		d, err := inverseBlock(a, n, k0, b)
		if err != nil {
			return err
		}
		// The kernel subtracts, so D is packed with its sign turned.
		turned := make([]float32, b*b)
		for j := range b {
			for k := range b {
				turned[j/kernelColumns*kernelColumns*b+k*kernelColumns+j%kernelColumns] = -d[k*b+j]
			}
		}
		err = each(ctx, tiles, func(t int) {
			buffer := scratch.Get()
			defer scratch.Put(buffer)
			rows, product := buffer[:tileRows*b], buffer[tileRows*pivotRows:][:tileRows*b]
			visitColumn(n, k0, b, t, func(i, k, at int) {
				rows[packedRow(i, k, b)] = a[at]
				right[t*tileRows*b+i/kernelColumns*kernelColumns*b+k*kernelColumns+i%kernelColumns] = a[at]
			})
			clear(product)
			subtractTile(rows, turned, b, product, b, b)
			for i := range tileRows {
				for k := range b {
					left[t*tileRows*b+packedRow(i, k, b)] = product[i*b+k]
				}
			}
		})
		if err != nil {
			return err
		}
		// The longest rows of tiles first, so that no core waits for one at the end.
		err = each(ctx, tiles, func(s int) {
			t := tiles - 1 - s
			for j := range t + 1 {
				subtractTile(left[t*tileRows*b:][:tileRows*b], right[j*tileRows*b:][:tileRows*b], b, a[t*tileRows*n+j*tileRows:], n, tileRows)
			}
		})
		if err != nil {
			return err
		}
		// What belongs to the pivot is not updated but replaced.
		err = each(ctx, tiles, func(t int) {
			visitColumn(n, k0, b, t, func(i, k, at int) { a[at] = left[t*tileRows*b+packedRow(i, k, b)] })
		})
		if err != nil {
			return err
		}
		for i := range b {
			for k := range b {
				a[(k0+i)*n+k0+k] = -d[i*b+k]
			}
		}
	}
	return each(ctx, tiles, func(t int) {
		for i := t * tileRows; i < (t+1)*tileRows; i++ {
			for j := range i {
				a[j*n+i] = a[i*n+j]
			}
		}
	})
}

// visitColumn calls visit for row i of tile t and column k of the b columns from
// k0 on, with the place of the cell in the lower triangle, in the order of memory.
func visitColumn(n, k0, b, t int, visit func(i, k, at int)) {
	first := t * tileRows
	if first < k0 {
		for k := range b {
			for i := range tileRows {
				visit(i, k, (k0+k)*n+first+i)
			}
		}
		return
	}
	for i := range tileRows {
		for k := range b {
			visit(i, k, max(first+i, k0+k)*n+min(first+i, k0+k))
		}
	}
}

// packedRow is where step k of row i stands among rows packed by kernelRows.
func packedRow(i, k, steps int) int {
	return i/kernelRows*kernelRows*steps + k*kernelRows + i%kernelRows
}

// subtractTile subtracts from c, of tileRows rows that lie stride apart and of
// so many columns, the product of packed rows and packed columns.
func subtractTile(rows, packed []float32, steps int, c []float32, stride, columns int) {
	for j := 0; j < columns; j += kernelColumns {
		for i := 0; i < tileRows; i += kernelRows {
			kernel(rows[i*steps:], packed[j*steps:], steps, c[i*stride+j:], stride)
		}
	}
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
