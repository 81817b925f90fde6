package serving

import "fealty/model"

// HindsightRequest asks what fealty would have said at the ends of past months.
type HindsightRequest struct {
	// From and To are dates; the month ends from the one to the other, both
	// included, are replayed. To "" is the newest month end whose outcome is known,
	// From "" eleven months before it.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Capacity is how many accounts are flagged at each date, the riskiest first; 0
	// flags the high band.
	Capacity int `json:"capacity,omitempty"`
	// By says what a capacity is spent on first: ByRisk ("" too) or ByValue.
	By string `json:"by,omitempty"`
	// Rung is the highest rung to try, "" for all.
	Rung string `json:"rung,omitempty"`
}

// What a capacity is spent on first.
const (
	// ByRisk: the highest probability.
	ByRisk = "risk"
	// ByValue: the greatest value at risk, which is probability × margin of the
	// horizon at the account's usual pace; accounts too new for a pace come last.
	ByValue = "value"
)

// The standings of a month in hindsight.
const (
	// MonthCounted: replayed, and its outcome is known.
	MonthCounted = "counted"
	// MonthNotFinal: what came of its accounts is not known yet.
	MonthNotFinal = "not_final"
	// MonthNoModel: too little was known by then to train any model.
	MonthNoModel = "no_model"
)

// Why a month is not counted, or why the ladder stepped down at it.
const (
	// WhyOutcomeOpen and WhyNoHistory: the month lies too late, or too early.
	WhyOutcomeOpen = "outcome_open"
	WhyNoHistory   = "no_history"
	// WhyNobodyTaught, WhyNobodyJudged and WhyTooFew: no label to learn from, none at
	// the month itself, or too few of a class for any model.
	WhyNobodyTaught = "nobody_taught"
	WhyNobodyJudged = "nobody_judged"
	WhyTooFew       = "too_few"
	// WhyRungNotAsked and those below: the first rung that was not fitted, not asked for, without a lifetime model, or
	// with too few rows or accounts.
	WhyRungNotAsked       = "rung_not_asked"
	WhyRungNoLifetime     = "rung_no_lifetime"
	WhyRungTooFewRows     = "rung_too_few_rows"
	WhyRungTooFewAccounts = "rung_too_few_accounts"
)

// What became of an account in hindsight.
const (
	// OutcomeReached and OutcomeMissed are accounts lost: flagged in time, or not.
	OutcomeReached = "reached"
	OutcomeMissed  = "missed"
	// OutcomeStayed and OutcomeCameBack are accounts flagged that were not lost:
	// some bought within the horizon, some fell silent and came back later.
	OutcomeStayed   = "stayed"
	OutcomeCameBack = "came_back"
)

// HindsightSums count what was lost, what would have been reached, and whom it
// would have bothered. Money is in the base currency. The sums of the counted
// months add up to the whole.
type HindsightSums struct {
	// Lost = Reached + Missed accounts.
	Lost    int `json:"lost"`
	Reached int `json:"reached"`
	Missed  int `json:"missed"`
	// Bothered accounts were flagged and not lost; CameBack of them had fallen
	// silent for the horizon and came back by themselves.
	Bothered int `json:"bothered"`
	CameBack int `json:"came_back"`
	// SpendLost is what the lost accounts had spent in the year before, SpendReached
	// what the reached ones had.
	SpendLost    model.Figure `json:"spend_lost"`
	SpendReached model.Figure `json:"spend_reached"`
	// MoneyLost and MoneyReached are the margins that their usual pace would have
	// brought over one horizon; Unpriced lost accounts are too new to have a pace
	// and stand in neither.
	MoneyLost    model.Figure `json:"money_lost"`
	MoneyReached model.Figure `json:"money_reached"`
	Unpriced     int          `json:"unpriced"`
	// RuleReached is how many of the lost the recency rule alone would have
	// reached, flagging as many accounts at each date; RuleBothered whom it would
	// have bothered.
	RuleReached  int `json:"rule_reached"`
	RuleBothered int `json:"rule_bothered"`

	// ReachedShare = Reached ÷ Lost, SpendShare = SpendReached ÷ SpendLost,
	// BotheredPerReached = Bothered ÷ Reached; null where nothing is divided by.
	ReachedShare       model.Figure `json:"reached_share"`
	SpendShare         model.Figure `json:"spend_share"`
	BotheredPerReached model.Figure `json:"bothered_per_reached"`
	// WeeksAhead is the median over the reached accounts.
	WeeksAhead model.Figure `json:"weeks_ahead"`
}

