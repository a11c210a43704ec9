package mzsim

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgproto3/v2"

	"mzproxy/proxy"
)

var (
	relationMissing = regexp.MustCompile(`^relation "(.*)" does not exist$`)
	relationExists  = regexp.MustCompile(`^relation "(.*)" already exists(, skipping)?$`)
	catalogKey      = regexp.MustCompile(`^Key \((?:typ|rel)name, (?:typ|rel)namespace\)=\((.*), \d+\) already exists\.$`)
)

// rewriteError changes an error or notice of PostgreSQL into what Materialize says.
func rewriteError(e *pgproto3.ErrorResponse) {
	e.Where, e.InternalQuery, e.InternalPosition = "", "", 0
	e.File, e.Line, e.Routine = "", 0, ""
	e.SchemaName, e.TableName, e.ColumnName, e.DataTypeName, e.ConstraintName = "", "", "", "", ""
	switch e.Code {
	case "55000": // see failingCommit
		if e.Message == "prepared transactions are disabled" {
			e.Code, e.Message, e.Hint = "55P03", "internal error, wrong set of locks acquired", ""
		}
	case "42P01":
		if m := relationMissing.FindStringSubmatch(e.Message); m != nil {
			e.Code, e.Message = "XX000", fmt.Sprintf("unknown catalog item '%s'", m[1])
		}
	case "42P07":
		if m := relationExists.FindStringSubmatch(e.Message); m != nil && m[2] == "" {
			e.Code, e.Message = "XX000", fmt.Sprintf("table \"%s.public.%s\" already exists", database, m[1])
		} else if m != nil {
			e.Message = fmt.Sprintf("table \"%s\" already exists, skipping", m[1])
		}
	case "23505": // two sessions create one table at the same time; users have no keys of their own
		if m := catalogKey.FindStringSubmatch(e.Detail); m != nil {
			e.Code, e.Message, e.Detail = "XX000", fmt.Sprintf("table \"%s.public.%s\" already exists", database, m[1]), ""
		}
	}
}

// scanError is the error for a text that cannot be cut into tokens, where PostgreSQL would
// find another fault first, because it does not know the statement. nil leaves it to PostgreSQL.
func scanError(err error) error {
	const empty = "zero-length delimited identifier"
	if err == nil || !strings.Contains(err.Error(), empty) {
		return nil
	}
	return &proxy.Error{Code: "42601", Message: empty}
}
