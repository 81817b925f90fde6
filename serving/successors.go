package serving

import (
	"context"
	"fmt"
	"time"

	"fealty/features"
	"fealty/features/frame"
	"fealty/model"
)

// OpSuccessors proposes links between accounts.
const OpSuccessors = "data.links"

// DefaultWithinDays is how near a successor's first purchase lies to the last of the
// account that ends.
const DefaultWithinDays = 60

// SuccessionFinder finds accounts that may go on as others. It is implemented by
// clickhouse.Warehouse.
type SuccessionFinder interface {
	Successions(ctx context.Context, cutoff frame.Cutoff, known frame.KnownAt, watermark uint64, withinDays int) ([]features.Succession, error)
}

// SuccessorsRequest asks for links that nobody declared; Cutoff "" means
// data_through, WithinDays 0 the default. Author is who will confirm them, "" for
// a mere look.
type SuccessorsRequest struct {
	Cutoff     string `json:"cutoff,omitempty"`
	WithinDays int    `json:"within_days,omitempty"`
	Author     string `json:"author,omitempty"`
}

// ProposedLink is a link for a person to confirm; its first fields are those of
// account_links. Kind is always renamed: what was bought can't tell a rename from a
// merger, and both make one account of two.
type ProposedLink struct {
	Account string `json:"account"`
	Other   string `json:"other"`
	Kind    string `json:"kind"`
	Since   string `json:"since"`
	// RecordedAt is the instant of the proposal: nobody knew before, so that no
	// cutoff before it may see the link, however long ago it began.
	RecordedAt string   `json:"recorded_at"`
	Author     string   `json:"author,omitempty"`
	Evidence   []string `json:"evidence"`
	// LastOrder of the account, FirstOrder of the other.
	LastOrder  string `json:"last_order"`
	FirstOrder string `json:"first_order"`
	// Overlap is the share of the other's products that the account bought.
	Overlap model.Figure `json:"product_overlap"`
}

// SuccessorsResult lists the proposals, by account.
type SuccessorsResult struct {
	Cutoff     string         `json:"cutoff"`
	WithinDays int            `json:"within_days"`
	Links      []ProposedLink `json:"links"`
}

// Matchmaker proposes links between accounts. Its fields are set once; it is safe
// for concurrent use.
type Matchmaker struct {
	Facts    Facts
	Finder   SuccessionFinder
	Settings Settings
	// Now is the clock, by which proposals are dated.
	Now func() time.Time
}

// Operation returns the proposal as an operation that writes nothing.
func (m Matchmaker) Operation() Operation {
	return operation(OpSuccessors, false, func(ctx context.Context, r SuccessorsRequest, _ Call) (SuccessorsResult, error) {
		return m.Propose(ctx, r)
	})
}

// Propose lists accounts whose purchases stop as those of another begin that
// shares their address, tax number or parent, unless a link names both. Nothing is
// applied: a person confirms a proposal by importing it into account_links.
// ErrInvalid for a cutoff that makes no sense or days outside 1 … 366.
func (m Matchmaker) Propose(ctx context.Context, r SuccessorsRequest) (SuccessorsResult, error) {
	if r.WithinDays == 0 {
		r.WithinDays = DefaultWithinDays
	}
	if r.WithinDays < 1 || r.WithinDays > 366 {
		return SuccessorsResult{}, fmt.Errorf("within %d days: need 1 … 366: %w", r.WithinDays, ErrInvalid)
	}
	c, err := (&Service{Facts: m.Facts, Settings: m.Settings}).calendar(ctx)
	if err != nil {
		return SuccessorsResult{}, err
	}
	at := c.through
	if r.Cutoff != "" {
		if at, err = c.parse(r.Cutoff); err != nil {
			return SuccessorsResult{}, err
		}
	}
	found, err := m.Finder.Successions(ctx, at, frame.KnownAt(int64(at)+int64(c.KnownLag/time.Second)), c.watermark, r.WithinDays)
	if err != nil {
		return SuccessorsResult{}, fmt.Errorf("look for links that nobody declared: %w", err)
	}
	result := SuccessorsResult{Cutoff: c.text(at), WithinDays: r.WithinDays, Links: make([]ProposedLink, len(found))}
	day := func(at int64) string { return time.Unix(at, 0).In(c.zone).Format(time.DateOnly) }
	now := m.Now().UTC().Format(time.RFC3339)
	for i, s := range found {
		result.Links[i] = ProposedLink{
			Account: string(s.From), Other: string(s.To), Kind: features.Renamed, Since: day(s.First), RecordedAt: now, Author: r.Author, Evidence: s.Evidence,
			LastOrder: day(s.Last), FirstOrder: day(s.First), Overlap: model.Figure(s.Overlap),
		}
	}
	return result, nil
}
