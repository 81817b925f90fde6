package clickhouse

import (
	"slices"
	"testing"
)

// Every statement at the top of sql/ is asked of worth, or of features alone; a new one
// has to be put on one side.
func TestEveryStatementOfWorthIsFingerprinted(t *testing.T) {
	features := []string{"accounts.sql", "calendar.sql", "countries.sql", "coverage.sql", "horizon.sql", "known.sql", "own.sql", "span.sql"}
	entries, err := statements.ReadDir("sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(features, e.Name()) == slices.Contains(worthStatements, e.Name()) {
			t.Errorf("%s stands on no side, or on both", e.Name())
		}
	}
	if h := WorthDefinitionsHash(); len(h) != 32 || h != WorthDefinitionsHash() || h == fingerprintOf(nil) {
		t.Errorf("the fingerprint is %q, then %q", h, WorthDefinitionsHash())
	}
}
