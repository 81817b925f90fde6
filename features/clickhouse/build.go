package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// The queries that only meet in the frame: the declared wallet and the spend
// of each category.
const (
	walletCategoriesFile = "features/wallet_categories.sql"
	categorySpendFile    = "features/category_spend.sql"
)

// Bounds of a slice: rows of the frame, and order lines that one query holds
// in memory (about 130 bytes each, 1.6 GB for the most); two files are asked at
// a time.
const (
	defaultSliceRows = 200_000
	maxSliceLines    = 12_000_000
	// mostKept is how many account names are kept from the first listing (about 40
	// bytes each); the slices of the others are listed anew.
	mostKept = 1_000_000
	// mostNames is how many accounts a query names: 26.7 takes minutes for a
	// hundred thousand.
	mostNames = 10_000
)

// prepared is a request with its defaults and what follows from it.
type prepared struct {
	features.Request
	params Params
	// at is the index of each cutoff.
	at map[int64]int
	// column is the index of each measured feature by name.
	column map[string]int
	// any tells, by source, at which cutoffs it has any row.
	any map[features.Source][]bool
	// unions are the accounts that are one at each cutoff, families the same by those
	// who stand for them.
	unions   []features.Unions
	families []*family
	// terms tells whether any account rests, or has a cadence by its segment.
	terms bool
}

func prepare(r features.Request) (*prepared, error) {
	p := &prepared{Request: r, at: map[int64]int{}, column: map[string]int{}, any: map[features.Source][]bool{}}
	if len(r.Cutoffs) == 0 || len(r.Cutoffs) > 1000 || len(r.KnownAt) != len(r.Cutoffs) {
		return nil, fmt.Errorf("%w: %d cutoffs and %d known_at, need 1 … 1000 of each and as many", features.ErrBadRequest, len(r.Cutoffs), len(r.KnownAt))
	}
	for i, c := range r.Cutoffs {
		if _, twice := p.at[int64(c)]; twice {
			return nil, fmt.Errorf("%w: cutoff %s stands twice", features.ErrBadRequest, c)
		}
		p.at[int64(c)] = i
	}
	if p.Zone == "" {
		p.Zone = "UTC"
	}
	if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
		return nil, fmt.Errorf("%w: zone %q is no IANA time zone", features.ErrBadRequest, p.Zone)
	}
	if r.ActiveWithinDays < 0 || r.SliceAccounts < 0 {
		return nil, fmt.Errorf("%w: active_within %d and slice %d must not be negative", features.ErrBadRequest, r.ActiveWithinDays, r.SliceAccounts)
	}
	if err := p.Cadence.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", features.ErrBadRequest, err)
	}
	if p.SliceAccounts == 0 {
		p.SliceAccounts = max(1, defaultSliceRows/len(r.Cutoffs))
	}
	if p.Catalogue == nil {
		p.Catalogue = features.Catalogue()
	}
	if err := features.Check(p.Catalogue); err != nil {
		return nil, fmt.Errorf("%w: %w", features.ErrBadRequest, err)
	}
	for i := range p.Catalogue {
		p.column[p.Catalogue[i].Name] = i
	}
	p.params = Params{
		"cutoffs": r.Cutoffs, "known_at": r.KnownAt, "watermark": r.Watermark, "tz": p.Zone,
		"accounts": []string{}, "from_account": "", "to_account": "",
	}
	return p, nil
}

