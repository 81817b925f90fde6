package serving

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
)

// Progress is one step of long work, for a progress line.
type Progress struct {
	// Stage names what is being done: "reading", "building features", "fitting".
	Stage string `json:"stage"`
	// Done of Total units; Total 0 means the end isn't known.
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Unit  string `json:"unit,omitempty"`
}

// File is the content of a file of the caller, who opened it.
type File struct {
	Name string
	io.Reader
}

// Call is one operation asked for: its request as JSON and the streams that
// belong to it. Operations see names and bytes of files, never paths.
type Call struct {
	Operation string
	Request   json.RawMessage
	// Settings are the caller's settings that change numbers, by key; an operation
	// run by another process refuses settings that differ from its own.
	Settings map[string]string
	Files    []File
	// Output opens a file to be written on the caller's side, by the name that the request gave.
	Output func(name string) (io.WriteCloser, error)
	// Report receives progress; never nil when run by Operations.
	Report func(Progress)
}

// Operation is one verb of the service that needs the warehouse. The result is
// encoded as JSON for the caller.
type Operation struct {
	Name string
	// Writes marks operations of which only one runs at a time.
	Writes bool
	Run    func(ctx context.Context, call Call) (any, error)
}

// Operations runs operations by name: in this process, for the CLI alone, or
// in serve, for the CLI of another process. One writing operation runs at a
// time; a second one waits its turn until its context ends.
type Operations struct {
	byName   map[string]Operation
	settings map[string]string
	writing  chan struct{}
}

// NewOperations panics if two operations share a name.
func NewOperations(settings map[string]string, operations ...Operation) *Operations {
	o := &Operations{byName: map[string]Operation{}, settings: settings, writing: make(chan struct{}, 1)}
	for _, op := range operations {
		if _, twice := o.byName[op.Name]; twice {
			panic("serving: operation " + op.Name + " stands twice")
		}
		o.byName[op.Name] = op
	}
	return o
}

// Run carries out one call and returns its result as JSON.
func (o *Operations) Run(ctx context.Context, call Call) (json.RawMessage, error) {
	op, ok := o.byName[call.Operation]
	if !ok {
		return nil, fmt.Errorf("operation %q: %w", call.Operation, ErrNotFound)
	}
	if err := o.sameSettings(call.Settings); err != nil {
		return nil, err
	}
	if call.Report == nil {
		call.Report = func(Progress) {}
	}
	if op.Writes {
		select {
		case o.writing <- struct{}{}:
			defer func() { <-o.writing }()
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: waiting for another job to end: %w", call.Operation, ctx.Err())
		}
	}
	result, err := op.Run(ctx, call)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call.Operation, err)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("encode the result of %s: %w", call.Operation, err)
	}
	return raw, nil
}

func (o *Operations) sameSettings(theirs map[string]string) error {
	var differ []string
	for key, value := range theirs {
		if o.settings[key] != value {
			differ = append(differ, key)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	sort.Strings(differ)
	differ = slices.Compact(differ)
	return fmt.Errorf("settings differ from those of the running serve: %v; use the same configuration or restart serve: %w", differ, ErrConflict)
}
