package mzsim_test

import (
	"testing"
)

// managed makes cluster m of size 25cc with an index, hydrated, in a stand-in whose replicas come online only if they are made to.
func managed(t *testing.T, version string) *client {
	t.Helper()
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('materialize_version', '"+version+"'), mz_sim.set('startup', '1000 hours'), mz_sim.set('enable_zero_downtime_cluster_reconfiguration', 'on')")
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "CREATE CLUSTER m (SIZE '25cc')")
	c.must(t, "CREATE INDEX i IN CLUSTER m ON t (a)")
	c.must(t, "SELECT mz_sim.hydrate('m', 'r1')")
	return c
}

const (
	before35 = "v26.34.0"
	from35   = "v26.35.0"
)

// What is there of cluster m: its size and factor, and its replicas.
const shapeOfM = `SELECT concat_ws(' ', c.size, c.replication_factor, (SELECT string_agg(r.name || ':' || r.size, ' ' ORDER BY r.name) FROM mz_cluster_replicas r WHERE r.cluster_id = c.id))
	FROM mz_clusters c WHERE c.name = 'm'`

const reconfigurationOfM = `SELECT r.status || ' ' || r.changes::text FROM mz_internal.mz_cluster_reconfigurations r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'm'`

// latestOfM are the latest transitions of cluster m in the audit log, and the latest reason for which a replica went.
const latestOfM = `SELECT (SELECT e.details->>'transition' || ' ' || coalesce(e.details->>'forced', e.details->>'finish_cause', '-') FROM mz_audit_events e WHERE e.details->>'transition' IS NOT NULL
	AND e.details->>'cluster_name' = 'm' ORDER BY e.id DESC LIMIT 1) || ', ' ||
	(SELECT e.details->>'reason' FROM mz_audit_events e WHERE e.event_type = 'drop' AND e.object_type = 'cluster-replica' AND e.details->>'cluster_name' = 'm' ORDER BY e.id DESC LIMIT 1)`

func TestGracefulResize(t *testing.T) {
	for _, tt := range []struct {
		name                             string
		then                             string // behind ALTER CLUSTER m SET (SIZE '50cc')
		shape, reconfiguration, lastSeen string
	}{
		{"is finalized when it is ready", "SELECT mz_sim.hydrate('m', 'r2')", "50cc 1 r2:50cc", "finalized {}", "finalized false, retired"},
		{"is taken back at its deadline", "SELECT mz_sim.advance('24 hours')", "25cc 1 r1:25cc", `timed-out {"size": "50cc"}`, "timed-out -, retired"},
		{"is cancelled by the old size", "ALTER CLUSTER m SET (SIZE '25cc')", "25cc 1 r1:25cc", `cancelled {"size": "50cc"}`, "cancelled -, retired"},
		{"is replaced by another size", "ALTER CLUSTER m SET (SIZE '100cc')", "25cc 1 r1:25cc r2:100cc", `in-progress {"size": "100cc"}`, "started -, retired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := managed(t, from35)
			c.must(t, "ALTER CLUSTER m SET (SIZE '50cc')")
			if got, want := c.must(t, shapeOfM)+", "+c.must(t, reconfigurationOfM), `25cc 1 r1:25cc r2:50cc, in-progress {"size": "50cc"}`; got != want {
				t.Errorf("at the beginning: %s, want %s", got, want)
			}
			c.must(t, tt.then)
			c.eventually(t, reconfigurationOfM, tt.reconfiguration)
			c.eventually(t, shapeOfM, tt.shape)
			c.eventually(t, latestOfM, tt.lastSeen)
		})
	}
}

// Size and factor change together, from no replicas at all, too.
func TestResizeWithFactor(t *testing.T) {
	c := managed(t, from35)
	c.must(t, "ALTER CLUSTER m SET (REPLICATION FACTOR 0)")
	c.must(t, "ALTER CLUSTER m SET (SIZE '50cc', REPLICATION FACTOR 2)")
	if got := c.must(t, shapeOfM); got != "25cc 0 r1:50cc r2:50cc" {
		t.Errorf("got %s", got)
	}
	c.must(t, "SELECT mz_sim.hydrate('m', 'r1'), mz_sim.hydrate('m', 'r2')")
	c.eventually(t, shapeOfM, "50cc 2 r1:50cc r2:50cc")
}

