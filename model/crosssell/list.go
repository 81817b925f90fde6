package crosssell

import (
	"cmp"
	"context"
	"slices"

	"gonum.org/v1/gonum/blas/gonum"
)

// Kind says which list a recommendation stands in.
type Kind uint8

const (
	// New: the account has never bought the item.
	New Kind = iota + 1
	// Lapsed: the account bought it and has given it up; see Model.Lapsed.
	Lapsed
	// Repeat: the account bought it and has not given it up.
	Repeat
)

// String returns new, lapsed or repeat.
func (k Kind) String() string {
	switch k {
	case New:
		return "new"
	case Lapsed:
		return "lapsed"
	case Repeat:
		return "repeat"
	}
	return "unknown"
}

// Scored is an item in a list. Scores of one list compare; scores of different
// kinds do not.
type Scored struct {
	Item  int32
	Score float64
}

// Eligible tells whether an item may be proposed to one account. Nil means any.
// It is called from several goroutines at once.
type Eligible func(item int32) bool

func (e Eligible) allows(item int32) bool { return e == nil || e(item) }

// Purchases returns what the model was made of; it must not be written.
func (m *Model) Purchases() *Purchases { return m.past }

// Popular returns the items by popularity: orders of all accounts in the last
// RecentDays days, then orders in all, then the id. The slice must not be written.
func (m *Model) Popular() []int32 { return m.popular }

// kind tells in which list a cell stands; Lapsed has the rule.
func (m *Model) kind(own Cells, k int) Kind {
	days, orders := int64(own.DaysSince[k]), int64(own.Orders[k])
	if days <= int64(m.params.LapsedDays) || orders > 1 && days*(orders-1) <= 2*int64(own.Span[k]) {
		return Repeat
	}
	return Lapsed
}

// New returns the k best eligible items that the account has never bought, by
// EASE's score (by cosine in the tail), ties by popularity: for an account
// without purchases, the most popular ones. The items of own are indices into
// the model's Purchases. It needs 8 bytes of scratch memory per item.
func (m *Model) New(own Cells, k int, may Eligible) []Scored {
	return m.fresh(m.score(own, m.newBoard()), own, k, may)
}

// fresh picks the k best eligible items by score that are not own.
func (m *Model) fresh(score []float32, own Cells, k int, may Eligible) []Scored {
	best := ranking{rank: m.rank, most: k}
	for i, s := range score {
		if len(best.items) == k && (k == 0 || float64(s) < best.items[k-1].Score) {
			continue // nearly all items end here
		}
		item := int32(i)
		x := Scored{item, float64(s)}
		if !best.wants(x) {
			continue
		}
		if _, owned := slices.BinarySearch(own.Item, item); !owned && may.allows(item) {
			best.add(x)
		}
	}
	return best.items
}

// board is scratch memory for the scores of one account after another.
type board struct {
	// score has a cell per item, head one per item in the closed form: the same
	// cells where there is no tail.
	score, head []float32
}

func (m *Model) newBoard() *board {
	b := &board{score: make([]float32, len(m.past.Items))}
	if b.head = b.score; len(m.head) < len(b.score) {
		b.head = make([]float32, len(m.head))
	}
	return b
}

// score adds up what each own item speaks for every item. The scores are the
// board's, valid until its next use.
func (m *Model) score(own Cells, b *board) []float32 {
	clear(b.score)
	clear(b.head)
	engine := gonum.Implementation{}
	for _, i := range own.Item {
		if h := int(m.place[i]); h >= 0 {
			engine.Saxpy(len(m.head), 1, m.row(h), 1, b.head, 1)
		}
	}
	if len(m.head) == len(b.score) {
		return b.score
	}
	score := b.score
	for h, i := range m.head {
		score[i] = b.head[h]
	}
	for _, i := range own.Item {
		for k := m.tail.start[i]; k < m.tail.start[i+1]; k++ {
			score[m.tail.item[k]] += m.tail.value[k]
		}
	}
	return score
}

