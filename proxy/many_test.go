package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Sessions work among many that are idle, and those are there when they are needed.
func TestActiveAmongIdle(t *testing.T) {
	const idle, active, queries = 200, 50, 40
	p := realPostgres(t)
	r := front(t, p.upstream("127.0.0.1", "sslmode=disable"), nil)
	var conns [idle + active]*pgconn.PgConn
	each(t, 0, len(conns), func(i int) (err error) {
		conns[i], err = r.connect("user=trusted sslmode=disable")
		return err
	})
	if n := r.proxy.Sessions(); n != len(conns) {
		t.Errorf("%d sessions, want %d", n, len(conns))
	}
	each(t, idle, len(conns), func(i int) error {
		for n := range queries {
			if err := echoed(conns[i], fmt.Sprintf("session %d, query %d", i, n)); err != nil {
				return err
			}
		}
		return nil
	})
	each(t, 0, len(conns), func(i int) error {
		return errors.Join(echoed(conns[i], strconv.Itoa(i)), conns[i].Close(context.Background()))
	})
	eventually(t, "no session", func() bool { return r.proxy.Sessions() == 0 })
}

// each calls f for many at once.
func each(t *testing.T, from, to int, f func(int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for i := from; i < to; i++ {
		wg.Go(func() {
			if err := f(i); err != nil {
				t.Errorf("session %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// echoed has the server return a text.
func echoed(conn *pgconn.PgConn, text string) error {
	result := conn.ExecParams(context.Background(), "SELECT $1::text", [][]byte{[]byte(text)}, nil, nil, nil).Read()
	if result.Err != nil {
		return result.Err
	}
	if got := string(result.Rows[0][0]); got != text {
		return fmt.Errorf("got %q, want %q", got, text)
	}
	return nil
}
