// Package clickhouse is the one room that talks to ClickHouse: a server or
// cluster over the native protocol, or chDB, the same engine in process. One
// SQL dialect (ClickHouse 24.8 and later) runs on both.
//
// Place in the flow: [warehouse] → features → frame. The package knows
// queries, columns, loads and commit markers; it refuses to know models,
// scores and the API.
package clickhouse

import (
	"context"
	"time"

	"fealty/features/frame"
)

// Params are the server-side parameters of a query, by name. Values are bound
// as data and never become SQL text. Allowed: string, int64, uint64, float64
// (finite), bool, time.Time (whole seconds, 1970…2106), frame.Cutoff,
// frame.KnownAt, []string, []int64, []time.Time, []frame.Cutoff,
// []frame.KnownAt. Anything else is refused by name.
type Params map[string]any

// Engine runs SQL on one warehouse. It is safe for concurrent use: several
// queries run side by side. Every method returns ctx.Err() (wrapped) when the
// context ended first, and stops the query on the engine.
type Engine interface {
	// Query runs one SELECT and calls each for every block of the answer, in
	// order. The block is valid only during the call; an error from each ends the
	// query and is returned as it is. Column kinds by ClickHouse type:
	//   Float32/64 → Number (NULL → NaN; an infinity is an error)
	//   Int*, UInt*, Bool, Enum → Integer (UInt64 above MaxInt64 is an error)
	//   Decimal(P ≤ 18, S ≤ 4) → Decimal, exact
	//   Date, Date32, DateTime, DateTime64 → Time (whole seconds, UTC)
	//   String, FixedString, LowCardinality(String), UUID → Text
	// Nullable(X) as X with Null set. Other types are an error naming the column.
	Query(ctx context.Context, sql string, params Params, each func(*frame.Table) error) error
	// Exec runs one statement without an answer (DDL, INSERT … SELECT, DELETE).
	Exec(ctx context.Context, sql string, params Params) error
	// Insert appends the rows to the table, naming the columns. Column kinds are
	// checked against the table's; values out of a type's range are an error
	// naming column, row and value, before anything is sent. One call is not one
	// unit of commitment: readers look at commit markers (loads, runs).
	Insert(ctx context.Context, table string, rows *frame.Table) error
	// InsertAll appends the blocks that next hands out until its io.EOF, as Insert
	// does one: each is checked before any of it is sent, and valid until next is
	// called again, by the caller's goroutine. An error from next is returned as it
	// is; what was sent before it stays, and after the end of ctx the statement under
	// way may still be carried out. next may take its time: a statement that
	// waits too long for a block is ended and another begun. Memory: the encoded
	// bytes of 1,114,112 rows, or, where rows are large, of 17 blocks of 16 MiB
	// beside the block by which that was noticed.
	InsertAll(ctx context.Context, table string, next func() (*frame.Table, error)) error
	// Info tells what answers.
	Info() Info
	// Close waits for running queries and releases the warehouse.
	Close() error
}

// Info describes the engine behind an Engine.
type Info struct {
	// Kind is "chdb" or "clickhouse".
	Kind string
	// Version is the engine's own version, such as 26.7.3.1.
	Version string
	// Hosts are the addresses without credentials; empty when embedded.
	Hosts []string
	// Cluster is the name of the cluster that holds mapped facts, if any.
	Cluster string
	// ShardDatabase is the database, of the same name on each host of the cluster,
	// that holds a host's mapped facts under the canonical names.
	ShardDatabase string
}

// Limits bound every query of an engine.
type Limits struct {
	// MaxMemory in bytes for one query; default 4 GiB.
	MaxMemory int64
	// MaxTime for one query without a nearer deadline; default 10 min.
	MaxTime time.Duration
	// Threads for one query; 0 = the engine's default (all cores).
	Threads int
	// Pool is the number of connections; default 8. A caller waits at most
	// PoolWait (default 5 s) for one and then gets ErrBusy.
	Pool     int
	PoolWait time.Duration
}
