package mzsim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// step is a text and what has to come back, as client.say renders it. A want that ends in … gives the
// beginning only. A text that begins with @name or @name:role runs in another session of that name, one
// with ~ is repeated until it answers what is wanted, and these are not SQL:
//
//	\parameter name   the value that ParameterStatus has reported last
//	\hint, \detail    of the latest error
//	\columns sql      the names of the columns of a result
type step struct{ sql, want string }

// check is one fact about Materialize. Every check begins with a table t (a
// int) of one row and without clusters but quickstart.
type check struct {
	name    string   // the SQL that it is about
	options []string // of the connection
	setup   []string
	steps   []step
	knobs   bool   // uses those of the stand-in
	why     string // why it cannot hold on PostgreSQL; then it is not run there
}

const (
	emptyC  = `CREATE CLUSTER c REPLICAS ()`
	oneC    = `CREATE CLUSTER c REPLICAS (r1 (SIZE '25cc'))`
	managed = `CREATE CLUSTER c3 SIZE '25cc', REPLICATION FACTOR 2`
	noC     = `0A000 CLUSTER "c" has no replicas available to service request`
)

// The checks hold for the stand-in, except those that say why not, and for the
// Materialize that MATERIALIZE_URL names, except those that use knobs.
func TestConformance(t *testing.T) {
	all := slices.Concat(clusterChecks, sessionChecks, showChecks, catalogChecks)
	for name, extended := range map[string]bool{"stand-in": false, "stand-in, extended protocol": true} {
		t.Run(name, func(t *testing.T) {
			c := dial(t) // one session for all, as a new one has to learn the procedures anew
			for _, tt := range all {
				t.Run(tt.name, func(t *testing.T) {
					if tt.why != "" {
						t.Skip("cannot hold on PostgreSQL: " + tt.why)
					}
					tidy(t)
					c.must(t, "ROLLBACK")
					c.must(t, "DISCARD ALL")
					tt.run(t, theStandIn(), c, extended)
				})
			}
		})
	}
	t.Run("materialize", func(t *testing.T) {
		url := os.Getenv("MATERIALIZE_URL")
		if url == "" {
			t.Skip("MATERIALIZE_URL names no Materialize")
		}
		real := server{url}
		real.mustBeEmpty(t)
		for _, tt := range all {
			if tt.knobs {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				c := real.dial(t)
				c.clean(t)
				tt.run(t, real, c, false)
			})
		}
	})
}

// mustBeEmpty protects a Materialize that somebody uses: the checks drop what they find.
func (s server) mustBeEmpty(t *testing.T) {
	t.Helper()
	found := rows(t, s.dial(t), `SELECT name FROM mz_clusters WHERE id LIKE 'u%' AND name <> 'quickstart'
		UNION ALL SELECT name FROM mz_objects WHERE id LIKE 'u%' AND type IN ('table', 'view', 'materialized-view', 'source', 'sink')`)
	if len(found) > 0 {
		t.Fatalf("MATERIALIZE_URL has to name an empty environment, as the checks drop what they find; there is %s", strings.Join(found, ", "))
	}
}

func (tt check) run(t *testing.T, s server, c *client, extended bool) {
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "INSERT INTO t VALUES (1)")
	for _, sql := range tt.setup {
		c.must(t, sql)
	}
	sessions := map[string]*client{}
	if tt.options != nil {
		c = s.dial(t, tt.options...)
	}
	for _, step := range tt.steps {
		in, sql := c, step.sql
		if name, rest, ok := strings.Cut(sql, " "); ok && strings.HasPrefix(name, "@") {
			if sessions[name] == nil {
				sessions[name] = s.dial(t, as(name)...)
			}
			in, sql = sessions[name], rest
		}
		step.sql, in.extended = sql, extended
		step.check(t, in)
	}
}

// as returns the option for a session @name:role.
func as(session string) []string {
	if _, role, ok := strings.Cut(session, ":"); ok {
		return []string{"user=" + role}
	}
	return nil
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
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case `\parameter`:
		return c.ParameterStatus(rest)
	case `\hint`, `\detail`:
		var e *pgconn.PgError
		if !errors.As(c.failure, &e) {
			t.Fatalf("%s: there was no error", text)
		}
		return map[string]string{`\hint`: e.Hint, `\detail`: e.Detail}[word]
	case `\columns`:
		r := c.Exec(context.Background(), rest)
		var names []string
		for r.NextResult() {
			for _, f := range r.ResultReader().FieldDescriptions() {
				names = append(names, f.Name)
			}
			_, _ = r.ResultReader().Close() // r has the error, too
		}
		if err := r.Close(); err != nil {
			t.Fatalf("%s: %v", rest, err)
		}
		return strings.Join(names, " ")
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
