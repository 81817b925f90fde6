package shap

// packer moves slices, as they are handed in, into one stretch of memory each of
// whose parts is read after the one before it.
type packer[T any] struct{ parts []*[]T }

func (p *packer[T]) add(part *[]T) { p.parts = append(p.parts, part) }

func (p *packer[T]) pack() {
	size := 0
	for _, part := range p.parts {
		size += len(*part)
	}
	all := make([]T, 0, size)
	for _, part := range p.parts {
		from := len(all)
		all = append(all, *part...)
		*part = all[from:len(all):len(all)]
	}
}

// pack lays out what explaining reads in the order in which it does.
func (x *Explainer) pack() {
	var (
		ints   packer[int32]
		shares packer[float64]
		known  packer[uint64]
	)
	for i := range x.pieces {
		p := &x.pieces[i]
		ints.add(&p.features)
		for k := range p.leaves {
			l := &p.leaves[k]
			ints.add(&l.at)
			known.add(&l.known)
			shares.add(&x.paths[p.tree][l.number].shares)
		}
	}
	ints.pack()
	shares.pack()
	known.pack()
}
