package crosssell

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"fealty/model/score"
)

// Params says how to learn what goes together. Start from Defaults; the zero
// value is refused.
type Params struct {
	// Lambda is the ridge of EASE, in accounts, above 0 and at most 1e9; default
	// 300. Items bought by far fewer accounts are pulled to 0.
	Lambda float64 `json:"lambda"`
	// MaxBytes bounds what Fit holds for EASE, at least 1 MiB; default 1 GiB,
	// which is 16,256 items. See Memory and Dense.
	MaxBytes int64 `json:"max_bytes"`
	// Neighbours is how many items by cosine stand for an item beyond that
	// memory, 1 … 10,000; default 50.
	Neighbours int `json:"neighbours"`
	// LapsedDays is after how many days without an order an item counts as given
	// up, at least 1; default 180. See Model.Lapsed.
	LapsedDays int `json:"lapsed_days"`
}

// Defaults returns the default parameters.
func Defaults() Params {
	return Params{Lambda: 300, MaxBytes: 1 << 30, Neighbours: 50, LapsedDays: 180}
}

// Validate reports the first parameter out of its bounds, by name.
func (p Params) Validate() error {
	switch {
	case !(p.Lambda > 0 && p.Lambda <= 1e9):
		return fmt.Errorf("%w: Lambda is %v, expected a number in (0, 1e9]", ErrParams, p.Lambda)
	case p.MaxBytes < 1<<20:
		return fmt.Errorf("%w: MaxBytes is %d, expected at least %d", ErrParams, p.MaxBytes, 1<<20)
	case p.Neighbours < 1 || p.Neighbours > 10_000:
		return fmt.Errorf("%w: Neighbours is %d, expected 1 … 10000", ErrParams, p.Neighbours)
	case p.LapsedDays < 1 || p.LapsedDays > math.MaxInt32:
		return fmt.Errorf("%w: LapsedDays is %d, expected at least 1", ErrParams, p.LapsedDays)
	}
	return nil
}

// Memory returns the bytes of a closed form over n items: with N = n rounded up to
// a multiple of 64, 4·N² for the matrix, which is inverted in place, and 8·128·N
// for the panels of the inversion. 15,000 items take 0.92 GB, 50,000 take 10.1 GB.
// The time grows with N³: a fit of a million accounts and 50,000 items, 16,256 of
// them in the closed form, took 143 s of one processor (AVX-512) and 3.2 GB in all.
func Memory(n int) int64 {
	side := int64(padded(n))
	return 4*side*side + 8*pivotRows*side
}

// Dense returns the most items that MaxBytes holds.
func (p Params) Dense() int {
	n := padded(int(math.Sqrt(float64(p.MaxBytes) / 4)))
	for Memory(n) > p.MaxBytes {
		n -= tileRows
	}
	return n
}

// Model knows what goes together. It is immutable and safe for concurrent use.
// It holds the Purchases that it was made of. It is not stored: a Fit on the same
// purchases gives the same bits, on any number of threads.
type Model struct {
	params Params
	past   *Purchases
	beside Beside
	// head lists the items in the closed form, place the position of an item
	// there, −1 beyond.
	head, place []int32
	// together is B by rows of side cells: what owning head item i adds to head
	// item j. Rows and columns beyond the head are 0.
	together []float32
	side     int
	// tail holds, for an item owned, what it adds to items beyond the closed form.
	tail neighbours
	// Over all accounts: who bought an item, how many orders, how many of late,
	// for how much; and the items by popularity.
	buyers, orders, recent []int64
	spend                  []float64
	popular                []int32
	// rank is the position of an item in popular.
	rank []int32
	// total and totalOrders are sums over all items.
	totalSpend  float64
	totalOrders int64
}

// Report says what a Fit did.
type Report struct {
	Accounts, Items, Categories, Cells int
	// Dense is how many items the closed form holds, Tail how many are answered
	// by item cosine because MaxBytes holds no more; Bytes what the closed form took.
	Dense, Tail int
	Bytes       int64
	// DenseOrders is the share of all orders that the dense items have.
	DenseOrders float64
	// Residual is the largest |(XᵀX + λI)·P − I| over the columns that were
	// checked, with each column scaled to a diagonal of 1.
	Residual float64
}

