package intercept

import (
	"context"
	"fmt"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// pause answers PAUSE STRATEGIES: a row of type pause per cluster. Times count
// by the server's clock.
func (h *handler) pause(q proxy.Query, c rewrite.PauseStrategies) *proxy.Answer {
	return h.answer(nil, "PAUSE", func(ctx context.Context, t *table) error {
		infos, err := h.manageable(ctx, q, c.Scope, t)
		if err != nil {
			return err
		}
		if c.Cluster != nil {
			if e := unsuitable(infos[0]); e != nil {
				return h.about(q, c.Scope, e)
			}
		}
		catalog, err := h.catalog(ctx)
		if err != nil {
			return err
		}
		role, err := h.cfg.Catalog.Role(ctx, h.info.User)
		if err != nil {
			return unreachable(ctx, err)
		}
		p := engine.Pause{Reason: c.Reason, By: role.Name}
		switch {
		case c.For > 0:
			until := engine.At(catalog.At.Add(c.For).Truncate(time.Second))
			p.Until = &until
		case c.Until != nil && !c.Until.After(catalog.At):
			return &proxy.Error{Code: codeInvalidValue, Message: "the pause would be over already", Position: pgtext.CharPosition(q.Text, c.Offset),
				Detail: fmt.Sprintf("By the server's clock it is %s.", catalog.At.UTC().Format(timestampFormat))}
		case c.Until != nil:
			until := engine.At(*c.Until)
			p.Until = &until
		}
		if err := h.cfg.Store.SetPause(ctx, ids(infos), p); err != nil {
			return unreachable(ctx, err)
		}
		for _, info := range infos {
			t.notices = append(t.notices, notice(severityNotice, codeOK, fmt.Sprintf("cluster %s is %s", quoted(info.Name), p), "", ""))
		}
		t.notices = h.shortened(t.notices)
		if len(infos) == 0 {
			t.notices = append(t.notices, nothingToDo())
		}
		return nil
	})
}

// nothingToDo is what a command for all clusters says where there are none.
func nothingToDo() *proxy.Notice {
	return notice(severityNotice, codeOK, "no cluster has strategies", "", "")
}
