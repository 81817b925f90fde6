package files

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// The compressions of pages by their numbers in the format.
const (
	codecNone   = 0
	codecSnappy = 1
	codecGzip   = 2
	codecZstd   = 6
	codecLZ4    = 7
)

// maxPageHeader bounds a page's header; statistics of long texts stand in it.
const maxPageHeader = 1 << 20

var (
	errChecksum  = errors.New("is damaged: a page does not have its checksum")
	errUnpack    = errors.New("is damaged: a page cannot be unpacked")
	errPageSize  = errors.New("is damaged: a page unpacks to another size than it says")
	errPlace     = errors.New("is damaged: a column lies outside the file")
	errCounts    = errors.New("is damaged: a column has not as many values as the table has rows")
	errForeign   = errors.New("keeps a column in another file, which is not read")
	errNoDict    = errors.New("is damaged: a page needs a dictionary that is not there")
	errBitLevels = errors.New("marks empty values by the old encoding BIT_PACKED; write the file anew")
)

// parquetSpend counts what pages unpack to over a whole file.
type parquetSpend struct {
	limits   Limits
	unpacked int64
}

// pages reads the values of one column, row group by row group. It holds one
// packed page, one unpacked page and the dictionary of the chunk.
type pages struct {
	from   io.ReaderAt
	column *parquetColumn
	spend  *parquetSpend
	zstd   *zstd.Decoder
	gzip   *gzip.Reader

	chunk   parquetChunk
	at, end int64
	left    int64 // values of the chunk that are not read yet
	inPage  int64 // of which in the current page

	header, packed, page []byte
	dictionary           dictionary
	known                bool // the chunk's dictionary was read
	levels               hybrid
	values               values
}

// begin goes to the column's part of a row group. The data end at end.
func (p *pages) begin(c parquetChunk, rows, end int64) error {
	switch {
	case c.encrypted:
		return errEncrypted
	case c.foreign:
		return errForeign
	case c.stored != p.column.stored, c.values != rows:
		return errCounts
	}
	p.chunk, p.left, p.inPage, p.known, p.values = c, rows, 0, false, nil
	p.at = c.dataAt
	if c.dictionary > 0 && c.dictionary < c.dataAt {
		p.at = c.dictionary
	}
	if p.at < int64(len(magicParquet)) || c.size < 0 || c.size > end-p.at {
		return errPlace
	}
	p.end = p.at + c.size
	return nil
}

// next reads the next value; null tells that it is empty.
func (p *pages) next(v *stored) (null bool, err error) {
	for p.inPage == 0 {
		if p.left == 0 {
			return false, errCounts
		}
		if err := p.nextPage(); err != nil {
			return false, err
		}
	}
	p.inPage--
	p.left--
	if p.column.optional {
		level, err := p.levels.nextNumber()
		if err != nil {
			return false, err
		}
		if level == 0 {
			return true, nil
		}
	}
	return false, p.values.next(v)
}

// done tells that the chunk's values are all read.
func (p *pages) done() bool { return p.left == 0 }

// nextPage reads the next page with values.
func (p *pages) nextPage() error {
	h, err := p.readHeader()
	if err != nil {
		return err
	}
	if h.packed > p.end-p.at {
		return errPlace
	}
	limit := p.spend.limits.Page
	if h.packed > limit || h.unpacked > limit {
		return fmt.Errorf("has a page of %d bytes, more than the limit of %d", max(h.packed, h.unpacked), limit)
	}
	if p.spend.unpacked += h.unpacked; p.spend.unpacked > p.spend.limits.Unpacked {
		return fmt.Errorf("unpacks to more than %d bytes, the limit", p.spend.limits.Unpacked)
	}
	switch h.kind {
	case pageData, pageDataV2, pageDictionary:
	default: // an index, or a kind of a later version: not needed to read values
		p.at += h.packed
		return nil
	}
	p.packed = slices.Grow(p.packed[:0], int(h.packed))[:h.packed]
	if err := readFullAt(p.from, p.packed, p.at); err != nil {
		return err
	}
	p.at += h.packed
	if h.checked && crc32.ChecksumIEEE(p.packed) != h.crc {
		return errChecksum
	}
	if h.kind == pageDictionary {
		return p.readDictionary(h)
	}
	if h.values > p.left {
		return errCounts
	}
	if h.kind == pageDataV2 {
		return p.readV2(h)
	}
	return p.readV1(h)
}

