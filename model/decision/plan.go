package decision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model/metrics"
)

// Errors of Plan, to be recognised with errors.Is; the message names the account,
// manager or assumption.
var (
	// ErrInput marks accounts or a capacity that can't be planned with.
	ErrInput = errors.New("decision: bad input")
	// ErrAssumption marks an assumption outside its bounds.
	ErrAssumption = errors.New("decision: assumption out of bounds")
	// ErrCurrency says that nobody said what the values are in.
	ErrCurrency = errors.New("decision: no currency")
)

// most bounds amounts, so that sums over accounts stay finite.
const most = 1e15

// Accounts are the candidates, in columns of equal length.
type Accounts struct {
	Account []frame.AccountID
	// Probability of churn, 0 … 1, and Value, the money kept when the account stays,
	// 0 … 1e15; NaN where it is not known: such an account can't be ranked and is
	// listed apart.
	Probability, Value []float64
	// Manager of the account; nil, or "" for an account, is nobody's, and nobody's
	// accounts are a group of their own.
	Manager []string
	// ByRate marks the accounts of which no cost is known, so that their value is
	// revenue × Assumptions.MarginRate; nil means none.
	ByRate []bool
	// Currency of the values and of the cost of a contact; one for all.
	Currency string
}

// Capacity is how many contacts can be made.
type Capacity struct {
	// Each is the number of contacts of a manager that ByManager does not name, the
	// accounts without manager included; nil is unlimited. ≥ 0.
	Each *int
	// ByManager, ≥ 0; "" is for the accounts without manager.
	ByManager map[string]int
	// Fill uses the capacity up even where a contact is expected to lose money.
	Fill bool
}

func (c Capacity) of(manager string) int {
	if n, ok := c.ByManager[manager]; ok {
		return n
	}
	if c.Each != nil {
		return *c.Each
	}
	return math.MaxInt
}

// least is the profit that a contact must exceed.
func (c Capacity) least() float64 {
	if c.Fill {
		return math.Inf(-1)
	}
	return 0
}

func (c Capacity) check() error {
	if c.Each != nil && *c.Each < 0 {
		return fmt.Errorf("%w: a capacity of %d contacts for each manager, want 0 or more", ErrInput, *c.Each)
	}
	for _, manager := range slices.Sorted(maps.Keys(c.ByManager)) {
		if n := c.ByManager[manager]; n < 0 {
			return fmt.Errorf("%w: a capacity of %d contacts for manager %q, want 0 or more", ErrInput, n, manager)
		}
	}
	return nil
}

// List is whom to contact, and what that rests on.
type List struct {
	Currency string `json:"currency"`
	// Rows, the most profitable first; of equal profits the smaller account id.
	Rows []Row `json:"rows"`
	// Total is the expected profit of all rows.
	Total float64 `json:"total"`
	// Managers, by name; accounts without manager first, under "".
	Managers []Manager `json:"managers"`
	// Curve is the best total for every number of contacts.
	Curve Curve `json:"curve"`
	// Assumptions are what the profits were computed with, the defaults filled in.
	Assumptions []Stated `json:"assumptions"`
	// Ranked counts the candidates whose probability and value are known, ByRate those
	// of them of which no cost is known: their value is revenue × the margin rate,
	// which then is one of the assumptions.
	Ranked int `json:"ranked"`
	ByRate int `json:"ranked_by_margin_rate"`
	// Sensitivity has one entry for each assumption, in their order.
	Sensitivity []Sensitivity `json:"sensitivity"`
	// Unknown are the accounts whose probability or value is not known.
	Unknown []Unknown `json:"unknown"`
}

// Row is one account to contact.
type Row struct {
	Account     frame.AccountID `json:"account"`
	Manager     string          `json:"manager,omitempty"`
	Probability float64         `json:"probability"`
	Value       float64         `json:"value"`
	// ByRate tells that no cost is known: the value is revenue × the margin rate.
	ByRate bool `json:"by_margin_rate,omitempty"`
	// Profit is the expected profit of the contact.
	Profit float64 `json:"expected_profit"`
}

// Manager is one manager's part of the list.
type Manager struct {
	Manager string `json:"manager"`
	// Capacity in contacts, nil when unlimited; Accounts that could be ranked;
	// Contacts of the list; Worthwhile is how many would have been worth a contact.
	Capacity   *int    `json:"capacity"`
	Accounts   int     `json:"accounts"`
	Worthwhile int     `json:"worthwhile"`
	Contacts   int     `json:"contacts"`
	Total      float64 `json:"total"`
}

