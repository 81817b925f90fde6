package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"fealty/serving"
	"fealty/serving/client"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// askOptions say how a served fealty is reached.
type askOptions struct {
	server, tokenFile, ca   string
	secure, allowsUnsecured bool
	flags                   *pflag.FlagSet
}

func (o *askOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.server, "server", "", "HOST:PORT of gRPC (default FEALTY_SERVER, or serve.grpc of the configuration)")
	f.StringVar(&o.tokenFile, "token-file", "", "file whose first line is the key (default: the variable FEALTY_TOKEN)")
	f.BoolVar(&o.secure, "tls", false, "use TLS with the system's authorities")
	f.StringVar(&o.ca, "ca", "", "use TLS and trust this certificate authority (PEM)")
	f.BoolVar(&o.allowsUnsecured, "unsecured", false, "send the key without TLS over a network that you trust")
	addConfigFlags(f)
	o.flags = f
}

// dial reaches the server.
func (e *env) dial(o *askOptions) (*client.Client, error) {
	target := o.server
	if target == "" {
		target = e.variable("FEALTY_SERVER")
	}
	if target == "" {
		c, err := e.loadConfig(o.flags)
		if err != nil {
			return nil, err
		}
		if target = c.serve.grpc; target == "" {
			return nil, fmt.Errorf("serve.grpc is empty; name a server with --server: %w", serving.ErrInvalid)
		}
	}
	options := client.Options{Token: e.variable("FEALTY_TOKEN"), Insecure: o.allowsUnsecured}
	if o.tokenFile != "" {
		raw, err := os.ReadFile(e.path(o.tokenFile))
		if err != nil {
			return nil, fmt.Errorf("read the key: %w: %w", err, serving.ErrInvalid)
		}
		first, _, _ := strings.Cut(string(raw), "\n")
		options.Token = strings.TrimSpace(first)
	}
	if o.secure || o.ca != "" {
		options.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.ca != "" {
		pem, err := os.ReadFile(e.path(o.ca))
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w: %w", err, serving.ErrInvalid)
		}
		options.TLS.RootCAs = x509.NewCertPool()
		if !options.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %q holds no PEM certificate: %w", o.ca, serving.ErrInvalid)
		}
	}
	return client.Dial(target, options)
}

// zone is the business time zone of the configuration, in which days are told as
// replay tells them.
func (e *env) zone(o *askOptions) (*time.Location, error) {
	c, err := e.loadConfig(o.flags)
	if err != nil {
		return nil, err
	}
	return c.settings.Location(), nil
}

// asked adds what helps to a refusal for want of a key.
func asked(err error) error {
	if serving.KindOf(err) == serving.Unauthenticated {
		return fmt.Errorf("%w; create one with `fealty token create --name me` and put it into FEALTY_TOKEN", err)
	}
	return err
}

// asJSON turns an answer of the API into what REST would have said, so that -o
// json and curl agree.
func asJSON(m proto.Message) (json.RawMessage, error) {
	raw, err := protojson.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return raw, nil
}

type getOptions struct {
	ask      askOptions
	accounts []string
	now      bool
	groups   bool
}

func newGet(e *env) *cobra.Command {
	o := getOptions{}
	c := &cobra.Command{
		Use: "get ACCOUNT…", Short: "Ask a served fealty for the scores of accounts", Args: arguments(1, -1, "one or more accounts"),
		Long: `Asks a served fealty. With --now the scores are computed from the facts as of this instant; the key needs scope scores.now.
With --groups the newest run of fealty score --groups answers: for a group by its name, or for the group that a branch is
counted in. An account that was renamed or merged is answered with the score of the account it goes on in, and says so.`,
		Example: `  export FEALTY_TOKEN=$(fealty token create --name me)
  fealty get 17850
  fealty get 17850 13047 --now -o json
  fealty get --groups holding`,
		RunE: func(c *cobra.Command, args []string) error {
			o.accounts = args
			return runGet(c.Context(), e, o)
		},
	}
	c.Flags().BoolVar(&o.now, "now", false, "compute the scores now")
	c.Flags().BoolVar(&o.groups, "groups", false, "ask for groups in place of their branches")
	o.ask.addFlags(c.Flags())
	return c
}

func runGet(ctx context.Context, e *env, o getOptions) (err error) {
	if o.now && o.groups {
		return fmt.Errorf("--now scores accounts, and --groups asks for published scores of groups; give one of them: %w", serving.ErrInvalid)
	}
	c, err := e.dial(&o.ask)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var found []*fealtyv1.Score
	var unknown []string
	if o.now {
		found, unknown, err = c.ScoreNow(ctx, o.accounts)
	} else {
		found, unknown, err = c.BatchGetScores(ctx, o.accounts, o.groups)
	}
	if err != nil {
		return asked(err)
	}
	zone, err := e.zone(&o.ask)
	if err != nil {
		return err
	}
	list, data := scoresTable(found, zone), []json.RawMessage{}
	sections := []section{list}
	for _, s := range found {
		raw, err := asJSON(s)
		if err != nil {
			return err
		}
		data = append(data, raw)
		sections = append(sections, reasonsSection(s))
	}
	if len(found) > 0 {
		if stale := found[0].GetStale(); stale != "" {
			e.say("stale: %s", stale)
		}
		if err := e.show(answer{data: data, sections: sections}); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("not known: %s: %w", strings.Join(unknown, ", "), serving.ErrNotFound)
	}
	return nil
}

