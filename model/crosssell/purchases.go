package crosssell

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features/frame"
)

// Errors of this package, to be recognised with errors.Is; the message says
// what was found and what would do.
var (
	// ErrInput marks rows, outcomes or arguments that cannot be used.
	ErrInput = errors.New("crosssell: unusable input")
	// ErrParams marks a parameter out of its bounds.
	ErrParams = errors.New("crosssell: parameter out of bounds")
	// ErrUnstable says that the closed form lost its digits.
	ErrUnstable = errors.New("crosssell: the closed form is not precise enough")
	// ErrText marks a text that is not a saved propensity.
	ErrText = errors.New("crosssell: not a saved propensity")
)

// RecentDays is the window of Row.Recent, in days before the cutoff.
const RecentDays = 90

// MostAccounts bounds the accounts of Purchases: up to here a float32 counts
// them exactly.
const MostAccounts = 1 << 24

const (
	// mostDays and mostSpend bound days and amounts, so that no sum overflows.
	mostDays  = 1_000_000
	mostSpend = 1e15
)

// Item is something that can be bought.
type Item struct {
	ID string
	// Category gathers items of a kind; it may be empty.
	Category string
}

// Row is what one account has bought of one item before a cutoff.
type Row struct {
	Account        frame.AccountID
	Item, Category string
	// Orders is the number of distinct orders with the item, at least 1; Recent
	// those among them of the last RecentDays days.
	Orders, Recent int
	// Spend is what was paid for it in all, in base currency, 0 … 1e15.
	Spend float64
	// DaysSince is the number of days from the last order with the item to the
	// cutoff, Span that from the first to the last, 0 for a single day; both at
	// most a million.
	DaysSince, Span int
}

// Purchases is a sparse matrix of accounts × items by rows: the cells of
// account a stand at Start[a] … Start[a+1], items rising. It is made by a
// Builder, read-only from then on, and safe for concurrent readers.
// Memory: 28 bytes per cell, 8 per account, and the ids.
type Purchases struct {
	// Accounts rise by id, Items by id, Categories by name.
	Accounts   []frame.AccountID
	Items      []Item
	Categories []string
	// Of holds the category of each item, as an index into Categories.
	Of    []int32
	Start []int
	// The cells; see Row for their meaning.
	Item                            []int32
	Orders, Recent, DaysSince, Span []int32
	Spend                           []float64
}

// Cells is what one account has bought: equally long slices, items rising.
type Cells struct {
	Item                            []int32
	Orders, Recent, DaysSince, Span []int32
	Spend                           []float64
}

// Cells returns the cells of account a, sharing memory. It panics if a is out of
// range.
func (p *Purchases) Cells(a int) Cells {
	from, to := p.Start[a], p.Start[a+1]
	return Cells{
		Item: p.Item[from:to], Orders: p.Orders[from:to], Recent: p.Recent[from:to],
		DaysSince: p.DaysSince[from:to], Span: p.Span[from:to], Spend: p.Spend[from:to],
	}
}

// Widest returns the most items that an account has bought.
func (p *Purchases) Widest() int {
	most := 0
	for a := range p.Accounts {
		most = max(most, p.Start[a+1]-p.Start[a])
	}
	return most
}

// Find returns the index of an item by its id.
func (p *Purchases) Find(id string) (int, bool) {
	return slices.BinarySearchFunc(p.Items, id, func(i Item, id string) int { return strings.Compare(i.ID, id) })
}

// Builder makes Purchases of rows in the order of accounts.
type Builder struct {
	accounts []frame.AccountID
	start    []int
	rows     []cell
	index    map[string]int32
	items    []Item
}

type cell struct {
	item                            int32
	orders, recent, daysSince, span int32
	spend                           float64
}

// NewBuilder returns a builder without rows.
func NewBuilder() *Builder {
	return &Builder{index: map[string]int32{}}
}

// Add takes the next row. Rows come with account ids rising, byte by byte; the
// items of an account in any order. ErrInput names the account and the item of a
// row that is refused; the builder is then as before.
func (b *Builder) Add(r Row) error {
	fresh := len(b.accounts) == 0 || b.accounts[len(b.accounts)-1] != r.Account
	switch {
	case r.Account == "" || r.Item == "":
		return fmt.Errorf("%w: account %q, item %q: both need an id", ErrInput, r.Account, r.Item)
	case fresh && len(b.accounts) > 0 && r.Account < b.accounts[len(b.accounts)-1]:
		return fmt.Errorf("%w: account %q comes after %q: sort the rows by account id", ErrInput, r.Account, b.accounts[len(b.accounts)-1])
	case fresh && len(b.accounts) == MostAccounts:
		return fmt.Errorf("%w: more than %d accounts: split them by region or segment", ErrInput, MostAccounts)
	case !(r.Spend >= 0 && r.Spend <= mostSpend):
		return fmt.Errorf("%w: account %q, item %q: spend is %v, expected 0 … %v", ErrInput, r.Account, r.Item, r.Spend, float64(mostSpend))
	}
	for _, c := range []struct {
		name                   string
		value, atLeast, atMost int
	}{
		{"orders", r.Orders, 1, math.MaxInt32},
		{"recent orders", r.Recent, 0, math.MaxInt32},
		{"days since", r.DaysSince, 0, mostDays},
		{"span in days", r.Span, 0, mostDays},
	} {
		if c.value < c.atLeast || c.value > c.atMost {
			return fmt.Errorf("%w: account %q, item %q: %s is %d, expected %d … %d", ErrInput, r.Account, r.Item, c.name, c.value, c.atLeast, c.atMost)
		}
	}
	if r.Recent > r.Orders {
		return fmt.Errorf("%w: account %q, item %q: %d recent orders of %d in all", ErrInput, r.Account, r.Item, r.Recent, r.Orders)
	}
	i, known := b.index[r.Item]
	if known && b.items[i].Category != r.Category {
		return fmt.Errorf("%w: item %q is of category %q and, for account %q, of %q: an item has one category", ErrInput, r.Item, b.items[i].Category, r.Account, r.Category)
	}
	if !known {
		if len(b.items) == math.MaxInt32 {
			return fmt.Errorf("%w: more than %d items", ErrInput, math.MaxInt32)
		}
		i = int32(len(b.items)) //nolint:gosec // bounded just above
		b.index[r.Item] = i
		b.items = append(b.items, Item{ID: r.Item, Category: r.Category})
	}
	if fresh {
		b.accounts, b.start = append(b.accounts, r.Account), append(b.start, len(b.rows))
	}
	//nolint:gosec // bounded by the loop above
	b.rows = append(b.rows, cell{i, int32(r.Orders), int32(r.Recent), int32(r.DaysSince), int32(r.Span), r.Spend})
	return nil
}

