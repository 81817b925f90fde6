package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fealty/serving"
)

const (
	tokenPrefix = "fealty_"
	idLength    = 12
	// secretLength characters of 62 are 256 bits.
	secretLength = 43
	sumLength    = 8
	alphabet     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	maxName      = 100

	// knownFor bounds how long a key that another process revoked still holds.
	knownFor  = 2 * time.Second
	maxKnown  = 10_000
	maxScopes = 32
)

// Token is a key as it is listed. The key itself is not kept.
type Token struct {
	ID     string
	Name   string
	Scopes []string
	// Created, Expires and Revoked are UTC, to the second; Expires and Revoked are
	// zero when the key never expires and is not revoked.
	Created, Expires, Revoked time.Time
}

type knownToken struct {
	hash    []byte
	scopes  []string
	expires int64
	dead    bool
	read    time.Time
}

var scopeForm = regexp.MustCompile(`^[a-z]{1,20}(\.[a-z]{1,20}){0,3}$`)

// CreateToken makes a key, fealty_<id>_<secret><crc32>, and returns it: the
// only time that it can be seen, because only a hash of it is kept. name says
// to people what the key is for, 1 to 100 printable characters; scopes are 1 to
// 32 words like scores.read; ttl 0 means that the key never expires. Anything
// else wraps serving.ErrInvalid.
func (s *State) CreateToken(ctx context.Context, name string, scopes []string, ttl time.Duration) (plain string, token Token, err error) {
	if err := checkNewToken(name, scopes, ttl); err != nil {
		return "", Token{}, fmt.Errorf("create token %q: %w", name, err)
	}
	now := s.now().UTC().Truncate(time.Second)
	token = Token{ID: random(idLength), Name: name, Scopes: slices.Compact(slices.Sorted(slices.Values(scopes))), Created: now}
	var expires any
	if ttl > 0 {
		token.Expires = now.Add(ttl).Truncate(time.Second)
		expires = token.Expires.Unix()
	}
	body := tokenPrefix + token.ID + "_" + random(secretLength)
	plain = body + checksum(body)
	hash := sha256.Sum256([]byte(plain))
	err = s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tokens (id, sha256, name, scopes, created, expires) VALUES (?, ?, ?, ?, ?, ?)`,
			token.ID, hash[:], name, strings.Join(token.Scopes, " "), now.Unix(), expires)
		if err != nil {
			return fmt.Errorf("write it: %w", err)
		}
		return s.record(ctx, tx, "token.create", token.ID, map[string]any{"scopes": token.Scopes})
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("create token %q: %w", name, err)
	}
	return plain, token, nil
}

func checkNewToken(name string, scopes []string, ttl time.Duration) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("name: want 1 to %d printable characters: %w", maxName, serving.ErrInvalid)
	}
	if len(scopes) < 1 || len(scopes) > maxScopes {
		return fmt.Errorf("scopes: has %d; want 1 to %d: %w", len(scopes), maxScopes, serving.ErrInvalid)
	}
	for _, scope := range scopes {
		if !scopeForm.MatchString(scope) {
			return fmt.Errorf("scope %q: want words like scores.read: %w", scope, serving.ErrInvalid)
		}
	}
	if ttl < 0 || (ttl > 0 && ttl < time.Second) {
		return fmt.Errorf("ttl %v: want at least a second, or 0 for ever: %w", ttl, serving.ErrInvalid)
	}
	return nil
}

// Verify returns the id and scopes of a key that holds. A key that is
// malformed, unknown, expired or revoked gives one and the same error, which
// wraps serving.ErrUnauthenticated. A key revoked by another process stops to
// hold within 2 seconds, by this one at once.
func (s *State) Verify(ctx context.Context, plain string) (id string, scopes []string, err error) {
	refused := fmt.Errorf("verify key: %w", serving.ErrUnauthenticated)
	id, ok := parse(plain)
	if !ok {
		return "", nil, refused
	}
	known, err := s.lookUp(ctx, id)
	if err != nil {
		return "", nil, fmt.Errorf("verify key: %w", err)
	}
	hash := sha256.Sum256([]byte(plain))
	// The hash of an unknown id is all zero: it takes the same time and equals none.
	same := subtle.ConstantTimeCompare(hash[:], known.hash) == 1
	if !same || known.dead || (known.expires != 0 && s.now().Unix() >= known.expires) {
		return "", nil, refused
	}
	return id, slices.Clone(known.scopes), nil
}

var unknownToken = knownToken{hash: make([]byte, sha256.Size), dead: true}

func (s *State) lookUp(ctx context.Context, id string) (knownToken, error) {
	now := s.now()
	s.mu.Lock()
	known, ok := s.known[id]
	s.mu.Unlock()
	if age := now.Sub(known.read); ok && age >= 0 && age < knownFor {
		return known, nil
	}
	var scopes string
	var expires, revoked sql.NullInt64
	known = knownToken{read: now}
	err := s.db.QueryRowContext(ctx, `SELECT sha256, scopes, expires, revoked FROM tokens WHERE id = ?`, id).Scan(&known.hash, &scopes, &expires, &revoked)
	if errors.Is(err, sql.ErrNoRows) {
		// Not remembered: strangers must not fill the memory.
		return unknownToken, nil
	}
	if err != nil {
		return knownToken{}, fmt.Errorf("read key: %w", err)
	}
	known.scopes, known.expires, known.dead = strings.Fields(scopes), expires.Int64, revoked.Valid
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[id] = known
	return known, nil
}

// TokenName returns the name of a key that holds or held, "" for an unknown id.
func (s *State) TokenName(ctx context.Context, id string) (string, error) {
	all, err := s.Tokens(ctx)
	if err != nil {
		return "", err
	}
	for i := range all {
		if all[i].ID == id {
			return all[i].Name, nil
		}
	}
	return "", nil
}

// Revoke ends a key for ever. It returns an error that wraps
// serving.ErrNotFound for an unknown id; a key revoked before stays as it was.
func (s *State) Revoke(ctx context.Context, id string) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		var revoked sql.NullInt64
		err := tx.QueryRowContext(ctx, `SELECT revoked FROM tokens WHERE id = ?`, id).Scan(&revoked)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return serving.ErrNotFound
		case err != nil:
			return fmt.Errorf("read it: %w", err)
		case revoked.Valid:
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked = ? WHERE id = ?`, s.now().Unix(), id); err != nil {
			return fmt.Errorf("write it: %w", err)
		}
		return s.record(ctx, tx, "token.revoke", id, nil)
	})
	if err != nil {
		return fmt.Errorf("revoke token %q: %w", id, err)
	}
	s.mu.Lock()
	delete(s.known, id)
	s.mu.Unlock()
	return nil
}

