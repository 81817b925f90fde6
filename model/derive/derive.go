// Package derive makes columns that are fitted: what a lifetime model expects
// of an account beside all others that the cutoff knows, and, where asked, what
// its peers let expect as its wallet.
//
// Place in the flow: frame → [derive] → learn. A feature in SQL depends on one
// account's rows alone; whatever rests on the others' too is a derived column.
// For training at a cutoff its parameters are fitted on what was known at that
// cutoff; test rows and served rows take the parameters fitted at the newest
// training cutoff, which travel in the model's bundle.
package derive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"fealty/features/frame"
	"fealty/model/lifetime"
)

// The columns that histories are read from.
const (
	buyingDays = "buying_days_total"
	recency    = "recency_days"
	tenure     = "tenure_days"
)

// LeastAccounts is the fewest accounts that parameters are fitted on: with
// fewer, each of the four has a standard error of its own size.
const LeastAccounts = 200

// metas are the derived columns, in their order.
var metas = []frame.Meta{
	{
		Name: "lifetime_alive", Unit: "share", Group: "lifetime", Factor: "frequency", Direction: frame.Lowers,
		LabelEN: "Probability of still being a customer, by its rhythm", LabelZH: "按购买节奏估计的仍为客户的概率",
		ReasonEN: []string{
			"No order for {recency_days} days, where one came every {gap_median_days} days: still a customer with a probability of {lifetime_alive}",
			"By its rhythm of purchases, it is still a customer with a probability of {lifetime_alive}",
		},
		ReasonZH: []string{"已有{recency_days}天未下单，此前通常每{gap_median_days}天下单一次：仍为客户的概率为{lifetime_alive}", "按其购买节奏，仍为客户的概率为{lifetime_alive}"},
	},
	{
		Name: "lifetime_no_purchase", Unit: "share", Group: "lifetime", Factor: "frequency", Direction: frame.Raises,
		LabelEN: "Probability of no purchase within the horizon, by its rhythm", LabelZH: "按购买节奏估计的期内不购买的概率",
		ReasonEN: []string{
			"Days with a purchase: {buying_days_total} in {tenure_days}, none in the last {recency_days}: no purchase within the horizon with a probability of {lifetime_no_purchase}",
			"By its rhythm of purchases, it buys nothing within the horizon with a probability of {lifetime_no_purchase}",
		},
		ReasonZH: []string{"{tenure_days}天内有{buying_days_total}个购买日，近{recency_days}天没有购买：期内不购买的概率为{lifetime_no_purchase}", "按其购买节奏，期内不购买的概率为{lifetime_no_purchase}"},
	},
	{
		Name: "lifetime_purchases", Unit: "days", Group: "lifetime", Factor: "frequency", Direction: frame.Lowers,
		LabelEN: "Buying days expected within the horizon, by its rhythm", LabelZH: "按购买节奏估计的期内购买天数",
		ReasonEN: []string{"By its rhythm of purchases, {lifetime_purchases} buying days are expected within the horizon"},
		ReasonZH: []string{"按其购买节奏，期内预期有{lifetime_purchases}个购买日"},
	},
}

// Metas returns what the derived columns are, in their order. The result is the
// caller's own.
func Metas() []frame.Meta { return slices.Clone(metas) }

// Known gathers the histories of the accounts that one cutoff knows; the zero
// value knows none. It takes 24 bytes per account that has bought.
type Known struct{ h lifetime.Histories }

// Reader reads histories out of a frame of features.
type Reader struct{ days, since, age *frame.Column }

// Histories returns what reads the histories of a frame's rows.
func Histories(f *frame.Frame) Reader {
	return Reader{f.Column(buyingDays), f.Column(recency), f.Column(tenure)}
}

// Add gives the history of row i to what a cutoff knows; a row without a
// purchase, or without the columns, tells nothing.
func (r Reader) Add(to *Known, i int) {
	if x, t, age, ok := r.Of(i); ok {
		to.h.Frequency, to.h.Recency, to.h.Age = append(to.h.Frequency, x), append(to.h.Recency, t), append(to.h.Age, age)
	}
}

// Accounts is how many have bought.
func (k *Known) Accounts() int { return k.h.Rows() }

