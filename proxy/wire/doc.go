// Package wire is the PostgreSQL protocol as bytes: frames, messages, parameters, binary formats of values, and errors. It knows no
// connection and no session.
//
// A frame is a message as it is on the wire: a type byte, its length, its body. What passes is looked at as a frame. The messages that
// somebody has to understand, or that we make, are those of pgproto3, which only messages.go knows: whatever is decoded there
// has been checked to lie within its frame.
package wire
