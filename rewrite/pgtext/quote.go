package pgtext

import "strings"

// QuoteIdent renders a name as a quoted identifier.
func QuoteIdent(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// QuoteLiteral renders a value as a string constant that means the same
// whatever standard_conforming_strings says. One with a backslash begins with a space, as libpq's do: its E must not
// grow together with a word in front of it.
func QuoteLiteral(value string) string {
	quoted := "'" + strings.ReplaceAll(value, "'", "''") + "'"
	if strings.Contains(value, `\`) {
		return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
