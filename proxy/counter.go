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
	mu sync.Mutex
	// sent is what the server has yet to answer with a ReadyForQuery, in order: Q (FunctionCalls, too) and S. Between them stand E, which is one Execute or
	// more, and c, the end of a copy: the server tells that one has begun when the client may have said much more.
	sent     []byte
	spare    []byte // what sent begins in when it is empty
	requests int    // Q and S in it
	received uint64 // ReadyForQuerys
	failed   bool   // the server has failed at a message after the latest Sync, and skips what comes before the next one
	held     int    // ReadyForQuerys that have come but are not passed on yet: 0 or 1
	copyIn   bool   // between CopyInResponse and the end of the copy, which the client has not sent yet
	status   byte   // of the latest ReadyForQuery
	use      use
	quiet    chan struct{} // closed when nothing is outstanding; nil: nobody waits
}

// begin notes the first ReadyForQuery, which nobody asked for.
func (f *requestCounter) begin(status byte) {
	f.mu.Lock()
	f.status = status
	f.mu.Unlock()
}

// push notes what is sent; f.mu is held.
func (f *requestCounter) push(typ byte) {
	if len(f.sent) == 0 {
		f.sent = f.spare[:0]
	}
	f.sent = append(f.sent, typ)
	if len(f.sent) == 1 {
		f.spare = f.sent
	}
}

// latest is the number of the ReadyForQuery that answers the latest request; f.mu is held.
func (f *requestCounter) latest() uint64 { return f.received + uint64(f.requests) }

// query notes a Query or FunctionCall message, and whether it is use.
func (f *requestCounter) query(uses bool) {
	f.mu.Lock()
	f.push('Q')
	f.requests++
	f.use.begin(uses, f.latest())
	f.mu.Unlock()
}

// execute notes an Execute message, and whether it is use.
func (f *requestCounter) execute(uses bool) {
	f.mu.Lock()
	if n := len(f.sent); n == 0 || f.sent[n-1] != 'E' {
		f.push('E')
	}
	f.use.begin(uses, f.latest()+1)
	f.mu.Unlock()
}

// sync notes a Sync message.
func (f *requestCounter) sync() {
	f.mu.Lock()
	if !f.copyIn {
		f.push('S')
		f.requests++
	}
	f.failed = false
	f.mu.Unlock()
}

// copySent notes CopyDone or CopyFail.
func (f *requestCounter) copySent() {
	f.mu.Lock()
	if !f.copyIn && len(f.sent) > 0 { // perhaps of a copy of which we have not heard yet
		f.push('c')
	}
	f.copyIn = false
	f.mu.Unlock()
}

// copyStarted notes a CopyInResponse: the Syncs between the message that began the copy and the end of that, which
// may have been sent already, are lost. It returns how many these are, and whether the copy goes on.
func (f *requestCounter) copyStarted() (lost int, goesOn bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.sent
	if len(rest) > 0 && rest[0] != 'S' { // it began the copy
		rest = rest[1:]
	}
	for lost < len(rest) && rest[lost] == 'S' {
		lost++
	}
	over := lost
	if goesOn = lost == len(rest); !goesOn && rest[over] == 'c' {
		over++
	}
	f.copyIn = goesOn
	f.sent = f.sent[:len(f.sent)-len(rest)+copy(rest, rest[over:])]
	f.requests -= lost
	f.use.until = min(f.use.until, f.latest()+1)
	f.settle()
	return lost, goesOn
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
	f.failed = f.requests == 0
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
	return f.requests > f.held
}

// ready notes a ReadyForQuery. There may be none to come: a Sync that we took for lost was answered after all.
func (f *requestCounter) ready(status byte) {
	f.mu.Lock()
	f.received++
	if f.requests > 0 {
		i := 0
		for f.sent[i] != 'Q' && f.sent[i] != 'S' {
			i++
		}
		for i++; i < len(f.sent) && f.sent[i] == 'c'; i++ { // of no copy
		}
		f.sent = f.sent[i:]
		f.requests--
	}
	f.status, f.held = status, 0
	f.use.ready(f.received, status)
	f.copyIn = false
	f.settle()
	f.mu.Unlock()
}

// settle wakes who waits for quiet. f.mu is held.
func (f *requestCounter) settle() {
	if f.quiet != nil && f.requests == 0 {
		close(f.quiet)
		f.quiet = nil
	}
}

// outstanding is the number of ReadyForQuerys that have yet to come.
func (f *requestCounter) outstanding() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// waits reports whether the server does nothing before the client says more.
func (f *requestCounter) waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests == 0 || f.copyIn
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
	if f.requests == 0 {
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
