package materialize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// Lease makes one of several proxies the leader: the one that the row of the
// lease table names. It is taken and renewed by an UPDATE that compares and sets, which Materialize
// runs one after another. Nothing keeps the table from having several rows; so the UPDATE asks
// that nobody else holds any of them, and takes them all.
//
// No clock is compared with another one. A holder counts its time from before it asked. Another
// one may take the lease when it has seen the very same row for the whole term, by its own clock: by then the holder has
// either renewed it, which changes the row, or given up. So clocks that are wrong, or jump, make no second leader;
// expires_at is there for people. A row without a holder is free at once.
//
// It works on a connection of its own, so that long statements do not keep it
// from being renewed, and is safe for concurrent use.
type Lease struct {
	client *Client
	holder string
	conn   *pgx.Conn // of Run alone; nil: none
	asked  bool      // of Run alone: the server may have given us the lease since it was last given back

	seen  string    // the rows of others, as Run last saw them
	since time.Time // when it first saw them so

	mu    sync.Mutex
	until time.Time // by this machine's clock; zero: not held
	held  Held      // as it was last seen
}

var _ reconcile.Leader = (*Lease)(nil)

// NewLease makes a candidate. Its holder's name is unique.
func (c *Client) NewLease() *Lease {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Lease{client: c, holder: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString())}
}

// margin is the least time that has to be left of a lease for its holder to
// begin a statement.
func (l *Lease) margin() time.Duration { return l.client.cfg.Lease / 5 }

// Leading tells whether the lease is held and will be for some time.
func (l *Lease) Leading() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until) > l.margin()
}

// Run takes the lease as soon as it is free and keeps it, until ctx ends. Then
// it gives the lease back.
func (l *Lease) Run(ctx context.Context, elected func()) {
	defer l.disconnect()
	for {
		wait := l.turn(ctx, elected)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			l.release(context.WithoutCancel(ctx))
			return
		case <-timer.C:
		}
	}
}

// Confirm asks the server whether the lease names this holder, and no other.
func (l *Lease) Confirm(ctx context.Context) (bool, error) {
	ours, others := false, false
	err := l.client.query(ctx, "read lease", "SELECT holder FROM "+l.client.table(leaseTable), func(rows pgx.Rows) error {
		var holder string
		err := rows.Scan(&holder)
		ours, others = ours || holder == l.holder, others || holder != l.holder && holder != ""
		return err
	})
	return ours && !others && l.Leading(), err
}

// turn takes or renews the lease, and says when the next one is due. Where it fails, nobody knows
// whether the server has done it; doing it again answers that.
func (l *Lease) turn(ctx context.Context, elected func()) time.Duration {
	term := l.client.cfg.Lease
	ctx, cancel := context.WithTimeout(ctx, term/2)
	defer cancel()
	before := time.Now()
	held, err := l.take(ctx)
	switch {
	case err != nil:
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			l.log().WithError(err).Warn("the lease cannot be taken or renewed now; trying again")
		}
		l.disconnect()
		return term / 10
	case !held:
		if l.set(time.Time{}) {
			l.log().WithField("holder", l.Holder().Name).Warn("leadership lost: another proxy holds the lease")
		}
		return max(min(term/8, term-time.Since(l.since)), time.Millisecond)
	}
	l.seen, l.since = "", time.Time{}
	l.saw(l.holder)
	if !l.set(before.Add(term)) {
		l.log().WithField("holder", l.holder).Info("this proxy leads")
		elected()
	}
	return term * 2 / 5
}

// set notes how long the lease is held and tells whether it was held before.
func (l *Lease) set(until time.Time) (held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held = time.Now().Before(l.until)
	l.until = until
	return held
}

