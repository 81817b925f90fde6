package serving

import (
	"context"
	"errors"
	"strings"
	"testing"

	"fealty/features"
	"fealty/model"
)

// twinAdmission refuses the files that it names.
type twinAdmission struct {
	refused map[string]error
	calls   int
}

func (a *twinAdmission) AdmitOwn(_ context.Context, _ []features.Feature, file features.File, _ features.OwnTrial) (features.OwnProof, error) {
	a.calls++
	return features.OwnProof{Invented: 1}, a.refused[file.Name]
}

func ownFile(name string) features.OwnFile {
	return features.OwnFile{Name: name, SQL: "SELECT 1", Entry: `source: order_lines
features:
  - name: ` + name + `_count
    unit: orders
    group: own
    factor: value
    risk_when_higher: lower
    kind: count
    label: {en: Own, zh: 自有}
    reasons: {en: ["Own: {` + name + `_count}"], zh: ["自有：{` + name + `_count}"]}
`}
}

// Of several files each has its verdict; operations that ask for features stop
// at the first that is refused, the others go on.
func TestRefusedFeaturesOfATeamStopWhatAsksForFeatures(t *testing.T) {
	broken := ownFile("broken")
	broken.Entry = "source: ["
	late := errors.Join(errors.New("own/late.sql: it reads the future"), features.ErrOwn)
	a := &twinAdmission{refused: map[string]error{"own/late.sql": late}}
	s := &Service{Facts: &twinFacts{}, Runs: &twinRuns{}, Settings: DefaultSettings(), Admission: a, Own: []features.OwnFile{ownFile("good"), broken, ownFile("late")}}
	result, err := s.CheckOwn(t.Context(), CheckOwnRequest{})
	if err != nil || result.Refused != 2 || len(result.Files) != 3 || !result.Files[0].Admitted || result.Files[0].Invented != 1 ||
		!strings.Contains(result.Files[1].Reason, "broken.yaml") || !strings.Contains(result.Files[2].Reason, "reads the future") {
		t.Errorf("%+v %v", result, err)
	}
	operations := NewOperations(s.Settings.Map(), s.Operations()...)
	if _, err := operations.Run(t.Context(), Call{Operation: OpTrain}); !errors.Is(err, ErrInvalid) || !errors.Is(err, features.ErrOwn) || !strings.Contains(err.Error(), "own/broken.sql") {
		t.Errorf("train: %v", err)
	}
	if _, err := operations.Run(t.Context(), Call{Operation: OpRuns}); err != nil {
		t.Errorf("runs: %v", err)
	}
	// What failed on the way is no refusal.
	a.refused["own/good.sql"] = context.DeadlineExceeded
	if _, err := s.CheckOwn(t.Context(), CheckOwnRequest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a trial that took too long: %v", err)
	}
}

// Files that passed are not tried again by every job.
func TestAdmittedFilesAreTriedOnce(t *testing.T) {
	a := &twinAdmission{}
	s := &Service{Facts: &twinFacts{}, Settings: DefaultSettings(), Admission: a, Own: []features.OwnFile{ownFile("good")}}
	for range 3 {
		if err := s.admit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if a.calls != 1 {
		t.Errorf("tried %d times", a.calls)
	}
	if s.Metas()["good_count"].LabelZH != "自有" {
		t.Error("the team's words are not among the metas")
	}
}

// A model knows the files that it was trained with by name.
func TestAModelRefusesOtherFilesOfItsTeam(t *testing.T) {
	trained := func(files ...features.OwnFile) *model.Card {
		return &model.Card{OwnFeatures: features.OwnFingerprints((&Service{Own: files}).catalogue())}
	}
	changed := ownFile("good")
	changed.SQL += " "
	for _, c := range []struct {
		card *model.Card
		now  []features.OwnFile
		want string
	}{
		{trained(), nil, ""},
		{trained(ownFile("good")), []features.OwnFile{ownFile("good")}, ""},
		{trained(ownFile("good")), nil, "own/good.sql, with which it was trained, is not among"},
		{trained(ownFile("good")), []features.OwnFile{changed}, "own/good.sql has changed since"},
		{trained(), []features.OwnFile{ownFile("good")}, "own/good.sql is among the team's features"},
	} {
		if got := (&Service{Own: c.now}).otherOwn(c.card); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if trained().OwnFeatures != nil {
		t.Error("a model without a team's files says something of them")
	}
}
