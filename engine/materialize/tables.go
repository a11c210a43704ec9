package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// TablesError says that our tables are missing and may not be created by the
// controller.
type TablesError struct {
	Statements []string // to be run by somebody who may
	Err        error
}

func (e *TablesError) Error() string {
	return fmt.Sprintf("the tables are missing and cannot be created (%v); run as a role that may: %s", e.Err, strings.Join(e.Statements, "; "))
}

func (e *TablesError) Unwrap() error { return e.Err }

// createStatements are the three tables.
func (c *Client) createStatements() []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + c.table("mz_cluster_strategies") +
			" (cluster_id text NOT NULL, strategy_type text NOT NULL, config jsonb NOT NULL, updated_at timestamptz DEFAULT now())",
		"CREATE TABLE IF NOT EXISTS " + c.table("mz_cluster_strategy_state") +
			" (cluster_id text NOT NULL, state_version int NOT NULL, payload jsonb NOT NULL, updated_at timestamptz DEFAULT now())",
		"CREATE TABLE IF NOT EXISTS " + c.table("mz_cluster_strategy_actions") +
			" (action_id text NOT NULL, cluster_id text, action_sql text, decision_ctx jsonb, executed bool, error_message text, created_at timestamptz DEFAULT now())",
	}
}

// EnsureTables creates the tables that are missing. A *TablesError says that
// somebody else has to.
func (c *Client) EnsureTables(ctx context.Context) error {
	statements := c.createStatements()
	for _, statement := range statements {
		_, err := c.pool.Exec(ctx, statement)
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && strings.Contains(refused.Message, "already exists"):
		case errors.As(err, &refused) && refused.Code == "42501":
			return &TablesError{statements, err}
		case err != nil:
			return fmt.Errorf("create tables: %w", err)
		}
	}
	return nil
}
