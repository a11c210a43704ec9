package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy/pgtest"
)

// talk says messages as one role, each group at once, and returns the tags and SQLSTATEs of the answers, up to as many ReadyForQuerys
// as a group has Queries and Syncs.
func (w *world) talk(t *testing.T, role string, groups ...[]string) string {
	t.Helper()
	conn, err := net.Dial("tcp", w.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := pgtest.Enter(conn, "user", role, "database", demoDatabase); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, group := range groups {
		var wire []byte
		ready := 0
		for _, text := range group {
			m, err := pgtest.ParseMessage(pgtest.FromClient, text)
			if err != nil {
				t.Fatal(err)
			}
			if wire = m.Append(wire); m.Type == 'Q' || m.Type == 'S' {
				ready++
			}
		}
		if _, err := conn.Write(wire); err != nil {
			t.Fatal(err)
		}
		for ready > 0 {
			m, err := pgtest.ReadMessage(conn)
			if err != nil {
				t.Fatalf("%v after %s", err, strings.Join(seen, ", "))
			}
			text := pgtest.Format(pgtest.FromServer, m)
			switch m.Type {
			case 'E':
				_, code, _ := strings.Cut(text, ` C="`)
				seen = append(seen, fmt.Sprintf("%.5s", code))
			case 'C':
				seen = append(seen, strings.Trim(strings.TrimPrefix(text, "CommandComplete "), `"`))
			case 'Z':
				ready--
				seen = append(seen, text[len(text)-1:])
			}
		}
	}
	return strings.Join(seen, ", ")
}

func query(texts ...string) (messages []string) {
	for _, text := range texts {
		messages = append(messages, fmt.Sprintf("Query %q", text))
	}
	return messages
}

// extended is a statement in the extended protocol, under no name.
func extended(text string) []string {
	return []string{fmt.Sprintf(`Parse "" %q []`, text), `Bind "" "" [] [] []`, `Execute "" 0`}
}

func join(groups ...[]string) (all []string) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// Whatever a name stood for, what the server executes was checked; and what the server skips, drops or refuses
// is not there for us either.
func TestNamesAreTheServers(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	const (
		write = `INSERT INTO mz_cluster_strategies VALUES ($1, 'target_size', '{"target_size": "large"}')`
		ours  = "SHOW STRATEGY TYPES"
	)
	for _, statement := range []string{"CREATE ROLE dev", "GRANT SELECT, INSERT ON mz_cluster_strategies TO dev"} {
		if _, err := w.direct.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	prepare := "PREPARE w AS " + write
	sync := []string{"Sync"}
	for _, test := range []struct {
		name, role string
		groups     [][]string
		want       string
	}{
		{"prepared again in a text that deallocates", "dev", [][]string{query(prepare), query("DEALLOCATE ALL; " + prepare), query("EXECUTE w('u3')")},
			"PREPARE, I, DEALLOCATE ALL, PREPARE, I, 42501, I"},
		{"prepared again in a pipeline that deallocates", "dev", [][]string{query(prepare),
			join(extended("DEALLOCATE ALL"), []string{fmt.Sprintf(`Parse "w" %q []`, write)}, sync), join([]string{`Bind "" "w" [] ["u3"] []`, `Execute "" 0`}, sync)},
			"PREPARE, I, DEALLOCATE ALL, I, 42501, I"},
		{"an EXECUTE that was prepared before its name", "dev", [][]string{join([]string{`Parse "e" "EXECUTE w('u3')" []`}, sync), query(prepare), join([]string{`Bind "" "e" [] [] []`, `Execute "" 0`}, sync)},
			"I, PREPARE, I, 42501, I"},
		{"an EXECUTE of an EXECUTE", "dev", [][]string{query(prepare), join([]string{`Parse "e" "EXECUTE w('u3')" []`}, sync)}, "PREPARE, I, 42501, I"},
		{"behind the end of a failed transaction, in one pipeline", "dev", [][]string{query("BEGIN", "SELECT 1/0"),
			join(extended("ROLLBACK"), extended(strings.Replace(write, "$1", "'u3'", 1)), sync)}, "BEGIN, T, 22012, E, ROLLBACK, 42501, I"},
		{"made behind DEALLOCATE ALL in one pipeline", demoUser, [][]string{join(extended("DEALLOCATE ALL"), []string{fmt.Sprintf(`Parse "e" %q []`, ours)}, sync),
			join([]string{`Bind "" "e" [] [] []`, `Execute "" 0`}, sync)}, "DEALLOCATE ALL, I, SELECT 23, I"},
		{"made behind a failure, and again", demoUser, [][]string{{`Parse "" "NOT SQL" []`, fmt.Sprintf(`Parse "e" %q []`, ours), "Sync"},
			join([]string{fmt.Sprintf(`Parse "e" %q []`, ours), `Bind "" "e" [] [] []`, `Execute "" 0`}, sync)}, "42601, I, SELECT 23, I"},
		{"bound and closed behind a failure", demoUser, [][]string{join([]string{fmt.Sprintf(`Parse "e" %q []`, ours)}, sync), {`Parse "" "NOT SQL" []`, `Bind "p" "e" [] [] []`, `Close S "e"`, "Sync"},
			{`Execute "p" 0`, "Sync"}, join([]string{`Bind "" "e" [] [] []`, `Execute "" 0`}, sync)}, "I, 42601, I, 34000, I, SELECT 23, I"},
		{"the unnamed one of before is not that of now", demoUser, [][]string{{`Parse "" "SELECT 42" []`, "Sync"}, {`Parse "" "SHOW STRATEGY NOTHING" []`, "Sync"}, {`Bind "" "" [] [] []`, `Execute "" 0`, "Sync"}},
			"I, 42601, I, 26000, I"},
		{"deallocated behind a comment", demoUser, [][]string{join([]string{fmt.Sprintf(`Parse "e" %q []`, ours)}, sync), query("/*x*/ DEALLOCATE e", "EXECUTE e")}, "I, DEALLOCATE, I, XX000, I"},
		{"executed by SQL", demoUser, [][]string{join([]string{fmt.Sprintf(`Parse "e" %q []`, ours)}, sync), query("EXECUTE e"), join(extended("EXECUTE e"), sync)}, "I, SELECT 23, I, SELECT 23, I"},
		{"executed and dropped by SQL behind others", demoUser, [][]string{join([]string{fmt.Sprintf(`Parse "e" %q []`, ours)}, sync), query("SELECT 1; EXECUTE e", "SELECT 1; DEALLOCATE e; PREPARE e AS SELECT 1", "EXECUTE e")},
			"I, SELECT 1, SELECT 23, I, SELECT 1, DEALLOCATE, PREPARE, I, SELECT 1, I"},
		{"fetched from by SQL", demoUser, [][]string{query("BEGIN"), {fmt.Sprintf(`Parse "e" %q []`, ours), `Bind "p" "e" [] [] []`, `Execute "p" 2`, "Sync"}, query("FETCH FROM p")}, "BEGIN, T, T, 0A000, E"},
		{"fetched from by what was prepared before", demoUser, [][]string{query("BEGIN"), {fmt.Sprintf(`Parse "e" %q []`, ours), `Parse "f" "FETCH 1 FROM p" []`, `Bind "f" "f" [] [] []`, `Bind "p" "e" [] [] []`, `Execute "f" 0`, "Sync"}},
			"BEGIN, T, 0A000, E"},
		{"closed by SQL, and declared", demoUser, [][]string{query("BEGIN"), {fmt.Sprintf(`Parse "e" %q []`, ours), `Bind "p" "e" [] [] []`, "Sync"}, query("CLOSE p; DECLARE p CURSOR FOR SELECT 1", "FETCH FROM p", "ROLLBACK")},
			"BEGIN, T, T, CLOSE CURSOR, DECLARE CURSOR, T, FETCH 1, T, ROLLBACK, I"},
		{"prepared by SQL under a name of ours", demoUser, [][]string{join([]string{fmt.Sprintf(`Parse "e" %q []`, ours)}, sync), query("PREPARE e AS SELECT 1")}, "I, 42P05, I"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := w.talk(t, test.role, test.groups...); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if !w.holds(t, "SELECT count(*) = 0 FROM mz_cluster_strategies") {
				t.Error("something was written")
			}
		})
	}
}

// A command that changes something does so in its place: alone, or as the only statement of a transaction block at
// its COMMIT.
func TestChangesInTheirPlace(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	const pause = "PAUSE STRATEGIES FOR CLUSTER prod"
	sync := []string{"Sync"}
	for _, test := range []struct {
		name   string
		groups [][]string
		want   string
		paused bool
	}{
		{"alone", [][]string{query(pause)}, "PAUSE, I", true},
		{"alone in the extended protocol", [][]string{join(extended(pause), sync)}, "PAUSE, I", true},
		{"behind what fails", [][]string{query("SELECT 1/0; " + pause)}, "22012, I", false},
		{"behind what fails, in a pipeline", [][]string{join(extended("SELECT 1/0"), extended(pause), sync)}, "22012, I", false},
		{"in a text", [][]string{query("SELECT 1; " + pause + "; SELECT 1/0")}, "SELECT 1, 25001, I", false},
		{"in a pipeline", [][]string{join(extended("SELECT 1"), extended(pause), sync)}, "SELECT 1, 25001, I", false},
		{"in a transaction that commits", [][]string{query("BEGIN", pause, "COMMIT")}, "BEGIN, T, PAUSE, T, COMMIT, I", true},
		{"in a transaction that commits, in the extended protocol", [][]string{join(extended("BEGIN"), extended(pause), sync, extended("COMMIT"), sync)}, "BEGIN, PAUSE, T, COMMIT, I", true},
		{"in a transaction that is undone", [][]string{query("BEGIN", pause, "ROLLBACK")}, "BEGIN, T, PAUSE, T, ROLLBACK, I", false},
		{"beside another behind it", [][]string{query("BEGIN", pause, "SELECT 1", "COMMIT")}, "BEGIN, T, PAUSE, T, 25000, E, ROLLBACK, I", false},
		{"beside one of ours behind it", [][]string{query("BEGIN", pause, "SHOW STRATEGIES", "COMMIT")}, "BEGIN, T, PAUSE, T, 25000, E, ROLLBACK, I", false},
		{"beside another in front of it", [][]string{query("BEGIN", "SELECT 1", pause, "ROLLBACK")}, "BEGIN, T, SELECT 1, T, 25001, E, ROLLBACK, I", false},
		{"beside one that was prepared before", [][]string{{`Parse "s" "SELECT 1" []`, "Sync"}, query("BEGIN", pause), {`Bind "" "s" [] [] []`, `Execute "" 0`, "Sync"}, query("COMMIT")},
			"I, BEGIN, T, PAUSE, T, SELECT 1, T, 25000, I", false},
		{"that fails at the COMMIT", [][]string{query("BEGIN", "PAUSE STRATEGIES FOR CLUSTER nowhere", "COMMIT", "SELECT 1")}, "BEGIN, T, PAUSE, T, 42704, I, SELECT 1, I", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := w.talk(t, demoUser, test.groups...); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if w.holds(t, "SELECT count(*) > 0 FROM mz_cluster_strategies") != test.paused {
				t.Errorf("paused: %t", !test.paused)
			}
			if _, err := w.direct.Exec(t.Context(), "DELETE FROM mz_cluster_strategies"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What-if with parameters tells what they are, and plans with what is bound.
func TestWhatIfWithParameters(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	const insert = "EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3)"
	args := values([]string{"prod", "target_size", `{"target_size": "large"}`})
	described, err := c.Prepare(t.Context(), "e", insert, nil)
	if err != nil || fmt.Sprint(described.ParamOIDs) != "[25 25 3802]" || len(described.Fields) != 1 || described.Fields[0].Name != "STRATEGY PLAN" {
		t.Fatalf("described as %+v, %v", described, err)
	}
	shows := func(name string, rows [][][]byte, err error) {
		t.Helper()
		var text strings.Builder
		for _, row := range rows {
			text.Write(row[0])
		}
		if err != nil || !strings.Contains(text.String(), "large") {
			t.Errorf("%s: %q, %v", name, text.String(), err)
		}
	}
	result := c.ExecPrepared(t.Context(), "e", args, nil, nil).Read()
	shows("bound", result.Rows, result.Err)
	for _, text := range []string{insert, "EXPLAIN STRATEGY (FORMAT JSON) INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3)"} {
		result = c.ExecParams(t.Context(), text, args, nil, nil, nil).Read()
		shows(text, result.Rows, result.Err)
	}
	for _, text := range []string{"PREPARE s AS " + insert, "EXECUTE s('prod', 'target_size', '{\"target_size\": \"large\"}')"} {
		results, err := c.Exec(t.Context(), text).ReadAll()
		if err != nil {
			t.Fatal(text, err)
		}
		if strings.HasPrefix(text, "EXECUTE") {
			shows(text, results[0].Rows, results[0].Err)
		}
	}
	result = c.ExecParams(t.Context(), "EXECUTE s('prod', 'target_size', '{\"target_size\": \"large\"}')", nil, nil, nil, nil).Read()
	shows("EXECUTE in the extended protocol", result.Rows, result.Err)
	result = c.ExecParams(t.Context(), "EXPLAIN STRATEGY DELETE FROM mz_cluster_strategies WHERE cluster_id = $1", args[:1], nil, nil, nil).Read()
	if result.Err != nil {
		t.Errorf("DELETE: %v", result.Err)
	}
	if got := code(t, c.ExecPrepared(t.Context(), "e", values([]string{"prd", "target_size", "{}"}), nil, nil).Read().Err); got != "42704" {
		t.Errorf("a cluster that is not there gives %q", got)
	}
	if got := code(t, c.ExecPrepared(t.Context(), "e", values([]string{"prod", "target_size", "no json"}), nil, nil).Read().Err); got != "22P02" {
		t.Errorf("what is no JSON gives %q", got)
	}
	if !w.holds(t, "SELECT count(*) = 0 FROM mz_cluster_strategies") {
		t.Error("something was written")
	}
}

// Rows that were written with the name of a cluster are found by it, wherever the column is compared with a constant or a parameter.
func TestRowsAreFoundByName(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	if _, err := c.Exec(t.Context(), `INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "large"}')`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	const from = "SELECT strategy_type FROM mz_cluster_strategies "
	for _, text := range []string{
		from + "WHERE cluster_id = 'prod'",
		from + "WHERE cluster_id IN ('nothing', 'prod')",
		from + "s WHERE 'prod' = s.cluster_id AND cluster_id <> 'staging'",
		from + "WHERE cluster_id IS NOT DISTINCT FROM 'prod'",
		"SELECT * FROM (" + from + "WHERE cluster_id = 'prod') AS x",
		"SELECT s.strategy_type FROM mz_cluster_strategies AS s JOIN mz_clusters AS c ON s.cluster_id = c.id WHERE s.cluster_id = 'prod'",
	} {
		if tag := outcome(t, c, text); tag != "SELECT 1" {
			t.Errorf("%s: %s", text, tag)
		}
	}
	if got := c.ExecParams(t.Context(), from+"WHERE cluster_id = $1", values([]string{"prod"}), nil, nil, nil).Read(); got.Err != nil || len(got.Rows) != 1 {
		t.Errorf("with a parameter: %d rows, %v", len(got.Rows), got.Err)
	}
	if tag := outcome(t, c, from+"WHERE cluster_id <> 'prod'"); tag != "SELECT 0" {
		t.Errorf("<>: %s", tag)
	}
	c.notices = nil
	if tag := outcome(t, c, from+"WHERE cluster_id LIKE 'pro%'"); tag != "SELECT 0" || len(c.notices) != 1 || !strings.Contains(c.notices[0], "holds ids") {
		t.Errorf("LIKE: %s, %q", tag, c.notices)
	}
	for _, text := range []string{"SELECT * FROM (SHOW STRATEGIES) s", "BEGIN; DECLARE x CURSOR FOR SHOW STRATEGIES", "COPY (SHOW STRATEGIES) TO STDOUT"} {
		if got := outcome(t, c, text); !strings.HasSuffix(got, "0A000") {
			t.Errorf("%s: %s", text, got)
		}
		outcome(t, c, "ROLLBACK")
	}
}

// outcome is the tag of the last statement of a text, or its SQLSTATE.
func outcome(t *testing.T, c *client, text string) string {
	t.Helper()
	results, err := c.Exec(t.Context(), text).ReadAll()
	if err != nil {
		return code(t, err)
	}
	return results[len(results)-1].CommandTag.String()
}
