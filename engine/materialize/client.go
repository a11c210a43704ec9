package materialize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// The application_name of the controller's sessions: those that run statements, those that watch, and that of the lease.
const (
	ApplicationName = "mzproxy"
	WatchName       = "mzproxy watch"
	LeaseName       = "mzproxy lease"
)

// Defaults of a Config.
const (
	DefaultControlCluster = "quickstart"
	DefaultSchema         = "public"
	DefaultLag            = time.Second
	DefaultLease          = 25 * time.Second // renewed every ten seconds; another leader comes within half a minute
	DefaultHistoryEvery   = 30 * time.Second
)

const (
	// maxConns bounds the connections for reading and recording, maxStatements those for DDL, which may take long: neither
	// keeps the other waiting.
	maxConns      = 10
	maxStatements = 16
)

// Config says where the server and the tables are.
type Config struct {
	DSN string // of the controller role
	// PasswordFile holds the password, and is read for every connection; empty: the connection string has it.
	PasswordFile   string
	ControlCluster string // where queries on our own tables run
	Schema         string // of the proxy's tables
	// Trust says which rows count; empty is TrustAuto.
	Trust Trust
	// Types are the types of strategies there are: they say what of the history of uses is looked at.
	Types []engine.TypeInfo
	// EnableExperimental is handed on in every snapshot.
	EnableExperimental bool
	// Activity knows of uses of clusters that the server does not tell of; may
	// be nil.
	Activity engine.ActivitySource
	// Lag is how long a replica has to be online before it counts as such: what the server says about
	// processes and about hydration is some time behind. 0 means DefaultLag, a negative one none.
	Lag time.Duration
	// HistoryEvery is how often, in the long run, statement history is read at most; 0 means DefaultHistoryEvery.
	HistoryEvery time.Duration
	Tunables     Tunables // to begin with
	// Lease is how long leadership lasts without being renewed; 0 means DefaultLease.
	Lease  time.Duration
	Logger logrus.FieldLogger // may be nil
}

// User is the controller's role, as far as the connection string tells; empty: it does not.
func (cfg Config) User() string {
	cc, err := pgx.ParseConfig(cfg.DSN)
	if err != nil {
		return ""
	}
	return cc.User
}

// Client is the engine's side of a Materialize. It connects when it is first
// used, and is safe for concurrent use. Close it in the end.
type Client struct {
	cfg        Config
	pool       *pgxpool.Pool
	statements *pgxpool.Pool // for DDL

	tunables atomic.Pointer[Tunables]

	world   *world
	reader  *reader
	signals *signalStates
	// firstSeen dates rows of a table that has no column for it.
	firstSeen firstSeen
	clock     clock

	blindMu sync.Mutex
	blind   *time.Time // when statement history was last seen not to tell
	resizes *resizes
}

var (
	_ reconcile.Observer  = (*Client)(nil)
	_ reconcile.Rechecker = (*Client)(nil)
	_ reconcile.Rereader  = (*Client)(nil)
	_ reconcile.Foreseer  = (*Client)(nil)
	_ reconcile.Tracer    = (*Client)(nil)
	_ reconcile.Inspector = (*Client)(nil)
	_ reconcile.Executor  = (*Client)(nil)
	_ reconcile.Recorder  = (*Client)(nil)
	_ reconcile.Auditor   = (*Client)(nil)
	_ reconcile.Watcher   = (*Client)(nil)
)

// New checks the configuration. It does not connect.
func New(cfg Config) (*Client, error) {
	if cfg.ControlCluster == "" {
		cfg.ControlCluster = DefaultControlCluster
	}
	if cfg.Schema == "" {
		cfg.Schema = DefaultSchema
	}
	switch {
	case cfg.Lag == 0:
		cfg.Lag = DefaultLag
	case cfg.Lag < 0:
		cfg.Lag = 0
	}
	if cfg.HistoryEvery <= 0 {
		cfg.HistoryEvery = DefaultHistoryEvery
	}
	if cfg.Lease <= 0 {
		cfg.Lease = DefaultLease
	}
	if cfg.Logger == nil {
		quiet := logrus.New()
		quiet.SetOutput(io.Discard)
		cfg.Logger = quiet
	}
	c := &Client{cfg: cfg, signals: newSignalStates(), resizes: newResizes()}
	c.Tune(cfg.Tunables)
	c.world, c.reader = newWorld(c), newReader(c)
	var err error
	if c.pool, err = newPool(cfg, maxConns); err != nil {
		return nil, err
	}
	if c.statements, err = newPool(cfg, maxStatements); err != nil {
		c.pool.Close()
		return nil, err
	}
	return c, nil
}

func newPool(cfg Config, most int32) (*pgxpool.Pool, error) {
	pc, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, errors.New("controller: the connection string cannot be used") // its text may hold a password
	}
	configure(pc.ConnConfig, cfg, ApplicationName)
	pc.MaxConns = most
	pc.MaxConnIdleTime = 5 * time.Minute
	pc.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error { return cfg.authenticate(cc) }
	pool, err := pgxpool.NewWithConfig(context.Background(), pc)
	if err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	return pool, nil
}

// configure prepares connections for Materialize. One statement is one message: no transaction around it, nothing
// prepared, and types that only Materialize knows arrive as text.
func configure(cc *pgx.ConnConfig, cfg Config, name string) {
	cc.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cc.RuntimeParams["application_name"] = name
	cc.RuntimeParams["welcome_message"] = "off"
	cc.RuntimeParams["cluster"] = cfg.ControlCluster
	cc.ConnectTimeout = 10 * time.Second
	validating(cfg.DSN, &cc.Config)
}

// connect opens a connection of its own, which the caller closes.
func (c *Client) connect(ctx context.Context, name string) (*pgx.Conn, error) {
	cc, err := pgx.ParseConfig(c.cfg.DSN)
	if err != nil {
		return nil, errors.New("controller: the connection string cannot be used")
	}
	configure(cc, c.cfg, name)
	if err := c.cfg.authenticate(cc); err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, cc)
}

// Database is the database of the tables; empty: the default of the controller's role.
func (c *Client) Database() string { return c.pool.Config().ConnConfig.Database }

// Close ends all connections.
func (c *Client) Close() {
	c.resizes.close()
	c.world.close()
	c.pool.Close()
	c.statements.Close()
}

// table is the qualified and quoted name of one of our tables.
func (c *Client) table(name string) string {
	return pgtext.QuoteIdent(c.cfg.Schema) + "." + pgtext.QuoteIdent(name)
}

// query calls scan for every row.
func (c *Client) query(ctx context.Context, what, sql string, scan func(pgx.Rows) error, args ...any) error {
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return c.failed(what, sql, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return wrapped(what, err)
		}
	}
	return c.failed(what, sql, rows.Err())
}

func (c *Client) exec(ctx context.Context, what, sql string, args ...any) (int64, error) {
	tag, err := c.pool.Exec(ctx, sql, args...)
	return tag.RowsAffected(), c.failed(what, sql, err)
}

// wrapped says what could not be read.
func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, told(err))
}

// told takes the server's words out of an error, if they are what it is about.
func told(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	return &reconcile.ServerError{Code: e.Code, Message: e.Message, Hint: remedy(e), Err: err}
}

// refusedWith tells whether an error is the server's, with one of some codes.
func refusedWith(err error, codes ...string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// in renders a list of literals.
func in(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = pgtext.QuoteLiteral(v)
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}
