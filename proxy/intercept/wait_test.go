package intercept_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy/intercept"
)

const insertTarget = `INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`

const goesOn = "the work on the clusters goes on in the background"

// A cancel request ends the wait for the engine, not its work.
func TestCancelEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.hold = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan *result)
		go func() { done <- r.run(ctx, insertTarget, func() string { return r.store(target) }) }()
		synctest.Wait()
		cancel()
		if got := <-done; got.err != nil || len(got.notices) != 1 || got.notices[0].Message != goesOn {
			t.Errorf("got %s", got)
		}
		close(r.hold)
		synctest.Wait()
		if len(r.executed) != 1 {
			t.Errorf("executed: %v", r.executed)
		}
	})
}

// A client waits for ten seconds, and the work goes on.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.hold = make(chan struct{})
		began := time.Now()
		got := r.run(t.Context(), insertTarget, func() string { return r.store(target) })
		if len(got.notices) != 1 || got.notices[0].Message != goesOn || time.Since(began) != intercept.DefaultNoticeWait {
			t.Errorf("after %s: %s", time.Since(began), got)
		}
		close(r.hold)
		synctest.Wait()
		if len(r.executed) != 1 {
			t.Errorf("executed: %v", r.executed)
		}
	})
}

// Close waits for what goes on in the background.
func TestCloseWaitsForLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.hold = make(chan struct{})
		r.run(t.Context(), insertTarget, func() string { return r.store(target) })
		time.AfterFunc(time.Second, func() { close(r.hold) })
		r.interceptor.Close()
		if len(r.executed) != 1 {
			t.Errorf("executed: %v", r.executed)
		}
	})
}

// slow is an engine whose server does not answer.
type slow struct{ intercept.Engine }

func (slow) Explain(ctx context.Context, _ ...string) (engine.Snapshot, engine.Plan, error) {
	<-ctx.Done()
	return engine.Snapshot{}, engine.Plan{}, ctx.Err()
}

// While the server is slow, SHOW answers with what it last knew, and says how old that is.
func TestShowWhileTheServerIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var config *intercept.Config
		r := newRig(t, func(_ *rig, _ *reconcile.Config, c *intercept.Config) {
			config = c
			c.Engine = &switchable{}
		})
		s := config.Engine.(*switchable)
		s.Engine = &lookout{server: r.server}
		r.store(target)
		for _, sql := range []string{"SHOW STRATEGIES", "SHOW STRATEGY STATUS", "SHOW STRATEGY ACTIONS", "SHOW STRATEGIES FOR CLUSTER prod", "VALIDATE STRATEGIES"} {
			if got := r.run(t.Context(), sql, nil); got.err != nil || len(got.notices) > 0 {
				t.Fatalf("%s: %s", sql, got)
			}
		}
		s.Engine = slow{}
		time.Sleep(time.Minute) // of the bubble
		for _, sql := range []string{"SHOW STRATEGIES", "SHOW STRATEGY STATUS", "SHOW STRATEGIES FOR CLUSTER prod", "VALIDATE STRATEGIES"} {
			began := time.Now()
			got := r.run(t.Context(), sql, nil)
			if got.err != nil || len(got.notices) != 1 || !strings.Contains(got.notices[0].Detail, "What follows is 1m") || time.Since(began) > 3*time.Second {
				t.Errorf("%s after %s: %s", sql, time.Since(began), got)
			}
		}
		away(r)
		if got := r.run(t.Context(), "SHOW STRATEGY ACTIONS", nil); got.err != nil || len(got.notices) != 1 {
			t.Errorf("SHOW STRATEGY ACTIONS: %s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := r.run(ctx, "SHOW STRATEGIES", nil); got.err == nil {
			t.Errorf("a cancelled SHOW STRATEGIES gives %s", got)
		}
	})
}

// switchable is an engine that can be exchanged.
type switchable struct{ intercept.Engine }
