//go:build linux && amd64 && !nochdb

package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// errWouldBlock is what lockFile answers when somebody else holds the file.
var errWouldBlock = errors.New("locked by another process")

// lockName is the file in a warehouse's directory whose lock stands for it. The
// lock is the system's, so that it ends with its process however that ends; the
// text inside only names the holder.
const lockName = "fealty.lock"

// directoryLock is the right to use a directory.
type directoryLock struct{ file *os.File }

// lockDirectory makes the directory when it is missing and locks it. ErrLocked
// names the holder and the way out.
func lockDirectory(dir string) (*directoryLock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the warehouse's directory %q: %w", dir, err)
	}
	name := filepath.Join(dir, lockName)
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the directory is the operator's own choice
	if err != nil {
		return nil, fmt.Errorf("open the warehouse's lock %q: %w", name, err)
	}
	if err := lockFile(file); err != nil {
		holder := readHolder(name)
		closed := file.Close()
		if errors.Is(err, errWouldBlock) {
			return nil, errors.Join(fmt.Errorf("%w: %q is held by %s; stop that process, or, if it is `fealty serve`, run the verb while it serves, with the same state directory",
				ErrLocked, dir, holder), closed)
		}
		return nil, errors.Join(fmt.Errorf("lock %q: %w", name, err), closed)
	}
	lock := &directoryLock{file: file}
	if err := lock.sign(); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return lock, nil
}

// sign writes who holds the lock.
func (l *directoryLock) sign() error {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	text := fmt.Sprintf("process %d on %s since %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("empty %q: %w", l.file.Name(), err)
	}
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return fmt.Errorf("write %q: %w", l.file.Name(), err)
	}
	return nil
}

// release gives the directory back. The file stays: removing it would let two
// processes lock two files of one name.
func (l *directoryLock) release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release %q: %w", l.file.Name(), err)
	}
	return nil
}

func readHolder(name string) string {
	const longest = 300
	text, err := os.ReadFile(name) //nolint:gosec // as above
	holder := strings.TrimSpace(string(text))
	if err != nil || holder == "" || len(holder) > longest {
		return "another process"
	}
	return holder
}

// lockFile takes the whole file for this open file, without waiting.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errWouldBlock
	}
	return err
}
