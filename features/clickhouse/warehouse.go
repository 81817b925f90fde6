package clickhouse

import (
	"context"

	"fealty/features"
	"fealty/features/frame"
)

// Warehouse is an engine with fealty's tables: what the use cases ask for. It
// is safe for concurrent use.
type Warehouse struct{ Engine }

// Describe returns the kind and version of the engine, such as "chdb 26.7.3.1".
func (w Warehouse) Describe() string {
	info := w.Info()
	return info.Kind + " " + info.Version
}

// Build is the package's Build on this warehouse.
func (w Warehouse) Build(ctx context.Context, r features.Request, each func(*features.Slice) error) (*features.BuildReport, error) {
	return Build(ctx, w.Engine, r, each)
}

// Measure is the package's Measure on this warehouse.
func (w Warehouse) Measure(ctx context.Context, r features.Request) ([]features.Coverage, error) {
	return Measure(ctx, w.Engine, r)
}

// Population is the package's Population on this warehouse.
func (w Warehouse) Population(ctx context.Context, r features.Request) ([]features.Person, error) {
	return Population(ctx, w.Engine, r)
}

// Outcomes is the package's Outcomes on this warehouse.
func (w Warehouse) Outcomes(ctx context.Context, r features.LabelRequest, s *features.Slice) (*features.Outcome, error) {
	return Outcomes(ctx, w.Engine, r, s)
}

// OutcomesOf is the package's OutcomesOf on this warehouse.
func (w Warehouse) OutcomesOf(ctx context.Context, asks []features.LabelAsk) ([]*features.Outcome, error) {
	return OutcomesOf(ctx, w.Engine, asks)
}

// Categories is the package's Categories on this warehouse.
func (w Warehouse) Categories(ctx context.Context, r features.CategoryRequest, s *features.Slice) ([]features.CategoryHistory, error) {
	return Categories(ctx, w.Engine, r, s)
}

// Holdings is the package's Holdings on this warehouse.
func (w Warehouse) Holdings(ctx context.Context, r features.HoldingRequest, each func([]features.Holding) error) error {
	return Holdings(ctx, w.Engine, r, each)
}

// Declared is the package's Declared on this warehouse.
func (w Warehouse) Declared(ctx context.Context, r features.Request) ([]features.Declared, error) {
	return Declared(ctx, w.Engine, r)
}

// Assessed is the package's Assessed on this warehouse.
func (w Warehouse) Assessed(ctx context.Context, r features.Request) ([]features.Assessed, error) {
	return Assessed(ctx, w.Engine, r)
}

// Extent is the package's Extent on this warehouse.
func (w Warehouse) Extent(ctx context.Context, watermark uint64) (features.Span, error) {
	return Extent(ctx, w.Engine, watermark)
}

// ProposeHorizon is the package's ProposeHorizon on this warehouse.
func (w Warehouse) ProposeHorizon(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, zone string) (features.Proposal, error) {
	return ProposeHorizon(ctx, w.Engine, cutoff, known, watermark, zone)
}

// Definitions is the package's DefinitionsHash.
func (Warehouse) Definitions(catalogue []features.Feature) (string, error) {
	return DefinitionsHash(catalogue)
}

// WorthDefinitions is the package's WorthDefinitionsHash.
func (Warehouse) WorthDefinitions() string { return WorthDefinitionsHash() }
