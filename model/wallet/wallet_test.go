package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"fealty/features/frame"
	"fealty/model/metrics"
)

const day = 86_400

// town is a panel of accounts whose wallets are known.
type town struct {
	Peers
	declared []Declared
	truth    []float64 // of each entry of spend
}

// newTown invents accounts: a size with a heavy tail, a sector, visits; wallets that
// follow the size and the sector up to a factor e^±noise; a share of each that is
// bought here; declared wallets of some, off by 15 %.
func newTown(accounts, categories int, noise, asked float64, seed uint64) *town {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &town{}
	f := &frame.Frame{Accounts: make([]frame.AccountID, accounts), Cutoffs: make([]frame.Cutoff, accounts)}
	size := frame.Column{Meta: frame.Meta{Name: "employees"}, Kind: frame.Number}
	visits := frame.Column{Meta: frame.Meta{Name: "visits"}, Kind: frame.Number}
	sector := frame.Column{Meta: frame.Meta{Name: "sector"}, Kind: frame.Category, Levels: []string{"shop", "office", "kitchen"}}
	for c := range categories {
		w.Categories = append(w.Categories, fmt.Sprintf("category %d", c))
	}
	w.Spend.Start = []int{0}
	for i := range accounts {
		f.Accounts[i], f.Cutoffs[i] = frame.AccountID(fmt.Sprintf("account %d of %d", i, seed)), 1000*day
		people, kind := math.Exp(2+1.2*r.NormFloat64()), r.IntN(3)
		if r.Float64() < 0.1 {
			size.Numbers = append(size.Numbers, math.NaN())
		} else {
			size.Numbers = append(size.Numbers, people)
		}
		sector.Codes = append(sector.Codes, int32(kind))
		visits.Numbers = append(visits.Numbers, float64(r.IntN(12)))
		w.Segment = append(w.Segment, []string{"small", "large"}[min(1, int(people/10))])
		tells := r.Float64() < asked
		for c := range categories {
			if r.Float64() < 0.4 {
				continue
			}
			wallet := 500 * math.Exp(0.3*float64(c)+0.8*math.Log(people)+0.7*float64((kind+c)%3)+noise*r.NormFloat64())
			share := 1.0 // of one in ten, as Level says
			if r.Float64() > 0.1 {
				share = math.Pow(r.Float64(), 0.7)
			}
			w.truth = append(w.truth, wallet)
			w.Spend.Category = append(w.Spend.Category, int32(c))
			w.Spend.Amount = append(w.Spend.Amount, share*wallet)
			if tells {
				w.declared = append(w.declared, Declared{Account: i, Category: c, Amount: wallet * math.Exp(0.15*r.NormFloat64()), Period: 800 * day, Author: "survey"})
			}
		}
		w.Spend.Start = append(w.Spend.Start, len(w.Spend.Amount))
	}
	f.Columns = []frame.Column{size, sector, visits}
	w.Frame = f
	return w
}

func quick() Params {
	p := Defaults()
	p.Rounds = 30
	return p
}

func fit(t testing.TB, w *town, p Params) (*Model, Report) {
	t.Helper()
	m, report, err := Fit(context.Background(), w.Peers, w.declared, p)
	if err != nil {
		t.Fatal(err)
	}
	return m, report
}

