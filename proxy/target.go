package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
)

// targets are the values of target_session_attrs, with libpq's meaning.
var targets = []string{"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}

// A HostState is what a server can be asked for by target_session_attrs.
type HostState struct {
	Standby  bool // in recovery
	ReadOnly bool // sessions are, to begin with: a standby's, too
}

// unsuited is what is wrong with a server, in libpq's words; empty: nothing.
func (s HostState) unsuited(target string) string {
	switch {
	case target == "read-write" && s.ReadOnly:
		return "session is read-only"
	case target == "read-only" && !s.ReadOnly:
		return "session is not read-only"
	case target == "primary" && s.Standby:
		return "server is in hot standby mode"
	case target == "standby" && !s.Standby:
		return "server is not in hot standby mode"
	}
	return ""
}

// stateFor is how long what a host was found to be is believed without another look.
const stateFor = 5 * time.Second

// hostStates knows what hosts are. A client that logs in itself cannot be sent on to another host: it has to be known before.
// Safe for concurrent use.
type hostStates struct {
	mu    sync.Mutex
	known map[string]knownState // by address
}

type knownState struct {
	HostState
	until time.Time
}

// of returns what a host is, which may have to be asked.
func (h *hostStates) of(ctx context.Context, host *Upstream) (HostState, error) {
	h.mu.Lock()
	known, ok := h.known[host.Address]
	h.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.HostState, nil
	}
	state, err := host.Probe(ctx, host.Address)
	if err != nil {
		h.forget(host)
		return state, fmt.Errorf("ask what %s is: %w", host.Address, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[string]knownState{}
	}
	h.known[host.Address] = knownState{state, time.Now().Add(stateFor)}
	return state, nil
}

// forget has a host be asked again.
func (h *hostStates) forget(host *Upstream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, host.Address)
}

// targeted reports whether it matters what the hosts are.
func (u *Upstream) targeted() bool { return u.Target != "" && u.Target != "any" && u.Probe != nil }

// suitable are those of the hosts that target_session_attrs wants, in their order; with prefer-standby the others come after them.
func (h *hostStates) suitable(ctx context.Context, t *netpoll.Task, hosts []*Upstream) (list []*Upstream, errs []error) {
	if !hosts[0].targeted() {
		return hosts, nil
	}
	target := hosts[0].Target
	var others []*Upstream
	for i, host := range hosts {
		attempt, done := host.attempt(ctx, len(hosts)-i)
		var state HostState
		var err error
		t.Blocking(func() { state, err = h.of(attempt, host) })
		done()
		switch why := state.unsuited(target); {
		case target == "prefer-standby" && err == nil && !state.Standby:
			others = append(others, host)
		case err != nil:
			errs = append(errs, err)
		case why != "":
			errs = append(errs, errors.New(host.Address+": "+why))
		default:
			list = append(list, host)
		}
	}
	return slices.Concat(list, others), errs
}

// unsuited is the end of a session whose server is, by what it has reported, not what target_session_attrs wants by now; nil: it is, or
// reports nothing.
func (u *Upstream) unsuited(reported wire.Parameters) *Error {
	standby, readOnly := reported.Get("in_hot_standby"), reported.Get("default_transaction_read_only")
	if !u.targeted() || standby == "" || readOnly == "" {
		return nil
	}
	why := HostState{Standby: standby == "on", ReadOnly: standby == "on" || readOnly == "on"}.unsuited(u.Target)
	if why == "" {
		return nil
	}
	e := wire.Fatal(wire.CodeConnectionUnable, why, nil)
	e.Detail = fmt.Sprintf("The server has changed: the proxy is to connect to one that is %s (target_session_attrs).", u.Target)
	e.Hint = "Try again."
	return e
}
