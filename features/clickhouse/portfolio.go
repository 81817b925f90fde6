package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
)

// Portfolio calls each with the sums of a period, key by key in bytewise order, and
// returns those of everybody together. Broken down by account they come as the
// accounts are asked for, some at a time, otherwise all at the end. Of goods only what
// order lines tell stands under a key. A block is the receiver's own. An error from
// each ends the reading and is returned as it is.
func Portfolio(ctx context.Context, e Engine, r features.PortfolioRequest, each func([]features.Takings) error) (features.Takings, error) {
	var none features.Takings
	if err := r.Validate(); err != nil {
		return none, err
	}
	p, err := prepare(r.Request)
	if err != nil {
		return none, fmt.Errorf("ask for a portfolio: %w", err)
	}
	if err := p.unite(ctx, e); err != nil {
		return none, fmt.Errorf("ask for a portfolio: %w", err)
	}
	ranges, err := p.ranges(ctx, e)
	if err != nil {
		return none, fmt.Errorf("ask for a portfolio: %w", err)
	}
	p.params["since"] = uint64(r.From) //nolint:gosec // validated: not negative
	l := &ledger{prepared: p, by: r.By, books: map[string]*book{}}
	for _, rg := range ranges {
		if err := l.read(ctx, e, rg); err != nil {
			return none, fmt.Errorf("ask for a portfolio by %s: %w", r.By, err)
		}
		if r.By != features.PerAccount {
			continue
		}
		if err := l.close(each); err != nil {
			return none, err
		}
	}
	if r.By == features.PerManager {
		if err := l.targets(ctx, e); err != nil {
			return none, err
		}
	}
	if err := l.close(each); err != nil {
		return none, err
	}
	if l.total.over {
		return none, fmt.Errorf("ask for a portfolio by %s: a sum has too many digits", r.By)
	}
	l.total.WorkingDays = len(l.total.days)
	return l.total.Takings, nil
}

// Portfolio is the package's Portfolio on this warehouse.
func (w Warehouse) Portfolio(ctx context.Context, r features.PortfolioRequest, each func([]features.Takings) error) (features.Takings, error) {
	return Portfolio(ctx, w.Engine, r, each)
}

// ledger gathers the sums of a portfolio.
type ledger struct {
	*prepared
	by    features.Dimension
	total book
	books map[string]*book
	// profiles are those of the accounts of the range.
	profiles map[string]*features.Profile
}

// book gathers the sums of one key.
type book struct {
	features.Takings

	days map[workday]bool
	// over is a sum that does not fit.
	over bool
}

// workday is a day on which a person of ours was in contact with somebody.
type workday struct {
	who string
	day int64
}

// close hands the keys on and forgets them.
func (l *ledger) close(each func([]features.Takings) error) error {
	if len(l.books) == 0 {
		return nil
	}
	all := make([]features.Takings, 0, len(l.books))
	for _, key := range slices.Sorted(maps.Keys(l.books)) {
		b := l.books[key]
		if l.total.over = l.total.over || b.over; b.over {
			return fmt.Errorf("ask for a portfolio by %s: a sum of %q has too many digits", l.by, key)
		}
		b.WorkingDays = len(b.days)
		all = append(all, b.Takings)
	}
	clear(l.books)
	return each(all)
}

// book returns the sums of a key.
func (l *ledger) book(key string) *book {
	b := l.books[key]
	if b == nil {
		b = &book{}
		b.Key = strings.Clone(key)
		l.books[b.Key] = b
	}
	return b
}

// key returns the value of the dimension that the account stands under.
func (l *ledger) key(account string) string {
	if l.by == features.PerAccount {
		return account
	}
	if p := l.profiles[account]; p != nil {
		return l.by.Of(p)
	}
	return ""
}

// entry is how the rows of a file are entered.
type entry struct {
	file    string
	columns []string
	// enter adds row i to the books that it stands in.
	enter func(account string, c []*frame.Column, i int)
}

// read enters what is known of a range's accounts.
func (l *ledger) read(ctx context.Context, e Engine, rg accountRange) error {
	if err := l.profile(ctx, e, rg); err != nil {
		return err
	}
	both := func(enter func(b *book, c []*frame.Column, i int)) func(string, []*frame.Column, int) {
		return func(account string, c []*frame.Column, i int) {
			if enter(&l.total, c, i); !l.by.OfGoods() {
				enter(l.book(l.key(account)), c, i)
			}
		}
	}
	lines := entry{file: "portfolio/lines.sql", columns: []string{"revenue", "returned", "goods_cost", "lines", "costed", "orders", "held"}, enter: both(sold)}
	entries := []entry{
		lines,
		{file: "portfolio/invoices.sql", columns: []string{"invoices", "payments", "payments_known", "invoiced", "received", "due", "collected", "open_before", "open", "overdue"}, enter: both(billed)},
		{file: "portfolio/touches.sql", columns: []string{"touches", "touch_cost"}, enter: both(touched)},
		{file: "portfolio/contacts.sql", columns: []string{
			"contacts", "costed", "service_cost", "visits", "costed_visits", "visit_cost", "day", "who",
		}, enter: l.contact},
	}
	l.params["by"] = ""
	for _, x := range entries {
		if err := l.ask(ctx, e, rg, x); err != nil {
			return err
		}
	}
	if !l.by.OfGoods() {
		return nil
	}
	l.params["by"] = string(l.by)
	lines.enter = func(_ string, c []*frame.Column, i int) { sold(l.book(c[6].Texts[i]), c, i) }
	return l.ask(ctx, e, rg, lines)
}