func estimate(t testing.TB, m *Model, w *town, declared []Declared) []Estimate {
	t.Helper()
	all, err := m.Estimate(w.Peers, declared)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// against compares estimates by one reason with the truth; there is one estimate per
// entry of spend.
func against(w *town, all []Estimate, why Why) (inside, correlation float64, n int) {
	var wallets, truths []float64
	for k := range all {
		e := &all[k]
		if e.Why != why {
			continue
		}
		truth := w.truth[k]
		if truth >= e.Low && truth <= e.High {
			inside++
		}
		wallets, truths = append(wallets, e.Wallet), append(truths, truth)
	}
	return inside / float64(len(wallets)), metrics.Spearman(wallets, truths), len(wallets)
}

func TestPlantedWalletsAreRecovered(t *testing.T) {
	w := newTown(6000, 3, 0.35, 0.25, 1)
	m, report := fit(t, w, quick())
	for _, c := range report.Categories {
		t.Logf("%+v", c)
		if c.Explained < 0.2 || c.Without != nil {
			t.Errorf("%s: explained %v", c.Category, c.Explained)
		}
	}
	for _, c := range report.Coverage {
		t.Logf("%+v", c)
		checkCoverage(t, c)
	}
	all := estimate(t, m, w, w.declared)
	inside, correlation, n := against(w, all, ByQuantile)
	t.Logf("estimated: %d, coverage of true wallets %.3f, rank correlation %.3f", n, inside, correlation)
	if inside < 0.78 || inside > 0.88 || correlation < 0.9 { // declared wallets are noisier than the true ones
		t.Errorf("coverage %v, correlation %v", inside, correlation)
	}
	var spent, truths []float64
	for k := range all {
		if e := &all[k]; e.Why == ByQuantile {
			spent, truths = append(spent, e.Spend), append(truths, w.truth[k])
		}
	}
	if own := metrics.Spearman(spent, truths); correlation < own+0.03 {
		t.Errorf("rank correlation %v, own spend alone %v", correlation, own)
	}
	inside, correlation, n = against(w, all, DeclaredAmount)
	t.Logf("known: %d, coverage of true wallets %.3f, rank correlation %.3f", n, inside, correlation)
	if inside < 0.78 || inside > 0.88 || correlation < 0.97 { // that no wallet is below the spend helps
		t.Errorf("known: coverage %v, correlation %v", inside, correlation)
	}
	checkLaws(t, m, w, all)
	// Accounts that the model has never seen, as at a later cutoff.
	later := newTown(3000, 3, 0.35, 0.3, 2)
	judged, err := m.Judge(later.Peers, later.declared)
	if err != nil {
		t.Fatal(err)
	}
	if len(judged) != 12 {
		t.Errorf("%d coverages, want two bases of all, two segments and three categories", len(judged))
	}
	for _, c := range judged {
		t.Logf("later: %+v", c)
		if c.Basis == ByDeclared && (math.Abs(c.Inside-c.Target) > 0.06 || c.Correlation < 0.85) {
			t.Errorf("later: %+v", c)
		}
	}
}

// checkCoverage allows four standard errors, of the accounts tested on and of those,
// somewhat more, that set the interval.
func checkCoverage(t *testing.T, c Coverage) {
	t.Helper()
	if noise := math.Sqrt(2 * c.Target * (1 - c.Target) / float64(c.Accounts)); math.Abs(c.Inside-c.Target) > 4*noise {
		t.Errorf("segment %q by %s: %v of %d inside, want %v", c.Segment, c.Basis, c.Inside, c.Accounts, c.Target)
	}
}

// checkLaws holds what is true of every estimate and total.
func checkLaws(t *testing.T, m *Model, w *town, all []Estimate) {
	t.Helper()
	sums := make([]float64, w.Frame.Rows())
	for k := range all {
		e := &all[k]
		sums[e.Account] += e.Spend
		if e.State == Unknown {
			if !math.IsNaN(e.Wallet) || !math.IsNaN(e.Share) || !math.IsNaN(e.Potential) || (e.Why == TooWide) == math.IsNaN(e.High) {
				t.Fatalf("unknown with numbers: %+v", e)
			}
			continue
		}
		if !(e.Low <= e.Wallet && e.Wallet <= e.High && e.Low >= e.Spend && e.Share >= 0 && e.Share <= 1 && e.Potential >= 0) || math.IsInf(e.High, 0) {
			t.Fatalf("out of order: %+v", e)
		}
		if low, high := e.ShareInterval(); !(low <= e.Share && e.Share <= high) && e.Spend > 0 {
			t.Fatalf("share %v outside %v … %v", e.Share, low, high)
		}
	}
	totals := m.Totals(all, w.Frame.Rows(), nil)
	for i := range totals {
		o := &totals[i]
		if math.Abs(o.Spend+o.SpendUnknown-sums[i]) > 1e-9*(1+sums[i]) {
			t.Fatalf("total %+v, spend %v", o, sums[i])
		}
		if o.State != Unknown && !(o.Low <= o.Wallet && o.Wallet <= o.High && o.Share <= 1 && math.Abs(o.Spend+o.Potential-o.Wallet) <= 1e-9*o.Wallet) {
			t.Fatalf("total out of order: %+v", o)
		}
	}
}

func TestIntervalsCoverInSimulation(t *testing.T) {
	// Exact by theory on average over calibrations: k ÷ (n + 1).
	r := rand.New(rand.NewPCG(3, 4))
	p := Defaults()
	for _, basis := range []Basis{ByDeclared, ByPeers} {
		const n, rounds = 150, 20_000
		low, _, high := p.levels(basis)
		inside, target := 0, high-low
		for range rounds {
			values := make([]float64, n)
			for k := range values {
				values[k] = math.Exp(r.NormFloat64())
			}
			b, ok := newBand(&p, place{basis: basis}, values)
			if !ok {
				t.Fatal("no band")
			}
			if v := math.Exp(r.NormFloat64()); v >= b.Low && v <= b.High {
				inside++
			}
		}
		got := float64(inside) / rounds
		if noise := 4 * math.Sqrt(target*(1-target)/rounds); got < target-noise || got > target+2.0/n+noise {
			t.Errorf("%s: %v inside, want %v", basis, got, target)
		}
	}
	if _, ok := newBand(&p, place{basis: ByDeclared}, make([]float64, p.MinScores-1)); ok {
		t.Error("a band of too few scores")
	}
}

func TestWithoutDeclarationsPeersSetTheInterval(t *testing.T) {
	w := newTown(4000, 2, 0.35, 0, 5)
	m, report := fit(t, w, quick())
	for _, c := range report.Coverage {
		t.Logf("%+v", c)
		checkCoverage(t, c)
		if c.Basis != ByPeers {
			t.Errorf("tested by %s", c.Basis)
		}
	}
	all := estimate(t, m, w, nil)
	for k := range all {
		if all[k].Why == ByQuantile && all[k].Flags&ByPeersOnly == 0 {
			t.Fatalf("no flag: %+v", all[k])
		}
	}
	inside, correlation, n := against(w, all, ByQuantile)
	outside, _, wide := against(w, all, TooWide)
	t.Logf("%d estimated, coverage of true wallets %.3f, rank correlation %.3f; %d too wide, coverage %.3f", n, inside, correlation, wide, outside)
	if correlation < 0.8 || inside < 0.8 || n < wide {
		t.Errorf("coverage %v, rank correlation %v", inside, correlation)
	}
	// Judged on another town of the same kind.
	other := newTown(3000, 2, 0.35, 0, 6)
	judged, err := m.Judge(other.Peers, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range judged {
		if math.Abs(c.Inside-c.Target) > 0.05 {
			t.Errorf("later: %+v", c)
		}
	}
}

func TestTooWideIsUnknown(t *testing.T) {
	w := newTown(3000, 1, 1.6, 0.5, 7) // wallets within a factor of e^1.6
	p := quick()
	p.MaxRatio = 5
	m, _ := fit(t, w, p)
	wide := 0
	all := estimate(t, m, w, nil)
	for k := range all {
		e := &all[k]
		switch ratio := e.High / e.Low; {
		case e.Why == TooWide && ratio <= m.Params().MaxRatio, e.Why == ByQuantile && ratio > m.Params().MaxRatio:
			t.Fatalf("ratio %v: %+v", ratio, e)
		case e.Why == TooWide:
			wide++
		}
	}
	if wide < len(all)/4 || wide > 3*len(all)/4 {
		t.Errorf("%d of %d too wide", wide, len(all))
	}
	checkLaws(t, m, w, all)
}

func TestCategoriesWithoutPeers(t *testing.T) {
	w := newTown(1000, 5, 0.3, 0, 8)
	// Of the last three categories, one account, nobody and a few buy.
	kept := Spend{Start: []int{0}}
	bought := make([]int, 5)
	for i := range w.Frame.Accounts {
		for k := w.Spend.Start[i]; k < w.Spend.Start[i+1]; k++ {
			c := w.Spend.Category[k]
			amount := w.Spend.Amount[k]
			if most := []int{1000, 1000, 1, 0, 50}[c]; bought[c] >= most {
				amount = 0
			}
			bought[c]++
			kept.Category, kept.Amount = append(kept.Category, c), append(kept.Amount, amount)
		}
		kept.Start = append(kept.Start, len(kept.Amount))
	}
	w.Spend = kept
	m, report := fit(t, w, quick())
	want := []Why{None, None, OneAccount, NoPeers, FewPeers}
	for c, why := range want {
		if report.Categories[c].Why != why {
			t.Errorf("%+v, want %v", report.Categories[c], why)
		}
	}
	for _, e := range estimate(t, m, w, nil) {
		if why := want[e.Category]; why != None && (e.Why != why || e.State != Unknown) {
			t.Fatalf("%+v, want %v", e, why)
		}
	}
	// Categories are matched by name; one that the model does not know is unknown.
	w.Categories = []string{"category 1", "new", "category 2", "category 3", "category 4"}
	for _, e := range estimate(t, m, w, nil) {
		if (e.Category == 1) != (e.Why == Unseen) || (e.Category == 0) != (e.Why == ByQuantile || e.Why == TooWide) {
			t.Fatalf("%+v", e)
		}
	}
}

func TestShareOfRankByHand(t *testing.T) {
	for _, c := range []struct {
		rank      float64
		suppliers int
		want      float64
	}{ // (1 − rank ÷ (n + 1)) × 2 ÷ n in fractions
		{1, 1, 1}, {1, 2, 2.0 / 3}, {2, 2, 1.0 / 3}, {1, 3, 1.0 / 2}, {2, 3, 1.0 / 3}, {3, 3, 1.0 / 6}, {1.5, 2, 1.0 / 2}, {1, 4, 2.0 / 5},
	} {
		if got := ShareOfRank(c.rank, c.suppliers); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("rank %v of %d: %v, want %v", c.rank, c.suppliers, got, c.want)
		}
	}
	for n := 1; n < 30; n++ {
		sum := 0.0
		for rank := 1; rank <= n; rank++ {
			sum += ShareOfRank(float64(rank), n)
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("shares of %d suppliers add up to %v", n, sum)
		}
	}
}

func TestWhatIsDeclaredCounts(t *testing.T) {
	w := newTown(1500, 2, 0.3, 0, 9)
	// Past shares of a known distribution, so that old declarations can be used.
	r := rand.New(rand.NewPCG(9, 9))
	for i, c := range drawShares(r, []float64{2, 1}, 1000, 12) {
		if ours := c[0]; ours > 0 && i >= 100 {
			w.declared = append(w.declared, Declared{Account: i, Category: 0, Amount: 1200, Spend: ours * 100, Orders: ours, Period: 100 * day, Author: "survey"})
		}
	}
	bare := *w
	bare.Spend = Spend{Start: []int{0}}
	for range w.Frame.Accounts { // every account buys 100 of category 0 and nothing of category 1
		bare.Spend.Category, bare.Spend.Amount = append(bare.Spend.Category, 0, 1), append(bare.Spend.Amount, 100, 0)
		bare.Spend.Start = append(bare.Spend.Start, len(bare.Spend.Amount))
	}
	m, report := fit(t, w, quick())
	if len(report.Shares) != 2 || math.Abs(report.Shares[1].Usual-2.0/3) > 0.03 || math.Abs(report.Shares[1].Concentration-3) > 0.7 {
		t.Errorf("shares %+v, planted 2/3 and 3; %v", report.Shares, report.Unshared)
	}
	s := m.sharesOf("category 0")
	shrunk := 100 / ((s.Ours + 400) / (s.Ours + s.Others + 1200)) // 400 of 1,200 orders were ours
	for _, c := range []struct {
		name     string
		declared []Declared
		category int32
		want     Estimate
	}{
		{"amount", []Declared{{Amount: 250, Period: 900 * day}}, 0, Estimate{State: Known, Why: DeclaredAmount, Wallet: 250, Share: .4, Potential: 150}},
		{"rank", []Declared{{Rank: 2, Suppliers: 3, Period: 900 * day}}, 0, Estimate{State: Known, Why: DeclaredRank, Wallet: 300, Share: 1.0 / 3, Potential: 200}},
		{"the later one", []Declared{{Amount: 250, Period: 900 * day}, {Amount: 999, Period: 800 * day}}, 0, Estimate{State: Known, Why: DeclaredAmount, Wallet: 250, Share: .4, Potential: 150}},
		{"a correction of the same period", []Declared{{Amount: 250, Period: 900 * day}, {Amount: 500, Period: 900 * day}}, 0, Estimate{State: Known, Why: DeclaredAmount, Wallet: 500, Share: .2, Potential: 400, From: 1}},
		{"below own spend", []Declared{{Amount: 60, Period: 900 * day}}, 0, Estimate{State: Known, Why: DeclaredAmount, Flags: Raised, Wallet: 100, Share: 1}},
		{"old", []Declared{{Amount: 250, Period: 200 * day}}, 0, Estimate{State: Estimated, Why: DeclaredAmount, Flags: Stale | AsSaid, Wallet: 250, Share: .4, Potential: 150}},
		{"old with its orders", []Declared{{Amount: 1200, Spend: 400, Orders: 400, Period: 100 * day}}, 0,
			Estimate{State: Estimated, Why: PastShare, Flags: Stale, Wallet: shrunk, Share: 100 / shrunk, Potential: shrunk - 100}},
		{"amount of a category not bought", []Declared{{Category: 1, Amount: 250, Period: 900 * day}}, 1,
			Estimate{Category: 1, State: Known, Why: DeclaredAmount, Flags: NotBought, Wallet: 250, Potential: 250}},
	} {
		all := estimate(t, m, &bare, c.declared)
		got := all[c.category]
		if diff := cmp.Diff(c.want, got, cmpopts.EquateApprox(1e-12, 0), cmpopts.IgnoreFields(Estimate{}, "Low", "High", "Spend")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		checkLaws(t, m, &bare, all)
	}
	// A rank without spend is no wallet; it is flagged, and peers answer.
	if e := estimate(t, m, &bare, []Declared{{Category: 1, Rank: 1, Suppliers: 2, Period: 900 * day}})[1]; e.State == Known || e.Flags&(RankUnused|NotBought) != RankUnused|NotBought || e.From != -1 {
		t.Errorf("a rank without spend: %+v", e)
	}
	// A declared pair needs no entry of spend.
	none := bare
	none.Spend = Spend{Start: make([]int, len(bare.Spend.Start))}
	if all := estimate(t, m, &none, []Declared{{Account: 3, Category: 1, Amount: 70, Period: 900 * day}}); len(all) != 1 || all[0].Wallet != 70 || all[0].Account != 3 {
		t.Errorf("a declaration alone: %+v", all)
	}
	// What was said so long ago that nothing can be done with it no longer counts, and
	// what is too wide to act on is unknown, however fresh.
	if e := estimate(t, m, &bare, []Declared{{Rank: 3, Suppliers: 3, Period: -9000 * day}})[0]; e.State == Known || e.Why == DeclaredRank || e.Flags&Stale == 0 || e.From != -1 {
		t.Errorf("a rank of 27 years ago: %+v", e)
	}
	strict := *m
	strict.params.MaxRatio = 1.3
	if e := estimate(t, &strict, &bare, []Declared{{Amount: 250, Period: 900 * day}})[0]; e.Why != TooWide || !(e.High/e.Low > 1.3) {
		t.Errorf("declared, and wider than may be: %+v", e)
	}
	// The share of twelve orders is less sure than an amount of two and a half years ago,
	// and surer than one of twenty.
	for period, want := range map[int64]Why{100 * day: DeclaredAmount, -6300 * day: PastShare} {
		e := estimate(t, m, &bare, []Declared{{Amount: 300, Spend: 100, Orders: 12, Period: period}})[0]
		if e.Why != want || (e.Flags&AsSaid != 0) != (want == DeclaredAmount) {
			t.Errorf("twelve orders of day %d: %+v, want %v", period/day, e, want)
		}
	}
	// The older, the wider; a rank is less sure than an amount.
	width := func(d Declared) float64 { e := estimate(t, m, &bare, []Declared{d})[0]; return e.High / e.Low }
	fresh, old, rank := width(Declared{Amount: 5000, Period: 900 * day}), width(Declared{Amount: 5000, Period: 0}), width(Declared{Rank: 3, Suppliers: 3, Period: 900 * day})
	if want := math.Exp(2 * 1.2815515655446004 * 0.15); math.Abs(fresh-want) > 1e-9 || !(old > fresh && rank > fresh) {
		t.Errorf("widths: fresh %v (want %v), old %v, by rank %v", fresh, want, old, rank)
	}
}

func TestDeclaredBelowSpendIsReported(t *testing.T) {
	w := newTown(600, 1, 0.3, 0.5, 10)
	w.declared[7].Amount = 1e-3
	_, report := fit(t, w, quick())
	if !slices.Contains(report.Below, 7) {
		t.Errorf("reported %v, want 7 among them", report.Below)
	}
}

func TestNeighboursEqualBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width, count := rapid.IntRange(1, 6).Draw(t, "width"), rapid.IntRange(5, 60).Draw(t, "references")
		n := &near{Neighbours: rapid.IntRange(1, count).Draw(t, "k")}
		category := rapid.SliceOfN(rapid.Bool(), width, width).Draw(t, "category")
		code := rapid.Int16Range(-1, rapid.SampledFrom([]int16{4, far}).Draw(t, "most"))
		n.Codes = rapid.SliceOfN(code, width*count, width*count).Draw(t, "codes")
		for range count {
			n.Log = append(n.Log, float64(rapid.IntRange(0, 9).Draw(t, "log")))
		}
		slices.Sort(n.Log)
		row := rapid.SliceOfN(code, width, width).Draw(t, "row")
		if category[0] && rapid.Bool().Draw(t, "unseen") {
			row[0] = unseen
		}
		// Every distance written out, all references sorted by distance; those as far as
		// the last one count too.
		type at struct{ distance, k int }
		var all []at
		for k := range count {
			d := 0
			for j, v := range row {
				u := n.Codes[j*count+k]
				switch {
				case v == u:
				case v < 0 || u < 0 || category[j]:
					d += 500
				default:
					d += int(math.Abs(float64(v) - float64(u)))
				}
			}
			all = append(all, at{d, k})
		}
		slices.SortStableFunc(all, func(a, b at) int { return a.distance - b.distance })
		var values []float64
		for _, a := range all {
			if a.distance <= all[n.Neighbours-1].distance {
				values = append(values, n.Log[a.k])
			}
		}
		slices.Sort(values)
		quantile := func(level float64) float64 {
			for i, v := range values {
				if float64(i+1) >= level*float64(len(values)) {
					return v
				}
			}
			return math.NaN()
		}
		upper, middle := newSeeker(n, category).quantiles(row, 0.9, 0.5)
		if upper != quantile(0.9) || middle != quantile(0.5) {
			t.Fatalf("%v and %v, brute force %v and %v", upper, middle, quantile(0.9), quantile(0.5))
		}
	})
}

func TestPlacesAreMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 200).Draw(t, "values")
		c := coder{Knots: knotsOf(slices.Clone(values))}
		a, b := rapid.Float64().Draw(t, "a"), rapid.Float64().Draw(t, "b")
		if pa, pb := c.place(a), c.place(b); pa < 0 || pa > far || a < b && pa > pb || a > b && pa < pb {
			t.Fatalf("%v at %d, %v at %d", a, pa, b, pb)
		}
	})
	c := coder{Knots: knotsOf(slices.Repeat([]float64{0}, 100))}
	if got := c.place(math.NaN()); got != missing {
		t.Errorf("NaN at %d", got)
	}
}

func TestSameBitsOnAnyThreads(t *testing.T) {
	w := newTown(1500, 4, 0.35, 0.3, 11)
	var want []byte
	for _, threads := range []int{1, 3} {
		p := quick()
		p.Rounds, p.Threads = 10, threads
		m, _ := fit(t, w, p)
		got, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Error("another model")
		}
	}
}

func TestOrderOfRowsDoesNotShow(t *testing.T) {
	w := newTown(1500, 2, 0.35, 0.3, 16)
	p := quick()
	p.Rounds = 10
	want, _ := fit(t, w, p)
	n := w.Frame.Rows()
	turned := town{Peers: Peers{Categories: w.Categories, Spend: Spend{Start: []int{0}}}}
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i
		k := order[i]
		turned.Segment = append(turned.Segment, w.Segment[k])
		turned.Spend.Category = append(turned.Spend.Category, w.Spend.Category[w.Spend.Start[k]:w.Spend.Start[k+1]]...)
		turned.Spend.Amount = append(turned.Spend.Amount, w.Spend.Amount[w.Spend.Start[k]:w.Spend.Start[k+1]]...)
		turned.Spend.Start = append(turned.Spend.Start, len(turned.Spend.Amount))
	}
	turned.Frame = w.Frame.Take(order)
	for _, d := range w.declared {
		d.Account = n - 1 - d.Account
		turned.declared = append(turned.declared, d)
	}
	got, _ := fit(t, &turned, p)
	a, err := want.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := got.MarshalText(); err != nil || !bytes.Equal(a, b) {
		t.Errorf("another model (error %v)", err)
	}
}

