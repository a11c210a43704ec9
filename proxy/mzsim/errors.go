package mzsim

import (
	"fmt"
	"regexp"
	"strings"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
)

// maxText is how many bytes a text may have.
const maxText = 1_000_000

var errTooLong = &proxy.Error{Code: "54000", Message: "statement batch size cannot exceed 976.6 KiB"}

// A saying is how PostgreSQL says something, and how Materialize does: with the code and the message given, in which $1 is the first group.
// The place of the fault in the text is not told then, nor what PostgreSQL has to add.
type saying struct {
	code    string // of PostgreSQL
	pattern *regexp.Regexp
	newCode string // "": stays
	message string
	hint    string // "": none
}

var sayings = []saying{
	{"42P01", regexp.MustCompile(`^relation "(.*)" does not exist$`), "XX000", "unknown catalog item '$1'", ""},
	{"42P07", regexp.MustCompile(`^relation "(.*)" already exists$`), "XX000", `table "` + database + `.public.$1" already exists`, ""},
	{"42P07", regexp.MustCompile(`^relation "(.*)" already exists, skipping$`), "42710", `table "$1" already exists, skipping`, ""},
	{"42703", regexp.MustCompile(`^column "?([^"]*)"? does not exist$`), "XX000", `column "$1" does not exist`, ""},
	{"42703", regexp.MustCompile(`^column "([^"]*)" of relation "(.*)" does not exist$`), "XX000", `column "$1" does not exist`, ""},
	{"42883", regexp.MustCompile(`^function (.*)\(.*\) does not exist$`), "XX000", `function "$1" does not exist`,
		"No function matches the given name and argument types. You might need to add explicit type casts."},
	{"42704", regexp.MustCompile(`^type "(.*)" does not exist$`), "XX000", `type "$1" does not exist`, ""},
	{"3F000", regexp.MustCompile(`^schema "(.*)" does not exist$`), "XX000", "unknown schema '$1'", ""},
	{"3F000", regexp.MustCompile(`^no schema has been selected to create in$`), "", "no valid schema selected", ""},
	{"23502", regexp.MustCompile(`^null value in column "(.*)" of relation ".*" violates not-null constraint$`), "", `null value in column "$1" violates not-null constraint`, ""},
	{"55000", regexp.MustCompile(`^prepared transactions are disabled$`), "55P03", "internal error, wrong set of locks acquired", ""}, // see failingCommit
}

var catalogKey = regexp.MustCompile(`^Key \((?:typ|rel)name, (?:typ|rel)namespace\)=\((.*), \d+\) already exists\.$`)

// rewriteError changes an error or notice of PostgreSQL into what Materialize says.
func rewriteError(e *wire.Fields) {
	e.Where, e.InternalQuery, e.InternalPosition = "", "", 0
	e.File, e.Line, e.Routine = "", 0, ""
	e.SchemaName, e.TableName, e.ColumnName, e.DataTypeName, e.ConstraintName = "", "", "", "", ""
	for _, s := range sayings {
		if m := s.pattern.FindStringSubmatchIndex(e.Message); e.Code == s.code && m != nil {
			e.Message = string(s.pattern.ExpandString(nil, s.message, e.Message, m))
			if s.newCode != "" {
				e.Code = s.newCode
			}
			e.Detail, e.Hint, e.Position = "", s.hint, 0
			return
		}
	}
	if m := catalogKey.FindStringSubmatch(e.Detail); m != nil && e.Code == "23505" { // two sessions create one table at the same time; users have no keys of their own
		e.Code, e.Message, e.Detail = "XX000", fmt.Sprintf("table \"%s.public.%s\" already exists", database, m[1]), ""
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
