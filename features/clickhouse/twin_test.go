package clickhouse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
)

// history draws the order lines of one account: few orders, few instants, so
// that ties, corrections and returns meet often.
func history(account string) *rapid.Generator[[]line] {
	return rapid.Custom(func(t *rapid.T) []line {
		var lines []line
		start := at("2023-06-01")
		for o := range rapid.IntRange(0, 12).Draw(t, "orders") {
			ordered := start + rapid.Int64Range(0, 700).Draw(t, "day")*86400 + rapid.Int64Range(0, 3).Draw(t, "quarter")*21600
			order := "o" + strconv.Itoa(o)
			for n := range rapid.IntRange(1, 4).Draw(t, "lines") {
				l := line{
					account: account, order: order, number: int64(n), ordered: ordered, load: 1,
					product:  rapid.SampledFrom([]string{"p1", "p2", "p3", ""}).Draw(t, "product"),
					category: rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "category"),
					amount:   rapid.Int64Range(-30, 60).Draw(t, "amount") * 2500,
					discount: absent, cost: absent,
				}
				if rapid.Bool().Draw(t, "discounted") {
					l.discount = rapid.Int64Range(0, 9).Draw(t, "discount") * 1000
				}
				if rapid.Bool().Draw(t, "costed") {
					l.cost = rapid.Int64Range(0, 20).Draw(t, "cost") * 1000
				}
				l.quantity, l.list = rapid.Int64Range(0, 3).Draw(t, "quantity")*5000, rapid.Int64Range(0, 4).Draw(t, "list price")*7500
				l.promotion = rapid.SampledFrom([]string{"", "spring", "fair"}).Draw(t, "promotion")
				l.reason = rapid.SampledFrom([]string{"", "", "quality", "Service: late", "Too late", "破损", "PRICE", "ordered too many", "size"}).Draw(t, "reason")
				if rapid.IntRange(0, 3).Draw(t, "promised") > 0 {
					l.promised = ordered + rapid.Int64Range(0, 20).Draw(t, "promise")*43200
				}
				if rapid.IntRange(0, 3).Draw(t, "delivered") > 0 {
					l.delivered = ordered + rapid.Int64Range(-1, 30).Draw(t, "delivery")*43200
				}
				if rapid.IntRange(0, 5).Draw(t, "late") == 0 {
					l.recorded = ordered + rapid.Int64Range(1, 60).Draw(t, "delay")*86400
				}
				lines = append(lines, l)
				switch rapid.IntRange(0, 7).Draw(t, "after") {
				case 0: // corrected later
					reversal, again := l, l
					reversal.amount, reversal.recorded = -l.amount, l.known()+rapid.Int64Range(1, 90).Draw(t, "corrected")*86400
					reversal.quantity = -l.quantity
					again.amount, again.recorded = rapid.Int64Range(-30, 60).Draw(t, "new")*2500, reversal.recorded
					lines = append(lines, reversal, again)
				case 2: // delivered, as is known later
					reversal, again := l, l
					reversal.amount, reversal.quantity, reversal.recorded = -l.amount, -l.quantity, l.known()+rapid.Int64Range(1, 60).Draw(t, "told")*86400
					again.delivered, again.recorded = reversal.recorded-3600, reversal.recorded
					lines = append(lines, reversal, again)
				case 1: // sent back under the same order, later
					back := l
					back.number, back.amount, back.recorded = int64(n)+100, -l.amount, 0
					back.ordered += rapid.Int64Range(0, 40).Draw(t, "back") * 86400
					lines = append(lines, back)
				}
			}
		}
		return lines
	})
}

