package crosssell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"fealty/features/frame"
)

// town draws accounts with tastes: each of kinds groups of items has its fans.
func town(tb testing.TB, accounts, items, kinds int, seed uint64) *Purchases {
	tb.Helper()
	random := rand.New(rand.NewPCG(seed, 9))
	b := NewBuilder()
	for a := range accounts {
		taste := random.IntN(kinds)
		for i := range items {
			chance := .04
			if i%kinds == taste {
				chance = .35
			}
			if random.Float64() < chance {
				orders := 1 + random.IntN(6)
				row := Row{
					Account: frame.AccountID(fmt.Sprintf("a%06d", a)), Item: fmt.Sprintf("i%04d", i), Category: fmt.Sprintf("c%d", i%kinds),
					Orders: orders, Recent: random.IntN(orders + 1), Spend: float64(orders) * (1 + 20*random.Float64()), DaysSince: random.IntN(400),
				}
				if orders > 1 {
					row.Span = random.IntN(300)
				}
				if err := b.Add(row); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	p, err := b.Purchases()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func fit(tb testing.TB, p *Purchases, params Params) (*Model, Report) {
	tb.Helper()
	m, r, err := Fit(context.Background(), p, params)
	if err != nil {
		tb.Fatal(err)
	}
	return m, r
}

// The twin solves, item by item, the ridge regression of the item on all others,
// which is what EASE's closed form promises: (X₋ᵀX₋ + λI) b = X₋ᵀ x.
func TestEASEEqualsARegressionPerItem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "items")
		accounts := rapid.IntRange(1, 30).Draw(t, "accounts")
		lambda := rapid.Float64Range(.5, 50).Draw(t, "lambda")
		x := mat.NewDense(accounts, n, nil)
		b := NewBuilder()
		for a := range accounts {
			for i := range n {
				// Every item is bought by somebody, so that indices are those of the matrix.
				if rapid.Bool().Draw(t, "bought") || a == 0 {
					x.Set(a, i, 1)
					if err := b.Add(Row{Account: frame.AccountID(fmt.Sprintf("%03d", a)), Item: fmt.Sprintf("%03d", i), Orders: 1}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		p, err := b.Purchases()
		if err != nil {
			t.Fatal(err)
		}
		params := Defaults()
		params.Lambda = lambda
		m, report, err := Fit(context.Background(), p, params)
		if err != nil {
			t.Fatal(err)
		}
		if report.Tail != 0 || report.Dense != n {
			t.Fatalf("%d items dense and %d in the tail, want %d and 0", report.Dense, report.Tail, n)
		}
		for j := range n {
			var others []int
			for i := range n {
				if i != j {
					others = append(others, i)
				}
			}
			left := mat.NewDense(accounts, len(others), nil)
			for k, i := range others {
				left.SetCol(k, mat.Col(nil, i, x))
			}
			var gram mat.Dense
			gram.Mul(left.T(), left)
			for k := range others {
				gram.Set(k, k, gram.At(k, k)+lambda)
			}
			var right, want mat.VecDense
			right.MulVec(left.T(), x.ColView(j))
			if err := want.SolveVec(&gram, &right); err != nil {
				t.Fatal(err)
			}
			if got := m.row(j)[j]; got != 0 {
				t.Fatalf("item %d speaks for itself by %v", j, got)
			}
			for k, i := range others {
				if got := float64(m.row(i)[j]); math.Abs(got-want.AtVec(k)) > 2e-4 {
					t.Fatalf("B[%d, %d] = %v, the regression gives %v", i, j, got, want.AtVec(k))
				}
			}
		}
	})
}

// The list of an account is the row of X·B without its own items.
func TestNewRanksByTheProduct(t *testing.T) {
	for _, most := range []int{40, 15} {
		p := town(t, 300, 40, 4, 1)
		params := Defaults()
		params.Lambda = 20
		m := withHead(t, p, params, most)
		for a := range 50 {
			own := p.Cells(a)
			want := make([]float64, len(p.Items))
			for j := range want {
				for _, i := range own.Item {
					if _, _, ok := m.Because(Cells{Item: []int32{i}}, int32(j)); !ok {
						from, to := m.place[i], m.place[j]
						if from >= 0 && to >= 0 {
							want[j] += float64(m.row(int(from))[to])
						}
						continue
					}
					_, adds, _ := m.Because(Cells{Item: []int32{i}}, int32(j))
					want[j] += adds
				}
			}
			list := m.New(own, len(p.Items), nil)
			if len(list) != len(p.Items)-len(own.Item) {
				t.Fatalf("%d items listed of %d, %d are owned", len(list), len(p.Items), len(own.Item))
			}
			for r, x := range list {
				if slices.Contains(own.Item, x.Item) {
					t.Fatalf("item %d is owned and listed as new", x.Item)
				}
				if math.Abs(x.Score-want[x.Item]) > 1e-5 {
					t.Fatalf("item %d scores %v, its parts sum to %v", x.Item, x.Score, want[x.Item])
				}
				if r > 0 && (list[r-1].Score < x.Score || list[r-1].Score == x.Score && m.rank[list[r-1].Item] > m.rank[x.Item]) {
					t.Fatalf("place %d stands before %d wrongly", r-1, r)
				}
			}
			for _, k := range []int{0, 1, 7} {
				if short := m.New(own, k, nil); !slices.Equal(short, list[:k]) {
					t.Fatalf("the %d best are not the first %d of all", k, k)
				}
			}
		}
	}
}

// withHead fits with so many items in the closed form, as too little memory would.
func withHead(tb testing.TB, p *Purchases, params Params, most int) *Model {
	tb.Helper()
	m, _, err := fitHead(context.Background(), p, params, most)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestFansOfAKindAreOfferedTheKind(t *testing.T) {
	p := town(t, 600, 60, 3, 5)
	params := Defaults()
	params.Lambda = 30
	for name, m := range map[string]*Model{"all dense": withHead(t, p, params, 60), "half by cosine": withHead(t, p, params, 30)} {
		right, all, tail := 0, 0, 0
		for a := range p.Accounts {
			own := p.Cells(a)
			of := make([]int, len(p.Categories))
			for _, i := range own.Item {
				of[p.Of[i]]++
			}
			if slices.Max(of) < 5 {
				continue
			}
			for _, x := range m.New(own, 5, nil) {
				all++
				if m.place[x.Item] < 0 {
					tail++
				}
				if of[p.Of[x.Item]] == slices.Max(of) {
					right++
				}
			}
		}
		if share := float64(right) / float64(all); share < .8 {
			t.Errorf("%s: %.2f of what is offered is of the account's kind, want .8", name, share)
		}
		// Half the items are beyond the closed form: its scale must neither bury nor lift them.
		if share := float64(tail) / float64(all); name == "half by cosine" && (share < .2 || share > .8) {
			t.Errorf("%s: %.2f of what is offered comes from the tail", name, share)
		}
	}
}

func TestHeadTakesTheMostBoughtOfEachCategory(t *testing.T) {
	p := town(t, 400, 60, 5, 2)
	m, _ := fit(t, p, Defaults())
	for _, most := range []int{1, 5, 17, 59, 60, 100} {
		head := m.headOf(most)
		if len(head) != min(most, 60) || !slices.IsSorted(head) {
			t.Fatalf("a head of %d has %d items", most, len(head))
		}
		held := make([]int, 5)
		for _, i := range head {
			held[p.Of[i]]++
		}
		if most >= 5 && slices.Min(held) == 0 {
			t.Errorf("a head of %d leaves a category out: %v", most, held)
		}
		for _, i := range m.popular {
			for _, j := range m.popular {
				if p.Of[i] == p.Of[j] && m.rank[i] < m.rank[j] && slices.Contains(head, j) && !slices.Contains(head, i) {
					t.Errorf("a head of %d holds item %d and not %d, which sells better in the category", most, j, i)
				}
			}
		}
	}
}

func TestTooManyItemsAreSaid(t *testing.T) {
	params := Defaults()
	params.MaxBytes = 1 << 20
	// 4·384² + 1024·384 ≤ 2²⁰ < 4·448² + 1024·448.
	if got := params.Dense(); got != 384 {
		t.Errorf("1 MiB holds %d items, want 384", got)
	}
	b := NewBuilder()
	for a := range 4 {
		for i := range 400 {
			if err := b.Add(Row{Account: frame.AccountID(rune('a' + a)), Item: fmt.Sprintf("%03d", i), Orders: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := b.Purchases()
	if err != nil {
		t.Fatal(err)
	}
	_, r := fit(t, p, params)
	en, zh := r.Text()
	if want := "4 accounts, 400 items in 1 category. The memory allowed holds 384 items in the closed form (1 MB, 96.0 % of all orders): the most bought of each category. The other 16 are answered by item cosine."; en != want {
		t.Errorf("the report says %q, want %q", en, want)
	}
	if want := "4 个客户，400 种商品，1 个品类。所允许的内存可容纳 384 种商品的闭式解（1 MB，占全部订单的 96.0%）：即各品类中购买最多的商品。其余 16 种商品按商品余弦相似度计算。"; zh != want {
		t.Errorf("the report says %q, want %q", zh, want)
	}
}

func TestDenseIsTheInverseOfMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Defaults()
		p.MaxBytes = rapid.Int64Range(1<<20, 1<<40).Draw(t, "bytes")
		if n := p.Dense(); Memory(n) > p.MaxBytes || Memory(n+1) <= p.MaxBytes {
			t.Fatalf("%d bytes hold %d items, which need %d", p.MaxBytes, n, Memory(n))
		}
	})
}

func TestFitIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	p := town(t, 200, 90, 3, 4)
	params := Defaults()
	params.Lambda = 10
	var first *Model
	for _, threads := range []int{1, 2, 5} {
		before := runtime.GOMAXPROCS(threads)
		m := withHead(t, p, params, 70)
		runtime.GOMAXPROCS(before)
		if first == nil {
			first = m
		} else if !slices.Equal(m.together, first.together) || !slices.Equal(m.tail.value, first.tail.value) || !slices.Equal(m.tail.item, first.tail.item) {
			t.Errorf("%d threads give another model", threads)
		}
	}
}

func TestFitRefuses(t *testing.T) {
	p := town(t, 10, 5, 1, 1)
	for name, change := range map[string]func(*Params){
		"Lambda is 0":       func(p *Params) { p.Lambda = 0 },
		"Lambda is NaN":     func(p *Params) { p.Lambda = math.NaN() },
		"Lambda is +Inf":    func(p *Params) { p.Lambda = math.Inf(1) },
		"MaxBytes is 10":    func(p *Params) { p.MaxBytes = 10 },
		"Neighbours is 0":   func(p *Params) { p.Neighbours = 0 },
		"LapsedDays is -10": func(p *Params) { p.LapsedDays = -10 },
	} {
		params := Defaults()
		change(&params)
		if _, _, err := Fit(context.Background(), p, params); !errors.Is(err, ErrParams) || !contains(err, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Fit(cancelled, p, Defaults()); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit gives %v", err)
	}
	// Two items that are always bought together, without a ridge worth the name.
	b := NewBuilder()
	for a := range 200 {
		for i := range 2 {
			if err := b.Add(Row{Account: frame.AccountID(fmt.Sprintf("%03d", a)), Item: fmt.Sprint(i), Orders: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	twins, err := b.Purchases()
	if err != nil {
		t.Fatal(err)
	}
	params := Defaults()
	params.Lambda = 1e-6
	if _, _, err := Fit(context.Background(), twins, params); !errors.Is(err, ErrUnstable) {
		t.Errorf("a singular matrix gives %v", err)
	}
}

// The twin counts who has both items, one pair after another, and fits the scale
// by its definition.
func TestTailEqualsCosines(t *testing.T) {
	p := town(t, 150, 24, 3, 6)
	params := Defaults()
	params.Lambda, params.Neighbours = 5, 4
	m := withHead(t, p, params, 10)
	has := func(a int, i int32) bool {
		_, yes := slices.BinarySearch(p.Cells(a).Item, i)
		return yes
	}
	n := int32(len(p.Items))
	cosine := make([][]float64, n)
	for j := range n {
		cosine[j] = make([]float64, n)
		for i := range n {
			both, left, right := 0.0, 0.0, 0.0
			for a := range p.Accounts {
				x, y := has(a, i), has(a, j)
				if x {
					left++
				}
				if y {
					right++
				}
				if x && y {
					both++
				}
			}
			cosine[j][i] = both / math.Sqrt(left*right)
		}
	}
	var s, squares float64
	nearest := map[int32][]int32{}
	for j := range n {
		if m.place[j] >= 0 {
			continue
		}
		var others []int32
		for i := range n {
			if i != j {
				others = append(others, i)
			}
		}
		slices.SortStableFunc(others, func(x, y int32) int { return cmp.Compare(cosine[j][y], cosine[j][x]) })
		nearest[j] = others[:4]
		for a := range p.Accounts {
			sum := 0.0
			for _, i := range nearest[j] {
				if has(a, i) {
					sum += cosine[j][i]
				}
			}
			squares += sum * sum
			if has(a, j) {
				s += sum
			}
		}
	}
	scale := s / (squares + 5)
	for j, near := range nearest {
		for i := range n {
			want := 0.0
			if slices.Contains(near, i) {
				want = scale * cosine[j][i]
			}
			_, got, _ := m.Because(Cells{Item: []int32{i}}, j)
			if math.Abs(got-want) > 1e-5 {
				t.Fatalf("item %d adds %v to tail item %d, want %v", i, got, j, want)
			}
		}
	}
}
