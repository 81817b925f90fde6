package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"pgregory.net/rapid"

	"fealty/features"
	"fealty/model/decision"
	"fealty/model/loyalty"
	"fealty/serving"
)

// What a key shows is what it reads: otherwise `config show` and `init` lie.
func TestEveryKeyReadsWhatItShows(t *testing.T) {
	for _, k := range configKeys() {
		c := defaultConfig()
		shown := k.text(c)
		if err := k.set(c, shown); err != nil {
			t.Errorf("%s: its default %q is refused: %v", k.path, shown, err)
		}
		if again := k.text(c); again != shown {
			t.Errorf("%s: shows %q, and after reading it %q", k.path, shown, again)
		}
	}
}

// Every key has a variable and a flag of its own; a second key with the same
// one would never be heard.
func TestNamesOfKeysAreTheirOwn(t *testing.T) {
	flags, variables := map[string]string{}, map[string]string{}
	for _, k := range configKeys() {
		if other, taken := flags[k.flag]; taken {
			t.Errorf("--%s is both %s and %s", k.flag, other, k.path)
		}
		if other, taken := variables[k.variable()]; taken {
			t.Errorf("%s is both %s and %s", k.variable(), other, k.path)
		}
		flags[k.flag], variables[k.variable()] = k.path, k.path
	}
}

// The file that init writes says of itself that it changes nothing, and with
// every comment sign taken away it changes nothing either.
func TestTheWrittenFileHoldsTheDefaults(t *testing.T) {
	dir := t.TempDir()
	e := &env{dir: dir, now: time.Now}
	want, err := e.loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	written := strings.TrimSuffix(configText(nil), sourcesText)
	var bare []string
	for line := range strings.Lines(written) {
		// A key behind the sign, not a sentence.
		if key, _, ok := strings.Cut(strings.TrimLeft(line, "# "), ":"); ok && !strings.Contains(key, " ") {
			line = strings.Replace(line, "# ", "", 1)
		}
		bare = append(bare, line)
	}
	for name, text := range map[string]string{"as written": written, "without signs": strings.Join(bare, "")} {
		if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := e.loadConfig(nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		for _, k := range configKeys() {
			if g, w := k.text(got), k.text(want); g != w {
				t.Errorf("%s: %s = %q, want %q", name, k.path, g, w)
			}
			if name == "without signs" && got.origins[k.path] == "" {
				t.Errorf("%s does not stand in the file", k.path)
			}
		}
	}
}

func TestSettingsThatInitIsGiven(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	e := &env{dir: dir, stderr: &said}
	if err := runInit(t.Context(), e, initOptions{path: configName, set: []string{"bands.high=0.75", "known_lag=36h", "outcome=left: for good"}}); err != nil {
		t.Fatal(err)
	}
	c, err := e.loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.settings.Bands.High != .75 || c.settings.Bands.Medium != .3 || c.settings.KnownLag != 36*time.Hour || c.settings.Label.Outcome != "left: for good" {
		t.Errorf("settings = %+v", c.settings)
	}
}

// Whatever a duration or a size is, it is read as it is written.
func TestTextsOfTimesAndSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(366*24*time.Hour)).Draw(t, "d"))
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			t.Fatalf("%v is written %q and read %v, %v", d, formatDuration(d), got, err)
		}
		bytes := rapid.Int64Min(0).Draw(t, "bytes")
		if got, err := parseSize(formatSize(bytes)); err != nil || got != bytes {
			t.Fatalf("%d is written %q and read %d, %v", bytes, formatSize(bytes), got, err)
		}
	})
	for text, want := range map[string]time.Duration{"2d": 48 * time.Hour, "48h": 48 * time.Hour, "0": 0, "90m": 90 * time.Minute} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2", "d", "-1d", "1.5d", "999999999999d", "two days"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", text, got)
		}
	}
	for _, text := range []string{"", "-1GiB", "4GB", "99999999999TiB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %v, want an error", text, got)
		}
	}
}

