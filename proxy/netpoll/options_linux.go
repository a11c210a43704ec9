//go:build !portable

package netpoll

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// setOptions has the system send at once, and find out when the peer of a quiet connection is gone.
func setOptions(fd int, k net.KeepAliveConfig) error {
	if err := rawSetOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if !k.Enable {
		return rawSetOption(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	for _, option := range [...]struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(k.Idle)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(k.Interval)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, k.Count},
	} {
		if err := rawSetOption(fd, option.level, option.name, option.value); err != nil {
			return err
		}
	}
	return nil
}

// seconds rounds up, since the system knows no shorter time.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }
