package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// Every SQL block of the guide runs word for word: nothing in it is changed on
// its way into psql. Replicas stay offline, so that no block sees the next
// one's replicas come and go.
func TestGuideWordForWord(t *testing.T) {
	guide, err := os.ReadFile("../../testdata/multi-strategy-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := sqlBlock.FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 5 {
		t.Fatalf("the guide has %d SQL blocks", len(blocks))
	}
	w := newWorld(t)
	var script strings.Builder
	script.WriteString("SELECT mz_sim.set('startup', '1 hour');\n")
	for i, block := range blocks {
		fmt.Fprintf(&script, "\n-- Block %d\n%s", i+1, block[1])
		script.WriteString("SHOW STRATEGIES;\nSELECT replica, size FROM (SHOW CLUSTER REPLICAS) r WHERE cluster = 'cluster-123' ORDER BY replica;\n")
		script.WriteString("DELETE FROM mz_cluster_strategies;\nRESET STRATEGY STATE FOR CLUSTER \"cluster-123\";\n")
		for _, replica := range []string{"baseline", "r_medium", "cluster-123_burst"} {
			fmt.Fprintf(&script, "DROP CLUSTER REPLICA IF EXISTS \"cluster-123\".%q;\n", replica)
		}
	}
	got := w.replay(t, script.String())
	for _, block := range blocks {
		if !strings.Contains(got, strings.TrimSpace(block[1])) {
			t.Errorf("psql did not see the block as it stands:\n%s", block[1])
		}
	}
	compareFile(t, "../../testdata/multi-strategy-guide.out", masked(got))
}
