package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/clickhouse"
	"fealty/features/frame"
	"fealty/model/decision"
	"fealty/serving"

	"gopkg.in/yaml.v3"
)

// config is everything that can be configured. Its keys stand in configKeys.
type config struct {
	settings serving.Settings
	// dataThrough is the text of data_through; what it means depends on the zone.
	dataThrough string
	warehouse   warehouseConfig
	stateDir    string
	serve       serveConfig
	sources     []features.MappedSource
	// ownFolder is the folder of the team's features, own what lies in it.
	ownFolder string
	own       []features.OwnFile

	// marginOfValue: the margin rate of commercial value is one of its own.
	marginOfValue bool

	// keepFeatures is the rule by which runs of scores keep their features.
	keepFeatures string

	// file is the path of the file that was read, "" when there was none.
	file string
	// origins tells, by key, where a value that is no default came from.
	origins map[string]string
}

type warehouseConfig struct {
	url, user, passwordFile string
	limits                  clickhouse.Limits
}

type serveConfig struct {
	grpc, http, tlsCert, tlsKey string
	auth                        bool
}

// sourceConfig is one mapped source as it is written.
type sourceConfig struct {
	Name     string            `yaml:"name"`
	Table    string            `yaml:"table"`
	From     string            `yaml:"from"`
	Query    string            `yaml:"query"`
	Columns  map[string]string `yaml:"columns"`
	Where    string            `yaml:"where"`
	Currency string            `yaml:"currency"`
	Zone     string            `yaml:"zone"`
	Cluster  string            `yaml:"cluster"`
}

// sourceKeys are the keys of one entry of sources.
var sourceKeys = []string{"name", "table", "from", "query", "columns", "where", "currency", "zone", "cluster"}

// configKey is one key of fealty.yaml. Its value is read from a text, because
// the file, the environment and the flags all give one.
type configKey struct {
	// path is the key with those above it, joined by dots.
	path string
	// flag is the name of the flag, without dashes.
	flag string
	// about says in a line what it is; the bounds and the default stand elsewhere.
	about string
	// set reads a text and text writes the value.
	set  func(c *config, text string) error
	text func(c *config) string
	// secret values are masked when they are shown.
	secret bool
	// structured values may be a list or a mapping in the file.
	structured bool
	// place marks file system paths, which are relative to the file they stand in.
	place bool
}

