package files

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// source reads the records of one input.
type source interface {
	// columns names the columns; nil when they are only known record by record.
	columns() []string
	// bind says which column each slot of a record is.
	bind(names []string) error
	// next reads a record. The error is io.EOF or *place.
	next(ctx context.Context, r *record) error
	// where completes a place with the column of a slot of the current record.
	where(slot int, p *place)
	// record returns the current record for people, as it stands in the file.
	record() []byte
	close() error
}

// place is a fault with the place where it lies. The Reader adds the input's name.
type place struct {
	line   int64
	column int // from 1, 0 for the whole record
	name   string
	value  []byte
	reason error
	// mendable faults spoil one record; the others end the stream.
	mendable bool
	record   []byte
}

func (p *place) Error() string { return p.reason.Error() }
func (p *place) Unwrap() error { return p.reason }

// bindColumns finds each name among columns.
func bindColumns(names, columns []string) ([]int, error) {
	at := make([]int, len(names))
	for slot, name := range names {
		at[slot] = -1
		for i, column := range columns {
			if column != name {
				continue
			}
			if at[slot] >= 0 {
				return nil, fmt.Errorf("column %q stands twice, as %d and %d; rename one", name, at[slot]+1, i+1)
			}
			at[slot] = i
		}
		if at[slot] < 0 {
			return nil, noColumn(name, columns)
		}
	}
	return at, nil
}

// noColumn says what there is instead.
func noColumn(name string, columns []string) error {
	for _, column := range columns {
		if strings.EqualFold(strings.TrimSpace(column), strings.TrimSpace(name)) {
			return fmt.Errorf("no column %q; there is %q (capitals and spaces count)", name, column)
		}
	}
	return fmt.Errorf("no column %q; there are %s", name, listed(columns))
}

