package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/serving"

	"github.com/google/go-cmp/cmp"
)

func churn(version string) Model {
	return Model{Version: version, Kind: "churn", Grade: "A", Card: []byte(`{"auc":0.745}`)}
}

func TestModelComesBackAsSaved(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s := openAt(t, dir)
	now := time.Unix(1_700_000_000, 0)
	s.now = func() time.Time { return now }
	bundle := []byte("tree\nversion=v4\n\x00\xff")
	saved, err := s.SaveModel(ctx, churn("2026-11-24.1"), bundle)
	if err != nil {
		t.Fatal(err)
	}
	want := churn("2026-11-24.1")
	want.CreatedAt, want.Bytes = now.UTC(), int64(len(bundle))
	want.SHA256 = saved.SHA256
	want.File = "2026-11-24.1-" + saved.SHA256[:16] + ".bundle"
	if d := cmp.Diff(want, saved); d != "" || len(saved.SHA256) != 64 {
		t.Error(d)
	}
	got, m, err := openAt(t, dir).LoadModel(ctx, "2026-11-24.1")
	if err != nil || !bytes.Equal(got, bundle) {
		t.Errorf("%q, %v", got, err)
	}
	if d := cmp.Diff(want, m); d != "" {
		t.Error(d)
	}
	now = now.Add(time.Hour)
	again, err := s.SaveModel(ctx, churn("2026-11-24.1"), bundle)
	if d := cmp.Diff(want, again); d != "" || err != nil {
		t.Errorf("saved again: %s %v", d, err)
	}
	if _, err := s.SaveModel(ctx, churn("2026-11-24.1"), []byte("other")); !errors.Is(err, serving.ErrConflict) {
		t.Errorf("other bytes: %v", err)
	}
	if _, _, err := s.LoadModel(ctx, "none"); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

// No name leads out of the folder of models (R3).
func TestModelNames(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "state"))
	if _, err := s.SaveModel(ctx, churn("good"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"", ".", "..", "../x", "../../etc/passwd", `..\..`, "%2e%2e%2f", "%252e", "/abs", "file://x", "a\x00b", "a/b", `a\b`, "a b", "a\n", "-rf",
		".hidden", "_x", "a..b", "é", strings.Repeat("x", 101), strings.Repeat("x", 4096), "CON", "con.txt", "nul", "LPT1", "com1.bundle", "a:b", "a*", "~",
	} {
		if _, err := s.SaveModel(ctx, churn(name), []byte("x")); !errors.Is(err, serving.ErrInvalid) {
			t.Errorf("version %.50q: %v", name, err)
		}
		if _, err := s.SetAlias(ctx, name, "good"); !errors.Is(err, serving.ErrInvalid) {
			t.Errorf("alias %.50q: %v", name, err)
		}
		if _, _, err := s.LoadModel(ctx, name); !errors.Is(err, serving.ErrNotFound) {
			t.Errorf("load %.50q: %v", name, err)
		}
	}
	for _, name := range []string{"1", "v1.2-rc_3", "Console", "com10x", strings.Repeat("x", 100)} {
		if _, err := s.SaveModel(ctx, churn(name), []byte("x"+name)); err != nil {
			t.Errorf("version %.50q: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v lie beside the state directory, %v", entries, err)
	}
}

func TestModelsThatAreNotSaved(t *testing.T) {
	s := openAt(t, t.TempDir())
	for name, m := range map[string]Model{
		"no card":     {Version: "v", Kind: "churn"},
		"broken card": {Version: "v", Kind: "churn", Card: []byte(`{`)},
		"no kind":     {Version: "v", Card: []byte(`{}`)},
		"long kind":   {Version: "v", Kind: strings.Repeat("x", 101), Card: []byte(`{}`)},
	} {
		if _, err := s.SaveModel(t.Context(), m, []byte("x")); !errors.Is(err, serving.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.SaveModel(t.Context(), churn("v"), nil); !errors.Is(err, serving.ErrInvalid) {
		t.Errorf("empty bundle: %v", err)
	}
	entries, err := os.ReadDir(s.folder.Name())
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A bundle that is cut, or changed in any byte, or no plain file, is refused (R1, R5).
func TestDamagedBundlesAreRefused(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	bundle := []byte(strings.Repeat("leaf_value=0.25\n", 8))
	m, err := s.SaveModel(ctx, churn("v"), bundle)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.folder.Name(), m.File)
	refused := func(what string) {
		t.Helper()
		if got, _, err := s.LoadModel(ctx, "v"); !errors.Is(err, ErrCorrupt) || got != nil {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
	}
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range bundle {
		write(bundle[:i])
		refused(fmt.Sprintf("cut at %d", i))
		flipped := bytes.Clone(bundle)
		flipped[i] ^= 1 << (i % 8)
		write(flipped)
		refused(fmt.Sprintf("byte %d flipped", i))
	}
	write(append(bytes.Clone(bundle), 'x'))
	refused("longer")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := errors.Join(os.WriteFile(elsewhere, bundle, 0o600), os.Remove(path), os.Symlink(elsewhere, path)); err != nil {
		t.Fatal(err)
	}
	refused("a link, even to the same bytes")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	refused("missing")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("a folder")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(bundle)
	if got, _, err := s.LoadModel(ctx, "v"); err != nil || !bytes.Equal(got, bundle) {
		t.Errorf("whole again: %v", err)
	}
	for _, size := range []int64{1 << 40, MaxModelBytes + 1} {
		if _, err := s.db.ExecContext(ctx, `UPDATE models SET bytes = ? WHERE version = 'v'`, size); err != nil {
			t.Fatal(err)
		}
		refused(fmt.Sprintf("a row that says %d bytes", size))
	}
	if _, err := s.db.ExecContext(ctx, `UPDATE models SET bytes = ?, file = '../state.db' WHERE version = 'v'`, len(bundle)); err != nil {
		t.Fatal(err)
	}
	refused("a row that names another file")
}

func TestAliases(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	now := time.Unix(1_700_000_000, 0)
	s.now = func() time.Time { return now }
	for _, v := range []string{"v1", "v2"} {
		if _, err := s.SaveModel(ctx, churn(v), []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Alias(ctx, "live"); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("never set: %v", err)
	}
	if _, err := s.SetAlias(ctx, "live", "v3"); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("unknown version: %v", err)
	}
	ann, bob := s.By("ann"), s.By("bob")
	if previous, err := ann.SetAlias(ctx, "live", "v1"); previous != "" || err != nil {
		t.Errorf("%q, %v", previous, err)
	}
	now = now.Add(time.Minute)
	if previous, err := bob.SetAlias(ctx, "live", "v2"); previous != "v1" || err != nil {
		t.Errorf("%q, %v", previous, err)
	}
	if previous, err := bob.SetAlias(ctx, "live", "v2"); previous != "v2" || err != nil {
		t.Errorf("to the same: %q, %v", previous, err)
	}
	if err := ann.SwapAlias(ctx, "live", "v1", "v2"); !errors.Is(err, serving.ErrConflict) {
		t.Errorf("swapped from what it was: %v", err)
	}
	if err := ann.SwapAlias(ctx, "live", "v2", "v1"); err != nil {
		t.Error(err)
	}
	if err := ann.SwapAlias(ctx, "next", "", "v2"); err != nil {
		t.Error(err)
	}
	if version, err := s.Alias(ctx, "live"); version != "v1" || err != nil {
		t.Errorf("%q, %v", version, err)
	}
	history, err := s.History(ctx, "live", 10)
	second, first := now.UTC(), now.Add(-time.Minute).UTC()
	want := []AliasChange{{"live", "v2", "v1", second, "ann"}, {"live", "v1", "v2", second, "bob"}, {"live", "", "v1", first, "ann"}}
	if d := cmp.Diff(want, history); d != "" || err != nil {
		t.Errorf("%s %v", d, err)
	}
	if _, err := s.db.ExecContext(ctx, `UPDATE alias_history SET who = 'x'`); err == nil {
		t.Error("the history was rewritten")
	}
	if err := s.RemoveModel(ctx, "v1"); !errors.Is(err, serving.ErrConflict) {
		t.Errorf("remove what is live: %v", err)
	}
	if err := s.SwapAlias(ctx, "next", "v2", "v1"); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveModel(ctx, "v2"); err != nil {
		t.Error(err)
	}
	if _, _, err := s.LoadModel(ctx, "v2"); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if entries, err := os.ReadDir(s.folder.Name()); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := s.RemoveModel(ctx, "v2"); !errors.Is(err, serving.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

// Promotions from many sides, through two processes' worth of handles, make
// one history: each begins where the one before it ended (R9).
func TestPromotionsAreOneHistory(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	handles := []*State{openAt(t, dir), openAt(t, dir)}
	for i := range 6 {
		v := fmt.Sprintf("v%d", i)
		if _, err := handles[0].SaveModel(ctx, churn(v), []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	swaps := 0
	for g := range 6 {
		s := handles[g%2].By(fmt.Sprint("g", g))
		all.Go(func() {
			for i := range 8 {
				to := fmt.Sprintf("v%d", (g+i)%6)
				if i%2 == 0 {
					if _, err := s.SetAlias(ctx, "live", to); err != nil {
						t.Error(err)
					}
					continue
				}
				from, err := s.Alias(ctx, "live")
				if err != nil {
					t.Error(err)
				}
				switch err := s.SwapAlias(ctx, "live", from, to); {
				case err == nil && from != to:
					mu.Lock()
					swaps++
					mu.Unlock()
				case err != nil && !errors.Is(err, serving.ErrConflict):
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	history, err := handles[1].History(ctx, "live", 1000)
	if err != nil || len(history) < swaps {
		t.Fatalf("%d changes, %d swaps, %v", len(history), swaps, err)
	}
	now, err := handles[0].Alias(ctx, "live")
	if err != nil || history[0].To != now {
		t.Errorf("live is %q, the history ends with %q, %v", now, history[0].To, err)
	}
	for i := range history[:len(history)-1] {
		if history[i].From != history[i+1].To {
			t.Errorf("change %d begins with %q, the one before ended with %q", i, history[i].From, history[i+1].To)
		}
	}
	if first := history[len(history)-1]; first.From != "" {
		t.Errorf("the first change begins with %q", first.From)
	}
	if err := handles[0].VerifyAudit(ctx); err != nil {
		t.Error(err)
	}
}

// Two who save one version with other bytes at once: one wins, and what can be
// loaded is what the winner saved.
func TestOneVersionSavedFromTwoSides(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	for round := range 5 {
		v := fmt.Sprintf("v%d", round)
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			both.Go(func() { _, errs[i] = s.SaveModel(ctx, churn(v), fmt.Appendf(nil, "bytes of %d", i)) })
		}
		both.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if errs[winner] != nil || !errors.Is(errs[1-winner], serving.ErrConflict) {
			t.Fatalf("%v", errs)
		}
		if got, _, err := s.LoadModel(ctx, v); err != nil || string(got) != fmt.Sprintf("bytes of %d", winner) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// Ten thousand versions are listed by pages (R11).
func TestManyVersionsAreListedByPages(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, t.TempDir())
	_, err := s.db.ExecContext(ctx, `
		WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
		INSERT INTO models SELECT printf('v%05d', i), 1700000000 + i / 3, 'churn', 'A', printf('f%d', i), printf('%064d', i), 1, '{}' FROM n`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	last := ""
	for offset := 0; offset < 10_000; offset += 1000 {
		page, err := s.Models(ctx, 1000, offset)
		if err != nil || len(page) != 1000 {
			t.Fatalf("%d at %d, %v", len(page), offset, err)
		}
		for _, m := range page {
			if last != "" && m.Version >= last {
				t.Fatalf("%s after %s", m.Version, last)
			}
			last = m.Version
			seen[m.Version] = true
		}
	}
	if len(seen) != 10_000 {
		t.Errorf("%d versions", len(seen))
	}
}