// variable is the environment variable of a key.
func (k *configKey) variable() string {
	return "FEALTY_" + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// configKeys returns every key in the order of the documentation.
func configKeys() []configKey {
	keys := []configKey{
		textKey("business_time_zone", "IANA time zone whose days are the business's days", func(c *config) *string { return &c.settings.Zone }),
		textKey("base_currency", "ISO 4217 code in which amounts are compared", func(c *config) *string { return &c.settings.BaseCurrency }),
		labelKey(),
		textKey("outcome", "name of a ready-made label in the outcomes table (label: ready)", func(c *config) *string { return &c.settings.Label.Outcome }),
		intKey("horizon_days", "days ahead for which churn is predicted", 1, 1830, func(c *config) *int { return &c.settings.Label.HorizonDays }),
		intKey("settle_days", "days after the horizon until a label is final", 0, 366, func(c *config) *int { return &c.settings.Label.SettleDays }),
		intKey("grace_days", "days after a contract's end within which a new one counts as a renewal", 0, 366, func(c *config) *int { return &c.settings.Label.GraceDays }),
		boolKey("labels.exclude_touched", "whether rows that a campaign touched inside the horizon are left out of training", func(c *config) *bool { return &c.settings.Label.ExcludeTouched }),
		activeWithinKey(),
		lagKey(),
		throughKey(),
		numberKey("margin_rate", "share of revenue that is margin where no cost is known", func(c *config) *float64 { return &c.settings.MarginRate }),
		seedKey(),
		choiceKey("train.wallet_features", "columns of the estimated wallet for the churn model, and for what is bought next by category: kept where those held out are forecast better with them (auto), or not tried",
			[]string{serving.WalletFeaturesAuto, serving.WalletFeaturesOff}, func(c *config) *string { return &c.settings.WalletFeatures }),
		intKey("contact.cadence_days", "days after which we mean to be in touch with an account again; 0 for no plan", 0, features.MaxCadenceDays, func(c *config) *int { return &c.settings.Cadence.Days }),
		cadenceKey(),
		intKey("lifetime.months", "months ahead that a lifetime value looks", 1, 600, func(c *config) *int { return &c.settings.Worth.LifetimeMonths }),
		boundedKey("lifetime.discount", "rate a month by which later margin counts less", 0, 1, func(c *config) *float64 { return &c.settings.Worth.LifetimeDiscount }),
		boundedKey("lifetime.interval", "probability that a lifetime value lies in its interval", .5, .99, func(c *config) *float64 { return &c.settings.Worth.LifetimeInterval }),
		intKey("lifetime.draws", "futures drawn for each account's interval, at about a microsecond each per year of the value; the default of 100 is raised to what lifetime.interval takes, 199 at 0.99", 100, 100_000, func(c *config) *int { return &c.settings.Worth.LifetimeDraws }),
		orderedKey("lifetime.models", "lifetime models that are tried, of mbg-nbd, bg-nbd and pareto-nbd, and bg-bb, whose chances to buy are the calendar months: the one nearest to what came serves, and churn columns are of the first of the others in this order", func(c *config) *[]string { return &c.settings.Worth.LifetimeModels }),
		termKey("offer.contact_cost", "cost of a contact in base currency, in call lists and in what the model's card says of them; empty: assumed, and said to be (15; of EMPC 1)", 0, 1e15, func(c *config) *decision.Assumption { return &c.settings.Offer.ContactCost }),
		termKey("offer.incentive", "cost of the offer as a share of the account's value; empty: assumed (0.05)", 0, 1, func(c *config) *decision.Assumption { return &c.settings.Offer.Incentive }),
		termKey("offer.acceptance_alpha", "alpha of the Beta distribution of the share of those leaving that accepts and stays; empty: assumed (6)", 0.001, 1e6, func(c *config) *decision.Assumption { return &c.settings.Offer.Alpha }),
		termKey("offer.acceptance_beta", "beta of the same; empty: assumed (14)", 0.001, 1e6, func(c *config) *decision.Assumption { return &c.settings.Offer.Beta }),
		termKey("offer.value", "worth of a kept account in base currency where all are worth the same (EMPC); empty: assumed (200)", 0, 1e15, func(c *config) *decision.Assumption { return &c.settings.Offer.Value }),
		boundedKey("wallet.level", "quantile of similar accounts' spend that counts as a wallet", .5, .99, func(c *config) *float64 { return &c.settings.Worth.WalletLevel }),
		boundedKey("wallet.max_ratio", "greatest high ÷ low of a wallet's interval to act on; a wider one is unknown", 1.1, 1000, func(c *config) *float64 { return &c.settings.Worth.WalletMaxRatio }),
		namesKey("crosssell.exclude_categories", "categories that are never recommended, such as [packaging, 'gift cards']", func(c *config) *[]string { return &c.settings.Worth.ExcludedCategories }),
		namesKey("crosssell.exclude_products", "products that are never recommended", func(c *config) *[]string { return &c.settings.Worth.ExcludedProducts }),
		namesKey("crosssell.only_products", "products that can be delivered: no other is recommended, nor a category without one; none for no such rule", func(c *config) *[]string { return &c.settings.Worth.OnlyProducts }),
		soldByRegionKey(),
		intKey("crosssell.list", "recommendations of each kind that an account gets, by category and by product", 1, serving.MostListed, func(c *config) *int { return &c.settings.Worth.CrossSellList }),
		intKey("crosssell.lapsed_days", "days without an order after which a category or product counts as given up, from the next training on; 0 for as many as active_within, 180 where that is unlimited", 0, serving.MostLapsed, func(c *config) *int { return &c.settings.Worth.LapsedDays }),
		sizeKey("crosssell.max_bytes", "memory of what goes together: beyond the products that it holds, the most bought of each category are kept in it and the others answered by likeness to one", func(c *config) *int64 { return &c.settings.Worth.CrossSellBytes }),
		numberKey("bands.medium", "probability at which the medium band begins", func(c *config) *float64 { return &c.settings.Bands.Medium }),
		numberKey("bands.high", "probability at which the high band begins", func(c *config) *float64 { return &c.settings.Bands.High }),
		intKey("stale.run_days", "age of a score's cutoff above which it says that it is stale", 1, 36_500, func(c *config) *int { return &c.settings.StaleRunDays }),
		intKey("stale.data_days", "age of the last complete day of data above which scores say so", 1, 36_500, func(c *config) *int { return &c.settings.StaleDataDays }),
		textKey("features.folder", "folder of features that your team adds: NAME.sql with its entry NAME.yaml beside it; empty for none", func(c *config) *string { return &c.ownFolder }),
		keepFeaturesKey(),
		textKey("warehouse.url", "chdb://DIR (embedded) or clickhouse://HOST:9000/DATABASE", func(c *config) *string { return &c.warehouse.url }),
		textKey("warehouse.user", "user at the ClickHouse server", func(c *config) *string { return &c.warehouse.user }),
		textKey("warehouse.password_file", "file whose first line is the password; or set FEALTY_WAREHOUSE_PASSWORD", func(c *config) *string { return &c.warehouse.passwordFile }),
		sizeKey("warehouse.max_memory", "memory of one query", func(c *config) *int64 { return &c.warehouse.limits.MaxMemory }),
		durationKey("warehouse.max_time", "time of one query", time.Second, 24*time.Hour, func(c *config) *time.Duration { return &c.warehouse.limits.MaxTime }),
		intKey("warehouse.threads", "threads of one query; 0 means all cores", 0, 1024, func(c *config) *int { return &c.warehouse.limits.Threads }),
		intKey("warehouse.pool", "connections to the warehouse", 1, 1024, func(c *config) *int { return &c.warehouse.limits.Pool }),
		textKey("state.dir", "folder of keys, models, the socket of serve and, by default, the embedded warehouse", func(c *config) *string { return &c.stateDir }),
		textKey("serve.grpc", "address of gRPC; empty for none", func(c *config) *string { return &c.serve.grpc }),
		textKey("serve.http", "address of REST; empty for none", func(c *config) *string { return &c.serve.http }),
		boolKey("serve.auth", "whether callers need a key; without keys only loopback addresses are served", func(c *config) *bool { return &c.serve.auth }),
		textKey("serve.tls_cert", "certificate chain (PEM) of both addresses", func(c *config) *string { return &c.serve.tlsCert }),
		textKey("serve.tls_key", "its private key (PEM)", func(c *config) *string { return &c.serve.tlsKey }),
	}
	for i := range keys {
		k := &keys[i]
		k.flag = strings.NewReplacer("_", "-", ".", "-").Replace(k.path)
		switch k.path {
		case "features.folder", "warehouse.password_file", "state.dir", "serve.tls_cert", "serve.tls_key":
			k.place = true
		case "warehouse.url":
			k.secret = true
		}
		k.flag = strings.TrimPrefix(k.flag, "serve-")
	}
	return keys
}

// defaultConfig is what holds where nothing is configured. Places are relative
// to the folder of fealty.yaml, or to the working directory without one.
func defaultConfig() *config {
	return &config{
		settings: serving.DefaultSettings(),
		stateDir: ".fealty", keepFeatures: serving.KeepAuto,
		warehouse: warehouseConfig{
			limits: clickhouse.Limits{MaxMemory: 4 << 30, MaxTime: 10 * time.Minute, Pool: 8},
		},
		serve:   serveConfig{grpc: "127.0.0.1:7443", http: "127.0.0.1:7480", auth: true},
		origins: map[string]string{},
	}
}

// embeddedDefault is the warehouse when none is configured.
func (c *config) embeddedDefault() string { return "chdb://" + filepath.Join(c.stateDir, "warehouse") }

// socket is where the process that serves this state directory takes verbs.
func (c *config) socket() string { return filepath.Join(c.stateDir, "serve.sock") }

func refuseValue(text, need string) error {
	return fmt.Errorf("%q, need %s: %w", text, need, serving.ErrInvalid)
}

func textKey(path, about string, at func(*config) *string) configKey {
	return configKey{
		path: path, about: about,
		set: func(c *config, text string) error {
			if strings.ContainsAny(text, "\x00\n") {
				return refuseValue(text, "one line of text")
			}
			*at(c) = text
			return nil
		},
		text: func(c *config) string { return *at(c) },
	}
}

// choiceKey is one of a few words.
func choiceKey(path, about string, words []string, at func(*config) *string) configKey {
	need := "one of " + strings.Join(words, ", ")
	return configKey{
		path: path, about: about + "; " + need,
		set: func(c *config, text string) error {
			if !slices.Contains(words, text) {
				return refuseValue(text, need)
			}
			*at(c) = text
			return nil
		},
		text: func(c *config) string { return *at(c) },
	}
}

func intKey(path, about string, least, most int, at func(*config) *int) configKey {
	return configKey{
		path: path, about: fmt.Sprintf("%s (%d … %d)", about, least, most),
		set: func(c *config, text string) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < least || n > most {
				return refuseValue(text, fmt.Sprintf("a whole number in %d … %d", least, most))
			}
			*at(c) = n
			return nil
		},
		text: func(c *config) string { return strconv.Itoa(*at(c)) },
	}
}

