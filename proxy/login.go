package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgproto3/v2"
)

// Authentication request codes that are not simply answered by the client. See
// "Message Formats" in the PostgreSQL documentation.
const (
	authOK          = 0
	authGSSContinue = 8
	authSASL        = 10
	authSASLFinal   = 12
)

// maxAuthMessage bounds a client's answer to an authentication request:
// PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH and a header.
const maxAuthMessage = 65535 + headerSize

// errRefused is a server that did not let the client in and has said why.
var errRefused = errors.New("the server refused the session")

// login brings the session to its first ReadyForQuery: connect, relay the
// authentication, open the handler.
func (s *Session) login(ctx context.Context) error {
	startup := s.startupMessage()
	plainFirst := s.cfg.Upstream.SSLMode == "allow"
	err := s.connect(ctx, startup, plainFirst)
	if err == nil {
		err = s.authenticate(ctx, s.cfg.Upstream.hasAlternative(s.upstream))
	}
	if errors.Is(err, errOtherWay) {
		_, secured := s.upstream.(tlsConn)
		_ = s.upstream.Close()
		if err = s.connect(ctx, startup, secured); err == nil {
			err = s.authenticate(ctx, false)
		}
	}
	return err
}

// startupMessage is the client's StartupMessage, with what is added and changed.
func (s *Session) startupMessage() []byte {
	params := s.hello.params
	database := s.cfg.Upstream.Database != "" && params["database"] == ""
	rw, rewritten := s.cfg.Interceptor.(StartupRewriter)
	if !database && !rewritten {
		return s.hello.packet
	}
	params = maps.Clone(params)
	if database {
		params["database"] = s.cfg.Upstream.Database
	}
	if rewritten {
		params = rw.RewriteStartup(params)
	}
	return s.hello.encode(params)
}

// connect dials the server and sends the StartupMessage.
func (s *Session) connect(ctx context.Context, startup []byte, plain bool) error {
	dialing, done := context.WithTimeout(ctx, s.cfg.DialTimeout)
	defer done()
	conn, err := s.cfg.Upstream.dial(dialing, s.task, s.cfg.keepAlive(), plain)
	if err != nil {
		e := fatal(CodeConnectionUnable, messageServerUnreachable, err)
		e.Detail = reasonUnreachable(err)
		return e
	}
	s.mu.Lock()
	s.upstream = conn
	ended, late := s.ended, s.late
	s.mu.Unlock()
	s.replies = newReplies(s)
	switch {
	case ended != nil:
		return ended
	case late:
		return os.ErrDeadlineExceeded
	}
	if _, err := conn.Write(startup); err != nil {
		return fatal(CodeConnectionUnable, messageServerUnreachable, err)
	}
	return nil
}

// reasonUnreachable is what a client may know of a failed connection: not the
// address of what is behind the proxy.
func reasonUnreachable(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "The server did not answer in time."
	case errors.As(err, &op) && op.Op == "dial":
		return "The server does not accept connections."
	}
	return ""
}

// authenticate relays until the first ReadyForQuery. alternative says that a
// refusal may be due to the encryption, and is worth another try with the other one.
func (s *Session) authenticate(ctx context.Context, alternative bool) error {
	settings, _ := s.cfg.Interceptor.(ParameterRewriter)
	s.replies.settings = settings
	var out []byte // for the client
	var reported []byte
	var key []byte // the BackendKeyData message, which ends the parameters, and what follows
	var answered func() error
	for {
		frame, err := s.replies.pump.frame(startupMessageLimit)
		if answered != nil {
			if e := answered(); e != nil {
				return e
			}
			answered = nil
		}
		if err != nil {
			return s.startupEnd(err)
		}
		switch frame[0] {
		case 'R':
			alternative = false
			if out, err = s.authRequest(frame, out); err != nil {
				return err
			}
			if authCode(frame) == authGSSContinue {
				answered = s.mayAnswer()
			}
		case 'S':
			reported = append(reported, frame[headerSize:]...)
			if out, err = s.startupParameter(frame, out); err != nil {
				return err
			}
		case 'K':
			if err := s.backendKey(frame[headerSize:]); err != nil {
				return err
			}
			key = append(key[:0], frame...)
		case 'E':
			if alternative {
				return errOtherWay
			}
			if _, err := s.conn.Write(append(out, frame...)); err != nil {
				return err
			}
			return errRefused
		case 'Z':
			s.reported(reported)
			return s.open(ctx, frame, out, key)
		default:
			if key != nil {
				key = append(key, frame...)
			} else {
				out = append(out, frame...)
			}
		}
		s.replies.pump.discard(len(frame))
	}
}

