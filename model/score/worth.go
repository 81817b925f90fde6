package score

import (
	"bytes"
	"encoding/json"
	"math"

	"fealty/features/frame"
	"fealty/model"
)

// Worth is what an account is worth and how loyal it is, as of the cutoff of
// the score beside it. Money is in base currency. What can't be measured is
// NaN, or empty, never 0.
type Worth struct {
	Account  frame.AccountID
	Lifetime Lifetime
	Loyalty  Loyalty
	Place    Place
	// Wallet is that of all categories together; Wallets are by category, the
	// largest potential first.
	Wallet  Wallet
	Wallets []Wallet
	// Recommendations are ranked: the most likely first within a kind.
	Recommendations []Recommendation
	// Hash is the Digest of what was told, for the receipt; "" in runs that did not keep
	// it.
	Hash string
}

// Lifetime is what a lifetime model expects of an account.
type Lifetime struct {
	// Alive is the probability that the account still buys, NoPurchase that it
	// buys nothing within the horizon.
	Alive, NoPurchase float64
	// Purchases and Spend are expected within the horizon. SpendBy says what
	// forecast the spend: the better of run-rate and lifetime model on the last
	// cutoff.
	Purchases, Spend float64
	SpendBy          string
	// Value is the discounted margin over the months that the card names, Low and
	// High its 90 % interval.
	Value, Low, High float64
	// Model names what was fitted, and on which accounts.
	Model string
	// ValueBy says what a purchase is worth in the value: gamma_gamma, or plain_mean,
	// the account's own; "" without a value, and in runs that did not tell it.
	ValueBy string
	// Why is the code of why there is no lifetime value, or no Alive beside it; "" when
	// there is, and in runs that did not tell it.
	Why string
}

// Wallet is what an account spends in a category in a year, with everybody.
type Wallet struct {
	// Category is empty for the sum of all.
	Category string `json:"category,omitempty"`
	// State is known, estimated or unknown.
	State string `json:"state"`
	// Amount lies within [Low, High]; Spend is our part of it in the last 365
	// days, Share = Spend ÷ Amount, Potential = Amount − Spend.
	Amount    model.Figure `json:"amount"`
	Low       model.Figure `json:"low"`
	High      model.Figure `json:"high"`
	Spend     model.Figure `json:"spend"`
	Share     model.Figure `json:"share"`
	Potential model.Figure `json:"potential"`
	// Width is how wide the interval is against the wallet, Trend the change of the
	// share; NaN when not known.
	Width model.Figure `json:"width"`
	Trend model.Figure `json:"trend"`
	// NoTrend is the code of why there is no Trend though the wallet is known or estimated;
	// "" otherwise, and in runs that did not tell it.
	NoTrend string `json:"no_trend,omitempty"`
	// Why is the code of what the state rests on.
	Why string `json:"why,omitempty"`
	// Author declared what the wallet rests on, Period is the instant from which it
	// holds in Unix seconds; "" and 0 when nobody did.
	Author string `json:"author,omitempty"`
	Period int64  `json:"period,omitempty"`
	// Flags are codes of what a person should look at.
	Flags []string `json:"flags,omitempty"`
}

// Recommendation is one thing that an account may buy next.
type Recommendation struct {
	// Kind is new, lapsed or repeat.
	Kind     string `json:"kind"`
	Item     string `json:"item,omitempty"`
	Category string `json:"category,omitempty"`
	// Probability of buying it within the horizon, and the amount if it is bought.
	Probability model.Figure `json:"probability"`
	Amount      model.Figure `json:"amount"`
	// Reason is the code of the sentence that says why; Because is the account's
	// own item or category that it rests on. Orders and Days are the account's own
	// orders of that and the days since the last, Buyers the accounts that bought
	// what is recommended; 0 where the sentence does not speak of them.
	Reason  string `json:"reason,omitempty"`
	Because string `json:"because,omitempty"`
	Orders  int    `json:"orders,omitempty"`
	Days    int    `json:"days,omitempty"`
	Buyers  int    `json:"buyers,omitempty"`
	// Name and BecauseName are what Item and Because are called as of the cutoff; "" where
	// nobody says, of categories, and in runs that did not tell it.
	Name        string `json:"name,omitempty"`
	BecauseName string `json:"because_name,omitempty"`
}