// Unknown is an account that can't be ranked, and what is not known of it.
type Unknown struct {
	Account frame.AccountID `json:"account"`
	Why     string          `json:"why"`
}

// What is not known of an account.
const (
	NoProbability = "no_probability"
	NoValue       = "no_value"
)

// Curve is profit by number of contacts, within the capacity of every manager.
type Curve struct {
	// Points from 0 contacts to as many as the capacity allows; beyond 200 of them
	// at equal steps, the best among them.
	Points []Point `json:"points"`
	// Best is the maximum, with the fewest contacts.
	Best Point `json:"best"`
}

// Point is the best total of so many contacts.
type Point struct {
	Contacts int     `json:"contacts"`
	Total    float64 `json:"total"`
}

// curvePoints is how many steps a curve is drawn in.
const curvePoints = 200

// Plan returns the list with the largest expected profit under the capacity, and
// how it depends on the assumptions. Contacts add up and managers share nothing, so
// that the best list is each manager's best accounts: it is exact, at the cost of
// a sort for each case of the sensitivity. Nothing depends on the order of accounts.
// A list without rows is an answer, not an error.
//
// Errors: ErrInput, ErrAssumption, ErrCurrency; ctx.Err().
func Plan(ctx context.Context, accounts Accounts, assumptions Assumptions, capacity Capacity) (*List, error) {
	if err := capacity.check(); err != nil {
		return nil, err
	}
	a, err := assumptions.filled()
	if err != nil {
		return nil, err
	}
	c, unknown, err := accounts.candidates(capacity)
	if err != nil {
		return nil, err
	}
	byRate := 0
	for _, marked := range c.byRate {
		if marked {
			byRate++
		}
	}
	if byRate == 0 {
		a = a.without(MarginRate)
	}
	c.rate = a.terms().margin
	profits := c.profits(a.terms())
	ranked := c.rank(profits, math.Inf(-1))
	chosen := c.choose(profits, ranked, capacity.least())
	l := &List{
		Currency: accounts.Currency, Rows: []Row{}, Unknown: unknown, Assumptions: a.stated(), Curve: c.curve(profits, ranked),
		Ranked: len(c.account), ByRate: byRate,
	}
	groups := c.groups(capacity)
	for _, i := range ranked {
		m := &groups[c.group[i]]
		m.Accounts++
		if profits[i] > 0 {
			m.Worthwhile++
		}
		if !chosen[i] {
			continue
		}
		l.Rows = append(l.Rows, Row{c.account[i], m.Manager, c.probability[i], c.value[i], c.byRate[i], profits[i]})
		l.Total += profits[i]
		m.Contacts++
		m.Total += profits[i]
	}
	l.Managers = groups
	if l.Sensitivity, err = c.sensitivity(ctx, a, chosen, capacity.least()); err != nil {
		return nil, err
	}
	return l, nil
}

// candidates are the accounts that can be ranked.
type candidates struct {
	account            []frame.AccountID
	probability, value []float64
	group              []int // of managers
	managers           []string
	room               []int // contacts of each manager
	byRate             []bool
	rate               float64 // the margin rate that the values are of
}

// worth is the value of a candidate by other terms.
func (c *candidates) worth(i int, t terms) float64 {
	v := c.value[i] * t.value
	if c.byRate[i] {
		v *= t.margin / c.rate
	}
	return v
}

