package clickhouse

import (
	"regexp"
	"strings"

	"fealty/features"
)

// shardSuffix is what the name of the database with a shard's mapped facts adds
// to the name of fealty's own, unless the URL names it (shard_database=).
const shardSuffix = "_shard"

// canonicalSource finds where a statement reads a table of features.Schemas.
var canonicalSource = func() *regexp.Regexp {
	var names []string
	for _, s := range features.Schemas() {
		names = append(names, s.Name)
	}
	return regexp.MustCompile(`(?i)\b(FROM|JOIN)(\s+)(` + strings.Join(names, "|") + `)\b`)
}()

// OnShards wraps a SELECT so that it runs whole on each shard of the cluster
// and only its answers travel. It is right for queries whose rows need the
// facts of one account only, on a cluster sharded by account. Parameters work
// inside. (A view over a Distributed table would ship every fact to the first
// host instead.)
//
// Each host holds a database of that name with a table or view for every
// canonical name (features.Schemas), over its own mapped facts. The SELECT has
// to name it: unqualified names mean the session's database on the first host
// and the user's default one elsewhere, so that imported facts would be counted
// once more as the first shard's.
//
// The cluster's and the database's names are quoted; the SELECT is taken as it
// is, without a trailing semicolon or FORMAT.
func OnShards(cluster, database, sql string) string {
	sql = strings.TrimRight(sql, "; \t\r\n")
	quoted := "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(database) + "`."
	sql = canonicalSource.ReplaceAllString(sql, "${1}${2}"+strings.ReplaceAll(quoted, "$", "$$")+"${3}")
	// The newline ends a comment that may stand in the last line.
	return "SELECT * FROM cluster('" + quoteEscapes.Replace(cluster) + "', view(" + sql + "\n))" //nolint:unqueryvet // the columns are those of the SELECT inside
}
