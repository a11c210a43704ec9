package mzsim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"mzproxy/proxy"
)

// historyInterval is how often statements are written to the history.
const historyInterval = 30 * time.Millisecond

// execution is one statement in the history.
type execution struct {
	id, session                          uuid.UUID
	sql, redacted, kind, app, role, path string
	clusterName, strategy                string
	rate                                 float64
	began, finished                      time.Time
	status, message                      string
	rows                                 *int64
	stored, dropped                      bool
}

// history writes what sessions execute to the statement history, a little later.
type history struct {
	pool    *pgxpool.Pool
	log     logrus.FieldLogger
	watcher *watcher

	writing sync.Mutex // while a flush runs

	mu   sync.Mutex
	open []*execution // not stored yet, or not finished
}

// begin notes that a statement starts. What runs nowhere else carries the cluster of its session.
func (w *history) begin(h *session, st *statement, a admission, v variables) *execution {
	rate, err := strconv.ParseFloat(v.get("statement_logging_sample_rate"), 64)
	if err != nil {
		rate = 1
	}
	e := &execution{
		id: uuid.New(), session: h.id, sql: loggedText(st), redacted: redacted(st), kind: loggedType(st),
		app: h.proxied.Parameter("application_name"), role: h.info.User, path: v.get(searchPath),
		clusterName: a.place.clusterName, rate: rate, began: time.Now(), strategy: strategyOf(st, a.scope, a.place),
	}
	if e.clusterName == "" {
		e.clusterName = v.get("cluster")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, e)
	return e
}

// finish notes how a statement ended. It may be called for one that has ended already.
func (w *history) finish(e *execution, tag string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !e.finished.IsZero() {
		return
	}
	e.finished, e.status = time.Now(), "success"
	if i := strings.LastIndexByte(tag, ' '); e.strategy != "" && i > 0 {
		if n, err := strconv.ParseInt(tag[i+1:], 10, 64); err == nil {
			e.rows = &n
		}
	}
	if err == nil {
		return
	}
	e.status, e.message, e.rows, e.strategy = "error", err.Error(), nil, ""
	if refusal := (*proxy.Error)(nil); errors.As(err, &refusal) {
		e.message = refusal.Message
		if refusal.Code == errCancelled.Code {
			e.status = "canceled"
		}
	}
}

func (w *history) unfinished(e *execution) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return e.finished.IsZero()
}

// drop forgets a statement that was never executed.
func (w *history) drop(e *execution) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.dropped, e.finished, e.status = true, time.Now(), "aborted"
}

// abort notes that the session of a statement ended before the statement did.
func (w *history) abort(e *execution) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.finished.IsZero() {
		e.finished, e.status = time.Now(), "aborted"
	}
}

// run writes until ctx ends.
func (w *history) run(ctx context.Context) {
	ticker := time.NewTicker(historyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := w.flush(ctx); err != nil && ctx.Err() == nil {
			w.log.WithError(err).Warn("statement history was not written")
		}
	}
}

// A statement is sampled when it is stored; the end of one that was not sampled finds no row.
const (
	insertExecution = `INSERT INTO mz_sim.statements (execution_id, session_id, sample_rate, cluster_id, cluster_name, application_name,
			role, search_path, sql, redacted_sql, statement_type, began_at, finished_at, finished_status, error_message, rows_returned, execution_strategy)
		SELECT $1, $2, least($3, mz_sim.logging_rate()), k.id, k.name, $5, $6, $7, $8, $9, $10,
			$11::timestamptz + c.shift, $12::timestamptz + c.shift, nullif($13, ''), nullif($14, ''), $15, nullif($16, '')
		FROM mz_sim.clock c LEFT JOIN mz_sim.clusters k ON k.name = $4 WHERE random() < least($3, mz_sim.logging_rate())`
	finishExecution = `UPDATE mz_sim.statements SET finished_at = $2::timestamptz + c.shift, finished_status = $3, error_message = nullif($4, ''),
			rows_returned = $5, execution_strategy = nullif($6, '') FROM mz_sim.clock c WHERE execution_id = $1`
)

// flush stores what is new and what has ended, at the rate and on the clock of now. When it returns, all that
// had ended before the call is stored.
func (w *history) flush(ctx context.Context) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	var batch pgx.Batch
	w.mu.Lock()
	var still []*execution
	for _, e := range w.open {
		ended := !e.finished.IsZero()
		var finished *time.Time
		if ended {
			t := e.finished
			finished = &t
		}
		switch {
		case e.dropped && e.stored:
			batch.Queue("DELETE FROM mz_sim.statements WHERE execution_id = $1", e.id)
		case e.dropped:
		case !e.stored:
			batch.Queue(insertExecution, e.id, e.session, e.rate, e.clusterName, e.app, e.role, e.path, e.sql, e.redacted, e.kind,
				e.began, finished, e.status, e.message, e.rows, e.strategy)
			e.stored = true
		case ended:
			batch.Queue(finishExecution, e.id, finished, e.status, e.message, e.rows, e.strategy)
		}
		if !ended {
			still = append(still, e)
		}
	}
	w.open = still
	w.mu.Unlock()
	if batch.Len() == 0 {
		return nil
	}
	if err := w.write(ctx, &batch); err != nil {
		return fmt.Errorf("write statement history: %w", err)
	}
	return nil
}

// write runs a batch in a transaction of which no SUBSCRIBE is told at once: every statement is in the history a moment later,
// and looking at everything again each time would take more time than all the statements.
func (w *history) write(ctx context.Context, batch *pgx.Batch) error {
	tx, err := w.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var text string
	if err := tx.QueryRow(ctx, "SELECT pg_current_xact_id()::text").Scan(&text); err != nil {
		return err
	}
	xid, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	w.watcher.ignore(xid)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
