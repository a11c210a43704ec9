package proxy

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"mzproxy/proxy/pgtest"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// byteConn reads from bytes and forgets what is written.
type byteConn struct {
	net.Conn
	r io.Reader
}

func (c *byteConn) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c *byteConn) Write(p []byte) (int, error) { return len(p), nil }

// FuzzHello reads the first packets of a client. A StartupMessage that was
// accepted is encoded to what was read, if no parameter came twice.
func FuzzHello(f *testing.F) {
	startup := (&startup{version: 3 << 16, order: []string{"user", "database"}}).encode(map[string]string{"user": "u", "database": "d"})
	f.Add(startup)
	f.Add(append([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"), startup...))
	f.Add([]byte("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01abcd"))
	f.Add([]byte("\x16\x03\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg := Config{}.withDefaults()
		h, err := readStartup(&byteConn{r: bytes.NewReader(data)}, &cfg, nil)
		switch {
		case h == nil || h.conn == nil:
			t.Fatal("no connection to answer on")
		case err != nil:
			return
		case h.cancel != nil:
			if n := len(h.cancel.secret); n < 1 || n > maxCancelKey {
				t.Fatalf("a key of %d bytes", n)
			}
			return
		case h.params["user"] == "":
			t.Fatal("no user")
		}
		packet := h.encode(h.params)
		at := bytes.LastIndex(data, packet)
		if at < 0 && len(h.order) == len(slices.Compact(slices.Sorted(slices.Values(h.order)))) && strings.Count(string(data), "\x00") == strings.Count(string(packet), "\x00") {
			t.Fatalf("read %q, encoded %q", data, packet)
		}
	})
}

// FuzzFrames cuts a stream into messages through a pump, in reads of any size:
// the messages put together are the stream.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x05\x00S\x00\x00\x00\x04"), uint8(1))
	f.Add([]byte("Q\x00\x00\x00\x03"), uint8(3))
	f.Add([]byte("D\xff\xff\xff\xff"), uint8(9))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		p := newPump(&byteConn{r: &stepReader{data: data, step: int(step)%7 + 1}}, nil)
		var got []byte
		for {
			frame, err := p.frame(1 << 16)
			if err != nil {
				break
			}
			if size, err := wire.FrameSize(frame); err != nil || size != len(frame) {
				t.Fatalf("a frame of %d bytes says %d, %v", len(frame), size, err)
			}
			got = append(got, frame...)
			p.discard(len(frame))
		}
		if !bytes.HasPrefix(data, got) {
			t.Fatalf("got %q of %q", got, data)
		}
		if rest := data[len(got):]; len(rest) >= wire.HeaderSize {
			if size, err := wire.FrameSize(rest); err == nil && size <= len(rest) && size <= 1<<16 {
				t.Fatalf("a whole message was left: %q", rest)
			}
		}
	})
}

// stepReader gives a few bytes at a time.
type stepReader struct {
	data []byte
	step int
}

func (r *stepReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(r.step, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

// FuzzSASLOffer takes channel binding out of an offer: nothing else goes.
func FuzzSASLOffer(f *testing.F) {
	f.Add([]byte("SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00"))
	f.Add([]byte("SCRAM-SHA-256"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, list []byte) {
		frame := pgtest.Message{Type: 'R', Body: append([]byte{0, 0, 0, authSASL}, list...)}.Append(nil)
		changed, offered, err := withoutChannelBinding(frame)
		switch {
		case err != nil:
			return
		case !offered && !bytes.Equal(changed, frame):
			t.Fatalf("%q became %q", frame, changed)
		case offered && bytes.Contains(changed, []byte("\x00"+scramPlus+"\x00")):
			t.Fatalf("%q still offers it", changed)
		}
		if size, err := wire.FrameSize(changed); err != nil || size != len(changed) {
			t.Fatalf("%q is no message", changed)
		}
		thinksUnsupported(frame)
	})
}

// FuzzBind decodes a Bind message; what was decoded and encoded is the same.
func FuzzBind(f *testing.F) {
	f.Add([]byte("p\x00s\x00\x00\x01\x00\x01\x00\x01\x00\x00\x00\x01x\x00\x00"), uint8(2))
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\xff\xff\xff\xfe\x00\x00"), uint8(0))
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00"), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, n uint8) {
		m, ok := wire.DecodeBind(body)
		if !ok {
			return
		}
		if again := wire.Append(nil, m)[wire.HeaderSize:]; !bytes.HasPrefix(body, again) {
			t.Fatalf("%q became %q", body, again)
		}
		formats, ok := expandFormats(m.ResultFormatCodes, int(n))
		if ok && len(formats) != int(n) {
			t.Fatalf("%d formats for %d values", len(formats), n)
		}
	})
}

// FuzzPositions maps positions of an edited text: always inside the client's.
func FuzzPositions(f *testing.F) {
	f.Add("SELECT ü, x", "longer text", 7, 9, 12)
	f.Fuzz(func(t *testing.T, text, replacement string, start, end, position int) {
		if start < 0 || end < start || end > len(text) {
			return
		}
		e := pgtext.Edited{Text: text, Edits: []pgtext.Edit{{Span: pgtext.Span{Start: start, End: end}, Text: replacement}}}
		got := e.Position(position)
		if position > 0 && (got < 1 || got > len([]rune(text))+1) {
			t.Fatalf("position %d of %q", got, text)
		}
		b := &books{}
		b.push(item{kind: 'P', statement: &statement{directives: directives{Edited: e}}})
		_ = b.relocate(&wire.Fields{Position: int32(position)})
	})
}
