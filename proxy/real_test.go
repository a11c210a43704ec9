package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/proxy"
)

// front starts a proxy in front of the real server.
func front(t testing.TB, upstream string, configure func(*proxy.Config)) *rig {
	t.Helper()
	u, err := proxy.ParseUpstream(upstream)
	if err != nil {
		t.Fatal(err)
	}
	return newRig(t, func(cfg *proxy.Config) {
		cfg.Upstream = u
		if configure != nil {
			configure(cfg)
		}
	})
}

// connect logs in through the proxy; settings as in a libpq connection string.
func (r *rig) connect(settings string) (*pgconn.PgConn, error) {
	host, port, _ := strings.Cut(r.address, ":")
	return pgconn.Connect(context.Background(), fmt.Sprintf("host=%s port=%s dbname=postgres password=secret %s", host, port, settings))
}

// Every way to log in works through every combination of encryption, except
// that of SCRAM with channel binding.
func TestLogins(t *testing.T) {
	p := realPostgres(t)
	root := "sslrootcert=" + p.authority.file("ca.crt")
	upstreams := map[string]string{
		"plain":       p.upstream("127.0.0.1", "sslmode=disable"),
		"socket":      "postgres:///postgres?host=" + p.dir + "&port=" + p.port,
		"require":     p.upstream("127.0.0.1", "sslmode=require"),
		"verify-full": p.upstream("localhost", "sslmode=verify-full", root),
	}
	for name, upstream := range upstreams {
		r := front(t, upstream, func(cfg *proxy.Config) { cfg.ClientTLS = p.authority.server(t) })
		for _, role := range []string{"trusted", "scram", "md5", "plain"} {
			for mode, settings := range map[string]string{
				"plain":       "sslmode=disable",
				"verify-full": "sslmode=verify-full host=localhost " + root,
				"direct":      "sslmode=verify-full host=localhost sslnegotiation=direct " + root,
			} {
				settings += " channel_binding=disable user=" + role
				t.Run(name+" "+mode+" "+role, func(t *testing.T) { loggedIn(t, r, settings, role) })
			}
		}
	}
}

