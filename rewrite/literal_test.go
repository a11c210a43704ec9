package rewrite

import (
	"errors"
	"strings"
	"testing"
)

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
