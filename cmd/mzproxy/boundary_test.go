package main

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// owned is a demo in which alice owns the cluster prod, and may write the table of the strategies.
func owned(t testing.TB) *world {
	t.Helper()
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	for _, sql := range []string{
		"CREATE ROLE alice", "GRANT SELECT, INSERT, UPDATE, DELETE ON mz_cluster_strategies TO alice", "ALTER CLUSTER prod OWNER TO alice",
		"CREATE SCHEMA other", "GRANT USAGE ON SCHEMA other TO alice",
		"CREATE TABLE other.mz_cluster_strategies (cluster_id text NOT NULL, strategy_type text NOT NULL, config jsonb NOT NULL, updated_at timestamptz)",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON other.mz_cluster_strategies TO alice",
	} {
		c.must(t, sql)
	}
	return w
}

func (c *client) must(t testing.TB, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// simply runs a text in the simple protocol.
func (c *client) simply(t *testing.T, text string) error {
	t.Helper()
	_, err := c.Exec(t.Context(), text).ReadAll()
	return err
}

func (w *world) mustDirect(t testing.TB, sql string) {
	t.Helper()
	if _, err := w.direct.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// batch sends messages and a Sync, and returns the first error's SQLSTATE; empty: there is none.
func (c *client) batch(t *testing.T, messages ...pgproto3.FrontendMessage) string {
	t.Helper()
	for _, m := range append(messages, &pgproto3.Sync{}) {
		c.Frontend().Send(m)
	}
	if err := c.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	code := ""
	for {
		message, err := c.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch m := message.(type) {
		case *pgproto3.ErrorResponse:
			code = m.Code
		case *pgproto3.ReadyForQuery:
			return code
		}
	}
}

// bound prepares and binds a statement, and leaves the pipeline open.
func (c *client) bound(t *testing.T, text string) {
	t.Helper()
	for _, m := range []pgproto3.FrontendMessage{&pgproto3.Parse{Query: text}, &pgproto3.Bind{}, &pgproto3.Flush{}} {
		c.Frontend().Send(m)
	}
	if err := c.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := c.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := m.(*pgproto3.BindComplete); ok {
			return
		}
	}
}

// executed are the messages that execute statements, one behind the other.
func executed(texts ...string) []pgproto3.FrontendMessage {
	var list []pgproto3.FrontendMessage
	for _, text := range texts {
		list = append(list, &pgproto3.Parse{Query: text}, &pgproto3.Bind{}, &pgproto3.Execute{})
	}
	return list
}

const (
	strayRow  = "INSERT INTO mz_cluster_strategies VALUES ('u3', 'pause', '{}')"
	otherPath = "SET search_path = other"
	ownPath   = "SET search_path = public"
)

// Who owns one cluster gets no row for another one into the table, whatever way the write is spelt.
func TestWritesForClustersOfOthers(t *testing.T) {
	w := owned(t)
	admin := connect(t, w)
	prepare := func(name, text string) pgproto3.FrontendMessage { return &pgproto3.Parse{Name: name, Query: text} }
	bind := func(portal, name string) pgproto3.FrontendMessage {
		return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: name}
	}
	run := func(portal string) pgproto3.FrontendMessage { return &pgproto3.Execute{Portal: portal} }
	for name, test := range map[string]struct {
		code string
		do   func(c *client) string
	}{
		"plain":                         {"42501", func(c *client) string { return code(t, c.simply(t, strayRow)) }},
		"a comment that ends elsewhere": {"0A000", func(c *client) string { return code(t, c.simply(t, "-- \r'\n"+strayRow+" --'")) }},
		"a function that is none": {"42501", func(c *client) string {
			return code(t, c.simply(t, "SELECT begin atomic FROM (SELECT 1 AS begin) s; "+strayRow))
		}},
		"a cursor": {"0A000", func(c *client) string {
			return code(t, c.simply(t, "BEGIN; DECLARE k CURSOR FOR "+strayRow+"; FETCH 1 k; COMMIT"))
		}},
		"a cursor, extended": {"0A000", func(c *client) string {
			return c.batch(t, executed("BEGIN", "DECLARE k CURSOR FOR "+strayRow, "FETCH 1 k", "COMMIT")...)
		}},
		"COPY INTO":           {"42501", func(c *client) string { return code(t, c.simply(t, "COPY INTO mz_cluster_strategies FROM STDIN")) }},
		"COPY INTO, extended": {"42501", func(c *client) string { return c.batch(t, executed("COPY INTO mz_cluster_strategies FROM STDIN")...) }},
		"TABLE": {"42501", func(c *client) string {
			return code(t, c.simply(t, "INSERT INTO mz_cluster_strategies TABLE other.mz_cluster_strategies"))
		}},
		"no UTF-8":             {"0A000", func(c *client) string { return code(t, c.simply(t, strayRow+" /* \xff */")) }},
		"a long text":          {"54000", func(c *client) string { return code(t, c.simply(t, strayRow+strings.Repeat(" ", 5<<20))) }},
		"the path in one text": {"42501", func(c *client) string { return code(t, c.simply(t, otherPath+"; SET SCHEMA public; "+strayRow)) }},
		"the path in one pipeline": {"42501", func(c *client) string {
			c.must(t, otherPath)
			return c.batch(t, executed(ownPath, strayRow)...)
		}},
		"the path in a transaction that is undone": {"42501", func(c *client) string {
			c.must(t, "BEGIN; "+otherPath)
			return c.batch(t, executed("ROLLBACK", strayRow)...)
		}},
		"the path between Parse and Bind": {"0A000", func(c *client) string {
			c.must(t, otherPath)
			if code := c.batch(t, prepare("p", strayRow)); code != "" {
				t.Errorf("Parse: %s", code)
			}
			c.must(t, ownPath)
			return c.batch(t, bind("", "p"), run(""))
		}},
		"the path between Bind and Execute": {"0A000", func(c *client) string {
			c.must(t, otherPath)
			return c.batch(t, prepare("p", strayRow), prepare("s", ownPath), bind("a", "p"), bind("b", "s"), run("b"), run("a"))
		}},
		"the path behind PREPARE": {"0A000", func(c *client) string {
			c.must(t, otherPath)
			c.must(t, "PREPARE p AS "+strayRow)
			c.must(t, ownPath)
			return code(t, c.simply(t, "EXECUTE p"))
		}},
		"the path in one text with EXECUTE": {"0A000", func(c *client) string {
			c.must(t, otherPath)
			return code(t, c.simply(t, "PREPARE p AS "+strayRow+"; "+ownPath+"; EXECUTE p"))
		}},
		"the path by EXECUTE": {"42501", func(c *client) string {
			c.must(t, otherPath)
			if err := c.simply(t, "PREPARE s AS "+ownPath); err != nil {
				return "42501" // the server prepares no SET
			}
			return code(t, c.simply(t, "EXECUTE s; "+strayRow))
		}},
		"a name that changes hands": {"", func(c *client) string {
			c.must(t, "PREPARE p AS INSERT INTO mz_cluster_strategies VALUES ('prod', 'pause', '{}')")
			admin.must(t, "ALTER CLUSTER prod SWAP WITH staging")
			defer admin.must(t, "ALTER CLUSTER prod SWAP WITH staging")
			return code(t, c.simply(t, "EXECUTE p"))
		}},
		"a row that comes in between": {"", func(c *client) string {
			c.bound(t, "UPDATE mz_cluster_strategies SET config = '{}' WHERE strategy_type = 'pause'")
			admin.must(t, "INSERT INTO mz_cluster_strategies VALUES ('u3', 'pause', '{\"reason\": \"mine\"}')")
			defer admin.must(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = 'staging'")
			code := c.batch(t, run(""))
			if !w.holds(t, "SELECT count(*) = 1 FROM mz_cluster_strategies WHERE config::text LIKE '%mine%'") {
				t.Error("the row of another's cluster has changed")
			}
			return code
		}},
		"a row that comes before EXECUTE": {"42501", func(c *client) string {
			c.must(t, "PREPARE p AS DELETE FROM mz_cluster_strategies")
			admin.must(t, "INSERT INTO mz_cluster_strategies VALUES ('u3', 'pause', '{}')")
			defer admin.must(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = 'staging'")
			return code(t, c.simply(t, "EXECUTE p"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := connectAs(t, w, "alice")
			if got := test.do(c); got != test.code {
				t.Errorf("gives %q, not %q", got, test.code)
			}
			if !w.holds(t, "SELECT count(*) = 0 FROM mz_cluster_strategies WHERE cluster_id <> 'u2'") {
				t.Error("a row for another's cluster is stored")
			}
			w.mustDirect(t, "DELETE FROM mz_cluster_strategies")
		})
	}
}