func TestWhatCannotBeChangedDuringAReconfiguration(t *testing.T) {
	for version, steps := range map[string][]step{
		from35: {
			{"ALTER CLUSTER m SET (REPLICATION FACTOR 2)", "55006 cannot change replication factor while a reconfiguration is in progress"},
			{"ALTER CLUSTER m SET (MANAGED = false)", "55006 cannot convert cluster to unmanaged while a reconfiguration is in progress"},
			{"ALTER CLUSTER m SET (SCHEDULE = ON REFRESH)", "55006 cannot change the cluster schedule while a reconfiguration is in progress"},
			{"ALTER CLUSTER m SET (AUTO SCALING STRATEGY = (ON HYDRATION (HYDRATION SIZE = '50cc')))",
				"XX000 HYDRATION SIZE must differ from the target SIZE ('50cc') of the in-progress cluster resize"},
		},
		before35: {
			{"ALTER CLUSTER m SET (SIZE '100cc')", "55006 cannot alter clusters with pending updates"},
			{"ALTER CLUSTER m SET (REPLICATION FACTOR 2)", "55006 cannot alter clusters with pending updates"},
		},
	} {
		c := managed(t, version)
		waiting := dial(t)
		done := waiting.running("ALTER CLUSTER m SET (SIZE '50cc') WITH (WAIT UNTIL READY (TIMEOUT = '1 hour'))")
		c.eventually(t, "SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'm'", "2")
		for _, s := range steps {
			s.check(t, c)
		}
		c.must(t, "SELECT mz_sim.hydrate('m', name) FROM mz_cluster_replicas WHERE size = '50cc'")
		if got := <-done; got != "[ALTER CLUSTER]" {
			t.Errorf("%s: %s", version, got)
		}
	}
}

// A statement that waits ends with the change, and with an error if there was none.
func TestAlterClusterWaits(t *testing.T) {
	const ready = "SELECT mz_sim.hydrate('m', name) FROM mz_cluster_replicas WHERE size = '50cc'"
	for _, tt := range []struct{ name, version, with, then, want, shape string }{
		{"until ready", from35, "WAIT UNTIL READY (TIMEOUT = '1 hour')", ready, "[ALTER CLUSTER]", "50cc 1 r2:50cc"},
		{"timeout", from35, "WAIT UNTIL READY (TIMEOUT = '1 hour', ON TIMEOUT = 'ROLLBACK')", "SELECT mz_sim.advance('1 hour')",
			"57014 canceling statement, provided timeout lapsed", "25cc 1 r1:25cc"},
		{"superseded", from35, "WAIT UNTIL READY (TIMEOUT = '1 hour')", "ALTER CLUSTER m SET (SIZE '100cc')",
			"57014 cluster reconfiguration was superseded by another ALTER CLUSTER", "25cc 1 r1:25cc r2:100cc"},
		{"until ready, before", before35, "WAIT UNTIL READY (TIMEOUT = '1 hour')", ready, "[ALTER CLUSTER]", "50cc 1 r1:50cc"},
		{"timeout with rollback, before", before35, "WAIT UNTIL READY (TIMEOUT = '1 hour', ON TIMEOUT = 'ROLLBACK')", "SELECT mz_sim.advance('1 hour')",
			"57014 canceling statement, provided timeout lapsed", "25cc 1 r1:25cc"},
		{"timeout with commit, before", before35, "WAIT UNTIL READY (TIMEOUT = '1 hour')", "SELECT mz_sim.advance('1 hour')", "[ALTER CLUSTER]", "50cc 1 r1:50cc"},
		{"for a time, before", before35, "WAIT FOR '1 hour'", "SELECT mz_sim.advance('1 hour')", "[ALTER CLUSTER]", "50cc 1 r1:50cc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := managed(t, tt.version)
			done := dial(t).running("ALTER CLUSTER m SET (SIZE '50cc') WITH (" + tt.with + ")")
			c.eventually(t, "SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'm'", "2")
			pending(t, done)
			c.must(t, tt.then)
			if got := <-done; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			c.eventually(t, shapeOfM, tt.shape)
		})
	}
}

// Before v26.35 a change is taken back when the statement that waits for it is cancelled, or its session ends.
func TestAlterClusterIsTakenBack(t *testing.T) {
	for _, how := range []string{"cancelled", "ended"} {
		c := managed(t, before35)
		waiting := dial(t)
		done := waiting.running("ALTER CLUSTER m SET (SIZE '50cc') WITH (WAIT UNTIL READY (TIMEOUT = '1 hour'))")
		c.eventually(t, shapeOfM, "25cc 1 r1:25cc r1-pending:50cc")
		if got := c.must(t, "SELECT count(*) FROM mz_internal.mz_pending_cluster_replicas"); got != "1" {
			t.Errorf("%s pending replicas", got)
		}
		if how == "ended" {
			_ = waiting.Conn().Close()
		} else if err := waiting.CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := <-done; how == "cancelled" && got != "57014 canceling statement due to user request" {
			t.Errorf("got %s", got)
		}
		c.eventually(t, shapeOfM, "25cc 1 r1:25cc")
	}
}