// numberKey is a share or a probability: within 0 … 1.
func numberKey(path, about string, at func(*config) *float64) configKey {
	return configKey{
		path: path, about: about,
		set: func(c *config, text string) error {
			v, err := strconv.ParseFloat(text, 64)
			// Written so that NaN is refused too.
			if err != nil || !(v > 0 && v <= 1) {
				return refuseValue(text, "a number above 0 and at most 1")
			}
			*at(c) = v
			return nil
		},
		text: func(c *config) string { return strconv.FormatFloat(*at(c), 'g', -1, 64) },
	}
}

// boundedKey is a number within bounds, both included.
func boundedKey(path, about string, least, most float64, at func(*config) *float64) configKey {
	return configKey{
		path: path, about: fmt.Sprintf("%s (%g … %g)", about, least, most),
		set: func(c *config, text string) error {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !(v >= least && v <= most) {
				return refuseValue(text, fmt.Sprintf("a number in %g … %g", least, most))
			}
			*at(c) = v
			return nil
		},
		text: func(c *config) string { return strconv.FormatFloat(*at(c), 'g', -1, 64) },
	}
}

// termKey is a term of the offer, within bounds, both included; empty where nobody sets
// it.
func termKey(path, about string, least, most float64, at func(*config) *decision.Assumption) configKey {
	return configKey{
		path: path, about: fmt.Sprintf("%s (%g … %g)", about, least, most),
		set: func(c *config, text string) error {
			*at(c) = decision.Assumption{}
			if text == "" {
				return nil
			}
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !(v >= least && v <= most) {
				return refuseValue(text, fmt.Sprintf("a number in %g … %g, or nothing", least, most))
			}
			*at(c) = decision.Given(v)
			return nil
		},
		text: func(c *config) string {
			if *at(c) == (decision.Assumption{}) {
				return ""
			}
			return strconv.FormatFloat(at(c).Value, 'g', -1, 64)
		},
	}
}

