package frame

import (
	"fmt"
	"strings"
	"time"
)

// AccountID names one account. It passes through every room unchanged.
type AccountID string

// Cutoff is an instant in Unix seconds, UTC: features see events strictly
// before it, labels see events from it on.
type Cutoff int64

// KnownAt is an instant in Unix seconds, UTC: rows recorded after it were not
// known yet and are not seen.
type KnownAt int64

// Time returns the cutoff as a UTC time.
func (c Cutoff) Time() time.Time { return time.Unix(int64(c), 0).UTC() }

// String returns the cutoff in RFC 3339, UTC.
func (c Cutoff) String() string { return c.Time().Format(time.RFC3339) }

// Add returns the cutoff moved by days of 24 hours.
func (c Cutoff) Add(days int) Cutoff { return c + Cutoff(days)*86400 }

// Time returns the instant as a UTC time.
func (k KnownAt) Time() time.Time { return time.Unix(int64(k), 0).UTC() }

// String returns the instant in RFC 3339, UTC.
func (k KnownAt) String() string { return k.Time().Format(time.RFC3339) }

// ParseCutoff reads a cutoff. A date (2011-09-09) means the END of that day in
// zone, so it becomes the first instant of the next day; an RFC 3339 instant
// is taken as it stands. The range is 1971-01-01 … 2105-12-31, so that every
// window around it still fits the warehouse's DateTime.
func ParseCutoff(s string, zone *time.Location) (Cutoff, error) {
	s = strings.TrimSpace(s)
	if zone == nil {
		zone = time.UTC
	}
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err == nil {
		t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone)
	} else if t, err = time.Parse(time.RFC3339, s); err != nil {
		return 0, fmt.Errorf("cutoff %q is neither a date (2011-09-09, meaning the end of that day) nor an RFC 3339 instant (2011-09-10T00:00:00Z)", s)
	}
	if t.Year() < 1971 || t.Year() > 2105 {
		return 0, fmt.Errorf("cutoff %q lies outside 1971 … 2105", s)
	}
	return Cutoff(t.Unix()), nil
}