// candidates checks every account and puts them in the order of their ids, so
// that no sum depends on the order in which they came.
func (a Accounts) candidates(capacity Capacity) (*candidates, []Unknown, error) {
	n := len(a.Account)
	if len(a.Probability) != n || len(a.Value) != n || a.Manager != nil && len(a.Manager) != n || a.ByRate != nil && len(a.ByRate) != n {
		return nil, nil, fmt.Errorf("%w: %d accounts, %d probabilities, %d values, %d managers, %d marks of a missing cost", ErrInput, n, len(a.Probability), len(a.Value), len(a.Manager), len(a.ByRate))
	}
	if a.Currency == "" {
		return nil, nil, fmt.Errorf("%w: say what the values and the cost of a contact are in", ErrCurrency)
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(a.Account[i], a.Account[j]) })
	c, unknown := &candidates{}, []Unknown{}
	manager := func(i int) string {
		if a.Manager == nil {
			return ""
		}
		return a.Manager[i]
	}
	seen := map[string]bool{}
	for name := range capacity.ByManager {
		seen[name] = true
	}
	for k, i := range order {
		id, p, v := a.Account[i], a.Probability[i], a.Value[i]
		seen[manager(i)] = true
		switch {
		case id == "":
			return nil, nil, fmt.Errorf("%w: account %d has no id", ErrInput, i)
		case k > 0 && id == a.Account[order[k-1]]:
			return nil, nil, fmt.Errorf("%w: account %q stands twice", ErrInput, id)
		case p < 0 || p > 1:
			return nil, nil, fmt.Errorf("%w: the probability of account %q is %v, want 0 … 1", ErrInput, id, p)
		case v < 0 || v > most:
			return nil, nil, fmt.Errorf("%w: the value of account %q is %v, want 0 … %g", ErrInput, id, v, most)
		case math.IsNaN(p):
			unknown = append(unknown, Unknown{id, NoProbability})
		case math.IsNaN(v):
			unknown = append(unknown, Unknown{id, NoValue})
		}
	}
	c.managers = slices.Sorted(maps.Keys(seen))
	at := make(map[string]int, len(c.managers))
	for g, name := range c.managers {
		at[name] = g
		c.room = append(c.room, capacity.of(name))
	}
	for _, i := range order {
		if p, v := a.Probability[i], a.Value[i]; !math.IsNaN(p) && !math.IsNaN(v) {
			c.account, c.probability, c.value = append(c.account, a.Account[i]), append(c.probability, p), append(c.value, v)
			c.group, c.byRate = append(c.group, at[manager(i)]), append(c.byRate, a.ByRate != nil && a.ByRate[i])
		}
	}
	return c, unknown, nil
}

func (c *candidates) groups(capacity Capacity) []Manager {
	all := make([]Manager, len(c.managers))
	for g, name := range c.managers {
		all[g].Manager = name
		if n := capacity.of(name); n < math.MaxInt {
			all[g].Capacity = &n
		}
	}
	return all
}

// profits returns the expected profit of contacting each candidate.
func (c *candidates) profits(t terms) []float64 {
	all := make([]float64, len(c.account))
	for i, p := range c.probability {
		all[i] = metrics.Expected(moved(p, t.odds), c.worth(i, t), t.acceptance, t.incentive, t.contact)
	}
	return all
}

// moved multiplies the odds of a probability.
func moved(p, odds float64) float64 {
	if odds == 1 {
		return p
	}
	return p * odds / (p*odds + 1 - p)
}

// rank orders the candidates with a profit above least by profit; of equal ones
// the first, as they stand by id.
func (c *candidates) rank(profits []float64, least float64) []int {
	type place struct {
		profit float64
		at     int
	}
	var places []place // side by side, which sorts faster than by an index
	for i, v := range profits {
		if v > least {
			places = append(places, place{v, i})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(b.profit, a.profit), cmp.Compare(a.at, b.at)) })
	order := make([]int, len(places))
	for k, p := range places {
		order[k] = p.at
	}
	return order
}

// within yields the ranked candidates that their managers have room for.
func (c *candidates) within(ranked []int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		room := slices.Clone(c.room)
		for _, i := range ranked {
			if room[c.group[i]] == 0 {
				continue
			}
			room[c.group[i]]--
			if !yield(i) {
				return
			}
		}
	}
}

// choose marks the ranked candidates of the best list: those with a profit above
// least that there is room for.
func (c *candidates) choose(profits []float64, ranked []int, least float64) []bool {
	chosen := make([]bool, len(profits))
	for i := range c.within(ranked) {
		if profits[i] <= least {
			break
		}
		chosen[i] = true
	}
	return chosen
}

// curve adds up the ranked candidates; each prefix is the best list of its size.
func (c *candidates) curve(profits []float64, ranked []int) Curve {
	all := []Point{{}}
	for i := range c.within(ranked) {
		last := all[len(all)-1]
		all = append(all, Point{last.Contacts + 1, last.Total + profits[i]})
	}
	var curve Curve
	for _, p := range all {
		if p.Total > curve.Best.Total {
			curve.Best = p
		}
	}
	n := len(all) - 1
	steps := min(n, curvePoints)
	for k := range steps + 1 {
		at := 0
		if steps > 0 {
			at = int(math.Round(float64(k) * float64(n) / float64(steps)))
		}
		// The best has its place between two steps.
		if b := curve.Best.Contacts; b < at && k > 0 && curve.Points[len(curve.Points)-1].Contacts < b {
			curve.Points = append(curve.Points, curve.Best)
		}
		curve.Points = append(curve.Points, all[at])
	}
	return curve
}
