package serving

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
	"fealty/model/score"
)

// otherEngineTolerance is how far a margin may lie from the published one when
// another engine version computes it: its floating-point functions may differ
// in the last bits.
const otherEngineTolerance = 1e-9

// What a score was replayed from.
const (
	// FromFacts is the warehouse, read as of the receipt.
	FromFacts = "facts"
	// FromStored are features that were kept when the score was made: they prove the
	// model's part of it, and no more that the facts were so. How the account stands
	// (consents, pauses, links) is asked of the warehouse here too.
	FromStored = "stored_features"
)

// Replay computes an account's published score again from its receipt and
// compares: the fingerprint of its row and the margin must be equal on the
// same engine version, the margin within 1e-9 on another. Where the facts can't be
// read as they were, because a mapped source has no recording time or was changed
// behind the watermark, the features that were kept replace them, and the answer says
// so. With Worth, what the account is worth is told anew too. What differs is said
// in Why; it is an error only when there is nothing to compare.
func (s *Service) Replay(ctx context.Context, r ReplayRequest, report func(Progress)) (ReplayResult, error) {
	if r.Account == "" {
		return ReplayResult{}, fmt.Errorf("replay: no account was given: %w", ErrInvalid)
	}
	run, err := s.replayed(ctx, r)
	if err != nil {
		return ReplayResult{}, err
	}
	// Who asked to be erased is asked as of now: the receipt's load knows nothing of it.
	told, err := s.disclose(ctx, run)
	if err != nil {
		return ReplayResult{}, err
	}
	published, since, err := told.score(ctx, frame.AccountID(r.Account))
	if err != nil {
		return ReplayResult{}, err
	}
	result := ReplayResult{
		Account: r.Account, Run: run.ID, Replayable: true,
		Published: side(&published), Replayed: s.today(published.Receipt), MarginDelta: model.Figure(math.NaN()),
	}
	if told.hides(published.Account) {
		// Nothing is computed of it any more.
		result.Replayed.Unscorable, result.Same, result.Replayable = erased, !since, !since
		result.Why = "the account asked to be erased, and the run says no more of it"
		if since {
			result.Why = "not replayable: the account has asked to be erased since, and nothing is told of its score"
		}
		return result, nil
	}
	doubts, err := s.doubt(ctx, run, r.Worth)
	if err != nil {
		return ReplayResult{}, err
	}
	if err := s.replayScore(ctx, run, &published, doubts, &result); err != nil {
		return ReplayResult{}, err
	}
	if r.Worth {
		if result.Worth, err = s.replayWorth(ctx, told, &published, doubts, report); err != nil {
			return ReplayResult{}, err
		}
	}
	return result, nil
}

// doubts are why the facts may not be what a run was made of.
type doubts struct {
	// unrecorded says which sources have no recording time, changed which hold
	// something else, each "" when there is none.
	unrecorded, changed string
	// release says what this release or warehouse lacks to read them alike, "" when
	// nothing.
	release string
	// definitions is the fingerprint of the features as they are defined now.
	definitions string
}

// all are the doubts in words; "" when there is none.
func (d *doubts) all() string {
	return joined("; ", d.unrecorded, d.changed, d.release)
}

// recorded tells whether the sources still hold what they held and say when they
// knew it, so that a release that reads them alike can replay from the facts.
func (d *doubts) recorded() bool { return d.unrecorded == "" && d.changed == "" }

// chinese are the doubts by their kinds; "" when there is none.
func (d *doubts) chinese() string {
	kind := func(doubt, zh string) string {
		if doubt == "" {
			return ""
		}
		return zh
	}
	return joined("；", kind(d.unrecorded, "映射的数据源没有记录时间（recorded_at）"), kind(d.changed, "映射的数据源在评分之后被改动"),
		kind(d.release, "当前的特征定义或已加载的数据与评分时不同"))
}

// joined joins the texts that are not empty.
func joined(by string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), by)
}

// doubt asks whether the facts can still be read as a run read them. Where sources
// without a recording time decide that already, the others are looked at only when
// whole is set: each look is a scan.
func (s *Service) doubt(ctx context.Context, run Run, whole bool) (*doubts, error) {
	d := &doubts{unrecorded: noTime(unrecorded(s.Sources))}
	if d.unrecorded == "" || whole {
		changed, err := Changed(ctx, s.Facts, s.Sources, run)
		if err != nil {
			return nil, err
		}
		d.changed = strings.Join(changed, "; ")
	}
	var err error
	if d.definitions, err = s.Facts.Definitions(s.catalogue()); err != nil {
		return nil, fmt.Errorf("fingerprint the features: %w", err)
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the newest load: %w", err)
	}
	switch {
	case d.definitions != run.DefinitionsHash:
		// Other definitions make another row: to compare the numbers would prove nothing.
		d.release = fmt.Sprintf("the features are defined otherwise now (%s) than then (%s): only the release that scored can replay it",
			d.definitions, run.DefinitionsHash)
		if m, err := s.model(ctx, run.Model); err == nil {
			d.release = joined("; ", d.release, s.otherOwn(&m.card))
		}
	case watermark < run.Watermark:
		d.release = fmt.Sprintf("the score was made of loads up to %d, and the warehouse holds loads up to %d", run.Watermark, watermark)
	}
	return d, nil
}

