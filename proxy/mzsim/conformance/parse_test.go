package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse("x.txt", `# what this file is about

==== first
source a.txt part
option cluster=c
setup CREATE TABLE t (a int)
brief

a> SELECT a
FROM t
    row 1
    tag SELECT 1

alice (eventually)> SELECT 1
    error 42501 no
        HINT Ask.

==== second
source b.txt
unable types
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []*Case{
		{File: "x.txt", Line: 3, Name: "first", Source: "a.txt part", Options: []string{"cluster=c"}, Setup: []string{"CREATE TABLE t (a int)"}, Brief: true, Steps: []Step{
			{Line: 9, Session: "a", Text: "SELECT a\nFROM t", Want: []string{"row 1", "tag SELECT 1"}},
			{Line: 14, Session: "alice", Mode: "eventually", Text: "SELECT 1", Want: []string{"error 42501 no", "    HINT Ask."}},
		}},
		{File: "x.txt", Line: 18, Name: "second", Source: "b.txt", Unable: "types"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a> SELECT 1":                                         "x.txt:1: no case has begun: ==== NAME",
		"==== n\na> SELECT 1\n    tag SELECT 1":               `x.txt: case "n" has no source`,
		"==== n\nsource s\n":                                  `x.txt: case "n" has no steps`,
		"==== n\nsource s\na> SELECT 1":                       `x.txt: case "n", line 3: no answer`,
		"==== n\nsource s\ncolour red":                        `x.txt:3: unknown line "colour red"`,
		"==== n\nsource s\nbrief always":                      `x.txt:3: unknown line "brief always"`,
		"==== n\nsource s\na (loud)> SELECT 1":                `x.txt:3: unknown mode "loud"`,
		"==== n\nsource s\na> SELECT 1\n    tag X\nSELECT 2":  `x.txt:5: "SELECT 2" is neither a step nor an answer`,
		"==== n\nsource s\nunable x\n==== n\nsource s":        `x.txt:4: there are two cases "n"`,
		"==== n\nsource s\na> SELECT 1\n    tag X\n==== m\n":  `x.txt: case "m" has no source`,
		"==== n\nsource s\na> X\n    tag X\n\nsetup SELECT 1": `x.txt:6: "setup SELECT 1" is neither a step nor an answer`,
	} {
		if _, err := Parse("x.txt", text); err == nil || err.Error() != want {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		name, text, want, got string
		brief, real, matches  bool
	}{
		{name: "the same", want: "row 1|tag SELECT 1", got: "row 1|tag SELECT 1", matches: true},
		{name: "another row", want: "row 1|tag SELECT 1", got: "row 2|tag SELECT 1"},
		{name: "one row more", want: "row 1|tag SELECT 1", got: "row 1|row 1|tag SELECT 1"},
		{name: "rows in any order", text: "SELECT a", want: "row 1|row 2|tag SELECT 2", got: "row 2|row 1|tag SELECT 2", matches: true},
		{name: "rows of two statements", text: "SELECT", want: "row 1|tag A|row 2|tag B", got: "row 2|tag A|row 1|tag B"},
		{name: "rows in their order", text: "SELECT a ORDER BY a", want: "row 1|row 2|tag SELECT 2", got: "row 2|row 1|tag SELECT 2"},
		{name: "columns that are not wanted", want: "row 1", got: "columns a:23|row 1", matches: true},
		{name: "other columns", want: "columns b:23|row 1", got: "columns a:23|row 1"},
		{name: "another type", want: "columns a:25|row 1", got: "columns a:23|row 1"},
		{name: "types that PostgreSQL has not", want: "columns a:16462, b:25|row 1", got: "columns a:23, b:25|row 1", matches: true},
		{name: "the type of names", want: "columns a:25|row 1", got: "columns a:19|row 1", matches: true},
		{name: "types of a real server", want: "columns a:16462|row 1", got: "columns a:23|row 1", real: true},
		{name: "a notice behind", want: "notice 00000 x|    HINT y|tag A", got: "tag A|notice 00000 x|    HINT y", matches: true},
		{name: "no hint", want: "error 42601 x", got: "error 42601 x|    HINT y"},
		{name: "no hint, brief", want: "error 42601 x", got: "error 42601 x|    HINT y|in failed transaction", brief: true, matches: true},
		{name: "another hint, brief", want: "error 42601 x|    HINT z", got: "error 42601 x|    HINT y", brief: true},
		{name: "no notice", want: "tag A", got: "notice 42710 x|tag A"},
		{name: "news of replicas", want: "tag A", got: `notice 00000 cluster replica c.r1 changed status to "online" at 2026|tag A`, matches: true},
		{name: "open end", want: "error 42601 Expected …", got: "error 42601 Expected dot", matches: true},
		{name: "open end of something else", want: "error 42601 Expected …", got: "error 42601 expected dot"},
		{name: "what is left", want: "columns a:23|…", got: "columns a:23|row 1|tag SELECT 1", matches: true},
		{name: "what is left of something else", want: "row 2|…", got: "row 1|row 3|tag SELECT 2"},
		{name: "JSON of PostgreSQL", want: `row {"bb":{"c":2},"d":1} | x`, got: `row {"d": 1, "bb": {"c": 2}} | x`, matches: true},
		{name: "JSON of PostgreSQL on a real server", want: `row {"d":1}`, got: `row {"d": 1}`, real: true},
		{name: "other JSON", want: `row {"d":1}`, got: `row {"d": 2}`},
		{name: "state", want: "tag BEGIN", got: "tag BEGIN|in transaction"},
	} {
		s := Step{Text: tt.text, Want: strings.Split(tt.want, "|")}
		if got := match(s, strings.Split(tt.got, "|"), tt.brief, tt.real); got != tt.matches {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// What a case makes is dropped, by kind, whatever its texts do to it.
func TestLeftovers(t *testing.T) {
	c := &Case{Setup: []string{"CREATE TABLE t (a int)", `create cluster "C d" REPLICAS ()`}, Steps: []Step{
		{Text: "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')"}, {Text: "CREATE TABLE IF NOT EXISTS t (a int); CREATE TABLE u (a int)"},
		{Text: "CREATE OR REPLACE MATERIALIZED  VIEW v AS SELECT 1"}, {Text: `ALTER CLUSTER "C d" RENAME TO d`}, {Text: "CREATE USER ann"},
	}}
	want := []string{`DROP CLUSTER IF EXISTS "C d", d CASCADE`, "DROP TABLE IF EXISTS t, u CASCADE", "DROP MATERIALIZED VIEW IF EXISTS v CASCADE", "DROP ROLE IF EXISTS ann"}
	if diff := cmp.Diff(want, c.leftovers()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
