// Package challenger puts golearn's random forest and naive Bayes behind
// model.Learner, so that a backtest shows beside fealty's own rungs what a
// standard library learner would have given.
//
// Place in the flow: frame → [challenger] → a row of the backtest. A challenger
// never serves: it has no file format, and the ladder never chooses it.
//
// What comes from golearn: the growth of the trees (trees.ID3DecisionTree by
// information gain), the bag that grows them side by side (meta.BaggedModel), and
// the conditional probabilities of naive Bayes (naive.BernoulliNBClassifier). What
// it does not have, or has so that no result could be repeated, is done here:
//
//   - Chance. golearn draws rows and columns of a bag from the process's source of
//     chance, in the order in which goroutines happen to run. Here every tree
//     draws for itself from Params.Seed, so that the same rows, in whatever order,
//     give the same bits on any number of threads.
//   - Probabilities. A bag answers the class with the most votes, and a tie falls
//     as a map's order has it. Here the trees' leaves are read once after the fit:
//     each tree says the share of churned rows in its leaf (golearn's PredictProba),
//     and the margin is that of their mean, smoothed by one tree that says the base
//     rate. Naive Bayes answers classes only; its conditional probabilities are read
//     once, and the margin is the difference of the two sums of logarithms that it
//     would have compared.
//   - Missing values, which golearn does not know. The forest reads the median of
//     the training rows in their place, and one column more that says which rows
//     these were. Naive Bayes has a bit for them; where the training rows had none
//     missing, a missing value says nothing.
//   - Weights. A sample of the rows stands for them, in which each row stands as
//     often as its weight says.
//   - Size. golearn's trees copy row numbers at each node and look classes up by
//     their texts: 50 trees that ask 7 of 40 columns take ten times as long on 2,000
//     rows as model/boost takes for 100 rounds over all 40 (BenchmarkFit); the time
//     grows with the rows and with the square of the columns of a tree. Naive Bayes
//     is quick. Above Params.MaxRows every k-th row, by cutoff and account, stands
//     for all.
//
// What is left as it is, because it is what golearn gives: a tree asks each column
// at most once on the way down, so that it is as deep as it has columns; and its
// search for a threshold steps over candidates where a value stands in fewer rows
// than the one before it, so that a count column is often split at its first value
// only. golearn's kNN, linear models and neural networks need cgo or its old matrix
// libraries and stay out, and with them its package ensemble, whose random forest
// is the bag of trees that is put together here.
package challenger
