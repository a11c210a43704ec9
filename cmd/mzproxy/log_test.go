package main

import (
	"strings"
	"testing"
)

// What stands in statements and secrets never comes into the log, however much it tells.
func TestLogTellsNoSecrets(t *testing.T) {
	upstream := strings.Replace(dsn(standIn(t)), demoUser+"@", demoUser+":planted_password@", 1)
	p := serveProcess(t, upstream, nil, "--log-level", "trace")
	p.logs(t, "this proxy leads")
	for _, sql := range []string{
		"SELECT 'planted_literal'",
		"SELECT planted_literal FROM nowhere",
		`INSERT INTO mz_cluster_strategies VALUES ('planted_literal', 'target_size', '{"target_size": "planted_literal"}')`,
		`INSERT INTO mz_cluster_strategies VALUES ('prod', 'planted_literal', '{"planted_literal": "planted_literal"}')`,
		`INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`,
		"PREPARE p AS INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3); EXECUTE p('prod', 'planted_literal', '{}')",
		"SHOW STRATEGIES LIKE 'planted_literal'",
		"SHOW STRATEGIES planted_literal",
		"PAUSE STRATEGIES FOR CLUSTER prod WITH REASON 'planted_literal'",
		"EXPLAIN STRATEGY FOR CLUSTER prod",
		"COPY mz_cluster_strategies FROM STDIN",
	} {
		_, _ = psqlOnce(t, p.addr, "-c", sql) // many of them fail
	}
	p.logs(t, "action executed")
	p.terminate(t)
	log := p.logged()
	for _, planted := range []string{"planted_password", "planted_literal"} {
		if i := strings.Index(log, planted); i >= 0 {
			t.Errorf("the log tells %s: %s", planted, log[max(0, i-200):min(len(log), i+100)])
		}
	}
	// A line tells of each event, and of each once.
	for _, once := range []string{
		"ready for clients", "this proxy leads", "action executed", "shutting down", "the lease is given back", `msg="shut down"`,
	} {
		if n := strings.Count(log, once); n != 1 {
			t.Errorf("%d lines say %q", n, once)
		}
	}
}
