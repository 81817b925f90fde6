package serving

import (
	"encoding/json"

	"fealty/features"
	"fealty/model"
)

// The operations: the verbs that need the warehouse, with what is asked and
// answered. Cutoffs are texts as on the command line: a date means the end of
// that day in the business time zone (frame.ParseCutoff).
const (
	OpImport    = "import"
	OpCheck     = "data.check"
	OpBuild     = "features.build"
	OpCheckOwn  = "features.check"
	OpTrain     = "train"
	OpEvaluate  = "evaluate"
	OpBacktest  = "backtest"
	OpHindsight = "hindsight"
	OpScore     = "score"
	OpReplay    = "replay"
	OpRuns      = "runs"
	OpModels    = "models"
	OpPromote   = "promote"
	OpStatus    = "status"
)

// ImportRequest says how the call's files become rows of a table. The fields
// from Map to Round are those of files.Options.
type ImportRequest struct {
	Table      string   `json:"table"`
	Source     string   `json:"source,omitempty"`
	Map        []string `json:"map,omitempty"`
	Where      []string `json:"where,omitempty"`
	Null       []string `json:"null,omitempty"`
	NullTokens []string `json:"null_tokens,omitempty"`
	Format     string   `json:"format,omitempty"`
	// Delimiter is one byte, "" for the format's own.
	Delimiter    string   `json:"delimiter,omitempty"`
	NoQuotes     bool     `json:"no_quotes,omitempty"`
	Columns      []string `json:"columns,omitempty"`
	Zone         string   `json:"zone,omitempty"`
	DecimalComma bool     `json:"decimal_comma,omitempty"`
	Round        bool     `json:"round,omitempty"`
	// Quarantine names an output for bad rows; "" means that the first bad row is
	// an error, "-" that bad rows are only counted.
	Quarantine string `json:"quarantine,omitempty"`
	// Correct declares that known keys with other values are corrections.
	Correct bool `json:"correct,omitempty"`
	// Sizes are the files' bytes in the order of the call's files, 0 when unknown; for progress.
	Sizes []int64 `json:"sizes,omitempty"`
}

// ImportResult is what was read and what was loaded.
type ImportResult struct {
	Load features.LoadReport `json:"load"`
	// Read is the report of the reader: records, what was skipped and why.
	Read json.RawMessage `json:"read"`
}

// BuildRequest asks for features as of cutoffs.
type BuildRequest struct {
	Cutoffs []string `json:"cutoffs"`
	// Groups builds groups instead of their branches (features.Request), into a file.
	Groups bool `json:"groups,omitempty"`
	// Model appends the columns that this model derives; with "" there are none. It
	// needs a file, since a feature run is of the catalogue.
	Model string `json:"model,omitempty"`
	// Output names a file of Format (parquet or csv); with "" a committed feature
	// run is written.
	Output string `json:"output,omitempty"`
	Format string `json:"format,omitempty"`
}

// BuildResult tells what was built.
type BuildResult struct {
	// Run is the committed run, nil when a file was written.
	Run             *Run                `json:"run,omitempty"`
	Rows            int                 `json:"rows"`
	Accounts        int                 `json:"accounts"`
	Features        int                 `json:"features"`
	Status          map[string]int      `json:"status"`
	Coverage        []features.Coverage `json:"coverage"`
	DefinitionsHash string              `json:"definitions_hash"`
}

// TrainRequest asks for a model. Without cutoffs they are chosen as
// definitions say: month ends, the newest with a final label is the test.
type TrainRequest struct {
	Cutoffs    []string `json:"cutoffs,omitempty"`
	TestCutoff string   `json:"test_cutoff,omitempty"`
	// Refit fits the chosen rung again on all cutoffs, the test's included.
	Refit bool `json:"refit,omitempty"`
	// Rung is the highest rung to try, "" for all.
	Rung string `json:"rung,omitempty"`
	// NoPromote leaves the live alias alone whatever the grade.
	NoPromote bool `json:"no_promote,omitempty"`
}

// TrainResult is the trained model and whether it went live.
type TrainResult struct {
	Model string     `json:"model"`
	Card  model.Card `json:"card"`
	Live  bool       `json:"live"`
	// Why says why it went live or not.
	Why string `json:"why"`
}

// EvaluateRequest asks how good a model is at a cutoff; "" means the live
// model, and the newest cutoff with a final label.
type EvaluateRequest struct {
	Model  string `json:"model,omitempty"`
	Cutoff string `json:"cutoff,omitempty"`
}

// EvaluateResult is the report.
type EvaluateResult struct {
	Model  string       `json:"model"`
	Cutoff string       `json:"cutoff"`
	Report model.Report `json:"report"`
	// Trained is set when the model saw this cutoff in training, so that the
	// figures are too kind.
	Trained bool `json:"trained"`
	// Decision says what contacts would have earned.
	Decision *model.DecisionCard `json:"decision"`
}

