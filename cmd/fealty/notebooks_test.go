package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// notebook is what stands in an .ipynb.
type notebook struct {
	Cells []struct {
		Kind    string            `json:"cell_type"`
		Count   json.RawMessage   `json:"execution_count"`
		Outputs []json.RawMessage `json:"outputs"`
		Source  []string          `json:"source"`
	} `json:"cells"`
}

// untidy says what is wrong with a notebook as it stands in git, "" if nothing is.
func untidy(n notebook) string {
	if len(n.Cells) == 0 {
		return "it has no cells"
	}
	for _, c := range n.Cells {
		if len(c.Outputs) > 0 || len(c.Count) > 0 && string(c.Count) != "null" {
			return "its outputs are not cleared"
		}
	}
	first, last := n.Cells[0], n.Cells[len(n.Cells)-1]
	if opening := strings.Join(first.Source, ""); first.Kind != "markdown" || !strings.HasPrefix(opening, "# ") || !strings.Contains(opening, "?") {
		return "it does not open with its question"
	}
	if last.Kind != "markdown" || !strings.HasPrefix(strings.Join(last.Source, ""), "## Answer\n") {
		return "it does not end with its answer"
	}
	return ""
}

// Outputs are cleared in git; each notebook opens with its question, ends with its
// answer, and stands in the list of the README.
func TestNotebooksAreTidy(t *testing.T) {
	folder := filepath.Join(root(t), "notebooks")
	paths, err := filepath.Glob(filepath.Join(folder, "*.ipynb"))
	if err != nil || len(paths) != 3 {
		t.Fatalf("%d notebooks in %s, want the three that a data scientist opens first: %v", len(paths), folder, err)
	}
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var n notebook
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		if why := untidy(n); why != "" {
			t.Errorf("%s: %s", filepath.Base(path), why)
		}
		if !strings.Contains(string(readme), "| "+filepath.Base(path)+" |") {
			t.Errorf("%s is not in the table of notebooks/README.md", filepath.Base(path))
		}
	}
}

// The packages of the notebooks have explicit versions.
func TestNotebookPackagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*$`)
	for _, line := range lines(t, "notebooks/requirements.txt") {
		if !pinned.MatchString(line) {
			t.Errorf("%q names no one version", line)
		}
	}
}

func TestUntidyNotebooks(t *testing.T) {
	const question = `{"cell_type":"markdown","source":["# Who?\n"]}`
	const answer = `{"cell_type":"markdown","source":["## Answer\n","\n","They."]}`
	for cells, want := range map[string]string{
		question + `,{"cell_type":"code","execution_count":null,"outputs":[],"source":["1"]},` + answer: "",
		question + `,{"cell_type":"code","execution_count":3,"outputs":[],"source":["1"]},` + answer:    "its outputs are not cleared",
		question + `,{"cell_type":"code","execution_count":null,"outputs":[{}],"source":[]},` + answer:  "its outputs are not cleared",
		answer: "it does not open with its question",
		question + `,{"cell_type":"code","execution_count":null,"outputs":[],"source":["1"]}`: "it does not end with its answer",
		"": "it has no cells",
	} {
		var n notebook
		if err := json.Unmarshal([]byte(`{"cells":[`+cells+`]}`), &n); err != nil {
			t.Fatal(err)
		}
		if why := untidy(n); why != want {
			t.Errorf("%s: %q, want %q", cells, why, want)
		}
	}
}
