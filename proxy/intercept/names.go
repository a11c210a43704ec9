package intercept

import (
	"context"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
)

// moves counts what may have changed the meaning of tables' names since the session began.
type moves struct {
	count    int
	prepared bool // a statement that was prepared with SQL may, when it is executed
	inText   bool // a statement in front in the text at hand may have
}

// envNow is the session's env at this moment. What stands in front in the same pipeline may have changed it since the
// server last reported: the server is asked where the meaning of a text depends on it.
func (h *handler) envNow(ctx context.Context, text string, pipelined bool, ask asker) rewrite.Env {
	env := h.env()
	env.Executes = h.moves.prepared
	if !pipelined || !depends(text, env) {
		return env
	}
	path, err := askFor(ctx, ask, "search_path")
	if err == nil && h.session.Parameter("database") != "" {
		env.Database, err = askFor(ctx, ask, "database")
	}
	if env.SearchPath = path; path == "" {
		env.SearchPath = `""`
	}
	env.Unsure = err != nil
	return env
}

// depends tells whether what a text writes to is a matter of the session's search path or database.
func depends(text string, env rewrite.Env) bool {
	env.Unsure, env.Database = true, ""
	statements, err := rewrite.Classify(text, env)
	for i := range statements {
		if w := statements[i].Write; err == nil && w != nil && w.Doubtful {
			return true
		}
	}
	return false
}

func askFor(ctx context.Context, ask asker, parameter string) (string, error) {
	if ask == nil {
		return "", errCannotAsk
	}
	return ask(ctx, parameter)
}

// moving is the verdict about a statement that may change what names mean, for those that were prepared or bound before it.
func (h *handler) moving(q proxy.Query, v proxy.Verdict) proxy.Verdict {
	if !q.Extended {
		h.moves.count++
		return v
	}
	v.Execute = func(context.Context) error { h.moves.count++; return nil }
	return v
}

// preparedElsewhere is a write to a table of the same name as ours, by a name that may come to mean ours.
type preparedElsewhere struct{ text string }

// ours tells whether it means our table now, or may.
func (p preparedElsewhere) ours(env rewrite.Env) bool {
	statements, err := rewrite.Classify(p.text, env)
	for i := range statements {
		if err == nil && statements[i].Write != nil {
			return true
		}
	}
	return err != nil
}

// elsewhere is the verdict about a write to another table of the same name: it passes, as long as it goes there.
func (h *handler) elsewhere(q proxy.Query, s *rewrite.Statement) proxy.Verdict {
	p := preparedElsewhere{s.Of(q.Text)}
	switch {
	case s.Name != "":
		h.watchful()
		h.prepares(s.Name, p)
		bind := func(context.Context, *proxy.Bind) error { return uncertainName() }
		return proxy.Verdict{Prepares: &proxy.Prepared{Name: s.Name, Bind: bind, Keep: p}}
	case !q.Extended:
		return proxy.Verdict{}
	}
	bound := 0
	return proxy.Verdict{Keep: p,
		Bind: func(ctx context.Context, b *proxy.Bind) error {
			bound = h.moves.count
			if p.ours(h.envNow(ctx, p.text, b.Pipelined, b.Ask)) {
				return uncertainName()
			}
			return nil
		},
		Execute: func(context.Context) error {
			if h.moves.count != bound || h.moves.prepared || p.ours(h.env()) {
				return uncertainName()
			}
			return nil
		}}
}

// executeElsewhere lets EXECUTE of such a statement pass where it still means the other table.
func (h *handler) executeElsewhere(ctx context.Context, q proxy.Query, p preparedElsewhere) error {
	if q.Extended || h.moves.inText || p.ours(h.envNow(ctx, p.text, q.Pipelined, q.Ask)) {
		return uncertainName()
	}
	return nil
}

func uncertainName() *proxy.Error {
	return &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: "it is not certain which table " + rewrite.Table + " means",
		Detail: "The search path or the database may have changed since the statement was prepared.", Hint: "Name the table's database and schema, too."}
}
