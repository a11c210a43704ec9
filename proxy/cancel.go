package proxy

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"mzproxy/proxy/netpoll"
)

// cancelKeys knows which session a CancelRequest is meant for. Safe for
// concurrent use.
type cancelKeys struct {
	mu       sync.Mutex
	sessions map[cancelKey]*Session
}

func (k *cancelKeys) add(key cancelKey, s *Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sessions == nil {
		k.sessions = map[cancelKey]*Session{}
	}
	k.sessions[key] = s
}

// remove forgets a session, unless the key is another one's by now.
func (k *cancelKeys) remove(key cancelKey, s *Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sessions[key] == s {
		delete(k.sessions, key)
	}
}

func (k *cancelKeys) find(key cancelKey) *Session {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sessions[key]
}

// cancel handles a CancelRequest: what waits in the proxy ends, what the server
// works at is the server's to cancel. Keys that we do not know are for the
// server, too: it may serve others than us.
func (s *Server) cancel(ctx context.Context, t *netpoll.Task, key cancelKey) error {
	upstream := s.cfg.Upstream
	plain := upstream.SSLMode == "allow"
	if target := s.keys.find(key); target != nil {
		_, secured := target.upstream.(tlsConn)
		plain = !secured
		upstream = target.via.at(target.upstream.RemoteAddr()) // a name may have several addresses
		local := target.calls.cancel(ErrCancelled)
		if local && !target.counter.working() {
			return nil // a signal could hit the session's next statement
		}
	}
	ctx, stop := context.WithTimeout(ctx, s.cfg.DialTimeout)
	defer stop()
	conn, _, err := upstream.dial(ctx, t, &s.states, s.cfg.keepAlive(), plain)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	packet := binary.BigEndian.AppendUint32(nil, uint32(12+len(key.secret)))
	packet = binary.BigEndian.AppendUint32(packet, cancelRequestCode)
	packet = binary.BigEndian.AppendUint32(packet, key.pid)
	if _, err := conn.Write(append(packet, key.secret...)); err != nil {
		return err
	}
	// The server closes when it has sent the signal: the client waits for that.
	_ = conn.SetReadDeadline(time.Now().Add(s.cfg.DialTimeout))
	_, err = io.Copy(io.Discard, conn)
	return err
}
