package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mzproxy/proxy"
)

// tool runs one of PostgreSQL's programs against the proxy; settings as in a
// libpq connection string.
func (r *rig) tool(t *testing.T, name, settings string, args ...string) []byte {
	t.Helper()
	bin, err := postgresBinaries()
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(r.address, ":")
	dsn := fmt.Sprintf("host=%s port=%s user=trusted %s", host, port, settings)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, name), append([]string{"-d", dsn}, args...)...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, problems.String())
	}
	return out
}

// replicas starts proxies for replication, of which nothing is to be looked at.
func replicas(t *testing.T, p *postgresServer) map[string]*rig {
	t.Helper()
	configure := func(cfg *proxy.Config) {
		cfg.Interceptor, cfg.ClientTLS, cfg.Replication = newWordHandler(), p.authority.server(t), true
	}
	return map[string]*rig{
		"sslmode=disable": front(t, p.upstream("127.0.0.1", "sslmode=disable"), configure),
		"sslmode=require": front(t, p.upstream("127.0.0.1", "sslmode=require"), configure),
	}
}

// A base backup, with the log that is written meanwhile, is what its manifest says.
func TestBaseBackup(t *testing.T) {
	for mode, r := range replicas(t, realPostgres(t)) {
		t.Run(mode, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "backup")
			r.tool(t, "pg_basebackup", mode, "-D", dir, "-X", "stream", "-c", "fast", "-N")
			bin, _ := postgresBinaries()
			if out, err := exec.Command(filepath.Join(bin, "pg_verifybackup"), dir).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// The write-ahead log comes as it stands on the server's disk.
func TestWALStreaming(t *testing.T) {
	p := realPostgres(t)
	for mode, r := range replicas(t, p) {
		t.Run(mode, func(t *testing.T) {
			conn, err := r.connect("user=trusted " + mode)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			value(t, conn, "SELECT pg_switch_wal()")
			value(t, conn, "SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))")
			end := value(t, conn, "SELECT pg_current_wal_flush_lsn()")
			segment := value(t, conn, "SELECT pg_walfile_name('"+end+"')")
			n, err := strconv.Atoi(value(t, conn, "SELECT file_offset FROM pg_walfile_name_offset('"+end+"')"))
			if err != nil || n < 100_000 {
				t.Fatalf("%d bytes of the log, %v", n, err)
			}
			value(t, conn, "SELECT pg_logical_emit_message(true, 'test', 'what ends the wait')")
			dir := t.TempDir()
			r.tool(t, "pg_receivewal", mode, "-D", dir, "-n", "--endpos="+end)
			got, err := os.ReadFile(filepath.Join(dir, segment+".partial"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(p.dir, "data", "pg_wal", segment))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got[:n], want[:n]) {
				t.Errorf("the first %d bytes of %s differ", n, segment)
			}
		})
	}
}

// Logical replication is SQL commands and COPY in both directions on one connection.
func TestLogicalReplication(t *testing.T) {
	for mode, r := range replicas(t, realPostgres(t)) {
		t.Run(mode, func(t *testing.T) {
			conn, err := r.connect("user=trusted " + mode)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			run(t, conn, "CREATE TABLE replicated (text text); CREATE PUBLICATION everything FOR ALL TABLES")
			r.tool(t, "pg_recvlogical", mode+" dbname=postgres", "-S", "slot", "--create-slot", "-P", "pgoutput")
			for i := range 100 {
				run(t, conn, fmt.Sprintf("INSERT INTO replicated VALUES ('row %d')", i))
			}
			end := value(t, conn, "SELECT pg_current_wal_flush_lsn()")
			got := r.tool(t, "pg_recvlogical", mode+" dbname=postgres", "-S", "slot", "--start", "-n", "-f", "-", "--endpos="+end,
				"-o", "proto_version=1", "-o", "publication_names=everything")
			for i := range 100 {
				if row := fmt.Sprintf("row %d", i); !bytes.Contains(got, []byte(row)) {
					t.Errorf("%q is missing", row)
				}
			}
			r.tool(t, "pg_recvlogical", mode+" dbname=postgres", "-S", "slot", "--drop-slot")
			run(t, conn, "DROP PUBLICATION everything; DROP TABLE replicated")
		})
	}
}
