package materialize

import (
	"sync"
	"time"
)

// clock tells what the server's clock said at a moment of this machine's. It
// knows of jumps of either from what was noted.
type clock struct {
	mu      sync.Mutex
	offsets []offset // the oldest first
}

// offset is how far the server's clock is ahead, from a moment on.
type offset struct {
	from  time.Time
	ahead time.Duration
}

// A difference that is no more than the time that statements take.
const clockJitter = 3 * time.Second

const mostOffsets = 100

// note takes in what both clocks say at one time, and tells whether one of them jumped.
func (c *clock) note(here, there time.Time) (jumped bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := offset{here, there.Sub(here)}
	if n := len(c.offsets); n > 0 {
		if last := &c.offsets[n-1]; (o.ahead - last.ahead).Abs() <= clockJitter {
			last.ahead = max(last.ahead, o.ahead) // what the server said took some time to come here
			return false
		}
		jumped = true
	}
	c.offsets = append(c.offsets, o)
	if len(c.offsets) > mostOffsets {
		c.offsets = c.offsets[1:]
	}
	return jumped
}

// known tells whether anything was noted.
func (c *clock) known() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.offsets) > 0
}

// there is what the server's clock said when this machine's said here.
func (c *clock) there(here time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := time.Duration(0)
	for i, o := range c.offsets {
		if i > 0 && here.Before(o.from) {
			break
		}
		ahead = o.ahead
	}
	return here.Add(ahead)
}
