package netpoll

import "net"

// setKeepAlive sets the options of a connection that is not a Socket, if it has any.
func setKeepAlive(conn net.Conn, keepAlive net.KeepAliveConfig) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive) // without it the session works as well
	}
}
