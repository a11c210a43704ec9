package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5/pgconn"
)

// patience is how long a case waits for what has to come.
const patience = time.Minute

// What stands in an answer where the server gave none.
const (
	noAnswer = "no answer"
	closed   = "closed"
)

// conn is one session with a server.
type conn struct {
	net        net.Conn
	wire       *pgproto3.Frontend
	greeting   []string          // notices of the start
	parameters map[string]string // as reported last
	status     byte              // of the transaction
	waiting    bool              // for an answer
	own        bool              // a case has opened it with options of its own
	broken     error
}

// dial connects; options are name=value, where user and database have a place of their own.
func dial(ctx context.Context, url string, options []string) (*conn, error) {
	cfg, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	for _, o := range options {
		switch name, value, _ := strings.Cut(o, "="); name {
		case "user":
			cfg.User = value
		case "database":
			cfg.Database = value
		default:
			cfg.RuntimeParams[name] = value
		}
	}
	c := &conn{parameters: map[string]string{}, status: 'I'}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		c.greeting = append(c.greeting, withFields(strings.ToLower(n.Severity), &pgproto3.ErrorResponse{Code: n.Code, Message: n.Message, Detail: n.Detail, Hint: n.Hint})...)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pg, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	hijacked, err := pg.Hijack()
	if err != nil {
		return nil, fmt.Errorf("take the connection: %w", err)
	}
	c.net, c.parameters = hijacked.Conn, hijacked.ParameterStatuses
	c.wire = pgproto3.NewFrontend(pgproto3.NewChunkReader(c.net), c.net)
	return c, nil
}

func (c *conn) close() {
	if c.broken == nil {
		_ = c.wire.Send(&pgproto3.Terminate{})
	}
	_ = c.net.Close()
}

// tell runs a text in a mode and returns the lines of the answer.
func (c *conn) tell(mode, text string, copyData []string) []string {
	if err := c.send(mode, text); err != nil {
		return c.lost(err)
	}
	return c.answer(copyData)
}

// send sends a text. In the extended protocol a text of several statements goes as a simple query, as it has to.
func (c *conn) send(mode, text string) error {
	var all []pgproto3.FrontendMessage
	switch {
	case mode == modePipeline:
		for statement := range strings.Lines(text) {
			all = append(all, oneStatement(strings.TrimSpace(statement))...)
		}
		all = append(all, &pgproto3.Sync{})
	case mode == modeExtended && alone(text):
		all = append(oneStatement(text), &pgproto3.Sync{})
	default:
		all = append(all, &pgproto3.Query{String: text})
	}
	var buf []byte
	for _, m := range all {
		var err error
		if buf, err = m.Encode(buf); err != nil {
			return err
		}
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(patience))
	c.waiting = true
	_, err := c.net.Write(buf)
	return err
}

// alone tells whether a text can go through the extended protocol in one go: one statement, and no COPY FROM, whose data come before the Sync.
func alone(text string) bool {
	upper := strings.ToUpper(text)
	return !strings.Contains(text, ";") && (!strings.HasPrefix(upper, "COPY") || !strings.Contains(upper, "STDIN"))
}

func oneStatement(sql string) []pgproto3.FrontendMessage {
	return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: sql}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}
}

// answer reads up to ReadyForQuery. Where the server asks for data of COPY, it gets copyData, which stand in the answer, too.
func (c *conn) answer(copyData []string) []string {
	var all []string
	for {
		_ = c.net.SetReadDeadline(time.Now().Add(patience))
		message, err := c.wire.Receive()
		if err != nil {
			return append(all, c.lost(err)...)
		}
		all = append(all, lines(message)...)
		switch m := message.(type) {
		case *pgproto3.ParameterStatus:
			c.parameters[m.Name] = m.Value
		case *pgproto3.CopyInResponse:
			for _, d := range copyData {
				all = append(all, dataLine+d)
			}
			if err := c.copy(copyData); err != nil {
				return append(all, c.lost(err)...)
			}
		case *pgproto3.ReadyForQuery:
			c.status, c.waiting = m.TxStatus, false
			return all
		}
	}
}

func (c *conn) copy(rows []string) error {
	for _, r := range rows {
		if err := c.wire.Send(&pgproto3.CopyData{Data: []byte(r + "\n")}); err != nil {
			return err
		}
	}
	return c.wire.Send(&pgproto3.CopyDone{})
}

// lost notes the end of the connection.
func (c *conn) lost(err error) []string {
	c.broken = err
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return []string{noAnswer}
	}
	return []string{closed}
}

// failure renders why a connection could not be made.
func failure(err error) []string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return []string{closed}
	}
	return withFields("error", &pgproto3.ErrorResponse{Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint})
}
