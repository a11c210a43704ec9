package proxy

import (
	"bytes"

	"mzproxy/proxy/wire"
)

// scramPlus is the mechanism that binds to a TLS connection, which cannot be
// the same on both sides of a proxy that ends TLS.
const scramPlus = "SCRAM-SHA-256-PLUS"

// withoutChannelBinding takes scramPlus out of the server's offer.
func withoutChannelBinding(frame []byte) (changed []byte, offered bool, err error) {
	var mechanisms []string
	for rest := frame[wire.HeaderSize+4:]; ; {
		name, after, ok := wire.CutString(rest)
		if !ok {
			return nil, false, wire.Malformed("invalid AuthenticationSASL message")
		}
		if len(name) == 0 {
			break
		}
		if string(name) == scramPlus {
			offered = true
		} else {
			mechanisms = append(mechanisms, string(name))
		}
		rest = after
	}
	if !offered {
		return frame, false, nil
	}
	if len(mechanisms) == 0 {
		e := wire.Fatal(wire.CodeInvalidAuthorization, "the server insists on channel binding, which cannot pass a proxy", nil)
		e.Detail = "The server offers " + scramPlus + " only."
		return nil, true, e
	}
	return wire.Append(nil, &wire.AuthenticationSASL{AuthMechanisms: mechanisms}), true, nil
}

// thinksUnsupported reports whether a SASLInitialResponse says that the client
// could bind to the channel but takes the server for unable (RFC 5802, gs2 flag "y"). A
// server that can would refuse that as a downgrade attack.
func thinksUnsupported(frame []byte) bool {
	_, rest, ok := wire.CutString(frame[wire.HeaderSize:])
	return ok && len(rest) > 4 && bytes.HasPrefix(rest[4:], []byte("y,"))
}

// errChannelBinding is the answer to thinksUnsupported.
func errChannelBinding() *Error {
	e := wire.Fatal(wire.CodeInvalidAuthorization, "SCRAM channel binding cannot pass a proxy that ends TLS on both sides", nil)
	e.Hint = "Connect with channel_binding=disable."
	return e
}
