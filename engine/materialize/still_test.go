package materialize_test

import (
	"context"
	"testing"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/strategy"
)

// A picture that stands still is none: nothing is decided by it, people are told, and it is over when the server tells of its time again.
func TestPictureStandsStill(t *testing.T) {
	t.Parallel()
	own := ownServer(t)
	c := newClient(t, own, materialize.Config{})
	id := own.cluster(t, "still")
	own.want(t, id, "target_size", baseline)
	observe(t, c)
	if err := c.Trouble(); err != nil {
		t.Fatal(err)
	}
	own.run(t, "SELECT mz_sim.set('standing_still', 'catalog')")
	until(t, "it is noticed", func() bool { return c.Trouble() != nil })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if s, err := c.Observe(ctx, id); err == nil {
		t.Errorf("a decision sees %+v", s)
	}
	shown, err := c.Inspect(t.Context(), id)
	if err != nil || shown.Stale == "" {
		t.Fatalf("people see %+v, %v", shown, err)
	}
	plan := engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}.Plan(shown).Clusters[0]
	if len(plan.Actions) > 0 || len(plan.Guards) == 0 || plan.Guards[0].Name != engine.GuardStale || !plan.Guards[0].Held {
		t.Errorf("the plan: %+v", plan)
	}
	own.run(t, "SELECT mz_sim.set('standing_still', 'none')")
	until(t, "it moves again", func() bool { return c.Trouble() == nil })
	if s := observe(t, c, id); s.Stale != "" || len(s.Clusters) != 1 {
		t.Errorf("afterwards: %+v", s)
	}
}
