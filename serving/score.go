package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"fealty/features"
	"fealty/model"
	"fealty/model/score"
)

// Score scores every known account as of a cutoff (data_through when none is
// given) and publishes the run: whole or not at all. Where the model tells worth,
// each score has it beside it.
//
// It goes over the features twice, because an account's percentile needs
// everybody's probability: 8 bytes per account stay between the passes, and one
// slice and 10,000 scores are held at a time. Worth stays between them too: see
// crowd and told for its bytes. Facts that change between the
// passes (mapped sources may) are noticed, and nothing is published. What the mapped
// sources hold is noted with the run, and the features themselves are kept with it
// where the request says so, for replay.
func (s *Service) Score(ctx context.Context, r ScoreRequest, report func(Progress)) (ScoreResult, error) {
	keep, err := s.keeps(r.KeepFeatures)
	if err != nil {
		return ScoreResult{}, err
	}
	k, c, err := s.asked(ctx, r.Cutoff, r.Model)
	if err != nil {
		return ScoreResult{}, err
	}
	m, at := k.registered, k.receipt.Cutoff
	measured := PurposeLive // a backfill's changes too
	if r.Groups {
		measured = PurposeGroups
	}
	if k.previous, err = s.before(ctx, measured, at); err != nil {
		return ScoreResult{}, err
	}
	request := k.request(nil)
	request.Groups = r.Groups
	// Before anything is read: what changes from here on shows as a change.
	held, err := s.fingerprints(ctx, k.receipt.KnownAt)
	if err != nil {
		return ScoreResult{}, err
	}
	if err := k.stand(ctx, request); err != nil {
		return ScoreResult{}, err
	}
	var gathered *gathering
	if m.worth != nil {
		gathered = s.gather(at, untold(k.standings))
	}
	margins, coverage, err := k.rankAll(ctx, request, gathered, c.progress("ranking accounts", report))
	if err != nil {
		return ScoreResult{}, err
	}
	if len(margins) == 0 {
		return ScoreResult{}, fmt.Errorf("no account is known as of %s: %w", c.text(at), ErrInvalid)
	}
	request.Coverage = coverage
	worths, err := k.appraise(ctx, gathered, request, true, report)
	if err != nil {
		return ScoreResult{}, err
	}

	run := Run{
		Kind: KindScores, Purpose: PurposeLive, Cutoff: at, KnownAt: k.receipt.KnownAt, Watermark: c.watermark,
		DefinitionsHash: k.receipt.DefinitionsHash, ConfigHash: k.receipt.ConfigHash, Engine: k.receipt.Engine,
		Model: m.card.Version, Rung: m.card.Rung, Grade: m.card.Report.Grade, HorizonDays: m.card.HorizonDays,
		Currency: c.BaseCurrency, MarginRate: c.MarginRate, DataThrough: c.through, Fingerprints: held, WorthDefinitions: k.receipt.WorthDefinitions,
	}
	switch {
	case r.Groups:
		run.Purpose = PurposeGroups
	case r.Backfill:
		run.Purpose = PurposeBackfill
	}
	progress := c.progress("scoring accounts", report)
	next, stop := stream(ctx, func(ctx context.Context, hand func(*features.Slice) error) error {
		_, err := s.Facts.Build(ctx, request, func(sl *features.Slice) error {
			progress(sl)
			return hand(sl)
		})
		return err
	})
	result := ScoreResult{Bands: map[string]int{}, Unscorable: map[string]int{}, Stages: map[string]int{}}
	batches := &scoreBatches{scorer: k, next: next, margins: margins, worths: worths, keep: keep, result: &result}
	run, err = s.Runs.PublishScores(ctx, run, func() (Batch, error) { return batches.batch(ctx) })
	stop()
	if err != nil {
		return ScoreResult{}, fmt.Errorf("publish scores as of %s: %w", c.text(at), err)
	}
	result.Run = run
	if worths != nil {
		result.Stray = s.strayLoyalty(&s.Settings.Worth.Loyalty, worths.crowd)
		result.Together = worths.together
	}
	if s.Published != nil && run.Purpose != PurposeBackfill {
		s.Published()
	}
	return result, nil
}

// asked makes a scorer as of a cutoff, data_through when it is "", by a model, the
// live one when that is "".
func (s *Service) asked(ctx context.Context, cutoff, version string) (*scorer, *calendar, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return nil, nil, err
	}
	at := c.through
	if cutoff != "" {
		if at, err = c.parse(cutoff); err != nil {
			return nil, nil, err
		}
	}
	m, err := s.model(ctx, version)
	if err != nil {
		return nil, nil, err
	}
	if err := s.fits(m); err != nil {
		return nil, nil, err
	}
	return s.scorer(m, at, c.Known(at), c.watermark), c, nil
}

