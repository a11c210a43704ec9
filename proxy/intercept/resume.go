package intercept

import (
	"context"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// resume answers RESUME STRATEGIES: drops the rows of type pause, and looks.
func (h *handler) resume(q proxy.Query, c rewrite.ResumeStrategies) *proxy.Answer {
	return h.changing("RESUME", func(ctx context.Context, t *table) error {
		infos, err := h.manageable(ctx, q, c.Scope)
		if err != nil {
			return err
		}
		n, err := h.cfg.Store.ClearPause(ctx, ids(infos))
		if err != nil {
			return unreachable(ctx, err)
		}
		if n == 0 {
			t.notices = append(t.notices, notice("NOTICE", codeOK, "nothing was paused", "", ""))
			return nil
		}
		outcomes, err := h.lookBehind(ctx, h.trigger("statement"), ids(infos))
		if err == nil {
			t.notices = append(t.notices, h.tell(outcomes)...)
		}
		return nil // the pause is over; the reconciler goes on
	})
}
