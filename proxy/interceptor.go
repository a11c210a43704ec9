package proxy

import (
	"context"
	"net"

	"mzproxy/proxy/wire"
)

// An Interceptor is asked, once per client session, who watches that session's
// statements. It must be safe for concurrent use.
type Interceptor interface {
	// Open is called when the server has accepted the client (after
	// AuthenticationOk and the ParameterStatus messages that follow it, before
	// the first ReadyForQuery is forwarded). The session stays valid until the
	// handler's Close returns. An error ends the session with an ErrorResponse
	// (see Error; any other error reads "internal server error").
	Open(ctx context.Context, s *Session) (Handler, error)
}

// A Handler watches one session. Its methods are never called concurrently,
// except Wants, which must be cheap and must not block: it sees the text of
// every Query and Parse message on the hot path.
type Handler interface {
	// Wants reports whether Intercept has to see this text. False positives
	// are fine, false negatives are forwarded untouched. text is only valid
	// during the call.
	Wants(text []byte) bool

	// Intercept decides about a wanted text: one Verdict for each statement
	// that is not simply to be forwarded, in text order, none overlapping. No verdicts: the message is
	// forwarded byte for byte. It is called when the server has answered everything
	// that the client sent up to its previous Sync or Query, so that
	// Query.TxStatus is exact at the start of the batch. ctx is cancelled when the client sends a CancelRequest,
	// goes away, or the server is shut down.
	//
	// An *Error refuses the whole text as if its first statement were
	// refused.
	Intercept(ctx context.Context, q Query) ([]Verdict, error)

	// Ready is called before a ReadyForQuery is forwarded, but only while the
	// session is watched: from the first message that got a verdict with Done or Watch, and from
	// every completion of a statement with Done and every run of an Answer on,
	// until Ready returns Watch == false. It may block; a cancelled ctx ends the wait (cancel request,
	// client gone, shutdown), never the session.
	Ready(ctx context.Context, e Completed) Ready

	// Close is called exactly once, when the session has ended.
	Close()
}

// Query is one text from the client: the whole text of a Query message (any
// number of statements), or of a Parse message (one statement).
type Query struct {
	Text     string
	Extended bool   // from a Parse message
	Name     string // of the prepared statement that the Parse message makes; empty: the unnamed one
	// TxStatus is the status byte of the latest ReadyForQuery: 'I' idle, 'T' in a
	// transaction block, 'E' in a failed one.
	TxStatus byte
	// Pipelined is set where messages without a Sync stand in front: the same transaction, if only an implicit one.
	Pipelined bool
	// ParamOIDs are the parameter types that the Parse message declares; may be
	// shorter than the number of parameters, 0 means unspecified.
	ParamOIDs []uint32
	// Kept returns what Verdict.Keep or Prepared.Keep left with the session's prepared statement of that
	// name, however it was prepared; nil: nothing. It must not be called after Intercept has returned. While it, or Portal, looks, the
	// handler may be told of the end of earlier statements of the same pipeline. May be nil.
	Kept func(name string) any
	// Portal tells whether a portal of that name is one of ours, for which the server has a placeholder's. Verdict.Execute may call it,
	// too. May be nil.
	Portal func(name string) bool
	// Ask asks the server for the value of a run-time parameter, on the session's own connection: the client sees nothing of it, and it
	// changes nothing on the server. An error says that it is not known now. While it waits, the handler may be told of the end of earlier
	// statements of the same pipeline. It must not be called after Intercept has returned. May be nil.
	Ask func(ctx context.Context, parameter string) (string, error)
}

// Action says what becomes of a statement.
type Action uint8

const (
	// Pass forwards the statement as it is (of use with Bind, Done or Tag).
	Pass Action = iota
	// Replace forwards Text in the statement's place.
	Replace
	// Local sends nothing to the server for this statement: Answer produces its
	// result, in its place among the results of the others.
	Local
	// Refuse gives the client Err in the statement's place, and makes the server fail, too,
	// where there is a transaction (or an implicit one) that has to fail with it.
	Refuse
)