// twin computes order features in the plainest way, line by line, without
// anything in common with the SQL.
func twin(lines []line, cutoff, known int64, zone *time.Location) map[string]float64 {
	var seen []line
	for _, l := range lines {
		if l.ordered < cutoff && l.known() <= known {
			seen = append(seen, l)
		}
	}
	if len(seen) == 0 {
		return nil
	}
	f := map[string]float64{}
	within := func(t int64, days int64) bool { return t >= cutoff-days*86400 }
	day := func(t int64) int {
		y, m, d := time.Unix(t, 0).In(zone).Date()
		return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	month := func(t int64) int { y, m, _ := time.Unix(t, 0).In(zone).Date(); return y*12 + int(m) }
	today := day(cutoff)

	type order struct{ first, net int64 }
	orders := map[string]*order{}
	type item struct {
		order, product string
		number, t      int64
	}
	items := map[item]int64{}
	spend := map[int64]int64{}
	var disc, gross, cost, revenue, total int64
	for _, l := range seen {
		o := orders[l.order]
		if o == nil {
			o = &order{first: l.ordered}
			orders[l.order] = o
		}
		o.first, o.net = min(o.first, l.ordered), o.net+l.amount
		items[item{l.order, l.product, l.number, l.ordered}] += l.amount
		total += l.amount
		for _, d := range []int64{30, 90, 180, 365} {
			if within(l.ordered, d) {
				spend[d] += l.amount
			}
		}
		if within(l.ordered, 365) {
			if l.discount != absent {
				disc, gross = disc+l.discount, gross+l.amount+l.discount
			}
			if l.cost != absent {
				cost, revenue = cost+l.cost, revenue+l.amount
			}
		}
	}
	var returned int64
	returning := map[string]int64{}
	for k, net := range items {
		if net < 0 {
			returning[k.order] += net
			if within(k.t, 365) {
				returned -= net
			}
		}
	}
	var purchases []order
	counts := map[int64]float64{}
	var bought365, largest int64
	for _, o := range orders {
		if o.net <= 0 {
			continue
		}
		purchases = append(purchases, *o)
		for _, d := range []int64{30, 90, 180, 365} {
			if within(o.first, d) {
				counts[d]++
			}
		}
		if within(o.first, 365) {
			bought365, largest = bought365+o.net, max(largest, o.net)
		}
	}
	for id, net := range returning {
		if net < 0 && within(orders[id].first, 365) {
			f["return_orders_365d"]++
		}
	}
	money := func(v int64) float64 { return float64(v) / frame.DecimalScale }
	for _, d := range []int64{30, 90, 180, 365} {
		f[fmt.Sprintf("orders_%dd", d)] = counts[d]
		f[fmt.Sprintf("spend_%dd", d)] = money(spend[d])
	}
	f["orders_total"], f["spend_total"], f["returns_365d"] = float64(len(purchases)), money(total), money(returned)
	ratio := func(name string, a, b int64) {
		f[name] = math.NaN()
		if b > 0 {
			f[name] = float64(a) / float64(b)
		}
	}
	ratio("returns_share_365d", returned, spend[365]+returned)
	ratio("discount_share_365d", disc, gross)
	ratio("margin_share_365d", revenue-cost, revenue)
	ratio("largest_order_share_365d", largest, bought365)

	days, months := map[int]bool{}, map[int]bool{}
	for _, p := range purchases {
		days[day(p.first)], months[month(p.first)] = true, true
	}
	sorted := make([]int, 0, len(days))
	for d := range days {
		sorted = append(sorted, d)
	}
	slices.Sort(sorted)
	var gaps []int
	comeback := math.NaN()
	for i := 1; i < len(sorted); i++ {
		g := sorted[i] - sorted[i-1]
		gaps = append(gaps, g)
		if today-sorted[i] <= 90 && !(comeback > float64(g)) {
			comeback = float64(g)
		}
	}
	f["comeback_gap_days"], f["buying_days_total"] = comeback, float64(len(sorted))
	for _, name := range []string{"recency_days", "tenure_days", "gap_median_days", "gap_mean_days", "gap_spread_days", "gap_max_days", "recency_to_gap", "longest_silence_days", "active_month_share"} {
		f[name] = math.NaN()
	}
	if len(sorted) > 0 {
		f["recency_days"], f["tenure_days"] = float64(today-sorted[len(sorted)-1]), float64(today-sorted[0])
		f["longest_silence_days"] = f["recency_days"]
		begun := math.MaxInt
		for m := range months {
			begun = min(begun, m)
		}
		f["active_month_share"] = math.Min(1, float64(len(months))/math.Max(1, float64(month(cutoff-1)-begun+1)))
	}
	if n := len(gaps); n > 0 {
		s := slices.Sorted(slices.Values(gaps))
		f["gap_median_days"] = float64(s[(n-1)/2]+s[n/2]) / 2
		sum := 0.0
		for _, g := range gaps {
			sum += float64(g)
		}
		mean := sum / float64(n)
		f["gap_mean_days"], f["gap_max_days"] = mean, float64(s[n-1])
		f["longest_silence_days"] = math.Max(f["recency_days"], float64(s[n-1]))
		f["recency_to_gap"] = f["recency_days"] / f["gap_median_days"]
		if n > 1 {
			squares := 0.0
			for _, g := range gaps {
				squares += (float64(g) - mean) * (float64(g) - mean)
			}
			f["gap_spread_days"] = math.Sqrt(squares / float64(n-1))
		}
	}
	broad(f, seen, within)
	delivered(f, seen, cutoff, today, day)
	priced(f, seen, within)
	return f
}

// broad adds the twin's breadth features.
func broad(f map[string]float64, seen []line, within func(int64, int64) bool) {
	ever, last90, last365, products := map[string]int64{}, map[string]int64{}, map[string]int64{}, map[[2]string]int64{}
	sorted, named := false, false
	for _, l := range seen {
		sorted, named = sorted || l.category != "", named || l.product != ""
		if l.product != "" && within(l.ordered, 365) {
			products[[2]string{l.category, l.product}] += l.amount
		}
		if l.category == "" {
			continue
		}
		ever[l.category] += l.amount
		if within(l.ordered, 90) {
			last90[l.category] += l.amount
		}
		if within(l.ordered, 365) {
			last365[l.category] += l.amount
		}
	}
	count := func(m map[string]int64) float64 {
		n := 0.0
		for _, v := range m {
			if v > 0 {
				n++
			}
		}
		return n
	}
	gained, lost, total, top := 0.0, 0.0, int64(0), int64(0)
	for c := range ever {
		if last90[c] > 0 && ever[c]-last90[c] <= 0 {
			gained++
		}
		if last90[c] <= 0 && last365[c]-last90[c] > 0 {
			lost++
		}
		if last365[c] > 0 {
			total, top = total+last365[c], max(top, last365[c])
		}
	}
	f["categories_90d"], f["categories_365d"], f["categories_ever"] = count(last90), count(last365), count(ever)
	f["categories_gained_90d"], f["categories_lost_90d"] = gained, lost
	entropy := 0.0
	for _, v := range last365 {
		if v > 0 {
			p := float64(v) / float64(total)
			entropy -= p * math.Log(p)
		}
	}
	f["category_entropy_365d"], f["top_category_share_365d"] = entropy, float64(top)/float64(total)
	if total == 0 {
		f["category_entropy_365d"], f["top_category_share_365d"] = math.NaN(), math.NaN()
	}
	n := 0.0
	for _, v := range products {
		if v > 0 {
			n++
		}
	}
	f["products_365d"] = n
	if !named {
		f["products_365d"] = math.NaN()
	}
	if !sorted {
		for _, name := range []string{"categories_90d", "categories_365d", "categories_ever", "categories_gained_90d", "categories_lost_90d"} {
			f[name] = math.NaN()
		}
	}
}

// randomCutoffs are n instants with what was known at each, some with a lag.
func randomCutoffs(n int) features.Request {
	r := features.Request{Watermark: 1, Zone: "Europe/Berlin"}
	g := rapid.Custom(func(t *rapid.T) [2]int64 {
		c := at("2023-06-01") + rapid.Int64Range(1, 760*86400).Draw(t, "cutoff")
		if rapid.Bool().Draw(t, "midnight") {
			c -= c % 86400
		}
		return [2]int64{c, c + rapid.SampledFrom([]int64{0, 0, 86400, 40 * 86400}).Draw(t, "lag")}
	})
	used := map[int64]bool{}
	for seed := 0; len(r.Cutoffs) < n; seed++ {
		if v := g.Example(seed); !used[v[0]] {
			used[v[0]] = true
			r.Cutoffs, r.KnownAt = append(r.Cutoffs, frame.Cutoff(v[0])), append(r.KnownAt, frame.KnownAt(v[1]))
		}
	}
	return r
}

func TestOrderFeaturesEqualTheDumbTwin(t *testing.T) {
	e := embedded(t)
	w := &town{}
	byAccount := map[string][]line{}
	for i := range 800 {
		account := fmt.Sprintf("a%03d", i)
		byAccount[account] = history(account).Example(i)
		w.lines = append(w.lines, byAccount[account]...)
	}
	w.fill(t, e)
	r := randomCutoffs(8)
	berlin, err := time.LoadLocation(r.Zone)
	if err != nil {
		t.Fatal(err)
	}
	m := build(t.Context(), t, e, r)
	compared, wrong := 0, mistakes(0)
	for account, lines := range byAccount {
		for i, c := range r.Cutoffs {
			want := twin(lines, int64(c), int64(r.KnownAt[i]), berlin)
			row, ok := m.row[rowKey(account, c)]
			if ok != (want != nil) {
				t.Fatalf("%s at %s: has a row %v, the twin says %v", account, c, ok, want != nil)
			}
			for name, v := range want {
				compared++
				wrong.compare(t, m, name, account, row, v, 1e-9)
			}
		}
	}
	if compared < 50_000 {
		t.Errorf("only %d values compared", compared)
	}
	populationEqualsBuild(t, e, r, m)
	presenceEqualsBuild(t, e, r, m)
}

// mistakes counts where SQL and a twin differ, and names the first few.
type mistakes int

// compare holds a feature's value in a row of the matrix against the twin's.
func (n *mistakes) compare(t *testing.T, m *matrix, name, account string, row int, twin, tolerance float64) {
	t.Helper()
	got := m.Frame.Column(name).Numbers[row]
	if math.IsNaN(got) == math.IsNaN(twin) && !(math.Abs(got-twin) > tolerance*math.Max(1, math.Abs(twin))) {
		return
	}
	const named = 20
	if *n++; *n < named {
		t.Errorf("%s of %s at %s: SQL %v, twin %v", name, account, m.Frame.Cutoffs[row], got, twin)
	}
}

// presenceEqualsBuild holds the light file of the base against the catalogue's own, value by value.
func presenceEqualsBuild(t *testing.T, e clickhouse.Engine, r features.Request, m *matrix) {
	t.Helper()
	r.Catalogue = features.Presence()
	light := build(t.Context(), t, e, r)
	if !slices.Equal(light.Frame.Accounts, m.Frame.Accounts) || !slices.Equal(light.Frame.Cutoffs, m.Frame.Cutoffs) || len(light.Frame.Columns) != 5 {
		t.Fatalf("%d rows of %d columns are present, the build has %d rows", light.Frame.Rows(), len(light.Frame.Columns), m.Frame.Rows())
	}
	if !slices.Equal(light.FirstPurchase, m.FirstPurchase) || !slices.Equal(light.LastPurchase, m.LastPurchase) || !slices.Equal(light.Status, m.Status) {
		t.Error("purchases or standing differ from those of the build")
	}
	var wrong mistakes
	for _, c := range light.Frame.Columns {
		for i, v := range m.Frame.Column(c.Name).Numbers {
			wrong.compare(t, light, c.Name, string(m.Frame.Accounts[i]), i, v, 0)
		}
	}
}

// The population query and the feature file tell the same first and last purchase.
func populationEqualsBuild(t *testing.T, e clickhouse.Engine, r features.Request, m *matrix) {
	t.Helper()
	people, err := clickhouse.Population(t.Context(), e, r)
	if err != nil {
		t.Fatal(err)
	}
	if len(people) != m.Frame.Rows() {
		t.Errorf("population has %d rows, the build %d", len(people), m.Frame.Rows())
	}
	for _, p := range people {
		i, ok := m.row[rowKey(string(p.Account), p.Cutoff)]
		if !ok {
			t.Errorf("population has %s at %s, the build has not", p.Account, p.Cutoff)
			continue
		}
		if p.First != m.FirstPurchase[i] || p.Last != m.LastPurchase[i] || p.Status != m.Status[i] {
			t.Errorf("population %+v, build %d %d %s", p, m.FirstPurchase[i], m.LastPurchase[i], m.Status[i])
		}
	}
}

// restsAndLinks lets every other account a00 … a23 pause now and then, corrected or
// known late, and every sixth go on in the one after it, some for a while.
func (w *town) restsAndLinks() {
	r := rand.New(rand.NewPCG(5, 5))
	day := func() int64 { return at("2023-01-01") + r.Int64N(900)*86400 }
	for i := 0; i < 24; i += 2 {
		account := fmt.Sprintf("a%02d", i)
		for range 3 {
			p := pause{account: account, start: day()}
			p.recorded = p.start + (r.Int64N(200)-100)*86400
			w.pauses = append(w.pauses, p)
			p.end = p.start + r.Int64N(100)*86400
			p.recorded += r.Int64N(100) * 86400
			w.pauses = append(w.pauses, p)
		}
		if i%6 != 0 {
			continue
		}
		l := link{account: account, other: fmt.Sprintf("a%02d", i+1), kind: features.Merged, since: day()}
		l.recorded = l.since + r.Int64N(60)*86400
		w.links = append(w.links, l)
		if i%12 == 0 {
			l.until = l.since + r.Int64N(300)*86400
			l.recorded += r.Int64N(100) * 86400
			w.links = append(w.links, l)
		}
	}
}

// For each of 50 random cutoffs, every account has a double that holds only
// what was visible then; what lies after must change no bit of any feature.
func TestWhatIsNotYetKnownChangesNothing(t *testing.T) {
	e := embedded(t)
	r := randomCutoffs(50)
	r.Cadence = planned
	full := &town{}
	for i := range 24 {
		account := fmt.Sprintf("a%02d", i)
		full.lines = append(full.lines, history(account).Example(1000+i)...)
		full.addRecord(records(account).Example(2000 + i))
		full.contracts = append(full.contracts, contracts(account).Example(3000+i)...)
		full.wallets = append(full.wallets, wallets(account).Example(4000+i)...)
	}
	full.restsAndLinks()
	all := *full
	for i, c := range r.Cutoffs {
		cut, known := int64(c), int64(r.KnownAt[i])
		double := func(account string) string { return account + "#" + strconv.Itoa(i) }
		seen := func(event, recorded int64) bool { return event < cut && orElse(recorded, event) <= known }
		// What was to end or be answered from the cutoff on had no end yet.
		before := func(end int64) int64 {
			if end >= cut {
				return 0
			}
			return end
		}
		for _, l := range full.lines {
			if seen(l.ordered, l.recorded) {
				l.account, l.delivered = double(l.account), before(l.delivered)
				all.lines = append(all.lines, l)
			}
		}
		// An event that is corrected to another instant is visible by what was recorded, whatever its time.
		for _, x := range full.contacts {
			if orElse(x.recorded, x.at) <= known {
				x.account, x.id, x.responded = double(x.account), double(x.id), before(x.responded)
				if x.ref != "" {
					x.ref = double(x.ref)
				}
				all.contacts = append(all.contacts, x)
			}
		}
		for _, x := range full.contracts {
			if orElse(x.recorded, x.start) <= known {
				x.account, x.id = double(x.account), double(x.id)
				x.cancelled = before(x.cancelled)
				all.contracts = append(all.contracts, x)
			}
		}
		for _, x := range full.invoices {
			if orElse(x.recorded, x.issued) <= known {
				x.account, x.id = double(x.account), double(x.id)
				all.invoices = append(all.invoices, x)
			}
		}
		for _, x := range full.payments {
			if orElse(x.recorded, x.paid) <= known {
				x.account, x.id, x.invoice = double(x.account), double(x.id), double(x.invoice)
				all.payments = append(all.payments, x)
			}
		}
		for _, x := range full.people {
			if x.recorded <= known {
				x.account, x.id, x.until = double(x.account), double(x.id), before(x.until)
				all.people = append(all.people, x)
			}
		}
		for _, x := range full.touches {
			if orElse(x.recorded, x.at) <= known {
				x.account, x.id, x.answered = double(x.account), double(x.id), before(x.answered)
				all.touches = append(all.touches, x)
			}
		}
		for _, x := range full.versions {
			if seen(x.from, x.recorded) {
				x.account = double(x.account)
				all.versions = append(all.versions, x)
			}
		}
		for _, x := range full.pauses {
			if seen(x.start, x.recorded) {
				x.account, x.end = double(x.account), before(x.end)
				all.pauses = append(all.pauses, x)
			}
		}
		for _, x := range full.links {
			if seen(x.since, x.recorded) {
				x.account, x.other, x.until = double(x.account), double(x.other), before(x.until)
				all.links = append(all.links, x)
			}
		}
		for _, x := range full.wallets {
			if seen(x.period, x.recorded) {
				x.account = double(x.account)
				all.wallets = append(all.wallets, x)
			}
		}
	}
	all.fill(t, e)
	m := build(t.Context(), t, e, r)
	presenceEqualsBuild(t, e, r, m)
	compared := 0
	for i, c := range r.Cutoffs {
		for a := range 24 {
			account := fmt.Sprintf("a%02d", a)
			whole, ok := m.row[rowKey(account, c)]
			part, okPart := m.row[rowKey(account+"#"+strconv.Itoa(i), c)]
			if ok != okPart {
				t.Fatalf("%s at %s has a row: %v, without its future: %v", account, c, ok, okPart)
			}
			if !ok {
				continue
			}
			compared++
			if features.RowHash(m.Frame, whole) == features.RowHash(m.Frame, part) {
				continue
			}
			for k := range m.Frame.Columns {
				v := m.Frame.Columns[k].Numbers
				if math.Float64bits(v[whole]) != math.Float64bits(v[part]) && !(math.IsNaN(v[whole]) && math.IsNaN(v[part])) {
					t.Errorf("%s of %s at %s = %v, without its future %v", m.Frame.Columns[k].Name, account, c, v[whole], v[part])
				}
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d rows compared", compared)
	}
}

// A source whose first row lies after the cutoff has no row as of it: counts
// of it stay missing, as they were.
func TestFutureRowsOfAnotherAccountDoNotTurnMissingIntoZero(t *testing.T) {
	e := embedded(t)
	w := &town{lines: []line{{account: "a", order: "o", amount: 1, discount: absent, cost: absent, ordered: at("2025-01-01")}}}
	w.contacts = []contact{
		{id: "1", account: "b", kind: "visit", at: at("2025-02-01"), recorded: at("2025-03-02"), value: absent},
		{id: "2", account: "a", kind: "complaint", at: at("2025-03-02"), value: absent},
	}
	w.people = []person{{id: "p", account: "a", role: "buyer", recorded: at("2025-01-01")}}
	w.fill(t, e)
	m := build(t.Context(), t, e, request("2025-02-01", "2025-03-01", "2025-03-03"))
	for cutoff, want := range map[string]float64{"2025-02-01": math.NaN(), "2025-03-01": math.NaN(), "2025-03-03": 0} {
		if got := m.value(t, "a", cutoff, "visits_90d"); !same(got, want) {
			t.Errorf("visits_90d at %s = %v, want %v", cutoff, got, want)
		}
	}
	// What nobody writes down is not measurable: a business that logs visits and complaints and never what
	// became of them has none that is open, and no calls, departures or referrals that it could count.
	nan := math.NaN()
	for name, want := range map[string]float64{
		"complaints_90d": 1, "contacts_365d": 0, "people_live": 1, "key_people_live": 1,
		"complaints_open": nan, "complaint_open_days": nan, "complaints_resolved_share_365d": nan, "calls_90d": nan, "emails_90d": nan, "care_365d": nan,
		"contacts_care_365d": nan, "referrals_365d": nan, "key_people_left_365d": nan, "key_people_new_180d": nan, "responses_overdue": nan, "promises_overdue": nan,
	} {
		if got := m.value(t, "a", "2025-03-03", name); !same(got, want) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

func contacts(account string) *rapid.Generator[[]contact] {
	return rapid.Custom(func(t *rapid.T) []contact {
		var all []contact
		taken := map[string]bool{}
		for i := range rapid.IntRange(0, 25).Draw(t, "contacts") {
			c := contact{
				// Ids are of one source: two may have the same.
				id: fmt.Sprintf("%s-%d", account, rapid.IntRange(0, 25).Draw(t, "id")), account: account, value: absent,
				source:  rapid.SampledFrom([]source{"", "", "desk", "sales"}).Draw(t, "source"),
				purpose: rapid.SampledFrom([]string{"", "Care", "service", "intelligence", "annual review"}).Draw(t, "purpose"),
				kind: rapid.SampledFrom([]string{"visit", "call", "email", "care", "complaint", "complaint", "complaint_resolved", "referral", "survey",
					"promise", "promise", "promise_kept", "competitor_offer", "people_change", "event"}).Draw(t, "kind"),
				at: at("2023-06-01") + rapid.Int64Range(0, 720*86400).Draw(t, "at") + int64(i), // no two at once
			}
			if taken[c.key()] {
				continue
			}
			taken[c.key()] = true
			if rapid.IntRange(0, 9).Draw(t, "shouted") == 0 {
				c.kind = strings.ToUpper(c.kind)
			}
			switch rapid.IntRange(0, 3).Draw(t, "answer") {
			case 0:
				c.due = c.at + rapid.Int64Range(-2, 60).Draw(t, "due")*43200
			case 1:
				c.due, c.responded = c.at+86400, c.at+rapid.Int64Range(-1, 90).Draw(t, "responded")*21600
			}
			c.factor = rapid.SampledFrom([]string{"", "", "Publicity", "price"}).Draw(t, "factor")
			if kind := strings.ToLower(c.kind); kind == "complaint_resolved" || kind == "promise_kept" || kind == "complaint" && rapid.Bool().Draw(t, "again") {
				c.ref = fmt.Sprintf("%s-%d", account, rapid.IntRange(0, 25).Draw(t, "ref"))
			}
			if strings.EqualFold(c.kind, "survey") {
				c.value = rapid.SampledFrom([]int64{absent, 0, 30_000, 100_000}).Draw(t, "value")
				scale := rapid.Int64Range(1, 10).Draw(t, "scale") * frame.DecimalScale
				c.opinion = rapid.SampledFrom([]*opinion{nil, {scale, absent, absent}, {scale, absent, scale / 2}, {scale, scale, scale / 3}, {scale, scale / 4, 0}}).Draw(t, "opinion")
			}
			all = append(all, c)
			if rapid.IntRange(0, 4).Draw(t, "corrected") == 0 {
				c.recorded = c.at + rapid.Int64Range(1, 90).Draw(t, "later")*86400
				c.at += rapid.Int64Range(-20, 20).Draw(t, "moved") * 86400
				c.kind, c.ref, c.value, c.opinion = "visit", "", absent, nil
				all = append(all, c)
			}
		}
		return all
	})
}

func contracts(account string) *rapid.Generator[[]contract] {
	return rapid.Custom(func(t *rapid.T) []contract {
		var all []contract
		for i := range rapid.IntRange(0, 4).Draw(t, "contracts") {
			start := at("2023-06-01") + rapid.Int64Range(0, 500).Draw(t, "start")*86400
			c := contract{id: fmt.Sprintf("%s-%d", account, i), account: account, start: start, amount: absent,
				recurring: rapid.SampledFrom([]string{"yes", "no", ""}).Draw(t, "recurring")}
			if rapid.Bool().Draw(t, "ends") {
				c.end = start + rapid.Int64Range(1, 400).Draw(t, "end")*86400
			}
			if rapid.Bool().Draw(t, "priced") {
				c.amount = rapid.Int64Range(1, 1000).Draw(t, "amount") * frame.DecimalScale
			}
			all = append(all, c)
			if rapid.Bool().Draw(t, "cancelled") {
				c.cancelled = start + rapid.Int64Range(1, 300).Draw(t, "cancelled at")*86400
				c.recorded = c.cancelled - rapid.Int64Range(0, 10).Draw(t, "ahead")*86400
				c.recorded = max(c.recorded, start+1)
				all = append(all, c)
			}
		}
		return all
	})
}

func wallets(account string) *rapid.Generator[[]wallet] {
	return rapid.Custom(func(t *rapid.T) []wallet {
		var all []wallet
		seen := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "wallets") {
			x := wallet{account: account, category: rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "category"),
				period: at("2023-06-01") + rapid.Int64Range(0, 8).Draw(t, "quarter")*91*86400,
				amount: rapid.Int64Range(1, 900).Draw(t, "amount") * frame.DecimalScale}
			key := x.category + strconv.FormatInt(x.period, 10)
			if seen[key] {
				continue
			}
			seen[key] = true
			all = append(all, x)
			if rapid.IntRange(0, 3).Draw(t, "corrected") == 0 {
				reversal, again := x, x
				reversal.amount, reversal.recorded = -x.amount, x.period+rapid.Int64Range(1, 90).Draw(t, "later")*86400
				again.amount, again.recorded = x.amount+frame.DecimalScale, reversal.recorded
				all = append(all, reversal, again)
			}
		}
		return all
	})
}

func TestCatalogueAnswersEveryFeature(t *testing.T) {
	e := embedded(t)
	cases().fill(t, e)
	r := request("2025-03-01", "2025-04-15")
	r.Cadence = planned
	m := build(t.Context(), t, e, r)
	for _, f := range features.Catalogue() {
		present := false
		for _, v := range m.Frame.Column(f.Name).Numbers {
			present = present || !math.IsNaN(v)
			if f.Integer && !math.IsNaN(v) && v != math.Trunc(v) {
				t.Errorf("%s is said to be whole and reads %v", f.Name, v)
			}
			if f.Unit == "share" && (v < 0 || v > 1) {
				t.Errorf("%s is a share and reads %v", f.Name, v)
			}
		}
		if !present {
			t.Errorf("%s is missing in every history", f.Name)
		}
	}
}