func TestPlacesStartWhereTheyAreWritten(t *testing.T) {
	root := t.TempDir()
	elsewhere := filepath.Join(root, "elsewhere")
	if err := os.MkdirAll(elsewhere, 0o750); err != nil {
		t.Fatal(err)
	}
	file := "state:\n  dir: kept\nwarehouse:\n  url: chdb://facts\n"
	if err := os.WriteFile(filepath.Join(root, configName), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &env{dir: elsewhere, global: globalFlags{config: filepath.Join("..", configName)}, environ: []string{"FEALTY_SERVE_TLS_CERT=c.pem", "FEALTY_SERVE_TLS_KEY=k.pem"}}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addConfigFlags(flags)
	c, err := e.loadConfig(flags)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.stateDir, c.warehouse.url, c.serve.tlsCert}
	want := []string{filepath.Join(root, "kept"), "chdb://" + filepath.Join(root, "facts"), filepath.Join(elsewhere, "c.pem")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := flags.Parse([]string{"--warehouse-url", "chdb://here", "--state-dir", "s"}); err != nil {
		t.Fatal(err)
	}
	if c, err = e.loadConfig(flags); err != nil {
		t.Fatal(err)
	}
	got = []string{c.stateDir, c.warehouse.url}
	want = []string{filepath.Join(elsewhere, "s"), "chdb://" + filepath.Join(elsewhere, "here")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesReachTheSettings(t *testing.T) {
	dir := t.TempDir()
	e := &env{dir: dir}
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(uncomment(sourcesText)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := e.loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.sources) != 1 || c.sources[0].Columns["amount"] != "price * quantity" || c.sources[0].Currency != "EUR" {
		t.Errorf("sources = %+v", c.sources)
	}
	if !strings.Contains(c.settings.Map()["sources"], "shop.orders") {
		t.Errorf("the settings say %q of the sources", c.settings.Map()["sources"])
	}
	without, err := (&env{dir: t.TempDir()}).loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if maps.Equal(without.settings.Map(), c.settings.Map()) || without.settings.Hash() == c.settings.Hash() {
		t.Error("a mapped source changes no setting")
	}
}

// The cadence of single segments is a mapping in the file, and a text elsewhere; what it
// says is one.
func TestCadenceReachesTheSettings(t *testing.T) {
	dir := t.TempDir()
	file := "contact:\n  cadence_days: 60\n  cadence_by_segment:\n    key accounts: 14\n    \"a, b: c\": 0\n"
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := (&env{dir: dir}).loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := features.Cadence{Days: 60, Segments: map[string]int{"key accounts": 14, "a, b: c": 0}}
	if diff := cmp.Diff(want, c.settings.Cadence); diff != "" {
		t.Error(diff)
	}
	key, _ := findKey(cadenceBySegment)
	shown := key.text(c)
	if shown != `{"a, b: c":0,"key accounts":14}` {
		t.Errorf("shown as %s", shown)
	}
	environ := []string{"FEALTY_CONTACT_CADENCE_DAYS=60", "FEALTY_CONTACT_CADENCE_BY_SEGMENT=" + shown}
	again, err := (&env{dir: t.TempDir(), environ: environ}).loadConfig(nil)
	if err != nil || again.settings.Hash() != c.settings.Hash() {
		t.Errorf("by the environment: %v, hash %s, want %s", err, again.settings.Hash(), c.settings.Hash())
	}
	for value, want := range map[string]string{
		"{small: 1, small: 2}": "already", "{small: often}": "such as {key accounts: 14", "{small: -1}": `"small" has a cadence of -1 days`, "[1]": "such as", "weekly": "such as", "{'': 3}": "need a name",
	} {
		if err := os.WriteFile(filepath.Join(dir, configName), []byte("contact:\n  cadence_by_segment: "+value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := (&env{dir: dir}).loadConfig(nil)
		if !errors.Is(err, serving.ErrInvalid) || !strings.Contains(fmt.Sprint(err), "fealty.yaml:2: contact.cadence_by_segment") || want != "already" && !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// uncomment takes the sign off the lines below "# sources:" or "# loyalty:".
func uncomment(text string) string {
	var out strings.Builder
	begun := false
	for line := range strings.Lines(text) {
		if begun = begun || strings.HasPrefix(line, "# sources:") || strings.HasPrefix(line, "# loyalty:"); begun {
			out.WriteString(strings.TrimPrefix(line, "# "))
		}
	}
	return out.String()
}

func TestMaskedHidesPasswords(t *testing.T) {
	for text, want := range map[string]string{
		"clickhouse://h:9000/db":                        "clickhouse://h:9000/db",
		"clickhouse://me@h:9000/db":                     "clickhouse://me@h:9000/db",
		"clickhouse://me:secret@h:9000/db":              "clickhouse://me:***@h:9000/db",
		"clickhouse://me:se@c:r/et@h:9000/db":           "clickhouse://me:***@h:9000/db",
		"clickhouse://h/db?password=secret&secure=true": "clickhouse://h/db?password=***&secure=true",
		"clickhouse://h/db?password_file=/run/secret":   "clickhouse://h/db?password_file=/run/secret",
		"chdb:///var/lib/a:b@c":                         "chdb:///var/lib/a:b@c",
	} {
		if got := masked(text); got != want {
			t.Errorf("masked(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestUserAndPasswordFileGoIntoTheURL(t *testing.T) {
	for _, c := range []struct{ url, user, file, want string }{
		{"chdb:///w", "me", "/p", "chdb:///w"},
		{"clickhouse://h/db", "", "", "clickhouse://h/db"},
		{"clickhouse://h/db", "me", "/p", "clickhouse://me@h/db?password_file=%2Fp"},
		{"clickhouse://me:x@h/db?secure=true", "me", "", "clickhouse://me:x@h/db?secure=true"},
		{"clickhouse://me@h/db", "you", "", ""},
		{"clickhouse://h/db?password_file=a", "", "/p", ""},
	} {
		conf := &config{warehouse: warehouseConfig{url: c.url, user: c.user, passwordFile: c.file}}
		got, err := conf.engineURL()
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

// Whatever stands in a file, it is read or refused with its name.
func FuzzConfigurationFile(f *testing.F) {
	f.Add("horizon_days: 60\nbands: {medium: .2, high: .5}\n")
	f.Add(configText(nil))
	f.Add(uncomment(sourcesText))
	f.Add(uncomment(loyaltyText))
	f.Add("a: &a [*a]\n")
	f.Add("seed: !!binary aGk=\n? [x]\n: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := defaultConfig()
		values := map[string]given{}
		if err := c.readFile([]byte(text), "/x/fealty.yaml", values); err != nil {
			if exitCode(err) != exitInvalid || !strings.HasPrefix(err.Error(), "fealty.yaml:") {
				t.Fatalf("refused as %q, exit code %d", err, exitCode(err))
			}
			return
		}
		if err := c.take(values); err != nil && exitCode(err) != exitInvalid {
			t.Fatalf("refused as %q, exit code %d", err, exitCode(err))
		}
	})
}

// The section of loyalty is read over the defaults, what it does not name stays, and
// what it says changes the fingerprint of the settings.
func TestLoyaltyReachesTheSettings(t *testing.T) {
	load := func(text string) (*config, error) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return (&env{dir: dir}).loadConfig(nil)
	}
	plain, err := load("seed: 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if written, err := load(uncomment(loyaltyText)); err != nil || written.settings.Hash() != plain.settings.Hash() || written.origins[loyaltyKey] == "" {
		t.Errorf("what init writes of loyalty is not the default: %v", err)
	}
	c, err := load(`
loyalty:
  weights: {repeat_purchase: 60, duration: 40}
  caps:
    - {name: late, column: overdue_days, operator: ">", value: 30, cap: 50, en: "Late by {overdue_days}", zh: "逾期{overdue_days}"}
  tiers:
    vip_share: 0.02
    policies:
      vip: {contact_days: 7}
lifetime: {months: 24, discount: 0, interval: 0.8, draws: 250}
offer: {contact_cost: 0, acceptance_alpha: 3, acceptance_beta: 9}
wallet: {level: 0.8, max_ratio: 5}
crosssell:
  exclude_categories: [packaging, "gift cards, small", packaging]
  only_products: [P2, P1]
  sold_by_region: {north: [P2, P1, P2], "the isles, far": []}
  list: 5
  lapsed_days: 120
  max_bytes: 2GiB
`)
	if err != nil {
		t.Fatal(err)
	}
	want := plain.settings.Worth
	want.Loyalty.Weights = loyalty.Weights{"repeat_purchase": 60, "duration": 40}
	want.Loyalty.Caps = []loyalty.Cap{{
		Name: "late", Condition: loyalty.Condition{Column: "overdue_days", Operator: ">", Value: 30}, Cap: 50, EN: "Late by {overdue_days}", ZH: "逾期{overdue_days}",
	}}
	want.Loyalty.Tiers.VIPShare = .02
	want.Loyalty.Tiers.Policies = maps.Clone(want.Loyalty.Tiers.Policies)
	want.Loyalty.Tiers.Policies[loyalty.VIP] = loyalty.Policy{ContactDays: 7}
	want.LifetimeInterval, want.LifetimeDraws = .8, 250
	want.LifetimeMonths, want.LifetimeDiscount, want.WalletLevel, want.WalletMaxRatio = 24, 0, .8, 5
	want.ExcludedCategories = []string{"gift cards, small", "packaging"}
	want.OnlyProducts, want.CrossSellList, want.CrossSellBytes = []string{"P1", "P2"}, 5, 2<<30
	want.LapsedDays = 120
	want.SoldByRegion = map[string][]string{"north": {"P1", "P2"}, "the isles, far": {}}
	if diff := cmp.Diff(want, c.settings.Worth); diff != "" {
		t.Error(diff)
	}
	if c.settings.Hash() == plain.settings.Hash() || c.origins[loyaltyKey] != "fealty.yaml:3" {
		t.Errorf("the same fingerprint as without, or it does not know where it stands: %q", c.origins[loyaltyKey])
	}
	// What contacts are judged by changes no score.
	offer := c.settings
	offer.Offer = decision.Offer{}
	if c.settings.Offer != (decision.Offer{ContactCost: decision.Given(0), Alpha: decision.Given(3), Beta: decision.Given(9)}) || offer.Hash() != c.settings.Hash() || maps.Equal(offer.Map(), c.settings.Map()) {
		t.Errorf("an offer of %+v", c.settings.Offer)
	}
	for text, want := range map[string]string{
		"loyalty:\n  weihgts: {}\n":                        `fealty.yaml:2: unknown key "weihgts" in loyalty; did you mean "weights"?`,
		"loyalty:\n  tiers:\n    vip: 1\n":                 `fealty.yaml:3: unknown key "vip" in loyalty.tiers`,
		"loyalty:\n  caps:\n    - {column: x, bound: 3}\n": `unknown key "bound" in loyalty.caps[0]`,
		"loyalty:\n  weights: {repeat_purchase: much}\n":   `fealty.yaml:2: loyalty.weights.repeat_purchase: "much" is no number`,
		"loyalty:\n  survey: {max_age_days: .inf}\n":       `".inf" is no number`,
		"loyalty:\n  weights: {repeat_purchase: 90}\n":     "fealty.yaml:2: loyalty: loyalty weights sum to 90, not to 100; add 10 points",
		"loyalty:\n  weights: {kindness: 100}\n":           "kindness",
		"loyalty:\n  weights:\n":                           "loyalty.weights: is empty",
		"loyalty: high\n":                                  "loyalty: expected keys with values",
		"loyalty:\n  caps: {}\n":                           "loyalty.caps: expected a list",
		"loyalty:\n  rfm: {spend: [1, [2]]}\n":             "loyalty.rfm.spend[1]:",
		"loyalty:\n  onboarding: {days: 1, days: 2}\n":     `key "days" stands in line 2 already`,
		"crosssell:\n  exclude_products: tea\n":            "fealty.yaml:2: crosssell.exclude_products: \"tea\", need a list of names",
		"crosssell:\n  exclude_products: ['']\n":           "need a list of names",
		"crosssell:\n  sold_by_region: {north: P1}\n":      "fealty.yaml:2: crosssell.sold_by_region: ",
		"crosssell:\n  sold_by_region: {north: ['']}\n":    "need regions with lists of products",
		"crosssell:\n  list: 21\n":                         "crosssell.list: \"21\", need a whole number in 1 … 20",
		"crosssell:\n  lapsed_days: -1\n":                  "crosssell.lapsed_days: \"-1\", need a whole number in 0 … 36500",
		"lifetime: {months: 0}\n":                          "lifetime.months: \"0\", need a whole number in 1 … 600",
		"offer: {incentive: 5}\n":                          "offer.incentive: \"5\", need a number in 0 … 1, or nothing",
		"lifetime: {interval: 0.4}\n":                      "lifetime.interval: \"0.4\", need a number in 0.5 … 0.99",
		"lifetime: {draws: 99}\n":                          "lifetime.draws: \"99\", need a whole number in 100 … 100000",
		"lifetime: {discount: 2}\n":                        "lifetime.discount: \"2\", need a number in 0 … 1",
		"wallet: {level: nan}\n":                           "wallet.level: \"nan\", need a number in 0.5 … 0.99",
		"wallet: {max_ratio: 1}\n":                         "wallet.max_ratio: \"1\", need a number in 1.1 … 1000",
	} {
		if _, err := load(text); !errors.Is(err, serving.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// One share of margin holds for value at risk and for commercial value, unless the
// latter has its own.
func TestMarginOfValue(t *testing.T) {
	for text, want := range map[string]float64{
		"seed: 1\n": 1, "margin_rate: 0.3\n": .3, "margin_rate: 0.3\nloyalty: {value: {margin_rate: 1}}\n": 1, "loyalty: {value: {margin_rate: 0.4}}\n": .4,
		"margin_rate: 0.3\nloyalty: {value: {overdue_rate: 0.2}}\n": .3,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := (&env{dir: dir}).loadConfig(nil)
		if err != nil || c.settings.Worth.Loyalty.Value.MarginRate != want {
			t.Errorf("%q: %v, margin rate %v, want %v", text, err, c.settings.Worth.Loyalty.Value.MarginRate, want)
		}
	}
}

// Every value is shown, and those that a file changed with where it did.
func TestShownLoyaltyTellsOrigins(t *testing.T) {
	c := defaultConfig()
	c.settings.Worth.Loyalty.Weights = loyalty.Weights{"duration": 100}
	c.origins[loyaltyKey] = "fealty.yaml:1"
	shown, err := shownLoyalty(c)
	if err != nil {
		t.Fatal(err)
	}
	origins := map[string]string{}
	for _, k := range shown {
		origins[k.Key+"="+k.Value] = k.Origin
	}
	for key, want := range map[string]string{
		"loyalty.weights.duration=100": "fealty.yaml:1", "loyalty.least_measured=30": "default", "loyalty.caps[0].column=complaint_open_days": "default",
		"loyalty.tiers.policies.vip.contact_days=14": "default", "loyalty.rfm.recency_days[0]=30": "default",
	} {
		if origins[key] != want {
			t.Errorf("%s comes from %q, want %q", key, origins[key], want)
		}
	}
}

func TestWeightsOfAFile(t *testing.T) {
	over := loyalty.DefaultSettings()
	over.Segments = map[string]loyalty.Weights{"key": {"duration": 100}}
	before := over.Segments["key"]["duration"]
	got, err := readLoyalty("new.yaml", strings.NewReader("weights: {duration: 100}\nsegments: {key: {repeat_purchase: 100}}\n"), over)
	if err != nil || got.Weights["duration"] != 100 || got.Segments["key"]["repeat_purchase"] != 100 || len(got.Caps) != len(over.Caps) {
		t.Errorf("%+v (%v)", got, err)
	}
	if over.Segments["key"]["duration"] != before || over.Weights["duration"] != 10 {
		t.Errorf("what holds was changed: %v", over.Segments)
	}
	for text, want := range map[string]string{
		"": "holds no settings of loyalty", "weights: {duration: 99}": "new.yaml: loyalty weights sum to 99, not to 100; add 1 points",
		"weights: {kindness: 100}": "kindness", "loyalty: {}": `new.yaml:1: unknown key "loyalty"`, "[": "new.yaml: ",
	} {
		if _, err := readLoyalty("new.yaml", strings.NewReader(text), over); !errors.Is(err, serving.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
