package serving

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/derive"
	"fealty/model/score"
)

// The columns that say more of an account than the model needs: its pace, its
// margin and where it stands in its life.
const (
	spendColumn    = "spend_365d"
	marginColumn   = "margin_share_365d"
	tenureColumn   = "tenure_days"
	comebackColumn = "comeback_gap_days"
)

// scorer turns rows of features into scores: all of one model, cutoff and
// known_at. What it takes it is told in steps (stand, rank, previous); between them
// it changes nothing, and several goroutines may use it.
type scorer struct {
	*Service
	*registered
	metas map[string]frame.Meta
	// column is the index of each feature in the slices.
	column map[string]int
	// receipt is what the receipts of all scores share.
	receipt score.Receipt
	// standings are those of the accounts as of the receipt.
	standings map[frame.AccountID]features.Standing
	// previous is the run that changes are measured from; nil when there is none.
	previous *Run
	// rank is what percentiles are taken from.
	rank score.Distribution
}

// scorer makes a scorer of a model, without rank and previous.
func (s *Service) scorer(m *registered, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64) *scorer {
	catalogue := s.catalogue()
	k := &scorer{
		Service: s, registered: m, metas: s.Metas(), column: make(map[string]int, len(catalogue)),
		receipt: score.Receipt{
			Model: m.card.Version, DefinitionsHash: m.card.DefinitionsHash, Cutoff: cutoff, KnownAt: known,
			Watermark: watermark, ConfigHash: s.Settings.Hash(), Engine: s.Facts.Describe(),
		},
	}
	if m.worth != nil {
		k.receipt.WorthDefinitions = s.worthDefinitions()
	}
	for i := range catalogue {
		k.column[catalogue[i].Name] = i
	}
	for j, meta := range slices.Concat(derive.Metas(), derive.WalletMetas()) {
		k.column[meta.Name] = len(catalogue) + j
	}
	return k
}

// request asks for the features of some accounts, all when none is named, as
// the receipt says: a run, a score now and a replay ask alike.
func (k *scorer) request(accounts []frame.AccountID) features.Request {
	return features.Request{
		Cutoffs: []frame.Cutoff{k.receipt.Cutoff}, KnownAt: []frame.KnownAt{k.receipt.KnownAt}, Accounts: accounts,
		Watermark: k.receipt.Watermark, Zone: k.Settings.Zone, ActiveWithinDays: k.Settings.ActiveWithin(), Cadence: k.Settings.Cadence, Catalogue: k.catalogue(),
	}
}

// rows returns rows [from, to) of a slice, sharing memory.
func rows(f *frame.Frame, from, to int) *frame.Frame {
	return &frame.Frame{Table: f.Slice(from, to), Accounts: f.Accounts[from:to], Cutoffs: f.Cutoffs[from:to]}
}

// stand asks how the accounts of a request stand.
func (k *scorer) stand(ctx context.Context, request features.Request) error {
	var err error
	if k.standings, err = k.Facts.Standings(ctx, request, k.card.HorizonDays); err != nil {
		return fmt.Errorf("ask how the accounts stand: %w", err)
	}
	return nil
}

// eligible returns the rows among [from, to) that may be scored: not those that
// asked to be erased.
func (k *scorer) eligible(sl *features.Slice, from, to int) []int {
	var index []int
	for i := from; i < to; i++ {
		if sl.Status[i] == features.Eligible && !k.standings[sl.Frame.Accounts[i]].Erased {
			index = append(index, i)
		}
	}
	return index
}

// margins returns a margin per row of a slice, NaN where it can't be scored.
func (k *scorer) margins(sl *features.Slice) ([]float64, error) {
	out := make([]float64, sl.Frame.Rows())
	for i := range out {
		out[i] = math.NaN()
	}
	for from := 0; from < len(out); from += batchScores {
		index := k.eligible(sl, from, min(from+batchScores, len(out)))
		part := make([]float64, len(index))
		if err := k.Predict(sl.Frame.Take(index), part); err != nil {
			return nil, fmt.Errorf("predict with model %q: %w", k.card.Version, err)
		}
		for j, i := range index {
			out[i] = part[j]
		}
	}
	return out, nil
}

// batchScores is the most rows that are explained at once: 10,000 rows of 80
// contributions are 6.4 MB.
const batchScores = 10_000

// scores returns the scores of rows [from, to) of a slice, without names.
func (k *scorer) scores(sl *features.Slice, from, to int) ([]score.Score, error) {
	out := make([]score.Score, to-from)
	part := rows(sl.Frame, from, to)
	for i := range out {
		nan := math.NaN()
		out[i] = score.Score{
			Account: part.Accounts[i], Margin: nan, Base: nan, Probability: nan, Percentile: nan, ValueAtRisk: nan, RunRate: nan,
			Receipt: k.receipt,
		}
		out[i].Receipt.RowHash = features.RowHash(part, i)
		standing := k.standings[part.Accounts[i]]
		if status := sl.Status[from+i]; standing.Erased {
			out[i].Unscorable = erased
		} else if status != features.Eligible {
			out[i].Unscorable = status.String()
			out[i].Stage = k.stage(part.Accounts[i], status, math.NaN(), math.NaN(), score.None)
		}
	}
	index := k.eligible(sl, from, to)
	if len(index) == 0 {
		return out, nil
	}
	taken, err := k.extend(sl.Frame.Take(index))
	if err != nil {
		return nil, fmt.Errorf("derive the columns of model %q: %w", k.card.Version, err)
	}
	names := k.Features()
	margins, parts := make([]float64, len(index)), make([]float64, len(index)*len(names))
	if err := k.Predict(taken, margins); err != nil {
		return nil, fmt.Errorf("predict with model %q: %w", k.card.Version, err)
	}
	base, err := k.Explain(taken, parts)
	if err != nil {
		return nil, fmt.Errorf("explain with model %q: %w", k.card.Version, err)
	}
	for j, i := range index {
		k.fill(&out[i-from], taken, j, margins[j], base, names, parts[j*len(names):(j+1)*len(names)])
	}
	return out, nil
}