// listed names at most 30 columns.
func listed(columns []string) string {
	var b strings.Builder
	for i, c := range columns {
		if i == 30 {
			fmt.Fprintf(&b, " and %d more", len(columns)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(shorten([]byte(c)))
	}
	return b.String()
}

// shorten cuts what is shown of a value.
func shorten(b []byte) string {
	const most = 60
	if len(b) <= most {
		return string(b)
	}
	cut := most
	for cut > most-4 && b[cut]&0xC0 == 0x80 {
		cut--
	}
	return string(b[:cut]) + "…"
}

// tap counts and hashes the bytes of an input as they pass, and stops when the
// work is cancelled.
type tap struct {
	ctx  context.Context //nolint:containedctx // io.Reader has no context; the tap lives within one call of Next
	from io.Reader
	sum  hash.Hash
	read *atomic.Int64
	own  int64
	// ahead counts bytes that were told to be read before they passed here.
	ahead int64
}

func (t *tap) Read(p []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.from.Read(p)
	if n > 0 {
		_, _ = t.sum.Write(p[:n]) // a hash never fails
		told := min(int64(n), t.ahead)
		t.ahead -= told
		t.read.Add(int64(n) - told)
		t.own += int64(n)
	}
	return n, err
}

// end adds the input's length to the hash, so that bytes cannot wander from the
// end of one input to the beginning of the next unnoticed.
func (t *tap) end() {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(t.own)) //nolint:gosec // a count of bytes is not negative
	_, _ = t.sum.Write(length[:])                        // a hash never fails
}

// valve refuses what decompresses to more than the limits: a bomb costs time
// even where memory is bounded.
type valve struct {
	from   io.Reader
	packed *tap
	limits Limits
	out    int64
}

// freeBytes may be unpacked whatever the ratio is.
const freeBytes = 64 << 20

func (v *valve) Read(p []byte) (int, error) {
	n, err := v.from.Read(p)
	v.out += int64(n)
	if v.out > v.limits.Unpacked {
		return 0, fmt.Errorf("unpacks to more than %d bytes, the limit", v.limits.Unpacked)
	}
	if v.out > freeBytes && v.out/v.limits.Ratio > v.packed.own {
		return 0, fmt.Errorf("unpacks to more than %d times its size, the limit", v.limits.Ratio)
	}
	return n, err
}

// Magic numbers of what files are, whatever their names say.
var (
	magicGzip    = []byte{0x1f, 0x8b}
	magicZstd    = []byte{0x28, 0xb5, 0x2f, 0xfd}
	magicParquet = []byte("PAR1")
	magicZip     = []byte("PK\x03\x04")
	magicBOM     = []byte("\xef\xbb\xbf")
	magicUTF16   = [][]byte{{0xff, 0xfe}, {0xfe, 0xff}}
	magicORC     = []byte("ORC")
	magicAvro    = []byte("Obj\x01")
	magicXLS     = []byte{0xd0, 0xcf, 0x11, 0xe0}
)

// stream is an opened input: unpacked, with its format known.
type stream struct {
	input  Input
	file   io.ReadCloser
	tap    *tap
	packed *bufio.Reader
	unpack io.Closer // nil for plain files
	text   *bufio.Reader
	format Format
	// plain tells that the bytes of file are those of the format.
	plain bool
}

// open begins to read an input.
func (r *Reader) openStream(ctx context.Context, in Input) (*stream, error) {
	if in.Open == nil {
		return nil, errors.New("has no open function")
	}
	file, err := in.Open()
	if err != nil {
		return nil, err
	}
	s := &stream{input: in, file: file, plain: true}
	s.tap = &tap{ctx: ctx, from: file, sum: r.sum, read: &r.read}
	if err := s.begin(&r.o); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stream) begin(o *Options) error {
	s.packed = bufio.NewReaderSize(s.tap, 64<<10)
	head, err := peek(s.packed, 4)
	if err != nil {
		return err
	}
	if len(head) == 0 {
		return errors.New("is empty (0 bytes)")
	}
	name := strings.ToLower(path.Base(s.input.Name))
	var unpacked io.Reader
	switch {
	case bytes.HasPrefix(head, magicGzip):
		z, err := gzip.NewReader(s.packed)
		if err != nil {
			return fmt.Errorf("read gzip header: %w", err)
		}
		s.unpack, unpacked = z, z
	case bytes.HasPrefix(head, magicZstd):
		z, err := zstd.NewReader(s.packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return fmt.Errorf("read zstd header: %w", err)
		}
		s.unpack, unpacked = z.IOReadCloser(), z
	case strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst"):
		return fmt.Errorf("is named %s but is not packed so", path.Ext(name))
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	s.text = s.packed
	if unpacked != nil {
		s.plain = false
		s.text = bufio.NewReaderSize(&valve{from: unpacked, packed: s.tap, limits: o.Limits}, 64<<10)
		if head, err = peek(s.text, 4); err != nil {
			return err
		}
		if len(head) == 0 {
			return errors.New("is empty when unpacked")
		}
	}
	if err := refuse(head); err != nil {
		return err
	}
	if bytes.HasPrefix(head, magicBOM) {
		if _, err := s.text.Discard(len(magicBOM)); err != nil {
			return err
		}
		if head, err = peek(s.text, 4); err != nil {
			return err
		}
		if len(head) == 0 {
			return errors.New("is empty behind its byte order mark")
		}
	}
	return s.recognise(name, head, o)
}

// recognise decides the format: as declared, by what the bytes say, by name.
func (s *stream) recognise(name string, head []byte, o *Options) error {
	isParquet := bytes.Equal(head, magicParquet)
	s.format = o.Format
	if s.format == "" {
		switch {
		case isParquet:
			s.format = Parquet
		case hasSuffix(name, ".parquet", ".pq"):
			s.format = Parquet
		case hasSuffix(name, ".jsonl", ".ndjson", ".json"):
			s.format = JSONLines
		case hasSuffix(name, ".tsv", ".tab"):
			s.format = TSV
		case hasSuffix(name, ".csv", ".txt"):
			s.format = CSV
		case head[0] == '{':
			s.format = JSONLines
		default:
			s.format = CSV
		}
	}
	if isParquet != (s.format == Parquet) {
		if isParquet {
			return fmt.Errorf("is Parquet, declared as %s", s.format)
		}
		return errors.New("is named or declared Parquet, but does not begin as Parquet does")
	}
	if s.format == JSONLines && head[0] == '[' {
		return errors.New("is one JSON array; fealty reads JSON lines, one object per line: jq -c '.[]' FILE")
	}
	return nil
}

func hasSuffix(name string, suffixes ...string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// refuse knows what cannot be read and says what to do about it.
func refuse(head []byte) error {
	switch {
	case bytes.HasPrefix(head, magicZip):
		return errors.New("is a zip archive or a spreadsheet; unpack it, or save the sheet as CSV UTF-8")
	case bytes.HasPrefix(head, magicXLS):
		return errors.New("is an old spreadsheet; save it as CSV UTF-8")
	case bytes.HasPrefix(head, magicORC):
		return errors.New("is ORC; write it as Parquet")
	case bytes.HasPrefix(head, magicAvro):
		return errors.New("is Avro; write it as Parquet or JSON lines")
	case bytes.HasPrefix(head, magicUTF16[0]), bytes.HasPrefix(head, magicUTF16[1]),
		len(head) > 3 && head[0] != 0 && head[1] == 0 && head[3] == 0, len(head) > 3 && head[0] == 0 && head[1] != 0 && head[2] == 0:
		return errors.New("is UTF-16; convert it: iconv -f UTF-16 -t UTF-8")
	case bytes.HasPrefix(head, magicGzip), bytes.HasPrefix(head, magicZstd):
		return errors.New("is packed twice; unpack it once")
	}
	return nil
}

// peek returns up to n bytes without taking them.
func peek(b *bufio.Reader, n int) ([]byte, error) {
	head, err := b.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// drain reads what the format left unread, so that the content hash covers every byte.
func (s *stream) drain() error {
	if _, err := io.Copy(io.Discard, s.text); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, s.packed)
	return err
}

func (s *stream) close() error {
	var err error
	if s.unpack != nil {
		err = s.unpack.Close()
	}
	return errors.Join(err, s.file.Close())
}
