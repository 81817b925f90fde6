package model

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Figure is a number of a report. Undefined figures (NaN) are null in JSON,
// never 0.
type Figure float64

// MarshalJSON writes the shortest number that reads back as the same, null for NaN.
func (f Figure) MarshalJSON() ([]byte, error) {
	v := float64(f)
	if math.IsNaN(v) {
		return []byte("null"), nil
	}
	if math.IsInf(v, 0) {
		return nil, fmt.Errorf("figure is infinite")
	}
	return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
}

// UnmarshalJSON reads null as NaN.
func (f *Figure) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*f = Figure(math.NaN())
		return nil
	}
	var v float64
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("figure %s: %w", raw, err)
	}
	*f = Figure(v)
	return nil
}

// Card is what is written down of a trained model: what it is, what it was
// trained on and how good it was on accounts and a cutoff it had not seen.
type Card struct {
	// Version names the model for ever; it is derived from its content.
	Version string `json:"version"`
	Kind    string `json:"kind"`
	// TrainedThrough is the as-of instant of training in RFC 3339, not the wall clock's.
	TrainedThrough string `json:"trained_through"`
	Label          string `json:"label"`
	HorizonDays    int    `json:"horizon_days"`
	// ActiveWithin is how recent the last purchase of an eligible account is, in
	// days; 0 is unlimited.
	ActiveWithin int `json:"active_within_days"`
	// Rung is the step of the ladder that serves.
	Rung            string   `json:"rung"`
	TrainCutoffs    []string `json:"train_cutoffs"`
	TestCutoff      string   `json:"test_cutoff"`
	Watermark       uint64   `json:"watermark"`
	DefinitionsHash string   `json:"definitions_hash"`
	ConfigHash      string   `json:"config_hash"`
	Engine          string   `json:"engine"`
	Seed            uint64   `json:"seed"`
	Features        []string `json:"features"`
	// OwnFeatures are the files that a team added to the catalogue, with the
	// fingerprints of their texts.
	OwnFeatures map[string]string `json:"own_features,omitempty"`
	// Refit is set when the served model was fitted again on all cutoffs after
	// the evaluation below.
	Refit bool `json:"refit,omitempty"`
	// MarginRate is the share of revenue that counts as margin where no cost is known.
	MarginRate float64 `json:"margin_rate"`
	Train      Sample  `json:"train"`
	// Excluded counts rows left out of training and test, by reason.
	Excluded map[string]int `json:"excluded"`
	Report   Report         `json:"report"`
	// Empty says of which columns, fitted on what the newest training cutoff knew, there
	// are no values, and why; nil where there are, and on cards from before.
	Empty []string `json:"columns_without_values,omitempty"`
	// Worth is nil for models from before it was told.
	Worth *WorthCard `json:"worth,omitempty"`
	// Ladder says which rungs were fitted and why the others were not.
	Ladder []RungCard `json:"ladder"`
}

// Sample is the size of a set of rows.
type Sample struct {
	Rows     int    `json:"rows"`
	Accounts int    `json:"accounts"`
	Churned  int    `json:"churned"`
	BaseRate Figure `json:"base_rate"`
}

// RungCard is one step of the ladder.
type RungCard struct {
	Rung string `json:"rung"`
	// Why is empty for a fitted rung; otherwise what it lacks.
	Why string `json:"why,omitempty"`
	// FoldLogLoss and FoldAUC were measured on folds of the training cutoffs.
	FoldLogLoss Figure `json:"fold_log_loss"`
	FoldAUC     Figure `json:"fold_auc"`
	// Test is the rung on the test cutoff; every rung stands there so that a
	// reader sees what the chosen one is worth.
	Test Quality `json:"test"`
	// Settings are the parameters chosen on the folds, in words.
	Settings string `json:"settings,omitempty"`
	// Challenger marks a learner shown for comparison, which is no rung and never serves.
	Challenger bool `json:"challenger,omitempty"`
	// Seconds that fitting it once on the training rows took, by the clock that the
	// caller gave; 0 without one.
	Seconds Figure `json:"seconds,omitempty"`
}

