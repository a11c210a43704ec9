package proxy

import (
	"context"
	"errors"
	"sync"
)

// calls are those of a session's handler, and waits in front of them, that somebody may end. Safe for concurrent use.
type calls struct {
	mu      sync.Mutex
	running map[*call]struct{}
	cause   error // why those that begin now end at once; nil: they may run
}

// A call is a callback that runs.
type call struct {
	cancel  context.CancelCauseFunc
	patient bool // it waits for the server: neither a CancelRequest nor the end of the client's requests is meant for it
}

// begin makes the context of a callback; done is called after it.
func (c *calls) begin(patient bool) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	one := &call{cancel, patient}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		cancel(c.cause)
		return ctx, func() {}
	}
	if c.running == nil {
		c.running = map[*call]struct{}{}
	}
	c.running[one] = struct{}{}
	return ctx, func() {
		c.mu.Lock()
		delete(c.running, one)
		c.mu.Unlock()
		cancel(nil)
	}
}

// cancel ends those that run and reports whether there were any.
func (c *calls) cancel(cause error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := false
	for one := range c.running {
		if one.patient && (errors.Is(cause, ErrCancelled) || errors.Is(cause, errLeft)) {
			continue
		}
		one.cancel(cause)
		found = true
	}
	return found
}

// end ends those that run, and those that begin from now on.
func (c *calls) end(cause error) {
	c.mu.Lock()
	c.cause = cause
	c.mu.Unlock()
	c.cancel(cause)
}

// any reports whether some run.
func (c *calls) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.running) > 0
}
