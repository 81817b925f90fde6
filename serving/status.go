package serving

import (
	"context"
	"errors"
	"fmt"
)

// recentLoads is how many loads the status shows.
const recentLoads = 20

// ListRuns lists the committed runs, newest first.
func (s *Service) ListRuns(ctx context.Context, r RunsRequest) (RunsResult, error) {
	limit, err := page(r.Limit)
	if err != nil {
		return RunsResult{}, err
	}
	runs, err := s.Runs.List(ctx, limit)
	if err != nil {
		return RunsResult{}, fmt.Errorf("list the runs: %w", err)
	}
	if runs == nil {
		runs = []Run{}
	}
	return RunsResult{Runs: runs}, nil
}

// Status says what the warehouse holds, which model is live and what is
// published. An empty warehouse has a status too.
func (s *Service) Status(ctx context.Context, _ StatusRequest) (StatusResult, error) {
	result := StatusResult{Engine: s.Facts.Describe()}
	var err error
	if result.Watermark, err = s.Facts.Watermark(ctx); err != nil {
		return StatusResult{}, fmt.Errorf("ask for the newest load: %w", err)
	}
	if result.Loads, err = s.Loads.Loads(ctx, recentLoads); err != nil {
		return StatusResult{}, fmt.Errorf("list the loads: %w", err)
	}
	if result.Live, err = s.live(ctx); err != nil {
		return StatusResult{}, err
	}
	switch run, err := s.Runs.Latest(ctx); {
	case err == nil:
		result.Run = &run
	case !errors.Is(err, ErrUnavailable):
		return StatusResult{}, fmt.Errorf("ask what is published: %w", err)
	}
	c, err := s.calendar(ctx)
	switch {
	case errors.Is(err, ErrUnavailable) && c == nil:
		// An empty warehouse, or one that does not answer; the questions above tell them apart.
		return result, nil
	case err != nil:
		return StatusResult{}, err
	}
	result.Orders, result.DataThrough = c.span, c.text(c.through)
	proposal, err := s.Facts.ProposeHorizon(ctx, c.through, c.Known(c.through), c.watermark, c.Zone)
	if err != nil {
		return StatusResult{}, err
	}
	result.ProposedHorizonDays = proposal.HorizonDays
	return result, nil
}
