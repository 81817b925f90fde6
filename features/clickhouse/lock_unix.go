//go:build unix

package clickhouse

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the whole file for this open file, without waiting.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errWouldBlock
	}
	return err
}
