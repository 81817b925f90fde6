package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The laws of the house: who may import whom, which room tames which driver, what stands at the top
// level. They are read from the sources with go/parser and not from `go list`, whose inputs the test
// cache does not see: a broken law would keep an old "ok".
//
// Each law is a function from one fact to the reason why it is forbidden ("" when it is not), so that
// a table below can show it facts that break it.

const modulePath = "fealty"

// reach says which rooms a room may import. A room is a folder; the longest prefix decides for a
// package. A room always reaches into itself; "=model" opens the package model, not the rooms in it.
// cmd is absent: it sees everything.
var reach = map[string][]string{
	"features/frame": {},
	"features":       {"features"},
	"model":          {"model", "features/frame"},
	"model/tree":     {"=model", "features/frame"}, // prediction only: no learner inside
	"serving":        {"serving", "features", "model"},
	"serving/gen":    {"serving/gen"},
}

// adapters tame one technology each and know no other adapter.
var adapters = []string{
	"features/clickhouse", "features/files", "features/synthetic",
	"serving/rpc", "serving/store", "serving/client", "serving/web",
}

// adapterDoors are the exceptions: the SQL of runs and scores lies in store and is run by clickhouse.
var adapterDoors = map[string]string{"serving/store": "features/clickhouse"}

// plugged are the rooms behind interfaces that serving declares; the use cases never name them.
var plugged = []string{"features/clickhouse", "serving/rpc", "serving/store", "serving/client", "serving/web", "serving/gen"}

// drivers says which rooms may import a technology. A prefix that is absent is free.
var drivers = map[string][]string{
	"github.com/ClickHouse":               {"features/clickhouse", "features/featurestest"},
	"github.com/ebitengine/purego":        {"features/clickhouse"},
	"modernc.org/sqlite":                  {"serving/store"},
	"github.com/pressly/goose":            {"serving/store"},
	"gocloud.dev":                         {"serving/store"},
	"google.golang.org/grpc":              {"serving/rpc", "serving/client", "serving/gen", "cmd"},
	"github.com/grpc-ecosystem":           {"serving/rpc", "serving/gen"},
	"github.com/spf13":                    {"cmd"},
	"github.com/knadh/koanf":              {"cmd"},
	"github.com/jedib0t/go-pretty":        {"cmd"},
	"github.com/vbauerster/mpb":           {"cmd"},
	"github.com/parquet-go":               {"features/files"},
	"github.com/sjwhitworth/golearn":      {"model/challenger"},
	"gonum.org/v1/gonum":                  {"model", "features/synthetic"},
	"gonum.org/v1/plot":                   {"cmd"},
	"net/http":                            {"serving", "cmd"},
	"database/sql":                        {"serving/store"},
	"html/template":                       {"serving/web"},
	"google.golang.org/protobuf/proto":    {"serving", "cmd"},
	"google.golang.org/protobuf/encoding": {"serving", "cmd"},
	"buf.build/go/protovalidate":          {"serving/rpc"},
	"github.com/rogpeppe/go-internal":     {},
	"github.com/google/go-cmp":            {"features/featurestest", "model/modeltest"},
	"pgregory.net/rapid":                  {"features/featurestest", "model/modeltest"},
	"go.uber.org/goleak":                  {},
	"C":                                   {},
}

// impure are packages that features/frame and model must not import: they bring a clock, a disk, a
// network, a log or a global source of chance.
var impure = []string{"os", "os/*", "net", "net/*", "log", "log/*", "syscall", "io/ioutil", "math/rand", "crypto/rand", "database/*"}

// impureCalls are functions that bring the same by a package that is otherwise welcome.
var impureCalls = map[string]*regexp.Regexp{
	"time":         regexp.MustCompile(`^(Now|Since|Until|Sleep|After|AfterFunc|Tick|NewTimer|NewTicker)$`),
	"math/rand/v2": regexp.MustCompile(`^(Int|IntN|Int32|Int32N|Int64|Int64N|Uint|UintN|Uint32|Uint32N|Uint64|Uint64N|N|Float32|Float64|NormFloat64|ExpFloat64|Perm|Shuffle)$`),
}

// topLevel is what may stand beside go.mod, apart from what .gitignore names.
var topLevel = []string{
	"cmd", "features", "model", "serving", "notebooks", "testdata",
	"go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
	"Makefile", ".golangci.yml", ".ci", ".gitignore", ".git",
}

// drawers are names that say nothing about what is inside.
var drawers = []string{"common", "util", "utils", "helper", "helpers", "type", "types", "misc", "shared", "pkg", "internal", "lib", "base"}

