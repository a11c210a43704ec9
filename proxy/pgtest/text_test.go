package pgtest_test

import (
	"testing"

	"mzproxy/proxy/pgtest"
)

// Each line must survive being parsed and written again.
func TestMessagesAsText(t *testing.T) {
	for side, lines := range map[pgtest.Side][]string{
		pgtest.FromClient: {
			`Query "SELECT 1; -- \"x\""`, `Parse "s1" "SELECT $1" [23 0]`, `Bind "p" "s1" [0 1] ["a b" NULL "\x00\x01"] [1]`,
			`Describe S "s1"`, `Execute "" 0`, `Close P "p"`, `Sync`, `Flush`, `CopyData "1\t2\n"`, `CopyFail "no"`, `'!' "\x01"`,
		},
		pgtest.FromServer: {
			`ReadyForQuery T`, `RowDescription [a:25:0 b:23:1]`, `DataRow ["1" NULL ""]`, `CommandComplete "SELECT 1"`,
			`ErrorResponse S="ERROR" C="42601" M="no \"x\"" P="7"`, `ParameterDescription [23]`, `CopyInResponse 0 [0 0]`,
			`NotificationResponse 7 "ch" "payload"`, `Authentication 0 ""`, `NoData`, `'~' "abc"`,
		},
	} {
		for _, line := range lines {
			m, err := pgtest.ParseMessage(side, line)
			if err != nil {
				t.Errorf("%s: %v", line, err)
			} else if got := pgtest.Format(side, m); got != line {
				t.Errorf("got %s, want %s", got, line)
			}
		}
	}
	for _, line := range []string{`Quarry "x"`, `Query x`, `Bind "" "" [0`, `Sync 1`, `Execute "" x`} {
		if _, err := pgtest.ParseMessage(pgtest.FromClient, line); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}
