package intercept

import (
	"fmt"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite/pgtext"
)

// byID finds a cluster by its id.
func byID(catalog engine.Catalog, id string) (engine.ClusterInfo, bool) {
	for _, info := range catalog.Clusters {
		if info.ID == id {
			return info, true
		}
	}
	return engine.ClusterInfo{}, false
}

// findCluster finds the cluster that a user means, by id or by name. A text that is the id of one cluster and the name of another one means neither.
func findCluster(catalog engine.Catalog, text string) (engine.ClusterInfo, *proxy.Error) {
	info, isID := byID(catalog, text)
	for _, other := range catalog.Clusters {
		switch {
		case other.Name != text || other.ID == info.ID:
		case isID:
			return engine.ClusterInfo{}, ambiguousCluster(info, other)
		default:
			return other, nil
		}
	}
	if !isID {
		return info, unknownCluster(catalog, text)
	}
	return info, nil
}

func ambiguousCluster(byID, byName engine.ClusterInfo) *proxy.Error {
	return &proxy.Error{Code: codeAmbiguous, Message: "cluster " + quoted(byID.ID) + " is ambiguous",
		Detail: fmt.Sprintf("It is the id of cluster %s, and the name of the cluster whose id is %s.", quoted(byID.Name), quoted(byName.ID)),
		Hint:   fmt.Sprintf("Write %s for the one, or %s for the other.", quoted(byID.Name), quoted(byName.ID))}
}

func unknownCluster(catalog engine.Catalog, name string) *proxy.Error {
	var names []string
	for _, info := range catalog.Clusters {
		if strings.HasPrefix(info.ID, "u") {
			names = append(names, info.Name)
		}
	}
	hint := engine.Perhaps(name, names)
	if hint == "" {
		hint = "SHOW CLUSTERS lists the clusters."
	}
	return &proxy.Error{Code: codeUndefined, Message: "unknown cluster " + quoted(name), Hint: hint}
}

// unsuitable says why a cluster takes no strategies; nil: it does.
func unsuitable(info engine.ClusterInfo) *proxy.Error {
	switch {
	case !strings.HasPrefix(info.ID, "u"):
		return &proxy.Error{Code: codeWrongState, Message: "cluster " + quoted(info.Name) + " is a system cluster",
			Detail: "The replicas of system clusters are not for strategies."}
	case info.Control:
		return &proxy.Error{Code: codeWrongState, Message: "cluster " + quoted(info.Name) + " is the control cluster",
			Detail: "The proxy itself runs its queries there, so it may never be suspended.",
			Hint:   "Use another cluster, or start the proxy with another --control-cluster."}
	case info.Managed && info.Schedule != "" && info.Schedule != engine.ScheduleManual:
		return &proxy.Error{Code: codeWrongState, Message: "cluster " + quoted(info.Name) + " has a SCHEDULE",
			Detail: "The system itself decides when it has replicas.",
			Hint:   "Leave that to strategies with ALTER CLUSTER " + pgtext.QuoteIdent(info.Name) + " SET (SCHEDULE = MANUAL)."}
	}
	return nil
}
