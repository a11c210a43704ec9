package materialize

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// remedy says what mends an error of the server that is about what the controller needs; "": it is about something else.
func remedy(e *pgconn.PgError) string {
	switch {
	case strings.HasPrefix(e.Message, "unknown cluster"):
		return "That is the control cluster: create it, or start the proxy with another --control-cluster."
	case strings.HasPrefix(e.Message, "CLUSTER ") && strings.Contains(e.Message, "has no replicas"):
		return "That is the control cluster: give it a replica with ALTER CLUSTER ... SET (REPLICATION FACTOR 1) or CREATE CLUSTER REPLICA, or start the proxy with another --control-cluster."
	case isColumn(e): // said where the table is known
	case isMissing(e):
		return "The proxy makes a table that is missing again; where it may not, mzproxy check prints the statement for somebody who may."
	}
	return ""
}

// failed says what could not be done, and what mends it.
func (c *Client) failed(what, sql string, err error) error {
	err = wrapped(what, err)
	var said *reconcile.ServerError
	if isColumn(err) && errors.As(err, &said) {
		said.Hint = c.remedyOfColumn(sql)
	}
	return err
}

// isColumn tells whether an error is about a column that does not exist.
func isColumn(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == "42703" || strings.HasPrefix(e.Message, "column ") && strings.HasSuffix(e.Message, "does not exist")
}

// remedyOfColumn says what mends a column that is missing in one of our tables, of which a statement names one; "": it names none.
func (c *Client) remedyOfColumn(statement string) string {
	for _, t := range tables {
		if table := c.table(t.name); strings.Contains(statement, table) {
			return "Table " + t.name + " lacks what the proxy needs. Run: ALTER TABLE " + table + " RENAME TO " + pgtext.QuoteIdent(t.name+"_old") +
				"; the proxy makes the table again, and what is of use can be copied from there."
		}
	}
	return ""
}
