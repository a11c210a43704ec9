package reconcile

import (
	"context"
	"slices"

	"mzproxy/engine"
)

// admit lets only those rows of a snapshot count that were written with authority, judged now. Where the snapshot is of all clusters
// concerned, those whose rows were removed around the proxy are read, too.
func (r *Reconciler) admit(ctx context.Context, read func(context.Context, ...string) (engine.Snapshot, error), s engine.Snapshot, all bool) (engine.Snapshot, error) {
	if r.cfg.Authority == nil {
		return s, nil
	}
	a, err := r.cfg.Authority.Authority(ctx)
	if err != nil || !a.Needed {
		return s, err
	}
	if missing := missing(a.Approved(), s.Clusters); all && len(missing) > 0 {
		more, err := read(ctx, missing...)
		if err != nil {
			return s, err
		}
		s.Clusters = append(slices.Clone(s.Clusters), more.Clusters...)
	}
	s.Admit(a)
	return s, nil
}

// missing are the ids of clusters that are not among those that were read.
func missing(ids []string, clusters []engine.ClusterState) []string {
	return slices.DeleteFunc(ids, func(id string) bool {
		return slices.ContainsFunc(clusters, func(c engine.ClusterState) bool { return c.ID == id })
	})
}
