package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A postgresServer is a real PostgreSQL with TLS, on a TCP port and a Unix
// socket, with a role for each way to log in. The password is "secret":
//
//	scram, md5, plain   by that method, with TLS or without
//	onlytls, onlyplain  without password, but with or without TLS only
//	alice               by certificate
//	trusted             freely
type postgresServer struct {
	dir, port string
	authority *authority
	process   *exec.Cmd
	exited    chan error
}

// thePostgres is started by the first test that needs it.
var thePostgres struct {
	once   sync.Once
	server *postgresServer
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if p := thePostgres.server; p != nil {
		p.stop()
	}
	os.Exit(code)
}

func realPostgres(t testing.TB) *postgresServer {
	t.Helper()
	thePostgres.once.Do(func() { thePostgres.server, thePostgres.err = startPostgres(t) })
	if thePostgres.err != nil {
		t.Fatalf("this test needs a PostgreSQL server: %v", thePostgres.err)
	}
	return thePostgres.server
}

func startPostgres(t testing.TB) (*postgresServer, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "proxy-test-")
	if err != nil {
		return nil, err
	}
	p := &postgresServer{dir: dir, authority: newAuthorityIn(t, filepath.Join(dir, "certs")), exited: make(chan error, 1)}
	p.authority.issue(t, "alice", "alice")
	asUser, err := p.handOver()
	if err != nil {
		return nil, err
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: asUser}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "-D", data, "-U", "admin", "-A", "trust", "-E", "UTF8", "--no-locale", "-N").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	certs := p.authority.file("")
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o644); err != nil {
		return nil, err
	}
	p.process = command("postgres", "-D", data, "-p", p.port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
		"-c", "ssl=on", "-c", "ssl_cert_file="+certs+"/server.crt", "-c", "ssl_key_file="+certs+"/server.key", "-c", "ssl_ca_file="+certs+"/ca.crt",
		"-c", "max_connections=400", "-c", "max_prepared_transactions=10", "-c", "wal_level=logical")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p.process.Stdout, p.process.Stderr = log, log
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	go func() { p.exited <- p.process.Wait() }()
	return p, p.prepare()
}

const hba = `local all all trust
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all plain 127.0.0.1/32 password
hostssl all onlytls 127.0.0.1/32 trust
hostnossl all onlyplain 127.0.0.1/32 trust
hostssl all alice 127.0.0.1/32 cert
host all trusted 127.0.0.1/32 trust
host replication trusted 127.0.0.1/32 trust
`

func postgresBinaries() (string, error) {
	if dir := os.Getenv("MZSIM_POSTGRES_BIN"); dir != "" {
		return dir, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path) // the others need not be in PATH
		return filepath.Dir(path), err
	}
	for _, glob := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"} {
		if dirs, _ := filepath.Glob(glob); len(dirs) > 0 {
			return dirs[len(dirs)-1], nil
		}
	}
	return "", errors.New("no initdb in MZSIM_POSTGRES_BIN, in PATH or in the usual places")
}

// handOver gives the directory to the user that the server runs as: it does not as root.
func (p *postgresServer) handOver() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	err = filepath.WalkDir(p.dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, uid, gid))
	})
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = ln.Close() }()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, err
}

const roles = `CREATE ROLE scram LOGIN PASSWORD 'secret'; CREATE ROLE plain LOGIN PASSWORD 'secret';
CREATE ROLE onlytls LOGIN; CREATE ROLE onlyplain LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE trusted LOGIN SUPERUSER;
SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'secret'`

// prepare waits until the server answers, and makes the roles.
func (p *postgresServer) prepare() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		conn, err := pgconn.Connect(context.Background(), fmt.Sprintf("host=%s port=%s user=admin dbname=postgres sslmode=disable", p.dir, p.port))
		if err == nil {
			_, err = conn.Exec(context.Background(), roles).ReadAll()
			return errors.Join(err, conn.Close(context.Background()))
		}
		select {
		case err := <-p.exited:
			log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return fmt.Errorf("the server ended: %w\n%s", err, log)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not answer: %w", err)
		}
	}
}

func (p *postgresServer) stop() {
	if p.process != nil && p.process.Process != nil {
		_ = p.process.Process.Signal(syscall.SIGQUIT)
		if err := <-p.exited; err != nil {
			fmt.Fprintln(os.Stderr, "postgres:", err)
		}
	}
	_ = os.RemoveAll(p.dir)
}

// major is the server's major version.
func (p *postgresServer) major(t testing.TB) int {
	t.Helper()
	version, err := os.ReadFile(filepath.Join(p.dir, "data", "PG_VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(version)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// upstream is the URI of the server, with parameters as name=value.
func (p *postgresServer) upstream(host string, params ...string) string {
	values := url.Values{}
	for _, param := range params {
		name, value, _ := strings.Cut(param, "=")
		values.Set(name, value)
	}
	return "postgres://" + net.JoinHostPort(host, p.port) + "/postgres?" + values.Encode()
}
