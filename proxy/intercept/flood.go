package intercept

import (
	"fmt"
	"sync"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
)

// DefaultMaxRows is how many rows of the table a cluster may have.
const DefaultMaxRows = 1000

// rowCounts are how many rows of clusters were seen in the table lately: a flood is stopped without a read for each write.
type rowCounts struct {
	mu sync.Mutex
	of map[string]int
}

// saw notes what a look has seen of a cluster, of which some rows may have been written since.
func (r *rowCounts) saw(c *engine.ClusterState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]int{}
	}
	r.of[c.ID] = len(c.Stored())
}

func (r *rowCounts) last(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[id]
}

// flood refuses an INSERT that would give a cluster more rows than it may have.
func (c *check) flood() error {
	if c.write.Op != rewrite.Insert {
		return nil
	}
	more := map[string]int{}
	for _, row := range c.write.Rows {
		if id := c.resolve(row[rewrite.ColumnCluster]); id.known {
			if info, e := findCluster(c.catalog, id.text); e == nil {
				more[info.ID]++
			}
		}
	}
	for _, id := range c.clusterIDs() {
		there := c.rows.last(id)
		for _, w := range c.open { // in the transaction at hand
			for _, row := range w.wrote {
				if row.cluster == id && w.op == rewrite.Insert {
					there++
				}
			}
		}
		if there+more[id] <= c.cfg.MaxRows {
			continue
		}
		info, _ := byID(c.catalog, id)
		return &proxy.Error{Code: wire.CodeProgramLimit, Message: fmt.Sprintf("cluster %s may not have more than %d rows of strategies", quoted(info.Name), c.cfg.MaxRows),
			Detail: fmt.Sprintf("It has %d, and %d more were to come.", there, more[id]), Hint: "DELETE rows that do not count: of each strategy type the newest does."}
	}
	return nil
}
