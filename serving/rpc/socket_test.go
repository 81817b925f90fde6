package rpc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fealty/serving"

	"google.golang.org/grpc"
)

// shortDir is a temporary folder with a short path: a unix socket's address
// has room for about 100 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "f") //nolint:usetesting // t.TempDir holds the test's name and gets too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func localWithOperations(t *testing.T) *grpc.Server {
	t.Helper()
	s := newLocal(serving.NewOperations(nil), nil)
	t.Cleanup(s.Stop)
	return s
}

func TestSocketBelongsToItsOwner(t *testing.T) {
	v := serve(t, nil)
	info, err := os.Lstat(v.socket)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode(), os.ModeSocket|0o600; got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
	entries, err := os.ReadDir(filepath.Dir(v.socket))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%v lie beside the socket", entries)
	}
	if err := v.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(v.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end the socket is still there: %v", err)
	}
}

func TestSecondServeOnASocketIsRefused(t *testing.T) {
	v := serve(t, nil)
	if _, err := listenLocal(t.Context(), v.socket); !errors.Is(err, serving.ErrConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
}

// A process that was killed leaves its socket behind; the next one takes it over.
func TestSocketOfADeadProcessIsReplaced(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	first, err := listenLocal(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil { // unlinkOnClose is off: the name stays, as after a kill
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	second, err := listenLocal(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if !answers(t.Context(), path) {
		t.Error("nobody answers at the replaced socket")
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSocketPathTooLong(t *testing.T) {
	_, err := listenLocal(t.Context(), filepath.Join(shortDir(t), strings.Repeat("x", 120)))
	if !errors.Is(err, serving.ErrInvalid) || !strings.Contains(err.Error(), "shorter state directory") {
		t.Errorf("got %v", err)
	}
}
