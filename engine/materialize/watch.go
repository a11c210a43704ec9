package materialize

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine/mirror"
)

const (
	// silence is how long a subscription may say nothing before it counts as lost: it reports progress about every second.
	silence = 15 * time.Second
	// Waits before a watch that ended is begun again.
	firstRewatch, lastRewatch = 100 * time.Millisecond, 10 * time.Second
	// settingsEvery is how often the server's settings are read.
	settingsEvery = time.Minute
)

// watch watches the server until ctx ends: a watch that breaks begins anew.
func (w *world) watch(ctx context.Context) {
	var adapted time.Time
	for backoff := firstRewatch; ; {
		began := time.Now()
		err := w.watchOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		w.lose(err)
		if time.Since(adapted) > 2*time.Second && w.adapt(ctx, err) { // to what the server has, or has by now
			adapted = time.Now()
			continue
		}
		w.client.cfg.Logger.WithError(err).Warn("the server is not watched; trying again")
		if time.Since(began) > lastRewatch {
			backoff = firstRewatch
		}
		timer := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		backoff = min(2*backoff, lastRewatch)
	}
}

// errCatalog says that it was the subscription to the catalog that ended.
type errCatalog struct{ error }

func (e errCatalog) Unwrap() error { return e.error }

// watchOnce follows both subscriptions until one of them ends.
func (w *world) watchOnce(ctx context.Context) error {
	c := w.client
	if err := w.loadSettings(ctx); err != nil {
		return err
	}
	catalog, own, unknown := w.relations()
	m := mirror.New(catalog, own, unknown)
	var mu sync.Mutex
	take := func(from mirror.Source) func(string) error {
		return func(line string) error {
			l, err := mirror.ParseLine(line)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			changes, err := m.Take(from, l)
			if changes != nil {
				w.publish(m.Picture(), changes)
			}
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return errCatalog{wrapped("subscribe to the catalog", c.subscribe(ctx, mirror.Query(catalog), take(mirror.FromCatalog)))}
	})
	group.Go(func() error {
		return c.ofTable(ctx, own, wrapped("subscribe to the proxy's tables", c.subscribe(ctx, mirror.Query(own), take(mirror.FromTables))))
	})
	group.Go(func() error {
		ticker := time.NewTicker(settingsEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
				if err := w.loadSettings(ctx); err != nil {
					return err
				}
			}
		}
	})
	return group.Wait()
}

// ofTable finds out in which table of ours a column is missing, if an error says that one is.
func (c *Client) ofTable(ctx context.Context, own []mirror.Relation, err error) error {
	if !isColumn(err) {
		return err
	}
	for _, r := range own {
		if e := c.query(context.WithoutCancel(ctx), "read "+r.Signal, r.Select()+" LIMIT 0", func(pgx.Rows) error { return nil }); isColumn(e) {
			return e
		}
	}
	return err
}

// relations are what is watched, less what the server does not tell, and why it does not.
func (w *world) relations() (catalog, own []mirror.Relation, unknown map[string]string) {
	c := w.client
	var names []string
	for _, t := range tables {
		names = append(names, t.name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range mirror.Catalog(c.cfg.Schema, names) {
		if w.unknown[r.Signal] == "" {
			catalog = append(catalog, r)
		}
	}
	since := timestamp(c.clock.there(time.Now()).Add(-max(failuresFor, c.tuned().Rate.Within)))
	return catalog, mirror.Own(c.table(strategiesTable), c.table(stateTable), c.table(actionsTable), c.table(leaseTable), since, w.undated), w.unknown
}

// adapt finds out whether a watch ended for want of a relation, of the catalog or of ours, and whether it can be begun again without it, or with it.
func (w *world) adapt(ctx context.Context, err error) (again bool) {
	var catalog errCatalog
	if errors.As(err, &catalog) {
		return (isMissing(err) || isForbidden(err)) && w.probe(ctx)
	}
	return isMissing(err) && w.client.mend(ctx, err)
}

// mend does what helps against an error that says that a table of ours, or a column of one, is missing, and tells whether there is such a thing.
func (c *Client) mend(ctx context.Context, err error) bool {
	if strings.Contains(err.Error(), `column "updated_at"`) {
		c.world.mu.Lock()
		defer c.world.mu.Unlock()
		c.world.undated = true
		return true
	}
	if isColumn(err) || c.EnsureTables(ctx) != nil {
		return false
	}
	c.cfg.Logger.Warn("a table of the proxy's was missing; it is made again")
	return true
}

// probe finds out which relations of the catalog the server does not tell of, and returns whether it tells of the others.
func (w *world) probe(ctx context.Context) bool {
	unknown := map[string]string{}
	for _, r := range mirror.Catalog(w.client.cfg.Schema, []string{strategiesTable}) {
		err := w.client.query(ctx, "read "+r.Signal, r.Select()+" LIMIT 0", func(pgx.Rows) error { return nil })
		switch why := w.client.untold(r.Signal, err); {
		case err == nil:
		case why == "" || r.Without == "":
			return false
		default:
			unknown[r.Signal] = why
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unknown = unknown
	return len(unknown) > 0
}

var errSilent = errors.New("it has said nothing for some time")

// subscribe follows a query on a connection of its own until that ends, and calls take for every line.
func (c *Client) subscribe(ctx context.Context, query string, take func(string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer alarm.Stop()
	conn, err := c.connect(ctx, WatchName)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	lines := lineWriter{func(line string) error {
		alarm.Reset(silence)
		return take(line)
	}, nil}
	_, err = conn.PgConn().CopyTo(ctx, &lines, "COPY (SUBSCRIBE ("+query+") WITH (SNAPSHOT = true, PROGRESS = true)) TO STDOUT")
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSilent):
		return cause
	case err == nil:
		return errors.New("it has ended")
	}
	return err
}

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
