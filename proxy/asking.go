package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
)

// asking is where the direction from the client asks: its handler, or the server for the handler.
type asking struct{ *requests }

func (r *requests) asking() asking { return asking{r} }

// settle waits until the server has answered all requests before this one. It
// cannot be cancelled by the client: what it cancels is what the server works at.
func (r asking) settle() (err error) {
	if r.counter.outstanding() > 0 {
		r.await(true, func(ctx context.Context) { err = r.counter.wait(ctx) })
	}
	return err
}

// drain sends last, and waits until the server has answered all messages of the segment, or has failed at
// one of them, or waits for the client's copy. Requests before the segment must have been answered.
func (r asking) drain(last []byte) (err error) {
	if len(r.segment) == 0 || r.doomed() {
		return r.forward(last)
	}
	if err := r.forward(wire.Append(last, &wire.Flush{})); err != nil {
		return err
	}
	if quiet := r.quiet(); quiet != nil {
		r.await(true, func(ctx context.Context) {
			select {
			case <-quiet:
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		})
	}
	return err
}

// quiet returns what is closed when the server has answered the segment; nil: it has.
func (r asking) quiet() chan struct{} {
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	r.follow()
	if c.isQuiet() || r.doomed() {
		return nil
	}
	if c.quiet == nil {
		c.quiet = make(chan struct{})
	}
	c.settle()
	return c.quiet
}

// await runs f, which waits for somebody, and meanwhile notices when the client
// goes away, which ends f's context; see exchange.call. What the client sends is kept.
func (r asking) await(patient bool, f func(context.Context)) {
	r.call(patient, func(ctx context.Context) { r.whileReading(func() { f(ctx) }) })
}

// whileReading runs f, and meanwhile reads what the client sends.
func (r asking) whileReading(f func()) {
	ahead := make(chan []byte, 1)
	var late *time.Timer
	go func() {
		data, err := readAhead(r.conn)
		switch {
		case errors.Is(err, io.EOF): // it may still read
			late = time.AfterFunc(leftTimeout, func() { r.calls.cancel(errLeft) })
		case err != nil:
			r.calls.cancel(ErrClientGone)
		}
		ahead <- data
	}()
	defer func() {
		r.readDeadline(netpoll.Past)
		r.pump.push(<-ahead)
		if late != nil {
			late.Stop()
		}
		r.readDeadline(time.Time{})
	}()
	f()
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

// intercept asks the handler.
func (r asking) intercept(q Query) (verdicts []Verdict, refusal *Error) {
	q.Ask = r.ask
	q.Kept = func(name string) (kept any) {
		r.meanwhile(func() {
			if s := r.extended().known(name); s != nil {
				kept = s.kept
			}
		})
		return kept
	}
	q.Portal = func(name string) (ours bool) {
		r.meanwhile(func() {
			ours = r.asks(func(b *books) bool { p := b.portal(name); return p != nil && p.answer != nil })
		})
		return ours
	}
	refusal = r.consult(func(ctx context.Context) (err error) {
		verdicts, err = r.handler.Intercept(ctx, q)
		return err
	})
	return verdicts, refusal
}

// meanwhile runs f for a callback, and lets the handler be told of the server's answers to what came before, which would
// otherwise be waited for in a circle.
func (r asking) meanwhile(f func()) {
	r.handling.Unlock()
	defer r.handling.Lock(r.task)
	f()
}

// consult runs a callback of the handler.
func (r asking) consult(f func(context.Context) error) (refusal *Error) {
	r.await(false, func(ctx context.Context) {
		r.handling.Lock(r.task)
		defer r.handling.Unlock()
		if err := f(ctx); err != nil {
			refusal = r.refusal(ctx, err)
		}
	})
	return r.unasked(refusal)
}

// watch makes the session watched if a verdict wants that.
func (r asking) watch(verdicts []Verdict) {
	for _, v := range verdicts {
		if v.Watch || v.Done != nil {
			r.watchNow()
			return
		}
	}
}

func (r asking) watchNow() {
	r.client.hold()
	r.watched = true
	r.client.mu.Unlock()
}

// produce runs an answer; others stand beside it in its text. It returns the answer that was given in its place.
func (r asking) produce(a *Answer, w *results, others bool) (given *Answer, tag string, e *Error) {
	var at Place
	r.asks(func(*books) bool {
		at = Place{r.client.progress.begun, r.client.progress.others || others}
		return true
	})
	e = r.consult(func(ctx context.Context) (err error) {
		if a.At != nil {
			if given, err = a.At(at); err != nil {
				return err
			}
			a = given
		}
		tag, err = a.Run(ctx, w)
		return err
	})
	return a, tag, e
}