// orderedKey is a list of names whose order counts.
func orderedKey(path, about string, at func(*config) *[]string) configKey {
	key := namesKey(path, about, at)
	key.set = func(c *config, text string) (err error) {
		*at(c), err = readNames(text)
		return err
	}
	return key
}

// readNames reads a list of names.
func readNames(text string) ([]string, error) {
	var names []string
	if err := yaml.Unmarshal([]byte(text), &names); err != nil || slices.Contains(names, "") {
		return nil, refuseValue(text, "a list of names such as [packaging, 'gift cards']")
	}
	return names, nil
}

// namesKey is a list of names in any order, each once.
func namesKey(path, about string, at func(*config) *[]string) configKey {
	return configKey{
		path: path, about: about, structured: true,
		set: func(c *config, text string) error {
			names, err := readNames(text)
			if err != nil {
				return err
			}
			*at(c) = sortedNames(names)
			return nil
		},
		text: func(c *config) string {
			if len(*at(c)) == 0 {
				return "[]"
			}
			raw, err := json.Marshal(*at(c))
			if err != nil {
				panic("names are no JSON: " + err.Error()) // texts always are
			}
			return string(raw)
		},
	}
}

// sortedNames are names once each, rising; an empty list is none.
func sortedNames(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// soldByRegionKey is a mapping from regions to the products sold there.
func soldByRegionKey() configKey {
	return configKey{
		path: "crosssell.sold_by_region", structured: true,
		about: "products that can be sold to accounts of a region, such as {north: [P1, P2], islands: []}; a region that is not named gets all",
		set: func(c *config, text string) error {
			var regions map[string][]string
			err := yaml.Unmarshal([]byte(text), &regions)
			for region, products := range regions {
				if region == "" || slices.Contains(products, "") {
					err = serving.ErrInvalid
				}
				// A region that gets nothing has a list too, as it was written.
				regions[region] = append([]string{}, sortedNames(products)...)
			}
			if err != nil {
				return refuseValue(text, "regions with lists of products such as {north: [P1, P2], islands: []}")
			}
			c.settings.Worth.SoldByRegion = nil
			if len(regions) > 0 {
				c.settings.Worth.SoldByRegion = regions
			}
			return nil
		},
		text: func(c *config) string {
			if len(c.settings.Worth.SoldByRegion) == 0 {
				return "{}"
			}
			raw, err := json.Marshal(c.settings.Worth.SoldByRegion)
			if err != nil {
				panic("regions are no JSON: " + err.Error()) // texts always are
			}
			return string(raw)
		},
	}
}

func boolKey(path, about string, at func(*config) *bool) configKey {
	return configKey{
		path: path, about: about,
		set: func(c *config, text string) error {
			switch text {
			case "true", "false":
				*at(c) = text == "true"
				return nil
			}
			return refuseValue(text, "true or false")
		},
		text: func(c *config) string { return strconv.FormatBool(*at(c)) },
	}
}

func keepFeaturesKey() configKey {
	rules := strings.Join(serving.KeepRules(), ", ")
	return configKey{
		path: "runs.keep_features", about: "when a run of scores keeps the features it was made of, so that it can be replayed whatever becomes of the facts: " + rules + "; auto: where a mapped source has no recorded_at",
		set: func(c *config, text string) error {
			if !slices.Contains(serving.KeepRules(), text) {
				return refuseValue(text, "one of "+rules)
			}
			c.keepFeatures = text
			return nil
		},
		text: func(c *config) string { return c.keepFeatures },
	}
}

func labelKey() configKey {
	return configKey{
		path: "label", about: "what churn is: " + joinAny(features.Labels(), ", "),
		set: func(c *config, text string) error {
			label, err := features.ParseLabel(text)
			if err != nil {
				return refuseValue(text, "one of "+joinAny(features.Labels(), ", "))
			}
			c.settings.Label.Label = label
			return nil
		},
		text: func(c *config) string { return string(c.settings.Label.Label) },
	}
}

func activeWithinKey() configKey {
	const unlimited, byHorizon = "unlimited", "default"
	return configKey{
		path: "active_within", about: "days within which an eligible account bought last, or unlimited; default: the larger of 180 and two horizons",
		set: func(c *config, text string) error {
			switch days, err := strconv.Atoi(text); {
			case text == unlimited:
				c.settings.ActiveWithinDays = 0
			case text == byHorizon:
				c.settings.ActiveWithinDays = -1
			case err != nil || days < 1 || days > 36_500:
				return refuseValue(text, "days in 1 … 36500, or unlimited")
			default:
				c.settings.ActiveWithinDays = days
			}
			return nil
		},
		text: func(c *config) string {
			switch c.settings.ActiveWithinDays {
			case 0:
				return unlimited
			case -1:
				return byHorizon
			}
			return strconv.Itoa(c.settings.ActiveWithinDays)
		},
	}
}

// cadenceBySegment is the key of a mapping from segments to days.
const cadenceBySegment = "contact.cadence_by_segment"

func cadenceKey() configKey {
	return configKey{
		path: cadenceBySegment, structured: true, about: "the same of single segments, such as {key accounts: 14, small: 90}; 0 for no plan",
		set: func(c *config, text string) error {
			var segments map[string]int
			if err := yaml.Unmarshal([]byte(text), &segments); err != nil {
				return refuseValue(text, "segments with their days such as {key accounts: 14, small: 90}")
			}
			if err := (features.Cadence{Segments: segments}).Validate(); err != nil {
				return fmt.Errorf("%w: %w", err, serving.ErrInvalid)
			}
			c.settings.Cadence.Segments = segments
			return nil
		},
		text: func(c *config) string { return c.settings.Cadence.SegmentsText() },
	}
}

func lagKey() configKey {
	return durationKey("known_lag", "time after a cutoff within which facts are recorded that still count as known", 0, 366*24*time.Hour,
		func(c *config) *time.Duration { return &c.settings.KnownLag })
}

func durationKey(path, about string, least, most time.Duration, at func(*config) *time.Duration) configKey {
	return configKey{
		path: path, about: about,
		set: func(c *config, text string) error {
			d, err := parseDuration(text)
			if err != nil || d < least || d > most {
				return refuseValue(text, fmt.Sprintf("a time such as 2d or 36h, in %s … %s", formatDuration(least), formatDuration(most)))
			}
			*at(c) = d
			return nil
		},
		text: func(c *config) string { return formatDuration(*at(c)) },
	}
}

// parseDuration reads Go's durations, whole days as 2d, and 0.
func parseDuration(text string) (time.Duration, error) {
	const longest = 100_000
	if number, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.Atoi(number)
		if err != nil || days < 0 || days > longest {
			return 0, fmt.Errorf("%q is no number of days", text)
		}
		return time.Duration(days) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time such as 2d or 36h", text)
	}
	return d, nil
}

