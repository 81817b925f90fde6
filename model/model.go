// Package model says what a learner, a predictor and an explainer are, and
// what is written down of a trained model (Card).
//
// Place in the flow: frame → [model] → score. Models see frames, never the
// warehouse; they know no clock, disk, network, log or global state, and a
// trained model is immutable and safe for concurrent use. There is no "not
// fitted" state: a model exists only after a Fit that succeeded.
package model

import (
	"context"

	"fealty/features/frame"
)

// Learner fits a predictor. y holds one outcome per row (0 or 1 for churn);
// weights may be nil (all 1). The same frame, outcomes, weights and parameters
// give the same model, bit for bit, on any number of threads. Fit returns
// ctx.Err() when it is cancelled, and leaves nothing behind.
type Learner interface {
	Name() string
	Fit(ctx context.Context, f *frame.Frame, y, weights []float64) (Predictor, error)
}

// Predictor turns rows into margins: log-odds for a classifier.
type Predictor interface {
	// Features returns the names of the columns that the model reads, in its
	// order. Predict finds them in the frame by name and refuses a frame that
	// lacks one.
	Features() []string
	// Predict writes one margin per row of f into out, which has f.Rows() values.
	// predict(row) = predict(batch)[i], to the bit.
	Predict(f *frame.Frame, out []float64) error
}

// Explainer splits margins into what each feature contributed.
type Explainer interface {
	Predictor
	// Explain writes rows × len(Features()) contributions, row-major, into out
	// and returns the base: base + Σ contributions = margin to 1e-9 on every row.
	Explain(f *frame.Frame, out []float64) (base float64, err error)
}
