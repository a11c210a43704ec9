package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// steered is a demo in which the cluster prod belongs to team, whose member is bob; carol has nothing to do with it. All may write the table.
func steered(t *testing.T, trust string) *world {
	t.Helper()
	c := offlineDemo()
	c.TrustRows = trust
	w := newWorldWith(t, c)
	for _, sql := range []string{
		"CREATE ROLE team", "CREATE ROLE bob", "CREATE ROLE carol", "GRANT team TO bob", "ALTER CLUSTER prod OWNER TO team",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON mz_cluster_strategies TO team, bob, carol",
	} {
		w.mustDirect(t, sql)
	}
	w.app.client.Touch() // who may write the table decides what counts
	return w
}

// counts is what becomes of the rows of prod: type, state and reason of each.
func (w *world) counts(t *testing.T, admin *client) string {
	t.Helper()
	a := read(t, admin.ExecParams(t.Context(), "SHOW STRATEGIES FOR CLUSTER prod", nil, nil, nil, nil).Read())
	if a.err != nil {
		t.Fatal(a.err)
	}
	var list []string
	for _, row := range a.rows[1:] {
		list = append(list, row[1]+" "+row[2])
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// copyRow copies one row into the table.
func copyRow(ctx context.Context, c *pgconn.PgConn) error {
	_, err := c.CopyFrom(ctx, strings.NewReader("u2\tpause\t{}\t2026-01-01 00:00:00+00\n"), "COPY mz_cluster_strategies FROM STDIN")
	return err
}

// Who is planned with, and who is told what, whatever way a row came into the table.
func TestTrustOfRows(t *testing.T) {
	const (
		insert   = "INSERT INTO mz_cluster_strategies VALUES ('u2', 'pause', '{}', '2026-01-01')"
		active   = "pause active"
		finding  = "pause unapproved"
		refused  = "42501"
		notOurs  = "0A000"
		approved = "a row of strategy"
	)
	users := map[string]string{"superuser": demoUser, "owner": "team", "member": "bob", "stranger": "carol"}
	type outcome struct{ code, counts string }
	for _, trust := range []string{"auto", "always", "approved"} {
		t.Run(trust, func(t *testing.T) {
			w := steered(t, trust)
			admin := connect(t, w)
			entitled := map[string]outcome{"superuser": {"", active}, "owner": {"", active}, "member": {"", active}, "stranger": {refused, ""}}
			around := outcome{"", finding}
			copied := map[string]outcome{"superuser": {"", finding}, "owner": {refused, ""}, "member": {refused, ""}, "stranger": {refused, ""}}
			changed, removed := outcome{"", active + ", " + finding + ", " + finding}, outcome{"", active + ", " + finding}
			if trust == "always" {
				around, changed, removed = outcome{"", active}, outcome{"", active}, outcome{"", ""}
				copied["superuser"] = outcome{"", active}
			}
			anybody := func(o outcome) map[string]outcome {
				return map[string]outcome{"superuser": o, "owner": o, "member": o, "stranger": o}
			}
			change := "UPDATE mz_cluster_strategies SET config = '{\"reason\": \"x\"}' WHERE cluster_id = 'u2'"
			remove := "DELETE FROM mz_cluster_strategies WHERE cluster_id = 'u2'"
			unchanged := func(counts string) map[string]outcome {
				m := anybody(outcome{"", counts})
				m["stranger"] = outcome{refused, active}
				return m
			}
			for _, way := range []struct {
				name   string
				before string // by the superuser through the proxy
				do     func(c *client) error
				direct bool
				want   map[string]outcome
			}{
				{"INSERT", "", func(c *client) error { return c.simply(t, insert) }, false, entitled},
				{"UPDATE", insert, func(c *client) error { return c.simply(t, change) }, false, unchanged(active)},
				{"DELETE", insert, func(c *client) error { return c.simply(t, remove) }, false, unchanged("")},
				{"COPY", "", func(c *client) error { return copyRow(t.Context(), c.PgConn) }, false, copied},
				{"PREPARE", "", func(c *client) error { return c.simply(t, "PREPARE p AS "+insert+"; EXECUTE p") }, false, entitled},
				{"direct INSERT", "", func(c *client) error { return c.simply(t, insert) }, true, anybody(around)},
				{"direct UPDATE", insert, func(c *client) error { return c.simply(t, change) }, true, anybody(changed)},
				{"direct DELETE", insert, func(c *client) error { return c.simply(t, remove) }, true, anybody(removed)},
				{"smuggled", "", func(c *client) error { return c.simply(t, "BEGIN; DECLARE k CURSOR FOR "+insert+"; FETCH 1 k; COMMIT") }, false, anybody(outcome{notOurs, ""})},
			} {
				for _, who := range []string{"superuser", "owner", "member", "stranger"} {
					if trust != "auto" && (who == "owner" || who == "member") {
						continue // as with auto
					}
					w.mustDirect(t, "DELETE FROM mz_cluster_strategies")
					w.mustDirect(t, "DELETE FROM mz_cluster_strategy_approvals")
					if way.before != "" {
						admin.must(t, way.before)
					}
					c := connectAs(t, w, users[who])
					if way.direct {
						c = w.around(t, users[who])
					}
					err := way.do(c)
					got := outcome{code(t, err), w.counts(t, admin)}
					if got != way.want[who] {
						t.Errorf("%s by %s gives %+v, not %+v", way.name, who, got, way.want[who])
					}
					told := strings.Contains(strings.Join(c.notices, "\n"), approved)
					if want := way.name == "COPY" && got.counts == finding; told != want {
						t.Errorf("%s by %s is told %q", way.name, who, c.notices)
					}
					_ = c.Close(context.Background())
				}
			}
		})
	}
}

// around connects to the server itself.
func (w *world) around(t *testing.T, user string) *client {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, w.sim.Addr(), demoDatabase))
	if err != nil {
		t.Fatal(err)
	}
	return &client{PgConn: conn}
}
