package features

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"time"

	"fealty/features/frame"
)

// ErrBadRequest is what a request is refused with before anything is asked of
// the warehouse.
var ErrBadRequest = errors.New("bad feature request")

// Request says which features to build, of whom, and as of when.
type Request struct {
	// Cutoffs (1 … 1,000, all different) and what was known at each.
	Cutoffs []frame.Cutoff
	KnownAt []frame.KnownAt
	// Groups pools the accounts that belong together by links of kind group or sister, or
	// by a parent: one row for the group under its name and none for the branches;
	// whoever belongs to no group stands for itself, and so does whoever asked to be erased.
	Groups bool
	// Accounts to build; empty means all.
	Accounts []frame.AccountID
	// Watermark is the greatest load that is read.
	Watermark uint64
	// Zone is the business time zone by its IANA name; "" means UTC.
	Zone string
	// ActiveWithinDays bounds the age of an eligible account's last purchase; 0
	// means unlimited.
	ActiveWithinDays int
	// Cadence says after how many days we mean to be in touch with an account again.
	Cadence Cadence
	// SliceAccounts bounds the accounts of a slice; default 200,000 rows' worth.
	SliceAccounts int
	// Catalogue of features; default Catalogue().
	Catalogue []Feature
	// Coverage of the sources at the same cutoffs, known_at and watermark, from
	// an earlier report: saves asking for it again when few accounts are built.
	Coverage []Coverage
	// Links are all rows of account_links up to the watermark, from whoever asks several
	// questions of one request; nil means that each reads them.
	Links []Link
}

// BuildReport tells what a build went through.
type BuildReport struct {
	// Accounts known at one cutoff at least, and rows handed on.
	Accounts, Rows int
	// Status counts the rows by eligibility.
	Status map[Eligibility]int
	// Coverage has an entry per source × cutoff, in the order of
	// Sources and the request's cutoffs.
	Coverage []Coverage
	// Slices handed on.
	Slices int
}

// LabelRequest says what to look for after the cutoffs of a slice.
type LabelRequest struct {
	Rule LabelRule
	// Through is the end of the last complete business day (DataThrough).
	Through frame.Cutoff
	// Watermark is the greatest load that is read.
	Watermark uint64
	// KnownAt bounds what labels read to what was recorded by then: a label as it
	// could be learnt from at an earlier date. 0 means everything, whenever recorded.
	KnownAt frame.KnownAt
	// KnownLag after a cutoff is its known_at, for a label that asks what was known
	// then (NonRenewal, and PartialDefection of accounts that become one).
	KnownLag time.Duration
	// Zone is the business time zone by its IANA name; "" means UTC.
	Zone string
	// Links are all rows of account_links up to the watermark, from whoever asks for
	// labels slice by slice; nil means that they are read for this request.
	Links []Link
}

// LabelAsk is one of several label requests that are answered together: for a slice, with
// its own horizon, Through and KnownAt.
type LabelAsk struct {
	LabelRequest
	Slice *Slice
}

// Span is what the order lines hold up to a watermark.
type Span struct {
	Rows, Accounts int64
	// First and Last are the instants of the oldest and newest line in Unix
	// seconds, 0 when there is none.
	First, Last int64
}

// DataThrough returns the end of the last complete business day: the first
// instant of the newest order's day in the zone. It is 0 when there is no order.
func (s Span) DataThrough(zone *time.Location) frame.Cutoff {
	if s.Rows == 0 {
		return 0
	}
	t := time.Unix(s.Last, 0).In(zone)
	return frame.Cutoff(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone).Unix())
}

// Proposal is a horizon proposed from how accounts order.
type Proposal struct {
	// Accounts with at least 3 buying days, and the 85th percentile of their
	// median gaps in days; NaN without such accounts.
	Accounts int64
	GapDays  float64
	// HorizonDays is the proposal, 0 without accounts.
	HorizonDays int
}

// Person is an account's standing at a cutoff.
type Person struct {
	Account frame.AccountID
	Cutoff  frame.Cutoff
	// First and Last purchase in Unix seconds, 0 when there was none.
	First, Last int64
	// Rested are the days since the last one on which the account rested.
	Rested int
	Status Eligibility
}

// RowHash fingerprints the values of row i: the Float64 bits of the columns in
// their order, with one bit pattern for missing; the first 128 bits of their
// SHA-256 in hex.
func RowHash(f *frame.Frame, i int) string {
	buf := make([]byte, 0, 8*len(f.Columns))
	for c := range f.Columns {
		v := f.Columns[c].Float(i)
		if math.IsNaN(v) {
			v = math.NaN() // any NaN becomes this one
		}
		buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}
