// Package ladder trains the churn model: it climbs from a recency rule over a
// logistic regression and boosting to a blend of both, as far as the data
// carries, and steps down and says why where it does not.
//
// Place in the flow: frame with labels → [ladder] → model, card → registry. It
// knows folds, choice, calibration, grade and health checks. It refuses to know
// where rows come from, what a label means and who promotes a model.
//
// What is decided is decided on folds of the training rows, with an account in
// one fold only: the column of the rule, the rounds of boosting, the rung and
// whether to calibrate. The test rows are looked at once, for the report, and a
// row that stands in both samples is refused.
//
// Every rung gives a margin in log-odds and contributions that add up to it. A
// blend is a weighted mean of margins, the calibrator is affine in the margin,
// so contributions of the served model still add up to its margin.
package ladder
