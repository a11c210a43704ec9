package materialize_test

import (
	"math/rand/v2"
	"testing"

	"mzproxy/engine/materialize"
)

// Rows that are written around the proxy into all tables, as odd as the server allows: a healthy cluster is acted on beside them, what
// keeps the tables small runs, and everything is read back.
func TestRandomRowsOnServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRig(t, s, rigOptions{})
	r.awaitLead(t)
	d := materialize.Dice{Rand: rand.New(rand.NewPCG(5, 6))}
	stored := 0
	for round := range 6 {
		for range 40 {
			var err error
			switch d.IntN(4) {
			case 0:
				_, err = s.Exec(t.Context(), "INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3::jsonb, $4::timestamptz)", d.Foreign(), d.Text(), d.Document(), d.Moment())
			case 1:
				_, err = s.Exec(t.Context(), "INSERT INTO mz_cluster_strategy_state VALUES ($1, $2, $3::jsonb, $4::timestamptz)", d.Foreign(), d.IntN(4), d.Document(), d.Moment())
			case 2:
				var executed *bool
				if yes := d.IntN(2) == 0; d.IntN(3) > 0 {
					executed = &yes
				}
				_, err = s.Exec(t.Context(), "INSERT INTO mz_cluster_strategy_actions VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7::timestamptz)",
					d.Text(), d.Foreign(), d.Text(), d.Document(), executed, d.Text(), d.Moment())
			case 3:
				_, err = s.Exec(t.Context(), "INSERT INTO mz_cluster_strategy_lease VALUES ($1, '', $2::timestamptz)", d.Text(), d.Moment())
			}
			if err == nil { // otherwise the server does not allow it
				stored++
			}
		}
		name := string(rune('a'+round)) + "_beside"
		id := s.cluster(t, name)
		s.want(t, id, "target_size", baseline)
		s.eventuallyReplicas(t, id, "r_25cc 25cc")
		if err := r.client.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.client.ResetState(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range observe(t, r.client).Clusters {
			if c.StateFault != "" {
				t.Errorf("RESET STRATEGY STATE leaves %s", c.StateFault)
			}
		}
	}
	if stored < 100 {
		t.Errorf("only %d rows could be stored", stored)
	}
}