// scoresTable has a row for each score, worth behind what asks for attention first;
// days are those of a zone.
func scoresTable(scores []*fealtyv1.Score, zone *time.Location) section {
	s := section{head: []string{"account", "name", "probability", "percentile", "band", "stage", "value_at_risk", "currency", "no_score", "opted_out", "asked_as",
		"loyalty", "tier", "verdict", "lifetime_value", "wallet_share", "potential"}}
	for _, one := range scores {
		s.rows = append(s.rows, []any{
			one.GetAccount(), one.GetName(), one.Probability, one.Percentile, word(one.GetBand().String(), "BAND_"), //nolint:protogetter // absent is not 0
			word(one.GetStage().String(), "STAGE_"), one.ValueAtRisk, one.GetCurrency(), one.GetUnscorable(), one.OptedOut, //nolint:protogetter // absent is not 0
			askedAs(one.GetMoved(), zone),
			one.Loyalty, one.GetTier(), one.GetVerdict(), one.LifetimeValue, one.WalletShare, one.Potential, //nolint:protogetter // absent is not 0
		})
	}
	return s
}

// askedAs names the account that was asked for when the score is of another, and how
// it goes on in that, since which day of a zone.
func askedAs(m *fealtyv1.Moved, zone *time.Location) string {
	switch {
	case m == nil:
		return ""
	case m.GetSince() == nil:
		return fmt.Sprintf("%s (%s)", m.GetAccount(), m.GetKind())
	}
	return fmt.Sprintf("%s (%s %s)", m.GetAccount(), m.GetKind(), m.GetSince().AsTime().In(zone).Format(time.DateOnly))
}

// word is an enum's name as people write it.
func word(name, prefix string) string {
	if name = strings.ToLower(strings.TrimPrefix(name, prefix)); name == "unspecified" {
		return ""
	}
	return name
}

// reasonsSection tells why, in both languages.
func reasonsSection(score *fealtyv1.Score) section {
	s := section{title: "Why " + score.GetAccount(), head: []string{"risk", "log_odds", "reason", "理由"}}
	for _, part := range []struct {
		risk    string
		reasons []*fealtyv1.Reason
	}{{"up", score.GetUp()}, {"down", score.GetDown()}} {
		for _, r := range part.reasons {
			s.rows = append(s.rows, []any{part.risk, r.GetContribution(), r.GetSentence().GetEn(), r.GetSentence().GetZh()})
		}
	}
	return s
}

type listOptions struct {
	ask     askOptions
	request fealtyv1.ListScoresRequest
	size    int32
	all     bool
}

func newList(e *env) *cobra.Command {
	o := &listOptions{}
	c := &cobra.Command{
		Use: "list", Short: "List the scores of a served fealty, riskiest first", Args: none,
		Example: `  fealty list --filter 'band = "high" AND value_at_risk > 1000' --order-by 'value_at_risk desc'
  fealty list --all -o csv > scores.csv
  fealty list --groups`,
		RunE: func(c *cobra.Command, _ []string) error { return runList(c.Context(), e, o) },
	}
	f := c.Flags()
	f.StringVar(&o.request.Filter, "filter", "", "AIP-160 filter, such as band = \"high\"")
	f.StringVar(&o.request.OrderBy, "order-by", "", "AIP-132 order, such as value_at_risk desc")
	f.Int32Var(&o.size, "page-size", 0, "scores of a page, 1 to 1000 (default 50)")
	f.StringVar(&o.request.PageToken, "page-token", "", "next_page_token of the page before")
	f.BoolVar(&o.all, "all", false, "every page")
	f.BoolVar(&o.request.Groups, "groups", false, "groups in place of their branches, by the newest fealty score --groups")
	o.ask.addFlags(f)
	return c
}

func runList(ctx context.Context, e *env, o *listOptions) (err error) {
	c, err := e.dial(&o.ask)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	const largestPage = 1000
	if o.request.PageSize = o.size; o.all && o.size == 0 {
		o.request.PageSize = largestPage
	}
	whole := &fealtyv1.ListScoresResponse{}
	for {
		page, err := c.ListScores(ctx, &o.request)
		if err != nil {
			return asked(err)
		}
		scores := append(whole.GetScores(), page.GetScores()...)
		whole = page
		whole.Scores = scores
		if o.request.PageToken = page.GetNextPageToken(); !o.all || o.request.GetPageToken() == "" {
			break
		}
	}
	raw, err := asJSON(whole)
	if err != nil {
		return err
	}
	zone, err := e.zone(&o.ask)
	if err != nil {
		return err
	}
	if next := whole.GetNextPageToken(); next != "" {
		e.say("%d of %d; next: --page-token %s", len(whole.GetScores()), whole.GetTotalSize(), next)
	}
	return e.show(answer{data: raw, sections: []section{scoresTable(whole.GetScores(), zone)}})
}
