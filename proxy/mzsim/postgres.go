package mzsim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"
)

// Names inside the private server.
const (
	adminRole = "mz_system"   // owns the catalog; clients cannot log in as it
	userRole  = "materialize" // the role that Materialize starts with
	database  = "materialize"

	maintenance = "template1" // the database that is there before ours
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 5 * time.Second
	startPoll    = 5 * time.Millisecond
)

// postgres is a private PostgreSQL server: a data directory, a process, and a
// watchdog that ends the process, and removes the directory if it was temporary, when this
// program is gone without having called stop.
type postgres struct {
	bin       string // directory of the binaries
	dir       string // holds data, socket and log
	temporary bool
	asUser    *syscall.Credential // nil: as ourselves

	server   *exec.Cmd
	exited   chan struct{} // closed when server has ended
	watchdog *exec.Cmd
	lifeline io.Closer // the watchdog acts when this is closed

	stopOnce sync.Once
	stopErr  error
}

// startPostgres creates the data directory where needed and starts a server
// that listens on a unix socket only. An empty dir means a temporary one. auth is the
// method that clients log in with (pg_hba.conf), the admin role needs no password.
func startPostgres(ctx context.Context, bin, dir, auth string) (*postgres, error) {
	p := &postgres{bin: bin, dir: dir, temporary: dir == "", exited: make(chan struct{})}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	if err := p.launch(ctx, auth); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// prepare finds the user to run as and makes the directory.
func (p *postgres) prepare() error {
	var err error
	if p.asUser, err = unprivileged(); err != nil {
		return err
	}
	if p.temporary {
		p.dir, err = os.MkdirTemp(temporaryRoot(), "mzsim-")
	} else {
		if p.dir, err = filepath.Abs(p.dir); err == nil {
			err = os.MkdirAll(p.dir, 0o700)
		}
	}
	if err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	if p.asUser == nil {
		return nil
	}
	if err := os.Chown(p.dir, int(p.asUser.Uid), int(p.asUser.Gid)); err != nil {
		return fmt.Errorf("hand over data directory: %w", err)
	}
	return p.enterable()
}

// enterable finds out whether the server's user may enter the directory, and run the server: what the programs
// themselves would say about it does not help.
func (p *postgres) enterable() error {
	err := p.command(filepath.Join(p.bin, "postgres"), "--version").Run()
	if err == nil {
		return nil
	}
	hint := "name another one with --data"
	if p.temporary {
		hint = "set TMPDIR to a directory that it may enter, such as /tmp"
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return fmt.Errorf("the server cannot be run in %s as user id %d (PostgreSQL does not run as root), who has to have access to every directory above it: %s: %w", p.dir, p.asUser.Uid, hint, err)
}

// unprivileged returns the user that the server has to run as: PostgreSQL
// refuses to run as root. nil means ourselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("look up user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// command prepares a program of the server's user, in a session of its own: a
// Ctrl-C in our terminal is ours to handle.
func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "PGOPTIONS=", "PGDATA=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.asUser}
	return cmd
}

func (p *postgres) dataDir() string { return filepath.Join(p.dir, "data") }

// socket is the path of the server's unix socket.
func (p *postgres) socket() string { return filepath.Join(p.dir, ".s.PGSQL.5432") }

func (p *postgres) launch(ctx context.Context, auth string) error {
	if err := p.guard(); err != nil {
		return err
	}
	if err := p.initdb(ctx); err != nil {
		return err
	}
	if err := p.writeAccess(auth); err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(p.dir, "postgres.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open server log: %w", err)
	}
	defer func() { _ = logFile.Close() }() // the server has its own descriptor
	args := []string{"-D", p.dataDir()}
	for _, setting := range p.settings() {
		args = append(args, "-c", setting)
	}
	p.server = p.command(filepath.Join(p.bin, "postgres"), args...)
	p.server.Stdout, p.server.Stderr = logFile, logFile
	if err := p.server.Start(); err != nil {
		p.server = nil
		return fmt.Errorf("start postgres: %w", err)
	}
	go func() {
		defer close(p.exited)
		_ = p.server.Wait() // how it ended is told by its log
	}()
	return p.awaitReady(ctx)
}

