package materialize_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/engine/materialize"
)

// historyReads is how often a client has read the statement history.
func historyReads(t *testing.T, c *materialize.Client) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c.Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "mzproxy_history_reads_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("no counter")
	return 0
}

// A hundred clusters with idle_suspend at rest, half of them asleep: events of all of them make nobody read the history, only the passing of time
// does, and one read is for all.
func TestHistoryReads(t *testing.T) {
	own := ownServer(t)
	c := newClient(t, own, materialize.Config{})
	own.run(t, "SELECT mz_sim.set('max_clusters', '200')")
	var ids []string
	for i := range 100 {
		name := fmt.Sprintf("resting_%d", i)
		if i%2 == 0 {
			ids = append(ids, own.cluster(t, name, "r 25cc"))
			own.run(t, "SELECT mz_sim.activity('%s', now())", name)
		} else {
			ids = append(ids, own.cluster(t, name))
			own.run(t, "SELECT mz_sim.activity('%s', now() - INTERVAL '2 hours')", name)
		}
		own.want(t, ids[i], "idle_suspend", `{"idle_after_s": 3600}`)
	}
	observe(t, c)
	for minute := range 3 {
		before := historyReads(t, c)
		for second := range 6 {
			own.run(t, "SELECT mz_sim.advance('10 seconds')")
			for n := range 5 { // events
				observe(t, c, ids[(minute*31+second*7+n)%len(ids)])
			}
		}
		observe(t, c) // the look at all
		if reads := historyReads(t, c) - before; reads < 1 || reads > 6 {
			t.Errorf("%v reads in a minute", reads)
		}
	}
}

// What counts as use of a cluster is what ran on it: not what only has its name, and not what failed because it has no replicas.
func TestWhatIsUse(t *testing.T) {
	own := ownServer(t)
	own.run(t, "CREATE TABLE ut (n int)")
	own.run(t, "CREATE CLUSTER asleep REPLICAS ()")
	own.run(t, "CREATE CLUSTER awake REPLICAS (r (SIZE '25cc'))")
	own.eventually(t, []string{"true"}, "SELECT hydrated::text FROM mz_internal.mz_hydration_statuses h JOIN mz_cluster_replicas r ON r.id = h.replica_id JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'awake' LIMIT 1")
	for _, test := range []struct {
		cluster, statement, counts string
	}{
		{"asleep", "SELECT * FROM ut", ""},
		{"asleep", "UPDATE ut SET n = n", ""},
		{"asleep", "INSERT INTO ut VALUES (1)", ""},
		{"asleep", "SELECT 1 + 1", ""},
		{"asleep", "BEGIN", ""},
		{"awake", "BEGIN", ""},
		{"awake", "SHOW cluster", ""},
		{"awake", "SET application_name = 'x'", ""},
		{"awake", "PREPARE p AS SELECT * FROM ut", ""},
		{"awake", "INSERT INTO ut VALUES (1)", ""},
		{"awake", "CREATE TABLE %s (n int)", ""},
		{"awake", "SELECT 1", ""},
		{"awake", "SELECT name FROM mz_clusters", ""},
		{"awake", "SELECT * FROM ut", "a select in statement history"},
		{"awake", "UPDATE ut SET n = n", "an update in statement history"},
		{"awake", "DELETE FROM ut WHERE n = 7", "a delete in statement history"},
		{"awake", "INSERT INTO ut SELECT n FROM ut", "an insert in statement history"},
		{"awake", "SELECT n / 0 FROM (SELECT n FROM ut) x", "a failed select in statement history"},
	} {
		t.Run(test.cluster+": "+test.statement, func(t *testing.T) {
			own.run(t, "SELECT mz_sim.advance('1 hour')")
			before := usageOf(t, newClient(t, own, materialize.Config{}), own.id(t, test.cluster))
			statement := strings.ReplaceAll(test.statement, "%s", fmt.Sprint("made_", time.Now().UnixNano()))
			user := connect(t, own.dsn, "cluster="+test.cluster)
			_, _ = user.Exec(t.Context(), statement)
			logged := "SELECT count(*)::text FROM mz_internal.mz_recent_activity_log WHERE finished_at IS NOT NULL AND finished_at > now() - INTERVAL '30 minutes' AND session_id = (SELECT id FROM mz_internal.mz_sessions WHERE connection_id = %d)"
			own.eventually(t, []string{"1"}, logged, user.PgConn().PID())
			after := usageOf(t, newClient(t, own, materialize.Config{}), own.id(t, test.cluster))
			used := after.LastActivity != nil && (before.LastActivity == nil || after.LastActivity.After(before.LastActivity.Time))
			if used != (test.counts != "") || used && after.ActivitySource != test.counts {
				t.Errorf("counts: %t (%s), want %q", used, after.ActivitySource, test.counts)
			}
		})
	}
}
