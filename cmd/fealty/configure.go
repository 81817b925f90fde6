package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newConfig(e *env) *cobra.Command {
	return group("config", "Check and show the configuration", newConfigCheck(e), newConfigShow(e))
}

func newConfigCheck(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "check", Short: "Say whether the configuration is sound", Args: none,
		Long:    "Reads the configuration as every verb does. A fault is told with its file, line and key; exit code 2.",
		Example: "  fealty config check --config other.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			loaded, err := e.loadConfig(c.Flags())
			if err != nil {
				return err
			}
			from := loaded.file
			if from == "" {
				from = "the defaults (there is no " + configName + " here)"
			}
			e.say("%s: sound", from)
			return nil
		},
	}
	addConfigFlags(c.Flags())
	return c
}

func newConfigShow(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "show", Short: "Show every key with its value and where that came from", Args: none,
		Long:    "Shows what holds. Passwords are masked.",
		Example: "  fealty config show\n  FEALTY_HORIZON_DAYS=60 fealty config show -o csv",
		RunE:    func(c *cobra.Command, _ []string) error { return runConfigShow(e, c.Flags()) },
	}
	addConfigFlags(c.Flags())
	return c
}

// shownKey is a key as it is shown.
type shownKey struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Origin is where the value came from: file and line, variable, flag, or default.
	Origin string `json:"origin"`
	About  string `json:"about"`
}

func runConfigShow(e *env, flags *pflag.FlagSet) error {
	c, err := e.loadConfig(flags)
	if err != nil {
		return err
	}
	keys := []shownKey{}
	for _, k := range configKeys() {
		shown := shownKey{Key: k.path, Value: k.text(c), Origin: c.origins[k.path], About: k.about}
		if shown.Origin == "" {
			shown.Origin = "default"
		}
		if k.secret {
			shown.Value = masked(shown.Value)
		}
		keys = append(keys, shown)
	}
	for _, s := range c.sources {
		from := s.From
		if from == "" {
			from = s.Query
		}
		keys = append(keys, shownKey{Key: "sources." + s.Name, Value: s.Table + " from " + from, Origin: c.origins[sourcesKey], About: "a mapped source"})
	}
	ofLoyalty, err := shownLoyalty(c)
	if err != nil {
		return err
	}
	keys = append(keys, ofLoyalty...)
	table := section{head: []string{"key", "value", "origin"}}
	for _, k := range keys {
		table.rows = append(table.rows, []any{k.Key, k.Value, k.Origin})
	}
	return e.show(answer{data: keys, sections: []section{table}})
}