// initdb creates the cluster of databases unless there is one already.
func (p *postgres) initdb(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(p.dataDir(), "PG_VERSION")); err == nil {
		return nil
	}
	cmd := p.command(filepath.Join(p.bin, "initdb"), "--pgdata", p.dataDir(), "--username", adminRole,
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "--wal-segsize", "1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run initdb: %w", err)
	}
	stopKill := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stopKill()
	err := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run initdb: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("run initdb: %w\n%s", err, strings.TrimSpace(out.String()))
	}
	return nil
}

// writeAccess writes pg_hba.conf: the socket is all there is.
func (p *postgres) writeAccess(auth string) error {
	hba := fmt.Sprintf("local all %s trust\nlocal all all %s\n", adminRole, auth)
	path := filepath.Join(p.dataDir(), "pg_hba.conf")
	if err := os.WriteFile(path, []byte(hba), 0o600); err != nil {
		return fmt.Errorf("write access rules: %w", err)
	}
	return nil
}

// settings of the server: it keeps nothing that has to survive a crash of the machine.
func (p *postgres) settings() []string {
	return []string{
		"listen_addresses=", "port=5432", "unix_socket_directories=" + p.dir, "unix_socket_permissions=0700",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"wal_level=minimal", "max_wal_senders=0", "max_wal_size=64MB", "min_wal_size=8MB",
		"shared_buffers=32MB", "dynamic_shared_memory_type=mmap", "max_connections=300", "jit=off", "logging_collector=off",
		"timezone=UTC", "log_timezone=UTC", "password_encryption=scram-sha-256", "extra_float_digits=3", "search_path=public",
	}
}

// awaitReady returns when the server accepts connections.
func (p *postgres) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := errNotReady
		if p.holdsData() { // another server of the same directory has the same socket
			var conn *pgconn.PgConn
			if conn, err = pgconn.Connect(ctx, p.dsn(maintenance)); err == nil {
				return conn.Close(ctx)
			}
		}
		select {
		case <-p.exited:
			return fmt.Errorf("postgres ended while starting:\n%s", p.logTail())
		case <-ctx.Done():
			return fmt.Errorf("wait for postgres: %w (last error: %w)\n%s", ctx.Err(), err, p.logTail())
		case <-time.After(startPoll):
		}
	}
}

var errNotReady = errors.New("the data directory is not in use by the server yet")

// holdsData tells whether the data directory is our server's.
func (p *postgres) holdsData() bool {
	text, err := os.ReadFile(filepath.Join(p.dataDir(), "postmaster.pid"))
	pid, _, _ := strings.Cut(string(text), "\n")
	return err == nil && pid == strconv.Itoa(p.server.Process.Pid)
}

// dsn is the admin role's way in.
func (p *postgres) dsn(db string) string {
	return fmt.Sprintf("host='%s' port=5432 user=%s dbname=%s sslmode=disable", strings.ReplaceAll(p.dir, "'", `\'`), adminRole, db)
}

func (p *postgres) logTail() string {
	const most = 2000
	text, err := os.ReadFile(filepath.Join(p.dir, "postgres.log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// stop ends the server and removes a temporary directory. It may be called
// more than once.
func (p *postgres) stop() error {
	p.stopOnce.Do(func() { p.stopErr = p.shutDown() })
	return p.stopErr
}

func (p *postgres) shutDown() error {
	if p.watchdog != nil { // first: it must not signal a process id that is used anew
		_ = p.watchdog.Process.Kill()
		_ = p.lifeline.Close()
		_ = p.watchdog.Wait()
	}
	if p.server != nil {
		signal := unix.SIGINT
		if p.temporary {
			signal = unix.SIGQUIT // nothing to keep: no checkpoint
		}
		_ = p.server.Process.Signal(signal)
		select {
		case <-p.exited:
		case <-time.After(stopTimeout):
			_ = p.server.Process.Kill()
			<-p.exited
		}
	}
	if !p.temporary {
		return nil
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("remove data directory: %w", err)
	}
	return nil
}
