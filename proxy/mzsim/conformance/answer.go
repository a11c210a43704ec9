package conformance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgproto3/v2"
)

// The words that lines of an answer begin with.
const (
	columnsLine   = "columns "
	rowLine       = "row "
	noticeLine    = "notice "
	warningLine   = "warning "
	parameterLine = "parameter "
	detailLine    = indent + "DETAIL "
	hintLine      = indent + "HINT "
	positionLine  = indent + "POSITION "
	inTransaction = "in transaction"
	inFailed      = "in failed transaction"
	copyIn        = "copy in"
	cellBorder    = " | "
	dataLine      = "data "
)

// lines renders a message of the server; nil for what carries no news.
func lines(message pgproto3.BackendMessage) []string {
	switch m := message.(type) {
	case *pgproto3.RowDescription:
		return []string{columnsLine + columns(m)}
	case *pgproto3.DataRow:
		return []string{rowLine + row(m)}
	case *pgproto3.CommandComplete:
		return []string{"tag " + string(m.CommandTag)}
	case *pgproto3.EmptyQueryResponse:
		return []string{"empty"}
	case *pgproto3.PortalSuspended:
		return []string{"suspended"}
	case *pgproto3.ParameterStatus:
		return []string{parameterLine + m.Name + " = " + oneLine(m.Value)}
	case *pgproto3.NoticeResponse:
		return withFields(strings.ToLower(m.Severity), (*pgproto3.ErrorResponse)(m))
	case *pgproto3.ErrorResponse:
		return withFields("error", m)
	case *pgproto3.CopyInResponse:
		return []string{copyIn}
	case *pgproto3.CopyOutResponse:
		return []string{"copy out"}
	case *pgproto3.CopyData:
		return []string{dataLine + strings.TrimSuffix(string(m.Data), "\n")}
	case *pgproto3.ReadyForQuery:
		switch m.TxStatus {
		case 'T':
			return []string{inTransaction}
		case 'E':
			return []string{inFailed}
		}
	}
	return nil
}

// columns renders names and types.
func columns(m *pgproto3.RowDescription) string {
	var all []string
	for _, f := range m.Fields {
		all = append(all, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
	}
	return strings.Join(all, ", ")
}

func row(m *pgproto3.DataRow) string {
	var all []string
	for _, v := range m.Values {
		if v == nil {
			all = append(all, "NULL")
		} else {
			all = append(all, oneLine(string(v)))
		}
	}
	return strings.Join(all, cellBorder)
}

// withFields renders an error or a notice.
func withFields(word string, m *pgproto3.ErrorResponse) []string {
	all := []string{word + " " + m.Code + " " + oneLine(m.Message)}
	if m.Detail != "" {
		all = append(all, detailLine+oneLine(m.Detail))
	}
	if m.Hint != "" {
		all = append(all, hintLine+oneLine(m.Hint))
	}
	if m.Position != 0 {
		all = append(all, positionLine+strconv.Itoa(int(m.Position)))
	}
	return all
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }
