package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"mzproxy/engine"
)

// ApplicationName is the application_name of the controller's sessions. What
// they run is no activity of a user.
const ApplicationName = "mzproxy"

// Defaults of a Config.
const (
	DefaultControlCluster = "quickstart"
	DefaultSchema         = "public"
)

// Config says where the server and the tables are.
type Config struct {
	DSN            string // of the controller role
	ControlCluster string // where queries on our own tables run
	Schema         string // of the three tables
	// EnableExperimental is handed on in every snapshot.
	EnableExperimental bool
}

// Client is the engine's side of a Materialize. It connects when it is first
// used, and is safe for concurrent use. Close it in the end.
type Client struct {
	cfg  Config
	pool *pgxpool.Pool

	facts cached[facts]
}

var (
	_ engine.Observer = (*Client)(nil)
	_ engine.Executor = (*Client)(nil)
	_ engine.Recorder = (*Client)(nil)
)

// New checks the configuration. It does not connect.
func New(cfg Config) (*Client, error) {
	if cfg.ControlCluster == "" {
		cfg.ControlCluster = DefaultControlCluster
	}
	if cfg.Schema == "" {
		cfg.Schema = DefaultSchema
	}
	pc, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, errors.New("controller: the connection string cannot be used") // its text may hold a password
	}
	// One statement is one message: no transaction around it, nothing
	// prepared, and types that only Materialize knows arrive as text.
	pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	pc.ConnConfig.RuntimeParams["application_name"] = ApplicationName
	pc.ConnConfig.RuntimeParams["cluster"] = cfg.ControlCluster
	pc.ConnConfig.ConnectTimeout = 10 * time.Second
	pc.MaxConns = 8
	pc.MaxConnIdleTime = 5 * time.Minute
	pool, err := pgxpool.NewWithConfig(context.Background(), pc)
	if err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	return &Client{cfg: cfg, pool: pool}, nil
}

// Close ends all connections.
func (c *Client) Close() { c.pool.Close() }

// table is the qualified and quoted name of one of our tables.
func (c *Client) table(name string) string {
	return engine.QuoteIdent(c.cfg.Schema) + "." + engine.QuoteIdent(name)
}

// query calls scan for every row.
func (c *Client) query(ctx context.Context, what, sql string, scan func(pgx.Rows) error, args ...any) error {
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (c *Client) exec(ctx context.Context, what, sql string, args ...any) (int64, error) {
	tag, err := c.pool.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return tag.RowsAffected(), nil
}

// show reads a setting; "" if the server does not have it.
func (c *Client) show(ctx context.Context, name string) string {
	var value string
	if err := c.pool.QueryRow(ctx, "SHOW "+name).Scan(&value); err != nil {
		return ""
	}
	return value
}

// wrapped says what could not be read.
func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// in renders a list of literals.
func in(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = engine.QuoteLiteral(v)
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// cached keeps what seldom changes for some seconds.
type cached[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
}

const cacheFor = 5 * time.Second

func (c *cached[T]) get(load func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.until) {
		return c.value, nil
	}
	value, err := load()
	if err != nil {
		return value, err
	}
	c.value, c.until = value, time.Now().Add(cacheFor)
	return value, nil
}
