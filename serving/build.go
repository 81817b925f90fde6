package serving

import (
	"context"
	"fmt"
	"io"
	"slices"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
)

// Build computes the catalogue's features as of the request's cutoffs
// (data_through when there are none), slice by slice, and writes them to the
// output that the request names, or publishes them as a feature run: whole or
// not at all. Memory is bounded by one slice.
func (s *Service) Build(ctx context.Context, r BuildRequest, output func(string) (io.WriteCloser, error), report func(Progress)) (BuildResult, error) {
	c, err := s.calendar(ctx)
	if err != nil {
		return BuildResult{}, err
	}
	if r.Groups && r.Output == "" {
		return BuildResult{}, fmt.Errorf("features of groups are written to a file, and a feature run is of accounts: name an output: %w", ErrInvalid)
	}
	if r.Model != "" && r.Output == "" {
		return BuildResult{}, fmt.Errorf("columns that a model derives are written to a file, and a feature run is of the catalogue: name an output: %w", ErrInvalid)
	}
	cutoffs, err := c.parseAll(r.Cutoffs)
	if err != nil {
		return BuildResult{}, err
	}
	if len(cutoffs) == 0 {
		cutoffs = []frame.Cutoff{c.through}
	}
	catalogue := s.catalogue()
	result := BuildResult{Features: len(catalogue), Status: map[string]int{}}
	if result.DefinitionsHash, err = s.Facts.Definitions(catalogue); err != nil {
		return BuildResult{}, fmt.Errorf("fingerprint the features: %w", err)
	}
	written, widen := catalogue, func(sl *features.Slice) (*features.Slice, error) { return sl, nil }
	if r.Model != "" {
		if written, widen, err = s.widened(ctx, r.Model, catalogue); err != nil {
			return BuildResult{}, err
		}
		result.Features = len(written)
	}
	var built *features.BuildReport
	produce := func(ctx context.Context, hand func(*features.Slice) error) error {
		progress := c.progress("building features", report)
		request := c.request(cutoffs, catalogue)
		request.Groups = r.Groups
		built, err = s.Facts.Build(ctx, request, func(sl *features.Slice) error {
			progress(sl)
			if sl, err = widen(sl); err != nil {
				return err
			}
			return hand(sl)
		})
		return err
	}
	if r.Output == "" {
		newest := cutoffs[len(cutoffs)-1]
		held, err := s.fingerprints(ctx, c.Known(newest))
		if err != nil {
			return BuildResult{}, err
		}
		next, stop := stream(ctx, produce)
		run, err := s.Runs.PublishFeatures(ctx, Run{
			Kind: KindFeatures, Purpose: PurposeLive, Cutoff: newest, KnownAt: c.Known(newest), Fingerprints: held,
			Watermark: c.watermark, DefinitionsHash: result.DefinitionsHash, ConfigHash: c.Hash(), Engine: s.Facts.Describe(),
			DataThrough: c.through,
		}, next)
		stop()
		if err != nil {
			return BuildResult{}, fmt.Errorf("publish features: %w", err)
		}
		result.Run = &run
	} else if err := writeFeatures(ctx, r, output, written, produce); err != nil {
		return BuildResult{}, err
	}
	result.Rows, result.Accounts, result.Coverage = built.Rows, built.Accounts, built.Coverage
	for status, rows := range built.Status {
		result.Status[status.String()] = rows
	}
	return result, nil
}

// widened is the catalogue with the columns that a model derives behind it, and what
// appends them to a slice.
func (s *Service) widened(ctx context.Context, version string, catalogue []features.Feature) ([]features.Feature, func(*features.Slice) (*features.Slice, error), error) {
	m, err := s.model(ctx, version)
	if err != nil {
		return nil, nil, err
	}
	if err := s.fits(m); err != nil {
		return nil, nil, err
	}
	if m.derived == nil {
		return nil, nil, fmt.Errorf("model %q derives no columns; train again: %w", version, ErrConflict)
	}
	all := slices.Clone(catalogue)
	for _, meta := range m.derived.Metas() {
		all = append(all, features.Feature{Meta: meta})
	}
	return all, func(sl *features.Slice) (*features.Slice, error) {
		wide := *sl
		var err error
		wide.Frame, err = m.derived.Extend(sl.Frame)
		return &wide, err
	}, nil
}

// progress reports the accounts of the slices that pass.
func (c *calendar) progress(stage string, report func(Progress)) func(*features.Slice) {
	var accounts int64
	return func(sl *features.Slice) {
		for i, a := range sl.Frame.Accounts {
			if i == 0 || a != sl.Frame.Accounts[i-1] {
				accounts++
			}
		}
		if report != nil {
			// Accounts without an order are known too, so that the total may be passed.
			report(Progress{Stage: stage, Done: accounts, Total: max(accounts, c.span.Accounts), Unit: "accounts"})
		}
	}
}

// writeFeatures streams slices into the file that the request names.
func writeFeatures(ctx context.Context, r BuildRequest, output func(string) (io.WriteCloser, error), catalogue []features.Feature,
	produce func(context.Context, func(*features.Slice) error) error,
) (err error) {
	format := files.Format(r.Format)
	if format == "" {
		format = files.CSV
	}
	if formats := []files.Format{files.CSV, files.TSV, files.JSONLines, files.Parquet}; !slices.Contains(formats, format) {
		return fmt.Errorf("format %q is none of %v: %w", r.Format, formats, ErrInvalid)
	}
	if output == nil {
		return fmt.Errorf("output %q: the caller takes no files: %w", r.Output, ErrInvalid)
	}
	out, err := output(r.Output)
	if err != nil {
		return fmt.Errorf("open the output %q: %w", r.Output, err)
	}
	defer func() {
		if closing := out.Close(); closing != nil && err == nil {
			err = fmt.Errorf("close the output %q: %w", r.Output, closing)
		}
	}()
	w, err := files.NewFrameWriter(format, out, catalogue)
	if err != nil {
		return fmt.Errorf("write the output %q: %w", r.Output, err)
	}
	err = produce(ctx, func(sl *features.Slice) error {
		if err := w.Write(sl); err != nil {
			return fmt.Errorf("write the output %q: %w", r.Output, err)
		}
		return nil
	})
	// Closed after an error too, so that its buffers are let go.
	if closing := w.Close(); closing != nil && err == nil {
		err = fmt.Errorf("write the output %q: %w", r.Output, closing)
	}
	return err
}
