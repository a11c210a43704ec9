package proxy

import (
	"errors"

	"mzproxy/proxy/wire"
)

// Messages of the errors that the relay itself gives.
const (
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
type Error = wire.Error
