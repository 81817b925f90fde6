package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fealty/serving"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// linePause is how often plain progress writes a line.
const linePause = 5 * time.Second

// progress tells on standard error how far long work is: as bars on a
// terminal, as a line now and then elsewhere. It is safe for concurrent use.
type progress struct {
	env *env

	// now is read by the bars' own goroutine, which must never wait for mu:
	// whoever holds mu may be waiting for it.
	now atomic.Pointer[serving.Progress]

	mu      sync.Mutex
	bars    *mpb.Progress
	bar     *mpb.Bar
	stage   string
	written time.Time
	ended   bool
}

func (e *env) newProgress() *progress {
	p := &progress{env: e}
	if !e.global.quiet && e.terminal(e.stderr) {
		p.bars = mpb.New(mpb.WithOutput(e.stderr), mpb.WithWidth(40))
	}
	return p
}

// report shows a step.
func (p *progress) report(step serving.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.env.global.quiet || p.ended {
		return
	}
	begins := step.Stage != p.stage
	p.stage = step.Stage
	p.now.Store(&step)
	if p.bars == nil {
		p.line(step, begins)
		return
	}
	if begins {
		p.complete()
		p.bar = p.bars.New(step.Total, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.BarFillerClearOnComplete(),
			mpb.PrependDecorators(decor.Name(step.Stage, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return amountOf(*p.now.Load()) }), decor.Name("  "), decor.Elapsed(decor.ET_STYLE_GO)))
	}
	if step.Total > 0 {
		p.bar.SetTotal(step.Total, false)
	}
	p.bar.SetCurrent(step.Done)
}

// line writes a line when a stage begins and then every few seconds.
func (p *progress) line(step serving.Progress, begins bool) {
	now := p.env.now()
	if !begins && now.Sub(p.written) < linePause {
		return
	}
	p.written = now
	words := step.Stage
	if amount := amountOf(step); amount != "" && !begins {
		words += ": " + amount
	}
	p.env.say("%s", words)
}

func amountOf(step serving.Progress) string {
	if step.Unit == "bytes" {
		done := fmt.Sprintf("%.1f MiB", float64(step.Done)/(1<<20))
		if step.Total > 0 {
			return done + fmt.Sprintf(" of %.1f MiB", float64(step.Total)/(1<<20))
		}
		return done
	}
	unit := step.Unit
	if unit != "" {
		unit = " " + unit
	}
	switch {
	case step.Total > 0:
		return fmt.Sprintf("%d of %d%s", step.Done, step.Total, unit)
	case step.Done > 0:
		return fmt.Sprintf("%d%s", step.Done, unit)
	}
	return ""
}

// complete ends the bar of the stage before.
func (p *progress) complete() {
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bar = nil
	}
}

// end takes the bars away; nothing is shown after it.
func (p *progress) end() {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.ended = true
	p.complete()
	bars := p.bars
	p.mu.Unlock()
	if bars != nil {
		bars.Wait()
	}
}
