package mzsim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/proxy/mzsim"
)

// sim is the stand-in that the tests of this package share. Each test takes
// clusters of its own, or begins with fresh.
var sim *mzsim.Sim

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if sim, err = mzsim.Start(context.Background(), mzsim.Config{Startup: 50 * time.Millisecond, Hydration: 200 * time.Millisecond, Superuser: true}); err != nil {
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

// client is a connection with what the server said besides results.
type client struct {
	*pgconn.PgConn
	extended bool     // say uses the extended protocol where a text is one statement
	notices  []string // since the latest text
	failure  error    // the latest
}

// server is what a client connects to.
type server struct{ url string }

func theStandIn() server { return server{sim.DSN()} }

// dial connects to the stand-in as role materialize; options are settings of the connection: cluster=c, user=x, ...
func dial(t *testing.T, options ...string) *client {
	t.Helper()
	return theStandIn().dial(t, options...)
}

func (s server) dial(t *testing.T, options ...string) *client {
	t.Helper()
	c, err := s.tryDial(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func (s server) tryDial(options ...string) (*client, error) {
	cfg, err := pgconn.ParseConfig(s.url)
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "user":
			cfg.User = value
		case "database":
			cfg.Database = value
		default:
			cfg.RuntimeParams[name] = value
		}
	}
	c := &client{}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		c.notices = append(c.notices, fmt.Sprintf("%s %s %s", n.Severity, n.Code, n.Message))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c.PgConn, err = pgconn.ConnectConfig(ctx, cfg)
	return c, err
}

// patience is how long a test waits for what has to come.
const patience = 5 * time.Minute

// say runs a text in the simple protocol and renders all that comes back:
// notices in parentheses, rows with bars, tags in brackets, errors with their code.
func (c *client) say(sql string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c.notices = nil
	if c.extended && !strings.Contains(sql, ";") && !strings.HasPrefix(sql, "COPY") {
		return c.sayOne(ctx, sql)
	}
	var parts []string
	r := c.Exec(ctx, sql)
	for r.NextResult() {
		var rows []string
		rr := r.ResultReader()
		for rr.NextRow() {
			rows = append(rows, string(bytes.Join(rr.Values(), []byte("|"))))
		}
		tag, err := rr.Close()
		if err == nil {
			parts = append(parts, strings.Join(append(rows, fmt.Sprintf("[%s]", tag)), " "))
		}
	}
	if err := r.Close(); err != nil {
		c.failure = err
		parts = append(parts, errorText(err))
	}
	for _, n := range c.notices {
		parts = append(parts, "("+n+")")
	}
	return strings.Join(parts, " ")
}

// sayOne is say for one statement in the extended protocol.
func (c *client) sayOne(ctx context.Context, sql string) string {
	r := c.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	var parts []string
	for _, row := range r.Rows {
		parts = append(parts, string(bytes.Join(row, []byte("|"))))
	}
	if r.Err == nil {
		parts = append(parts, "["+r.CommandTag.String()+"]")
	} else {
		c.failure = r.Err
		parts = append(parts[:0], errorText(r.Err))
	}
	for _, n := range c.notices {
		parts = append(parts, "("+n+")")
	}
	return strings.Join(parts, " ")
}

func errorText(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err.Error()
	}
	return e.Code + " " + e.Message
}

// must runs a text that has to succeed.
func (c *client) must(t *testing.T, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	last := results[len(results)-1]
	if len(last.Rows) == 0 {
		return ""
	}
	return string(last.Rows[0][0])
}

// eventually waits until a query answers what is wanted.
func (c *client) eventually(t *testing.T, sql, want string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got := c.must(t, sql)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: got %q, want %q", sql, got, want)
		}
		time.Sleep(5 * time.Millisecond) // the poll of a condition
	}
}

// housekeeper is the session that tidies up between the tests: a session that has run a procedure once is quicker.
var housekeeper = sync.OnceValues(func() (*client, error) { return theStandIn().tryDial("application_name=housekeeper") })

// fresh is a new session after tidy.
func fresh(t *testing.T) *client {
	t.Helper()
	tidy(t)
	return dial(t)
}

// tidy drops the clusters and objects of the tests before, and sets the knobs back.
func tidy(t *testing.T) {
	t.Helper()
	h, err := housekeeper()
	if err != nil {
		t.Fatal(err)
	}
	h.must(t, `SELECT mz_sim.allow(), mz_sim.set('hydration', '200ms'), mz_sim.set('startup', '50ms'), mz_sim.set('statement_logging', 'on'),
		mz_sim.set('rbac', 'on'), mz_sim.set('materialize_version', 'v26.40.0'), mz_sim.set('read_cost', '0s'), mz_sim.set('tick', '1s'), mz_sim.set('snapshot_delay', '0s'), mz_sim.set('standing_still', 'none'), mz_sim.set('max_replicas_per_cluster', '5'), mz_sim.set('max_clusters', '25'),
		mz_sim.set('max_credit_consumption_rate', '1024'), mz_sim.set('ddl_delay', '0s'), mz_sim.set('source_statistics', '0s'), mz_sim.set('lag', '0s'),
		mz_sim.set('allowed_cluster_replica_sizes', ''), mz_sim.set('enable_cluster_schedule_refresh', 'off'), mz_sim.set('enable_zero_downtime_cluster_reconfiguration', 'off')`)
	h.clean(t)
}

// rows returns the first column of a result.
func rows(t *testing.T, c *client, sql string) []string {
	t.Helper()
	results, err := c.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var values []string
	for _, row := range results[len(results)-1].Rows {
		values = append(values, string(row[0]))
	}
	return values
}
