package ladder

import (
	"math"
	"slices"
	"testing"

	"fealty/features/frame"
)

// beside returns the sample with one more column.
func beside(s Sample, name string, of func(row int) float64) Sample {
	c := frame.Column{Meta: frame.Meta{Name: name}, Kind: frame.Number, Numbers: make([]float64, len(s.Y))}
	for i := range c.Numbers {
		c.Numbers[i] = of(i)
	}
	f := *s.Frame
	f.Columns = append(slices.Clone(f.Columns), c)
	s.Frame = &f
	return s
}

// A column on trial is taken where it tells something that the others don't, and
// is otherwise as if it had never been there.
func TestColumnsOnTrialMustEarnTheirPlace(t *testing.T) {
	const interaction = 1 // which boosting finds in part
	train, test := planted(600, 1, 3, interaction), planted(600, 1, 4, interaction)
	p := Params{Bags: 1, Folds: 2, Trial: []string{"extra", "of another catalogue"}, TrialOnTest: true}
	plain := mustTrain(t, Params{Bags: 1, Folds: 2}, train, test)
	if plain.Trial != nil {
		t.Errorf("nothing was on trial, and found is %+v", plain.Trial)
	}
	noise := train.Frame.Column("noise").Numbers
	for name, c := range map[string]struct {
		of    func(Sample) func(int) float64
		kept  bool
		tried bool
	}{
		"the truth": {func(s Sample) func(int) float64 {
			known := truth(s, interaction)
			return func(i int) float64 { return known[i] }
		}, true, true},
		"noise": {func(Sample) func(int) float64 {
			return func(i int) float64 { return math.Mod(1e4*noise[i%len(noise)], 1) }
		}, false, true},
		"no one": {func(Sample) func(int) float64 { return func(int) float64 { return math.NaN() } }, false, false},
	} {
		r := mustTrain(t, p, beside(train, "extra", c.of(train)), beside(test, "extra", c.of(test)))
		found := r.Trial
		if found == nil || !slices.Equal(found.Columns, []string{"extra"}) || found.Kept != c.kept || (found.Why == "") != c.tried {
			t.Fatalf("%s: found %+v", name, found)
		}
		if slices.Contains(r.Model.Features(), "extra") != c.kept {
			t.Errorf("%s: the model reads %v", name, r.Model.Features())
		}
		if !c.kept {
			if r.Model.Version() != plain.Model.Version() {
				t.Errorf("%s: not kept, and the model is another", name)
			}
		}
		if !c.tried {
			if found.With != nil || !math.IsNaN(float64(found.Gain)) {
				t.Errorf("%s: figures of no trial: %+v", name, found)
			}
			continue
		}
		better := found.FoldLogLossWith < found.FoldLogLossWithout && found.With.LogLoss < found.Without.LogLoss && found.With.AUC > found.Without.AUC
		if c.kept && !better || math.Abs(float64(found.FoldLogLossWithout-found.FoldLogLossWith-found.Gain)) > 1e-9 || !(found.GainError > 0) {
			t.Errorf("%s: found %+v, with %+v, without %+v", name, found, found.With, found.Without)
		}
	}
	few := mustTrain(t, p, beside(planted(300, 1, 5, interaction), "extra", func(int) float64 { return 1 }), beside(planted(300, 1, 6, interaction), "extra", func(int) float64 { return 1 }))
	if few.Trial == nil || few.Trial.Why == "" || few.Trial.Kept {
		t.Errorf("too few accounts for boosting: found %+v", few.Trial)
	}
}
