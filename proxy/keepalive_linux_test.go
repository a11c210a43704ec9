package proxy_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy"
)

// Both connections of an idle session are kept by TCP keepalive, or neither.
func TestKeepAlive(t *testing.T) {
	for interval, want := range map[time.Duration]string{0: "02", time.Minute: "02", -1: "00"} {
		r := newRig(t, func(cfg *proxy.Config) { cfg.KeepAlive = interval })
		for range 2 { // the first one may be there before the proxy accepts
			client, server := r.session()
			for name, peer := range map[string]net.Conn{"client": client, "server": server} {
				eventually(t, fmt.Sprintf("with %s, timer %s towards the %s", interval, want, name), func() bool {
					return timer(t, peer.RemoteAddr(), peer.LocalAddr()) == want
				})
			}
		}
	}
}

// timer is the kernel's kind of timer for a connection: 00 none, 01
// retransmission, 02 keepalive. See proc_net_tcp in its documentation.
func timer(t *testing.T, local, remote net.Addr) string {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	ends := fmt.Sprintf(" 0100007F:%04X 0100007F:%04X ", local.(*net.TCPAddr).Port, remote.(*net.TCPAddr).Port)
	_, found, _ := strings.Cut(string(table), ends)
	fields := strings.Fields(found)
	if len(fields) < 3 {
		return ""
	}
	kind, _, _ := strings.Cut(fields[2], ":")
	return kind
}