// Because returns the own item that speaks most for an item, and what it adds to
// its score; no item if none speaks for it.
func (m *Model) Because(own Cells, item int32) (because int32, adds float64, ok bool) {
	for _, i := range own.Item {
		v := 0.0
		if to := int(m.place[item]); to >= 0 {
			if from := int(m.place[i]); from >= 0 {
				v = float64(m.row(from)[to])
			}
		} else if k, found := slices.BinarySearch(m.tail.item[m.tail.start[i]:m.tail.start[i+1]], item); found {
			v = float64(m.tail.value[m.tail.start[i]+k])
		}
		if v > adds {
			because, adds, ok = i, v, true
		}
	}
	return because, adds, ok
}

// Repeat returns the k eligible items that the account is most used to: by its
// own number of orders; ties by popularity in the last RecentDays days, then by
// its own last order, then by popularity. Items that it has given up are left out.
func (m *Model) Repeat(own Cells, k int, may Eligible) []Scored { return m.owned(Repeat, own, k, may) }

// Lapsed returns the k eligible items that the account has given up, in the
// order of Repeat. An item is given up when the days since its last order exceed
// both Params.LapsedDays and twice the account's own mean gap between orders of
// it, Span ÷ (Orders − 1); an item ordered once has no gap.
func (m *Model) Lapsed(own Cells, k int, may Eligible) []Scored { return m.owned(Lapsed, own, k, may) }

func (m *Model) owned(kind Kind, own Cells, k int, may Eligible) []Scored {
	var cells []int
	for c := range own.Item {
		if m.kind(own, c) == kind && may.allows(own.Item[c]) {
			cells = append(cells, c)
		}
	}
	slices.SortFunc(cells, func(x, y int) int {
		return cmp.Or(
			cmp.Compare(own.Orders[y], own.Orders[x]),
			cmp.Compare(m.recent[own.Item[y]], m.recent[own.Item[x]]),
			cmp.Compare(own.DaysSince[x], own.DaysSince[y]),
			cmp.Compare(m.rank[own.Item[x]], m.rank[own.Item[y]]))
	})
	cells = cells[:min(max(0, k), len(cells))]
	list := make([]Scored, len(cells))
	for r, c := range cells {
		list[r] = Scored{own.Item[c], float64(own.Orders[c])}
	}
	return list
}

// Basket returns k items for the account's next order, whatever their kind: those
// of Repeat, and, while there are fewer than k, the most popular others.
func (m *Model) Basket(own Cells, k int, may Eligible) []Scored {
	list := m.Repeat(own, k, may)
	listed := make(map[int32]bool, k)
	for _, x := range list {
		listed[x.Item] = true
	}
	for _, i := range m.popular {
		if len(list) >= k {
			break
		}
		if !listed[i] && may.allows(i) {
			list = append(list, Scored{Item: i})
		}
	}
	return list
}

// ranking keeps the best items seen: by score, ties by rank.
type ranking struct {
	rank  []int32
	most  int
	items []Scored
}

func (r *ranking) compare(x, y Scored) int {
	return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(r.rank[x.Item], r.rank[y.Item]))
}

// wants tells whether x is among the best so far.
func (r *ranking) wants(x Scored) bool {
	return len(r.items) < r.most || r.most > 0 && r.compare(x, r.items[r.most-1]) < 0
}

// add takes what it wants.
func (r *ranking) add(x Scored) {
	at, _ := slices.BinarySearchFunc(r.items, x, r.compare)
	if len(r.items) == r.most {
		r.items = r.items[:r.most-1]
	}
	r.items = slices.Insert(r.items, at, x)
}

// NewForAll calls visit once per account with New's list, from as many
// goroutines as there are processors and in any order of accounts; may(a) gives
// the rule for account a, and may itself may be nil. It stops soon after ctx ends
// and then returns ctx.Err().
func (m *Model) NewForAll(ctx context.Context, k int, may func(account int) Eligible, visit func(account int, list []Scored)) error {
	boards := newPool(m.newBoard)
	return each(ctx, len(m.past.Accounts), func(a int) {
		b := boards.Get()
		defer boards.Put(b)
		own := m.past.Cells(a)
		visit(a, m.fresh(m.score(own, b), own, k, ruleOf(may, a)))
	})
}

func ruleOf(may func(account int) Eligible, account int) Eligible {
	if may == nil {
		return nil
	}
	return may(account)
}
