package mzsim_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestKnobErrors(t *testing.T) {
	c := fresh(t)
	c.must(t, oneC)
	for _, tt := range []struct{ sql, want, hint string }{
		{"SELECT mz_sim.set('hydratoin', '1s')", `42704 unknown knob "hydratoin"`,
			"Known knobs are: allowed_cluster_replica_sizes, ddl_delay, enable_cluster_schedule_refresh, enable_zero_downtime_cluster_reconfiguration, hydration, lag, materialize_version, max_clusters, max_credit_consumption_rate, max_replicas_per_cluster, rbac, read_cost, snapshot_delay, source_statistics, standing_still, startup, statement_logging, tick."},
		{"SELECT mz_sim.set('hydration', 'soon')", `22023 invalid value for knob "hydration": "soon"`,
			"It takes an interval such as 500ms: time from online to hydrated at one worker; divided by the workers of the size."},
		{"SELECT mz_sim.set('startup', '-1s')", `22023 invalid value for knob "startup": "-1s"`, ""},
		{"SELECT mz_sim.set('rbac', 'perhaps')", `22023 invalid value for knob "rbac": "perhaps"`, ""},
		{"SELECT mz_sim.set('max_clusters', '-1')", `22023 invalid value for knob "max_clusters": "-1"`, ""},
		{"SELECT mz_sim.set('statement_logging', '2')", `22023 invalid value for knob "statement_logging": "2"`,
			"It takes on, off, or a number from 0 to 1: the share of the statements that is logged."},
		{"SELECT mz_sim.set('statement_logging', NULL)", `22023 invalid value for knob "statement_logging": ""`, ""},
		{"SELECT mz_sim.advance('-1 hour')", "22023 the clock cannot be turned back", ""},
		{"SELECT mz_sim.crash('c', 'r1', 'oom-killed', 1)", `22023 replica "c.r1" has no process 1`, "A replica of size 25cc has 1, counted from 0."},
		{"SELECT mz_sim.crash('c', 'r2')", `XX000 CLUSTER c has no CLUSTER REPLICA named "r2"`, ""},
		{"SELECT mz_sim.hydrate('d', 'r1')", "XX000 unknown cluster 'd'", ""},
		{"SELECT mz_sim.activity('d', now())", "XX000 unknown cluster 'd'", ""},
		{"SELECT mz_sim.activity('c', now() + interval '1 hour')", "22023 activity cannot be in the future", ""},
		{"SELECT mz_sim.refuse('SELECT', 'no', 'nope')", `22023 invalid SQLSTATE "nope"`, ""},
		{"SELECT mz_sim.refuse('SELECT', 'no', '53000', 0)", "22023 cannot refuse a statement 0 times", ""},
	} {
		if got := c.say(tt.sql); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.sql, got, tt.want)
			continue
		}
		if got := c.tell(t, `\hint`); tt.hint != "" && got != tt.hint {
			t.Errorf("%s\n got hint %s\nwant hint %s", tt.sql, got, tt.hint)
		}
	}
}

func TestSetReturnsOldValue(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('hydration', '7s')")
	if got := c.must(t, "SELECT mz_sim.set('hydration', '8s')"); got != "7s" {
		t.Errorf("got %s", got)
	}
	if got := c.must(t, "SELECT mz_sim.set('rbac', 'false')"); got != "on" {
		t.Errorf("got %s", got)
	}
	if got := c.must(t, "SELECT mz_sim.set('rbac', 'true')"); got != "off" {
		t.Errorf("got %s", got)
	}
}

// state is the life of replica c.r1: its status and whether its index is hydrated.
const lifeOfR1 = `SELECT s.status || ' ' || coalesce(s.reason, '-') || ' ' || coalesce(h.hydrated::text, '-') FROM mz_cluster_replicas r
	JOIN mz_clusters c ON c.id = r.cluster_id JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id
	LEFT JOIN mz_internal.mz_hydration_statuses h ON h.replica_id = r.id AND h.object_id LIKE 'u%' WHERE c.name = 'c' AND r.name = 'r1'`

