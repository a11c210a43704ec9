package mzsim_test

import (
	"strings"
	"testing"
)

// step is a text and what has to come back, as client.say renders it. A want that ends in … gives the
// beginning only.
type step struct{ sql, want string }

// check is one fact about Materialize. Every check begins with a table t (a
// int) of one row and without clusters but quickstart.
type check struct {
	name  string // the SQL that it is about
	setup []string
	steps []step
	why   string // why it cannot hold on PostgreSQL; then it is not run
}

const (
	emptyC  = `CREATE CLUSTER c REPLICAS ()`
	oneC    = `CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'))`
	managed = `CREATE CLUSTER c3 SIZE '25cc', REPLICATION FACTOR 2`
	noC     = `0A000 CLUSTER "c" has no replicas available to service request`
)

var checks = []check{
	{name: "CREATE CLUSTER c REPLICAS ()", steps: []step{
		{emptyC, "[CREATE CLUSTER]"},
		{"SELECT managed, size, replication_factor FROM mz_clusters WHERE name = 'c'", "f|| [SELECT 1]"},
	}},
	{name: "CREATE CLUSTER with replicas, sizes quoted either way", steps: []step{
		{`CREATE CLUSTER c2 REPLICAS (r1 (SIZE "25cc"), r2 (SIZE = '50cc'))`, "[CREATE CLUSTER]"},
		{"SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'c2' ORDER BY 1", "r1|25cc r2|50cc [SELECT 2]"},
	}},
	{name: "CREATE CLUSTER c (REPLICAS (r1 (SIZE '25cc')))", steps: []step{{"CREATE CLUSTER c (REPLICAS (r1 (SIZE '25cc')))", "[CREATE CLUSTER]"}}},
	{name: "CREATE CLUSTER c3 SIZE '25cc', REPLICATION FACTOR 2", steps: []step{
		{managed, "[CREATE CLUSTER]"},
		{"SELECT managed, size, replication_factor FROM mz_clusters WHERE name = 'c3'", "t|25cc|2 [SELECT 1]"},
		{"SELECT replica FROM (SHOW CLUSTER REPLICAS) s WHERE cluster = 'c3' ORDER BY 1", "r1 r2 [SELECT 2]"},
	}},
	{name: "CREATE CLUSTER twice", setup: []string{managed}, steps: []step{{"CREATE CLUSTER c3 SIZE '25cc'", "XX000 cluster 'c3' already exists"}}},
	{name: "CREATE CLUSTER foo", steps: []step{{"CREATE CLUSTER foo", "42601 Expected one of SIZE or REPLICATION or AVAILABILITY…"}}},
	{name: "CREATE CLUSTER with an option twice", steps: []step{{"CREATE CLUSTER c REPLICAS (), REPLICAS ()", "XX000 REPLICAS specified more than once"}}},
	{name: "CREATE CLUSTER with options of both kinds", steps: []step{
		{"CREATE CLUSTER c REPLICAS (), SIZE '25cc'", "XX000 SIZE not supported for unmanaged clusters"},
		{"CREATE CLUSTER c MANAGED, SIZE '25cc', REPLICAS ()", "XX000 REPLICAS not supported for managed clusters"},
	}},
	{name: "CREATE CLUSTER with two replicas of one name", steps: []step{
		{"CREATE CLUSTER bar REPLICAS (r1 (SIZE '25cc'), r1 (SIZE '25cc'))", "XX000 cannot create multiple replicas named 'r1' on cluster 'bar'"},
	}},
	{name: "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", setup: []string{emptyC}, steps: []step{
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"CREATE CLUSTER REPLICA c.r2 SIZE = '50cc'", "[CREATE CLUSTER REPLICA]"},
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "XX000 cannot create multiple replicas named 'r1' on cluster 'c'"},
		{"CREATE CLUSTER REPLICA nope.r1 SIZE '25cc'", "XX000 unknown cluster 'nope'"},
		{"CREATE CLUSTER REPLICA c.r9 SIZE 'huge'", "XX000 unknown cluster replica size huge"},
		{"CREATE CLUSTER REPLICA c.r9 SIZE", "XX000 invalid SIZE: must provide a string value"},
		{"CREATE CLUSTER REPLICA IF NOT EXISTS c.r1 (SIZE '25cc')", `[CREATE CLUSTER REPLICA] (NOTICE 42710 cluster replica "c.r1" already exists, skipping)`},
	}},
	{name: "CREATE CLUSTER REPLICA c3.x (managed)", setup: []string{managed}, steps: []step{
		{"CREATE CLUSTER REPLICA c3.x SIZE '25cc'", "XX000 cannot modify managed cluster c3"},
		{"DROP CLUSTER REPLICA c3.r1", "XX000 cannot drop replica of managed cluster"},
		{"ALTER CLUSTER REPLICA c3.r1 RENAME TO x", "XX000 cannot modify managed cluster c3"},
	}},
	{name: "CREATE CLUSTER REPLICA beyond max_replicas_per_cluster",
		setup: []string{"CREATE CLUSTER c REPLICAS (a (SIZE '25cc'), b (SIZE '25cc'), d (SIZE '25cc'), e (SIZE '25cc'), f (SIZE '25cc'))"}, steps: []step{
			{"CREATE CLUSTER REPLICA c.g (SIZE '25cc')", "53000 creating cluster replica would violate max_replicas_per_cluster limit (desired: 6, limit: 5, current: 5)"},
			{"CREATE CLUSTER big SIZE '25cc', REPLICATION FACTOR 99", "53000 creating cluster replica would violate max_replicas_per_cluster limit (desired: 99, limit: 5, current: 0)"},
		}},
	{name: "CREATE CLUSTER REPLICA beyond max_credit_consumption_rate", setup: []string{"SELECT mz_sim.set('max_credit_consumption_rate', '4')", emptyC}, steps: []step{
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '400cc')", "53000 creating cluster replica would violate max_credit_consumption_rate limit (desired: 4.25, limit: 4, current: 0.25)"},
	}},
	{name: "DROP CLUSTER REPLICA c.r1, c.r2", setup: []string{"CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'), r2 (SIZE '25cc'))"}, steps: []step{
		{"DROP CLUSTER REPLICA c.r1, c.r2", "[DROP CLUSTER REPLICA]"},
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'c'", " [SELECT 1]"},
		{"DROP CLUSTER REPLICA IF EXISTS c.none", `[DROP CLUSTER REPLICA] (NOTICE 42704 cluster replica "c.none" does not exist, skipping)`},
		{"DROP CLUSTER REPLICA IF EXISTS none.none", `[DROP CLUSTER REPLICA] (NOTICE 42704 cluster replica "none.none" does not exist, skipping)`},
		{"DROP CLUSTER REPLICA c.none", `XX000 CLUSTER c has no CLUSTER REPLICA named "none"`},
		{"DROP CLUSTER REPLICA nosuch.none", `XX000 unknown cluster 'nosuch'`},
	}},
	{name: "DROP CLUSTER", setup: []string{emptyC, "CREATE INDEX i IN CLUSTER c ON t (a)"}, steps: []step{
		{"DROP CLUSTER c", `XX000 cannot drop cluster "c": still depended upon by index "i"`},
		{"DROP CLUSTER c CASCADE", "[DROP CLUSTER]"},
		{"SELECT count(*) FROM mz_indexes WHERE name = 'i'", "0 [SELECT 1]"},
		{"DROP CLUSTER c", "XX000 unknown cluster 'c'"},
		{"DROP CLUSTER IF EXISTS c", `[DROP CLUSTER] (NOTICE 42704 cluster "c" does not exist, skipping)`},
	}},
	{name: "SELECT, UPDATE, INSERT on a cluster without replicas", setup: []string{emptyC}, steps: []step{
		{"SET cluster = c", "[SET]"},
		{"SELECT * FROM t", noC},
		{"SELECT 1", "1 [SELECT 1]"},
		{"SELECT count(*) > 1 FROM mz_clusters", "t [SELECT 1]"},
		{"SELECT generate_series(1, 1)", noC},
		{"INSERT INTO t VALUES (1)", "[INSERT 0 1]"},
		{"UPDATE t SET a = 2", noC},
		{"DELETE FROM t", noC},
		{"INSERT INTO t SELECT a FROM t", noC},
		{"INSERT INTO t VALUES (3) RETURNING a", noC},
		{"SELECT t.a FROM t JOIN mz_clusters c ON true", noC},
		{"SUBSCRIBE t", noC},
	}},
	{name: "SELECT on a managed cluster without replicas", setup: []string{"CREATE CLUSTER c3 SIZE '25cc', REPLICATION FACTOR 0"}, steps: []step{
		{"SET cluster = c3", "[SET]"},
		{"SELECT * FROM t", `0A000 CLUSTER "c3" has no replicas available to service request`},
	}},
	{name: "SET cluster = missing", steps: []step{
		{"SET cluster = missing", `[SET] (NOTICE MZ007 cluster "missing" does not exist)`},
		{"SHOW cluster", "missing [SELECT 1]"},
		{"SELECT * FROM t", "XX000 unknown cluster 'missing'"},
		{"SELECT 1", "1 [SELECT 1]"},
		{"RESET cluster", "[RESET]"},
		{"SELECT a FROM t", "1 [SELECT 1]"},
	}},
	{name: "SET cluster in an active transaction", setup: []string{oneC}, steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"SELECT a FROM t", "1 [SELECT 1]"},
		{"SET cluster = c", "25001 SET cluster cannot be called in an active transaction"},
		{"ROLLBACK", "[ROLLBACK]"},
	}},
	{name: "BEGIN; one DDL; COMMIT", setup: []string{emptyC}, steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"COMMIT", "[COMMIT]"},
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'c'", "r1 (25cc) [SELECT 1]"},
	}},
	{name: "BEGIN; one DDL; ROLLBACK", setup: []string{emptyC}, steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"ROLLBACK", "[ROLLBACK]"},
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'c'", " [SELECT 1]"},
	}},
	{name: "the error of a deferred DDL comes at COMMIT", steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"CREATE TABLE t (a int)", "[CREATE TABLE]"},
		{"COMMIT", `XX000 table "materialize.public.t" already exists`},
		{"SELECT 1", "1 [SELECT 1]"},
	}},
	{name: "a second statement after DDL", setup: []string{emptyC}, steps: []step{
		{"BEGIN; CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[BEGIN] [CREATE CLUSTER REPLICA]"},
		{"SELECT 1", "25000 this transaction can only execute a single statement"},
		{"ROLLBACK", "[ROLLBACK]"},
	}},
	{name: "UPDATE in a transaction", steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"INSERT INTO t VALUES (1)", "[INSERT 0 1]"},
		{"UPDATE t SET a = 1", "25001 UPDATE t SET a = 1 cannot be run inside a transaction block"},
		{"SELECT 1", "25P02 current transaction is aborted, commands ignored until end of transaction block"},
		{"CREATE CLUSTER x REPLICAS ()", "25P02 current transaction is aborted, commands ignored until end of transaction block"},
		{"COMMIT", "[ROLLBACK]"},
		{"SELECT count(*) FROM t", "1 [SELECT 1]"},
	}},
	{name: "DDL in a string of statements", setup: []string{emptyC}, steps: []step{
		{"INSERT INTO t VALUES (1); CREATE CLUSTER REPLICA c.r7 (SIZE '25cc')",
			"[INSERT 0 1] 25001 CREATE CLUSTER REPLICA c.r7 (SIZE '25cc') cannot be run inside a transaction block"},
		{"SELECT count(*) FROM t", "1 [SELECT 1]"},
	}},
	{name: "CREATE TABLE in a string of statements", steps: []step{
		{"INSERT INTO t VALUES (1); create table u (i int)", "[INSERT 0 1] 25001 CREATE TABLE u (i int4) cannot be run inside a transaction block"},
	}},
	{name: "SELECT 1; SELECT * FROM t", steps: []step{
		{"SELECT 1; SELECT * FROM t", `1 [SELECT 1] 2F003 querying the following items "materialize.public.t" is not allowed from the "mz_catalog_server" cluster`},
	}},
	{name: "SELECT after INSERT", steps: []step{
		{"BEGIN; INSERT INTO t VALUES (1); SELECT * FROM t", "[BEGIN] [INSERT 0 1] 25000 transaction in write-only mode"},
		{"ROLLBACK", "[ROLLBACK]"},
		{"BEGIN; INSERT INTO t VALUES (1); SELECT 1; COMMIT", "[BEGIN] [INSERT 0 1] 1 [SELECT 1] [COMMIT]"},
	}},
	{name: "INSERT after SELECT", steps: []step{
		{"BEGIN; SELECT a FROM t; INSERT INTO t VALUES (1)", "[BEGIN] 1 [SELECT 1] 25006 transaction in read-only mode"},
		{"ROLLBACK", "[ROLLBACK]"},
	}},
	{name: "INSERTs into several tables commit together", setup: []string{"CREATE TABLE u (b int)"}, steps: []step{
		{"INSERT INTO t VALUES (2); INSERT INTO u VALUES (3)", "[INSERT 0 1] [INSERT 0 1]"},
		{"SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)", "2|1 [SELECT 1]"},
		{"INSERT INTO t VALUES (2); INSERT INTO u VALUES ('x')", "[INSERT 0 1] 22P02…"},
		{"SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)", "2|1 [SELECT 1]"},
	}},
	{name: "DELETE that looks at the catalog", steps: []step{
		{"DELETE FROM t WHERE a IN (SELECT 1 FROM mz_clusters)", "25000 invalid selection: every relation leaf must be a writable user table"},
	}},
	{name: "CREATE TABLE k (a int PRIMARY KEY)", steps: []step{
		{"CREATE TABLE k (a int PRIMARY KEY)", "XX000 CREATE TABLE with a primary key or unique constraint…"},
	}},
	{name: "INSERT ... ON CONFLICT", steps: []step{{"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "42601…"}}},
	{name: "CREATE TABLE IF NOT EXISTS", steps: []step{
		{"CREATE TABLE IF NOT EXISTS t (a int)", `[CREATE TABLE] (NOTICE 42P07 table "t" already exists, skipping)`},
	}},
	{name: "mz_now() in a write", steps: []step{
		{"UPDATE t SET a = 1 WHERE mz_now() > 0", "0A000 calls to mz_now in write statements are not supported"},
	}},
	{name: "SHOW CLUSTERS", setup: []string{"CREATE CLUSTER c REPLICAS (r2 (SIZE '50cc'), r1 (SIZE '25cc'))", "COMMENT ON CLUSTER c IS 'mine'"}, steps: []step{
		{"SHOW CLUSTERS LIKE 'c'", "c|r1 (25cc), r2 (50cc)||mine [SELECT 1]"},
		{"SHOW CLUSTERS WHERE name = 'quickstart'", "quickstart|r1 (25cc)|| [SELECT 1]"},
	}},
	{name: "SHOW CLUSTER REPLICAS", setup: []string{oneC, "COMMENT ON CLUSTER REPLICA c.r1 IS 'mine'", "SELECT mz_sim.hydrate('c', 'r1')"}, steps: []step{
		{"SHOW CLUSTER REPLICAS WHERE cluster = 'c'", "c|r1|25cc|t|mine [SELECT 1]"},
		{"SELECT object_type, comment FROM mz_internal.mz_comments", "cluster-replica|mine [SELECT 1]"},
	}},
	{name: "SHOW CREATE CLUSTER", setup: []string{managed}, steps: []step{
		{"SHOW CREATE CLUSTER c3", `c3|CREATE CLUSTER "c3" (INTROSPECTION DEBUGGING = FALSE, INTROSPECTION INTERVAL = INTERVAL '00:00:01', MANAGED = TRUE, REPLICATION FACTOR = 2, SIZE = '25cc', SCHEDULE = MANUAL) [SELECT 1]`},
	}},
	{name: "mz_cluster_replica_sizes", steps: []step{
		{"SELECT size, processes, workers, credits_per_hour FROM mz_cluster_replica_sizes WHERE size = '200cc'", "200cc|1|4|2 [SELECT 1]"},
		{"SELECT memory_bytes, disk_bytes FROM mz_catalog.mz_cluster_replica_sizes WHERE size = '25cc'", "4069523456|8139046912 [SELECT 1]"},
	}},
	{name: "mz_indexes of a new cluster", setup: []string{emptyC}, steps: []step{
		{"SELECT count(*) FROM mz_indexes i JOIN mz_clusters c ON c.id = i.cluster_id WHERE c.name = 'c'", "28 [SELECT 1]"},
		{"DROP CLUSTER c", "[DROP CLUSTER]"},
		{"SELECT count(*) FROM mz_indexes WHERE cluster_id NOT IN (SELECT id FROM mz_clusters)", "0 [SELECT 1]"},
	}},
	{name: "mz_audit_events of a replica", setup: []string{emptyC}, steps: []step{
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"DROP CLUSTER REPLICA c.r1", "[DROP CLUSTER REPLICA]"},
		{`SELECT event_type, object_type, details->>'reason', details->>'logical_size', details->>'replica_name', "user" FROM mz_audit_events ORDER BY id DESC LIMIT 2`,
			"drop|cluster-replica|manual||r1|materialize create|cluster-replica|manual|25cc|r1|materialize [SELECT 2]"},
	}},
	{name: "ALTER CLUSTER c3 SET (MANAGED = false)", setup: []string{managed}, steps: []step{
		{"ALTER CLUSTER c3 SET (MANAGED = false)", "[ALTER CLUSTER]"},
		{"SELECT managed, size, replication_factor FROM mz_clusters WHERE name = 'c3'", "f|| [SELECT 1]"},
		{"CREATE CLUSTER REPLICA c3.r3 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"DROP CLUSTER REPLICA c3.r1, c3.r2", "[DROP CLUSTER REPLICA]"},
	}},
	{name: "ALTER CLUSTER c SET (MANAGED)", setup: []string{"CREATE CLUSTER c REPLICAS (x (SIZE '25cc'))"}, steps: []step{
		{"ALTER CLUSTER c SET (MANAGED)", "XX000 Cannot convert unmanaged cluster to managed, invalid replica names: x"},
		{"ALTER CLUSTER REPLICA c.x RENAME TO r1", "[ALTER CLUSTER REPLICA]"},
		{"ALTER CLUSTER c SET (MANAGED, REPLICATION FACTOR 4)", "XX000 REPLICATION FACTOR 4 does not match number of replicas (1)"},
		{"ALTER CLUSTER c SET (MANAGED, SIZE '50cc')", "XX000 Cluster replicas of size 25cc do not match expected SIZE 50cc"},
		{"ALTER CLUSTER c SET (MANAGED)", "[ALTER CLUSTER]"},
	}},
	{name: "ALTER CLUSTER errors", setup: []string{emptyC, managed}, steps: []step{
		{"ALTER CLUSTER c SET (MANAGED)", "XX000 Missing SIZE for empty cluster"},
		{"ALTER CLUSTER c SET (SIZE '25cc')", "XX000 Cannot change SIZE of unmanaged clusters"},
		{"ALTER CLUSTER c3 RESET (SIZE)", "XX000 SIZE has no default value"},
		{"ALTER CLUSTER foo SET (SIZE '25cc')", "XX000 unknown cluster 'foo'"},
		{"ALTER CLUSTER c3 SET REPLICATION FACTOR 2", "42601 Expected left parenthesis, found REPLICATION"},
		{"ALTER CLUSTER REPLICA c3 RENAME TO x", "42601 Expected dot, found RENAME"},
		{"ALTER CLUSTER mz_catalog_server SET (REPLICATION FACTOR 2)", "42501…"},
	}},
	{name: "ALTER CLUSTER c3 SET (SIZE, REPLICATION FACTOR)", setup: []string{managed}, steps: []step{
		{"ALTER CLUSTER c3 SET (REPLICATION FACTOR 3)", "[ALTER CLUSTER]"},
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'c3'", "r1 (25cc), r2 (25cc), r3 (25cc) [SELECT 1]"},
		{"ALTER CLUSTER c3 SET (SIZE = '50cc', REPLICATION FACTOR = 1) WITH (WAIT UNTIL READY (TIMEOUT = '10m', ON TIMEOUT = 'COMMIT'))", "[ALTER CLUSTER]"},
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'c3'", "r4 (50cc) [SELECT 1]"},
		{"ALTER CLUSTER c3 SET (SIZE = '25cc') WITH (WAIT UNTIL READY (ON TIMEOUT = 'COMMIT'))", "XX000 TIMEOUT=<duration> option is required for ALTER CLUSTER ... WITH (WAIT UNTIL READY ( ... ))"},
		{"ALTER CLUSTER c3 SET (REPLICATION FACTOR 0)", "[ALTER CLUSTER]"},
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'c3'", " [SELECT 1]"},
	}},
	{name: "ALTER CLUSTER RENAME, SWAP, OWNER", setup: []string{emptyC, managed}, steps: []step{
		{"ALTER CLUSTER c RENAME TO c3", "XX000 cluster 'c3' already exists"},
		{"ALTER CLUSTER c SWAP WITH c3", "[ALTER CLUSTER]"},
		{"SELECT managed FROM mz_clusters WHERE name = 'c'", "t [SELECT 1]"},
		{"ALTER CLUSTER c RENAME TO other", "[ALTER CLUSTER]"},
		{"ALTER CLUSTER other OWNER TO nobody", "XX000 unknown role 'nobody'"},
	}},
	{name: "ALTER CLUSTER REPLICA c.r1 RENAME TO r5", setup: []string{"CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'), r2 (SIZE '25cc'))"}, steps: []step{
		{"CREATE TABLE ids (id text)", "[CREATE TABLE]"},
		{"ALTER CLUSTER REPLICA c.r1 RENAME TO r5", "[ALTER CLUSTER REPLICA]"},
		{"SELECT previous_name, new_name FROM mz_internal.mz_cluster_replica_name_history h JOIN mz_cluster_replicas r ON r.id = h.id WHERE r.name = 'r5' AND previous_name IS NOT NULL", "r1|r5 [SELECT 1]"},
		{"ALTER CLUSTER REPLICA c.r5 RENAME TO r2", `XX000 catalog error: uniqueness violation…`},
	}},
	{name: "EXPLAIN STRATEGY FOR CLUSTER c", setup: []string{emptyC}, steps: []step{{"EXPLAIN STRATEGY FOR CLUSTER c", "42601…"}}},
	{name: "FOO", steps: []step{{"FOO", `42601 Expected a keyword at the beginning of a statement, found identifier "foo"`}}},
	{name: "HYDRATION SIZE equal to SIZE", steps: []step{
		{"CREATE CLUSTER a (SIZE='25cc', AUTO SCALING STRATEGY=(ON HYDRATION (HYDRATION SIZE='25cc')))", "XX000 HYDRATION SIZE must differ from the cluster SIZE ('25cc'); a burst replica at the same size would not accelerate hydration"},
		{"CREATE CLUSTER a (SIZE='25cc', AUTO SCALING STRATEGY=(ON HYDRATION (HYDRATION SIZE='50cc')))", "[CREATE CLUSTER]"},
		{"SELECT strategy->'on_hydration'->>'hydration_size' FROM mz_internal.mz_cluster_auto_scaling_strategies", "50cc [SELECT 1]"},
	}},
	{name: "names: folded, quoted, with quotes inside", steps: []step{
		{`CREATE CLUSTER "Foo-""Bar's 好" REPLICAS ("R.1" (SIZE '25cc'))`, "[CREATE CLUSTER]"},
		{`CREATE CLUSTER FOO REPLICAS ()`, "[CREATE CLUSTER]"},
		{`SELECT name FROM mz_clusters WHERE id LIKE 'u%' ORDER BY 1`, `Foo-"Bar's 好 foo quickstart [SELECT 3]`},
		{`DROP CLUSTER REPLICA "Foo-""Bar's 好"."R.1"`, "[DROP CLUSTER REPLICA]"},
		{`CREATE CLUSTER "" REPLICAS ()`, "42601 zero-length delimited identifier…"},
	}},
	{name: "SET cluster_replica to a missing one", setup: []string{oneC}, steps: []step{
		{"SET cluster = c; SET cluster_replica = nope", "[SET] [SET]"},
		{"SELECT a FROM t", "42704 cluster replica 'c.nope' does not exist"},
	}},
	{name: "log sources with several replicas", setup: []string{"CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'), r2 (SIZE '25cc'))"}, steps: []step{
		{"SET cluster = c", "[SET]"},
		{"SELECT count(*) FROM mz_introspection.mz_active_peeks", "0A000 log source reads must target a replica"},
		{"SET cluster_replica = r1", "[SET]"},
		{"SELECT count(*) >= 0 FROM mz_introspection.mz_active_peeks", "t [SELECT 1]"},
	}},
	{name: "mz_internal needs its schema, mz_catalog does not", steps: []step{
		{"SELECT count(*) FROM mz_sessions", "XX000 unknown catalog item 'mz_sessions'"},
		{"SELECT count(*) > 0 FROM mz_internal.mz_sessions", "t [SELECT 1]"},
		{"SELECT count(*) > 0 FROM mz_roles", "t [SELECT 1]"},
	}},
	{name: "OIDs of unsigned types and mz_timestamp", why: "PostgreSQL sends a domain's base type: int8 for uint4 and uint8, numeric for mz_timestamp"},
	{name: "ParameterStatus of SET before its CommandComplete", why: "PostgreSQL reports no custom variable; the stand-in reports before ReadyForQuery"},
}

func TestChecks(t *testing.T) {
	for _, tt := range checks {
		t.Run(tt.name, func(t *testing.T) {
			if tt.why != "" {
				t.Skip("cannot hold on PostgreSQL: " + tt.why)
			}
			c := fresh(t)
			c.must(t, "CREATE TABLE t (a int)")
			c.must(t, "INSERT INTO t VALUES (1)")
			for _, s := range tt.setup {
				c.must(t, s)
			}
			for _, s := range tt.steps {
				got := c.say(s.sql)
				if begin, open := strings.CutSuffix(s.want, "…"); open && strings.HasPrefix(got, begin) || got == s.want {
					continue
				}
				t.Errorf("%s\n got %s\nwant %s", s.sql, got, s.want)
			}
		})
	}
}
