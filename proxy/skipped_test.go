package proxy

import (
	"errors"
	"testing"
)

// A Sync's ReadyForQuery is the client's, whatever we wanted to ask among the messages that the server has skipped
// by then: its error may come at any moment.
func TestNothingWaitsForAServerThatSkips(t *testing.T) {
	r := &requests{exchange: &exchange{client: newClientSide(nil, nil)}, segment: []byte{'P'}}
	r.counter.errored()
	q := r.asking().question(false)
	for _, it := range []item{{kind: 'C', asked: q}, {kind: 'P', name: "a", statement: &statement{}}, {kind: 'S'}} {
		r.track(it)
	}
	if items := r.client.books.items; len(items) != 1 || items[0].kind != 'S' {
		t.Errorf("in the reply queue: %v", items)
	}
	if err := <-q.result; !errors.Is(err, errNotNow) {
		t.Errorf("the question got %v", err)
	}
}