func loggedIn(t *testing.T, r *rig, settings, role string) {
	t.Helper()
	conn, err := r.connect(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if got := value(t, conn, "SELECT current_user"); got != role {
		t.Errorf("current_user %q", got)
	}
}

func run(t *testing.T, conn *pgconn.PgConn, sql string) []*pgconn.Result {
	t.Helper()
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return results
}

// value is the one value that a statement returns.
func value(t *testing.T, conn *pgconn.PgConn, sql string) string {
	t.Helper()
	results := run(t, conn, sql)
	return string(results[len(results)-1].Rows[0][0])
}

func TestWrongPassword(t *testing.T) {
	r := front(t, realPostgres(t).upstream("127.0.0.1", "sslmode=disable"), nil)
	for _, role := range []string{"scram", "md5", "plain"} {
		_, err := r.connect("user=" + role + " sslmode=disable password=wrong")
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "28P01" {
			t.Errorf("%s: %v, want 28P01", role, err)
		}
	}
}

// psql binds SCRAM to its TLS connection if it can. It cannot through a proxy,
// and is told what to do.
func TestChannelBindingOfPsql(t *testing.T) {
	p := realPostgres(t)
	r := front(t, p.upstream("127.0.0.1", "sslmode=require"), func(cfg *proxy.Config) { cfg.ClientTLS = p.authority.server(t) })
	for binding, want := range map[string]string{
		"disable": "scram\n",
		"prefer":  "SCRAM channel binding cannot pass a proxy that ends TLS on both sides\nHINT:  Connect with channel_binding=disable.\n",
	} {
		host, port, _ := strings.Cut(r.address, ":")
		cmd := exec.Command("psql", "-XAt", "-c", "SELECT current_user", fmt.Sprintf(
			"host=localhost hostaddr=%s port=%s user=scram dbname=postgres sslmode=verify-full sslrootcert=%s channel_binding=%s",
			host, port, p.authority.file("ca.crt"), binding))
		cmd.Env = append(os.Environ(), "PGPASSWORD=secret", "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if !strings.HasSuffix(string(out), want) {
			t.Errorf("%s: %v\n%s", binding, err, out)
		}
	}
}

// A client and the server agree on the same version of the protocol, or do not
// agree, as they do without a proxy; so is the cancel key.
func TestProtocolVersions(t *testing.T) {
	p := realPostgres(t)
	direct := func(settings string) (*pgconn.PgConn, error) {
		return pgconn.Connect(context.Background(), fmt.Sprintf("host=127.0.0.1 port=%s dbname=postgres %s", p.port, settings))
	}
	r := front(t, p.upstream("127.0.0.1", "sslmode=disable"), nil)
	for _, versions := range []string{"", "max_protocol_version=3.0", "max_protocol_version=3.2", "min_protocol_version=3.2"} {
		var key [2]int
		for i, connect := range []func(string) (*pgconn.PgConn, error){direct, r.connect} {
			conn, err := connect("user=trusted sslmode=disable " + versions)
			if err != nil && !strings.Contains(err.Error(), "server protocol version too low") {
				t.Fatalf("%s: %v", versions, err)
			}
			if err == nil {
				key[i] = len(conn.SecretKey())
				_ = conn.Close(context.Background())
			}
		}
		if key[0] != key[1] {
			t.Errorf("%s: a key of %d bytes directly, %d through the proxy (0: no session)", versions, key[0], key[1])
		}
	}
}

// The modes have libpq's meaning: see "SSL Mode Descriptions" in its documentation.
func TestUpstreamModes(t *testing.T) {
	p := realPostgres(t)
	root, other := "sslrootcert="+p.authority.file("ca.crt"), "sslrootcert="+newAuthority(t).file("ca.crt")
	direct := "" // servers know that negotiation from version 17 on
	if p.major(t) < 17 {
		direct = "08001"
	}
	alice := []string{"sslcert=" + p.authority.file("alice.crt"), "sslkey=" + p.authority.file("alice.key")}
	for _, c := range []struct {
		host   string
		params []string
		role   string
		tls    bool
		code   string // of the error; "": none
	}{
		{"127.0.0.1", []string{"sslmode=disable"}, "trusted", false, ""},
		{"127.0.0.1", []string{"sslmode=disable"}, "onlytls", false, "28000"},
		{"127.0.0.1", []string{"sslmode=allow"}, "trusted", false, ""},
		{"127.0.0.1", []string{"sslmode=allow"}, "onlytls", true, ""},
		{"127.0.0.1", []string{"sslmode=prefer"}, "trusted", true, ""},
		{"127.0.0.1", nil, "trusted", true, ""},
		{"127.0.0.1", []string{"sslmode=prefer"}, "onlyplain", false, ""},
		{"127.0.0.1", []string{"sslmode=require"}, "trusted", true, ""},
		{"127.0.0.1", []string{"sslmode=require"}, "onlyplain", true, "28000"},
		{"127.0.0.1", []string{"sslmode=require", other}, "trusted", true, "08001"}, // like verify-ca
		{"127.0.0.1", []string{"sslmode=verify-ca", root}, "trusted", true, ""},     // whatever its name
		{"127.0.0.1", []string{"sslmode=verify-ca", other}, "trusted", true, "08001"},
		{"localhost", []string{"sslmode=verify-full", root}, "trusted", true, ""},
		{"localhost", []string{"sslmode=verify-full", root, "sslsni=0"}, "trusted", true, ""},
		{"127.0.0.1", []string{"sslmode=verify-full", root}, "trusted", true, "08001"},
		{"127.0.0.1", []string{"sslmode=verify-full", root, "sslsni=0"}, "trusted", true, "08001"},
		{"localhost", []string{"sslmode=verify-full", other}, "trusted", true, "08001"},
		{"localhost", []string{"sslrootcert=system"}, "trusted", true, "08001"},
		{"127.0.0.1", append([]string{"sslmode=require"}, alice...), "alice", true, ""},
		{"127.0.0.1", []string{"sslmode=require"}, "alice", true, "28000"},
		{"localhost", []string{"sslmode=verify-full", "sslnegotiation=direct", root}, "trusted", true, direct},
	} {
		t.Run(strings.Join(append([]string{c.host, c.role}, c.params...), " "), func(t *testing.T) {
			r := front(t, p.upstream(c.host, c.params...), nil)
			conn, err := r.connect("user=" + c.role + " sslmode=disable")
			if c.code != "" {
				var e *pgconn.PgError
				if !errors.As(err, &e) || e.Code != c.code {
					t.Fatalf("error %v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			got := value(t, conn, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
			if want := map[bool]string{true: "t", false: "f"}[c.tls]; got != want {
				t.Errorf("TLS %s, want %s", got, want)
			}
		})
	}
}

// A cancel goes through both encryptions.
func TestCancelOfTheRealServer(t *testing.T) {
	p := realPostgres(t)
	for mode, settings := range map[string]string{"disable": "sslmode=disable", "require": "sslmode=require", "verify-ca": "sslmode=require sslnegotiation=direct"} {
		r := front(t, p.upstream("127.0.0.1", "sslmode="+mode, "sslrootcert="+p.authority.file("ca.crt")), func(cfg *proxy.Config) { cfg.ClientTLS = p.authority.server(t) })
		conn, err := r.connect("user=trusted max_protocol_version=latest " + settings)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := conn.Exec(context.Background(), "SELECT pg_sleep(600)").ReadAll()
			done <- err
		}()
		watcher, err := r.connect("user=trusted sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "a sleeping backend", func() bool {
			results, err := watcher.Exec(context.Background(), "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").ReadAll()
			return err == nil && len(results[0].Rows) == 1
		})
		if err := conn.CancelRequest(context.Background()); err != nil {
			t.Fatal(err)
		}
		var e *pgconn.PgError
		if err := <-done; !errors.As(err, &e) || e.Code != "57014" {
			t.Errorf("%s: %v, want 57014", mode, err)
		}
		_, _ = watcher.Close(context.Background()), conn.Close(context.Background())
	}
}
