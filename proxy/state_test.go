package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// intercepted logs in to the real server through a proxy with a wordHandler.
func intercepted(t testing.TB) *pgconn.PgConn {
	t.Helper()
	r := front(t, realPostgres(t).upstream("127.0.0.1", "sslmode=disable"), func(cfg *proxy.Config) { cfg.Interceptor = newWordHandler() })
	conn, err := r.connect("user=trusted sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// outcome is what a text did: its tags, then the SQLSTATE of the error, then the status.
func outcome(conn *pgconn.PgConn, sql string) string {
	var words []string
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	for _, r := range results {
		if r.Err == nil {
			words = append(words, r.CommandTag.String())
		}
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		words = append(words, e.Code)
	} else if err != nil {
		words = append(words, err.Error())
	}
	return strings.Join(append(words, string(conn.TxStatus())), " ")
}

// After whatever we answer or refuse, client and server agree on the state of
// the transaction, and what a refusal undoes is undone.
func TestStateAfterRefusals(t *testing.T) {
	for name, steps := range map[string][][2]string{
		"in a transaction": {
			{"BEGIN", "BEGIN T"}, {"INSERT INTO s VALUES (1)", "INSERT 0 1 T"}, {"REFUSE", "22023 E"}, {"SELECT 1", "25P02 E"},
			{"OURS 1", "25P02 E"}, {"COMMIT", "ROLLBACK I"}, {"SELECT FROM s", "SELECT 0 I"},
		},
		"an answer that fails": {
			{"BEGIN", "BEGIN T"}, {"OURS FAIL", "22012 E"}, {"ROLLBACK", "ROLLBACK I"},
		},
		"back to a savepoint": {
			{"BEGIN; INSERT INTO s VALUES (1); SAVEPOINT a", "BEGIN INSERT 0 1 SAVEPOINT T"}, {"REFUSE", "22023 E"},
			{"ROLLBACK TO a", "ROLLBACK T"}, {"OURS 1", "SELECT 1 T"}, {"COMMIT", "COMMIT I"}, {"SELECT FROM s", "SELECT 1 I"},
		},
		"the implicit transaction of a text": {
			{"INSERT INTO s VALUES (1); OURS 1; REFUSE; INSERT INTO s VALUES (2)", "INSERT 0 1 SELECT 1 22023 I"}, {"SELECT FROM s", "SELECT 0 I"},
		},
		"a text that begins a transaction": {
			{"BEGIN; INSERT INTO s VALUES (1); REFUSE", "BEGIN INSERT 0 1 22023 E"}, {"ROLLBACK", "ROLLBACK I"},
		},
		"a text that ends a failed one": {
			{"BEGIN", "BEGIN T"}, {"REFUSE", "22023 E"}, {"ROLLBACK; OURS 2; SELECT 1", "ROLLBACK SELECT 2 SELECT 1 I"},
		},
		"alone": {
			{"REFUSE", "22023 I"}, {"OURS FAIL", "22012 I"}, {"SELECT 1", "SELECT 1 I"},
		},
		"a text of which the server's part is wrong": {
			{"BEGIN", "BEGIN T"}, {"OURS 1; SELECT FROM nowhere; OURS 2", "SELECT 1 42P01 E"}, {"ROLLBACK", "ROLLBACK I"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn := intercepted(t)
			outcome(conn, "CREATE TEMP TABLE s (i int)")
			for _, step := range steps {
				if got := outcome(conn, step[0]); got != step[1] {
					t.Fatalf("%s: got %s, want %s", step[0], got, step[1])
				}
			}
		})
	}
}

// The same in a pipeline: what stands before a refusal is undone with it, what
// comes after it is skipped, up to the Sync.
func TestStateAfterRefusalsInAPipeline(t *testing.T) {
	conn := intercepted(t)
	outcome(conn, "CREATE TEMP TABLE s (i int)")
	ctx := context.Background()
	p := conn.StartPipeline(ctx)
	for _, sql := range []string{"INSERT INTO s VALUES (1)", "OURS 2", "REFUSE", "INSERT INTO s VALUES (2)"} {
		p.SendQueryParams(sql, nil, nil, nil, nil)
	}
	if err := errors.Join(p.Sync(), nil); err != nil {
		t.Fatal(err)
	}
	p.SendQueryParams("OURS 3", nil, nil, nil, nil)
	p.SendQueryParams("SELECT i FROM s", nil, nil, nil, nil)
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		results, err := p.GetResults()
		var e *pgconn.PgError
		switch r := results.(type) {
		case *pgconn.ResultReader:
			tag, err := r.Close()
			if errors.As(err, &e) {
				got = append(got, e.Code)
			} else {
				got = append(got, tag.String())
			}
			continue
		case *pgconn.PipelineSync:
			got = append(got, "sync")
			continue
		}
		if errors.As(err, &e) {
			got = append(got, e.Code)
			continue
		}
		break
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(got, ", "), "INSERT 0 1, SELECT 2, 22023, sync, SELECT 3, SELECT 0, sync"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// recordedClient and recordedServer are the two directions of a conversation, with
// messages of many kinds and sizes, none of which is ours.
func recorded(t testing.TB) (fromClient, fromServer []byte) {
	t.Helper()
	build := func(side pgtest.Side, lines ...string) (wire []byte) {
		for _, line := range lines {
			m, err := pgtest.ParseMessage(side, line)
			if err != nil {
				t.Fatal(err)
			}
			wire = m.Append(wire)
		}
		return wire
	}
	long := strings.Repeat("x", 5000)
	fromClient = build(pgtest.FromClient, `Query "SELECT 1"`, `Parse "s" "SELECT $1" [25]`, `Bind "" "s" [] ["`+long+`"] []`, `Describe P ""`,
		`Execute "" 0`, `Sync`, `Query "COPY t FROM STDIN"`, `CopyData "`+long+`"`, `CopyData ""`, `CopyDone`, `'!' "new"`, `Flush`, `FunctionCall "abc"`)
	fromServer = build(pgtest.FromServer, `RowDescription [a:25:0]`, `DataRow ["`+long+`"]`, `DataRow [NULL]`, `NoticeResponse S="NOTICE" M="`+long+`"`,
		`CommandComplete "SELECT 2"`, `ReadyForQuery I`, `ParseComplete`, `BindComplete`, `ParameterStatus "TimeZone" "UTC"`, `NoData`, `EmptyQueryResponse`,
		`ReadyForQuery T`, `CopyInResponse 0 [0]`, `CommandComplete "COPY 2"`, `ErrorResponse S="ERROR" C="22000" M="no"`, `ReadyForQuery E`, `'~' "new"`, `FunctionCallResponse "x"`, `ReadyForQuery I`)
	return fromClient, fromServer
}

// relayed sends both directions in pieces and returns what arrived.
func relayed(t testing.TB, fromClient, fromServer []byte, cutClient, cutServer func(int) int, interceptor proxy.Interceptor) (atServer, atClient []byte) {
	t.Helper()
	r := newRigFor(t, interceptor)
	client, server := r.session()
	write := func(conn net.Conn, wire []byte, cut func(int) int) {
		_ = conn.(*net.TCPConn).SetNoDelay(true)
		_, _ = (&pgtest.FaultyConn{Conn: conn, Cut: cut}).Write(wire)
	}
	read := func(conn net.Conn, n int, into *[]byte, done chan struct{}) {
		defer close(done)
		*into = make([]byte, n)
		m, _ := readFull(conn, *into)
		*into = (*into)[:m]
	}
	clientDone, serverDone := make(chan struct{}), make(chan struct{})
	go read(client, len(fromServer), &atClient, clientDone)
	go read(server, len(fromClient), &atServer, serverDone)
	write(client, fromClient, cutClient)
	write(server, fromServer, cutServer)
	<-serverDone
	<-clientDone
	_ = client.Close()
	_ = server.Close()
	r.close()
	return atServer, atClient
}

// Any fragmentation of a conversation gives the same bytes on the other side,
// with an interceptor that looks and without.
func TestFragmentation(t *testing.T) {
	fromClient, fromServer := recorded(t)
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.Uint64().Draw(rt, "client"), rapid.Uint64().Draw(rt, "server")
		var interceptor proxy.Interceptor
		if rapid.Bool().Draw(rt, "intercepted") {
			interceptor = newWordHandler()
		}
		atServer, atClient := relayed(t, fromClient, fromServer, smallCuts(a), smallCuts(b), interceptor)
		if !bytes.Equal(atServer, fromClient) || !bytes.Equal(atClient, fromServer) {
			rt.Errorf("got %d of %d bytes at the server and %d of %d at the client, or others",
				len(atServer), len(fromClient), len(atClient), len(fromServer))
		}
	})
}

// smallCuts cuts at random, mostly into a few bytes.
func smallCuts(seed uint64) func(int) int {
	cut := pgtest.RandomCuts(seed)
	return func(n int) int { return cut(min(n, cut(max(n/4, 1)), 700)) }
}

// FuzzFragmentation is TestFragmentation with cuts that the fuzzer finds.
func FuzzFragmentation(f *testing.F) {
	f.Add([]byte{1}, []byte{255, 3}, true)
	f.Add([]byte{5, 5, 1}, []byte{}, false)
	fromClient, fromServer := recorded(f)
	f.Fuzz(func(t *testing.T, client, server []byte, intercepted bool) {
		var interceptor proxy.Interceptor
		if intercepted {
			interceptor = newWordHandler()
		}
		atServer, atClient := relayed(t, fromClient, fromServer, cutsOf(client), cutsOf(server), interceptor)
		if !bytes.Equal(atServer, fromClient) || !bytes.Equal(atClient, fromServer) {
			t.Error("other bytes arrived")
		}
	})
}

// cutsOf cuts as the bytes say, again and again.
func cutsOf(sizes []byte) func(int) int {
	at := 0
	return func(n int) int {
		if len(sizes) == 0 {
			return n
		}
		at++
		return min(n, int(sizes[at%len(sizes)])+1)
	}
}
