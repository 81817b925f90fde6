package serving

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"fealty/features"
)

func TestBuildWritesAFile(t *testing.T) {
	s, facts, runs, _ := village(30)
	facts.sliceRows = 20
	out := &sink{}
	var last Progress
	result, err := s.Build(t.Context(), BuildRequest{Cutoffs: []string{"2025-06-30", "2025-03-31"}, Output: "f.csv", Format: "csv"},
		func(name string) (io.WriteCloser, error) {
			if name != "f.csv" {
				t.Errorf("asked for output %q", name)
			}
			return out, nil
		}, func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !out.closed || len(rows) != result.Rows+1 || result.Run != nil || len(runs.runs) != 0 || result.Features != len(features.Catalogue()) || result.DefinitionsHash != "d1" {
		t.Errorf("%d lines, closed %v, for %+v", len(rows), out.closed, result)
	}
	if last.Done != int64(result.Accounts) || last.Unit != "accounts" {
		t.Errorf("the last progress is %+v of %d accounts", last, result.Accounts)
	}
	if sum := result.Status["eligible"] + result.Status["lapsed"]; sum != result.Rows || len(result.Coverage) == 0 {
		t.Errorf("%v does not add up to %d rows", result.Status, result.Rows)
	}
}

func TestBuildWritesEveryFormat(t *testing.T) {
	s, _, _, _ := village(30) //nolint:dogsled // only the service is asked
	for format, begins := range map[string]string{"": "account,", "tsv": "account\t", "jsonl": `{"account":`, "parquet": "PAR1"} {
		out := &sink{}
		result, err := s.Build(t.Context(), BuildRequest{Output: "f", Format: format}, func(string) (io.WriteCloser, error) { return out, nil }, nil)
		if err != nil || !strings.HasPrefix(out.String(), begins) || result.Rows == 0 {
			t.Errorf("format %q begins with %.10q (%v), want %q", format, out.String(), err, begins)
		}
		if format == "parquet" && !strings.HasSuffix(out.String(), "PAR1") {
			t.Error("the Parquet file has no end")
		}
	}
}

func TestBuildPublishesARun(t *testing.T) {
	s, _, runs, _ := village(30)
	result, err := s.Build(t.Context(), BuildRequest{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	run := result.Run
	if run == nil || len(runs.runs) != 1 || run.Kind != KindFeatures || run.Cutoff.String() != "2026-01-15T00:00:00Z" || run.Rows != int64(result.Rows) || run.ConfigHash != s.Settings.Hash() {
		t.Errorf("the run is %+v of %d rows", run, result.Rows)
	}
}

func TestBuildRefuses(t *testing.T) {
	s, facts, runs, _ := village(30)
	full := errors.New("no space left")
	refusing := func(string) (io.WriteCloser, error) { return nil, full }
	closing := func(string) (io.WriteCloser, error) { return &sink{refuse: full}, nil }
	for _, c := range []struct {
		name    string
		request BuildRequest
		output  func(string) (io.WriteCloser, error)
		want    error
	}{
		{"a cutoff beyond the data", BuildRequest{Cutoffs: []string{"2026-06-30"}}, nil, ErrInvalid},
		{"an unknown format", BuildRequest{Output: "f.xls", Format: "xls"}, closing, ErrInvalid},
		{"a caller without files", BuildRequest{Output: "f.csv", Format: "csv"}, nil, ErrInvalid},
		{"a file that can't be opened", BuildRequest{Output: "f.csv", Format: "csv"}, refusing, full},
		{"a file that can't be closed", BuildRequest{Output: "f.csv", Format: "csv"}, closing, full},
	} {
		if _, err := s.Build(t.Context(), c.request, c.output, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	facts.built = cancel
	if _, err := s.Build(ctx, BuildRequest{}, nil, nil); KindOf(err) != Canceled {
		t.Errorf("broken off: %v", err)
	}
	if len(runs.runs) != 0 {
		t.Errorf("published %+v", runs.runs)
	}
}

// Whoever stops asking ends the function that hands parts on, wherever it is.
func TestStreamEnds(t *testing.T) {
	for _, take := range []int{0, 1, 3, 4} {
		ended := make(chan error, 1)
		next, stop := stream(t.Context(), func(_ context.Context, hand func(int) error) (err error) {
			defer func() { ended <- err }()
			for i := range 3 {
				if err := hand(i); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range take {
			part, err := next()
			if i < 3 && (err != nil || part != i) || i == 3 && !errors.Is(err, io.EOF) {
				t.Errorf("part %d is %d (%v)", i, part, err)
			}
		}
		stop()
		if err := <-ended; (take < 3) != errors.Is(err, context.Canceled) {
			t.Errorf("after %d parts it ended with %v", take, err)
		}
	}
	broken := errors.New("broken")
	next, stop := stream(t.Context(), func(context.Context, func(int) error) error { return broken })
	defer stop()
	for range 2 {
		if _, err := next(); !errors.Is(err, broken) {
			t.Errorf("the function failed, and next says %v", err)
		}
	}
}

func TestListsAndPromotion(t *testing.T) {
	s, facts, _, _ := village(200)
	facts.sliceRows, s.Loads = 50, &twinLoads{}
	first := trained(t, s).Model
	second, err := s.Train(t.Context(), TrainRequest{TestCutoff: "2025-07-31", NoPromote: true}, nil)
	if err != nil || second.Live {
		t.Fatalf("live %v (%v)", second.Live, err)
	}
	ask := func(name, request string, to any) error {
		raw, err := NewOperations(s.Settings.Map(), s.Operations()...).Run(t.Context(), Call{Operation: name, Request: json.RawMessage(request)})
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, to)
	}
	var models ModelsResult
	if err := ask(OpModels, `{}`, &models); err != nil || len(models.Models) != 2 || models.Models[0].Version != second.Model || models.Models[0].Live || !models.Models[1].Live || models.Models[1].Card != nil {
		t.Errorf("models %+v (%v), want the newest first and the first one live", models, err)
	}
	if err := ask(OpModels, `{"version":"`+first+`"}`, &models); err != nil || len(models.Models) != 1 || !strings.Contains(string(models.Models[0].Card), first) {
		t.Errorf("one model %+v (%v), want its card", models, err)
	}
	var promoted PromoteResult
	if err := ask(OpPromote, `{"version":"`+second.Model+`"}`, &promoted); err != nil || promoted.Previous != first {
		t.Errorf("promoted %+v (%v)", promoted, err)
	}
	scored(t, s, ScoreRequest{})
	var runs RunsResult
	if err := ask(OpRuns, `{"limit":1}`, &runs); err != nil || len(runs.Runs) != 1 || runs.Runs[0].Model != second.Model {
		t.Errorf("runs %+v (%v)", runs, err)
	}
	var status StatusResult
	if err := ask(OpStatus, ``, &status); err != nil || status.Live != second.Model || status.Run == nil || status.DataThrough != "2026-01-14" || status.Engine != "twin 1" || status.ProposedHorizonDays != 90 {
		t.Errorf("status %+v (%v)", status, err)
	}
	for request, name := range map[string]string{
		`{"version":"none"}`: OpModels, `{"limit":-1}`: OpModels, `{"limit":5000}`: OpRuns, `{}`: OpPromote, `{"version":"nobody"}`: OpPromote,
	} {
		if err := ask(name, request, &models); KindOf(err) != Invalid && KindOf(err) != NotFound {
			t.Errorf("%s %s: %v", name, request, err)
		}
	}
}
