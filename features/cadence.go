package features

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// MaxCadenceDays bounds a cadence, MaxCadenceSegments how many segments have one.
const (
	MaxCadenceDays     = 3650
	MaxCadenceSegments = 1000
)

// Cadence says after how many days we mean to be in touch with an account again, by
// its segment. The zero Cadence says nothing: whether a contact is overdue against it
// is missing then.
type Cadence struct {
	// Days of the accounts whose segment has no cadence of its own, or that have no
	// segment; 0 for none.
	Days int
	// Segments are the cadences in days of some segments, by name; 0 for none.
	Segments map[string]int
}

// Validate refuses cadences outside 0 … MaxCadenceDays, too many segments, and a
// cadence of a segment without a name.
func (c Cadence) Validate() error {
	if c.Days < 0 || c.Days > MaxCadenceDays {
		return fmt.Errorf("a cadence of %d days, need 0 … %d", c.Days, MaxCadenceDays)
	}
	if len(c.Segments) > MaxCadenceSegments {
		return fmt.Errorf("cadences of %d segments, and %d are allowed", len(c.Segments), MaxCadenceSegments)
	}
	for _, segment := range slices.Sorted(maps.Keys(c.Segments)) {
		if days := c.Segments[segment]; segment == "" || days < 0 || days > MaxCadenceDays {
			return fmt.Errorf("segment %q has a cadence of %d days, need a name and 0 … %d", segment, days, MaxCadenceDays)
		}
	}
	return nil
}

// Table returns the segments and their days, side by side: first that without a name,
// whose cadence is that of all that are not named, then the others by name.
func (c Cadence) Table() (segments []string, days []int64) {
	segments, days = []string{""}, []int64{int64(c.Days)}
	for _, segment := range slices.Sorted(maps.Keys(c.Segments)) {
		segments, days = append(segments, segment), append(days, int64(c.Segments[segment]))
	}
	return segments, days
}

// None tells whether no account has a cadence.
func (c Cadence) None() bool {
	_, days := c.Table()
	return slices.Max(days) == 0
}

// SegmentsText writes the cadences of segments, by name, as JSON in one line, which is YAML
// too; "" when there are none. Texts are equal exactly when they are.
func (c Cadence) SegmentsText() string {
	if len(c.Segments) == 0 {
		return ""
	}
	text, err := json.Marshal(c.Segments)
	if err != nil {
		panic("features: " + err.Error()) // a map of texts to numbers always has a text
	}
	return string(text)
}