func TestLawOfImports(t *testing.T) {
	for _, source := range sources(t) {
		for _, imported := range source.imports {
			for _, why := range []string{
				forbiddenDirection(source.folder, imported, source.test),
				forbiddenAdapter(source.folder, imported, source.test),
				forbiddenDriver(source.folder, imported, source.test),
			} {
				if why != "" {
					t.Errorf("%s imports %q: %s", source.path, imported, why)
				}
			}
		}
	}
}

func TestLawOfPureRooms(t *testing.T) {
	for _, source := range sources(t) {
		if source.test || !pure(source.folder) {
			continue
		}
		for _, imported := range source.imports {
			if why := forbiddenImpurity(imported); why != "" {
				t.Errorf("%s imports %q: %s", source.path, imported, why)
			}
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), source.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("parse %s: %v", source.path, err)
		}
		for _, call := range impureCallsIn(file) {
			t.Errorf("%s uses %s: the rooms of numbers take the time as an argument and chance from a seed in Params", source.path, call)
		}
	}
}

func TestLawOfNames(t *testing.T) {
	for _, source := range sources(t) {
		if why := forbiddenName(source.path, source.name); why != "" {
			t.Errorf("%s: %s", source.path, why)
		}
	}
}

func TestLawOfTheTopLevel(t *testing.T) {
	ignored := ignoredAtTheTop(t)
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(topLevel, entry.Name()) && !slices.Contains(ignored, entry.Name()) {
			t.Errorf("%q stands at the top level; a thing lives in the room of the idea that it serves, tools live in .ci", entry.Name())
		}
	}
}

func TestLawOfDependencies(t *testing.T) {
	direct := directDependencies(t)
	if len(direct) == 0 {
		t.Fatal("go.mod names no direct dependency; has its layout changed?")
	}
	reasons := dependencyTable(t)
	for _, module := range direct {
		if reasons[module] == "" {
			t.Errorf("CONTRIBUTING.md gives no reason for the direct dependency %s: add a row `| %s | why |`", module, module)
		}
	}
	for module := range reasons {
		if !slices.Contains(direct, module) {
			t.Errorf("CONTRIBUTING.md gives a reason for %s, which go.mod does not require directly: remove its row", module)
		}
	}
}

// TestLawsForbid shows each law what it must forbid and what it must let pass. Without it a slip in a
// prefix would make a law that is never broken.
func TestLawsForbid(t *testing.T) {
	imports := []struct {
		folder, imported string
		test             bool
		want             bool // forbidden
	}{
		{"features/frame", "fealty/features", false, true},
		{"features/frame", "gonum.org/v1/gonum/floats", false, true},
		{"features/frame", "golang.org/x/sys/cpu", false, true},
		{"features/frame", "math", false, false},
		{"features/frame", "github.com/google/go-cmp/cmp", true, false},
		{"features/frame", "fealty/model", true, true},
		{"features", "fealty/features/frame", false, false},
		{"features", "fealty/model", false, true},
		{"features/clickhouse", "fealty/serving", false, true},
		{"features/clickhouse", "fealty/features/files", false, true},
		{"features/clickhouse", "fealty/features/files", true, false},
		{"features/clickhouse/launch", "github.com/ebitengine/purego", false, false},
		{"model", "fealty/features/frame", false, false},
		{"model/boost", "fealty/model/tree", false, false},
		{"model/boost", "fealty/features", false, true},
		{"model/boost", "fealty/features/synthetic", true, true},
		{"model/boost", "fealty/features/framework", false, true},
		{"model/tree", "fealty/model/boost", false, true},
		{"model/tree", "fealty/model/boost", true, false},
		{"model/tree", "fealty/features/frame", false, false},
		{"model/tree", "fealty/model", false, false},
		{"model/boost", "github.com/sjwhitworth/golearn/base", false, true},
		{"model/challenger", "github.com/sjwhitworth/golearn/base", false, false},
		{"model/boost", "C", false, true},
		{"serving", "fealty/model/score", false, false},
		{"serving", "fealty/serving/store", false, true},
		{"serving", "fealty/features/clickhouse", false, true},
		{"serving", "fealty/cmd/fealty", false, true},
		{"serving/rpc", "fealty/serving/store", false, true},
		{"serving/rpc", "fealty/serving/gen/fealty/v1", false, false},
		{"serving/rpc", "google.golang.org/grpc/codes", false, false},
		{"serving/store", "fealty/features/clickhouse", false, false},
		{"serving/store", "fealty/features/files", false, true},
		{"serving/store", "github.com/ClickHouse/clickhouse-go/v2", false, true},
		{"serving/store", "modernc.org/sqlite", false, false},
		{"serving/web", "google.golang.org/grpc", false, true},
		{"serving/gen/fealty/v1", "fealty/serving", false, true},
		{"serving/gen/fealty/v1", "google.golang.org/grpc", false, false},
		{"cmd/fealty", "fealty/features/clickhouse", false, false},
		{"cmd/fealty", "github.com/spf13/cobra", false, false},
		{"cmd/fealty", "github.com/ClickHouse/ch-go/proto", false, true},
		{"serving", "github.com/spf13/cobra", false, true},
	}
	for _, c := range imports {
		why := forbiddenDirection(c.folder, c.imported, c.test)
		if why == "" {
			why = forbiddenAdapter(c.folder, c.imported, c.test)
		}
		if why == "" {
			why = forbiddenDriver(c.folder, c.imported, c.test)
		}
		if (why != "") != c.want {
			t.Errorf("%s imports %q (test %v): forbidden = %q, want forbidden = %v", c.folder, c.imported, c.test, why, c.want)
		}
	}

	for imported, want := range map[string]bool{
		"os": true, "os/signal": true, "net/netip": true, "log/slog": true, "math/rand": true,
		"io": false, "math/rand/v2": false, "oslo": false, "time": false,
	} {
		if why := forbiddenImpurity(imported); (why != "") != want {
			t.Errorf("pure room imports %q: forbidden = %q, want forbidden = %v", imported, why, want)
		}
	}

	const impureSource = `package p
import ("time"; chance "math/rand/v2")
var a = time.Now
var b = chance.IntN(3)
var c = chance.New(chance.NewPCG(1, 2)).IntN(3)
var d = time.Duration(3)`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", impureSource, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := impureCallsIn(file), []string{"time.Now", "math/rand/v2.IntN"}; !slices.Equal(got, want) {
		t.Errorf("impure calls = %q, want %q", got, want)
	}

	for _, c := range []struct {
		path, name string
		want       bool
	}{
		{"model/boost/bin.go", "boost", false},
		{"model/util/bin.go", "util", true},
		{"model/boost/helpers.go", "boost", true},
		{"model/boost/utils_test.go", "boost", true},
		{"internal/common/x.go", "x", true},
		{"serving/store/sql/sql.go", "sql", false},
	} {
		if why := forbiddenName(c.path, c.name); (why != "") != c.want {
			t.Errorf("%s: forbidden = %q, want forbidden = %v", c.path, why, c.want)
		}
	}
}

