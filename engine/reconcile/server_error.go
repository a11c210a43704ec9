package reconcile

import "errors"

// ServerError is what the server said against something.
type ServerError struct {
	Code    string // SQLSTATE
	Message string
	Hint    string // what mends it, where that is known
	Err     error  // what it was found in; may be nil
}

// Error is the server's message, without what was put around it on its way.
func (e *ServerError) Error() string { return e.Message }

// SQLState is the server's code.
func (e *ServerError) SQLState() string { return e.Code }

// Unwrap returns the error that it was found in.
func (e *ServerError) Unwrap() error { return e.Err }

// Said returns the server's own words in an error, or, where there are none, the whole error.
func Said(err error) string {
	var e *ServerError
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// Mended returns what Said does, with what mends it, where that is known.
func Mended(err error) string {
	text := Said(err)
	var e *ServerError
	if errors.As(err, &e) && e.Hint != "" {
		text += ". " + e.Hint
	}
	return text
}
