package shap

import (
	"fmt"

	"fealty/features/frame"
)

// interactRows rows are a goroutine's share of a call of Interact.
const interactRows = 16

// Interact writes rows × len(Features()) × len(Features()) interaction values,
// row-major, into out and returns the base. Every row's matrix is symmetric; a
// feature's line sums to its contribution, so that base + the sum of the matrix =
// margin to 1e-9. Off the diagonal stands half the Shapley interaction index
// (Fujimoto, Kojadinovic and Marichal, Games and Economic Behavior 55, 2006) of two
// features, on it what is left of the contribution: SHAP's main effect (Lundberg
// et al., 2020). Columns are found by name. Tables do not help here: a leaf on d
// features takes about d³ ÷ 4 steps per row. More than 16 rows are shared among
// GOMAXPROCS goroutines, which changes no bit.
func (x *Explainer) Interact(f *frame.Frame, out []float64) (base float64, err error) {
	rows, err := x.Bind(f)
	if err != nil {
		return 0, fmt.Errorf("interactions: %w", err)
	}
	size := x.width * x.width
	if len(out) != rows.Len()*size {
		return 0, fmt.Errorf("interactions: out has %d values for %d rows of %d × %d features", len(out), rows.Len(), x.width, x.width)
	}
	share((rows.Len()+interactRows-1)/interactRows, func() func(int) {
		b := x.newBlock(1)
		pairs := make([]float64, x.longest*x.longest)
		return func(k int) {
			for i := k * interactRows; i < min((k+1)*interactRows, rows.Len()); i++ {
				rows.Row(i, b.values)
				x.interact(b, pairs, out[i*size:(i+1)*size])
			}
		}
	})
	return x.base, nil
}

// interact writes the matrix of the row in b.
func (x *Explainer) interact(b *block, pairs, out []float64) {
	clear(out)
	for i, paths := range x.paths {
		t := x.Tree(i)
		b.walker.leaves(&t, paths, nil, root(&t), b.values, func(leaf int, known on) {
			p := &paths[leaf]
			d := len(p.features)
			to := pairs[:d*d]
			x.game.pairs(p, known, to, b.work)
			for k, v := range to {
				out[int(p.features[k/d])*x.width+int(p.features[k%d])] += v
			}
		})
	}
}

// mirror copies the lower triangle of a d × d matrix to the upper one, and takes
// what stands off the diagonal from it, line by line.
func mirror(m []float64, d int) {
	for i := range d {
		for j := range i {
			v := m[i*d+j]
			m[j*d+i] = v
			m[i*d+i] -= v
			m[j*d+j] -= v
		}
	}
}
