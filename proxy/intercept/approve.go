package intercept

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
)

// Approvals keeps which rows count where roles without authority may write the table.
type Approvals interface {
	// Authority reads who may steer what at this moment.
	Authority(ctx context.Context) (engine.Authority, error)
	// Stored reads the rows of clusters as they are in the table.
	Stored(ctx context.Context, clusterIDs ...string) (map[string][]engine.StrategyRow, error)
	// Approve records approvals, and ends others.
	Approve(ctx context.Context, add []engine.Approval, drop []string) error
}

// A revision says which approvals are to change: adds picks rows that are approved, ends what becomes of approvals whose rows are gone.
type revision struct {
	clusters []string
	adds     func(cluster string, row engine.StrategyRow) bool
	ends     func(cluster, strategyType string) bool
}

// ofWrites is the revision by writes that were checked and have committed: what they stored is approved, and what they took away no longer is.
func ofWrites(writes []pendingWrite) revision {
	var r revision
	wrote, gone := map[wroteRow]bool{}, map[rowKey]bool{}
	for _, w := range writes {
		for _, row := range w.wrote {
			wrote[row] = true
			r.clusters = append(r.clusters, row.cluster)
		}
		for _, key := range w.gone {
			gone[key] = true
			r.clusters = append(r.clusters, key.cluster)
		}
	}
	r.adds = func(cluster string, row engine.StrategyRow) bool {
		return wrote[wroteRow{rowKey{cluster, row.Type}, string(asStored(string(row.Config)))}]
	}
	r.ends = func(cluster, kind string) bool { return gone[rowKey{cluster, kind}] }
	return r
}

// ofStored is the revision by which all that is stored of clusters counts; of one type, or of all where that is empty.
func ofStored(clusters []string, kind string) revision {
	return revision{clusters, func(_ string, row engine.StrategyRow) bool { return kind == "" || row.Type == kind },
		func(_, gone string) bool { return kind == "" || gone == kind }}
}

// approve revises approvals, where they are needed, in the name of the session's role: for clusters that it may steer at this moment. super
// says what the session itself says. It returns what it approved.
func (h *handler) approve(ctx context.Context, r revision, super bool) ([]engine.Approval, error) {
	if h.cfg.Approvals == nil || len(r.clusters) == 0 {
		return nil, nil
	}
	a, err := h.cfg.Approvals.Authority(ctx)
	if err != nil || !a.Needed {
		return nil, err
	}
	role, err := h.cfg.Catalog.Role(ctx, h.info.User)
	if err != nil {
		return nil, err
	}
	super = super || role.Superuser
	clusters := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(r.clusters))), func(id string) bool {
		i := slices.IndexFunc(a.Clusters, func(c engine.ClusterInfo) bool { return c.ID == id })
		return !super && (i < 0 || !role.MayManage(a.Clusters[i]))
	})
	stored, err := h.cfg.Approvals.Stored(ctx, clusters...)
	if err != nil {
		return nil, err
	}
	var add []engine.Approval
	var drop []string
	for _, id := range clusters {
		v := a.Revise(id, stored[id], func(row engine.StrategyRow) bool { return r.adds(id, row) }, func(kind string) bool { return r.ends(id, kind) })
		for _, row := range v.Add {
			add = append(add, engine.Approval{ClusterID: id, StrategyRow: row, RoleID: role.ID, Role: role.Name, Superuser: super})
		}
		drop = append(drop, v.Drop...)
	}
	if len(add)+len(drop) == 0 {
		return nil, nil
	}
	return add, h.cfg.Approvals.Approve(ctx, add, drop)
}

// notApproved tells that rows are stored and do not count yet.
func (h *handler) notApproved(err error) *proxy.Notice {
	return notice(severityWarning, sqlstate(err), "the write is stored, but it could not be recorded that it counts", h.cause(err),
		"Run APPLY STRATEGIES FOR CLUSTER name once the server can be reached.")
}

// approvedNotices tell what was approved, one for each cluster.
func approvedNotices(infos []engine.ClusterInfo, added []engine.Approval) []*proxy.Notice {
	var list []*proxy.Notice
	for _, info := range infos {
		var kinds []string
		for _, p := range added {
			if p.ClusterID == info.ID {
				kinds = append(kinds, p.Type)
			}
		}
		if len(kinds) > 0 {
			list = append(list, notice(severityNotice, codeOK, fmt.Sprintf("approved what is stored for cluster %s: %s", quoted(info.Name), strings.Join(kinds, ", ")), "", ""))
		}
	}
	return list
}
