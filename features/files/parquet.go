package files

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/big"
	"os"
	"strconv"
	"time"
)

// parquetSource reads a Parquet file, row group by row group and of each only
// the pages of the columns that are asked for.
//
// Values become the texts that a CSV file would have: 12.5 for a decimal,
// 2026-06-30 for a date, 2026-06-30T08:00:00Z for an instant (without the Z if
// the file says that it is the reading of a clock, so that the declared zone
// holds). So one set of rules reads every format.
//
// The pages are decoded here and not by parquet-go, with which fealty writes
// Parquet: as of v0.32 it believes what a page says of itself before it looks.
// A page of 20 bytes may announce 2^31 values and gets the memory for them, a
// damaged LZ4 page is unpacked into ever larger buffers without end, and much
// is done in assembly, whose faults no program survives. Files are foreign
// input; here memory is bounded by Limits.Page whatever they say.
type parquetSource struct {
	from   io.ReaderAt
	temp   *os.File // where a stream waits; nil when read in place
	footer *parquetFooter
	end    int64 // where the data end and the footer begins
	header []string
	limits Limits
	nulls  nullTokens
	spend  *parquetSpend

	at      []int // the column of each slot
	leaves  []int
	pages   []*pages
	chunks  []parquetChunk
	cells   [][]byte
	rows    int64 // left in the current row group
	total   int64 // read so far
	most    int64 // values that a file of this size may hold
	current *record
}

var (
	errNotWholeParquet = errors.New("begins as Parquet but does not end so; was it copied to its end?")
	errParquetRows     = errors.New("is damaged: its row groups have not as many rows as the table")
	errBeyondMoney     = errors.New("has more digits than any amount")
)

// freeCells is how many values a file may have whatever its size is.
const freeCells = 16 << 20