// The clock moves a replica through its life; no real time passes that would.
func TestAdvance(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "SELECT mz_sim.set('startup', '10 min')")
	c.must(t, "SELECT mz_sim.set('hydration', '4 hours')")
	c.must(t, "CREATE CLUSTER c REPLICAS (r1 (SIZE '100cc'))") // two workers: hydrated after two hours
	c.must(t, "CREATE INDEX i IN CLUSTER c ON t (a)")
	before := c.must(t, "SELECT now()")
	for _, tt := range []struct{ do, want string }{
		{"SELECT 1", "offline - -"},
		{"SELECT mz_sim.advance('9 min')", "offline - -"},
		{"SELECT mz_sim.advance('2 min')", "online - false"},
		{"SELECT mz_sim.advance('118 min')", "online - false"},
		{"SELECT mz_sim.advance('2 min')", "online - true"},
		{"SELECT mz_sim.set('hydration', '100 hours')", "online - true"}, // what has happened stays
		{"SELECT mz_sim.crash('c', 'r1', 'oom-killed')", "offline oom-killed -"},
		{"SELECT mz_sim.advance('11 min')", "online - false"},
		{"SELECT mz_sim.set('hydration', '10 s')", "online - true"}, // what has not follows
		{"SELECT mz_sim.crash('c', 'r1')", "offline - -"},
		{"SELECT mz_sim.hydrate('c', 'r1')", "online - true"},
	} {
		c.must(t, tt.do)
		if got := c.must(t, lifeOfR1); got != tt.want {
			t.Errorf("after %s: %s, want %s", tt.do, got, tt.want)
		}
	}
	if got := c.must(t, "SELECT now() - '"+before+"' BETWEEN interval '142 min' AND interval '152 min'"); got != "t" {
		t.Errorf("now() does not follow the clock: %s", got)
	}
	if got := c.must(t, "SELECT abs(mz_now() / 1000 - extract(epoch FROM now())) < 2"); got != "t" {
		t.Errorf("mz_now() does not follow the clock")
	}
}

// finished is when cluster c was last used, in minutes before now; the query of people who look for idle clusters.
const lastUse = `SELECT coalesce(round(extract(epoch FROM now() - max(s.finished_at)) / 60)::text, 'never')
	FROM mz_internal.mz_statement_execution_history_redacted s JOIN mz_clusters c ON c.id = s.cluster_id WHERE c.name = 'c' AND s.finished_at IS NOT NULL`

func TestActivity(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, oneC)
	c.eventually(t, lastUse, "never")
	r := dial(t, "cluster=c")
	r.must(t, "SELECT 1")                         // is the catalog server's
	r.must(t, "SELECT count(*) FROM mz_clusters") // too
	c.eventually(t, "SELECT count(*) > 0 FROM mz_internal.mz_recent_activity_log WHERE sql = 'SELECT count(*) FROM mz_clusters'", "t")
	if got := c.must(t, lastUse); got != "never" {
		t.Errorf("statements of the catalog server count as activity: %s", got)
	}
	r.must(t, "SET application_name = 'x'")      // needs no replica, but is logged with the cluster of the session
	c.must(t, "SELECT mz_sim.advance('1 hour')") // at once: the statement may not be written yet
	c.eventually(t, lastUse, "60")
	c.must(t, "SELECT mz_sim.activity('c', now() - interval '2 hours')")
	if got := c.must(t, lastUse); got != "120" {
		t.Errorf("got %s minutes", got)
	}
	c.must(t, "SELECT mz_sim.activity('c', now())")
	if got := c.must(t, lastUse); got != "0" {
		t.Errorf("got %s minutes", got)
	}
}

func TestStatementHistory(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE history_of (a int)")
	r := dial(t, "application_name=history", "options=--cluster=quickstart")
	r.must(t, "INSERT INTO history_of VALUES (1), (2)")
	r.must(t, "SELECT a FROM history_of")
	_ = r.say("SELECT nothing FROM history_of")
	_ = r.say("SELECT * FROM history_of; SELECT 1/0; SELECT 3")
	r.must(t, "CREATE CLUSTER history REPLICAS ()")
	r.must(t, "DROP CLUSTER history")
	query := `SELECT finished_status, coalesce(cluster_name, '-'), coalesce(rows_returned::text, '-'), statement_type, coalesce(error_message, '-') FROM mz_internal.mz_recent_activity_log
		WHERE application_name = 'history' AND began_at > now() - interval '1 hour' ORDER BY transaction_id`
	want := strings.Join([]string{
		"success|quickstart|-|insert|-",
		"success|quickstart|2|select|-", // what names a column that is not there is not executed
		"success|quickstart|2|select|-",
		"error|quickstart|-|select|division by zero",
		"success|quickstart|-|create_cluster|-",
		"success|quickstart|-|drop_objects|-",
	}, " ") + " [SELECT 6]"
	step{"~" + query, want}.check(t, c)
	if got := c.must(t, "SELECT count(*) FROM mz_internal.mz_recent_activity_log l LEFT JOIN mz_internal.mz_sessions s ON s.id = l.session_id WHERE application_name = 'history' AND s.id IS NULL"); got != "0" {
		t.Errorf("%s statements without a session", got)
	}
}

