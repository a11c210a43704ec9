package materialize_test

import (
	"strings"
	"testing"

	"mzproxy/engine/materialize"
)

// A relation that the server does not have makes one signal unknown, and nothing else: nothing is dropped for it, and check tells.
func TestMissingRelations(t *testing.T) {
	own := ownServer(t)
	own.run(t, "CREATE TABLE missed (n int)")
	id := own.cluster(t, "part_known", "r 25cc")
	own.run(t, "CREATE INDEX missed_index IN CLUSTER part_known ON missed (n)")
	own.run(t, "SELECT mz_sim.hydrate('part_known', 'r')")
	c := newClient(t, own, materialize.Config{})
	until(t, "the replica is ready", func() bool {
		o := observeOne(t, c, id)
		return o.Ready(o.Replicas[0])
	})
	for _, step := range []struct {
		relation, signal string
		lost             func() bool
	}{
		{"mz_internal.mz_subscriptions", "subscriptions", func() bool { return observeOne(t, c, id).ActivityUnknown != "" }},
		{"mz_internal.mz_cluster_replica_history", "replica history", func() bool { return observeOne(t, c, id).Replicas[0].CreatedAt == nil }},
		{"mz_internal.mz_cluster_replica_status_history", "replica status history", func() bool { return observeOne(t, c, id).CrashesUnknown != "" }},
		{"mz_internal.mz_hydration_statuses", "hydration", func() bool { return observeOne(t, c, id).Replicas[0].Hydrated == nil }},
		{"mz_catalog.mz_sinks", "sinks", func() bool { o := observeOne(t, c, id); return o.Objects == nil && o.Obligations.Unknown != "" }},
		{"mz_internal.mz_cluster_replica_statuses", "replica statuses", func() bool { return !observeOne(t, c, id).Replicas[0].Online }},
	} {
		if step.signal != "sinks" {
			until(t, step.signal+" is known before it is missing", func() bool { return !step.lost() })
		}
		own.run(t, "DROP VIEW %s CASCADE", step.relation)
		c = newClient(t, own, materialize.Config{})
		until(t, step.signal+" is not known without its relation", step.lost)
		found := ""
		for _, f := range c.Check(t.Context(), nil) {
			if f.Subject == "signals" && f.Severity == materialize.Warning && strings.HasPrefix(f.Text, step.signal+": not known, so ") {
				found = f.Text
			}
		}
		if found == "" {
			t.Errorf("check does not tell that %s is missing", step.signal)
		}
	}
}

// Who may not read the log of activity is told the statement that changes it, by check and by idle_suspend.
func TestGrantIsNamed(t *testing.T) {
	own := ownServer(t)
	newClient(t, own, materialize.Config{})
	id := own.cluster(t, "watched_by_stranger", "r 25cc")
	own.run(t, "CREATE ROLE stranger LOGIN")
	own.run(t, "GRANT ALL ON ALL TABLES IN SCHEMA public TO stranger")
	c := newClient(t, own, materialize.Config{DSN: strings.Replace(own.dsn, "materialize@", "stranger@", 1)})
	const grant = `GRANT mz_monitor_redacted TO "stranger"`
	if u := usageOf(t, c, id); !strings.Contains(u.ActivityUnknown, grant) {
		t.Errorf("idle_suspend lacks %q", u.ActivityUnknown)
	}
	named := false
	for _, f := range c.Check(t.Context(), nil) {
		named = named || f.Subject == "statement logging" && f.Severity == materialize.Warning && strings.Contains(f.Text, grant)
	}
	if !named {
		t.Error("check does not name the GRANT")
	}
	own.run(t, "%s", grant)
	if u := usageOf(t, c, id); u.ActivityUnknown != "" {
		t.Errorf("with the GRANT: %q", u.ActivityUnknown)
	}
}
