package intercept

import (
	"context"
	"errors"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// SQLSTATEs of what we say.
const (
	codeOK           = "00000"
	codeInvalidValue = "22023"
	codeNotJSON      = "22P02"
	codeNoTx         = "25P01"
	codeUndefined    = "42704"
	codeNotAllowed   = "42501"
	codeWrongState   = "55000"
	codeSyntax       = "42601"
	codeCancelled    = "57014"
	codeEngine       = "08006" // the server cannot be reached by the controller
)

func notice(severity, code, message, detail, hint string) *proxy.Notice {
	return &proxy.Notice{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: message, Detail: detail, Hint: hint}
}

func syntaxError(text string, e *rewrite.SyntaxError) *proxy.Error {
	code := codeSyntax
	if strings.HasPrefix(e.Message, "invalid input syntax") {
		code = "22007"
	}
	return &proxy.Error{Code: code, Message: e.Error(), Hint: e.Hint(), Position: rewrite.CharPosition(text, e.Offset)}
}

// configState is the SQLSTATE of a fault in a row.
func configState(code engine.ConfigCode) string {
	switch code {
	case engine.NotJSON:
		return codeNotJSON
	case engine.UnknownSize, engine.UnknownType:
		return codeUndefined
	case engine.Experimental:
		return codeWrongState
	}
	return codeInvalidValue
}

// problemState is the SQLSTATE of a finding in what is stored.
func problemState(code engine.ProblemCode) string {
	switch code {
	case engine.ManagedCluster, engine.SystemCluster, engine.ExperimentalDisabled:
		return codeWrongState
	case engine.UnknownStrategy:
		return codeUndefined
	}
	return codeInvalidValue
}

// sqlState is what an error of the server carries.
type sqlState interface{ SQLState() string }

// sqlstate is the SQLSTATE of an error that came from the server.
func sqlstate(err error) string {
	var s sqlState
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return codeEngine
}

// reason is the server's own message, without what was put around it, or the
// whole error.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "ERROR: "); i >= 0 {
		text = text[i+len("ERROR: "):]
	}
	if i := strings.LastIndex(text, " (SQLSTATE "); i >= 0 {
		text = text[:i]
	}
	return text
}

// sentence makes one of a message.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// unreachable is what a command says when the controller's connection fails.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &proxy.Error{Code: codeCancelled, Message: "canceling statement due to user request", Err: err}
	}
	return &proxy.Error{Code: sqlstate(err), Message: "the controller cannot read the server now", Detail: sentence(reason(err)), Hint: "Try again in a moment; mzproxy check tells more.", Err: err}
}
