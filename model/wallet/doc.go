// Package wallet estimates what an account spends in a category with everybody,
// and which share of it is spent here: always with an interval, and with a state
// that says whether the wallet is known, estimated or unknown.
//
// Place in the flow: frame, spend and declarations → [wallet] → value, cross-sell
// and columns for other models. It is read chapter by chapter: input.go (what is
// handed in), declare.go (what people said: amounts, and ranks by the Wallet
// Allocation Rule), dirichlet.go (shares shrunk by a Dirichlet–multinomial),
// neighbour.go and fit.go (a high quantile of what similar accounts spend, by
// boosting and by nearest neighbours), conformal.go (intervals), estimate.go (the
// order of evidence), total.go and column.go (sums, and features for other
// models), text.go (the saved form), words.go, panel.go (figures on panels).
//
// What is estimated is the realistic wallet of Perlich et al. (KDD 2007): what
// the account would spend here if it bought as the best of its peers do. Where
// enough wallets are declared, they teach how wallets follow from that quantile
// and from the account's own spend, and set the interval; the report says where.
//
// The package refuses to guess: a category with one account or few, and an
// interval too wide to act on, are unknown with the reason. It is fitted only on
// what it is handed, and knows no clock, file, log or currency: all amounts are
// base currency.
package wallet
