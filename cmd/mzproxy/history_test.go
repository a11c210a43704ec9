package main

import (
	"strings"
	"testing"
)

// Who changed what is on record, whether or not an action followed, and the proxy tells of itself.
func TestHistory(t *testing.T) {
	sim := standIn(t)
	a := administer(t, dsn(sim))
	a.until(t, "/readyz", "ok")
	follower := serveProcess(t, dsn(sim), nil)
	run := func(addr, sql string) string {
		t.Helper()
		out, err := psqlOnce(t, addr, "-v", "ON_ERROR_STOP=1", "-c", sql)
		if err != nil {
			t.Fatal(sql, out, err)
		}
		return out
	}
	run(a.addr, `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "small"}')`)
	run(a.addr, `UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'prod'`)
	run(follower.addr, "PAUSE STRATEGIES FOR CLUSTER prod WITH REASON 'release'")
	run(follower.addr, `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'burst', '{"burst_replica_size": "large"}')`)
	run(a.addr, "RESUME STRATEGIES FOR CLUSTER prod")
	run(a.addr, "RESET STRATEGY STATE FOR CLUSTER prod")
	run(a.addr, "DELETE FROM mz_cluster_strategies WHERE cluster_id = 'prod'")
	var told []string
	for line := range strings.Lines(run(a.addr, "SHOW STRATEGY HISTORY VERBOSE FOR CLUSTER prod LIMIT 100")) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		told = append(told, strings.Join(append(fields[1:6:6], fields[7:9]...), "|"))
		if !strings.HasPrefix(fields[6], "127.0.0.1:") {
			t.Errorf("who: %s", line)
		}
	}
	history := strings.Join(told, "\n")
	if n := len(told); n != 8 {
		t.Errorf("%d changes:\n%s", n, history)
	}
	for _, want := range []string{
		`prod|target_size|INSERT|materialize|psql||{"target_size": "small"}`,
		`prod|target_size|UPDATE|materialize|psql|{"target_size": "small"}|{"target_size": "medium"}`,
		`prod|pause|PAUSE|materialize|psql||{"reason": "release"}`,
		`prod|burst|INSERT|materialize|psql||{"burst_replica_size": "large"}`,
		`prod|pause|RESUME|materialize|psql|`,
		`prod||RESET|materialize|psql||`,
		`prod|target_size|DELETE|materialize|psql|{"target_size": "medium"}|`,
	} {
		if !strings.Contains(history, want) {
			t.Errorf("history does not tell %q:\n%s", want, history)
		}
	}
	for sql, want := range map[string]string{
		"SHOW PROXY VERSION": "mzproxy dev, commit ",
		"SHOW PROXY STATUS":  "mode|leads\n",
		"SHOW PROXY CONFIG":  "rate-limit|10/5m|default\n",
		"SHOW PROXY CLIENTS": "|materialize|materialize|127.0.0.1:",
	} {
		if out := run(a.addr, sql); !strings.Contains(out, want) {
			t.Errorf("%s says\n%swant %q", sql, out, want)
		}
	}
	if out := run(follower.addr, "SHOW PROXY STATUS"); !strings.Contains(out, "mode|follows\n") {
		t.Errorf("the other proxy says\n%s", out)
	}
	run(sim.Addr(), "CREATE ROLE guest LOGIN")
	for _, sql := range []string{"SHOW PROXY CONFIG", "SHOW PROXY CLIENTS"} {
		if out, err := psqlOnce(t, a.addr, "-U", "guest", "-c", sql); err == nil || !strings.Contains(out, "must be superuser") {
			t.Errorf("%s tells a guest %s", sql, out)
		}
	}
}
