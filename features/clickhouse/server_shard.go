package clickhouse

import "strings"

// OnShards wraps a SELECT so that it runs whole on each shard of the cluster
// and only its answers travel. It is right for queries whose rows need the
// facts of one account only, on a cluster sharded by account: the query names
// the shard's local view. Parameters work inside. (A view over a Distributed
// table would ship every fact to the first host instead.)
//
// The cluster's name is quoted; the SELECT is taken as it is, without a
// trailing semicolon, FORMAT or SETTINGS.
func OnShards(cluster, sql string) string {
	sql = strings.TrimRight(sql, "; \t\r\n")
	// The newline ends a comment that may stand in the last line.
	//nolint:unqueryvet // the columns are those of the SELECT inside
	return "SELECT * FROM cluster('" + quoteEscapes.Replace(cluster) + "', view(" + sql + "\n))"
}
