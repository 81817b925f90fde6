// Package modeltest holds the checks that every learner passes: what it does
// with constant columns, gaps, one class, weights, reordered and rescaled input,
// bad numbers, unseen levels, cancellation, and whether its model says the same
// twice.
//
// Place in the flow: [modeltest] ← the tests of logistic, boost and challenger.
// It knows learners only through the interfaces of package model, and how good
// a model is only as far as "it learnt something". The catalogue follows
// scikit-learn's estimator_checks and LightGBM's test_engine.
package modeltest
