package features

import (
	"fmt"

	"fealty/features/frame"
)

// Eligibility says whether an account may be scored at a cutoff, and why not.
type Eligibility uint8

// The eligibilities.
const (
	// Eligible accounts bought at least once and not too long ago.
	Eligible Eligibility = iota + 1
	// NeverBought accounts have no purchase as of the cutoff.
	NeverBought
	// Lapsed accounts bought, but not within active_within: the win-back list.
	Lapsed
)

// eligibilities are the words of the answers.
var eligibilities = [...]string{"invalid", "eligible", "never_bought", "lapsed"}

// String returns the reason in the words of the answers: eligible,
// never_bought or lapsed.
func (e Eligibility) String() string {
	if int(e) < len(eligibilities) {
		return eligibilities[e]
	}
	return fmt.Sprintf("eligibility(%d)", uint8(e))
}

// ParseEligibility reads what String wrote; ErrBadRequest for anything else.
func ParseEligibility(text string) (Eligibility, error) {
	for e := Eligible; int(e) < len(eligibilities); e++ {
		if eligibilities[e] == text {
			return e, nil
		}
	}
	return 0, fmt.Errorf("%w: eligibility %q", ErrBadRequest, text)
}

// DefaultActiveWithin returns the default of active_within for a horizon, in
// days: max(2H, 180).
func DefaultActiveWithin(horizonDays int) int { return max(2*horizonDays, 180) }

// Judge returns the eligibility of an account at a cutoff from the instant of
// its last purchase in Unix seconds, 0 when there was none, and the days since on
// which it rested. activeWithinDays are days of 24 hours before the cutoff, the first
// instant included, those of rest left out; 0 means unlimited.
func Judge(lastPurchase int64, rested int, cutoff frame.Cutoff, activeWithinDays int) Eligibility {
	switch {
	case lastPurchase == 0:
		return NeverBought
	case activeWithinDays > 0 && lastPurchase < int64(cutoff.Add(-activeWithinDays-rested)):
		return Lapsed
	}
	return Eligible
}

// Slice is a part of a feature matrix: all known accounts of a range, each at
// every cutoff at which it was known. Rows are ordered by account (bytewise),
// then by the order of the request's cutoffs; Frame, Status, FirstPurchase and
// LastPurchase are parallel. The columns are the catalogue's, all Numbers.
// A slice is read-only and stays valid.
type Slice struct {
	Frame *frame.Frame
	// Status tells which rows may be scored; the others stand here too.
	Status []Eligibility
	// FirstPurchase and LastPurchase are Unix seconds, 0 when there was none.
	FirstPurchase, LastPurchase []int64
	// Rested are the days since the last purchase on which the account rested; nil where
	// that is not told.
	Rested []int
}

// DaysRested returns the days since its last purchase on which the account of a row rested.
func (s *Slice) DaysRested(row int) int {
	if s.Rested == nil {
		return 0
	}
	return s.Rested[row]
}

// Coverage is what one source holds as of one cutoff.
type Coverage struct {
	Source Source
	Cutoff frame.Cutoff
	// Rows counts the rows seen; First and Last are the events' instants in Unix
	// seconds, 0 when there is none.
	Rows        int64
	First, Last int64
	// Truncated lists the windows, in days, that reach before the first event.
	Truncated []int
}

// Windows returns the windows in days of the calendar that features are named after. Where an
// account rests those of less than a year reach further back.
func Windows() []int { return []int{30, 90, 180, 365} }

// Measure fills Truncated from First: a window is truncated when it begins
// before the first event. A source without rows has nothing to truncate.
func (c *Coverage) Measure() {
	c.Truncated = nil
	for _, days := range Windows() {
		if c.Rows > 0 && int64(c.Cutoff.Add(-days)) < c.First {
			c.Truncated = append(c.Truncated, days)
		}
	}
}
