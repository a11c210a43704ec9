package proxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"

	"mzproxy/proxy/pgtest"
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
			if size, err := frameSize(frame); err != nil || size != len(frame) {
				t.Fatalf("a frame of %d bytes says %d, %v", len(frame), size, err)
			}
			got = append(got, frame...)
			p.discard(len(frame))
		}
		if !bytes.HasPrefix(data, got) {
			t.Fatalf("got %q of %q", got, data)
		}
		if rest := data[len(got):]; len(rest) >= headerSize {
			if size, err := frameSize(rest); err == nil && size <= len(rest) && size <= 1<<16 {
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

func FuzzParameterStatus(f *testing.F) {
	f.Add([]byte("TimeZone\x00UTC\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		name, value, err := readParameterStatus(body)
		if err == nil && name+"\x00"+value+"\x00" != string(body) {
			t.Fatalf("%q, %q of %q", name, value, body)
		}
	})
}

// FuzzError decodes an ErrorResponse; what was decoded and encoded decodes to
// the same.
func FuzzError(f *testing.F) {
	f.Add([]byte("SERROR\x00C42601\x00Mno\x00P7\x00\x00"))
	f.Add([]byte("S"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := readError(body)
		if err != nil {
			return
		}
		again, err := readError(appendMessage(nil, e)[headerSize:])
		if err != nil || again.Code != e.Code || again.Message != e.Message || again.Position != e.Position {
			t.Fatalf("%+v, then %+v, %v", e, again, err)
		}
	})
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
		if size, err := frameSize(changed); err != nil || size != len(changed) {
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
		m, ok := decodeBind(body)
		if !ok {
			return
		}
		if again := appendMessage(nil, m)[headerSize:]; !bytes.HasPrefix(body, again) {
			t.Fatalf("%q became %q", body, again)
		}
		formats, ok := expandFormats(m.ResultFormatCodes, int(n))
		if ok && len(formats) != int(n) {
			t.Fatalf("%d formats for %d values", len(formats), n)
		}
	})
}

// FuzzStrings cuts strings.
func FuzzStrings(f *testing.F) {
	f.Add([]byte("a\x00rest"))
	f.Add([]byte("no end"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, rest, ok := cstring(data)
		if ok && string(s)+"\x00"+string(rest) != string(data) || !ok && bytes.IndexByte(data, 0) >= 0 {
			t.Fatalf("%q, %q of %q", s, rest, data)
		}
	})
}

// FuzzBinary encodes values: never a panic, always the size of the type.
func FuzzBinary(f *testing.F) {
	oids := []uint32{0, pgtext.TypeText, pgtext.TypeBool, pgtext.TypeName, pgtext.TypeInt8, pgtext.TypeInt2, pgtext.TypeInt4, pgtext.TypeOID, pgtext.TypeJSON, pgtext.TypeFloat8, pgtext.TypeVarchar, pgtext.TypeTimestamptz, pgtext.TypeInterval, pgtext.TypeNumeric, pgtext.TypeJSONB}
	for i, text := range []string{"", "x", "t", "n", "1", "2", "-3", "4", "{}", "1.5", "v", "2024-02-29 12:00:00.5+00", "1 year 2 mons -3 days 04:05:06.7", "-12345.678", "[]"} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		oid := oids[int(i)%len(oids)]
		got, err := appendBinary(nil, oid, text)
		if size := int(typeSize(oid)); err == nil && size > 0 && oid != pgtext.TypeName && len(got) != size {
			t.Fatalf("type %d: %d bytes for %q", oid, len(got), text)
		}
		if err == nil && oid == pgtext.TypeNumeric {
			checkNumeric(t, text, got)
		}
	})
}

// checkNumeric compares the digits with the value, as far as a float tells.
func checkNumeric(t *testing.T, text string, wire []byte) {
	n, weight := int(binary.BigEndian.Uint16(wire)), int(int16(binary.BigEndian.Uint16(wire[2:])))
	if len(wire) != 8+2*n {
		t.Fatalf("%q: %d digits in %d bytes", text, n, len(wire))
	}
	want, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(want) || math.IsInf(want, 0) || math.Abs(want) > 1e100 || len(text) > 100 {
		return
	}
	got := 0.0
	for i := range n {
		digit := binary.BigEndian.Uint16(wire[8+2*i:])
		if digit > 9999 {
			t.Fatalf("%q: digit %d", text, digit)
		}
		got += float64(digit) * math.Pow(10000, float64(weight-i))
	}
	if math.Abs(got-math.Abs(want)) > 1e-9*math.Abs(want)+1e-300 {
		t.Fatalf("%q became %g", text, got)
	}
}

// FuzzPositions maps positions of an edited text: always inside the client's.
func FuzzPositions(f *testing.F) {
	f.Add("SELECT ü, x", "longer text", 7, 9, 12)
	f.Fuzz(func(t *testing.T, text, replacement string, start, end, position int) {
		if start < 0 || end < start || end > len(text) {
			return
		}
		e := edited{text, edits{{start, end, replacement}}}
		got := e.position(position)
		if position > 0 && (got < 1 || got > len([]rune(text))+1) {
			t.Fatalf("position %d of %q", got, text)
		}
		b := &books{}
		b.push(item{kind: 'P', statement: &statement{hooks: hooks{edited: e}}})
		_ = b.relocate(&pgproto3.ErrorResponse{Position: int32(position)})
	})
}
