package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// mixer opens a handler of its own for each session.
type mixer struct{}

func (mixer) Open(ctx context.Context, s *proxy.Session) (proxy.Handler, error) {
	return newWordHandler().Open(ctx, s)
}

// Many sessions at once do all kinds of things, wait, are cancelled and break
// off; no one disturbs another, and nothing is left.
func TestMix(t *testing.T) {
	p := realPostgres(t)
	r := front(t, p.upstream("127.0.0.1", "sslmode=require"), func(cfg *proxy.Config) {
		cfg.Interceptor, cfg.ClientTLS = mixer{}, p.authority.server(t)
	})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 6 {
				if err := mixed(r, random); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "no session", func() bool { return r.proxy.Sessions() == 0 })
}

// mixed is one session.
func mixed(r *rig, random *rand.Rand) error {
	ctx := context.Background()
	conn, err := r.connect("user=trusted channel_binding=disable sslmode=" + []string{"disable", "require"}[random.IntN(2)])
	if err != nil {
		return err
	}
	for range random.IntN(12) {
		act := acts[random.IntN(len(acts))]
		if err := act.do(ctx, conn); err != nil {
			return fmt.Errorf("%s: %w", act.name, err)
		}
	}
	if random.IntN(3) > 0 {
		return conn.Close(ctx)
	}
	// Gone without a word, in the middle of something.
	text := queries[random.IntN(len(queries))]
	_, err = conn.Conn().Write(pgtest.Message{Type: 'Q', Body: append([]byte(text), 0)}.Append(nil))
	return errors.Join(err, conn.Conn().Close())
}

func wanted(conn *pgconn.PgConn, sql, want string) error {
	if got := outcome(conn, sql); got != want {
		return fmt.Errorf("%s: got %s, want %s", sql, got, want)
	}
	return nil
}

var acts = []struct {
	name string
	do   func(context.Context, *pgconn.PgConn) error
}{
	{"relayed", func(_ context.Context, c *pgconn.PgConn) error {
		return wanted(c, "SELECT repeat('x', 100000) FROM generate_series(1, 20)", "SELECT 20 I")
	}},
	{"mixed text", func(_ context.Context, c *pgconn.PgConn) error {
		return wanted(c, "SELECT 1; OURS 3; SELECT 2; OURS 0", "SELECT 1 SELECT 3 SELECT 1 SELECT 0 I")
	}},
	{"refused in a transaction", func(_ context.Context, c *pgconn.PgConn) error {
		return errors.Join(wanted(c, "BEGIN", "BEGIN T"), wanted(c, "REFUSE", "22023 E"), wanted(c, "ROLLBACK", "ROLLBACK I"))
	}},
	{"prepared", func(ctx context.Context, c *pgconn.PgConn) error {
		_, err := c.Prepare(ctx, "ours", "OURS 5", nil)
		if err != nil {
			return err
		}
		for range 3 {
			if r := c.ExecPrepared(ctx, "ours", nil, nil, nil).Read(); r.Err != nil || len(r.Rows) != 5 {
				return fmt.Errorf("%d rows, %w", len(r.Rows), r.Err)
			}
		}
		return c.Deallocate(ctx, "ours")
	}},
	{"copied", func(ctx context.Context, c *pgconn.PgConn) error {
		if err := wanted(c, "CREATE TEMP TABLE IF NOT EXISTS c (t text)", "CREATE TABLE I"); err != nil {
			return err
		}
		tag, err := c.CopyFrom(ctx, bytes.NewReader(bytes.Repeat([]byte("some text\n"), 20000)), "COPY c FROM STDIN")
		if err == nil && tag.RowsAffected() != 20000 {
			err = fmt.Errorf("%s", tag)
		}
		return err
	}},
	{"cancelled", func(ctx context.Context, c *pgconn.PgConn) error {
		done := make(chan string, 1)
		go func() { done <- outcome(c, "OURS WAIT") }()
		for { // the first cancels may come before there is something to cancel
			if err := c.CancelRequest(ctx); err != nil {
				return err
			}
			select {
			case got := <-done:
				if got != "57014 I" {
					return errors.New(got)
				}
				return nil
			default:
			}
		}
	}},
}

var queries = []string{"SELECT pg_sleep(0.01)", "OURS WAIT", "OURS 10000", "SELECT repeat('x', 100000) FROM generate_series(1, 100)", "WATCH x", "COPY pg_class TO STDOUT"}
