package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"fealty/features"
	"fealty/features/frame"
)

// grid is a slice being filled: every account of it at every cutoff.
type grid struct {
	*prepared
	accounts    []string
	row         map[string]int
	values      [][]float64
	known       []bool
	first, last []int64
	// rested are the days since the last purchase on which the account rested.
	rested []int
	// cluster is the name of the cluster that is asked, "" when there is none.
	cluster string
	// plain asks for accounts by their own ids, whoever they go on in.
	plain asker
	// named are the families that the answers at hand name, nil when they name accounts.
	named map[string]*family
	// declared are the wallets of categories, by row and category; covered is what was spent
	// in the last 365 days in what a wallet was declared for, by row, where that isn't the whole.
	declared map[int]map[string]float64
	covered  map[int]float64
	// adding is held while an answer is being added.
	adding sync.Mutex
}

// intake is what one statement says, being added to the grid.
type intake struct {
	*grid
	// answered tells, on a cluster, which rows were answered for: no other host may.
	// apart are the accounts for which one has.
	answered []bool
	apart    []string
	// once tells, of a team's file, which rows were answered for; on a cluster
	// answered does.
	once []bool
	// where the last row found lies: answers bring an account's cutoffs together
	lastAccount string
	lastBase    int
}

func (p *prepared) slice(ctx context.Context, e Engine, r accountRange) (*features.Slice, error) {
	g := &grid{prepared: p, row: map[string]int{}, covered: map[int]float64{}, cluster: e.Info().Cluster}
	g.accounts = r.listed
	if r.listed == nil {
		if err := p.accounts(ctx, e, r, func(account string, _ int64) { g.accounts = append(g.accounts, account) }); err != nil {
			return nil, err
		}
	}
	for i, account := range g.accounts {
		g.row[account] = i * len(p.Cutoffs)
	}
	g.blank()
	if len(g.accounts) > 0 {
		g.plain = asking(ctx, e)
		take := inPairs
		if g.cluster != "" {
			take = inTurn
		}
		if err := g.measure(p.with(r), g.plain, take); err != nil {
			return nil, err
		}
		if err := g.unite(ctx, e, p.within(r)); err != nil {
			return nil, err
		}
	}
	g.derive()
	return g.finish(), nil
}

// asker runs one statement.
type asker func(sql string, params Params, add func(*frame.Table) error) error

// asking asks every host.
func asking(ctx context.Context, e Engine) asker {
	return func(sql string, params Params, add func(*frame.Table) error) error {
		return ask(ctx, e, sql, params, add)
	}
}

// measure asks every file of the catalogue, as take takes the steps.
func (g *grid) measure(params Params, ask asker, take func(steps []func() error) error) error {
	steps := []func() error{func() error { return g.fetch(ask, "known.sql", params, (*intake).addKnown) }}
	for _, f := range features.Files(g.Catalogue) {
		if g.asks(f) {
			steps = append(steps, func() error { return g.file(ask, f, params) })
		}
	}
	return take(append(steps,
		func() error { return g.categories(ask, params) },
		func() error { return g.referrals(ask, params) }))
}

// file asks a file of features.
func (g *grid) file(ask asker, f features.File, params Params) error {
	sql, err := fileStatement(f)
	if err != nil {
		return err
	}
	sql = g.planned(sql)
	a := g.intake()
	if f.Own() && g.cluster == "" {
		a.once = make([]bool, len(g.known))
	}
	if err := a.run(ask, "features/"+f.Name, sql, params, func(t *frame.Table) error { return a.add(f, t) }); err != nil {
		return err
	}
	if len(a.apart) > 0 {
		return apartError(g.cluster, string(f.Source), a.apart)
	}
	return nil
}

