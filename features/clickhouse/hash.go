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
	var words []string
	write := func(s string) { words = append(words, s) }
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
	return fingerprintOf(append(words, all...)), nil
}

// worthStatements are asked of accounts beside their features, to tell what they are
// worth: what they bought, declared and were assessed, who they are, whom they referred
// and what their upkeep costs, what goods are, and how the accounts stand.
var worthStatements = []string{
	"holdings.sql", "categories.sql", "declared.sql", assessedFile, "assessing.sql", "upkeep.sql", "profiles.sql", "products.sql", "goods.sql", "traders.sql",
	"parents.sql", "links.sql", populationFile, referredFile, "labels/consents.sql", "labels/pauses.sql",
}

// WorthDefinitionsHash fingerprints the SQL statements that worth is told of beside the
// features, as DefinitionsHash does. It is apart, because a model scores with features
// alone: those of before go on when it changes.
func WorthDefinitionsHash() string {
	words := make([]string, 0, 2*len(worthStatements))
	for _, name := range worthStatements {
		words = append(words, name, statement(name))
	}
	return fingerprintOf(words)
}

// fingerprintOf is 128 bits in hex of a list of words.
func fingerprintOf(words []string) string {
	h := sha256.New()
	for _, s := range words {
		// Length first, so that no two lists of words read alike. A hash never fails to take bytes.
		_, _ = h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
