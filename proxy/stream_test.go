package proxy_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// streamMemory is what the relay may take for a message, however long.
const streamMemory = 16 << 20

// One message of any size passes in pieces: it is never in memory as a whole.
func TestLongMessagesAreStreamed(t *testing.T) {
	for name, c := range map[string]struct {
		typ         byte
		fromClient  bool
		size        int
		interceptor proxy.Interceptor
	}{
		"DataRow":              {'D', false, 1 << 30, nil},
		"DataRow, intercepted": {'D', false, 128 << 20, newWordHandler()},
		"CopyData":             {'d', true, 1 << 30, nil},
		"a Query":              {'Q', true, 128 << 20, newWordHandler()}, // too long to be looked at
		"a Bind":               {'B', true, 128 << 20, nil},
		"something unknown":    {'~', false, 128 << 20, newWordHandler()},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := newRigFor(t, c.interceptor).session()
			from, to := server, client
			if c.fromClient {
				from, to = client, server
			}
			before := memory()
			sent := make(chan error, 1)
			go func() { sent <- writeLong(from, c.typ, c.size) }()
			most, err := readLong(to, c.typ, c.size)
			if err := errors.Join(err, <-sent); err != nil {
				t.Fatal(err)
			}
			if most > before+streamMemory {
				t.Errorf("%d MB in memory for a message that passes", (most-before)>>20)
			}
		})
	}
}

// memory is what is held: garbage, of this test and of those before it, is collected first.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func writeLong(conn net.Conn, typ byte, size int) error {
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := conn.Write(binary.BigEndian.AppendUint32([]byte{typ}, uint32(size)+4)); err != nil {
		return err
	}
	chunk := make([]byte, 1<<20)
	for range size / len(chunk) {
		if _, err := conn.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// readLong reads what writeLong writes and returns the most memory in use meanwhile.
func readLong(conn net.Conn, typ byte, size int) (most uint64, err error) {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	var head [5]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || head[0] != typ {
		return 0, errors.Join(err, errors.New("no header"))
	}
	chunk := make([]byte, 4<<20)
	for range size / len(chunk) {
		if _, err := io.ReadFull(conn, chunk); err != nil {
			return 0, err
		}
		most = max(most, memory())
	}
	return most, nil
}

// A client that does not read stops the server, by back pressure, and costs
// nothing but what the sockets hold.
func TestSlowReaders(t *testing.T) {
	for name, interceptor := range map[string]proxy.Interceptor{"relayed": nil, "intercepted": newWordHandler()} {
		t.Run(name, func(t *testing.T) {
			_, server := newRigFor(t, interceptor).session()
			before := memory()
			row := pgtest.Message{Type: 'D', Body: make([]byte, 1<<20)}.Append(nil)
			sent := 0
			for ; sent < 1<<10; sent++ { // a GB would do without back pressure
				_ = server.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
				if _, err := server.Write(row); errors.Is(err, os.ErrDeadlineExceeded) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if sent == 1<<10 {
				t.Fatal("no back pressure")
			}
			if now := memory(); now > before+streamMemory {
				t.Errorf("%d MB in memory", (now-before)>>20)
			}
		})
	}
}

// The same towards the server.
func TestSlowServer(t *testing.T) {
	client, _ := newRigFor(t, newWordHandler()).session()
	query := pgtest.Message{Type: 'd', Body: make([]byte, 1<<20)}.Append(nil)
	before := memory()
	for range 1 << 10 {
		_ = client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		if _, err := client.Write(query); errors.Is(err, os.ErrDeadlineExceeded) {
			if now := memory(); now > before+streamMemory {
				t.Errorf("%d MB in memory", (now-before)>>20)
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no back pressure")
}

// write gives each write its own time: the machine may be slow.
func write(t *testing.T, conn net.Conn, p []byte) {
	t.Helper()
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := conn.Write(p); err != nil {
		t.Fatal(err)
	}
}

// A client may pipeline without ever asking for a ReadyForQuery.
func TestPipelineWithoutEnd(t *testing.T) {
	client, server := newRigFor(t, newWordHandler()).session()
	const rounds = 2000
	binds := []byte{}
	answers := []byte{}
	for range 500 {
		binds = pgtest.Message{Type: 'B', Body: make([]byte, 8)}.Append(binds)
		binds = pgtest.Message{Type: 'E', Body: make([]byte, 5)}.Append(binds)
		answers = pgtest.Message{Type: '2'}.Append(answers)
		answers = pgtest.Message{Type: 'C', Body: []byte("SELECT 1\x00")}.Append(answers)
	}
	before := memory()
	got := make([]byte, max(len(binds), len(answers)))
	for range rounds {
		write(t, client, binds)
		if _, err := readFull(server, got[:len(binds)]); err != nil {
			t.Fatal(err)
		}
		write(t, server, answers)
		if _, err := readFull(client, got[:len(answers)]); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	if now := memory(); now > before+1<<20 {
		t.Errorf("%d kB in memory after %d messages", (now-before)>>10, rounds*1000)
	}
	// What is ours still finds its place.
	send(t, client, pgtest.FromClient, `Parse "" "OURS 0" []`, `Sync`)
	expect(t, server, pgtest.FromClient, `Parse "" "SHOW integer_datetimes" []`, `Sync`)
	send(t, server, pgtest.FromServer, `ParseComplete`, `ReadyForQuery I`)
	expect(t, client, pgtest.FromServer, `ParseComplete`, `ReadyForQuery I`)
}
