package mzsim_test

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// subscription is a COPY (SUBSCRIBE ...) that is read line by line.
type subscription struct {
	*client
	lines  chan string
	ended  chan error
	cancel context.CancelFunc
}

// subscribe starts a COPY (SUBSCRIBE what) TO STDOUT in a session of its own.
func subscribe(t *testing.T, what string, options ...string) *subscription {
	t.Helper()
	return theStandIn().subscribe(t, what, options...)
}

func (on server) subscribe(t *testing.T, what string, options ...string) *subscription {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &subscription{client: on.dial(t, options...), lines: make(chan string, 1000), ended: make(chan error, 1), cancel: cancel}
	r, w := io.Pipe()
	go func() {
		_, err := s.CopyTo(ctx, w, "COPY (SUBSCRIBE "+what+") TO STDOUT")
		_ = w.Close()
		s.ended <- err
	}()
	go func() {
		defer close(s.lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range s.lines { //nolint:revive // until it is closed
		}
	})
	return s
}

// next returns the columns of the next line.
func (s *subscription) next(t *testing.T) []string {
	t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			t.Fatalf("the subscription has ended: %v", <-s.ended)
		}
		return strings.Split(line, "\t")
	case <-time.After(patience):
		t.Fatal("no line comes")
		return nil
	}
}

// expect reads lines without timestamps, in any order.
func (s *subscription) expect(t *testing.T, want ...string) {
	t.Helper()
	missing := map[string]int{}
	for _, w := range want {
		missing[w]++
	}
	for range want {
		got := strings.Join(s.next(t)[1:], " ")
		if missing[got] == 0 {
			t.Fatalf("got %q, want one of %q", got, want)
		}
		missing[got]--
	}
}

func TestSubscribeReplicas(t *testing.T) {
	c := fresh(t)
	c.must(t, emptyC)
	s := subscribe(t, "(SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'c')")
	inProgress(t, c, s.PID())
	c.must(t, "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')")
	s.expect(t, "1 r1 25cc")
	c.must(t, "ALTER CLUSTER REPLICA c.r1 RENAME TO r2")
	s.expect(t, "-1 r1 25cc", "1 r2 25cc")
	c.must(t, "DROP CLUSTER REPLICA c.r2")
	s.expect(t, "-1 r2 25cc")
}

// lifeOf subscribes to the status of the replicas named x, and to the hydration of index i on them.
func lifeOf(t *testing.T, c *client) (status, hydration *subscription) {
	t.Helper()
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, emptyC)
	c.must(t, "CREATE INDEX i IN CLUSTER c ON t (a)")
	status = subscribe(t, "(SELECT s.status, s.reason FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_cluster_replicas r ON r.id = s.replica_id WHERE r.name = 'x')")
	hydration = subscribe(t, "(SELECT h.hydrated FROM mz_internal.mz_hydration_statuses h JOIN mz_indexes i ON i.id = h.object_id WHERE i.name = 'i' AND h.replica_id IS NOT NULL)")
	inProgress(t, c, status.PID())
	inProgress(t, c, hydration.PID())
	return status, hydration
}

func TestSubscribeLifeOfReplica(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('startup', '10 min'), mz_sim.set('hydration', '4 hours')")
	status, hydration := lifeOf(t, c)
	c.must(t, "CREATE CLUSTER REPLICA c.x (SIZE '25cc')")
	status.expect(t, `1 offline \N`)
	c.must(t, "SELECT mz_sim.advance('11 min')")
	status.expect(t, `-1 offline \N`, `1 online \N`)
	hydration.expect(t, "1 f")
	c.must(t, "SELECT mz_sim.advance('4 hours')")
	hydration.expect(t, "-1 f", "1 t")
	c.must(t, "SELECT mz_sim.crash('c', 'x', 'oom-killed')")
	status.expect(t, `-1 online \N`, `1 offline oom-killed`)
	hydration.expect(t, "-1 t")
	c.must(t, "SELECT mz_sim.advance('11 min')")
	status.expect(t, `-1 offline oom-killed`, `1 online \N`)
	hydration.expect(t, "1 f")
	c.must(t, "SELECT mz_sim.hydrate('c', 'x')")
	hydration.expect(t, "-1 f", "1 t")
	c.must(t, "DROP CLUSTER REPLICA c.x")
	status.expect(t, `-1 online \N`)
	hydration.expect(t, "-1 t")
}

