package shap

import "fealty/model/tree"

// dependent is the game in which a feature that is not known is averaged out
// along the tree, by the training rows that went each way.
type dependent struct {
	// rules has, per number of features on a path, the quadrature that is exact
	// for it: the integrand is a polynomial of one degree less.
	rules []rule
}

// rule has the points and weights of a quadrature, eight at a time: those that
// fill up the last eight weigh nothing.
type rule []eight

type eight struct {
	points, weights [8]float64
	used            int
}

func newRule(features int) rule {
	t, w := gauss((features + 1) / 2)
	r := make(rule, (len(t)+7)/8)
	for q := range t {
		r[q/8].points[q%8], r[q/8].weights[q%8], r[q/8].used = t[q], w[q], q%8+1
	}
	return r
}

// newDependent returns the paths of an ensemble with their shares, the game on
// them, and the expected margin.
func newDependent(e *tree.Ensemble) (g *dependent, paths [][]path, base float64, err error) {
	paths, err = newPaths(e, true, maxPathFeatures)
	if err != nil {
		return nil, nil, 0, err
	}
	g = &dependent{rules: []rule{nil}}
	for _, leaves := range paths {
		for i := range leaves {
			p := &leaves[i]
			reached := p.value
			for _, z := range p.shares {
				reached *= z
			}
			base += reached
			for d := len(g.rules); d <= len(p.features); d++ {
				g.rules = append(g.rules, newRule(d))
			}
		}
	}
	return g, paths, base, nil
}

// values is φⱼ = v · cⱼ · ∫₀¹ Π_{i≠j} (zᵢ + cᵢt) dt with cⱼ = oⱼ − zⱼ, where oⱼ is
// 1 if the row goes the leaf's way at feature j, else 0: the package's formula,
// as zⱼ(1−t) + oⱼt = zⱼ + cⱼt.
func (g *dependent) values(p *path, known on, to, work []float64) {
	d := len(p.shares)
	to, c := to[:d], work[:d]
	for j, z := range p.shares {
		c[j] = float64(known[j>>6]>>(j&63)&1) - z
		to[j] = 0
	}
	for k := range g.rules[d] {
		quadrature(&g.rules[d][k], p.value, p.shares, c, work[d:9*d], to)
	}
}

// eightPoints adds to every to[j] v · cⱼ · Σ_q weights[q] · Π_{i≠j} (zᵢ + cᵢ · points[q]):
// the product without one factor is that of all before it times that of all
// behind it. c and to are as long as z, work eight times as long.
func eightPoints(r *eight, v float64, z, c, work, to []float64) {
	c, to = c[:len(z)], to[:len(z)]
	points, all := r.points[:r.used], r.weights
	for q := range all {
		all[q] *= v
	}
	product := all[:len(points)]
	for j, z := range z {
		*(*[8]float64)(work[8*j:]) = all
		for q, t := range points {
			product[q] *= z + float64(c[j]*t)
		}
	}
	ones := [8]float64{1, 1, 1, 1, 1, 1, 1, 1}
	behind := ones[:len(points)]
	for j := len(z) - 1; j >= 0; j-- {
		s := (*[8]float64)(work[8*j:])
		used := s[:len(points)]
		for q, t := range points {
			used[q] *= behind[q]
			behind[q] *= z[j] + float64(c[j]*t)
		}
		to[j] += c[j] * (((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])))
	}
}

// pairs is values with one more derivative: Φᵢⱼ = v/2 · cᵢcⱼ · ∫₀¹ Π_{k≠i,j} (z_k + c_k t) dt.
func (g *dependent) pairs(p *path, known on, to, work []float64) {
	clear(to)
	d := len(p.shares)
	gain := work[:d]
	for _, r := range g.rules[d] {
		for q, t := range r.points[:r.used] {
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
	}
	mirror(to, d)
}
