package main

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fragments are what texts are made of that try to get around the boundary.
var fragments = []string{
	"INSERT INTO ", "UPDATE ", "DELETE FROM ", "COPY ", "COPY INTO ", "mz_cluster_strategies ", `"mz_cluster_strategies" `, "MZ_Cluster_Strategies ", "public.", "other.", "materialize.",
	"VALUES ('u3', 'pause', '{}') ", "VALUES ('staging', 'pause', '{}') ", "VALUES ('u2', 'pause', '{}') ", "SELECT 'u3', 'pause', '{}'::jsonb ", "TABLE other.mz_cluster_strategies ",
	"SET cluster_id = 'u3' ", "SET config = '{}' ", "WHERE strategy_type = 'pause' ", "WHERE cluster_id = 'u2' ", "FROM STDIN ",
	"; ", "BEGIN; ", "COMMIT; ", "ROLLBACK; ", "SET search_path = other; ", "SET search_path = public; ", "SET SCHEMA public; ", "RESET search_path; ", "RESET ALL; ", "DISCARD ALL; ",
	"PREPARE p AS ", "EXECUTE p; ", "DEALLOCATE p; ", "DECLARE k CURSOR FOR ", "FETCH 1 k; ", "EXPLAIN ", "WITH x AS (", ") SELECT 1 ", "SELECT 1 ", "SELECT begin atomic FROM (SELECT 1 AS begin) s; ",
	"'", "''", `"`, "$$ ", "$a$ ", "$a b$ ", "E'\\'' ", "-- ", "\r", "\n", "/* ", "*/ ", "U&", "\x0b", "\xff", "\u00a0", "(", ") ", ", ",
}

// spelt makes a text of the fragments that bytes choose.
func spelt(choice []byte) string {
	var b strings.Builder
	for _, c := range choice {
		b.WriteString(fragments[int(c)%len(fragments)])
	}
	return b.String()
}

// choose are the bytes that choose fragments, for seeds.
func choose(f *testing.F, words ...string) []byte {
	f.Helper()
	var choice []byte
	for _, word := range words {
		n := -1
		for i, fragment := range fragments {
			if fragment == word {
				n = i
			}
		}
		if n < 0 {
			f.Fatalf("no fragment %q", word)
		}
		choice = append(choice, byte(n))
	}
	return choice
}

// Whatever who owns one cluster sends, in either protocol, no row for another one gets into the table.
func FuzzBoundary(f *testing.F) {
	write := []string{"INSERT INTO ", "mz_cluster_strategies ", "VALUES ('u3', 'pause', '{}') "}
	for _, seed := range [][]string{
		write,
		append([]string{"SET search_path = other; ", "SET SCHEMA public; "}, write...),
		append([]string{"-- ", "\r", "'", "\n"}, append(write, "-- ", "'")...),
		append(append([]string{"BEGIN; ", "DECLARE k CURSOR FOR "}, write...), "; ", "FETCH 1 k; ", "COMMIT; "),
		append(append([]string{"SET search_path = other; ", "PREPARE p AS "}, write...), "; ", "SET search_path = public; ", "EXECUTE p; "),
		{"UPDATE ", "mz_cluster_strategies ", "SET cluster_id = 'u3' ", "WHERE strategy_type = 'pause' "},
		{"COPY INTO ", "mz_cluster_strategies ", "FROM STDIN "},
	} {
		f.Add(choose(f, seed...))
	}
	w := owned(f)
	var c *client // is used again as long as it works
	f.Fuzz(func(t *testing.T, choice []byte) {
		if len(choice) > 40 {
			t.Skip()
		}
		text := spelt(choice)
		for _, extended := range []bool{false, true} {
			if c == nil {
				var err error
				if c, err = w.dial(t.Context(), "alice"); err != nil {
					t.Fatal(err)
				}
			}
			w.mustDirect(t, "INSERT INTO mz_cluster_strategies VALUES ('u2', 'pause', '{}')")
			if !try(t.Context(), c, text, extended) {
				_ = c.Close(t.Context())
				c = nil
			}
			if !w.holds(t, "SELECT count(*) = 0 FROM mz_cluster_strategies WHERE cluster_id NOT IN ('u2', 'prod')") {
				t.Errorf("a row of another's cluster after %q", text)
			}
			w.mustDirect(t, "DELETE FROM mz_cluster_strategies")
		}
	})
}

// try sends a text, and tells whether the session can be used for another one.
func try(ctx context.Context, c *client, text string, extended bool) bool {
	if !extended {
		_, _ = c.Exec(ctx, text).ReadAll()
	} else if !c.pipelined(ctx, strings.Split(text, ";")) {
		return false
	}
	if c.TxStatus() == 'E' || c.TxStatus() == 'T' {
		_, _ = c.Exec(ctx, "ROLLBACK").ReadAll()
	}
	_, err := c.Exec(ctx, "DISCARD ALL").ReadAll()
	return err == nil
}

// pipelined sends statements in one pipeline, and tells whether that came to its end.
func (c *client) pipelined(ctx context.Context, texts []string) bool {
	for _, text := range texts {
		c.Frontend().Send(&pgproto3.Parse{Query: text})
		c.Frontend().Send(&pgproto3.Bind{})
		c.Frontend().Send(&pgproto3.Execute{})
	}
	c.Frontend().Send(&pgproto3.Sync{})
	if c.Frontend().Flush() != nil {
		return false
	}
	for {
		m, err := c.ReceiveMessage(ctx)
		if err != nil {
			return false
		}
		switch m := m.(type) {
		case *pgproto3.CopyInResponse:
			return false
		case *pgproto3.ReadyForQuery:
			return m.TxStatus == 'I'
		}
	}
}
