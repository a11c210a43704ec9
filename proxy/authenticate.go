package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"os"

	"mzproxy/proxy/wire"
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
const maxAuthMessage = 65535 + wire.HeaderSize

// authenticate relays until the first ReadyForQuery. alternative says that a
// refusal may be due to the encryption, and is worth another try with the other one.
func (l *login) authenticate(ctx context.Context, alternative bool) error {
	settings, _ := l.cfg.Interceptor.(ParameterRewriter)
	l.replies.settings = settings
	var out []byte // for the client
	var reported []byte
	var key []byte // the BackendKeyData message, which ends the parameters, and what follows
	var answered func() error
	for {
		frame, err := l.replies.pump.frame(startupMessageLimit)
		if answered != nil {
			if e := answered(); e != nil {
				return e
			}
			answered = nil
		}
		if err != nil {
			return l.startupEnd(err)
		}
		switch frame[0] {
		case 'R':
			alternative = false
			if out, err = l.authRequest(frame, out); err != nil {
				return err
			}
			if authCode(frame) == authGSSContinue {
				answered = l.mayAnswer()
			}
		case 'S':
			reported = append(reported, frame[wire.HeaderSize:]...)
			if out, err = l.startupParameter(frame, out); err != nil {
				return err
			}
		case 'K':
			if err := l.backendKey(frame[wire.HeaderSize:]); err != nil {
				return err
			}
			key = append(key[:0], frame...)
		case 'E':
			if alternative {
				return errOtherWay
			}
			if _, err := l.conn.Write(append(out, frame...)); err != nil {
				return err
			}
			return errRefused
		case 'Z':
			l.mu.Lock()
			l.parameters = wire.NewParameters(reported)
			l.mu.Unlock()
			if e := l.via.unsuited(l.parameters); e != nil {
				l.server.states.forget(l.via)
				return e
			}
			return l.open(ctx, frame, out, key)
		default:
			if key != nil {
				key = append(key, frame...)
			} else {
				out = append(out, frame...)
			}
		}
		l.replies.pump.discard(len(frame))
	}
}

// startupEnd is a server that went away before the session began, or did not go on.
func (l *login) startupEnd(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	message := messageServerGone
	if errors.Is(err, os.ErrDeadlineExceeded) {
		message = messageServerUnreachable
	}
	e = wire.Fatal(wire.CodeConnectionUnable, message, err)
	e.Detail = reasonUnreachable(err)
	return e
}

// authRequest relays an authentication request, and the client's answer to it.
func (l *login) authRequest(frame, out []byte) ([]byte, error) {
	if len(frame) < wire.HeaderSize+4 {
		return nil, wire.Malformed("invalid authentication request")
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
	if _, err := l.conn.Write(out); err != nil {
		return nil, err
	}
	if code == authGSSContinue {
		return out[:0], nil
	}
	answer, err := l.requests.pump.frame(maxAuthMessage)
	if err != nil {
		return nil, err
	}
	if binding && thinksUnsupported(answer) {
		return nil, errChannelBinding()
	}
	return out[:0], l.forwardAnswer(answer)
}

// authCode is the code of an authentication request.
func authCode(frame []byte) uint32 { return binary.BigEndian.Uint32(frame[wire.HeaderSize:]) }

func (l *login) forwardAnswer(answer []byte) error {
	if err := l.requests.forward(answer); err != nil {
		return wire.Fatal(wire.CodeConnectionUnable, messageServerGone, err)
	}
	l.requests.pump.discard(len(answer))
	return nil
}

func (l *login) startupParameter(frame, out []byte) ([]byte, error) {
	name, value, err := wire.CutParameter(frame[wire.HeaderSize:])
	if err != nil {
		return nil, err
	}
	if l.replies.settings == nil {
		return append(out, frame...), nil
	}
	changed, ok := l.replies.settings.RewriteParameter(string(name), string(value))
	if !ok {
		return out, nil
	}
	return wire.Append(out, &wire.ParameterStatus{Name: string(name), Value: changed}), nil
}

func (l *login) backendKey(body []byte) error {
	if len(body) < 5 || len(body) > 4+maxCancelKey {
		return wire.Malformed("invalid BackendKeyData message")
	}
	l.server.keys.remove(l.key, l.Session)
	l.key = cancelKey{pid: binary.BigEndian.Uint32(body), secret: string(body[4:])}
	l.info.BackendPID = l.key.pid
	l.server.keys.add(l.key, l.Session)
	return nil
}
