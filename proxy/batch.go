package proxy

// A batch is a simple query whose statements are not all the server's, or of
// which somebody wants to know the end. It follows the server from statement to
// statement.
type batch struct {
	edited
	started bool           // the answers of ours in front of the first statement have been given
	silent  bool           // there is nothing in it for the server: its EmptyQueryResponse is not for the client
	done    int            // statements that the server has completed
	hooks   map[int]*hooks // by the number of the server's statement, from 0
	locals  map[int][]byte // answers of ours behind that many statements of the server
	fail    map[int]*Error // one entry: after that many statements the server fails because we made it
}

// next is called when the server has completed a statement, and returns the
// answers of ours that come now.
func (b *batch) next() []byte {
	b.done++
	return b.locals[b.done]
}

func (b *batch) completing() *hooks { return b.hooks[b.done] }

func (b *batch) failure() *Error { return b.fail[b.done] }
