package materialize

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Host tells what the server at an address is, one of those of the connection string or another one that the controller may log in at: a
// standby, and whether sessions are read-only to begin with.
func (cfg Config) Host(ctx context.Context, address string) (standby, readOnly bool, err error) {
	cc, err := pgx.ParseConfig(cfg.DSN)
	if err != nil {
		return false, false, errors.New("controller: the connection string cannot be used")
	}
	if err := cfg.authenticate(cc); err != nil {
		return false, false, err
	}
	cc.RuntimeParams["application_name"] = ApplicationName
	only(&cc.Config, address)
	conn, err := pgconn.ConnectConfig(ctx, &cc.Config)
	if err != nil {
		return false, false, err
	}
	defer func() { _ = conn.Close(ctx) }()
	return hostState(ctx, conn)
}

// only leaves the host at one address in a configuration.
func only(c *pgconn.Config, address string) {
	ways := []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}
	ways = append(ways, c.Fallbacks...)
	c.Fallbacks, c.ValidateConnect = nil, nil
	first := true
	for _, w := range ways {
		if _, at := pgconn.NetworkAddress(w.Host, w.Port); at != address {
			continue
		}
		if first {
			c.Host, c.Port, c.TLSConfig = w.Host, w.Port, w.TLSConfig
			first = false
		} else {
			c.Fallbacks = append(c.Fallbacks, w)
		}
	}
	if host, port, err := net.SplitHostPort(address); first && err == nil {
		number, _ := strconv.ParseUint(port, 10, 16)
		c.Host, c.Port = host, uint16(number)
	}
}

// hostState asks what a server does not report by itself: Materialize, and PostgreSQL before 14. What a server has not heard of, it is
// not.
func hostState(ctx context.Context, conn *pgconn.PgConn) (standby, readOnly bool, err error) {
	ask := func(reported, sql string) (bool, error) {
		switch conn.ParameterStatus(reported) {
		case "on":
			return true, nil
		case "off":
			return false, nil
		}
		results, err := conn.Exec(ctx, sql).ReadAll()
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return false, nil
		}
		if err != nil || len(results) != 1 || len(results[0].Rows) != 1 {
			return false, errors.Join(errors.New("the server does not say what it is"), err)
		}
		value := string(results[0].Rows[0][0])
		return value == "t" || value == "on", nil
	}
	if standby, err = ask("in_hot_standby", "SELECT pg_catalog.pg_is_in_recovery()"); err != nil {
		return false, false, err
	}
	readOnly, err = ask("default_transaction_read_only", "SHOW transaction_read_only")
	return standby, readOnly || standby, err
}

// targetOf is target_session_attrs of a connection URI.
func targetOf(dsn string) string {
	_, query, _ := strings.Cut(dsn, "?")
	params, err := url.ParseQuery(query)
	if err != nil || !strings.Contains(dsn, "://") {
		return ""
	}
	return params.Get("target_session_attrs")
}

// validating has a client look at what servers are in a way that Materialize understands, too: pgx asks for variables that only newer ones of PostgreSQL
// have.
func validating(dsn string, c *pgconn.Config) {
	target, preferred := targetOf(dsn), c.ValidateConnect
	if target == "" || preferred == nil {
		return
	}
	c.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		standby, readOnly, err := hostState(ctx, conn)
		switch {
		case err != nil:
			return err
		case target == "read-write" && readOnly:
			return errors.New("the session is read-only")
		case target == "read-only" && !readOnly:
			return errors.New("the session is not read-only")
		case target == "primary" && standby:
			return errors.New("the server is a standby")
		case target == "standby" && !standby:
			return errors.New("the server is no standby")
		case target == "prefer-standby" && conn.ParameterStatus("in_hot_standby") != "":
			return preferred(ctx, conn) // which may say that another one would be better
		}
		return nil
	}
}
