package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fealty/features/clickhouse/launch"

	"go.uber.org/goleak"
)

// workEnv tells a re-executed test binary to work in the directory it names
// until it is killed.
const workEnv = "FEALTY_STORE_TEST_WORK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(workEnv); dir != "" {
		workUntilKilled(dir)
		return
	}
	if asked := os.Getenv(publishEnv); asked != "" {
		publishUntilKilled(asked)
		return
	}
	launch.Child()
	goleak.VerifyTestMain(m)
}

func openAt(t *testing.T, dir string) *State {
	t.Helper()
	s, err := OpenState(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStateIsTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	s := openAt(t, dir)
	if _, err := s.SaveModel(t.Context(), Model{Version: "m1", Kind: "churn", Card: []byte(`{}`)}, []byte("bundle")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Names of folders that mean something in a URL.
func TestOddDirectories(t *testing.T) {
	for _, name := range []string{"a?b", "a#b", "a%41", "a b", "é", "a&mode=memory", "a;b"} {
		dir := filepath.Join(t.TempDir(), name)
		s := openAt(t, dir)
		if _, _, err := s.CreateToken(t.Context(), "n", []string{"scores.read"}, 0); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(filepath.Join(dir, stateFile)); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Many that open a new directory at once all get the same one.
func TestManyOpenANewDirectoryAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			s, err := OpenState(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			if _, _, err := s.CreateToken(t.Context(), fmt.Sprint(i), []string{"scores.read"}, 0); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := openAt(t, dir)
	tokens, err := s.Tokens(t.Context())
	if err != nil || len(tokens) != 6 {
		t.Errorf("%d tokens of 6, %v", len(tokens), err)
	}
	if err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

// A file that was emptied, cut or overwritten is refused, not taken for new (O4).
func TestDamagedFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenState(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, _, err := s.CreateToken(t.Context(), fmt.Sprint(i), []string{"scores.read"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, stateFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{
		"emptied":         {},
		"zeroed":          make([]byte, len(whole)),
		"cut":             whole[:len(whole)/2],
		"cut in the head": whole[:50],
		"another file":    []byte(strings.Repeat("not a database\n", 1000)),
	}
	middle := bytes.Clone(whole)
	copy(middle[len(middle)/3:], make([]byte, 8192))
	damages["zeros in the middle"] = middle
	for name, damaged := range damages {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenState(t.Context(), dir)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		if s != nil {
			_ = s.Close()
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if tokens, err := openAt(t, dir).Tokens(t.Context()); err != nil || len(tokens) != 50 {
		t.Errorf("the whole file again: %d tokens, %v", len(tokens), err)
	}
}

// An older release refuses what a newer one wrote, and leaves it as it is (O2).
func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	if _, err := s.db.ExecContext(t.Context(), `INSERT INTO schema_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := OpenState(t.Context(), dir); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "99999") {
			t.Errorf("got %v, want ErrNewer", err)
		}
	}
}

func TestAuditFindsTampering(t *testing.T) {
	ctx := t.Context()
	acts := func(t *testing.T) *State {
		t.Helper()
		s := openAt(t, t.TempDir()).By("ann")
		for i := range 5 {
			if _, _, err := s.CreateToken(ctx, fmt.Sprint(i), []string{"scores.read"}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.VerifyAudit(ctx); err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct{ name, sql, want string }{
		{"edited", `UPDATE audit SET who = 'bob' WHERE seq = 3`, "act 3 was changed"},
		{"detail edited", `UPDATE audit SET detail = '{}' WHERE seq = 2`, "act 2 was changed"},
		{"gap", `DELETE FROM audit WHERE seq = 2`, "act 2 is missing"},
		{"first gone", `DELETE FROM audit WHERE seq = 1`, "act 1 is missing"},
		{"end cut off", `DELETE FROM audit WHERE seq = 5`, "recorded was act 5"},
		{"emptied", `DELETE FROM audit`, "recorded was act 5"},
		{"clock back", `UPDATE audit SET at = at - 1000000000000 WHERE seq = 4`, "act 4 stands before act 3 in time"},
		{"end forgotten", `DELETE FROM audit_end`, "ends with act 5"},
		{"added", `INSERT INTO audit SELECT 6, at, who, act, object, detail, hash FROM audit WHERE seq = 5`, "act 6 was changed"},
		{"swapped", `UPDATE audit SET seq = CASE seq WHEN 2 THEN 103 WHEN 3 THEN 2 END WHERE seq IN (2, 3); UPDATE audit SET seq = 3 WHERE seq = 103`, "act 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := acts(t)
			if strings.Contains(tt.sql, "audit ") && !strings.HasPrefix(tt.sql, "INSERT") && tt.name != "end forgotten" {
				if _, err := s.db.ExecContext(ctx, tt.sql); err == nil || !strings.Contains(err.Error(), "append-only") {
					t.Errorf("the trigger let it pass: %v", err)
				}
			}
			for _, statement := range []string{`DROP TRIGGER audit_is_never_changed`, `DROP TRIGGER audit_is_never_deleted`, tt.sql} {
				if _, err := s.db.ExecContext(ctx, statement); err != nil {
					t.Fatal(err)
				}
			}
			err := s.VerifyAudit(ctx)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			// What is recorded afterwards does not hide it.
			if _, _, err := s.CreateToken(ctx, "later", []string{"scores.read"}, 0); err == nil {
				if err := s.VerifyAudit(ctx); !errors.Is(err, ErrCorrupt) {
					t.Errorf("after another act: %v", err)
				}
			}
		})
	}
}

// The clock may go back; the trail does not.
func TestAuditTimeNeverGoesBack(t *testing.T) {
	s := openAt(t, t.TempDir())
	now := time.Unix(1_700_000_000, 0)
	s.now = func() time.Time { return now }
	for range 3 {
		if _, _, err := s.CreateToken(t.Context(), "n", []string{"scores.read"}, 0); err != nil {
			t.Fatal(err)
		}
		now = now.Add(-time.Hour)
	}
	if err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	acts, err := s.Audit(t.Context(), 2, 1)
	if err != nil || len(acts) != 1 || acts[0].Seq != 2 || acts[0].What != "token.create" || acts[0].Who != "fealty" || !acts[0].At.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("%+v, %v", acts, err)
	}
}

// say writes one line to the parent.
func say(words ...any) {
	if _, err := fmt.Fprintln(os.Stdout, words...); err != nil {
		panic(err) // the parent is gone
	}
}

// workUntilKilled registers and promotes models without end, saying each
// promotion on stdout once it is done.
func workUntilKilled(dir string) {
	ctx := context.Background()
	s, err := OpenState(ctx, dir)
	if err != nil {
		say("open:", err)
		return
	}
	for i := 0; ; i++ {
		version := fmt.Sprintf("v%d-%d", os.Getpid(), i)
		if _, err := s.SaveModel(ctx, Model{Version: version, Kind: "churn", Card: []byte(`{}`)}, bytes.Repeat([]byte(version), 20_000)); err != nil {
			say("save:", err)
			return
		}
		if _, err := s.SetAlias(ctx, "live", version); err != nil {
			say("promote:", err)
			return
		}
		say("live", version)
	}
}

// kill -9 in the middle of register and promote: the alias names the last
// promotion that was reported or the one after it, and whatever has a row can
// be loaded (R8).
func TestKillWhileRegisteringAndPromoting(t *testing.T) {
	rounds := 4
	if os.Getenv("FEALTY_TORTURE") == "1" {
		rounds = 100
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for round := range rounds {
		child := exec.CommandContext(t.Context(), binary)
		child.Env = append(os.Environ(), workEnv+"="+dir)
		var said bytes.Buffer
		child.Stdout, child.Stderr = &said, os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150*time.Millisecond + time.Duration(round*37%100)*time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed: that is its error
		if strings.Contains(said.String(), ":") {
			t.Fatalf("round %d: %s", round, &said)
		}
		last := ""
		for line := range strings.Lines(said.String()) {
			if rest, ok := strings.CutPrefix(line, "live "); ok && strings.HasSuffix(line, "\n") {
				last = strings.TrimSpace(rest)
			}
		}
		verifyAfterKill(t, dir, round, last)
	}
}

func verifyAfterKill(t *testing.T, dir string, round int, last string) {
	t.Helper()
	ctx := t.Context()
	s, err := OpenState(ctx, dir)
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.VerifyAudit(ctx); err != nil {
		t.Errorf("round %d: %v", round, err)
	}
	live, err := s.Alias(ctx, "live")
	if err != nil && last != "" {
		t.Fatalf("round %d: %v", round, err)
	}
	if last != "" && live != last {
		// The promotion after the last that was reported may have been committed unreported.
		history, err := s.History(ctx, "live", 2)
		if err != nil || len(history) != 2 || history[0].To != live || history[0].From != last {
			t.Errorf("round %d: live is %q, the last reported was %q, history %+v, %v", round, live, last, history, err)
		}
	}
	models, err := s.Models(ctx, 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models {
		if got, _, err := s.LoadModel(ctx, m.Version); err != nil || !bytes.Equal(got, bytes.Repeat([]byte(m.Version), 20_000)) {
			t.Errorf("round %d: model %s: %d bytes, %v", round, m.Version, len(got), err)
		}
	}
}

// A temporary file of a killed process goes at a later start; one that is
// being written, and files that are not ours, stay.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	old := time.Now().Add(-2 * time.Hour)
	for name, age := range map[string]time.Time{
		"models/m.bundle.1a2b.tmp": old, "models/n.bundle.1a2b.tmp": time.Now(), "models/notes.txt": old, "models/x.bundle": old,
		"tmp/fealty-1.parquet": old, "tmp/fealty-2.parquet": time.Now(),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, age, age); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.sweep(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, modelsDir))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(entries); strings.Contains(got, "m.bundle.1a2b.tmp") || len(entries) != 3 {
		t.Errorf("left are %s", got)
	}
	if entries, err = os.ReadDir(s.TempDir()); err != nil || len(entries) != 1 || entries[0].Name() != "fealty-2.parquet" {
		t.Errorf("left in the temporary folder are %v (%v), want the young file", entries, err)
	}
	if models, err := s.Models(t.Context(), 10, 0); err != nil || len(models) != 0 {
		t.Errorf("orphans count as versions: %v, %v", models, err)
	}
}

// The lock is given back, and waiting for it ends with the context.
func TestLockEndsWithContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), lockFile)
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("waited %v", took)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
}
