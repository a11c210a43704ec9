package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

// Execute runs the statement of an action, alone and outside of a
// transaction, as Materialize wants it.
func (c *Client) Execute(ctx context.Context, a engine.Action) error {
	if a.Alter != nil && a.Alter.Resizes() {
		return c.resize(ctx, a, c.version())
	}
	_, err := c.statements.Exec(ctx, a.SQL)
	switch {
	case err == nil:
		return nil
	case refused(err):
		return told(err)
	}
	return fmt.Errorf("%w: %w", reconcile.ErrNoAnswer, told(err))
}

// refused tells whether an error is the server's answer to the statement, as
// opposed to the end of the connection, of the server, or of patience.
func refused(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Severity != "ERROR" {
		return false
	}
	switch {
	case strings.HasPrefix(e.Code, "08"), strings.HasPrefix(e.Code, "57"), e.Code == "40003":
		return false
	}
	return true
}
