// Package modeltest holds the checks that every learner passes: what it does
// with constant columns, gaps, one class, weights, reordered and rescaled input,
// bad numbers, unseen levels, too large a frame and cancellation, what its saved
// model does when it is cut short or of a newer format, whether the model says
// the same twice, and whether an error names the column, the row and the value.
//
// Place in the flow: [modeltest] ← the tests of logistic, boost and challenger.
// It knows learners only through the interfaces of package model, and how good
// a model is only as far as "it learnt something". The catalogue follows
// scikit-learn's estimator_checks and LightGBM's test_engine.
package modeltest
