// Package metrics says how good predictions were: ranking, probability,
// calibration, drift, profit, uplift and lists.
//
// Place in the flow: margins and outcomes → [metrics] → card, grade, backtest.
// Everything is a pure function of its arguments; nothing is kept, plotted or
// judged here (the grade belongs to the ladder).
//
// Conventions of the whole package:
//
//   - y holds outcomes, 0 or 1 unless said otherwise; weights may be nil (all 1),
//     a weight is 0 or 1e-100 … 1e100.
//   - NaN and infinities are refused with an error that names the row, never
//     passed on: a NaN among scores would make every comparison false and a
//     ranking metric meaningless. Only PSI takes NaN, as "missing". Nor does NaN
//     or an infinity come out, but where a doc comment says so (Z, Skill).
//   - Equal scores are one group that no threshold splits. Where a cut by number
//     of rows falls into a group, the group is shared out evenly, which is the
//     expectation over random orders of it. So no result depends on the order
//     of rows, but for the last bits of sums of numbers that are not whole.
//   - A ranking metric depends on the order of the scores only: margins,
//     probabilities and ranks give the same.
//
// Errors wrap ErrInput, ErrOneClass or ErrUndefined.
package metrics
