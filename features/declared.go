package features

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"

	"fealty/features/frame"
)

// Statement is who said something of a wallet, of when, and when we knew.
type Statement struct {
	// Period is the instant from which on it holds, Recorded when the business knew,
	// both in Unix seconds.
	Period, Recorded int64
	// Author said so, and Origin how we know: a survey, a manager.
	Author, Origin string
}

// Declared is what is declared of an account's spending with all its suppliers
// in a category, as known at a cutoff.
type Declared struct {
	Account frame.AccountID
	Cutoff  frame.Cutoff
	// Category is "" where the account's whole spending is spoken of.
	Category string
	// Amount is spent in a year with everybody, in base currency; NaN when nobody
	// said how much. It is that of the newest period with an amount, and Said is the
	// statement recorded last of it.
	Amount float64
	Said   Statement
	// Rank is our place among so many Suppliers, 1 the first; 0 when nobody said. It
	// is that of the newest period with a rank, as recorded last, and Ranked its
	// statement. Whether the amount or the rank is newer, their periods say.
	Rank, Suppliers int
	Ranked          Statement
}

// RankFault says what is wrong with a row of wallets, and of which column; "" is
// nothing. A row gives an amount, or a rank among a number of suppliers, or both;
// the flags tell which of the three are there.
func RankFault(amount, ranked, counted bool, rank, suppliers int64) (column, fault string) {
	switch {
	case !amount && !ranked && !counted:
		return "amount", "it is missing, and so are rank and suppliers: give an amount, or a rank among a number of suppliers"
	case ranked && !counted:
		return "suppliers", "it is missing: a rank is one among a number of suppliers"
	case counted && !ranked:
		return "rank", "it is missing, and suppliers is given: they stand together"
	case ranked && rank < 1:
		return "rank", fmt.Sprintf("%d is below 1, the first of the suppliers", rank)
	case ranked && rank > suppliers:
		return "rank", fmt.Sprintf("%d of %d suppliers", rank, suppliers)
	}
	return "", ""
}

// ManagerOrigin is the origin of what a manager declared by hand.
const ManagerOrigin = "manager"

// Declaration is what a person declares of an account's wallet: an amount, or our
// rank among its suppliers, or both.
type Declaration struct {
	Account frame.AccountID
	// Category is "" for the account's whole spending.
	Category string
	// Period is the instant from which on it holds, Recorded the one at which it was
	// said, in Unix seconds from 1 on.
	Period, Recorded int64
	// Amount in a year, base currency, to four decimals; NaN for none.
	Amount float64
	// Rank among Suppliers, both 0 for none.
	Rank, Suppliers int
	Author          string
}

// Validate refuses a declaration that says nothing, or not who says it; its
// errors wrap ErrBadRequest.
func (d *Declaration) Validate() error {
	refuse := func(format string, values ...any) error {
		return fmt.Errorf("%w: declaration of %q: %s", ErrBadRequest, d.Account, fmt.Sprintf(format, values...))
	}
	switch {
	case d.Account == "":
		return refuse("account: it is missing")
	case d.Author == "":
		return refuse("author: it is missing: a correction needs somebody who answers for it")
	case d.Period < 1 || d.Recorded < 1:
		return refuse("period and recorded: need instants")
	case math.IsInf(d.Amount, 0) || d.Amount <= 0 || d.Amount >= mostDeclared:
		return refuse("amount: %v lies outside 0 … %v", d.Amount, mostDeclared)
	}
	if column, fault := RankFault(!math.IsNaN(d.Amount), d.Rank != 0, d.Suppliers != 0, int64(d.Rank), int64(d.Suppliers)); fault != "" {
		return refuse("%s: %s", column, fault)
	}
	return nil
}

// mostDeclared bounds an amount so that it fits the warehouse's decimals.
const mostDeclared = 1e13

// Rows returns the declaration as the row of wallets that it is.
func (d *Declaration) Rows() Rows {
	return &row{table: &frame.Table{Columns: []frame.Column{
		oneText("account", string(d.Account)), oneText("category", d.Category), oneNumber("period", frame.Time, d.Period, true),
		oneDecimal("amount", d.Amount, !math.IsNaN(d.Amount)),
		oneNumber("rank", frame.Integer, int64(d.Rank), d.Rank != 0), oneNumber("suppliers", frame.Integer, int64(d.Suppliers), d.Suppliers != 0),
		oneText("origin", ManagerOrigin), oneText("author", d.Author), oneNumber(RecordedAt, frame.Time, d.Recorded, true),
	}}}
}

// oneText is a column of one text.
func oneText(name, value string) frame.Column {
	return frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Text, Texts: []string{value}}
}

// oneNumber is a column of one whole number, which is missing when none is given.
func oneNumber(name string, kind frame.Kind, value int64, given bool) frame.Column {
	c := frame.Column{Meta: frame.Meta{Name: name}, Kind: kind, Integers: []int64{0}, Null: []bool{!given}}
	if given {
		c.Integers[0] = value
	}
	return c
}

// oneDecimal is a column of one decimal, to four decimals.
func oneDecimal(name string, value float64, given bool) frame.Column {
	return oneNumber(name, frame.Decimal, int64(math.Round(value*frame.DecimalScale)), given)
}

// row is one row, in a batch of its own.
type row struct{ table *frame.Table }

func (r *row) Next(ctx context.Context) (*frame.Table, error) {
	if r.table == nil || ctx.Err() != nil {
		return nil, cmp.Or(ctx.Err(), io.EOF)
	}
	t := r.table
	r.table = nil
	return t, nil
}

func (r *row) Close() error { return nil }
