package proxy_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

var soakFor = flag.Duration("soak", 2*time.Second, "how long TestSoak puts load on the proxy")

// A soak is a proxy in front of a real server, and another one whose connections
// to that server break.
type soak struct {
	t           *testing.T
	calm, rough *rig
	log         *logCheck
}

// A job is one round of some load. The error of a round that went wrong ends the test.
type job struct {
	name  string
	round func(context.Context, *soak, *rand.Rand) error
	done  atomic.Int64
}

// Clients of all kinds, and servers that go away: nothing is left behind, and
// nobody gets anything but what is meant for him.
func TestSoak(t *testing.T) {
	server := realPostgres(t)
	log := &logCheck{}
	s := &soak{t: t, log: log, calm: front(t, server.upstream("127.0.0.1", "sslmode=disable"), log.configure)}
	s.rough = front(t, "postgres://"+severing(t, net.JoinHostPort("127.0.0.1", server.port))+"/postgres?sslmode=disable", log.configure)
	before := server.logSize(t)
	first := s.measure()
	s.run(500 * time.Millisecond)
	first.heap = s.measure().heap // what is made once is there now
	jobs := s.run(*soakFor)
	// A collection also closes what somebody forgot to close.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	s.run(500 * time.Millisecond)
	last := s.measure()
	t.Logf("at first %v, at last %v", first, last)
	for _, j := range jobs {
		t.Logf("%-12s %d rounds", j.name, j.done.Load())
		if j.done.Load() == 0 {
			t.Errorf("%s: not one round", j.name)
		}
	}
	if last.goroutines > first.goroutines || last.descriptors > first.descriptors || last.heap > first.heap+4<<20 {
		t.Errorf("a leak: at first %v, at last %v, %q", first, last, openFiles())
	}
	if complaints := server.complaints(t, before); len(complaints) > 0 {
		t.Errorf("the server complains about the protocol: %q", complaints)
	}
	log.report(t)
}

// run puts load on the proxies, and returns when all sessions are over.
func (s *soak) run(d time.Duration) []*job {
	jobs := soakJobs()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var wg sync.WaitGroup
	for n, j := range jobs {
		for m := range 2 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), uint64(m)))
				for ctx.Err() == nil && !s.t.Failed() {
					// A round that has begun is brought to its end.
					if err := j.round(context.Background(), s, random); err != nil {
						s.t.Errorf("%s: %v", j.name, err)
						return
					}
					j.done.Add(1)
				}
			})
		}
	}
	wg.Wait()
	for _, r := range []*rig{s.calm, s.rough} {
		eventually(s.t, "all sessions over", func() bool { return r.proxy.Sessions() == 0 })
	}
	return jobs
}

// What may not grow.
type resources struct {
	goroutines, descriptors int
	heap                    uint64
}

func (r resources) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d kB", r.goroutines, r.descriptors, r.heap>>10)
}

// measure waits for what ends by itself and counts what is left.
func (s *soak) measure() (now resources) {
	s.t.Helper()
	settled := 0
	eventually(s.t, "quiet", func() bool {
		entries, err := os.ReadDir("/dev/fd")
		if err != nil {
			s.t.Fatal(err)
		}
		was := now
		now.goroutines, now.descriptors = runtime.NumGoroutine()-s.calm.proxy.Spare()-s.rough.proxy.Spare(), len(entries)
		if now != was {
			settled = 0
		}
		settled++
		return settled > 200
	})
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now.heap = m.HeapAlloc
	return now
}

// openFiles tells what the descriptors are, where the system does.
func openFiles() (names []string) {
	entries, _ := os.ReadDir("/dev/fd")
	for _, e := range entries {
		name, _ := os.Readlink(filepath.Join("/dev/fd", e.Name()))
		names = append(names, name)
	}
	return names
}

// logCheck is a log that keeps only what must not be there.
type logCheck struct {
	mu  sync.Mutex
	bad []string
}

var (
	badLog  = regexp.MustCompile(`level=(error|warning)|panic|08P01`)
	badText = regexp.MustCompile(`(?m)^.*(invalid frontend message|protocol synchronization|invalid message|insufficient data|unexpected message|unsupported frontend).*$`)
)

func (l *logCheck) configure(cfg *proxy.Config) {
	log := logrus.New()
	log.SetOutput(l)
	cfg.Logger, cfg.Interceptor = log, eachItsOwn{}
}

func (l *logCheck) Write(p []byte) (int, error) {
	if badLog.Match(p) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.bad = append(l.bad, string(p))
	}
	return len(p), nil
}

func (l *logCheck) report(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.bad {
		t.Errorf("log: %s", line)
	}
}

// eachItsOwn gives every session a wordHandler.
type eachItsOwn struct{}

func (eachItsOwn) Open(context.Context, *proxy.Session) (proxy.Handler, error) {
	return newWordHandler(), nil
}

func (p *postgresServer) logSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(p.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// complaints are what the server has said since about the messages it got.
func (p *postgresServer) complaints(t *testing.T, since int64) []string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return badText.FindAllString(string(log[since:]), -1)
}

// severing listens in front of a server and breaks every connection after some bytes of the server.
func severing(t *testing.T, server string) string {
	ln := listen(t)
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Go(func() {
		for seed := uint64(0); ; seed++ {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { sever(client, server, 1000+rand.IntN(200_000)) })
		}
	})
	return ln.Addr().String()
}

func sever(client net.Conn, server string, after int) {
	defer client.Close()
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(struct{ io.Writer }{conn}, client) // without the pipes that splicing takes
		_ = conn.Close()
	})
	_, _ = io.Copy(&pgtest.FaultyConn{Conn: client, Break: after}, conn)
	_ = client.Close()
	wg.Wait()
}

// open connects through a proxy.
func (r *rig) open(ctx context.Context, mode pgx.QueryExecMode) (*pgx.Conn, error) {
	host, port, _ := strings.Cut(r.address, ":")
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=trusted dbname=postgres sslmode=disable", host, port))
	if err != nil {
		return nil, err
	}
	cfg.DefaultQueryExecMode = mode
	return pgx.ConnectConfig(ctx, cfg)
}

// with runs f with a connection through the proxy that nothing happens to.
func (s *soak) with(ctx context.Context, mode pgx.QueryExecMode, f func(*pgx.Conn) error) error {
	conn, err := s.calm.open(ctx, mode)
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close(ctx))
}
