package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// listen takes the sockets that the service manager hands over, or opens its own.
func (c serveCmd) listen(ctx context.Context) (l listeners, err error) {
	if l, err = inherited(); err != nil {
		return l, err
	}
	config := net.ListenConfig{KeepAlive: -1} // the proxy sets keepalive itself
	if c.ReusePort {
		config.Control = func(_, _ string, raw syscall.RawConn) error { return reusePort(raw) }
	}
	if l.clients == nil {
		if l.clients, err = config.Listen(ctx, "tcp", c.Listen); err != nil {
			return l, wrong("listen", err)
		}
	}
	if l.admin == nil && c.Admin != "" {
		if l.admin, err = config.Listen(ctx, "tcp", c.Admin); err != nil {
			return l, wrong("admin", err)
		}
	}
	return l, nil
}

// firstInherited is the first descriptor that a service manager hands over: sd_listen_fds(3).
const firstInherited = 3

// adminSocket is the name of the socket for probes and metrics (FileDescriptorName= of a systemd socket unit); others are for clients.
const adminSocket = "admin"

// inherited are the sockets of socket activation.
func inherited() (l listeners, err error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return l, nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 1 {
		return l, nil
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		fd := firstInherited + i
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "inherited socket")
		ln, err := net.FileListener(file)
		_ = file.Close()
		switch {
		case err != nil:
			return l, fmt.Errorf("socket %d of the service manager: %w", fd, err)
		case i < len(names) && names[i] == adminSocket:
			l.admin = ln
		case l.clients == nil:
			l.clients = ln
		default:
			return l, fmt.Errorf("socket %d of the service manager: one is enough for clients; name the other one %q", fd, adminSocket)
		}
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	return l, nil
}
