package serving

import "testing"

// Computed before there was a rule to leave touched rows out: what isn't applied
// changes no receipt.
func TestRuleThatIsNotAppliedLeavesTheSettingsHashAsItWas(t *testing.T) {
	s := DefaultSettings()
	const before = "2ee5fcd7e5d5ee46b28ec78b77e30347"
	if got := s.Hash(); got != before {
		t.Errorf("hash of the defaults is %s, was %s", got, before)
	}
	s.Label.ExcludeTouched = true
	if s.Hash() == before {
		t.Error("to leave touched rows out changes labels, but not the hash")
	}
}