// What the clock alone changes comes, too: nobody writes anything between the creation and the hydration.
func TestSubscribeFollowsClock(t *testing.T) {
	c := fresh(t)
	status, hydration := lifeOf(t, c)
	c.must(t, "CREATE CLUSTER REPLICA c.x (SIZE '25cc')")
	for strings.Join(status.next(t)[1:], " ") != `1 online \N` {
	}
	for strings.Join(hydration.next(t)[1:], " ") != "1 t" {
	}
}

// Rows that other sessions commit arrive, alone and together, and only then.
func TestSubscribeTable(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int, b text)")
	c.must(t, `INSERT INTO t VALUES (1, 'x'), (1, 'x'), (2, E'tab\tand \\ and\nline')`)
	s := subscribe(t, "t")
	s.expect(t, "2 1 x", `1 2 tab\tand \\ and\nline`)
	other := dial(t)
	if got := other.say("BEGIN; INSERT INTO t VALUES (3, NULL)"); got != "[BEGIN] [INSERT 0 1]" {
		t.Fatal(got)
	}
	c.must(t, "INSERT INTO t VALUES (4, 'y')") // comes first, as the other is not committed
	s.expect(t, "1 4 y")
	other.must(t, "COMMIT")
	s.expect(t, `1 3 \N`)
	c.must(t, "UPDATE t SET b = 'z' WHERE a = 1")
	s.expect(t, "-2 1 x", "2 1 z")
	c.must(t, "DELETE FROM t WHERE a = 1")
	s.expect(t, "-2 1 z")
}

func TestSubscribeProgress(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "INSERT INTO t VALUES (1)")
	s := subscribe(t, "t WITH (SNAPSHOT = false, PROGRESS)")
	if first := s.next(t); len(first) != 4 || first[1] != "t" || first[2] != `\N` || first[3] != `\N` {
		t.Fatalf("the first message has to be progress: %q", first)
	}
	c.must(t, "INSERT INTO t VALUES (2)")
	last := 0.0
	for changed := false; ; {
		row := s.next(t)
		ts, err := strconv.ParseFloat(row[0], 64)
		if err != nil || ts < last {
			t.Fatalf("time went back from %v: %q", last, row)
		}
		last = ts
		switch {
		case row[1] == "t" && changed:
			return // progress behind the change says that all of it has come
		case row[1] == "f":
			if changed = row[2] == "1" && row[3] == "2"; !changed {
				t.Fatalf("got %q", row)
			}
		}
	}
}

func TestSubscribeUpTo(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "INSERT INTO t VALUES (1)")
	now := c.must(t, "SELECT mz_now()::text")
	if got := c.say("SUBSCRIBE t UP TO " + now); got != "[SUBSCRIBE 0]" {
		t.Errorf("got %s", got)
	}
	then, err := strconv.ParseInt(now, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, "t UP TO "+strconv.FormatInt(then+3600*1000, 10))
	s.expect(t, "1 1")
	c.must(t, "SELECT mz_sim.advance('1 hour')")
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if got := c.say("SUBSCRIBE t AS OF 1"); !strings.HasPrefix(got, "XX000 Timestamp (1) is not valid") {
		t.Errorf("got %s", got)
	}
}

