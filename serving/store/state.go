package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fealty/serving"

	"github.com/pressly/goose/v3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"modernc.org/sqlite" // also the driver "sqlite"
)

//go:embed sql/state/*.sql
var migrations embed.FS

// Errors of the state directory. Both are beyond what a caller of the service
// can help, and stay internal to it.
var (
	// ErrNewer: the state was written by a newer release, which this one must not touch.
	ErrNewer = errors.New("the state directory was written by a newer release of fealty")
	// ErrCorrupt: a file does not hold what was written to it.
	ErrCorrupt = errors.New("damaged")
)

const (
	stateFile  = "state.db"
	lockFile   = "state.lock"
	modelsDir  = "models"
	tempDir    = "tmp"
	busyMillis = 10_000
	// sqliteBusy is SQLITE_BUSY, the low byte of its kin.
	sqliteBusy = 5
	// strandedAfter is the age at which a temporary file is one that a killed
	// process left behind, not one that is being written.
	strandedAfter = time.Hour
)

// State is one state directory: keys, the model registry and the audit trail.
// It is safe for concurrent use, and several processes may have the same
// directory open at once (the command line beside serve).
type State struct {
	*shared
	who string
}

type shared struct {
	db     *sql.DB
	bucket *blob.Bucket
	folder *os.Root
	// temporary is the path of the temporary folder.
	temporary string
	now       func() time.Time

	mu sync.Mutex
	// known are keys looked up lately.
	known map[string]knownToken
}

// OpenState opens the state directory dir, which it creates (mode 0700) when it
// is not there, and brings its schema up to this release's. It returns an error
// that wraps ErrNewer when a newer release wrote it, and ErrCorrupt when the
// file is no sound database; an empty or broken file is never taken for a new
// one.
func OpenState(ctx context.Context, dir string) (*State, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory %q: %w", dir, err)
	}
	s, err := open(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("open state directory %q: %w", dir, err)
	}
	return s, nil
}

