package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"mzproxy/proxy/netpoll"
)

// dial connects to the first host that can be reached, of those that are what target_session_attrs wants, and returns which that is.
func (u *Upstream) dial(ctx context.Context, t *netpoll.Task, states *hostStates, keepAlive net.KeepAliveConfig, plain bool) (net.Conn, *Upstream, error) {
	hosts, errs := states.suitable(ctx, t, u.hosts())
	for i, host := range hosts {
		attempt, done := host.attempt(ctx, len(hosts)-i)
		conn, err := host.dialHost(attempt, t, keepAlive, plain)
		done()
		if err == nil {
			return conn, host, nil
		}
		states.forget(host)
		errs = append(errs, err)
	}
	if len(errs) == 1 {
		return nil, nil, errs[0]
	}
	return nil, nil, errors.Join(errs...)
}

// Ping tells whether any of the hosts takes connections, and why not.
func (u Upstream) Ping(ctx context.Context) error {
	var errs []error
	for _, host := range u.hosts() {
		conn, err := new(net.Dialer).DialContext(ctx, host.Network, host.Address)
		if err == nil {
			return conn.Close()
		}
		errs = append(errs, fmt.Errorf("the server cannot be reached: %w", err))
	}
	return errors.Join(errs...)
}

// hosts are the hosts in the order in which they are tried.
func (u *Upstream) hosts() (list []*Upstream) {
	for host := u; host != nil; host = host.Next {
		list = append(list, host)
	}
	if u.Random {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

// attempt bounds the time for a host, of which there are so many left.
func (u Upstream) attempt(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	switch {
	case u.Timeout > 0:
		return context.WithTimeout(ctx, u.Timeout)
	case ok && left > 1:
		return context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
	}
	return context.WithCancel(ctx)
}

// dialHost connects to a host as sslmode says. plain tells the modes allow and
// prefer which of their two ways to take.
func (u Upstream) dialHost(ctx context.Context, t *netpoll.Task, keepAlive net.KeepAliveConfig, plain bool) (net.Conn, error) {
	conn, err := netpoll.Dial(ctx, t, u.Network, u.Address, keepAlive)
	if err != nil {
		return nil, err
	}
	if plain || u.Network == "unix" || u.SSLMode == "disable" {
		return conn, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(netpoll.Past) })
	secured, err := u.secure(t, conn)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
	}
	if errors.Is(err, errHandshake) && u.prefers() && ctx.Err() == nil {
		return u.dialHost(ctx, t, keepAlive, true)
	}
	if err != nil {
		return nil, err
	}
	return secured, nil
}

// at is the upstream at the address that a session is connected to.
func (u Upstream) at(addr net.Addr) Upstream {
	if u.Network == "tcp" && addr != nil {
		u.Address = addr.String()
	}
	u.Next, u.Target = nil, ""
	return u
}
