package intercept

import (
	"context"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

// Overview is all clusters with strategies, for people who look from outside psql.
type Overview struct {
	// At is when the server was read; Stale says why it could not be read since; empty: it could.
	At       time.Time         `json:"at"`
	Stale    string            `json:"stale,omitempty"`
	Clusters []ClusterOverview `json:"clusters"`
	Actions  []ActionOverview  `json:"actions"`
	Changes  []ChangeOverview  `json:"changes"`
}

// ClusterOverview is a row of SHOW STRATEGY STATUS, with its strategies.
type ClusterOverview struct {
	ID             string             `json:"id"`
	Name           string             `json:"name"`
	Phase          string             `json:"phase"`
	Reason         string             `json:"reason,omitempty"`
	Replicas       int                `json:"replicas"`
	Ready          int                `json:"ready"`
	Next           string             `json:"next_action,omitempty"`
	NextAt         string             `json:"next_at,omitempty"`
	CreditsPerHour float64            `json:"credits_per_hour"`
	LastUse        string             `json:"last_use,omitempty"`
	LastError      string             `json:"last_error,omitempty"`
	Strategies     []StrategyOverview `json:"strategies"`
}

// StrategyOverview is what a strategy decides now.
type StrategyOverview struct {
	Name string `json:"name"`
	Verb string `json:"verb"`
	Text string `json:"text"`
}

// ActionOverview is something that was done.
type ActionOverview struct {
	At      time.Time `json:"at"`
	Cluster string    `json:"cluster"`
	Action  string    `json:"action"`
	Replica string    `json:"replica"`
	Size    string    `json:"size,omitempty"`
	Result  string    `json:"result"`
	Who     string    `json:"requested_by"`
	Reason  string    `json:"reason"`
}

// ChangeOverview is something that somebody has changed.
type ChangeOverview struct {
	At       time.Time `json:"at"`
	Cluster  string    `json:"cluster"`
	Strategy string    `json:"strategy,omitempty"`
	Change   string    `json:"change"`
	Who      string    `json:"role"`
}

// How many actions and changes an Overview has at most.
const overviewRows = 200

// Overview reads how all is, or, where the server does not answer, tells how it was and since when.
func (i *Interceptor) Overview(ctx context.Context) (o Overview) {
	var t table
	s, plan, err := i.observe(ctx, &t)
	if err != nil {
		o.Stale = reconcile.Said(err)
		return o
	}
	if o.At = i.observed().at; !t.age.since.IsZero() {
		o.Stale = reconcile.Said(t.age.why)
	}
	for n, p := range plan.Clusters {
		o.Clusters = append(o.Clusters, clusterOverview(s.Now, s.Clusters[n], p))
	}
	names := map[string]string{}
	for _, c := range s.Clusters {
		names[c.ID] = c.Name
	}
	named := func(id string) string {
		if name, ok := names[id]; ok {
			return name
		}
		return id
	}
	records, err := i.actions(ctx, &t, reconcile.ActionFilter{Limit: overviewRows})
	for _, r := range records {
		o.Actions = append(o.Actions, ActionOverview{At: r.CreatedAt.UTC(), Cluster: named(r.ClusterID), Action: r.Context.Op, Replica: r.Context.Replica, Size: r.Context.Size,
			Result: result(r), Who: requester(r.Context), Reason: why(r.Context)})
	}
	if err == nil && o.Stale == "" {
		changes, err := i.cfg.Store.Changes(ctx, reconcile.ActionFilter{Limit: overviewRows})
		if err != nil {
			o.Stale = reconcile.Said(err)
		}
		for _, c := range changes {
			o.Changes = append(o.Changes, ChangeOverview{c.At.UTC(), named(c.ClusterID), c.Strategy, c.Kind, c.Role})
		}
	}
	return o
}

func clusterOverview(now engine.Timestamp, cluster engine.ClusterState, plan engine.ClusterPlan) ClusterOverview {
	status := statusOf(now, cluster, plan)
	o := ClusterOverview{ID: plan.ID, Name: plan.Name, Phase: status.phase, Reason: status.why, Replicas: len(cluster.Replicas), Ready: status.ready, Next: status.next,
		CreditsPerHour: plan.CreditsBefore}
	if status.at != nil {
		o.NextAt = *status.at
	}
	if cluster.LastActivity != nil && cluster.ActivityUnknown == "" {
		o.LastUse = cluster.LastActivity.String()
	}
	for _, f := range cluster.Failures {
		o.LastError = f.Error
	}
	for _, d := range plan.Decisions {
		o.Strategies = append(o.Strategies, StrategyOverview{d.Strategy, string(d.Verb), d.Text})
	}
	return o
}
