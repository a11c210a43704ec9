// Package netpoll waits for the sockets of many sessions at little cost.
//
// # On Linux
//
// The sockets are in a few epoll sets. Each has a leader: the one goroutine that waits
// there, and that does itself what the events bring, so that a message costs no
// switch of goroutines. A session that waits has neither goroutine nor buffer. Before the leader does what
// could take long, it steps aside: another goroutine leads on, and the former leader goes on as
// an ordinary one (the Leader/Followers pattern). If it did not, every session of its
// set would wait.
//
// So whatever could take long goes through this package, which steps aside where that is
// needed: a [Mutex], [Task.Wait], [Task.Blocking], reading and writing a socket. In test binaries a
// watchdog ends the test in which a leader blocks elsewhere.
//
// A [Worker] does the work of a socket: the leader calls its Step when there is something to read. A function that waits
// for sockets again and again, as a login does, runs as a fiber: a coroutine that
// the leader resumes when a socket is ready; see [Network.Receive].
//
// # Elsewhere
//
// On other systems, and with the build tag portable, the runtime waits: connections are those of package net, nothing is a [Socket],
// and who waits is a goroutine.
package netpoll