// Text says the report in a sentence, English and Simplified Chinese.
func (r Report) Text() (en, zh string) {
	en = score.Counted("%d accounts, %d items in %d categories, all of them in the closed form (%.0f MB).", r.Accounts, r.Items, r.Categories, float64(r.Bytes)/1e6)
	zh = fmt.Sprintf("%d 个客户，%d 种商品，%d 个品类，全部由闭式解计算（%.0f MB）。", r.Accounts, r.Items, r.Categories, float64(r.Bytes)/1e6)
	if r.Tail > 0 {
		en = score.Counted("%d accounts, %d items in %d categories. The memory allowed holds %d items in the closed form (%.0f MB, %.1f %% of all orders): the most bought of each category. The other %d are answered by item cosine.",
			r.Accounts, r.Items, r.Categories, r.Dense, float64(r.Bytes)/1e6, 100*r.DenseOrders, r.Tail)
		zh = fmt.Sprintf("%d 个客户，%d 种商品，%d 个品类。所允许的内存可容纳 %d 种商品的闭式解（%.0f MB，占全部订单的 %.1f%%）：即各品类中购买最多的商品。其余 %d 种商品按商品余弦相似度计算。",
			r.Accounts, r.Items, r.Categories, r.Dense, float64(r.Bytes)/1e6, 100*r.DenseOrders, r.Tail)
	}
	return en, zh
}

const (
	// checkedColumns of the inverse are multiplied back; mostResidual is what they
	// may be off by.
	checkedColumns = 8
	mostResidual   = 0.02
)

// Fit learns what goes together from who has bought what, however often. Where
// the memory allowed does not hold all items, the closed form takes the most
// bought of each category (see headOf), and cosine answers for the tail.
//
// Errors: ErrParams; ErrUnstable, where float32 is not enough for so small a
// Lambda; ctx.Err() soon after ctx ends.
func Fit(ctx context.Context, past *Purchases, params Params) (*Model, Report, error) {
	if err := params.Validate(); err != nil {
		return nil, Report{}, err
	}
	return fitHead(ctx, past, params, params.Dense())
}

// fitHead is Fit with at most so many items in the closed form.
func fitHead(ctx context.Context, past *Purchases, params Params, most int) (*Model, Report, error) {
	m := &Model{params: params, past: past}
	m.count()
	m.head = m.headOf(most)
	m.place = make([]int32, len(past.Items))
	for i := range m.place {
		m.place[i] = -1
	}
	for h, i := range m.head {
		m.place[i] = int32(h)
	}
	columns := transpose(past)
	n := len(m.head)
	m.side = padded(n)
	m.together = make([]float32, m.side*m.side)
	if err := m.gram(ctx, columns); err != nil {
		return nil, Report{}, err
	}
	report := Report{
		Accounts: len(past.Accounts), Items: len(past.Items), Categories: len(past.Categories), Cells: len(past.Item),
		Dense: n, Tail: len(past.Items) - n, Bytes: Memory(n), DenseOrders: m.share(m.head),
	}
	if err := invert(ctx, m.together, m.side); err != nil {
		return nil, Report{}, err
	}
	var err error
	if report.Residual, err = m.residual(ctx); err != nil {
		return nil, Report{}, err
	}
	if !(report.Residual <= mostResidual) {
		return nil, Report{}, fmt.Errorf("%w: the inverse is off by %.2g, at most %v is taken: raise Lambda above %v", ErrUnstable, report.Residual, mostResidual, params.Lambda)
	}
	if err := m.divide(ctx); err != nil {
		return nil, Report{}, err
	}
	if report.Tail > 0 {
		if err := m.fitTail(ctx, columns); err != nil {
			return nil, Report{}, err
		}
	}
	return m, report, nil
}

// count sums the cells by item and ranks the items: recent orders, then orders,
// then the id.
func (m *Model) count() {
	p := m.past
	n := len(p.Items)
	m.buyers, m.orders, m.recent, m.spend = make([]int64, n), make([]int64, n), make([]int64, n), make([]float64, n)
	for c, i := range p.Item {
		m.buyers[i]++
		m.orders[i] += int64(p.Orders[c])
		m.recent[i] += int64(p.Recent[c])
		m.spend[i] += p.Spend[c]
	}
	m.popular, m.rank = make([]int32, n), make([]int32, n)
	for i := range m.popular {
		m.popular[i] = int32(i)
		m.totalOrders += m.orders[i]
		m.totalSpend += m.spend[i]
	}
	slices.SortFunc(m.popular, func(x, y int32) int {
		return cmp.Or(cmp.Compare(m.recent[y], m.recent[x]), cmp.Compare(m.orders[y], m.orders[x]), cmp.Compare(x, y))
	})
	for r, i := range m.popular {
		m.rank[i] = int32(r)
	}
}

