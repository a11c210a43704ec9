package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mzproxy/proxy"
)

// What one client of the admin side may hold: the time for a request's header, and for an idle connection, and all connections.
const (
	adminHeaderTimeout = 10 * time.Second
	adminIdleTimeout   = 2 * time.Minute // longer than Prometheus and probes pause
	adminConnections   = 100
)

// admin is what operators and probes see over HTTP. Nothing of it changes anything.
type admin struct {
	registry *prometheus.Registry
	ready    *readiness
	page     *page // nil: there is nothing to show
}

// newAdmin makes the admin side of a server, with what else can be measured.
func newAdmin(server *proxy.Server, ready *readiness, more ...prometheus.Collector) admin {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_sessions", Help: "Client sessions at present."},
			func() float64 { return float64(server.Sessions()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_build_info", Help: "1, with the version as a label.", ConstLabels: prometheus.Labels{"version": version}},
			func() float64 { return 1 }))
	registry.MustRegister(more...)
	return admin{registry: registry, ready: ready}
}

// handler serves /metrics, /healthz (the process lives), /startupz (what it needs to begin is there) and /readyz (the server can be
// reached, and strategies work).
func (a admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { probe(w, nil) })
	mux.HandleFunc("GET /startupz", func(w http.ResponseWriter, _ *http.Request) { probe(w, a.ready.startup()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { probe(w, a.ready.ready(r.Context())) })
	if a.page != nil {
		a.page.register(mux)
	}
	return mux
}

// run serves until ctx ends.
func (a admin) run(ctx context.Context, ln net.Listener) error {
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: adminHeaderTimeout, IdleTimeout: adminIdleTimeout, MaxHeaderBytes: 1 << 16}
	ln = newLimitListener(ln, adminConnections)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}