// readFullAt fills b. A file that has become shorter is an error, not its end.
func readFullAt(from io.ReaderAt, b []byte, at int64) error {
	n, err := from.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	default:
		return err
	}
}

func (p *pages) readHeader() (pageHeader, error) {
	for size := int64(256); ; size *= 4 {
		size = min(size, p.end-p.at)
		if size == 0 {
			return pageHeader{}, errCounts
		}
		p.header = slices.Grow(p.header[:0], int(size))[:size]
		if err := readFullAt(p.from, p.header, p.at); err != nil {
			return pageHeader{}, err
		}
		h, length, err := readPageHeader(p.header)
		if err == nil {
			p.at += int64(length)
			return h, nil
		}
		if !errors.Is(err, errCut) || size >= maxPageHeader || size == p.end-p.at {
			return pageHeader{}, err
		}
	}
}

func (p *pages) readDictionary(h pageHeader) error {
	if p.known || h.encoding != encodingPlain && h.encoding != encodingPlainDictionary {
		return errEncoded
	}
	p.known = true
	b, err := p.unpack(p.dictionary.b, p.packed, h.unpacked, p.chunk.codec)
	if err != nil {
		return err
	}
	return p.dictionary.load(b, h.values, p.column)
}

func (p *pages) readV1(h pageHeader) (err error) {
	if p.page, err = p.unpack(p.page, p.packed, h.unpacked, p.chunk.codec); err != nil {
		return err
	}
	b := p.page
	if p.column.optional {
		if h.levelEncoding != encodingRLE {
			return errBitLevels
		}
		if len(b) < 4 {
			return errFewValues
		}
		n := binary.LittleEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return errFewValues
		}
		p.levels = hybrid{b: b[:n], width: 1}
		b = b[n:]
	}
	return p.open(h, b)
}

func (p *pages) readV2(h pageHeader) (err error) {
	// Levels are never packed. A column that does not repeat has none of
	// repetition, but some writers write them.
	front := h.levels + h.repetitions
	if front > int64(len(p.packed)) || front > h.unpacked {
		return errFewValues
	}
	codec := p.chunk.codec
	if h.plain {
		codec = codecNone
	}
	levels := p.packed[h.repetitions:front]
	if p.column.optional {
		p.levels = hybrid{b: levels, width: 1}
	}
	if p.page, err = p.unpack(p.page, p.packed[front:], h.unpacked-front, codec); err != nil {
		return err
	}
	return p.open(h, p.page)
}

// open chooses how the values of a page are read.
func (p *pages) open(h pageHeader, b []byte) (err error) {
	p.inPage = h.values
	c := p.column
	bytes := c.stored == physBytes
	number := c.stored == physInt32 || c.stored == physInt64
	switch {
	case h.encoding == encodingDictionary || h.encoding == encodingPlainDictionary:
		if !p.known {
			return errNoDict
		}
		p.values, err = newIndexed(b, &p.dictionary)
	case h.encoding == encodingPlain && bytes:
		p.values = &plainBytes{b}
	case h.encoding == encodingPlain && c.stored == physBoolean:
		p.values = &plainBits{b: b}
	case h.encoding == encodingPlain:
		p.values = &plainFixed{b, c.stored, widthOf(c)}
	case h.encoding == encodingRLE && c.stored == physBoolean:
		if len(b) < 4 || int64(binary.LittleEndian.Uint32(b)) > int64(len(b)-4) {
			return errFewValues
		}
		p.values = &hybrid{b: b[4 : 4+binary.LittleEndian.Uint32(b)], width: 1}
	case h.encoding == encodingDelta && number:
		p.values, err = newDelta(b, c.stored == physInt32, h.values)
	case h.encoding == encodingDeltaLength && bytes:
		p.values, err = newDeltaLengths(b, h.values)
	case h.encoding == encodingDeltaBytes && (bytes || c.stored == physFixed):
		p.values, err = newDeltaBytes(b, c, h.values)
	case h.encoding == encodingSplit && !bytes && c.stored != physBoolean:
		p.values, err = newSplit(b, c)
	default:
		err = fmt.Errorf("has a page in encoding %d, which is not known for its type", h.encoding)
	}
	return err
}

