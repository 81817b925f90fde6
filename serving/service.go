package serving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"fealty/features"
)

// Service carries out the use cases over what is plugged into it. Its fields
// are set once, before the first call; its methods are safe for concurrent
// use, provided that of the writing ones only one runs at a time (Operations
// sees to it).
type Service struct {
	Facts    Facts
	Loads    Loads
	Runs     Runs
	Registry Registry
	Settings Settings
	// Sources are the mapped sources that Settings.Sources is the text of.
	Sources []features.MappedSource
	// Catalogue of features; nil means features.Catalogue().
	Catalogue []features.Feature
	// Own are the files of features that a team added to them, and Admission tries
	// them before any is asked; nil when there are none.
	Own       []features.OwnFile
	Admission Admission
	// Now is the clock, for scores as of this instant and for what a file tells of
	// the future; nil means time.Now.
	Now func() time.Time
	// TempDir is the folder where Parquet that can't be read in place waits until
	// it is whole; "" means the system's own.
	TempDir string
	// Published is called after a live run or one of groups was published, so that a
	// desk looks for it at once; it may be nil.
	Published func()

	// telling is the room of what gathers a crowd to answer a question.
	telling slot

	held held
	own  own
}

func (s *Service) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Operations returns the operations of the service, one for each Op… constant
// that it carries out. Requests are decoded strictly: an unknown field is
// ErrInvalid.
func (s *Service) Operations() []Operation {
	return s.admitting(append(append(s.worthOperations(), s.baseOperations()...),
		operation(OpImport, true, func(ctx context.Context, r ImportRequest, call Call) (ImportResult, error) {
			return s.Import(ctx, r, call)
		}),
		operation(OpBuild, true, func(ctx context.Context, r BuildRequest, call Call) (BuildResult, error) {
			return s.Build(ctx, r, call.Output, call.Report)
		}),
		operation(OpTrain, true, func(ctx context.Context, r TrainRequest, call Call) (TrainResult, error) {
			return s.Train(ctx, r, call.Report)
		}),
		operation(OpEvaluate, false, func(ctx context.Context, r EvaluateRequest, call Call) (EvaluateResult, error) {
			return s.Evaluate(ctx, r, call.Report)
		}),
		operation(OpBacktest, false, func(ctx context.Context, r BacktestRequest, call Call) (BacktestResult, error) {
			return s.Backtest(ctx, r, call.Report)
		}),
		operation(OpHindsight, false, func(ctx context.Context, r HindsightRequest, call Call) (HindsightResult, error) {
			return s.Hindsight(ctx, r, call.Report)
		}),
		operation(OpLabelsCompare, false, func(ctx context.Context, r LabelsCompareRequest, call Call) (LabelsCompareResult, error) {
			return s.LabelsCompare(ctx, r, call.Report)
		}),
		operation(OpLabelsCategories, false, func(ctx context.Context, r LabelsCategoriesRequest, call Call) (LabelsCategoriesResult, error) {
			return s.LabelsCategories(ctx, r, call.Report)
		}),
		operation(OpScore, true, func(ctx context.Context, r ScoreRequest, call Call) (ScoreResult, error) {
			return s.Score(ctx, r, call.Report)
		}),
		operation(OpReplay, false, func(ctx context.Context, r ReplayRequest, call Call) (ReplayResult, error) {
			return s.Replay(ctx, r, call.Report)
		}),
		operation(OpRuns, false, func(ctx context.Context, r RunsRequest, _ Call) (RunsResult, error) { return s.ListRuns(ctx, r) }),
		operation(OpModels, false, func(ctx context.Context, r ModelsRequest, _ Call) (ModelsResult, error) { return s.Models(ctx, r) }),
		operation(OpPromote, true, func(ctx context.Context, r PromoteRequest, _ Call) (PromoteResult, error) { return s.Promote(ctx, r) }),
		operation(OpStatus, false, func(ctx context.Context, r StatusRequest, _ Call) (StatusResult, error) { return s.Status(ctx, r) }),
		operation(OpCheckOwn, false, func(ctx context.Context, r CheckOwnRequest, _ Call) (CheckOwnResult, error) {
			return s.CheckOwn(ctx, r)
		}),
	))
}

// operation wraps a use case: JSON in, its result out.
func operation[Request, Result any](name string, writes bool, run func(context.Context, Request, Call) (Result, error)) Operation {
	return Operation{Name: name, Writes: writes, Run: func(ctx context.Context, call Call) (any, error) {
		var r Request
		if err := decode(call.Request, &r); err != nil {
			return nil, err
		}
		if call.Report == nil {
			call.Report = func(Progress) {}
		}
		return run(ctx, r, call)
	}}
}

// decode reads one JSON object and nothing behind it; no bytes are an empty
// request.
func decode(raw json.RawMessage, to any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("read the request: %w: %w", err, ErrInvalid)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the request: something stands behind it: %w", ErrInvalid)
	}
	return nil
}

// refused marks an error of another room as ErrInvalid without a word more:
// its own sentence says what is wrong.
type refused struct{ error }

func (r refused) Unwrap() []error { return []error{r.error, ErrInvalid} }

// stream turns a function that hands parts on into one that is asked for them.
// next returns io.EOF after the last part and the function's own error if it
// failed. stop ends the function and waits for it; it is called once, whatever
// happened.
func stream[T any](ctx context.Context, produce func(ctx context.Context, hand func(T) error) error) (next func() (T, error), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	parts, done := make(chan T), make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		failed = produce(ctx, func(part T) error {
			select {
			case parts <- part:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	next = func() (T, error) {
		var none T
		select {
		case part := <-parts:
			return part, nil
		case <-done:
			if failed != nil {
				return none, failed
			}
			return none, io.EOF
		}
	}
	return next, func() {
		cancel()
		<-done
	}
}