// HindsightMonth is one date of the replay. What is counted is 0 in a month that
// is not.
type HindsightMonth struct {
	// Month is its last day; State one of the Month… constants. WhyCode (one of the
	// Why… constants), Why and WhyZH say why a month is not counted, or why the ladder
	// stepped down.
	Month   string `json:"month"`
	State   string `json:"state"`
	WhyCode string `json:"why_code,omitempty"`
	Why     string `json:"why,omitempty"`
	WhyZH   string `json:"why_zh,omitempty"`
	// Rung, TrainCutoffs and TrainRows tell of the model, AUC how it ranked the
	// accounts of that date.
	Rung         string       `json:"rung,omitempty"`
	TrainCutoffs int          `json:"train_cutoffs"`
	TrainRows    int          `json:"train_rows"`
	AUC          model.Figure `json:"auc"`
	// Scored accounts at the date; the Watched ones had not been silent for the
	// horizon yet, as known then, and only they are flagged. Of the Flagged ones
	// FlaggedGone had bought for the last time, FlaggedCameBack bought nothing for
	// the horizon and came back, and FlaggedStayed bought within it. The three add
	// up to Flagged.
	Scored          int `json:"scored"`
	Watched         int `json:"watched"`
	Flagged         int `json:"flagged"`
	FlaggedGone     int `json:"flagged_gone"`
	FlaggedCameBack int `json:"flagged_came_back"`
	FlaggedStayed   int `json:"flagged_stayed"`
	HindsightSums
}

// HindsightAccount is one account that was lost, or bothered. Dates are days in
// the business time zone, "" where there is none.
type HindsightAccount struct {
	Account string `json:"account"`
	Name    string `json:"name,omitempty"`
	Segment string `json:"segment,omitempty"`
	Manager string `json:"manager,omitempty"`
	// Outcome is one of the Outcome… constants. Month is the first date at which a
	// flag of a lost account would have been in time, or the first at which another
	// account was flagged.
	Outcome string `json:"outcome"`
	Month   string `json:"month"`
	// LastPurchase is the day on which a lost account was lost, SilentBy the day at
	// whose end it had been silent for the horizon: by then everybody knows.
	LastPurchase string `json:"last_purchase,omitempty"`
	SilentBy     string `json:"silent_by,omitempty"`
	// Chances are the counted dates between the two at which a flag would have been
	// in time; Flagged is the first of them at which there was one.
	Chances int    `json:"chances"`
	Flagged string `json:"flagged,omitempty"`
	// Probability was given at Flagged; without a flag it is the highest of the
	// chances, null when the account was scored at none.
	Probability model.Figure `json:"probability"`
	// WeeksAhead from Flagged to SilentBy, and WeeksAfter from the last purchase to
	// Flagged; null without a flag.
	WeeksAhead model.Figure `json:"weeks_ahead"`
	WeeksAfter model.Figure `json:"weeks_after"`
	// Early says that there was a flag before the last purchase already, which
	// counts for nothing.
	Early bool `json:"early,omitempty"`
	// ByRule says that the recency rule would have reached it.
	ByRule bool `json:"by_rule"`
	// Money is the margin of a horizon at its usual pace, as of Month, null for an
	// account too new to have one; Spend that of the year before. Lost accounts only.
	Money model.Figure `json:"money"`
	Spend model.Figure `json:"spend"`
}

// HindsightResult is the replay.
type HindsightResult struct {
	From        string `json:"from"`
	To          string `json:"to"`
	HorizonDays int    `json:"horizon_days"`
	Currency    string `json:"currency"`
	Capacity    int    `json:"capacity,omitempty"`
	By          string `json:"by,omitempty"`
	// HighBand is the probability from which on an account is flagged when there is
	// no capacity.
	HighBand float64          `json:"high_band"`
	Months   []HindsightMonth `json:"months"`
	Total    HindsightSums    `json:"total"`
	// Counted months, and lost accounts that the label leaves out or that asked to be
	// erased (LeftOut).
	Counted int `json:"counted_months"`
	LeftOut int `json:"left_out"`
	// Accounts lists the lost ones by spend, then the bothered ones by month.
	Accounts []HindsightAccount `json:"accounts"`
	// English and Chinese tell it in a paragraph; Notes, and NotesZH in Chinese, say
	// what the words mean.
	English string   `json:"english"`
	Chinese string   `json:"chinese"`
	Notes   []string `json:"notes"`
	NotesZH []string `json:"notes_zh"`
}
