package intercept

import (
	"context"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// showActions answers SHOW STRATEGY ACTIONS: the audit rows, newest first.
func (h *handler) showActions(q proxy.Query, c rewrite.ShowActions) *proxy.Answer {
	cols := columns("at", "cluster", "action", "replica", "strategy", "result", "requested_by", "reason", "sql", "action_id")
	cols[0].OID = oidTimestamptz
	return h.answer(cols, "", func(ctx context.Context, t *table) error {
		filter := engine.ActionFilter{Limit: c.Limit}
		catalog, err := h.cfg.Catalog.Catalog(ctx)
		if err != nil {
			return unreachable(ctx, err)
		}
		if c.Cluster != nil {
			info, err := h.named(ctx, q, c.Cluster)
			if err != nil {
				return err
			}
			filter.ClusterID = info.ID
		}
		records, err := h.cfg.Store.Actions(ctx, filter)
		if err != nil {
			return unreachable(ctx, err)
		}
		for _, r := range records {
			name := r.ClusterID
			if info, ok := findCluster(catalog, r.ClusterID); ok {
				name = info.Name
			}
			t.add(text(r.CreatedAt.Format("2006-01-02 15:04:05.999999+00")), text(name), orNull(r.Context.Op), orNull(r.Context.Replica),
				orNull(strings.Join(r.Context.Strategies, ", ")), text(result(r)), orNull(requester(r.Context)),
				orNull(strings.Join(r.Context.Reasons, "; ")), orNull(r.SQL), text(r.ActionID))
		}
		return nil
	})
}

func result(r engine.ActionRecord) string {
	switch {
	case r.Executed == nil:
		return "under way"
	case *r.Executed:
		return "executed"
	}
	return "failed: " + reason(&stored{r.Error})
}

// stored is an error that was read back.
type stored struct{ text string }

func (e *stored) Error() string { return e.text }

func requester(c engine.DecisionContext) string {
	if c.Role != "" {
		return c.Role
	}
	return c.Trigger
}
