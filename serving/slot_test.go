package serving

import (
	"context"
	"errors"
	"testing"
)

// The second waits until the first has left, and says so; it gives up with its context.
// Told anew, worth takes the slot and gives it back; published worth needs none.
func TestOneCrowdAtATime(t *testing.T) {
	s, _, run := worthOfThree(t)
	leave, err := s.telling.enter(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waited := ""
	if _, err := s.telling.enter(ctx, func(p Progress) { waited = p.Stage }); !errors.Is(err, context.Canceled) || waited == "" {
		t.Errorf("while another is told: %v, %q", err, waited)
	}
	anew := WorthRequest{Cutoff: "2026-01-14", Model: run.Model}
	for name, ask := range map[string]func(context.Context) error{
		"lifetime": func(ctx context.Context) error {
			_, err := s.worths(ctx, anew, nil, nil)
			return err
		},
		"lifetime alone": func(ctx context.Context) error {
			_, err := s.Lifetimes(ctx, LifetimeRequest{WorthRequest: anew}, nil)
			return err
		},
		"decide": func(ctx context.Context) error {
			_, err := s.Decide(ctx, DecideRequest{Cutoff: anew.Cutoff}, nil)
			return err
		},
		"best": func(ctx context.Context) error {
			_, err := s.Best(ctx, BestRequest{By: "sales"}, nil)
			return err
		},
		"win-back": func(ctx context.Context) error {
			_, err := s.WinBacks(ctx, WorthRequest{}, nil)
			return err
		},
		"preview": func(ctx context.Context) error {
			_, err := s.PreviewLoyalty(ctx, PreviewRequest{Loyalty: s.Settings.Worth.Loyalty}, nil)
			return err
		},
	} {
		if err := ask(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s does not wait: %v", name, err)
		}
	}
	if r, err := s.Decide(t.Context(), DecideRequest{}, nil); err != nil || r.Run != run.ID {
		t.Errorf("the published list waits: %v", err)
	}
	leave()
	// A question that is refused gives it back.
	if _, err := s.Best(t.Context(), BestRequest{By: "sales"}, nil); err == nil {
		t.Error("the best by a model that is not there")
	}
	if leave, err = s.telling.enter(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	leave()
}
