package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fealty/serving/servingtest"
)

// threads is how many the fits get on every side.
const threads = 2

// bench is one run.
type bench struct {
	environments, scripts, twin, data string
	scale                             float64
	rounds                            int
	out, err                          io.Writer

	self    string // this program
	work    string // tables and models, removed at the end
	figures []servingtest.Figure
}

// Our sides. The twin is the same program without assembly; without wide vectors it
// has AVX2 only.
const (
	ours     = "fealty"
	oursTwin = "fealty-twin"
	oursAVX2 = "fealty-avx2"
)

// environmentOf says in which Python environment a peer lives.
func environmentOf(learner string) string {
	switch learner {
	case "lleaves", "fasttreeshap":
		return learner
	default:
		return "main"
	}
}

func isOurs(side string) bool { return strings.HasPrefix(side, ours) }

// command returns the program of a side, or nil where it is not here.
func (b *bench) command(ctx context.Context, side string, threads int) *exec.Cmd {
	var c *exec.Cmd
	switch {
	case side == oursTwin && b.twin == "":
		return nil
	case side == oursTwin:
		c = exec.CommandContext(ctx, b.twin, "trial") //nolint:gosec // the path is the caller's own program
	case isOurs(side):
		c = exec.CommandContext(ctx, b.self, "trial") //nolint:gosec // this program
	default:
		folder := filepath.Join(b.environments, environmentOf(side))
		if _, err := os.Stat(filepath.Join(folder, "complete")); err != nil {
			return nil
		}
		c = exec.CommandContext(ctx, filepath.Join(folder, "bin", "python"), filepath.Join(b.scripts, "trial.py")) //nolint:gosec // the environment that run made
	}
	n := strconv.Itoa(threads)
	c.Env = append(os.Environ(), "GOMAXPROCS="+n, "OMP_NUM_THREADS="+n, "PYTHONDONTWRITEBYTECODE=1")
	if side == oursAVX2 {
		c.Env = append(c.Env, "GODEBUG=cpu.avx512=off,cpu.avx512f=off")
	}
	return c
}

