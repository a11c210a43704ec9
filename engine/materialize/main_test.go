package materialize_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"mzproxy/proxy/mzsim"
	"mzproxy/rewrite/pgtext"
)

// sim is the stand-in that the tests of this package share. Each test has tables in a schema of its own, and clusters of its own.
var sim *mzsim.Sim

// How long a test waits for what has to come. Nothing is measured by it.
const patience = 5 * time.Minute

// lag is how late the stand-in's catalog is.
var lag = flag.Duration("lag", 200*time.Millisecond, "how late the stand-in's catalog is")

// Tests that run side by side mostly wait: more of them than there are processors.
const sideBySide = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := flag.Set("test.parallel", sideBySide); err != nil {
			panic(err)
		}
	}
	os.Exit(func() int {
		var err error
		if sim, err = startSim("", ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if err := sim.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// tick is how often the stand-in's SUBSCRIBEs report progress: more often than a real server, so that tests are quick.
const tick = 200 * time.Millisecond

func startSim(listen, data string) (*mzsim.Sim, error) {
	ctx := context.Background()
	s, err := mzsim.Start(ctx, mzsim.Config{Listen: listen, Data: data, Startup: 20 * time.Millisecond, Hydration: 100 * time.Millisecond, Lag: *lag, Superuser: true})
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, s.DSN())
	if err == nil {
		_, err = conn.Exec(ctx, fmt.Sprintf("SELECT mz_sim.set('tick', '%s')", tick))
		err = errors.Join(err, conn.Close(ctx))
	}
	return s, err
}

// ownServer connects to a stand-in of the test's own, whose clock and knobs are nobody else's.
func ownServer(t testing.TB) *server {
	t.Helper()
	own, err := startSim("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Close(); err != nil {
			t.Error(err)
		}
	})
	return connect(t, own.DSN())
}

// tb is what a test helper asks of a test, or of a run of rapid.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// server is a stand-in as a user sees it, with a schema for one test.
type server struct {
	*pgx.Conn
	dsn    string
	schema string
	made   []string // ids of clusters
}

var schemas atomic.Int64

// newServer connects to the shared stand-in. What the test makes there by methods of its server is dropped afterwards.
func newServer(t testing.TB) *server {
	t.Helper()
	s := connect(t, sim.DSN())
	s.schema = fmt.Sprintf("s%d", schemas.Add(1))
	s.run(t, "CREATE SCHEMA %s", s.schema)
	s.run(t, "SET search_path = %s", s.schema)
	s.run(t, "SELECT mz_sim.set('max_clusters', '5000')")
	t.Cleanup(s.dropClusters)
	return s
}

func connect(t testing.TB, dsn string, options ...string) *server {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		cfg.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &server{Conn: conn, dsn: dsn, schema: "public"}
}

func (s *server) run(t tb, statement string, args ...any) {
	t.Helper()
	if _, err := s.Exec(context.Background(), fmt.Sprintf(statement, args...)); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// column returns the first column of a result, as text.
func (s *server) column(t tb, query string, args ...any) []string {
	t.Helper()
	rows, err := s.Query(context.Background(), fmt.Sprintf(query, args...))
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return values
}

// value returns the only value of a result.
func (s *server) value(t tb, query string, args ...any) string {
	t.Helper()
	values := s.column(t, query, args...)
	if len(values) != 1 {
		t.Fatalf("%s: %d rows", query, len(values))
	}
	return values[0]
}

// until waits for a condition.
func until(t tb, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) { // the poll of a condition
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// eventually waits until a query's first column is what is wanted.
func (s *server) eventually(t tb, want []string, query string, args ...any) {
	t.Helper()
	var got []string
	deadline := time.Now().Add(patience)
	for {
		if got = s.column(t, query, args...); slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s\ngot %q, want %q", fmt.Sprintf(query, args...), got, want)
		}
		time.Sleep(10 * time.Millisecond) // the poll of a condition
	}
}

// cluster creates a cluster named after the schema, and returns its id.
func (s *server) cluster(t tb, name string, replicas ...string) (id string) {
	t.Helper()
	var list []string
	for _, r := range replicas {
		replica, size, _ := strings.Cut(r, " ")
		list = append(list, replica+" (SIZE '"+size+"')")
	}
	s.run(t, "CREATE CLUSTER %s REPLICAS (%s)", name, strings.Join(list, ", "))
	id = s.id(t, name)
	s.made = append(s.made, id)
	return id
}

// dropClusters drops what the test has made, by the names that it has now.
func (s *server) dropClusters() {
	for _, id := range s.made {
		var name string
		if err := s.QueryRow(context.Background(), "SELECT name FROM mz_catalog.mz_clusters WHERE id = "+pgtext.QuoteLiteral(id)).Scan(&name); err == nil {
			_, _ = s.Exec(context.Background(), "DROP CLUSTER "+pgtext.QuoteIdent(name)+" CASCADE")
		}
	}
}

func (s *server) id(t tb, cluster string) string {
	t.Helper()
	return s.value(t, "SELECT id FROM mz_catalog.mz_clusters WHERE name = %s", pgtext.QuoteLiteral(cluster))
}

// want stores strategies for a cluster: pairs of a type and a config.
func (s *server) want(t tb, id string, pairs ...string) {
	t.Helper()
	var rows []string
	for i := 0; i < len(pairs); i += 2 {
		rows = append(rows, fmt.Sprintf("('%s', '%s', '%s')", id, pairs[i], pairs[i+1]))
	}
	s.run(t, "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES %s", strings.Join(rows, ", "))
}

func (s *server) replicas(t tb, id string) []string {
	t.Helper()
	return s.column(t, "SELECT name || ' ' || size FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s' ORDER BY name", id)
}

// eventuallyReplicas waits until a cluster has exactly these replicas.
func (s *server) eventuallyReplicas(t tb, id string, want ...string) {
	t.Helper()
	s.eventually(t, want, "SELECT name || ' ' || size FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s' ORDER BY name", id)
}

// checkAudit compares our audit rows with the server's own audit events, since a
// number of them: each executed action is in both exactly once, and none is left open.
func (s *server) checkAudit(t tb, id string, want ...string) {
	t.Helper()
	s.eventually(t, nil, "SELECT action_sql FROM mz_cluster_strategy_actions WHERE executed IS NULL AND cluster_id = '%s'", id)
	ours := s.column(t, "SELECT decision_ctx->>'op' || ' ' || (decision_ctx->>'replica') FROM mz_cluster_strategy_actions WHERE executed AND cluster_id = '%s' ORDER BY 1", id)
	theirs := s.column(t, `SELECT event_type || ' ' || (details->>'replica_name') FROM mz_catalog.mz_audit_events
		WHERE object_type = 'cluster-replica' AND details->>'cluster_id' = '%s' ORDER BY 1`, id)
	slices.Sort(want)
	if diff := cmp.Diff(want, ours); diff != "" {
		t.Errorf("audit rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, theirs); diff != "" {
		t.Errorf("the server's audit events (-want +got):\n%s", diff)
	}
}
