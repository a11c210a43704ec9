package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/rewrite/pgtext"
)

// The tables.
const (
	strategiesTable = "mz_cluster_strategies"
	stateTable      = "mz_cluster_strategy_state"
	actionsTable    = "mz_cluster_strategy_actions"
	leaseTable      = "mz_cluster_strategy_lease"
	approvalsTable  = "mz_cluster_strategy_approvals"
	changesTable    = "mz_cluster_strategy_changes"
)

// tables are our tables in the order in which they are created, with their
// columns. The lease is for several proxies in front of one server: they agree in it which of them reconciles.
var tables = [...]struct{ name, columns string }{
	{strategiesTable, "cluster_id text NOT NULL, strategy_type text NOT NULL, config jsonb NOT NULL, updated_at timestamptz DEFAULT now()"},
	{stateTable, "cluster_id text NOT NULL, state_version int NOT NULL, payload jsonb NOT NULL, updated_at timestamptz DEFAULT now()"},
	{actionsTable, "action_id text NOT NULL, cluster_id text, action_sql text, decision_ctx jsonb, executed bool, error_message text, created_at timestamptz DEFAULT now()"},
	{leaseTable, "id text NOT NULL, holder text NOT NULL, expires_at timestamptz NOT NULL"},
	{approvalsTable, "approval_id text NOT NULL, cluster_id text NOT NULL, strategy_type text NOT NULL, config jsonb NOT NULL, updated_at timestamptz, " +
		"role_id text NOT NULL, role text NOT NULL, superuser bool NOT NULL, approved_at timestamptz NOT NULL"},
	{changesTable, "change_id text NOT NULL, cluster_id text, strategy_type text, change text NOT NULL, old_config jsonb, new_config jsonb, role text, application text, client text, created_at timestamptz NOT NULL"},
}

// TableNames are the names of our tables.
func TableNames() []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

// TablesError says that our tables are missing and may not be created by the
// controller.
type TablesError struct {
	Statements []string // to be run by somebody who may
	Err        error
}

// Error says why they could not be created.
func (e *TablesError) Error() string {
	return fmt.Sprintf("tables are missing, and the controller may not create them: %v", e.Err)
}

// Unwrap returns what the server said.
func (e *TablesError) Unwrap() error { return e.Err }

func (c *Client) createStatement(i int) string {
	return "CREATE TABLE IF NOT EXISTS " + c.table(tables[i].name) + " (" + tables[i].columns + ")"
}

// EnsureTables creates the tables that are missing. A *TablesError says that
// somebody else has to.
func (c *Client) EnsureTables(ctx context.Context) error {
	var missing, grants []string
	for i, t := range tables {
		_, err := c.exec(ctx, "read "+t.name, "SELECT * FROM "+c.table(t.name)+" LIMIT 0")
		switch {
		case isMissing(err):
			missing = append(missing, c.createStatement(i))
			grants = append(grants, c.grantTable(i, pgtext.QuoteIdent(c.pool.Config().ConnConfig.User)))
		case err != nil:
			return err
		}
	}
	for _, statement := range missing {
		_, err := c.pool.Exec(ctx, statement)
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && strings.Contains(refused.Message, "already exists"):
		case errors.As(err, &refused) && refused.Code == "42501":
			return &TablesError{append(missing, grants...), told(err)}
		case err != nil:
			return fmt.Errorf("create tables: %w", err)
		}
	}
	return nil
}