func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d > 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func throughKey() configKey {
	return configKey{
		path: "data_through", about: "last complete business day (2011-12-08); empty: the day before the newest order",
		set: func(c *config, text string) error {
			if text != "" {
				if _, err := frame.ParseCutoff(text, time.UTC); err != nil {
					return refuseValue(text, "a date such as 2011-12-08")
				}
			}
			c.dataThrough = text
			return nil
		},
		text: func(c *config) string { return c.dataThrough },
	}
}

func seedKey() configKey {
	return configKey{
		path: "seed", about: "seed of everything that training draws",
		set: func(c *config, text string) error {
			seed, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return refuseValue(text, "a whole number in 0 … 18446744073709551615")
			}
			c.settings.Seed = seed
			return nil
		},
		text: func(c *config) string { return strconv.FormatUint(c.settings.Seed, 10) },
	}
}

// sizeUnits are the units of a size, largest first.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

func sizeKey(path, about string, at func(*config) *int64) configKey {
	return configKey{
		path: path, about: about,
		set: func(c *config, text string) error {
			bytes, err := parseSize(text)
			if err != nil || bytes < 64<<20 {
				return refuseValue(text, "a size of at least 64MiB, such as 4GiB")
			}
			*at(c) = bytes
			return nil
		},
		text: func(c *config) string { return formatSize(*at(c)) },
	}
}

func parseSize(text string) (int64, error) {
	number, unit := text, int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is no size such as 4GiB", text)
	}
	return n * unit, nil
}

func formatSize(bytes int64) string {
	for _, u := range sizeUnits {
		if bytes > 0 && bytes%u.bytes == 0 {
			return strconv.FormatInt(bytes/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(bytes, 10)
}

func joinAny[T ~string](words []T, by string) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, by)
}

// configPaths returns the paths of the keys.
func configPaths() []string {
	var paths []string
	for _, k := range configKeys() {
		paths = append(paths, k.path)
	}
	return append(paths, sourcesKey, loyaltyKey)
}

// meant adds the nearest of the known words to a complaint about another.
func meant(word string, known []string) string {
	if near := serving.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	sorted := slices.Sorted(slices.Values(known))
	return "; there are " + strings.Join(sorted, ", ")
}
