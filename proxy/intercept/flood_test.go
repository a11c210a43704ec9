package intercept_test

import (
	"strings"
	"testing"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy/intercept"
)

// A cluster may have so many rows and no more; others are not concerned.
func TestFloodOfRows(t *testing.T) {
	r := newRig(t, func(_ *rig, _ *reconcile.Config, c *intercept.Config) { c.MaxRows = 10 })
	insert := func(cluster string, n int) *result {
		rows := strings.TrimSuffix(strings.Repeat("('"+cluster+"', 'burst', '{\"burst_replica_size\": \"large\"}'), ", n), ", ")
		id := map[string]string{"prod": "u2", "staging": "u3"}[cluster]
		return r.run(t.Context(), "INSERT INTO mz_cluster_strategies VALUES "+rows, func() string {
			for range n {
				r.server.rows = append(r.server.rows, row{cluster: id, kind: "burst", config: `{"burst_replica_size": "large"}`})
			}
			return "INSERT"
		})
	}
	for _, step := range []struct {
		cluster string
		n       int
		code    string
	}{{"prod", 11, "54000"}, {"prod", 6, ""}, {"prod", 5, "54000"}, {"prod", 4, ""}, {"prod", 1, "54000"}, {"staging", 10, ""}} {
		got, code := insert(step.cluster, step.n), ""
		if got.err != nil {
			code = got.err.Code
		}
		if code != step.code {
			t.Errorf("%d rows for %s give %q:\n%s", step.n, step.cluster, code, got)
		}
	}
}
