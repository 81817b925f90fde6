package serving

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	defaultPage = 50
	maxPage     = 1000
)

// page bounds how many rows a list has.
func page(limit int) (int, error) {
	if limit < 0 || limit > maxPage {
		return 0, fmt.Errorf("limit %d, need 1 … %d: %w", limit, maxPage, ErrInvalid)
	}
	if limit == 0 {
		return defaultPage, nil
	}
	return limit, nil
}

// live returns the version that is live, "" when none is.
func (s *Service) live(ctx context.Context) (string, error) {
	version, err := s.Registry.Alias(ctx, LiveAlias)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("ask which model is live: %w", err)
	}
	return version, nil
}

// Models lists the registered models, newest first; with a version that one
// alone, with its card.
func (s *Service) Models(ctx context.Context, r ModelsRequest) (ModelsResult, error) {
	limit, err := page(r.Limit)
	if err != nil {
		return ModelsResult{}, err
	}
	live, err := s.live(ctx)
	if err != nil {
		return ModelsResult{}, err
	}
	row := func(m RegisteredModel) ModelRow {
		return ModelRow{Version: m.Version, Grade: m.Grade, CreatedAt: m.CreatedAt.UTC().Format(time.RFC3339), Live: m.Version == live}
	}
	if r.Version != "" {
		_, m, err := s.Registry.LoadModel(ctx, r.Version)
		if err != nil {
			return ModelsResult{}, err
		}
		one := row(m)
		one.Card = m.Card
		return ModelsResult{Models: []ModelRow{one}}, nil
	}
	all, err := s.Registry.Models(ctx, limit, 0)
	if err != nil {
		return ModelsResult{}, fmt.Errorf("list the models: %w", err)
	}
	result := ModelsResult{Models: []ModelRow{}}
	for _, m := range all {
		result.Models = append(result.Models, row(m))
	}
	return result, nil
}

// Promote makes a version the live one, whatever its grade: it is a person's
// decision. The next score run uses it; published scores stay.
func (s *Service) Promote(ctx context.Context, r PromoteRequest) (PromoteResult, error) {
	if r.Version == "" {
		return PromoteResult{}, fmt.Errorf("promote: no version was given: %w", ErrInvalid)
	}
	previous, err := s.Registry.SetAlias(ctx, LiveAlias, r.Version)
	if err != nil {
		return PromoteResult{}, err
	}
	return PromoteResult{Version: r.Version, Previous: previous}, nil
}
