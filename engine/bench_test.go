package engine_test

import (
	"fmt"
	"testing"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
)

// manyClusters is a snapshot of clusters with three strategies each: most are as they should be, some have work to do.
func manyClusters(n int) engine.Snapshot {
	clusters := make([]engine.ClusterState, n)
	for i := range clusters {
		parts := []enginetest.Part{
			enginetest.Strategy("target_size", `{"target_size": "100cc"}`),
			enginetest.Strategy("burst", `{"burst_replica_size": "400cc", "cooldown_s": 60}`),
			enginetest.Strategy("idle_suspend", `{"idle_after_s": 1800}`),
			enginetest.Decided("target_size", 10*time.Minute),
			enginetest.Decided("burst", 10*time.Minute),
			enginetest.Active(time.Minute),
		}
		switch i % 10 {
		case 0: // resize
			parts = append(parts, enginetest.Ready("main", "25cc"))
		case 1: // burst
			parts = append(parts, enginetest.Hydrating("r_100cc", "100cc"))
		case 2: // suspend
			parts = append(parts, enginetest.Ready("r_100cc", "100cc"), enginetest.Active(time.Hour))
		default:
			parts = append(parts, enginetest.Ready("r_100cc", "100cc"))
		}
		clusters[i] = enginetest.Cluster(fmt.Sprintf("c%d", i), parts...)
	}
	return enginetest.Snapshot(clusters...)
}

// BenchmarkPlan decides about 10,000 clusters with 3 strategies each. One operation is all of them.
func BenchmarkPlan(b *testing.B) {
	s := manyClusters(10_000)
	p := planner()
	b.ReportAllocs()
	for b.Loop() {
		if plan := p.Plan(s); len(plan.Clusters) != 10_000 {
			b.Fatal("clusters are missing")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/cluster")
}

// BenchmarkMarshalPlan renders the plan of 1,000 clusters.
func BenchmarkMarshalPlan(b *testing.B) {
	plan := planner().Plan(manyClusters(1000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plan.MarshalJSON(); err != nil {
			b.Fatal(err)
		}
	}
}
