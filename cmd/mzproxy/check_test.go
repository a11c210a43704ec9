package main

import (
	"os/exec"
	"strings"
	"testing"
)

// check finds what is wrong with what is stored, and serve prints what it lacks as text to be pasted.
func TestCheckOfWhatIsStored(t *testing.T) {
	sim := standIn(t)
	direct := func(statements ...string) {
		t.Helper()
		args := []string{"-v", "ON_ERROR_STOP=1"}
		for _, s := range statements {
			args = append(args, "-c", s)
		}
		if out, err := psqlOnce(t, sim.Addr(), args...); err != nil {
			t.Fatal(out, err)
		}
	}
	direct("CREATE ROLE modest LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT mz_monitor_redacted TO modest")
	modest := strings.Replace(dsn(sim), demoUser+"@", "modest@", 1)
	p := serveProcess(t, modest, nil)
	p.logs(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON \"public\".\"mz_cluster_strategy_lease\"")
	_, text, ok := strings.Cut(p.logged(), "-- To be run by a role that may:\n")
	if !ok {
		t.Fatal("serve prints nothing to paste")
	}
	var statements []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "CREATE TABLE") || strings.HasPrefix(line, "GRANT") {
			statements = append(statements, line)
		}
	}
	direct(statements...)
	check := func(want string) string {
		t.Helper()
		out, err := exec.Command("mzproxy", "check", "--upstream", modest).CombinedOutput()
		if failed := err != nil; failed != strings.Contains(string(out), "error  ") || !strings.Contains(string(out), want) {
			t.Errorf("check says\n%s(%v)\nwant %q", out, err, want)
		}
		return string(out)
	}
	check("ok       strategies: all 0 rows that count can be used\n")
	id, err := psqlOnce(t, sim.Addr(), "-c", "SELECT id FROM mz_clusters WHERE name = 'prod'")
	if err != nil {
		t.Fatal(id, err)
	}
	direct("INSERT INTO mz_cluster_strategies VALUES ('"+strings.TrimSpace(id)+`', 'target_size', '{"target_size": "mediun"}')`,
		`INSERT INTO mz_cluster_strategies VALUES ('u999', 'burst', '{}')`)
	out := check(`error    strategies: cluster "prod": `)
	for _, want := range []string{`"mediun"`, `error    strategies: burst is stored for "u999", which is the id of no cluster; UPDATE or DELETE the row`, "-- To be run by a role that may:\nGRANT "} {
		if !strings.Contains(out, want) {
			t.Errorf("check says no %q in\n%s", want, out)
		}
	}
}
