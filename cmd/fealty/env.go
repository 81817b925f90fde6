package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8/cwriter"
)

// env is what the program sees of its surroundings. Everything that a verb
// reads or writes passes through it.
type env struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	// environ holds the environment as NAME=value.
	environ []string
	// dir is the working directory, from which relative paths start.
	dir string
	now func() time.Time

	// global are the flags that every verb has.
	global globalFlags
}

// globalFlags are the flags that every verb has.
type globalFlags struct {
	config string
	output string
	quiet  bool
}

// processEnv is the env of this process.
func processEnv() *env {
	// Without a working directory relative paths are left as they are, and the
	// first use of one says what is wrong.
	dir, _ := os.Getwd()
	return &env{
		args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		environ: os.Environ(), dir: dir, now: time.Now,
	}
}

// variable returns an environment variable, "" when it isn't set.
func (e *env) variable(name string) string {
	// The last one holds, as in a shell.
	for _, v := range slices.Backward(e.environ) {
		if key, value, ok := strings.Cut(v, "="); ok && key == name {
			return value
		}
	}
	return ""
}

// path makes a path of the command line independent of the working directory.
func (e *env) path(name string) string {
	if filepath.IsAbs(name) || e.dir == "" {
		return name
	}
	return filepath.Join(e.dir, name)
}

// terminal reports whether a stream is a terminal that can redraw a line.
func (e *env) terminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && e.variable("TERM") != "dumb" && cwriter.IsTerminal(int(file.Fd()))
}
