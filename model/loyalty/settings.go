package loyalty

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// ManualWeight is the name under which weights may give the manual measure a
// share of its own.
const ManualWeight = "manual"

// Weights are points by indicator name, 0 or more, that sum to 100. An indicator
// that is not named has none. ManualWeight may be named too.
type Weights map[string]float64

// UnmarshalYAML takes the weights of a file in place of those that stand: added to
// the defaults they could never sum to 100.
func (w *Weights) UnmarshalYAML(read func(any) error) error {
	fresh := map[string]float64{}
	if err := read(&fresh); err != nil {
		return err
	}
	*w = fresh
	return nil
}

// validate refuses unknown names, points below 0 and sums other than 100.
func (w Weights) validate(what string) error {
	var sum float64
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if name != ManualWeight {
			if _, err := ParseIndicator(name); err != nil {
				return fmt.Errorf("%s: %w and %s", what, err, ManualWeight)
			}
		}
		if v := w[name]; !(v >= 0 && v <= 100) {
			return fmt.Errorf("%s: %s has %v points; give 0 … 100", what, name, v)
		}
		sum += w[name]
	}
	if math.Abs(sum-100) > 1e-6 {
		return fmt.Errorf("%s sum to %v, not to 100; %s", what, round(sum), wayTo100(sum))
	}
	return nil
}

func wayTo100(sum float64) string {
	if sum < 100 {
		return fmt.Sprintf("add %v points", round(100-sum))
	}
	return fmt.Sprintf("take %v points away", round(sum-100))
}

// round keeps a number short in a sentence.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// points spreads the weights over the table of ten, the manual measure last.
func (w Weights) points() (p [Indicators + 1]float64) {
	for k := range Indicators {
		p[k] = w[Indicator(k).String()]
	}
	p[Indicators] = w[ManualWeight]
	return p
}

// Onboarding is the profile of young accounts, which have had no time to last, to
// repeat or to be worth much.
type Onboarding struct {
	// Days bounds them: accounts whose first purchase lies fewer days back. 0 means
	// that there are none.
	Days    float64 `yaml:"days"`
	Weights Weights `yaml:"weights"`
}

// Cap is an exception that bounds the score while its condition holds.
type Cap struct {
	// Name identifies the cap in answers.
	Name      string `yaml:"name"`
	Condition `yaml:",inline"`
	// Cap is the most that the score may be, 0 … 100.
	Cap float64 `yaml:"cap"`
	// EN and ZH say it in words; {column} stands for the account's value.
	EN string `yaml:"en"`
	ZH string `yaml:"zh"`
}

// Disagreement says when loyalty and churn risk tell opposite stories: an account
// at or above percentile High by both, or at or below percentile Low by both.
type Disagreement struct {
	High float64 `yaml:"high"`
	Low  float64 `yaml:"low"`
}

// Survey bounds how old an answer may be, in days, to count as satisfaction.
type Survey struct {
	MaxAgeDays float64 `yaml:"max_age_days"`
}

// Settings are all that a business may edit of loyalty, value and place. They are
// plain values: cmd reads them from fealty.yaml.
type Settings struct {
	// Weights hold for accounts whose segment has none of its own.
	Weights Weights `yaml:"weights"`
	// Segments are weights by segment.
	Segments map[string]Weights `yaml:"segments"`
	// Onboarding comes before the segment's weights.
	Onboarding Onboarding `yaml:"onboarding"`
	// LeastMeasured is the share of the weights, in points of 100, that must be
	// measured for a score; with less there is none.
	LeastMeasured float64       `yaml:"least_measured"`
	Caps          []Cap         `yaml:"caps"`
	Disagreement  Disagreement  `yaml:"disagreement"`
	Survey        Survey        `yaml:"survey"`
	Value         ValueSettings `yaml:"value"`
	Tiers         TierSettings  `yaml:"tiers"`
	RFM           RFMSettings   `yaml:"rfm"`
	Levels        LevelSettings `yaml:"levels"`
	Verdicts      VerdictRules  `yaml:"verdicts"`
	Retention     Retention     `yaml:"retention"`
}

