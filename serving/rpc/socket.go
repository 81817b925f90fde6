package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"fealty/serving"
)

// maxSocketPath is what fits into a unix socket's address on every system that
// fealty runs on (macOS 104 bytes with the end, Linux 108).
const maxSocketPath = 103

// listenLocal listens at path with mode 0600. A socket that somebody answers
// on is a conflict; one that nobody answers on was left by a process that
// died, and is replaced.
func listenLocal(ctx context.Context, path string) (net.Listener, error) {
	// The address is bound in a folder of ours that nobody else may enter, then
	// moved: bound in place it would stand open until its mode is changed, and the
	// process's umask belongs to every goroutine.
	parent := filepath.Dir(path)
	if answers(ctx, path) {
		return nil, fmt.Errorf("listen at %q: another process serves this state directory: %w", path, serving.ErrConflict)
	}
	folder, err := os.MkdirTemp(parent, ".s")
	if err != nil {
		return nil, fmt.Errorf("listen at %q: %w", path, err)
	}
	defer func() { _ = os.Remove(folder) }() // empty after the move; nothing depends on it
	bound := filepath.Join(folder, "s")
	if len(bound) > maxSocketPath || len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen at %q: the path is too long for a unix socket; choose a shorter state directory: %w", path, serving.ErrInvalid)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", bound)
	if err != nil {
		return nil, fmt.Errorf("listen at %q: %w", path, err)
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // it would remove the name from before the move
	}
	err = os.Chmod(bound, 0o600)
	if err == nil {
		err = os.Rename(bound, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen at %q: %w", path, err), l.Close(), os.Remove(bound))
	}
	return l, nil
}

// removeLocal removes the socket unless another process has put its own there
// since.
func removeLocal(path string, made os.FileInfo) error {
	now, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && !os.SameFile(made, now)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the socket: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the socket: %w", err)
	}
	return nil
}

// answers reports whether a process accepts connections at path.
func answers(ctx context.Context, path string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return false
	}
	_ = conn.Close() // it was opened only to see whether it opens
	return true
}