// Purchases returns the matrix of the rows so far and leaves the builder empty.
// ErrInput if there is no row, or names an account and item that stand twice.
func (b *Builder) Purchases() (*Purchases, error) {
	if len(b.rows) == 0 {
		return nil, fmt.Errorf("%w: no purchases", ErrInput)
	}
	p := &Purchases{Accounts: b.accounts, Items: b.items, Start: append(b.start, len(b.rows))}
	order := make([]int32, len(p.Items))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int { return strings.Compare(p.Items[x].ID, p.Items[y].ID) })
	place, sorted := make([]int32, len(order)), make([]Item, len(order))
	for to, from := range order {
		place[from], sorted[to] = int32(to), p.Items[from]
	}
	p.Items = sorted
	p.categorise()

	n := len(b.rows)
	counts := make([]int32, 5*n)
	p.Item, p.Orders, p.Recent, p.DaysSince, p.Span = counts[:n:n], counts[n:2*n:2*n], counts[2*n:3*n:3*n], counts[3*n:4*n:4*n], counts[4*n:]
	p.Spend = make([]float64, n)
	for a := range p.Accounts {
		cells := b.rows[p.Start[a]:p.Start[a+1]]
		for k := range cells {
			cells[k].item = place[cells[k].item]
		}
		slices.SortFunc(cells, func(x, y cell) int { return int(x.item) - int(y.item) })
		for k, c := range cells {
			if k > 0 && cells[k-1].item == c.item {
				return nil, fmt.Errorf("%w: account %q, item %q stand twice: one row each", ErrInput, p.Accounts[a], p.Items[c.item].ID)
			}
			at := p.Start[a] + k
			p.Item[at], p.Orders[at], p.Recent[at], p.DaysSince[at], p.Span[at], p.Spend[at] = c.item, c.orders, c.recent, c.daysSince, c.span, c.spend
		}
	}
	*b = *NewBuilder()
	return p, nil
}

// categorise fills Categories and Of from Items.
func (p *Purchases) categorise() {
	names := make([]string, len(p.Items))
	for i, item := range p.Items {
		names[i] = item.Category
	}
	slices.Sort(names)
	p.Categories = slices.Clone(slices.Compact(names))
	p.Of = make([]int32, len(p.Items))
	for i, item := range p.Items {
		c, _ := slices.BinarySearch(p.Categories, item.Category)
		p.Of[i] = int32(c) //nolint:gosec // no more categories than items
	}
}

// ByCategory returns the same purchases with the categories as items. Orders of
// several items of a category are added up, so that an order with two of them
// counts twice; where distinct orders per category matter, build the matrix of
// rows by category instead. ErrInput if a sum of orders exceeds 2³¹ − 1.
func (p *Purchases) ByCategory() (*Purchases, error) {
	q := &Purchases{Accounts: p.Accounts, Start: make([]int, 1, len(p.Start))}
	for _, name := range p.Categories {
		q.Items = append(q.Items, Item{ID: name})
	}
	q.categorise()
	for a := range p.Accounts {
		c := p.Cells(a)
		order := make([]int, len(c.Item))
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(x, y int) int { return int(p.Of[c.Item[x]]) - int(p.Of[c.Item[y]]) })
		from := len(q.Item)
		for _, k := range order {
			of, last := p.Of[c.Item[k]], len(q.Item)-1
			if last < from || q.Item[last] != of {
				q.Item, q.Orders, q.Recent, q.Spend = append(q.Item, of), append(q.Orders, c.Orders[k]), append(q.Recent, c.Recent[k]), append(q.Spend, c.Spend[k])
				q.DaysSince, q.Span = append(q.DaysSince, c.DaysSince[k]), append(q.Span, c.Span[k])
				continue
			}
			first := max(q.DaysSince[last]+q.Span[last], c.DaysSince[k]+c.Span[k])
			if q.Orders[last] > math.MaxInt32-c.Orders[k] {
				return nil, fmt.Errorf("%w: account %q: more orders in category %q than can be counted", ErrInput, p.Accounts[a], p.Categories[of])
			}
			q.Orders[last] += c.Orders[k]
			q.Recent[last] += c.Recent[k]
			q.Spend[last] += c.Spend[k]
			q.DaysSince[last] = min(q.DaysSince[last], c.DaysSince[k])
			q.Span[last] = first - q.DaysSince[last]
		}
		q.Start = append(q.Start, len(q.Item))
	}
	return q, nil
}
