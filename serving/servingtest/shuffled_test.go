package servingtest_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"fealty/features"
	"fealty/features/frame"
	"fealty/serving"
	"fealty/serving/servingtest"
)

// shuffled are facts whose labels are dealt out anew among the labelled rows of
// each cutoff. It remembers what was built, since only the labels differ from
// seed to seed.
type shuffled struct {
	serving.Facts
	slices   []*features.Slice
	outcomes []*features.Outcome
	report   *features.BuildReport
	seed     uint64
}

func (s *shuffled) Build(ctx context.Context, r features.Request, each func(*features.Slice) error) (*features.BuildReport, error) {
	if s.report == nil {
		var err error
		s.report, err = s.Facts.Build(ctx, r, func(sl *features.Slice) error {
			s.slices = append(s.slices, sl)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, sl := range s.slices {
		if err := each(sl); err != nil {
			return nil, err
		}
	}
	return s.report, nil
}

func (s *shuffled) Outcomes(ctx context.Context, r features.LabelRequest, sl *features.Slice) (*features.Outcome, error) {
	var told *features.Outcome
	for i := range s.outcomes {
		if s.slices[i] == sl {
			told = s.outcomes[i]
		}
	}
	if told == nil {
		o, err := s.Facts.Outcomes(ctx, r, sl)
		if err != nil {
			return nil, err
		}
		s.outcomes, told = append(s.outcomes, o), o
	}
	dealt := *told
	dealt.Y = make([]float64, len(told.Y))
	copy(dealt.Y, told.Y)
	labelled := map[frame.Cutoff][]int{}
	for i, x := range dealt.Excluded {
		if x == features.Labelled {
			at := sl.Frame.Cutoffs[i]
			labelled[at] = append(labelled[at], i)
		}
	}
	for at, rows := range labelled {
		random := rand.New(rand.NewPCG(s.seed, uint64(at)))
		random.Shuffle(len(rows), func(a, b int) { dealt.Y[rows[a]], dealt.Y[rows[b]] = dealt.Y[rows[b]], dealt.Y[rows[a]] })
	}
	return &dealt, nil
}

// Holdings are none: the file names no category, by which alone a backtest asks.
func (s *shuffled) Holdings(context.Context, features.HoldingRequest, func([]features.Holding) error) error {
	return nil
}

// With labels dealt out at random, in training and test alike, nothing can be
// known: an AUC away from one half would mean that the path leaks the test's
// labels. An AUC over 3,368 rows of noise has a standard deviation of .010
// (Mann–Whitney), so that the bars lie more than 4 of them away.
func TestShuffledLabelsTeachNothing(t *testing.T) {
	data := folder(t)
	w := warehouse(t)
	public := servingtest.OnlineRetail()
	facts := &shuffled{Facts: w}
	s := &serving.Service{Facts: facts, Loads: w, Settings: public.Settings}
	if _, err := public.Load(t.Context(), s, data, nil); err != nil {
		t.Fatal(err)
	}
	// One training cutoff is enough for a leak, and four would take four times as long.
	request := serving.BacktestRequest{Cutoffs: []string{"2011-09-09"}, Train: []string{"2011-06-09"}}
	if _, err := s.Backtest(t.Context(), request, nil); err != nil { // builds what all seeds share
		t.Fatal(err)
	}
	const seeds = 20
	var aucs [seeds]float64
	var work sync.WaitGroup
	turns := make(chan uint64, seeds)
	for seed := range uint64(seeds) {
		turns <- seed
	}
	close(turns)
	for range 2 { // fitting uses one core
		work.Go(func() {
			for seed := range turns {
				aucs[seed] = served(t, &shuffled{Facts: w, slices: facts.slices, outcomes: facts.outcomes, report: facts.report, seed: seed}, request)
			}
		})
	}
	work.Wait()
	sum := 0.
	for seed, auc := range aucs {
		t.Logf("seed %d: %.4f", seed, auc)
		if !(math.Abs(auc-.5) <= .05) {
			t.Errorf("seed %d: AUC %.4f on shuffled labels, want .5 ± .05", seed, auc)
		}
		sum += auc
	}
	if mean := sum / seeds; !(math.Abs(mean-.5) <= .01) {
		t.Errorf("mean AUC %.4f over %d seeds, want .5 ± .01", mean, seeds)
	}
	// The twin of the test: with the labels as they are, the same path knows something.
	if auc := served(t, w, request); !(auc > .7) {
		t.Errorf("AUC %.4f with the true labels, want above .7", auc)
	}
}

// served backtests and returns the AUC of the served rung; it may run beside the
// test's own goroutine.
func served(t *testing.T, facts serving.Facts, r serving.BacktestRequest) float64 {
	t.Helper()
	s := &serving.Service{Facts: facts, Settings: servingtest.OnlineRetail().Settings}
	table, err := s.Backtest(t.Context(), r, nil)
	if err != nil {
		t.Error(err)
		return math.NaN()
	}
	for _, row := range table.Rows {
		if row.Served {
			return float64(row.Quality.AUC)
		}
	}
	return math.NaN()
}
