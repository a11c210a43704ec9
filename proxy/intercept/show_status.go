package intercept

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// showStatus answers SHOW STRATEGY STATUS: a row per cluster with strategies.
func (h *handler) showStatus(q proxy.Query, c rewrite.ShowStatus) *proxy.Answer {
	cols := columns("cluster", "phase", "replicas", "ready", "idle_for", "next_action", "next_at", "credits_per_hour", "reason")
	cols[2].OID, cols[3].OID, cols[4].OID, cols[6].OID, cols[7].OID = pgtext.TypeInt8, pgtext.TypeInt8, pgtext.TypeInterval, pgtext.TypeTimestamptz, pgtext.TypeFloat8
	list := shown{cols, []string{"cluster", "phase", "ready", "next_action", "next_at", "reason"}, c.Verbose}
	return h.answerShown(list, func(ctx context.Context, t *table) error {
		if err := h.mayRead(ctx, t, rewrite.Table); err != nil {
			return err
		}
		matches, err := h.lately(ctx, q, c.Scope, t)
		if err != nil {
			return err
		}
		s, plan, err := h.observe(ctx, t)
		if err != nil {
			return err
		}
		if s.Undated {
			t.notices = append(t.notices, notice(severityWarning, codeWarning, undated, "", undatedHint))
		}
		r := h.veil(ctx, t, selected(s, plan, matches))
		for i, plan := range r.plan.Clusters {
			cluster := r.snapshot.Clusters[i]
			now := statusOf(r.snapshot.Now, cluster, plan)
			if cluster.Changed != nil {
				now.why = strings.TrimPrefix(now.why+"; last changed by "+cluster.Changed.By, "; ")
			}
			list.add(t, text(cluster.Name), text(now.phase), text(strconv.Itoa(len(cluster.Replicas))), text(strconv.Itoa(now.ready)),
				idleFor(r.snapshot.Now, cluster), orNull(now.next), now.at, text(fmt.Sprint(plan.CreditsBefore)), orNull(now.why))
		}
		return nil
	})
}

// clusterStatus says where a cluster is, why, and what comes next.
type clusterStatus struct {
	phase, why string
	next       string
	at         *string // when that is
	ready      int     // replicas
}

func statusOf(now engine.Timestamp, cluster engine.ClusterState, plan engine.ClusterPlan) clusterStatus {
	s := clusterStatus{ready: readyReplicas(cluster)}
	s.phase, s.why = phase(cluster, plan, s.ready)
	s.next, s.at = nextAction(now, plan)
	if failed := failures(cluster, plan); len(failed) > 0 && s.phase == phaseActing {
		s.phase, s.why, s.at = phaseFailing, failed[0].why(now), timestamp(nextTry(failed))
		s.next = string(failed[0].Op) + " " + failed[0].Subject()
	}
	return s
}

func readyReplicas(c engine.ClusterState) (n int) {
	for _, replica := range c.Replicas {
		if c.Ready(replica) {
			n++
		}
	}
	return n
}

// Phases of a cluster that depend on what became of its plan.
const (
	phaseActing  = "acting"
	phaseFailing = "failing"
)

// phase says in a word where a cluster is, and why.
func phase(c engine.ClusterState, plan engine.ClusterPlan, ready int) (word, why string) {
	for _, g := range plan.Guards {
		switch {
		case g.Name == engine.GuardPause:
			return "paused", g.Pause.Origin()
		case g.Held:
			return "held", g.Text
		}
	}
	if len(plan.Actions) > 0 {
		return phaseActing, plan.Actions[0].Reasons[0].Text
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
	for _, d := range plan.Decisions {
		if d.Phase != "" {
			last = d
		}
	}
	switch {
	case last.Verb == engine.VerbSuspend:
		return last.Phase, last.Strategy + ": " + last.Text
	case last.Phase != "":
		return last.Phase, waitsFor
	case plan.Waiting:
		return "hydrating", waitsFor
	case ready > 0:
		return "steady", ""
	}
	return "empty", ""
}

const waitsFor = "waits for a replica to be ready"

// nextAction is what comes next, and when.
func nextAction(now engine.Timestamp, plan engine.ClusterPlan) (what string, at *string) {
	switch {
	case len(plan.Actions) > 0:
		return string(plan.Actions[0].Op) + " " + plan.Actions[0].Subject(), timestamp(&now)
	case plan.NextLook != nil:
		return awaited(plan.NextLookCause), timestamp(plan.NextLook)
	case plan.Waiting:
		return "a replica is ready", nil
	}
	return "", nil
}

// awaited is what happens at the next look.
func awaited(cause string) string {
	switch engine.GuardName(cause) {
	case engine.GuardPause:
		return "end of the pause"
	case engine.GuardRateLimit:
		return "more actions"
	}
	return cause + " decides"
}

// timestamp is a value of type timestamptz, to the second: it is for people.
func timestamp(t *engine.Timestamp) *string {
	if t == nil {
		return nil
	}
	return text(t.UTC().Format(timestampFormat))
}

// idleFor is an interval; NULL where it is not known.
func idleFor(now engine.Timestamp, c engine.ClusterState) *string {
	if c.ActivityUnknown != "" || c.LastActivity == nil {
		return nil
	}
	seconds := int64(max(0, now.Sub(c.LastActivity.Time)) / time.Second)
	clock := fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
	switch days := seconds / 86400; days {
	case 0:
		return text(clock)
	case 1:
		return text("1 day " + clock)
	default:
		return text(fmt.Sprintf("%d days %s", days, clock))
	}
}
