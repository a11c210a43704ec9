package pgtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// patience bounds the wait for a message that should come.
const patience = 10 * time.Second

// Run plays a conversation between the two ends and returns its trace: the
// script as it is if all went as written. A message that arrives is written
// down as it came. The connections are used up: at the end both are closed for
// writing, client first, and what still arrives is added to the trace. The error
// is one of the script, or of a connection that did not let us write.
func Run(script string, client, server net.Conn) (trace string, err error) {
	var out strings.Builder
	for _, line := range strings.SplitAfter(script, "\n") {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			out.WriteString(line)
			continue
		}
		place, message, _ := strings.Cut(text, " ")
		switch place {
		case "client>":
			err = send(client, FromClient, message)
		case "server>":
			err = send(server, FromServer, message)
		case ">server":
			text = place + " " + receive(server, FromClient)
		case ">client":
			text = place + " " + receive(client, FromServer)
		default:
			err = fmt.Errorf("unknown place %q", place)
		}
		if err != nil {
			return out.String(), fmt.Errorf("%s: %w", text, err)
		}
		out.WriteString(text + "\n")
	}
	out.WriteString(leftovers(client, server))
	return out.String(), nil
}

func send(conn net.Conn, from Side, text string) error {
	var wire []byte
	for part := range strings.SplitSeq(text, " | ") {
		m, err := ParseMessage(from, part)
		if err != nil {
			return err
		}
		wire = m.Append(wire)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := conn.Write(wire)
	return err
}

// receive reads one message and writes it as text.
func receive(conn net.Conn, from Side) string {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	m, err := ReadMessage(conn)
	switch {
	case err == nil:
		return Format(from, m)
	case errors.Is(err, io.EOF):
		return "(end)"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "(nothing)"
	}
	return "(" + err.Error() + ")"
}

// leftovers closes the ends and returns what still arrives there.
func leftovers(client, server net.Conn) string {
	var out strings.Builder
	_ = client.(interface{ CloseWrite() error }).CloseWrite() // an end that is gone is what we look for
	drain := func(conn net.Conn, from Side, place string) {
		for {
			text := receive(conn, from)
			if strings.HasPrefix(text, "(") {
				return
			}
			fmt.Fprintf(&out, "%s %s\n", place, text)
		}
	}
	drain(server, FromClient, ">server")
	_ = server.Close()
	drain(client, FromServer, ">client")
	_ = client.Close()
	return out.String()
}