// fill completes the score of row i of a frame of eligible rows.
func (k *scorer) fill(sc *score.Score, f *frame.Frame, i int, margin, base float64, names []string, contributions []float64) {
	value := func(name string) float64 {
		if c, ok := k.column[name]; ok && c < len(f.Columns) {
			return f.Columns[c].Float(i)
		}
		return math.NaN()
	}
	sc.Margin, sc.Base, sc.Probability = margin, base, score.Probability(margin)
	sc.Percentile, sc.Band = k.rank.Percentile(sc.Probability), k.Settings.Bands.Of(sc.Probability)
	sc.Stage = k.stage(sc.Account, features.Eligible, value(tenureColumn), value(comebackColumn), sc.Band)
	sc.RunRate = features.RunRate(value(spendColumn), value(tenureColumn), k.card.HorizonDays)
	sc.ValueAtRisk = sc.Probability * sc.RunRate * k.Settings.marginShare(value(marginColumn))
	sc.Up, sc.Down = score.Reasons(names, contributions, k.metas, value)
}

// stage is where an account stands in its life with us; tenure and the longest silence
// that ended of late are in days.
func (k *scorer) stage(account frame.AccountID, status features.Eligibility, tenure, comeback float64, band score.Band) score.Stage {
	within := k.Settings.ActiveWithin()
	return score.StageOf(score.Life{
		NeverBought: status == features.NeverBought, Lapsed: status == features.Lapsed, Paused: k.standings[account].Paused, TenureDays: tenure,
		// Without a bound nobody lapses, so that nobody is won back.
		WonBack: within > 0 && comeback > float64(within),
	}, band)
}

// marginShare is the share of an account's revenue that counts as margin in value at
// risk: its own of the last 365 days, MarginRate where no cost of those is known. An
// account's older costs do not count here, as they do in values: scores are made
// without a look at the whole history. Whom it concerns has bought nothing of known
// cost for a year, and buys still: where active_within is longer than that or costs
// are no longer told.
func (s Settings) marginShare(own float64) float64 {
	if math.IsNaN(own) {
		return s.MarginRate
	}
	return own
}

// dress gives scores the accounts' attributes as known then, and the change
// since the previous run. The scores' accounts are different from one another. Of
// those that asked to be erased nothing is told.
func (k *scorer) dress(ctx context.Context, scores []score.Score) error {
	at := make(map[frame.AccountID]int, len(scores))
	accounts := make([]frame.AccountID, 0, len(scores))
	for i := range scores {
		if scores[i].Unscorable != erased {
			accounts, at[scores[i].Account] = append(accounts, scores[i].Account), i
		}
	}
	if len(accounts) == 0 {
		return nil // no name would mean everybody
	}
	err := k.Facts.Profiles(ctx, k.receipt.Cutoff, k.receipt.KnownAt, k.receipt.Watermark, accounts, func(profiles []features.Profile) error {
		for p := range profiles {
			if i, ok := at[profiles[p].Account]; ok {
				sc := &scores[i]
				sc.Name, sc.Segment, sc.Region, sc.Manager = profiles[p].Name, profiles[p].Segment, profiles[p].Region, profiles[p].Manager
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask who the accounts are: %w", err)
	}
	if k.previous == nil {
		return nil
	}
	err = k.Runs.Scores(ctx, *k.previous, accounts, func(earlier []score.Score) error {
		for e := range earlier {
			i, ok := at[earlier[e].Account]
			// A difference needs two numbers: whoever could not be scored then or now has none.
			if !ok || math.IsNaN(earlier[e].Probability) || math.IsNaN(scores[i].Probability) {
				continue
			}
			scores[i].Change = &score.Change{
				Probability: scores[i].Probability - earlier[e].Probability, Previous: earlier[e].Receipt.Cutoff,
				ModelChanged: earlier[e].Receipt.Model != k.card.Version,
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the scores of run %q to tell the change: %w", k.previous.ID, err)
	}
	return nil
}

// latest returns the published run.
func (s *Service) latest(ctx context.Context) (Run, error) {
	run, err := s.Runs.Latest(ctx)
	if err != nil {
		return Run{}, fmt.Errorf("ask what is published: %w", err)
	}
	return run, nil
}

// latestGroups returns the newest run of groups.
func (s *Service) latestGroups(ctx context.Context) (Run, error) {
	run, err := s.Runs.Newest(ctx, PurposeGroups, math.MaxInt64)
	if errors.Is(err, ErrNotFound) {
		return Run{}, fmt.Errorf("%w: %w", errNoGroups, ErrUnavailable)
	}
	if err != nil {
		return Run{}, fmt.Errorf("ask for the newest run of groups: %w", err)
	}
	return run, nil
}

// errNoGroups is that there is no run of groups, with the way out.
var errNoGroups = errors.New("no scores of groups are published yet; fealty score --groups publishes them")

// before returns the newest run of a purpose before a cutoff, nil when there is none.
func (s *Service) before(ctx context.Context, purpose string, cutoff frame.Cutoff) (*Run, error) {
	run, err := s.Runs.Newest(ctx, purpose, cutoff)
	switch {
	case err == nil:
		return &run, nil
	case errors.Is(err, ErrNotFound):
		return nil, nil //nolint:nilnil // nothing was published before: the first run has no change to tell
	}
	return nil, fmt.Errorf("ask which %s run was before %s: %w", purpose, cutoff, err)
}