// Of reads x, t_x and T of a row: repeat buying days, the days from the first
// to the last, and from the first to the cutoff. Recency leaves out rests of the
// account: a silence is as long as that, also after a first purchase without another,
// and the rests of a rested account lie in its t_x. They are kept within what a history can be.
func (r Reader) Of(i int) (x, t, age float64, ok bool) {
	if r.days == nil || r.since == nil || r.age == nil || r.days.IsNull(i) || r.since.IsNull(i) || r.age.IsNull(i) || r.days.Numbers[i] < 1 {
		return 0, 0, 0, false
	}
	x, age = r.days.Numbers[i]-1, r.age.Numbers[i]
	if x == 0 {
		return 0, 0, min(age, r.since.Numbers[i]), true
	}
	if age < 1 { // several buying days need a day between them
		return 0, 0, 0, false
	}
	return x, min(max(age-r.since.Numbers[i], 1), age), age, true
}

// Columns turn features into derived columns. They are immutable and safe for
// concurrent use.
type Columns struct {
	model   *lifetime.Model
	horizon float64
	// why is what was in the way of a fit; then all columns are missing.
	why string
	// certain is of texts of format 1: where nobody leaves, all are alive with a
	// probability of 1, as the models in those bundles learnt it.
	certain bool
	// wallet is nil where its columns are not asked for.
	wallet *walletColumns
}

// Fit fits a lifetime model on what one cutoff knows, for a horizon of so many
// days: one model of all accounts, whatever their segment. Where the histories show
// no departure the kind has no optimum, and the NBD is what it comes to; nobody can
// then say who is still a customer, and lifetime_alive is missing. Too few
// accounts, or histories that do not determine the parameters of that either, are
// no error: all columns are then missing, and Why says so. The error is ctx's, of
// histories that no account can have, or of a kind that lifetime does not know.
func Fit(ctx context.Context, k *Known, horizonDays int, kind lifetime.Kind) (*Columns, error) {
	c := &Columns{horizon: float64(horizonDays)}
	if horizonDays < 1 || horizonDays > maxHorizon {
		return nil, fmt.Errorf("derive: a horizon of %d days: give 1 … %d", horizonDays, maxHorizon)
	}
	if n := k.Accounts(); n < LeastAccounts {
		c.why = fmt.Sprintf("%d accounts have bought, and a lifetime model needs %d", n, LeastAccounts)
		return c, nil
	}
	for _, kind := range []lifetime.Kind{kind, lifetime.NBD} {
		m, err := lifetime.Fit(ctx, kind, k.h, nil)
		if err == nil {
			c.model, c.why = m, ""
			return c, nil
		}
		if !errors.Is(err, lifetime.ErrNotConverged) {
			return nil, fmt.Errorf("fit the lifetime columns: %w", err)
		}
		c.why = err.Error()
	}
	return c, nil
}

// Why says why those of the lifetime model have no values, "" when they have.
func (c *Columns) Why() string { return c.why }

// Empty says of which columns there are no values and why, nil when all have.
func (c *Columns) Empty() []string {
	var all []string
	if why := c.Why(); why != "" {
		all = append(all, "of the lifetime model: "+why)
	}
	if why := c.WhyNoWallet(); why != "" {
		all = append(all, "of the estimated wallet: "+why)
	}
	return all
}

// Model returns the lifetime model, nil when none was fitted.
func (c *Columns) Model() *lifetime.Model { return c.model }

// Metas returns what its columns are, in the order of Of. The result is the
// caller's own.
func (c *Columns) Metas() []frame.Meta {
	if c.wallet == nil {
		return Metas()
	}
	return slices.Concat(metas, walletMetas)
}

// Of returns the derived columns of a frame's rows, in the order of Metas, then of
// WalletMetas where it has those. A row without a purchase has none of the values.
func (c *Columns) Of(f *frame.Frame) ([]frame.Column, error) {
	out, err := c.lifetime(f)
	if err != nil || c.wallet == nil {
		return out, err
	}
	wallets, err := c.wallet.of(f)
	return append(out, wallets...), err
}

