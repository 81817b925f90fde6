package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/serving"

	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

const (
	// configName is the file that is looked for in the working directory.
	configName = "fealty.yaml"
	// sourcesKey is the list of tables that are read in place.
	sourcesKey = "sources"
	// maxConfigBytes bounds the file; a long one is not a configuration.
	maxConfigBytes = 1 << 20

	embeddedScheme = "chdb://"
	serverScheme   = "clickhouse://"
)

// otherVariables begin with FEALTY_ and are no key of the configuration.
var otherVariables = []string{
	"FEALTY_CONFIG", "FEALTY_TOKEN", "FEALTY_SERVER", "FEALTY_WAREHOUSE_PASSWORD", "FEALTY_CHDB_LIB",
	// Of the house, not of the program; a developer's shell has them.
	"FEALTY_CACHE", "FEALTY_DATA", "FEALTY_TORTURE", "FEALTY_BENCH",
}

// given is a value as it was written, with the place where it stands.
type given struct {
	text, origin string
	// base is the folder from which a relative path starts.
	base string
}

// loadConfig reads fealty.yaml, then the environment, then the flags; what is
// read later holds. Unknown keys and variables and values out of bounds are
// refused with the place where they stand.
func (e *env) loadConfig(flags *pflag.FlagSet) (*config, error) {
	c := defaultConfig()
	values := map[string]given{}
	file, named := e.global.config, true
	if file == "" {
		if file = e.variable("FEALTY_CONFIG"); file == "" {
			file, named = configName, false
		}
	}
	file = e.path(file)
	raw, err := readBounded(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		// Defaults are a configuration too.
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w: %w", err, serving.ErrInvalid)
	default:
		c.file = file
		if err := c.readFile(raw, file, values); err != nil {
			return nil, err
		}
	}
	if err := e.readVariables(values); err != nil {
		return nil, err
	}
	if flags != nil {
		e.readFlags(flags, values)
	}
	if err := c.take(values); err != nil {
		return nil, err
	}
	base := e.dir
	if c.file != "" {
		base = filepath.Dir(c.file)
	}
	err = c.finish(base)
	return c, err
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the user's own configuration, named by the user
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err == nil && len(raw) > maxConfigBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, maxConfigBytes)
	}
	return raw, err
}

// readFile collects the values of a file; nothing in it may be unknown.
func (c *config) readFile(raw []byte, file string, values map[string]given) error {
	name := filepath.Base(file)
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil {
		// yaml's own words hold the line: "yaml: line 3: …".
		return fmt.Errorf("%s: %s: %w", name, strings.TrimPrefix(err.Error(), "yaml: "), serving.ErrInvalid)
	}
	if len(document.Content) == 0 {
		return nil // empty, or comments only
	}
	r := fileReader{name: name, base: filepath.Dir(file), values: values}
	return r.mapping(document.Content[0], "", c)
}

// fileReader walks the nodes of a file.
type fileReader struct {
	name, base string
	values     map[string]given
}

func (r *fileReader) refuse(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %w", r.name, n.Line, fmt.Sprintf(format, args...), serving.ErrInvalid)
}

