package synthetic

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"fealty/features"
)

// ErrParams says that the parameters of a town are out of bounds.
var ErrParams = errors.New("town parameters")

// LinesPerAccount is about how many order lines an account of the town has in
// three years; a scale by lines is turned into accounts with it.
const LinesPerAccount = 110

// recordLines is what is left of them in a town with the shared record, where
// accounts also rest, and move.
const recordLines = 0.88

const (
	daySeconds = 86_400
	// defaultDays is three years with a leap day among them.
	defaultDays = 1096
	// maxAccounts keeps account ids at seven digits.
	maxAccounts = 9_999_999
)

// Params describes a town. The zero value of a field means its default.
type Params struct {
	// Seed chooses the town; every value is good. The default is 0.
	Seed uint64
	// Accounts is how many accounts the town has over all its days, 1 … 9,999,999;
	// default 2,000, about 220,000 order lines in three years.
	Accounts int
	// Lines, when Accounts is 0, asks for about so many order lines (within a
	// fifth for 100,000 and more) by scaling the number of accounts; 0 … 1e9.
	Lines int64
	// Through is the town's newest day, UTC; default 2026-06-30.
	Through time.Time
	// Days is how many days the town has, 30 … 7,300; default 1,096.
	Days int
	// SeveralCurrencies lets a third of the accounts trade in CNY, GBP or USD
	// instead of EUR, with daily rates in fx_rates.
	SeveralCurrencies bool
	// Record fills the shared record beside the orders: deliveries, people,
	// invoices, moves, pauses and the like, with planted causes of leaving. A town
	// without it draws other fates for its accounts.
	Record bool
}

// Validate checks the bounds of the parameters as given.
func (p Params) Validate() error {
	switch {
	case p.Accounts < 0 || p.Accounts > maxAccounts:
		return fmt.Errorf("%w: accounts = %d, not 1 … %d", ErrParams, p.Accounts, maxAccounts)
	case p.Lines < 0 || p.Lines > 1_000_000_000:
		return fmt.Errorf("%w: lines = %d, not 0 … 1,000,000,000", ErrParams, p.Lines)
	case p.Days != 0 && (p.Days < 30 || p.Days > 7300):
		return fmt.Errorf("%w: days = %d, not 30 … 7,300", ErrParams, p.Days)
	case !p.Through.IsZero() && (p.Through.UTC().Year() < 1995 || p.Through.UTC().Year() > 2100):
		return fmt.Errorf("%w: through = %s, not in the years 1995 … 2100", ErrParams, p.Through.UTC().Format(time.DateOnly))
	}
	return nil
}

// withDefaults fills the fields that are zero.
func (p Params) withDefaults() Params {
	if p.Days == 0 {
		p.Days = defaultDays
	}
	if p.Accounts == 0 {
		p.Accounts = 2000
		if p.Lines > 0 {
			perAccount := LinesPerAccount * float64(p.Days) / defaultDays
			if p.Record {
				perAccount *= recordLines
			}
			p.Accounts = int(clamp(math.Round(float64(p.Lines)/perAccount), 1, maxAccounts))
		}
	}
	if p.Through.IsZero() {
		p.Through = time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC)
	}
	p.Through = p.Through.UTC().Truncate(daySeconds * time.Second)
	return p
}

// Town is an invented town. It is immutable and safe for concurrent use.
type Town struct {
	params Params
	// start and end are Unix seconds: the first instant of the first day and
	// the first instant after the last.
	start, end int64
	shop       *shop
	// seasons holds, by industry and day of the town, how busy a day is; mean about 1.
	seasons [][]float64
	// rest holds, by country and day of the town, whether it is a holiday there.
	// It is nil without the shared record.
	rest map[string][]bool
	// promotions holds the name of each month's promotion, the town's first month first.
	promotions []string
}

// New lays out a town.
func New(p Params) (*Town, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p = p.withDefaults()
	t := &Town{params: p, end: p.Through.Unix() + daySeconds}
	t.start = t.end - int64(p.Days)*daySeconds
	t.shop = newShop(p.Seed)
	t.seasons = make([][]float64, len(industries))
	for k, industry := range industries {
		t.seasons[k] = make([]float64, p.Days)
		for d := range t.seasons[k] {
			at := time.Unix(t.start+int64(d)*daySeconds, 0).UTC()
			year := 2 * math.Pi * (float64(at.YearDay()) - industry.peak) / 365.25
			busy := 1 + industry.amplitude*math.Cos(year)
			if at.Month() == time.December && at.Day() > 23 || at.Month() == time.January && at.Day() == 1 {
				busy = 0.1 // the town is closed between the years
			}
			t.seasons[k][d] = busy
		}
	}
	if p.Record {
		t.layRest()
		t.layPromotions()
	}
	return t, nil
}

// Params returns the parameters with their defaults filled in.
func (t *Town) Params() Params { return t.params }

// The names of the streams that tell the hidden truth. The last two are there
// with [Params.Record] only. TruthCauses: one row per account and time in which
// a cause was at work, with what it added to the logarithm of the hazard of
// leaving while it was felt. TruthMoves: one row per account whose purchases
// another one took over, declared or not.
const (
	Truth        = "truth"
	TruthWallets = "truth_wallets"
	TruthCauses  = "truth_causes"
	TruthMoves   = "truth_moves"
)

// Truths returns the names of the streams of this town's hidden truth.
func (t *Town) Truths() []string {
	if t.params.Record {
		return []string{Truth, TruthWallets, TruthCauses, TruthMoves}
	}
	return []string{Truth, TruthWallets}
}

// Tables returns the canonical tables that the town fills, in the order in
// which they are imported.
func (t *Town) Tables() []string {
	var names []string
	for _, s := range features.Schemas() {
		if t.writer(s.Name) != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// writer returns what fills a table, nil when this town doesn't have it.
func (t *Town) writer(table string) writer {
	if table == "fx_rates" && !t.params.SeveralCurrencies {
		return nil
	}
	if w, ok := recordWriters[table]; ok && t.params.Record {
		return w
	}
	return writers[table]
}

// Rows returns a stream of one table, or of one of [Town.Truths]. Each
// stream has its own state; a stream is for one goroutine.
func (t *Town) Rows(table string) (features.Rows, error) {
	write := t.writer(table)
	if write == nil {
		return nil, fmt.Errorf("open table %q of the town: there are %v and %v", table, t.Tables(), t.Truths())
	}
	schema, ok := features.Schema(table)
	if !ok {
		schema = truthSchemas[slices.IndexFunc(truthSchemas, func(s features.TableSchema) bool { return s.Name == table })]
	}
	return newStream(t, schema, write), nil
}
