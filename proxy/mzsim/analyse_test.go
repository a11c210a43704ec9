package mzsim

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mzproxy/rewrite"
)

// analyseOne analyses a text of one statement.
func analyseOne(t interface{ Fatalf(string, ...any) }, text string) *statement {
	pieces, err := rewrite.Split(text)
	if err != nil || len(pieces) != 1 {
		t.Fatalf("%q: %d statements, %v", text, len(pieces), err)
	}
	return analyse(text, pieces[0])
}

// What PostgreSQL runs in a statement's place.
func TestTranslation(t *testing.T) {
	for _, tt := range []struct{ sql, tag, want string }{
		{"SELECT 1", "", ""},
		{"SET cluster = 'it''s'", "SET", "SET SESSION mz_sim.cluster = 'it''s'"},
		{"SET LOCAL cluster TO x", "SET", "SET LOCAL mz_sim.cluster = 'x'"},
		{"SET cluster TO DEFAULT", "SET", "RESET mz_sim.cluster"},
		{"RESET cluster", "RESET", "RESET mz_sim.cluster"},
		{"SET schema = s", "SET", "SET SESSION search_path = s"},
		{"SET search_path = a, \"B\"", "SET", `SET SESSION search_path = a, "B"`},
		{"SET statement_timeout = 5", "SET", ""},
		{"DROP CLUSTER REPLICA c.r1, c.r2", "DROP CLUSTER REPLICA", `CALL mz_sim.drop_replicas('[{"cluster":"c","replica":"r1"},{"cluster":"c","replica":"r2"}]'::jsonb, false)`},
		{"DROP CLUSTER IF EXISTS a, b CASCADE", "DROP CLUSTER", `CALL mz_sim.drop_clusters(ARRAY['a'::text, 'b'::text]::text[], true, true)`},
		{"CREATE CLUSTER REPLICA c.r (SIZE = '25cc')", "CREATE CLUSTER REPLICA", `CALL mz_sim.create_replica('c'::text, '{"if_not_exists":false,"name":"r","size":"25cc"}'::jsonb)`},
		{"COMMENT ON CLUSTER REPLICA c.r IS NULL", "COMMENT", `CALL mz_sim.comment_on('c'::text, 'r'::text, NULL::text)`},
		{"CREATE DEFAULT INDEX ON v", "CREATE INDEX", `CALL mz_sim.register('index'::text, NULL, NULL::text, '_primary_idx'::text, '"v"'::text, NULL, NULL::text, false, 'CREATE DEFAULT INDEX ON v'::text)`},
		{"SHOW CLUSTERS LIKE 'a%'", "", `SELECT * FROM mz_sim.show_clusters WHERE name LIKE 'a%'::text`},
		{"SELECT * FROM (SHOW CLUSTERS) s, (SHOW CLUSTER REPLICAS) r", "", "SELECT * FROM (SELECT * FROM mz_sim.show_clusters) s, (SELECT * FROM mz_sim.show_cluster_replicas) r"},
		{"BEGIN ISOLATION LEVEL STRICT SERIALIZABLE READ ONLY", "", "BEGIN"},
		{"DECLARE k CURSOR WITHOUT HOLD FOR SELECT 1", "DECLARE CURSOR", `DECLARE "k" CURSOR FOR SELECT 1`},
		{"DECLARE k CURSOR FOR SHOW CLUSTERS", "DECLARE CURSOR", `DECLARE "k" CURSOR FOR SELECT * FROM mz_sim.show_clusters`},
		{"DECLARE k CURSOR FOR INSERT INTO t VALUES (1)", "DECLARE CURSOR", nothing},
		{"CREATE ROLE r", "CREATE ROLE", "CREATE ROLE r LOGIN"},
	} {
		st := analyseOne(t, tt.sql)
		if st.err != nil || st.text != tt.want || st.tag != tt.tag {
			t.Errorf("%s\n got [%s] %s (%v)\nwant [%s] %s", tt.sql, st.tag, st.text, st.err, tt.tag, tt.want)
		}
	}
}

