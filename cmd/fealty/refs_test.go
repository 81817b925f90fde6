package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fealty/serving/servingtest"
)

// The chapters that no room measures in its own tests; `make refs` measures all.
func TestTelcoReachesTheReferences(t *testing.T) {
	figures, err := telcoFigures(t.Context(), publicShelf(t))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(figures))
	for i := range figures {
		names[i] = figures[i].Name
		if !figures[i].Reached() {
			t.Errorf("%s is %v, want %s %v of %v", names[i], figures[i].Value, figures[i].Op, *figures[i].Bound, *figures[i].Reference)
		}
	}
	for _, want := range []string{"telco/auc", "telco/log-loss", "telco/empc"} {
		if !slices.Contains(names, want) {
			t.Errorf("no figure %s among %q", want, names)
		}
	}
}

func TestRefsNameWhatIsNotThere(t *testing.T) {
	var out strings.Builder
	err := runRefs(t.Context(), refsOptions{data: shelf(t.TempDir()), out: &out})
	if !errors.Is(err, servingtest.ErrAbsent) || !strings.Contains(err.Error(), "Catsup.csv.gz") || !strings.Contains(err.Error(), "cdnow") {
		t.Errorf("an empty folder: %v", err)
	}
	// What needs no data is printed all the same.
	for _, want := range []string{"empc/example", `"town/wallet/coverage"`, `"town/wallet/estimated/rank-correlation"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("an empty folder leaves out %s: %s", want, out.String())
		}
	}
	if errors.Is(err, servingtest.ErrBelowBar) {
		t.Errorf("a figure that needs no data misses its bar: %s", out.String())
	}
}

// A file that is not what it should be is named, and never read as something else.
func TestShelfRefusesOtherFiles(t *testing.T) {
	for _, c := range []struct {
		file, text string
		read       func(shelf) error
		want       string
	}{
		{"donations/donations.csv", "frequency,recency,periods\n1,1,6\n", func(s shelf) error {
			_, err := s.columns("donations/donations.csv", "frequency", "weights")
			return err
		}, `no column "weights"`},
		{"donations/donations.csv", "frequency\nmany\n", func(s shelf) error {
			_, err := s.columns("donations/donations.csv", "frequency")
			return err
		}, "frequency of row 1"},
		{"donations/donations.csv", "frequency\n", func(s shelf) error {
			_, err := s.columns("donations/donations.csv", "frequency")
			return err
		}, "it has no rows"},
		{"cdnow/CDNOW_master.txt.gz", "not packed", func(s shelf) error {
			_, err := s.cdnow()
			return err
		}, "unpack"},
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, filepath.FromSlash(c.file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(c.text), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := c.read(shelf(folder)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Base(c.file)) {
			t.Errorf("%q: %v; want %q and the file", c.text, err, c.want)
		}
	}
}

// A bar to both sides of a reference.
func TestNearIsABarToBothSides(t *testing.T) {
	for value, want := range map[float64]bool{.9: true, 1: true, 1.1: true, .89: false, 1.11: false} {
		f := near("x", "", value, 1, .1000001)
		if f.Reached() != want || f.Op != "within" {
			t.Errorf("%v within .1 of 1: reached %v by %q, want %v", value, f.Reached(), f.Op, want)
		}
	}
}

func TestStratifiedFoldsShareEachClass(t *testing.T) {
	y := []float64{0, 1, 0, 0, 1, 1, 0, 1, 0, 0}
	fold := stratified(y, 2)
	var ones, all [2]int
	for i, k := range fold {
		all[k]++
		ones[k] += int(y[i])
	}
	if ones != [2]int{2, 2} || all != [2]int{5, 5} {
		t.Errorf("folds hold %v rows and %v ones", all, ones)
	}
}

// publicShelf is the folder of the public data sets, where it is there.
func publicShelf(t *testing.T) shelf {
	t.Helper()
	root := os.Getenv("FEALTY_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the public data sets are not there: set FEALTY_DATA: %v", err)
		}
		t.Skipf("SKIPPED: the public data sets are not there: set FEALTY_DATA to run this test: %v", err)
	}
	return shelf(root)
}
