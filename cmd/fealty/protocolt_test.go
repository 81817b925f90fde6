package main

import (
	"errors"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"fealty/serving/servingtest"
)

// The lines are those that the scripts of later figures read.
func TestFiguresArePrintedAsLines(t *testing.T) {
	reference, bound, yes, no := .744, .74, true, false
	var out strings.Builder
	good := servingtest.Figure{Name: "protocol-t/2011-09-09/served/auc", Engine: "chdb", Value: .7461, Reference: &reference, Op: ">=", Bound: &bound, OK: &yes}
	plain := servingtest.Figure{Name: "protocol-t/2011-09-09/rule/auc", Engine: "chdb", Value: .6851}
	if err := servingtest.PrintFigures(&out, []servingtest.Figure{good, plain}); err != nil {
		t.Fatal(err)
	}
	want := `{"name":"protocol-t/2011-09-09/served/auc","engine":"chdb","value":0.7461,"unit":"","reference":0.744,"op":">=","bound":0.74,"ok":true}
{"name":"protocol-t/2011-09-09/rule/auc","engine":"chdb","value":0.6851,"unit":""}
`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
	bad := good
	bad.OK = &no
	if err := servingtest.PrintFigures(io.Discard, []servingtest.Figure{bad, plain}); !errors.Is(err, servingtest.ErrBelowBar) || exitCode(err) != 1 {
		t.Errorf("a false ok: %v, exit %d; want exit 1", err, exitCode(err))
	}
}

// The file for the command line says what the protocol runs with.
func TestProtocolTSettingsStandInTheFile(t *testing.T) {
	path, err := filepath.Abs(filepath.Join("..", "..", "testdata", "protocol-t.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	e := &env{dir: t.TempDir(), global: globalFlags{config: path}}
	c, err := e.loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	settings := c.settings
	if got, want := settings.Map(), servingtest.OnlineRetail().Settings.Map(); !maps.Equal(got, want) {
		t.Errorf("the file says\n%v\nthe protocol runs with\n%v", got, want)
	}
}
