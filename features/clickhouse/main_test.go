package clickhouse_test

import (
	"os"
	"testing"

	"fealty/features/clickhouse/launch"
)

func TestMain(m *testing.M) {
	launch.Child()
	loadAndBeKilled()
	os.Exit(m.Run())
}
