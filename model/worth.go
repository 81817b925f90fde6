package model

// WorthCard is what was fitted and found of what accounts are worth and how
// loyal they are, as of the test cutoff.
type WorthCard struct {
	Accounts int          `json:"accounts"`
	Lifetime LifetimeCard `json:"lifetime"`
	Wallet   WalletCard   `json:"wallet"`
	// CrossSell has one entry per key: category and product.
	CrossSell []CrossSellCard `json:"crosssell"`
	Loyalty   LoyaltyCard     `json:"loyalty"`
	// Decision is nil where the model was trained before it was told.
	Decision *DecisionCard `json:"decision,omitempty"`
}

// Parameter is one fitted parameter with its standard error.
type Parameter struct {
	Name          string `json:"name"`
	Value         Figure `json:"value"`
	StandardError Figure `json:"standard_error"`
}

// LifetimeCard says which lifetime model serves, and how its spend did beside
// the run-rate. What is omitted when empty is not told by models from before.
type LifetimeCard struct {
	// Why is what was in the way of a model, "" when there is one. Instead is why one
	// in which nobody leaves serves instead of those that were tried, "" when one of
	// them does.
	Why     string `json:"why,omitempty"`
	Instead string `json:"instead,omitempty"`
	Model   string `json:"model,omitempty"`
	// Models are those tried, in their order.
	Models []LifetimeTrial `json:"models,omitempty"`
	// Accounts have a history; of ReturnsOutweigh the returns take up the purchases,
	// and NoHistory have none that can be read: nothing is told of either.
	Accounts        int         `json:"accounts"`
	ReturnsOutweigh int         `json:"returns_outweigh,omitempty"`
	NoHistory       int         `json:"no_history,omitempty"`
	LogLikelihood   Figure      `json:"log_likelihood"`
	Purchases       []Parameter `json:"purchases,omitempty"`
	Spend           []Parameter `json:"spend,omitempty"`
	// SpendWhy is what was in the way of a model of spend, "" when there is one.
	SpendWhy string `json:"spend_why,omitempty"`
	// SpendWhyCode is its code; "" on cards from before.
	SpendWhyCode string `json:"spend_why_code,omitempty"`
	// Correlation of frequency and mean spend, which the spend model takes for 0.
	Correlation Figure       `json:"correlation"`
	Segments    []SegmentFit `json:"segments,omitempty"`
	// Months and Discount (a month) say what the lifetime value is, ValueBy what a
	// purchase is worth in it: gamma_gamma, or plain_mean.
	Months   int    `json:"months"`
	Discount Figure `json:"discount"`
	ValueBy  string `json:"value_by,omitempty"`
	// Interval is the probability that a lifetime value lies in its interval, and Draws
	// how many futures that is drawn from.
	Interval Figure `json:"interval,omitempty"`
	Draws    int    `json:"draws,omitempty"`
	// RunRate and Forecast are the mean absolute errors of spend within the horizon,
	// over Judged accounts; SpendBy is the better one. TooYoung have no run-rate yet
	// and took no part.
	RunRate  Figure `json:"run_rate_mae"`
	Forecast Figure `json:"lifetime_mae"`
	SpendBy  string `json:"spend_by"`
	Judged   int    `json:"judged,omitempty"`
	TooYoung int    `json:"too_young,omitempty"`
	// Stayed is the same of what an account spends if it stays, which value at risk
	// is of, over those judged that bought within the horizon.
	Stayed *SpendContest `json:"stayed,omitempty"`
	// Coverage is how often the interval of spend within the horizon held it.
	Coverage *LifetimeCoverage `json:"coverage,omitempty"`
	// Returns are those of the lapsed accounts, which win-back values are told by; nil
	// where none had lapsed.
	Returns *LapsedReturns `json:"returns,omitempty"`
}

// LapsedReturns sets the returns that were expected of lapsed accounts within the
// horizon, the sum of 1 − the probability of no purchase, beside those that came.
type LapsedReturns struct {
	Accounts int    `json:"accounts"`
	Expected Figure `json:"expected"`
	Returned int    `json:"returned"`
}

// LifetimeTrial is one lifetime model that was tried.
type LifetimeTrial struct {
	Model string `json:"model"`
	// Why is what was in its way, "" when it was fitted; then the figures are told.
	// WhyCode is its code, "" on cards from before.
	Why           string `json:"why,omitempty"`
	WhyCode       string `json:"why_code,omitempty"`
	LogLikelihood Figure `json:"log_likelihood"`
	// MAE is the mean absolute error of its spend within the horizon, over all
	// accounts with a history; the least serves.
	MAE  Figure `json:"mae"`
	Used bool   `json:"used,omitempty"`
}

