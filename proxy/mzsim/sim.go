package mzsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"mzproxy/proxy"
)

// Defaults of Config.
const (
	DefaultListen    = "127.0.0.1:6875"
	DefaultHydration = 3 * time.Second
	DefaultStartup   = 500 * time.Millisecond
)

// drainTimeout bounds how long sessions may go on when a Sim is closed.
const drainTimeout = 100 * time.Millisecond

// Config configures a Sim. The zero value listens on a free port of the
// loopback interface with the default times.
type Config struct {
	Listen      string        // address to listen on; "" means a free port on 127.0.0.1
	Hydration   time.Duration // from online to hydrated at one worker; 0 means DefaultHydration
	Startup     time.Duration // from created to online; 0 means DefaultStartup
	Lag         time.Duration // how late the catalog shows sessions, statuses, hydration, usage and history; 0 means at once
	ReadCost    time.Duration // how long a standard read takes, see strategy.go; a fast-path read takes a tenth of it
	Latency     time.Duration // of every round trip
	Version     string        // of Materialize whose behaviour is played, as v26.34.0; "" means the latest known
	Welcome     bool          // greet clients with a NOTICE, as Materialize does
	PostgresBin string        // directory of PostgreSQL's binaries; "" means to look for them
	Data        string        // data directory, kept at the end; "" means a temporary one
	Password    string        // of role materialize; "" means that nobody needs a password
	Superuser   bool          // make role materialize a superuser, as an organization's administrators are; else it may make clusters, roles and databases
	Logger      logrus.FieldLogger
}

// Sim is a running stand-in. Whoever starts it closes it.
type Sim struct {
	postgres *postgres
	pool     *pgxpool.Pool
	listener net.Listener
	stop     context.CancelFunc
	running  sync.WaitGroup

	closeOnce sync.Once
	closeErr  error
	serveErr  error
}

// Start starts the private PostgreSQL server, and listens. It returns when clients can
// connect; ctx bounds the start only. The error wraps ErrNoPostgres if there is no server to start.
func Start(ctx context.Context, cfg Config) (*Sim, error) {
	s := &Sim{}
	if err := s.start(ctx, cfg); err != nil {
		return nil, fmt.Errorf("start stand-in: %w", errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Sim) start(ctx context.Context, cfg Config) error {
	log := cfg.Logger
	if log == nil {
		quiet := logrus.New()
		quiet.SetOutput(io.Discard)
		log = quiet
	}
	listen := cfg.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	var err error
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	bin, err := findPostgres(cfg.PostgresBin)
	if err != nil {
		return err
	}
	auth := "trust"
	if cfg.Password != "" {
		auth = "scram-sha-256"
	}
	if s.postgres, err = startPostgres(ctx, bin, cfg.Data, auth); err != nil {
		return err
	}
	if err := loadCatalog(ctx, s.postgres); err != nil {
		return err
	}
	if s.pool, err = newPool(ctx, s.postgres); err != nil {
		return err
	}
	if err := s.configure(ctx, cfg); err != nil {
		return err
	}
	return s.serve(cfg, log)
}

// newPool opens connections of the admin role. They run in plain autocommit and
// cache no descriptions: users change what they are about.
func newPool(ctx context.Context, p *postgres) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(p.dsn(database))
	if err != nil {
		return nil, fmt.Errorf("configure pool: %w", err)
	}
	cfg.MaxConns = 32
	cfg.ConnConfig.RuntimeParams["application_name"] = "mzsim"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	return pool, nil
}

// configure sets the knobs, and what role materialize may do.
func (s *Sim) configure(ctx context.Context, cfg Config) error {
	for knob, d := range map[string]time.Duration{"hydration": cfg.Hydration, "startup": cfg.Startup, "lag": cfg.Lag, "read_cost": cfg.ReadCost} {
		if d == 0 {
			continue
		}
		if _, err := s.pool.Exec(ctx, "SELECT mz_sim.set($1, $2)", knob, fmt.Sprintf("%d microseconds", d.Microseconds())); err != nil {
			return fmt.Errorf("set %s: %w", knob, err)
		}
	}
	if cfg.Version != "" {
		if _, err := s.pool.Exec(ctx, "SELECT mz_sim.set('materialize_version', $1)", cfg.Version); err != nil {
			return fmt.Errorf("set version: %w", err)
		}
	}
	statement := "ALTER ROLE " + userRole + " NOSUPERUSER CREATEROLE CREATEDB"
	if cfg.Superuser {
		statement = "ALTER ROLE " + userRole + " SUPERUSER"
	}
	if cfg.Password != "" {
		statement += " PASSWORD " + constantPassword(cfg.Password)
	}
	if _, err := s.pool.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("set rights and password: %w", err)
	}
	return nil
}

func (s *Sim) serve(cfg Config, log logrus.FieldLogger) error {
	watcher := newWatcher(s.pool, log)
	writer := &history{pool: s.pool, log: log, watcher: watcher}
	i := newInterceptor(s.pool, watcher, writer, newController(s.pool, log))
	i.welcome, i.guarded, i.latency = cfg.Welcome, cfg.Password != "", cfg.Latency
	server, err := proxy.NewServer(proxy.Config{
		Upstream:     proxy.Upstream{Network: "unix", Address: s.postgres.socket(), SSLMode: "disable"},
		Interceptor:  i,
		Logger:       log,
		DrainTimeout: drainTimeout,
	})
	if err != nil {
		return fmt.Errorf("configure relay: %w", err)
	}
	run, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { writer.run(run) })
	s.running.Go(func() { watcher.run(run) })
	s.running.Go(func() { i.controller.run(run) })
	s.running.Go(func() { s.serveErr = server.Serve(run, s.listener) })
	return nil
}

// Addr is the address that the stand-in listens on, host:port.
func (s *Sim) Addr() string { return s.listener.Addr().String() }

// DSN is a connection string for role and database materialize.
func (s *Sim) DSN() string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", userRole, s.Addr(), database)
}

// Close ends all sessions, stops the server and removes temporary data. It may be called more than once.
func (s *Sim) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.shutDown() })
	return s.closeErr
}

func (s *Sim) shutDown() error {
	var err error
	if s.stop != nil {
		s.stop()
		s.running.Wait()
		err = s.serveErr
	} else if s.listener != nil {
		err = s.listener.Close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.postgres != nil {
		err = errors.Join(err, s.postgres.stop())
	}
	return err
}
