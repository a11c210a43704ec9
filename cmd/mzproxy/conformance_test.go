package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"mzproxy/engine/materialize"
	"mzproxy/proxy"
	"mzproxy/proxy/mzsim"
	"mzproxy/proxy/mzsim/conformance"
)

// Through the proxy every case of testdata/materialize holds that holds without it, but for what is ours. Cases of both protocols
// take turns with them: half of the time tells nearly as much.
func TestConformance(t *testing.T) {
	t.Parallel()
	server := proxied(t)
	cases, err := conformance.ReadDir("../../testdata/materialize")
	if err != nil {
		t.Fatal(err)
	}
	runners := []*conformance.Runner{conformance.NewRunner(server, false), conformance.NewRunner(server, true)}
	for _, r := range runners {
		defer r.Close()
	}
	for i, c := range cases {
		if c.Pending != "" || c.Ours != "" {
			continue
		}
		t.Run(c.File+"/"+c.Name, func(t *testing.T) {
			r := runners[i%2]
			if r.Skips(c) != "" {
				r = runners[1-i%2]
			}
			if why := r.Skips(c); why != "" {
				t.Skip(why)
			}
			differences, err := r.Run(t.Context(), c, false)
			if err != nil {
				t.Error(err)
			}
			for _, d := range differences {
				t.Error(d)
			}
		})
	}
}

// proxied is a stand-in without sample clusters, with a proxy in front whose controller is the superuser.
func proxied(t *testing.T) conformance.Server {
	t.Helper()
	sim, err := mzsim.Start(t.Context(), mzsim.Config{Hydration: 200 * time.Millisecond, Startup: fastStartup, Superuser: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	server, err := conformance.Prepare(t.Context(), sim.DSN())
	if err != nil {
		t.Fatal(err)
	}
	direct, err := pgx.Connect(t.Context(), server.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(context.WithoutCancel(t.Context()))
	if _, err := direct.Exec(t.Context(), "SELECT mz_sim.set('tick', '20ms')"); err != nil { // after a change of a cluster the next is told of by a picture of then
		t.Fatal(err)
	}
	addr := serveInFront(t, server.Superuser)
	server.Ordinary, server.Superuser = through(t, server.Ordinary, addr), through(t, server.Superuser, addr)
	return server
}

// through is a connection string that leads to another address.
func through(t *testing.T, dsn, addr string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return u.String()
}

// serveInFront runs a proxy in front of a server and returns its address once strategies work.
func serveInFront(t *testing.T, dsn string) string {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	upstream, err := proxy.ParseUpstream(dsn)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(appConfig{engine: engineFlags{Resync: time.Minute}, client: materialize.Config{DSN: dsn},
		proxy: proxy.Config{Upstream: upstream, Logger: log, DrainTimeout: time.Second}, log: log})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(running, ln, nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	select {
	case <-a.tables:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the stand-in does not answer")
	}
	return ln.Addr().String()
}
