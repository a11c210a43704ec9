package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// client is a connection through the proxy, and what it was told.
type client struct {
	*pgconn.PgConn
	notices []string
}

func connect(t testing.TB, w *world) *client {
	t.Helper()
	return connectAs(t, w, demoUser)
}

func connectAs(t testing.TB, w *world, user string) *client {
	t.Helper()
	c, err := w.dial(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// dial connects through the proxy. The caller closes the connection.
func (w *world) dial(ctx context.Context, user string) (*client, error) {
	config, err := pgconn.ParseConfig(fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, w.addr, demoDatabase))
	if err != nil {
		return nil, err
	}
	c := &client{}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { c.notices = append(c.notices, n.Severity+" "+n.Message) }
	if c.PgConn, err = pgconn.ConnectConfig(ctx, config); err != nil {
		return nil, err
	}
	c.notices = nil // the welcome
	return c, nil
}

// answer is the end of one statement.
type answer struct {
	tag  string
	rows [][]string // first column names, then values in text form; NULL is "-"
	err  *pgconn.PgError
}

// A mode is a way to run a statement with parameters.
type mode struct {
	name   string
	params bool // parameters are sent as such
	run    func(t *testing.T, c *client, sql string, args []string) answer
}

const (
	textFormat   = 0
	binaryFormat = 1
	jsonbOID     = 3802
)

var modes = []mode{
	{"simple", false, func(t *testing.T, c *client, sql string, args []string) answer {
		for i := len(args); i > 0; i-- {
			sql = strings.ReplaceAll(sql, fmt.Sprintf("$%d", i), "'"+strings.ReplaceAll(args[i-1], "'", "''")+"'")
		}
		results, err := c.Exec(t.Context(), sql).ReadAll()
		if err != nil {
			return answer{err: serverError(t, err)}
		}
		return read(t, results[len(results)-1])
	}},
	{"extended text", true, func(t *testing.T, c *client, sql string, args []string) answer {
		return read(t, c.ExecParams(t.Context(), sql, values(args), nil, nil, []int16{textFormat}).Read())
	}},
	{"extended binary", true, func(t *testing.T, c *client, sql string, args []string) answer {
		oids := make([]uint32, len(args))
		params := values(args)
		for i, arg := range args {
			if strings.HasPrefix(arg, "{") {
				oids[i] = jsonbOID
				params[i] = append([]byte{1}, arg...)
			}
		}
		return read(t, c.ExecParams(t.Context(), sql, params, oids, formats(args, binaryFormat), []int16{binaryFormat}).Read())
	}},
	{"prepared by name", true, func(t *testing.T, c *client, sql string, args []string) answer {
		if _, err := c.Prepare(t.Context(), "my statement", sql, nil); err != nil {
			return answer{err: serverError(t, err)}
		}
		defer func() {
			if err := c.Deallocate(t.Context(), "my statement"); err != nil {
				t.Error(err)
			}
		}()
		return read(t, c.ExecPrepared(t.Context(), "my statement", values(args), nil, nil).Read())
	}},
	{"pipelined", true, func(t *testing.T, c *client, sql string, args []string) answer {
		p := c.StartPipeline(t.Context())
		for _, one := range []string{"SELECT 'before'", sql, "SELECT 'after'"} {
			params := values(args)
			if one != sql {
				params = nil
			}
			p.SendQueryParams(one, params, nil, nil, nil)
			if err := p.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		var got []answer
		for range 6 {
			result, err := p.GetResults()
			switch r := result.(type) {
			case *pgconn.ResultReader:
				got = append(got, read(t, r.Read()))
			case nil:
				if err != nil {
					got = append(got, answer{err: serverError(t, err)})
				}
			}
		}
		if err := p.Close(); err != nil && serverError(t, err) == nil {
			t.Fatal(err)
		}
		if len(got) != 3 || got[0].rows[1][0] != "before" || got[2].rows[1][0] != "after" {
			t.Fatalf("%s: results out of order: %+v", sql, got)
		}
		return got[1]
	}},
}

func values(args []string) [][]byte {
	var out [][]byte
	for _, a := range args {
		out = append(out, []byte(a))
	}
	return out
}

func formats(args []string, format int16) []int16 {
	return slices.Repeat([]int16{format}, len(args))
}

func serverError(t *testing.T, err error) *pgconn.PgError {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Fatalf("no error of the server: %v", err)
	}
	return e
}

// read turns a result into text, whatever its formats are.
func read(t *testing.T, r *pgconn.Result) answer {
	t.Helper()
	if r.Err != nil {
		return answer{err: serverError(t, r.Err)}
	}
	a := answer{tag: r.CommandTag.String()}
	var names []string
	for _, f := range r.FieldDescriptions {
		names = append(names, f.Name)
	}
	a.rows = append(a.rows, names)
	for _, row := range r.Rows {
		var out []string
		for i, v := range row {
			f := r.FieldDescriptions[i]
			switch {
			case v == nil:
				out = append(out, "-")
			case f.Format == binaryFormat && f.DataTypeOID == jsonbOID:
				out = append(out, string(v[1:]))
			case f.Format == binaryFormat && len(v) == 8:
				out = append(out, fmt.Sprint(binary.BigEndian.Uint64(v)))
			default:
				out = append(out, string(v))
			}
		}
		a.rows = append(a.rows, out)
	}
	return a
}

// Every form of statement gives the same in every protocol mode.
func TestModes(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	for i, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			cluster := fmt.Sprintf("mode%d", i)
			if _, err := w.direct.Exec(t.Context(), "CREATE CLUSTER "+cluster+" REPLICAS ()"); err != nil {
				t.Fatal(err)
			}
			r := &modeRun{mode: m, client: connect(t, w), world: w, cluster: cluster}
			r.writes(t)
			r.refusals(t)
			r.commands(t)
			r.transactions(t)
		})
	}
}

