package clickhouse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fealty/features"
)

// The words that SQL classes reasons of return by are those of features.ReturnWords; -update writes them.
func TestReasonsOfReturnAreReadByOneTableOfWords(t *testing.T) {
	path := filepath.Join("sql", "parts", "reasons.sql")
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "[\n", "]))[1].2"
	head, rest, ok := strings.Cut(string(stored), from)
	_, tail, end := strings.Cut(rest, to)
	if !ok || !end {
		t.Fatalf("%s has no list between %q and %q", path, from, to)
	}
	var list strings.Builder
	for i, w := range features.ReturnWords() {
		if i > 0 {
			list.WriteString(",\n")
		}
		fmt.Fprintf(&list, "                        ('%s', %d)", strings.ReplaceAll(w.Word, "'", `\'`), w.Class)
	}
	want := head + from + list.String() + to + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(stored), "\n")); diff != "" {
		t.Errorf("%s (-features.ReturnWords +stored), -update rewrites it:\n%s", path, diff)
	}
}
