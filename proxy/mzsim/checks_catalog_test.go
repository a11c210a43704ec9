package mzsim_test

// catalogChecks are about the relations of the system and SHOW.
var catalogChecks = []check{
	{name: "SHOW CLUSTERS", setup: []string{"CREATE CLUSTER c REPLICAS (r2 (SIZE '50cc'), r1 (SIZE '25cc'))", "COMMENT ON CLUSTER c IS 'mine'"}, steps: []step{
		{`\columns SHOW CLUSTERS`, "name replicas activity comment"},
		{"SHOW CLUSTERS LIKE 'c'", "c|r1 (25cc), r2 (50cc)||mine [SELECT 1]"},
		{"SHOW CLUSTERS WHERE name = 'quickstart'", "quickstart|r1 (25cc)|| [SELECT 1]"},
	}},
	{name: "SHOW CLUSTER REPLICAS", setup: []string{oneC, "COMMENT ON CLUSTER REPLICA c.r1 IS 'mine'"}, steps: []step{
		{`\columns SHOW CLUSTER REPLICAS`, "cluster replica size ready comment"},
		{"~SHOW CLUSTER REPLICAS WHERE cluster = 'c'", "c|r1|25cc|t|mine [SELECT 1]"},
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
	{name: "a replica comes online and is hydrated", setup: []string{emptyC, "CREATE INDEX i IN CLUSTER c ON t (a)"}, steps: []step{
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"~SELECT s.status, h.hydrated FROM mz_cluster_replicas r JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id LEFT JOIN mz_internal.mz_hydration_statuses h ON h.replica_id = r.id AND h.object_id = (SELECT id FROM mz_indexes WHERE name = 'i') WHERE r.name = 'r1' AND r.cluster_id = (SELECT id FROM mz_clusters WHERE name = 'c')", "online|t [SELECT 1]"},
		{"SELECT count(*) FROM mz_internal.mz_hydration_statuses h JOIN mz_indexes i ON i.id = h.object_id JOIN mz_clusters c ON c.id = i.cluster_id WHERE c.name = 'c' AND hydrated", "29 [SELECT 1]"},
		{"SELECT h.status, h.reason FROM mz_internal.mz_cluster_replica_status_history h JOIN mz_cluster_replicas r ON r.id = h.replica_id WHERE r.name = 'r1' AND r.cluster_id = (SELECT id FROM mz_clusters WHERE name = 'c') ORDER BY h.occurred_at", "offline| online| [SELECT 2]"},
	}},
	{name: "mz_cluster_replica_history of a dropped replica", setup: []string{oneC, "DROP CLUSTER REPLICA c.r1"}, steps: []step{
		{"SELECT size, cluster_name, replica_name, credits_per_hour, dropped_at >= created_at FROM mz_internal.mz_cluster_replica_history WHERE cluster_name = 'c' ORDER BY created_at DESC LIMIT 1", "25cc|c|r1|0.25|t [SELECT 1]"},
	}},
	{name: "mz_sessions", steps: []step{
		{"SELECT r.name, s.client_ip FROM mz_internal.mz_sessions s JOIN mz_roles r ON r.id = s.role_id WHERE s.connection_id = pg_backend_pid()", "materialize|127.0.0.1 [SELECT 1]"},
	}},
	{name: "mz_clusters of a new environment", steps: []step{
		{"SELECT id, name, managed FROM mz_clusters WHERE id IN ('u1', 's1', 's2') ORDER BY id", "s1|mz_system|t s2|mz_catalog_server|t u1|quickstart|t [SELECT 3]"},
		{"SELECT id, name FROM mz_cluster_replicas WHERE cluster_id = 'u1'", "u1|r1 [SELECT 1]"},
	}},
}
