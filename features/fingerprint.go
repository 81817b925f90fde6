package features

import (
	"encoding/json"
	"fmt"
)

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

// Fingerprints are those of several sources as one JSON text, equal exactly when they
// are; "" when there are none. As JSON it is the list.
type Fingerprints string

// PackFingerprints makes one text of fingerprints.
func PackFingerprints(all []Fingerprint) (Fingerprints, error) {
	if len(all) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("encode fingerprints: %w", err)
	}
	return Fingerprints(raw), nil
}

// All returns the fingerprints.
func (f Fingerprints) All() (all []Fingerprint, err error) {
	if f == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(f), &all); err != nil {
		return nil, fmt.Errorf("read fingerprints: %w", err)
	}
	return all, nil
}

// MarshalJSON returns the list.
func (f Fingerprints) MarshalJSON() ([]byte, error) {
	if f == "" {
		return []byte("null"), nil
	}
	return []byte(f), nil
}

// UnmarshalJSON reads the list.
func (f *Fingerprints) UnmarshalJSON(raw []byte) error {
	var all []Fingerprint
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("read fingerprints: %w", err)
	}
	packed, err := PackFingerprints(all)
	*f = packed
	return err
}
