package rpc

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what one caller and all callers together may cost. A zero field
// means its default.
type Limits struct {
	// RequestBytes is the largest request, decoded or not; default 1 MiB. A batch
	// of 1,000 ids of 512 bytes fits.
	RequestBytes int
	// Rate is the number of requests per second that one key (or, without a key,
	// one address) may send for long, Burst the number at once; defaults 500 and
	// 1,000. A negative Rate means no limit.
	Rate  float64
	Burst int
	// InFlight is the number of requests worked on at once; default 512. What comes
	// beyond is refused at once rather than queued, so that overload costs little.
	InFlight int
	// Deadline caps the time of one request, whatever the caller asks; default 30 s.
	Deadline time.Duration
	// Streams is the number of concurrent calls on one connection; default 250.
	Streams uint32
	// Notice is how long the service says "not ready" before it takes no more work;
	// default 200 ms, negative for none.
	Notice time.Duration
	// Stop is how long work in flight may go on after that; default 20 s.
	Stop time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.RequestBytes <= 0 {
		l.RequestBytes = 1 << 20
	}
	if l.Rate == 0 {
		l.Rate = 500
	}
	if l.Burst <= 0 {
		l.Burst = 1000
	}
	if l.InFlight <= 0 {
		l.InFlight = 512
	}
	if l.Deadline <= 0 {
		l.Deadline = 30 * time.Second
	}
	if l.Streams == 0 {
		l.Streams = 250
	}
	switch {
	case l.Notice == 0:
		l.Notice = 200 * time.Millisecond
	case l.Notice < 0:
		l.Notice = 0
	}
	if l.Stop <= 0 {
		l.Stop = 20 * time.Second
	}
	return l
}

// maxCallers bounds the memory of the rates: an attacker with many addresses
// must not fill it.
const maxCallers = 10_000

// rates keeps one token bucket per caller. It is safe for concurrent use.
type rates struct {
	limit rate.Limit
	burst int

	mu      sync.Mutex
	callers map[string]*caller
}

type caller struct {
	bucket *rate.Limiter
	seen   time.Time
}

func newRates(perSecond float64, burst int) *rates {
	limit := rate.Limit(perSecond)
	if perSecond < 0 {
		limit = rate.Inf
	}
	return &rates{limit: limit, burst: burst, callers: map[string]*caller{}}
}

// allow takes one request from who's bucket; when it is empty it returns how
// long to wait, in whole seconds upwards.
func (r *rates) allow(who string, now time.Time) (bool, time.Duration) {
	if r.limit == rate.Inf {
		return true, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.callers[who]
	if !ok {
		if len(r.callers) >= maxCallers {
			r.forget(now)
		}
		c = &caller{bucket: rate.NewLimiter(r.limit, r.burst)}
		r.callers[who] = c
	}
	c.seen = now
	if c.bucket.AllowN(now, 1) {
		return true, 0
	}
	return false, time.Duration(math.Ceil(max(1, 1/float64(r.limit)))) * time.Second
}

// forget makes room: first whoever was silent for so long that their bucket is
// full again, and if that is nobody, an arbitrary tenth.
func (r *rates) forget(now time.Time) {
	full := time.Duration(float64(r.burst) / float64(r.limit) * float64(time.Second))
	for who, c := range r.callers {
		if now.Sub(c.seen) > full {
			delete(r.callers, who)
		}
	}
	for who := range r.callers {
		if len(r.callers) <= maxCallers*9/10 {
			return
		}
		delete(r.callers, who)
	}
}