// headOf returns the items of the closed form, rising: all, if most allows it;
// otherwise the most bought of each category, one each first (as far as they go,
// larger categories before smaller ones) and the rest by D'Hondt's rule: the
// orders of the category ÷ the item's position in it.
func (m *Model) headOf(most int) []int32 {
	head := slices.Clone(m.popular)
	if len(head) > most {
		orders, position := make([]int64, len(m.past.Categories)), make([]int64, len(head))
		seats := make([]int64, len(orders))
		for _, i := range m.popular {
			of := m.past.Of[i]
			orders[of] += m.orders[i]
			seats[of]++
			position[i] = seats[of]
		}
		slices.SortStableFunc(head, func(x, y int32) int {
			px, py := position[x], position[y]
			ox, oy := orders[m.past.Of[x]], orders[m.past.Of[y]]
			if (px == 1) != (py == 1) {
				return cmp.Compare(min(px, 2), min(py, 2))
			}
			return cmp.Compare(float64(oy)/float64(py), float64(ox)/float64(px))
		})
		head = head[:most]
	}
	slices.Sort(head)
	return head
}

// share returns the share of all orders that the items have.
func (m *Model) share(items []int32) float64 {
	var sum int64
	for _, i := range items {
		sum += m.orders[i]
	}
	return float64(sum) / float64(m.totalOrders)
}

// columns is the transposed matrix: the accounts that bought item i stand at
// start[i] … start[i+1], rising.
type columns struct {
	start   []int
	account []int32
}

func transpose(p *Purchases) columns {
	c := columns{start: make([]int, len(p.Items)+1), account: make([]int32, len(p.Item))}
	for _, i := range p.Item {
		c.start[i+1]++
	}
	for i := range p.Items {
		c.start[i+1] += c.start[i]
	}
	next := slices.Clone(c.start)
	for a := range p.Accounts {
		for _, i := range p.Cells(a).Item {
			c.account[next[i]] = int32(a)
			next[i]++
		}
	}
	return c
}

func (c columns) of(i int32) []int32 { return c.account[c.start[i]:c.start[i+1]] }

// gram writes the lower triangle of XᵀX + λI over the head, and of I beyond.
// Counts are exact.
func (m *Model) gram(ctx context.Context, c columns) error {
	return each(ctx, m.side, func(h int) {
		row := m.row(h)[:h+1]
		if h >= len(m.head) {
			row[h] = 1
			return
		}
		for _, a := range c.of(m.head[h]) {
			for _, i := range m.past.Cells(int(a)).Item {
				if g := int(m.place[i]); g >= 0 && g <= h {
					row[g]++
				}
			}
		}
		row[h] += float32(m.params.Lambda)
	})
}

// row returns row h of the matrix.
func (m *Model) row(h int) []float32 { return m.together[h*m.side : (h+1)*m.side] }

// residual multiplies some columns of the inverse by the matrix that it is the
// inverse of, read from the purchases again.
func (m *Model) residual(ctx context.Context) (float64, error) {
	n := len(m.head)
	step := max(1, n/checkedColumns)
	worst := make([]float64, (n+step-1)/step)
	err := each(ctx, len(worst), func(k int) {
		// Column j of P, divided by its diagonal cell; account by account, so that
		// no matrix is needed: Xᵀ(Xp) + λp.
		j := k * step
		p, product := make([]float64, n), make([]float64, n)
		row := m.row(j)
		for h := range p {
			p[h] = float64(row[h]) / float64(row[j])
			product[h] = m.params.Lambda * p[h]
		}
		for a := range m.past.Accounts {
			own, sum := m.past.Cells(a).Item, 0.0
			for _, i := range own {
				if h := m.place[i]; h >= 0 {
					sum += p[h]
				}
			}
			for _, i := range own {
				if h := m.place[i]; h >= 0 {
					product[h] += sum
				}
			}
		}
		// The product is e_j ÷ P_jj; P_jj is at most 1/λ. Cells are measured
		// against the diagonal of the matrix, which scales with the item's buyers.
		want := -1 / float64(row[j])
		for h, v := range product {
			if h == j {
				v -= want
			}
			worst[k] = max(worst[k], math.Abs(v)/(float64(m.buyers[m.head[h]])+m.params.Lambda))
		}
	})
	return slices.Max(worst), err
}

// divide turns −P into B: b_ij = −p_ij ÷ p_jj, 0 on the diagonal.
func (m *Model) divide(ctx context.Context) error {
	scale := make([]float32, m.side)
	for j := range m.head {
		scale[j] = -1 / m.row(j)[j]
	}
	return each(ctx, len(m.head), func(i int) {
		row := m.row(i)
		for j := range row {
			row[j] *= scale[j]
		}
		row[i] = 0
	})
}
