package score

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Digest fingerprints all that is told of the account but Hash: 128 bits in hex.
// Numbers count by their bits, what is not told counts as if there were no place for it:
// NaN, whole numbers of 0, empty texts, lists and maps. So a release that tells more
// gives what was told before the same digest, as long as a number that it adds is NaN
// where a run did not tell it. What is no UTF-8 in a text is U+FFFD, as where texts are
// kept as JSON. It panics on kinds of fields that a Worth has none of.
func (w *Worth) Digest() string {
	bare := *w
	bare.Hash = ""
	text, _ := canonical(nil, reflect.ValueOf(bare))
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// canonical appends a value so that no two read alike, and says whether it told anything;
// if not, what it appended is to be forgotten.
func canonical(to []byte, v reflect.Value) ([]byte, bool) {
	switch v.Kind() { // the others panic
	case reflect.String:
		return appendText(to, v.String()), v.Len() > 0
	case reflect.Float64:
		f := v.Float()
		return binary.BigEndian.AppendUint64(to, math.Float64bits(f)), !math.IsNaN(f)
	case reflect.Int, reflect.Int64:
		return binary.BigEndian.AppendUint64(to, uint64(v.Int())), v.Int() != 0 //nolint:gosec // by its bits
	case reflect.Struct:
		told := false
		for i := range v.NumField() {
			from := len(to)
			next, some := canonical(appendText(to, v.Type().Field(i).Name), v.Field(i))
			if to = next; !some {
				to = to[:from]
			}
			told = told || some
		}
		return appendText(to, ""), told // no field has that name
	case reflect.Slice:
		to = binary.BigEndian.AppendUint64(to, uint64(v.Len())) //nolint:gosec // never below 0
		for i := range v.Len() {
			from := len(to)
			next, some := canonical(append(to, 1), v.Index(i))
			if to = next; !some {
				to = append(to[:from], 0)
			}
		}
		return to, v.Len() > 0
	case reflect.Map:
		told := false
		names := map[string]reflect.Value{}
		for _, key := range v.MapKeys() {
			names[key.String()] = v.MapIndex(key)
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			from := len(to)
			next, some := canonical(append(appendText(to, name), 1), names[name])
			if to = next; !some {
				to = to[:from]
			}
			told = told || some
		}
		return append(appendText(to, ""), 0), told // behind a name comes a 1
	default:
		panic(fmt.Sprintf("score: a worth has a field of kind %s, which has no digest", v.Kind()))
	}
}

// appendText appends a text behind its length.
func appendText(to []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return append(binary.BigEndian.AppendUint64(to, uint64(len(s))), s...)
}