// replayScore replays a score from the facts, or where they are in doubt from what
// was kept of them.
func (s *Service) replayScore(ctx context.Context, run Run, published *score.Score, d *doubts, result *ReplayResult) error {
	result.Replayed.DefinitionsHash = d.definitions
	because := d.all()
	if because == "" {
		again, err := s.again(ctx, published.Account, published.Receipt, run.Purpose == PurposeGroups)
		if err != nil {
			return err
		}
		if again == nil {
			result.Why = "the facts up to the receipt's load don't know the account"
			return nil
		}
		result.From, result.Replayed = FromFacts, side(again)
		result.compare(published, again)
		result.Why = "replayed from the facts: " + result.Why
		return nil
	}
	again, from, err := s.fromStored(ctx, run, published)
	switch {
	case err != nil:
		return err
	case again != nil:
		result.From, result.Kept, result.Replayed = FromStored, from, side(again)
		result.compare(published, again)
		result.Why = fmt.Sprintf("replayed from stored features only (run %s), because %s: %s", from, because, result.Why)
	case from != "" && d.definitions != run.DefinitionsHash:
		// Of other features the same values have another fingerprint. What another release
		// could still replay stays replayable.
		result.Why = fmt.Sprintf("%s; whether the features kept in run %s are those of the receipt, only that release can tell", because, from)
	case from != "":
		result.Kept, result.Replayable = from, d.recorded()
		result.Why = fmt.Sprintf("the features kept in run %s are not those of the receipt, and the facts can't be asked, because %s", from, because)
		if !result.Replayable {
			result.Why = "not replayable: " + result.Why
		}
	default:
		result.Replayable = d.recorded()
		result.Why = because
		if !result.Replayable {
			result.Why = fmt.Sprintf("not replayable: %s, and no features of the account are kept with run %s (runs.keep_features keeps them)", because, run.ID)
		}
	}
	return nil
}

// fromStored scores an account from the features kept under a run, or in a run of
// features as of the same cutoff, whose fingerprint is the receipt's. from is where
// they lie. The score is nil when there are none, and from then names the run whose own
// features, as they are defined now, have another fingerprint than the receipt's, if it
// is so.
func (s *Service) fromStored(ctx context.Context, run Run, published *score.Score) (again *score.Score, from string, err error) {
	slice, from, err := s.stored(ctx, run, published)
	if err != nil || slice == nil {
		return nil, from, err
	}
	m, err := s.model(ctx, published.Receipt.Model)
	if err != nil {
		return nil, "", err
	}
	k := s.scorer(m, published.Receipt.Cutoff, published.Receipt.KnownAt, published.Receipt.Watermark)
	// No engine computed any number of it, so that nothing may differ in the last bits;
	// only how the account stands is asked.
	k.receipt.Engine = published.Receipt.Engine
	request := k.request([]frame.AccountID{published.Account})
	request.Groups = run.Purpose == PurposeGroups
	if err := k.stand(ctx, request); err != nil {
		return nil, "", err
	}
	all, err := k.scores(slice, 0, 1)
	if err != nil {
		return nil, "", err
	}
	return &all[0], from, nil
}

// stored are the features of fromStored; nil when there are none. from is as there.
func (s *Service) stored(ctx context.Context, run Run, published *score.Score) (slice *features.Slice, from string, err error) {
	rows, err := s.Runs.Kept(ctx, run, published.Account)
	if err != nil {
		return nil, "", err
	}
	for i := range rows {
		slice := s.storedSlice(&rows[i], published)
		if features.RowHash(slice.Frame, 0) == published.Receipt.RowHash {
			return slice, rows[i].Run, nil
		}
		if rows[i].Run == run.ID {
			from = run.ID
		}
	}
	return nil, from, nil
}

