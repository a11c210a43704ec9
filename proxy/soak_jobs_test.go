package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/proxy/pgtest"
)

func soakJobs() []*job {
	return []*job{
		{name: "simple", round: queriesIn(pgx.QueryExecModeSimpleProtocol)},
		{name: "extended", round: queriesIn(pgx.QueryExecModeExec)},
		{name: "prepared", round: queriesIn(pgx.QueryExecModeCacheStatement)},
		{name: "pipeline", round: pipelines},
		{name: "copy", round: copies},
		{name: "cancel", round: cancels},
		{name: "slow reader", round: slowReader},
		{name: "idle", round: falls},
		{name: "hang up", round: hangUp},
		{name: "half", round: halfMessage},
		{name: "terminated", round: terminated},
		{name: "severed", round: severed},
	}
}

// queriesIn asks for texts of random sizes, and between them for what the proxy answers.
func queriesIn(mode pgx.QueryExecMode) func(context.Context, *soak, *rand.Rand) error {
	return func(ctx context.Context, s *soak, random *rand.Rand) error {
		return s.with(ctx, mode, func(conn *pgx.Conn) error {
			for n := range 20 + random.IntN(200) {
				var number int
				var text string
				size := random.IntN(1 << random.IntN(18))
				if err := conn.QueryRow(ctx, "SELECT $1::int, repeat('ä', $2::int)", n, size).Scan(&number, &text); err != nil {
					return err
				}
				if number != n || text != strings.Repeat("ä", size) {
					return fmt.Errorf("got %d and %d bytes for %d and %d characters", number, len(text), n, size)
				}
				if n%10 == 0 {
					tag, err := conn.Exec(ctx, "OURS 3")
					if err != nil || tag.String() != "SELECT 3" {
						return fmt.Errorf("OURS: %v, %w", tag, err)
					}
				}
			}
			return nil
		})
	}
}

// pipelines sends many statements at once, some of which fail.
func pipelines(ctx context.Context, s *soak, random *rand.Rand) error {
	return s.with(ctx, pgx.QueryExecModeExec, func(conn *pgx.Conn) error {
		for range 10 {
			batch := &pgx.Batch{}
			size := 1 + random.IntN(200)
			fails := random.IntN(2 * size)
			for n := range size {
				if n == fails {
					batch.Queue("SELECT 1/$1::int", 0)
				} else {
					batch.Queue("SELECT $1::int", n)
				}
			}
			results := conn.SendBatch(ctx, batch)
			for n := range min(size, fails) {
				var got int
				if err := results.QueryRow().Scan(&got); err != nil || got != n {
					return fmt.Errorf("statement %d gives %d, %w", n, got, err)
				}
			}
			if err := results.Close(); (fails < size) != hasCode(err, "22012") {
				return fmt.Errorf("%d of %d fails: %w", fails, size, err)
			}
		}
		return nil
	})
}

// copies moves rows both ways.
func copies(ctx context.Context, s *soak, random *rand.Rand) error {
	return s.with(ctx, pgx.QueryExecModeExec, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "CREATE TEMP TABLE c (n int, t text)"); err != nil {
			return err
		}
		rows := random.IntN(20_000)
		text := strings.Repeat("y", random.IntN(500))
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"c"}, []string{"n", "t"}, pgx.CopyFromSlice(rows, func(n int) ([]any, error) {
			return []any{n, text}, nil
		})); err != nil {
			return err
		}
		var out bytes.Buffer
		if _, err := conn.PgConn().CopyTo(ctx, &out, "COPY c TO STDOUT"); err != nil {
			return err
		}
		if got := bytes.Count(out.Bytes(), []byte(text+"\n")); got != rows {
			return fmt.Errorf("%d of %d rows came back", got, rows)
		}
		return nil
	})
}

// cancels cancels a statement that runs, and uses the session afterwards.
func cancels(ctx context.Context, s *soak, _ *rand.Rand) error {
	return s.with(ctx, pgx.QueryExecModeExec, func(conn *pgx.Conn) error {
		done := make(chan error, 1)
		go func() {
			_, err := conn.Exec(ctx, "SELECT pg_sleep(60)")
			done <- err
		}()
		err := s.with(ctx, pgx.QueryExecModeExec, func(other *pgx.Conn) error {
			for active := false; !active; {
				if err := other.QueryRow(ctx, "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", conn.PgConn().PID()).Scan(&active); err != nil {
					return err
				}
			}
			return conn.PgConn().CancelRequest(ctx)
		})
		if err != nil {
			return err
		}
		if err := <-done; !hasCode(err, "57014") {
			return fmt.Errorf("a cancelled statement ended with %w", err)
		}
		return conn.Ping(ctx)
	})
}

