-- Operational state of one state directory: keys, the model registry and the
-- audit trail. Times are Unix seconds, UTC, except audit.at (nanoseconds).

-- +goose Up

-- One row per key ever made. Grain: key. The key itself is nowhere.
CREATE TABLE tokens (
    id      TEXT    NOT NULL PRIMARY KEY,
    sha256  BLOB    NOT NULL CHECK (length(sha256) = 32),
    name    TEXT    NOT NULL,
    scopes  TEXT    NOT NULL, -- separated by spaces, sorted
    created INTEGER NOT NULL,
    expires INTEGER,          -- NULL: never
    revoked INTEGER           -- NULL: not revoked
) STRICT;

-- One row per model bundle. Grain: version. The row is written after the file
-- is safe, so a version that has a row can be loaded.
CREATE TABLE models (
    version    TEXT    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    grade      TEXT    NOT NULL,
    file       TEXT    NOT NULL UNIQUE,
    sha256     TEXT    NOT NULL CHECK (length(sha256) = 64),
    bytes      INTEGER NOT NULL CHECK (bytes > 0),
    card       TEXT    NOT NULL CHECK (json_valid(card))
) STRICT;

CREATE INDEX models_newest ON models (created_at DESC, version DESC);

-- Which version a name stands for now. Grain: alias.
CREATE TABLE aliases (
    alias   TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL REFERENCES models (version)
) STRICT;

-- One row per change of an alias, in the order in which they happened.
CREATE TABLE alias_history (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    alias        TEXT    NOT NULL,
    from_version TEXT,          -- NULL: the alias was new
    to_version   TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    who          TEXT    NOT NULL
) STRICT;

CREATE INDEX alias_history_of ON alias_history (alias, seq DESC);

-- One row per act, chained: hash covers the row and the hash before it. Grain: act.
CREATE TABLE audit (
    seq    INTEGER NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    act    TEXT    NOT NULL,
    object TEXT    NOT NULL,
    detail TEXT    NOT NULL CHECK (json_valid(detail)),
    hash   BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The end of the chain, so that rows cut off its end are missed too. One row.
CREATE TABLE audit_end (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL
) STRICT;

-- Against mistakes, not against who owns the file: the chain shows those.

-- +goose StatementBegin
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER alias_history_is_never_changed BEFORE UPDATE ON alias_history
BEGIN
    SELECT RAISE(ABORT, 'alias_history is append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER alias_history_is_never_deleted BEFORE DELETE ON alias_history
BEGIN
    SELECT RAISE(ABORT, 'alias_history is append-only');
END;
-- +goose StatementEnd
