package intercept

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// resume answers RESUME STRATEGIES: drops the rows of type pause, and looks.
func (h *handler) resume(q proxy.Query, c rewrite.ResumeStrategies) *proxy.Answer {
	return h.answer(nil, "RESUME", func(ctx context.Context, t *table) error {
		s, _, err := h.cfg.Engine.Explain(ctx)
		if err != nil {
			return unreachable(ctx, err)
		}
		if len(s.Pauses) > 0 && c.Cluster == nil {
			if err := h.mayManageAll(ctx, "resume"); err != nil {
				return err
			}
		}
		infos, err := h.manageable(ctx, q, c.Scope, t)
		if err != nil {
			return err
		}
		paused := ids(infos)
		if c.Cluster == nil {
			paused = append(paused, engine.AllClusters)
		}
		before := h.storedBefore(paused)
		sent := time.Now()
		n, err := h.cfg.Store.ClearPause(ctx, paused)
		if err == nil {
			_, err = h.approve(ctx, ofStored(paused, engine.PauseType), h.self.super)
		}
		switch {
		case err != nil:
			return unreachable(ctx, err)
		case n == 0:
			t.notices = append(t.notices, notice(severityNotice, codeOK, "nothing was paused", "", ""))
		}
		if c.Cluster != nil && len(s.Pauses) > 0 {
			t.notices = append(t.notices, notice(severityNotice, codeOK, "cluster "+quoted(infos[0].Name)+" stays paused, with all clusters", "", "RESUME STRATEGIES ends the pause of all."))
		}
		if n > 0 && len(infos) > 0 {
			h.lookNow(ctx, ids(infos), sent, t)
		}
		if n > 0 { // behind the look, which nothing is to delay
			h.record(ctx, h.resumed(c, paused, before.configs))
		}
		return nil
	})
}

// resumed are the pauses that a command has ended.
func (h *handler) resumed(c rewrite.ResumeStrategies, paused []string, before map[rowKey]json.RawMessage) (changes []reconcile.ChangeRecord) {
	for _, id := range paused {
		if old, ok := before[rowKey{id, engine.PauseType}]; ok || c.Cluster != nil || id == engine.AllClusters {
			changes = append(changes, h.change("RESUME", id, engine.PauseType, old, nil))
		}
	}
	return changes
}

// lookNow looks after a change that is stored already, and tells what was done since it was sent.
func (h *handler) lookNow(ctx context.Context, ids []string, sent time.Time, t *table) {
	trigger := h.trigger(triggerStatement)
	trigger.Since = sent
	outcomes, err := h.lookBehind(ctx, trigger, ids, nil)
	switch {
	case errors.Is(err, errBehind):
		t.notices = append(t.notices, goesOn())
	case err != nil:
		h.log.WithError(err).Warn("look after a command failed") // the reconciler goes on
	default:
		t.notices = append(t.notices, h.shortened(h.tell(outcomes, pendingWrite{types: []string{}}))...)
	}
}
