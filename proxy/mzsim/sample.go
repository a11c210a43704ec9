package mzsim

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/rewrite/pgtext"
)

// sample is what Sample creates, a statement an entry: Materialize runs DDL only outside of transactions.
var sample = []string{
	`CREATE CLUSTER prod REPLICAS ()`,
	`CREATE CLUSTER staging REPLICAS ()`,
	`CREATE CLUSTER "cluster-123" REPLICAS ()`,
	`CREATE TABLE orders (id int NOT NULL, customer text NOT NULL, amount numeric NOT NULL, created_at timestamptz DEFAULT now())`,
	`INSERT INTO orders (id, customer, amount) VALUES (1, 'Ada', 120.50), (2, 'Grace', 80.00), (3, 'Ada', 19.99), (4, 'Edsger', 240.00), (5, 'Barbara', 65.25)`,
	`CREATE INDEX orders_customer_idx IN CLUSTER prod ON orders (customer)`,
	`CREATE MATERIALIZED VIEW customer_totals IN CLUSTER prod AS SELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer`,
}

// Sample creates the clusters prod, staging and cluster-123 on the stand-in that
// listens on addr: unmanaged, without replicas, and prod with an index and a materialized view on a table with data.
func Sample(ctx context.Context, addr string) error {
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", userRole, addr, database))
	if err != nil {
		return fmt.Errorf("create sample: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range sample {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create sample: %w", err)
		}
	}
	return nil
}

// constantPassword renders a password as SQL.
func constantPassword(password string) string {
	return strings.TrimSpace(pgtext.QuoteLiteral(password))
}
