package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"fealty/model/loyalty"
	"fealty/serving"

	"gopkg.in/yaml.v3"
)

// loyaltyKey is the section of weights, exceptions, cut points and policies, which
// are read into loyalty.Settings over what holds without them.
const loyaltyKey = "loyalty"

// loyaltySection reads the section of the configuration.
func (r *fileReader) loyaltySection(n *yaml.Node, c *config) error {
	if n.Tag == "!!null" {
		return nil
	}
	c.origins[loyaltyKey] = fmt.Sprintf("%s:%d", r.name, n.Line)
	if err := r.loyaltySettings(n, loyaltyKey, &c.settings.Worth.Loyalty); err != nil {
		return err
	}
	var own struct {
		Value struct {
			MarginRate *float64 `yaml:"margin_rate"`
		} `yaml:"value"`
	}
	if err := n.Decode(&own); err != nil {
		return r.refuse(n, "%s: %s", loyaltyKey, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	c.marginOfValue = own.Value.MarginRate != nil
	return nil
}

// loyaltySettings reads settings over those that are there. Names that nothing
// reads are refused with their place.
func (r *fileReader) loyaltySettings(n *yaml.Node, what string, to *loyalty.Settings) error {
	if err := r.strict(n, reflect.TypeFor[loyalty.Settings](), what); err != nil {
		return err
	}
	if err := n.Decode(to); err != nil {
		return r.refuse(n, "%s: %s", what, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return nil
}

// readLoyalty reads a file that holds what would stand under loyalty:, over
// settings, which stay as they are.
func readLoyalty(name string, file io.Reader, over loyalty.Settings) (loyalty.Settings, error) {
	raw, err := io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err != nil {
		return over, fmt.Errorf("read %s: %w: %w", name, err, serving.ErrInvalid)
	}
	if len(raw) > maxConfigBytes {
		return over, fmt.Errorf("%s has more than %d bytes: %w", name, maxConfigBytes, serving.ErrInvalid)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return over, fmt.Errorf("%s: %s: %w", name, strings.TrimPrefix(err.Error(), "yaml: "), serving.ErrInvalid)
	}
	if len(document.Content) == 0 {
		return over, fmt.Errorf("%s holds no settings of loyalty, such as weights: %w", name, serving.ErrInvalid)
	}
	proposed, err := copied(over)
	if err != nil {
		return over, err
	}
	r := fileReader{name: name}
	if err := r.loyaltySettings(resolved(document.Content[0]), name, &proposed); err != nil {
		return over, err
	}
	if err := proposed.Validate(); err != nil {
		return over, fmt.Errorf("%s: %w: %w", name, err, serving.ErrInvalid)
	}
	return proposed, nil
}

// copied shares no memory with the settings.
func copied(s loyalty.Settings) (loyalty.Settings, error) {
	var out loyalty.Settings
	raw, err := json.Marshal(s) //nolint:musttag // only to be read back below
	if err == nil {
		err = json.Unmarshal(raw, &out) //nolint:musttag // as it was written above
	}
	if err != nil {
		return out, fmt.Errorf("copy the settings of loyalty: %w", err)
	}
	return out, nil
}

// strict walks a node beside the type that it will be read into, and refuses what
// the type has no place for.
func (r *fileReader) strict(n *yaml.Node, t reflect.Type, what string) error {
	n = resolved(n)
	if n.Tag == "!!null" {
		return r.refuse(n, "%s: is empty; give a value, or leave it out", what)
	}
	switch t.Kind() { //nolint:exhaustive // all other kinds are single values
	case reflect.Struct:
		fields := yamlFields(t)
		return r.entries(n, what, func(key string, at, value *yaml.Node) error {
			of, ok := fields[key]
			if !ok {
				return r.refuse(at, "unknown key %q in %s%s", key, what, meant(key, slices.Collect(maps.Keys(fields))))
			}
			return r.strict(value, of, what+"."+key)
		})
	case reflect.Map:
		return r.entries(n, what, func(key string, _, value *yaml.Node) error { return r.strict(value, t.Elem(), what+"."+key) })
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return r.refuse(n, "%s: expected a list", what)
		}
		for i, item := range n.Content {
			if err := r.strict(item, t.Elem(), fmt.Sprintf("%s[%d]", what, i)); err != nil {
				return err
			}
		}
		return nil
	}
	value := reflect.New(t)
	if n.Kind != yaml.ScalarNode || n.Decode(value.Interface()) != nil || t.Kind() == reflect.Float64 && !finite(value.Elem().Float()) {
		return r.refuse(n, "%s: %q is no %s", what, n.Value, kindWords[t.Kind()])
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// kindWords name what stands in a single value.
var kindWords = map[reflect.Kind]string{
	reflect.Float64: "number", reflect.Int: "whole number", reflect.Uint64: "whole number", reflect.String: "text",
}

// yamlFields are the types of a struct's fields by the keys that they have in a file.
func yamlFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			maps.Copy(fields, yamlFields(f.Type))
			continue
		}
		fields[key] = f.Type
	}
	return fields
}

// shownLoyalty are the settings of loyalty value by value, by their paths.
func shownLoyalty(c *config) ([]shownKey, error) {
	values, err := leaves(&c.settings.Worth.Loyalty)
	if err != nil {
		return nil, err
	}
	plain := loyalty.DefaultSettings()
	defaults, err := leaves(&plain)
	if err != nil {
		return nil, err
	}
	var all []shownKey
	for _, path := range sortedKeys(values) {
		k := shownKey{Key: loyaltyKey + path, Value: values[path], Origin: "default", About: "a setting of loyalty and value"}
		if value, ok := defaults[path]; !ok || value != k.Value {
			k.Origin = c.origins[loyaltyKey]
		}
		all = append(all, k)
	}
	return all, nil
}

// leaves are the single values of settings as texts, by their paths.
func leaves(s *loyalty.Settings) (map[string]string, error) {
	var n yaml.Node
	if err := n.Encode(s); err != nil {
		return nil, fmt.Errorf("write the settings of loyalty: %w", err)
	}
	out := map[string]string{}
	collect(&n, "", out)
	return out, nil
}

func collect(n *yaml.Node, path string, to map[string]string) {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		for i := 0; i+1 < len(n.Content); i += 2 {
			collect(n.Content[i+1], path+"."+n.Content[i].Value, to)
		}
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		for i, item := range n.Content {
			collect(item, fmt.Sprintf("%s[%d]", path, i), to)
		}
	case n.Kind == yaml.ScalarNode:
		to[path] = n.Value
	}
}
