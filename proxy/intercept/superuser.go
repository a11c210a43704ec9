package intercept

import (
	"context"
	"errors"

	"mzproxy/rewrite"
)

// An asker asks the session's own server connection for a run-time parameter; see proxy.Query.
type asker func(ctx context.Context, parameter string) (string, error)

var errCannotAsk = errors.New("the session cannot be asked now")

// identity is what the session says of itself. Whether its role is a superuser is, on some servers, nothing that the
// catalog knows: the session is asked, once, when something depends on it.
type identity struct {
	ask   asker // while it may be asked; nil: it may not
	super bool
	known bool
	admin bool // the catalog says so
}

// during lets the session be asked until the function that it returns is called.
func (i *identity) during(ask asker) func() {
	i.ask = ask
	return func() { i.ask = nil }
}

// superuser tells whether the session is one. One that cannot be asked is none.
func (i *identity) superuser(ctx context.Context) bool {
	if !i.known && i.ask != nil {
		value, err := i.ask(ctx, "is_superuser")
		i.super, i.known = value == "on", err == nil
	}
	return i.super
}

// introduce finds out, while the session may be asked, what the answer to a command depends on.
func (h *handler) introduce(ctx context.Context, c rewrite.Command) {
	switch c.(type) {
	case rewrite.ApplyStrategies, rewrite.PauseStrategies, rewrite.ResumeStrategies, rewrite.ResetState:
		h.self.superuser(ctx)
	case rewrite.ExplainStrategy, rewrite.ShowStrategies, rewrite.ShowStatus, rewrite.ValidateStrategies:
		h.readsAs(ctx, rewrite.Table)
	case rewrite.ShowActions:
		h.readsAs(ctx, actionsTable)
	}
}

// readsAs finds out whether the session is a superuser, where without that it may not read a table.
func (h *handler) readsAs(ctx context.Context, name string) {
	if !h.self.known && !h.readable[name].value {
		_ = h.mayRead(ctx, &table{}, name) // a refusal is the answer's to tell
	}
}
