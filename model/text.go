package model

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
)

// DecodeText reads a saved JSON text of at most so many bytes.
func DecodeText(text []byte, most int, into any) error {
	if len(text) > most {
		return fmt.Errorf("%d bytes, at most %d are read", len(text), most)
	}
	return json.Unmarshal(text, into)
}

// errSpelling marks a text that a model was read from and would not write.
var errSpelling = errors.New("not as it was written (an unknown, repeated or missing key, or another spelling)")

// AsWritten tells whether a text is the one that the model read from it would
// write: JSON can say one thing in many ways, some of which other readers read
// otherwise (repeated keys), and only the way of MarshalText is accepted.
func AsWritten(m encoding.TextMarshaler, text []byte) error {
	again, err := m.MarshalText()
	if err != nil {
		return err
	}
	if !bytes.Equal(again, text) {
		return errSpelling
	}
	return nil
}
