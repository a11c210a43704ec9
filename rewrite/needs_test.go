package rewrite_test

import (
	"testing"

	"mzproxy/rewrite"
)

func TestNeedsCluster(t *testing.T) {
	for _, text := range []string{
		"SELECT * FROM t", "select a from only public.t", "SELECT 1 + 1", "SELECT upper('x')", "SELECT 1::text", "SELECT * FROM mz_tables, t",
		"SELECT * FROM pg_class c JOIN public.t ON true", "SELECT count(*) FROM (SELECT * FROM t) x", "WITH x AS (SELECT 1) SELECT * FROM x, t",
		"WITH x AS (SELECT * FROM t) SELECT * FROM x", "TABLE t", "(SELECT * FROM t)", "SELECT * FROM generate_series(1, 2)",
		"UPDATE t SET a = 1", "DELETE FROM t", "INSERT INTO t SELECT * FROM u", "INSERT INTO t (a) SELECT a FROM u", "INSERT INTO t (SELECT * FROM u)", "INSERT INTO t TABLE u",
		"COPY t TO STDOUT", "COPY (SELECT * FROM t) TO STDOUT", "SUBSCRIBE t", "SUBSCRIBE TO t", "SUBSCRIBE (SELECT * FROM t)",
		"FETCH 1 c", "EXECUTE p", "EXECUTE p (1)", "EXPLAIN ANALYZE CLUSTER MEMORY", "SELECT 1; SELECT * FROM t", "BEGIN; SELECT * FROM t; COMMIT", "/* x */ SELECT * FROM t",
		"-- x\nSELECT * FROM t", "SELECT * FROM mz_introspection.mz_active_peeks", "SELECT * FROM mz_cluster_strategies s JOIN mz_clusters c ON c.id = s.cluster_id",
		"SELECT EXISTS (SELECT FROM t)", "SELECT a FROM pg_catalog.pg_class UNION SELECT b FROM t", `SELECT * FROM "T"`, "SELECT 'it''s', e'\\'' FROM t",
		"SELECT $$ ; $$ FROM t", "INSERT INTO t VALUES (now())", "VALUES ((SELECT max(a) FROM t))", "UPDATE mz_cluster_strategies SET config = (SELECT c FROM t)",
	} {
		if !rewrite.NeedsCluster([]byte(text)) {
			t.Errorf("%q needs none", text)
		}
	}
	for _, text := range []string{
		"", ";", "SELECT 1", "SELECT 1, 'a'", "select $1", "VALUES (1, 'a')", "BEGIN", "COMMIT", "ROLLBACK", "SET cluster = c", "SHOW cluster", "SHOW CLUSTERS", "DISCARD ALL",
		"CREATE TABLE t (a int)", "CREATE MATERIALIZED VIEW v AS SELECT * FROM t", "DROP TABLE t", "PREPARE p AS SELECT * FROM t", "DEALLOCATE p", "DECLARE c CURSOR FOR SELECT * FROM t",
		"EXPLAIN SELECT * FROM t", "CLOSE c", "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t (a, b) VALUES ($1, $2)", "COPY t FROM STDIN", "COPY t (a, b) FROM STDIN",
		"SELECT * FROM mz_clusters", "SELECT count(*) FROM mz_internal.mz_sessions WHERE id = 1", "select n.nspname from pg_catalog.pg_namespace n, pg_catalog.pg_class c where n.oid = c.relnamespace",
		"SELECT * FROM information_schema.tables WHERE table_name = 'mz'", "SELECT t.oid FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid WHERE t.typname IN ('a', 'b')",
		"WITH x AS (SELECT * FROM pg_class) SELECT * FROM x", "WITH x (a) AS (SELECT oid FROM pg_class), y AS MATERIALIZED (SELECT a FROM x) SELECT * FROM y JOIN X ON true",
		"SELECT a FROM pg_class WHERE a IS DISTINCT FROM b", "SELECT substring(relname FROM 1 FOR 2) FROM pg_class", "SELECT * FROM materialize.pg_catalog.pg_class",
		"SELECT (SELECT count(*) FROM pg_class)", "SELECT EXISTS (SELECT FROM mz_catalog.mz_tables)",
		"SELECT * FROM mz_cluster_strategies", "SELECT count(*) FROM public.mz_cluster_strategies WHERE cluster_id = 'u1'", "DELETE FROM mz_cluster_strategies WHERE cluster_id = 'u1'",
		"UPDATE mz_cluster_strategies SET config = '{}' WHERE cluster_id = 'u1'", "SELECT 1; SELECT 2", "EXPLAIN STRATEGY", "SHOW STRATEGY STATUS", "SELECT ''';'", "SELECT $a$ from t $a$",
	} {
		if rewrite.NeedsCluster([]byte(text)) {
			t.Errorf("%q needs its cluster", text)
		}
	}
}

// What clients ask by themselves needs no cluster.
func TestNeedsClusterOfClients(t *testing.T) {
	for _, text := range clientQueries {
		if rewrite.NeedsCluster([]byte(text)) {
			t.Errorf("needs its cluster: %s", text)
		}
	}
}

// clientQueries are queries of psql's \d, \dt, \l and completion, and of drivers that look up types.
var clientQueries = []string{
	`SELECT c.oid,
  n.nspname,
  c.relname
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 2, 3;`,
	`SELECT n.nspname as "Schema", c.relname as "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as "Type", pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
ORDER BY 1,2;`,
	`SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
  (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
  a.attnotnull FROM pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;`,
	`SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S') AND substring(pg_catalog.quote_ident(c.relname),1,2)='te' LIMIT 1000`,
	`select t.oid, case when nsp.nspname in ('pg_catalog', 'public') then t.typname else nsp.nspname||'.'||t.typname end
from pg_type t left join pg_type base_type on t.typelem=base_type.oid left join pg_namespace nsp on t.typnamespace=nsp.oid
where (t.typtype in('b', 'p', 'r', 'e') and (base_type.oid is null or base_type.typtype in('b', 'p', 'r')))`,
	`SELECT name FROM pg_catalog.pg_settings UNION ALL SELECT 'all' FROM pg_catalog.pg_database`,
}

func BenchmarkNeedsCluster(b *testing.B) {
	for name, text := range map[string]string{"short": "SELECT 1", "query": "SELECT a, b, count(*) FROM mz_tables WHERE id = $1 AND name = $2 GROUP BY a, b ORDER BY 3 LIMIT 10"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rewrite.NeedsCluster([]byte(text))
			}
		})
	}
}