// storedSlice is a kept row as a build would hand it on.
func (s *Service) storedSlice(row *KeptRow, of *score.Score) *features.Slice {
	slice := &features.Slice{
		Frame:  &frame.Frame{Accounts: []frame.AccountID{of.Account}, Cutoffs: []frame.Cutoff{of.Receipt.Cutoff}},
		Status: []features.Eligibility{row.Status}, FirstPurchase: []int64{row.FirstPurchase}, LastPurchase: []int64{row.LastPurchase},
	}
	for _, f := range s.catalogue() {
		v, ok := row.Values[f.Name]
		if !ok {
			v = math.NaN()
		}
		slice.Frame.Columns = append(slice.Frame.Columns, frame.Column{Meta: f.Meta, Kind: frame.Number, Numbers: []float64{v}})
	}
	return slice
}

// replayed returns the run whose score is to be replayed.
func (s *Service) replayed(ctx context.Context, r ReplayRequest) (run Run, err error) {
	switch {
	case r.Run != "":
		run, err = s.Runs.Run(ctx, r.Run)
	case r.Groups:
		run, err = s.latestGroups(ctx)
	default:
		run, err = s.latest(ctx)
	}
	if err == nil && run.Kind != KindScores {
		err = fmt.Errorf("run %q holds %ss, no scores: %w", run.ID, run.Kind, ErrInvalid)
	}
	return run, err
}

// again scores the account, or the group, by the receipt; nil when the facts don't
// know it.
func (s *Service) again(ctx context.Context, account frame.AccountID, receipt score.Receipt, group bool) (*score.Score, error) {
	m, err := s.model(ctx, receipt.Model)
	if err != nil {
		return nil, err
	}
	k := s.scorer(m, receipt.Cutoff, receipt.KnownAt, receipt.Watermark)
	var found *score.Score
	request := k.request([]frame.AccountID{account})
	request.Groups = group
	if err := k.stand(ctx, request); err != nil {
		return nil, err
	}
	_, err = s.Facts.Build(ctx, request, func(sl *features.Slice) error {
		part, err := k.scores(sl, 0, sl.Frame.Rows())
		for i := range part {
			if part[i].Account == account {
				found = &part[i]
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// today is what the replayed side would be computed with.
func (s *Service) today(receipt score.Receipt) ReplayedSide {
	receipt.RowHash, receipt.ConfigHash, receipt.Engine = "", s.Settings.Hash(), s.Facts.Describe()
	return side(&score.Score{Receipt: receipt, Margin: math.NaN(), Probability: math.NaN()})
}

func side(sc *score.Score) ReplayedSide {
	r := &sc.Receipt
	return ReplayedSide{
		Model: r.Model, Engine: r.Engine, DefinitionsHash: r.DefinitionsHash, ConfigHash: r.ConfigHash, RowHash: r.RowHash,
		Cutoff: r.Cutoff.String(), KnownAt: r.KnownAt.String(), Watermark: r.Watermark,
		Margin: model.Figure(sc.Margin), Probability: model.Figure(sc.Probability), Unscorable: sc.Unscorable,
	}
}

// compare gives the verdict.
func (r *ReplayResult) compare(then, now *score.Score) {
	other := then.Receipt.Engine != now.Receipt.Engine
	delta := now.Margin - then.Margin
	r.MarginDelta = model.Figure(delta)
	sameRow := then.Receipt.RowHash == now.Receipt.RowHash
	sameMargin := math.Float64bits(then.Margin) == math.Float64bits(now.Margin) || then.Unscorable != "" && now.Unscorable == then.Unscorable
	var differs []string
	switch {
	case then.Unscorable != now.Unscorable:
		differs = append(differs, fmt.Sprintf("it was %s and is %s", standing(then), standing(now)))
	case other && !sameMargin:
		// NaN is never within.
		if within := math.Abs(delta) <= otherEngineTolerance; !within {
			differs = append(differs, fmt.Sprintf("the margin differs by %g, more than another engine version explains", delta))
		}
	case !other:
		if !sameRow {
			differs = append(differs, "the account's features differ")
		}
		if !sameMargin {
			differs = append(differs, fmt.Sprintf("the margin differs by %g", delta))
		}
	}
	r.Same = len(differs) == 0
	switch {
	case !r.Same:
		r.Why = strings.Join(differs, "; ")
	case other:
		r.Why = fmt.Sprintf("the margin agrees to 1e-9 on another engine version (%s, then %s)", now.Receipt.Engine, then.Receipt.Engine)
	case then.Unscorable != "":
		r.Why = "the same features and the same reason for no score"
	default:
		r.Why = "the same features and the same margin, to the bit"
	}
	if then.Receipt.ConfigHash != now.Receipt.ConfigHash {
		r.Why += "; the settings that change numbers are others than then"
	}
}

func standing(sc *score.Score) string {
	if sc.Unscorable == "" {
		return "scored"
	}
	return sc.Unscorable
}
