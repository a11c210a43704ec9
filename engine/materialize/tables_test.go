package materialize_test

import (
	"errors"
	"strings"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
)

// A table that somebody has dropped is made again by the next look.
func TestTableDropped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "dropped_tables")
	for _, table := range []string{"mz_cluster_strategies", "mz_cluster_strategy_state", "mz_cluster_strategy_actions"} {
		s.run(t, "DROP TABLE %s", table)
		if o := observeOne(t, c, id); len(o.Strategies) > 0 {
			t.Errorf("%s: %+v", table, o.Strategies)
		}
	}
	s.want(t, id, "target_size", baseline)
	if o := observeOne(t, c, id); len(o.Strategies) != 1 {
		t.Errorf("afterwards: %+v", o.Strategies)
	}
}

// A table that lacks what the proxy needs is told of, with the statement that mends it.
func TestTableWithoutConfig(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "unconfigured")
	for _, test := range []struct{ table, columns string }{
		{"mz_cluster_strategies", "cluster_id text, strategy_type text, updated_at timestamptz"},
		{"mz_cluster_strategy_state", "cluster_id text, updated_at timestamptz"},
	} {
		s.run(t, "DROP TABLE %s", test.table)
		s.run(t, "CREATE TABLE %s (%s)", test.table, test.columns)
		var err error
		var said *reconcile.ServerError
		until(t, "it is told of", func() bool {
			_, err = c.Observe(t.Context(), id)
			return errors.As(err, &said) && said.Hint != "" && strings.Contains(said.Hint, test.table)
		})
		_, statement, ok := strings.Cut(said.Hint, "Run: ")
		statement, _, _ = strings.Cut(statement, ";")
		if !ok || !strings.Contains(reconcile.Mended(err), statement) {
			t.Fatalf("%s: %v, hint %q", test.table, err, said.Hint)
		}
		s.run(t, "%s", statement)
		observeOne(t, c, id)
	}
	s.want(t, id, "target_size", baseline)
	if o := observeOne(t, c, id); len(o.Strategies) != 1 {
		t.Errorf("afterwards: %+v", o.Strategies)
	}
}

// A table that another tool has made in the place of ours, without updated_at, is read: its rows count as written when they were first seen.
func TestTableWithoutTime(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "undated")
	s.run(t, "DROP TABLE mz_cluster_strategies")
	s.run(t, "CREATE TABLE mz_cluster_strategies (cluster_id text, strategy_type text, config jsonb)")
	s.run(t, "INSERT INTO mz_cluster_strategies VALUES ('%s', 'target_size', '%s'), (NULL, 'burst', '{}'), ('%[1]s', NULL, NULL)", id, baseline)
	first := observe(t, c, id)
	if !first.Undated || len(first.Clusters[0].Strategies) != 2 {
		t.Fatalf("%+v", first)
	}
	dated := func(s engine.Snapshot) engine.StrategyRow { return s.Clusters[0].Strategies[1] }
	row := dated(first)
	if row.Type != "target_size" || row.UpdatedAt == nil || row.Fault != "" || first.Clusters[0].Strategies[0].Fault == "" {
		t.Errorf("the rows: %+v", first.Clusters[0].Strategies)
	}
	if again := dated(observe(t, c, id)); again.UpdatedAt.Compare(*row.UpdatedAt) != 0 {
		t.Errorf("first %s, then %s", row.UpdatedAt, again.UpdatedAt)
	}
	if all := observe(t, c); len(all.Strays) != 1 || all.Strays[0].Fault == "" {
		t.Errorf("a row of no cluster: %+v", all.Strays)
	}
}
