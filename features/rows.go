package features

import (
	"context"

	"fealty/features/frame"
)

// Rows is a stream of canonical rows of one table, from a file or from the
// synthetic town.
type Rows interface {
	// Next returns the next batch: columns named as in the table's schema and in
	// its order, those left out that the source lacks; at most 65,536 rows, never
	// empty; io.EOF after the last. The batch is valid until the next call. Any
	// other error names the file, line and column, and ends the stream.
	Next(ctx context.Context) (*frame.Table, error)
	Close() error
}
