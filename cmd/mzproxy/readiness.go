package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// readiness tells probes whether the proxy can do its work, and why not.
type readiness struct {
	// ping asks the server for a sign of life; its answer counts for pingTrust.
	ping func(context.Context) error
	// trouble says why strategies do not work although the server is there; nil: they do, or there are none.
	trouble func() error

	mu      sync.Mutex
	started bool
	why     error // why it has not started
	ending  bool
	asked   time.Time
	answer  error
}

const (
	pingTrust   = time.Second
	pingTimeout = 2 * time.Second
)

var errNotStarted = errors.New("the controller has not reached the server yet")

// begin notes why the start goes on, or, with nil, that it is over.
func (r *readiness) begin(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started, r.why = err == nil, err
}

// end notes that the proxy is about to go.
func (r *readiness) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
}

// startup is the first reason why the start is not over; nil: it is.
func (r *readiness) startup() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.started:
		return nil
	case r.why != nil:
		return r.why
	}
	return errNotStarted
}

// ready is the first reason why clients should go elsewhere; nil: there is none.
func (r *readiness) ready(ctx context.Context) error {
	if r.isEnding() {
		return errors.New("the proxy is shutting down")
	}
	if err := r.reach(ctx); err != nil {
		return err
	}
	if err := r.startup(); err != nil {
		return err
	}
	if r.trouble != nil {
		return r.trouble()
	}
	return nil
}

func (r *readiness) isEnding() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ending
}

// reach asks the server, or remembers what it has just answered: probes of several kinds come close together.
func (r *readiness) reach(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked.IsZero() && time.Since(r.asked) < pingTrust {
		return r.answer
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	r.answer = r.ping(ctx)
	r.asked = time.Now()
	return r.answer
}

// probe answers with ok, or with 503 and the reason.
func probe(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
