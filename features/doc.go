// Package features is what we know of an account AS OF A CUTOFF: the canonical
// tables of facts, the catalogue of features, windows, labels and eligibility.
//
// Place in the flow: warehouse → [features] → frame → model. A feature exists
// once, as SQL run by features/clickhouse; here it has its name, unit, words
// and direction. The package declares what it needs of a warehouse and of a
// source of rows, and refuses to know which engine or file format answers. It
// knows no model and no score.
package features