// slowReader takes its time with an answer that fits into no buffer.
func slowReader(ctx context.Context, s *soak, random *rand.Rand) error {
	return s.with(ctx, pgx.QueryExecModeSimpleProtocol, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT repeat('z', 1000) FROM generate_series(1, 10000)")
		if err != nil {
			return err
		}
		n := 0
		for ; rows.Next(); n++ {
			if n%1000 == 0 {
				idle(time.Duration(random.IntN(20)) * time.Millisecond)
			}
		}
		if rows.Err() != nil || n != 10_000 {
			return fmt.Errorf("%d rows, %w", n, rows.Err())
		}
		return nil
	})
}

// idle lets time pass: load is not only haste.
func idle(d time.Duration) { <-time.After(d) }

// falls is a session that falls quiet and wakes up, by its client or by its server.
func falls(ctx context.Context, s *soak, random *rand.Rand) error {
	return s.with(ctx, pgx.QueryExecModeExec, func(conn *pgx.Conn) error {
		channel := fmt.Sprintf("c%d", conn.PgConn().PID())
		if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
			return err
		}
		for n := range 5 {
			idle(time.Duration(random.IntN(250)) * time.Millisecond)
			if err := conn.Ping(ctx); err != nil {
				return err
			}
			idle(time.Duration(random.IntN(250)) * time.Millisecond)
			if err := s.with(ctx, pgx.QueryExecModeSimpleProtocol, func(other *pgx.Conn) error {
				_, err := other.Exec(ctx, "SELECT pg_notify($1, $2)", channel, fmt.Sprint(n))
				return err
			}); err != nil {
				return err
			}
			note, err := conn.WaitForNotification(ctx)
			if err != nil || note.Payload != fmt.Sprint(n) {
				return fmt.Errorf("notification %v, %w", note, err)
			}
		}
		return nil
	})
}

// raw logs a client in that can do what drivers do not.
func (s *soak) raw() (*net.TCPConn, error) {
	conn, err := net.Dial("tcp", s.calm.address)
	if err != nil {
		return nil, err
	}
	_, err = conn.Write(pgtest.Startup(pgtest.Version, "user", "trusted", "database", "postgres"))
	for err == nil {
		var m pgtest.Message
		if m, err = pgtest.ReadMessage(conn); m.Type == 'Z' {
			return conn.(*net.TCPConn), nil
		}
	}
	_ = conn.Close()
	return nil, err
}

// hangUp goes away in the middle of an answer, with and without a reset.
func hangUp(_ context.Context, s *soak, random *rand.Rand) error {
	conn, err := s.raw()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if random.IntN(2) == 0 {
		_ = conn.SetLinger(0)
	}
	query := pgtest.Message{Type: 'Q', Body: []byte("SELECT repeat('z', 1000) FROM generate_series(1, 5000)\x00")}.Append(nil)
	if _, err := conn.Write(query); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, conn, random.Int64N(1_000_000))
	return err
}

// halfMessage goes away in the middle of a request.
func halfMessage(_ context.Context, s *soak, random *rand.Rand) error {
	conn, err := s.raw()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	wire := pgtest.Message{Type: 'P', Body: append([]byte("\x00SELECT 1 -- "), make([]byte, 100_000)...)}.Append(nil)
	_, err = conn.Write(wire[:random.IntN(len(wire))])
	return err
}

// terminated is told by the server why it ends.
func terminated(ctx context.Context, s *soak, _ *rand.Rand) error {
	conn, err := s.calm.open(ctx, pgx.QueryExecModeExec)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())"); !hasCode(err, "57P01") {
		return fmt.Errorf("a terminated session ended with %w", err)
	}
	return nil
}

// severed uses a session until the server is gone.
func severed(ctx context.Context, s *soak, random *rand.Rand) error {
	conn, err := s.rough.open(ctx, pgx.QueryExecModeExec)
	for err == nil {
		_, err = conn.Exec(ctx, "SELECT repeat('z', $1)", random.IntN(50_000))
	}
	if conn != nil {
		_ = conn.Close(ctx)
	}
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code != "08006" && e.Code != "08001" {
		return fmt.Errorf("a broken session ended with %w", err)
	}
	return nil
}

func hasCode(err error, code string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == code
}