// ColumnTrial says what some columns add to boosting: on the folds of the training
// cutoffs, which decide whether they are kept, and, in a backtest, on the test
// rows, which decide nothing.
type ColumnTrial struct {
	Columns []string `json:"columns"`
	// EN and ZH say in a sentence what the columns are; "" on cards from before.
	EN string `json:"en,omitempty"`
	ZH string `json:"zh,omitempty"`
	// Why is what was in the way of a trial, "" when there was one; the figures are
	// then null.
	Why string `json:"why,omitempty"`
	// With and Without are the figures of one bag of boosting of the same rounds.
	FoldAUCWith        Figure `json:"fold_auc_with"`
	FoldAUCWithout     Figure `json:"fold_auc_without"`
	FoldLogLossWith    Figure `json:"fold_log_loss_with"`
	FoldLogLossWithout Figure `json:"fold_log_loss_without"`
	// Gain is the log-loss that the columns save on the folds, GainError its standard
	// error; they are Kept if it is above twice that and above what is worth a rung.
	Gain      Figure `json:"gain"`
	GainError Figure `json:"gain_error"`
	Kept      bool   `json:"kept"`
	// With and Without are nil where the test rows were not asked.
	With    *Quality `json:"test_with,omitempty"`
	Without *Quality `json:"test_without,omitempty"`
}

// Quality are the figures of one set of predictions.
type Quality struct {
	AUC     Figure `json:"auc"`
	AUCLow  Figure `json:"auc_low"`
	AUCHigh Figure `json:"auc_high"`
	PRAUC   Figure `json:"pr_auc"`
	// Lift in the riskiest tenth.
	Lift    Figure `json:"lift_top_decile"`
	LogLoss Figure `json:"log_loss"`
	Brier   Figure `json:"brier"`
	// ECE over ten bins of equal count.
	ECE Figure `json:"ece"`
}

// Report is how the served model did on the test cutoff.
type Report struct {
	Test    Sample  `json:"test"`
	Quality Quality `json:"quality"`
	// Grade is A, B or C; GradeWhy says how it came about.
	Grade    string `json:"grade"`
	GradeWhy string `json:"grade_why"`
	// AboveRule is the AUC minus the recency rule's, with its paired 95 % interval.
	AboveRule     Figure `json:"auc_above_rule"`
	AboveRuleLow  Figure `json:"auc_above_rule_low"`
	AboveRuleHigh Figure `json:"auc_above_rule_high"`
	// Gains by tenth, riskiest first.
	Gains       []GainRow        `json:"gains"`
	Reliability []ReliabilityRow `json:"reliability"`
	// Thirds of purchase frequency, rarest buyers first: much of an AUC is cadence.
	Thirds []ThirdRow `json:"thirds"`
	// CameBack is the share of the churned who bought again within the next
	// horizon; null while that horizon is not over.
	CameBack Figure `json:"came_back"`
	// Thresholds tell what contacting everybody above a probability means.
	Thresholds []ThresholdRow `json:"thresholds"`
	Bands      []BandRow      `json:"bands"`
	Health     []Finding      `json:"health"`
	Importance []Importance   `json:"importance"`
}

// GainRow is one tenth of the accounts, riskiest first.
type GainRow struct {
	Tenth int `json:"tenth"`
	Rows  int `json:"rows"`
	// Churned among them; Rate = Churned ÷ Rows; Lift = Rate ÷ base rate; Caught
	// is the share of all churned up to and with this tenth.
	Churned int    `json:"churned"`
	Rate    Figure `json:"rate"`
	Lift    Figure `json:"lift"`
	Caught  Figure `json:"caught"`
}

// ReliabilityRow compares what was said with what came, in one bin of equal count.
type ReliabilityRow struct {
	Rows      int    `json:"rows"`
	Predicted Figure `json:"predicted"`
	Observed  Figure `json:"observed"`
}

// ThirdRow is one third of the accounts by purchases per year.
type ThirdRow struct {
	Third    string `json:"third"`
	Rows     int    `json:"rows"`
	BaseRate Figure `json:"base_rate"`
	AUC      Figure `json:"auc"`
	RuleAUC  Figure `json:"rule_auc"`
}

// ThresholdRow is one row of the threshold explorer.
type ThresholdRow struct {
	Threshold Figure `json:"threshold"`
	// Reached accounts are above the threshold; Caught of them churned; Bothered did not.
	Reached  int `json:"reached"`
	Caught   int `json:"caught"`
	Bothered int `json:"bothered"`
	// Recall = Caught ÷ churned; Precision = Caught ÷ Reached.
	Recall    Figure `json:"recall"`
	Precision Figure `json:"precision"`
}

// BandRow is a band's share of the accounts and its observed churn.
type BandRow struct {
	Band     string `json:"band"`
	Share    Figure `json:"share"`
	Observed Figure `json:"observed"`
}

// Finding is the outcome of one health check.
type Finding struct {
	Check string `json:"check"`
	// Severity is ok, warning or error; an error stops promotion.
	Severity string `json:"severity"`
	Detail   string `json:"detail"`
}

// Importance is the mean absolute contribution of a feature on the test rows.
type Importance struct {
	Feature string `json:"feature"`
	Mean    Figure `json:"mean_abs_contribution"`
	Share   Figure `json:"share"`
}