// take tries once to take or renew the lease: it compares all rows that are not ours with what it has seen.
func (l *Lease) take(ctx context.Context) (held bool, err error) {
	if err := l.connected(ctx); err != nil {
		return false, err
	}
	foreign := "holder NOT IN ('', " + pgtext.QuoteLiteral(l.holder) + ")"
	if !l.holding() {
		stale, err := l.look(ctx)
		if err != nil || stale == nil {
			return false, err
		}
		for _, row := range stale {
			foreign += " AND NOT (" + row + ")"
		}
	}
	table := l.client.table(leaseTable)
	l.asked = true
	tag, err := l.conn.Exec(ctx, "UPDATE "+table+" SET holder = $1, expires_at = now() + INTERVAL '"+fmt.Sprint(l.client.cfg.Lease.Milliseconds())+" milliseconds'"+
		" WHERE (SELECT count(*) FROM "+table+" WHERE "+foreign+") = 0", l.holder)
	if err != nil {
		return false, fmt.Errorf("take lease: %w", err)
	}
	if tag.RowsAffected() > 1 { // all of them are ours now, and one is enough
		_, err := l.conn.Exec(ctx, "DELETE FROM "+table+" WHERE holder = $1 AND id <> (SELECT min(id) FROM "+table+" WHERE holder = $1)", l.holder)
		if err != nil {
			return false, fmt.Errorf("drop surplus leases: %w", err)
		}
	}
	return tag.RowsAffected() > 0, nil
}

func (l *Lease) holding() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

// look reads the rows that others hold, and returns them, as conditions, once they have been the same for the whole term; nil: they have not. It
// makes sure that there is a row to be taken. Two proxies may each add one; that does no harm.
func (l *Lease) look(ctx context.Context) (stale []string, err error) {
	table := l.client.table(leaseTable)
	n, others, holderNow := 0, []string{}, ""
	rows, err := l.conn.Query(ctx, "SELECT holder, expires_at::text FROM "+table)
	if err == nil {
		var holder, expires string
		_, err = pgx.ForEachRow(rows, []any{&holder, &expires}, func() error {
			n++
			if holder != "" && holder != l.holder {
				holderNow = holder
				others = append(others, "holder = "+pgtext.QuoteLiteral(holder)+" AND expires_at::text = "+pgtext.QuoteLiteral(expires))
			}
			return nil
		})
	}
	if isMissing(err) {
		err = l.client.EnsureTables(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read lease: %w", err)
	}
	if n == 0 {
		if _, err := l.conn.Exec(ctx, "INSERT INTO "+table+" (id, holder, expires_at) VALUES ($1, '', '1970-01-01 00:00:00+00')", uuid.NewString()); err != nil {
			return nil, fmt.Errorf("add lease: %w", err)
		}
	}
	slices.Sort(others)
	if len(others) > 0 && l.saw(holderNow) {
		l.log().WithField("holder", holderNow).Info("another proxy leads, this one follows")
	}
	if seen := strings.Join(others, "\n"); seen != l.seen || l.since.IsZero() {
		l.seen, l.since = seen, time.Now()
	}
	if len(others) > 0 && time.Since(l.since) < l.client.cfg.Lease {
		return nil, nil
	}
	return others, nil
}

// How long the giving back of the lease may take.
const releaseTimeout = 5 * time.Second

// release gives the lease back, if there is a way to.
func (l *Lease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	l.set(time.Time{})
	if !l.asked { // also where the answer never came, or came too late to count: the server may have given it
		return
	}
	if err := l.connected(ctx); err != nil {
		l.log().WithError(err).Warn("the lease is not given back; it runs out by itself")
		return
	}
	if _, err := l.conn.Exec(ctx, "UPDATE "+l.client.table(leaseTable)+" SET holder = '', expires_at = '1970-01-01 00:00:00+00' WHERE holder = $1", l.holder); err != nil {
		l.log().WithError(err).Warn("the lease is not given back; it runs out by itself")
		return
	}
	l.asked = false
	l.log().Info("the lease is given back")
}

func (l *Lease) connected(ctx context.Context) error {
	if l.conn != nil && !l.conn.IsClosed() {
		return nil
	}
	conn, err := l.client.connect(ctx, LeaseName)
	if err != nil {
		return err
	}
	l.conn = conn
	return nil
}

func (l *Lease) disconnect() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx)
	l.conn = nil
}

func (l *Lease) log() logrus.FieldLogger { return l.client.cfg.Logger }
