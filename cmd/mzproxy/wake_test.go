package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// sleepy is a world with a cluster that idle_suspend puts to sleep.
type sleepy struct{ *world }

func newSleepy(t *testing.T) sleepy {
	t.Helper()
	w := sleepy{newWorld(t)}
	do(t, w.connect(t, ""), "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('staging', 'target_size', '{\"target_size\": \"small\"}'), ('staging', 'idle_suspend', '{\"idle_after_s\": 600}')")
	w.until(t, hasReplicas+"'staging'")
	return w
}

// suspend waits until the cluster is asleep: nobody may use it.
func (w sleepy) suspend(t *testing.T) {
	t.Helper()
	do(t, w.direct, "SELECT mz_sim.advance('1 hour')")
	w.until(t, hasNone+"'staging'")
}

// created counts how often a replica was created.
func (w sleepy) created(t *testing.T) (n int) {
	t.Helper()
	err := w.direct.QueryRow(t.Context(), "SELECT count(*) FROM mz_audit_events WHERE event_type = 'create' AND object_type = 'cluster-replica' AND details->>'cluster_name' = 'staging'",
		pgx.QueryExecModeSimpleProtocol).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const onStaging = "options=-ccluster%3Dstaging"

// wireStep is what a client sends at once, and the type of the message after which it goes on.
type wireStep struct {
	send  []pgproto3.FrontendMessage
	until byte
}

func simple(texts ...string) (steps []wireStep) {
	for _, text := range texts {
		steps = append(steps, wireStep{[]pgproto3.FrontendMessage{&pgproto3.Query{String: text}}, 'Z'})
	}
	return steps
}

func extendedly(text string) []pgproto3.FrontendMessage {
	return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: text}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}
}

func synced(messages ...[]pgproto3.FrontendMessage) []pgproto3.FrontendMessage {
	return append(slices.Concat(messages...), &pgproto3.Sync{})
}

const (
	all  = "SELECT id, customer FROM orders ORDER BY id"
	some = "SELECT count(*) FROM orders"
)

// conversations are what clients say, in front of which the cluster sleeps.
var conversations = map[string][]wireStep{
	"queries":          simple(all, some, all),
	"texts":            simple("SHOW cluster; "+some, some+"; "+all),
	"transaction":      simple("BEGIN", all, some, "COMMIT"),
	"transaction text": simple("BEGIN; " + all + "; COMMIT"),
	"cursor":           simple("BEGIN", "DECLARE c CURSOR FOR "+all, "FETCH 2 c", "FETCH ALL c", "COMMIT"),
	"copy":             simple("COPY (" + all + ") TO STDOUT"),
	"prepared in SQL":  simple("PREPARE p AS "+all, "EXECUTE p", "DEALLOCATE p"),
	"writes":           simple("UPDATE orders SET amount = amount WHERE id = 0", "DELETE FROM orders WHERE id = 0", "INSERT INTO orders SELECT * FROM orders WHERE id = 0"),
	"errors":           simple("SELECT nonsense", "SELECT * FROM nowhere", "BEGIN", "SELECT * FROM nowhere", some, "ROLLBACK", some),
	"not needed":       simple("SELECT 1", "SHOW cluster", "SELECT name FROM mz_clusters WHERE name = 'prod'"),
	"pipeline":         {{slices.Concat(synced(extendedly(all)), synced(extendedly(some)), synced(extendedly("SELECT 1"))), 'Z'}, {nil, 'Z'}, {nil, 'Z'}},
	"one transaction":  {{synced(extendedly(all), extendedly(some), extendedly(all)), 'Z'}},
	"shown first":      {{synced(extendedly("SHOW cluster"), extendedly(all)), 'Z'}},
	"pipelined block":  {{synced(extendedly("BEGIN"), extendedly(all), extendedly(some), extendedly("COMMIT")), 'Z'}},
	"error first":      {{synced(extendedly("SELECT nonsense"), extendedly(all)), 'Z'}, {synced(extendedly(all)), 'Z'}},
	"flushed":          {{append(extendedly(all), &pgproto3.Flush{}), 'C'}, {[]pgproto3.FrontendMessage{&pgproto3.Sync{}}, 'Z'}},
	"described first": {{[]pgproto3.FrontendMessage{&pgproto3.Parse{Name: "s", Query: all}, &pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Flush{}}, 'T'},
		{synced([]pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}}), 'Z'}},
	"row by row":  {{synced([]pgproto3.FrontendMessage{&pgproto3.Parse{Query: all}, &pgproto3.Bind{}, &pgproto3.Execute{MaxRows: 2}, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Execute{}}), 'Z'}},
	"not flushed": {{extendedly(all), 0}, {[]pgproto3.FrontendMessage{&pgproto3.Sync{}}, 'Z'}},
	"named": {{synced([]pgproto3.FrontendMessage{&pgproto3.Parse{Name: "n", Query: all}}), 'Z'}, {simple("BEGIN")[0].send, 'Z'},
		{synced([]pgproto3.FrontendMessage{&pgproto3.Bind{PreparedStatement: "n"}, &pgproto3.Execute{}}), 'Z'}, {simple("COMMIT")[0].send, 'Z'}},
}

