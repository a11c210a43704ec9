package materialize_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine/materialize"
)

// candidate is a lease with a client of its own that runs.
type candidate struct {
	*materialize.Lease
	elected atomic.Int64
	stop    func() // gives the lease back
	kill    func() // does not
}

func newCandidate(t *testing.T, s *server, term time.Duration) *candidate {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	cut := newCutter(t, hostOf(t, s.dsn))
	client, err := materialize.New(materialize.Config{DSN: cut.dsn(s.dsn), Schema: s.schema, Lease: term, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.EnsureTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := &candidate{Lease: client.NewLease()}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx, func() { c.elected.Add(1) }) })
	var once sync.Once
	c.stop = func() {
		once.Do(func() {
			cancel()
			running.Wait()
			client.Close()
		})
	}
	c.kill = func() {
		cut.shutDown(true)
		c.stop()
	}
	t.Cleanup(c.stop)
	return c
}

// leaders counts the candidates that lead.
func leaders(candidates ...*candidate) (n int) {
	for _, c := range candidates {
		if c.Leading() {
			n++
		}
	}
	return n
}

// twoAtOnce tells whether two candidates lead at one moment: the first one still does when the second one is seen to.
func twoAtOnce(candidates ...*candidate) bool {
	for _, a := range candidates {
		times := a.elected.Load()
		if !a.Leading() {
			continue
		}
		for _, b := range candidates {
			if a != b && b.Leading() && a.Leading() && a.elected.Load() == times {
				return true
			}
		}
	}
	return false
}

// Of several candidates that start at once one leads. When it gives the lease back, or dies, another one does.
func TestOneLeader(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var all []*candidate
	for range 4 {
		all = append(all, newCandidate(t, s, 2*time.Second))
	}
	for range 3 {
		until(t, "one leads", func() bool { return leaders(all...) > 0 })
		if twoAtOnce(all...) {
			t.Fatal("two lead")
		}
		s.eventually(t, []string{"1"}, "SELECT count(*)::text FROM mz_cluster_strategy_lease")
		for i, c := range all {
			if !c.Leading() {
				continue
			}
			if i%2 == 0 {
				c.kill()
			} else {
				c.stop()
			}
			if c.Leading() {
				t.Error("it leads after its end")
			}
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
}

// The lease is kept for much longer than its term.
func TestLeaseRenewed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newCandidate(t, s, 3*time.Second)
	until(t, "it leads", c.Leading)
	times, renewed, last := int64(0), 0, ""
	until(t, "it is renewed time and again, without a moment between", func() bool {
		next := s.value(t, "SELECT expires_at::text FROM mz_cluster_strategy_lease")
		switch {
		case !c.Leading() || c.elected.Load() != times: // this machine may have stood still: from the start
			times, renewed = c.elected.Load(), 0
		case next != last:
			renewed++
		}
		last = next
		return renewed > 4 // each takes two fifths of the term
	})
}

// Whatever happens to the table, there is one leader in the end, and one row; two that are equal in everything move together.
func TestLeaseTable(t *testing.T) {
	t.Parallel()
	const one = "1 rows of 1 holders, held: 1"
	tests := []struct{ name, fault, want string }{
		{"stolen", "UPDATE mz_cluster_strategy_lease SET holder = 'thief', expires_at = now() + INTERVAL '1 second'", one},
		{"emptied", "DELETE FROM mz_cluster_strategy_lease", one},
		{"surplus row that is free", "INSERT INTO mz_cluster_strategy_lease VALUES ('0', '', '1970-01-01 00:00:00+00')", one},
		{"surplus row that somebody held", "INSERT INTO mz_cluster_strategy_lease VALUES ('0', 'old', now() - INTERVAL '1 second')", one},
		{"surplus row that somebody holds", "INSERT INTO mz_cluster_strategy_lease VALUES ('0', 'thief', now() + INTERVAL '1 second')", one},
		{"the same row twice", "INSERT INTO mz_cluster_strategy_lease SELECT * FROM mz_cluster_strategy_lease", "2 rows of 1 holders, held: 2"},
		{"dropped", "DROP TABLE mz_cluster_strategy_lease", one},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			a, b := newCandidate(t, s, time.Second), newCandidate(t, s, time.Second)
			until(t, "one leads", func() bool { return leaders(a, b) == 1 })
			s.run(t, "%s", test.fault)
			s.eventually(t, []string{"1"}, "SELECT count(*)::text FROM mz_catalog.mz_tables t JOIN mz_catalog.mz_schemas s ON s.id = t.schema_id"+
				" WHERE t.name = 'mz_cluster_strategy_lease' AND s.name = '%s'", s.schema)
			until(t, "one leads, and holds every row", func() bool {
				return leaders(a, b) == 1 && s.value(t, `SELECT count(*) || ' rows of ' || count(DISTINCT holder) || ' holders, held: ' ||
					count(CASE WHEN expires_at > now() AND holder <> 'thief' THEN 1 END) FROM mz_cluster_strategy_lease`) == test.want
			})
		})
	}
}

