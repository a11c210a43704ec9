package proxy_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"mzproxy/proxy"
)

// A markHandler goes by comments in the texts: /*ours n*/ is answered with n rows, /*fails n*/ with n rows and an
// error, /*refused*/ is refused, and /*write*/ is a write, of which it notes each value that it was asked about.
type markHandler struct {
	mu      sync.Mutex
	checked map[string]bool
}

func (h *markHandler) Open(context.Context, *proxy.Session) (proxy.Handler, error) { return h, nil }
func (h *markHandler) Wants(text []byte) bool                                      { return markedOrNaming.Match(text) }
func (h *markHandler) Ready(context.Context, proxy.Completed) proxy.Ready          { return proxy.Ready{} }
func (h *markHandler) Close()                                                      {}

var (
	markedOrNaming = regexp.MustCompile(`/\*(ours|fails|refused|write)|PREPARE|EXECUTE|DEALLOCATE|DISCARD|DECLARE|CLOSE`)
	mark           = regexp.MustCompile(`/\*(ours|fails|refused|write) ?(\d*)\*/`)
	preparing      = regexp.MustCompile(`^PREPARE (\w+) AS`)
	executing      = regexp.MustCompile(`^EXECUTE (\w+)(?:\((\d+)\))?$`)
	deallocating   = regexp.MustCompile(`^(?:/\*x\*/ )?DEALLOCATE (\w+)$`)
	cursor         = regexp.MustCompile(`^(?:DECLARE|CLOSE) ([a-z])`)
	inserted       = regexp.MustCompile(`VALUES \((-?\d+)\)`)
)

// markedWrite is what the handler keeps of a prepared write, markedAnswer of a statement that it answers.
type (
	markedWrite  struct{}
	markedAnswer struct{ mark []string }
)

func (h *markHandler) Intercept(_ context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	known := map[string]any{} // names that the text has given a meaning so far
	kept := func(name string) any {
		if k, said := known[name]; said {
			return k
		}
		return q.Kept(name)
	}
	return eachPiece(q.Text, func(text string, _ int) (proxy.Verdict, bool) { return h.verdict(q, text, kept, known) }), nil
}

func (h *markHandler) verdict(q proxy.Query, text string, kept func(string) any, known map[string]any) (v proxy.Verdict, ok bool) {
	m := mark.FindStringSubmatch(text)
	switch {
	case strings.HasPrefix(text, "DEALLOCATE ALL"), strings.HasPrefix(text, "DISCARD"):
		known["a"], known["b"] = nil, nil
		return v, false
	case deallocating.MatchString(text):
		name := deallocating.FindStringSubmatch(text)[1]
		known[name] = nil
		return proxy.Verdict{Deallocates: name}, true
	case cursor.MatchString(text):
		return proxy.Verdict{Portal: cursor.FindStringSubmatch(text)[1]}, true
	case executing.MatchString(text):
		e := executing.FindStringSubmatch(text)
		if q.Extended {
			return proxy.Verdict{Executes: &proxy.Executed{Name: e[1], Check: func(_ context.Context, kept any) (*proxy.Answer, error) { return nil, h.execute(kept, e[2]) }}}, true
		}
		_ = h.execute(kept(e[1]), e[2])
		if a, ours := kept(e[1]).(markedAnswer); ours {
			return marked(a.mark), true
		}
		return v, false
	case preparing.MatchString(text):
		name := preparing.FindStringSubmatch(text)[1]
		p := &proxy.Prepared{Name: name}
		if m != nil {
			p.Bind, p.Keep = h.bind, markedWrite{}
		}
		if kept(name) == nil { // otherwise the server refuses it
			known[name] = p.Keep
		}
		return proxy.Verdict{Prepares: p}, true
	case m == nil:
		return v, false
	case m[1] == "refused":
		return proxy.Verdict{Action: proxy.Refuse, Err: &proxy.Error{Code: "42703", Message: "refused"}}, q.TxStatus != 'E'
	case m[1] == "write":
		for _, value := range inserted.FindAllStringSubmatch(text, -1) {
			h.check(value[1])
		}
		if v.Keep = (markedWrite{}); strings.Contains(text, "$1") {
			v.Bind = h.bind
		}
		return v, true
	}
	return marked(m), true
}

// marked answers a statement.
func marked(m []string) proxy.Verdict {
	fails := m[1] == "fails"
	n, _ := strconv.Atoi(m[2])
	return proxy.Verdict{Action: proxy.Local, Keep: markedAnswer{m}, Answer: &proxy.Answer{Columns: []proxy.Column{{Name: "n", OID: 23}},
		Run: func(_ context.Context, w proxy.ResultWriter) (string, error) {
			for i := range n {
				text := strconv.Itoa(i + 1)
				if err := w.Row(&text); err != nil {
					return "", err
				}
			}
			if fails {
				return "", &proxy.Error{Code: "22012", Message: "division by zero"}
			}
			return fmt.Sprint("SELECT ", n), nil
		}}}
}

// execute looks at an EXECUTE, whose name stands for what was kept.
func (h *markHandler) execute(kept any, value string) error {
	if _, write := kept.(markedWrite); write && value != "" {
		h.check(value)
	}
	return nil
}

// bind looks at a write's parameters.
func (h *markHandler) bind(_ context.Context, b *proxy.Bind) error {
	if len(b.Values) != 1 || b.TxStatus == 'E' {
		return nil // the server says so
	}
	if string(b.Values[0]) == "bad" {
		return &proxy.Error{Code: "22P02", Message: "bad"}
	}
	h.check(string(b.Values[0]))
	return nil
}

func (h *markHandler) check(value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checked[value] = true
}
