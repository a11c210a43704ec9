package intercept

import (
	"context"
	"regexp"
	"strings"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// Formats of a timestamptz in a session that shows UTC: to the second for people, and with as many digits as the server has.
const (
	timestampFormat     = "2006-01-02 15:04:05+00"
	fineTimestampFormat = "2006-01-02 15:04:05.000000+00"
)

// clusterID is what the ids of clusters look like, also of those that are gone.
var clusterID = regexp.MustCompile(`^[us][0-9]+$`)

// showActions answers SHOW STRATEGY ACTIONS: the audit rows, newest first.
func (h *handler) showActions(q proxy.Query, c rewrite.ShowActions) *proxy.Answer {
	cols := columns("at", "cluster", "action", "replica", "strategy", "result", "requested_by", "reason", "sql", "action_id")
	cols[0].OID = pgtext.TypeTimestamptz
	list := shown{cols, []string{"at", "cluster", "action", "replica", "strategy", "result", "requested_by"}, c.Verbose}
	return h.answerShown(list, func(ctx context.Context, t *table) error {
		if err := h.mayRead(ctx, t, actionsTable); err != nil {
			return err
		}
		catalog, filter, err := h.recordsOf(ctx, q, t, c.Scope, c.Limit)
		if err != nil {
			return err
		}
		records, err := h.actions(ctx, t, filter)
		if err != nil {
			return err
		}
		for _, r := range records {
			name := r.ClusterID
			if info, ok := byID(catalog, r.ClusterID); ok {
				name = info.Name
			}
			list.add(t, recordedAt(r.CreatedAt), text(name), orNull(r.Context.Op), orNull(r.Subject()),
				orNull(strings.Join(r.Context.Strategies, ", ")), text(result(r)), orNull(requester(r.Context)),
				orNull(why(r.Context)), orNull(r.SQL), text(r.ActionID))
		}
		return nil
	})
}

// recordsOf is which records a command asks for, and the clusters that there are. A cluster that is gone is asked for by its id.
func (h *handler) recordsOf(ctx context.Context, q proxy.Query, t *table, scope rewrite.Scope, limit int) (engine.Catalog, reconcile.ActionFilter, error) {
	filter := reconcile.ActionFilter{Limit: limit}
	catalog, err := h.known(ctx, t)
	if err != nil || scope.Cluster == nil {
		return catalog, filter, err
	}
	info, err := named(q, scope.Cluster, catalog)
	if filter.ClusterID = info.ID; err != nil {
		if !clusterID.MatchString(scope.Cluster.Text) {
			return catalog, filter, err
		}
		filter.ClusterID = scope.Cluster.Text
	}
	return catalog, filter, nil
}

// why are the reasons of an action. Where one strategy asked for it, its name stands in a column of its own.
func why(c reconcile.DecisionContext) string {
	text := strings.Join(c.Reasons, "; ")
	if len(c.Strategies) == 1 && len(c.Reasons) == 1 {
		text = strings.TrimPrefix(text, c.Strategies[0]+": ")
	}
	return text
}

func result(r reconcile.ActionRecord) string {
	switch {
	case r.Executed == nil:
		return "under way"
	case *r.Executed:
		return "executed"
	}
	return "failed: " + r.Error
}

// recordedAt is a time that may be missing: of a row whose own cannot be read.
func recordedAt(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	return text(at.UTC().Format(timestampFormat))
}

// requester is the role that asked, or, where nobody did, what led to the action.
func requester(c reconcile.DecisionContext) string {
	if c.Role != "" {
		return c.Role
	}
	switch c.Trigger {
	case "":
		return ""
	case "due":
		return "(schedule)"
	case "event":
		return "(a change)"
	case "resync", "poll":
		return "(regular look)"
	}
	return "(" + c.Trigger + ")"
}
