package materialize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"mzproxy/engine"
)

// Lease makes one of several proxies the leader: the one that the row of the
// lease table names. It is taken and renewed by an UPDATE that compares and sets, which Materialize
// runs one after another. Nothing keeps the table from having several rows; so the UPDATE asks
// that nobody else holds any of them, and takes them all.
//
// It works on a connection of its own, so that long statements do not keep it
// from being renewed, and is safe for concurrent use.
type Lease struct {
	client *Client
	holder string
	conn   *pgx.Conn // of Run alone; nil: none

	mu    sync.Mutex
	until time.Time // by this machine's clock; zero: not held
}

var _ engine.Leader = (*Lease)(nil)

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
			l.log().Warn("leadership lost: another proxy holds the lease")
		}
		return term / 8
	}
	if !l.set(before.Add(term)) {
		l.log().Info("leading")
		elected()
	}
	return term / 3
}

// set notes how long the lease is held and tells whether it was held before.
func (l *Lease) set(until time.Time) (held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held = time.Now().Before(l.until)
	l.until = until
	return held
}

// take tries once to take or renew the lease.
func (l *Lease) take(ctx context.Context) (held bool, err error) {
	if err := l.connected(ctx); err != nil {
		return false, err
	}
	if !l.holding() {
		switch free, err := l.free(ctx); {
		case err != nil:
			return false, err
		case !free:
			return false, nil
		}
	}
	table := l.client.table(leaseTable)
	tag, err := l.conn.Exec(ctx, "UPDATE "+table+" SET holder = $1, expires_at = now() + INTERVAL '"+fmt.Sprint(l.client.cfg.Lease.Milliseconds())+" milliseconds'"+
		" WHERE (SELECT count(*) FROM "+table+" WHERE holder <> $1 AND expires_at > now()) = 0", l.holder)
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

// free tells whether nobody holds the lease. It makes sure that there is a row to be taken. Two proxies
// may each add one; that does no harm.
func (l *Lease) free(ctx context.Context) (bool, error) {
	var rows, others int64
	table := l.client.table(leaseTable)
	err := l.conn.QueryRow(ctx, "SELECT count(*), count(CASE WHEN holder <> $1 AND expires_at > now() THEN 1 END) FROM "+table, l.holder).Scan(&rows, &others)
	if isMissing(err) {
		if err := l.client.EnsureTables(ctx); err != nil {
			return false, err
		}
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("read lease: %w", err)
	}
	if rows == 0 {
		if _, err := l.conn.Exec(ctx, "INSERT INTO "+table+" (id, holder, expires_at) VALUES ($1, '', '1970-01-01 00:00:00+00')", uuid.NewString()); err != nil {
			return false, fmt.Errorf("add lease: %w", err)
		}
	}
	return others == 0, nil
}

// release gives the lease back, if there is a way to.
func (l *Lease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if held := l.set(time.Time{}); !held {
		return
	}
	if err := l.connected(ctx); err != nil {
		l.log().WithError(err).Warn("the lease is not given back; it runs out by itself")
		return
	}
	if _, err := l.conn.Exec(ctx, "UPDATE "+l.client.table(leaseTable)+" SET holder = '', expires_at = '1970-01-01 00:00:00+00' WHERE holder = $1", l.holder); err != nil {
		l.log().WithError(err).Warn("the lease is not given back; it runs out by itself")
	}
}

func (l *Lease) connected(ctx context.Context) error {
	if l.conn != nil && !l.conn.IsClosed() {
		return nil
	}
	conn, err := l.client.connect(ctx)
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