// Who cannot reach the server does not lead for longer than the lease.
func TestLeaseOutOfReach(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newCandidate(t, s, time.Second)
	until(t, "it leads", c.Leading)
	s.run(t, "ALTER TABLE mz_cluster_strategy_lease RENAME TO hidden")
	s.run(t, "CREATE TABLE mz_cluster_strategy_lease (nothing int)")
	until(t, "it does not lead", func() bool { return !c.Leading() })
}

// A server's clock that jumps makes no second leader, and takes the lease from nobody.
func TestLeaseClockJumps(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := newCandidate(t, s, 15*time.Second)
	until(t, "it leads", a.Leading)
	b := newCandidate(t, s, 15*time.Second)
	expiry := func() string { return s.value(t, "SELECT expires_at::text FROM mz_cluster_strategy_lease") }
	for range 2 {
		before := expiry()
		s.run(t, "SELECT mz_sim.advance('1 hour')")
		until(t, "renewed", func() bool {
			if b.Leading() {
				t.Fatal("the other one leads")
			}
			return expiry() != before
		})
	}
	if !a.Leading() || a.elected.Load() != 1 {
		t.Errorf("it leads: %t, elected %d times", a.Leading(), a.elected.Load())
	}
}

// Who believes to lead, and does not by the server's word, is told.
func TestConfirm(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := newCandidate(t, s, time.Hour) // renewed long after this test
	until(t, "it leads", a.Leading)
	for _, test := range []struct {
		fault string
		holds bool
	}{
		{"SELECT 1", true},
		{"INSERT INTO mz_cluster_strategy_lease VALUES ('0', '', now())", true},
		{"INSERT INTO mz_cluster_strategy_lease VALUES ('1', 'thief', now())", false},
		{"DELETE FROM mz_cluster_strategy_lease WHERE holder = 'thief'", true},
		{"UPDATE mz_cluster_strategy_lease SET holder = ''", false},
		{"DELETE FROM mz_cluster_strategy_lease", false},
	} {
		s.run(t, "%s", test.fault)
		if holds, err := a.Confirm(t.Context()); err != nil || holds != test.holds || !a.Leading() {
			t.Errorf("after %s: %t, %v", test.fault, holds, err)
		}
	}
	s.run(t, "DROP TABLE mz_cluster_strategy_lease")
	if _, err := a.Confirm(t.Context()); err == nil {
		t.Error("no error without the table")
	}
}

// The holder counts from before it asked, so that its lease is over before anybody else can take it.
func TestNeverTwoLeaders(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const term = 500 * time.Millisecond
	a := newCandidate(t, s, term)
	until(t, "it leads", a.Leading)
	b := newCandidate(t, s, term)
	a.kill()
	until(t, "the other leads", func() bool {
		if twoAtOnce(a, b) {
			t.Fatal("two lead")
		}
		return b.Leading()
	})
}

// Whoever ends gives the lease back, whatever it was about to do: also where the answer to its taking never came.
func TestLeaseGivenBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	newClient(t, s, materialize.Config{})
	for i := range 8 {
		c := newCandidate(t, s, time.Minute)
		for spin := range i * 3 {
			_ = s.value(t, "SELECT count(*) FROM mz_cluster_strategy_lease WHERE id <> '%d'", spin) // a moment that differs
		}
		c.stop()
		if held := s.value(t, "SELECT count(*) FROM mz_cluster_strategy_lease WHERE holder <> ''"); held != "0" {
			t.Fatalf("run %d keeps the lease", i)
		}
	}
}
