package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"fealty/features/frame"
)

// ManualKind says what a manual entry is.
type ManualKind string

// The kinds of manual entry.
const (
	// ManualMeasure is an eleventh indicator, 0 … 100; it counts with the points
	// that the weights give to ManualWeight.
	ManualMeasure ManualKind = "measure"
	// ManualLearning is the learning value of the account: what is learnt from it,
	// in base currency per year.
	ManualLearning ManualKind = "learning"
)

// Manual is what a person entered of an account.
type Manual struct {
	Account frame.AccountID
	Kind    ManualKind
	Value   float64
	// Author and Comment are required.
	Author, Comment string
	// At is when it was entered, in Unix seconds, UTC. A row sees entries before its
	// cutoff; of several the newest holds, of equally new ones the last in the list.
	At int64
}

func (m *Manual) check() error {
	switch {
	case m.Kind != ManualMeasure && m.Kind != ManualLearning:
		return fmt.Errorf("is of kind %q; give %s or %s", m.Kind, ManualMeasure, ManualLearning)
	case m.Kind == ManualLearning && !(math.Abs(m.Value) <= math.MaxFloat64):
		return fmt.Errorf("has the value %v; give an amount in base currency", m.Value)
	case m.Kind != ManualLearning && !(m.Value >= 0 && m.Value <= 100):
		return fmt.Errorf("has the value %v; give 0 … 100", m.Value)
	case strings.TrimSpace(m.Author) == "":
		return fmt.Errorf("has no author; say who entered it")
	case strings.TrimSpace(m.Comment) == "":
		return fmt.Errorf("has no comment; say why")
	}
	return nil
}

// Input is what a batch is computed from. It is read only.
type Input struct {
	// Frame holds the feature columns by their catalogue names; all may be absent.
	Frame *frame.Frame
	// Extra holds columns that are handed in, by name: ExtraWalletShare,
	// ExtraLifetimeValue, the survey items (Items), the columns of Value. Each is as
	// long as the frame; NaN means missing. It stands before a column of the frame that
	// has its name.
	Extra map[string][]float64
	// Segments is each row's segment, or nil.
	Segments []string
	// Parents is the row of each row's parent, −1 for none, or nil. Rows from the
	// frame's length on are those of Above.
	Parents []int32
	// Above are parents without a row of their own, since they never bought, and
	// AboveParents theirs, as Parents.
	Above        []frame.AccountID
	AboveParents []int32
	// Values weigh the children of a parent; nil means by spend_365d. Missing and
	// negative values weigh nothing.
	Values []float64
	// Gone marks the accounts that are gone already, which have no place among those
	// who buy; nil means nobody.
	Gone []bool
	// Referrals are who referred whom, of those who bought then; nil where no referral
	// is known.
	Referrals []Referral
	// Replies are what the accounts answered to survey items, at most one per row and
	// item; those older than the settings allow don't count.
	Replies []Reply
	// Manual holds people's entries; those of accounts outside the frame are ignored.
	Manual []Manual
	// Scale holds the stored quantiles; nil makes what needs them not measurable.
	Scale *Scale
	// Threads is the number of goroutines, 0 for one per processor. It never shows
	// in a result.
	Threads int
}

// Referral is a row whose account referred that of the row Of.
type Referral struct{ By, Of int32 }

func (in *Input) columns() columns { return columns{in.Frame, in.Extra} }

// rows returns the number of rows.
func (in *Input) rows() int { return in.Frame.Rows() }

