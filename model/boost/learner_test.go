package boost_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"fealty/features/frame"
	"fealty/model"
	"fealty/model/boost"
	"fealty/model/modeltest"
	"fealty/model/tree"
)

// options says where boosting departs from the strictest reading.
func options(weights modeltest.Tolerance) modeltest.Options {
	return modeltest.Options{
		Weights: weights,
		// Of columns that gain the same to the last digit, the first wins.
		ColumnOrder:  modeltest.Tolerance{AUC: 0.01},
		BaseRate:     1e-12,
		OneClass:     boost.ErrOneClass,
		LevelsByName: true,
		Save: func(m model.Predictor) ([]byte, error) {
			e, ok := m.(*tree.Ensemble)
			if !ok {
				return nil, fmt.Errorf("boosting gave a %T", m)
			}
			var b bytes.Buffer
			err := e.Write(&b)
			return b.Bytes(), err
		},
		Load: func(text []byte) (model.Predictor, error) {
			return tree.Read(bytes.NewReader(text), 1<<24)
		},
	}
}

func TestPassesTheChecksOfEveryLearner(t *testing.T) {
	t.Run("defaults", func(t *testing.T) {
		modeltest.Run(t, func(seed uint64) model.Learner {
			p := boost.Defaults()
			p.Rounds, p.Seed = 30, seed
			return boost.Learner{Params: p}
			// MinRows counts rows whatever their weight, so that 600 rows of weight 2
			// may grow other trees than 1,200 rows.
		}, options(modeltest.Tolerance{AUC: 0.01}))
	})
	t.Run("no minimum of rows", func(t *testing.T) {
		modeltest.Run(t, func(seed uint64) model.Learner {
			p := boost.Defaults()
			p.Rounds, p.Seed = 30, seed
			p.MinRows, p.MinCatRows, p.CatSmooth, p.MinHessian = 0, 0, 0, 1
			return boost.Learner{Params: p}
		}, options(modeltest.Tolerance{})) // to the bit
	})
	t.Run("packed", func(t *testing.T) {
		o := options(modeltest.Tolerance{AUC: 0.002})
		o.RowOrder.AUC = 0.002 // a row's number decides how it is rounded
		modeltest.Run(t, func(seed uint64) model.Learner {
			p := boost.Defaults()
			p.Rounds, p.Seed, p.Gradients = 30, seed, boost.Packed
			p.MinRows, p.MinCatRows, p.CatSmooth, p.MinHessian = 0, 0, 0, 1
			return boost.Learner{Params: p}
		}, o)
	})
}

func ExampleFit() {
	// Accounts leave after long silences: at 60 days in this invented set.
	days := frame.Column{Meta: frame.Meta{Name: "days_since_order", Direction: frame.Raises}, Kind: frame.Number}
	var left []float64
	for i := range 200 {
		days.Numbers = append(days.Numbers, float64(i%100))
		gone := 0.0
		if i%100 >= 60 {
			gone = 1
		}
		left = append(left, gone)
	}
	f := &frame.Frame{Accounts: make([]frame.AccountID, 200), Cutoffs: make([]frame.Cutoff, 200)}
	f.Columns = []frame.Column{days}

	p := boost.Defaults()
	p.Monotone = true // never a lower risk for a longer silence
	e, err := boost.Fit(context.Background(), p, f, left, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("the first tree asks: at most %v days?\n", e.Tree(0).Threshold[0])
	fmt.Println("risky after 30 days:", e.Margin([]float64{30}) > 0)
	fmt.Println("risky after 80 days:", e.Margin([]float64{80}) > 0)
	// Output:
	// the first tree asks: at most 59.5 days?
	// risky after 30 days: false
	// risky after 80 days: true
}
