package proxy_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"mzproxy/proxy"
)

// A wordHandler decides about a statement by its first word, so that the text of
// a test tells what happens:
//
//	OURS n      answered with n rows, numbered from 1
//	OURS FAIL   answered with a row and an error
//	OURS WAIT   answered when the context ends, with its cause as the error
//	OURS COPY   answered with COPY OUT of two lines
//	REFUSE      refused, with a position
//	REPLACE x   SELECT x, a longer text than the client's
//	TAG x       the server's, with the tag changed to x
//	DONE x      the server's, reported in a notice before ReadyForQuery
//	WATCH x     the server's, with Ready waiting for the context to end
//	BIND x      the server's, with "!" put after every parameter; refused if one is "bad"
//	EXECUTE x   the server's, refused when a portal is first executed if x is "bad", and reported in a notice otherwise
//	PREPARE x   the server's, which makes the prepared statement x: a BIND and DONE one, which is known by x
//	DROP x      the server's, which drops it
//	KNOWN x     answered with the name that the prepared statement x is known by, as a notice
//	ASK x       the server's, with what the server shows for x as its text; refused if it does not show it
//	TRY x       the server's, whatever the server shows for x
//	PANIC x     a panic of the handler
//
// Everything else is nobody's. Statements are cut at semicolons.
type wordHandler struct {
	mu       sync.Mutex
	done     []string
	waits    bool
	greeting []*proxy.Notice
	waiting  chan struct{} // gets a value when something begins to wait
	causes   chan error    // ... and how that ended
	closed   chan struct{}
	wants    func([]byte) bool
}

func newWordHandler() *wordHandler {
	return &wordHandler{waiting: make(chan struct{}, 16), causes: make(chan error, 16), closed: make(chan struct{})}
}

// Open makes a wordHandler serve one session.
func (h *wordHandler) Open(context.Context, *proxy.Session) (proxy.Handler, error) { return h, nil }

func (h *wordHandler) Greet() proxy.Ready { return proxy.Ready{Notices: h.greeting} }

var words = []string{"OURS", "REFUSE", "REPLACE", "TAG", "DONE", "WATCH", "BIND", "EXECUTE", "PREPARE", "DROP", "KNOWN", "ASK", "TRY", "PANIC"}

func (h *wordHandler) Wants(text []byte) bool {
	if h.wants != nil {
		return h.wants(text)
	}
	for _, w := range words {
		if strings.Contains(string(text), w) {
			return true
		}
	}
	return false
}

func (h *wordHandler) Intercept(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	return eachPiece(q.Text, func(text string, begin int) (proxy.Verdict, bool) { return h.verdict(ctx, q, text, begin) }), nil
}

// eachPiece asks for a verdict on each statement of a text, in which semicolons stand between statements only.
func eachPiece(text string, verdict func(piece string, begin int) (proxy.Verdict, bool)) []proxy.Verdict {
	var verdicts []proxy.Verdict
	n, at := 0, 0
	for piece := range strings.SplitAfterSeq(text, ";") {
		begin := at + len(piece) - len(strings.TrimLeft(piece, " \n"))
		at += len(piece)
		statement := strings.Trim(piece, " \n;")
		if statement == "" {
			continue
		}
		if v, ok := verdict(statement, begin); ok {
			v.Index, v.Start, v.End = n, begin, begin+len(statement)
			verdicts = append(verdicts, v)
		}
		n++
	}
	for i := range verdicts {
		verdicts[i].Of = n
	}
	return verdicts
}

