// Package crosssell says what an account would buy next: products and
// categories that are new to it, that it has stopped buying, and that it buys
// again and again, each in a list of its own.
//
// Place in the flow: purchases as of a cutoff → [crosssell] → recommendations →
// serving. It is read chapter by chapter: purchases.go (what each account has
// bought of each item), ease.go (what goes together), invert.go and kernel.go (its
// closed form), tail.go (items beyond the memory), list.go (the three lists),
// rules.go (what may be offered to whom), feature.go, propensity.go and
// recommend.go (with which probability, for how much; of the purchases, and of
// columns beside them), reason.go (why, in English and Chinese), text.go (what is
// stored), figures.go (how good all this is on public data).
//
// An item is whatever the rows call one: a product, or a category. The same
// code gives propensities per product and, on Purchases of categories, per
// category.
//
// New items are ranked by EASE, the linear autoencoder of Steck (Embarrassingly
// Shallow Autoencoders for Sparse Data, WWW 2019): B = I − P·diag(1/diag P) with
// P = (XᵀX + λI)⁻¹ is the ridge regression of every item on all others, in
// closed form. Items bought before are ranked by the account's own frequency,
// which few learners beat (Li et al., A Next Basket Recommendation Reality
// Check, ACM TOIS 41, 2023). Boosting then turns what is known of a pair into a
// calibrated probability.
//
// The package knows no warehouse, file, clock or log. It refuses to guess: a pair
// that stands twice, a negative count and an amount that is not a number are
// errors that name the account and the item.
package crosssell