// modeRun is the statements of TestModes in one mode, on a cluster of their own.
type modeRun struct {
	mode
	*client
	world   *world
	cluster string
}

// does runs a statement and compares its tag and what was told.
func (r *modeRun) does(t *testing.T, sql string, args []string, tag string, notices ...string) answer {
	t.Helper()
	r.notices = nil
	a := r.run(t, r.client, sql, args)
	if a.err != nil || a.tag != tag || !slices.Equal(r.notices, notices) {
		t.Errorf("%s\n  gives %q, %q, error %v", sql, a.tag, r.notices, a.err)
	}
	return a
}

// refused runs a statement that is refused. In the text the message has a place, a parameter is named.
func (r *modeRun) refused(t *testing.T, sql string, args []string, code, message, parameter string) {
	t.Helper()
	a := r.run(t, r.client, sql, args)
	switch {
	case a.err == nil || a.err.Code != code:
		t.Errorf("%s\n  gives %+v", sql, a)
	case r.params && a.err.Message != message+parameter || !r.params && (a.err.Message != message || a.err.Position == 0):
		t.Errorf("%s\n  gives %q at %d", sql, a.err.Message, a.err.Position)
	}
}

const insertRow = "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ($1, $2, $3)"

func (r *modeRun) stored(t *testing.T, want string) {
	t.Helper()
	var got string
	if err := r.world.direct.QueryRow(t.Context(), `SELECT coalesce(string_agg(strategy_type || ' ' || config::text, '; ' ORDER BY strategy_type), '')
		FROM mz_cluster_strategies s JOIN mz_clusters c ON c.id = s.cluster_id WHERE c.name = $1`, r.cluster).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("stored: %s\nwant: %s", got, want)
	}
}

