package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgservicefile"
	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/engine/materialize"
	"mzproxy/proxy"
)

// upstream says how client sessions reach the server.
func (f controllerFlags) upstream() (proxy.Upstream, error) {
	uri, err := withService(f.Upstream)
	if err != nil {
		return proxy.Upstream{}, wrong("upstream", err)
	}
	u, err := proxy.ParseUpstream(uri)
	if err != nil {
		return u, wrong("upstream", errors.New(strings.TrimPrefix(err.Error(), "upstream: ")))
	}
	return u, nil
}

// client says how the controller does.
func (f controllerFlags) client() (materialize.Config, error) {
	name, dsn := "upstream", f.Upstream
	if f.Controller != "" {
		name, dsn = "controller", f.Controller
	}
	uri, err := withService(dsn)
	if err != nil {
		return materialize.Config{}, wrong(name, err)
	}
	if strings.Contains(uri, "://") {
		if _, err := proxy.ParseUpstream(uri); err != nil {
			return materialize.Config{}, wrong(name, errors.New(strings.TrimPrefix(err.Error(), "upstream: ")))
		}
	}
	if _, err := pgconn.ParseConfig(uri); err != nil {
		return materialize.Config{}, wrong(name, unusable(err))
	}
	if f.PasswordFile != "" {
		if _, err := materialize.ReadPassword(f.PasswordFile); err != nil {
			return materialize.Config{}, wrong("password-file", err)
		}
	}
	return materialize.Config{DSN: uri, PasswordFile: f.PasswordFile, ControlCluster: f.ControlCluster, Schema: f.Schema,
		Trust: materialize.Trust(f.TrustRows)}, nil
}

// unusable says what is wrong with a connection string, and nothing of what stands in it: a wrong URI may be cut anywhere, also in
// its password.
func unusable(err error) error {
	var syntax *url.Error
	cause := errors.Unwrap(err)
	if cause == nil || errors.As(err, &syntax) {
		return errors.New("the connection string cannot be read (in a URI, characters such as / ? # @ % of a password are written %2F %3F %23 %40 %25)")
	}
	return fmt.Errorf("the connection string cannot be used: %w", cause)
}

// withService puts what a service file says of the service that a connection URI or PGSERVICE names into the URI, but for what is there.
func withService(dsn string) (string, error) {
	if !strings.Contains(dsn, "://") {
		return dsn, nil // keywords and values: the client knows about services
	}
	head, query, _ := strings.Cut(dsn, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("the parameters behind ? cannot be read")
	}
	name := cmp.Or(params.Get("service"), os.Getenv("PGSERVICE"))
	if name == "" {
		return dsn, nil
	}
	file := cmp.Or(params.Get("servicefile"), os.Getenv("PGSERVICEFILE"), homeFile(".pg_service.conf"))
	services, err := pgservicefile.ReadServicefile(file)
	if err != nil {
		return "", fmt.Errorf("service %q: %w", name, err)
	}
	service, err := services.GetService(name)
	if err != nil {
		return "", fmt.Errorf("service %q is not in %s", name, file)
	}
	_, rest, _ := strings.Cut(head, "://")
	authority, database, _ := strings.Cut(rest, "/")
	user, host, _ := strings.Cut(authority, "@")
	if !strings.Contains(authority, "@") {
		user, host = "", authority
	}
	said := map[string]bool{"host": host != "", "port": host != "", "user": user != "", "password": strings.Contains(user, ":"), "dbname": database != ""}
	for key, value := range service.Settings {
		if !said[key] && !params.Has(key) {
			params.Set(key, value)
		}
	}
	params.Del("service")
	params.Del("servicefile")
	return head + "?" + params.Encode(), nil
}

func homeFile(name string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return name
	}
	return filepath.Join(home, name)
}
