package mzsim

import (
	"testing"
	"time"
)

// How a real server was seen to execute reads.
func TestStrategyOf(t *testing.T) {
	catalog := scope{system: true}
	for _, tt := range []struct {
		sql   string
		scope scope
		want  string
	}{
		{"SELECT 1", scope{}, "constant"},
		{"SELECT mz_version(), pg_backend_pid()", scope{}, "constant"},
		{"SHOW cluster", scope{}, "constant"},
		{"EXPLAIN SELECT * FROM act", scope{users: []string{"act"}}, "constant"},
		{"SHOW TABLES", catalog, "fast-path"},
		{"SELECT id, name, coalesce(managed, false), now() FROM mz_catalog.mz_clusters", catalog, "fast-path"},
		{"SELECT owner_id FROM mz_clusters WHERE name = 'quickstart'", catalog, "fast-path"},
		{"SELECT id, size FROM mz_cluster_replicas WHERE cluster_id IN ('u1') ORDER BY id", catalog, "fast-path"},
		{"SELECT size, processes::bigint FROM mz_catalog.mz_cluster_replica_sizes", catalog, "fast-path"},
		{"SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = 'bob'", catalog, "fast-path"},
		{"SELECT cluster_id FROM mz_internal.mz_statement_execution_history_redacted LIMIT 0", catalog, "fast-path"},
		{"SELECT name FROM (SELECT name FROM mz_clusters) c", catalog, "fast-path"},
		{"SELECT name FROM (SHOW CLUSTERS) c", catalog, "fast-path"},
		{"SELECT member, role_id FROM mz_catalog.mz_role_members", catalog, "standard"},
		{"SELECT cluster_id, type FROM mz_internal.mz_cluster_schedules", catalog, "standard"},
		{"SELECT id, cluster_id FROM mz_internal.mz_subscriptions", catalog, "standard"},
		{"SELECT id, connection_id, role_id FROM mz_internal.mz_sessions", catalog, "standard"},
		{"SELECT count(*) FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = 'u1'", catalog, "standard"},
		{"SELECT id FROM mz_clusters UNION ALL SELECT id FROM mz_cluster_replicas", catalog, "standard"},
		{"SELECT DISTINCT name FROM mz_cluster_replicas", catalog, "standard"},
		{"SELECT cluster_id FROM mz_indexes GROUP BY cluster_id", catalog, "standard"},
		{"SELECT c.id FROM mz_clusters c LEFT JOIN mz_roles o ON o.id = c.owner_id", catalog, "standard"},
		{"SELECT c.id FROM mz_clusters c, mz_clusters d", catalog, "standard"},
		{"SELECT id, (SELECT 1) FROM mz_clusters", catalog, "standard"},
		{"SELECT id FROM mz_clusters WHERE EXISTS (SELECT 1 FROM mz_roles)", catalog, "standard"},
		{"SELECT row_number() OVER (ORDER BY id) FROM mz_clusters", catalog, "standard"},
		{"WITH c AS (SELECT * FROM mz_clusters) SELECT * FROM c", catalog, "standard"},
		{"SELECT has_table_privilege('materialize', 't', 'SELECT')", scope{}, "standard"},
		{"SELECT * FROM act", scope{users: []string{"act"}}, "standard"},
		{"SELECT * FROM act LIMIT 0", scope{users: []string{"act"}}, "fast-path"},
		{"SELECT * FROM act LIMIT 26", scope{users: []string{"act"}}, "standard"},
		{"SELECT * FROM act WHERE true ORDER BY a LIMIT 20", scope{users: []string{"act"}}, "standard"},
		{"SELECT * FROM act", scope{users: []string{"act"}, indexed: []string{"u1"}}, "fast-path"},
		{"SELECT * FROM act", scope{users: []string{"act"}, indexed: []string{"u2"}}, "standard"},
		{"SELECT a FROM act GROUP BY a", scope{users: []string{"act"}, indexed: []string{"u1"}}, "standard"},
		{"FETCH 1 k", scope{}, "standard"},
		{"UPDATE act SET a = a", scope{users: []string{"act"}}, ""},
		{"SUBSCRIBE act", scope{users: []string{"act"}}, ""},
		{"SET cluster = c", scope{}, ""},
	} {
		if got := strategyOf(analyseOne(t, tt.sql), tt.scope, place{clusterID: "u1"}); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.sql, got, tt.want)
		}
	}
}

func TestCost(t *testing.T) {
	for sql, want := range map[string]time.Duration{
		"SELECT 1": 0, "SELECT id FROM mz_clusters": 1, "SELECT count(*) FROM mz_clusters": 10, "SELECT mz_sim.set('lag', (SELECT '1s'))": 0,
		"UPDATE act SET a = a": 10, "DELETE FROM act": 10, "INSERT INTO act SELECT * FROM act": 10, "INSERT INTO act VALUES (1)": 0,
		"SUBSCRIBE (SELECT id FROM mz_clusters)": 10, "CREATE TABLE x (a int)": 0, "SHOW cluster": 0, "SHOW CLUSTERS": 1, "BEGIN": 0,
	} {
		if got := cost(analyseOne(t, sql), admission{}, 10); got != want {
			t.Errorf("%s: got %d, want %d", sql, got, want)
		}
	}
}
