package mzsim_test

import (
	"strings"
	"testing"
)

// madeFrom are a connection of a kind and a source on it, in cluster c.
func madeFrom(kind string) []string {
	return []string{
		"CREATE SECRET p AS 'x'",
		"CREATE CONNECTION pg TO " + kind + " (HOST 'db', PORT 5432, USER 'postgres', PASSWORD SECRET p, DATABASE 'postgres', SSL MODE disable)",
		"CREATE SOURCE s IN CLUSTER c FROM " + kind + " CONNECTION pg (PUBLICATION 'pub')",
	}
}

// hydrationOf shows the rows of mz_hydration_statuses of an object: the name of the replica, or whether it is gone or there is none.
func hydrationOf(object string) string {
	return `SELECT coalesce(string_agg(coalesce(r.name, CASE WHEN h.replica_id IS NULL THEN 'NULL' ELSE 'gone' END) || ' ' || h.hydrated::text, ', ' ORDER BY length(h.replica_id), h.replica_id), '-')
		FROM mz_objects o LEFT JOIN mz_internal.mz_hydration_statuses h ON h.object_id = o.id
		LEFT JOIN mz_cluster_replicas r ON r.id = h.replica_id WHERE o.name = '` + object + `' AND h.object_id IS NOT NULL`
}

const statusOf = "SELECT string_agg(name || ' ' || type || ' ' || status, ', ' ORDER BY name) FROM mz_internal.mz_source_statuses"

// A source of PostgreSQL, MySQL or SQL Server runs on the first replica of its cluster only, until that one is dropped. What was
// reported stays. No real time passes that would.
func TestSingleReplicaSource(t *testing.T) {
	for _, kind := range []string{"POSTGRES", "MYSQL", "SQL SERVER"} {
		t.Run(kind, func(t *testing.T) {
			c := fresh(t)
			c.must(t, "SELECT mz_sim.set('startup', '10 s'), mz_sim.set('hydration', '20 s'), mz_sim.set('source_statistics', '60 s')")
			c.must(t, emptyC)
			for _, sql := range madeFrom(kind) {
				c.must(t, sql)
			}
			c.must(t, "CREATE TABLE st FROM SOURCE s (REFERENCE public.items)")
			c.must(t, "CREATE INDEX i IN CLUSTER c ON st (id)")
			source := strings.ToLower(strings.ReplaceAll(kind, " ", "-"))
			for _, tt := range []struct{ do, source, index, status, ready string }{
				{"SELECT 1", "NULL false", "NULL false", "created", ""},
				{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "NULL false", "NULL false", "created", "r1 f"},
				{"SELECT mz_sim.advance('11 s')", "NULL false", "r1 false", "running", "r1 f"},
				{"SELECT mz_sim.advance('20 s')", "NULL false", "r1 true", "running", "r1 t"}, // ready counts the rows that are there
				{"SELECT mz_sim.advance('40 s')", "r1 true", "r1 true", "running", "r1 t"},
				{"CREATE CLUSTER REPLICA c.r2 (SIZE '50cc')", "r1 true", "r1 true", "running", "r1 t r2 f"},
				{"SELECT mz_sim.advance('1 h')", "r1 true", "r1 true, r2 true", "running", "r1 t r2 t"},
				{"DROP CLUSTER REPLICA c.r1", "gone true", "r2 true", "running", "r2 t"},
				{"SELECT mz_sim.advance('61 s')", "gone true, r2 true", "r2 true", "running", "r2 t"},
				{"DROP CLUSTER REPLICA c.r2", "gone true, gone true", "NULL false", "paused", ""},
			} {
				c.must(t, tt.do)
				if got := c.must(t, hydrationOf("s")); got != tt.source {
					t.Errorf("after %s: source %s, want %s", tt.do, got, tt.source)
				}
				if got := c.must(t, hydrationOf("i")); got != tt.index {
					t.Errorf("after %s: index %s, want %s", tt.do, got, tt.index)
				}
				if got, want := c.must(t, statusOf), "s "+source+" "+tt.status+", st table "+tt.status; got != want {
					t.Errorf("after %s: status %s, want %s", tt.do, got, want)
				}
				ready := strings.Join(rows(t, c, "SELECT replica || ' ' || left(ready::text, 1) FROM (SHOW CLUSTER REPLICAS) x WHERE cluster = 'c' ORDER BY 1"), " ")
				if ready != tt.ready {
					t.Errorf("after %s: ready %q, want %q", tt.do, ready, tt.ready)
				}
			}
			step{"SELECT type, count(*) FROM mz_sources GROUP BY 1", source + "|1 [SELECT 1]"}.check(t, c)
		})
	}
}