func TestTextTravels(t *testing.T) {
	w := newTown(1200, 3, 0.35, 0.4, 12)
	for i := range w.declared {
		d := &w.declared[i]
		d.Spend, d.Orders = d.Amount*float64(1+i*7919%97)/98, float64(3+i%5)
	}
	w.declared[0].Period = 0
	for _, serves := range []Twin{Boosting, Neighbours} {
		p := quick()
		p.Rounds = map[Twin]int{Boosting: 30, Neighbours: 1}[serves] // one round learns nothing
		m, report := fit(t, w, p)
		if got := report.Categories[0].Serves; got != serves {
			t.Fatalf("%s serves, want %s: %+v", got, serves, report.Categories[0])
		}
		text, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		read, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(estimate(t, m, w, w.declared), estimate(t, read, w, w.declared), cmpopts.EquateNaNs()); diff != "" {
			t.Error(diff)
		}
		// Columns are matched by name, levels too; the order of rows does not show.
		turned := *w
		f := *w.Frame
		f.Columns = []frame.Column{f.Columns[2], f.Columns[1], f.Columns[0]}
		f.Columns[1].Levels, f.Columns[1].Codes = []string{"kitchen", "shop", "office"}, slices.Clone(f.Columns[1].Codes)
		for i, c := range f.Columns[1].Codes {
			f.Columns[1].Codes[i] = (c + 1) % 3
		}
		turned.Frame = &f
		if diff := cmp.Diff(estimate(t, m, w, nil), estimate(t, m, &turned, nil), cmpopts.EquateNaNs()); diff != "" {
			t.Error(diff)
		}
		for _, change := range [][2]string{
			{`"level":0.9`, `"level":1.9`}, {`"version":1`, `"version":2`}, {`{"format"`, `{"more":1,"format"`}, {`"basis":"declared"`, `"basis":"guessed"`},
			{`"name":"spend_elsewhere"`, `"name":"spend_else"`}, {`"ours":`, `"ours":-`}, {`"centre":`, `"centre":9e9,"x":`}, {`"peers":`, `"peers":-`},
			{`"name":"category 1"`, `"name":"category 0"`},
		} {
			if !strings.Contains(string(text), change[0]) {
				t.Fatalf("no %s in the text", change[0])
			}
			if _, err := Parse(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)); !errors.Is(err, ErrText) {
				t.Errorf("%s: error %v", change[1], err)
			}
		}
	}
}