// DefaultSettings returns the published defaults; the result is the caller's own.
func DefaultSettings() Settings {
	return Settings{
		Weights: Weights{
			"repeat_purchase": 16, "other_kinds": 8, "recommends": 8, "resists_rivals": 10, "tolerance": 8,
			"share_of_wallet": 14, "effective_referrals": 4, "duration": 10, "frequency_turnover": 14, "lifetime_value": 8,
		},
		Onboarding: Onboarding{Days: 180, Weights: Weights{
			"repeat_purchase": 20, "other_kinds": 15, "recommends": 10, "resists_rivals": 15, "tolerance": 10,
			"share_of_wallet": 15, "effective_referrals": 5, "frequency_turnover": 10,
		}},
		LeastMeasured: 30,
		Caps: []Cap{
			{
				Name: "open_complaint", Condition: Condition{Column: "complaint_open_days", Operator: ">", Value: 14}, Cap: 60,
				EN: "A complaint has been open for {complaint_open_days} days", ZH: "有投诉已{complaint_open_days}天未解决",
			},
			{
				Name: "long_overdue", Condition: Condition{Column: "overdue_days", Operator: ">", Value: 90}, Cap: 60,
				EN: "An invoice is overdue by {overdue_days} days", ZH: "有发票已逾期{overdue_days}天",
			},
		},
		Disagreement: Disagreement{High: 80, Low: 20},
		Survey:       Survey{MaxAgeDays: 365},
		Value:        defaultValue(),
		Tiers:        defaultTiers(),
		RFM:          defaultRFM(),
		Levels:       defaultLevels(),
		Verdicts:     defaultVerdicts(),
		Retention:    defaultRetention(),
	}
}

// Measures tells whether any weights give points to the measure by hand.
func (s *Settings) Measures() bool {
	if s.Weights[ManualWeight] > 0 || s.Onboarding.Days > 0 && s.Onboarding.Weights[ManualWeight] > 0 {
		return true
	}
	for _, w := range s.Segments {
		if w[ManualWeight] > 0 {
			return true
		}
	}
	return false
}

// Validate refuses settings that don't make sense; the error names the setting and
// the way out.
func (s *Settings) Validate() error {
	if err := s.Weights.validate("loyalty weights"); err != nil {
		return err
	}
	for _, segment := range slices.Sorted(maps.Keys(s.Segments)) {
		if err := s.Segments[segment].validate(fmt.Sprintf("loyalty weights of segment %q", segment)); err != nil {
			return err
		}
	}
	if len(s.Segments) > maxProfiles {
		return fmt.Errorf("loyalty weights for %d segments; at most %d may have their own", len(s.Segments), maxProfiles)
	}
	if !(s.Onboarding.Days >= 0 && s.Onboarding.Days <= 3650) {
		return fmt.Errorf("onboarding days are %v; give 0 (no onboarding profile) … 3650", s.Onboarding.Days)
	}
	if s.Onboarding.Days > 0 {
		if err := s.Onboarding.Weights.validate("onboarding weights"); err != nil {
			return err
		}
	}
	if !(s.LeastMeasured > 0 && s.LeastMeasured <= 100) {
		return fmt.Errorf("least_measured is %v; give more than 0 and at most 100 points", s.LeastMeasured)
	}
	if err := validateCaps(s.Caps); err != nil {
		return err
	}
	if d := s.Disagreement; !(d.Low > 0 && d.Low < d.High && d.High < 100) {
		return fmt.Errorf("disagreement: need 0 < low < high < 100 percentiles, have low %v, high %v", d.Low, d.High)
	}
	if !(s.Survey.MaxAgeDays > 0) {
		return fmt.Errorf("survey max_age_days is %v; give more than 0 days", s.Survey.MaxAgeDays)
	}
	for _, err := range []error{
		s.Value.validate(), s.Tiers.validate(), s.RFM.validate(), s.Levels.validate(), s.Verdicts.validate(), s.Retention.validate(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func validateCaps(caps []Cap) error {
	if len(caps) > maxCaps {
		return fmt.Errorf("%d caps; at most %d may stand", len(caps), maxCaps)
	}
	seen := map[string]bool{}
	for i, c := range caps {
		if c.Name == "" || seen[c.Name] {
			return fmt.Errorf("cap %d: name %q is empty or stands twice; give each a name of its own", i+1, c.Name)
		}
		seen[c.Name] = true
		if err := c.validate(); err != nil {
			return fmt.Errorf("cap %q %w", c.Name, err)
		}
		if !(c.Cap >= 0 && c.Cap <= 100) {
			return fmt.Errorf("cap %q bounds the score at %v; give 0 … 100", c.Name, c.Cap)
		}
		if strings.TrimSpace(c.EN) == "" || strings.TrimSpace(c.ZH) == "" {
			return fmt.Errorf("cap %q lacks its words; give en and zh", c.Name)
		}
		own := "{" + c.Column + "}"
		for _, text := range []string{c.EN, c.ZH} {
			if strings.ContainsAny(strings.ReplaceAll(text, own, ""), "{}") {
				return fmt.Errorf("cap %q says %q; between braces only %s may stand", c.Name, text, own)
			}
		}
	}
	return nil
}

// shareOK tells whether v is a share, 0 … 1.
func shareOK(v float64) bool { return v >= 0 && v <= 1 }

// atLeast0 tells whether v is a finite amount of 0 or more.
func atLeast0(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }

// rising tells whether finite cut points rise.
func rising(cuts []float64) bool {
	for k, v := range cuts {
		if math.IsNaN(v) || math.IsInf(v, 0) || (k > 0 && v <= cuts[k-1]) {
			return false
		}
	}
	return true
}
