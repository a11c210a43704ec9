package intercept

import (
	"encoding/json"

	"mzproxy/engine"
)

// explainVersion is the version of the JSON that EXPLAIN STRATEGY gives.
const explainVersion = 1

// json renders a report: {"version", "now", "clusters"}, each cluster as in the plan
// format with what follows it added.
func (r report) json() (string, error) {
	clusters := make([]map[string]any, 0, len(r.plan.Clusters))
	for i, plan := range r.plan.Clusters {
		entry, err := clusterJSON(r.snapshot.Clusters[i], plan)
		if err != nil {
			return "", err
		}
		if r.before != nil {
			entry["what_if"] = map[string]any{
				"added": statements(difference(plan.Actions, r.before.Clusters[i].Actions)),
				"gone":  statements(difference(r.before.Clusters[i].Actions, plan.Actions)),
			}
		}
		clusters = append(clusters, entry)
	}
	document, err := json.Marshal(map[string]any{"version": explainVersion, "now": r.snapshot.Now.String(), "clusters": clusters})
	return string(document), err
}

func clusterJSON(c engine.ClusterState, plan engine.ClusterPlan) (map[string]any, error) {
	data, err := plan.MarshalJSON()
	if err != nil {
		return nil, err
	}
	entry := map[string]any{}
	if err := json.Unmarshal(data, &entry); err != nil {
		return nil, err
	}
	decisions := make([]map[string]any, 0, len(plan.Decisions))
	for _, d := range plan.Decisions {
		decisions = append(decisions, map[string]any{"strategy": d.Strategy, "verb": d.Verb, "text": d.Text, "until": moment(d.Until)})
	}
	conflicts := make([]map[string]any, 0, len(plan.Conflicts))
	for _, conflict := range plan.Conflicts {
		conflicts = append(conflicts, map[string]any{"replica": conflict.Replica, "winner": conflict.Winner.Strategy, "loser": conflict.Loser.Strategy, "mode": "PRIORITY"})
	}
	entry["decisions"] = decisions
	entry["conflicts"] = conflicts
	entry["credits_per_hour"] = map[string]float64{"before": plan.CreditsBefore, "after": plan.CreditsAfter}
	entry["next_look"] = map[string]any{"at": moment(plan.NextLook), "cause": plan.NextLookCause, "waiting_for_hydration": plan.Waiting}
	entry["signals"] = map[string]any{
		"objects": c.Objects, "last_activity": moment(c.LastActivity), "activity_source": c.ActivitySource,
		"activity_unknown": c.ActivityUnknown, "recent_actions": c.RecentActions, "replicas": replicasJSON(c),
	}
	return entry, nil
}

func replicasJSON(c engine.ClusterState) []map[string]any {
	list := make([]map[string]any, 0, len(c.Replicas))
	for _, r := range c.Replicas {
		list = append(list, map[string]any{"name": r.Name, "size": r.Size, "online": r.Online, "hydrated": r.Hydrated,
			"ready": c.Ready(r), "oom_count": r.OOMCount, "crash_count": r.CrashCount})
	}
	return list
}

func statements(actions []engine.Action) []string {
	list := make([]string, 0, len(actions))
	for _, a := range actions {
		list = append(list, a.SQL)
	}
	return list
}

// moment is a timestamp or null.
func moment(t *engine.Timestamp) any {
	if t == nil {
		return nil
	}
	return t.String()
}
