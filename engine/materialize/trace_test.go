package materialize_test

import (
	"testing"
	"time"

	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
)

// What a statement met is known by the names of then, whatever they stand for now; what others did under these names is not ours.
func TestTrace(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	began, err := time.Parse(time.RFC3339Nano, s.value(t, "SELECT to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"))
	if err != nil {
		t.Fatal(err)
	}
	id, other := s.cluster(t, "traced"), s.cluster(t, "traced_too")
	s.run(t, "CREATE CLUSTER REPLICA traced.\"r's\" (SIZE '25cc')")
	first := s.value(t, "SELECT id FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s'", id)
	s.run(t, "ALTER CLUSTER traced SWAP WITH traced_too")
	trace := func(since time.Time, op, cluster string) reconcile.Traced {
		t.Helper()
		met, err := c.Trace(t.Context(), since, op, cluster, "r's")
		if err != nil {
			t.Fatal(err)
		}
		return met
	}
	if met := trace(began, "create", "traced"); met != (reconcile.Traced{ClusterID: id, ReplicaID: first}) {
		t.Errorf("before the swap: %+v, want %s in %s", met, first, id)
	}
	s.run(t, "CREATE CLUSTER REPLICA traced.\"r's\" (SIZE '25cc')")
	second := s.value(t, "SELECT id FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s'", other)
	if met := trace(began, "create", "traced"); met != (reconcile.Traced{ClusterID: other, ReplicaID: second}) {
		t.Errorf("after the swap: %+v, want %s in %s", met, second, other)
	}
	s.run(t, "CREATE ROLE by_hand_%s LOGIN SUPERUSER", s.schema)
	s.run(t, "DROP CLUSTER REPLICA traced.\"r's\"")
	somebody := connect(t, "postgres://by_hand_"+s.schema+"@"+hostOf(t, s.dsn)+"/materialize?sslmode=disable")
	somebody.run(t, "CREATE CLUSTER REPLICA traced.\"r's\" (SIZE '25cc')")
	if met := trace(began, "create", "traced"); met.ReplicaID != second {
		t.Errorf("what somebody else created: %+v, want %s", met, second)
	}
	if met := trace(began, "drop", "traced"); met != (reconcile.Traced{ClusterID: other, ReplicaID: second}) {
		t.Errorf("dropped: %+v", met)
	}
	for _, met := range []reconcile.Traced{trace(began, "create", "traced_too"), trace(began.Add(time.Hour), "create", "traced"), trace(began, "drop", "traced_too")} {
		if met != (reconcile.Traced{}) {
			t.Errorf("nothing of that kind was done: %+v", met)
		}
	}
}
