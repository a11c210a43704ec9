package intercept

import (
	"context"
	"encoding/json"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// changesTable holds who changed what.
const changesTable = "mz_cluster_strategy_changes"

// showHistory answers SHOW STRATEGY HISTORY: who changed which row, newest first. Who may read the rows themselves may read that.
func (h *handler) showHistory(q proxy.Query, c rewrite.ShowHistory) *proxy.Answer {
	cols := columns("at", "cluster", "strategy", "change", "role", "application", "client", "old", "new", "change_id")
	cols[0].OID = pgtext.TypeTimestamptz
	list := shown{cols, []string{"at", "cluster", "strategy", "change", "role", "old", "new"}, c.Verbose}
	return h.answerShown(list, func(ctx context.Context, t *table) error {
		if err := h.mayRead(ctx, t, rewrite.Table); err != nil {
			return err
		}
		catalog, filter, err := h.recordsOf(ctx, q, t, c.Scope, c.Limit)
		if err != nil {
			return err
		}
		records, err := h.cfg.Store.Changes(ctx, filter)
		if err != nil {
			return unreachable(ctx, err)
		}
		for _, r := range records {
			list.add(t, recordedAt(r.At), text(clusterNamed(catalog, r.ClusterID)), orNull(r.Strategy), text(r.Kind), orNull(r.Role), orNull(r.Application), orNull(r.Client),
				configText(r.Old), configText(r.New), text(r.ChangeID))
		}
		return nil
	})
}

// clusterNamed is the name of a cluster, or its id where that has none.
func clusterNamed(catalog engine.Catalog, id string) string {
	if info, ok := byID(catalog, id); ok {
		return info.Name
	}
	if id == engine.AllClusters {
		return "(all)"
	}
	return id
}

// configText is a config in one line; NULL where there is none.
func configText(raw json.RawMessage) *string {
	if len(raw) == 0 {
		return nil
	}
	return text(strings.Join(strings.Fields(string(raw)), " "))
}
