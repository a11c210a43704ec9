package intercept

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// changedClusters are clusters whose names have changed, or that are gone.
type changedClusters struct {
	verb string
	was  []engine.ClusterInfo
}

// changeClusters lets a statement through after which it is told which strategies go with which cluster.
func (h *handler) changeClusters(ctx context.Context, change *rewrite.ClusterChange) (proxy.Verdict, error) {
	catalog, err := h.cfg.Catalog.Catalog(ctx)
	if err != nil {
		return proxy.Verdict{}, nil //nolint:nilerr // it is the server's statement
	}
	c := changedClusters{verb: change.Verb}
	for _, info := range catalog.Clusters {
		if slices.Contains(change.Names, info.Name) {
			c.was = append(c.was, info)
		}
	}
	return h.noting(func() {
		h.changed = append(h.changed, c)
		h.cfg.Catalog.Touch()
	}), nil
}

// tellChanges tells of clusters that have strategies what they are called now.
func (h *handler) tellChanges(ctx context.Context) []*proxy.Notice {
	var list []*proxy.Notice
	for _, change := range h.changed {
		s, _, err := h.cfg.Engine.Explain(ctx, idsOf(change.was)...)
		if err != nil {
			return list // the reconciler goes on, and SHOW tells
		}
		for _, info := range change.was {
			list = append(list, change.tell(s, info)...)
		}
	}
	return list
}

func idsOf(infos []engine.ClusterInfo) []string {
	list := make([]string, len(infos))
	for i, info := range infos {
		list[i] = info.ID
	}
	return list
}

func (c changedClusters) tell(s engine.Snapshot, was engine.ClusterInfo) []*proxy.Notice {
	var types []string
	now := ""
	for _, cluster := range s.Clusters {
		if cluster.ID == was.ID {
			now = cluster.Name
			types = append(types, strategyTypes(cluster.Strategies)...)
		}
	}
	for _, stray := range s.Strays {
		if stray.ClusterID == was.ID {
			types = append(types, stray.Type)
		}
	}
	switch slices.Sort(types); {
	case len(types) == 0:
		return nil
	case now == "":
		return []*proxy.Notice{notice(severityNotice, codeOK, fmt.Sprintf("rows of cluster %s stay stored: %s", quoted(was.Name), strings.Join(types, ", ")),
			"They count for the cluster whose id was "+quoted(was.ID)+", and for none that gets its name.", "Run: DELETE FROM "+rewrite.Table+" WHERE cluster_id = "+pgtext.QuoteLiteral(was.ID)+";")}
	case now == was.Name:
		return nil // it was not executed
	}
	return []*proxy.Notice{notice(severityNotice, codeOK, fmt.Sprintf("strategies go with the cluster that is called %s now: %s", quoted(now), strings.Join(types, ", ")),
		fmt.Sprintf("It was called %s; its id is %s.", quoted(was.Name), quoted(was.ID)), "")}
}

func strategyTypes(rows []engine.StrategyRow) []string {
	var types []string
	for i, counts := range engine.Counting(rows) {
		if counts {
			types = append(types, rows[i].Type)
		}
	}
	return types
}

// tableDropped is what somebody hears who has dropped the table.
func tableDropped() *proxy.Notice {
	return notice(severityWarning, codeWarning, "table "+quoted(rewrite.Table)+" is dropped: no strategy counts any more",
		"Replicas stay as they are. The proxy makes the table again, without rows.", "Store the strategies again to have them back.")
}
