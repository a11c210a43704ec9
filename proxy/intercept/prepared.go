package intercept

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// preparedWrite is a write that was prepared, by SQL or by a message.
type preparedWrite struct {
	text  string // where its literals stand
	write *rewrite.Write
	*checked
}

// prepare notes a write that is prepared with SQL. It is checked when it is executed;
// what its text tells is checked now.
func (h *handler) prepare(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	v, p, err := h.checkedWrite(ctx, q, s)
	if err != nil || q.TxStatus == 'E' {
		return v, err
	}
	h.watchful()
	h.prepares(s.Name, p)
	b := &boundWrite{handler: h, preparedWrite: p}
	return proxy.Verdict{Action: v.Action, Text: v.Text,
		Prepares: &proxy.Prepared{Name: s.Name, Bind: b.bind, Done: h.done(b.pending), Keep: p}}, nil
}

// deallocate notes that a name stands for nothing any more, or for nothing of ours; empty: all names.
func (h *handler) deallocate(name string) proxy.Verdict {
	if name == "" { // the proxy follows that by itself
		clear(h.preparing)
		h.cleared = true
		return proxy.Verdict{}
	}
	h.prepares(name, nil)
	return proxy.Verdict{Deallocates: name}
}

// prepares notes what a name of the text at hand stands for from here on.
func (h *handler) prepares(name string, p any) {
	if h.preparing == nil {
		h.preparing = map[string]any{}
	}
	h.preparing[name] = p
}

// prepared returns what a name stands for: a *preparedWrite, preparedAnswer or preparedExecute; nil: nothing of ours.
func (h *handler) prepared(q proxy.Query, name string) any {
	if p, said := h.preparing[name]; said || h.cleared || q.Kept == nil {
		return p
	}
	return q.Kept(name)
}

// preparedExecute is an EXECUTE that was prepared itself, preparedAnswer a command of ours.
type (
	preparedExecute struct{}
	preparedAnswer  struct{ *proxy.Answer }
)

// prepareCommand lets the server have a prepared statement of the same name and parameters.
func (h *handler) prepareCommand(s *rewrite.Statement, a *proxy.Answer) proxy.Verdict {
	h.watchful()
	h.prepares(s.Name, preparedAnswer{a})
	list := make([]string, len(a.ParamOIDs))
	for i, oid := range a.ParamOIDs {
		list[i] = fmt.Sprintf("$%d::%s", i+1, typeNames[oid])
	}
	return proxy.Verdict{Action: proxy.Replace, Text: "PREPARE " + pgtext.QuoteIdent(s.Name) + " AS SELECT " + cmp.Or(strings.Join(list, ", "), "1"),
		Prepares: &proxy.Prepared{Name: s.Name, Answer: a, Keep: preparedAnswer{a}}}
}

// typeNames are those of the types that parameters of ours have.
var typeNames = map[uint32]string{pgtext.TypeText: "text", pgtext.TypeJSONB: "jsonb", pgtext.TypeTimestamptz: "timestamptz"}

// withArguments is an answer with the arguments of an EXECUTE.
func (a preparedAnswer) withArguments(s *rewrite.Statement) (*proxy.Answer, error) {
	if a.Bound == nil || len(a.ParamOIDs) == 0 {
		return a.Answer, nil
	}
	if len(s.Args) != len(a.ParamOIDs) {
		return nil, &proxy.Error{Code: codeSyntax, Message: fmt.Sprintf("wrong number of parameters for prepared statement %s", quoted(s.Name)),
			Detail: fmt.Sprintf("Expected %d parameters but got %d.", len(a.ParamOIDs), len(s.Args))}
	}
	b := proxy.Bind{ParamOIDs: a.ParamOIDs, Formats: make([]int16, len(s.Args)), Values: make([][]byte, len(s.Args))}
	for i, v := range s.Args {
		switch v.Kind {
		case rewrite.Literal:
			b.Values[i] = []byte(v.Text)
		case rewrite.Null:
		default:
			return nil, &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: "an argument of EXECUTE is not a constant", Hint: "Write the value itself."}
		}
	}
	return a.Bound(b), nil
}

// execute checks EXECUTE of a write that was prepared. In the extended protocol it is checked again whenever it is
// executed: the name may stand for something else then.
func (h *handler) execute(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	known := h.prepared(q, s.Name)
	p, _ := known.(*preparedWrite)
	switch k := known.(type) {
	case preparedExecute:
		return proxy.Verdict{}, executesExecute()
	case preparedElsewhere:
		return proxy.Verdict{}, h.executeElsewhere(ctx, q, k)
	case preparedAnswer:
		if q.Extended {
			break
		}
		a, err := k.withArguments(s)
		return proxy.Verdict{Action: proxy.Local, Answer: a, Watch: true}, err
	}
	v, err := h.executeNow(ctx, q, s, p)
	if err != nil || !q.Extended {
		return v, err
	}
	h.watchful()
	edited, first := v.Text != "", true
	pending := v.Done
	v.Keep = preparedExecute{}
	v.Executes = &proxy.Executed{Name: s.Name, Check: func(ctx context.Context, kept any) (*proxy.Answer, error) {
		switch k := kept.(type) {
		case preparedExecute:
			return nil, executesExecute()
		case preparedElsewhere:
			return nil, uncertainName()
		case preparedAnswer:
			return k.withArguments(s)
		}
		now, _ := kept.(*preparedWrite)
		if now == p && first { // as it was checked a moment ago
			first = false
			return nil, nil
		}
		q.TxStatus = 'T' // in a failed transaction the server does not get so far
		again, err := h.executeNow(ctx, q, s, now)
		if err == nil && (edited || again.Text != "") && now != p {
			err = &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: fmt.Sprintf("prepared statement %s has changed", quoted(s.Name)),
				Hint: "Prepare the EXECUTE again, too."}
		}
		pending = again.Done
		return nil, err
	}}
	v.Done = func(tag string) {
		if pending != nil {
			pending(tag)
		}
	}
	return v, nil
}

// executesExecute refuses what could be executed under any name.
func executesExecute() error {
	return &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: "EXECUTE of a prepared EXECUTE is not supported", Hint: "Execute the prepared statement itself."}
}

// executeNow checks EXECUTE of what its name stands for now.
func (h *handler) executeNow(ctx context.Context, q proxy.Query, s *rewrite.Statement, p *preparedWrite) (proxy.Verdict, error) {
	if p == nil || q.TxStatus == 'E' {
		return proxy.Verdict{}, nil
	}
	sent := time.Now()
	args := make(arguments, len(s.Args))
	for i, v := range s.Args {
		args[i] = arguments(nil).resolve(v)
	}
	// Places in the text that prepared it are not places in this one.
	c, err := h.checkIn(ctx, q.Text, p, args)
	if err != nil {
		return proxy.Verdict{}, err
	}
	pending := c.pending(sent)
	v := proxy.Verdict{Done: h.done(func() pendingWrite { return pending })}
	var edits []pgtext.Edit
	for n, id := range c.params {
		if p.write.Elsewhere(n) {
			return proxy.Verdict{}, usedElsewhere(n, args[n-1].text, id)
		}
		if at := s.Args[n-1]; at.Kind == rewrite.Literal {
			edits = append(edits, pgtext.Edit{Span: at.Span, Text: pgtext.QuoteLiteral(id)})
		}
	}
	if len(edits) > 0 {
		v.Action = proxy.Replace
		v.Text = editSpan(q.Text, s.Span, edits)
	}
	return v, nil
}
