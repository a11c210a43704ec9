package rewrite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testEnv = Env{Database: "materialize", Schema: "public"}

// describe renders what was recognised in a text, a word or two a statement.
func describe(text string) string {
	statements, err := Classify(text, testEnv)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%d: %s; %s", CharPosition(text, syntax.Offset), syntax, syntax.Hint())
	}
	var out []string
	for _, s := range statements {
		switch s.Kind {
		case Other:
			out = append(out, "-")
		case IsWrite, IsPrepare:
			word := string(s.Write.Op)
			if s.Kind == IsPrepare {
				word = "PREPARE " + s.Name + " " + word
			}
			if s.Write.Opaque {
				word += " opaque"
			}
			out = append(out, word)
		case IsExecute:
			out = append(out, fmt.Sprintf("EXECUTE %s/%d", s.Name, len(s.Args)))
		case IsForget:
			out = append(out, "forget "+s.Name)
		case IsCommand:
			out = append(out, fmt.Sprintf("%s %s", s.Command.Name(), strings.ReplaceAll(fmt.Sprintf("%+v", s.Command), "0x", "")))
		}
	}
	return strings.Join(out, " | ")
}

func TestClassify(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		// none of ours
		{"", ""},
		{"SELECT 1", "-"},
		{"select * from mz_cluster_strategies", "-"},
		{"EXPLAIN SELECT 'strategy'", "-"},
		{"explain (format json) select strategy from t", "-"},
		{"SHOW search_path", "-"},
		{"SET search_path = strategy", "-"},
		{"CREATE SCALING STRATEGY FOR CLUSTER c TYPE BURST", "-"},
		{"INSERT INTO other.mz_cluster_strategies VALUES (1)", "-"},
		{"INSERT INTO mz_cluster_strategies_2 VALUES (1)", "-"},
		{"INSERT INTO log VALUES ('mz_cluster_strategies')", "-"},
		{"COPY mz_cluster_strategies TO STDOUT", "-"},
		{"SELECT 'a;b'; SELECT 2", "- | -"},
		{"SELECT 'open", ""},
		// writes, however the table is spelled
		{"INSERT INTO mz_cluster_strategies VALUES ('u1', 'burst', '{}')", "INSERT"},
		{"insert into PUBLIC . \"mz_cluster_strategies\" /* c */ values ('u1', 'burst', '{}');", "INSERT"},
		{"INSERT INTO materialize.public.mz_cluster_strategies (cluster_id) SELECT 'u1'", "INSERT"},
		{`INSERT INTO U&"mz\005fcluster_strategies" VALUES ('u1', 'burst', '{}')`, "INSERT"},
		{`INSERT INTO U&"mz!005fcluster_strategies" UESCAPE '!' VALUES (U&'!0061' uescape '!', 'burst', '{}')`, "INSERT"},
		{"INSERT INTO elsewhere.public.mz_cluster_strategies VALUES (1)", "-"},
		{"INSERT INTO mz_cluster_strategies SELECT * FROM t", "INSERT opaque"},
		{"INSERT INTO mz_cluster_strategies SELECT 'a', 'b', '{}' UNION ALL SELECT 'c', 'd', '{}'", "INSERT"},
		{"INSERT INTO mz_cluster_strategies DEFAULT VALUES", "INSERT"},
		{"UPDATE mz_cluster_strategies s SET config = '{}' WHERE s.cluster_id = 'u1' AND strategy_type IN ('burst', $1)", "UPDATE"},
		{"UPDATE ONLY mz_cluster_strategies SET config = '{}' WHERE length(cluster_id) > 1", "UPDATE opaque"},
		{"DELETE FROM mz_cluster_strategies", "DELETE"},
		{"DELETE FROM mz_cluster_strategies WHERE cluster_id = 'a' OR cluster_id = 'b'", "DELETE opaque"},
		{"COPY mz_cluster_strategies FROM STDIN", "COPY opaque"},
		{"WITH x AS (SELECT 1) INSERT INTO mz_cluster_strategies SELECT 'u1', 'burst', '{}'", "INSERT opaque"},
		{"PREPARE p AS INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3)", "PREPARE p INSERT"},
		{"EXECUTE p('a', $1, 3)", "EXECUTE p/3"},
		{"DEALLOCATE PREPARE p; DEALLOCATE ALL; DISCARD ALL", "forget p | forget  | forget "},
		{"BEGIN; INSERT INTO mz_cluster_strategies VALUES ('u1', 'burst', '{}'); COMMIT", "- | INSERT | -"},
		// commands
		{"EXPLAIN STRATEGY", "EXPLAIN STRATEGY {JSON:false Verbose:false Scope:{Cluster:<nil> Like:<nil>} WhatIf:<nil>}"},
		{"explain scaling strategies all clusters;", "EXPLAIN STRATEGY {JSON:false Verbose:false Scope:{Cluster:<nil> Like:<nil>} WhatIf:<nil>}"},
		{"EXPLAIN (VERBOSE, FORMAT JSON) STRATEGY FOR ALL CLUSTERS", "EXPLAIN STRATEGY {JSON:true Verbose:true Scope:{Cluster:<nil> Like:<nil>} WhatIf:<nil>}"},
		{"SHOW STRATEGY TYPES -- all of them", "SHOW STRATEGY TYPES {}"},
		{"SHOW strategy.notices", "SHOW {}"},
		{"SET LOCAL strategy.notices TO 'off'", "SET {Local:true Value:off Offset:30}"},
		{"RESET strategy.notices", "RESET {}"},
		{"RESET STRATEGY STATE", "RESET STRATEGY STATE {Scope:{Cluster:<nil> Like:<nil>}}"},
		// malformed commands
		{"EXPLAIN STRATEGY FOR", `21: syntax error at end of input; Expected ALL, CLUSTER, DELETE, INSERT or UPDATE.`},
		{"EXPLAIN STRATEGY CLUSTER", "25: syntax error at end of input; Expected the name of a cluster."},
		{"EXPLAIN STRATEGY CLUSTER a b", `28: syntax error at or near "b"; Expected end of statement.`},
		{"EXPLAIN STRATEGY (FORMAT XML) CLUSTER a", `26: syntax error at or near "XML"; Expected JSON or TEXT.`},
		{"SHOW STRATEGY", "14: syntax error at end of input; Expected ACTIONS, HELP, STATUS or TYPES."},
		{"SHOW STRATEGY ACTIONS LIMIT x", `29: syntax error at or near "x"; Expected a number of rows, at least 1.`},
		{"PAUSE STRATEGIES FOR 'soon'", `22: invalid input syntax for type interval: "soon"; Expected an interval such as '2 hours' or '30 minutes'.`},
		{"SELECT 'ä'; APPLY STRATEGIES NOW", `30: syntax error at or near "NOW"; Expected CLUSTER, FOR or end of statement.`},
		{"EXPLAIN STRATEGY INSERT INTO t VALUES (1)", "18: EXPLAIN STRATEGY explains writes to mz_cluster_strategies only; "},
	} {
		if diff := cmp.Diff(test.want, describe(test.text)); diff != "" {
			t.Errorf("%s\n%s", test.text, diff)
		}
	}
}

