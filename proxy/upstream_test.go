package proxy_test

import (
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

func TestParseUpstream(t *testing.T) {
	for uri, want := range map[string]proxy.Upstream{
		"postgres://h:1/d?sslmode=disable":                                                    {Network: "tcp", Address: "h:1", SSLMode: "disable", Database: "d"},
		"postgresql://user:secret@h/":                                                         {Network: "tcp", Address: "h:5432", SSLMode: "prefer"},
		"postgres://?host=h&port=2&dbname=d&sslmode=require":                                  {Network: "tcp", Address: "h:2", SSLMode: "require", Database: "d"},
		"postgres:///d?host=/run/pg":                                                          {Network: "unix", Address: "/run/pg/.s.PGSQL.5432", SSLMode: "prefer", Database: "d"},
		"postgres://[::1]:5/":                                                                 {Network: "tcp", Address: "[::1]:5", SSLMode: "prefer"},
		"postgres://h/?sslmode=verify-full&sslnegotiation=direct":                             {Network: "tcp", Address: "h:5432", SSLMode: "verify-full", Direct: true},
		"postgres://h/?sslrootcert=system":                                                    {Network: "tcp", Address: "h:5432", SSLMode: "verify-full"},
		"postgres://u:p@a,b:7,c/d?sslmode=disable":                                            {Network: "tcp", Address: "c:5432", SSLMode: "disable", Database: "d"},
		"postgres://a:1,[::1]:7/?sslmode=disable&connect_timeout=1&load_balance_hosts=random": {Network: "tcp", Address: "[::1]:7", SSLMode: "disable", Random: true, Timeout: 2 * time.Second},
		"postgres://?host=a,/run/pg&port=1,2":                                                 {Network: "unix", Address: "/run/pg/.s.PGSQL.2", SSLMode: "prefer"},
		"postgres://a,b:6/?port=7&sslmode=disable&target_session_attrs=any":                   {Network: "tcp", Address: "b:7", SSLMode: "disable", Target: "any"},
		"postgres://h/?sslmode=allow&application_name=x&target_attr=y":                        {Network: "tcp", Address: "h:5432", SSLMode: "allow"},
	} {
		got, err := proxy.ParseUpstream(uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		for ; got.Next != nil; got = *got.Next { // of several hosts the last one counts here
		}
		if withTLS := got.Network == "tcp" && got.SSLMode != "disable"; withTLS != (got.TLS != nil) {
			t.Errorf("%s: TLS configuration %v", uri, got.TLS)
		}
		got.TLS = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", uri, got, want)
		}
	}
}

func TestParseUpstreamThatIsNone(t *testing.T) {
	for uri, want := range map[string]string{
		"mysql://h":                                             "begins with postgres://",
		"postgres://u:secret@h:x/":                              "invalid connection URI",
		"postgres://a,b/?port=1,2,3":                            "3 ports for 2 hosts",
		"postgres://a,b/?target_session_attrs=writable":         `invalid target_session_attrs "writable": it is one of any, read-write`,
		"postgres://a,b/?load_balance_hosts=yes":                "invalid load_balance_hosts",
		"postgres://a,b/?connect_timeout=soon":                  "invalid connect_timeout",
		"postgres://u:secret@a,b:x/":                            `invalid port "x"`,
		"postgres://h/?sslmode=maybe":                           `invalid sslmode "maybe"`,
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

// A session goes to the first host that can be reached, and so does what cancels it.
func TestSeveralHosts(t *testing.T) {
	nobody := listen(t)
	_ = nobody.Close()
	r := newRig(t, func(cfg *proxy.Config) {
		there := cfg.Upstream
		cfg.Upstream.Address, cfg.Upstream.Next = nobody.Addr().String(), &there
	})
	client, server := r.session()
	send(t, client, pgtest.FromClient, `Query "SELECT 1"`)
	expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
	canceller := r.dial()
	if _, err := canceller.Write(pgtest.CancelRequest(pgtest.DefaultKey)); err != nil {
		t.Fatal(err)
	}
	at := r.accept()
	if _, err := pgtest.ReadPacket(at); err != nil {
		t.Fatal(err)
	}
	_ = at.Close()
	expectEnd(t, canceller)
}

// Sessions, and what cancels them, go to the first host that is what target_session_attrs wants.
func TestTargetSessionAttrs(t *testing.T) {
	const primary, standby, locked = "primary", "standby", "a primary that is read-only"
	states := map[string]proxy.HostState{primary: {}, standby: {Standby: true, ReadOnly: true}, locked: {ReadOnly: true}}
	for name, c := range map[string]struct {
		target string
		hosts  []string
		want   int // -1: none
	}{
		"any":                                {"any", []string{standby, primary}, 0},
		"read-write":                         {"read-write", []string{standby, locked, primary}, 2},
		"read-only":                          {"read-only", []string{primary, locked}, 1},
		"primary":                            {"primary", []string{standby, locked}, 1},
		"standby":                            {"standby", []string{primary, standby}, 1},
		"prefer-standby":                     {"prefer-standby", []string{primary, standby}, 1},
		"prefer-standby where there is none": {"prefer-standby", []string{primary, locked}, 0},
		"nobody is":                          {"standby", []string{primary, locked}, -1},
		"one does not say":                   {"primary", []string{"silent", primary}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			listeners := make([]net.Listener, len(c.hosts))
			kinds := map[string]string{}
			for i, kind := range c.hosts {
				listeners[i] = listen(t)
				kinds[listeners[i].Addr().String()] = kind
			}
			r := newRig(t, func(cfg *proxy.Config) {
				var next *proxy.Upstream
				for _, ln := range slices.Backward(listeners) {
					next = &proxy.Upstream{Network: "tcp", Address: ln.Addr().String(), SSLMode: "disable", Next: next, Target: c.target,
						Probe: func(_ context.Context, address string) (proxy.HostState, error) {
							if state, ok := states[kinds[address]]; ok {
								return state, nil
							}
							return proxy.HostState{}, errors.New("connection refused")
						}}
				}
				cfg.Upstream = *next
			})
			client := r.dial()
			_, _ = client.Write(pgtest.Startup(196608, "user", "me"))
			if c.want < 0 {
				expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" C="08001" M="could not connect to server"`)
				return
			}
			server, err := listeners[c.want].Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = server.Close()
		})
	}
}

// A server that has become another one since it was asked turns its clients away.
func TestTargetThatHasChanged(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) {
		cfg.Upstream.Target = "read-write"
		cfg.Upstream.Probe = func(context.Context, string) (proxy.HostState, error) { return proxy.HostState{}, nil }
	})
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(196608, "user", "me"))
	server := r.accept()
	if _, err := pgtest.ReadPacket(server); err != nil {
		t.Fatal(err)
	}
	send(t, server, pgtest.FromServer, `Authentication 0`, `ParameterStatus "in_hot_standby" "on"`, `ParameterStatus "default_transaction_read_only" "off"`, "ReadyForQuery I")
	expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" C="08001" M="session is read-only" D="The server has changed: the proxy is to connect to one that is read-write (target_session_attrs)." H="Try again."`)
}
