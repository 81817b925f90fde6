//go:build linux && amd64 && !nochdb

package clickhouse

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// LibraryVariable names the environment variable that holds the path of
// libchdb.so, for machines where it is neither in the project nor installed.
const LibraryVariable = "FEALTY_CHDB_LIB"

// installedLibrary is where chDB's own installer puts the library.
const installedLibrary = "/usr/local/lib/libchdb.so"

// library holds the functions of libchdb's C interface (chdb.h of 26.7) that
// fealty calls. Handles are opaque; every text goes with its length.
type library struct {
	setSignalHandlers func(enabled int32)
	connect           func(argc int32, argv unsafe.Pointer) *unsafe.Pointer
	closeConnection   func(connection *unsafe.Pointer)
	queryWith         func(connection unsafe.Pointer, sql *byte, sqlLen uint64, format *byte, formatLen uint64,
		names, nameLens, values, valueLens unsafe.Pointer, count uint64) unsafe.Pointer
	streamWith func(connection unsafe.Pointer, sql *byte, sqlLen uint64, format *byte, formatLen uint64,
		names, nameLens, values, valueLens unsafe.Pointer, count uint64) unsafe.Pointer
	fetch          func(connection, stream unsafe.Pointer) unsafe.Pointer
	cancelStream   func(connection, stream unsafe.Pointer)
	resultBuffer   func(result unsafe.Pointer) unsafe.Pointer
	resultLength   func(result unsafe.Pointer) uint64
	resultError    func(result unsafe.Pointer) unsafe.Pointer
	destroyResult  func(result unsafe.Pointer)
	beginInsert    func(connection unsafe.Pointer, sql *byte, sqlLen uint64, format *byte, formatLen uint64) unsafe.Pointer
	appendInsert   func(insert unsafe.Pointer, data *byte, dataLen uint64) int32
	endInsert      func(insert unsafe.Pointer) unsafe.Pointer
	cancelInsert   func(insert unsafe.Pointer)
	insertError    func(insert unsafe.Pointer) unsafe.Pointer
	destroyInsert  func(insert unsafe.Pointer)
	libraryVersion func() unsafe.Pointer
}

// loaded is the process's one library: a second copy of the engine would fight
// over the same process-wide state.
var loaded = sync.OnceValues(func() (*library, error) {
	path, err := findLibrary()
	if err != nil {
		return nil, err
	}
	return loadLibrary(path)
})

// findLibrary looks in FEALTY_CHDB_LIB, then in .tools/chdb of the project that
// holds the working directory or the program, then where chDB's installer puts
// it.
func findLibrary() (string, error) {
	if named := os.Getenv(LibraryVariable); named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrNoEngine, LibraryVariable, err)
		}
		return named, nil
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	var places []string
	for _, start := range starts {
		places = append(places, filepath.Join(projectOf(start), ".tools", "chdb", "libchdb.so"))
	}
	for _, place := range append(places, installedLibrary) {
		_, err := os.Stat(place)
		if err == nil {
			return place, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w: %w", ErrNoEngine, err)
		}
	}
	return "", fmt.Errorf("%w: libchdb.so is neither in .tools/chdb nor at %s; run `make setup`, or name it in %s, or use a ClickHouse server (clickhouse://…)",
		ErrNoEngine, installedLibrary, LibraryVariable)
}

// projectOf returns the nearest folder above that holds go.mod, or dir itself.
func projectOf(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// loadLibrary binds the functions. An empty path would open the program itself.
func loadLibrary(path string) (*library, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: the path of libchdb.so is empty", ErrNoEngine)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("%w: load %s: %w", ErrNoEngine, path, err)
	}
	l := &library{}
	for name, function := range map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConnection,
		"chdb_query_with_params_n":         &l.queryWith,
		"chdb_stream_query_with_params_n":  &l.streamWith,
		"chdb_stream_fetch_result":         &l.fetch,
		"chdb_stream_cancel_query":         &l.cancelStream,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_stream_insert_n":             &l.beginInsert,
		"chdb_stream_append":               &l.appendInsert,
		"chdb_stream_done":                 &l.endInsert,
		"chdb_stream_cancel_insert":        &l.cancelInsert,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.destroyInsert,
		"chdb_version":                     &l.libraryVersion,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s has no %s; version 26.7.3 or later is needed (`make setup` fetches it)", ErrNoEngine, path, name)
		}
		purego.RegisterFunc(function, symbol)
	}
	// Otherwise chDB takes over SIGSEGV and seven others, and Go dies of any nil
	// dereference that it would have turned into a panic.
	l.setSignalHandlers(0)
	return l, nil
}

// bound is a list of parameters as C wants it: two arrays of texts with their
// lengths. It is valid until unpinned.
type bound struct {
	names, values       []*byte
	nameLens, valueLens []uint64
	pin                 runtime.Pinner
}

func bind(texts map[string]string) *bound {
	b := &bound{}
	for _, name := range sortedKeys(texts) {
		b.names = append(b.names, b.hold(name))
		b.nameLens = append(b.nameLens, uint64(len(name)))
		b.values = append(b.values, b.hold(texts[name]))
		b.valueLens = append(b.valueLens, uint64(len(texts[name])))
	}
	if len(b.names) > 0 {
		b.pin.Pin(&b.names[0])
		b.pin.Pin(&b.nameLens[0])
		b.pin.Pin(&b.values[0])
		b.pin.Pin(&b.valueLens[0])
	}
	return b
}

// hold copies a text to memory that does not move, with a NUL behind it.
func (b *bound) hold(text string) *byte {
	bytes := make([]byte, len(text)+1)
	copy(bytes, text)
	b.pin.Pin(&bytes[0])
	return &bytes[0]
}

func (b *bound) release() { b.pin.Unpin() }

// call runs one of the two functions that take SQL, a format and parameters.
func (b *bound) call(function func(connection unsafe.Pointer, sql *byte, sqlLen uint64, format *byte, formatLen uint64,
	names, nameLens, values, valueLens unsafe.Pointer, count uint64) unsafe.Pointer, connection unsafe.Pointer, sql, format string,
) unsafe.Pointer {
	text, form := b.hold(sql), b.hold(format)
	if len(b.names) == 0 {
		return function(connection, text, uint64(len(sql)), form, uint64(len(format)), nil, nil, nil, nil, 0)
	}
	return function(connection, text, uint64(len(sql)), form, uint64(len(format)),
		unsafe.Pointer(&b.names[0]), unsafe.Pointer(&b.nameLens[0]), unsafe.Pointer(&b.values[0]), unsafe.Pointer(&b.valueLens[0]), uint64(len(b.names)))
}

// cText copies a C string; nil is "".
func cText(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// failure returns the exception that a result holds, nil when it holds none.
func (l *library) failure(result unsafe.Pointer) error {
	if result == nil {
		return errors.New("the engine gave no answer at all")
	}
	return asEngineError(cText(l.resultError(result)))
}

// engineError is how the engine writes its exceptions.
var engineError = regexp.MustCompile(`(?s)Code: (\d+)\. DB::(?:\w+::)*\w*Exception: (.*)`)

// asEngineError reads an exception from the engine's text; "" is nil.
func asEngineError(message string) error {
	if message == "" {
		return nil
	}
	found := engineError.FindStringSubmatch(message)
	if found == nil {
		return errors.New(sentence(message))
	}
	code, err := strconv.Atoi(found[1])
	if err != nil {
		return errors.New(sentence(message))
	}
	said, _, _ := strings.Cut(found[2], "\nStack trace:")
	return &Exception{Code: code, Message: sentence(said)}
}
