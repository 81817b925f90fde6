package clickhouse

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"fealty/features"
)

// DefinitionsHash fingerprints what the features are: names, units, what they
// are made of, and the SQL statements, of a team's files the whole entry; 128 bits in
// hex. It changes whenever a number could.
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
		write(string(f.Part))
		write(f.Else.Name)
		write(strconv.Itoa(int(f.Kind)))
		write(strconv.FormatBool(f.Zero))
		if f.File.Own() {
			write(f.File.Entry)
		}
		for _, part := range f.Of {
			write(part)
		}
	}
	all, err := featureStatements(catalogue)
	if err != nil {
		return "", err
	}
	// What makes one account of several, and on which days accounts rest.
	all = append(all, statement("links.sql"), joined(Info{}, "FROM order_lines"), statement("calendar.sql"))
	for _, t := range all {
		write(t)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
