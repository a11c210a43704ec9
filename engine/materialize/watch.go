package materialize

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mzproxy/engine/reconcile"
)

// silence is how long a subscription may say nothing before it counts as lost: it reports progress about every second.
const silence = 15 * time.Second

// feed is a query to subscribe to. Its first column is the id of the cluster
// that a row is about.
type feed struct {
	name       string
	query      string
	strategies bool
}

func (c *Client) feeds() []feed {
	return []feed{
		{"strategies", "SELECT cluster_id, strategy_type, config::text, updated_at FROM " + c.table(strategiesTable), true},
		{"clusters", "SELECT id, name, managed FROM mz_catalog.mz_clusters WHERE id LIKE 'u%'", false},
		{"replicas", "SELECT cluster_id, id, name, size FROM mz_catalog.mz_cluster_replicas WHERE cluster_id LIKE 'u%'", false},
		{"replica statuses", `SELECT r.cluster_id, s.replica_id, s.process_id, s.status
			FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_catalog.mz_cluster_replicas r ON r.id = s.replica_id
			WHERE r.cluster_id LIKE 'u%'`, false},
		{"hydration", `SELECT r.cluster_id, h.replica_id, h.object_id, h.hydrated
			FROM mz_internal.mz_hydration_statuses h JOIN mz_catalog.mz_cluster_replicas r ON r.id = h.replica_id
			WHERE r.cluster_id LIKE 'u%' AND h.object_id LIKE 'u%'`, false},
	}
}

// Watch subscribes to the strategies, and to what the catalog says about clusters and
// replicas, each on a connection of its own. The progress that the subscriptions report
// shows the server's clock: when it jumps, everything may have changed.
func (c *Client) Watch(ctx context.Context, up func(), changed func(reconcile.Change)) error {
	feeds := c.feeds()
	var mu sync.Mutex
	waiting := len(feeds)
	begun := func() {
		mu.Lock()
		defer mu.Unlock()
		if waiting--; waiting == 0 {
			up()
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range feeds {
		group.Go(func() error {
			if err := c.subscribe(ctx, f, begun, changed); err != nil {
				return fmt.Errorf("subscribe to %s: %w", f.name, err)
			}
			return fmt.Errorf("subscription to %s ended", f.name)
		})
	}
	return group.Wait()
}

var errSilent = errors.New("it has said nothing for some time")

// subscribe follows one feed until it ends. begun is called when the first
// progress has come.
func (c *Client) subscribe(ctx context.Context, f feed, begun func(), changed func(reconcile.Change)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer alarm.Stop()
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	lines := lineWriter{func(line string) error {
		alarm.Reset(silence)
		row, err := parseSubscribed(line)
		switch {
		case err != nil:
			return err
		case row.progress && begun != nil:
			begun()
			begun = nil
		case row.progress:
		default:
			changed(reconcile.Change{ClusterID: row.clusterID, Strategies: f.strategies})
		}
		if row.progress && c.clock.note(time.Now(), row.at) {
			changed(reconcile.Change{})
		}
		return nil
	}, nil}
	_, err = conn.PgConn().CopyTo(ctx, &lines, "COPY (SUBSCRIBE ("+f.query+") WITH (SNAPSHOT = false, PROGRESS = true)) TO STDOUT")
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

// subscribed is a row of a subscription, as far as it matters.
type subscribed struct {
	at        time.Time
	progress  bool
	clusterID string
}

// parseSubscribed reads a line of COPY's text format: timestamp in milliseconds, whether it is about progress, the
// difference, and the columns of the query.
func parseSubscribed(line string) (subscribed, error) {
	fields := strings.SplitN(line, "\t", 5)
	if len(fields) < 4 {
		return subscribed{}, fmt.Errorf("a row of %d columns", len(fields))
	}
	whole, _, _ := strings.Cut(fields[0], ".")
	ms, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return subscribed{}, fmt.Errorf("a row without a timestamp: %w", err)
	}
	return subscribed{at: time.UnixMilli(ms), progress: fields[1] == "t", clusterID: copyText.Replace(fields[3])}, nil
}

// copyText takes the escapes of COPY's text format out.
var copyText = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\b`, "\b", `\f`, "\f", `\v`, "\v")

// lineWriter cuts what is written to it into lines.
type lineWriter struct {
	line func(string) error
	rest []byte
}

var _ io.Writer = (*lineWriter)(nil)

// Write calls line for every line that is complete, without its end.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := string(w.rest[:i])
		w.rest = w.rest[i+1:]
		if err := w.line(line); err != nil {
			return 0, err
		}
	}
}