// inTurn takes one step after the other, to the first error.
func inTurn(steps []func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// inPairs takes two steps at a time: the engine works on one file while the
// answer of another is taken in. Where the warehouse has no second connection to
// spare it goes on with one. A step that is under way when another fails is not
// broken off. The first error in the order of the steps counts.
func inPairs(steps []func() error) error {
	var mu sync.Mutex
	errs := make([]error, len(steps))
	failed := false
	var queue []int
	for i := range steps {
		queue = append(queue, i)
	}
	work := func(alone bool) {
		for {
			mu.Lock()
			if failed || len(queue) == 0 {
				mu.Unlock()
				return
			}
			i := queue[0]
			queue = queue[1:]
			mu.Unlock()
			err := steps[i]()
			mu.Lock()
			if busy := !alone && errors.Is(err, ErrBusy); busy {
				queue = append(queue, i) // nothing was asked
				mu.Unlock()
				return
			}
			errs[i] = err
			failed = failed || err != nil
			mu.Unlock()
		}
	}
	var other sync.WaitGroup
	other.Go(func() { work(false) })
	work(false)
	other.Wait()
	work(true) // what is left of those that found the warehouse busy
	return cmp.Or(errs...)
}

// unite replaces the rows of the accounts that others go on in by those of all
// of them together, and takes away the rows of the others.
func (g *grid) unite(ctx context.Context, e Engine, families []*family) error {
	for k, u := range g.unions {
		for account := range u {
			if base, ok := g.row[string(account)]; ok {
				g.clear(base + k)
			}
		}
	}
	if len(families) == 0 {
		return nil
	}
	for _, f := range families {
		for k, is := range f.at {
			if is {
				g.clear(g.row[f.head] + k)
			}
		}
	}
	// One host answers.
	g.cluster = ""
	return g.measure(g.params, func(sql string, params Params, add func(*frame.Table) error) error {
		err := askFamilies(ctx, e, families, sql, params, func(t *frame.Table, named map[string]*family) error {
			g.named = named
			return add(t)
		})
		g.named = nil
		return err
	}, inTurn)
}

// clear makes a row that of an account of which nothing is known.
func (g *grid) clear(row int) {
	g.known[row], g.first[row], g.last[row], g.rested[row] = false, 0, 0, 0
	delete(g.covered, row)
	for c := range g.values {
		g.values[c][row] = g.nothing(&g.Catalogue[c], row%len(g.Cutoffs))
	}
}

func (g *grid) fetch(ask asker, name string, params Params, add func(*intake, *frame.Table) error) error {
	a := g.intake()
	return a.run(ask, name, g.planned(statement(name)), params, func(t *frame.Table) error { return add(a, t) })
}

func (g *grid) intake() *intake {
	a := &intake{grid: g, lastBase: -1}
	if g.cluster != "" {
		a.answered = make([]bool, len(g.known))
	}
	return a
}

func (a *intake) run(ask asker, name, sql string, params Params, add func(*frame.Table) error) error {
	err := ask(sql, params, func(t *frame.Table) error {
		a.adding.Lock()
		defer a.adding.Unlock()
		return add(t)
	})
	if err != nil {
		return fmt.Errorf("build features of %s: %w", name, err)
	}
	return nil
}

// measurable tells at which cutoffs anything is known of what the feature needs,
// nil for none. It is the warehouse's whole answer, never one account's.
func (p *prepared) measurable(f *features.Feature) []bool { return p.any[f.Needs()] }

// asks tells whether a file may answer anything: a source without rows, or
// without the part that is needed, costs no query. Orders say who is known.
func (p *prepared) asks(file features.File) bool {
	return file.TellsPurchases() || slices.ContainsFunc(p.Catalogue, func(f features.Feature) bool {
		return f.Kind == features.Measured && f.File == file && slices.Contains(p.measurable(&f), true)
	})
}

// blank makes the columns of an account that no file answers for: 0 for counts
// and sums of what has any row as of the cutoff, missing otherwise.
func (g *grid) blank() {
	n, k := len(g.accounts), len(g.Cutoffs)
	g.known, g.first, g.last, g.rested = make([]bool, n*k), make([]int64, n*k), make([]int64, n*k), make([]int, n*k)
	g.values = make([][]float64, len(g.Catalogue))
	pattern := make([]float64, k)
	for c := range g.Catalogue {
		f := &g.Catalogue[c]
		for j := range pattern {
			pattern[j] = g.nothing(f, j)
		}
		column := make([]float64, n*k)
		for i := 0; i < len(column); i += k {
			copy(column[i:], pattern)
		}
		g.values[c] = column
	}
}

// nothing is what a feature reads without any row of the account.
func (p *prepared) nothing(f *features.Feature, cutoff int) float64 {
	if has := p.measurable(f); f.Zero && has != nil && has[cutoff] {
		return 0
	}
	return math.NaN()
}

// find returns the row of an account at a cutoff; −1 for an account that has
// neither an order nor a place in the accounts table: its contacts, contracts
// and wallets say nothing of anybody that could be scored. A family has no row at
// cutoffs at which it is not these accounts.
func (a *intake) find(account string, cutoff int64) (int, error) {
	if a.named != nil {
		f := a.named[account]
		k, err := a.place(account, cutoff)
		if err != nil || f == nil || !f.at[k] {
			return -1, err
		}
		return a.row[f.head] + k, nil
	}
	if a.lastBase < 0 || account != a.lastAccount {
		base, ok := a.row[account]
		if !ok {
			return -1, nil
		}
		a.lastAccount, a.lastBase = account, base
	}
	k, err := a.place(account, cutoff)
	return a.lastBase + k, err
}

// place returns the index of a cutoff.
func (p *prepared) place(account string, cutoff int64) (int, error) {
	k, ok := p.at[cutoff]
	if !ok {
		return 0, fmt.Errorf("answer for account %q at %d, which is no cutoff of the request", account, cutoff)
	}
	return k, nil
}

// strangerError is the end of a build whose account list no longer fits.
func strangerError(account string) error {
	return fmt.Errorf("answer for account %q, which is not of the slice: the facts changed below the watermark", account)
}

func (a *intake) addKnown(t *frame.Table) error {
	rows, err := a.rows(t)
	if err != nil {
		return err
	}
	for i, row := range rows {
		switch {
		case row >= 0:
			a.known[row] = true
		case a.named == nil:
			return strangerError(t.Column("account").Texts[i])
		}
	}
	return nil
}

// rows finds the row of the grid for each row of an answer (find).
func (a *intake) rows(t *frame.Table) ([]int, error) {
	columns, err := pick(t, "account", "cutoff")
	if err != nil {
		return nil, err
	}
	rows := make([]int, t.Rows())
	for i := range rows {
		if rows[i], err = a.find(columns[0].Texts[i], columns[1].Integers[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// add writes a block of a feature file's answer into the columns it measures.
func (a *intake) add(f features.File, t *frame.Table) error {
	rows, err := a.rows(t)
	if err != nil {
		return err
	}
	accounts, cutoffs := t.Column("account").Texts, t.Column("cutoff").Integers
	if f.Source == features.OrderLines && a.named == nil {
		if i := slices.Index(rows, -1); i >= 0 {
			return strangerError(accounts[i])
		}
	}
	a.alone(accounts, rows)
	for i, row := range rows {
		if a.once == nil || row < 0 {
			continue
		}
		if a.once[row] {
			return fmt.Errorf("%s: %w: %w", f.Name, features.ErrOwn, twiceError(accounts[i], frame.Cutoff(cutoffs[i])))
		}
		a.once[row] = true
	}
	for c := range a.Catalogue {
		feature := &a.Catalogue[c]
		stands := feature.Else.Name != "" && feature.Else == f
		if !stands && (feature.Kind != features.Measured || feature.File != f) {
			continue
		}
		column := t.Column(feature.Name)
		if column == nil || column.Kind == frame.Text {
			return fmt.Errorf("%s answers no number %q", f.Name, feature.Name)
		}
		values, has := a.values[c], a.measurable(feature)
		for i, row := range rows {
			if row < 0 || has == nil || !has[row%len(has)] {
				continue
			}
			// Whichever of two files answers first.
			if v := column.Float(i); feature.Else.Name == "" || !math.IsNaN(v) && (!stands || math.IsNaN(values[row])) {
				values[row] = v
			}
		}
	}
	if !f.TellsPurchases() {
		return nil
	}
	bought, err := pick(t, "first_purchase_at", "last_purchase_at", "days_rested")
	if err != nil {
		return err
	}
	for i, row := range rows {
		if row < 0 {
			continue
		}
		a.known[row] = true
		if !bought[0].IsNull(i) {
			a.first[row], a.last[row], a.rested[row] = bought[0].Integers[i], bought[1].Integers[i], int(bought[2].Integers[i])
		}
	}
	return nil
}

// alone notes the accounts of rows that another host has answered for: each saw
// a part of the account's facts. They are refused when all hosts have answered,
// so that no query of a cluster is broken off.
func (a *intake) alone(accounts []string, rows []int) {
	if a.cluster == "" {
		return
	}
	for i, row := range rows {
		if row < 0 {
			continue
		}
		if a.answered[row] && (len(a.apart) == 0 || a.apart[len(a.apart)-1] != accounts[i]) {
			a.apart = append(a.apart, accounts[i])
		}
		a.answered[row] = true
	}
}

func needsCategories(catalogue []features.Feature) bool {
	return slices.ContainsFunc(catalogue, func(f features.Feature) bool {
		switch f.Kind { //nolint:exhaustive // the others need none
		case features.LeastCategoryShare, features.LargestCategoryGap, features.DeclaredSpend, features.DeclaredShare, features.DeclaredGap:
			return true
		}
		return false
	})
}

// categories lets the declared wallet and the spend of each category meet. Only
// the accounts that declared one are asked for their spend.
func (g *grid) categories(ask asker, params Params) error {
	if !needsCategories(g.Catalogue) {
		return nil
	}
	g.declared = map[int]map[string]float64{}
	var declarers []string
	err := g.fetch(ask, walletCategoriesFile, params, func(a *intake, t *frame.Table) error {
		rows, err := a.rows(t)
		if err != nil {
			return err
		}
		columns, err := pick(t, "account", "category", "declared")
		if err != nil {
			return err
		}
		for i, row := range rows {
			if row < 0 {
				continue
			}
			if g.declared[row] == nil {
				g.declared[row] = map[string]float64{}
			}
			g.declared[row][columns[1].Texts[i]] = columns[2].Numbers[i]
			if columns[1].Texts[i] != "" {
				declarers = append(declarers, columns[0].Texts[i])
			}
		}
		return nil
	})
	if err != nil || len(declarers) == 0 {
		return err
	}
	slices.Sort(declarers)
	declarers = slices.Compact(declarers)
	spent := map[int]map[string]float64{}
	for part := range slices.Chunk(declarers, mostNames) {
		params := g.with(accountRange{named: part})
		err := g.fetch(ask, categorySpendFile, params, func(a *intake, t *frame.Table) error {
			rows, err := a.rows(t)
			if err != nil {
				return err
			}
			columns, err := pick(t, "category", "spend_365d")
			if err != nil {
				return err
			}
			for i, row := range rows {
				if g.declared[row] == nil {
					continue
				}
				if spent[row] == nil {
					spent[row] = map[string]float64{}
				}
				spent[row][columns[0].Texts[i]] = columns[1].Numbers[i]
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	sorted := g.any[features.Categories]
	for row, wallet := range g.declared {
		_, whole := wallet[""]
		// Without a category on any line nobody knows what was spent in one.
		if sorted == nil || !sorted[row%len(sorted)] {
			if !whole {
				g.covered[row] = math.NaN()
			}
			continue
		}
		least, largest, sum := math.Inf(1), 0.0, 0.0
		for _, category := range slices.Sorted(maps.Keys(wallet)) {
			if category == "" {
				continue
			}
			share, gap := shareOfWallet(spent[row][category], wallet[category])
			least, largest, sum = math.Min(least, share), math.Max(largest, gap), sum+spent[row][category]
		}
		if math.IsInf(least, 1) {
			continue
		}
		if !whole {
			g.covered[row] = sum
		}
		for c := range g.Catalogue {
			switch g.Catalogue[c].Kind { //nolint:exhaustive // the others are computed elsewhere
			case features.LeastCategoryShare:
				g.values[c][row] = least
			case features.LargestCategoryGap:
				g.values[c][row] = largest
			}
		}
	}
	return nil
}

// shareOfWallet returns our share of a declared wallet, and what of it is spent elsewhere. A
// wallet is at least what is spent here; more returns than purchases are no spend.
func shareOfWallet(spend, declared float64) (share, gap float64) {
	spend = math.Max(0, spend)
	declared = math.Max(declared, spend)
	if declared == 0 {
		return math.NaN(), 0
	}
	return spend / declared, declared - spend
}

// derive computes the features that are made of two others; where it can't, what a file says
// in its place stays.
func (g *grid) derive() {
	for c := range g.Catalogue {
		f := &g.Catalogue[c]
		if len(f.Of) == 0 {
			continue
		}
		a, b := g.values[g.column[f.Of[0]]], g.values[g.column[f.Of[1]]]
		if f.Kind != features.Ratio && f.Kind != features.Difference {
			g.ofWallet(f.Kind, g.values[c], a, b)
			continue
		}
		for i := range a {
			if v := f.Derive(a[i], b[i]); !math.IsNaN(v) {
				g.values[c][i] = v
			}
		}
	}
}

// ofWallet compares spend and declared wallets: all spend where the whole is declared, that of
// the categories where they are.
func (g *grid) ofWallet(kind features.Kind, values, spend, declared []float64) {
	for i := range values {
		spent, apart := g.covered[i]
		if !apart {
			spent = spend[i]
		}
		if math.IsNaN(spent) || math.IsNaN(declared[i]) {
			continue
		}
		share, gap := shareOfWallet(spent, declared[i])
		switch kind { //nolint:exhaustive // of the others nothing is declared
		case features.DeclaredSpend:
			values[i] = math.Max(0, spent)
		case features.DeclaredShare:
			values[i] = share
		case features.DeclaredGap:
			values[i] = gap
		}
	}
}

// finish drops the rows of accounts that nothing was known of, in place, and
// judges the others.
func (g *grid) finish() *features.Slice {
	f := &frame.Frame{}
	s := &features.Slice{Frame: f}
	n := 0
	for i, known := range g.known {
		if !known {
			continue
		}
		cutoff := g.Cutoffs[i%len(g.Cutoffs)]
		f.Accounts = append(f.Accounts, frame.AccountID(g.accounts[i/len(g.Cutoffs)]))
		f.Cutoffs = append(f.Cutoffs, cutoff)
		s.Status = append(s.Status, features.Judge(g.last[i], g.rested[i], cutoff, g.ActiveWithinDays))
		if n != i {
			g.first[n], g.last[n], g.rested[n] = g.first[i], g.last[i], g.rested[i]
			for c := range g.values {
				g.values[c][n] = g.values[c][i]
			}
		}
		n++
	}
	s.FirstPurchase, s.LastPurchase, s.Rested = g.first[:n:n], g.last[:n:n], g.rested[:n:n]
	f.Columns = make([]frame.Column, len(g.Catalogue))
	for c := range g.Catalogue {
		f.Columns[c] = frame.Column{Meta: g.Catalogue[c].Meta, Kind: frame.Number, Numbers: g.values[c][:n:n]}
	}
	return s
}

// pick returns the named columns of an answer.
func pick(t *frame.Table, names ...string) ([]*frame.Column, error) {
	columns := make([]*frame.Column, len(names))
	for i, name := range names {
		if columns[i] = t.Column(name); columns[i] == nil {
			return nil, fmt.Errorf("answer has no column %q, only %v", name, t.Names())
		}
	}
	return columns, nil
}
