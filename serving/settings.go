package serving

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/decision"
	"fealty/model/score"
)

// Settings are the settings that change numbers. Everything else (where the
// warehouse is, ports, limits) is cmd's own.
type Settings struct {
	// Zone is the business time zone by its IANA name; default UTC.
	Zone string
	// BaseCurrency is the ISO 4217 code of amount_base; default EUR.
	BaseCurrency string
	// Label is what is predicted, with its horizon, settle and grace days.
	Label features.LabelRule
	// ActiveWithinDays bounds the age of an eligible account's last purchase;
	// 0 means unlimited, −1 the default of the horizon (max(2H, 180)).
	ActiveWithinDays int
	// KnownLag is added to a cutoff to get its known_at, in training and scoring
	// alike; default 0.
	KnownLag time.Duration
	// DataThrough is the end of the last complete business day; 0 means the
	// beginning of the newest order's day.
	DataThrough frame.Cutoff
	// MarginRate is the share of revenue that counts as margin where no cost is
	// known, in (0, 1]; default 1.
	MarginRate float64
	// MarginGiven tells that somebody set MarginRate: an answer that rests on it says
	// otherwise that it is a default. It changes no number.
	MarginGiven bool
	// Offer are the terms of an offer that somebody set, which call lists and the judgement
	// of contacts on the card go by.
	Offer decision.Offer
	// Cadence says after how many days an account is to be contacted again; default: nobody
	// planned it.
	Cadence features.Cadence
	// Bands of the probability.
	Bands score.Bands
	// StaleRunDays and StaleDataDays are the ages, in days, above which a score
	// says that it is stale: of its cutoff (default 7) and of the last complete
	// day of data (default 3).
	StaleRunDays, StaleDataDays int
	// Seed of everything drawn at random in training; default 1.
	Seed uint64
	// WalletFeatures says whether training tries the columns of the estimated wallet:
	// WalletFeaturesAuto (default) or WalletFeaturesOff.
	WalletFeatures string
	// Worth says how value, wallet, recommendations and loyalty are told.
	Worth WorthSettings
	// Sources is a canonical text of the mapped sources, "" when there are none.
	Sources string
	// Own is a canonical text of the features that a team added, "" when there are
	// none.
	Own string
}

// DefaultSettings returns the documented defaults.
func DefaultSettings() Settings {
	return Settings{
		Zone: "UTC", BaseCurrency: "EUR", ActiveWithinDays: -1, MarginRate: 1, Bands: score.DefaultBands(),
		Label: features.LabelRule{
			Label: features.NonContractual, HorizonDays: 90,
			SettleDays: features.DefaultSettleDays, GraceDays: features.DefaultGraceDays,
		},
		StaleRunDays: 7, StaleDataDays: 3, Seed: 1, WalletFeatures: WalletFeaturesAuto, Worth: DefaultWorth(),
	}
}

// Validate refuses settings outside their bounds, naming the key of
// fealty.yaml; errors wrap ErrInvalid.
func (s Settings) Validate() error {
	refuse := func(key, format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", key, fmt.Sprintf(format, args...), ErrInvalid)
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" || s.Zone == "" {
		return refuse("business_time_zone", "%q is no IANA time zone", s.Zone)
	}
	if len(s.BaseCurrency) != 3 || strings.ToUpper(s.BaseCurrency) != s.BaseCurrency {
		return refuse("base_currency", "%q is no ISO 4217 code such as EUR", s.BaseCurrency)
	}
	if err := s.Label.Validate(); err != nil {
		return fmt.Errorf("label: %w: %w", err, ErrInvalid)
	}
	switch {
	case s.ActiveWithinDays < -1 || s.ActiveWithinDays > 36_500:
		return refuse("active_within", "%d days, need 1 … 36500 or unlimited", s.ActiveWithinDays)
	case s.KnownLag < 0 || s.KnownLag > 366*24*time.Hour:
		return refuse("known_lag", "%s, need 0 … 366 days", s.KnownLag)
	case !(s.MarginRate > 0 && s.MarginRate <= 1):
		return refuse("margin_rate", "%v, need above 0 and at most 1", s.MarginRate)
	case s.StaleRunDays < 1 || s.StaleDataDays < 1:
		return refuse("stale", "run_days %d and data_days %d, need 1 or more", s.StaleRunDays, s.StaleDataDays)
	}
	if s.WalletFeatures != WalletFeaturesAuto && s.WalletFeatures != WalletFeaturesOff {
		return refuse(walletFeatures, "%q, need %s or %s", s.WalletFeatures, WalletFeaturesAuto, WalletFeaturesOff)
	}
	if err := s.Cadence.Validate(); err != nil {
		return refuse(cadenceDays, "%v", err)
	}
	if err := s.Offer.Validate(); err != nil {
		return fmt.Errorf("offer: %w: %w", err, ErrInvalid)
	}
	if err := s.Bands.Validate(); err != nil {
		return fmt.Errorf("bands: %w: %w", err, ErrInvalid)
	}
	return s.Worth.validate()
}

