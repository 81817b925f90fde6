package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"fealty/serving"

	"gocloud.dev/gcerrors"
)

// MaxModelBytes bounds a bundle, so that a row that lies can't make a reader
// allocate without end.
const MaxModelBytes = 256 << 20

const (
	bundleSuffix = ".bundle"
	maxCardBytes = 4 << 20
)

// Model is what is registered of a bundle.
type Model = serving.RegisteredModel

// AliasChange is one row of an alias's history.
type AliasChange struct {
	Alias string
	// From is "" when the alias was new.
	From, To string
	At       time.Time
	Who      string
}

var versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// reserved are names that some file systems take for devices, with any suffix.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// checkName refuses a name that could be anything but one plain file below the
// folder of models.
func checkName(what, name string) error {
	if !versionForm.MatchString(name) || strings.Contains(name, "..") || reserved.MatchString(name) {
		return fmt.Errorf("%s %.120q: want 1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit: %w", what, name, serving.ErrInvalid)
	}
	return nil
}

// SaveModel registers a bundle under m.Version and returns what was
// registered. The bundle is safe on disk before its row is written: after a
// kill the version is there whole or not at all. Saving the same bytes under
// the same version again changes nothing; other bytes wrap serving.ErrConflict.
// An unfit name, an empty bundle, one above MaxModelBytes or a card that is no
// JSON wrap serving.ErrInvalid.
func (s *State) SaveModel(ctx context.Context, m Model, bundle []byte) (Model, error) {
	saved, err := s.saveModel(ctx, m, bundle)
	if err != nil {
		return Model{}, fmt.Errorf("save model %.120q: %w", m.Version, err)
	}
	return saved, nil
}

func (s *State) saveModel(ctx context.Context, m Model, bundle []byte) (Model, error) {
	if err := checkModel(m, len(bundle)); err != nil {
		return Model{}, err
	}
	sum := sha256.Sum256(bundle)
	m.SHA256, m.Bytes, m.CreatedAt = hex.EncodeToString(sum[:]), int64(len(bundle)), s.now().UTC().Truncate(time.Second)
	// The hash stands in the name: two who save the same version at once never
	// write one file, and the row that wins names its own.
	m.File = m.Version + "-" + m.SHA256[:16] + bundleSuffix

	before, err := s.Model(ctx, m.Version)
	switch {
	case err == nil:
		return same(before, m)
	case !errors.Is(err, serving.ErrNotFound):
		return Model{}, err
	}
	if err := s.bucket.WriteAll(ctx, m.File, bundle, nil); err != nil {
		return Model{}, fmt.Errorf("write the bundle: %w", err)
	}
	if err := s.keep(m.File); err != nil {
		return Model{}, err
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		before, err := readModel(ctx, tx, m.Version)
		switch {
		case err == nil:
			m, err = same(before, m)
			return err
		case !errors.Is(err, serving.ErrNotFound):
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO models (version, created_at, kind, grade, file, sha256, bytes, card) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			m.Version, m.CreatedAt.Unix(), m.Kind, m.Grade, m.File, m.SHA256, m.Bytes, string(m.Card)); err != nil {
			return fmt.Errorf("write its row: %w", err)
		}
		return s.record(ctx, tx, "model.save", m.Version, map[string]any{"sha256": m.SHA256, "kind": m.Kind, "grade": m.Grade})
	})
	if err != nil {
		return Model{}, err
	}
	return m, nil
}

func checkModel(m Model, size int) error {
	if err := checkName("version", m.Version); err != nil {
		return err
	}
	switch {
	case size == 0 || size > MaxModelBytes:
		return fmt.Errorf("the bundle has %d bytes; want 1 to %d: %w", size, MaxModelBytes, serving.ErrInvalid)
	case len(m.Card) > maxCardBytes || !json.Valid(m.Card):
		return fmt.Errorf("the card is no JSON of at most %d bytes: %w", maxCardBytes, serving.ErrInvalid)
	case m.Kind == "" || len(m.Kind) > 100 || len(m.Grade) > 100:
		return fmt.Errorf("kind %.120q, grade %.120q: want a kind, and at most 100 bytes each: %w", m.Kind, m.Grade, serving.ErrInvalid)
	}
	return nil
}

func same(before, m Model) (Model, error) {
	if before.SHA256 != m.SHA256 {
		return Model{}, fmt.Errorf("the version is taken by a bundle with other bytes: %w", serving.ErrConflict)
	}
	return before, nil
}

