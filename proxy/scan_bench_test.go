package proxy

import (
	"bytes"
	"testing"
	"time"

	"mzproxy/proxy/pgtest"
)

// passive is a handler that looks at every text and wants none.
type passive struct{ Handler }

func (passive) Wants(text []byte) bool { return bytes.Contains(text, []byte("STRATEG")) }

// scanned is a relayed session without sockets.
func scanned() *Session {
	s := &Session{cfg: &Config{}}
	nowhere := &byteConn{}
	s.session, s.handler, s.conn, s.upstream = s, passive{}, nowhere, nowhere
	s.client = newClientSide(nowhere, nil)
	s.requests = newRequests(s)
	s.replies = newReplies(s)
	return s
}

// BenchmarkScan is the looking at messages alone, nothing read or written.
func BenchmarkScan(b *testing.B) {
	row := pgtest.Message{Type: 'D', Body: []byte("\x00\x02\x00\x00\x00\x011\x00\x00\x00\x0csome text...")}.Append(nil)
	query := pgtest.Message{Type: 'Q', Body: []byte("SELECT * FROM t WHERE id = 1\x00")}.Append(nil)
	extended := pgtest.Message{Type: 'B', Body: []byte("\x00s\x00\x00\x00\x00\x00\x00\x00")}.Append(nil)
	extended = pgtest.Message{Type: 'D', Body: []byte("P\x00")}.Append(extended)
	extended = pgtest.Message{Type: 'E', Body: []byte("\x00\x00\x00\x00\x00")}.Append(extended)
	extended = pgtest.Message{Type: 'S'}.Append(extended)
	for name, c := range map[string]struct {
		wire    []byte
		consume func(*Session) consumer
	}{
		"replies":  {bytes.Repeat(row, 1000), func(s *Session) consumer { return s.replies }},
		"queries":  {bytes.Repeat(query, 1000), func(s *Session) consumer { return s.requests }},
		"extended": {bytes.Repeat(extended, 250), func(s *Session) consumer { return s.requests }},
	} {
		b.Run(name, func(b *testing.B) {
			to := c.consume(scanned())
			b.SetBytes(int64(len(c.wire)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := to.consume(c.wire); n != len(c.wire) || err != nil {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(time.Nanosecond)/1000/float64(b.N), "ns/message")
		})
	}
}
