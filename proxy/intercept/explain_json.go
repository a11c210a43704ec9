package intercept

import (
	"bytes"
	"encoding/json"

	"mzproxy/engine"
)

// explainVersion is the version of the JSON that EXPLAIN STRATEGY gives. A change that takes a key
// away, or its meaning, raises it; keys may come without that.
const explainVersion = 1

// json renders a report, a document a cluster: the cluster's entry of the plan format, and
//
//	version           1
//	now               time of the observation
//	decisions         what each strategy that ran saw and wants: strategy, verb (create, drop, alter,
//	                  hold, suspend, none), text, until (when time alone may change it)
//	conflicts         wishes that were overruled: replica or option, winner, loser, mode (PRIORITY)
//	orphans           replicas that stay although their strategy is gone: replica, strategy
//	credits_per_hour  before, after
//	next_look         at, cause, waiting_for_hydration
//	signals           what was looked at; see signalsJSON
//	failing           actions that have failed in the last hour: sql, error, sqlstate, times, last, next
//	what_if           added, gone: statements against the plan of now; only for a what-if
func (r report) json() ([]string, error) {
	var documents []string
	for i, plan := range r.plan.Clusters {
		entry, err := clusterJSON(r.snapshot.Clusters[i], plan)
		if err != nil {
			return nil, err
		}
		entry["version"], entry["now"] = explainVersion, r.snapshot.Now.String()
		if r.before != nil {
			entry["what_if"] = map[string]any{
				"added": statements(difference(plan.Actions, r.before.Clusters[i].Actions)),
				"gone":  statements(difference(r.before.Clusters[i].Actions, plan.Actions)),
			}
		}
		document, err := asJSON(entry)
		if err != nil {
			return nil, err
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, []byte(document), "", "  "); err != nil {
			return nil, err
		}
		documents = append(documents, indented.String())
	}
	return documents, nil
}

// asJSON renders a value without the escapes that HTML would need.
func asJSON(value any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "", err
	}
	return string(bytes.TrimRight(b.Bytes(), "\n")), nil
}

func clusterJSON(c engine.ClusterState, plan engine.ClusterPlan) (map[string]any, error) {
	data, err := plan.MarshalJSON()
	if err != nil {
		return nil, err
	}
	entry := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // the state's numbers stay as they are
	if err := d.Decode(&entry); err != nil {
		return nil, err
	}
	decisions := make([]map[string]any, 0, len(plan.Decisions))
	for _, d := range plan.Decisions {
		decisions = append(decisions, map[string]any{"strategy": d.Strategy, "verb": d.Verb, "text": d.Text, "until": moment(d.Until)})
	}
	conflicts := make([]map[string]any, 0, len(plan.Conflicts))
	for _, conflict := range plan.Conflicts {
		conflicts = append(conflicts, map[string]any{"replica": nullable(conflict.Replica), "option": nullable(string(conflict.Option)), "winner": conflict.Winner.Strategy, "loser": conflict.Loser.Strategy, "mode": "PRIORITY"})
	}
	orphans := make([]map[string]any, 0, len(plan.Orphans))
	for _, o := range plan.Orphans {
		orphans = append(orphans, map[string]any{"replica": o.Replica, "strategy": o.Strategy})
	}
	entry["decisions"], entry["conflicts"], entry["orphans"] = decisions, conflicts, orphans
	entry["credits_per_hour"] = map[string]float64{"before": plan.CreditsBefore, "after": plan.CreditsAfter}
	entry["next_look"] = map[string]any{"at": moment(plan.NextLook), "cause": nullable(plan.NextLookCause), "waiting_for_hydration": plan.Waiting}
	entry["signals"] = signalsJSON(c)
	entry["failing"] = failingJSON(c, plan)
	return entry, nil
}

// signalsJSON is what a plan rests on.
func signalsJSON(c engine.ClusterState) map[string]any {
	replicas := make([]map[string]any, 0, len(c.Replicas))
	for _, r := range c.Replicas {
		replicas = append(replicas, map[string]any{"name": r.Name, "size": r.Size, "online": r.Online, "hydrated": r.Hydrated, "hydrated_objects": r.HydratedObjects, "objects": hydratable(c, r), "awaits_sources": orEmpty(r.AwaitsSources),
			"ready": c.Ready(r), "oom_count": r.OOMCount, "crash_count": r.CrashCount, "created_at": moment(r.CreatedAt), "created_by": nullable(c.CreatedBy[r.Name])})
	}
	pinned := make([]map[string]any, 0, len(c.Pinned))
	for _, s := range c.Pinned {
		pinned = append(pinned, map[string]any{"name": s.Name, "replica": nullable(s.Replica)})
	}
	signals := map[string]any{
		"objects": c.Objects, "pinned_sources": pinned, "indexes": c.Obligations.Indexes, "materialized_views": c.Obligations.MaterializedViews,
		"sources": c.Obligations.Sources, "sinks": c.Obligations.Sinks,
		"last_activity": moment(c.LastActivity), "activity_source": nullable(c.ActivitySource), "activity_unknown": nullable(c.ActivityUnknown),
		"recent_actions": recentActions(c), "replicas": replicas,
	}
	if c.Shape != nil {
		signals["managed"] = managedJSON(c)
	}
	return signals
}

// managedJSON is what a managed cluster is set to, and what is under way.
func managedJSON(c engine.ClusterState) map[string]any {
	m := map[string]any{"size": c.Shape.Size, "replication_factor": c.Shape.Factor, "hydration_burst": nullable(c.Shape.Burst), "burst_unknown": nullable(c.BurstUnknown), "reconfiguring": nil}
	if r := c.Reconfiguring; r != nil {
		m["reconfiguring"] = map[string]any{"size": r.Size, "replication_factor": r.Factor, "since": moment(r.Since), "deadline": moment(r.Deadline)}
	}
	return m
}

// recentActions is null where nobody counts them, or the reader may not know.
func recentActions(c engine.ClusterState) any {
	if !c.Counted {
		return nil
	}
	return c.RecentActions
}

// failingJSON tells of the actions that have failed so far.
func failingJSON(c engine.ClusterState, plan engine.ClusterPlan) []map[string]any {
	list := []map[string]any{}
	for _, f := range failures(c, plan) {
		list = append(list, map[string]any{"sql": f.Action.SQL, "error": f.Error, "sqlstate": nullable(f.Code), "times": f.Times, "last": moment(&f.Last), "next": moment(f.Next)})
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

// orEmpty is a list, which JSON shows as one also where it is empty.
func orEmpty(list []string) []string { return append([]string{}, list...) }

// nullable is a text, or null where it is empty.
func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}
