package mzsim

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
)

// session is the handler of one client session.
type session struct {
	*interceptor
	proxied *proxy.Session
	info    proxy.SessionInfo
	id      uuid.UUID

	mu       sync.Mutex
	state    state // after what the server has completed
	expected state // after what was let through, too
	tries    int   // statements let through
	settled  int   // the one of them that state is after
	prepared map[string]*statement
	cursors  map[string]*cursor
	running  []*attempt // let through, not settled yet
	notices  []*proxy.Notice
	reported map[string]string
	failure  string // the latest message of the server, for the history
}

var (
	_ proxy.Handler           = (*session)(nil)
	_ proxy.Greeter           = (*session)(nil)
	_ proxy.ParameterRewriter = (*session)(nil)
	_ proxy.ErrorRewriter     = (*session)(nil)
)

// Wants reports true: every statement is subject to Materialize's rules.
func (h *session) Wants([]byte) bool { return true }

// Greet reports all parameters in the order in which Materialize does, and welcomes the client.
func (h *session) Greet() proxy.Ready {
	var parameters []proxy.Parameter
	for _, name := range relayedParameters {
		value, _ := h.RewriteParameter(name, h.proxied.Parameter(name))
		parameters = append(parameters, proxy.Parameter{Name: name, Value: value})
	}
	r := h.news()
	r.Parameters = append(parameters, r.Parameters...)
	return r
}

// Ready settles the transaction, and adds what the client has to be told, as late as the latency has it.
func (h *session) Ready(ctx context.Context, c proxy.Completed) proxy.Ready {
	if h.latency > 0 {
		_ = delay(ctx, h.latency) // who does not wait any more has no use for it
	}
	var failure error
	h.mu.Lock()
	for _, e := range c.Events {
		if e.Code != "" {
			failure = &proxy.Error{Code: e.Code, Message: h.failure}
		}
	}
	switch c.TxStatus {
	case 'I':
		h.state.end(failure == nil)
	case 'T':
		h.state.explicit = true
	case 'E':
		h.state.explicit, h.state.failed = true, true
	}
	h.expected = h.state
	running := h.running
	h.running = nil
	h.mu.Unlock()
	for _, a := range running { // the first that did not complete is the one that failed
		if h.history.unfinished(a.execution) {
			if failure != nil && !unplanned(failure) {
				h.history.finish(a.execution, "", failure)
			} else {
				h.history.drop(a.execution)
			}
			failure = nil
		}
	}
	if c.TxStatus == 'I' {
		h.closeCursors()
	}
	return h.news()
}

// unplanned tells whether a statement failed before it was executed: it names what there is not.
func unplanned(err error) bool {
	e := (*proxy.Error)(nil)
	return errors.As(err, &e) && strings.HasPrefix(e.Code, "42") && e.Code != "42501"
}

// news are the notices that wait, and the variables that have changed since they were last reported.
func (h *session) news() proxy.Ready {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := proxy.Ready{Watch: true, Notices: h.notices}
	h.notices = nil
	for _, name := range reportedVariables {
		value := h.state.vars.get(name)
		if old, ok := h.reported[name]; !ok || old != value {
			h.reported[name] = value
			r.Parameters = append(r.Parameters, proxy.Parameter{Name: name, Value: value})
		}
	}
	return r
}

// RewriteParameter passes the parameters that Materialize reports, too.
func (h *session) RewriteParameter(name, value string) (string, bool) {
	if name == "server_version" {
		return serverVersion, true
	}
	return value, slices.Contains(relayedParameters, name)
}

// RewriteError says things as Materialize does, and leaves out what tells of PL/pgSQL.
func (h *session) RewriteError(e *wire.Fields) {
	rewriteError(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Code == "26000" { // of a Bind message it stays
		for _, a := range h.running {
			if a.st.kind == kindExecute {
				e.Code, e.Message = "XX000", "unknown prepared statement "+a.st.name
			}
		}
	}
	if m := deniedView.FindStringSubmatch(e.Message); m != nil && e.Code == "42501" {
		name := `VIEW "mz_internal.` + m[1] + `"`
		e.Message, e.Detail = "permission denied for "+name, fmt.Sprintf("The '%s' role needs SELECT privileges on %s", h.info.User, name)
	}
	h.failure = e.Message
}

// deniedView is how PostgreSQL refuses the relations of the catalog that not everybody may read.
var deniedView = regexp.MustCompile(`^permission denied for view (mz_\w+)$`)

// closeTimeout bounds what is done in the catalog when a session has ended.
const closeTimeout = 5 * time.Second

// Close forgets the session.
func (h *session) Close() {
	h.mu.Lock()
	for _, a := range h.running {
		h.history.abort(a.execution)
	}
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	h.closeCursors()
	// The rows are gone with the server otherwise: an error has no one to go to.
	_, _ = h.pool.Exec(ctx, "DELETE FROM mz_sim.sessions WHERE id = $1", h.id)
	_, _ = h.pool.Exec(ctx, "DELETE FROM mz_sim.subscriptions WHERE session_id = $1", h.id)
}
