package mzsim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// step is a text and what has to come back, as client.say renders it. A want that ends in … gives the
// beginning only. A text that begins with ~ is repeated until it answers what is wanted, and \hint is that of the latest error.
type step struct{ sql, want string }

const (
	emptyC = `CREATE CLUSTER c REPLICAS ()`
	oneC   = `CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'))`
)

// mustBeEmpty protects a Materialize that somebody uses: the checks drop what they find.
func (s server) mustBeEmpty(t *testing.T) {
	t.Helper()
	found := rows(t, s.dial(t), `SELECT name FROM mz_clusters WHERE id LIKE 'u%' AND name <> 'quickstart'
		UNION ALL SELECT name FROM mz_objects WHERE id LIKE 'u%' AND type IN ('table', 'view', 'materialized-view', 'source', 'sink')`)
	if len(found) > 0 {
		t.Fatalf("MATERIALIZE_URL has to name an empty environment, as the checks drop what they find; there is %s", strings.Join(found, ", "))
	}
}

func (s step) check(t *testing.T, c *client) {
	t.Helper()
	sql, again := strings.CutPrefix(s.sql, "~")
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // the poll of a condition
		got := c.tell(t, sql)
		if begin, open := strings.CutSuffix(s.want, "…"); open && strings.HasPrefix(got, begin) || got == s.want {
			return
		}
		if !again || time.Now().After(deadline) {
			t.Errorf("%s\n got %s\nwant %s", s.sql, got, s.want)
			return
		}
	}
}

// tell runs SQL, or what is not SQL; see step.
func (c *client) tell(t *testing.T, text string) string {
	t.Helper()
	if text == `\hint` {
		var e *pgconn.PgError
		if !errors.As(c.failure, &e) {
			t.Fatalf("%s: there was no error", text)
		}
		return e.Hint
	}
	return c.say(text)
}

// clean drops the clusters, roles and objects of the checks before.
func (c *client) clean(t *testing.T) {
	t.Helper()
	for _, name := range rows(t, c, "SELECT name FROM mz_clusters WHERE id LIKE 'u%' AND name <> 'quickstart'") {
		c.must(t, "DROP CLUSTER "+pgx.Identifier{name}.Sanitize()+" CASCADE")
	}
	for _, kind := range []string{"sink", "materialized-view", "view", "table", "source", "connection", "secret"} {
		for _, name := range rows(t, c, "SELECT s.name || '.' || o.name FROM mz_objects o JOIN mz_schemas s ON s.id = o.schema_id WHERE o.id LIKE 'u%' AND o.type = '"+kind+"'") {
			schema, name, _ := strings.Cut(name, ".")
			c.must(t, fmt.Sprintf("DROP %s IF EXISTS %s CASCADE", strings.ToUpper(strings.ReplaceAll(kind, "-", " ")), pgx.Identifier{schema, name}.Sanitize()))
		}
	}
	for _, name := range rows(t, c, "SELECT name FROM mz_roles WHERE id LIKE 'u%' AND name <> 'materialize' AND name <> current_user") {
		c.must(t, "DROP ROLE "+pgx.Identifier{name}.Sanitize())
	}
}
