package serving

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/frame"
)

// MaxTrainCutoffs is how many training cutoffs are chosen when none are given.
const MaxTrainCutoffs = 12

// DefaultBacktests is how many test cutoffs a backtest has when none are given.
const DefaultBacktests = 3

// CutoffText writes a cutoff as people give it: the last day before it when it
// is the beginning of a day in the zone, an RFC 3339 instant otherwise.
// frame.ParseCutoff reads it back.
func CutoffText(c frame.Cutoff, zone *time.Location) string {
	t := c.Time().In(zone)
	if t.Hour() != 0 || t.Minute() != 0 || t.Second() != 0 {
		return c.String()
	}
	day := time.Date(t.Year(), t.Month(), t.Day()-1, 0, 0, 0, 0, zone).Format(time.DateOnly)
	if back, err := frame.ParseCutoff(day, zone); err != nil || back != c {
		return c.String() // a zone that skipped or repeated the day
	}
	return day
}

// calendar is what the facts say about time: which cutoffs there can be.
type calendar struct {
	Settings
	zone      *time.Location
	watermark uint64
	span      features.Span
	// links are read once for all labels of an operation.
	links []features.Link
	// first is the beginning of the oldest order's business day, through the end
	// of the last complete one.
	first, through frame.Cutoff
}

// calendar asks the facts for their extent. Without any order it is
// ErrUnavailable: there is nothing to be said as of any cutoff.
func (s *Service) calendar(ctx context.Context) (*calendar, error) {
	if err := s.Settings.Validate(); err != nil {
		return nil, err
	}
	c := &calendar{Settings: s.Settings, zone: s.Settings.Location()}
	var err error
	if c.watermark, err = s.Facts.Watermark(ctx); err != nil {
		return nil, fmt.Errorf("ask for the newest load: %w", err)
	}
	if c.span, err = s.Facts.Extent(ctx, c.watermark); err != nil {
		return nil, fmt.Errorf("ask which days the orders cover: %w", err)
	}
	if c.span.Rows == 0 {
		return nil, fmt.Errorf("the warehouse holds no order lines yet; import order_lines or map a source first: %w", ErrUnavailable)
	}
	if c.links, err = s.Facts.Links(ctx, c.watermark); err != nil {
		return nil, fmt.Errorf("ask which accounts are linked: %w", err)
	}
	t := time.Unix(c.span.First, 0).In(c.zone)
	c.first = frame.Cutoff(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, c.zone).Unix())
	c.through = c.lastDay(c.span)
	return c, nil
}

// lastDay is the end of the last complete business day: as set, otherwise the
// beginning of the newest order's day; 0 without orders.
func (s Settings) lastDay(span features.Span) frame.Cutoff {
	if s.DataThrough != 0 {
		return s.DataThrough
	}
	return span.DataThrough(s.Location())
}

// DataThrough returns the end of the last complete business day that the facts
// hold now, 0 without orders.
func (s *Service) DataThrough(ctx context.Context) (frame.Cutoff, error) {
	if s.Settings.DataThrough != 0 {
		return s.Settings.DataThrough, nil
	}
	watermark, err := s.Facts.Watermark(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the newest load: %w", err)
	}
	span, err := s.Facts.Extent(ctx, watermark)
	if err != nil {
		return 0, fmt.Errorf("ask which days the orders cover: %w", err)
	}
	return s.Settings.lastDay(span), nil
}

func (c *calendar) text(at frame.Cutoff) string { return CutoffText(at, c.zone) }

// days says which days there are, for errors.
func (c *calendar) days() string {
	return fmt.Sprintf("the orders cover %s to %s", c.first.Time().In(c.zone).Format(time.DateOnly), c.text(c.through))
}

// windowEnd is the instant at which everything that a label looks at has
// happened; settle_days, which wait for late records, come on top.
func (c *calendar) windowEnd(at frame.Cutoff) frame.Cutoff {
	return c.Label.End(at).Add(-c.Label.SettleDays)
}

