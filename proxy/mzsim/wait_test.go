package mzsim_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// running returns a channel with what a text answers, once it does.
func (c *client) running(sql string) <-chan string {
	done := make(chan string, 1)
	go func() { done <- c.say(sql) }()
	return done
}

// pending fails if a text has answered already.
func pending(t *testing.T, done <-chan string) {
	t.Helper()
	select {
	case got := <-done:
		t.Fatalf("did not wait: %s", got)
	default:
	}
}

// inProgress waits until the statement history shows a statement of a session that has not finished.
func inProgress(t *testing.T, c *client, pid uint32) {
	t.Helper()
	c.eventually(t, fmt.Sprintf(`SELECT count(*) FROM mz_internal.mz_recent_activity_log l JOIN mz_internal.mz_sessions s ON s.id = l.session_id
		WHERE s.connection_id = %d AND l.finished_at IS NULL`, pid), "1")
}

// A statement on a cluster whose replicas are not online waits for one.
func TestReadWaitsForReplica(t *testing.T) {
	for i, sql := range []string{"SELECT a FROM t", "UPDATE t SET a = 1", "COPY (SELECT a FROM t) TO STDOUT", "INSERT INTO t SELECT a FROM t WHERE false", "SELECT generate_series(1, 1)", "SELECT a FROM t", "UPDATE t SET a = 2"} {
		t.Run(sql, func(t *testing.T) {
			c := fresh(t)
			c.must(t, "CREATE TABLE t (a int)")
			c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
			c.must(t, oneC)
			r := dial(t, "cluster=c")
			r.extended = i > 4
			done := r.running(sql)
			inProgress(t, c, r.PID())
			pending(t, done)
			c.must(t, "SELECT mz_sim.hydrate('c', 'r1')")
			if got := <-done; got[:1] == "5" || got[:1] == "X" || got[:1] == "0" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// A read that uses an index waits until the index is hydrated; one that does not only for the replica.
func TestReadWaitsForIndex(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "CREATE TABLE u (a int)")
	c.must(t, "SELECT mz_sim.set('hydration', '1 hour')")
	c.must(t, oneC)
	c.must(t, "CREATE INDEX i IN CLUSTER c ON t (a)")
	r := dial(t, "cluster=c")
	if got := r.say("SELECT count(*) FROM u"); !strings.HasPrefix(got, "0 [SELECT 1]") {
		t.Fatalf("got %s", got)
	}
	done := r.running("SELECT count(*) FROM t")
	inProgress(t, c, r.PID())
	pending(t, done)
	c.must(t, "SELECT mz_sim.hydrate('c', 'r1')")
	if got := <-done; !strings.HasPrefix(got, "0 [SELECT 1]") {
		t.Errorf("got %s", got)
	}
}

// A replica on its way follows the knob, and so does the statement that waits for it.
func TestReadWaitsForKnob(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
	c.must(t, oneC)
	r := dial(t, "cluster=c")
	done := r.running("SELECT a FROM t")
	inProgress(t, c, r.PID())
	c.must(t, "SELECT mz_sim.set('startup', '0s')")
	if got := <-done; !strings.HasPrefix(got, "[SELECT 0]") {
		t.Errorf("got %s", got)
	}
}

func TestCancel(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
	c.must(t, oneC)
	c.must(t, "SELECT mz_sim.set('ddl_delay', '1 hour')")
	for sql, extended := range map[string]bool{
		"SELECT a FROM t":                                         false, // waits for a replica
		"SELECT a + 1 FROM t":                                     true,
		"UPDATE t SET a = 2":                                      false, // its read half does
		"UPDATE t SET a = 3":                                      true,
		"CREATE CLUSTER REPLICA c.r2 (SIZE '25cc')":               false, // waits in the server
		"CREATE CLUSTER REPLICA c.r3 (SIZE '25cc')":               true,
		"COPY (SUBSCRIBE mz_cluster_replicas) TO STDOUT":          false, // waits for changes
		"SUBSCRIBE (SELECT id FROM mz_clusters WHERE false)":      false,
		"SUBSCRIBE (SELECT id FROM mz_clusters WHERE id IS NULL)": true,
	} {
		t.Run(sql, func(t *testing.T) {
			r := dial(t, "cluster=c")
			r.extended = extended
			done := r.running(sql)
			inProgress(t, c, r.PID())
			if err := r.CancelRequest(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := <-done, "57014 canceling statement due to user request"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := r.say("SELECT 1"); got != "1 [SELECT 1]" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// Of several sessions that take a lease at the same time one gets it.
func TestLease(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE lease (name text, holder text, until timestamptz)")
	c.must(t, "INSERT INTO lease VALUES ('x', '', now() - interval '1 second')")
	const contenders = 8
	for round := range 5 {
		var wg sync.WaitGroup
		answers := make([]string, contenders)
		for i := range contenders {
			r := dial(t)
			wg.Go(func() {
				answers[i] = r.say(fmt.Sprintf(`UPDATE lease SET holder = 'h%d', until = now() + interval '15 s' WHERE name = 'x' AND (holder = 'h%d' OR until < now())`, i, i))
			})
		}
		wg.Wait()
		won := 0
		for _, a := range answers {
			switch a {
			case "[UPDATE 1]":
				won++
			case "[UPDATE 0]":
			default:
				t.Errorf("round %d: %s", round, a)
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d have the lease", round, won)
		}
		c.must(t, "SELECT mz_sim.advance('16 s')")
	}
}

// Two sessions create replicas at the same time: of one name, one is told so; of
// different names or clusters, both succeed.
func TestConcurrentDDL(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('max_replicas_per_cluster', '100')")
	c.must(t, emptyC)
	c.must(t, "CREATE CLUSTER d REPLICAS ()")
	const each = 8
	type attempt struct{ sql, want string }
	var attempts []attempt
	for i := range each {
		attempts = append(attempts, attempt{"CREATE CLUSTER REPLICA c.same (SIZE '25cc')", ""},
			attempt{fmt.Sprintf("CREATE CLUSTER REPLICA c.r%d (SIZE '25cc')", i), "[CREATE CLUSTER REPLICA]"},
			attempt{fmt.Sprintf("CREATE CLUSTER REPLICA d.r%d (SIZE '25cc')", i), "[CREATE CLUSTER REPLICA]"},
			attempt{fmt.Sprintf("CREATE CLUSTER e%d REPLICAS (r1 (SIZE '25cc'))", i), "[CREATE CLUSTER]"})
	}
	answers := make([]string, len(attempts))
	var wg sync.WaitGroup
	for i, a := range attempts {
		r := dial(t)
		wg.Go(func() { answers[i] = r.say(a.sql) })
	}
	wg.Wait()
	created := 0
	for i, a := range attempts {
		switch got := answers[i]; {
		case a.want == "" && got == "[CREATE CLUSTER REPLICA]":
			created++
		case a.want == "" && got == "XX000 cannot create multiple replicas named 'same' on cluster 'c'":
		case a.want != got:
			t.Errorf("%s\n got %s\nwant %s", a.sql, got, a.want)
		}
	}
	if created != 1 {
		t.Errorf("%d replicas of one name were created", created)
	}
}

// A statement of one session does not wait for an open DDL transaction of another.
func TestDeferredDDLBlocksNobody(t *testing.T) {
	c := fresh(t)
	c.must(t, emptyC)
	other := dial(t)
	if got := other.say("BEGIN; CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')"); got != "[BEGIN] [CREATE CLUSTER REPLICA]" {
		t.Fatal(got)
	}
	c.must(t, "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')")
	if got, want := other.say("COMMIT"), "XX000 cannot create multiple replicas named 'r1' on cluster 'c'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The peer of a session that goes away while a statement waits leaves nothing behind.
func TestClientGoesAwayWhileWaiting(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
	c.must(t, oneC)
	gone, err := theStandIn().tryDial("cluster=c", "application_name=gone")
	if err != nil {
		t.Fatal(err)
	}
	done := gone.running("SELECT a FROM t")
	inProgress(t, c, gone.PID())
	_ = gone.Conn().Close()
	<-done
	c.eventually(t, fmt.Sprintf("SELECT count(*) FROM mz_internal.mz_sessions WHERE connection_id = %d", gone.PID()), "0")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = gone.Close(ctx)
}
