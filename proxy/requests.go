package proxy

import (
	"context"
	"errors"
	"fmt"
	"mzproxy/proxy/netpoll"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// errServerGone is a server that takes no more bytes.
var errServerGone = errors.New("cannot write to the server")

// requests is the direction from the client to the server. It belongs to one
// goroutine at a time. What is not ours passes in consume; where a handler is to be asked, or a
// message concerns an answer of ours, the pump pauses in front of that message
// and handle takes it.
type requests struct {
	*exchange
	pump *pump
	skip int  // bytes of a long message still to be forwarded
	drop bool // ... or to be dropped
	// segment holds the types of the messages that the server has got since the
	// latest one that it answers with ReadyForQuery.
	segment []byte
	// skipping drops messages up to the next Sync, as a server does after an error.
	skipping   bool
	deaf       bool // the server skips, too: a question of ours failed in the middle of a pipeline
	statements map[string]*statement
	portals    map[string]*portal

	era   era
	swept uint64 // eras that forget has followed

	remembers atomic.Bool // statements is not empty
}

func newRequests(s *Session) *requests {
	r := &requests{exchange: &s.exchange}
	r.pump = newPump(s.conn, r)
	return r
}

func (r *requests) step() (err error) {
	defer r.recovered(&err)
	return r.pump.step()
}

func (r *requests) run() error {
	for {
		err := r.pump.run()
		if !errors.Is(err, errPause) {
			return err
		}
		size, err := frameSize(r.pump.buf)
		if err != nil {
			return err
		}
		if err := r.handle(r.pump.buf[:size]); err != nil {
			return err
		}
		r.pump.discard(size)
	}
}

// consume forwards whole messages, and long ones as they come.
func (r *requests) consume(data []byte) (int, error) {
	at, from := min(r.skip, len(data)), 0
	r.skip -= at
	if r.drop {
		from = at
		r.drop = r.skip > 0
	}
	var pause error
	for r.skip == 0 && len(data)-at >= headerSize {
		typ := data[at]
		size, err := frameSize(data[at:])
		if err != nil {
			return at, err
		}
		end := at + size
		if r.looksAt(typ) && size <= maxHeld {
			if end > len(data) {
				break
			}
			if r.concerns(typ, data[at+headerSize:end]) {
				pause = errPause
				break
			}
		}
		r.skip = max(0, end-len(data))
		if r.skipping { // too long to be held
			if err := r.forward(data[from:at]); err != nil {
				return at, err
			}
			r.drop = r.skip > 0
			at = min(end, len(data))
			from = at
			continue
		}
		r.note(typ)
		at = min(end, len(data))
	}
	if err := r.forward(data[from:at]); err != nil {
		return at, err
	}
	return at, pause
}

// forward writes to the server.
func (r *requests) forward(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if _, err := r.upstream.Write(p); err != nil {
		return fmt.Errorf("%w: %w", errServerGone, err)
	}
	return nil
}

// looksAt reports whether the content of a message matters.
func (r *requests) looksAt(typ byte) bool {
	if r.handler == nil {
		return false
	}
	switch typ {
	case 'Q', 'P':
		return true
	case 'B', 'D', 'E', 'C':
		return r.skipping || r.remembers.Load()
	}
	return r.skipping
}

// concerns reports whether handle has to see a message.
func (r *requests) concerns(typ byte, body []byte) bool {
	if r.skipping {
		return true
	}
	r.forget()
	switch typ {
	case 'Q':
		return len(body) > 0 && r.wants(body[:len(body)-1])
	case 'P':
		name, rest, ok := cstring(body)
		text, _, ok2 := cstring(rest)
		return ok && ok2 && (r.knowsStatement(name) || r.wants(text))
	case 'B':
		name, rest, ok := cstring(body)
		source, _, ok2 := cstring(rest)
		return ok && ok2 && (r.knowsPortal(name) || r.knowsStatement(source))
	case 'E':
		name, _, ok := cstring(body)
		return ok && r.knowsPortal(name)
	case 'D', 'C':
		if len(body) < 2 {
			return false
		}
		name, _, ok := cstring(body[1:])
		return ok && (body[0] == 'S' && r.knowsStatement(name) || body[0] == 'P' && r.knowsPortal(name))
	}
	return false
}

func (r *requests) knowsStatement(name []byte) bool {
	s, ok := r.statements[string(name)]
	return ok && !s.isGone()
}

func (r *requests) knowsPortal(name []byte) bool {
	_, ok := r.portals[string(name)]
	return ok
}

// note keeps count of a message that is about to be forwarded.
func (r *requests) note(typ byte) {
	r.count(typ)
	if r.client.tracking.Load() && expectsAnswer(typ) {
		r.track(typ)
	}
	if typ == 'H' && r.handler != nil {
		r.client.push()
	}
}

// expectsAnswer reports whether a message has a place in the script.
func expectsAnswer(typ byte) bool {
	switch typ {
	case 'P', 'B', 'D', 'E', 'C', 'Q', 'F', 'S':
		return true
	}
	return false
}

// count notes what the server is asked for.
func (r *requests) count(typ byte) {
	switch typ {
	case 'P', 'B', 'D', 'C':
		r.extend(typ)
	case 'E':
		r.extend(typ)
		r.flow.execute()
	case 'Q', 'F':
		r.segment = r.segment[:0]
		r.flow.query()
		if len(r.portals)+len(r.statements) > 0 {
			r.dropUnnamed()
		}
	case 'S':
		r.segment = r.segment[:0]
		r.flow.sync()
	case 'c', 'f':
		r.flow.copySent()
	case 'X':
		r.terminated.Store(true)
	}
}

// maxSegment is the length from which answered messages are cut off a segment.
const maxSegment = 4096

// extend adds a message to the segment.
func (r *requests) extend(typ byte) {
	if r.handler == nil {
		return
	}
	if len(r.segment) >= maxSegment && len(r.segment) == cap(r.segment) {
		r.shorten()
	}
	r.segment = append(r.segment, typ)
}

// shorten cuts off the segment what the server has answered: a client may send
// without end and never ask for a ReadyForQuery.
func (r *requests) shorten() {
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	if r.flow.outstanding() > 0 { // the answers are not those of the segment
		return
	}
	n := min(c.answered, len(r.segment))
	r.segment = r.segment[:copy(r.segment, r.segment[n:])]
	c.answered -= n
}

// track gives a message its place in the script, if there still is one.
func (r *requests) track(typ byte) {
	r.client.hold()
	defer r.client.mu.Unlock()
	if r.client.script.head() != nil {
		r.client.script.push(item{kind: typ})
	}
}

// expect gives an item its place among what the client waits for. The first one
// must be given when nothing is outstanding but messages of the current segment.
func (r *requests) expect(it item) error {
	c := r.client
	if err := c.lock(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	if c.script.head() == nil {
		for _, kind := range r.segment[min(c.answered, len(r.segment)):] {
			c.script.push(item{kind: kind})
		}
	}
	c.script.push(it)
	return c.prompt()
}

// await runs f, which waits for somebody, and meanwhile notices when the client
// goes away, which ends f's context; see exchange.call. What the client sends is kept.
func (r *requests) await(patient bool, f func(context.Context)) {
	r.call(patient, func(ctx context.Context) { r.whileReading(func() { f(ctx) }) })
}

// whileReading runs f, and meanwhile reads what the client sends.
func (r *requests) whileReading(f func()) {
	ahead := make(chan []byte, 1)
	go func() {
		data, err := readAhead(r.conn)
		if err != nil {
			r.callbacks.cancel(ErrClientGone)
		}
		ahead <- data
	}()
	defer func() {
		r.readDeadline(netpoll.Past)
		r.pump.push(<-ahead)
		r.readDeadline(time.Time{})
	}()
	f()
}

// settle waits until the server has answered all requests before this one. It
// cannot be cancelled by the client: what it cancels is what the server works at.
func (r *requests) settle() error {
	if r.flow.outstanding() > 0 {
		var err error
		r.await(true, func(ctx context.Context) { err = r.flow.wait(ctx) })
		if err != nil {
			return err
		}
	}
	r.forget()
	return nil
}

// aheadSize bounds what is read while a callback runs.
const aheadSize = 64 << 10

// readAhead reads until the deadline (no error), the end of the connection, or aheadSize.
func readAhead(conn net.Conn) ([]byte, error) {
	var data []byte
	var chunk [1024]byte
	for len(data) < aheadSize {
		n, err := conn.Read(chunk[:])
		data = append(data, chunk[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return data, nil
		}
		if err != nil {
			return data, err
		}
	}
	return data, nil
}
