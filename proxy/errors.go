package proxy

import (
	"errors"
	"strconv"

	"github.com/jackc/pgproto3/v2"
)

// SQLSTATE codes of the errors that the relay itself gives. See "PostgreSQL
// Error Codes" in the PostgreSQL documentation.
const (
	CodeConnectionUnable     = "08001" // the server cannot be reached
	CodeConnectionFailure    = "08006" // the server went away
	CodeProtocolViolation    = "08P01" // a malformed message
	CodeFeatureNotSupported  = "0A000"
	CodeFailedTransaction    = "25P02" // a command of ours inside a failed transaction
	CodeInvalidAuthorization = "28000" // TLS required, channel binding impossible
	CodeSyntax               = "42601"
	CodeTooManyConnections   = "53300"
	CodeProgramLimit         = "54000"
	CodeQueryCanceled        = "57014"
	CodeAdminShutdown        = "57P01"
	CodeInternalError        = "XX000"
	severityError            = "ERROR"
	severityFatal            = "FATAL"
	messageInternal          = "internal server error"
	messageNotRefused        = "the server accepted what the proxy had refused"
	messageTooLong           = "message too long to be checked"
	messageTooMuch           = "too many commands of the proxy in one text"
	messageShutdown          = "terminating connection due to administrator command"
	messageServerGone        = "server closed the connection unexpectedly"
	messageServerUnreachable = "could not connect to server"
)

// Causes with which the context of a callback ends; see context.Cause.
var (
	ErrCancelled  = errors.New("cancelled by the client")
	ErrClientGone = errors.New("the client went away")
	ErrShutdown   = errors.New("the proxy is shutting down")
)

// Error is an error that a client sees as an ErrorResponse.
type Error struct {
	Severity string // default ERROR
	Code     string // SQLSTATE, default XX000
	Message  string // lower case, no full stop
	Detail   string // sentences
	Hint     string // sentences
	Position int    // in characters from 1, of the text that the client sent; 0: none
	Err      error  // cause, for the log only
}

// Error is the message with its SQLSTATE; the cause is not in it.
func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// response is the message that the client gets.
func (e *Error) response() *pgproto3.ErrorResponse {
	severity, code := e.Severity, e.Code
	if severity == "" {
		severity = severityError
	}
	if code == "" {
		code = CodeInternalError
	}
	return &pgproto3.ErrorResponse{
		Severity:            severity,
		SeverityUnlocalized: severity,
		Code:                code,
		Message:             e.Message,
		Detail:              e.Detail,
		Hint:                e.Hint,
		Position:            int32(e.Position),
	}
}

// fatal is an error that ends a session.
func fatal(code, message string, cause error) *Error {
	return &Error{Severity: severityFatal, Code: code, Message: message, Err: cause}
}

// malformed is the end of a session whose peer does not keep to the protocol.
func malformed(message string) *Error {
	return fatal(CodeProtocolViolation, message, nil)
}

// tooShort names a message whose length field is impossible.
func tooShort(typ byte) *Error {
	return malformed("invalid length of message type " + strconv.QuoteRune(rune(typ)))
}
