package crosssell

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// neighbours holds, for each item that an account owns, what it adds to items
// beyond the closed form: item[k] gains value[k], for k in start[i] … start[i+1].
type neighbours struct {
	start []int
	item  []int32
	value []float32
}

// tailSample is how many accounts the scale of the tail is found on.
const tailSample = 20_000

// fitTail finds for every item beyond the closed form its Neighbours nearest
// items by cosine over all accounts,
//
//	cos(i, j) = |accounts with both| ÷ √(|accounts with i| · |accounts with j|)
//
// (Sarwar et al., Item-based Collaborative Filtering, WWW 2001), and the one
// factor that puts sums of cosines on the scale of EASE, whose scores are a ridge
// regression of "bought" too: Σ s·x ÷ (Σ s² + λ) over tail items and accounts,
// x being 1 for a purchase and s the sum without the item itself.
func (m *Model) fitTail(ctx context.Context, c columns) error {
	items := len(m.past.Items)
	var rest []int32
	for i := range items {
		if m.place[i] < 0 {
			rest = append(rest, int32(i))
		}
	}
	type near struct {
		to    int32
		value float32
	}
	lists := make([][]near, len(rest))
	scratch := newPool(func() *[]int32 { s := make([]int32, items); return &s })
	err := each(ctx, len(rest), func(t int) {
		j := rest[t]
		shared := scratch.Get()
		defer scratch.Put(shared)
		var seen []int32
		for _, a := range c.of(j) {
			for _, i := range m.past.Cells(int(a)).Item {
				if (*shared)[i] == 0 {
					seen = append(seen, i)
				}
				(*shared)[i]++
			}
		}
		list := make([]near, 0, len(seen))
		for _, i := range seen {
			if i != j {
				list = append(list, near{i, float32(float64((*shared)[i]) / math.Sqrt(float64(m.buyers[i])*float64(m.buyers[j])))})
			}
			(*shared)[i] = 0
		}
		slices.SortFunc(list, func(x, y near) int {
			return cmp.Or(cmp.Compare(y.value, x.value), cmp.Compare(x.to, y.to))
		})
		lists[t] = slices.Clone(list[:min(len(list), m.params.Neighbours)])
	})
	if err != nil {
		return err
	}
	// By the item owned instead of the item proposed.
	n := neighbours{start: make([]int, items+1)}
	for _, list := range lists {
		for _, x := range list {
			n.start[x.to+1]++
		}
	}
	for i := range items {
		n.start[i+1] += n.start[i]
	}
	n.item, n.value = make([]int32, n.start[items]), make([]float32, n.start[items])
	next := slices.Clone(n.start)
	for t, list := range lists {
		for _, x := range list {
			n.item[next[x.to]], n.value[next[x.to]] = rest[t], x.value
			next[x.to]++
		}
	}
	m.tail = n
	scale := m.tailScale()
	for k := range n.value {
		n.value[k] *= scale
	}
	return nil
}

// tailScale returns the factor of fitTail, over at most tailSample accounts at
// equal distances.
func (m *Model) tailScale() float32 {
	score := make([]float32, len(m.past.Items))
	var both, squares float64
	for a := 0; a < len(m.past.Accounts); a += 1 + (len(m.past.Accounts)-1)/tailSample {
		own := m.past.Cells(a).Item
		var touched []int32
		for _, i := range own {
			for k := m.tail.start[i]; k < m.tail.start[i+1]; k++ {
				j := m.tail.item[k]
				if score[j] == 0 {
					touched = append(touched, j)
				}
				score[j] += m.tail.value[k]
			}
		}
		for _, j := range touched {
			s := float64(score[j])
			squares += s * s
			if _, bought := slices.BinarySearch(own, j); bought {
				both += s
			}
			score[j] = 0
		}
	}
	return float32(both / (squares + m.params.Lambda))
}