// A source that moves hydrates anew on the replica that it moves to, however long that one has been there.
func TestMovedSourceHydratesAnew(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('startup', '0 s'), mz_sim.set('hydration', '20 s')")
	c.must(t, "CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'), r2 (SIZE '25cc'))")
	for _, sql := range madeFrom("POSTGRES") {
		c.must(t, sql)
	}
	for _, tt := range []step{
		{"SELECT mz_sim.advance('1 h')", "r1 true"},
		{"SELECT mz_sim.hydrate('c', 'r2')", "r1 true"},
		{"DROP CLUSTER REPLICA c.r1", "gone true, r2 false"},
		{"SELECT mz_sim.advance('19 s')", "gone true, r2 false"},
		{"SELECT mz_sim.advance('1 s')", "gone true, r2 true"},
	} {
		c.must(t, tt.sql)
		if got := c.must(t, hydrationOf("s")); got != tt.want {
			t.Errorf("after %s: %s, want %s", tt.sql, got, tt.want)
		}
	}
}

// Other sources run on every replica, webhooks on none, and a sink on the first one, though it has a row for each.
func TestOtherSourcesAndSinks(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('startup', '10 s'), mz_sim.set('hydration', '20 s')")
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, emptyC)
	c.must(t, "CREATE CONNECTION k TO KAFKA (BROKER 'kafka:9092', SECURITY PROTOCOL PLAINTEXT)")
	c.must(t, "CREATE SOURCE ks IN CLUSTER c FROM KAFKA CONNECTION k (TOPIC 't') FORMAT BYTES")
	c.must(t, "CREATE SOURCE lg IN CLUSTER c FROM LOAD GENERATOR COUNTER")
	c.must(t, "CREATE SOURCE wh IN CLUSTER c FROM WEBHOOK BODY FORMAT JSON")
	c.must(t, "CREATE SINK sk IN CLUSTER c FROM t INTO KAFKA CONNECTION k (TOPIC 'u') FORMAT JSON ENVELOPE DEBEZIUM")
	for _, tt := range []struct{ do, kafka, generator, webhook, sink string }{
		{"SELECT 1", "NULL false", "NULL false", "-", "-"},
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "NULL false", "NULL false", "-", "r1 false"},
		{"CREATE CLUSTER REPLICA c.r2 (SIZE '25cc')", "NULL false", "NULL false", "-", "r1 false, r2 false"},
		{"SELECT mz_sim.advance('31 s')", "r1 true, r2 true", "r1 true, r2 true", "-", "r1 true, r2 false"},
		{"SELECT mz_sim.stall('sk', 'broker is not there')", "r1 true, r2 true", "r1 true, r2 true", "-", "r1 false, r2 false"},
		{"SELECT mz_sim.advance('1 day')", "r1 true, r2 true", "r1 true, r2 true", "-", "r1 false, r2 false"},
		{"SELECT mz_sim.stall('sk', NULL)", "r1 true, r2 true", "r1 true, r2 true", "-", "r1 false, r2 false"},
		{"SELECT mz_sim.advance('21 s')", "r1 true, r2 true", "r1 true, r2 true", "-", "r1 true, r2 false"},
		{"DROP CLUSTER REPLICA c.r1", "gone true, r2 true", "gone true, r2 true", "-", "r2 false"},
		{"SELECT mz_sim.advance('21 s')", "gone true, r2 true", "gone true, r2 true", "-", "r2 true"},
	} {
		c.must(t, tt.do)
		for object, want := range map[string]string{"ks": tt.kafka, "lg": tt.generator, "wh": tt.webhook, "sk": tt.sink} {
			if got := c.must(t, hydrationOf(object)); got != want {
				t.Errorf("after %s: %s %s, want %s", tt.do, object, got, want)
			}
		}
	}
}