// openParquet reads the footer of an input.
func openParquet(s *stream, o *Options) (source, error) {
	p := &parquetSource{limits: o.Limits, nulls: o.tokens()}
	p.spend = &parquetSpend{limits: o.Limits}
	size, err := p.place(s, o.TempDir)
	if err == nil {
		err = p.readFooter(size)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// place finds the whole file: the input itself if it can be read anywhere, or
// a copy of the stream.
func (p *parquetSource) place(s *stream, dir string) (size int64, err error) {
	whole, ok := s.file.(interface {
		io.ReaderAt
		Stat() (fs.FileInfo, error)
	})
	if ok && s.plain {
		if info, err := whole.Stat(); err == nil && info.Mode().IsRegular() {
			p.from = &readAhead{whole, s.tap, info.Size()}
			return info.Size(), nil
		}
	}
	if p.temp, err = os.CreateTemp(dir, "fealty-*.parquet"); err != nil {
		return 0, fmt.Errorf("make room for Parquet from a stream: %w", err)
	}
	// Where a file that is open can be removed, nothing is left behind by a
	// process that dies; elsewhere close removes it.
	_ = os.Remove(p.temp.Name())
	if size, err = io.Copy(p.temp, s.text); err != nil {
		return 0, fmt.Errorf("copy Parquet from a stream: %w", err)
	}
	p.from = p.temp
	return size, nil
}

// readAhead reads a file in place and tells how far the work is; the bytes pass
// the tap only at the end, when the file is hashed.
type readAhead struct {
	io.ReaderAt
	tap  *tap
	size int64
}

func (r *readAhead) ReadAt(b []byte, at int64) (int, error) {
	if err := r.tap.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.ReaderAt.ReadAt(b, at)
	if ahead := min(int64(n), r.size-r.tap.ahead-r.tap.own); ahead > 0 {
		r.tap.ahead += ahead
		r.tap.read.Add(ahead)
	}
	return n, err
}

func (p *parquetSource) readFooter(size int64) error {
	var tail [8]byte
	if size < int64(len(magicParquet)+len(tail)) {
		return errNotWholeParquet
	}
	if err := readFullAt(p.from, tail[:], size-int64(len(tail))); err != nil {
		return err
	}
	if string(tail[4:]) == "PARE" {
		return errEncrypted
	}
	if !bytes.Equal(tail[4:], magicParquet) {
		return errNotWholeParquet
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if p.end = size - int64(len(tail)) - length; p.end < int64(len(magicParquet)) {
		return errNotWholeParquet
	}
	if length > p.limits.Page {
		return fmt.Errorf("has metadata of %d bytes, more than the limit of %d", length, p.limits.Page)
	}
	b := make([]byte, length)
	if err := readFullAt(p.from, b, p.end); err != nil {
		return err
	}
	var err error
	if p.footer, err = readFooter(b, p.limits.Columns); err != nil {
		return err
	}
	p.most = math.MaxInt64
	if size < (math.MaxInt64-freeCells)/p.limits.Ratio {
		p.most = freeCells + size*p.limits.Ratio
	}
	for i := range p.footer.columns {
		p.header = append(p.header, p.footer.columns[i].name)
	}
	return nil
}

func (p *parquetSource) columns() []string { return p.header }

func (p *parquetSource) bind(names []string) error {
	at, err := bindColumns(names, p.header)
	if err != nil {
		return err
	}
	p.at, p.cells, p.chunks = at, make([][]byte, len(at)), make([]parquetChunk, len(at))
	for _, i := range at {
		c := &p.footer.columns[i]
		if c.nested {
			return fmt.Errorf("column %q is nested (a list, a map or a group); write its parts as columns of their own, or map the field to something else", c.name)
		}
		if c.means == asUnknown {
			return fmt.Errorf("column %q is %s, which fealty does not read; write it as text, number, date or timestamp", c.name, c.why)
		}
		p.leaves = append(p.leaves, c.leaf)
		p.pages = append(p.pages, &pages{from: p.from, column: c, spend: p.spend})
	}
	return nil
}

func (p *parquetSource) next(_ context.Context, r *record) error {
	for p.rows == 0 {
		if p.footer.left == 0 {
			if p.total != p.footer.rows {
				return p.damage(-1, errParquetRows)
			}
			return io.EOF
		}
		if err := p.nextGroup(); err != nil {
			return err
		}
	}
	p.rows--
	p.total++
	p.current, r.line = r, p.total
	if p.total > p.most/int64(len(p.pages)+1) {
		return p.damage(-1, fmt.Errorf("has more than %d values for each of its bytes, the limit", p.limits.Ratio))
	}
	var v stored
	var fault error
	for slot, pages := range p.pages {
		null, err := pages.next(&v)
		if err != nil {
			return p.damage(slot, err)
		}
		r.cells[slot], r.null[slot], r.point[slot] = nil, null, false
		if null {
			continue
		}
		b, err := p.cell(slot, &v)
		if err == nil && len(b) > p.limits.Field {
			b, err = b[:min(len(b), 200)], fmt.Errorf("is longer than the limit of %d bytes", p.limits.Field)
		}
		if err != nil {
			// The other columns still have to be moved on by a row.
			if fault == nil {
				fault = &place{line: p.total, column: p.at[slot] + 1, name: p.header[p.at[slot]], value: bytes.Clone(b), reason: err, mendable: true}
			}
			continue
		}
		r.cells[slot], r.null[slot], r.point[slot] = b, p.nulls.null(b), pages.column.numeric()
	}
	if at := (*place)(nil); errors.As(fault, &at) {
		at.record = p.record()
	}
	return fault
}

// numeric tells whether the column's texts are numbers.
func (c *parquetColumn) numeric() bool {
	switch c.means {
	case asDecimal, asUnsigned:
		return true
	case asStored:
		return c.stored != physBoolean && c.stored != physBytes && c.stored != physInt96
	default:
		return false
	}
}

func (p *parquetSource) nextGroup() error {
	for slot, pages := range p.pages {
		if !pages.done() {
			return p.damage(slot, errCounts)
		}
	}
	rows, err := p.footer.nextGroup(p.leaves, p.chunks)
	if err != nil {
		return p.damage(-1, err)
	}
	if rows > p.footer.rows-p.total {
		return p.damage(-1, errParquetRows)
	}
	for slot, pages := range p.pages {
		if err := pages.begin(p.chunks[slot], rows, p.end); err != nil {
			return p.damage(slot, err)
		}
	}
	p.rows = rows
	return nil
}

// damage puts a place to what ends the stream.
func (p *parquetSource) damage(slot int, reason error) error {
	at := &place{line: p.total, reason: reason}
	if slot >= 0 {
		p.where(slot, at)
	}
	return at
}

// cell writes a value as a CSV file would have it. Texts share memory with the
// page.
func (p *parquetSource) cell(slot int, v *stored) ([]byte, error) {
	c := p.pages[slot].column
	to := p.cells[slot][:0]
	var err error
	switch c.means {
	case asDecimal:
		to, err = appendDecimal(to, c, v)
	case asDate:
		to, err = appendInstant(to, v.n*secondsPerDay, 0, "2006-01-02")
	case asTime:
		seconds, nanos := perSecond(v.n, c.unit)
		to, err = appendInstant(to, seconds, nanos, "15:04:05")
	case asInstant:
		seconds, nanos := perSecond(v.n, c.unit)
		to, err = appendInstant(to, seconds, nanos, "2006-01-02T15:04:05")
		if !c.local {
			to = append(to, 'Z')
		}
	case asUnsigned:
		if c.stored == physInt32 {
			v.n &= math.MaxUint32
		}
		to = strconv.AppendUint(to, uint64(v.n), 10) //nolint:gosec // the bits are meant
	case asUUID:
		for i, b := range v.b {
			if i == 4 || i == 6 || i == 8 || i == 10 {
				to = append(to, '-')
			}
			to = append(to, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
		}
	default:
		if c.stored == physBytes || c.stored == physFixed {
			if err := cleanText(v.b); err != nil {
				return v.b, errors.Unwrap(err)
			}
			return v.b, nil
		}
		to, err = appendStored(to, c.stored, v)
	}
	p.cells[slot] = to
	return to, err
}

// appendStored writes what has no further meaning.
func appendStored(to []byte, kind physical, v *stored) ([]byte, error) {
	switch kind {
	case physBoolean:
		return strconv.AppendBool(to, v.n != 0), nil
	case physFloat:
		return appendFloat(to, float64(math.Float32frombits(uint32(v.n))), 32), nil //nolint:gosec // the bits are meant
	case physDouble:
		return appendFloat(to, math.Float64frombits(uint64(v.n)), 64), nil //nolint:gosec // the bits are meant
	case physInt96:
		// Nanoseconds of the day, then the Julian day, of which 2,440,588 was 1970-01-01.
		nanos := int64(binary.LittleEndian.Uint64(v.b)) //nolint:gosec // the bits are meant
		days := int64(binary.LittleEndian.Uint32(v.b[8:])) - 2_440_588
		seconds, rest := perSecond(nanos, 1e9)
		to, err := appendInstant(to, days*secondsPerDay+seconds, rest, "2006-01-02T15:04:05")
		return append(to, 'Z'), err
	default:
		return strconv.AppendInt(to, v.n, 10), nil
	}
}

// appendFloat writes the shortest text that reads as the same number, without
// an exponent where people would not write one.
func appendFloat(to []byte, v float64, size int) []byte {
	if a := math.Abs(v); a == 0 || a >= 1e-9 && a < 1e21 {
		return strconv.AppendFloat(to, v, 'f', -1, size)
	}
	return strconv.AppendFloat(to, v, 'e', -1, size)
}

// perSecond splits a count of units into seconds, rounded down, and nanoseconds.
func perSecond(v, unit int64) (seconds, nanos int64) {
	seconds, rest := v/unit, v%unit
	if rest < 0 {
		seconds, rest = seconds-1, rest+unit
	}
	return seconds, rest * (1e9 / unit)
}

// appendInstant writes an instant, with its fraction of a second if it has one.
func appendInstant(to []byte, seconds, nanos int64, layout string) ([]byte, error) {
	t := time.Unix(seconds, nanos).UTC()
	if y := t.Year(); y < 0 || y > 9999 || seconds < math.MinInt64/1000 || seconds > math.MaxInt64/1000 {
		return strconv.AppendInt(to, seconds, 10), errOutOfRange
	}
	if to = t.AppendFormat(to, layout); nanos != 0 {
		to = t.AppendFormat(to, ".999999999")
	}
	return to, nil
}

// appendDecimal writes unscaled × 10^−scale.
func appendDecimal(to []byte, c *parquetColumn, v *stored) ([]byte, error) {
	if c.stored != physBytes && c.stored != physFixed {
		mant := uint64(v.n) //nolint:gosec // the sign is taken off below
		if v.n < 0 {
			mant = -mant
		}
		return appendScaled(to, mant, v.n < 0, c.scale), nil
	}
	if len(v.b) > 64 {
		return to, errBeyondMoney
	}
	// Two's complement, the highest byte first.
	wide := new(big.Int).SetBytes(v.b)
	if len(v.b) > 0 && v.b[0] >= 0x80 {
		wide.Sub(wide, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v.b))))
	}
	n := number{exp: -c.scale, neg: wide.Sign() < 0}
	n.wide = wide.Abs(wide)
	return n.append(to), nil
}

// appendScaled writes ±mant × 10^−scale, without zeros at the end.
func appendScaled(to []byte, mant uint64, neg bool, scale int) []byte {
	if neg {
		to = append(to, '-')
	}
	if scale >= len(powers) {
		return number{mant: mant, exp: -scale}.append(to)
	}
	to = strconv.AppendUint(to, mant/powers[scale], 10)
	if rest := mant % powers[scale]; rest != 0 {
		to = append(to, '.')
		for ; scale > 0 && rest < powers[scale-1]; scale-- {
			to = append(to, '0')
		}
		for rest%10 == 0 {
			rest /= 10
		}
		to = strconv.AppendUint(to, rest, 10)
	}
	return to
}

func (p *parquetSource) where(slot int, at *place) {
	at.line, at.column, at.name = p.total, p.at[slot]+1, p.header[p.at[slot]]
}

// record shows the columns that are asked for as an object of JSON.
func (p *parquetSource) record() []byte {
	shown := map[string]string{}
	for slot := range p.at {
		if !p.current.null[slot] {
			shown[p.header[p.at[slot]]] = printable(p.current.cells[slot])
		}
	}
	b, err := json.Marshal(shown)
	if err != nil {
		return nil // texts can be written as JSON
	}
	return b
}

func (p *parquetSource) close() error {
	for _, pages := range p.pages {
		pages.close()
	}
	if p.temp == nil {
		return nil
	}
	err := p.temp.Close()
	if removing := os.Remove(p.temp.Name()); !errors.Is(removing, fs.ErrNotExist) {
		err = errors.Join(err, removing)
	}
	return err
}
