package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// listeners are where the proxy is reached.
type listeners struct {
	clients net.Listener
	admin   net.Listener // nil: there is none
	shared  *os.File     // the socket for clients once more, where another process may listen on its address; nil: none may
}

// How long connections that are on their way to a socket that another process takes over from are still accepted.
const leaveTime = 100 * time.Millisecond

// leave prepares the end of the socket for clients: new ones are sent to the process that takes over, if there is one.
func (l listeners) leave() {
	if l.shared == nil {
		return
	}
	steered := steer(l.shared)
	_ = l.shared.Close() // what stays open of a socket is given connections
	if steered {
		time.Sleep(leaveTime)
	}
}

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
		if socket, ok := l.clients.(*net.TCPListener); ok && c.ReusePort {
			if l.shared, err = socket.File(); err != nil {
				return l, wrong("listen", err)
			}
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
