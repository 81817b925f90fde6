package rpc

import (
	"context"
	"math"
	"strings"
	"time"

	"fealty/features/frame"
	"fealty/model/score"
	"fealty/serving"
	fealtyv1 "fealty/serving/gen/fealty/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// scores is the Scores service: it turns messages into the use case's words
// and back. It decides nothing; the chain did.
type scores struct {
	fealtyv1.UnsafeScoresServer
	answers serving.Answers
}

// of returns who answers: of branches, or of groups when the request says so.
func of(answers serving.Answers, r interface{ GetGroups() bool }) serving.Answers {
	if r.GetGroups() {
		return answers.Groups()
	}
	return answers
}

func (s *scores) GetScore(ctx context.Context, r *fealtyv1.GetScoreRequest) (*fealtyv1.Score, error) {
	a, err := of(s.answers, r).Get(ctx, frame.AccountID(r.GetAccount()))
	if err != nil {
		return nil, err
	}
	return scoreOf(&a), nil
}

func (s *scores) BatchGetScores(ctx context.Context, r *fealtyv1.BatchGetScoresRequest) (*fealtyv1.BatchGetScoresResponse, error) {
	found, unknown, err := of(s.answers, r).BatchGet(ctx, ids(r.GetAccounts()))
	if err != nil {
		return nil, err
	}
	return &fealtyv1.BatchGetScoresResponse{Scores: scoresOf(found), Unknown: names(unknown)}, nil
}

func (s *scores) ListScores(ctx context.Context, r *fealtyv1.ListScoresRequest) (*fealtyv1.ListScoresResponse, error) {
	page, err := of(s.answers, r).List(ctx, serving.ListRequest{
		Filter: r.GetFilter(), OrderBy: r.GetOrderBy(), PageSize: int(r.GetPageSize()), PageToken: r.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	return &fealtyv1.ListScoresResponse{Scores: scoresOf(page.Answers), NextPageToken: page.NextPageToken, TotalSize: count(page.Total)}, nil
}

func (s *scores) ScoreNow(ctx context.Context, r *fealtyv1.ScoreNowRequest) (*fealtyv1.ScoreNowResponse, error) {
	found, unknown, err := s.answers.ScoreNow(ctx, ids(r.GetAccounts()))
	if err != nil {
		return nil, err
	}
	return &fealtyv1.ScoreNowResponse{Scores: scoresOf(found), Unknown: names(unknown)}, nil
}

// system is the System service.
type system struct {
	fealtyv1.UnsafeSystemServer
	answers serving.Answers
	// stopping is true once the service takes no more work.
	stopping func() bool
}

func (s *system) GetHealth(ctx context.Context, _ *fealtyv1.GetHealthRequest) (*fealtyv1.GetHealthResponse, error) {
	live, ready := true, s.answers.Status(ctx).Ready && !s.stopping()
	return &fealtyv1.GetHealthResponse{Live: &live, Ready: &ready}, nil
}

func (s *system) GetVersion(ctx context.Context, _ *fealtyv1.GetVersionRequest) (*fealtyv1.GetVersionResponse, error) {
	st := s.answers.Status(ctx)
	ready := st.Ready && !s.stopping()
	v := &fealtyv1.GetVersionResponse{
		Version: text(st.Version), Engine: text(st.Engine), Ready: &ready,
		Run: text(st.Run), GroupsRun: text(st.Groups), Model: text(st.Model), Grade: text(st.Grade), Rung: text(st.Rung),
		Scored: count(st.Scored), Bytes: &st.Bytes, Stale: text(st.Stale),
	}
	if st.Detail != "" {
		v.Detail = plainOr(st.Detail, "the service's log says why")
	}
	if st.Run != "" {
		v.Cutoff = instant(int64(st.Cutoff))
	}
	if !st.PublishedAt.IsZero() {
		v.PublishedAt = timestamppb.New(st.PublishedAt)
	}
	return v, nil
}

// scoresThroughChain and systemThroughChain are the services as the gateway
// calls them. They embed Unsafe…Server, so a call added to the proto does not
// compile until it goes through the chain too.
type scoresThroughChain struct {
	fealtyv1.UnsafeScoresServer
	chain *chain
	to    *scores
}

func (t *scoresThroughChain) GetScore(ctx context.Context, r *fealtyv1.GetScoreRequest) (*fealtyv1.Score, error) {
	return through(ctx, t.chain, fealtyv1.Scores_GetScore_FullMethodName, r, t.to.GetScore)
}

func (t *scoresThroughChain) BatchGetScores(ctx context.Context, r *fealtyv1.BatchGetScoresRequest) (*fealtyv1.BatchGetScoresResponse, error) {
	return through(ctx, t.chain, fealtyv1.Scores_BatchGetScores_FullMethodName, r, t.to.BatchGetScores)
}

func (t *scoresThroughChain) ListScores(ctx context.Context, r *fealtyv1.ListScoresRequest) (*fealtyv1.ListScoresResponse, error) {
	return through(ctx, t.chain, fealtyv1.Scores_ListScores_FullMethodName, r, t.to.ListScores)
}

func (t *scoresThroughChain) ScoreNow(ctx context.Context, r *fealtyv1.ScoreNowRequest) (*fealtyv1.ScoreNowResponse, error) {
	return through(ctx, t.chain, fealtyv1.Scores_ScoreNow_FullMethodName, r, t.to.ScoreNow)
}

type systemThroughChain struct {
	fealtyv1.UnsafeSystemServer
	chain *chain
	to    *system
}

func (t *systemThroughChain) GetHealth(ctx context.Context, r *fealtyv1.GetHealthRequest) (*fealtyv1.GetHealthResponse, error) {
	return through(ctx, t.chain, fealtyv1.System_GetHealth_FullMethodName, r, t.to.GetHealth)
}

func (t *systemThroughChain) GetVersion(ctx context.Context, r *fealtyv1.GetVersionRequest) (*fealtyv1.GetVersionResponse, error) {
	return through(ctx, t.chain, fealtyv1.System_GetVersion_FullMethodName, r, t.to.GetVersion)
}

func ids(accounts []string) []frame.AccountID {
	out := make([]frame.AccountID, len(accounts))
	for i, a := range accounts {
		out[i] = frame.AccountID(a)
	}
	return out
}

func names(accounts []frame.AccountID) []string {
	out := make([]string, len(accounts))
	for i, a := range accounts {
		out[i] = text(string(a))
	}
	return out
}

func scoresOf(answers []serving.Answer) []*fealtyv1.Score {
	out := make([]*fealtyv1.Score, len(answers))
	for i := range answers {
		out[i] = scoreOf(&answers[i])
	}
	return out
}

func scoreOf(a *serving.Answer) *fealtyv1.Score {
	live, opted := a.Live, a.OptedOut
	s := &fealtyv1.Score{
		Account: text(string(a.Account)), Name: text(a.Name), Segment: text(a.Segment), Region: text(a.Region), Manager: text(a.Manager),
		Unscorable: text(a.Unscorable), Currency: text(a.Currency), Run: text(a.Run), Stale: text(a.Stale),
		Probability: number(a.Probability), Percentile: number(a.Percentile),
		ValueAtRisk: number(a.ValueAtRisk), RunRate: number(a.RunRate), MarginRate: number(a.MarginRate),
		Margin: number(a.Margin), Base: number(a.Base),
		Band: bandOf(a.Band), Stage: stageOf(a.Stage),
		Up: reasonsOf(a.Up), Down: reasonsOf(a.Down), Live: &live, OptedOut: &opted,
		Receipt: receiptOf(&a.Receipt), Moved: movedOf(a.Moved),
	}
	if days := count(a.HorizonDays); days != nil {
		s.HorizonDays = *days
	}
	if b := a.Brief; b != nil {
		s.Loyalty, s.LifetimeValue, s.WalletShare, s.Potential = number(b.Loyalty), number(b.LifetimeValue), number(b.WalletShare), number(b.Potential)
		s.Tier, s.Verdict, s.Story = text(string(b.Tier)), text(string(b.Verdict)), text(b.Story)
	}
	for _, t := range a.Untold {
		s.Untold = append(s.Untold, termOf(t))
	}
	if a.Change != nil {
		changed := a.Change.ModelChanged
		s.Change = &fealtyv1.Change{
			Probability: number(a.Change.Probability), PreviousCutoff: instant(int64(a.Change.Previous)), ModelChanged: &changed,
		}
	}
	return s
}

func receiptOf(r *score.Receipt) *fealtyv1.Receipt {
	return &fealtyv1.Receipt{
		Model: text(r.Model), DefinitionsHash: text(r.DefinitionsHash), RowHash: text(r.RowHash), Cutoff: instant(int64(r.Cutoff)),
		KnownAt: instant(int64(r.KnownAt)), Watermark: r.Watermark, ConfigHash: text(r.ConfigHash), Engine: text(r.Engine),
		WorthDefinitionsHash: text(r.WorthDefinitions), WorthHash: text(r.WorthHash),
	}
}

// movedOf is nil for an answer of the account asked for.
func movedOf(m *serving.Moved) *fealtyv1.Moved {
	if m == nil {
		return nil
	}
	moved := &fealtyv1.Moved{Account: text(string(m.Account)), Kind: text(m.Kind)}
	if m.Since != 0 {
		moved.Since = instant(m.Since)
	}
	return moved
}

func reasonsOf(said []serving.Said) []*fealtyv1.Reason {
	out := make([]*fealtyv1.Reason, len(said))
	for i := range said {
		r := &said[i]
		out[i] = &fealtyv1.Reason{
			Feature: text(r.Feature), Label: &fealtyv1.Text{En: text(r.Label), Zh: text(r.LabelZH)}, Unit: text(r.Unit),
			Contribution: number(r.Contribution), Sentence: &fealtyv1.Text{En: text(r.EN), Zh: text(r.ZH)},
		}
		if r.Value != nil {
			out[i].Value = number(*r.Value)
		}
	}
	return out
}

func bandOf(b score.Band) fealtyv1.Band {
	switch b {
	case score.Low:
		return fealtyv1.Band_BAND_LOW
	case score.Medium:
		return fealtyv1.Band_BAND_MEDIUM
	case score.High:
		return fealtyv1.Band_BAND_HIGH
	case score.None:
	}
	return fealtyv1.Band_BAND_UNSPECIFIED
}

func stageOf(s score.Stage) fealtyv1.Stage {
	switch s {
	case score.Lapsed:
		return fealtyv1.Stage_STAGE_LAPSED
	case score.WonBack:
		return fealtyv1.Stage_STAGE_WON_BACK
	case score.New:
		return fealtyv1.Stage_STAGE_NEW
	case score.AtRisk:
		return fealtyv1.Stage_STAGE_AT_RISK
	case score.Active:
		return fealtyv1.Stage_STAGE_ACTIVE
	case score.NeverBought:
		return fealtyv1.Stage_STAGE_NEVER_BOUGHT
	case score.Paused:
		return fealtyv1.Stage_STAGE_PAUSED
	}
	return fealtyv1.Stage_STAGE_UNSPECIFIED
}

// number is a value that may be missing: NaN and infinities never get out,
// JSON has no word for them and readers would take a default for a number.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func count(n int) *int32 {
	c := int32(min(max(n, 0), math.MaxInt32)) // bounded on both sides in the same expression
	return &c
}

func instant(seconds int64) *timestamppb.Timestamp { return timestamppb.New(time.Unix(seconds, 0)) }

// text is fit for a proto string. One name with broken bytes would otherwise
// make a whole page impossible to encode.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
