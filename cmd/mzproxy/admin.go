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

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
)

// adminHeaderTimeout bounds how long a request's header may take.
const adminHeaderTimeout = 10 * time.Second

// admin is what operators and probes see over HTTP.
type admin struct {
	registry *prometheus.Registry
	ready    <-chan struct{} // closed when strategies work; nil: there are none
	trouble  func() error    // why they do not work any more; may be nil
}

// newAdmin makes the admin side of a server, with what else can be measured.
func newAdmin(server *proxy.Server, ready <-chan struct{}, more ...prometheus.Collector) admin {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_sessions", Help: "Client sessions at present."},
			func() float64 { return float64(server.Sessions()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_build_info", Help: "1, with the version as a label.", ConstLabels: prometheus.Labels{"version": version}},
			func() float64 { return 1 }))
	registry.MustRegister(more...)
	return admin{registry: registry, ready: ready}
}

// leaseHeld tells whether this proxy is the one that acts.
func leaseHeld(leader reconcile.Leader) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_lease_held", Help: "Whether this proxy is the one that acts."},
		func() float64 {
			if leader != nil && leader.Leading() {
				return 1
			}
			return 0
		})
}

// run serves /metrics, /healthz (the process lives) and /readyz (the tables
// are there, so that strategies work) until ctx ends.
func (a admin) run(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !a.isReady() {
			http.Error(w, "the controller has not reached the server yet", http.StatusServiceUnavailable)
			return
		}
		if a.trouble != nil {
			if err := a.trouble(); err != nil {
				http.Error(w, "the controller cannot look at the clusters: "+reconcile.Said(err), http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: adminHeaderTimeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}

func (a admin) isReady() bool {
	if a.ready == nil {
		return true
	}
	select {
	case <-a.ready:
		return true
	default:
		return false
	}
}
