package derive_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fealty/features/frame"
	"fealty/model/derive"
	"fealty/model/lifetime"
)

// shop draws accounts that buy at rates of their own and stop after a purchase
// with a probability of their own, leave on average.
func shop(accounts int, leave float64) *frame.Frame {
	chance := rand.New(rand.NewPCG(3, 5))
	f := &frame.Frame{}
	days, recency, tenure := make([]float64, accounts), make([]float64, accounts), make([]float64, accounts)
	for i := range accounts {
		f.Accounts, f.Cutoffs = append(f.Accounts, frame.AccountID(string(rune('a'+i%26)))), append(f.Cutoffs, 0)
		age := 50 + math.Floor(300*chance.Float64())
		gap := 10 + 60*chance.ExpFloat64()
		stops := min(1, leave*chance.ExpFloat64())
		bought := map[float64]bool{0: true}
		last := 0.0
		for t := gap * chance.ExpFloat64(); t < age; t += gap * chance.ExpFloat64() {
			if chance.Float64() < stops {
				break
			}
			bought[math.Floor(t)], last = true, math.Floor(t)
		}
		days[i], recency[i], tenure[i] = float64(len(bought)), age-last, age
	}
	days[1], recency[1], tenure[1] = 0, math.NaN(), math.NaN() // never bought
	for name, values := range map[string][]float64{"buying_days_total": days, "recency_days": recency, "tenure_days": tenure} {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	return f
}

func known(f *frame.Frame) *derive.Known {
	var k derive.Known
	r := derive.Histories(f)
	for i := range f.Rows() {
		r.Add(&k, i)
	}
	return &k
}

func TestColumnsAreWhatTheModelSays(t *testing.T) {
	for name, of := range map[string]struct {
		leave float64
		kind  lifetime.Kind
	}{"some leave": {.2, lifetime.MBGNBD}, "nobody leaves": {0, lifetime.NBD}} {
		t.Run(name, func(t *testing.T) {
			f := shop(3000, of.leave)
			k := known(f)
			if k.Accounts() != f.Rows()-1 {
				t.Fatalf("%d of %d accounts have bought", k.Accounts(), f.Rows())
			}
			c, err := derive.Fit(t.Context(), k, 90, lifetime.MBGNBD)
			if err != nil {
				t.Fatal(err)
			}
			if c.Model() == nil || c.Model().Kind() != of.kind {
				t.Fatalf("the model is %v (%s), want %s", c.Model(), c.Why(), of.kind)
			}
			wide, err := c.Extend(f)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, 1)
			h := lifetime.Histories{Frequency: []float64{f.Columns[0].Numbers[0]}, Recency: []float64{0}, Age: []float64{0}}
			r := derive.Histories(f)
			x, since, age, ok := r.Of(0)
			if !ok {
				t.Fatal("the first account has no history")
			}
			h.Frequency[0], h.Recency[0], h.Age[0] = x, since, age
			if err := c.Model().NoPurchase(h, 90, want); err != nil {
				t.Fatal(err)
			}
			// Where nobody leaves, nobody can say who is alive; a bundle of format 1 said 1.
			if alive := wide.Column("lifetime_alive").Numbers[0]; math.IsNaN(alive) != (of.kind == lifetime.NBD) {
				t.Errorf("alive with %v by %s", alive, of.kind)
			}
			if got := wide.Column("lifetime_no_purchase").Numbers[0]; got != want[0] {
				t.Errorf("no purchase with %v, the model says %v", got, want[0])
			}
			for _, m := range derive.Metas() {
				column := wide.Column(m.Name)
				if !math.IsNaN(column.Numbers[1]) {
					t.Errorf("%s of an account that never bought is %v", m.Name, column.Numbers[1])
				}
				if m.LabelZH == "" || len(m.ReasonEN) == 0 || len(m.ReasonZH) == 0 || m.Direction == frame.Unknown {
					t.Errorf("%s lacks words or a direction", m.Name)
				}
			}
			if _, err := c.Extend(wide); err == nil || !strings.Contains(err.Error(), "lifetime_alive") {
				t.Errorf("extended twice: %v", err)
			}
			text, err := c.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			back, err := derive.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			before, err := derive.Parse([]byte(strings.Replace(string(text), `"format":2`, `"format":1`, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if columns, err := before.Of(f); err != nil || of.kind == lifetime.NBD && columns[0].Numbers[0] != 1 {
				t.Errorf("by format 1 alive with %v (%v)", columns[0].Numbers[0], err)
			}
			if saved, err := before.MarshalText(); err != nil || !strings.Contains(string(saved), `"format":1`) {
				t.Errorf("format 1 was saved as %s (%v)", saved, err)
			}
			again, err := back.Of(f)
			if err != nil {
				t.Fatal(err)
			}
			for j := range again {
				for i, v := range again[j].Numbers {
					if math.Float64bits(v) != math.Float64bits(wide.Columns[len(f.Columns)+j].Numbers[i]) {
						t.Fatalf("row %d of %s reads back as %v", i, again[j].Name, v)
					}
				}
			}
		})
	}
}

// What can't be fitted is missing, and says why.
func TestTooFewAccounts(t *testing.T) {
	f := shop(derive.LeastAccounts, .2) // one of them never bought
	c, err := derive.Fit(t.Context(), known(f), 90, lifetime.MBGNBD)
	if err != nil {
		t.Fatal(err)
	}
	if c.Model() != nil || !strings.Contains(c.Why(), "199") {
		t.Errorf("fitted on %d accounts: %q", derive.LeastAccounts-1, c.Why())
	}
	wide, err := c.Extend(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range wide.Columns[len(f.Columns):] {
		for i, v := range column.Numbers {
			if !math.IsNaN(v) {
				t.Fatalf("row %d of %s is %v", i, column.Name, v)
			}
		}
	}
	text, err := c.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := derive.Parse(text); err != nil || back.Why() != c.Why() {
		t.Errorf("reads back as %v (%v)", back, err)
	}
	for _, bad := range []string{"", "{}", `{"format":1,"horizon_days":90}`, `{"format":3,"horizon_days":90,"why":"x"}`, `{"format":1,"horizon_days":90,"lifetime":"{}"}`, string(text) + "{}"} {
		if _, err := derive.Parse([]byte(bad)); !errors.Is(err, derive.ErrText) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := derive.Fit(t.Context(), known(f), 0, lifetime.MBGNBD); err == nil {
		t.Error("a horizon of 0 days was taken")
	}
}

// A rested account's recency may count fewer days than its tenure: so long is its silence, also after one purchase.
func TestHistoriesStayWhatTheyCanBe(t *testing.T) {
	f := &frame.Frame{Accounts: []frame.AccountID{"a", "b", "c", "d"}, Cutoffs: make([]frame.Cutoff, 4)}
	for name, values := range map[string][]float64{
		"buying_days_total": {1, 3, 2, 2}, "recency_days": {3, 100, 2, 1}, "tenure_days": {10, 100, 0, 30},
	} {
		f.Columns = append(f.Columns, frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: values})
	}
	r := derive.Histories(f)
	for i, want := range [][3]float64{{0, 0, 3}, {2, 1, 100}, {}, {1, 29, 30}} {
		x, since, age, ok := r.Of(i)
		if ok != (i != 2) || ok && [3]float64{x, since, age} != want {
			t.Errorf("row %d is %v, %v, %v (%v), want %v", i, x, since, age, ok, want)
		}
	}
}
