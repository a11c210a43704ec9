package mzsim

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"mzproxy/proxy"
	"mzproxy/rewrite/pgtext"
)

// controlInterval is how often the controller looks while something is under way.
const controlInterval = 30 * time.Millisecond

// controller goes on with the managed clusters that are on their way to another shape, or scale by themselves. It sleeps
// while there are none.
type controller struct {
	pool   *pgxpool.Pool
	log    logrus.FieldLogger
	wanted chan struct{}
}

func newController(pool *pgxpool.Pool, log logrus.FieldLogger) *controller {
	c := &controller{pool: pool, log: log, wanted: make(chan struct{}, 1)}
	c.wake() // an earlier run may have left something
	return c
}

// wake says that there may be something to do.
func (c *controller) wake() {
	select {
	case c.wanted <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (c *controller) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wanted:
		}
		for c.step(ctx) {
			if delay(ctx, controlInterval) != nil {
				return
			}
		}
	}
}

// step does what can be done now, and tells whether more has to follow.
func (c *controller) step(ctx context.Context) (more bool) {
	err := c.pool.QueryRow(ctx, "SELECT mz_sim.unfinished()").Scan(&more)
	if err == nil && more {
		_, err = c.pool.Exec(ctx, "CALL mz_sim.control()")
	}
	if err != nil && ctx.Err() == nil {
		c.log.WithError(err).Warn("managed clusters were not looked after")
	}
	return more
}

var (
	errLapsed     = &proxy.Error{Code: "57014", Message: "canceling statement, provided timeout lapsed"}
	errSuperseded = &proxy.Error{Code: "57014", Message: "cluster reconfiguration was superseded by another ALTER CLUSTER"}
)

// answerWaiting answers ALTER CLUSTER ... WITH (WAIT ...): it begins the change in a transaction of its own and waits for its end.
func (h *session) answerWaiting(st *statement, v *proxy.Verdict, s state) answerFunc {
	v.Action, v.Answer = proxy.Local, &proxy.Answer{}
	return func(ctx context.Context, _ *attempt, _ proxy.ResultWriter) (string, error) {
		token := uuid.NewString()
		text := st.waits(token)
		begin := fmt.Sprintf("BEGIN; SET LOCAL SESSION AUTHORIZATION %s; SET LOCAL mz_sim.cluster = %s; %s; COMMIT",
			pgtext.QuoteIdent(h.info.User), pgtext.QuoteLiteral(s.vars.get("cluster")), text)
		if err := h.alone(ctx, begin); err != nil {
			return "", asError(err)
		}
		h.controller.wake()
		return st.tag, h.awaitReconfiguration(ctx, token)
	}
}

// alone runs a text on a connection of its own, which is closed if the text fails within its transaction.
func (h *session) alone(ctx context.Context, text string) error {
	pooled, err := h.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer pooled.Release()
	conn := pooled.Conn().PgConn()
	if _, err := conn.Exec(ctx, text).ReadAll(); err != nil {
		_ = rollback(ctx, conn) // the statement's own error is what counts
		return err
	}
	return nil
}

// awaitReconfiguration returns when the change that a statement has begun has come to an end.
func (h *session) awaitReconfiguration(ctx context.Context, token string) error {
	for begun := false; ; {
		var status string
		err := h.pool.QueryRow(ctx, "SELECT coalesce((SELECT status FROM mz_sim.reconfigurations WHERE token = $1), '')", token).Scan(&status)
		switch {
		case ctx.Err() != nil:
			return h.giveUp(token)
		case err != nil:
			return fmt.Errorf("look at reconfiguration: %w", err)
		case status == "finalized", status == "" && !begun: // it changes nothing
			return nil
		case status == "timed-out":
			return errLapsed
		case status != "in-progress":
			return errSuperseded
		}
		begun = true
		if delay(ctx, readyPoll) != nil {
			return h.giveUp(token)
		}
	}
}

func (h *session) giveUp(token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if _, err := h.pool.Exec(ctx, "CALL mz_sim.give_up($1)", token); err != nil {
		return fmt.Errorf("give up reconfiguration: %w", err)
	}
	return errCancelled
}