// Loyalty is the loyalty score with its indicators, and attitude apart from it.
type Loyalty struct {
	// Score is 0 to 100, higher is more loyal; Uncapped is what it would be
	// without the exception Cap, "" when none holds.
	Score, Uncapped float64
	Cap             string
	Indicators      []Indicator
	// Profile names the weights; Why is the code of why there is no score, "" when
	// there is one.
	Profile, Why string
	// Story is the code of how the score and the risk of leaving contradict each
	// other, "" when they don't.
	Story string
	// Children is how many children the score is the mean of, 0 when the account's own.
	Children int64
	// Satisfaction and ResponseRate are attitude as surveys tell it, 0 to 100 and
	// 0 to 1; they are no part of the score.
	Satisfaction, ResponseRate float64
	// Attitudes are all that is known of what the account says and feels, apart from
	// what it does.
	Attitudes []Attitude
}

// Attitude is one number of what an account says and feels.
type Attitude struct {
	Name string `json:"name"`
	// Value is null when it is not measured, and Why says why.
	Value model.Figure `json:"value"`
	Why   string       `json:"why,omitempty"`
	// Basis is the code of what the value is made of.
	Basis string `json:"basis,omitempty"`
}

// Indicator is one of the ten measures of loyalty.
type Indicator struct {
	Name string `json:"name"`
	// Value is 0 to 100; null when it is not measurable, and Why says what lacks.
	Value model.Figure `json:"value"`
	Why   string       `json:"why,omitempty"`
	// Weight is what the configuration gives it, Used what it has after those
	// that are not measurable were left out; each sums to 100.
	Weight model.Figure `json:"weight"`
	Used   model.Figure `json:"used"`
	// Figures are what the value was computed from, by column; none where it is not
	// measurable, of a measure that a person gave, and in runs that did not tell them.
	Figures map[string]model.Figure `json:"figures,omitempty"`
	// Author, Comment and At (Unix seconds) are of a measure that a person gave; ""
	// and 0 of all others.
	Author  string `json:"author,omitempty"`
	Comment string `json:"comment,omitempty"`
	At      int64  `json:"at,omitempty"`
}

// Place is where an account stands among the others, and what to do about it.
type Place struct {
	// Value is commercial value: the sum of its four parts that are known.
	Value, Existing, Potential, Influence, Learning float64
	// Tier, Level (of the relationship), Cell (RFM) and Verdict are codes.
	Tier, Level, Cell, Verdict string
	// Parts are the figures that the four parts were made of.
	Parts []Part
	// Because are the figures that the verdict rests on.
	Because []Ground
	// Breaches are the parts of the tier's policy that are not kept.
	Breaches []Breach
}

// Part is one figure that a part of commercial value was made of.
type Part struct {
	Code  string       `json:"code"`
	Value model.Figure `json:"value"`
}

// Ground is what a verdict rests on: its first figure, and all of them by name. Runs
// from before kept the first alone.
type Ground struct {
	Code    string                  `json:"code"`
	Value   model.Figure            `json:"value"`
	Figures map[string]model.Figure `json:"figures,omitempty"`
}

// Breach is a part of the tier's policy that is not kept: Actual is more than Bound.
// Runs from before kept the code alone; both are NaN then.
type Breach struct {
	Code   string       `json:"code"`
	Actual model.Figure `json:"actual"`
	Bound  model.Figure `json:"bound"`
}

// UnmarshalJSON reads a breach, or the plain code of one.
func (b *Breach) UnmarshalJSON(raw []byte) error {
	*b = Breach{Actual: model.Figure(math.NaN()), Bound: model.Figure(math.NaN())}
	if bytes.HasPrefix(raw, []byte{'"'}) {
		return json.Unmarshal(raw, &b.Code)
	}
	type whole Breach
	return json.Unmarshal(raw, (*whole)(b))
}
