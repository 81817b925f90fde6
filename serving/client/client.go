// Package client asks a served fealty: scores over gRPC, and the verbs of the
// command line over the unix socket of the process that holds the warehouse.
//
// Place in the flow: it stands on the other side of serving/rpc. It knows the
// API and how a refusal reads in serving's error kinds; it refuses to know what
// is behind the API.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// maxAnswerBytes is the largest answer taken: a page of 1,000 scores with
// their reasons is about 3 MB, more than gRPC takes by default.
const maxAnswerBytes = 32 << 20

// Options are how a server is reached.
type Options struct {
	// Token is the key; "" when the server runs without keys.
	Token string
	// TLS is what the connection is secured with; nil for none. A key is sent over
	// an unsecured connection only to this machine, unless Insecure says otherwise.
	TLS *tls.Config
	// Insecure allows the key to be sent unsecured over a network that is trusted.
	Insecure bool
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	conn   *grpc.ClientConn
	scores fealtyv1.ScoresClient
	worths fealtyv1.WorthsClient
	system fealtyv1.SystemClient
}

// Dial prepares to ask the server at target ("host:port"); the connection is
// made by the first call. It refuses to send a key unsecured over a network.
func Dial(target string, o Options) (*Client, error) {
	if o.Token != "" && o.TLS == nil && !o.Insecure && !here(target) {
		return nil, fmt.Errorf("dial %q: the key would be sent unsecured over the network; use TLS: %w", target, serving.ErrInvalid)
	}
	secured := insecure.NewCredentials()
	if o.TLS != nil {
		secured = credentials.NewTLS(o.TLS)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(secured),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
		// Targets are addresses; a proxy from the environment has no business between.
		grpc.WithNoProxy(),
	}
	if o.Token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(o.Token)))
	}
	conn, err := grpc.NewClient("passthrough:///"+target, options...)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", target, err)
	}
	return &Client{conn: conn, scores: fealtyv1.NewScoresClient(conn), worths: fealtyv1.NewWorthsClient(conn), system: fealtyv1.NewSystemClient(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error {
	if err := c.conn.Close(); err != nil {
		return fmt.Errorf("close the connection: %w", err)
	}
	return nil
}

// GetScore returns one account's published score; an error that wraps
// serving.ErrNotFound when the published run does not know the account.
func (c *Client) GetScore(ctx context.Context, account string) (*fealtyv1.Score, error) {
	s, err := c.scores.GetScore(ctx, &fealtyv1.GetScoreRequest{Account: account})
	return s, kinded("get score", err)
}

// BatchGetScores returns the published scores of 1 to 1,000 accounts, or those of
// their groups, in the order asked, and the ids that the run does not know.
func (c *Client) BatchGetScores(ctx context.Context, accounts []string, groups bool) (found []*fealtyv1.Score, unknown []string, err error) {
	r, err := c.scores.BatchGetScores(ctx, &fealtyv1.BatchGetScoresRequest{Accounts: accounts, Groups: groups})
	return r.GetScores(), r.GetUnknown(), kinded("get scores", err)
}

// ListScores returns one page of the published run.
func (c *Client) ListScores(ctx context.Context, r *fealtyv1.ListScoresRequest) (*fealtyv1.ListScoresResponse, error) {
	page, err := c.scores.ListScores(ctx, r)
	return page, kinded("list scores", err)
}

// ScoreNow computes the scores of 1 to 1,000 accounts as of this instant.
func (c *Client) ScoreNow(ctx context.Context, accounts []string) (found []*fealtyv1.Score, unknown []string, err error) {
	r, err := c.scores.ScoreNow(ctx, &fealtyv1.ScoreNowRequest{Accounts: accounts})
	return r.GetScores(), r.GetUnknown(), kinded("score now", err)
}

// GetValue returns what an account is worth; an error that wraps serving.ErrNotFound
// when the published run does not know it or tells nothing of its worth, as for the
// three that follow.
func (c *Client) GetValue(ctx context.Context, account string) (*fealtyv1.Value, error) {
	v, err := c.worths.GetValue(ctx, &fealtyv1.GetValueRequest{Account: account})
	return v, kinded("get value", err)
}

// GetWallet returns what an account spends with everybody.
func (c *Client) GetWallet(ctx context.Context, account string) (*fealtyv1.Wallet, error) {
	w, err := c.worths.GetWallet(ctx, &fealtyv1.GetWalletRequest{Account: account})
	return w, kinded("get wallet", err)
}

// DeclareWallet declares what a person knows of a wallet, in the name of the key, which
// needs the scope wallets.declare; an error that wraps serving.ErrDenied without it,
// serving.ErrNotFound of a strange account, and serving.ErrInvalid of what cannot be,
// such as a category that no order line names.
func (c *Client) DeclareWallet(ctx context.Context, r *fealtyv1.DeclareWalletRequest) (*fealtyv1.DeclareWalletResponse, error) {
	d, err := c.worths.DeclareWallet(ctx, r)
	return d, kinded("declare wallet", err)
}

// GetRecommendations returns what an account may buy next.
func (c *Client) GetRecommendations(ctx context.Context, account string) (*fealtyv1.Recommendations, error) {
	r, err := c.worths.GetRecommendations(ctx, &fealtyv1.GetRecommendationsRequest{Account: account})
	return r, kinded("get recommendations", err)
}

// GetLoyalty returns an account's loyalty with its indicators.
func (c *Client) GetLoyalty(ctx context.Context, account string) (*fealtyv1.Loyalty, error) {
	l, err := c.worths.GetLoyalty(ctx, &fealtyv1.GetLoyaltyRequest{Account: account})
	return l, kinded("get loyalty", err)
}

// GetGrowth returns how the base of accounts grew.
func (c *Client) GetGrowth(ctx context.Context, r *fealtyv1.GetGrowthRequest) (*fealtyv1.Growth, error) {
	g, err := c.worths.GetGrowth(ctx, r)
	return g, kinded("get growth", err)
}

// Health tells whether the server is ready; it needs no key.
func (c *Client) Health(ctx context.Context) (*fealtyv1.GetHealthResponse, error) {
	h, err := c.system.GetHealth(ctx, &fealtyv1.GetHealthRequest{})
	return h, kinded("get health", err)
}

// Version tells what the server serves.
func (c *Client) Version(ctx context.Context) (*fealtyv1.GetVersionResponse, error) {
	v, err := c.system.GetVersion(ctx, &fealtyv1.GetVersionRequest{})
	return v, kinded("get version", err)
}

// bearer sends a key with every call. That the connection may carry it was
// decided by Dial.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

// here reports whether target is this machine.
func here(target string) bool {
	if strings.HasPrefix(target, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// sentinels are what the codes of the server mean in serving's words; the
// others are internal and have none.
var sentinels = map[codes.Code]error{
	codes.InvalidArgument:   serving.ErrInvalid,
	codes.NotFound:          serving.ErrNotFound,
	codes.Aborted:           serving.ErrConflict,
	codes.Unavailable:       serving.ErrUnavailable,
	codes.ResourceExhausted: serving.ErrExhausted,
	codes.Unauthenticated:   serving.ErrUnauthenticated,
	codes.PermissionDenied:  serving.ErrDenied,
	codes.Canceled:          context.Canceled,
	codes.DeadlineExceeded:  context.DeadlineExceeded,
}

// Error is a refusal by the server. It unwraps to serving's sentinel of its
// kind, so serving.KindOf holds on this side too.
type Error struct {
	// Act is what was asked.
	Act string
	// Message is the server's sentence.
	Message string
	kind    error
}

// Error returns the act and the server's sentence.
func (e *Error) Error() string { return e.Act + ": " + e.Message }

// Unwrap returns the sentinel of the kind; nil for an internal error.
func (e *Error) Unwrap() error { return e.kind }

func kinded(act string, err error) error {
	if err == nil {
		return nil
	}
	var st interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &st) {
		return fmt.Errorf("%s: %w", act, err)
	}
	s := st.GRPCStatus()
	return &Error{Act: act, Message: s.Message(), kind: sentinels[s.Code()]}
}
