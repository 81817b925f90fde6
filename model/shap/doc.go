// Package shap says what each feature contributed to a margin: exact,
// path-dependent Shapley values of tree ensembles.
//
// Place in the flow: model/tree (predicts) → [shap] (explains) → model/score
// (puts contributions into words). The game is that of TreeSHAP (Lundberg et
// al., Nature Machine Intelligence 2, 2020) and of LightGBM's pred_contrib: a
// feature that is not known is averaged out along the tree, by the training
// rows that went each way. Contributions say how the model came to its margin,
// not what would happen if a feature changed: the package claims no cause.
//
// The values are TreeSHAP's; the way to them is another. Owen (Management
// Science 18, 1972) writes a Shapley value as an integral over the share t of
// features that are known,
//
//	φᵢ = ∫₀¹ Σ_leaves v · (oᵢ − zᵢ) · Π_{j≠i} (zⱼ(1−t) + oⱼt) dt,
//
// where zⱼ is the share of rows that go the leaf's way at the nodes of feature
// j, and oⱼ is 1 if the row itself does, else 0. For a path of d features the
// integrand is a polynomial of degree d−1, so Gauss–Legendre quadrature with
// ⌈d/2⌉ points is not an approximation but equal to it. As in Linear TreeSHAP
// (Yu et al., NeurIPS 2022) the sum over leaves is taken once per subtree:
// nodes × d/2 steps instead of leaves × d². Every product is one of positive
// numbers, so that nothing cancels on deep paths, where the unwinding of the
// original algorithm loses digits.
package shap
