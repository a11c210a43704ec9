package main

import (
	"context"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// recognition is the interceptor of a bare relay: it searches every text for
// statements of ours, as always, and passes on what it finds.
type recognition struct{}

var (
	_ proxy.Interceptor = recognition{}
	_ proxy.NonBlocking = recognition{}
	_ proxy.Handler     = recognition{}
)

// Open implements proxy.Interceptor.
func (recognition) Open(context.Context, *proxy.Session) (proxy.Handler, error) {
	return recognition{}, nil
}

// NonBlocking implements proxy.NonBlocking.
func (recognition) NonBlocking() {}

// Wants implements proxy.Handler.
func (recognition) Wants(text []byte) bool { return rewrite.Match(text) }

// Intercept implements proxy.Handler.
func (recognition) Intercept(context.Context, proxy.Query) ([]proxy.Verdict, error) { return nil, nil }

// Ready implements proxy.Handler.
func (recognition) Ready(context.Context, proxy.Completed) proxy.Ready { return proxy.Ready{} }

// Close implements proxy.Handler.
func (recognition) Close() {}
