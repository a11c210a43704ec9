package mzsim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// driver runs statements as a Python driver does that is not in autocommit mode: a BEGIN of its own in front of the
// first statement, and a COMMIT when it is asked to. In the extended protocol with extended.
type driver struct {
	*client
	extended bool
	open     bool
}

// run executes one statement with parameters, and returns its rows and tag.
func (d *driver) run(t *testing.T, sql string, args ...string) (rows []string, tag string) {
	t.Helper()
	if !d.open {
		d.one(t, "BEGIN")
		d.open = true
	}
	return d.one(t, sql, args...)
}

func (d *driver) commit(t *testing.T) {
	t.Helper()
	d.one(t, "COMMIT")
	d.open = false
}

// one executes a statement outside of the driver's transactions.
func (d *driver) one(t *testing.T, sql string, args ...string) (rows []string, tag string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var result *pgconn.Result
	if d.extended || len(args) > 0 {
		values := make([][]byte, len(args))
		for i, a := range args {
			values[i] = []byte(a)
		}
		result = d.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	} else {
		results, err := d.Exec(ctx, sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		result = results[len(results)-1]
	}
	if result.Err != nil {
		t.Fatalf("%s: %v", sql, result.Err)
	}
	for _, row := range result.Rows {
		fields := make([]string, len(row))
		for i, v := range row {
			fields[i] = string(v)
		}
		rows = append(rows, strings.Join(fields, "|"))
	}
	return rows, result.CommandTag.String()
}

// What a script for cron reads to decide about a cluster.
const (
	peerClusters = `SELECT id, name FROM mz_catalog.mz_clusters WHERE id LIKE 'u%' ORDER BY id`
	peerReplicas = `SELECT r.name, r.size FROM mz_catalog.mz_cluster_replicas r WHERE r.cluster_id = $1 ORDER BY r.name`
	peerSizes    = `SELECT size FROM (SELECT DISTINCT ON (processes, workers) size, processes, workers, credits_per_hour FROM mz_catalog.mz_cluster_replica_sizes
		WHERE size LIKE '%cc' OR size LIKE '%C' ORDER BY processes, workers, credits_per_hour) s ORDER BY processes, workers`
	peerHydration = `WITH objects AS (
			SELECT id FROM mz_catalog.mz_indexes WHERE cluster_id = $1
			UNION ALL SELECT id FROM mz_catalog.mz_sources WHERE cluster_id = $1 AND type = 'kafka')
		SELECT r.name, count(*), count(*) FILTER (WHERE h.hydrated)
		FROM mz_catalog.mz_cluster_replicas r CROSS JOIN objects o
		LEFT JOIN mz_internal.mz_hydration_statuses h ON h.object_id = o.id AND h.replica_id = r.id
		WHERE r.cluster_id = $1 GROUP BY r.name ORDER BY r.name`
	peerActivity = `SELECT max(finished_at) IS NULL FROM mz_internal.mz_statement_execution_history_redacted
		WHERE cluster_id = $1 AND finished_at > now() - interval '1 hour'`
	peerCrashes = `SELECT h.reason, count(*) FROM mz_internal.mz_cluster_replica_status_history h JOIN mz_catalog.mz_cluster_replicas r ON r.id = h.replica_id
		WHERE r.cluster_id = $1 AND h.status = 'offline' AND h.reason IS NOT NULL AND h.occurred_at > now() - interval '1 hour' GROUP BY h.reason`
)

// The tool that people run from cron works as it does on Materialize, in either protocol.
func TestPeerTool(t *testing.T) {
	for _, extended := range []bool{false, true} {
		t.Run(fmt.Sprintf("extended=%v", extended), func(t *testing.T) {
			c := fresh(t)
			d := &driver{client: dial(t, "application_name=mz-clusterctl"), extended: extended}
			expect := func(what string, got []string, want ...string) {
				t.Helper()
				if strings.Join(got, "; ") != strings.Join(want, "; ") {
					t.Errorf("%s: got %q, want %q", what, got, want)
				}
			}
			tag := func(sql, want string, args ...string) {
				t.Helper()
				if _, got := d.run(t, sql, args...); got != want {
					t.Errorf("%s: got %s, want %s", sql, got, want)
				}
				d.commit(t)
			}
			tag(`CREATE CLUSTER "load" REPLICAS (r1 (SIZE "25cc"), r2 (SIZE "50cc"))`, "CREATE CLUSTER")
			got, _ := d.run(t, peerClusters)
			d.commit(t)
			id, name, _ := strings.Cut(got[len(got)-1], "|")
			if name != "load" {
				t.Fatalf("clusters: %q", got)
			}
			got, _ = d.run(t, peerReplicas, id)
			expect("replicas", got, "r1|25cc", "r2|50cc")
			got, _ = d.run(t, peerSizes)
			d.commit(t)
			expect("sizes", got, "25cc", "100cc", "200cc", "300cc", "400cc", "600cc", "800cc", "1200cc", "1600cc", "3200cc")

			tag("CREATE TABLE IF NOT EXISTS mz_cluster_strategies (cluster_id text NOT NULL, strategy_type text NOT NULL, config jsonb NOT NULL, updated_at timestamptz DEFAULT now())", "CREATE TABLE")
			tag("CREATE TABLE IF NOT EXISTS mz_cluster_strategy_state (cluster_id text NOT NULL, state_version int NOT NULL, payload jsonb NOT NULL, updated_at timestamptz DEFAULT now())", "CREATE TABLE")
			tag("CREATE TABLE IF NOT EXISTS mz_cluster_strategy_actions (action_id text NOT NULL, cluster_id text, action_sql text, decision_ctx jsonb, executed bool, error_message text, created_at timestamptz DEFAULT now())", "CREATE TABLE")
			tag("CREATE TABLE IF NOT EXISTS mz_cluster_strategies (cluster_id text)", "CREATE TABLE")
			tag("INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ($1, $2, $3)", "INSERT 0 1", id, "target_size", `{"target_size": "50cc"}`)
			tag("INSERT INTO mz_cluster_strategy_state (cluster_id, state_version, payload) VALUES ($1, 1, $2)", "INSERT 0 1", id, `{}`)

			// The introspection indexes alone make a cluster hydrated.
			c.eventually(t, "SELECT count(*) FROM mz_internal.mz_hydration_statuses h JOIN mz_indexes i ON i.id = h.object_id WHERE i.cluster_id = '"+id+"'", "64")
			got, _ = d.run(t, peerHydration, id)
			d.commit(t)
			expect("hydration", got, "r1|32|32", "r2|32|32")

			got, _ = d.run(t, peerActivity, id)
			d.commit(t)
			expect("no activity", got, "t")

			tag("SET cluster = load", "SET")
			tag("CREATE VIEW numbers AS SELECT cluster_id FROM mz_cluster_strategies", "CREATE VIEW")
			c.must(t, "SELECT mz_sim.set('hydration', '1 hour')")
			tag("CREATE DEFAULT INDEX ON numbers", "CREATE INDEX")
			got, _ = d.run(t, peerHydration, id)
			d.commit(t)
			expect("hydration with an index", got, "r1|33|32", "r2|33|32")
			c.must(t, "SELECT mz_sim.hydrate('load', 'r1')")
			got, _ = d.run(t, peerHydration, id)
			d.commit(t)
			expect("hydration of one replica", got, "r1|33|33", "r2|33|32")

			got, _ = d.run(t, "SELECT cluster_id, strategy_type, config FROM mz_cluster_strategies ORDER BY updated_at DESC")
			d.commit(t)
			expect("strategies", got, id+`|target_size|{"target_size": "50cc"}`)
			c.eventually(t, strings.ReplaceAll(peerActivity, "$1", "'"+id+"'"), "f")

			c.must(t, "SELECT mz_sim.crash('load', 'r2', 'oom-killed')")
			got, _ = d.run(t, peerCrashes, id)
			d.commit(t)
			expect("crashes", got, "oom-killed|1")

			tag(`CREATE CLUSTER REPLICA "load"."mzclusterctl" (SIZE '25cc')`, "CREATE CLUSTER REPLICA")
			tag(`DROP CLUSTER REPLICA "load"."mzclusterctl"`, "DROP CLUSTER REPLICA")
			if _, got := d.one(t, "DELETE FROM mz_cluster_strategy_state WHERE cluster_id = $1", id); got != "DELETE 1" {
				t.Errorf("DELETE in autocommit: %s", got)
			}
		})
	}
}
