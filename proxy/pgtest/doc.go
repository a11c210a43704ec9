// Package pgtest plays the two ends of a proxied connection in tests: a scripted
// server, a scripted client, and the conversation between them as text.
//
// A conversation is a list of lines, each of which names a place and a message:
//
//	client> Query "SELECT 1"          the client sends
//	>server Query "SELECT 1"          this arrives at the server
//	server> CommandComplete "SELECT 1"
//	server> ReadyForQuery I
//	>client CommandComplete "SELECT 1"
//	>client ReadyForQuery I
//
// Run plays it through whatever connects the two ends and returns it as it went,
// so that a test compares text with text.
package pgtest