// profile asks who the range's accounts are.
func (l *ledger) profile(ctx context.Context, e Engine, rg accountRange) error {
	l.profiles = map[string]*features.Profile{}
	return Warehouse{e}.profiles(ctx, l.Cutoffs[0], only(statement("profiles.sql"), l.with(rg)), func(block []features.Profile) error {
		for i := range block {
			l.profiles[string(block[i].Account)] = &block[i]
		}
		return nil
	})
}

// ask enters the answers of one file: each account's own, and those of accounts that
// are one together.
func (l *ledger) ask(ctx context.Context, e Engine, rg accountRange, x entry) error {
	sql := statement(x.file)
	take := func(t *frame.Table, account func(string) (string, bool)) error {
		c, err := pick(t, append([]string{"account"}, x.columns...)...)
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if name, counts := account(c[0].Texts[i]); counts {
				x.enter(name, c[1:], i)
			}
		}
		return nil
	}
	err := ask(ctx, e, sql, l.with(rg), func(t *frame.Table) error {
		return take(t, func(account string) (string, bool) { return account, l.alone(account, 0) })
	})
	if err == nil {
		err = askFamilies(ctx, e, l.within(rg), sql, l.params, func(t *frame.Table, named map[string]*family) error {
			return take(t, func(name string) (string, bool) { return named[name].head, true })
		})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", x.file, err)
	}
	return nil
}

// amounts adds amounts, and notes a sum that does not fit.
func (b *book) amounts(c []*frame.Column, i int, to ...*features.Amount) {
	for k, sum := range to {
		v := features.Amount(c[k].Integers[i])
		b.over = b.over || v > 0 && *sum > math.MaxInt64-v || v < 0 && *sum < math.MinInt64-v
		*sum += v
	}
}

// counts adds counts.
func counts(c []*frame.Column, i int, to ...*int) {
	for k, n := range to {
		*n += int(c[k].Integers[i])
	}
}

func sold(b *book, c []*frame.Column, i int) {
	b.amounts(c, i, &b.Revenue, &b.Returned, &b.GoodsCost)
	counts(c[3:], i, &b.Lines, &b.CostedLines, &b.Orders)
	if c[5].Integers[i] > 0 {
		b.Buyers++
	}
}

func billed(b *book, c []*frame.Column, i int) {
	counts(c, i, &b.Invoices, &b.Payments, &b.PaymentsKnown)
	b.amounts(c[3:], i, &b.Invoiced, &b.Received, &b.Due, &b.Collected, &b.OpenBefore, &b.Open, &b.Overdue)
}

func touched(b *book, c []*frame.Column, i int) {
	counts(c, i, &b.Touches)
	b.amounts(c[1:], i, &b.TouchCost)
}

// contact enters what one person did for an account on one day. By manager it
// stands under that person.
func (l *ledger) contact(account string, c []*frame.Column, i int) {
	who := c[7].Texts[i]
	if p := l.profiles[account]; who == "" && p != nil {
		who = p.Manager
	}
	day := workday{strings.Clone(who), c[6].Integers[i]}
	enter := func(b *book) {
		counts(c, i, &b.Contacts, &b.CostedContacts)
		b.amounts(c[2:], i, &b.ServiceCost)
		if counts(c[3:], i, &b.VisitContacts, &b.CostedVisits); c[3].Integers[i] > 0 {
			b.Visits++
		}
		b.amounts(c[5:], i, &b.VisitCost)
		if b.days == nil {
			b.days = map[workday]bool{}
		}
		b.days[day] = true
	}
	enter(&l.total)
	switch {
	case l.by == features.PerManager:
		enter(l.book(who))
	case !l.by.OfGoods():
		enter(l.book(l.key(account)))
	}
}

// targets enters the managers' targets.
func (l *ledger) targets(ctx context.Context, e Engine) error {
	type begins struct {
		manager string
		at      int64
	}
	seen := map[begins]bool{}
	err := ask(ctx, e, statement("portfolio/targets.sql"), l.params, func(t *frame.Table) error {
		c, err := pick(t, "target", "begins", "manager")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			manager := c[2].Texts[i]
			// Several hosts may know the same target.
			k := begins{strings.Clone(manager), c[1].Integers[i]}
			if seen[k] {
				continue
			}
			seen[k] = true
			for _, b := range []*book{&l.total, l.book(manager)} {
				b.Targets++
				b.amounts(c, i, &b.TargetAmount)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("portfolio/targets.sql: %w", err)
	}
	return nil
}
