package main

import (
	"fmt"
	"net"
	"os"

	"github.com/sirupsen/logrus"
)

// notifier tells the service manager how the program is: sd_notify(3). Where there is none it does nothing.
func notifier(log logrus.FieldLogger) func(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return func(string) {}
	}
	if name[0] == '@' {
		name = "\x00" + name[1:] // of the abstract namespace
	}
	return func(state string) {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
		if err == nil {
			_, err = conn.Write([]byte(state))
			_ = conn.Close()
		}
		if err != nil {
			log.WithError(err).Warn("the service manager cannot be told")
		}
	}
}

// reloadingState is what a service of Type=notify-reload says when it begins to read its settings again.
func reloadingState() string {
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonicMicroseconds())
}