func (r *modeRun) writes(t *testing.T) {
	created := func(replica, size string) string {
		return fmt.Sprintf("NOTICE created cluster replica %q.%q (%s)", r.cluster, replica, size)
	}
	r.does(t, insertRow, []string{r.cluster, "target_size", `{"target_size": "small"}`}, "INSERT 0 1", created("r_small", "small"))
	r.does(t, "UPDATE mz_cluster_strategies SET config = $1 WHERE cluster_id = $2 AND strategy_type = $3",
		[]string{`{"target_size": "medium"}`, r.cluster, "target_size"}, "UPDATE 1", created("r_medium", "medium"))
	r.stored(t, `target_size {"target_size": "medium"}`)
	r.does(t, "INSERT INTO mz_cluster_strategies SELECT $1, $2, $3::jsonb", []string{r.cluster, "idle_suspend", `{"idle_after_s": 60}`}, "INSERT 0 1")
	r.does(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id IN ($1) AND strategy_type = $2", []string{r.cluster, "idle_suspend"}, "DELETE 1")
	r.stored(t, `target_size {"target_size": "medium"}`)
}

func (r *modeRun) refusals(t *testing.T) {
	r.refused(t, insertRow, []string{r.cluster, "target_size", `{"target_size": "smal"}`}, "42704", `unknown replica size "smal"`, " (parameter $3, at $.target_size)")
	r.refused(t, insertRow, []string{r.cluster, "target_size", `{"targetsize": "small"}`}, "22023", `unrecognized parameter "targetsize" for strategy "target_size"`, " (parameter $3, at $.targetsize)")
	r.refused(t, insertRow, []string{r.cluster, "target_size", `{"target_size"`}, "22P02", "invalid input syntax for type json", " (parameter $3)")
	r.refused(t, insertRow, []string{"nowhere", "target_size", `{"target_size": "small"}`}, "42704", `unknown cluster "nowhere"`, " (parameter $1)")
	r.refused(t, insertRow, []string{"quickstart", "target_size", `{"target_size": "small"}`}, "55000", `cluster "quickstart" is the control cluster`, " (parameter $1)")
	r.refused(t, insertRow, []string{r.cluster, "magic", `{}`}, "42704", `unknown strategy type "magic"`, " (parameter $2)")
	if r.params {
		a := r.run(t, r.client, "INSERT INTO mz_cluster_strategies SELECT $1, 'target_size', jsonb_build_object('target_size', 'small', 'replica_name', $1::text)", []string{r.cluster})
		if a.err == nil || a.err.Code != "0A000" {
			t.Errorf("a name in two places gives %+v", a)
		}
	}
	r.stored(t, `target_size {"target_size": "medium"}`)
}

func (r *modeRun) commands(t *testing.T) {
	for sql, columns := range map[string][]string{
		"SHOW STRATEGIES VERBOSE FOR CLUSTER " + r.cluster:       {"cluster", "strategy", "state", "decision", "next_look", "config"},
		"SHOW STRATEGY STATUS VERBOSE FOR CLUSTER " + r.cluster:  {"cluster", "phase", "replicas", "ready", "idle_for", "next_action", "next_at", "credits_per_hour", "reason"},
		"SHOW STRATEGY ACTIONS VERBOSE FOR CLUSTER " + r.cluster: {"at", "cluster", "action", "replica", "strategy", "result", "requested_by", "reason", "sql", "action_id"},
		"SHOW STRATEGY TYPES": {"strategy", "parameter", "type", "default", "unit", "meaning"},
		"EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER " + r.cluster: {"plan"},
		"EXPLAIN STRATEGY (VERBOSE) FOR CLUSTER " + r.cluster:     {"STRATEGY PLAN"},
		"EXPLAIN STRATEGY DELETE FROM mz_cluster_strategies":      {"STRATEGY PLAN"},
		"APPLY STRATEGIES FOR CLUSTER " + r.cluster:               {"cluster", "action", "replica", "result", "reason"},
		"VALIDATE STRATEGIES":                                     {"cluster", "strategy", "code", "finding", "hint"},
		"SHOW strategy.notices":                                   {"strategy.notices"},
	} {
		a := r.run(t, r.client, sql, nil)
		if a.err != nil || len(a.rows) > 1 && !slices.Equal(a.rows[0], columns) { // pgconn names columns with the first row
			t.Errorf("%s\n  gives %+v", sql, a)
			continue
		}
		if rows := len(a.rows) - 1; strings.HasPrefix(a.tag, "SELECT") && a.tag != fmt.Sprintf("SELECT %d", rows) {
			t.Errorf("%s: %d rows, and the tag %s", sql, rows, a.tag)
		}
	}
	r.does(t, "PAUSE STRATEGIES FOR CLUSTER "+r.cluster+" WITH REASON 'test'", nil, "PAUSE", fmt.Sprintf(`NOTICE cluster %q is paused by materialize: test`, r.cluster))
	r.does(t, "RESUME STRATEGIES FOR CLUSTER "+r.cluster, nil, "RESUME")
	r.does(t, "SET strategy.notices = off", nil, "SET")
	r.does(t, "RESET strategy.notices", nil, "RESET")
	if a := r.run(t, r.client, "SHOW STRATEGY STATS", nil); a.err == nil || a.err.Code != "42601" || a.err.Position != 15 {
		t.Errorf("a malformed command gives %+v", a)
	}
}

func (r *modeRun) transactions(t *testing.T) {
	r.does(t, "BEGIN", nil, "BEGIN")
	r.does(t, insertRow, []string{r.cluster, "burst", `{"burst_replica_size": "large"}`}, "INSERT 0 1")
	r.does(t, "ROLLBACK", nil, "ROLLBACK")
	r.does(t, "BEGIN", nil, "BEGIN")
	r.does(t, insertRow, []string{r.cluster, "burst", `{"burst_replica_size": "large"}`}, "INSERT 0 1")
	r.does(t, "COMMIT", nil, "COMMIT", fmt.Sprintf("NOTICE created cluster replica %q.%q (large)", r.cluster, r.cluster+"_burst"))
	if r.name == "pipelined" {
		return // its other statements would fail, too
	}
	r.does(t, "BEGIN", nil, "BEGIN")
	r.refused(t, insertRow, []string{r.cluster, "burst", `{"burst_replica_size": "larg"}`}, "42704", `unknown replica size "larg"`, " (parameter $3, at $.burst_replica_size)")
	for _, sql := range []string{"SELECT 1", "SHOW STRATEGIES", "SHOW strategy.notices"} {
		if a := r.run(t, r.client, sql, nil); a.err == nil || a.err.Code != "25P02" {
			t.Errorf("%s in a failed transaction gives %+v", sql, a)
		}
	}
	if r.name != "prepared by name" { // whose cleaning up fails in a failed transaction
		r.does(t, "ROLLBACK", nil, "ROLLBACK")
	}
}