// Messages show statements in one form.
func TestRender(t *testing.T) {
	for sql, want := range map[string]string{
		"create  table u(i int, b bigint)":                "CREATE TABLE u(i int4, b int8)",
		"update t\n set a=1 -- why\n where \"B\" = 'x y'": `UPDATE t SET a = '<REDACTED>' WHERE "B" = '<REDACTED>'`,
		"create cluster replica c . r1 ( size '25cc' )":   "CREATE CLUSTER REPLICA c.r1 (SIZE = '25cc')",
	} {
		if got := analyseOne(t, sql).shown; got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}

// The options of a StartupMessage; a backslash takes the next character as it is.
func TestStartupSettings(t *testing.T) {
	for options, want := range map[string]map[string]string{
		"":                                  {},
		"--cluster=c":                       {"cluster": "c"},
		"-c cluster=c -csearch_path=a":      {"cluster": "c", "search_path": "a"},
		`-c application_name=a\ b\\c`:       {"application_name": `a b\c`},
		"--auto-route-catalog-queries=off":  {"auto_route_catalog_queries": "off"},
		"-c":                                {},
		"garbage":                           {},
		"--cluster=a=b \t\n -c  database=d": {"cluster": "a=b", "database": "d"},
	} {
		if diff := cmp.Diff(want, startupSettings(options)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", options, diff)
		}
	}
}

func TestParseTimeout(t *testing.T) {
	for value, want := range map[string]string{"1s": "1s", "500ms": "500ms", "2": "2s", "1 second": "1s", "3 minutes": "3m0s", "20 ms": "20ms"} {
		if got, err := parseTimeout(value); err != nil || got.String() != want {
			t.Errorf("%q: got %s, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "soon", "1 fortnight", "second"} {
		if got, err := parseTimeout(value); err == nil {
			t.Errorf("%q: got %s", value, got)
		}
	}
}

func TestMajorVersion(t *testing.T) {
	for dir, want := range map[string]int{
		"/usr/lib/postgresql/15/bin": 15, "/usr/pgsql-16/bin": 16, "/opt/homebrew/opt/postgresql@14/bin": 14,
		"/Applications/Postgres.app/Contents/Versions/17/bin": 17, "/usr/local/pgsql/bin": 0,
	} {
		if got := majorVersion(dir); got != want {
			t.Errorf("%s: got %d, want %d", dir, got, want)
		}
	}
}

// Whatever a name holds, it is one constant of the statement that PostgreSQL runs.
func TestNamesStayNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.SampledFrom([]rune(`aZ"'\;$-/*好. `)), 1, 20, -1).Draw(t, "name")
		st := analyseOne(t, `DROP CLUSTER "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
		if st.err != nil {
			t.Fatalf("%v", st.err)
		}
		pieces, err := rewrite.Split(st.text)
		if err != nil || len(pieces) != 1 {
			t.Fatalf("%s: %d statements, %v", st.text, len(pieces), err)
		}
		found := 0
		for _, token := range pieces[0].Tokens {
			if token.Kind == rewrite.String && token.Text == name {
				found++
			}
		}
		if found != 1 {
			t.Fatalf("%s does not hold the name %q", st.text, name)
		}
	})
}

// Any text is analysed without a panic, and errors point into it.
func FuzzAnalyse(f *testing.F) {
	for _, s := range []string{
		"SELECT 1", "CREATE CLUSTER c (SIZE '25cc', AUTO SCALING STRATEGY = (ON HYDRATION (HYDRATION SIZE = '50cc')))",
		"CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'), r2 (", "ALTER CLUSTER c SET (SIZE '25cc') WITH (WAIT UNTIL READY (TIMEOUT '1s'))",
		"COPY (SUBSCRIBE (SELECT 1) WITH (PROGRESS) AS OF 5 UP TO 7) TO STDOUT", "DECLARE c CURSOR FOR SUBSCRIBE t", "FETCH ALL FROM c WITH (TIMEOUT = '1s')",
		"PREPARE p (int) AS UPDATE t SET a = $1", "EXECUTE p (1)", "SET cluster = x; SET", "SHOW", "SELECT * FROM (SHOW CLUSTERS", "RESET ALL", "COMMENT ON CLUSTER",
		"CREATE SOURCE s IN CLUSTER c FROM LOAD GENERATOR COUNTER", "ALTER SYSTEM SET max_clusters = 5", "BEGIN; COMMIT AND CHAIN", `CREATE CLUSTER "`, "(", ")", "DROP CLUSTER REPLICA a.b,",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pieces, err := rewrite.Split(text)
		if err != nil {
			return
		}
		for _, piece := range pieces {
			st := analyse(text, piece)
			if st.err != nil && (st.err.Position < 0 || st.err.Position > utf8.RuneCountInString(text)+1 || st.err.Message == "") {
				t.Errorf("%q: %+v", text, st.err)
			}
		}
	})
}
