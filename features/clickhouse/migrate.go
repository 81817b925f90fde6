package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"fealty/features/frame"
)

// ErrNewer means that the warehouse was brought forward by a newer fealty than
// this one.
var ErrNewer = errors.New("the warehouse is newer than this fealty")

// MigrationSet is the numbered steps that make one room's tables.
type MigrationSet struct {
	// Name tells the sets of one warehouse apart.
	Name string
	// FS holds the steps in its root: NNNN_what.sql, numbered from 0001 without a
	// gap. A step has one or more statements, separated by lines "-- next". Each
	// must do nothing the second time (CREATE TABLE IF NOT EXISTS …), because a
	// step that was cut off is run again from its beginning.
	FS fs.FS
}

// migration is one step.
type migration struct {
	version    int
	name       string
	statements []string
}

var migrationName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

// betweenStatements is the line that separates the statements of a step.
const betweenStatements = "-- next"

// versionsTable remembers the steps. It is older than every set, so that it is no
// step itself.
const versionsTable = "CREATE TABLE IF NOT EXISTS schema_versions (`set` String, version UInt32, applied_at DateTime('UTC')) " +
	"ENGINE = MergeTree ORDER BY (`set`, version)"

// Migrate brings a set's tables to their newest version: it runs the steps that
// the warehouse does not remember, in order, and remembers each after its last
// statement. It may be killed at any moment and run again, and several
// processes may run it at once, since every statement does nothing the second
// time. ErrNewer when the warehouse remembers a step that the set lacks.
func Migrate(ctx context.Context, e Engine, set MigrationSet) error {
	steps, err := set.steps()
	if err != nil {
		return fmt.Errorf("read the migrations of %q: %w", set.Name, err)
	}
	if err := e.Exec(ctx, versionsTable, nil); err != nil {
		return fmt.Errorf("migrate %q: %w", set.Name, err)
	}
	done, err := appliedVersions(ctx, e, set.Name)
	if err != nil {
		return fmt.Errorf("ask which migrations of %q were applied: %w", set.Name, err)
	}
	for v := range done {
		if v > len(steps) {
			return fmt.Errorf("%w: it remembers step %d of %q, and this program knows %d; use the release that made it, or a later one", ErrNewer, v, set.Name, len(steps))
		}
	}
	for _, m := range steps {
		if done[m.version] {
			continue
		}
		for i, sql := range m.statements {
			if err := e.Exec(ctx, sql, nil); err != nil {
				return fmt.Errorf("migrate %q by %s, statement %d: %w", set.Name, m.name, i+1, err)
			}
		}
		err := e.Exec(ctx, "INSERT INTO schema_versions (`set`, version, applied_at) SELECT {set:String}, {version:UInt32}, now('UTC')",
			Params{"set": set.Name, "version": int64(m.version)})
		if err != nil {
			return fmt.Errorf("remember step %s of %q: %w", m.name, set.Name, err)
		}
	}
	return nil
}

// appliedVersions returns the steps of a set that the warehouse remembers.
func appliedVersions(ctx context.Context, e Engine, set string) (map[int]bool, error) {
	done := map[int]bool{}
	err := e.Query(ctx, "SELECT DISTINCT version FROM schema_versions WHERE `set` = {set:String}", Params{"set": set}, func(t *frame.Table) error {
		for _, v := range t.Columns[0].Integers {
			done[int(v)] = true
		}
		return nil
	})
	return done, err
}

// steps reads the set's files in order.
func (s MigrationSet) steps() ([]migration, error) {
	entries, err := fs.ReadDir(s.FS, ".")
	if err != nil {
		return nil, err
	}
	var steps []migration
	for _, entry := range entries { // in order of name
		found := migrationName.FindStringSubmatch(entry.Name())
		if found == nil {
			return nil, fmt.Errorf("%s is not named NNNN_what.sql", entry.Name())
		}
		version, err := strconv.Atoi(found[1])
		if err != nil || version != len(steps)+1 {
			return nil, fmt.Errorf("%s stands where step %04d should", entry.Name(), len(steps)+1)
		}
		text, err := fs.ReadFile(s.FS, entry.Name())
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration{version, entry.Name(), splitStatements(string(text))})
		if len(steps[version-1].statements) == 0 {
			return nil, fmt.Errorf("%s has no statement", entry.Name())
		}
	}
	return steps, nil
}

// splitStatements cuts a step at its separating lines. Pieces without anything
// but comments are none.
func splitStatements(text string) []string {
	var all []string
	var piece []string
	hasCode := false
	end := func() {
		if hasCode {
			all = append(all, strings.TrimSpace(strings.Join(piece, "\n")))
		}
		piece, hasCode = nil, false
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		if trimmed == betweenStatements {
			end()
			continue
		}
		hasCode = hasCode || trimmed != "" && !strings.HasPrefix(trimmed, "--")
		piece = append(piece, line)
	}
	end()
	return all
}
