package clickhouse_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fealty/features/clickhouse"
	"fealty/features/clickhouse/launch"
)

// The same rows give the same matrix wherever and however it is computed. The
// stored matrix.txt is the common reference: what stands there was worked out by
// hand (build_test.go) or read before it was stored.

// goldenCutoffs are those of matrix.txt.
var goldenCutoffs = []string{"2025-03-01", "2025-04-15"}

// shuffled returns the town with its rows in another order.
func (w *town) shuffled(seed uint64) *town {
	r := rand.New(rand.NewPCG(seed, 0))
	s := *w
	s.lines, s.contacts, s.contracts, s.wallets = mixed(r, w.lines), mixed(r, w.contacts), mixed(r, w.contracts), mixed(r, w.wallets)
	s.invoices, s.payments, s.people, s.versions = mixed(r, w.invoices), mixed(r, w.payments), mixed(r, w.people), mixed(r, w.versions)
	s.touches = mixed(r, w.touches)
	return &s
}

// mixed returns the rows in another order.
func mixed[T any](r *rand.Rand, rows []T) []T {
	rows = slices.Clone(rows)
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// crowd returns n accounts with invented rows in every table, amounts that add
// up differently in floating point, ties and corrections.
func crowd(n int, seed uint64) *town {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &town{members: map[string]int64{}}
	start := at("2023-01-01")
	day := func(days int) int64 {
		return start + r.Int64N(int64(days))*86400 + r.Int64N(4)*21600 + r.Int64N(2)*4711
	}
	maybe := func(v int64) int64 {
		if r.IntN(3) == 0 {
			return absent
		}
		return v
	}
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for i := range n {
		account := "crowd-" + strconv.Itoa(i)
		if r.IntN(2) == 0 {
			w.members[account] = day(300)
		}
		for o := range r.IntN(15) {
			ordered := day(900)
			for number := range 1 + r.IntN(3) {
				l := line{
					account: account, order: fmt.Sprintf("%s-%d", account, o), number: int64(number), ordered: ordered, load: 1,
					product: pick("p1", "p2", "p3", "p4", ""), category: pick("paper", "ink", "toys", ""),
					amount: r.Int64N(9_999_999) - 999_999, discount: maybe(r.Int64N(33_333)), cost: maybe(r.Int64N(777_777)),
				}
				l.quantity, l.list, l.promotion = r.Int64N(50_000), r.Int64N(9_999_999), pick("", "", "spring")
				l.reason = pick("", "quality", "service", "too expensive", "other")
				if r.IntN(3) > 0 {
					l.promised, l.delivered = ordered+r.Int64N(30*86400), ordered+r.Int64N(40*86400)
				}
				if r.IntN(8) == 0 {
					l.recorded = ordered + r.Int64N(60)*86400
				}
				w.lines = append(w.lines, l)
			}
		}
		for c := range r.IntN(10) {
			w.contacts = append(w.contacts, contact{
				id: fmt.Sprintf("%s-%d", account, c), account: account, at: day(900), value: maybe(r.Int64N(100_000)),
				kind: pick("visit", "call", "email", "care", "complaint", "referral", "survey", "survey_nps"),
			})
			if last := w.contacts[len(w.contacts)-1]; last.kind == "complaint" && r.IntN(2) == 0 {
				w.contacts = append(w.contacts, contact{id: last.id + "r", account: account, kind: "complaint_resolved", ref: last.id, at: last.at + r.Int64N(50)*86400, value: absent})
			}
		}
		w.crowdRecord(r, account, day)
		for c := range r.IntN(3) {
			begin := day(800)
			k := contract{id: fmt.Sprintf("%s-%d", account, c), account: account, recurring: pick("yes", "no"), start: begin, amount: maybe(r.Int64N(9_999_999))}
			if r.IntN(4) > 0 {
				k.end = begin + r.Int64N(500)*86400
			}
			w.contracts = append(w.contracts, k)
		}
		for range r.IntN(4) {
			w.wallets = append(w.wallets, wallet{account: account, category: pick("", "paper", "ink", "toys"), period: day(800), amount: r.Int64N(99_999_999)})
		}
	}
	return w
}

// crowdRecord invents what else is recorded of an account of the crowd.
func (w *town) crowdRecord(r *rand.Rand, account string, day func(int) int64) {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for c := range r.IntN(12) {
		x := contact{
			id: fmt.Sprintf("%s-%d+", account, c), account: account, at: day(900), value: absent, factor: pick("", "publicity", "price"),
			kind: pick("complaint", "promise", "promise_kept", "competitor_offer", "people_change", "event", "survey", "referral"),
		}
		if c > 0 {
			x.ref = fmt.Sprintf("%s-%d+", account, r.IntN(c))
		}
		if r.IntN(2) == 0 {
			x.due = x.at + r.Int64N(30*86400)
		}
		if r.IntN(2) == 0 {
			x.responded = x.at + r.Int64N(20*86400)
		}
		if r.IntN(2) == 0 {
			scale := 30_000 + r.Int64N(70_000)
			x.opinion = &opinion{scale, r.Int64N(scale), r.Int64N(scale)}
		}
		w.contacts = append(w.contacts, x)
	}
	for i := range r.IntN(8) {
		x := invoice{id: fmt.Sprintf("%s-%d", account, i), account: account, issued: day(900), amount: r.Int64N(9_999_999), base: r.Int64N(9_999_999)}
		x.due = x.issued + r.Int64N(60)*86400
		w.invoices = append(w.invoices, x)
		for p := range r.IntN(3) {
			w.payments = append(w.payments, payment{id: fmt.Sprintf("%s/%d", x.id, p), account: account, invoice: x.id, paid: x.issued + r.Int64N(90)*86400, amount: r.Int64N(x.amount + 1)})
		}
	}
	for i := range r.IntN(4) {
		x := person{id: fmt.Sprintf("%s-%d", account, i), account: account, role: pick("buyer", "user", "decision maker"), since: day(800)}
		if r.IntN(2) == 0 {
			x.until = x.since + r.Int64N(400)*86400
		}
		w.people = append(w.people, x)
		touched := touch{id: x.id, account: account, arm: pick("treated", "holdout"), at: day(900)}
		if r.IntN(2) == 0 {
			touched.answered = touched.at + r.Int64N(90)*86400
		}
		w.touches = append(w.touches, touched)
		w.versions = append(w.versions, version{account: account, manager: pick("Li", "Wang", ""), from: day(900), limit: r.Int64N(9_999_999)})
	}
}

// add takes in the accounts of another town.
func (w *town) add(other *town) {
	maps.Copy(w.members, other.members)
	w.lines, w.contacts, w.contracts, w.wallets = append(w.lines, other.lines...), append(w.contacts, other.contacts...), append(w.contracts, other.contracts...), append(w.wallets, other.wallets...)
	w.invoices, w.payments, w.people, w.versions = append(w.invoices, other.invoices...), append(w.payments, other.payments...), append(w.people, other.people...), append(w.versions, other.versions...)
	w.touches, w.links, w.outcomes = append(w.touches, other.touches...), append(w.links, other.links...), append(w.outcomes, other.outcomes...)
}

// part returns the town's accounts that keep takes.
func (w *town) part(keep func(account string) bool) *town {
	p := &town{members: map[string]int64{}}
	for account, since := range w.members {
		if keep(account) {
			p.members[account] = since
		}
	}
	p.lines = slices.DeleteFunc(slices.Clone(w.lines), func(l line) bool { return !keep(l.account) })
	p.contacts = slices.DeleteFunc(slices.Clone(w.contacts), func(c contact) bool { return !keep(c.account) })
	p.contracts = slices.DeleteFunc(slices.Clone(w.contracts), func(c contract) bool { return !keep(c.account) })
	p.wallets = slices.DeleteFunc(slices.Clone(w.wallets), func(x wallet) bool { return !keep(x.account) })
	p.invoices = slices.DeleteFunc(slices.Clone(w.invoices), func(x invoice) bool { return !keep(x.account) })
	p.payments = slices.DeleteFunc(slices.Clone(w.payments), func(x payment) bool { return !keep(x.account) })
	p.people = slices.DeleteFunc(slices.Clone(w.people), func(x person) bool { return !keep(x.account) })
	p.touches = slices.DeleteFunc(slices.Clone(w.touches), func(x touch) bool { return !keep(x.account) })
	p.versions = slices.DeleteFunc(slices.Clone(w.versions), func(x version) bool { return !keep(x.account) })
	p.links = slices.DeleteFunc(slices.Clone(w.links), func(l link) bool { return !keep(l.account) })
	p.outcomes = slices.DeleteFunc(slices.Clone(w.outcomes), func(o outcome) bool { return !keep(o.account) })
	return p
}

func TestMatrixOverTheWireUnderAnotherZone(t *testing.T) {
	t.Parallel()
	s := launch.Start(t, launch.Options{Zone: "Asia/Kolkata"})
	e := serverOf(t, s.URL("default", ""), clickhouse.Limits{})
	defer closeEngine(t, e)
	clearTables(t, e)
	cases().shuffled(7).fill(t, e)
	golden(t, "matrix.txt", build(t.Context(), t, e, request(goldenCutoffs...)))
	for _, threads := range []int{1, 8} { // the engine's own choice above is the number of cores
		e := serverOf(t, s.URL("default", ""), clickhouse.Limits{Threads: threads})
		golden(t, "matrix.txt", build(t.Context(), t, e, request(goldenCutoffs...)))
		closeEngine(t, e)
	}
}

// Bit for bit: what depends on the order of a sum shows in the last bits only.
func TestMatrixDoesNotDependOnThreadsPartsAndTheOrderOfRows(t *testing.T) {
	launch.Library(t)
	dir := t.TempDir()
	w := crowd(200, 1)
	var want map[string]string
	for _, c := range []struct {
		threads, parts int
		seed           uint64
	}{{1, 1, 0}, {8, 9, 12}} {
		e, err := clickhouse.Open(t.Context(), "chdb://"+dir, clickhouse.Limits{Threads: c.threads})
		if err != nil {
			t.Fatal(err)
		}
		clearTables(t, e)
		s := w
		if c.seed != 0 {
			s = w.shuffled(c.seed)
		}
		for i := range c.parts {
			// Rows, not accounts, are dealt to the parts.
			part := &town{lines: every(s.lines, i, c.parts), contacts: every(s.contacts, i, c.parts), contracts: every(s.contracts, i, c.parts), wallets: every(s.wallets, i, c.parts),
				invoices: every(s.invoices, i, c.parts), payments: every(s.payments, i, c.parts), people: every(s.people, i, c.parts), versions: every(s.versions, i, c.parts)}
			if i == 0 {
				part.members = s.members
			}
			part.fill(t, e)
		}
		got := hashes(build(t.Context(), t, e, request(goldenCutoffs...)))
		closeEngine(t, e)
		if want == nil {
			if want = got; len(want) < 300 {
				t.Fatalf("only %d rows to compare", len(want))
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d threads, %d parts, order %d (-one thread, one part +this):\n%.2000s", c.threads, c.parts, c.seed, diff)
		}
	}
}

// every returns each n-th element, from the i-th on.
func every[T any](all []T, i, n int) []T {
	var some []T
	for ; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// zoneVariable tells a child of TestMatrixUnderEveryProcessZone that it is one.
const zoneVariable = "FEALTY_TEST_ZONE"

// The engine reads TZ when it is loaded, so that each zone has a process: far west with summer
// time, far east of every other, and half an hour off over the wire.
func TestMatrixUnderEveryProcessZone(t *testing.T) {
	t.Parallel() // the children open the engine, not this process
	launch.Library(t)
	if zone := os.Getenv(zoneVariable); zone != "" {
		if _, offset := time.Date(2025, 3, 1, 0, 0, 0, 0, time.Local).Zone(); offset == 0 { //nolint:gosmopolitan // the local zone is what is tested
			t.Fatalf("TZ=%s had no effect", zone)
		}
		e := embedded(t)
		cases().fill(t, e)
		golden(t, "matrix.txt", build(t.Context(), t, e, request(goldenCutoffs...)))
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []string{"America/New_York", "Pacific/Kiritimati"} {
		child := exec.CommandContext(t.Context(), program, "-test.run=^TestMatrixUnderEveryProcessZone$", "-test.v")
		child.Env = append(os.Environ(), "TZ="+zone, zoneVariable+"="+zone)
		if out, err := child.CombinedOutput(); err != nil || !slices.Contains(outputLines(out), "PASS") {
			t.Errorf("%s: %v\n%s", zone, err, out)
		}
	}
}