// keep makes a bundle's bytes and its name survive a loss of power, before a
// row says that it is there. The bucket writes to a temporary file and renames
// it, but does not sync; until the row is written nobody reads the file, so
// syncing after the rename is as good.
func (s *State) keep(file string) error {
	if err := s.folder.Chmod(file, 0o600); err != nil {
		return fmt.Errorf("keep the bundle: %w", err)
	}
	for _, name := range []string{file, "."} {
		f, err := s.folder.Open(name)
		if err != nil {
			return fmt.Errorf("keep the bundle: %w", err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("keep the bundle: %w", err)
		}
	}
	return nil
}

// LoadModel returns a bundle and what is registered of it. A file that is
// missing, no regular file, or not what was saved wraps ErrCorrupt; an unknown
// version wraps serving.ErrNotFound. No more is read than was registered.
func (s *State) LoadModel(ctx context.Context, version string) ([]byte, Model, error) {
	m, err := s.Model(ctx, version)
	if err != nil {
		return nil, Model{}, err
	}
	bundle, err := s.read(ctx, m)
	if err != nil {
		return nil, Model{}, fmt.Errorf("load model %q: %w", version, err)
	}
	return bundle, m, nil
}

func (s *State) read(ctx context.Context, m Model) (bundle []byte, err error) {
	if m.Bytes < 1 || m.Bytes > MaxModelBytes || filepath.Base(m.File) != m.File {
		return nil, fmt.Errorf("its row names file %.120q of %d bytes: %w", m.File, m.Bytes, ErrCorrupt)
	}
	// The folder is a root that no link leads out of; the bucket alone would follow one.
	info, err := s.folder.Lstat(m.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("file %q is missing: %w", m.File, ErrCorrupt)
	case err != nil:
		return nil, fmt.Errorf("look at file %q: %w", m.File, err)
	case !info.Mode().IsRegular() || info.Size() != m.Bytes:
		return nil, fmt.Errorf("file %q is no regular file of %d bytes: %w", m.File, m.Bytes, ErrCorrupt)
	}
	r, err := s.bucket.NewReader(ctx, m.File, nil)
	if err != nil {
		if gcerrors.Code(err) == gcerrors.NotFound {
			return nil, fmt.Errorf("file %q is missing: %w", m.File, ErrCorrupt)
		}
		return nil, fmt.Errorf("open file %q: %w", m.File, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var b bytes.Buffer
	b.Grow(int(m.Bytes))
	if _, err := io.Copy(&b, io.LimitReader(r, m.Bytes+1)); err != nil {
		return nil, fmt.Errorf("read file %q: %w", m.File, err)
	}
	sum := sha256.Sum256(b.Bytes())
	if got := hex.EncodeToString(sum[:]); got != m.SHA256 {
		return nil, fmt.Errorf("file %q has checksum %s, saved was %s: %w", m.File, got, m.SHA256, ErrCorrupt)
	}
	return b.Bytes(), nil
}

type rowAsker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

const modelColumns = `version, created_at, kind, grade, file, sha256, bytes, card`

func scanModel(scan func(...any) error) (Model, error) {
	var m Model
	var created int64
	var card string
	if err := scan(&m.Version, &created, &m.Kind, &m.Grade, &m.File, &m.SHA256, &m.Bytes, &card); err != nil {
		return Model{}, err
	}
	m.CreatedAt, m.Card = time.Unix(created, 0).UTC(), json.RawMessage(card)
	return m, nil
}

func readModel(ctx context.Context, from rowAsker, version string) (Model, error) {
	m, err := scanModel(from.QueryRowContext(ctx, `SELECT `+modelColumns+` FROM models WHERE version = ?`, version).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Model{}, fmt.Errorf("model %.120q: %w", version, serving.ErrNotFound)
	case err != nil:
		return Model{}, fmt.Errorf("read model %.120q: %w", version, err)
	}
	return m, nil
}

// Model returns what is registered of a version; an error that wraps
// serving.ErrNotFound when there is none.
func (s *State) Model(ctx context.Context, version string) (Model, error) {
	return readModel(ctx, s.db, version)
}

// Models lists up to limit versions from offset on, the newest first.
func (s *State) Models(ctx context.Context, limit, offset int) (models []Model, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+modelColumns+` FROM models ORDER BY created_at DESC, version DESC LIMIT ? OFFSET ?`, limit, offset)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		m, err := scanModel(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list models: %w", err)
		}
		models = append(models, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	return models, nil
}

// RemoveModel takes a version out of the registry and then its file away. A
// version that an alias stands for wraps serving.ErrConflict.
func (s *State) RemoveModel(ctx context.Context, version string) error {
	var file string
	err := s.change(ctx, func(tx *sql.Tx) error {
		m, err := readModel(ctx, tx, version)
		if err != nil {
			return err
		}
		file = m.File
		var alias string
		err = tx.QueryRowContext(ctx, `SELECT alias FROM aliases WHERE version = ? LIMIT 1`, version).Scan(&alias)
		switch {
		case err == nil:
			return fmt.Errorf("alias %q stands for it: %w", alias, serving.ErrConflict)
		case !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("read its aliases: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM models WHERE version = ?`, version); err != nil {
			return fmt.Errorf("delete its row: %w", err)
		}
		return s.record(ctx, tx, "model.remove", version, map[string]any{"sha256": m.SHA256})
	})
	if err == nil {
		// The row goes first: a file without a row is nothing, a row without a file is damage.
		if err = s.bucket.Delete(ctx, file); gcerrors.Code(err) == gcerrors.NotFound {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("remove model %.120q: %w", version, err)
	}
	return nil
}

// SetAlias makes alias stand for version and returns the version that it stood
// for, "" when it is new. Setting it to what it stands for changes nothing. An
// unknown version wraps serving.ErrNotFound.
func (s *State) SetAlias(ctx context.Context, alias, version string) (previous string, err error) {
	return s.moveAlias(ctx, alias, version, func(string) error { return nil })
}

// SwapAlias is SetAlias for who decided on the ground that alias stands for
// from ("" when it must be new): when it doesn't any more, nothing changes and
// the error wraps serving.ErrConflict.
func (s *State) SwapAlias(ctx context.Context, alias, from, to string) error {
	_, err := s.moveAlias(ctx, alias, to, func(now string) error {
		if now != from {
			return fmt.Errorf("it stands for %q, not for %q: %w", now, from, serving.ErrConflict)
		}
		return nil
	})
	return err
}

func (s *State) moveAlias(ctx context.Context, alias, version string, allow func(now string) error) (previous string, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		if err := checkName("alias", alias); err != nil {
			return err
		}
		if _, err := readModel(ctx, tx, version); err != nil {
			return err
		}
		if previous, err = readAlias(ctx, tx, alias); err != nil && !errors.Is(err, serving.ErrNotFound) {
			return err
		}
		if err := allow(previous); err != nil || previous == version {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO aliases (alias, version) VALUES (?, ?) ON CONFLICT (alias) DO UPDATE SET version = excluded.version`, alias, version); err != nil {
			return fmt.Errorf("write it: %w", err)
		}
		from := sql.NullString{String: previous, Valid: previous != ""}
		if _, err := tx.ExecContext(ctx, `INSERT INTO alias_history (alias, from_version, to_version, at, who) VALUES (?, ?, ?, ?, ?)`,
			alias, from, version, s.now().Unix(), s.who); err != nil {
			return fmt.Errorf("write its history: %w", err)
		}
		return s.record(ctx, tx, "alias.set", alias, map[string]any{"from": previous, "to": version})
	})
	if err != nil {
		return "", fmt.Errorf("set alias %.120q to %.120q: %w", alias, version, err)
	}
	return previous, nil
}

func readAlias(ctx context.Context, from rowAsker, alias string) (string, error) {
	var version string
	err := from.QueryRowContext(ctx, `SELECT version FROM aliases WHERE alias = ?`, alias).Scan(&version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", fmt.Errorf("alias %.120q: %w", alias, serving.ErrNotFound)
	case err != nil:
		return "", fmt.Errorf("read alias %.120q: %w", alias, err)
	}
	return version, nil
}

// Alias returns the version that alias stands for; an error that wraps
// serving.ErrNotFound when it was never set.
func (s *State) Alias(ctx context.Context, alias string) (string, error) {
	return readAlias(ctx, s.db, alias)
}

// History returns up to limit changes of alias, the newest first.
func (s *State) History(ctx context.Context, alias string, limit int) (changes []AliasChange, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT alias, coalesce(from_version, ''), to_version, at, who FROM alias_history WHERE alias = ? ORDER BY seq DESC LIMIT ?`, alias, limit)
	if err != nil {
		return nil, fmt.Errorf("history of alias %.120q: %w", alias, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c AliasChange
		var at int64
		if err := rows.Scan(&c.Alias, &c.From, &c.To, &at, &c.Who); err != nil {
			return nil, fmt.Errorf("history of alias %.120q: %w", alias, err)
		}
		c.At = time.Unix(at, 0).UTC()
		changes = append(changes, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history of alias %.120q: %w", alias, err)
	}
	return changes, nil
}

// sweep removes what killed processes left: temporary files in the folder of
// models, and everything in the temporary folder. Bundles without a row stay:
// another process may be about to write it.
func (s *State) sweep() error {
	err := s.sweepFolder(s.folder, func(name string) bool {
		// The bucket's own form of temporary names; anything else is not ours to remove.
		return strings.Contains(name, bundleSuffix+".") && strings.HasSuffix(name, ".tmp")
	})
	if err != nil {
		return fmt.Errorf("sweep the folder of models: %w", err)
	}
	temporary, err := os.OpenRoot(s.temporary)
	if err != nil {
		return fmt.Errorf("open the temporary folder: %w", err)
	}
	if err := errors.Join(s.sweepFolder(temporary, func(string) bool { return true }), temporary.Close()); err != nil {
		return fmt.Errorf("sweep the temporary folder: %w", err)
	}
	return nil
}

// sweepFolder removes the files that are ours and have been left alone for
// strandedAfter.
func (s *State) sweepFolder(folder *os.Root, ours func(name string) bool) error {
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return fmt.Errorf("look into it: %w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !ours(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || (err == nil && s.now().Sub(info.ModTime()) < strandedAfter) {
			continue
		}
		if err == nil {
			err = folder.Remove(e.Name())
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a file that a killed process left: %w", err)
		}
	}
	return nil
}