// parse reads a cutoff that lies within the data.
func (c *calendar) parse(text string) (frame.Cutoff, error) {
	at, err := frame.ParseCutoff(text, c.zone)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", err, ErrInvalid)
	}
	if at <= c.first || at > c.through {
		return 0, fmt.Errorf("cutoff %s lies outside the data: %s: %w", text, c.days(), ErrInvalid)
	}
	return at, nil
}

// parseAll reads cutoffs into ascending order; one that stands twice is
// refused.
func (c *calendar) parseAll(texts []string) ([]frame.Cutoff, error) {
	all := make([]frame.Cutoff, 0, len(texts))
	for _, text := range texts {
		at, err := c.parse(text)
		if err != nil {
			return nil, err
		}
		if slices.Contains(all, at) {
			return nil, fmt.Errorf("cutoff %s stands twice: %w", text, ErrInvalid)
		}
		all = append(all, at)
	}
	slices.Sort(all)
	return all, nil
}

// final refuses a cutoff whose label is not final.
func (c *calendar) final(at frame.Cutoff) error {
	if c.Label.Final(at, c.through) {
		return nil
	}
	return fmt.Errorf("the label of cutoff %s is not final: %d days of horizon and %d of waiting end only when the data goes through %s, and %s: %w",
		c.text(at), c.Label.HorizonDays, int(int64(c.Label.End(at)-at)/86400)-c.Label.HorizonDays, c.text(c.Label.End(at)), c.days(), ErrInvalid)
}

// covered tells whether the horizon's days of data lie before a cutoff.
func (c *calendar) covered(at frame.Cutoff) bool { return at.Add(-c.Label.HorizonDays) >= c.first }

// history refuses a cutoff that is not covered.
func (c *calendar) history(at frame.Cutoff) error {
	if c.covered(at) {
		return nil
	}
	return fmt.Errorf("cutoff %s has %d days of data before it and needs the horizon's %d: %s: %w",
		c.text(at), int64(at-c.first)/86400, c.Label.HorizonDays, c.days(), ErrInvalid)
}

// monthEnds returns the ends of months within the data, ascending.
func (c *calendar) monthEnds() []frame.Cutoff {
	var ends []frame.Cutoff
	t := c.first.Time().In(c.zone)
	for month := 1; ; month++ {
		at := frame.Cutoff(time.Date(t.Year(), t.Month()+time.Month(month), 1, 0, 0, 0, 0, c.zone).Unix())
		if at > c.through {
			return ends
		}
		ends = append(ends, at)
	}
}

// trainable returns the cutoffs among candidates, at most limit of the newest,
// that may train a model tested at test: their windows end by it, so that
// nothing of the test's future is learnt, and the horizon's days of data lie
// before them.
func (c *calendar) trainable(candidates []frame.Cutoff, test frame.Cutoff, limit int) []frame.Cutoff {
	var train []frame.Cutoff
	for _, at := range candidates {
		if c.windowEnd(at) <= test && c.covered(at) {
			train = append(train, at)
		}
	}
	return train[max(0, len(train)-limit):]
}

// tests returns the month ends with a final label that have something to
// train on, the newest last, at most limit.
func (c *calendar) tests(limit int) ([]frame.Cutoff, error) {
	ends := c.monthEnds()
	var tests []frame.Cutoff
	for _, at := range ends {
		if c.Label.Final(at, c.through) && len(c.trainable(ends, at, 1)) > 0 {
			tests = append(tests, at)
		}
	}
	if len(tests) == 0 {
		need := 2*c.Label.HorizonDays + int(int64(c.Label.End(0))/86400)
		return nil, fmt.Errorf("too little data to train and test: a horizon of %d days needs about %d days of orders with month ends among them, and %s (%d days); wait, choose a shorter horizon_days, or give the cutoffs: %w",
			c.Label.HorizonDays, need, c.days(), int64(c.through-c.first)/86400, ErrInvalid)
	}
	return tests[max(0, len(tests)-limit):], nil
}

