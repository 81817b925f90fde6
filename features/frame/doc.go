// Package frame holds the only table type of fealty: named, typed columns of
// equal length, with missing values and categories, and the words that both
// features and model need to speak about them (AccountID, Cutoff, KnownAt and
// the metadata of a column).
//
// Place in the flow: warehouse → features → [frame] → model → score. The frame
// is what features hand to models. It knows nothing of SQL, of learners, or of
// files, and imports the standard library only.
//
// A frame refuses infinities, ragged columns and duplicate names; a missing
// number is NaN, and there is exactly one way to say so.
package frame
