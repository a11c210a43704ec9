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
)

// adminHeaderTimeout bounds how long a request's header may take.
const adminHeaderTimeout = 10 * time.Second

// registry collects the metrics of all parts.
func (a *app) registry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		a.metrics, a.interceptor,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_sessions", Help: "Client sessions at present."},
			func() float64 { return float64(a.server.Sessions()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_lease_held", Help: "Whether this proxy is the one that acts."},
			func() float64 {
				if a.leader != nil && a.leader.Leading() {
					return 1
				}
				return 0
			}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_build_info", Help: "1, with the version as a label.", ConstLabels: prometheus.Labels{"version": version}},
			func() float64 { return 1 }))
	return registry
}

// runAdmin serves /metrics, /healthz (the process lives) and /readyz (the tables
// are there, so that strategies work) until ctx ends.
func (a *app) runAdmin(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry(), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-a.tables:
			fmt.Fprintln(w, "ok")
		default:
			http.Error(w, "the controller has not reached the server yet", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: adminHeaderTimeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}
