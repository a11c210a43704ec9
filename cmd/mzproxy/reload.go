package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
)

// reloadable are the settings that may change while the proxy runs. A change of another one counts from the next start on.
var reloadable = []string{
	"audit-retention", "audit-rows", "ignore-application", "ignore-user", "log-level", "max-sessions", "max-sessions-per-address", "notices", "rate-limit", "size-alias",
	"tls-cert", "tls-client-ca", "tls-key",
}

// How often the files of settings and certificates are looked at.
const reloadEvery = time.Second

// reloader reads the settings again when it is told to, and when a file of theirs has changed. It takes over all of them, or, where there is a
// fault, none. Its methods are safe for concurrent use.
type reloader struct {
	args    []string
	log     *logrus.Logger
	tls     *swappedTLS
	apply   func(serveCmd) error // takes over what may change; it fails before it begins, or not at all
	notify  func(state string)   // tells the service manager
	reloads *prometheus.CounterVec

	mu      sync.Mutex
	current *loaded
	last    time.Time // of the last reload, or the start
	fault   error     // of the last reload; nil: there was none
}

func newReloader(args []string, l *loaded, log *logrus.Logger) *reloader {
	r := &reloader{args: args, log: log, current: l, last: time.Now(), tls: &swappedTLS{}, apply: func(serveCmd) error { return nil }, notify: func(string) {},
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_config_reloads_total", Help: "Times that the settings were read again, by how that ended: applied, or failed, where the old ones stay."}, []string{"result"})}
	r.reloads.WithLabelValues(reloadApplied)
	r.reloads.WithLabelValues(reloadFailed)
	return r
}

// Results of a reload, as values of a label.
const (
	reloadApplied = "applied"
	reloadFailed  = "failed"
)

// collectors are the metrics of reloads.
func (r *reloader) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.reloads,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_config_last_reload_successful", Help: "Whether the settings could be used when they were last read (1), or the ones before them count (0)."},
			func() float64 { _, fault := r.state(); return oneIf(fault == nil) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_config_last_reload_timestamp_seconds", Help: "When the settings were last read, in seconds since 1970."},
			func() float64 { last, _ := r.state(); return float64(last.Unix()) })}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// state tells when the settings were last read, and what was wrong with them.
func (r *reloader) state() (last time.Time, fault error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, r.fault
}

// settings are those that count.
func (r *reloader) settings() *loaded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// run reloads until ctx ends.
func (r *reloader) run(ctx context.Context, hangup <-chan os.Signal) {
	seen := r.stamps()
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			seen = r.stamps()
			r.reload("SIGHUP")
		case <-ticker.C:
			if now := r.stamps(); now != seen {
				seen = now
				r.reload("a file has changed")
			}
		}
	}
}

// stamps tell whether a file has changed.
func (r *reloader) stamps() (stamps string) {
	c := r.settings().Serve
	for _, name := range []string{string(r.settings().Config), c.TLSCert, c.TLSKey, c.TLSClientCA} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			stamps += fmt.Sprintf("%s %d %d\n", name, info.ModTime().UnixNano(), info.Size())
		}
	}
	return stamps
}

// reload reads everything anew and takes it over, or says why it cannot.
func (r *reloader) reload(why string) {
	r.notify(reloadingState())
	defer r.notify("READY=1")
	changed, err := r.take()
	r.mu.Lock()
	r.last, r.fault = time.Now(), err
	r.mu.Unlock()
	if err != nil {
		r.reloads.WithLabelValues(reloadFailed).Inc()
		r.log.WithField("trigger", why).Errorf("settings not reloaded, the old ones stay: %s", err)
		return
	}
	r.reloads.WithLabelValues(reloadApplied).Inc()
	entry := r.log.WithField("trigger", why)
	if len(changed) > 0 {
		entry = entry.WithField("changed", strings.Join(changed, ", "))
	}
	entry.Info("settings reloaded")
}

// take takes the settings over as they are now, and returns which of those have changed that may.
func (r *reloader) take() (changed []string, err error) {
	l, err := load(r.args, io.Discard, io.Discard)
	if err != nil {
		return nil, err
	}
	p, err := l.Serve.prepare()
	if err != nil {
		return nil, l.placed(err)
	}
	before := r.settings()
	if (before.Serve.TLSCert == "") != (l.Serve.TLSCert == "") {
		p.tls = nil // TLS begins and ends with a start
	}
	if err := r.apply(l.Serve); err != nil {
		return nil, err
	}
	if p.tls != nil {
		r.tls.use(p.tls)
	}
	r.log.SetLevel(l.Serve.level())
	for _, name := range changedSettings(before, l) {
		if slices.Contains(reloadable, name) {
			changed = append(changed, name)
			continue
		}
		r.log.WithField("setting", name).Warn("a setting has changed that counts from the next start on")
	}
	r.mu.Lock()
	r.current = l
	r.mu.Unlock()
	return changed, nil
}

// swappedTLS is a TLS configuration that is replaced while clients connect.
type swappedTLS struct{ current atomic.Pointer[tls.Config] }

// use makes clients that come from now on meet another configuration.
func (s *swappedTLS) use(c *tls.Config) { s.current.Store(c) }

// config is what a server is given: it stands for the one that counts when a client connects.
func (s *swappedTLS) config() *tls.Config {
	first := s.current.Load()
	if first == nil {
		return nil
	}
	c := first.Clone()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		now := s.current.Load()
		if now.GetConfigForClient != nil {
			return now.GetConfigForClient(hello)
		}
		return now, nil
	}
	return c
}
