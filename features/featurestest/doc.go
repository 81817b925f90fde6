// Package featurestest holds the suites that every implementation of what
// features needs has to pass: Engine, for warehouses (chDB in process,
// ClickHouse over the wire), and Rows, for streams of rows (files, the
// synthetic town).
//
// Place in the flow: beside it, in tests only. A suite knows the contract that
// its interface documents and refuses to know which implementation it tests.
package featurestest
