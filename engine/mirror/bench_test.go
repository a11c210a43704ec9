package mirror

import (
	"fmt"
	"runtime"
	"testing"
)

// The world of the benchmarks.
const (
	manyClusters = 1000
	someReplicas = 3
	someObjects  = 50
)

// large is a mirror of many clusters with some replicas and objects each, all of them with strategies.
func large(t testing.TB) *Mirror {
	m := newMirror(nil)
	progress(t, m, FromTables, 1)
	progress(t, m, FromCatalog, 1)
	for c := range manyClusters {
		cluster := fmt.Sprint("u", c)
		tell(t, m, FromCatalog, 1, 1, tagCluster, cluster, fmt.Sprint("cluster_", c), "false", "u1")
		for o := range someObjects {
			tell(t, m, FromCatalog, 1, 1, tagIndex, fmt.Sprintf("u%d", 100_000+c*someObjects+o), cluster, fmt.Sprintf("index_%d_%d", c, o))
		}
		for r := range someReplicas {
			replica := fmt.Sprint("u", c*someReplicas+r)
			tell(t, m, FromCatalog, 1, 1, tagReplica, replica, cluster, fmt.Sprint("r", r), "25cc")
			tell(t, m, FromCatalog, 1, 1, tagStatus, replica, "0", "online", "2025-06-01 12:00:00.123+00")
			for o := range someObjects {
				tell(t, m, FromCatalog, 1, 1, tagHydration, fmt.Sprintf("u%d", 100_000+c*someObjects+o), replica, "true")
			}
		}
		for _, kind := range []string{"target_size", "burst", "idle_suspend"} {
			tell(t, m, FromTables, 1, 1, tagStrategy, cluster, kind, `{"burst_replica_size": "400cc", "cooldown_s": 60}`, "2025-06-01 12:00:00.123+00")
		}
	}
	progress(t, m, FromTables, 2)
	progress(t, m, FromCatalog, 2)
	return m
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// What a mirror of a thousand clusters takes, and the picture after one row has changed.
func BenchmarkPicture(b *testing.B) {
	before := heap()
	m := large(b)
	taken := heap() - before
	at := Timestamp(10)
	b.ResetTimer()
	b.ReportMetric(float64(taken)/(1<<20), "MB")
	for i := range b.N {
		at++
		tell(b, m, FromCatalog, at, -1, tagStatus, "u5", "0", "online", fmt.Sprintf("2025-06-01 12:00:00.%d+00", 123+i))
		tell(b, m, FromCatalog, at, 1, tagStatus, "u5", "0", "online", fmt.Sprintf("2025-06-01 12:00:00.%d+00", 124+i))
		progress(b, m, FromTables, at+1)
		if changes := progress(b, m, FromCatalog, at+1); changes == nil || len(changes.Clusters) != 1 {
			b.Fatalf("%+v", changes)
		}
	}
	runtime.KeepAlive(m)
}

// A thousand clusters fit into the memory that is promised, and one row that changes makes one of them anew.
func TestLargeMirror(t *testing.T) {
	if testing.Short() {
		t.Skip("a large mirror takes a second")
	}
	before := heap()
	m := large(t)
	if mb := (heap() - before) >> 20; mb > 150 {
		t.Errorf("%d MB", mb)
	}
	if n := len(m.Picture().Clusters); n != manyClusters {
		t.Errorf("%d clusters", n)
	}
	runtime.KeepAlive(m)
}
