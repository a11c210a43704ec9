package intercept

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// stateTable holds what strategies remember.
const stateTable = "mz_cluster_strategy_state"

// notShown stands where somebody may not read on the server what an answer would tell.
const notShown = "not shown"

// veil takes out of a report what its reader could not read on the server itself: who reads strategies does not see by that who used a cluster
// when, what was done, and what strategies remember. A notice says what is missing.
func (h *handler) veil(ctx context.Context, t *table, r report) report {
	use := h.maySeeUse(ctx)
	var missing []string
	if !use {
		missing = append(missing, "mz_internal.mz_recent_activity_log_redacted")
	}
	actions, state := h.mayRead(ctx, t, actionsTable) == nil, h.mayRead(ctx, t, stateTable) == nil
	if !actions {
		missing = append(missing, actionsTable)
	}
	if !state {
		missing = append(missing, stateTable)
	}
	if len(missing) == 0 {
		return r
	}
	t.notices = append(t.notices, notice(severityNotice, codeOK, "what follows is not complete: role "+quoted(h.info.User)+" may not read all that it rests on", "It may not read "+strings.Join(missing, ", ")+".",
		fmt.Sprintf("Who owns them can grant SELECT to %s; the first takes membership in mz_monitor_redacted.", pgtext.QuoteIdent(h.info.User))))
	r.snapshot.Clusters, r.plan.Clusters = slices.Clone(r.snapshot.Clusters), slices.Clone(r.plan.Clusters)
	for i := range r.snapshot.Clusters {
		c := &r.snapshot.Clusters[i]
		if !use {
			c.LastActivity, c.ActivitySource, c.ActivityUnknown = nil, "", notShown
			r.plan.Clusters[i] = h.withoutUse(r.plan.Clusters[i])
		}
		if !actions {
			c.RecentActions, c.Counted, c.Failures = 0, false, nil
		}
		if !state {
			c.State = nil
			r.plan.Clusters[i].State = nil
		}
	}
	if r.before != nil && !use {
		before := *r.before
		before.Clusters = slices.Clone(before.Clusters)
		for i := range before.Clusters {
			before.Clusters[i] = h.withoutUse(before.Clusters[i])
		}
		r.before = &before
	}
	return r
}

// withoutUse takes out of a plan what strategies say that go by the use of a cluster.
func (h *handler) withoutUse(p engine.ClusterPlan) engine.ClusterPlan {
	p.Decisions = slices.Clone(p.Decisions)
	for i := range p.Decisions {
		d := &p.Decisions[i]
		info, _ := h.cfg.Registry.Type(d.Strategy)
		if _, byUse := info.History(); !byUse {
			continue
		}
		d.Text, d.Until = notShown, nil
		if p.NextLookCause == d.Strategy {
			p.NextLook, p.NextLookCause = nil, ""
		}
	}
	return p
}

// maySeeUse tells whether the session's role could read on the server when clusters were used. While the server is away it is as it was.
func (h *handler) maySeeUse(ctx context.Context) bool {
	last := h.readable[notShown]
	if h.self.super || last.value && time.Since(last.at) < privilegeTrust {
		return true
	}
	role, err := h.cfg.Catalog.Role(ctx, h.info.User)
	may := role.Superuser
	if err == nil && !may {
		may, err = h.cfg.Catalog.MaySeeUse(ctx, role)
		may = may || err == nil && h.self.superuser(ctx)
	}
	if err != nil {
		return last.value
	}
	if h.readable == nil {
		h.readable = map[string]kept[bool]{}
	}
	h.readable[notShown] = kept[bool]{may, time.Now()}
	return may
}
