package proxy

// Error is an error that a client sees as an ErrorResponse.
type Error struct {
	Severity string // default ERROR
	Code     string // SQLSTATE
	Message  string
	Detail   string
	Hint     string
	Position int   // in characters from 1, of the text that the client sent; 0: none
	Err      error // cause, for the log only
}

func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

func (e *Error) Unwrap() error { return e.Err }
