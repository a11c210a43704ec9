package proxy_test

import (
	"net"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// echo answers every request that arrives at the server, without allocating.
func echo(server net.Conn, request, answer int, wire []byte) {
	buf := make([]byte, request)
	for {
		if _, err := readAll(server, buf); err != nil {
			return
		}
		if _, err := server.Write(wire[:answer]); err != nil {
			return
		}
	}
}

// readAll is io.ReadFull without deadlines: setting those allocates.
func readAll(conn net.Conn, p []byte) (int, error) {
	for n := 0; n < len(p); {
		m, err := conn.Read(p[n:])
		if err != nil {
			return n, err
		}
		n += m
	}
	return len(p), nil
}

// A roundTrip sends a request through a proxy and reads the answer.
func roundTrip(t testing.TB, interceptor proxy.Interceptor, request, answer []byte) (once func()) {
	client, server := newRigFor(t, interceptor).session()
	_ = client.SetDeadline(time.Time{})
	_ = server.SetDeadline(time.Time{})
	done := make(chan struct{})
	go func() { defer close(done); echo(server, len(request), len(answer), answer) }()
	t.Cleanup(func() { _ = client.Close(); _ = server.Close(); <-done })
	buf := make([]byte, len(answer))
	return func() {
		if _, err := client.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(client, buf); err != nil {
			t.Fatal(err)
		}
	}
}

func wire(t testing.TB, side pgtest.Side, messages ...string) (out []byte) {
	t.Helper()
	for _, text := range messages {
		m, err := pgtest.ParseMessage(side, text)
		if err != nil {
			t.Fatal(err)
		}
		out = m.Append(out)
	}
	return out
}

// traffic is what is measured: a select by each protocol, and 1,000 rows.
func traffic(t testing.TB) map[string][2][]byte {
	row := `DataRow ["1" "some text of a row"]`
	rows := []string{`RowDescription [a:23:0 b:25:0]`}
	for range 1000 {
		rows = append(rows, row)
	}
	return map[string][2][]byte{
		"simple": {wire(t, pgtest.FromClient, `Query "SELECT * FROM t WHERE id = 1"`),
			wire(t, pgtest.FromServer, `RowDescription [a:23:0 b:25:0]`, row, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)},
		"extended": {wire(t, pgtest.FromClient, `Bind "" "s" [] ["1"] []`, `Describe P ""`, `Execute "" 0`, `Sync`),
			wire(t, pgtest.FromServer, `BindComplete`, `RowDescription [a:23:0 b:25:0]`, row, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)},
		"1000 rows": {wire(t, pgtest.FromClient, `Query "SELECT * FROM t"`),
			wire(t, pgtest.FromServer, append(rows, `CommandComplete "SELECT 1000"`, `ReadyForQuery I`)...)},
	}
}

// BenchmarkRoundTrip is a request and its answer over loopback TCP, client and
// server included.
func BenchmarkRoundTrip(b *testing.B) {
	for name, messages := range traffic(b) {
		b.Run(name, func(b *testing.B) {
			once := roundTrip(b, newWordHandler(), messages[0], messages[1])
			b.SetBytes(int64(len(messages[0]) + len(messages[1])))
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

// What passes costs no allocation, also where somebody looks at it.
func TestPassingAllocatesNothing(t *testing.T) {
	for name, messages := range traffic(t) {
		for kind, interceptor := range map[string]proxy.Interceptor{"relayed": nil, "intercepted": newWordHandler()} {
			t.Run(name+" "+kind, func(t *testing.T) {
				once := roundTrip(t, interceptor, messages[0], messages[1])
				if n := testing.AllocsPerRun(500, once); n >= 1 {
					t.Errorf("%v allocations per round trip", n)
				}
			})
		}
	}
}