func TestClusterNames(t *testing.T) {
	for text, want := range map[string]string{
		"EXPLAIN STRATEGY CLUSTER Prod":              "prod",
		`EXPLAIN STRATEGY FOR CLUSTER "cluster-123"`: "cluster-123",
		"EXPLAIN STRATEGY FOR CLUSTER 'cluster-123'": "cluster-123",
		`EXPLAIN STRATEGY FOR CLUSTER U&"\0061b"`:    "ab",
	} {
		statements, err := Classify(text, testEnv)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := statements[0].Command.(ExplainStrategy).Cluster.Text; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// Every line of the grammar, with its options taken and left, is a command.
func TestGrammarParses(t *testing.T) {
	fill := strings.NewReplacer("name", "prod", "'pattern'", "'p%'", " n ", " 5 ", "'interval'", "'2 hours'",
		"'timestamp'", "'2030-01-01'", "option", "VERBOSE", "[, ...]", "",
		"{ INSERT | UPDATE | DELETE } ... mz_cluster_strategies ...", "DELETE FROM mz_cluster_strategies",
		"{ TO | = }", "=", "{ off | changes | all | DEFAULT }", "all", "FOR '2 hours' | UNTIL '2030-01-01'", "UNTIL '2030-01-01'", "SESSION | LOCAL", "LOCAL")
	for _, line := range Grammar() {
		if strings.HasPrefix(line, " ") {
			continue
		}
		full := fill.Replace(fill.Replace(line + " "))
		for _, text := range []string{strings.NewReplacer("[", "", "]", "").Replace(full), optionsLeft(full)} {
			statements, err := Classify(text, testEnv)
			if err != nil || len(statements) != 1 || statements[0].Kind != IsCommand {
				t.Errorf("%s\n  as %s\n  is not a command: %v %+v", line, text, err, statements)
			}
		}
	}
}

// optionsLeft drops everything in square brackets.
func optionsLeft(line string) string {
	var b strings.Builder
	depth := 0
	for _, r := range line {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func TestTouch(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"UPDATE mz_cluster_strategies SET config = '{}' WHERE cluster_id = 'u1'", "UPDATE mz_cluster_strategies SET updated_at = now(), config = '{}' WHERE cluster_id = 'u1'"},
		{"update mz_cluster_strategies AS s set\n  config = $1", "update mz_cluster_strategies AS s set updated_at = now(),\n  config = $1"},
		{"UPDATE mz_cluster_strategies SET config = '{}', updated_at = now()", ""},
		{"UPDATE mz_cluster_strategies SET strategy_type = 'burst'", ""},
	} {
		statements, _ := Classify(test.text, testEnv)
		edit, ok := statements[0].Write.Touch()
		if ok != (test.want != "") || ok && Apply(test.text, []Edit{edit}) != test.want {
			t.Errorf("%s: got %v %q", test.text, ok, Apply(test.text, []Edit{edit}))
		}
	}
}

func TestSourceOffset(t *testing.T) {
	for _, literal := range []string{
		`'{"a": "X"}'`, `'it''s "X"'`, `E'tab\t \x41 \u00e4 "X"'`, `E'q\' "X"'`, `$j${"a": "X"}$j$`,
		`U&'\0061\+000062 "X"'`, `U&'!0061 "X"' UESCAPE '!'`, "'ä€ '\n  '\"X\"'",
	} {
		text := "INSERT INTO mz_cluster_strategies VALUES ('u1', 'burst', " + literal + "::jsonb)"
		statements, err := Classify(text, testEnv)
		if err != nil || len(statements) != 1 || statements[0].Write == nil || len(statements[0].Write.Rows) == 0 {
			t.Fatalf("%s: %v", text, err)
		}
		v := statements[0].Write.Rows[0][ColumnConfig]
		if got, want := v.SourceOffset(text, strings.Index(v.Text, "X")), strings.LastIndex(text, "X"); got != want {
			t.Errorf("%s: value %q: got %d, want %d", literal, v.Text, got, want)
		}
	}
}

func TestLike(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"prod", "prod", true}, {"p%", "prod", true}, {"%d", "prod", true}, {"p_d", "prod", false}, {"p__d", "prod", true},
		{"%", "", true}, {"", "", true}, {"_", "", false}, {`a\%`, "a%", true}, {`a\%`, "ab", false}, {`\_x`, "_x", true},
		{"%a%b%", "xxaxxbxx", true}, {"%ä_", "xäy", true}, {`%\\`, `a\`, true},
	} {
		if got, err := Like(test.pattern, test.text); err != nil || got != test.want {
			t.Errorf("%q LIKE %q: got %v, %v", test.text, test.pattern, got, err)
		}
	}
	if _, err := Like(`a\`, "a"); !errors.Is(err, ErrPattern) {
		t.Errorf("got %v", err)
	}
}

func FuzzClassify(f *testing.F) {
	for _, seed := range []string{
		"EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER \"a\"\"b\"", "UPDATE mz_cluster_strategies SET config = E'\\u00e4' WHERE cluster_id IN ('a', $1)",
		"INSERT INTO U&\"mz\\005fcluster_strategies\" UESCAPE '!' VALUES (U&'!0061', 'x', $$a$$)", "PAUSE STRATEGIES FOR '1h' WITH REASON 'x'",
		"SELECT 1; SHOW STRATEGIES LIKE 'a\\%'; SELECT 'ä'", "SET LOCAL strategy.notices = off",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		Match([]byte(text))
		statements, err := Classify(text, testEnv)
		var syntax *SyntaxError
		if errors.As(err, &syntax) && (syntax.Offset < 0 || syntax.Offset > len(text)) {
			t.Fatalf("position %d outside %q", syntax.Offset, text)
		}
		end := 0
		for _, s := range statements {
			if s.Start < end || s.End < s.Start || s.End > len(text) {
				t.Fatalf("statement %v in %q", s.Span, text)
			}
			end = s.End
			if s.Write == nil {
				continue
			}
			checkWrite(t, text, s)
		}
	})
}

// checkWrite holds a write's positions against the text, and its edits
// against the tree.
func checkWrite(t *testing.T, text string, s Statement) {
	for _, v := range s.Write.Clusters() {
		if v.Kind == Expr || v.Kind == Default || v.Kind == Null {
			continue
		}
		if v.Start < s.Start || v.End > s.End || v.Start >= v.End {
			t.Fatalf("value %v in %q", v, text)
		}
		for i := range len(v.Text) {
			if at := v.SourceOffset(text, i); at < v.Start || at > v.End {
				t.Fatalf("offset %d of %v in %q", at, v, text)
			}
		}
	}
	edit, ok := s.Write.Touch()
	if !ok {
		return
	}
	edited := Apply(text, []Edit{edit})
	again, err := Classify(edited, testEnv)
	if err != nil || len(again) == 0 {
		t.Fatalf("%q does not parse after the edit: %v", edited, err)
	}
}