// check refuses lengths that differ, infinities, shares outside 0 … 1, parents that
// are no rows and manual entries that are not complete.
func (in *Input) check() error {
	if in.Frame == nil {
		return fmt.Errorf("loyalty: there is no frame; hand in one, if only of accounts and cutoffs")
	}
	n := in.rows()
	if len(in.Frame.Cutoffs) != n {
		return fmt.Errorf("loyalty: %d cutoffs for %d accounts", len(in.Frame.Cutoffs), n)
	}
	for i := range in.Frame.Columns {
		if c := &in.Frame.Columns[i]; c.Len() != n {
			return fmt.Errorf("loyalty: column %q has %d rows, the frame %d", c.Name, c.Len(), n)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Extra)) {
		if err := checkExtra(name, in.Extra[name], n); err != nil {
			return fmt.Errorf("loyalty: %w", err)
		}
	}
	if in.Segments != nil && len(in.Segments) != n {
		return fmt.Errorf("loyalty: %d segments for %d rows", len(in.Segments), n)
	}
	if in.Values != nil && len(in.Values) != n {
		return fmt.Errorf("loyalty: %d values for %d rows", len(in.Values), n)
	}
	if in.Parents != nil && len(in.Parents) != n {
		return fmt.Errorf("loyalty: %d parents for %d rows", len(in.Parents), n)
	}
	if in.Gone != nil && len(in.Gone) != n {
		return fmt.Errorf("loyalty: %d marks of accounts that are gone for %d rows", len(in.Gone), n)
	}
	for _, r := range in.Referrals {
		if r.By < 0 || r.Of < 0 || int(r.By) >= n || int(r.Of) >= n {
			return fmt.Errorf("loyalty: row %d referred row %d; give 0 … %d", r.By, r.Of, n-1)
		}
	}
	if len(in.Above) != len(in.AboveParents) || len(in.Above) > 0 && in.Parents == nil {
		return fmt.Errorf("loyalty: %d accounts above the rows have %d parents, and the rows %d", len(in.Above), len(in.AboveParents), len(in.Parents))
	}
	for _, parents := range [][]int32{in.Parents, in.AboveParents} {
		for i, p := range parents {
			if p < -1 || int(p) >= n+len(in.Above) {
				return fmt.Errorf("loyalty: row %d has row %d as its parent; give −1 … %d", i, p, n+len(in.Above)-1)
			}
		}
	}
	for i := range in.Replies {
		if err := in.Replies[i].check(n); err != nil {
			return fmt.Errorf("loyalty: reply %d %w", i+1, err)
		}
	}
	for i := range in.Manual {
		if err := in.Manual[i].check(); err != nil {
			return fmt.Errorf("loyalty: manual entry %d of account %q %w", i+1, in.Manual[i].Account, err)
		}
	}
	return nil
}

func (r *Reply) check(rows int) error {
	switch {
	case r.Row < 0 || r.Row >= rows:
		return fmt.Errorf("is of row %d; give 0 … %d", r.Row, rows-1)
	case !slices.Contains(Items(), r.Item):
		return fmt.Errorf("is to %q; there are %s", r.Item, strings.Join(Items(), ", "))
	case !shareOK(r.Share) || !math.IsNaN(r.Expected) && !shareOK(r.Expected):
		return fmt.Errorf("is %v where %v was expected; give shares of 0 … 1", r.Share, r.Expected)
	}
	return nil
}

func checkExtra(name string, values []float64, n int) error {
	if len(values) != n {
		return fmt.Errorf("%d values of %s for %d rows", len(values), name, n)
	}
	share := name == ExtraWalletShare || slices.Contains(Items(), name)
	for i, v := range values {
		switch {
		case math.IsInf(v, 0):
			return fmt.Errorf("%s of row %d is %v; a missing value is NaN", name, i, v)
		case share && (v < 0 || v > 1):
			return fmt.Errorf("%s of row %d is %v; give a share of 0 … 1", name, i, v)
		}
	}
	return nil
}

// manuals returns, by row, the entry of a kind that holds at the row's cutoff. It
// looks at every row only when there is an entry.
func (in *Input) manuals(kind ManualKind) map[int]*Manual {
	by := map[frame.AccountID][]*Manual{}
	for i := range in.Manual {
		if m := &in.Manual[i]; m.Kind == kind {
			by[m.Account] = append(by[m.Account], m)
		}
	}
	held := map[int]*Manual{}
	if len(by) == 0 {
		return held
	}
	for i, account := range in.Frame.Accounts {
		for _, m := range by[account] {
			if m.At < int64(in.Frame.Cutoffs[i]) && (held[i] == nil || m.At >= held[i].At) {
				held[i] = m
			}
		}
	}
	return held
}
