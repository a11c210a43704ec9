package materialize

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// OldestVersion is the oldest release of the server that we are made for.
const OldestVersion = "v26.20"

// server connects and finds out who we are, and what the server is. It reports whether the rest can
// be looked at.
func (k *check) server(ctx context.Context) bool {
	var version string
	if err := k.client.pool.QueryRow(ctx, "SHOW mz_version").Scan(&version); err != nil {
		k.add(Failure, "server", "%s", k.client.unreachable(err))
		return false
	}
	var err error
	if k.view, err = k.client.once(ctx); err != nil {
		k.add(Failure, "server", "%s, but its catalog cannot be read: %s", version, err)
		return false
	}
	role, ok := k.client.controller(k.view)
	if !ok {
		k.add(Failure, "server", "%s, but there is no role of the controller", version)
		return false
	}
	k.role = role
	kind := "not a superuser"
	if role.Superuser {
		kind = "superuser, or privileges are not checked"
	}
	k.add(OK, "server", "%s; the controller is role %q (%s)", version, role.Name, kind)
	if older(version, OldestVersion) {
		k.add(Warning, "version", "the server is older than %s, for which the proxy is made: what it does not find there holds; upgrade the server", OldestVersion)
	}
	return true
}

// older compares releases: "v26.40.0 (abc)" with "v26.20". What is no release is not older.
func older(version, than string) bool {
	var have, want [2]int
	if n, _ := fmt.Sscanf(version, "v%d.%d", &have[0], &have[1]); n != 2 {
		return false
	}
	_, _ = fmt.Sscanf(than, "v%d.%d", &want[0], &want[1])
	return have[0] < want[0] || have[0] == want[0] && have[1] < want[1]
}

// unreachable says why there is no connection, and what to do.
func (c *Client) unreachable(err error) string {
	cc := c.pool.Config().ConnConfig
	address := net.JoinHostPort(cc.Host, fmt.Sprint(cc.Port))
	if strings.HasPrefix(cc.Host, "/") {
		address = cc.Host
	}
	var refused *pgconn.PgError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var host *net.DNSError
	var dial *net.OpError
	switch {
	case errors.As(err, &refused):
		return c.turnedAway(address, cc.User, refused)
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return address + " does not speak TLS; turn it on there, or set sslmode=disable"
	case errors.As(err, &authority):
		return address + " shows a certificate of an authority that is not known here; name its file with sslrootcert"
	case errors.As(err, &name):
		return fmt.Sprintf("%s shows a certificate for another name (%s); connect by a name that it holds, or set sslmode=verify-ca", address, name.Error())
	case errors.As(err, &invalid):
		return fmt.Sprintf("%s shows a certificate that does not count (%s); renew it", address, invalid.Error())
	case errors.As(err, &record), errors.As(err, &alert):
		return address + " does not agree about TLS; check sslmode and sslnegotiation"
	case errors.As(err, &host):
		return fmt.Sprintf("%s: there is no host of that name (%s); correct the address", address, host.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return address + " does not answer; check address, firewall and network"
	case errors.As(err, &dial):
		return fmt.Sprintf("%s cannot be reached (%s); start the server, or correct the address", address, dial.Err)
	}
	return fmt.Sprintf("%s: %s", address, err)
}

// turnedAway says why the server itself refuses a login.
func (c *Client) turnedAway(address, user string, e *pgconn.PgError) string {
	switch {
	case strings.Contains(e.Message, "no encryption"), strings.Contains(e.Message, "requires encryption"), strings.Contains(e.Message, "TLS encryption is required"):
		return fmt.Sprintf("%s wants TLS (%s); set sslmode=require or stronger", address, e.Message)
	case e.Code == "28P01", e.Code == "28000":
		return fmt.Sprintf("%s does not let role %q in (%s); correct user and password: of the URL, --password-file, PGPASSWORD or PGPASSFILE", address, user, e.Message)
	case e.Code == "3D000":
		return fmt.Sprintf("%s: %s; correct the database in the URL", address, e.Message)
	}
	return fmt.Sprintf("%s: %s", address, told(e))
}
