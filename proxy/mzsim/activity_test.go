package mzsim_test

import (
	"testing"
)

// Everything that a session executes is logged with its cluster, a query that failed for want of replicas included; what the
// catalog server answers with that one.
func TestActivityLog(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE act (a int)")
	c.must(t, "CREATE CLUSTER acl REPLICAS ()")
	s := dial(t, "application_name=activity")
	type row struct{ sql, kind, cluster, status, strategy, rows, message string }
	for _, tt := range []row{
		{"SELECT * FROM act LIMIT 0", "select", "quickstart", "success", "fast-path", "0", ""},
		{"SELECT a FROM act", "select", "quickstart", "success", "standard", "0", ""},
		{"SELECT 1", "select", "mz_catalog_server", "success", "constant", "1", ""},
		{"SELECT name FROM mz_clusters LIMIT 1", "select", "mz_catalog_server", "success", "fast-path", "1", ""},
		{"SHOW cluster", "show", "quickstart", "success", "constant", "1", ""},
		{"SHOW CLUSTERS LIKE 'acl'", "show", "mz_catalog_server", "success", "fast-path", "1", ""},
		{"SELECT 1/0", "select", "quickstart", "error", "", "", "division by zero"},
		{"UPDATE act SET a = a", "update", "quickstart", "success", "", "", ""},
		{"SET cluster = acl", "set_variable", "quickstart", "success", "", "", ""},
		{"SELECT * FROM act", "select", "acl", "error", "", "", `CLUSTER "acl" has no replicas available to service request`},
		{"UPDATE act SET a = a", "update", "acl", "error", "", "", `CLUSTER "acl" has no replicas available to service request`},
		{"DELETE FROM act", "delete", "acl", "error", "", "", `CLUSTER "acl" has no replicas available to service request`},
		{"BEGIN", "start_transaction", "acl", "success", "", "", ""},
		{"COMMIT", "commit", "acl", "success", "", "", ""},
		{"CREATE CLUSTER REPLICA acl.r1 (SIZE '25cc')", "create_cluster_replica", "acl", "success", "", "", ""},
		{"DROP CLUSTER REPLICA acl.r1", "drop_objects", "acl", "success", "", "", ""},
		{"SET cluster = quickstart", "set_variable", "acl", "success", "", "", ""},
		{"ALTER CLUSTER acl RENAME TO acl2", "alter_object_rename", "quickstart", "success", "", "", ""},
		{"ALTER CLUSTER acl2 OWNER TO materialize", "alter_owner", "quickstart", "success", "", "", ""},
		{"COMMENT ON CLUSTER acl2 IS 'x'", "comment", "quickstart", "success", "", "", ""},
		{"DROP TABLE act", "drop_objects", "quickstart", "success", "", "", ""},
	} {
		_ = s.say(tt.sql)
		const logged = `SELECT concat_ws('|', statement_type, sql, cluster_name, finished_status, coalesce(execution_strategy, ''), coalesce(rows_returned::text, ''), coalesce(error_message, ''))
			FROM mz_internal.mz_recent_activity_log WHERE application_name = 'activity' AND finished_at IS NOT NULL ORDER BY began_at DESC LIMIT 1`
		c.eventually(t, logged, tt.kind+"|"+tt.sql+"|"+tt.cluster+"|"+tt.status+"|"+tt.strategy+"|"+tt.rows+"|"+tt.message)
	}
}

// What cannot be read or planned, and what comes in a failed transaction, is not executed, and not logged.
func TestActivityLogOfWhatIsNotExecuted(t *testing.T) {
	c := fresh(t)
	s := dial(t, "application_name=unplanned")
	for _, sql := range []string{"FOO", "SELECT nocolumn", "SELECT * FROM notable", "BEGIN", "SELECT 1/0", "SELECT 4711", "ROLLBACK"} {
		_ = s.say(sql)
	}
	const logged = "SELECT string_agg(sql, '; ' ORDER BY began_at) FROM mz_internal.mz_recent_activity_log WHERE application_name = 'unplanned' AND finished_at IS NOT NULL"
	c.eventually(t, logged, "BEGIN; SELECT 1/0; ROLLBACK")
}