// lifetime returns the columns of the lifetime model.
func (c *Columns) lifetime(f *frame.Frame) ([]frame.Column, error) {
	n := f.Rows()
	out := missing(metas, n)
	if c.model == nil {
		return out, nil
	}
	var h lifetime.Histories
	var rows []int
	read := Histories(f)
	for i := range n {
		if x, t, age, ok := read.Of(i); ok {
			h.Frequency, h.Recency, h.Age = append(h.Frequency, x), append(h.Recency, t), append(h.Age, age)
			rows = append(rows, i)
		}
	}
	values := make([]float64, len(rows))
	for j, of := range []func(lifetime.Histories, []float64) error{
		c.alive,
		func(h lifetime.Histories, out []float64) error { return c.model.NoPurchase(h, c.horizon, out) },
		func(h lifetime.Histories, out []float64) error { return c.model.Expected(h, c.horizon, out) },
	} {
		if err := of(h, values); err != nil {
			return nil, fmt.Errorf("derive %s: %w", metas[j].Name, err)
		}
		for k, i := range rows {
			out[j].Numbers[i] = values[k]
		}
	}
	return out, nil
}

// alive is P(alive), NaN where the model can't say.
func (c *Columns) alive(h lifetime.Histories, out []float64) error {
	if c.model.Kind().Leaves() || c.certain {
		return c.model.Alive(h, out)
	}
	for i := range out {
		out[i] = math.NaN()
	}
	return nil
}

// Extend returns the frame with the derived columns behind its own, sharing
// those. A frame that has them already is refused.
func (c *Columns) Extend(f *frame.Frame) (*frame.Frame, error) {
	for _, m := range slices.Concat(metas, walletMetas) {
		if f.Column(m.Name) != nil {
			return nil, fmt.Errorf("derive: the frame has a column %q, which is derived here", m.Name)
		}
	}
	derived, err := c.Of(f)
	if err != nil {
		return nil, err
	}
	out := *f
	out.Columns = slices.Concat(f.Columns, derived)
	return &out, nil
}

// ErrText marks a text that is not what MarshalText wrote.
var ErrText = errors.New("derive: not saved columns")

const (
	// maxText bounds a saved text, in bytes: a wallet model takes some 200 kB of it.
	maxText = 1 << 22
	format  = 2
	// certainFormat is that of bundles in which all are alive where nobody leaves.
	certainFormat = 1
)

type saved struct {
	Format  int    `json:"format"`
	Horizon int    `json:"horizon_days"`
	Why     string `json:"why,omitempty"`
	Model   string `json:"lifetime,omitempty"`
	// Wallet is absent where its columns are not among them.
	Wallet *savedWallet `json:"wallet,omitempty"`
}

func (c *Columns) format() int {
	if c.certain {
		return certainFormat
	}
	return format
}

// MarshalText returns the parameters as JSON. Equal columns have equal texts.
func (c *Columns) MarshalText() ([]byte, error) {
	out := saved{Format: c.format(), Horizon: int(c.horizon), Why: c.why}
	if c.model != nil {
		text, err := c.model.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("save the lifetime columns: %w", err)
		}
		out.Model = string(text)
	}
	if c.wallet != nil {
		var err error
		if out.Wallet, err = c.wallet.save(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// Parse reads what MarshalText wrote; other texts wrap ErrText.
func Parse(text []byte) (*Columns, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%w: %d bytes; the most is %d", ErrText, len(text), maxText)
	}
	var in saved
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if in.Format != format && in.Format != certainFormat || in.Horizon < 1 || in.Horizon > maxHorizon || (in.Why == "") == (in.Model == "") || d.More() {
		return nil, fmt.Errorf("%w: format %d (this program reads %d and %d), %d days, reason %q beside a model of %d bytes",
			ErrText, in.Format, certainFormat, format, in.Horizon, in.Why, len(in.Model))
	}
	c := &Columns{horizon: float64(in.Horizon), why: in.Why, certain: in.Format == certainFormat}
	if in.Model != "" {
		var err error
		if c.model, err = lifetime.Parse([]byte(in.Model)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrText, err)
		}
	}
	if in.Wallet != nil {
		var err error
		if c.wallet, err = in.Wallet.read(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// maxHorizon is the longest horizon, in days.
const maxHorizon = 3660
