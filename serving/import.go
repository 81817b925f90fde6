package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"fealty/features"
	"fealty/features/files"
	"fealty/features/frame"
)

// aheadOfClock is how far an event may lie after the instant of its import: the
// clocks of two machines differ, and a day that has begun where the business is
// may not have begun elsewhere.
const aheadOfClock = 24 * time.Hour

// happened are the tables of what has happened. Contracts may begin, and wallets
// be planned, in the future (data check counts by the same tables).
var happened = []string{"order_lines", "interactions"}

// Import reads the call's files as rows of a table and loads them: whole or
// not at all. Files are one load, read in their order. What was read before
// changes nothing and is answered with the earlier load. A bad row is an
// ErrInvalid naming file, line and column, unless the request names a
// quarantine; an order line or interaction more than a day ahead of the clock is
// one.
func (s *Service) Import(ctx context.Context, r ImportRequest, call Call) (result ImportResult, err error) {
	options, err := s.readOptions(r, call.Files)
	if err != nil {
		return ImportResult{}, err
	}
	switch r.Quarantine {
	case "":
	case "-":
		options.Quarantine = io.Discard
	default:
		if call.Output == nil {
			return ImportResult{}, fmt.Errorf("quarantine %q: the caller takes no files: %w", r.Quarantine, ErrInvalid)
		}
		out, err := call.Output(r.Quarantine)
		if err != nil {
			return ImportResult{}, fmt.Errorf("open the quarantine %q: %w", r.Quarantine, err)
		}
		defer func() {
			if closing := out.Close(); closing != nil && err == nil {
				result, err = ImportResult{}, fmt.Errorf("close the quarantine %q: %w", r.Quarantine, closing)
			}
		}()
		options.Quarantine = out
	}
	reader, err := files.Open(ctx, options)
	if err != nil {
		return ImportResult{}, blame(ctx, err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	rows := &blamed{Rows: reader}
	load := features.LoadRequest{
		Table: r.Table, Source: r.Source, Hash: reader.ContentHash, Correct: r.Correct,
		BaseCurrency: s.Settings.BaseCurrency, Zone: s.Settings.Zone,
	}
	if load.Source == "" {
		load.Source = "import"
	}
	for _, f := range call.Files {
		load.Files = append(load.Files, f.Name)
	}
	result.Load, err = s.Loads.Load(ctx, load, rows, func(taken int64) {
		p := Progress{Stage: "loading " + r.Table, Done: taken, Unit: "rows"}
		// Bytes tell how far it is; rows only how much there was.
		if done, total := reader.Progress(); total > 0 {
			p.Done, p.Total, p.Unit = done, total, "bytes"
		}
		call.Report(p)
	})
	if err != nil {
		if rows.err != nil {
			err = blame(ctx, err)
		}
		return ImportResult{}, err
	}
	if result.Read, err = json.Marshal(reader.Report()); err != nil {
		return ImportResult{}, fmt.Errorf("encode the report of the reader: %w", err)
	}
	return result, nil
}

// readOptions turns a request into the reader's options.
func (s *Service) readOptions(r ImportRequest, given []File) (files.Options, error) {
	if err := s.Settings.Validate(); err != nil {
		return files.Options{}, err
	}
	table, ok := features.Schema(r.Table)
	if !ok {
		var names []string
		for _, known := range features.Schemas() {
			names = append(names, known.Name)
		}
		return files.Options{}, fmt.Errorf("table %q is none of %s: %w", r.Table, strings.Join(names, ", "), ErrInvalid)
	}
	if len(given) == 0 {
		return files.Options{}, fmt.Errorf("import %s: no file was given: %w", r.Table, ErrInvalid)
	}
	zone := s.Settings.Location()
	if r.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(r.Zone); err != nil || r.Zone == "Local" {
			return files.Options{}, fmt.Errorf("zone %q is no IANA time zone: %w", r.Zone, ErrInvalid)
		}
	}
	o := files.Options{
		Table: table, Map: r.Map, Where: r.Where, Null: r.Null, NullTokens: r.NullTokens, NoQuotes: r.NoQuotes,
		Columns: r.Columns, Zone: zone, DecimalComma: r.DecimalComma, Round: r.Round, Format: files.Format(r.Format),
		TempDir: s.TempDir,
	}
	if slices.Contains(happened, table.Name) {
		o.NotAfter = s.now().Add(aheadOfClock)
	}
	switch {
	case r.Delimiter == `\t` || r.Delimiter == "tab":
		o.Delimiter = '\t'
	case len(r.Delimiter) > 1:
		return files.Options{}, fmt.Errorf("delimiter %q is not one byte: %w", r.Delimiter, ErrInvalid)
	case r.Delimiter != "":
		o.Delimiter = r.Delimiter[0]
	}
	for i, f := range given {
		in := files.Input{Name: f.Name, Open: func() (io.ReadCloser, error) { return leaveOpen(f.Reader), nil }}
		if i < len(r.Sizes) {
			in.Size = max(0, r.Sizes[i])
		}
		o.Inputs = append(o.Inputs, in)
	}
	return o, nil
}

// leaveOpen gives a file to a reader that closes what it reads: the file is
// its caller's, who opened it and closes it. A file that can be read in place
// still can.
func leaveOpen(r io.Reader) io.ReadCloser {
	type whole interface {
		io.ReaderAt
		Stat() (fs.FileInfo, error)
	}
	if w, ok := r.(whole); ok {
		return struct {
			io.Reader
			io.Closer
			whole
		}{r, open{}, w}
	}
	return io.NopCloser(r)
}

type open struct{}

func (open) Close() error { return nil }

// blamed remembers the error that its rows ended with, so that a fault of the
// file is told from one of the warehouse.
type blamed struct {
	features.Rows
	err error
}

func (b *blamed) Next(ctx context.Context) (*frame.Table, error) {
	t, err := b.Rows.Next(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return t, err
}

// blame marks an error of reading as the caller's, unless it was only broken off.
func blame(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return refused{err}
}
