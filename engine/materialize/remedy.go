package materialize

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// remedy says what mends an error of the server that is about what the controller needs; "": it is about something else.
func remedy(e *pgconn.PgError) string {
	switch {
	case strings.HasPrefix(e.Message, "unknown cluster"):
		return "That is the control cluster: create it, or start the proxy with another --control-cluster."
	case strings.HasPrefix(e.Message, "CLUSTER ") && strings.Contains(e.Message, "has no replicas"):
		return "That is the control cluster: give it a replica with ALTER CLUSTER ... SET (REPLICATION FACTOR 1) or CREATE CLUSTER REPLICA, or start the proxy with another --control-cluster."
	case isMissing(e):
		return "The proxy makes a table that is missing again; where it may not, mzproxy check prints the statement for somebody who may."
	case e.Code == "42703" || strings.HasPrefix(e.Message, "column ") && strings.HasSuffix(e.Message, "does not exist"):
		return "A column of a table of the proxy's is missing: ALTER TABLE ... RENAME TO ..._old lets the proxy make the table again, and the rows can be copied from there."
	}
	return ""
}
