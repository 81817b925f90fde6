package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/serving"

	"github.com/google/go-cmp/cmp"
)

func TestTokenHoldsUntilItDoesNot(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	now := time.Unix(1_700_000_000, 500)
	s.now = func() time.Time { return now }
	plain, made, err := s.CreateToken(ctx, "dashboards of sales", []string{"scores.read", "scores.now", "scores.read"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^fealty_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}[0-9a-f]{8}$`).MatchString(plain) || !strings.HasPrefix(plain, "fealty_"+made.ID+"_") {
		t.Errorf("key %q of id %q", plain, made.ID)
	}
	id, scopes, err := s.Verify(ctx, plain)
	if err != nil || id != made.ID || !cmp.Equal(scopes, []string{"scores.now", "scores.read"}) {
		t.Errorf("%q %v %v", id, scopes, err)
	}
	listed, err := s.Tokens(ctx)
	want := []Token{{
		ID: made.ID, Name: "dashboards of sales", Scopes: []string{"scores.now", "scores.read"},
		Created: time.Unix(1_700_000_000, 0).UTC(), Expires: time.Unix(1_700_003_600, 0).UTC(),
	}}
	if d := cmp.Diff(want, listed); d != "" || err != nil {
		t.Errorf("%s %v", d, err)
	}
	now = now.Add(time.Hour - time.Second)
	if _, _, err := s.Verify(ctx, plain); err != nil {
		t.Errorf("a second before it expires: %v", err)
	}
	now = now.Add(time.Second)
	if _, _, err := s.Verify(ctx, plain); !errors.Is(err, serving.ErrUnauthenticated) {
		t.Errorf("expired: %v", err)
	}
}

// A key with any one character changed does not hold, and the error never says why.
func TestForgedTokens(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	plain, made, err := s.CreateToken(ctx, "n", []string{"scores.read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	forged := []string{"", "fealty_", "fealty__", plain + "x", plain[1:], strings.ToUpper(plain), plain + "\n", " " + plain, strings.Repeat("x", len(plain))}
	for i := range plain {
		b := []byte(plain)
		if b[i]++; b[i] == 'z'+1 || b[i] == '_' {
			b[i] = 'a'
		}
		if string(b) != plain {
			forged = append(forged, string(b))
			// With a sum that fits, too: the sum is no secret.
			if i < len(plain)-sumLength {
				body := string(b[:len(b)-sumLength])
				forged = append(forged, body+checksum(body))
			}
		}
	}
	first := ""
	for _, key := range forged {
		_, _, err := s.Verify(ctx, key)
		if !errors.Is(err, serving.ErrUnauthenticated) {
			t.Fatalf("%q: %v", key, err)
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Errorf("%q: %q, others %q", key, err, first)
		}
	}
	if _, _, err := s.Verify(ctx, plain); err != nil {
		t.Error(err)
	}
	if err := s.Revoke(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Verify(ctx, plain); err == nil || err.Error() != first {
		t.Errorf("revoked: %v", err)
	}
	if err := s.Revoke(ctx, made.ID); err != nil {
		t.Errorf("revoked twice: %v", err)
	}
	if err := s.Revoke(ctx, "nobody"); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("revoke an unknown id: %v", err)
	}
}

// What another process revokes stops to hold within knownFor (A3).
func TestRevokedByAnotherProcess(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	serve, cli := openAt(t, dir), openAt(t, dir)
	now := time.Unix(1_700_000_000, 0)
	serve.now = func() time.Time { return now }
	plain, made, err := cli.CreateToken(ctx, "n", []string{"scores.read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := serve.Verify(ctx, plain); err != nil {
		t.Fatal(err)
	}
	if err := cli.Revoke(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	now = now.Add(knownFor)
	if _, _, err := serve.Verify(ctx, plain); !errors.Is(err, serving.ErrUnauthenticated) {
		t.Errorf("after %v: %v", knownFor, err)
	}
	// A clock that goes back must not make an old look-up young again.
	now = now.Add(-time.Hour)
	if _, _, err := serve.Verify(ctx, plain); !errors.Is(err, serving.ErrUnauthenticated) {
		t.Errorf("with the clock back: %v", err)
	}
}

// The key itself is in no file of the state directory.
func TestKeyIsKeptNowhere(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s := openAt(t, dir)
	plain, made, err := s.CreateToken(ctx, "n", []string{"scores.read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	secret := plain[len("fealty_")+idLength+1 : len(plain)-sumLength]
	seen := false
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(secret)) || bytes.Contains(content, []byte(plain)) {
			t.Errorf("%s holds the key", path)
		}
		seen = seen || bytes.Contains(content, []byte(made.ID))
		return err
	})
	if err != nil || !seen {
		t.Errorf("id found: %v, %v", seen, err)
	}
}

func TestTokensThatAreNotMade(t *testing.T) {
	s := openAt(t, t.TempDir())
	read := []string{"scores.read"}
	tests := []struct {
		what, name string
		scopes     []string
		ttl        time.Duration
	}{
		{"no name", "", read, 0},
		{"long name", strings.Repeat("x", 101), read, 0},
		{"line break", "a\nb", read, 0},
		{"broken bytes", "a\xff", read, 0},
		{"no scope", "n", nil, 0},
		{"odd scope", "n", []string{"Scores Read"}, 0},
		{"scope with a space", "n", []string{"a b"}, 0},
		{"empty scope", "n", []string{""}, 0},
		{"many scopes", "n", strings.Split(strings.Repeat("a,", 32)+"a", ","), 0},
		{"negative ttl", "n", read, -time.Hour},
		{"tiny ttl", "n", read, time.Millisecond},
	}
	for _, tt := range tests {
		if plain, _, err := s.CreateToken(t.Context(), tt.name, tt.scopes, tt.ttl); !errors.Is(err, serving.ErrInvalid) || plain != "" {
			t.Errorf("%s: %q, %v", tt.what, plain, err)
		}
	}
	if tokens, err := s.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("%v, %v", tokens, err)
	}
}

func TestVerifyFromManySides(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	plain, made, err := s.CreateToken(ctx, "n", []string{"scores.read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if id, _, err := s.Verify(ctx, plain); err != nil || id != made.ID {
					t.Errorf("%q, %v", id, err)
				}
			}
		})
	}
	all.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add("fealty_abc_def")
	body := "fealty_" + strings.Repeat("a", idLength) + "_" + strings.Repeat("b", secretLength)
	f.Add(body + checksum(body))
	f.Fuzz(func(t *testing.T, key string) {
		id, ok := parse(key)
		if ok && (len(id) != idLength || !strings.HasPrefix(key, "fealty_"+id+"_") || !strings.HasSuffix(key, checksum(key[:len(key)-sumLength]))) {
			t.Errorf("parse(%q) = %q", key, id)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s, err := OpenState(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	plain, _, err := s.CreateToken(b.Context(), "n", []string{"scores.read"}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := s.Verify(b.Context(), plain); err != nil {
			b.Fatal(err)
		}
	}
}
