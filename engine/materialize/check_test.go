package materialize_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"mzproxy/engine/materialize"
	"mzproxy/proxy/mzsim"
)

// found is the first finding about a subject with a text in it.
func found(list []materialize.Finding, subject, text string) *materialize.Finding {
	for i, f := range list {
		if f.Subject == subject && strings.Contains(f.Text, text) {
			return &list[i]
		}
	}
	return nil
}

// Each reason for no connection says where that is, and what to do.
func TestCheckServer(t *testing.T) {
	t.Parallel()
	secret, err := mzsim.Start(t.Context(), mzsim.Config{Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = secret.Close() })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := free.Addr().String()
	_ = free.Close()
	for name, c := range map[string]struct{ dsn, want string }{
		"away":           {"postgres://u@" + away + "/d?sslmode=disable", away + " cannot be reached (connect: connection refused); start the server, or correct the address"},
		"no host":        {"postgres://u@host.invalid:5432/d?sslmode=disable", "host.invalid:5432: there is no host of that name"},
		"wrong password": {"postgres://materialize:wrong@" + secret.Addr() + "/materialize?sslmode=disable", secret.Addr() + ` does not let role "materialize" in (`},
		"no TLS":         {"postgres://materialize:right@" + secret.Addr() + "/materialize?sslmode=require", secret.Addr() + " does not speak TLS; turn it on there, or set sslmode=disable"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := materialize.New(materialize.Config{DSN: c.dsn})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			list := client.Check(t.Context(), nil)
			if len(list) != 1 || list[0].Severity != materialize.Failure || list[0].Subject != "server" || !strings.Contains(list[0].Text, c.want) || strings.Contains(list[0].Text, "wrong") {
				t.Errorf("%+v\nwant %q", list, c.want)
			}
		})
	}
}

// What is missing for a role comes with the statements that mend it, and they do.
func TestCheckTables(t *testing.T) {
	own := ownServer(t)
	own.run(t, "CREATE ROLE modest LOGIN")
	own.run(t, "GRANT mz_monitor_redacted TO modest")
	own.run(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	id := own.cluster(t, "of_others", "r 25cc")
	client := func(cfg materialize.Config) *materialize.Client {
		cfg.DSN = strings.Replace(own.dsn, "materialize@", "modest@", 1)
		c, err := materialize.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	c := client(materialize.Config{})
	list := c.Check(t.Context(), map[string]string{"small": "25cc", "tiny": "1cc"})
	tables := found(list, "tables", "somebody who has it has to run the statements below")
	if tables == nil || tables.Severity != materialize.Failure || !strings.HasPrefix(tables.Run[0], `CREATE TABLE IF NOT EXISTS "public"."mz_cluster_strategies" (`) {
		t.Fatalf("%+v", list)
	}
	if f := found(list, "sizes", `alias "tiny" stands for "1cc"`); f == nil || f.Severity != materialize.Failure {
		t.Errorf("the wrong alias: %+v", list)
	}
	cluster := found(list, "clusters", `"of_others" belongs to "materialize"`)
	if cluster == nil || cluster.Severity != materialize.Warning || !slices.Equal(cluster.Run, []string{`GRANT "materialize" TO "modest"`}) {
		t.Errorf("the cluster: %+v", list)
	}
	for _, statement := range append(tables.Run, cluster.Run...) {
		own.run(t, "%s", statement)
	}
	own.want(t, id, "target_size", baseline)
	own.run(t, `INSERT INTO mz_cluster_strategy_actions VALUES ('1', '%s', 'CREATE', '{"reason": "theirs"}', true, NULL, now())`, id)
	list = c.Check(t.Context(), nil)
	if slices.ContainsFunc(list, func(f materialize.Finding) bool { return f.Severity == materialize.Failure }) || found(list, "clusters", `"of_others"`).Severity != materialize.OK {
		t.Errorf("afterwards: %+v", list)
	}
	if f := found(list, "other tool", "1 audit row of the last day"); f == nil || f.Severity != materialize.Warning {
		t.Errorf("the other tool: %+v", list)
	}
	list = client(materialize.Config{Schema: "nowhere", ControlCluster: "none"}).Check(t.Context(), nil)
	if f := found(list, "tables", `there is no schema "nowhere"`); f == nil || f.Severity != materialize.Failure || f.Run[0] != `CREATE SCHEMA "nowhere"` {
		t.Errorf("the schema: %+v", list)
	}
	if f := found(list, "control cluster", `there is no cluster "none"`); f == nil || f.Severity != materialize.Failure {
		t.Errorf("the control cluster: %+v", list)
	}
}