// BacktestRequest asks for train-and-test at many cutoffs.
type BacktestRequest struct {
	// Cutoffs are the test cutoffs; empty means the last Last month ends (default 3).
	Cutoffs []string `json:"cutoffs,omitempty"`
	Last    int      `json:"last,omitempty"`
	// Train restricts the training cutoffs: those of the list whose windows end by
	// a test cutoff are used; empty means earlier month ends.
	Train []string `json:"train,omitempty"`
	// Challengers shows golearn's learners beside the rungs; they are slow.
	Challengers bool `json:"challengers,omitempty"`
}

// BacktestRow is one rung, or one challenger, at one test cutoff.
type BacktestRow struct {
	Cutoff string `json:"cutoff"`
	Rung   string `json:"rung"`
	// Served marks the rung that the ladder chose.
	Served bool `json:"served"`
	// Challenger marks a learner that is no rung and never serves.
	Challenger   bool          `json:"challenger,omitempty"`
	TrainCutoffs int           `json:"train_cutoffs"`
	Rows         int           `json:"rows"`
	BaseRate     model.Figure  `json:"base_rate"`
	Grade        string        `json:"grade,omitempty"`
	Quality      model.Quality `json:"quality"`
	// Settings are what the rung was fitted with, a sample of the rows among them;
	// Seconds how long fitting it once on the training rows took here.
	Settings string       `json:"settings,omitempty"`
	Seconds  model.Figure `json:"seconds"`
}

// BacktestResult is a table of rungs by cutoffs.
type BacktestResult struct {
	Rows []BacktestRow `json:"rows"`
	// Wallet says what the columns of the estimated wallet add at each cutoff; empty
	// where they are off.
	Wallet []BacktestTrial `json:"wallet_features,omitempty"`
	// CrossSell says what those by category add to what is bought next; empty where they
	// are off.
	CrossSell []BacktestNext `json:"wallet_features_crosssell,omitempty"`
}

// BacktestNext is what the columns of the estimated wallet add, at a cutoff, to the
// probabilities of what is bought next by category, learnt at an earlier one.
type BacktestNext struct {
	Cutoff string `json:"cutoff"`
	Taught string `json:"taught"`
	model.WalletTrial
}

// BacktestTrial is what some columns add at a cutoff.
type BacktestTrial struct {
	Cutoff string `json:"cutoff"`
	model.ColumnTrial
}

// ScoreRequest asks for a published run.
type ScoreRequest struct {
	// Cutoff "" means data_through.
	Cutoff string `json:"cutoff,omitempty"`
	// Model "" means the live one.
	Model string `json:"model,omitempty"`
	// Backfill publishes a run that never becomes the latest.
	Backfill bool `json:"backfill,omitempty"`
	// Groups scores groups instead of their branches (features.Request); such a run
	// never becomes the latest either: it is asked for with groups.
	Groups bool `json:"groups,omitempty"`
	// KeepFeatures is the rule by which the run keeps the features that it was made of:
	// KeepAuto (also when ""), KeepAlways or KeepNever.
	KeepFeatures string `json:"keep_features,omitempty"`
}

// ScoreResult tells what was published.
type ScoreResult struct {
	Run Run `json:"run"`
	// Bands and Unscorable count accounts.
	Bands      map[string]int `json:"bands"`
	Unscorable map[string]int `json:"unscorable"`
	Stages     map[string]int `json:"stages"`
	// ValueAtRisk is the sum over scored accounts, base currency.
	ValueAtRisk model.Figure `json:"value_at_risk"`
	// Stray says which settings of loyalty name what is not there.
	Stray []Note `json:"stray,omitempty"`
	// Together says how many products and categories stand in the closed form of what
	// goes together, and how many are answered by likeness to one, with the memory taken.
	Together []Note `json:"together,omitempty"`
}

// ReplayRequest asks to prove the score of an account; Run "" means the
// published one.
type ReplayRequest struct {
	Account string `json:"account"`
	Run     string `json:"run,omitempty"`
	// Groups means the newest run of groups when Run is "".
	Groups bool `json:"groups,omitempty"`
	// Worth tells anew what the account is worth, too; that takes all accounts.
	Worth bool `json:"worth,omitempty"`
}