// SpendContest are two forecasts of spend on one holdout, by their mean absolute
// errors.
type SpendContest struct {
	Accounts int    `json:"accounts"`
	RunRate  Figure `json:"run_rate_mae"`
	Forecast Figure `json:"lifetime_mae"`
	By       string `json:"by"`
}

// LifetimeCoverage is how often intervals held what came.
type LifetimeCoverage struct {
	Accounts int    `json:"accounts"`
	Target   Figure `json:"target"`
	Inside   Figure `json:"inside"`
	// Above is the share of those that came to more than their interval.
	Above Figure `json:"above"`
}

// SegmentFit says what a segment's accounts are scored by. Parameters are those of
// its own fits; a problem is why there is none though the segment is large enough.
type SegmentFit struct {
	Segment          string      `json:"segment"`
	Accounts         int         `json:"accounts"`
	RepeatBuyers     int         `json:"repeat_buyers"`
	Purchases        string      `json:"purchases"`
	PurchasesProblem string      `json:"purchases_problem,omitempty"`
	Parameters       []Parameter `json:"parameters,omitempty"`
	Spend            string      `json:"spend"`
	SpendProblem     string      `json:"spend_problem,omitempty"`
	SpendParameters  []Parameter `json:"spend_parameters,omitempty"`
}

// WalletCard says what wallets rest on and how often their intervals held.
type WalletCard struct {
	// Why is what was in the way of wallets, WhyCode its code, "" on cards from before.
	Why        string           `json:"why,omitempty"`
	WhyCode    string           `json:"why_code,omitempty"`
	Accounts   int              `json:"accounts"`
	Categories []WalletCategory `json:"categories,omitempty"`
	Coverage   []WalletCoverage `json:"coverage,omitempty"`
	// Shares are the Dirichlet-multinomial models by which a declared period of the past is
	// carried to today, Unshared why a category with enough declarations has none; both are
	// absent on cards from before.
	Shares   []WalletShares `json:"shares,omitempty"`
	Unshared []string       `json:"unshared,omitempty"`
	// Columns says what the columns of the estimated wallet add to the churn model; nil
	// where they are off.
	Columns *ColumnTrial `json:"churn_columns,omitempty"`
	// Declared counts the declarations, Below those below the account's own spend.
	Declared int `json:"declared"`
	Below    int `json:"below_spend"`
	// Unmet are the categories in which wallets are declared and none is told, since
	// nobody buys them or they are beyond the most bought, with the declarations of
	// each; a misspelt name stands here. Unasked counts the categories beyond those.
	Unmet   map[string]int `json:"declared_unmet,omitempty"`
	Unasked int            `json:"categories_unasked,omitempty"`
}

// WalletCategory is what was learnt of one category.
type WalletCategory struct {
	Category string `json:"category"`
	Peers    int    `json:"peers"`
	Why      string `json:"why,omitempty"`
	// Serves is the better of boosting and neighbours by the pinball losses beside it.
	Serves     string `json:"serves,omitempty"`
	Boosting   Figure `json:"boosting_loss"`
	Neighbours Figure `json:"neighbours_loss"`
	Constant   Figure `json:"constant_loss"`
	// Without are the columns that the category was fitted without, since they rank
	// accounts as their spend does; EN and ZH say so in a sentence. On cards from before
	// one of them stands in Suspect, and was used.
	Without []string `json:"without,omitempty"`
	EN      string   `json:"en,omitempty"`
	ZH      string   `json:"zh,omitempty"`
	Suspect string   `json:"suspect,omitempty"`
	// Below counts the declarations below the account's own spend.
	Below int `json:"below_spend,omitempty"`
}

// WalletCoverage is how often intervals held the truth.
type WalletCoverage struct {
	Segment string `json:"segment"`
	// Category is "" for all of them.
	Category    string `json:"category,omitempty"`
	Basis       string `json:"basis"`
	Accounts    int    `json:"accounts"`
	Target      Figure `json:"target"`
	Inside      Figure `json:"inside"`
	Width       Figure `json:"median_high_to_low"`
	Correlation Figure `json:"rank_correlation"`
	// Acted is of those intervals that are narrow enough to act on, by declared wallets;
	// nil by others and on cards from before.
	Acted *WalletActed `json:"acted_on,omitempty"`
}