// With logging off nothing is stored, by the system or the session; the system's rate is the upper bound.
func TestStatementLogging(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE logged (a int)")
	count := func(app string) string {
		return "SELECT count(*) FROM mz_internal.mz_recent_activity_log WHERE application_name = '" + app + "' AND finished_at IS NOT NULL"
	}
	for _, tt := range []struct {
		name, knob, session string
		all                 bool
	}{{"on", "on", "1", true}, {"off", "off", "1", false}, {"session-off", "on", "0", false}, {"rate-one", "1", "1", true}, {"rate-zero", "0", "1", false}} {
		c.must(t, "SELECT mz_sim.set('statement_logging', '"+tt.knob+"')")
		app := "logging-" + tt.name
		r := dial(t, "statement_logging_sample_rate="+tt.session, "application_name="+app)
		for range 20 {
			r.must(t, "SELECT a FROM logged")
		}
		// A statement that is logged for sure, behind the others, shows that they have been written.
		c.must(t, "SELECT mz_sim.set('statement_logging', 'on')")
		last := dial(t, "application_name=after-"+app)
		last.must(t, "SELECT a FROM logged")
		c.eventually(t, count("after-"+app), "1")
		want := "0"
		if tt.all {
			want = "20"
		}
		if got := c.must(t, count(app)); got != want {
			t.Errorf("%s: %s statements, want %s", tt.name, got, want)
		}
	}
}

func TestRefuse(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, emptyC)
	c.must(t, "SELECT mz_sim.refuse('CREATE CLUSTER REPLICA', 'no room', '53000', 2)")
	c.must(t, "SELECT mz_sim.refuse('%FROM t', 'not now')")
	for _, tt := range []struct{ sql, want string }{
		{"DROP CLUSTER REPLICA IF EXISTS c.r1", `[DROP CLUSTER REPLICA] (NOTICE 42704 CLUSTER REPLICA "c.r1" does not exist, skipping)`},
		{"create  cluster\nreplica c.r1 (size '25cc')", "53000 no room"},
		{"BEGIN; CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[BEGIN] 53000 no room"},
		{"ROLLBACK", "[ROLLBACK]"},
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"SELECT a FROM t", "XX000 not now"},
		{"SELECT a FROM t", "[SELECT 0]"},
	} {
		if got := c.say(tt.sql); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.sql, got, tt.want)
		}
	}
	c.must(t, "SELECT mz_sim.refuse('SELECT', 'never', 'XX000', 1000)")
	if got := c.say("SELECT 1"); got != "XX000 never" {
		t.Errorf("got %s", got)
	}
	c.must(t, "SELECT mz_sim.allow()")
	if got := c.say("SELECT 1"); got != "1 [SELECT 1]" {
		t.Errorf("got %s", got)
	}
}

// A delayed statement is not visible before it is done, and others go on meanwhile.
func TestDDLDelay(t *testing.T) {
	c := fresh(t)
	c.must(t, emptyC)
	c.must(t, "SELECT mz_sim.set('ddl_delay', '1 hour')")
	r := dial(t)
	done := r.running("CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')")
	inProgress(t, c, r.PID())
	if got := c.must(t, "SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'c'"); got != "0" {
		t.Errorf("the replica is there before its statement is done")
	}
	pending(t, done)
	c.must(t, "SELECT mz_sim.set('ddl_delay', '0s')")
	if got := <-done; got != "[CREATE CLUSTER REPLICA]" {
		t.Error(got)
	}
}

// The sizes that guides use are there, with the credits of those that they stand for.
func TestSizes(t *testing.T) {
	c := fresh(t)
	for name, cc := range map[string]string{"small": "25cc", "medium": "100cc", "large": "400cc", "xlarge": "1600cc"} {
		query := "SELECT processes, workers, cpu_nano_cores, memory_bytes, disk_bytes, credits_per_hour FROM mz_cluster_replica_sizes WHERE size = '%s'"
		if got, want := c.say(fmt.Sprintf(query, name)), c.say(fmt.Sprintf(query, cc)); got != want || !strings.HasSuffix(got, "[SELECT 1]") {
			t.Errorf("%s is %s, %s is %s", name, got, cc, want)
		}
		c.must(t, fmt.Sprintf("CREATE CLUSTER %s REPLICAS (r1 (SIZE '%s'))", name, name))
	}
}
