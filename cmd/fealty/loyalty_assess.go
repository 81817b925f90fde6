package main

import (
	"context"
	"fmt"
	"strings"

	"fealty/features"
	"fealty/serving"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type assessOptions struct {
	request            serving.AssessRequest
	value, expectation float64
	flags              *pflag.FlagSet
}

func newLoyaltyAssess(e *env) *cobra.Command {
	o := &assessOptions{}
	c := &cobra.Command{
		Use: "assess", Short: "Say what is judged of an account by hand, or what it answered to an item", Args: none,
		Long: `Takes one judgement of an account, with its author and a comment, or with --kind survey what the account itself answered.
loyalty is the measure by hand that counts in the score with the points that loyalty.weights give to manual; learning is what is
learnt from the account in a year, in base currency, and part of its commercial value. The others are attitude, on 0 … --scale:
emotional (or trust, attachment, pride), intention (or recommend, repurchase), the values product, service, people and image, and
the costs money, time, mental and physical. The newest of each item counts; nothing is deleted. It is known from now on: scores
as of later cutoffs take it up, and earlier ones stay as they were. fealty import assessments takes many at once.`,
		Example: `  fealty loyalty assess --account A0000007 --item loyalty --value 80 --author 'Li Wei' --comment 'signs for three years'
  fealty loyalty assess --account A0000007 --item product --value 4 --scale 5 --expectation 5 --kind survey
  fealty loyalty assess --account A0000007 --item learning --value 2500 --author 'Li Wei' --comment 'tries what is new first'`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			if o.flags.Changed("value") {
				o.request.Value = &o.value
			}
			if o.flags.Changed("expectation") {
				o.request.Expectation = &o.expectation
			}
			return runLoyaltyAssess(c.Context(), e, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.request.Account, "account", "", "the account")
	f.StringVar(&o.request.Item, "item", "", "what is assessed: "+strings.Join(features.AssessmentItems(), ", "))
	f.Float64Var(&o.value, "value", 0, "the answer, on 0 … scale; of learning an amount a year in base currency")
	f.Float64Var(&o.request.Scale, "scale", 0, "the greatest value that could be given (default 100)")
	f.Float64Var(&o.expectation, "expectation", 0, "what was expected, on the same scale")
	f.StringVar(&o.request.Kind, "kind", "", "judgement of ours, or survey: what the account answered (default judgement)")
	f.StringVar(&o.request.Person, "person", "", "the account's person who answered")
	f.StringVar(&o.request.Author, "author", "", "who judges")
	f.StringVar(&o.request.Comment, "comment", "", "why")
	f.StringVar(&o.request.At, "at", "", "the day on which it was said (default: now)")
	addConfigFlags(f, "warehouse.url", "state.dir")
	return c
}

func runLoyaltyAssess(ctx context.Context, e *env, o *assessOptions) error {
	if o.request.Account == "" || o.request.Item == "" {
		return fmt.Errorf("--account and --item are needed: %w", serving.ErrInvalid)
	}
	r, err := perform[serving.AssessResult](ctx, e, o.flags, job{operation: serving.OpAssess, request: o.request})
	if err != nil {
		return err
	}
	if r.Already {
		e.say("the same was said before; nothing changed")
		e.say("此前已有相同评定，未作更改")
	}
	sections := []section{facts("account", o.request.Account, "item", o.request.Item, "author", o.request.Author, "load", r.Load, "already said", r.Already)}
	if len(r.Notes) > 0 {
		sections = append(sections, notesOf(r.Notes))
	}
	return e.show(answer{data: r, sections: sections})
}
