package intercept

import (
	"context"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// resetState answers RESET STRATEGY STATE: cooldowns are forgotten.
func (h *handler) resetState(q proxy.Query, c rewrite.ResetState) *proxy.Answer {
	return h.changing("RESET", func(ctx context.Context, _ *table) error {
		infos, err := h.manageable(ctx, q, c.Scope)
		if err != nil {
			return err
		}
		list := ids(infos)
		if len(list) == 0 {
			return nil
		}
		if _, err := h.cfg.Store.ResetState(ctx, list...); err != nil {
			return unreachable(ctx, err)
		}
		return nil
	})
}
