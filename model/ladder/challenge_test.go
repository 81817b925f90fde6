package ladder

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/logistic"
)

// odd is the logistic regression of the ladder under another name, with margins
// of another scale, which calibration must undo.
type odd struct{ err error }

func (odd) Name() string { return "odd" }

func (o odd) Fit(ctx context.Context, f *frame.Frame, y, _ []float64) (model.Predictor, error) {
	if o.err != nil {
		return nil, o.err
	}
	m, err := fitLinear(ctx, f, y, present(f, logisticColumns))
	return tripled{m}, err
}

type tripled struct{ *logistic.Model }

func (m tripled) Predict(f *frame.Frame, out []float64) error {
	err := m.Model.Predict(f, out)
	for i := range out {
		out[i] *= 3
	}
	return err
}

func TestChallengersStandBesideTheRungsAndChangeNothing(t *testing.T) {
	train, test := planted(300, 2, 1, 0), planted(300, 1, 2, 0)
	plain := mustTrain(t, Params{MaxRung: Logistic}, train, test)
	both := mustTrain(t, Params{MaxRung: Logistic, Challengers: []model.Learner{odd{}}}, train, test)
	last := both.Card.Ladder[len(both.Card.Ladder)-1]
	if last.Rung != "odd" || !last.Challenger || last.Why != "" {
		t.Fatalf("the last row is %+v", last)
	}
	rung := rungCard(t, both, Logistic)
	if !within(last.FoldLogLoss, rung.FoldLogLoss) || !within(last.Test.LogLoss, rung.Test.LogLoss) || last.Test.AUC != rung.Test.AUC {
		t.Errorf("the same learner under another name: %+v, as a rung %+v", last, rung)
	}
	both.Card.Ladder = both.Card.Ladder[:len(both.Card.Ladder)-1]
	if plain.Model.Version() != both.Model.Version() {
		t.Error("a challenger changes the model")
	}
	if a, b := text(t, plain.Card), text(t, both.Card); a != b {
		t.Errorf("a challenger changes the rest of the card: %s, without it %s", b, a)
	}
	for _, r := range both.Card.Ladder {
		if r.Challenger {
			t.Errorf("the rung %s is marked as a challenger", r.Rung)
		}
	}
}

// within .01: the rung is calibrated only where that helps, the other must be.
// Margins three times too large, left as they are, lose ten times as much.
func within(a, b model.Figure) bool { return math.Abs(float64(a-b)) < 0.01 }

func text(t *testing.T, card model.Card) string {
	t.Helper()
	raw, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// steps is a clock that goes on by a second whenever it is read.
func steps() func() time.Duration {
	var read time.Duration
	return func() time.Duration {
		read += time.Second
		return read
	}
}

func TestAClockTellsWhatEveryFitTook(t *testing.T) {
	train, test := planted(300, 2, 1, 0), planted(300, 1, 2, 0)
	r := mustTrain(t, Params{MaxRung: Logistic, Challengers: []model.Learner{odd{}}, Clock: steps()}, train, test)
	for _, rung := range r.Card.Ladder {
		want := model.Figure(1)
		if rung.Why != "" {
			want = 0
		}
		if rung.Seconds != want {
			t.Errorf("%s took %v s by a clock that says %v for one fit", rung.Rung, rung.Seconds, want)
		}
	}
}

func TestAChallengerThatFailsIsNamed(t *testing.T) {
	reason := errors.New("no luck")
	train, test := planted(300, 2, 1, 0), planted(300, 1, 2, 0)
	_, err := Train(t.Context(), Params{MaxRung: Rule, Challengers: []model.Learner{odd{reason}}}, train, test, nil)
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), "challenger odd") {
		t.Error(err)
	}
}

func TestProgressCountsChallengers(t *testing.T) {
	var stages []string
	train, test := planted(300, 2, 1, 0), planted(300, 1, 2, 0)
	_, err := Train(t.Context(), Params{MaxRung: Rule, Challengers: []model.Learner{odd{}}}, train, test, func(stage string, done, total int) {
		if done > total {
			t.Errorf("%s: step %d of %d", stage, done, total)
		}
		stages = append(stages, stage)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(stages, "fitting the challenger odd") {
		t.Errorf("stages %v", stages)
	}
}
