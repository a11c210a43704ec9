package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

const (
	// soon is how long somebody waits for the answer to a resize: what the server refuses, it refuses at once.
	soon = 2 * time.Second
	// cancelWithin is how long a cancelled resize may take to be rolled back. Then its connection is closed, which does it, too.
	cancelWithin = 5 * time.Second
	// defaultTimeout is how long a resize may take where nobody said so.
	defaultTimeout = "3600"
)

// resizes are the statements that block until managed clusters have other replicas, one a cluster. It is safe for concurrent use.
type resizes struct {
	life context.Context
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	running map[string]*resize // by cluster id
}

type resize struct {
	to     engine.Shape
	began  time.Time
	cancel chan struct{} // closed to have it rolled back
	over   chan struct{} // closed when it is
}

func newResizes() *resizes {
	life, end := context.WithCancel(context.Background())
	return &resizes{life: life, end: end, running: map[string]*resize{}}
}

// close ends what is under way; the server rolls it back.
func (s *resizes) close() {
	s.end()
	s.wg.Wait()
}

// of is what is under way of a cluster; nil: nothing.
func (s *resizes) of(cluster string) *resize {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[cluster]
}

// tell shows what is under way as a reconfiguration of the cluster, where the server itself does not. there is the server's time at a moment of ours.
func (s *resizes) tell(c *engine.ClusterState, there func(time.Time) time.Time) {
	r := s.of(c.ID)
	if r == nil || c.Shape == nil || c.Reconfiguring != nil || c.Shape.Size == r.to.Size {
		return
	}
	since := engine.At(there(r.began).UTC())
	c.Reconfiguring = &engine.Reconfiguration{Size: r.to.Size, Factor: r.to.Factor, Since: &since}
}

// begin notes a resize, in the place of another one, which is rolled back first.
func (s *resizes) begin(ctx context.Context, cluster string, to engine.Shape) (*resize, error) {
	for {
		s.mu.Lock()
		old := s.running[cluster]
		if old == nil {
			r := &resize{to: to, began: time.Now(), cancel: make(chan struct{}), over: make(chan struct{})}
			s.running[cluster] = r
			s.mu.Unlock()
			return r, nil
		}
		select {
		case <-old.cancel:
		default:
			close(old.cancel)
		}
		s.mu.Unlock()
		select {
		case <-old.over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *resizes) finish(cluster string, r *resize) {
	s.mu.Lock()
	delete(s.running, cluster)
	s.mu.Unlock()
	close(r.over)
}

// resize changes the size of a managed cluster, on a connection of its own: until the new replicas are ready the server may not answer. Where the
// answer is not there soon, the statement is under way.
func (c *Client) resize(ctx context.Context, a engine.Action, v version) error {
	r, err := c.resizes.begin(ctx, a.Alter.ClusterID, a.Alter.To)
	if err != nil {
		return fmt.Errorf("%w: %w", reconcile.ErrNoAnswer, err)
	}
	sql := a.SQL
	if v.waits() {
		sql += waitUntilReady(a.Alter.Timeout)
	}
	done := make(chan error, 1)
	c.resizes.wg.Go(func() {
		err := c.executeAlone(r, sql)
		c.resizes.finish(a.Alter.ClusterID, r)
		done <- err
	})
	timer := time.NewTimer(soon)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
	case <-ctx.Done():
	}
	return &reconcile.UnderWay{Done: done}
}

// waitUntilReady keeps the old replicas until the new ones are ready, and for good if they are not in time.
func waitUntilReady(timeout engine.Number) string {
	seconds := defaultTimeout
	if timeout.Compare(engine.Whole(1)) >= 0 {
		seconds = timeout.Floor()
	} else if timeout.Sign() > 0 {
		seconds = "1"
	}
	return " WITH (WAIT UNTIL READY (TIMEOUT = " + pgtext.QuoteLiteral(seconds+"s") + ", ON TIMEOUT = 'ROLLBACK'))"
}

// errSuperseded is the outcome of a resize that another one took the place of.
var errSuperseded = &reconcile.ServerError{Code: codeCanceled, Message: "cluster reconfiguration was superseded by another ALTER CLUSTER"}

// codeCanceled is the SQLSTATE of a statement that was cancelled, by somebody or because it took too long.
const codeCanceled = "57014"

// executeAlone runs a statement that may block. When it is cancelled the server is asked to roll it back; so it is where the connection ends.
func (c *Client) executeAlone(r *resize, sql string) error {
	ctx, cancel := context.WithCancel(c.resizes.life)
	defer cancel()
	conn, err := c.connect(ctx, ApplicationName)
	if err != nil {
		return fmt.Errorf("%w: %w", reconcile.ErrNoAnswer, told(err))
	}
	defer func() { _ = conn.Close(context.Background()) }()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-r.cancel:
			requestCancel(conn)
			select {
			case <-stop:
			case <-time.After(cancelWithin):
				cancel()
			}
		case <-stop:
		}
	}()
	_, err = conn.Exec(ctx, sql)
	select {
	case <-r.cancel:
		if err != nil {
			return errSuperseded
		}
	default:
	}
	return resized(err)
}

func requestCancel(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), cancelWithin)
	defer cancel()
	_ = conn.PgConn().CancelRequest(ctx)
}

// resized says what became of the statement. A server that gives it up, or rolls it back, says so with the code of a cancelled one.
func resized(err error) error {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Code == codeCanceled && strings.Contains(e.Message, "timeout lapsed"):
		return fmt.Errorf("%w: %w", reconcile.ErrTimedOut, told(err))
	case errors.As(err, &e) && e.Code == codeCanceled, refused(err):
		return told(err)
	}
	return fmt.Errorf("%w: %w", reconcile.ErrNoAnswer, told(err))
}