// forbiddenDirection keeps data walking one way: frame ◀ features ◀ serving ◀ cmd, frame ◀ model ◀ serving.
// It holds for tests too; only a test of tree/ may learn the tree that it reads.
func forbiddenDirection(folder, imported string, test bool) string {
	room, bounded := roomOf(folder)
	if test && room == "model/tree" {
		room = "model"
	}
	if !bounded {
		return ""
	}
	if room == "features/frame" && thirdParty(imported) && !slices.ContainsFunc(testOnly, func(prefix string) bool { return within(imported, prefix) }) {
		return "features/frame needs only the standard library"
	}
	target, ours := strings.CutPrefix(imported, modulePath+"/")
	if !ours || within(target, room) {
		return ""
	}
	for _, open := range reach[room] {
		if exact, only := strings.CutPrefix(open, "="); only && target == exact || within(target, open) {
			return ""
		}
	}
	return fmt.Sprintf("%s reaches only %s", room, orNothing(reach[room]))
}

// testOnly are third-party packages for tests, which drivers keeps out of everything else.
var testOnly = []string{"github.com/google/go-cmp", "pgregory.net/rapid"}

// forbiddenAdapter keeps adapters from one another and the use cases from all of them. A test may join
// two, to send a file into a real engine.
func forbiddenAdapter(folder, imported string, test bool) string {
	target, ours := strings.CutPrefix(imported, modulePath+"/")
	if !ours || test {
		return ""
	}
	if folder == "serving" {
		for _, room := range plugged {
			if within(target, room) {
				return "the use cases know interfaces that serving declares, not what is plugged into them"
			}
		}
	}
	from, is := roomAmong(adapters, folder)
	if !is {
		return ""
	}
	to, is := roomAmong(adapters, target)
	if !is || from == to || adapterDoors[from] == to {
		return ""
	}
	return "an adapter knows no other adapter; join them in cmd"
}

// forbiddenDriver keeps each technology in the room that tames it. A test may reach for one, to stage
// what the room has to survive. cgo is forbidden to tests as well.
func forbiddenDriver(folder, imported string, test bool) string {
	if test && imported != "C" {
		return ""
	}
	for prefix, rooms := range drivers {
		if !within(imported, prefix) {
			continue
		}
		if _, allowed := roomAmong(rooms, folder); !allowed {
			return fmt.Sprintf("%s belongs to %s", prefix, orNothing(rooms))
		}
	}
	return ""
}