// choose returns the training cutoffs, ascending, and the test cutoff of a
// request; what is not given is chosen as definitions say.
func (c *calendar) choose(train []string, test string) ([]frame.Cutoff, frame.Cutoff, error) {
	var at frame.Cutoff
	var err error
	if test != "" {
		if at, err = c.parse(test); err != nil {
			return nil, 0, fmt.Errorf("test: %w", err)
		}
		if err = c.final(at); err != nil {
			return nil, 0, fmt.Errorf("test: %w", err)
		}
	} else {
		tests, err := c.tests(1)
		if err != nil {
			return nil, 0, err
		}
		at = tests[0]
	}
	if len(train) == 0 {
		chosen := c.trainable(c.monthEnds(), at, MaxTrainCutoffs)
		if len(chosen) == 0 {
			return nil, 0, fmt.Errorf("no month end can train a model tested at %s: its window of %d days must end by then and as many days of data lie before it; %s: %w",
				c.text(at), c.Label.HorizonDays, c.days(), ErrInvalid)
		}
		return chosen, at, nil
	}
	given, err := c.parseAll(train)
	if err != nil {
		return nil, 0, err
	}
	var late []string
	for _, g := range given {
		if c.windowEnd(g) > at {
			late = append(late, c.text(g))
			continue
		}
		if err := c.history(g); err != nil {
			return nil, 0, err
		}
	}
	if len(late) > 0 {
		return nil, 0, fmt.Errorf("the windows of training cutoffs %s are not over by the test cutoff %s, so that they would teach what it asks; the last cutoff that could is %s: %w",
			strings.Join(late, ", "), c.text(at), c.text(at-(c.windowEnd(0))), ErrInvalid)
	}
	return given, at, nil
}

// newestFinal returns the newest month end whose label is final.
func (c *calendar) newestFinal() (frame.Cutoff, error) {
	ends := c.monthEnds()
	for _, at := range slices.Backward(ends) {
		if c.Label.Final(at, c.through) {
			return at, nil
		}
	}
	return 0, fmt.Errorf("no month end has a final label of %d days yet; %s: %w", c.Label.HorizonDays, c.days(), ErrInvalid)
}

// backtest is one test cutoff with what trains for it.
type backtest struct {
	train []frame.Cutoff
	test  frame.Cutoff
}

func (c *calendar) backtests(r BacktestRequest) ([]backtest, error) {
	tests, err := c.parseAll(r.Cutoffs)
	if err != nil {
		return nil, err
	}
	last := r.Last
	switch {
	case last < 0 || last > maxPage:
		return nil, fmt.Errorf("last %d, need 1 … %d: %w", last, maxPage, ErrInvalid)
	case last == 0:
		last = DefaultBacktests
	}
	candidates, named := c.monthEnds(), "month ends"
	if len(r.Train) > 0 {
		if candidates, err = c.parseAll(r.Train); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		named = "training cutoffs " + strings.Join(r.Train, ", ")
	}
	if len(tests) == 0 {
		if tests, err = c.tests(last); err != nil {
			return nil, err
		}
	}
	plans := make([]backtest, 0, len(tests))
	for _, at := range tests {
		if err := c.final(at); err != nil {
			return nil, fmt.Errorf("test: %w", err)
		}
		limit := MaxTrainCutoffs
		if len(r.Train) > 0 {
			limit = len(r.Train)
		}
		train := c.trainable(candidates, at, limit)
		if len(train) == 0 {
			return nil, fmt.Errorf("none of the %s can train a model tested at %s: a window of %d days must end by then and as many days of data lie before it; %s: %w",
				named, c.text(at), c.Label.HorizonDays, c.days(), ErrInvalid)
		}
		plans = append(plans, backtest{train, at})
	}
	return plans, nil
}

// request asks for features at cutoffs under these settings.
func (c *calendar) request(cutoffs []frame.Cutoff, catalogue []features.Feature) features.Request {
	known := make([]frame.KnownAt, len(cutoffs))
	for i, at := range cutoffs {
		known[i] = c.Known(at)
	}
	return features.Request{
		Cutoffs: cutoffs, KnownAt: known, Watermark: c.watermark, Zone: c.Zone,
		ActiveWithinDays: c.ActiveWithin(), Cadence: c.Cadence, Catalogue: catalogue,
	}
}
