package main

import (
	"fmt"
	"strconv"
	"time"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/proxy/intercept"
)

// told is what the proxy tells of itself in psql and on the status page.
type told struct {
	*app
	reload *reloader // nil: the settings are fixed
	began  time.Time
}

var _ intercept.Proxy = (*told)(nil)

// Version implements intercept.Proxy.
func (t *told) Version() string { return versionLine() }

// Clients implements intercept.Proxy.
func (t *told) Clients() []proxy.SessionInfo { return t.server.Clients() }

// Settings implements intercept.Proxy.
func (t *told) Settings() (list []intercept.Setting) {
	if t.reload == nil {
		return nil
	}
	for _, line := range t.reload.settings().lines() {
		list = append(list, intercept.Setting{Name: line.name, Value: line.value, Source: line.source})
	}
	return list
}

// Status implements intercept.Proxy.
func (t *told) Status() (list []intercept.Setting) {
	add := func(name, value string) { list = append(list, intercept.Setting{Name: name, Value: value}) }
	add("version", version)
	add("started_at", t.began.UTC().Format(time.RFC3339))
	add("mode", t.mode())
	if t.lease != nil {
		add("lease_holder", t.lease.Holder().Name)
	}
	state := "ok"
	if err := t.reconciler.Trouble(); err != nil {
		state = reconcile.Said(err)
	}
	add("controller", state)
	add("sessions", strconv.Itoa(t.server.Sessions()))
	if t.reload != nil {
		last, fault := t.reload.state()
		add("settings_read_at", last.UTC().Format(time.RFC3339))
		result := "ok"
		if fault != nil {
			result = fmt.Sprintf("not taken over, the old ones stay: %s", fault)
		}
		add("settings", result)
	}
	return list
}

// mode says what the proxy does.
func (t *told) mode() string {
	switch {
	case t.lease == nil:
		return "observes"
	case t.lease.Leading():
		return "leads"
	}
	return "follows"
}