func open(ctx context.Context, dir string) (*State, error) {
	for _, folder := range []string{modelsDir, tempDir} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil { //nolint:gosec // the owner names the state directory
			return nil, fmt.Errorf("create it: %w", err)
		}
	}
	// Creating and migrating happen under a lock: two processes that start at once
	// would otherwise both do it.
	unlock, err := lock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	db, err := migrated(ctx, filepath.Join(dir, stateFile))
	if uerr := unlock(); uerr != nil && err == nil {
		return nil, errors.Join(uerr, db.Close())
	}
	if err != nil {
		return nil, err
	}
	shared := &shared{db: db, temporary: filepath.Join(dir, tempDir), now: time.Now, known: map[string]knownToken{}}
	if shared.folder, err = os.OpenRoot(filepath.Join(dir, modelsDir)); err != nil {
		return nil, errors.Join(fmt.Errorf("open the folder of models: %w", err), db.Close())
	}
	shared.bucket, err = fileblob.OpenBucket(filepath.Join(dir, modelsDir), &fileblob.Options{
		// Temporary files beside their targets: a rename from elsewhere may not be one.
		NoTempDir: true, Metadata: fileblob.MetadataDontWrite, DirFileMode: 0o700,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the folder of models: %w", err), shared.folder.Close(), db.Close())
	}
	s := &State{shared: shared, who: "fealty"}
	if err := s.sweep(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// By returns the same state, acting in the name of who: the audit trail and
// the history of aliases name them.
func (s *State) By(who string) *State { return &State{shared: s.shared, who: who} }

// TempDir returns the path of a folder, readable by its owner only, for files
// that are needed for the length of one operation. Whoever makes one removes it;
// what a killed process left goes at a later start.
func (s *State) TempDir() string { return s.temporary }

// Close ends the use of the directory, for every State of it that By returned.
func (s *State) Close() error {
	if err := errors.Join(s.bucket.Close(), s.folder.Close(), s.db.Close()); err != nil {
		return fmt.Errorf("close the state directory: %w", err)
	}
	return nil
}

// dsn is how SQLite is asked to open path: write-ahead log, so that readers
// don't wait for a writer; a transaction takes the write lock when it begins,
// so that it can't fail half-way; durable at every commit.
func dsn(path string) string {
	q := url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyMillis), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)"},
		"_txlock": {"immediate"},
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// migrated opens the database at path with this release's schema. The caller
// holds the lock.
func migrated(ctx context.Context, path string) (*sql.DB, error) {
	info, err := os.Lstat(path) //nolint:gosec // below the state directory, which the owner names
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(ctx, path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, fmt.Errorf("look at %s: %w", stateFile, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: %w", stateFile, ErrCorrupt)
	case info.Size() == 0:
		// SQLite would take it for a new database, and every key would be gone without a word.
		return nil, fmt.Errorf("%s is empty: %w", stateFile, ErrCorrupt)
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", stateFile, err)
	}
	db.SetMaxOpenConns(8)
	err = check(ctx, db)
	if err == nil {
		err = migrate(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// create makes a database with its schema beside path and then moves it there,
// so that a file at path is always whole.
func create(ctx context.Context, path string) error {
	fresh := path + ".new"
	for _, left := range []string{fresh, fresh + "-wal", fresh + "-shm"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // below the state directory, which the owner names
			return fmt.Errorf("remove what an earlier start left: %w", err)
		}
	}
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the path is the state directory that we were given
	if err != nil {
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	db, err := sql.Open("sqlite", dsn(fresh))
	if err != nil {
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	err = migrate(ctx, db)
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	if err := syncFile(fresh); err != nil {
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	if err := os.Rename(fresh, path); err != nil { //nolint:gosec // below the state directory, which the owner names
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	if err := syncFile(filepath.Dir(path)); err != nil {
		return fmt.Errorf("create %s: %w", stateFile, err)
	}
	return nil
}

// check refuses a database whose pages don't fit together.
func check(ctx context.Context, db *sql.DB) error {
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return fmt.Errorf("check %s: %w: %w", stateFile, ErrCorrupt, err)
	}
	if said != "ok" {
		return fmt.Errorf("check %s: %w: %s", stateFile, ErrCorrupt, said)
	}
	return nil
}

// migrate brings the schema up to this release's. Each step is a transaction
// of its own: killed anywhere, the next start goes on from there.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := fs.Sub(migrations, "sql/state")
	if err != nil {
		return fmt.Errorf("find the schema: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have > want {
		return fmt.Errorf("schema %d, this release knows %d: %w", have, want, ErrNewer)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema from %d to %d: %w", have, want, err)
	}
	return nil
}

// lock takes the directory's lock and returns how to give it back. It is
// SQLite's own lock on a file of its own, which ends with the process.
func lock(ctx context.Context, path string) (func() error, error) {
	// A short wait at a time: SQLite's own does not end with the context.
	q := url.Values{"_pragma": {"busy_timeout(50)"}, "_txlock": {"exclusive"}}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the path is the state directory that we were given
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	var tx *sql.Tx
	for began := time.Now(); ; {
		if tx, err = db.BeginTx(ctx, nil); err == nil {
			break
		}
		var busy *sqlite.Error
		switch {
		case ctx.Err() != nil:
			return nil, errors.Join(fmt.Errorf("lock: %w", ctx.Err()), db.Close())
		case !errors.As(err, &busy) || busy.Code()&0xff != sqliteBusy:
			return nil, errors.Join(fmt.Errorf("lock: %w", err), db.Close())
		case time.Since(began) > busyMillis*time.Millisecond:
			return nil, errors.Join(fmt.Errorf("lock: another process has held the state directory for %d s: %w", busyMillis/1000, serving.ErrConflict), db.Close())
		}
	}
	return func() error {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil && !errors.Is(err, sql.ErrTxDone) {
			return fmt.Errorf("unlock: %w", err)
		}
		return nil
	}, nil
}

// syncFile makes a file, or the names in a folder, survive a loss of power.
func syncFile(path string) error {
	f, err := os.Open(path) //nolint:gosec // a path inside the state directory that we were given
	if err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %q: %w", path, err)
	}
	return nil
}

// change runs act in one transaction. Writers take turns.
func (s *State) change(ctx context.Context, act func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := act(tx); err != nil {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
