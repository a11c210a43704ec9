package mzsim_test

import (
	"slices"
	"testing"
)

// wholeCatalog is one SUBSCRIBE on all that the catalog says of clusters: what a program that mirrors it asks.
const wholeCatalog = `(
	SELECT 'cluster' AS k, id AS a, name AS b, managed::text AS c, owner_id AS d, size AS e, replication_factor::text AS f FROM mz_catalog.mz_clusters
	UNION ALL SELECT 'replica', id, name, size, cluster_id, owner_id, NULL FROM mz_catalog.mz_cluster_replicas
	UNION ALL SELECT 'status', replica_id, status, reason, process_id::text, NULL, NULL FROM mz_internal.mz_cluster_replica_statuses
	UNION ALL SELECT 'hydration', object_id, replica_id, hydrated::text, NULL, NULL, NULL FROM mz_internal.mz_hydration_statuses WHERE object_id LIKE 'u%'
	UNION ALL SELECT 'role', id, name, NULL, NULL, NULL, NULL FROM mz_catalog.mz_roles
	UNION ALL SELECT 'member', role_id, member, NULL, NULL, NULL, NULL FROM mz_catalog.mz_role_members
	UNION ALL SELECT 'index', id, name, cluster_id, NULL, NULL, NULL FROM mz_catalog.mz_indexes WHERE id LIKE 'u%'
	UNION ALL SELECT 'mv', id, name, cluster_id, NULL, NULL, NULL FROM mz_catalog.mz_materialized_views WHERE id LIKE 'u%'
	UNION ALL SELECT 'source', id, name, cluster_id, type, NULL, NULL FROM mz_catalog.mz_sources WHERE id LIKE 'u%'
	UNION ALL SELECT 'sink', id, name, cluster_id, type, NULL, NULL FROM mz_catalog.mz_sinks WHERE id LIKE 'u%'
	UNION ALL SELECT 'table', id, name, privileges::text, owner_id, NULL, NULL FROM mz_catalog.mz_tables WHERE id LIKE 'u%'
	UNION ALL SELECT 'scaling', cluster_id, strategy::text, state::text, NULL, NULL, NULL FROM mz_internal.mz_cluster_auto_scaling_strategies
	UNION ALL SELECT 'reconfiguration', cluster_id, status, on_timeout, target::text, changes::text, NULL FROM mz_internal.mz_cluster_reconfigurations
	UNION ALL SELECT 'subscription', id, cluster_id, NULL, NULL, NULL, NULL FROM mz_internal.mz_subscriptions
	UNION ALL SELECT 'schedule', cluster_id, type, NULL, NULL, NULL, NULL FROM mz_internal.mz_cluster_schedules
	UNION ALL SELECT 'size', size, credits_per_hour::text, NULL, NULL, NULL, NULL FROM mz_catalog.mz_cluster_replica_sizes
) WITH (SNAPSHOT, PROGRESS)`

// kinds returns the changes that come at one timestamp, and are about one of these ids or names: -1 or 1 and the kind of the row, sorted.
func (s *subscription) kinds(t *testing.T, about ...string) []string {
	t.Helper()
	stamp, all := "", []string(nil)
	for {
		row := s.next(t) // mz_timestamp, mz_progressed, mz_diff, k, a ...
		switch {
		case row[1] == "t" && all != nil:
			if row[0] <= stamp {
				t.Errorf("progress to %s after rows of %s", row[0], stamp)
			}
			slices.Sort(all)
			return all
		case row[1] == "t" || !slices.ContainsFunc(row[4:], func(value string) bool { return slices.Contains(about, value) }):
			continue
		case stamp != "" && row[0] != stamp:
			t.Errorf("rows of %s and of %s", stamp, row[0])
		}
		stamp = row[0]
		all = append(all, row[2]+" "+row[3])
	}
}

// One SUBSCRIBE carries the whole catalog: what belongs together comes at one timestamp, and progress says that it is complete. In
// between it says about once a second that nothing has changed.
func TestSubscribeToWholeCatalog(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
	s := subscribe(t, wholeCatalog)
	first := s.next(t)
	if first[1] != "t" {
		t.Errorf("the snapshot does not begin with progress: %q", first)
	}
	if snapshot := s.kinds(t, "quickstart"); !slices.Equal(snapshot, []string{"1 cluster"}) {
		t.Errorf("quickstart in the snapshot: %q", snapshot)
	}
	idle := s.next(t)
	if idle[1] != "t" || idle[2] != `\N` || idle[0] <= first[0] {
		t.Errorf("while nothing changes: %q", idle)
	}
	c.must(t, "CREATE CLUSTER mirrored SIZE '25cc'")
	cluster := c.must(t, "SELECT id FROM mz_clusters WHERE name = 'mirrored'")
	replica := c.must(t, "SELECT id FROM mz_cluster_replicas WHERE cluster_id = '"+cluster+"'")
	if got := s.kinds(t, cluster, replica); !slices.Equal(got, []string{"1 cluster", "1 replica", "1 schedule", "1 status"}) {
		t.Errorf("CREATE CLUSTER: %q", got)
	}
	c.must(t, "CREATE TABLE mirrored (a int)")
	if got := s.kinds(t, "mirrored"); !slices.Equal(got, []string{"1 table"}) {
		t.Errorf("CREATE TABLE: %q", got)
	}
	c.must(t, "GRANT SELECT ON mirrored TO PUBLIC")
	if got := s.kinds(t, "mirrored"); !slices.Equal(got, []string{"-1 table", "1 table"}) {
		t.Errorf("GRANT: %q", got)
	}
	c.must(t, "DROP CLUSTER mirrored")
	if got := s.kinds(t, cluster, replica); !slices.Equal(got, []string{"-1 cluster", "-1 replica", "-1 schedule", "-1 status"}) {
		t.Errorf("DROP CLUSTER: %q", got)
	}
}
