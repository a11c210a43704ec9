package rewrite

import (
	"errors"
	"strings"
	"testing"
)

// spellings are those that a real server was asked about, and whether it wrote.
var spellings = []struct {
	writes bool
	text   string
}{
	{false, "/* /* */ INSERT INTO mz_cluster_strategies VALUES (1) -- */"},
	{true, "/* /* */ */ INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "-- x\x0dINSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "-- x\x0cINSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "-- x\u0085INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "INSERT\u00a0INTO mz_cluster_strategies VALUES (1)"},
	{false, "INSERT\u2003INTO\u3000mz_cluster_strategies VALUES (1)"},
	{false, "INSERT\x0bINTO mz_cluster_strategies VALUES (1)"},
	{true, "INSERT\x0cINTO mz_cluster_strategies VALUES (1)"},
	{false, "\ufeffINSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "INSERT\u200bINTO mz_cluster_strategies VALUES (1)"},
	{true, "SELECT $$ ' $$; INSERT INTO mz_cluster_strategies VALUES (1); SELECT $$ ' $$"},
	{true, "SELECT $a$ $$ $a$; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{true, `SELECT E'\''; INSERT INTO mz_cluster_strategies VALUES (1); SELECT '\'`},
	{true, `SELECT '\'; INSERT INTO mz_cluster_strategies VALUES (1) --'`},
	{true, `SELECT e'a\\'; INSERT INTO mz_cluster_strategies VALUES (1)`},
	{false, `INSERT INTO U&"\006dz_cluster_strategies" VALUES (1)`},
	{false, `INSERT INTO U&"!006dz_cluster_strategies" UESCAPE '!' VALUES (1)`},
	{true, `INSERT INTO "mz_cluster_strategies" VALUES (1)`},
	{false, `INSERT INTO "MZ_CLUSTER_STRATEGIES" VALUES (1)`},
	{true, "INSERT INTO MZ_CLUSTER_STRATEGIES VALUES (1)"},
	{true, "INSERT INTO public.mz_cluster_strategies VALUES (1)"},
	{true, "INSERT INTO materialize.public.mz_cluster_strategies VALUES (1)"},
	{true, `INSERT INTO "materialize" . "public" . "mz_cluster_strategies" VALUES (1)`},
	{false, "(INSERT INTO mz_cluster_strategies VALUES (1))"},
	{false, "INSERT INTO mz_cluster_strategies AS z VALUES (1)"},
	{true, "INSERT INTO mz_cluster_strategies DEFAULT VALUES"},
	{true, "INSERT INTO mz_cluster_strategies TABLE ly"},
	{false, "INSERT INTO mz_cluster_strategies (SELECT a FROM ly)"},
	{true, "INSERT INTO mz_cluster_strategies VALUES (1);;"},
	{true, ";INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "INSERT INTO ONLY mz_cluster_strategies VALUES (1)"},
	{true, "INSERT INTO mz_cluster_strategies SELECT * FROM (VALUES (1)) v"},
	{true, "PREPARE pp AS INSERT INTO mz_cluster_strategies VALUES (1); EXECUTE pp; DEALLOCATE pp"},
	{false, "PREPARE pp (int) AS INSERT INTO mz_cluster_strategies VALUES ($1)"},
	{true, "PREPARE pp AS INSERT INTO mz_cluster_strategies VALUES ($1); EXECUTE pp (1); DEALLOCATE pp"},
	{false, "EXPLAIN ANALYZE INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "EXPLAIN INSERT INTO mz_cluster_strategies VALUES (1)"},
	{true, "BEGIN; DECLARE k CURSOR FOR INSERT INTO mz_cluster_strategies VALUES (1); FETCH 1 k; COMMIT"},
	{true, "COPY mz_cluster_strategies FROM STDIN"},
	{true, "COPY INTO mz_cluster_strategies FROM STDIN"},
	{true, "COPY mz_cluster_strategies (a) FROM STDIN WITH (FORMAT CSV)"},
	{true, "COPY INTO mz_cluster_strategies (a) FROM STDIN (FORMAT TEXT)"},
	{false, "COPY INTO mz_cluster_strategies FROM 's3://x/y' (FORMAT CSV)"},
	{true, "UPDATE mz_cluster_strategies SET a = 2"},
	{false, "UPDATE mz_cluster_strategies AS z SET a = 2"},
	{false, "UPDATE ONLY mz_cluster_strategies SET a = 2"},
	{false, "UPDATE mz_cluster_strategies * SET a = 2"},
	{true, "DELETE FROM mz_cluster_strategies"},
	{false, "DELETE FROM mz_cluster_strategies AS z WHERE z.a = 1"},
	{false, "DELETE FROM mz_cluster_strategies z USING ly WHERE z.a = ly.a"},
	{false, "DELETE FROM ONLY mz_cluster_strategies"},
	{false, "WITH x AS (INSERT INTO mz_cluster_strategies VALUES (1) RETURNING a) SELECT * FROM x"},
	{false, "CREATE TABLE lz AS INSERT INTO mz_cluster_strategies VALUES (1) RETURNING a"},
	{false, "CREATE TABLE lz AS SELECT 1"},
	{false, "MERGE INTO mz_cluster_strategies USING ly ON true WHEN MATCHED THEN DELETE"},
	{false, "TRUNCATE mz_cluster_strategies"},
	{false, "DO $$ BEGIN INSERT INTO mz_cluster_strategies VALUES (1); END $$"},
	{false, "SELECT query_to_xml('insert into mz_cluster_strategies values (1)', true, true, '')"},
	{true, "SELECT begin atomic FROM (SELECT 1 AS begin) s; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "ALTER TABLE mz_cluster_strategies RENAME TO renamed; INSERT INTO renamed VALUES (1); ALTER TABLE renamed RENAME TO mz_cluster_strategies"},
	{false, "CREATE VIEW lv AS SELECT * FROM mz_cluster_strategies; INSERT INTO lv VALUES (1)"},
	{true, `SELECT 1 AS "'"; INSERT INTO mz_cluster_strategies VALUES (1)`},
	{false, "SELECT `1`; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "SELECT [1]; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "SELECT 'a' 'b'; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "SELECT x'ab'; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "SELECT b'1'; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "SELECT n'1'; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{true, "SET search_path TO public; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{true, "SET search_path = 'public'; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "SELECT set_config('search_path', 'public', false); INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "USE materialize; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{true, "SET SCHEMA public; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{true, "SET SCHEMA 'public'; INSERT INTO mz_cluster_strategies VALUES (1)"},
	{false, "INSERT INTO mz_cluster_strategies VALUES (1) /* \xff */"},
	{false, "INSERT INTO mz_cluster_strategies SELECT length('\xc3(')"},
}

// understood tells whether a text is seen as a write to our table, or refused.
func understood(text string, env Env) bool {
	statements, err := Classify(text, env)
	if err != nil {
		return true
	}
	for _, s := range statements {
		if s.Kind == IsWrite || s.Kind == IsPrepare {
			return true
		}
	}
	return false
}

// Whatever a real server takes for a write is one here, or refused.
func TestSpellingsOfWrites(t *testing.T) {
	for _, s := range spellings {
		if s.writes && !understood(s.text, testEnv) {
			t.Errorf("%q passes", s.text)
		}
	}
}

// What the server's lexer reads otherwise than PostgreSQL's is refused where it names our table, and nowhere else.
func TestDoubtfulTexts(t *testing.T) {
	write := "INSERT INTO mz_cluster_strategies VALUES ('u1', 'burst', '{}')"
	for _, text := range []string{
		"-- \r'\n" + write + " --'",
		"/* \xff */ " + write,
		write + "\x00",
		"SELECT $a b$ ' $a b$; " + write + "; SELECT $a b$ ' $a b$",
		"SELECT $a-b$'$a-b$; " + write + " --'",
		"SELECT 'a' -- '\n'b'; " + write + " --'",
		"SELECT 1e; -- \r \"\n" + write + " --\"",
		write + strings.Repeat(" ", maxText),
		"BEGIN; DECLARE k CURSOR FOR " + write + "; FETCH 1 k; COMMIT",
		`DECLARE "k" CURSOR WITH HOLD FOR ` + write,
		"PREPARE p AS DECLARE k CURSOR FOR DELETE FROM mz_cluster_strategies",
		"PREPARE p AS COPY INTO other FROM STDIN; COPY INTO mz_cluster_strategies FROM STDIN; PREPARE q AS COPY INTO x FROM 'mz_cluster_strategies' (INSERT)",
		"EXPLAIN PHYSICAL PLAN FOR INSERT INTO mz_cluster_strategies SELECT 1",
	} {
		var doubt *DoubtError
		if statements, err := Classify(text, testEnv); !errors.As(err, &doubt) && !understood(text, testEnv) {
			t.Errorf("%.80q: %+v, %v", text, statements, err)
		}
		other := strings.ReplaceAll(text, "mz_cluster_strategies", "t")
		if _, err := Classify(other, testEnv); err != nil {
			t.Errorf("%.80q: %v", other, err)
		}
	}
}

// What no lexer takes is left to the server's own words, and so is what both read alike.
func TestCertainTexts(t *testing.T) {
	for _, text := range []string{
		"INSERT INTO mz_cluster_strategies VALUES ('u1",
		"SELECT * FROM mz_cluster_strategies WHERE cluster_id = b'1' OR x'ab' = U&'d!0061t' UESCAPE '!' OR n'x' = E'\\''",
		"SELECT 'mz_cluster_strategies' -- ' \" $$ /* \n, 1.5e3, .5, 1e+2, $1, a->>'b', $tag$ ' ; $$ $tag$, \"a\"\"b\", 'a'\n'b'",
		"SUBSCRIBE (SELECT * FROM mz_cluster_strategies)",
		"GRANT INSERT, UPDATE ON mz_cluster_strategies TO somebody",
		"CREATE MATERIALIZED VIEW v IN CLUSTER c AS SELECT \"update\" FROM mz_cluster_strategies",
		"INSERT INTO log SELECT * FROM mz_cluster_strategies AS OF now()",
		"COPY (SELECT * FROM mz_cluster_strategies) TO STDOUT",
	} {
		if statements, err := Classify(text, testEnv); err != nil {
			t.Errorf("%q: %+v, %v", text, statements, err)
		}
	}
}

// A name that may come to mean our table is told apart from one that never does.
func TestNamesOfOtherTables(t *testing.T) {
	env := testEnv
	env.SearchPath = "other"
	for text, want := range map[string]StatementKind{
		"INSERT INTO mz_cluster_strategies VALUES (1)":                         IsElsewhere,
		"PREPARE p AS DELETE FROM mz_cluster_strategies":                       IsElsewhere,
		"INSERT INTO other.mz_cluster_strategies VALUES (1)":                   Other,
		"INSERT INTO elsewhere.public.mz_cluster_strategies VALUES (1)":        Other,
		"INSERT INTO public.mz_cluster_strategies VALUES ('u1', 'x', '{}')":    IsWrite,
		"INSERT INTO log SELECT * FROM mz_cluster_strategies":                  Other,
		"COPY INTO mz_cluster_strategies FROM STDIN":                           IsElsewhere,
		"SELECT * FROM mz_cluster_strategies":                                  Other,
		"INSERT INTO materialize.public.mz_cluster_strategies TABLE elsewhere": IsWrite,
	} {
		statements, err := Classify(text, env)
		if err != nil || statements[0].Kind != want {
			t.Errorf("%s: %+v, %v", text, statements, err)
		}
	}
}