func TestSubscribeCursor(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "INSERT INTO t VALUES (1)")
	r := dial(t)
	fetched := func(sql, want string) {
		t.Helper()
		got := r.say(sql)
		var parts []string
		for word := range strings.FieldsSeq(got) {
			_, word, _ = strings.Cut(" "+word, " ")
			if ts, rest, ok := strings.Cut(word, "|"); ok && len(ts) >= 13 {
				word = rest
			}
			parts = append(parts, word)
		}
		if got = strings.Join(parts, " "); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
	fetched("BEGIN; DECLARE s CURSOR FOR SUBSCRIBE t", "[BEGIN] [DECLARE CURSOR]")
	fetched("FETCH ALL s", "1|1 [FETCH 1]")
	if got := c.must(t, "SELECT x.cluster_id || ' ' || array_to_string(x.referenced_object_ids, ',') = 'u1 ' || o.id FROM mz_internal.mz_subscriptions x, mz_tables o WHERE o.name = 't'"); got != "t" {
		t.Errorf("mz_subscriptions: %s", got)
	}
	fetched("FETCH ALL s WITH (timeout = '20ms')", "[FETCH 0]")
	c.must(t, "INSERT INTO t VALUES (2), (3)")
	fetched("FETCH 1 s", "1|2 [FETCH 1]")
	fetched("FETCH 5 s WITH (timeout '100ms')", "1|3 [FETCH 1]")
	if got, want := r.say("SELECT a FROM t"), "25000 SUBSCRIBE in transactions must be the only read statement"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.must(t, "ROLLBACK")
	if got, want := r.say("FETCH 1 s"), `34000 cursor "s" does not exist`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.eventually(t, "SELECT count(*) FROM mz_internal.mz_subscriptions", "0")
}

// A subscription ends when it is cut, with the error that was asked for, and its session lives on.
func TestCutSubscribes(t *testing.T) {
	c := fresh(t)
	s := subscribe(t, "mz_clusters WITH (SNAPSHOT = false)")
	c.eventually(t, "SELECT mz_sim.cut_subscribes('cut', '57P01')", "1")
	if err := <-s.ended; errorText(err) != "57P01 cut" {
		t.Errorf("got %v", err)
	}
	if got := s.say("SELECT 1"); got != "1 [SELECT 1]" {
		t.Errorf("afterwards: %s", got)
	}
	if got := c.must(t, "SELECT mz_sim.cut_subscribes()"); got != "0" {
		t.Errorf("%s subscriptions are left", got)
	}
}

func TestSubscribeErrors(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	for _, tt := range []struct{ sql, want string }{
		{"SUBSCRIBE nothing", "XX000 unknown catalog item 'nothing'"},
		{"SUBSCRIBE (SELECT b FROM t)", `XX000 column "b" does not exist`},
		{"SUBSCRIBE (SELECT 1 FROM t) ENVELOPE UPSERT (KEY (a))", "0A000 ENVELOPE in SUBSCRIBE not yet supported"},
		{"SUBSCRIBE t WITH (COLOUR)", "42601 Expected one of SNAPSHOT or PROGRESS, found identifier \"colour\""},
		{"COPY (SUBSCRIBE t) TO 'file'", "42601 Expected TO STDOUT, found TO"},
	} {
		if got := c.say(tt.sql); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.sql, got, tt.want)
		}
	}
}

// A session whose server process is ended goes with its subscription.
func TestSubscribeOfEndedSession(t *testing.T) {
	c := fresh(t)
	s := subscribe(t, "mz_clusters WITH (SNAPSHOT = false)")
	c.eventually(t, "SELECT count(*) FROM mz_internal.mz_subscriptions", "1")
	c.must(t, "SELECT pg_terminate_backend("+strconv.Itoa(int(s.PID()))+")")
	select {
	case err := <-s.ended:
		if err == nil {
			t.Error("ended well")
		}
	case <-time.After(patience):
		t.Fatal("goes on")
	}
	c.eventually(t, "SELECT count(*) FROM mz_internal.mz_subscriptions", "0")
	c.eventually(t, "SELECT count(*) FROM mz_internal.mz_sessions WHERE connection_id = "+strconv.Itoa(int(s.PID())), "0")
}

