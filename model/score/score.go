// Package score is where numbers become meaning: a margin becomes a
// probability, a percentile, a band, a stage, an amount at risk, reasons in
// words and a receipt.
//
// Place in the flow: model → [score] → people. It knows what the numbers mean
// and how to say so in English and Chinese; it refuses to know how a model was
// trained, where scores are stored and who asks.
package score

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"fealty/features/frame"
	"fealty/model/calibrate"
)

// Band is a named range of probability.
type Band string

// The bands, lowest risk first. None is the band of an account without a score.
const (
	None   Band = ""
	Low    Band = "low"
	Medium Band = "medium"
	High   Band = "high"
)

// Bands are the half-open ranges [0, Medium), [Medium, High), [High, 1] that
// together cover [0, 1].
type Bands struct {
	// Medium and High are the lower edges of their bands; 0 < Medium < High ≤ 1.
	Medium, High float64
}

// DefaultBands are low [0, .3), medium [.3, .6), high [.6, 1].
func DefaultBands() Bands { return Bands{Medium: .3, High: .6} }

// Validate refuses edges that don't cover [0, 1] in order.
func (b Bands) Validate() error {
	if !(b.Medium > 0 && b.Medium < b.High && b.High <= 1) {
		return fmt.Errorf("bands: need 0 < medium < high ≤ 1, have medium %v, high %v", b.Medium, b.High)
	}
	return nil
}

// Of returns the band of probability p; None when p is NaN.
func (b Bands) Of(p float64) Band {
	switch {
	case math.IsNaN(p):
		return None
	case p >= b.High:
		return High
	case p >= b.Medium:
		return Medium
	}
	return Low
}

// Stage is where an account stands in its life with us.
type Stage string

// The stages; the first that matches holds, in this order.
const (
	Lapsed  Stage = "lapsed"
	WonBack Stage = "won_back"
	New     Stage = "new"
	AtRisk  Stage = "at_risk"
	Active  Stage = "active"
	// NeverBought is the stage of an account without any purchase.
	NeverBought Stage = "never_bought"
	// Paused comes before all others: the silence was agreed, whatever the band is.
	Paused Stage = "paused"
)

// Life is what decides the stage beside the band.
type Life struct {
	// NeverBought and Lapsed repeat the account's eligibility.
	NeverBought, Lapsed bool
	// TenureDays since the first purchase.
	TenureDays float64
	// WonBack: a silence longer than active_within ended in the last 90 days.
	WonBack bool
	// Paused: a pause holds the cutoff or covers at least half of the horizon.
	Paused bool
}

// StageOf returns the first stage that matches.
func StageOf(l Life, b Band) Stage {
	switch {
	case l.Paused:
		return Paused
	case l.NeverBought:
		return NeverBought
	case l.Lapsed:
		return Lapsed
	case l.WonBack:
		return WonBack
	case l.TenureDays < 90:
		return New
	case b == High:
		return AtRisk
	}
	return Active
}

// Reason is one feature's part in a score.
type Reason struct {
	// Feature is the column's name and Group its group.
	Feature string `json:"f"`
	// Value is the account's own value; nil when it is missing.
	Value *float64 `json:"v,omitempty"`
	// Contribution in log-odds: above 0 it raises the risk.
	Contribution float64 `json:"c"`
	// With holds the other columns' values that the sentence names.
	With map[string]float64 `json:"w,omitempty"`
}

// Change is the difference from the account's previous published score.
type Change struct {
	// Probability now minus then.
	Probability float64
	// Previous is the cutoff of the score compared with.
	Previous frame.Cutoff
	// ModelChanged: another model gave the previous score, so part of the change may be its.
	ModelChanged bool
}

// Receipt names everything that a score was computed from, so that replay can
// prove it.
type Receipt struct {
	Model           string        `json:"model"`
	DefinitionsHash string        `json:"definitions_hash"`
	RowHash         string        `json:"row_hash"`
	Cutoff          frame.Cutoff  `json:"cutoff"`
	KnownAt         frame.KnownAt `json:"known_at"`
	Watermark       uint64        `json:"watermark"`
	ConfigHash      string        `json:"config_hash"`
	Engine          string        `json:"engine"`
	// WorthDefinitions fingerprints what worth is told of beside the features, and WorthHash
	// what is told of this account's worth; WorthHash stands in answers of worth alone. ""
	// where nothing is told of worth, and in runs from before.
	WorthDefinitions string `json:"worth_definitions_hash,omitempty"`
	WorthHash        string `json:"worth_hash,omitempty"`
}

// Score is one account's answer as of a cutoff. An account that can't be
// scored has Unscorable set and NaN in every number.
type Score struct {
	Account frame.AccountID
	// Name, Segment, Region and Manager are the account's attributes as known then.
	Name, Segment, Region, Manager string
	// Unscorable says why there is no score: never_bought, lapsed or erased; "" when scored.
	Unscorable string
	// Margin is the log-odds that the contributions add up to (with Base);
	// Probability is the calibrated probability of churn within the horizon.
	Margin, Base, Probability float64
	// Percentile = 100 × (share strictly less risky + half the ties) in the run.
	Percentile float64
	Band       Band
	Stage      Stage
	// ValueAtRisk = probability × the margin over the horizon if the account stays,
	// base currency: of its run-rate, or of a lifetime model where that was found to
	// forecast spend better.
	ValueAtRisk float64
	// RunRate is the account's expected spend over the horizon at its usual pace.
	RunRate float64
	Change  *Change
	// Up and Down are the up to three reasons that raise and lower the risk most.
	Up, Down []Reason
	// Worth is nil when nothing was fitted that tells it.
	Worth   *Worth
	Receipt Receipt
}

// Probability returns 1/(1+e^−margin), computed without overflow.
func Probability(margin float64) float64 { return calibrate.Logistic(margin) }

// Percentiles returns for each value 100 × (share strictly smaller + half the
// ties, itself among them) among the values that are not NaN; NaN for NaN.
func Percentiles(values []float64) []float64 {
	d := NewDistribution(values)
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = d.Percentile(v)
	}
	return out
}

// Distribution is a run's sorted probabilities, against which a score made now
// is ranked.
type Distribution struct{ sorted []float64 }

// NewDistribution sorts the values that are not NaN.
func NewDistribution(values []float64) Distribution {
	s := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			s = append(s, v)
		}
	}
	slices.Sort(s)
	return Distribution{s}
}

// Percentile ranks v; NaN when v is NaN or the distribution is empty.
func (d Distribution) Percentile(v float64) float64 {
	if math.IsNaN(v) || len(d.sorted) == 0 {
		return math.NaN()
	}
	below := sort.SearchFloat64s(d.sorted, v)
	upto := sort.Search(len(d.sorted), func(i int) bool { return d.sorted[i] > v })
	return 100 * (float64(below) + float64(upto-below)/2) / float64(len(d.sorted))
}
