package launch

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The environment by which Start tells a child that it is a server.
const (
	childLibrary = "FEALTY_LAUNCH_LIBRARY"
	childDir     = "FEALTY_LAUNCH_DIR"
	childConfig  = "FEALTY_LAUNCH_CONFIG"
	childPort    = "FEALTY_LAUNCH_PORT"
	childDirect  = "FEALTY_LAUNCH_DIRECT"
)

// hooked tells Start that TestMain called Child. Without the call a child
// would run the tests again instead of serving, and start children of its own.
var hooked bool

// Child turns the process into a ClickHouse server, and never returns, when it
// was started by Start; otherwise it returns at once. Call it first in
// TestMain:
//
//	func TestMain(m *testing.M) {
//		launch.Child()
//		os.Exit(m.Run())
//	}
func Child() {
	hooked = true
	library := os.Getenv(childLibrary)
	if library == "" {
		return
	}
	// The server ends with the test that started it, however that ends.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var status int32
	var err error
	port := os.Getenv(childPort)
	if os.Getenv(childDirect) == "" {
		port, err = doorkeeper(port)
	}
	if err == nil {
		status, err = serve(library, os.Getenv(childDir), os.Getenv(childConfig), port)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(int(status))
}

// serve runs clickhouse-local with a query that opens the port and then sleeps
// for ever. The output format must not be Null: that would empty the answers
// on the wire too.
func serve(library, dir, config, port string) (int32, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", library, err)
	}
	var run func(argc int32, argv unsafe.Pointer) int32
	// chdb_query_cmdline is clickhouse-local's main function.
	purego.RegisterLibFunc(&run, handle, "chdb_query_cmdline")
	args := []string{
		"clickhouse", "--path=" + dir, "--config-file=" + config, "--output-format=TSV",
		"--query", "SYSTEM START LISTEN TCP; SELECT sleep(3) FROM system.numbers SETTINGS max_block_size=1 FORMAT Null",
		"--", "--tcp_port=" + port, "--listen_host=127.0.0.1",
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		text := append([]byte(arg), 0)
		pin.Pin(&text[0])
		argv[i] = &text[0]
	}
	pin.Pin(&argv[0])
	return run(int32(len(args)), unsafe.Pointer(&argv[0])), nil // C wants argc and argv; nine arguments fit an int32
}

// Again starts the test program once more with one more variable ("NAME=value")
// and returns when it has written said as its first line: a process to be
// killed in the middle of its work. The caller waits for its end.
func Again(t testing.TB, variable, said string) *exec.Cmd {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0]) // the test program itself
	child.Env = append(os.Environ(), variable)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != said {
		t.Fatalf("the child says %q, want %q", lines.Text(), said)
	}
	return child
}
