package proxy_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// The model of an interceptor is a server that knows our statements itself. Each
// has a text that wordHandler knows, and one by which the server does the same.
var modelled = [][2]string{
	{"SELECT 1", "SELECT 1"},
	{"INSERT INTO m VALUES (1)", "INSERT INTO m VALUES (1)"},
	{"SELECT 1/0", "SELECT 1/0"},
	{"BEGIN", "BEGIN"},
	{"COMMIT", "COMMIT"},
	{"ROLLBACK", "ROLLBACK"},
	{"OURS 2", "SELECT generate_series(1, 2)"},
	{"OURS FAIL", "SELECT 1/(2 - i) FROM generate_series(1, 2) AS g(i)"}, // one row, then an error
	{"REFUSE", "SELECT 1/0"},
	{"REPLACE 1", "SELECT 1"},
}

// TestModel compares what clients see of random texts and pipelines, sent at
// once: through the proxy with our statements, and from the server without.
func TestModel(t *testing.T) {
	p := realPostgres(t)
	r := front(t, p.upstream("127.0.0.1", "sslmode=disable"), nil)
	intercepted := front(t, p.upstream("127.0.0.1", "sslmode=disable"), func(cfg *proxy.Config) { cfg.Interceptor = newWordHandler() })
	direct := enter(t, r.address)
	proxied := enter(t, intercepted.address)
	for _, conn := range []net.Conn{direct, proxied} {
		answersOf(t, conn, []string{`Query "CREATE TEMP TABLE m (i int)"`}, 1)
	}
	rapid.Check(t, func(rt *rapid.T) {
		var ours, theirs []string
		requests := rapid.IntRange(1, 6).Draw(rt, "requests")
		for range requests {
			a, b := drawRequest(rt)
			ours, theirs = append(ours, a...), append(theirs, b...)
		}
		last := `Query "ROLLBACK; SELECT count(*) FROM m"`
		ours, theirs = append(ours, last), append(theirs, last)
		got, want := answersOf(t, proxied, ours, requests+1), answersOf(t, direct, theirs, requests+1)
		if got != want {
			rt.Fatalf("%s\ngot  %s\nwant %s", strings.Join(ours, "\n"), got, want)
		}
	})
}

// drawRequest makes a Query of some statements, or a pipeline that ends with a Sync.
func drawRequest(rt *rapid.T) (ours, theirs []string) {
	statements := rapid.SliceOfN(rapid.SampledFrom(modelled), 1, 4).Draw(rt, "statements")
	if rapid.Bool().Draw(rt, "simple") {
		var a, b []string
		for _, s := range statements {
			a, b = append(a, s[0]), append(b, s[1])
		}
		return []string{fmt.Sprintf("Query %q", strings.Join(a, "; "))}, []string{fmt.Sprintf("Query %q", strings.Join(b, "; "))}
	}
	for _, s := range statements {
		for i, into := range []*[]string{&ours, &theirs} {
			*into = append(*into, fmt.Sprintf(`Parse "" %q []`, s[i]), `Bind "" "" [] [] []`, `Execute "" 0`)
		}
	}
	return append(ours, "Sync"), append(theirs, "Sync")
}

func enter(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := pgtest.Enter(conn, "user", "trusted", "database", "postgres"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answersOf sends messages and returns what a client sees up to the last
// ReadyForQuery: tags, errors without their words, rows counted, no notices.
func answersOf(t *testing.T, conn net.Conn, messages []string, requests int) string {
	t.Helper()
	send(t, conn, pgtest.FromClient, messages...)
	var seen []string
	for requests > 0 {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		m, err := pgtest.ReadMessage(conn)
		if err != nil {
			t.Fatalf("%v after %s\nof %s", err, strings.Join(seen, ", "), strings.Join(messages, "\n"))
		}
		switch m.Type {
		case 'N', 'S', 'T', '1', '2':
		case 'D':
			seen = append(seen, "row")
		case 'E':
			seen = append(seen, "error")
		case 'Z':
			requests--
			fallthrough
		default:
			seen = append(seen, strings.Trim(string(m.Body), "\x00"))
		}
	}
	return strings.Join(seen, ", ")
}
