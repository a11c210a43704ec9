package intercept

import (
	"context"
	"errors"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// apply answers APPLY STRATEGIES: looks now, and returns the actions taken.
func (h *handler) apply(q proxy.Query, c rewrite.ApplyStrategies) *proxy.Answer {
	return h.answer(columns("cluster", "action", "replica", "result", "reason"), "", func(ctx context.Context, t *table) error {
		infos, err := h.manageable(ctx, q, c.Scope, t)
		if err != nil {
			return err
		}
		if len(infos) == 0 {
			t.notices = append(t.notices, nothingToDo())
			return nil
		}
		added, err := h.approve(ctx, ofStored(ids(infos), ""), h.self.super)
		if err != nil {
			return unreachable(ctx, err)
		}
		t.notices = append(t.notices, approvedNotices(infos, added)...)
		outcomes, err := h.lookBehind(ctx, h.trigger(triggerApply), ids(infos), nil)
		switch {
		case errors.Is(err, errBehind) && ctx.Err() != nil:
			return &proxy.Error{Code: codeCancelled, Message: pgtext.MessageCancelled, Detail: "The work on the clusters goes on in the background."}
		case errors.Is(err, errBehind):
			t.notices = append(t.notices, goesOn())
			return nil
		case err != nil:
			return unreachable(ctx, err)
		}
		for i := range outcomes {
			o := &outcomes[i]
			if o.Observe {
				for _, a := range o.Plan.Actions {
					t.add(text(o.Plan.Name), text(string(a.Op)), text(a.Subject()), text("not executed: the proxy only observes"), orNull(reasonTexts(a)))
				}
			}
			for _, r := range o.Results {
				result := "executed"
				if r.Err != nil {
					result = "failed: " + reconcile.Said(r.Err)
				}
				t.add(text(o.Plan.Name), text(string(r.Op)), text(r.Subject()), text(result), orNull(reasonTexts(r.Action)))
			}
			t.notices = append(t.notices, problemNotices(o)...)
			t.notices = append(t.notices, guardNotices(o)...)
		}
		t.notices = h.shortened(t.notices)
		return nil
	})
}