// Before v26.35 a plain change of the size has no replica serve for a while, and there is no controller.
func TestResizeBeforeController(t *testing.T) {
	c := managed(t, before35)
	c.must(t, "ALTER CLUSTER m SET (SIZE '50cc')")
	if got := c.must(t, shapeOfM); got != "50cc 1 r1:50cc" {
		t.Errorf("got %s", got)
	}
	for _, tt := range []step{
		{"SELECT * FROM mz_internal.mz_cluster_reconfigurations", "XX000 unknown catalog item 'mz_internal.mz_cluster_reconfigurations'"},
		{"SELECT * FROM mz_internal.mz_cluster_auto_scaling_strategies", "XX000 unknown catalog item 'mz_internal.mz_cluster_auto_scaling_strategies'"},
		{"SELECT mz_version()", "v26.34.0 (stand-in) [SELECT 1]"},
	} {
		tt.check(t, c)
	}
	if got := dial(t).ParameterStatus("mz_version"); got != "v26.34.0 (stand-in)" {
		t.Errorf("reported: %s", got)
	}
}

// A burst begins while no steady replica has hydrated everything, ends when one has for long enough, and goes with what asked for it.
func TestBurst(t *testing.T) {
	const state = `SELECT coalesce((SELECT concat_ws(' ', s.state->'burst'->>'burst_size', s.state->'burst'->'linger_duration'->>'secs', s.state->'burst'->>'steady_hydrated_at' IS NOT NULL)
		FROM mz_internal.mz_cluster_auto_scaling_strategies s JOIN mz_clusters c ON c.id = s.cluster_id WHERE c.name = 'm' AND s.state IS NOT NULL), 'none')`
	c := managed(t, from35)
	c.must(t, "ALTER CLUSTER m SET (AUTO SCALING STRATEGY = (ON HYDRATION (HYDRATION SIZE = '200cc', LINGER DURATION = '10 min')))")
	for _, tt := range []struct{ do, shape, state, last string }{
		{"SELECT 1", "25cc 1 r1:25cc", "none", ""},
		{"SELECT mz_sim.crash('m', 'r1', 'oom-killed')", "25cc 1 r1:25cc r2:200cc", "200cc 600 f", ""},
		{"SELECT mz_sim.hydrate('m', 'r2')", "25cc 1 r1:25cc r2:200cc", "200cc 600 f", ""},
		{"SELECT mz_sim.hydrate('m', 'r1')", "25cc 1 r1:25cc r2:200cc", "200cc 600 t", ""},
		{"SELECT mz_sim.crash('m', 'r1')", "25cc 1 r1:25cc r2:200cc", "200cc 600 f", ""},
		{"SELECT mz_sim.hydrate('m', 'r1')", "25cc 1 r1:25cc r2:200cc", "200cc 600 t", ""},
		{"SELECT mz_sim.advance('10 min')", "25cc 1 r1:25cc", "none", "finished linger-elapsed, retired"},
		{"SELECT mz_sim.crash('m', 'r1')", "25cc 1 r1:25cc r2:200cc", "200cc 600 f", "started -, retired"},
		{"ALTER CLUSTER m RESET (AUTO SCALING STRATEGY)", "25cc 1 r1:25cc", "none", "finished strategy-changed, retired"},
		{"ALTER CLUSTER m SET (AUTO SCALING STRATEGY = (ON HYDRATION (HYDRATION SIZE = '100cc')))", "25cc 1 r1:25cc r2:100cc", "100cc 0 f", ""},
		{"ALTER CLUSTER m SET (REPLICATION FACTOR 0)", "25cc 0", "none", ""},
	} {
		c.must(t, tt.do)
		c.eventually(t, shapeOfM, tt.shape)
		c.eventually(t, state, tt.state)
		if tt.last != "" {
			c.eventually(t, latestOfM, tt.last)
		}
		activity := "SELECT coalesce(activity, '-') FROM (SHOW CLUSTERS LIKE 'm') s"
		if want := map[string]string{"200cc": "hydration burst at 200cc", "100cc": "hydration burst at 100cc", "none ": "-"}[(tt.state + " ")[:5]]; c.must(t, activity) != want {
			t.Errorf("after %s: activity %q, want %q", tt.do, c.must(t, activity), want)
		}
	}
}
