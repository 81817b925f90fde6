package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fealty/features"
	"fealty/model/derive"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newFeatures(e *env) *cobra.Command {
	return group("features", "What is known of an account as of a cutoff", newFeaturesBuild(e), newFeaturesList(e), newFeaturesCheck(e))
}

type featuresBuildOptions struct {
	request serving.BuildRequest
	to      string
	flags   *pflag.FlagSet
}

func newFeaturesBuild(e *env) *cobra.Command {
	o := featuresBuildOptions{}
	c := &cobra.Command{
		Use: "build", Short: "Build the features of all accounts as of cutoffs", Args: none,
		Long: `Builds the features of all accounts as of one or more cutoffs (default: the last complete day of the data), in one
pass over the facts, into a file (CSV, TSV, JSON lines or Parquet) or, without --to, a committed feature run in the
warehouse. A date means the end of that day in the business time zone.`,
		Example: `  fealty features build --cutoff 2011-09-09 --to features.csv
  fealty features build --cutoff 2011-06-30 --cutoff 2011-07-31 --to features.parquet
  fealty features build --to - --format csv | head
  fealty features build`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			return runFeaturesBuild(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.request.Cutoffs, "cutoff", nil, "a date or an RFC 3339 instant; may be repeated")
	f.StringVar(&o.request.Model, "model", "", "also the columns that this model derives (of its lifetime model, say), behind the others; needs --to")
	f.BoolVar(&o.request.Groups, "groups", false, "build groups (links of kind group and sister, and parents) instead of their branches; needs --to")
	f.StringVar(&o.to, "to", "", "file to write (- is standard output)")
	f.StringVar(&o.request.Format, "format", "", "csv, tsv, jsonl or parquet (default: by the file's ending)")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

func runFeaturesBuild(ctx context.Context, e *env, o featuresBuildOptions) error {
	out := &outputs{env: e}
	var err error
	if o.request.Output, err = out.output(o.to); err != nil {
		return err
	}
	if o.to != "" && o.request.Format == "" {
		if o.request.Format = strings.TrimPrefix(filepath.Ext(o.to), "."); o.request.Format == "" {
			return fmt.Errorf("--to %q has no ending that names a format; say --format: %w", o.to, serving.ErrInvalid)
		}
	}
	result, err := perform[serving.BuildResult](ctx, e, o.flags, job{operation: serving.OpBuild, request: o.request, out: out})
	if err != nil {
		return err
	}
	if o.to == stdio {
		// The data has gone to standard output already.
		e.say("%d rows of %d accounts, %d features", result.Rows, result.Accounts, result.Features)
		return nil
	}
	run := ""
	if result.Run != nil {
		run = result.Run.ID
	}
	coverage := section{title: "Sources as of the cutoffs", head: []string{"source", "cutoff", "rows", "first", "last", "windows cut short (days)"}}
	for _, c := range result.Coverage {
		coverage.rows = append(coverage.rows, []any{string(c.Source), c.Cutoff.String(), c.Rows, instant(c.First), instant(c.Last), strings.Trim(fmt.Sprint(c.Truncated), "[]")})
	}
	status := section{title: "Accounts by eligibility", head: []string{"status", "rows"}}
	for _, s := range sortedKeys(result.Status) {
		status.rows = append(status.rows, []any{s, result.Status[s]})
	}
	return e.show(answer{data: result, rows: 1, sections: []section{
		facts("rows", result.Rows, "accounts", result.Accounts, "features", result.Features, "run", run, "file", o.to, "definitions", result.DefinitionsHash),
		status, coverage,
	}})
}

func newFeaturesList(e *env) *cobra.Command {
	group := ""
	c := &cobra.Command{
		Use: "list", Short: "List the catalogue of features", Args: none,
		Long: `Lists the catalogue of features, behind it those of your team (features.folder) whose entries are right, and last the
columns that a model derives from them with parameters of its own (file: derived); features build --model writes those too.`,
		Example: `  fealty features list
  fealty features list --group frequency -o csv`,
		RunE: func(c *cobra.Command, _ []string) error { return runFeaturesList(e, c.Flags(), group) },
	}
	c.Flags().StringVar(&group, "group", "", "only features of this group")
	addConfigFlags(c.Flags(), "features.folder")
	return c
}

// listedFeature is a feature as it is listed.
type listedFeature struct {
	Name       string `json:"name"`
	Group      string `json:"group"`
	Factor     string `json:"factor"`
	Unit       string `json:"unit"`
	Label      string `json:"label"`
	LabelZH    string `json:"label_zh"`
	Direction  string `json:"direction"`
	Actionable bool   `json:"actionable"`
	File       string `json:"file"`
}

func runFeaturesList(e *env, flags *pflag.FlagSet, group string) error {
	config, err := e.loadConfig(flags)
	if err != nil {
		return err
	}
	catalogue, refused := features.WithOwn(features.Catalogue(), config.own)
	for _, file := range sortedKeys(refused) {
		e.say("left out: %v", refused[file])
	}
	for _, m := range slices.Concat(derive.Metas(), derive.WalletMetas()) {
		catalogue = append(catalogue, features.Feature{Meta: m, File: features.File{Name: "derived"}})
	}
	list, groups := []listedFeature{}, map[string]bool{}
	for _, f := range catalogue {
		groups[f.Group] = true
		if group != "" && f.Group != group {
			continue
		}
		list = append(list, listedFeature{
			Name: f.Name, Group: f.Group, Factor: f.Factor, Unit: f.Unit, Label: f.LabelEN, LabelZH: f.LabelZH,
			Direction: direction(int(f.Direction)), Actionable: f.Actionable, File: f.File.Name,
		})
	}
	if len(list) == 0 {
		return fmt.Errorf("group %q is none of %s: %w", group, strings.Join(sortedKeys(groups), ", "), serving.ErrInvalid)
	}
	s := section{head: []string{"name", "group", "factor", "unit", "label", "label_zh", "risk_when_higher", "actionable", "file"}}
	for _, f := range list {
		s.rows = append(s.rows, []any{f.Name, f.Group, f.Factor, f.Unit, f.Label, f.LabelZH, f.Direction, f.Actionable, f.File})
	}
	return e.show(answer{data: list, sections: []section{s}})
}

func newFeaturesCheck(e *env) *cobra.Command {
	c := &cobra.Command{
		Use: "check", Short: "Try the features that your team added, and say why any is refused", Args: none,
		Long: `Reads every NAME.sql of the configured folder (features.folder) with its entry NAME.yaml beside it and tries it on
accounts of the warehouse and on invented rows: it must be one SELECT from one view of facts, answer one row per
account and cutoff, and answer the same whatever lies after the cutoff or was recorded after what was known. Training
and scoring stop at a file that is refused. The exit status tells whether any was.`,
		Example: `  fealty features check --features-folder features
  fealty features check -o json`,
		RunE: func(c *cobra.Command, _ []string) error { return runFeaturesCheck(c.Context(), e, c.Flags()) },
	}
	addConfigFlags(c.Flags(), "features.folder", "warehouse.url", "state.dir")
	return c
}

func runFeaturesCheck(ctx context.Context, e *env, flags *pflag.FlagSet) error {
	if c, err := e.loadConfig(flags); err != nil {
		return err
	} else if c.ownFolder == "" {
		return fmt.Errorf("features.folder is not set, so that your team has no features of its own; set it in %s or say --features-folder DIR: %w", configName, serving.ErrInvalid)
	}
	result, err := perform[serving.CheckOwnResult](ctx, e, flags, job{operation: serving.OpCheckOwn, request: serving.CheckOwnRequest{}})
	if err != nil {
		return err
	}
	s := section{head: []string{"file", "verdict", "features", "accounts", "rows", "invented_rows", "reason"}}
	for _, v := range result.Files {
		verdict := "admitted"
		if !v.Admitted {
			verdict = "refused"
		}
		s.rows = append(s.rows, []any{v.File, verdict, strings.Join(v.Features, " "), v.Accounts, v.Rows, v.Invented, v.Reason})
	}
	if err := e.show(answer{data: result, sections: []section{s}}); err != nil {
		return err
	}
	if result.Refused > 0 {
		e.say("%d of %d files are refused", result.Refused, len(result.Files))
		return errFindings
	}
	return nil
}

// direction says what a higher value does to the risk.
func direction(d int) string {
	switch {
	case d > 0:
		return "higher"
	case d < 0:
		return "lower"
	}
	return "either"
}
