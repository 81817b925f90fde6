//go:build linux && amd64 && !nochdb

package clickhouse

// FindLibrary looks for libchdb as Open does.
var FindLibrary = findLibrary

// TryLibrary loads a library as Open does, beside the one that is in use.
func TryLibrary(path string) error {
	_, err := loadLibrary(path)
	return err
}
