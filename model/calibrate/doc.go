// Package calibrate turns margins into probabilities that keep their word:
// among accounts told 0.3, three in ten leave.
//
// Place in the flow: margin → [calibrate] → probability → score. A calibrator
// is fitted on margins (log-odds) that the model did not train on; choosing
// those rows, and choosing whether to calibrate at all, is the ladder's
// business. Calibrators are small immutable values, safe for concurrent use,
// with a text form without code.
//
// Affine is the default: it keeps a margin a margin, so contributions still add
// up. The others map margins to probabilities only. Isotonic and Venn–Abers
// depend on the order of margins alone; both follow the base rate of the rows
// that they were fitted on, and a season moves that rate.
package calibrate