// trial has one side answer one request in a process of its own.
func (b *bench) trial(ctx context.Context, side string, threads int, r request) (answer, error) {
	c := b.command(ctx, side, threads)
	if c == nil {
		return answer{}, fmt.Errorf("%s is not installed", side)
	}
	r.Learner = side
	input, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	var output, complaints bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(input), &output, &complaints
	if err := c.Run(); err != nil {
		return answer{}, fmt.Errorf("%s, %s: %w\n%s", side, r.Task, err, lastLines(complaints.String(), 12))
	}
	var a answer
	if err := json.Unmarshal([]byte(lastLines(output.String(), 1)), &a); err != nil {
		return answer{}, fmt.Errorf("%s, %s: its answer %q: %w", side, r.Task, lastLines(output.String(), 1), err)
	}
	return a, nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// here returns those of the sides that can be measured, and says which can't.
func (b *bench) here(ctx context.Context, sides []string) []string {
	return slices.DeleteFunc(slices.Clone(sides), func(side string) bool {
		return b.command(ctx, side, 1) == nil
	})
}

// measured gathers what one side answered in all rounds.
type measured struct {
	side          string
	wall, cpu     []float64 // seconds per pass
	prepare       []float64
	rows          int
	peak          int64
	auc, logLoss  []float64 // per round, where labels were predicted
	apart         float64   // from LightGBM's predictions, where the model is the same
	version, fail string
}

func (m *measured) add(a answer) {
	m.wall = append(m.wall, a.Seconds...)
	m.cpu = append(m.cpu, a.CPU/float64(max(1, len(a.Seconds))))
	m.prepare = append(m.prepare, a.Prepare)
	m.rows, m.version = a.Rows, a.Version
	m.peak = max(m.peak, a.Peak)
}

// perRow returns the median seconds that a row takes.
func (m *measured) perRow() float64 { return median(m.wall) / float64(m.rows) }

// perRowCPU returns the median processor seconds of a row.
func (m *measured) perRowCPU() float64 { return median(m.cpu) / float64(m.rows) }

// median returns the middle of the values, NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// asker returns what a side is asked in a round.
type asker func(side string, round int) (request, error)

// always asks the same.
func always(r request) asker {
	return func(string, int) (request, error) { return r, nil }
}

// turns has every side answer in every round, the first one of a round changing
// with the round. A side that fails is out, and the table says why. answered is
// called after each answer, if not nil.
func (b *bench) turns(ctx context.Context, sides []string, threads int, ask asker, answered func(*measured, request) error) ([]*measured, error) {
	all := make([]*measured, 0, len(sides))
	for _, side := range b.here(ctx, sides) {
		all = append(all, &measured{side: side})
	}
	for round := range b.rounds {
		for k := range all {
			m := all[(k+round)%len(all)]
			if m.fail != "" {
				continue
			}
			r, err := ask(m.side, round)
			if err != nil {
				return nil, err
			}
			began := time.Now()
			a, err := b.trial(ctx, m.side, threads, r)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				if isOurs(m.side) {
					return nil, err
				}
				m.fail = err.Error()
				b.say("%s is out: %s", m.side, m.fail)
				continue
			}
			m.add(a)
			b.say("round %d, %s, %s: %.4g s (the process %.1f s)", round+1, r.Task, m.side, median(a.Seconds), time.Since(began).Seconds())
			if answered != nil {
				if err := answered(m, r); err != nil {
					return nil, err
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(m *measured) bool { return m.fail != "" }), nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.err, "bench-peers: "+format+"\n", args...) //nolint:errcheck // progress; the figures are what counts
}

// chapter is one group of figures.
type chapter struct {
	name  string
	usual bool
	run   func(*bench, context.Context) error
}

// chapters in their order: train leaves the table and the models for what follows.
var chapters = []chapter{
	{"train", true, (*bench).train},
	{"predict", true, (*bench).predict},
	{"shap", true, (*bench).explain},
	{"single", true, (*bench).single},
	{"wide", true, (*bench).wide},
	{"kinds", true, (*bench).kinds},
	{"accounts", true, (*bench).accounts},
	{"quality", true, (*bench).quality},
	{"public", true, (*bench).public},
	{"roundtrip", true, (*bench).roundtrip},
	{"large", false, (*bench).large},
}

func usualChapters() []string {
	var names []string
	for _, c := range chapters {
		if c.usual {
			names = append(names, c.name)
		}
	}
	return names
}

// measure runs the chosen chapters, and prints the figures.
func (b *bench) measure(ctx context.Context, chosen []string) (err error) {
	for _, name := range chosen {
		if !slices.ContainsFunc(chapters, func(c chapter) bool { return c.name == name }) {
			return fmt.Errorf("chapter %q is unknown; there are %s and large", name, strings.Join(usualChapters(), ", "))
		}
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp("", "fealty-peers-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	b.say("%s, %d threads for fits, 1 for predictions; %d rounds, scale %g", machine(), threads, b.rounds, b.scale)
	for _, c := range chapters {
		if !slices.Contains(chosen, c.name) {
			continue
		}
		if err := c.run(b, ctx); err != nil {
			return fmt.Errorf("chapter %s: %w", c.name, err)
		}
	}
	return servingtest.PrintFigures(b.out, b.figures)
}

// machine names the processor.
func machine() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "a machine without /proc/cpuinfo"
	}
	processors, name, flags := 0, "", ""
	for line := range strings.Lines(string(info)) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "processor":
			processors++
		case "model name":
			name = strings.TrimSpace(value)
		case "flags":
			flags = value
		}
	}
	vectors := "no AVX2"
	for _, wide := range []string{"avx2", "avx512f"} {
		if slices.Contains(strings.Fields(flags), wide) {
			vectors = wide
		}
	}
	return fmt.Sprintf("%d × %s (%s)", processors, name, vectors)
}
