package intercept

import (
	"context"
	"fmt"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// pause answers PAUSE STRATEGIES: a row of type pause per cluster. Times count
// by the server's clock.
func (h *handler) pause(q proxy.Query, c rewrite.PauseStrategies) *proxy.Answer {
	return h.changing("PAUSE", func(ctx context.Context, t *table) error {
		infos, err := h.manageable(ctx, q, c.Scope)
		if err != nil {
			return err
		}
		role, err := h.cfg.Catalog.Role(ctx, h.info.BackendPID)
		if err != nil {
			return unreachable(ctx, err)
		}
		catalog, err := h.cfg.Catalog.Catalog(ctx)
		if err != nil {
			return unreachable(ctx, err)
		}
		p := engine.Pause{Reason: c.Reason, By: role.Name}
		switch {
		case c.For > 0:
			until := engine.At(catalog.At.Add(c.For).Truncate(time.Second))
			p.Until = &until
		case c.Until != nil:
			until := engine.At(*c.Until)
			p.Until = &until
		}
		if err := h.cfg.Store.SetPause(ctx, ids(infos), p); err != nil {
			return unreachable(ctx, err)
		}
		for _, info := range infos {
			t.notices = append(t.notices, notice("NOTICE", codeOK, fmt.Sprintf("cluster %q: %s", info.Name, p), "", ""))
		}
		return nil
	})
}

// changing is an answer without rows.
func (h *handler) changing(tag string, do func(ctx context.Context, t *table) error) *proxy.Answer {
	return h.answer(nil, tag, do)
}