// Build computes the catalogue's features as of each cutoff, slice by slice,
// and calls each for every slice in ascending order of accounts; the next slice
// is asked for when each returns, so that memory is bounded by one slice. The
// rows don't depend on how they are sliced. An error from each ends the build
// and is returned as it is. Accounts that nothing was known of at a cutoff have
// no row there.
func Build(ctx context.Context, e Engine, r features.Request, each func(*features.Slice) error) (*features.BuildReport, error) {
	p, err := prepare(r)
	if err != nil {
		return nil, err
	}
	report := &features.BuildReport{Status: map[features.Eligibility]int{}, Coverage: r.Coverage}
	if report.Coverage == nil {
		if report.Coverage, err = coverage(ctx, e, p); err != nil {
			return nil, err
		}
	}
	for _, c := range report.Coverage {
		i, ok := p.at[int64(c.Cutoff)]
		if !ok {
			continue
		}
		if p.any[c.Source] == nil {
			p.any[c.Source] = make([]bool, len(p.Cutoffs))
		}
		p.any[c.Source][i] = c.Rows > 0
	}
	if err := p.unite(ctx, e); err != nil {
		return nil, err
	}
	if err := p.rest(ctx, e, report.Coverage); err != nil {
		return nil, err
	}
	ranges, err := p.ranges(ctx, e)
	if err != nil {
		return nil, err
	}
	for _, rg := range ranges {
		s, err := p.slice(ctx, e, rg)
		if err != nil {
			return nil, err
		}
		if s.Frame.Rows() == 0 {
			continue
		}
		report.Slices++
		report.Rows += s.Frame.Rows()
		for i, st := range s.Status {
			report.Status[st]++
			if i == 0 || s.Frame.Accounts[i] != s.Frame.Accounts[i-1] {
				report.Accounts++
			}
		}
		if err := each(s); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// unite follows the links as known at each cutoff. Accounts that asked to be erased are
// in no group, and hold none together: nothing is told of them under another name either.
func (p *prepared) unite(ctx context.Context, e Engine) error {
	links, err := p.linksRead(ctx, e)
	if err != nil {
		return err
	}
	var parents []features.Parent
	var erased []frame.AccountID
	if p.Groups {
		if parents, err = readParents(ctx, e, p.params); err != nil {
			return err
		}
		one := maps.Clone(p.params)
		one["cutoffs"] = p.Cutoffs[:1]
		if erased, err = readErased(ctx, e, one); err != nil {
			return err
		}
	}
	if len(links) == 0 && len(parents) == 0 {
		return nil
	}
	p.unions = make([]features.Unions, len(p.Cutoffs))
	for k, c := range p.Cutoffs {
		if p.unions[k], err = features.Unite(links, c, p.KnownAt[k]); err != nil {
			return fmt.Errorf("unite the accounts as of %s: %w", c, err)
		}
		if p.Groups {
			links, parents := p.unions[k].Withdraw(erased, links, parents)
			if p.unions[k], err = p.unions[k].Pool(links, parents, c, p.KnownAt[k]); err != nil {
				return fmt.Errorf("pool the accounts as of %s: %w", c, err)
			}
		}
	}
	p.families = gather(p.unions)
	return nil
}

// rest asks on which days accounts rest. A warehouse without pauses, and without holidays of a country that an
// account is of, counts every day.
func (p *prepared) rest(ctx context.Context, e Engine, measured []features.Coverage) error {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return fmt.Errorf("zone %q: %w", p.Zone, err)
	}
	day := func(at int64) int { return int(dayIn(zone, at)) }
	today := make([]int, len(p.Cutoffs))
	for k, c := range p.Cutoffs {
		today[k] = day(int64(c))
	}
	// No day before the first order or contact is looked up. That a calendar begins earlier
	// changes no answer: holidays before every such day move all of them alike.
	from := slices.Max(today)
	for _, c := range measured {
		if (c.Source == features.OrderLines || c.Source == features.Interactions) && c.Rows > 0 {
			from = min(from, day(c.First))
		}
	}
	rested, err := resting(ctx, e, p.params, max(0, from), slices.Max(today), today)
	if err != nil {
		return err
	}
	segments, days := p.Cadence.Table()
	p.params["cadence_segments"], p.params["cadence_days"] = segments, days
	p.terms = rested || len(segments) > 1
	return nil
}

// restless sets what a text without terms still asks for: nobody rests, and nothing is planned.
func restless(params Params) {
	params["cadence_days"] = []int64{0}
	params["rest_days"], params["rest_before"], params["rest_beats"], params["rest_passed"] = []int64{0}, []int64{0}, []int64{0}, []int64{0}
}

// planned returns a text as it is asked: without terms where nobody has any.
func (p *prepared) planned(sql string) string {
	if p.terms {
		return sql
	}
	return withoutTerms(sql)
}

// resting adds to a question's parameters what terms.sql reads of days of rest, and tells
// whether anybody rests. The holidays are those of the days from … to; each cutoff counts
// those before its day of until that were recorded by its known_at.
func resting(ctx context.Context, e Engine, params Params, from, to int, until []int) (bool, error) {
	holidays, paused, err := holidaysOf(ctx, e, params)
	if err != nil {
		return false, err
	}
	calendar, err := features.NewCalendar(holidays, from, to, until, params["known_at"].([]frame.KnownAt)) //nolint:forcetypeassert,errcheck // ours
	if err != nil {
		return false, err
	}
	if len(calendar.Days) == 0 { // the engine looks nothing up in an empty list
		calendar.Days, calendar.Before = []int64{0}, []int64{0}
	}
	if len(calendar.Beats) == 0 {
		calendar.Beats, calendar.Passed = []int64{0}, []int64{0}
	}
	rests := paused || len(calendar.Countries) > 0
	rested := uint64(0)
	if rests {
		rested = 1
	}
	params["rested"], params["calendars"] = rested, calendar.Of
	params["rest_countries"], params["rest_days"], params["rest_before"] = calendar.Countries, calendar.Days, calendar.Before
	params["rest_beats"], params["rest_passed"] = calendar.Beats, calendar.Passed
	return rests, nil
}

// holidaysOf returns the holidays of the countries that accounts are of, and whether
// any account pauses.
func holidaysOf(ctx context.Context, e Engine, params Params) (holidays []features.Holiday, paused bool, err error) {
	err = ask(ctx, e, statement("calendar.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "country", "day", "recorded_at")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			if c[0].Texts[i] == "" {
				paused = true
				continue
			}
			holidays = append(holidays, features.Holiday{Country: c[0].Texts[i], Day: int(c[1].Integers[i]), Recorded: c[2].Integers[i]})
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("ask for holidays and pauses: %w", err)
	}
	if len(holidays) == 0 {
		return nil, paused, nil
	}
	// On a cluster the holidays may lie on another host than the accounts.
	of := map[string]bool{}
	err = ask(ctx, e, statement("countries.sql"), params, func(t *frame.Table) error {
		c, err := pick(t, "country")
		if err != nil {
			return err
		}
		for _, country := range c[0].Texts {
			of[country] = true
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("ask for the countries of the accounts: %w", err)
	}
	return slices.DeleteFunc(holidays, func(h features.Holiday) bool { return !of[h.Country] }), paused, nil
}

// alone tells whether an account neither goes on in another at the cutoff nor
// stands for others.
func (p *prepared) alone(account string, cutoff int) bool {
	if p.unions == nil {
		return true
	}
	if _, gone := p.unions[cutoff][frame.AccountID(account)]; gone {
		return false
	}
	i, _ := slices.BinarySearchFunc(p.families, account, func(f *family, name string) int { return strings.Compare(f.head, name) })
	for ; i < len(p.families) && p.families[i].head == account; i++ {
		if p.families[i].at[cutoff] {
			return false
		}
	}
	return true
}

// within returns the families that are counted under an account of the range.
func (p *prepared) within(r accountRange) []*family {
	if r.named == nil && r.from == "" && r.to == "" {
		return p.families
	}
	var some []*family
	for _, f := range p.families {
		_, named := slices.BinarySearch(r.named, f.head)
		if named || r.named == nil && f.head >= r.from && (r.to == "" || f.head <= r.to) {
			some = append(some, f)
		}
	}
	return some
}

// ask runs a query over facts of one account at a time. On a cluster mapped
// facts lie sharded by account, so the text runs whole on each shard, and once
// more over the imported facts of the first host; an account lives in one of
// the two.
func ask(ctx context.Context, e Engine, sql string, params Params, each func(*frame.Table) error) error {
	params = only(sql, params)
	for _, t := range spread(e.Info(), sql) {
		if err := e.Query(ctx, t, params, each); err != nil {
			return err
		}
	}
	return nil
}

// spread returns the statements that together ask every host: the query as it is,
// and on a cluster with mapped facts once more on each shard.
func spread(info Info, sql string) []string {
	if info.Cluster == "" {
		return []string{sql}
	}
	return []string{sql, OnShards(info.Cluster, info.ShardDatabase, sql)}
}

// Measure tells what each source holds as of each cutoff, in the order of
// features.Sources and the request's cutoffs, with the windows that reach
// before its first event. Build does so itself; those who build single accounts
// again and again hand the answer on in Request.Coverage.
func Measure(ctx context.Context, e Engine, r features.Request) ([]features.Coverage, error) {
	p, err := prepare(r)
	if err != nil {
		return nil, err
	}
	return coverage(ctx, e, p)
}

func coverage(ctx context.Context, e Engine, p *prepared) ([]features.Coverage, error) {
	sources := features.Sources()
	all := make([]features.Coverage, 0, len(sources)*len(p.Cutoffs))
	for _, s := range sources {
		for _, c := range p.Cutoffs {
			all = append(all, features.Coverage{Source: s, Cutoff: c})
		}
	}
	sql := statement("coverage.sql")
	err := ask(ctx, e, sql, p.params, func(t *frame.Table) error {
		columns, err := pick(t, "source", "cutoff", "rows", "first_at", "last_at")
		if err != nil {
			return err
		}
		for i := range t.Rows() {
			s := slices.Index(sources, features.Source(columns[0].Texts[i]))
			k, ok := p.at[columns[1].Integers[i]]
			if s < 0 || !ok {
				return fmt.Errorf("coverage answers source %q at %d, which nobody asked for", columns[0].Texts[i], columns[1].Integers[i])
			}
			c := &all[s*len(p.Cutoffs)+k]
			if first := columns[3].Integers[i]; c.Rows == 0 || first < c.First {
				c.First = first
			}
			c.Last = max(c.Last, columns[4].Integers[i])
			c.Rows += columns[2].Integers[i]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ask what the sources hold: %w", err)
	}
	for i := range all {
		all[i].Measure()
	}
	return all, nil
}

// accountRange is a slice to be: a range of accounts, both ends included, an
// empty one open; or some accounts by name.
type accountRange struct {
	from, to string
	named    []string
	// listed are its accounts, nil when they were not kept.
	listed []string
}

func (p *prepared) with(r accountRange) Params {
	params := make(Params, len(p.params))
	maps.Copy(params, p.params)
	params["from_account"], params["to_account"] = r.from, r.to
	if r.named != nil {
		params["accounts"] = r.named
	}
	return params
}

// ranges cuts the accounts into slices: named ones as they are, all others by
// ranges of the bytewise order, so that each query prunes by the primary key.
func (p *prepared) ranges(ctx context.Context, e Engine) ([]accountRange, error) {
	var ranges []accountRange
	if len(p.Accounts) > 0 {
		names := make([]string, len(p.Accounts))
		for i, a := range p.Accounts {
			names[i] = string(a)
		}
		slices.Sort(names)
		for part := range slices.Chunk(slices.Compact(names), min(p.SliceAccounts, mostNames)) {
			ranges = append(ranges, accountRange{named: part})
		}
		return ranges, nil
	}
	var open accountRange
	var accounts, kept int
	var lines int64
	err := p.accounts(ctx, e, accountRange{}, func(account string, n int64) {
		if accounts > 0 && (accounts == p.SliceAccounts || lines+n > maxSliceLines) {
			ranges = append(ranges, open)
			accounts, lines = 0, 0
		}
		if accounts == 0 {
			open = accountRange{from: account}
		}
		open.to = account
		accounts++
		lines += n
		if kept < mostKept {
			kept++
			open.listed = append(open.listed, account)
		} else {
			open.listed = nil
		}
	})
	if accounts > 0 {
		ranges = append(ranges, open)
	}
	// The ends stay open: 10 million lines are not compared with what they all exceed.
	if n := len(ranges); n > 0 {
		ranges[0].from, ranges[n-1].to = "", ""
	}
	return ranges, err
}

// accounts calls each for the range's accounts in bytewise order, with their
// number of order lines. An account whose order lines lie on several hosts is
// refused with ErrSource, whatever the cutoffs: no host would see its history.
func (p *prepared) accounts(ctx context.Context, e Engine, r accountRange, each func(account string, lines int64)) error {
	type found struct {
		account string
		lines   int64
	}
	var all []found
	sorted := true
	err := ask(ctx, e, statement("accounts.sql"), p.with(r), func(t *frame.Table) error {
		columns, err := pick(t, "account", "lines")
		if err != nil {
			return err
		}
		for i, a := range columns[0].Texts {
			if n := len(all); n > 0 && a <= all[n-1].account {
				sorted = false
			}
			all = append(all, found{a, columns[1].Integers[i]})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the accounts: %w", err)
	}
	for _, f := range p.within(r) {
		all, sorted = append(all, found{f.head, 0}), false
	}
	if !sorted { // several shards answered, or links name accounts
		slices.SortFunc(all, func(a, b found) int {
			switch {
			case a.account < b.account:
				return -1
			case a.account > b.account:
				return 1
			}
			return 0
		})
	}
	var apart []string
	unique := all[:0]
	for _, f := range all {
		n := len(unique)
		if n == 0 || unique[n-1].account != f.account {
			unique = append(unique, f)
			continue
		}
		// In the accounts table of one host and the facts of another, or in the facts of both.
		if f.lines > 0 && unique[n-1].lines > 0 {
			apart = append(apart, f.account)
		}
		unique[n-1].lines += f.lines
	}
	if len(apart) > 0 {
		return apartError(e.Info().Cluster, string(features.OrderLines), slices.Compact(apart))
	}
	for _, f := range unique {
		each(f.account, f.lines)
	}
	return nil
}

// apartError refuses accounts with facts of one table on several hosts.
func apartError(cluster, table string, accounts []string) error {
	const named = 3
	names := fmt.Sprintf("%q", accounts[:min(named, len(accounts))])
	more := ""
	if n := len(accounts) - named; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%w: accounts %s%s have rows of %s on several hosts of cluster %q, imported ones on the first or mapped ones on a shard, "+
		"and an account lives on one: leave them out of the source by where, or shard its table by account (fealty data check counts them)",
		ErrSource, names, more, table, cluster)
}
