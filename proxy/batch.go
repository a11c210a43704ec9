package proxy

import (
	"maps"
	"slices"

	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// A batch is a simple query of which some statements are not simply the server's,
// or of which somebody wants to know the end. It follows the server from statement
// to statement.
type batch struct {
	pgtext.Edited
	at         int                 // the statement that the server is at, from 0
	directives map[int]*directives // by statement
	local      map[int]*answer     // statements of ours, for which the server has a placeholder
	fail       map[int]*Error      // one entry: at that statement the server fails because we made it
}

// follow notes what is wanted of a statement of the server's.
func (b *batch) follow(i int, h directives) {
	if h.done != nil || h.tag != "" || h.prepared != nil || h.deallocates != "" || h.portal != "" || h.hint != "" {
		b.directives[i] = &h
	}
}

// An answer is what the client gets in a placeholder's place.
type answer struct {
	messages []byte
	done     func()
}

// ours reports whether the server is at a statement that is not its own.
func (b *batch) ours() bool { return b.local[b.at] != nil || b.fail[b.at] != nil }

// failure is the error that the client sees where the server fails with a code; nil: the server's. It may find the
// text of others wrong, or be in a failed transaction.
func (b *batch) failure(code string) *Error {
	if code == wire.CodeSyntax && len(b.Edits) > 0 || code == wire.CodeFailedTransaction {
		return nil
	}
	return b.fail[b.at]
}

// hint is what an error of the server with a code is given for a hint: that of the statement at fault. Which one is wrong in its syntax only
// the server knows.
func (b *batch) hint(code string) string {
	if d := b.directives[b.at]; d != nil && d.hint != "" {
		return d.hint
	}
	if code != wire.CodeSyntax {
		return ""
	}
	for _, at := range slices.Sorted(maps.Keys(b.directives)) {
		if d := b.directives[at]; d.hint != "" {
			return d.hint
		}
	}
	return ""
}

// before is what an error of ours gives the client in front of it.
func (b *batch) before() []byte {
	if b == nil || b.local[b.at] == nil {
		return nil
	}
	return b.local[b.at].messages
}