// Verdict decides about one statement: the bytes Start to End of the query's
// text.
type Verdict struct {
	// Index is the statement's place among the Of statements of the text,
	// counted from 0; empty statements do not count. Of 0 means that every
	// statement of the text has a verdict, in order.
	Index, Of  int
	Start, End int
	Action     Action
	Text       string  // Replace
	Answer     *Answer // Local
	Err        *Error  // Refuse

	// Tag, if set, takes the place of the server's command tag (Pass, Replace).
	Tag string

	// Hint, if set, stands in the error with which the server refuses the statement, where that has no hint of its own (Pass, Replace).
	Hint string

	// Bind, if set, is asked about every Bind of this statement (extended
	// protocol, Pass and Replace). It may change the parameters; an *Error
	// refuses. It is called at the same kind of moment as Intercept.
	Bind func(ctx context.Context, b *Bind) error

	// Execute, if set, is asked when a portal of this statement is first executed (extended protocol, Pass and
	// Replace): an *Error refuses it there, after the answers to its Bind and Describe. It is called at the same kind of moment as
	// Intercept, and not again where the client goes on with the rows of a suspended portal.
	Execute func(ctx context.Context) error

	// Done, if set, is called for every successful completion of this statement
	// with the server's command tag, before the tag is forwarded. It must not block. (Pass, Replace)
	Done func(tag string)

	// Watch makes the session watched (see Handler.Ready) even without Done.
	Watch bool

	// Keep, if set, stays with the prepared statement that a Parse message makes, for Query.Kept.
	Keep any

	// Executes, if set, says that the statement is SQL's EXECUTE (extended protocol).
	Executes *Executed

	// Prepares, if set, says that the statement is SQL's PREPARE, and what becomes of the prepared
	// statement that it makes. Deallocates is the name that SQL's DEALLOCATE drops. Both kinds of prepared statements
	// have one name space. (Pass, Replace)
	Prepares    *Prepared
	Deallocates string
	// Portal, if set, is a cursor that SQL's DECLARE makes or CLOSE ends. Cursors and portals have one name space. (Pass, Replace)
	Portal string
}

// Prepared is a prepared statement that SQL's PREPARE makes and Bind messages may be about: Bind and Done are as
// in a Verdict, Keep is for Query.Kept. With an Answer it is one of ours, whatever the server has in its place.
type Prepared struct {
	Name   string
	Bind   func(ctx context.Context, b *Bind) error
	Done   func(tag string)
	Keep   any
	Answer *Answer
}

// Executed is the prepared statement that SQL's EXECUTE runs. In the extended protocol its name may
// mean something else each time: Check is called before every execution with what was kept for the name then, or nil. An
// *Error refuses. Where the name is one of ours the client gets the answer that Check returns.
type Executed struct {
	Name  string
	Check func(ctx context.Context, kept any) (*Answer, error)
}

// Bind holds the parameters of a Bind message. Formats has one entry per
// parameter (0 text, 1 binary), whatever shorthand the message used. A nil value is NULL.
type Bind struct {
	TxStatus  byte
	Pipelined bool     // as in a Query
	ParamOIDs []uint32 // as declared by Parse
	Formats   []int16
	Values    [][]byte
	// Ask is as in Query, for as long as Verdict.Bind runs.
	Ask func(ctx context.Context, parameter string) (string, error)
	// Changed must be set when Formats or Values were changed: an unchanged Bind is forwarded byte
	// for byte.
	Changed bool
}

// Answer is the result of a statement that the proxy answers itself.
type Answer struct {
	// ParamOIDs are the statement's parameters, for Describe. Usually none.
	ParamOIDs []uint32
	// Columns describes the rows; nil: the statement returns no rows.
	Columns []Column
	// Run produces the rows and returns the command tag. It runs when all that stands in front of the statement has succeeded; only
	// in a text with statements for the server it runs before that is sent, and its output is kept until its place comes: there
	// it must not change anything. An *Error becomes the ErrorResponse; any other error reads "internal server
	// error" and is logged. ctx ends with a CancelRequest, the client, or the server.
	Run func(ctx context.Context, w ResultWriter) (tag string, err error)
	// At, if set, is called before Run with the statement's place. It returns the answer to be given there; an *Error
	// refuses.
	At func(p Place) (*Answer, error)
	// Done, if set, is called in the statement's place after Run has succeeded. It must not block.
	Done func()
	// Bound, if set, returns the answer for the parameters of a Bind message, which are as many as ParamOIDs.
	Bound func(b Bind) *Answer
}

