package proxy

import (
	"context"
	"sync"
)

// A requestCounter counts what a client has asked for and what the server has answered:
// every Query, FunctionCall and Sync is answered by one ReadyForQuery. A Sync
// that the server reads during COPY FROM STDIN is not: it ignores Flush and Sync
// until CopyDone or CopyFail (PostgreSQL documentation, "COPY Operations").
// When nothing is outstanding, the status byte is exact. Safe for concurrent use.
type requestCounter struct {
	mu        sync.Mutex
	sent      uint64 // requests for a ReadyForQuery
	received  uint64 // ReadyForQuerys
	failed    bool   // the server has failed at a message after the latest Sync, and skips what comes before the next one
	held      uint64 // ReadyForQuerys that have come but are not passed on yet: 0 or 1
	sinceExec uint64 // Syncs sent since the last Execute or Query, up to a CopyDone
	copyIn    bool   // between CopyInResponse and the end of the copy
	copyDone  bool   // the client has sent CopyDone or CopyFail since then
	status    byte   // of the latest ReadyForQuery
	use       use
	quiet     chan struct{} // closed when nothing is outstanding; nil: nobody waits
}

// begin notes the first ReadyForQuery, which nobody asked for.
func (f *requestCounter) begin(status byte) {
	f.mu.Lock()
	f.status = status
	f.mu.Unlock()
}

// query notes a Query or FunctionCall message, and whether it is use.
func (f *requestCounter) query(uses bool) {
	f.mu.Lock()
	f.sent++
	f.use.begin(uses, f.sent)
	f.sinceExec, f.copyDone = 0, false
	f.mu.Unlock()
}

// execute notes an Execute message, and whether it is use.
func (f *requestCounter) execute(uses bool) {
	f.mu.Lock()
	f.use.begin(uses, f.sent+1)
	f.sinceExec, f.copyDone = 0, false
	f.mu.Unlock()
}

// sync notes a Sync message.
func (f *requestCounter) sync() {
	f.mu.Lock()
	if !f.copyIn {
		f.sent++
		if !f.copyDone {
			f.sinceExec++
		}
	}
	f.failed = false
	f.mu.Unlock()
}

// copyStarted notes a CopyInResponse: the Syncs between the Execute and the end
// of the copy, which may have been sent already, are lost. It returns how many these are.
func (f *requestCounter) copyStarted() (lost int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copyIn = !f.copyDone
	lost = int(f.sinceExec)
	f.sent -= f.sinceExec
	f.use.until = min(f.use.until, f.sent+1)
	f.sinceExec = 0
	f.settle()
	return lost
}

// copySent notes CopyDone or CopyFail.
func (f *requestCounter) copySent() {
	f.mu.Lock()
	f.copyIn, f.copyDone = false, true
	f.mu.Unlock()
}

// restart notes the first message after a Sync or Query.
func (f *requestCounter) restart() {
	f.mu.Lock()
	f.failed = false
	f.mu.Unlock()
}

// hasFailed reports whether the server skips what comes before the next Sync.
func (f *requestCounter) hasFailed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// errored notes an error of the server, which ends a copy. Where no ReadyForQuery is to
// come, it concerns a message after the latest Sync.
func (f *requestCounter) errored() {
	f.mu.Lock()
	f.copyIn = false
	f.failed = f.received >= f.sent
	f.mu.Unlock()
}

// hold notes a ReadyForQuery that is not passed on before the handler was asked.
func (f *requestCounter) hold() {
	f.mu.Lock()
	f.held = 1
	f.mu.Unlock()
}

// working reports whether there is something that the server has yet to answer.
func (f *requestCounter) working() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent > f.received+f.held
}

// ready notes a ReadyForQuery.
func (f *requestCounter) ready(status byte) {
	f.mu.Lock()
	f.received++
	if f.received > f.sent {
		f.sent = f.received // a Sync that we took for lost was answered after all
	}
	f.status, f.held = status, 0
	f.use.ready(f.received, status)
	f.copyIn = false
	f.settle()
	f.mu.Unlock()
}

// settle wakes who waits for quiet. f.mu is held.
func (f *requestCounter) settle() {
	if f.quiet != nil && f.received >= f.sent {
		close(f.quiet)
		f.quiet = nil
	}
}

// outstanding is the number of ReadyForQuerys that have yet to come.
func (f *requestCounter) outstanding() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent - f.received
}

// waits reports whether the server does nothing before the client says more.
func (f *requestCounter) waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.received >= f.sent || f.copyIn
}

// tx is the status byte of the latest ReadyForQuery.
func (f *requestCounter) tx() byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// wait returns when nothing is outstanding. It cannot hang on a server that
// works: everything that it waits for has been sent.
func (f *requestCounter) wait(ctx context.Context) error {
	f.mu.Lock()
	if f.received >= f.sent {
		f.mu.Unlock()
		return nil
	}
	if f.quiet == nil {
		f.quiet = make(chan struct{})
	}
	quiet := f.quiet
	f.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