// unpack unpacks b into to, which grows to size and no further.
func (p *pages) unpack(to, b []byte, size, codec int64) ([]byte, error) {
	to = slices.Grow(to[:0], int(size))
	if size == 0 && len(b) == 0 {
		return to, nil // of empty values only, which some writers don't pack
	}
	switch codec {
	case codecNone:
		if int64(len(b)) != size {
			return to, errPageSize
		}
		return append(to, b...), nil
	case codecSnappy:
		n, err := snappy.DecodedLen(b)
		if err != nil {
			return to, errUnpack
		}
		if int64(n) != size {
			return to, errPageSize
		}
		out, err := snappy.Decode(to[:size], b)
		if err != nil {
			return to, errUnpack
		}
		return out, nil
	case codecGzip:
		return p.gunzip(to, b, size)
	case codecZstd:
		if p.zstd == nil {
			var err error
			p.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(p.spend.limits.Page, 1<<20))))
			if err != nil {
				return to, err
			}
		}
		out, err := p.zstd.DecodeAll(b, to)
		if err != nil {
			return to, errUnpack
		}
		if int64(len(out)) != size {
			return to, errPageSize
		}
		return out, nil
	case codecLZ4:
		return unpackLZ4(to[:0:size], b)
	}
	return to, fmt.Errorf("is packed with %s; write it with zstd, snappy, gzip or LZ4_RAW",
		map[int64]string{3: "LZO", 4: "Brotli", 5: "the old LZ4"}[codec])
}

func (p *pages) gunzip(to, b []byte, size int64) ([]byte, error) {
	from := bytes.NewReader(b)
	var err error
	if p.gzip == nil {
		p.gzip, err = gzip.NewReader(from)
	} else {
		err = p.gzip.Reset(from)
	}
	if err != nil {
		return to, errUnpack
	}
	to = to[:size]
	if _, err := io.ReadFull(p.gzip, to); err != nil {
		return to, errUnpack
	}
	if n, err := p.gzip.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return to, errPageSize
	}
	return to, nil
}

func (p *pages) close() {
	if p.zstd != nil {
		p.zstd.Close()
	}
}

// unpackLZ4 unpacks one LZ4 block (lz4_Block_format.md) into the capacity of
// to, which must be exactly what it unpacks to.
func unpackLZ4(to, b []byte) ([]byte, error) {
	long := func(n int) (int, bool) { // 15 goes on until a byte that is not 255
		for n == 15 || n > 15 {
			if len(b) == 0 {
				return 0, false
			}
			c := int(b[0])
			b = b[1:]
			if n += c; c != 255 {
				break
			}
			if n > cap(to) {
				return 0, false
			}
		}
		return n, true
	}
	for len(b) > 0 {
		head := b[0]
		b = b[1:]
		literals, ok := long(int(head >> 4))
		if !ok || literals > len(b) || literals > cap(to)-len(to) {
			return to, errUnpack
		}
		to = append(to, b[:literals]...)
		if b = b[literals:]; len(b) == 0 {
			break // the last sequence is literals only
		}
		if len(b) < 2 {
			return to, errUnpack
		}
		back := int(binary.LittleEndian.Uint16(b))
		b = b[2:]
		match, ok := long(int(head & 15))
		match += 4
		if !ok || back == 0 || back > len(to) || match > cap(to)-len(to) {
			return to, errUnpack
		}
		for match > 0 { // a match may overlap what it writes
			n := min(match, back)
			from := len(to) - back
			to = append(to, to[from:from+n]...)
			match -= n
		}
	}
	if len(to) != cap(to) {
		return to, errPageSize
	}
	return to, nil
}
