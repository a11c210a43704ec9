package proxy

import (
	"context"
	"strings"

	"mzproxy/proxy/wire"
)

// open makes the handler and lets the client go on. Parameters of the handler come before the
// cancel key, notices after it.
func (l *login) open(ctx context.Context, ready, out, key []byte) error {
	if len(ready) != wire.HeaderSize+1 {
		return wire.Malformed("invalid ReadyForQuery message")
	}
	l.counter.begin(ready[wire.HeaderSize])
	if l.cfg.Interceptor != nil && !(l.cfg.Replication && l.replicates) {
		if err := l.openHandler(ctx); err != nil {
			return err
		}
	}
	l.requests.uses.judge, _ = l.handler.(UseJudge)
	l.requests.waker, _ = l.handler.(Waker)
	l.replies.waker = l.requests.waker
	if rw, ok := l.handler.(ErrorRewriter); ok {
		l.replies.errors = rw
	}
	if rw, ok := l.handler.(ParameterRewriter); ok {
		l.replies.settings = rw
	}
	if g, ok := l.handler.(Greeter); ok {
		greeting := g.Greet()
		l.watched = greeting.Watch
		out = append(out, l.encodeReady(Ready{Parameters: greeting.Parameters})...)
		key = append(key, l.encodeReady(Ready{Notices: greeting.Notices})...)
	}
	out = append(out, key...)
	out = append(out, ready...)
	l.replies.last = 'Z'
	l.replies.pump.discard(len(ready))
	_, err := l.conn.Write(out)
	return err
}

// openHandler makes the handler.
func (l *login) openHandler(ctx context.Context) (err error) {
	if l.mayBlock() {
		opening, done := context.WithDeadline(ctx, l.started.Add(l.cfg.StartupTimeout))
		defer done()
		ctx = opening
		l.task.Blocking(func() { l.handler, err = l.cfg.Interceptor.Open(ctx, l.Session) })
	} else {
		l.handler, err = l.cfg.Interceptor.Open(ctx, l.Session)
	}
	if err == nil {
		return nil
	}
	l.handler = nil
	e := *l.refusal(ctx, err)
	e.Severity = wire.SeverityFatal
	return &e
}

// replicating reports whether a session speaks the replication protocol, in
// which there is no SQL of ours. See "Streaming Replication Protocol".
func replicating(parameter string) bool {
	if parameter == "" || parameter == "0" {
		return false
	}
	// As parse_bool reads a boolean: any case, abbreviated as long as it is clear.
	for _, no := range []string{"false", "no", "off"} {
		if word := strings.ToLower(parameter); strings.HasPrefix(no, word) && word != "o" {
			return false
		}
	}
	return true
}
