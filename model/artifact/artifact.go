// Package artifact saves and loads a model bundle: one file of named text
// sections, versioned and checksummed, that holds no code.
//
// Place in the flow: model → [artifact] → registry. It knows the container and
// refuses to know what a section means: the model's own packages parse those,
// with bounds of their own.
//
// The format, all lines ending in \n:
//
//	fealty-bundle 1
//	section NAME LENGTH SHA256        (for each section, in order of name)
//	end SHA256-OF-THE-LINES-ABOVE
//	…the sections' bytes, one after the other…
package artifact

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Limits of a bundle.
const (
	// MaxBytes is the most bytes of all sections together.
	MaxBytes = 256 << 20
	// MaxSections is the most sections.
	MaxSections = 64
	maxName     = 64
	magic       = "fealty-bundle "
	version     = 1
)

// Errors of Read, to be recognised with errors.Is.
var (
	// ErrFormat marks bytes that are no whole bundle.
	ErrFormat = errors.New("artifact: not a whole model bundle")
	// ErrVersion marks a bundle of a format that this program doesn't read.
	ErrVersion = errors.New("artifact: unknown bundle format")
	// ErrChecksum marks content that differs from what was saved.
	ErrChecksum = errors.New("artifact: checksum differs")
	// ErrTooLarge marks a bundle above the limits.
	ErrTooLarge = errors.New("artifact: bundle too large")
)

// Bundle is a set of named sections. Names are lower-case letters, digits,
// dots and hyphens.
type Bundle map[string][]byte

// Write writes the bundle. The same sections give the same bytes.
func (b Bundle) Write(w io.Writer) error {
	if len(b) == 0 || len(b) > MaxSections {
		return fmt.Errorf("write bundle of %d sections, need 1 … %d: %w", len(b), MaxSections, ErrTooLarge)
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s%d\n", magic, version)
	names := slices.Sorted(maps.Keys(b))
	total := 0
	for _, name := range names {
		if !validName(name) {
			return fmt.Errorf("write bundle: section name %q: %w", name, ErrFormat)
		}
		if total += len(b[name]); total > MaxBytes {
			return fmt.Errorf("write bundle: more than %d bytes: %w", MaxBytes, ErrTooLarge)
		}
		fmt.Fprintf(&head, "section %s %d %s\n", name, len(b[name]), sum(b[name]))
	}
	fmt.Fprintf(&head, "end %s\n", sum(head.Bytes()))
	if _, err := w.Write(head.Bytes()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	for _, name := range names {
		if _, err := w.Write(b[name]); err != nil {
			return fmt.Errorf("write bundle section %q: %w", name, err)
		}
	}
	return nil
}

// Read reads a whole bundle and checks every checksum before it returns
// anything. Memory is bounded by the lengths that the checksummed head states,
// which are bounded by MaxBytes.
func Read(r io.Reader) (Bundle, error) {
	in := bufio.NewReaderSize(r, 4096)
	entries, err := readHead(in)
	if err != nil {
		return nil, err
	}
	b := make(Bundle, len(entries))
	for _, e := range entries {
		var content bytes.Buffer
		n, err := io.Copy(&content, io.LimitReader(in, e.length))
		if err != nil {
			return nil, fmt.Errorf("read bundle section %q: %w", e.name, err)
		}
		if n != e.length {
			return nil, fmt.Errorf("section %q ends after %d of %d bytes: %w", e.name, n, e.length, ErrFormat)
		}
		if got := sum(content.Bytes()); got != e.sum {
			return nil, fmt.Errorf("section %q: %w", e.name, ErrChecksum)
		}
		b[e.name] = content.Bytes()
	}
	if _, err := in.ReadByte(); err == nil {
		return nil, fmt.Errorf("bytes after the last section: %w", ErrFormat)
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	return b, nil
}

type entry struct {
	name   string
	length int64
	sum    string
}

func readHead(in *bufio.Reader) ([]entry, error) {
	hash := sha256.New()
	line := func() (string, error) {
		raw, err := in.ReadSlice('\n')
		if err != nil {
			return "", fmt.Errorf("head of the bundle: %w", ErrFormat)
		}
		s := string(raw[:len(raw)-1])
		if !strings.HasPrefix(s, "end ") {
			hash.Write(raw)
		}
		return s, nil
	}
	first, err := line()
	if err != nil {
		return nil, err
	}
	if v, ok := strings.CutPrefix(first, magic); !ok {
		return nil, fmt.Errorf("it does not begin with %q: %w", strings.TrimSpace(magic), ErrFormat)
	} else if v != strconv.Itoa(version) {
		return nil, fmt.Errorf("format %q, this program reads %d: %w", v, version, ErrVersion)
	}
	var entries []entry
	total := int64(0)
	for {
		s, err := line()
		if err != nil {
			return nil, err
		}
		if want, ok := strings.CutPrefix(s, "end "); ok {
			if want != hex.EncodeToString(hash.Sum(nil)) {
				return nil, fmt.Errorf("head of the bundle: %w", ErrChecksum)
			}
			if len(entries) == 0 {
				return nil, fmt.Errorf("no sections: %w", ErrFormat)
			}
			return entries, nil
		}
		f := strings.Split(s, " ")
		if len(f) != 4 || f[0] != "section" || !validName(f[1]) || len(f[3]) != 2*sha256.Size {
			return nil, fmt.Errorf("line %q of the head: %w", s, ErrFormat)
		}
		length, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || length < 0 || strconv.FormatInt(length, 10) != f[2] {
			return nil, fmt.Errorf("length %q of section %q: %w", f[2], f[1], ErrFormat)
		}
		if len(entries) > 0 && entries[len(entries)-1].name >= f[1] {
			return nil, fmt.Errorf("section %q stands twice or out of order: %w", f[1], ErrFormat)
		}
		if total += length; total > MaxBytes || length > MaxBytes || len(entries) == MaxSections {
			return nil, fmt.Errorf("more than %d bytes or %d sections: %w", MaxBytes, MaxSections, ErrTooLarge)
		}
		entries = append(entries, entry{f[1], length, f[3]})
	}
}

func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