// ReplayResult compares what was published with what is computed again.
type ReplayResult struct {
	Account string `json:"account"`
	Run     string `json:"run"`
	// Same is the verdict; Why says what differs or why it can't be told.
	Same bool   `json:"same"`
	Why  string `json:"why"`
	// Replayable is false when the facts can't be read as they were, for want of a
	// recording time or because they were changed, and no features were kept that are the
	// receipt's or that another release could tell to be.
	Replayable bool `json:"replayable"`
	// From is FromFacts, or FromStored: replayed from stored features only, which lie in
	// the run Kept; "" when nothing was computed.
	From        string       `json:"from,omitempty"`
	Kept        string       `json:"kept,omitempty"`
	Published   ReplayedSide `json:"published"`
	Replayed    ReplayedSide `json:"replayed"`
	MarginDelta model.Figure `json:"margin_delta"`
	// Worth is nil unless it was asked for.
	Worth *WorthReplay `json:"worth,omitempty"`
}

// WorthReplay compares what a run tells of an account's worth with what its model tells
// anew, as of the same cutoff and known_at.
type WorthReplay struct {
	// Same is the verdict, Why says what differs or why it can't be told, Replayable is
	// false when it can't.
	Same       bool   `json:"same"`
	Why        string `json:"why"`
	Replayable bool   `json:"replayable"`
	// WhyZH says in Chinese why it can't be told, and EN and ZH the way out; empty where it
	// was told.
	WhyZH string `json:"why_zh,omitempty"`
	EN    string `json:"way_out_en,omitempty"`
	ZH    string `json:"way_out_zh,omitempty"`
	// Lifetime is the verdict on its lifetime alone, where that was told from stored
	// features though the rest can't be: LifetimeSame or LifetimeDiffers, else "". Kept is
	// the run that the features lie in.
	Lifetime string `json:"lifetime,omitempty"`
	Kept     string `json:"kept,omitempty"`
	// Differs are the fields that differ.
	Differs []WorthDifference `json:"differs,omitempty"`
	// PublishedDefinitions and ReplayedDefinitions are the worth_definitions_hash of the run,
	// "" in runs from before, and of this release, also where nothing was told anew.
	// Published and Replayed are the worth_hash, "" in runs from before and where nothing was
	// told anew.
	PublishedDefinitions string `json:"published_worth_definitions_hash,omitempty"`
	ReplayedDefinitions  string `json:"replayed_worth_definitions_hash,omitempty"`
	Published            string `json:"published_worth_hash,omitempty"`
	Replayed             string `json:"replayed_worth_hash,omitempty"`
}

// The verdicts on a lifetime that was told from stored features.
const (
	LifetimeSame    = "same"
	LifetimeDiffers = "differs"
)

// WorthDifference is one field with its two values.
type WorthDifference struct {
	Field     string `json:"field"`
	Published string `json:"published"`
	Replayed  string `json:"replayed"`
}

// ReplayedSide is one side of a replay.
type ReplayedSide struct {
	Model           string       `json:"model"`
	Engine          string       `json:"engine"`
	DefinitionsHash string       `json:"definitions_hash"`
	ConfigHash      string       `json:"config_hash"`
	RowHash         string       `json:"row_hash"`
	Cutoff          string       `json:"cutoff"`
	KnownAt         string       `json:"known_at"`
	Watermark       uint64       `json:"watermark"`
	Margin          model.Figure `json:"margin"`
	Probability     model.Figure `json:"probability"`
	Unscorable      string       `json:"unscorable,omitempty"`
}

// RunsRequest asks for the committed runs, newest first.
type RunsRequest struct {
	Limit int `json:"limit,omitempty"`
}

// RunsResult lists runs.
type RunsResult struct {
	Runs []Run `json:"runs"`
}

// ModelsRequest asks for the registered models, newest first; with Version for
// that one only.
type ModelsRequest struct {
	Version string `json:"version,omitempty"`
	Limit   int    `json:"limit,omitempty"`
}

// ModelRow is one registered model.
type ModelRow struct {
	Version   string          `json:"version"`
	Grade     string          `json:"grade"`
	CreatedAt string          `json:"created_at"`
	Live      bool            `json:"live"`
	Card      json.RawMessage `json:"card,omitempty"`
}

// ModelsResult lists models.
type ModelsResult struct {
	Models []ModelRow `json:"models"`
}

// PromoteRequest makes a version the live one.
type PromoteRequest struct {
	Version string `json:"version"`
}

// PromoteResult tells what was live before.
type PromoteResult struct {
	Version  string `json:"version"`
	Previous string `json:"previous"`
}

// StatusRequest asks what the warehouse holds.
type StatusRequest struct{}

// StatusResult is the state of the main job.
type StatusResult struct {
	Engine      string          `json:"engine"`
	Watermark   uint64          `json:"watermark"`
	Orders      features.Span   `json:"orders"`
	DataThrough string          `json:"data_through"`
	Loads       []features.Load `json:"loads"`
	Live        string          `json:"live_model"`
	Run         *Run            `json:"run,omitempty"`
	// ProposedHorizonDays is what the rhythm of the accounts proposes, 0 without data.
	ProposedHorizonDays int `json:"proposed_horizon_days"`
}
