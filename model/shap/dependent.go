package shap

import "fealty/model/tree"

// dependent is the game in which a feature that is not known is averaged out
// along the tree, by the training rows that went each way.
type dependent struct {
	// rules has, per number of features on a path, the quadrature that is exact
	// for it: the integrand is a polynomial of one degree less.
	rules []rule
}

type rule struct{ points, weights []float64 }

// newDependent returns the paths of an ensemble with their shares, the game on
// them, and the expected margin.
func newDependent(e *tree.Ensemble) (g *dependent, paths [][]path, base float64, err error) {
	paths, err = newPaths(e, true)
	if err != nil {
		return nil, nil, 0, err
	}
	g = &dependent{rules: []rule{{}}}
	for _, leaves := range paths {
		for i := range leaves {
			p := &leaves[i]
			reached := p.value
			for _, z := range p.shares {
				reached *= z
			}
			base += reached
			for d := len(g.rules); d <= len(p.features); d++ {
				t, w := gauss((d + 1) / 2)
				g.rules = append(g.rules, rule{t, w})
			}
		}
	}
	return g, paths, base, nil
}

// values is φⱼ = v · cⱼ · ∫₀¹ Π_{i≠j} (zᵢ + cᵢt) dt with cⱼ = oⱼ − zⱼ, where oⱼ is
// 1 if the row goes the leaf's way at feature j, else 0: the package's formula,
// as zⱼ(1−t) + oⱼt = zⱼ + cⱼt. Factors are positive, so that the product without
// one is a quotient.
func (g *dependent) values(p *path, known on, to, c []float64) {
	z := p.shares
	to, c = to[:len(z)], c[:len(z)]
	for j := range z {
		c[j] = float64(known[j>>6]>>(j&63)&1) - z[j]
		to[j] = 0
	}
	r := &g.rules[len(z)]
	// Two points at a time: their products wait for themselves, not for each other.
	points, weights := r.points, r.weights[:len(r.points)]
	for ; len(points) >= 2; points, weights = points[2:], weights[2:] {
		s, t := points[0], points[1]
		first, second := p.value*weights[0], p.value*weights[1]
		for j, zj := range z {
			first *= zj + c[j]*s
			second *= zj + c[j]*t
		}
		for j, zj := range z {
			to[j] += first/(zj+c[j]*s) + second/(zj+c[j]*t)
		}
	}
	for q, t := range points {
		all := p.value * weights[q]
		for j, zj := range z {
			all *= zj + c[j]*t
		}
		for j, zj := range z {
			to[j] += all / (zj + c[j]*t)
		}
	}
	for j := range to {
		to[j] *= c[j]
	}
}

// pairs is values with one more derivative: Φᵢⱼ = v/2 · cᵢcⱼ · ∫₀¹ Π_{k≠i,j} (z_k + c_k t) dt.
func (g *dependent) pairs(p *path, known on, to, gain []float64) {
	clear(to)
	d := len(p.shares)
	r := &g.rules[d]
	for q, t := range r.points {
		all := p.value * r.weights[q]
		for j, z := range p.shares {
			c := -z
			if known.has(j) {
				c++
			}
			all *= z + c*t
			gain[j] = c / (z + c*t)
		}
		for i := range d {
			part := all * gain[i]
			to[i*d+i] += part
			for j := range i {
				to[i*d+j] += part * gain[j] / 2
			}
		}
	}
	mirror(to, d)
}
