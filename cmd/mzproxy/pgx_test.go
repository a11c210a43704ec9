package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgxModes are all ways in which pgx sends statements.
var pgxModes = []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol}

// pgxIn connects to an address in a mode.
func pgxIn(t *testing.T, address string, mode pgx.QueryExecMode) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", demoUser, address, demoDatabase))
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// sqlstate is the SQLSTATE of an error, or what else it is.
func sqlstate(err error) string {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.Code
	}
	return err.Error()
}

// rowsOf are the rows of a query as text, or its error.
func rowsOf(ctx context.Context, c interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, sql string, args ...any) string {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return sqlstate(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return fmt.Sprint(values...), err
	})
	if err != nil {
		return sqlstate(err)
	}
	return strings.Join(list, "|")
}

// ordinary is a program that has nothing to do with strategies.
func ordinary(ctx context.Context, c *pgx.Conn, table string) (said []string) {
	exec := func(sql string, args ...any) {
		tag, err := c.Exec(ctx, sql, args...)
		said = append(said, tag.String()+" "+sqlstate(err))
	}
	exec("CREATE TABLE " + table + " (a int, b text)")
	for i, b := range []any{"one", nil} {
		exec("INSERT INTO "+table+" VALUES ($1, $2)", i, b)
	}
	said = append(said, rowsOf(ctx, c, "SELECT a, b FROM "+table+" WHERE a >= $1 ORDER BY a", 0))
	exec("SELECT 1; SELECT 2")
	exec("SELECT nothing FROM " + table)
	exec("SELECT $1::int / 0", 1)
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO "+table+" VALUES ($1, 'batch')", 7)
	batch.Queue("SELECT 1/0")
	batch.Queue("SELECT 3")
	said = append(said, sqlstate(c.SendBatch(ctx, batch).Close()), rowsOf(ctx, c, "SELECT count(*) FROM "+table))
	tx, err := c.Begin(ctx)
	said = append(said, sqlstate(err))
	if err == nil {
		_, err = tx.Exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2)", 8, "undone")
		said = append(said, sqlstate(err), sqlstate(tx.Rollback(ctx)))
	}
	return append(said, rowsOf(ctx, c, "SELECT a FROM "+table+" ORDER BY a"))
}

// The same program does the same in all modes of pgx, direct and through the proxy; and strategies can be written,
// read, asked about and refused in all of them.
func TestPgx(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	proxied := w.addr.String()
	const config = `{"target_size": "small"}`
	for i, mode := range pgxModes {
		t.Run(mode.String(), func(t *testing.T) {
			ctx := t.Context()
			c := pgxIn(t, proxied, mode)
			if diff := cmp.Diff(ordinary(ctx, pgxIn(t, w.sim.Addr(), mode), fmt.Sprint("d", i)), ordinary(ctx, c, fmt.Sprint("p", i))); diff != "" {
				t.Errorf("the proxy makes a difference (-direct +proxied):\n%s", diff)
			}
			if got := rowsOf(ctx, c, "EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3)", "prod", "target_size", config); !strings.Contains(got, "small") {
				t.Errorf("what-if: %s", got)
			}
			batch := &pgx.Batch{}
			batch.Queue(insertRow, "prod", "target_size", config)
			batch.Queue(insertRow, "prod", "target_size", `{"target_size": "smal"}`)
			if got := sqlstate(c.SendBatch(ctx, batch).Close()); got != "42704" {
				t.Errorf("refused in a batch: %s", got)
			}
			if _, err := c.Exec(ctx, insertRow, "prod", "target_size", config); err != nil {
				t.Fatal(err)
			}
			for sql, want := range map[string]string{
				"SELECT strategy_type FROM mz_cluster_strategies WHERE cluster_id = $1": "target_size",
				"SELECT count(*) FROM mz_cluster_strategies WHERE cluster_id <> $1":     "0",
			} {
				if got := rowsOf(ctx, c, sql, "prod"); got != want {
					t.Errorf("%s: %s", sql, got)
				}
			}
			if tag, err := c.Exec(ctx, "DELETE FROM mz_cluster_strategies WHERE cluster_id = $1", "prod"); err != nil || tag.RowsAffected() != 1 {
				t.Errorf("deleted %s, %v", tag, err)
			}
		})
	}
	t.Run("fifty at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				c := pgxIn(t, proxied, pgxModes[i%len(pgxModes)])
				if got := rowsOf(t.Context(), c, "SELECT $1::int", i); got != fmt.Sprint(i) {
					t.Errorf("%d: %s", i, got)
				}
				if got := rowsOf(t.Context(), c, "SHOW STRATEGIES"); got != "" {
					t.Errorf("%d: %s", i, got)
				}
			})
		}
		all.Wait()
	})
}
