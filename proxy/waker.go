package proxy

import (
	"context"

	"mzproxy/proxy/wire"
)

// A Waker is a Handler whose sessions use something on the server that may sleep, and knows how to wake it. While that may be, the messages
// of a session since the latest ReadyForQuery are kept, and sent again when the server could not execute them for its sleep: the client
// sees nothing of it. In a transaction block, which would have failed, a statement waits before it is sent.
type Waker interface {
	UseJudge
	// Asleep reports whether the session's statements may meet something that sleeps. It is asked whenever the client has sent
	// something, so it must be cheap, and must not block.
	Asleep() bool
	// Sleeps reports whether an error of the server says that a statement needs what sleeps. It must not block.
	Sleeps(e *wire.Fields) bool
	// Hint is what the client may do where the statement cannot be sent again.
	Hint() string
	// Wake returns when a statement may be sent, or sent again. ended is the server's error; nil: the statement has yet to be sent. An
	// *Error is what the client gets in the statement's place. tell gives the client a notice at once. ctx ends as Handler.Intercept's does.
	Wake(ctx context.Context, ended *wire.Fields, tell func(*Notice) error) error
}
