// Package logistic is ridge-penalised logistic regression on a frame: the
// second rung of the ladder, and the one whose every number a person can check
// by hand.
//
// Place in the flow: frame → [logistic] → margin → calibrate → score. The
// package standardises, fills gaps and encodes categories by itself, from the
// training rows alone, and keeps what it learnt in the model, so that a frame
// goes in as it comes from features. It refuses to choose features, to tune its
// own penalty and to calibrate: those are the ladder's decisions.
//
// # The model
//
// With φ a transform (identity or signed logarithm), m and s the weighted mean and
// standard deviation of φ(x) over the training rows where x is present,
//
//	margin = base + Σ columns contribution
//	number   present: β·(φ(x) − m)/s − δ·share missing
//	         missing: δ·(1 − share missing)
//	category level l: γ[l] − Σ share[k]·γ[k]
//
// The coefficients minimise Σ w·(log(1+exp(η)) − y·η) + L2/2·Σ(β² + δ² + γ²);
// the intercept is not penalised. Each contribution has mean 0 over the
// training rows, so base is the margin of the mean row.
//
// Numbers are penalised per standard deviation; missing marks and levels are
// penalised as they stand (0 or 1), not divided by their own deviation, so that
// a rare level is shrunk more than a common one and not less.
//
// Fisher scoring (iteratively reweighted least squares) with step halving finds
// the optimum: McCullagh and Nelder, Generalized Linear Models, 2nd ed. 1989,
// §4.4. The general optimisers of gonum/optimize were not used because their
// line searches stop at about 1e-8, while the law "the same rows in another
// order, the same model" wants the last digits. Standard errors are those of
// the ridge estimator, sqrt diag(H⁻¹·I·H⁻¹) with I the information and H = I +
// L2: le Cessie and van Houwelingen, Applied Statistics 41 (1992) 191–201. They
// describe the spread of a shrunk estimate, not its bias, and take rows as
// independent, which rows of one account at several cutoffs are not.
package logistic