// rankAll is the first pass: it returns every row's margin, in the order of
// the build, and makes the distribution that the second pass ranks by. What worth
// is told from is gathered on the way, unless gathered is nil.
func (k *scorer) rankAll(ctx context.Context, request features.Request, gathered *gathering, progress func(*features.Slice)) ([]float64, []features.Coverage, error) {
	var margins []float64
	built, err := k.Facts.Build(ctx, request, func(sl *features.Slice) error {
		part, err := k.margins(sl)
		if gathered != nil {
			gathered.add(sl, part)
		}
		margins = append(margins, part...)
		progress(sl)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	probabilities := make([]float64, len(margins))
	for i, v := range margins {
		probabilities[i] = score.Probability(v)
	}
	k.rank = score.NewDistribution(probabilities)
	return margins, built.Coverage, nil
}

// appraise tells what the gathered accounts are worth; nil when none were. With
// intervals, lifetime values have them.
func (k *scorer) appraise(ctx context.Context, gathered *gathering, request features.Request, intervals bool, report func(Progress)) (*told, error) {
	if gathered == nil {
		return nil, nil //nolint:nilnil // a model from before tells no worth
	}
	if report != nil {
		report(Progress{Stage: "telling what accounts are worth"})
	}
	crowd, err := gathered.finish(ctx, k.Service, request, 0)
	if err != nil {
		return nil, err
	}
	return k.worth.tell(ctx, crowd, k.Settings, k.card.HorizonDays, intervals)
}

// appraiseAll gathers the accounts of a request and tells what they are worth, as Score
// does, by the standings that the scorer has; ErrInvalid when none is known.
func (k *scorer) appraiseAll(ctx context.Context, request features.Request, c *calendar, intervals bool, report func(Progress)) (*told, error) {
	gathered := k.gather(k.receipt.Cutoff, untold(k.standings))
	margins, coverage, err := k.rankAll(ctx, request, gathered, c.progress(gatheringStage, report))
	if err != nil {
		return nil, err
	}
	if len(margins) == 0 {
		return nil, fmt.Errorf("no account is known as of %s: %w", c.text(k.receipt.Cutoff), ErrInvalid)
	}
	request.Coverage = coverage
	return k.appraise(ctx, gathered, request, intervals, report)
}

// scoreBatches is the second pass: it cuts slices into batches of scores.
type scoreBatches struct {
	*scorer
	next func() (*features.Slice, error)
	// margins are those of the first pass; row counts how many were met again.
	margins []float64
	row     int
	// worths is nil when none are told.
	worths *told
	// keep hands the features on with the scores.
	keep   bool
	slice  *features.Slice
	from   int
	result *ScoreResult
}

// errMoved says that the facts changed between the two passes of a run.
var errMoved = errors.New("the facts changed while they were scored; run it again")

// batch returns the next batch; io.EOF after the last.
func (b *scoreBatches) batch(ctx context.Context) (Batch, error) {
	for b.slice == nil || b.from == b.slice.Frame.Rows() {
		var err error
		b.slice, err = b.next()
		b.from = 0
		if errors.Is(err, io.EOF) && b.row != len(b.margins) {
			return Batch{}, fmt.Errorf("%w: %w", errMoved, ErrConflict)
		}
		if err != nil {
			return Batch{}, err
		}
	}
	to := min(b.from+batchScores, b.slice.Frame.Rows())
	scores, err := b.scores(b.slice, b.from, to)
	if err != nil {
		return Batch{}, err
	}
	part := Batch{Scores: scores}
	if b.keep {
		part.Features = kept(b.slice, b.from, scores)
	}
	b.from = to
	for i := range scores {
		sc := &scores[i]
		if b.row == len(b.margins) || math.Float64bits(b.margins[b.row]) != math.Float64bits(sc.Margin) {
			return Batch{}, fmt.Errorf("account %q: %w: %w", sc.Account, errMoved, ErrConflict)
		}
		b.row++
		b.worths.attach(sc)
	}
	if err := b.dress(ctx, scores); err != nil {
		return Batch{}, err
	}
	if err := b.stake(rows(b.slice.Frame, to-len(scores), to), scores); err != nil {
		return Batch{}, err
	}
	for i := range scores {
		b.result.count(&scores[i])
	}
	return part, nil
}

// kept are the features that scores were made of, which begin at a row of a slice;
// nothing is kept of accounts that asked to be erased.
func kept(sl *features.Slice, from int, scores []score.Score) *features.Slice {
	var index []int
	for i := range scores {
		if scores[i].Unscorable != erased {
			index = append(index, from+i)
		}
	}
	return &features.Slice{
		Frame: sl.Frame.Take(index), Status: picked(sl.Status, index),
		FirstPurchase: picked(sl.FirstPurchase, index), LastPurchase: picked(sl.LastPurchase, index),
	}
}

// count enters a score into the sums of the run.
func (r *ScoreResult) count(sc *score.Score) {
	r.Stages[string(sc.Stage)]++
	if sc.Unscorable != "" {
		r.Unscorable[sc.Unscorable]++
		return
	}
	r.Bands[string(sc.Band)]++
	if !math.IsNaN(sc.ValueAtRisk) {
		r.ValueAtRisk += model.Figure(sc.ValueAtRisk)
	}
}
