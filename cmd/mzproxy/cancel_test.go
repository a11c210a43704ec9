package main

import (
	"strings"
	"testing"
	"time"
)

// A cancel request through the proxy ends the wait for the engine: the statement succeeds, and
// the work is done in the background.
func TestCancelDuringTheEnginesWork(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	if _, err := w.direct.Exec(t.Context(), "SELECT mz_sim.set('ddl_delay', '3 seconds')"); err != nil {
		t.Fatal(err)
	}
	done := make(chan answer)
	go func() {
		done <- modes[0].run(t, c, insertRow, []string{"prod", "target_size", `{"target_size": "small"}`})
	}()
	w.until(t, "SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE executed IS NULL")
	if err := c.CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-done:
		if told := strings.Join(c.notices, "; "); a.err != nil || a.tag != "INSERT 0 1" || told != "NOTICE the work on the clusters goes on in the background" {
			t.Errorf("gives %+v, %s", a, told)
		}
	case <-time.After(patience):
		t.Fatal("the statement does not end")
	}
	w.until(t, "SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE executed")
	w.until(t, "SELECT count(*) = 1 FROM mz_cluster_replicas WHERE name = 'r_small'")
}
