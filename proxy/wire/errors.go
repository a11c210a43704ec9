package wire

import "strconv"

// SQLSTATE codes of the errors and notices that the relay itself gives. See "PostgreSQL
// Error Codes" in the PostgreSQL documentation.
const (
	CodeSuccess              = "00000"
	CodeWarning              = "01000"
	CodeConnectionUnable     = "08001" // the server cannot be reached
	CodeConnectionFailure    = "08006" // the server went away
	CodeProtocolViolation    = "08P01" // a malformed message
	CodeFeatureNotSupported  = "0A000"
	CodeFailedTransaction    = "25P02" // a command of ours inside a failed transaction
	CodeInvalidStatementName = "26000"
	CodeInvalidAuthorization = "28000" // TLS required, channel binding impossible
	CodeInvalidCursorName    = "34000"
	CodeDuplicateStatement   = "42P05"
	CodeTooManyConnections   = "53300"
	CodeQueryCanceled        = "57014"
	CodeAdminShutdown        = "57P01"
	CodeSyntax               = "42601"
	CodeProgramLimit         = "54000"
	CodeInternalError        = "XX000"
)

// Severities of errors.
const (
	SeverityError = "ERROR"
	SeverityFatal = "FATAL"
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

// Encode implements Message: it appends the ErrorResponse that the client gets.
func (e *Error) Encode(dst []byte) ([]byte, error) {
	f := Fields{Severity: e.Severity, Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint, Position: int32(e.Position)}
	if f.Severity == "" {
		f.Severity = SeverityError
	}
	f.SeverityUnlocalized = f.Severity
	if f.Code == "" {
		f.Code = CodeInternalError
	}
	return AppendError(dst, &f), nil
}

// Fatal is an error that ends a session.
func Fatal(code, message string, cause error) *Error {
	return &Error{Severity: SeverityFatal, Code: code, Message: message, Err: cause}
}

// Malformed is the end of a session whose peer does not keep to the protocol.
func Malformed(message string) *Error {
	return Fatal(CodeProtocolViolation, message, nil)
}

// tooShort names a message whose length field is impossible.
func tooShort(typ byte) *Error {
	return Malformed("invalid length of message type " + strconv.QuoteRune(rune(typ)))
}
