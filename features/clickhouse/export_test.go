package clickhouse

// OpenServer opens a server engine for the tests of other packages' suites.
var OpenServer = openServer

// CompareAtATime makes loads compare a few rows at a time and returns a function
// that ends it.
func CompareAtATime(rows int64) (restore func()) {
	before := comparedRows
	comparedRows = rows
	return func() { comparedRows = before }
}
