package serving

import (
	"context"
	"encoding/json"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model/score"
)

// Facts is what the use cases ask of the warehouse: features, labels and what
// is in it.
type Facts interface {
	Builds
	Labels
	Whereabouts
	Provenance
	Holdings
	Shelf
	Wallets
	Assessments
	Ledger
}

// Builds are the features of accounts, and what is known of the warehouse.
type Builds interface {
	// Describe returns the engine's kind and version, such as "chdb 26.7.3.1".
	Describe() string
	Build(ctx context.Context, r features.Request, each func(*features.Slice) error) (*features.BuildReport, error)
	Measure(ctx context.Context, r features.Request) ([]features.Coverage, error)
	Population(ctx context.Context, r features.Request) ([]features.Person, error)
	Extent(ctx context.Context, watermark uint64) (features.Span, error)
	ProposeHorizon(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, zone string) (features.Proposal, error)
	// Definitions fingerprints the catalogue with its SQL.
	Definitions(catalogue []features.Feature) (string, error)
	// WorthDefinitions fingerprints the SQL that worth is told of beside the features.
	WorthDefinitions() string
	// Watermark is the greatest committed load, 0 when there is none.
	Watermark(ctx context.Context) (uint64, error)
	// Profiles returns the attributes of the accounts as known at the cutoff, in
	// bytewise order of account, block by block; no names means all accounts.
	Profiles(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, accounts []frame.AccountID, each func([]features.Profile) error) error
}

// Labels says what came after the cutoffs of a slice's rows.
type Labels interface {
	Outcomes(ctx context.Context, r features.LabelRequest, s *features.Slice) (*features.Outcome, error)
	// OutcomesOf answers several requests together, which may differ in their slices,
	// horizons, Through and KnownAt.
	OutcomesOf(ctx context.Context, asks []features.LabelAsk) ([]*features.Outcome, error)
	// Categories returns what the accounts bought category by category, before and after.
	Categories(ctx context.Context, r features.CategoryRequest, s *features.Slice) ([]features.CategoryHistory, error)
}

// Loads takes rows into the warehouse, a file at a time, whole or not at all.
type Loads interface {
	// Load writes the rows under a fresh load and commits it. Content already
	// loaded changes nothing and says so. A known key with other values wraps
	// features.ErrKnown unless Correct is set.
	Load(ctx context.Context, r features.LoadRequest, rows features.Rows, report func(rows int64)) (features.LoadReport, error)
	// Loads lists the committed loads, newest first, at most limit.
	Loads(ctx context.Context, limit int) ([]features.Load, error)
}

// The kinds and purposes of runs.
const (
	KindScores   = "score"
	KindFeatures = "features"

	PurposeLive     = "live"
	PurposeBackfill = "backfill"
	// PurposeGroups is a run over groups in place of their branches.
	PurposeGroups = "groups"
)

// Run is a set of rows that was written whole and then committed.
type Run struct {
	// ID names the run for ever.
	ID string `json:"run"`
	// Kind is KindScores or KindFeatures, Purpose PurposeLive, PurposeBackfill or
	// PurposeGroups: only a live one becomes the latest.
	Kind            string        `json:"kind"`
	Purpose         string        `json:"purpose"`
	Cutoff          frame.Cutoff  `json:"cutoff"`
	KnownAt         frame.KnownAt `json:"known_at"`
	Watermark       uint64        `json:"watermark"`
	DefinitionsHash string        `json:"definitions_hash"`
	ConfigHash      string        `json:"config_hash"`
	Engine          string        `json:"engine"`
	// Model, Rung, Grade, HorizonDays, Currency and MarginRate are those of the
	// scores; empty for features.
	Model       string  `json:"model,omitempty"`
	Rung        string  `json:"rung,omitempty"`
	Grade       string  `json:"grade,omitempty"`
	HorizonDays int     `json:"horizon_days,omitempty"`
	Currency    string  `json:"currency,omitempty"`
	MarginRate  float64 `json:"margin_rate,omitempty"`
	// DataThrough is the end of the last complete business day of the facts.
	DataThrough frame.Cutoff `json:"data_through"`
	// Fingerprints are what each mapped source held of what was known at KnownAt; none
	// in runs from before they were kept.
	Fingerprints features.Fingerprints `json:"fingerprints,omitempty"`
	// WorthDefinitions fingerprints what worth is told of beside the features; "" where
	// nothing is told of it, and in runs from before.
	WorthDefinitions string `json:"worth_definitions_hash,omitempty"`
	// KeptFeatures counts the rows of features that a run of scores keeps under its own
	// name, for replay; 0 when it keeps none. The commit fills it in.
	KeptFeatures int64 `json:"kept_features,omitempty"`
	// Rows, Commit and CommittedAt are filled in by the commit: Commit counts the
	// commits of a warehouse upwards.
	Rows        int64     `json:"rows"`
	Commit      uint64    `json:"commit"`
	CommittedAt time.Time `json:"committed_at"`
}