// startupEnd is a server that went away before the session began, or did not go on.
func (s *Session) startupEnd(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	message := messageServerGone
	if errors.Is(err, os.ErrDeadlineExceeded) {
		message = messageServerUnreachable
	}
	e = fatal(CodeConnectionUnable, message, err)
	e.Detail = reasonUnreachable(err)
	return e
}

// authRequest relays an authentication request, and the client's answer to it.
func (s *Session) authRequest(frame, out []byte) ([]byte, error) {
	if len(frame) < headerSize+4 {
		return nil, malformed("invalid authentication request")
	}
	code, binding := authCode(frame), false
	if code == authSASL {
		var err error
		if frame, binding, err = withoutChannelBinding(frame); err != nil {
			return nil, err
		}
	}
	out = append(out, frame...)
	if code == authOK || code == authSASLFinal {
		return out, nil
	}
	if _, err := s.conn.Write(out); err != nil {
		return nil, err
	}
	if code == authGSSContinue {
		return out[:0], nil
	}
	answer, err := s.requests.pump.frame(maxAuthMessage)
	if err != nil {
		return nil, err
	}
	if binding && thinksUnsupported(answer) {
		return nil, errChannelBinding()
	}
	return out[:0], s.forwardAnswer(answer)
}

// authCode is the code of an authentication request.
func authCode(frame []byte) uint32 { return binary.BigEndian.Uint32(frame[headerSize:]) }

func (s *Session) forwardAnswer(answer []byte) error {
	if err := s.requests.forward(answer); err != nil {
		return fatal(CodeConnectionUnable, messageServerGone, err)
	}
	s.requests.pump.discard(len(answer))
	return nil
}

func (s *Session) startupParameter(frame, out []byte) ([]byte, error) {
	name, value, err := cutParameterStatus(frame[headerSize:])
	if err != nil {
		return nil, err
	}
	if s.replies.settings == nil {
		return append(out, frame...), nil
	}
	changed, ok := s.replies.settings.RewriteParameter(string(name), string(value))
	if !ok {
		return out, nil
	}
	return appendMessage(out, &pgproto3.ParameterStatus{Name: string(name), Value: changed}), nil
}

func (s *Session) backendKey(body []byte) error {
	if len(body) < 5 || len(body) > 4+maxCancelKey {
		return malformed("invalid BackendKeyData message")
	}
	s.server.keys.remove(s.key, s)
	s.key = cancelKey{pid: binary.BigEndian.Uint32(body), secret: string(body[4:])}
	s.info.BackendPID = s.key.pid
	s.server.keys.add(s.key, s)
	return nil
}

// open makes the handler and lets the client go on. Parameters of the handler come before the
// cancel key, notices after it.
func (s *Session) open(ctx context.Context, ready, out, key []byte) error {
	if len(ready) != headerSize+1 {
		return malformed("invalid ReadyForQuery message")
	}
	s.flow.begin(ready[headerSize])
	if s.cfg.Interceptor != nil && !replicating(s.hello.params["replication"]) {
		if err := s.openHandler(ctx); err != nil {
			return err
		}
	}
	if rw, ok := s.handler.(ErrorRewriter); ok {
		s.replies.errors = rw
	}
	if rw, ok := s.handler.(ParameterRewriter); ok {
		s.replies.settings = rw
	}
	if g, ok := s.handler.(Greeter); ok {
		greeting := g.Greet()
		s.watched = greeting.Watch
		out = append(out, s.encodeReady(Ready{Parameters: greeting.Parameters})...)
		key = append(key, s.encodeReady(Ready{Notices: greeting.Notices})...)
	}
	out = append(out, key...)
	out = append(out, ready...)
	s.replies.last = 'Z'
	s.replies.pump.discard(len(ready))
	_, err := s.conn.Write(out)
	return err
}

// openHandler makes the handler.
func (s *Session) openHandler(ctx context.Context) (err error) {
	if s.mayBlock() {
		opening, done := context.WithDeadline(ctx, s.started.Add(s.cfg.StartupTimeout))
		defer done()
		ctx = opening
		s.task.Blocking(func() { s.handler, err = s.cfg.Interceptor.Open(ctx, s) })
	} else {
		s.handler, err = s.cfg.Interceptor.Open(ctx, s)
	}
	if err == nil {
		return nil
	}
	s.handler = nil
	e := *s.refusal(ctx, err)
	e.Severity = severityFatal
	return &e
}

// replicating reports whether a session speaks the replication protocol, in
// which there is no SQL of ours. See "Streaming Replication Protocol".
func replicating(parameter string) bool {
	if parameter == "" || parameter == "0" {
		return false
	}
	// As parse_bool reads a boolean: any case, abbreviated as long as it is clear.
	for _, no := range []string{"false", "no", "off"} {
		if word := strings.ToLower(parameter); strings.HasPrefix(no, word) && word != "o" {
			return false
		}
	}
	return true
}
