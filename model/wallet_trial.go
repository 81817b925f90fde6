package model

// WalletTrial says what the columns of the estimated wallet by category, as the cutoff
// of the lesson knew them, add to the probabilities of what is bought next by category.
type WalletTrial struct {
	// Why is what was in the way of a trial, "" when there was one; the figures are then
	// null.
	Why string `json:"why,omitempty"`
	// Accounts of the lesson were held out; the log-loss on them, with and without the
	// columns, decides whether those are kept.
	Accounts int    `json:"accounts"`
	With     Figure `json:"log_loss_with"`
	Without  Figure `json:"log_loss_without"`
	Kept     bool   `json:"kept"`
	// Later is measured at the test cutoff, on what was bought after it, which decides
	// nothing: all pairs of account and category first, then kind by kind. It is absent on
	// cards from before.
	Later []WalletGain `json:"later,omitempty"`
	// EN and ZH say Later, or Why, in words.
	EN string `json:"en,omitempty"`
	ZH string `json:"zh,omitempty"`
}

// AllKinds is the kind of a WalletGain over all pairs.
const AllKinds = "all"

// WalletGain is what the columns add to pairs of a kind: new, lapsed, repeat, or all.
type WalletGain struct {
	Kind           string `json:"kind"`
	Rows           int    `json:"rows"`
	Bought         int    `json:"bought"`
	LogLossWith    Figure `json:"log_loss_with"`
	LogLossWithout Figure `json:"log_loss_without"`
	// Gain is the log-loss that the columns save per pair, GainError its standard error
	// with the accounts as draws.
	Gain      Figure `json:"gain"`
	GainError Figure `json:"gain_error"`
	// AUC, and NDCG@10 of the list in the order of probability, are of a kind, and null of
	// all.
	AUCWith     Figure `json:"auc_with"`
	AUCWithout  Figure `json:"auc_without"`
	NDCGWith    Figure `json:"ndcg_10_with"`
	NDCGWithout Figure `json:"ndcg_10_without"`
}