func (h *wordHandler) verdict(ctx context.Context, q proxy.Query, text string, begin int) (v proxy.Verdict, ok bool) {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "OURS":
		return proxy.Verdict{Action: proxy.Local, Answer: h.answer(rest)}, true
	case "REFUSE":
		return proxy.Verdict{Action: proxy.Refuse, Err: &proxy.Error{Code: "22023", Message: "refused", Position: begin + 1}}, true
	case "REPLACE":
		return proxy.Verdict{Action: proxy.Replace, Text: "SELECT /* a longer text */ " + rest}, true
	case "TAG":
		return proxy.Verdict{Tag: rest}, true
	case "DONE":
		return proxy.Verdict{Done: h.note}, true
	case "WATCH":
		h.mu.Lock()
		h.waits = true
		h.mu.Unlock()
		return proxy.Verdict{Watch: true}, true
	case "BIND":
		return proxy.Verdict{Bind: bind, Keep: rest}, true
	case "EXECUTE":
		return proxy.Verdict{Watch: true, Execute: func(context.Context) error {
			h.note("asked")
			if rest == "bad" {
				return &proxy.Error{Code: "22023", Message: "refused"}
			}
			return nil
		}}, true
	case "PREPARE":
		return proxy.Verdict{Prepares: &proxy.Prepared{Name: rest, Bind: bind, Done: h.note, Keep: rest}}, true
	case "DROP":
		return proxy.Verdict{Deallocates: rest}, true
	case "KNOWN":
		name, known := q.Kept(rest).(string)
		if !known {
			name = "unknown"
		}
		return proxy.Verdict{Action: proxy.Local, Answer: &proxy.Answer{Run: func(_ context.Context, w proxy.ResultWriter) (string, error) {
			return "KNOWN", w.Notice(&proxy.Notice{Message: name})
		}}}, true
	case "ASK":
		value, err := q.Ask(ctx, rest)
		if err != nil {
			return proxy.Verdict{Action: proxy.Refuse, Err: &proxy.Error{Code: "55000", Message: err.Error()}}, true
		}
		return proxy.Verdict{Action: proxy.Replace, Text: "IT IS " + value}, true
	case "TRY":
		_, _ = q.Ask(ctx, rest)
	case "PANIC":
		panic("the handler's")
	}
	return v, false
}

func (h *wordHandler) note(tag string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, tag)
}

func bind(ctx context.Context, b *proxy.Bind) error {
	for i, v := range b.Values {
		if string(v) == "ask" {
			value, err := b.Ask(ctx, "is_superuser")
			if err != nil {
				return err
			}
			v = []byte(value)
		}
		if string(v) == "bad" {
			return &proxy.Error{Code: "22023", Message: "bad parameter"}
		}
		b.Values[i] = append(v[:len(v):len(v)], '!')
		b.Changed = true
	}
	return nil
}

func (h *wordHandler) answer(what string) *proxy.Answer {
	columns := []proxy.Column{{Name: "n", OID: 23}}
	switch what {
	case "COPY":
		return &proxy.Answer{Run: func(_ context.Context, w proxy.ResultWriter) (string, error) {
			line, err := w.CopyOut(1)
			if err != nil {
				return "", err
			}
			return "COPY 2", firstError(line([]byte("a\n")), line([]byte("b\n")))
		}}
	case "FAIL":
		return &proxy.Answer{Columns: columns, Run: func(_ context.Context, w proxy.ResultWriter) (string, error) {
			one := "1"
			return "", firstError(w.Row(&one), &proxy.Error{Code: "22012", Message: "failed"})
		}}
	case "WAIT":
		return &proxy.Answer{Columns: columns, Run: func(ctx context.Context, _ proxy.ResultWriter) (string, error) {
			return "", h.wait(ctx)
		}}
	}
	n, _ := strconv.Atoi(what)
	return &proxy.Answer{Columns: columns, Run: func(_ context.Context, w proxy.ResultWriter) (string, error) {
		for i := range n {
			text := strconv.Itoa(i + 1)
			if err := w.Row(&text); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("SELECT %d", n), nil
	}}
}

func (h *wordHandler) wait(ctx context.Context) error {
	h.waiting <- struct{}{}
	<-ctx.Done()
	h.causes <- context.Cause(ctx)
	return context.Cause(ctx)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *wordHandler) Ready(ctx context.Context, e proxy.Completed) proxy.Ready {
	h.mu.Lock()
	done, waits := h.done, h.waits
	h.done, h.waits = nil, false
	h.mu.Unlock()
	if waits {
		_ = h.wait(ctx)
	}
	var ready proxy.Ready
	for _, tag := range done {
		ready.Notices = append(ready.Notices, &proxy.Notice{Message: fmt.Sprintf("done: %s, status %c", tag, e.TxStatus)})
	}
	return ready
}

func (h *wordHandler) Close() { close(h.closed) }