func TestSourceStatements(t *testing.T) {
	c := fresh(t)
	c.must(t, oneC)
	for _, tt := range []step{
		{"CREATE SECRET p AS 'x'", "[CREATE SECRET]"},
		{"CREATE SECRET IF NOT EXISTS p AS 'x'", `[CREATE SECRET] (NOTICE 42710 secret "p" already exists, skipping)`},
		{"CREATE CONNECTION pg TO POSTGRES (HOST 'db', DATABASE 'postgres', USER 'x', PASSWORD SECRET p)", "[CREATE CONNECTION]"},
		{"CREATE CONNECTION pg TO POSTGRES (HOST 'db')", `XX000 connection "materialize.public.pg" already exists`},
		{"CREATE CONNECTION k TO ELSEWHERE (HOST 'db')", "42601 Expected one of AWS or GCP or KAFKA or CONFLUENT or POSTGRES or SSH or SQL or MYSQL or ICEBERG, found identifier \"elsewhere\""},
		{"CREATE SOURCE s IN CLUSTER c FROM MYSQL CONNECTION pg", "XX000 materialize.public.pg is not a MYSQL CONNECTION"},
		{"CREATE SOURCE s IN CLUSTER c FROM POSTGRES CONNECTION nope (PUBLICATION 'pub')", "XX000 unknown catalog item 'nope'"},
		{"CREATE SOURCE s IN CLUSTER c FROM POSTGRES (PUBLICATION 'pub')", "42601 Expected CONNECTION, found left parenthesis"},
		{"CREATE SOURCE s IN CLUSTER c FROM POSTGRES CONNECTION pg (PUBLICATION 'pub')", "[CREATE SOURCE]"},
		{"CREATE SOURCE IF NOT EXISTS s IN CLUSTER c FROM POSTGRES CONNECTION pg (PUBLICATION 'pub')", `[CREATE SOURCE] (NOTICE 42710 source "s" already exists, skipping)`},
		{"CREATE TABLE st FROM SOURCE s (REFERENCE public.items)", "[CREATE TABLE]"},
		{"SELECT x.name, t.source_id = x.id, x.connection_id = k.id FROM mz_tables t JOIN mz_sources x ON x.id = t.source_id JOIN mz_connections k ON k.name = 'pg' WHERE t.name = 'st'", "s|t|t [SELECT 1]"},
		{"DROP CONNECTION pg", `XX000 cannot drop connection "pg": still depended upon by source "s"`},
		{"DROP SOURCE s", `XX000 cannot drop source "s": still depended upon by table "st"`},
		{"CREATE CLUSTER REPLICA c.r2 (SIZE '25cc')", `[CREATE CLUSTER REPLICA] (WARNING 01000 cluster "c" has more than one replica, but the following sources in it always run on only the first replica: "materialize.public.s")`},
		{"CREATE SOURCE s2 IN CLUSTER c FROM POSTGRES CONNECTION pg (PUBLICATION 'pub')", `[CREATE SOURCE] (WARNING 01000 cluster "c" has more than one replica, but the following sources in it always run on only the first replica: "materialize.public.s", "materialize.public.s2")`},
		{"CREATE SOURCE lg IN CLUSTER c FROM LOAD GENERATOR COUNTER", "[CREATE SOURCE]"},
		{"CREATE CLUSTER m SIZE '25cc'", "[CREATE CLUSTER]"},
		{"CREATE SOURCE ms IN CLUSTER m FROM POSTGRES CONNECTION pg (PUBLICATION 'pub')", "[CREATE SOURCE]"},
		{"ALTER CLUSTER m SET (REPLICATION FACTOR 2)", `[ALTER CLUSTER] (WARNING 01000 cluster "m" has more than one replica, but the following sources in it always run on only the first replica: "materialize.public.ms")`},
		{"ALTER CLUSTER m SET (REPLICATION FACTOR 1)", "[ALTER CLUSTER]"},
		{"SELECT mz_sim.stall('st', 'x')", `22023 "st" is neither a source nor a sink`},
		{"DROP CONNECTION pg CASCADE", "[DROP CONNECTION]"},
		{"SELECT count(*) FROM mz_sources WHERE type = 'postgres'", "0 [SELECT 1]"},
		{"DROP SECRET p", "[DROP SECRET]"},
	} {
		tt.check(t, c)
	}
}

// A query of any cluster on what a sleeping source feeds waits until the source goes on.
func TestReadOfSleepingSource(t *testing.T) {
	c := fresh(t)
	c.must(t, emptyC)
	for _, sql := range madeFrom("POSTGRES") {
		c.must(t, sql)
	}
	c.must(t, "CREATE TABLE st FROM SOURCE s (REFERENCE public.items)")
	c.must(t, "CREATE VIEW v AS SELECT id FROM st")
	reader := dial(t)
	answer := make(chan string, 1)
	go func() { answer <- reader.say("SELECT * FROM v") }()
	inProgress(t, c, reader.PID())
	select {
	case got := <-answer:
		t.Fatalf("answered before the source ran: %s", got)
	default:
	}
	c.must(t, "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')")
	if got := <-answer; got != "[SELECT 0]" {
		t.Errorf("got %s", got)
	}
}
