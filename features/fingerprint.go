package features

// Fingerprint is what a mapped source held of what was known at an instant. Rows of
// such a source carry no load, so that no watermark tells whether they are still what
// they were; two fingerprints as of one instant do. They say nothing of imported rows,
// which are never changed.
type Fingerprint struct {
	Table  string `json:"table"`
	Source string `json:"source"`
	// Mapping names the mapping as it is described (Canonical): rows read by another
	// one can't be compared.
	Mapping string `json:"mapping"`
	// Rows counts those with recorded_at at the instant or before it, Sum is the sum of
	// their hashes modulo 2^64, in decimal: it depends neither on their order nor on how
	// many threads read them.
	Rows int64  `json:"rows"`
	Sum  string `json:"sum"`
}
