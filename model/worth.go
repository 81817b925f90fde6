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
}

// Parameter is one fitted parameter with its standard error.
type Parameter struct {
	Name          string `json:"name"`
	Value         Figure `json:"value"`
	StandardError Figure `json:"standard_error"`
}

// LifetimeCard says which lifetime model serves, and how its spend did beside
// the run-rate.
type LifetimeCard struct {
	// Why is what was in the way of a model, "" when there is one.
	Why           string      `json:"why,omitempty"`
	Model         string      `json:"model,omitempty"`
	Accounts      int         `json:"accounts"`
	LogLikelihood Figure      `json:"log_likelihood"`
	Purchases     []Parameter `json:"purchases,omitempty"`
	Spend         []Parameter `json:"spend,omitempty"`
	// Correlation of frequency and mean spend, which the spend model takes for 0.
	Correlation Figure       `json:"correlation"`
	Segments    []SegmentFit `json:"segments,omitempty"`
	// Months and Discount (a month) say what the lifetime value is.
	Months   int    `json:"months"`
	Discount Figure `json:"discount"`
	// RunRate and Forecast are the mean absolute errors of spend within the horizon;
	// SpendBy is the better one.
	RunRate  Figure `json:"run_rate_mae"`
	Forecast Figure `json:"lifetime_mae"`
	SpendBy  string `json:"spend_by"`
}

// SegmentFit says what a segment's accounts are scored by.
type SegmentFit struct {
	Segment      string `json:"segment"`
	Accounts     int    `json:"accounts"`
	RepeatBuyers int    `json:"repeat_buyers"`
	Purchases    string `json:"purchases"`
	Spend        string `json:"spend"`
}

// WalletCard says what wallets rest on and how often their intervals held.
type WalletCard struct {
	Why        string           `json:"why,omitempty"`
	Accounts   int              `json:"accounts"`
	Categories []WalletCategory `json:"categories,omitempty"`
	Coverage   []WalletCoverage `json:"coverage,omitempty"`
	// Declared counts the declarations, Below those below the account's own spend.
	Declared int `json:"declared"`
	Below    int `json:"below_spend"`
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
	Suspect    string `json:"suspect,omitempty"`
}

// WalletCoverage is how often intervals held the truth.
type WalletCoverage struct {
	Segment     string `json:"segment"`
	Basis       string `json:"basis"`
	Accounts    int    `json:"accounts"`
	Target      Figure `json:"target"`
	Inside      Figure `json:"inside"`
	Width       Figure `json:"median_high_to_low"`
	Correlation Figure `json:"rank_correlation"`
}

// CrossSellCard says how the probabilities of what is bought next did on the
// test cutoff.
type CrossSellCard struct {
	Key     string              `json:"key"`
	Why     string              `json:"why,omitempty"`
	Items   int                 `json:"items"`
	Dense   int                 `json:"dense"`
	Tail    int                 `json:"tail"`
	Quality []PropensityQuality `json:"quality,omitempty"`
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
	// Point is what one point of yearly retention is worth, Five the relative gain
	// of five points beside the literature's 0.25 to 0.85; WhyNot when neither can
	// be told.
	Point  Interval `json:"retention_point"`
	Five   Interval `json:"retention_five_points"`
	WhyNot string   `json:"retention_why_not,omitempty"`
}

// Interval is a figure with its 95 % interval.
type Interval struct {
	Value Figure `json:"value"`
	Low   Figure `json:"low"`
	High  Figure `json:"high"`
}

// LoyaltyTenth is one tenth of the accounts by loyalty.
type LoyaltyTenth struct {
	Accounts int    `json:"accounts"`
	Score    Figure `json:"score"`
	Kept     Figure `json:"kept"`
	Spend    Figure `json:"spend"`
}
