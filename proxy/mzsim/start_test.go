package mzsim_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgproto3/v2"

	"mzproxy/proxy/mzsim"
)

func start(t *testing.T, cfg mzsim.Config) *mzsim.Sim {
	t.Helper()
	cfg.Superuser = true
	s, err := mzsim.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dataDir is a directory that the server's user can reach, which t.TempDir is not for root.
func dataDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "mzsim-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "data")
}

// A data directory keeps what was made, and nothing that belonged to sessions.
func TestDataDirectory(t *testing.T) {
	dir := dataDir(t)
	s := start(t, mzsim.Config{Data: dir})
	c := server{s.DSN()}.dial(t)
	c.must(t, "CREATE CLUSTER kept REPLICAS (r1 (SIZE 'small'))")
	c.must(t, "CREATE TABLE kept (a int)")
	c.must(t, "INSERT INTO kept VALUES (1)")
	c.must(t, "SELECT mz_sim.advance('1 day')")
	c.must(t, "SELECT mz_sim.refuse('SELECT', 'no', 'XX000', 1000)")
	if second, err := mzsim.Start(t.Context(), mzsim.Config{Data: dir}); err == nil {
		_ = second.Close()
		t.Error("a second server started on the same directory")
	} else if !strings.Contains(err.Error(), "postmaster.pid") {
		t.Errorf("a second server on the same directory: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c = server{start(t, mzsim.Config{Data: dir}).DSN()}.dial(t)
	for _, tt := range []step{
		{"SELECT replicas FROM (SHOW CLUSTERS) s WHERE name = 'kept'", "r1 (small) [SELECT 1]"},
		{"SELECT a FROM kept", "1 [SELECT 1]"},
		{"SELECT count(*) FROM mz_internal.mz_sessions", "1 [SELECT 1]"},
		{"SELECT count(*) FROM mz_internal.mz_statement_execution_history WHERE finished_at IS NULL AND began_at < now() - interval '1 minute'", "0 [SELECT 1]"},
		{"SELECT created_at > now() - interval '1 hour' FROM mz_internal.mz_cluster_replica_history WHERE cluster_name = 'kept'", "f [SELECT 1]"},
	} {
		tt.check(t, c)
	}
}

func TestDataDirectoryOfAnotherVersion(t *testing.T) {
	dir := dataDir(t)
	s := start(t, mzsim.Config{Data: dir})
	c := server{s.DSN()}.dial(t)
	c.must(t, "CREATE OR REPLACE FUNCTION mz_sim.made_by(script text) RETURNS bool LANGUAGE sql AS 'SELECT false'")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := mzsim.Start(t.Context(), mzsim.Config{Data: dir})
	if err == nil || !strings.Contains(err.Error(), "was made by another version of the stand-in: remove it or name another one") {
		t.Errorf("got %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		cfg  mzsim.Config
		want string
		is   error
	}{
		{"address in use", t.Context(), mzsim.Config{Listen: taken.Addr().String()}, "address already in use", nil},
		{"no binaries", t.Context(), mzsim.Config{PostgresBin: "/nowhere"}, `no PostgreSQL server found in "/nowhere": initdb and postgres have to be there`, mzsim.ErrNoPostgres},
		{"data directory is a file", t.Context(), mzsim.Config{Data: "/dev/null/x"}, "create data directory", nil},
		{"cancelled", cancelled, mzsim.Config{}, "context canceled", context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := mzsim.Start(tt.ctx, tt.cfg)
			if err == nil {
				_ = s.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Several stand-ins run side by side and know nothing of one another.
// Where root starts it in a directory that the server's user may not enter, the error says so, and what to do.
func TestDirectoryOutOfReach(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the server runs as ourselves: only root runs it as another user")
	}
	private := filepath.Join(t.TempDir(), "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, tmp, data, hint string
	}{
		{"temporary", private, "", "set TMPDIR to"},
		{"kept", os.Getenv("TMPDIR"), filepath.Join(private, "data"), "name another one with --data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TMPDIR", test.tmp)
			_, err := mzsim.Start(t.Context(), mzsim.Config{Data: test.data})
			if err == nil || !strings.Contains(err.Error(), private) || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("%v", err)
			}
		})
	}
	if left, err := os.ReadDir(private); err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != "data" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSeveralAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	sims := make([]*mzsim.Sim, 3)
	for i := range sims {
		wg.Go(func() {
			var err error
			if sims[i], err = mzsim.Start(t.Context(), mzsim.Config{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range sims {
		if s == nil {
			continue
		}
		server{s.DSN()}.dial(t).must(t, "CREATE CLUSTER same REPLICAS ()")
		if err := errors.Join(s.Close(), s.Close()); err != nil { // twice does no harm
			t.Error(err)
		}
	}
}

// A session begins with the messages that Materialize begins it with, in that order.
func TestStartupMessages(t *testing.T) {
	fresh(t)
	conn, err := net.Dial("tcp", sim.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	f := pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)
	if err := f.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{
		"user": "materialize", "database": "materialize", "options": "--welcome_message=on"}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		m, err := f.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.ParameterStatus:
			got = append(got, m.Name)
			continue
		case *pgproto3.ReadyForQuery:
			want := strings.Fields(`*pgproto3.AuthenticationOk application_name client_encoding DateStyle integer_datetimes server_version
				standard_conforming_strings TimeZone IntervalStyle cluster cluster_replica default_cluster_replication_factor database
				search_path mz_version *pgproto3.BackendKeyData *pgproto3.NoticeResponse`)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			return
		}
		got = append(got, fmt.Sprintf("%T", m))
	}
}

func TestPassword(t *testing.T) {
	s := start(t, mzsim.Config{Password: `it's "secret"`})
	if _, err := (server{s.DSN()}).tryDial(); err == nil || !strings.Contains(err.Error(), "28P01") && !strings.Contains(err.Error(), "password") {
		t.Errorf("without a password: %v", err)
	}
	if _, err := (server{s.DSN() + "&password=wrong"}).tryDial(); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("with a wrong one: %v", err)
	}
	server{s.DSN() + "&password=it%27s%20%22secret%22"}.dial(t).must(t, "SELECT 1")
}

func TestLoginErrors(t *testing.T) {
	for _, user := range []string{"mz_system", "mz_support", "pg_monitor"} {
		_, err := theStandIn().tryDial("user=" + user)
		if err == nil || !strings.Contains(err.Error(), "unauthorized login to user '"+user+"'") && !strings.Contains(err.Error(), "does not exist") && !strings.Contains(err.Error(), "not permitted to log in") {
			t.Errorf("%s: %v", user, err)
		}
	}
	c, err := theStandIn().tryDial("database=nowhere", "cluster=nowhere", "colour=red")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	want := []string{
		`NOTICE 00000 startup setting colour not set: unrecognized configuration parameter "colour"`,
		`NOTICE MZ004 session database "nowhere" does not exist`,
		`NOTICE MZ005 session default cluster "nowhere" does not exist`,
	}
	if got := strings.Join(c.notices, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestSample(t *testing.T) {
	s := start(t, mzsim.Config{})
	if err := mzsim.Sample(t.Context(), s.Addr()); err != nil {
		t.Fatal(err)
	}
	c := server{s.DSN()}.dial(t)
	step{"SELECT c.name, managed, count(r.id) FROM mz_clusters c LEFT JOIN mz_cluster_replicas r ON r.cluster_id = c.id WHERE c.id LIKE 'u%' GROUP BY c.name, managed ORDER BY 1",
		"cluster-123|f|0 prod|f|0 quickstart|t|1 staging|f|0 [SELECT 4]"}.check(t, c)
	step{"SELECT o.name, o.type FROM mz_objects o JOIN mz_clusters c ON c.id = o.cluster_id WHERE c.name = 'prod' AND o.id LIKE 'u%' ORDER BY 1",
		"customer_totals|materialized-view orders_customer_idx|index [SELECT 2]"}.check(t, c)
	c.must(t, "CREATE CLUSTER REPLICA prod.r1 (SIZE '25cc')") // without it the query would wait for the view
	step{"SELECT * FROM customer_totals WHERE customer = 'Ada'", "Ada|2|140.49 [SELECT 1]"}.check(t, c)
}
