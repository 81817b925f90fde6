package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"

	"fealty/features"
	"fealty/features/frame"
)

// RowHash fingerprints the values of row i: the Float64 bits of the columns in
// their order, with one bit pattern for missing; the first 128 bits of their
// SHA-256 in hex.
func RowHash(f *frame.Frame, i int) string {
	buf := make([]byte, 0, 8*len(f.Columns))
	for c := range f.Columns {
		v := f.Columns[c].Float(i)
		if math.IsNaN(v) {
			v = math.NaN() // any NaN becomes this one
		}
		buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}

// DefinitionsHash fingerprints what the features are: names, units, what they
// are made of, and the SQL statements; 128 bits in hex. It changes whenever a number
// could.
func DefinitionsHash(catalogue []features.Feature) (string, error) {
	h := sha256.New()
	write := func(s string) {
		// Length first, so that no two lists of words read alike. A hash never fails to take bytes.
		_, _ = h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	for i := range catalogue {
		f := &catalogue[i]
		write(f.Name)
		write(f.Unit)
		write(f.File.Name)
		write(strconv.Itoa(int(f.Kind)))
		write(strconv.FormatBool(f.Zero))
		for _, part := range f.Of {
			write(part)
		}
	}
	all, err := featureStatements(catalogue)
	if err != nil {
		return "", err
	}
	for _, t := range all {
		write(t)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
