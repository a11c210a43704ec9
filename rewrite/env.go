package rewrite

import (
	"slices"
	"strings"
	"time"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Table is the name of the table whose writes are ours.
const Table = "mz_cluster_strategies"

// Env is what decides about the meaning of a session's text beside the text itself.
type Env struct {
	Database   string // the session's current one; empty: not known
	Home       string // database of the tables; empty: the session's own
	Schema     string // of the tables
	SearchPath string // as the server reports it; empty: the default, "public"
	// Unsure is set where it is not known what a name without a schema means: SearchPath or Database
	// may be others when the statement runs.
	Unsure bool
	// Executes is set where a statement that was prepared with SQL may change what names mean.
	Executes bool
	// InTransaction is set where the text begins in a transaction block.
	InTransaction bool
	// Zone is the session's time zone, for timestamps without offset; nil: UTC.
	Zone *time.Location
	// Backslashes is set where '\' escapes in plain string literals
	// (standard_conforming_strings = off).
	Backslashes bool
}

// ours tells whether a name means our table.
func (e Env) ours(v *pg_query.RangeVar) bool {
	if v == nil || v.Relname != Table {
		return false
	}
	database := v.Catalogname
	if database == "" {
		database = e.Database
	}
	home := e.Home
	if home == "" {
		home = e.Database
	}
	elsewhere := database != "" && home != "" && database != home && (v.Catalogname != "" || !e.Unsure)
	switch {
	case elsewhere:
		return false
	case v.Schemaname != "":
		return v.Schemaname == e.Schema
	}
	return e.Unsure || e.inPath()
}

// inPath tells whether the schema of the tables is on the search path.
func (e Env) inPath() bool {
	path := e.SearchPath
	if path == "" {
		path = "public"
	}
	return slices.ContainsFunc(strings.Split(path, ","), func(part string) bool {
		part = strings.TrimSpace(part)
		if name, err := decodeIdent(part); err == nil {
			return name == e.Schema
		}
		return lower(part) == e.Schema
	})
}