// Location returns the business time zone of validated settings; UTC otherwise.
func (s Settings) Location() *time.Location {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// ActiveWithin returns the days within which the last purchase of an eligible
// account lies; 0 means unlimited.
func (s Settings) ActiveWithin() int {
	if s.ActiveWithinDays < 0 {
		return features.DefaultActiveWithin(s.Label.HorizonDays)
	}
	return s.ActiveWithinDays
}

// Known returns the known_at that goes with a cutoff.
func (s Settings) Known(c frame.Cutoff) frame.KnownAt {
	return frame.KnownAt(int64(c) + int64(s.KnownLag/time.Second))
}

// Map returns the settings by the keys of fealty.yaml, as texts that are equal
// exactly when the settings are.
func (s Settings) Map() map[string]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return map[string]string{
		"business_time_zone": s.Zone,
		"base_currency":      s.BaseCurrency,
		"label":              string(s.Label.Label),
		"outcome":            s.Label.Outcome,
		"horizon_days":       strconv.Itoa(s.Label.HorizonDays),
		"settle_days":        strconv.Itoa(s.Label.SettleDays),
		"grace_days":         strconv.Itoa(s.Label.GraceDays),
		excludeTouched:       strconv.FormatBool(s.Label.ExcludeTouched),
		"active_within":      strconv.Itoa(s.ActiveWithin()),
		"known_lag":          s.KnownLag.String(),
		"data_through":       strconv.FormatInt(int64(s.DataThrough), 10),
		"margin_rate":        number(s.MarginRate),
		cadenceDays:          strconv.Itoa(s.Cadence.Days),
		cadenceBySegment:     s.Cadence.SegmentsText(),
		"bands":              number(s.Bands.Medium) + "," + number(s.Bands.High),
		"stale":              strconv.Itoa(s.StaleRunDays) + "," + strconv.Itoa(s.StaleDataDays),
		"seed":               strconv.FormatUint(s.Seed, 10),
		walletFeatures:       s.WalletFeatures,
		"sources":            s.Sources,
		ownKey:               s.Own,
		worthKey:             s.Worth.text(),
		offerKey:             s.offerText(),
	}
}

// ownKey is the key of the folder of a team's features.
const ownKey = "features.folder"

// worthKey stands for all settings of worth.
const worthKey = "worth"

// offerKey stands for the terms of the offer.
const offerKey = "offer"

// offerText are the terms that were set; equal exactly when they are.
func (s Settings) offerText() string {
	o := &s.Offer
	return fmt.Sprint(o.ContactCost, o.Incentive, o.Alpha, o.Beta, o.Value)
}

// walletFeatures is the key of what WalletFeatures says.
const walletFeatures = "train.wallet_features"

// What training does with the columns of the estimated wallet.
const (
	// WalletFeaturesAuto: kept where boosting is better with them on the folds.
	WalletFeaturesAuto = "auto"
	// WalletFeaturesOff: neither fitted nor tried.
	WalletFeaturesOff = "off"
)

// excludeTouched is the key of the rule that leaves touched rows out.
const excludeTouched = "labels.exclude_touched"

// The keys of the cadence of contacts.
const (
	cadenceDays      = "contact.cadence_days"
	cadenceBySegment = "contact.cadence_by_segment"
)

// Hash fingerprints the settings that change a score or a model: 128 bits in
// hex. What only says when an answer is stale, or what a contact would earn, is left
// out, and so are a rule that
// isn't applied, a cadence that nobody has and what stands at its default: what was
// computed before they could be set is the same.
func (s Settings) Hash() string {
	m := s.Map()
	delete(m, "stale")
	delete(m, offerKey) // no score and no worth rests on it
	delete(m, ownKey)   // the definitions hash covers it
	if !s.Label.ExcludeTouched {
		delete(m, excludeTouched)
	}
	if s.WalletFeatures == WalletFeaturesAuto {
		delete(m, walletFeatures) // as it was before it could be set
	}
	if m[worthKey] == defaultWorth() {
		delete(m, worthKey)
	}
	if s.Cadence.None() {
		delete(m, cadenceDays)
		delete(m, cadenceBySegment)
	}
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(m)) {
		// Lengths first, so that no two settings read alike. A hash never fails to take bytes.
		_, _ = fmt.Fprintf(h, "%d:%s=%d:%s\n", len(key), key, len(m[key]), m[key])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
