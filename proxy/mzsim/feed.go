package mzsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/proxy"
	"mzproxy/rewrite/pgtext"
)

// change is a row that came (diff > 0) or went, or a message that everything
// before ts is known.
type change struct {
	ts, diff int64
	values   []*string
	progress bool
}

// rowCount is a row with how many times it is there.
type rowCount struct {
	values []*string
	count  int64
}

// feed runs a query whenever its result may have changed, and tells how it has. It is
// not safe for concurrent use.
type feed struct {
	router
	*subscribe
	watcher *watcher
	id      string
	role    string
	vars    variables
	width   int // columns of the query

	conn    *pgconn.PgConn // nil: not yet
	planned bool           // the query, on that connection

	started    bool
	ended      bool
	last       int64 // the latest timestamp that was told
	progressed time.Time
	tick       time.Duration // how often to say that there are no changes
	looked     time.Duration // how long the last look took
	rows       map[string]*rowCount
}

// wait polls until there is something to tell, or until the deadline if it is not zero.
func (f *feed) wait(ctx context.Context, deadline time.Time) ([]change, error) {
	for {
		changed := f.watcher.next()
		changes, err := f.poll(ctx)
		if ctx.Err() != nil {
			return nil, errCancelled
		}
		if err != nil || len(changes) > 0 || f.ended || !deadline.IsZero() && !time.Now().Before(deadline) {
			return changes, err
		}
		if err := f.pause(ctx, changed, deadline); err != nil {
			return nil, err
		}
	}
}

// pause waits for a change, or for a moment at which the subscription itself has something to do. In between
// there is time for others: where a look takes long, as on a catalog of thousands, there are fewer of them.
func (f *feed) pause(ctx context.Context, changed <-chan struct{}, deadline time.Time) error {
	longest := f.tick
	if f.upTo > 0 || !f.started {
		longest = watchInterval
	}
	if !deadline.IsZero() {
		longest = min(longest, time.Until(deadline))
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errCancelled
	case <-changed:
	case <-timer.C:
		return nil
	}
	select {
	case <-ctx.Done():
		return errCancelled
	case <-time.After(2 * f.looked):
		return nil
	}
}

// poll runs the query once and returns what has changed since the last time.
func (f *feed) poll(ctx context.Context) ([]change, error) {
	began := time.Now()
	now, rows, err := f.look(ctx)
	if err != nil {
		return nil, asError(err)
	}
	if rows == nil {
		return nil, nil
	}
	f.looked = time.Since(began)
	switch {
	case !f.started && f.asOf > now:
		return nil, nil
	case !f.started && f.asOf > 0 && !f.atLeast && f.asOf < now:
		return nil, &proxy.Error{Code: "XX000", Message: fmt.Sprintf("Timestamp (%d) is not valid for all inputs: [Antichain { elements: [%d] }]", f.asOf, now)}
	case f.upTo > 0 && now >= f.upTo:
		f.ended = true
		return nil, nil
	}
	now = max(now, f.last+1)
	var changes []change
	found := now
	switch {
	case !f.started && f.progress:
		changes = append(changes, change{ts: now, progress: true})
	case f.started && f.progress: // it happened since then: who reads another relation at a time in between must not miss it here
		found = f.last
	}
	if f.started || f.snapshot {
		changes = append(changes, f.differences(found, rows)...)
	}
	f.rows, f.started = rows, true
	if f.progress && (len(changes) > 0 || time.Since(f.progressed) >= f.tick) {
		now++
		f.progressed = time.Now()
		changes = append(changes, change{ts: now, progress: true})
	}
	if len(changes) > 0 {
		f.last = now
	}
	return changes, nil
}

