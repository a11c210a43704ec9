package materialize_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
)

// source creates a source of a database in a cluster, with a table of it and an index on that.
func (s *server) source(t tb, cluster, name, kind string) {
	t.Helper()
	s.run(t, "CREATE SECRET %s_secret AS 'x'", name)
	s.run(t, "CREATE CONNECTION %s_connection TO %s (HOST 'db', PORT 5432, USER 'u', PASSWORD SECRET %[1]s_secret, DATABASE 'd', SSL MODE disable)", name, kind)
	s.run(t, "CREATE SOURCE %s IN CLUSTER %s FROM %s CONNECTION %[1]s_connection (PUBLICATION 'p')", name, cluster, kind)
	s.run(t, "CREATE TABLE %s_table FROM SOURCE %[1]s (REFERENCE public.items)", name)
	s.run(t, "CREATE INDEX %s_index IN CLUSTER %s ON %[1]s_table (id)", name, cluster)
}

// conditions tells of each replica how ready it is, and of each source where it runs.
func conditions(c engine.ClusterState) string {
	var list []string
	for _, r := range c.Replicas {
		text := fmt.Sprintf("%s %d/%d", r.Name, *r.HydratedObjects, *r.Objects)
		if c.Ready(r) {
			text += " ready"
		}
		if len(r.AwaitsSources) > 0 {
			text += " awaits " + strings.Join(r.AwaitsSources, " ")
		}
		list = append(list, text)
	}
	for _, s := range c.Pinned {
		list = append(list, s.Name+" on "+s.Replica)
	}
	return strings.Join(list, ", ")
}

// A source of a database counts for the replica that it runs on alone. What is reported of it is late: first it stands there without a replica,
// later with the replica and not hydrated, and what was said of dropped replicas stays.
func TestObservePinnedSource(t *testing.T) {
	own := ownServer(t)
	c := newClient(t, own, materialize.Config{})
	own.run(t, "SELECT mz_sim.set('startup', '0 s'), mz_sim.set('hydration', '20 s'), mz_sim.set('source_statistics', '60 s')")
	for i, kind := range []string{"POSTGRES", "MYSQL", "SQL SERVER"} {
		cluster, orders := fmt.Sprint("ingests", i), fmt.Sprint("orders", i)
		id := own.cluster(t, cluster)
		own.source(t, cluster, orders, kind)
		own.run(t, "CREATE SOURCE hook%d IN CLUSTER %s FROM WEBHOOK BODY FORMAT JSON", i, cluster)
		own.run(t, "CREATE SOURCE ticks%d IN CLUSTER %s FROM LOAD GENERATOR COUNTER", i, cluster)
		for _, step := range []struct{ do, want string }{
			{"SELECT 1", "orders on "},
			{"CREATE CLUSTER REPLICA ingests.r1 (SIZE '25cc')", "r1 0/3, orders on r1"},
			{"SELECT mz_sim.advance('30 s')", "r1 1/3, orders on r1"}, // the index
			{"SELECT mz_sim.advance('31 s')", "r1 3/3 ready, orders on r1"},
			{"CREATE CLUSTER REPLICA ingests.a2 (SIZE '25cc')", "a2 0/2, r1 3/3 ready, orders on r1"},
			{"SELECT mz_sim.advance('61 s')", "a2 2/2 ready, r1 3/3 ready, orders on r1"},
			{"DROP CLUSTER REPLICA ingests.r1", "a2 2/3 awaits orders, orders on a2"},
			{"SELECT mz_sim.advance('61 s')", "a2 3/3 ready, orders on a2"},
			{"DROP CLUSTER REPLICA ingests.a2", "orders on "},
		} {
			own.run(t, "%s", strings.ReplaceAll(step.do, "ingests", cluster))
			got := strings.ReplaceAll(conditions(observeOne(t, c, id)), orders, "orders")
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s, after %s (-want +got):\n%s", kind, step.do, diff)
			}
		}
	}
}

// A sink counts as hydrated, also one that does not run.
func TestObserveSink(t *testing.T) {
	own := ownServer(t)
	c := newClient(t, own, materialize.Config{})
	own.run(t, "SELECT mz_sim.set('startup', '0 s'), mz_sim.set('hydration', '1 day')")
	id := own.cluster(t, "sinks", "r 25cc")
	own.run(t, "CREATE TABLE sunk (n int)")
	own.run(t, "CREATE CONNECTION kafka TO KAFKA (BROKER 'b')")
	own.run(t, "CREATE SINK out IN CLUSTER sinks FROM sunk INTO KAFKA CONNECTION kafka (TOPIC 't') FORMAT JSON ENVELOPE DEBEZIUM")
	until(t, "the replica is ready with a sink", func() bool { return conditions(observeOne(t, c, id)) == "r 1/1 ready" })
}
