package proxy_test

import (
	"strings"
	"testing"

	"mzproxy/proxy"
)

func TestParseUpstream(t *testing.T) {
	for uri, want := range map[string]proxy.Upstream{
		"postgres://h:1/d?sslmode=disable":                             {Network: "tcp", Address: "h:1", SSLMode: "disable", Database: "d"},
		"postgresql://user:secret@h/":                                  {Network: "tcp", Address: "h:5432", SSLMode: "prefer"},
		"postgres://?host=h&port=2&dbname=d&sslmode=require":           {Network: "tcp", Address: "h:2", SSLMode: "require", Database: "d"},
		"postgres:///d?host=/run/pg":                                   {Network: "unix", Address: "/run/pg/.s.PGSQL.5432", SSLMode: "prefer", Database: "d"},
		"postgres://[::1]:5/":                                          {Network: "tcp", Address: "[::1]:5", SSLMode: "prefer"},
		"postgres://h/?sslmode=verify-full&sslnegotiation=direct":      {Network: "tcp", Address: "h:5432", SSLMode: "verify-full", Direct: true},
		"postgres://h/?sslrootcert=system":                             {Network: "tcp", Address: "h:5432", SSLMode: "verify-full"},
		"postgres://h/?sslmode=allow&application_name=x&target_attr=y": {Network: "tcp", Address: "h:5432", SSLMode: "allow"},
	} {
		got, err := proxy.ParseUpstream(uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if withTLS := got.Network == "tcp" && got.SSLMode != "disable"; withTLS != (got.TLS != nil) {
			t.Errorf("%s: TLS configuration %v", uri, got.TLS)
		}
		got.TLS = nil
		if got != want {
			t.Errorf("%s: got %+v, want %+v", uri, got, want)
		}
	}
}

func TestParseUpstreamThatIsNone(t *testing.T) {
	for uri, want := range map[string]string{
		"mysql://h":                   "begins with postgres://",
		"postgres://u:secret@h:x/":    "invalid connection URI",
		"postgres://h/?sslmode=maybe": `invalid sslmode "maybe"`,
		"postgres://h/?sslmode=prefer&sslnegotiation=direct":    "sslnegotiation=direct needs sslmode",
		"postgres://h/?sslmode=require&sslrootcert=system":      "needs sslmode=verify-full",
		"postgres://h/?sslmode=require&sslrootcert=/none":       "sslrootcert",
		"postgres://h/?sslmode=require&sslcert=/none":           "sslcert",
		"postgres://h/?sslmode=verify-ca&sslrootcert=/dev/null": "no certificate in /dev/null",
	} {
		_, err := proxy.ParseUpstream(uri)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want %q", uri, err, want)
		}
	}
}

func TestConfigThatCannotWork(t *testing.T) {
	good := proxy.Config{Upstream: proxy.Upstream{Network: "tcp", Address: "h:1"}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*proxy.Config){
		"no address":       func(c *proxy.Config) { c.Upstream.Address = "" },
		"no network":       func(c *proxy.Config) { c.Upstream.Network = "" },
		"TLS without":      func(c *proxy.Config) { c.RequireTLS = true },
		"sessions":         func(c *proxy.Config) { c.MaxSessions = -1 },
		"per address":      func(c *proxy.Config) { c.MaxSessionsPerAddress = -1 },
		"timeout":          func(c *proxy.Config) { c.StartupTimeout = -1 },
		"packet":           func(c *proxy.Config) { c.MaxStartupPacket = 1 << 30 },
		"direct plaintext": func(c *proxy.Config) { c.Upstream.Direct = true },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := proxy.NewServer(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