// differences compares rows with those of the last time, in the order of their text.
func (f *feed) differences(now int64, rows map[string]*rowCount) []change {
	var keys []string
	for k := range rows {
		keys = append(keys, k)
	}
	for k := range f.rows {
		if rows[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var changes []change
	for _, k := range keys {
		before, after := f.rows[k], rows[k]
		var diff int64
		values := []*string(nil)
		if before != nil {
			diff, values = diff-before.count, before.values
		}
		if after != nil {
			diff, values = diff+after.count, after.values
		}
		if diff != 0 {
			changes = append(changes, change{ts: now, diff: diff, values: values})
		}
	}
	return changes
}

// look runs the query as the role of the session, and returns its rows with the time of the clock; no rows where there is no news to be
// had.
func (f *feed) look(ctx context.Context) (now int64, rows map[string]*rowCount, err error) {
	conn, err := f.connect(ctx)
	if err != nil {
		return 0, nil, err
	}
	prologue, err := conn.Exec(ctx, f.prologue()+"SELECT now, code, message, extract(epoch FROM tick), early, still FROM mz_sim.watched("+constant(f.id)+")").ReadAll()
	if err == nil {
		about := prologue[len(prologue)-1].Rows[0]
		early, still := string(about[4]) == "t", string(about[5]) == "t"
		now, f.tick, err = watched(about)
		if err == nil && !still && (f.started || !early) {
			rows, err = f.run(ctx, conn)
		}
	}
	return now, rows, errors.Join(err, rollback(ctx, conn))
}

// connect returns the feed's own connection, on which the query is planned once: over the whole catalog that takes longer than the query.
func (f *feed) connect(ctx context.Context) (*pgconn.PgConn, error) {
	if f.conn != nil && !f.conn.IsClosed() {
		return f.conn, nil
	}
	cfg := f.pool.Config().ConnConfig.Config
	conn, err := pgconn.ConnectConfig(ctx, &cfg)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	f.conn, f.planned = conn, false
	return conn, nil
}

// run runs the query in a transaction that has begun.
func (f *feed) run(ctx context.Context, conn *pgconn.PgConn) (map[string]*rowCount, error) {
	const name = "watched"
	if !f.planned {
		if _, err := conn.Prepare(ctx, name, f.query, nil); err != nil {
			return nil, err
		}
		f.planned = true
	}
	return countRows(conn.ExecPrepared(ctx, name, nil, nil, nil))
}

// close closes the connection.
func (f *feed) close(ctx context.Context) {
	if f.conn != nil {
		_ = f.conn.Close(ctx) // nobody needs what it held
	}
}

// watched reads the time, the error that the subscription has to end with, and how often there is progress.
func watched(about [][]byte) (now int64, tick time.Duration, err error) {
	if about[1] != nil {
		return 0, 0, &proxy.Error{Code: string(about[1]), Message: string(about[2])}
	}
	now, err = strconv.ParseInt(string(about[0]), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("read the time: %w", err)
	}
	seconds, err := strconv.ParseFloat(string(about[3]), 64)
	if err != nil {
		return 0, 0, fmt.Errorf("read the tick: %w", err)
	}
	return now, time.Duration(seconds * float64(time.Second)), nil
}

// prologue begins a transaction that is like one of the session.
func (f *feed) prologue() string {
	return "BEGIN READ ONLY; SET LOCAL SESSION AUTHORIZATION " + pgtext.QuoteIdent(f.role) +
		"; SET LOCAL search_path = " + f.vars.get(searchPath) +
		"; SET LOCAL mz_sim.cluster = " + strings.TrimSpace(pgtext.QuoteLiteral(f.vars.get("cluster"))) + "; "
}

func rollback(ctx context.Context, conn *pgconn.PgConn) error {
	if ctx.Err() != nil || conn.IsClosed() {
		return nil // the connection is closed, its transaction gone
	}
	_, err := conn.Exec(ctx, "ROLLBACK").ReadAll()
	return err
}

// countRows reads a result in text format.
func countRows(r *pgconn.ResultReader) (map[string]*rowCount, error) {
	rows := map[string]*rowCount{}
	for r.NextRow() {
		var key strings.Builder
		values := make([]*string, len(r.Values()))
		for i, v := range r.Values() {
			if v == nil {
				key.WriteString("-;")
				continue
			}
			s := string(v)
			values[i] = &s
			fmt.Fprintf(&key, "%d:%s;", len(s), s)
		}
		if rows[key.String()] == nil {
			rows[key.String()] = &rowCount{values: values}
		}
		rows[key.String()].count++
	}
	_, err := r.Close()
	return rows, err
}

// describe returns the columns of the query.
func (f *feed) describe(ctx context.Context) ([]pgconn.FieldDescription, error) {
	pooled, err := f.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer pooled.Release()
	conn := pooled.Conn().PgConn()
	_, err = conn.Exec(ctx, f.prologue()).ReadAll()
	var description *pgconn.StatementDescription
	if err == nil {
		description, err = conn.Prepare(ctx, "", f.query, nil)
	}
	if err := errors.Join(err, rollback(ctx, conn)); err != nil {
		return nil, err
	}
	return description.Fields, nil
}
