package materialize

import (
	"context"
	"errors"
)

// Ping asks the server for a sign of life. The error is for people, and holds no secret.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.pool.Exec(ctx, "SELECT 1"); err != nil {
		return errors.New(c.unreachable(err))
	}
	return nil
}