// entries calls each for the entries of a mapping, of which none stands twice.
func (r *fileReader) entries(n *yaml.Node, what string, each func(key string, at, value *yaml.Node) error) error {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		return r.refuse(n, "%s: expected keys with values", what)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := n.Content[i]
		if at.Kind != yaml.ScalarNode {
			return r.refuse(at, "%s: a key is no word", what)
		}
		if line, twice := seen[at.Value]; twice {
			return r.refuse(at, "key %q stands in line %d already", at.Value, line)
		}
		seen[at.Value] = at.Line
		if err := each(at.Value, at, resolved(n.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// mapping reads the keys below a path.
func (r *fileReader) mapping(n *yaml.Node, above string, c *config) error {
	what := "the configuration"
	if above != "" {
		what = above
	}
	return r.entries(n, what, func(key string, at, value *yaml.Node) error {
		path := key
		if above != "" {
			path = above + "." + key
		}
		paths := configPaths()
		below := slices.ContainsFunc(paths, func(known string) bool { return strings.HasPrefix(known, path+".") })
		switch {
		case path == sourcesKey:
			return r.sources(value, c)
		case path == loyaltyKey:
			return r.loyaltySection(value, c)
		case below && !strings.Contains(key, "."):
			return r.mapping(value, path, c)
		case !slices.Contains(paths, path) || strings.Contains(key, "."):
			return r.refuse(at, "unknown key %q%s", path, meant(path, siblings(paths, above)))
		case value.Kind != yaml.ScalarNode && !structured(path):
			return r.refuse(value, "%s: expected one value", path)
		}
		text := value.Value
		switch {
		case value.Tag == "!!null":
			text = ""
		case value.Kind != yaml.ScalarNode:
			written, err := yaml.Marshal(value)
			if err != nil {
				return r.refuse(value, "%s: %v", path, err)
			}
			text = string(written)
		}
		r.values[path] = given{text, fmt.Sprintf("%s:%d", r.name, value.Line), r.base}
		return nil
	})
}

// structured tells whether a key's value may be a list or a mapping.
func structured(path string) bool {
	k, _ := findKey(path)
	return k.structured
}

// siblings are the known words at a level: the keys below a path, up to the
// next dot. A key that was written at the wrong level is found by its full
// path, so that those stand there too.
func siblings(paths []string, above string) []string {
	if above != "" {
		return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return !strings.HasPrefix(p, above+".") })
	}
	var words []string
	for _, p := range paths {
		first, _, _ := strings.Cut(p, ".")
		if !slices.Contains(words, first) {
			words = append(words, first)
		}
	}
	return words
}

// sources reads the list of mapped sources.
func (r *fileReader) sources(n *yaml.Node, c *config) error {
	if n.Tag == "!!null" {
		return nil
	}
	c.origins[sourcesKey] = fmt.Sprintf("%s:%d", r.name, n.Line)
	if n.Kind != yaml.SequenceNode {
		return r.refuse(n, "sources: expected a list; each entry begins with \"- name:\"")
	}
	for i, item := range n.Content {
		what := fmt.Sprintf("sources[%d]", i)
		err := r.entries(item, what, func(key string, at, value *yaml.Node) error {
			switch {
			case !slices.Contains(sourceKeys, key):
				return r.refuse(at, "unknown key %q in %s%s", key, what, meant(key, sourceKeys))
			case key == "columns":
				return r.entries(value, what+".columns", func(field string, _, expression *yaml.Node) error {
					if expression.Kind != yaml.ScalarNode {
						return r.refuse(expression, "%s.columns.%s: expected an expression", what, field)
					}
					return nil
				})
			case value.Kind != yaml.ScalarNode:
				return r.refuse(value, "%s.%s: expected one value", what, key)
			}
			return nil
		})
		if err != nil {
			return err
		}
		var s sourceConfig
		if err := resolved(item).Decode(&s); err != nil {
			return r.refuse(item, "%s: %s", what, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		mapped := features.MappedSource(s)
		if err := mapped.Validate(); err != nil {
			return r.refuse(item, "%s: %v", what, err)
		}
		if slices.ContainsFunc(c.sources, func(other features.MappedSource) bool {
			return other.Name == mapped.Name && other.Table == mapped.Table
		}) {
			return r.refuse(item, "%s: table %s has a source %q already", what, mapped.Table, mapped.Name)
		}
		c.sources = append(c.sources, mapped)
	}
	return nil
}

// readVariables collects the values of the environment. A variable that begins
// like ours and is none of ours is a slip, and would silently change nothing.
func (e *env) readVariables(values map[string]given) error {
	known := map[string]string{}
	names := slices.Clone(otherVariables)
	for _, k := range configKeys() {
		known[k.variable()] = k.path
		names = append(names, k.variable())
	}
	for _, entry := range e.environ {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !strings.HasPrefix(name, "FEALTY_") || slices.Contains(otherVariables, name) {
			continue
		}
		path, ok := known[name]
		if !ok {
			return fmt.Errorf("environment: unknown variable %s%s: %w", name, meant(name, names), serving.ErrInvalid)
		}
		values[path] = given{value, name, e.dir}
	}
	return nil
}

// addConfigFlags gives a verb a flag for every key. Those that are not named
// in shown work too and are left out of its help.
func addConfigFlags(flags *pflag.FlagSet, shown ...string) {
	for _, k := range configKeys() {
		flags.String(k.flag, "", k.about)
		if k.path == "serve.auth" {
			flags.Lookup(k.flag).NoOptDefVal = "true"
		}
		flags.Lookup(k.flag).Hidden = !slices.Contains(shown, k.path)
	}
}

func (e *env) readFlags(flags *pflag.FlagSet, values map[string]given) {
	for _, k := range configKeys() {
		if f := flags.Lookup(k.flag); f != nil && f.Changed {
			values[k.path] = given{f.Value.String(), "--" + k.flag, e.dir}
		}
	}
}

// take sets the values that were given.
func (c *config) take(values map[string]given) error {
	for _, k := range configKeys() {
		v, ok := values[k.path]
		if !ok {
			continue
		}
		if err := k.set(c, v.text); err != nil {
			return fmt.Errorf("%s: %s: %w", v.origin, k.path, err)
		}
		c.origins[k.path] = v.origin
		switch {
		case k.place && v.text != "":
			if err := k.set(c, absolute(v.text, v.base)); err != nil {
				return fmt.Errorf("%s: %s: %w", v.origin, k.path, err)
			}
		case k.path == "warehouse.url" && strings.HasPrefix(v.text, embeddedScheme):
			c.warehouse.url = embeddedScheme + absolute(strings.TrimPrefix(v.text, embeddedScheme), v.base)
		}
	}
	return nil
}

// absolute makes a path independent of the working directory; an empty one
// stays empty, so that it is refused where it is used.
func absolute(path, base string) string {
	if path == "" || filepath.IsAbs(path) || base == "" {
		return path
	}
	return filepath.Join(base, path)
}

// finish fills what depends on other keys and checks what no key can check
// alone. base is the folder from which the defaults' places start.
func (c *config) finish(base string) error {
	blame := func(path, format string, args ...any) error {
		at := c.origins[path]
		if at == "" {
			at = "default"
		}
		return fmt.Errorf("%s: %s: %s: %w", at, path, fmt.Sprintf(format, args...), serving.ErrInvalid)
	}
	c.stateDir = absolute(c.stateDir, base)
	switch {
	case c.stateDir == "":
		return blame("state.dir", "is empty, need a folder")
	case c.warehouse.url == "":
		c.warehouse.url = c.embeddedDefault()
	case c.warehouse.url == embeddedScheme:
		return blame("warehouse.url", "chdb:// names no folder")
	case !strings.HasPrefix(c.warehouse.url, embeddedScheme) && !strings.HasPrefix(c.warehouse.url, serverScheme):
		// It may hold a password, so that it is not shown.
		return blame("warehouse.url", "is neither chdb://DIR nor clickhouse://HOST:9000/DATABASE")
	}
	s := &c.settings
	if zone, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		return blame("business_time_zone", "%q is no IANA time zone such as Europe/Berlin", s.Zone)
	} else if c.dataThrough != "" {
		through, err := frame.ParseCutoff(c.dataThrough, zone)
		if err != nil {
			return blame("data_through", "%v", err)
		}
		s.DataThrough = through
	}
	if s.Bands.Medium >= s.Bands.High {
		return blame("bands.medium", "%v, need less than bands.high, which is %v", s.Bands.Medium, s.Bands.High)
	}
	if (c.serve.tlsCert == "") != (c.serve.tlsKey == "") {
		return blame("serve.tls_cert", "serve.tls_cert and serve.tls_key belong together")
	}
	s.Sources = features.Canonical(c.sources)
	s.MarginGiven = c.origins["margin_rate"] != ""
	if !c.marginOfValue {
		// One share of margin holds everywhere, unless commercial value is given its own.
		s.Worth.Loyalty.Value.MarginRate = s.MarginRate
	}
	if c.ownFolder != "" {
		var err error
		if c.own, err = readOwn(c.ownFolder); err != nil {
			return blame("features.folder", "%v", err)
		}
		s.Own = features.CanonicalOwn(c.own)
	}
	if err := s.Validate(); err != nil {
		// The settings name the key themselves.
		path, _, _ := strings.Cut(err.Error(), ":")
		if at := c.origins[path]; at != "" {
			return fmt.Errorf("%s: %w", at, err)
		}
		return err
	}
	return nil
}

// engineURL is the warehouse's URL with what its own keys say of the user.
func (c *config) engineURL() (string, error) {
	w := &c.warehouse
	if strings.HasPrefix(w.url, embeddedScheme) || (w.user == "" && w.passwordFile == "") {
		return w.url, nil
	}
	u, err := url.Parse(w.url)
	if err != nil {
		// The parser's error shows the text, which may hold a password.
		return "", fmt.Errorf("warehouse.url: is no URL: %w", serving.ErrInvalid)
	}
	if w.user != "" {
		if u.User.Username() != "" && u.User.Username() != w.user {
			return "", fmt.Errorf("warehouse.user: warehouse.url names another user: %w", serving.ErrInvalid)
		}
		if password, set := u.User.Password(); set {
			u.User = url.UserPassword(w.user, password)
		} else {
			u.User = url.User(w.user)
		}
	}
	if w.passwordFile != "" {
		q := u.Query()
		if q.Has("password_file") {
			return "", fmt.Errorf("warehouse.password_file: warehouse.url names a password file too: %w", serving.ErrInvalid)
		}
		q.Set("password_file", w.passwordFile)
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}

// passwordOption is a password that was written as an option by mistake.
var passwordOption = regexp.MustCompile(`(?i)\b(pass(?:word|wd)?)=[^&]*`)

// masked is a warehouse URL without its password. The last @ counts, so that a
// password with an @ in it is hidden whole.
func masked(text string) string {
	if strings.HasPrefix(text, embeddedScheme) {
		return text
	}
	scheme, rest, _ := strings.Cut(text, "://")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, _, secret := strings.Cut(rest[:at], ":")
		if secret {
			user += ":***"
		}
		rest = user + rest[at:]
	}
	return scheme + "://" + passwordOption.ReplaceAllString(rest, "$1=***")
}
