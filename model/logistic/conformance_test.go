package logistic_test

import (
	"errors"
	"testing"

	"fealty/model"
	"fealty/model/logistic"
	"fealty/model/modeltest"
)

func TestConformance(t *testing.T) {
	// The optimum is unique, so whatever leaves the likelihood as it is leaves
	// the margins as they are, up to rounding. A column twice halves its penalty:
	// such models rank alike.
	rounding, alike := modeltest.Tolerance{Margin: 1e-9}, modeltest.Tolerance{AUC: 0.002}
	modeltest.Run(t, func(uint64) model.Learner { return logistic.Learner{Params: logistic.Defaults()} }, modeltest.Options{
		RowOrder: rounding, ColumnOrder: rounding, Weights: rounding, ZeroWeights: modeltest.Tolerance{},
		Duplicate: alike, Rescale: rounding,
		OneClass:     logistic.ErrOneClass,
		LevelsByName: true,
		Save: func(p model.Predictor) ([]byte, error) {
			m, ok := p.(*logistic.Model)
			if !ok {
				return nil, errors.New("not a logistic model")
			}
			return m.MarshalText()
		},
		Load: func(text []byte) (model.Predictor, error) { return logistic.Parse(text) },
	})
}