func TestSpendAloneIsEnough(t *testing.T) {
	w := newTown(800, 2, 0.3, 0, 17)
	f := *w.Frame
	f.Columns = nil // nothing is known but what is spent elsewhere
	w.Frame = &f
	m, _ := fit(t, w, quick())
	text, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(text); err != nil {
		t.Error(err)
	}
	checkLaws(t, m, w, estimate(t, m, w, nil))
}

func FuzzParse(f *testing.F) {
	w := newTown(300, 1, 0.3, 0.5, 13)
	p := quick()
	p.Rounds, p.References = 1, 50
	m, _ := fit(f, w, p)
	text, err := m.MarshalText()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"fealty wallet","version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrText) {
				t.Fatal(err)
			}
			return
		}
		if _, err := read.Estimate(w.Peers, nil); err != nil && !errors.Is(err, ErrInput) {
			t.Fatal(err)
		}
	})
}

func TestUnusableInputIsRefused(t *testing.T) {
	w := newTown(300, 2, 0.3, 0.2, 14)
	for name, change := range map[string]func(*town, *Params){
		"no accounts":            func(w *town, _ *Params) { w.Frame = &frame.Frame{} },
		"negative":               func(w *town, _ *Params) { w.Spend.Amount[3] = -1 },
		"not a number":           func(w *town, _ *Params) { w.Spend.Amount[3] = math.NaN() },
		"no such category":       func(w *town, _ *Params) { w.Spend.Category[3] = 2 },
		"twice":                  func(w *town, _ *Params) { w.Categories[1] = w.Categories[0] },
		"segments":               func(w *town, _ *Params) { w.Segment = w.Segment[1:] },
		"starts":                 func(w *town, _ *Params) { w.Spend.Start[1] = 1 << 20 },
		"both amount and rank":   func(w *town, _ *Params) { w.declared[0].Rank, w.declared[0].Suppliers = 1, 2 },
		"rank out of range":      func(w *town, _ *Params) { w.declared[0] = Declared{Rank: 3, Suppliers: 2} },
		"neither":                func(w *town, _ *Params) { w.declared[0].Amount = 0 },
		"declared of the future": func(w *town, _ *Params) { w.declared[0].Period = 1001 * day },
		"no such account":        func(w *town, _ *Params) { w.declared[0].Account = 300 },
		"level":                  func(_ *town, p *Params) { p.Level = 1 },
		"seeds of nothing":       func(_ *town, p *Params) { *p = Params{} },
	} {
		changed := *w
		changed.Spend = Spend{slices.Clone(w.Spend.Start), slices.Clone(w.Spend.Category), slices.Clone(w.Spend.Amount)}
		changed.declared, changed.Categories = slices.Clone(w.declared), slices.Clone(w.Categories)
		p := Defaults()
		change(&changed, &p)
		_, _, err := Fit(context.Background(), changed.Peers, changed.declared, p)
		if err == nil || !errors.Is(err, ErrInput) && p == Defaults() {
			t.Errorf("%s: error %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Fit(ctx, w.Peers, w.declared, quick()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAFeatureThatTellsTheSpendIsLeftOut(t *testing.T) {
	w := newTown(2000, 1, 0.3, 0, 15)
	told := *w
	f := *w.Frame
	spend := frame.Column{Meta: frame.Meta{Name: "spend_365d"}, Kind: frame.Number, Numbers: w.totals()}
	// Contracts of every third account, which are its spend but for their unit.
	contract := frame.Column{Meta: frame.Meta{Name: "contract_amount"}, Kind: frame.Number, Numbers: make([]float64, f.Rows())}
	for i, v := range spend.Numbers {
		if contract.Numbers[i] = math.NaN(); i%3 == 0 {
			contract.Numbers[i] = 10 * v
		}
	}
	f.Columns = append([]frame.Column{contract}, append(slices.Clone(f.Columns), spend)...)
	told.Frame = &f
	served := map[Twin]bool{}
	for _, rounds := range []int{1, 30} { // neighbours are better than the one, and no better than the other
		p := Defaults()
		p.Rounds = rounds
		m, report := fit(t, &told, p)
		served[report.Categories[0].Serves] = true
		if diff := cmp.Diff([]string{"contract_amount", "spend_365d"}, report.Categories[0].Without); diff != "" {
			t.Errorf("left out: %s", diff)
		}
		// The twin never saw the columns.
		twin, plain := fit(t, w, p)
		if plain.Categories[0].Without != nil {
			t.Errorf("left out %q of a frame that tells no spend", plain.Categories[0].Without)
		}
		all := estimate(t, m, &told, nil)
		if diff := cmp.Diff(estimate(t, twin, w, nil), all, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("after %d rounds the columns moved the estimates: %s", rounds, diff)
		}
		own, wide := 0, 0
		for k := range all {
			e := &all[k]
			if e.State == Estimated && e.Wallet == e.Spend {
				own++
			}
			if e.State == Unknown {
				wide++
			}
		}
		t.Logf("%d rounds: %d of %d wallets are the spend, %d unknown, by %s", rounds, own, len(all), wide, report.Categories[0].Serves)
		if own > len(all)/5 { // one in ten buys all of it here
			t.Errorf("%d of %d wallets are the account's own spend", own, len(all))
		}
	}
	if len(served) != 2 {
		t.Errorf("only %v served", served)
	}
}

func TestTotalsByHand(t *testing.T) {
	m := &Model{params: Defaults()}
	nan := math.NaN()
	all := []Estimate{
		{Account: 0, Category: 0, State: Known, Wallet: 100, Low: 80, High: 120, Spend: 50},
		{Account: 0, Category: 1, State: Estimated, Wallet: 200, Low: 100, High: 300, Spend: 100},
		{Account: 0, Category: 2, State: Unknown, Wallet: nan, Low: nan, High: nan, Spend: 30},
		{Account: 0, Category: 3, State: Estimated, Flags: NotBought, Wallet: 900, Low: 800, High: 999},
		{Account: 1, Category: 0, State: Unknown, Wallet: nan, Low: nan, High: nan, Spend: 30},
		{Account: 1, Category: 1, State: Known, Wallet: 100, Low: 80, High: 120, Spend: 20},
		{Account: 2, Category: 1, State: Known, Flags: NotBought, Wallet: 100, Low: 80, High: 120},
		{Account: 4, Category: 0, State: Estimated, Wallet: 900, Low: 1, High: 9000, Spend: 1},
	}
	totals := m.Totals(all, 5, []float64{0, 0, 0, 7, 0})
	want := []Total{
		{Account: 0, State: Estimated, Wallet: 300, Low: 180, High: 420, Spend: 150, SpendUnknown: 30, Share: .5, Potential: 150, Categories: [3]int32{1, 1, 1}},
		{Account: 1, State: Unknown, Why: MostUnknown, Wallet: nan, Low: nan, High: nan, Spend: 20, SpendUnknown: 30, Share: nan, Potential: nan, Categories: [3]int32{1, 0, 1}},
		{Account: 2, State: Known, Wallet: 100, Low: 80, High: 120, Potential: 100, Categories: [3]int32{0, 0, 1}},
		{Account: 3, State: Unknown, Why: NoneKnown, Wallet: nan, Low: nan, High: nan, SpendUnknown: 7, Share: nan, Potential: nan, Categories: [3]int32{1, 0, 0}},
		{Account: 4, State: Unknown, Why: SumTooWide, Wallet: nan, Low: nan, High: nan, Spend: 1, Share: nan, Potential: nan, Categories: [3]int32{0, 1, 0}},
	}
	if diff := cmp.Diff(want, totals, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	// The third account bought nothing here in either year.
	earlier := &Spend{Start: []int{0, 3, 4, 5, 5, 5}, Category: []int32{0, 1, 2, 1, 2}, Amount: []float64{80, 100, 500, 9, 0}}
	columns, err := Columns(all, totals, earlier)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float64{}
	for _, c := range columns {
		values[c.Name] = c.Numbers
		if c.LabelEN == "" || c.LabelZH == "" || len(c.ReasonEN) == 0 || len(c.ReasonZH) == 0 || c.Check() != nil {
			t.Errorf("column %q has no words", c.Name)
		}
	}
	if diff := cmp.Diff(map[string][]float64{
		"wallet_estimated_share": {.5, nan, 0, nan, nan}, "wallet_estimated_gap": {150, nan, 100, nan, nan},
		"wallet_estimated_width": {420.0 / 180, nan, 1.5, nan, nan}, "wallet_estimated_trend": {(150 - 180) / 300.0, nan, nan, nan, nan},
	}, values, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if _, err := Columns(all, totals, &Spend{Start: []int{0}}); !errors.Is(err, ErrInput) {
		t.Errorf("too short: %v", err)
	}
}

func TestTotalsCoverWhateverTheDependence(t *testing.T) {
	// Ten categories with intervals of 80 %; errors from independent to one and the same.
	r := rand.New(rand.NewPCG(5, 6))
	m := &Model{params: Defaults()}
	for _, shared := range []float64{0, 0.5, 1} {
		inside := 0
		const rounds = 4000
		for range rounds {
			var all []Estimate
			common, truth := r.NormFloat64(), 0.0
			for c := range 10 {
				const sigma, z = 0.4, 1.2815515655446004
				wallet := 100 * float64(c+1)
				all = append(all, Estimate{Category: int32(c), State: Estimated, Wallet: wallet, Low: wallet * math.Exp(-z*sigma), High: wallet * math.Exp(z*sigma), Spend: 1})
				truth += wallet * math.Exp(sigma*(math.Sqrt(shared)*common+math.Sqrt(1-shared)*r.NormFloat64()))
			}
			if o := m.Totals(all, 1, nil)[0]; truth >= o.Low && truth <= o.High {
				inside++
			}
		}
		if got := float64(inside) / rounds; got < 0.8-0.03 || shared == 1 && got > 0.83 {
			t.Errorf("errors shared by %v: %v inside", shared, got)
		}
	}
}

func TestWordsOfEverything(t *testing.T) {
	seen := map[string]bool{}
	check := func(code string, words [2]string) {
		if code == "" || seen[code] || words[0] == "" || words[1] == "" || words[0] == words[1] {
			t.Errorf("code %q: %q", code, words)
		}
		seen[code] = true
		for _, w := range words[1:] { // both languages name the same
			for _, name := range []string{"{author}", "{period}", "{rank}", "{suppliers}", "{category}", "{low}", "{high}", "{declared}", "{spend}"} {
				if strings.Contains(w, name) != strings.Contains(words[0], name) {
					t.Errorf("%s: %s stands in one language only", code, name)
				}
			}
		}
	}
	for s := Unknown; s <= Known; s++ {
		check(s.String(), [2]string{s.Words(English), s.Words(Chinese)})
	}
	for w := DeclaredAmount; w <= NoPurchases; w++ {
		check(w.String(), [2]string{w.Words(English), w.Words(Chinese)})
	}
	for _, f := range (Raised | AbovePeers | Stale | ByPeersOnly | RankUnused | NotBought | BelowParts | AsSaid).Each() {
		check(f.String(), [2]string{f.Words(English), f.Words(Chinese)})
	}
	for _, w := range noTrends {
		check(w.code, w.words)
	}
	en, zh := WithoutText([]frame.Meta{{Name: "crates"}, {Name: "contract_amount", LabelEN: "Contracts", LabelZH: "合同"}})
	check("without", [2]string{en, zh})
	if !strings.Contains(en, "crates, Contracts") || !strings.Contains(zh, "crates、合同") {
		t.Errorf("%q, %q", en, zh)
	}
	if en, zh = WithoutText(nil); en+zh != "" {
		t.Errorf("nothing left out: %q, %q", en, zh)
	}
	if int(NoPurchases)+1 != len(whys) || int(Known)+1 != len(states) || AsSaid != 1<<(len(flags)-1) {
		t.Error("codes without words")
	}
}
