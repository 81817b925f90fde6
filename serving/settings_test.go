package serving_test

import (
	"testing"

	"fealty/features"
	"fealty/serving"
)

// What was computed before there were cadences, or where nobody has one, keeps its
// hash; every other cadence has one of its own.
func TestCadencesChangeTheSettingsHashAndNoneLeavesItAsItWas(t *testing.T) {
	settings := func(c features.Cadence) serving.Settings {
		s := serving.DefaultSettings()
		s.Cadence = c
		return s
	}
	const before = "2ee5fcd7e5d5ee46b28ec78b77e30347"
	for _, c := range []features.Cadence{{}, {Segments: map[string]int{"small": 0}}} {
		if got := settings(c).Hash(); got != before {
			t.Errorf("%+v: hash %s, was %s", c, got, before)
		}
	}
	seen := map[string]bool{before: true}
	for _, c := range []features.Cadence{
		{Days: 30}, {Days: 31}, {Segments: map[string]int{"small": 30}}, {Segments: map[string]int{"large": 30}}, {Days: 30, Segments: map[string]int{"small": 0}},
	} {
		hash := settings(c).Hash()
		if seen[hash] {
			t.Errorf("%+v has the hash of other settings", c)
		}
		seen[hash] = true
	}
	if err := settings(features.Cadence{Segments: map[string]int{"small": -1}}).Validate(); err == nil {
		t.Error("a negative cadence is taken")
	}
}
