package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"fealty/serving"

	"github.com/spf13/cobra"
)

type initOptions struct {
	path string
	set  []string
}

func newInit(e *env) *cobra.Command {
	o := initOptions{}
	c := &cobra.Command{
		Use: "init", Short: "Write a commented fealty.yaml", Args: none,
		Long: "Writes a fealty.yaml in which every key stands with its default and what it means.\nA file that is there already is never overwritten.",
		Example: `  fealty init
  fealty init --set business_time_zone=Europe/Berlin --set base_currency=GBP`,
		RunE: func(c *cobra.Command, _ []string) error { return runInit(c.Context(), e, o) },
	}
	c.Flags().StringVar(&o.path, "file", configName, "the file to write")
	c.Flags().StringArrayVar(&o.set, "set", nil, "a key and its value, KEY=VALUE; may be repeated")
	return c
}

func runInit(_ context.Context, e *env, o initOptions) error {
	values := map[string]given{}
	for _, entry := range o.set {
		key, value, ok := strings.Cut(entry, "=")
		if !ok {
			return fmt.Errorf("--set %q: expected KEY=VALUE: %w", entry, serving.ErrInvalid)
		}
		if _, known := findKey(key); !known {
			return fmt.Errorf("--set: unknown key %q%s: %w", key, meant(key, configPaths()), serving.ErrInvalid)
		}
		values[key] = given{text: value, origin: "--set"}
	}
	c := defaultConfig()
	if err := c.take(values); err != nil {
		return err
	}
	if err := c.finish(e.dir); err != nil {
		return err
	}
	path := e.path(o.path)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the user names the file; it holds no secret
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and stays as it is: %w", path, serving.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w: %w", err, serving.ErrInvalid)
	}
	if _, err := file.WriteString(configText(values)); err != nil {
		return errors.Join(fmt.Errorf("write the configuration: %w", err), file.Close(), os.Remove(path))
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	e.say("wrote %s; next: fealty import", path)
	return nil
}

func findKey(path string) (configKey, bool) {
	for _, k := range configKeys() {
		if k.path == path {
			return k, true
		}
	}
	return configKey{}, false
}

// configText is a fealty.yaml: the values given are set, all other keys stand
// as comments with their defaults.
func configText(values map[string]given) string {
	var b strings.Builder
	b.WriteString("# What fealty is told. A key that is commented out has the default shown; `fealty config show` tells\n" +
		"# what holds and why. Relative places start from this file's folder.\n")
	defaults, above := defaultConfig(), ""
	for _, k := range configKeys() {
		group, name, nested := strings.Cut(k.path, ".")
		off, indent := "", "  "
		if !nested {
			group, name, indent = "", k.path, ""
		} else if !anyBelow(values, group) {
			// A group of which nothing is set is a comment with everything in it.
			off = "# "
		}
		if group != above || !nested {
			b.WriteString("\n")
		}
		if nested && group != above {
			b.WriteString(off + group + ":\n")
		}
		above = group
		b.WriteString(off + indent + "# " + k.about + "\n")
		switch v, set := values[k.path]; {
		case set:
			b.WriteString(indent + name + ": " + quoted(v.text) + "\n")
		case off != "":
			b.WriteString(off + indent + name + ": " + quoted(k.text(defaults)) + "\n")
		default:
			b.WriteString(indent + "# " + name + ": " + quoted(k.text(defaults)) + "\n")
		}
	}
	b.WriteString(loyaltyText)
	b.WriteString(sourcesText)
	return b.String()
}

func anyBelow(values map[string]given, group string) bool {
	for path := range values {
		if strings.HasPrefix(path, group+".") {
			return true
		}
	}
	return false
}

// quoted is a value as YAML, in quotes where it would read as something else.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, "#'\"{}[]&*!|>%@`\n\t") || strings.Contains(text, ": ") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return text
}

// loyaltyText shows the weights of loyalty, which most who edit anything edit.
const loyaltyText = `
# How loyalty, value and tiers are told: weights in points that sum to 100, exceptions, cut points, policies. What
# stands here replaces its default; config show lists them all, and fealty loyalty preview tries new weights.
# loyalty:
#   weights:
#     repeat_purchase: 16
#     other_kinds: 8
#     recommends: 8
#     resists_rivals: 10
#     tolerance: 8
#     share_of_wallet: 14
#     effective_referrals: 4
#     duration: 10
#     frequency_turnover: 14
#     lifetime_value: 8
`

// sourcesText explains mapped sources, which have no default.
const sourcesText = `
# Tables of the warehouse that are read in place; nothing is copied. Columns are
# canonical names (fealty features list, README.md) with expressions over the
# source's own columns.
# sources:
#   - name: shop
#     table: order_lines
#     from: shop.orders
#     columns:
#       account: customer_id
#       order_id: invoice
#       amount: price * quantity
#       ordered_at: sold_at
#     where: status = 'paid'
#     currency: EUR
`
