// Package proxy relays the PostgreSQL wire protocol between clients and one
// server, and lets an Interceptor answer, change or refuse statements on the way.
//
// # What passes
//
// Everything, byte for byte and in order, whatever the message: what nobody wants
// to see is framed and forwarded, never decoded. A message longer than a buffer is
// forwarded as it comes, so memory does not depend on what is in it. A side that
// does not read stops the other one by back pressure. Each client session has a
// server connection of its own; authentication is relayed, the proxy knows no
// passwords. What a proxy that ends TLS cannot relay is SCRAM's channel binding:
// SCRAM-SHA-256-PLUS is taken out of the server's offer.
//
// # Types
//
//	Server ── Session ─┬─ login       from the client's first byte to the server's first ReadyForQuery; gone afterwards
//	                   ├─ requests    client to server: pump ─► simple, extended ─► server
//	                   ├─ replies     server to client: pump ─► clientSide, with the books
//	                   └─ exchange    what the two directions share: connections, handler, counter, calls
//
// A [Server] accepts clients, each of which becomes a [Session]. A session's two
// directions each own
// a pump, which reads one connection, and hand its bytes on in whole messages. Package wire knows the messages, package netpoll the
// sockets. A
// [Config]'s [Interceptor] opens a [Handler] per session, which sees the texts that
// it wants and gives a [Verdict] per statement:
//
//	Pass     the server's, perhaps with another tag, a look at its parameters, or word of its end
//	Replace  the server's, with another text; positions in errors are those of the client's text
//	Local    an [Answer] of ours takes the statement's place; the server does not see it
//	Refuse   an [Error] takes its place, and what has to fail with it fails on the server, too
//
// # A statement of ours among others
//
//	client                       proxy                         server
//	  |  Query "a; OURS; b"        |                             |
//	  |--------------------------->|  wait until the server has  |
//	  |                            |  answered what came before  |
//	  |                            |  Handler.Intercept          |
//	  |                            |  Query "a; SHOW x; b"       |
//	  |                            |---------------------------->|
//	  |                            |      CommandComplete of a   |
//	  |      CommandComplete of a  |<----------------------------|
//	  |<---------------------------|                             |
//	  |                            |      rows, tag of SHOW x    |
//	  |   rows, tag of the answer  |<----------------------------|
//	  |<---------------------------|                             |
//	  |                            |      CommandComplete of b   |
//	  |      CommandComplete of b  |<----------------------------|
//	  |<---------------------------|      ReadyForQuery          |
//	  |                            |<----------------------------|
//	  |                            |  Handler.Ready              |
//	  |      notices of Ready      |                             |
//	  |<---------------------------|                             |
//	  |      ReadyForQuery         |                             |
//	  |<---------------------------|                             |
//
// # The server keeps the books
//
// A statement of ours has a placeholder on the server: a SHOW of a variable, which
// is legal wherever a statement is and changes nothing. It is prepared, bound,
// described, executed, closed and deallocated there, under the client's names; what
// is a duplicate, what is skipped after an error, what a failed transaction refuses and when a
// portal ends is the server's to say, in its order. The relay only replaces the answers as
// they come by: RowDescription, DataRow, CommandComplete. What is refused is sent as a text that the server cannot
// parse (in a text with others: one that fails when its turn comes), and its error is replaced.
//
// books says what the names stand for: it follows the server's answers, and on top of what has been
// answered lies what the reply queue still waits for, which holds if nothing of that fails; if
// something fails, the server skips whatever rests on it. So a Bind is checked with the text that the server has under that
// name, and executed with the parameters that were checked. The queue is the list of what the client waits for, kept
// only while there is something of ours.
//
// An answer runs when its turn comes: an Execute of ours goes out with a Flush, and the messages after it wait until
// the server has answered it and the answer has run; if that fails, the server is made to fail, too. Only in a text
// with statements for the server, which cannot be stopped in the middle, an answer is made before and kept until its
// place comes: what changes something is not done there. What stays local is a simple query of ours alone while
// nothing is outstanding: the status is exact then, and the server's unnamed statement and portal are closed if it may have one.
//
// # Safe points
//
// requestCounter counts what was asked for and what was answered: a Query, a FunctionCall
// and a Sync each bring one ReadyForQuery, a Sync during COPY FROM STDIN brings
// none. Handlers are asked when nothing is outstanding, so that the transaction
// status they are told is exact. While a callback waits, the client's connection
// is read on, so that its end is noticed, and a CancelRequest ends the wait.
//
// # Questions
//
// At such a moment a handler may ask the server for a run-time parameter (Query.Ask, Bind.Ask). The SHOW goes by the
// extended protocol, under names of its own and with a Flush instead of a Sync in the middle of a pipeline, so that neither the
// client's unnamed statement nor its transaction notices. Its answers have places in the reply queue like others, but are kept from the client.
// Callbacks about earlier statements of the pipeline may run meanwhile.
//
// # What sleeps
//
// Where a [Waker] says that a session may meet something on the server that sleeps, its messages go one exchange at a time, and are kept until the
// ReadyForQuery. An error that says that it sleeps is not relayed: the Waker wakes it, and the same messages go to the server again. Answers that the client
// has had are not given twice: what comes again is the same, and is counted. What cannot be had twice, a COMMIT, DDL, an answer of ours, lets the error pass.
// In a transaction block, which would have failed, a statement that may need it waits before it is sent.
//
// # Who owns what
//
// Serve owns the listener and returns when every session has ended. A direction
// belongs to one goroutine at a time: the poller's leader, or one of its own. With
// it go its pump and its state; the way to the client, with the
// books, is shared under clientSide's lock, and whoever holds it writes whole
// messages between whole messages. The way to the server belongs to requests
// alone. The session's connections are closed by the direction that ends last,
// after the last message to the client: nobody else closes them, others only set
// deadlines. Locks are taken in the order clientSide.mu, exchange.handling,
// Session.mu, then one of requestCounter.mu, calls.mu or those of netpoll; only an Answer that writes while it runs holds handling
// first, at a moment when the server has nothing to answer.
//
// # Who works, who waits
//
// See package netpoll. A direction is the worker of its socket: the poller's leader relays what comes. What a callback has to be
// asked about, and more than a few full buffers at once, go to a goroutine of the direction's own, which goes on
// until there is nothing left to read. A session that waits for its client or server has neither goroutine nor
// buffer, unless half a message is there. Accepting, and a session's way to its first ReadyForQuery, run as fibers. Where
// no poller waits, each direction has a goroutine that waits in Read.
//
// # How sessions end
//
// A session's stage only goes forward (see stage in ending.go):
//
//	atLogin ──► relayed ─┬─► clientLeft ──► dismissed ─┬─► ending ──► ended
//	     │               ├─► serverDeaf ───────────────┤
//	     └───────────────┴─────────────────────────────┘
//
//	the client closes, or says Terminate   the server gets the same, and may finish
//	the server closes                      what it said last, otherwise 08006
//	one of them breaks the protocol        08P01
//	a panic                                XX000; it is logged, other sessions go on
//	a shutdown                             57P01, when idle, or when DrainTimeout is over
package proxy
