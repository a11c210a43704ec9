package proxy

import (
	"context"
	"net"
	"testing"
)

// A keptHandler looks at what is kept of a name while an earlier statement of the same pipeline is completed.
type keptHandler struct {
	Handler
	x *exchange
}

func (h *keptHandler) Intercept(_ context.Context, q Query) ([]Verdict, error) {
	held, told := make(chan struct{}), make(chan struct{})
	go func() { // as the direction from the server does
		h.x.client.hold()
		defer h.x.client.mu.Unlock()
		close(held)
		h.x.callDone(func() { close(told) })
	}()
	<-held
	q.Kept("a")
	q.Portal("p")
	<-told
	return nil, nil
}

func TestHandlerMayAskForWhatIsKeptWhileTheServerAnswers(t *testing.T) {
	conn, peer := net.Pipe()
	defer func() { _, _ = conn.Close(), peer.Close() }()
	x := &exchange{session: &Session{}, conn: conn, client: newClientSide(conn, nil)}
	x.handler = &keptHandler{x: x}
	r := &requests{exchange: x, pump: newPump(conn, nil)}
	if _, refusal := r.asking().intercept(Query{}); refusal != nil {
		t.Error(refusal)
	}
}
