package proxy_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy/pgtest"
)

// FuzzSession lets client and server say anything to each other once they are
// through the startup: no panic, and no session that cannot be ended.
func FuzzSession(f *testing.F) {
	fromClient, fromServer := recorded(f)
	f.Add(fromClient, fromServer)
	f.Add(wire(f, pgtest.FromClient, `Parse "s" "OURS 2" []`, `Bind "p" "s" [] [] [1]`, `Describe P "p"`, `Execute "p" 1`, `Execute "p" 0`, `Close S "s"`, `Sync`),
		wire(f, pgtest.FromServer, `ReadyForQuery I`))
	f.Add(wire(f, pgtest.FromClient, `Parse "b" "BIND x" []`, `Bind "" "b" [] ["1" NULL] []`, `Execute "" 0`, `Parse "" "REFUSE" []`, `Sync`, `Query "SELECT 1; OURS 1; REFUSE"`),
		wire(f, pgtest.FromServer, `ParseComplete`, `BindComplete`, `CommandComplete "INSERT 0 1"`, `ErrorResponse C="42601" P="3"`, `ReadyForQuery E`, `CommandComplete "SELECT 1"`, `ErrorResponse C="22012"`, `ReadyForQuery E`))
	f.Add(wire(f, pgtest.FromClient, `Query "DONE x; TAG y; REPLACE z"`, `CopyDone`, `Flush`, `Query "DEALLOCATE s"`, `Terminate`),
		wire(f, pgtest.FromServer, `CopyInResponse 0 [0]`, `CommandComplete "DISCARD ALL"`, `EmptyQueryResponse`, `NoticeResponse S="NOTICE" P="9"`, `ReadyForQuery T`, `ReadyForQuery I`))
	f.Fuzz(func(t *testing.T, fromClient, fromServer []byte) {
		r := newRigFor(t, newWordHandler())
		client, server := r.session()
		_, _ = client.Write(fromClient)
		_, _ = server.Write(fromServer)
		_ = client.CloseWrite()
		_ = server.CloseWrite()
		for _, conn := range []net.Conn{server, client} { // which may wait for each other for ever
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
		r.close()
		if log := r.log.String(); strings.Contains(log, "panic in a session") && !strings.Contains(log, "panic in a session: the handler's") {
			t.Error(log)
		}
	})
}