// WalletActed is how often the intervals that are acted on held the truth: they are
// chosen, and must hold it as often as all.
type WalletActed struct {
	Accounts int    `json:"accounts"`
	Inside   Figure `json:"inside"`
}

// WalletShares is a model of shares of wallet, of a category or, where that is "", of
// all: the usual share, and the concentration, which weighs as much as that many
// purchases of the account's own.
type WalletShares struct {
	Category      string `json:"category"`
	Accounts      int    `json:"accounts"`
	Usual         Figure `json:"usual_share"`
	Concentration Figure `json:"concentration"`
}

// CrossSellCard says how the probabilities of what is bought next did on the
// test cutoff.
type CrossSellCard struct {
	Key string `json:"key"`
	// Why is what was in the way of learning, WhyCode its code, "" on cards from before.
	Why     string `json:"why,omitempty"`
	WhyCode string `json:"why_code,omitempty"`
	Items   int    `json:"items"`
	Dense   int    `json:"dense"`
	Tail    int    `json:"tail"`
	// EN and ZH say it in a sentence, with the memory taken; "" on cards from before.
	EN      string              `json:"en,omitempty"`
	ZH      string              `json:"zh,omitempty"`
	Quality []PropensityQuality `json:"quality,omitempty"`
	// Wallet is what the columns of the estimated wallet added; nil where they were not
	// tried, and on cards from before.
	Wallet *WalletTrial `json:"wallet,omitempty"`
}

// PropensityQuality is that of one kind: new, lapsed or repeat.
type PropensityQuality struct {
	Kind           string `json:"kind"`
	Rows           int    `json:"rows"`
	Bought         int    `json:"bought"`
	AUC            Figure `json:"auc"`
	LogLoss        Figure `json:"log_loss"`
	ECE            Figure `json:"ece"`
	PopularAUC     Figure `json:"popular_auc"`
	PopularLogLoss Figure `json:"popular_log_loss"`
	NDCG           Figure `json:"ndcg_10"`
	BaseNDCG       Figure `json:"base_ndcg_10"`
}

// LoyaltyCard sets the loyalty score beside what happened next.
type LoyaltyCard struct {
	Why string `json:"why,omitempty"`
	// Kept and Spend are rank correlations with what happened in the horizon;
	// ChurnKept and ChurnSpend those of the churn model's probability of staying.
	Kept       Interval `json:"kept"`
	Spend      Interval `json:"spend"`
	ChurnKept  Interval `json:"churn_kept"`
	ChurnSpend Interval `json:"churn_spend"`
	Agreement  Interval `json:"agreement"`
	// Tenths are from the least loyal to the most.
	Tenths []LoyaltyTenth `json:"tenths,omitempty"`
	// Stories counts the accounts whose loyalty and risk contradict each other.
	Stories int `json:"stories"`
	// Measured counts the accounts with each indicator.
	Measured map[string]int `json:"measured,omitempty"`
	// Retention is the share of RetentionAccounts that was kept over the horizon; nil and 0
	// on cards from before.
	Retention         *Interval `json:"retention,omitempty"`
	RetentionAccounts int       `json:"retention_accounts,omitempty"`
	// Point is what one point more kept over each horizon is worth, Five the relative gain
	// of five points beside the literature's 0.25 to 0.85; WhyNot when neither can
	// be told, and WhyNotCode its code, "" on cards from before.
	Point      Interval `json:"retention_point"`
	Five       Interval `json:"retention_five_points"`
	WhyNot     string   `json:"retention_why_not,omitempty"`
	WhyNotCode string   `json:"retention_why_not_code,omitempty"`
}

// Interval is a figure with its 95 % interval.
type Interval struct {
	Value Figure `json:"value"`
	Low   Figure `json:"low"`
	High  Figure `json:"high"`
}

// LoyaltyTenth is one tenth of the accounts by loyalty, with the same tenth by the
// churn model beside it.
type LoyaltyTenth struct {
	OneTenth

	// Churn is the tenth by the churn model's probability of staying, which is its
	// score; nil of cards from before, and without probabilities.
	Churn *OneTenth `json:"churn,omitempty"`
}

// OneTenth is one tenth of the accounts by a score: its mean, the share that was kept,
// and the mean later spend.
type OneTenth struct {
	Accounts int    `json:"accounts"`
	Score    Figure `json:"score"`
	Kept     Figure `json:"kept"`
	Spend    Figure `json:"spend"`
}