var everyWake = flag.Bool("wakes", false, "compare every conversation with a wake in it, not only those that differ most")

// always are the conversations that are compared in any case.
var always = []string{"queries", "transaction", "cursor", "not needed", "pipeline", "pipelined block", "described first", "flushed", "named"}

// talk is what a client hears in a conversation, notices left out.
func (w sleepy) talk(t *testing.T, steps []wireStep) (heard []string) {
	t.Helper()
	conn := w.connect(t, onStaging)
	raw, err := conn.PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Conn.Close() }()
	_ = raw.Conn.SetDeadline(time.Now().Add(patience))
	for _, step := range steps {
		for _, m := range step.send {
			raw.Frontend.Send(m)
		}
		if err := raw.Frontend.Flush(); err != nil {
			t.Fatal(err)
		}
		for until := step.until; until != 0; {
			m, err := raw.Frontend.Receive()
			if err != nil {
				t.Fatalf("%v after %q", err, heard)
			}
			if _, ok := m.(*pgproto3.NoticeResponse); ok {
				continue
			}
			frame, err := m.Encode(nil)
			if err != nil {
				t.Fatal(err)
			}
			if heard = append(heard, fmt.Sprintf("%q", frame)); frame[0] == until || frame[0] == 'Z' {
				until = 0
			}
		}
	}
	return heard
}

// Whoever wakes a cluster hears what he would have heard of one that is awake.
func TestWakeIsNotSeen(t *testing.T) {
	w := newSleepy(t)
	for name, steps := range conversations {
		if !*everyWake && !slices.Contains(always, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			do(t, w.connect(t, onStaging), some)
			awake := w.talk(t, steps)
			w.suspend(t)
			before := w.created(t)
			if woken := w.talk(t, steps); !slices.Equal(woken, awake) {
				t.Errorf("woken:\n%s\nawake:\n%s", strings.Join(woken, "\n"), strings.Join(awake, "\n"))
			}
			want := 1
			if name == "not needed" {
				want = 0
			}
			if n := w.created(t) - before; n != want {
				t.Errorf("%d replicas were created", n)
			}
		})
	}
}

// However pgx runs it, a query wakes its cluster.
func TestWakeOfPgx(t *testing.T) {
	w := newSleepy(t)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		for _, inTransaction := range []bool{false, true} {
			w.suspend(t)
			conn := w.connect(t, onStaging)
			var n int
			query := func(tx interface {
				QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
			}) error {
				return tx.QueryRow(t.Context(), some, mode).Scan(&n)
			}
			err := query(conn)
			if inTransaction {
				w.suspend(t)
				err = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error { return query(tx) })
			}
			if err != nil || n == 0 {
				t.Errorf("%v, in a transaction %v: %d, %v", mode, inTransaction, n, err)
			}
		}
	}
	w.suspend(t)
	batch := &pgx.Batch{}
	for range 3 {
		batch.Queue(some)
	}
	if err := w.connect(t, onStaging).SendBatch(t.Context(), batch).Close(); err != nil {
		t.Error(err)
	}
}

// Many who come at once are served by one wake.
func TestWakeOfMany(t *testing.T) {
	const many = 60
	w := newSleepy(t)
	conns := make([]*pgx.Conn, many)
	for i := range conns {
		conns[i] = w.connect(t, onStaging)
	}
	w.suspend(t)
	before := w.created(t)
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Go(func() {
			if _, err := conn.Exec(t.Context(), all); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.created(t) - before; n != 1 {
		t.Errorf("%d replicas were created", n)
	}
}

// Replicas that somebody made by hand come back, too: when the cluster is used again, and when nothing suspends it any more.
func TestWakeOfHandMadeReplicas(t *testing.T) {
	w := sleepy{newWorld(t)}
	steward := w.connect(t, "")
	do(t, steward, "CREATE CLUSTER REPLICA staging.one (SIZE 'small')", "CREATE CLUSTER REPLICA staging.two (SIZE 'medium')",
		"INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('staging', 'idle_suspend', '{\"idle_after_s\": 600}')")
	const both = "SELECT array_agg(r.name || ' ' || r.size ORDER BY r.name) = ARRAY['one small', 'two medium'] FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'staging'"
	w.suspend(t)
	do(t, w.connect(t, onStaging), all)
	if !w.holds(t, both) {
		t.Error("not both are back when the cluster is used")
	}
	w.suspend(t)
	do(t, steward, "DELETE FROM mz_cluster_strategies")
	w.until(t, both)
}