// A driver that prepares everything gets its rows as they come, too.
func TestSubscribeExtended(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	r := dial(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result := r.ExecParams(ctx, "SUBSCRIBE t", nil, nil, nil, nil)
	for i := range 3 {
		c.must(t, "INSERT INTO t VALUES ("+strconv.Itoa(i)+")")
		if !result.NextRow() {
			_, err := result.Close()
			t.Fatalf("no row %d: %v", i, err)
		}
		if v := result.Values(); len(v) != 3 || string(v[1]) != "1" || string(v[2]) != strconv.Itoa(i) {
			t.Fatalf("got %q", v)
		}
	}
	if err := r.CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := result.Close(); errorText(err) != "57014 canceling statement due to user request" {
		t.Errorf("got %v", err)
	}
}

// upToProgress reads lines until the one that says that everything before its time is known.
func (s *subscription) upToProgress(t *testing.T) (rows [][]string, frontier string) {
	t.Helper()
	for {
		row := s.next(t)
		if row[1] == "t" {
			return rows, row[0]
		}
		rows = append(rows, row)
	}
}

// A SUBSCRIBE of tables runs on the session's cluster: its time stands still while the cluster computes nothing, and it ends with the cluster.
func TestSubscribeOnCluster(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('tick', '20ms')")
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "CREATE TABLE u (a int)")
	c.must(t, oneC)
	s := subscribe(t, "(SELECT 't' AS k, a FROM t UNION ALL SELECT 'u', a FROM u) WITH (PROGRESS)", "cluster=c")
	s.upToProgress(t)
	c.must(t, "INSERT INTO t VALUES (1)")
	for rows, _ := s.upToProgress(t); len(rows) == 0; rows, _ = s.upToProgress(t) { //nolint:revive // until it is there
	}
	c.must(t, "DROP CLUSTER REPLICA c.r1")
	c.must(t, "INSERT INTO u VALUES (2)")
	c.must(t, "CREATE CLUSTER REPLICA c.r2 (SIZE '25cc')")
	for rows, _ := s.upToProgress(t); len(rows) == 0; rows, _ = s.upToProgress(t) { //nolint:revive // until it is there
	}
	id := c.must(t, "SELECT id FROM mz_clusters WHERE name = 'c'")
	c.must(t, "DROP CLUSTER c")
	for range s.lines { //nolint:revive // to the end
	}
	if err := <-s.ended; errorText(err) != "42704 cluster '"+id+"' was dropped" {
		t.Errorf("got %v", err)
	}
}

// Knobs have the first rows come late, and the time of some subscriptions stand still.
func TestSubscribeFaults(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('tick', '20ms'), mz_sim.set('snapshot_delay', '1 hour')")
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, oneC)
	tables, catalog := subscribe(t, "t WITH (PROGRESS)", "cluster=c"), subscribe(t, "mz_catalog.mz_databases WITH (PROGRESS)")
	c.eventually(t, "SELECT count(*) FROM mz_internal.mz_subscriptions", "2")
	c.must(t, "SELECT mz_sim.advance('50 minutes')")
	if n := len(tables.lines) + len(catalog.lines); n > 0 {
		t.Errorf("%d lines came too early", n)
	}
	c.must(t, "SELECT mz_sim.advance('10 minutes')")
	tables.upToProgress(t)
	catalog.upToProgress(t)
	for _, tt := range []struct {
		knob             string
		standing, moving *subscription
	}{{"tables", tables, catalog}, {"catalog", catalog, tables}} {
		c.must(t, "SELECT mz_sim.set('standing_still', '"+tt.knob+"')")
		then := c.must(t, "SELECT mz_now()::text")
		for _, frontier := tt.moving.upToProgress(t); frontier <= then; _, frontier = tt.moving.upToProgress(t) { //nolint:revive // until it has passed the change of the knob
		}
		c.must(t, "SELECT mz_sim.advance('1 hour')")
		later := c.must(t, "SELECT mz_now()::text")
		for _, frontier := tt.moving.upToProgress(t); frontier <= later; _, frontier = tt.moving.upToProgress(t) { //nolint:revive // until it has passed the hour
		}
		for len(tt.standing.lines) > 0 {
			if row := tt.standing.next(t); row[0] > later {
				t.Errorf("%s: the time of %q goes on", tt.knob, row)
			}
		}
		c.must(t, "SELECT mz_sim.set('standing_still', 'none')")
		for _, frontier := tt.standing.upToProgress(t); frontier <= later; _, frontier = tt.standing.upToProgress(t) { //nolint:revive // until it goes on
		}
	}
}