func forbiddenImpurity(imported string) string {
	for _, pattern := range impure {
		folder, tree := strings.CutSuffix(pattern, "/*")
		if imported == pattern || tree && strings.HasPrefix(imported, folder+"/") {
			return "features/frame and model know no clock, disk, network, log or global"
		}
	}
	return ""
}

func forbiddenName(file, name string) string {
	base := strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".go"), "_test")
	for _, word := range append(strings.Split(path.Dir(file), "/"), base, strings.TrimSuffix(name, "_test")) {
		if slices.Contains(drawers, word) {
			return fmt.Sprintf("%q says nothing about what is inside; a thing lives with the idea that it serves", word)
		}
	}
	return ""
}

// impureCallsIn returns the impure functions that a file names, as "import/path.Function", in order.
func impureCallsIn(file *ast.File) []string {
	names := map[string]string{} // local name → import path
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused such a file
		}
		local := path.Base(imported)
		if local == "v2" {
			local = path.Base(path.Dir(imported))
		}
		if spec.Name != nil {
			local = spec.Name.Name
		}
		names[local] = imported
	}
	var calls []string
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		local, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		imported := names[local.Name]
		if pattern := impureCalls[imported]; pattern != nil && pattern.MatchString(selector.Sel.Name) {
			calls = append(calls, imported+"."+selector.Sel.Name)
		}
		return true
	})
	return calls
}

func pure(folder string) bool { return within(folder, "features/frame") || within(folder, "model") }

// within reports whether a slash-separated path is a folder or lies in it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// roomOf returns the longest room of reach that holds the folder.
func roomOf(folder string) (room string, found bool) {
	for candidate := range reach {
		if within(folder, candidate) && len(candidate) > len(room) {
			room, found = candidate, true
		}
	}
	return room, found
}

func roomAmong(rooms []string, folder string) (room string, found bool) {
	for _, candidate := range rooms {
		if within(folder, candidate) {
			return candidate, true
		}
	}
	return "", false
}

// thirdParty reports whether an import comes from another module: its first element holds a dot.
func thirdParty(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

func orNothing(rooms []string) string {
	if len(rooms) == 0 {
		return "nothing"
	}
	return strings.Join(rooms, ", ")
}

// source is a Go file as far as the laws look at it. Paths are slash-separated and relative to the root.
type source struct {
	path, folder string
	name         string // of the package
	test         bool
	imports      []string
}

func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	top := root(t)
	err := filepath.WalkDir(top, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if entry.IsDir() {
			// The go command does not look there either.
			if base := entry.Name(); relative != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if path.Ext(relative) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("parse %s: %w", relative, err)
		}
		one := source{path: relative, folder: path.Dir(relative), name: parsed.Name.Name, test: strings.HasSuffix(relative, "_test.go")}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("parse %s: import %s: %w", relative, spec.Path.Value, err)
			}
			one.imports = append(one.imports, imported)
		}
		found = append(found, one)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("no Go file under %s", top)
	}
	return found
}

// root returns the folder that holds go.mod, above the package that is tested.
func root(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		if err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || parent == folder {
			t.Fatalf("no go.mod above the working directory: %v", err)
		}
		folder = parent
	}
}

// ignoredAtTheTop returns the names of top-level folders that .gitignore names ("/bin/").
func ignoredAtTheTop(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, line := range lines(t, ".gitignore") {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(line, "/"), "/"); ok && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	return names
}

var requirement = regexp.MustCompile(`^(?:require )?\s*([^\s/]+\.[^\s/]+(?:/\S+)?) v\S+$`)

// directDependencies returns the modules that go.mod requires without the comment "indirect".
func directDependencies(t *testing.T) []string {
	t.Helper()
	var modules []string
	for _, line := range lines(t, "go.mod") {
		if match := requirement.FindStringSubmatch(line); match != nil {
			modules = append(modules, match[1])
		}
	}
	return modules
}

var dependencyRow = regexp.MustCompile("^\\| `?([a-z0-9.-]+\\.[a-z]+(?:/[^` |]*)?)`? \\| (.*\\S) *\\|$")

// dependencyTable returns the rows "module → why" of CONTRIBUTING.md.
func dependencyTable(t *testing.T) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for _, line := range lines(t, "CONTRIBUTING.md") {
		if match := dependencyRow.FindStringSubmatch(line); match != nil {
			reasons[match[1]] = match[2]
		}
	}
	return reasons
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	file, err := os.Open(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		all = append(all, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return all
}
