package materialize

import (
	"context"

	"mzproxy/engine"
)

// Execute runs the statement of an action, alone and outside of a
// transaction, as Materialize wants it.
func (c *Client) Execute(ctx context.Context, a engine.Action) error {
	_, err := c.pool.Exec(ctx, a.SQL)
	return err
}