// Tokens lists every key, the newest first.
func (s *State) Tokens(ctx context.Context) (tokens []Token, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, name, scopes, created, expires, revoked FROM tokens ORDER BY created DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t Token
		var scopes string
		var created int64
		var expires, revoked sql.NullInt64
		if err := rows.Scan(&t.ID, &t.Name, &scopes, &created, &expires, &revoked); err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		t.Scopes, t.Created = strings.Fields(scopes), time.Unix(created, 0).UTC()
		if expires.Valid {
			t.Expires = time.Unix(expires.Int64, 0).UTC()
		}
		if revoked.Valid {
			t.Revoked = time.Unix(revoked.Int64, 0).UTC()
		}
		tokens = append(tokens, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// parse checks a key's form and sum and returns its id. The sum finds slips of
// copying, and keys for search tools in source code, without asking the store.
func parse(plain string) (id string, ok bool) {
	const length = len(tokenPrefix) + idLength + 1 + secretLength + sumLength
	if len(plain) != length || !strings.HasPrefix(plain, tokenPrefix) {
		return "", false
	}
	body, sum := plain[:length-sumLength], plain[length-sumLength:]
	if sum != checksum(body) {
		return "", false
	}
	id, secret, _ := strings.Cut(body[len(tokenPrefix):], "_")
	if len(id) != idLength || len(secret) != secretLength {
		return "", false
	}
	return id, true
}

func checksum(body string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) }

// random returns n characters of the alphabet, each equally likely.
func random(n int) string {
	out := make([]byte, 0, n)
	var buffer [64]byte
	for len(out) < n {
		// crypto/rand never fails: it ends the process instead.
		_, _ = rand.Read(buffer[:])
		for _, b := range buffer {
			// 248 is the largest multiple of 62 in a byte: what is above would favour the first characters.
			if b < 248 && len(out) < n {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}
