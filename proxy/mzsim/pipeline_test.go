package mzsim_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// exchange sends messages and renders the types of those that come back, up to ReadyForQuery, with the codes of errors.
func (c *client) exchange(t *testing.T, messages ...pgproto3.FrontendMessage) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, m := range messages {
		c.Frontend().Send(m)
	}
	if err := c.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		m, err := c.ReceiveMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			got = append(got, "E:"+m.Code)
		case *pgproto3.ReadyForQuery:
			return strings.Join(append(got, "Z:"+string(m.TxStatus)), " ")
		case *pgproto3.ParameterStatus, *pgproto3.NoticeResponse:
		default:
			frame, err := m.(interface{ Encode([]byte) ([]byte, error) }).Encode(nil)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(frame[0]))
		}
	}
}

// pipeline is statements in front of one Sync.
func pipeline(statements ...string) []pgproto3.FrontendMessage {
	var messages []pgproto3.FrontendMessage
	for _, sql := range statements {
		messages = append(messages, &pgproto3.Parse{Query: sql}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
	}
	return append(messages, &pgproto3.Sync{})
}

func TestPipeline(t *testing.T) {
	for want, statements := range map[string][]string{
		"1 2 n C 1 2 T D C 1 2 n C Z:I":     {"INSERT INTO t VALUES (1)", "SHOW cluster", "INSERT INTO t VALUES (2)"},
		"1 2 T D C 1 2 n C Z:I":             {"SHOW cluster", "CREATE TABLE u (a int)"},
		"1 2 T D C 1 2 n C 1 2 n C Z:I":     {"SHOW cluster", "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "CREATE TABLE v (a int)"},
		"1 2 T D C 1 2 T D C 1 2 T D C Z:I": {"SHOW cluster", "SHOW cluster", "SELECT a FROM t"},
		"1 2 T C 1 2 n C Z:I":               {"SELECT a FROM t WHERE false", "CREATE TABLE w (a int)"},
		"1 2 n C 1 2 T C Z:I":               {"CREATE TABLE x (a int)", "SELECT a FROM x"},
		"1 2 n C 1 2 T E:25000 Z:I":         {"INSERT INTO t VALUES (4)", "SELECT a FROM t"},
		"1 2 T D C 1 2 n E:25006 Z:I":       {"SELECT a FROM t", "INSERT INTO t VALUES (4)"},
	} {
		t.Run(strings.Join(statements, "; "), func(t *testing.T) {
			c := fresh(t)
			c.must(t, "CREATE TABLE t (a int)")
			c.must(t, "INSERT INTO t VALUES (1)")
			c.must(t, emptyC)
			if got := c.exchange(t, pipeline(statements...)...); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// On a cluster without replicas a statement fails when it is executed, behind the answers to Bind and Describe.
func TestRefusalComesAtExecute(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "CREATE TABLE u (a int, b timestamptz DEFAULT now())")
	c.must(t, emptyC)
	r := dial(t, "cluster=c")
	for sql, want := range map[string]string{
		"SELECT a FROM t":                      "1 2 T E:0A000 Z:I",
		"SELECT 1 + 1":                         "1 2 T E:0A000 Z:I",
		"UPDATE t SET a = 1":                   "1 2 n E:0A000 Z:I",
		"DELETE FROM t":                        "1 2 n E:0A000 Z:I",
		"INSERT INTO t SELECT a FROM t":        "1 2 n E:0A000 Z:I",
		"INSERT INTO u (a) VALUES (1)":         "1 2 n E:0A000 Z:I",
		"COPY (SELECT a FROM t) TO STDOUT":     "1 2 n E:0A000 Z:I",
		"INSERT INTO t VALUES (1)":             "1 2 n C Z:I",
		"SELECT 1":                             "1 2 T D C Z:I",
		"SELECT name FROM mz_clusters LIMIT 1": "1 2 T D C Z:I",
	} {
		if got := r.exchange(t, pipeline(sql)...); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
	if got, want := r.exchange(t, &pgproto3.Query{String: "SELECT a FROM t"}), "T E:0A000 Z:I"; got != want {
		t.Errorf("in the simple protocol: got %s, want %s", got, want)
	}
	if got, want := r.exchange(t, &pgproto3.Query{String: "SELECT 1; SELECT a FROM t; SELECT 2"}), "T D C T E:2F003 Z:I"; got != want {
		t.Errorf("a text of several: got %s, want %s", got, want)
	}
	if got, want := r.exchange(t, &pgproto3.Query{String: "SELECT nothing FROM t"}), "E:XX000 Z:I"; got != want {
		t.Errorf("a query that is wrong: got %s, want %s", got, want)
	}
}

// A query that waits outlives the replica that it waits for.
func TestReadOutlivesReplica(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
	c.must(t, oneC)
	r := dial(t, "cluster=c")
	done := r.running("SELECT a FROM t")
	inProgress(t, c, r.PID())
	c.must(t, "DROP CLUSTER REPLICA c.r1")
	c.must(t, "CREATE CLUSTER REPLICA c.r2 (SIZE '25cc')")
	pending(t, done)
	c.must(t, "SELECT mz_sim.hydrate('c', 'r2')")
	if got := <-done; !strings.HasPrefix(got, `[SELECT 0] (NOTICE 00000 cluster replica c.r2 changed status to "online" at 2`) {
		t.Errorf("got %s", got)
	}
	done = dial(t, "cluster=c").running("SELECT a FROM t")
	if got := <-done; got != "[SELECT 0]" {
		t.Errorf("with a replica: got %s", got)
	}
}

// A query of any cluster that reads what a sleeping cluster keeps waits for that cluster.
func TestReadWaitsForWhatItReads(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, emptyC)
	c.must(t, "CREATE SOURCE s IN CLUSTER c FROM LOAD GENERATOR COUNTER")
	c.must(t, "CREATE VIEW v AS SELECT * FROM s")
	for _, sql := range []string{"SELECT * FROM s", "SELECT * FROM v"} {
		r := dial(t)
		done := r.running(sql)
		inProgress(t, c, r.PID())
		pending(t, done)
		c.must(t, "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')")
		if got := <-done; got != "[SELECT 0]" {
			t.Errorf("%s: got %s", sql, got)
		}
		c.must(t, "DROP CLUSTER REPLICA c.r1")
	}
}
