package features

import (
	"errors"
	"time"

	"fealty/features/frame"
)

// ErrKnown says that a row's key is known with other values, and the load is
// no declared correction.
var ErrKnown = errors.New("known with other values")

// LoadRequest says what rows are to be taken into which table.
type LoadRequest struct {
	// Table is the canonical table's name.
	Table string
	// Source names where the rows come from, for people; default "import".
	Source string
	// Files are the names of the files, for people.
	Files []string
	// Hash returns the hash of the content, by which a load is recognised; it is
	// asked after the last row. Nil means that the rows are always new.
	Hash func() string
	// Correct declares that rows with known keys and other values are corrections.
	Correct bool
	// BaseCurrency is what amount_base is in; Zone the business time zone, by
	// whose days exchange rates hold.
	BaseCurrency, Zone string
}

// LoadReport tells what a load did.
type LoadReport struct {
	Table string `json:"table"`
	// Load is the load's number, the earlier one's when Already.
	Load uint64 `json:"load"`
	// Already: the same content had been loaded before; nothing changed.
	Already bool `json:"already"`
	// Rows written. Unchanged rows were known with the same values and left out,
	// Corrected ones replace known values.
	Rows      int64 `json:"rows"`
	Unchanged int64 `json:"unchanged"`
	Corrected int64 `json:"corrected"`
	// Assumed counts the rows whose recorded_at was not given and is their event time.
	Assumed int64 `json:"assumed_recorded_at"`
}

// Load is a committed load.
type Load struct {
	Load        uint64    `json:"load"`
	Table       string    `json:"table"`
	Source      string    `json:"source"`
	Hash        string    `json:"hash"`
	Rows        int64     `json:"rows"`
	Assumed     int64     `json:"assumed_recorded_at"`
	CommittedAt time.Time `json:"committed_at"`
}

// Profile is who an account is, as known at a cutoff. An account that stands
// in the facts only has an Account and nothing else.
type Profile struct {
	Account                                    frame.AccountID
	Name, Segment, Region, Manager, Department string
	Industry, Channel, Currency, Parent, Type  string
}