// Place is where among others a statement of ours stands when its turn comes.
type Place struct {
	Explicit bool // in a transaction block
	Others   bool // others stand in front of it in the same transaction, explicit or implicit, or beside it in the text
}

// Column is one column of an Answer. Values are given in text form; the proxy
// converts to binary where the client asked for it, for the types that DataTypeOID can name: text, name, jsonb, json, bool,
// int2, int4, int8, float8, numeric, timestamptz, interval.
type Column struct {
	Name string
	OID  uint32 // type; 0 means text (25)
}

// ResultWriter takes the rows of an Answer. It applies back pressure.
type ResultWriter interface {
	// Row sends one row: a value per column in text form, nil for NULL.
	Row(values ...*string) error
	// Notice sends a NoticeResponse in its place among the rows.
	Notice(n *Notice) error
	// CopyOut switches to COPY OUT (text format, columns as given) and returns a function that sends one
	// CopyData line each. Only in the simple protocol or the extended one without row limit.
	CopyOut(columns int) (line func([]byte) error, err error)
	// Flush pushes what was written to the client now.
	Flush() error
}

// Completed tells Handler.Ready what happened since the call before.
type Completed struct {
	// TxStatus is the status byte of the ReadyForQuery that is about to be forwarded.
	TxStatus byte
	// Events are, in order, the server's command tags and errors since the
	// session became watched or since the last call.
	Events []Event
}

// Event is a CommandComplete (Tag) or an ErrorResponse (Code) of the server.
type Event struct {
	Tag  string
	Code string // SQLSTATE; set for an ErrorResponse
	// Done is set where the statement's Verdict.Done was called with the tag.
	Done bool
}

// Ready is what a handler adds before a ReadyForQuery.
type Ready struct {
	Notices    []*Notice
	Parameters []Parameter // ParameterStatus messages
	// Watch keeps the session watched: Ready will be called for the next ReadyForQuery, too.
	Watch bool
}

// Parameter is a run-time parameter that the server reports.
type Parameter struct{ Name, Value string }

// Notice is a NoticeResponse; severity and code have defaults.
type Notice = wire.Fields

// Optional capabilities of a Handler or an Interceptor, found by type assertion.

// StartupRewriter is implemented by an Interceptor that changes the parameters
// of StartupMessages before they are sent to the server.
type StartupRewriter interface {
	// RewriteStartup returns the parameters for the server. Original ones stay available as Session.Startup. It
	// may wait for something where the Interceptor is not NonBlocking.
	RewriteStartup(params map[string]string) map[string]string
}

// NonBlocking is implemented by an Interceptor whose Open, and whose handlers' Close, neither wait for anything nor
// take long. They are called where sessions are relayed then, which saves each session the waking of two threads.
type NonBlocking interface{ NonBlocking() }

// ParameterRewriter is implemented by a Handler or Interceptor that changes ParameterStatus messages of
// the server; ok == false swallows the message. It must not block, and may be called while another
// method of the Handler runs.
type ParameterRewriter interface {
	RewriteParameter(name, value string) (newValue string, ok bool)
}

// ErrorRewriter is implemented by a Handler that changes ErrorResponses and NoticeResponses of the
// server before the client sees them. It must not block, and may be called while another method of
// the Handler runs.
type ErrorRewriter interface {
	RewriteError(e *wire.Fields)
}

// Committer is implemented by a Handler that has something to do when a transaction block has
// been committed while the session is watched; the Place is that of the COMMIT. An *Error takes the place of the COMMIT's command tag.
type Committer interface {
	Commit(ctx context.Context, p Place) error
}

// Greeter is implemented by a Handler that has something to say before the
// first ReadyForQuery. It must not block.
type Greeter interface {
	Greet() Ready
}

// SessionInfo is what is known about a session for its whole life.
type SessionInfo struct {
	ID         uint64
	User       string
	Database   string
	ClientAddr net.Addr
	BackendPID uint32            // from BackendKeyData: pg_backend_pid(), mz_sessions.connection_id
	Startup    map[string]string // parameters of the StartupMessage as the client sent them
}
