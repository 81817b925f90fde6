package features_test

import (
	"slices"
	"strings"
	"testing"

	"fealty/features"
)

func TestCadenceIsRefusedByName(t *testing.T) {
	many := map[string]int{}
	for i := range features.MaxCadenceSegments + 1 {
		many[strings.Repeat("a", i+1)] = 1
	}
	for want, c := range map[string]features.Cadence{
		"":                      {Days: features.MaxCadenceDays, Segments: map[string]int{"small": 0, "large": 7}},
		"-1 days":               {Days: -1},
		"3651 days":             {Days: features.MaxCadenceDays + 1},
		"\"small\" has":         {Segments: map[string]int{"small": -1}},
		"\"large\" has":         {Segments: map[string]int{"small": 1, "large": 9999}},
		"need a name":           {Segments: map[string]int{"": 1}},
		"cadences of 1001 segm": {Segments: many},
	} {
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c.Days, err, want)
		}
	}
}

// The table begins with what holds for all that are not named, and doesn't depend on the map's order.
func TestCadenceTableIsSortedBehindTheDefault(t *testing.T) {
	segments, days := features.Cadence{Days: 60, Segments: map[string]int{"small": 90, "large": 7, "none": 0}}.Table()
	if !slices.Equal(segments, []string{"", "large", "none", "small"}) || !slices.Equal(days, []int64{60, 7, 0, 90}) {
		t.Errorf("table %q %v", segments, days)
	}
}
