// Package loyalty says how loyal an account is, what it is worth and what place
// it has: a score of 0 … 100 from ten published indicators, attitude apart from
// behaviour, commercial value, tiers, RFM cells, levels of relationship, verdicts,
// growth of the base and portfolio figures.
//
// Place in the flow: frame → [loyalty] → score → people. It reads the columns of
// a frame by name, beside columns that are handed in (an estimated share of
// wallet, a lifetime value, survey items), and refuses to know where they come
// from. An indicator without its columns is "not measurable here" with a reason,
// never 0; what is missing reweights the others, visibly.
//
// The score is a definition, not a learner: every map from a column to 0 … 100 is
// monotone with published anchors. The two that compare an account with the
// others do so by the quantiles of a stored Scale, so that one account alone, or
// the same account a year later, is measured by the same rule. The score is
// checked against what happened next (Prove) and is never fed back as a label.
//
// Everything is as of the frame's cutoffs. The same input gives the same bits on
// any number of threads.
package loyalty
