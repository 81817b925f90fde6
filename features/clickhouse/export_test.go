package clickhouse

// OpenServer opens a server engine for the tests of other packages' suites.
var OpenServer = openServer
