package intercept

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// showStatus answers SHOW STRATEGY STATUS: a row per cluster with strategies.
func (h *handler) showStatus(q proxy.Query, c rewrite.ShowStatus) *proxy.Answer {
	cols := columns("cluster", "phase", "replicas", "ready", "idle_for", "next_action", "next_at", "credits_per_hour", "reason")
	cols[2].OID, cols[3].OID, cols[7].OID = oidInt8, oidInt8, oidFloat8
	return h.answer(cols, "", func(ctx context.Context, t *table) error {
		matches, err := h.scope(ctx, q, c.Scope)
		if err != nil {
			return err
		}
		s, plan, err := h.observe(ctx, t)
		if err != nil {
			return err
		}
		r := selected(s, plan, matches)
		for i, plan := range r.plan.Clusters {
			cluster := r.snapshot.Clusters[i]
			ready := 0
			for _, replica := range cluster.Replicas {
				if cluster.Ready(replica) {
					ready++
				}
			}
			phase, why := phase(cluster, plan, ready)
			next, at := nextAction(plan)
			t.add(text(cluster.Name), text(phase), text(strconv.Itoa(len(cluster.Replicas))), text(strconv.Itoa(ready)),
				orNull(idleFor(r.snapshot.Now, cluster)), orNull(next), orNull(at), text(fmt.Sprint(plan.CreditsBefore)), orNull(why))
		}
		return nil
	})
}

// phase says in a word where a cluster is, and why.
func phase(c engine.ClusterState, plan engine.ClusterPlan, ready int) (word, why string) {
	for _, g := range plan.Guards {
		switch {
		case g.Name == engine.PauseType:
			return "paused", g.Text
		case g.Held:
			return "held", g.Text
		}
	}
	if len(plan.Actions) > 0 {
		return "acting", plan.Actions[0].Reasons[0].Text
	}
	for _, p := range plan.Problems {
		if len(plan.Decisions) == 0 {
			return "error", p.Message
		}
	}
	last := engine.Decision{}
	if n := len(plan.Decisions); n > 0 {
		last = plan.Decisions[n-1]
	}
	switch {
	case last.Verb == engine.VerbSuspend:
		return "suspended", last.Strategy + ": " + last.Text
	case plan.Waiting && c.Replica(c.Name+"_burst") != nil:
		return "bursting", "waits for a replica to be ready"
	case plan.Waiting:
		return "hydrating", "waits for a replica to be ready"
	case ready > 0:
		return "steady", ""
	}
	return "empty", ""
}

func nextAction(plan engine.ClusterPlan) (what, at string) {
	switch {
	case len(plan.Actions) > 0:
		return string(plan.Actions[0].Op) + " " + plan.Actions[0].Replica, "now"
	case plan.NextLook != nil:
		return plan.NextLookCause, plan.NextLook.Format("2006-01-02 15:04:05Z")
	case plan.Waiting:
		return "look", "when hydrated"
	}
	return "", ""
}

func idleFor(now engine.Timestamp, c engine.ClusterState) string {
	if c.ActivityUnknown != "" {
		return "unknown"
	}
	if c.LastActivity == nil {
		return ""
	}
	return now.Sub(c.LastActivity.Time).Round(time.Second).String()
}
