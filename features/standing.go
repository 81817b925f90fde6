package features

// Standing is what was agreed with an account, or asked of us by it, that bears on
// what may be said of it. The rules are those of the labels' exclusions.
type Standing struct {
	// Erased: it asked to be erased, at whatever time that was recorded.
	Erased bool
	// OptedOut: it has withdrawn every consent that it gave, or every one to be
	// profiled.
	OptedOut bool
	// Paused: a pause holds the cutoff or covers at least half of the horizon.
	Paused bool
}

// Both is what holds of two accounts together.
func (s Standing) Both(other Standing) Standing {
	return Standing{Erased: s.Erased && other.Erased, OptedOut: s.OptedOut && other.OptedOut, Paused: s.Paused && other.Paused}
}