// Receipt is what the receipts of a run's scores share.
func (r *Run) Receipt() score.Receipt {
	return score.Receipt{
		Model: r.Model, DefinitionsHash: r.DefinitionsHash, Cutoff: r.Cutoff, KnownAt: r.KnownAt,
		Watermark: r.Watermark, ConfigHash: r.ConfigHash, Engine: r.Engine, WorthDefinitions: r.WorthDefinitions,
	}
}

// Batch is a part of a run of scores.
type Batch struct {
	Scores []score.Score
	// Features are those that the scores were made of, where the run keeps them, in the
	// order of the scores; accounts may be left out.
	Features *features.Slice
}

// KeptRow is an account's features as a run keeps them.
type KeptRow struct {
	Run    string
	Status features.Eligibility
	// FirstPurchase and LastPurchase are Unix seconds, 0 when there was none.
	FirstPurchase, LastPurchase int64
	// Values are by feature, NaN where missing.
	Values map[string]float64
}

// RunRows reads what lies in committed runs.
type RunRows interface {
	// Scores reads a run in bytewise order of account; no names means all.
	// Receipts are whole: what they share with the run is filled in.
	Scores(ctx context.Context, r Run, accounts []frame.AccountID, each func([]score.Score) error) error
	// Kept reads the features of an account as of a run's cutoff that the run keeps or
	// committed runs of features of the same definitions do: the run's own first, then
	// the newest, not more than a few. Whether they are those of a receipt its hash says.
	Kept(ctx context.Context, r Run, account frame.AccountID) ([]KeptRow, error)
	// Worths reads what the accounts of a run are worth, in bytewise order of
	// account; no names means all, and a run may tell nothing.
	Worths(ctx context.Context, r Run, accounts []frame.AccountID, each func([]score.Worth) error) error
	// Briefs reads what lists show of the worths of a run, in bytewise order of
	// account, as Worths does.
	Briefs(ctx context.Context, r Run, each func([]Brief) error) error
	// Wallets reads the wallets of the accounts of a run, all categories together, in
	// bytewise order of account, as Worths does.
	Wallets(ctx context.Context, r Run, each func([]AccountWallet) error) error
}

// Runs keeps runs in the warehouse. A run is visible whole or not at all.
type Runs interface {
	RunRows
	// PublishScores writes the batches that next returns (io.EOF after the last)
	// under a fresh run, verifies their number and checksum, and commits it. On any
	// error nothing is visible. ID, Rows, Commit and CommittedAt are filled in.
	PublishScores(ctx context.Context, r Run, next func() (Batch, error)) (Run, error)
	// PublishFeatures does the same for slices of features.
	PublishFeatures(ctx context.Context, r Run, next func() (*features.Slice, error)) (Run, error)
	// Latest returns the published run: the committed live score run with the
	// greatest (cutoff, commit). ErrUnavailable when nothing is published.
	Latest(ctx context.Context) (Run, error)
	// Newest returns the committed score run of a purpose with the greatest (cutoff,
	// commit) below a cutoff, ErrNotFound when there is none.
	Newest(ctx context.Context, purpose string, below frame.Cutoff) (Run, error)
	// Run returns a committed run by its id, ErrNotFound otherwise.
	Run(ctx context.Context, id string) (Run, error)
	// List returns the committed runs, newest commit first.
	List(ctx context.Context, limit int) ([]Run, error)
	// Drop removes a run; readers that hold it keep what they hold.
	Drop(ctx context.Context, id string) error
}

// RegisteredModel is what is registered of a model bundle.
type RegisteredModel struct {
	// Version names the bundle for ever: 1 to 100 of A-Z a-z 0-9 . _ -, beginning
	// with a letter or digit.
	Version string
	// Kind says what the model predicts ("churn"), Grade how good it was found (A, B, C).
	Kind, Grade string
	// Card is the model's card as JSON.
	Card json.RawMessage

	// What follows is filled in by SaveModel.

	// CreatedAt is UTC, to the second.
	CreatedAt time.Time
	// File is the bundle's name in the bucket, SHA256 its hash in hexadecimal, Bytes its size.
	File, SHA256 string
	Bytes        int64
}

// LiveAlias is the alias of the model that scores.
const LiveAlias = "live"

// Registry keeps model bundles and says which one is live. It is implemented
// by store.State.
type Registry interface {
	SaveModel(ctx context.Context, m RegisteredModel, bundle []byte) (RegisteredModel, error)
	LoadModel(ctx context.Context, version string) ([]byte, RegisteredModel, error)
	Models(ctx context.Context, limit, offset int) ([]RegisteredModel, error)
	// Alias returns ErrNotFound when the alias was never set.
	Alias(ctx context.Context, alias string) (string, error)
	SetAlias(ctx context.Context, alias, version string) (previous string, err error)
	SwapAlias(ctx context.Context, alias, from, to string) error
}
