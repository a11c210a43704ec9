package intercept

import (
	"context"
	"time"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// resetState answers RESET STRATEGY STATE: cooldowns are forgotten, and what they held back is
// done now.
func (h *handler) resetState(q proxy.Query, c rewrite.ResetState) *proxy.Answer {
	return h.answer(nil, "RESET", func(ctx context.Context, t *table) error {
		infos, err := h.manageable(ctx, q, c.Scope, t)
		if err != nil {
			return err
		}
		list := ids(infos)
		if len(list) == 0 {
			t.notices = append(t.notices, nothingToDo())
			return nil
		}
		sent := time.Now()
		if _, err := h.cfg.Store.ResetState(ctx, list...); err != nil {
			return unreachable(ctx, err)
		}
		h.lookNow(ctx, list, sent, t)
		var changes []reconcile.ChangeRecord
		for _, id := range list {
			changes = append(changes, h.change("RESET", id, "", nil, nil))
		}
		h.record(ctx, changes)
		return nil
	})
}
