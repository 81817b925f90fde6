package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Arrays travel between Go and Python as NumPy's .npy files of version 1.0,
// little-endian float32 or float64, by rows
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).

const npyMagic = "\x93NUMPY\x01\x00"

// arrayWriter writes an .npy file row by row.
type arrayWriter struct {
	file *os.File
	to   *bufio.Writer
	raw  []byte
	wide bool // float64
}

// createArray begins a file of rows × columns values, float64 if wide, else float32;
// columns 0 makes it one-dimensional. The caller closes it.
func createArray(path string, rows, columns int, wide bool) (*arrayWriter, error) {
	size, shape := 4, fmt.Sprintf("(%d,)", rows)
	if wide {
		size = 8
	}
	if columns > 0 {
		shape = fmt.Sprintf("(%d, %d)", rows, columns)
	}
	header := fmt.Sprintf("{'descr': '<f%d', 'fortran_order': False, 'shape': %s, }", size, shape)
	// The values begin at a multiple of 64.
	header += strings.Repeat(" ", 63-(len(npyMagic)+2+len(header))%64) + "\n"
	file, err := os.Create(path) //nolint:gosec // the files are the bench's own
	if err != nil {
		return nil, err
	}
	w := &arrayWriter{file: file, to: bufio.NewWriterSize(file, 1<<20), wide: wide}
	begin := binary.LittleEndian.AppendUint16([]byte(npyMagic), uint16(len(header))) //nolint:gosec // a header has about a hundred characters
	if _, err := w.to.Write(append(begin, header...)); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), file.Close())
	}
	return w, nil
}

// add writes the next values.
func (w *arrayWriter) add(values ...float64) error {
	w.raw = w.raw[:0]
	for _, v := range values {
		if w.wide {
			w.raw = binary.LittleEndian.AppendUint64(w.raw, math.Float64bits(v))
		} else {
			w.raw = binary.LittleEndian.AppendUint32(w.raw, math.Float32bits(float32(v)))
		}
	}
	_, err := w.to.Write(w.raw)
	return err
}

func (w *arrayWriter) close() error { return errors.Join(w.to.Flush(), w.file.Close()) }

// writeArray writes values as a file of float64, which keeps every bit of a margin.
func writeArray(path string, values []float64, columns int) (err error) {
	rows := len(values)
	if columns > 0 {
		rows /= columns
	}
	w, err := createArray(path, rows, columns, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	const block = 1 << 16
	for from := 0; from < len(values); from += block {
		if err := w.add(values[from:min(from+block, len(values))]...); err != nil {
			return err
		}
	}
	return nil
}

// array is an .npy file that is read row by row. A one-dimensional file has one
// column.
type array struct {
	rows, columns int

	file *os.File
	from *bufio.Reader
	raw  []byte
	wide bool // float64
}

var npyHeader = regexp.MustCompile(`^\{'descr': '<f([48])', 'fortran_order': False, 'shape': \((\d+),(?: (\d+))?\), \}\s*$`)

// openArray reads the header of a file that writeHeader or NumPy wrote. The caller
// closes it.
func openArray(path string) (a *array, err error) {
	file, err := os.Open(path) //nolint:gosec // the files are the bench's own
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
		}
	}()
	from := bufio.NewReaderSize(file, 1<<20)
	begin := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(from, begin); err != nil {
		return nil, err
	}
	if string(begin[:len(npyMagic)]) != npyMagic {
		return nil, errors.New("not an .npy file of version 1.0")
	}
	header := make([]byte, binary.LittleEndian.Uint16(begin[len(npyMagic):]))
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	match := npyHeader.FindStringSubmatch(string(header))
	if match == nil {
		return nil, fmt.Errorf("header %q: want '<f4' or '<f8' by rows", header)
	}
	a = &array{columns: 1, file: file, from: from, wide: match[1] == "8"}
	if a.rows, err = strconv.Atoi(match[2]); err != nil {
		return nil, err
	}
	if match[3] != "" {
		if a.columns, err = strconv.Atoi(match[3]); err != nil {
			return nil, err
		}
	}
	size := 4
	if a.wide {
		size = 8
	}
	a.raw = make([]byte, size*a.columns)
	return a, nil
}

func (a *array) close() error { return a.file.Close() }

// next reads the next row into row, which has one value per column.
func (a *array) next(row []float64) error {
	if _, err := io.ReadFull(a.from, a.raw); err != nil {
		return fmt.Errorf("read %s: %w", a.file.Name(), err)
	}
	for j := range row {
		if a.wide {
			row[j] = math.Float64frombits(binary.LittleEndian.Uint64(a.raw[8*j:]))
		} else {
			row[j] = float64(math.Float32frombits(binary.LittleEndian.Uint32(a.raw[4*j:])))
		}
	}
	return nil
}

// readArray reads a whole file, row by row, and returns the number of columns.
func readArray(path string) (values []float64, columns int, err error) {
	a, err := openArray(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	values = make([]float64, a.rows*a.columns)
	for i := range a.rows {
		if err := a.next(values[i*a.columns : (i+1)*a.columns]); err != nil {
			return nil, 0, err
		}
	}
	return values, a.columns, nil
}
