package materialize_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mzproxy/engine/reconcile"
)

var modelConfigs = map[string][]string{
	"target_size":   {`{"target_size": "25cc"}`, `{"target_size": "50cc"}`, `{"target_size": "100cc", "replica_name": "r_50cc"}`, `{"target_size": "none"}`},
	"burst":         {`{"burst_replica_size": "200cc"}`, `{"burst_replica_size": "200cc", "cooldown_s": 30}`, `{"burst_replica_size": "50cc", "max_duration_s": 120}`},
	"idle_suspend":  {`{"idle_after_s": 60}`, `{"idle_after_s": 600, "cooldown_s": 60}`, `{"idle_after_s": 60, "allow_stop_maintenance": false}`},
	"shrink_to_fit": {`{"max_replica_size": "100cc"}`},
	"pause":         {`{}`, `{"until": "2020-01-01T00:00:00Z"}`},
}

// somewhere draws a cluster.
func (m *model) somewhere(t *rapid.T) (id, name string) {
	ids := make([]string, 0, len(m.clusters))
	for id := range m.clusters {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	id = ids[rapid.IntRange(0, len(ids)-1).Draw(t, "cluster")]
	return id, m.clusters[id]
}

// aReplica draws one that exists, if any does.
func (m *model) aReplica(t *rapid.T, id string) string {
	names := m.column(t, "SELECT name FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s' ORDER BY name", id)
	if len(names) == 0 {
		t.Skip("no replica")
	}
	return rapid.SampledFrom(names).Draw(t, "replica")
}

func (m *model) name(prefix string) string {
	m.n++
	return fmt.Sprintf("%s_%d", prefix, m.n)
}

// wants stores a strategy in place of an older one.
func (m *model) wants(t *rapid.T, id, kind string) {
	config := rapid.SampledFrom(modelConfigs[kind]).Draw(t, "config")
	m.hazard(func() {
		m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = '%s'", id, kind)
		m.want(t, id, kind, config)
	})
}

// at does something when one of the proxies takes a step on its way to a new strategy.
func (m *model) at(t *rapid.T, do func(l *life)) {
	id, _ := m.somewhere(t)
	step := rapid.SampledFrom(reconcile.Steps).Draw(t, "step")
	var once sync.Once
	for _, l := range m.lives {
		l.fault.Store(&fault{step, func() { once.Do(func() { m.hazard(func() { do(l) }) }) }})
	}
	m.wants(t, id, "target_size")
	m.rest(t)
	for _, l := range m.lives {
		l.fault.Store(nil)
	}
	once.Do(func() {}) // from here on it is over, or does not happen
}

// actions are the events and faults. What they mean for the clusters the reconcilers find out by themselves.
func (m *model) actions(outer *testing.T) map[string]func(*rapid.T) {
	actions := m.events()
	for name, f := range m.faults(outer) {
		actions[name] = f
	}
	return actions
}

func (m *model) events() map[string]func(*rapid.T) {
	kinds := []string{"target_size", "target_size", "burst", "burst", "idle_suspend", "shrink_to_fit", "pause"}
	return map[string]func(*rapid.T){
		"strategy is set": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			m.wants(t, id, rapid.SampledFrom(kinds).Draw(t, "type"))
		},
		"strategy is set, and somebody waits": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			since := time.Now()
			m.wants(t, id, rapid.SampledFrom(kinds).Draw(t, "type"))
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			l := m.lives[rapid.IntRange(0, 1).Draw(t, "proxy")]
			_, _ = l.reconciler.Look(ctx, reconcile.Trigger{Kind: "statement", Since: since}, id)
		},
		"strategies are deleted": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			kind := rapid.SampledFrom(append(kinds, "pause")).Draw(t, "type")
			m.hazard(func() {
				m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = '%s'", id, kind)
			})
		},
		"replica is created by hand": func(t *rapid.T) {
			id, name := m.somewhere(t)
			replica := rapid.SampledFrom([]string{"r_25cc", "r_50cc", name + "_burst", m.name("by_hand")}).Draw(t, "name")
			size := rapid.SampledFrom([]string{"25cc", "50cc", "200cc"}).Draw(t, "size")
			if len(m.replicas(t, id)) < 5 {
				_, _ = m.Exec(context.Background(), fmt.Sprintf("CREATE CLUSTER REPLICA %s.%s (SIZE '%s')", name, replica, size)) // it may exist
			}
		},
		"replica is dropped by hand": func(t *rapid.T) {
			id, name := m.somewhere(t)
			replica := m.aReplica(t, id)
			m.hazard(func() { _, _ = m.Exec(context.Background(), "DROP CLUSTER REPLICA "+name+"."+replica) }) // it may be gone
		},
		"replica crashes": func(t *rapid.T) {
			id, name := m.somewhere(t)
			replica, reason := m.aReplica(t, id), rapid.SampledFrom([]string{"oom-killed", "error"}).Draw(t, "reason")
			m.hazard(func() {
				_, _ = m.Exec(context.Background(), fmt.Sprintf("SELECT mz_sim.crash('%s', '%s', '%s')", name, replica, reason))
			})
		},
		"object is created": func(t *rapid.T) {
			_, name := m.somewhere(t)
			m.hazard(func() {
				if rapid.Bool().Draw(t, "index") {
					m.run(t, "CREATE INDEX %s IN CLUSTER %s ON t0 (n)", m.name("i"), name)
				} else {
					m.run(t, "CREATE MATERIALIZED VIEW %s IN CLUSTER %s AS SELECT count(*) FROM t1", m.name("v"), name)
				}
			})
		},
		"cluster is used": func(t *rapid.T) {
			_, name := m.somewhere(t)
			m.hazard(func() { m.run(t, "SELECT mz_sim.activity('%s', now())", name) })
		},
		"cluster is renamed": func(t *rapid.T) {
			id, name := m.somewhere(t)
			next := m.name("renamed")
			m.hazard(func() { m.run(t, "ALTER CLUSTER %s RENAME TO %s", name, next) })
			m.clusters[id] = next
		},
		"clusters are swapped": func(t *rapid.T) {
			ids := make([]string, 0, len(m.clusters))
			for id := range m.clusters {
				ids = append(ids, id)
			}
			a, b := ids[0], ids[1]
			m.hazard(func() { m.run(t, "ALTER CLUSTER %s SWAP WITH %s", m.clusters[a], m.clusters[b]) })
			m.clusters[a], m.clusters[b] = m.clusters[b], m.clusters[a]
		},
		"cluster is dropped, and another one gets its name": func(t *rapid.T) {
			id, name := m.somewhere(t)
			m.hazard(func() {
				m.run(t, "DROP CLUSTER %s CASCADE", name)
				delete(m.clusters, id)
				m.add(t, name)
			})
		},
		"time passes": func(t *rapid.T) {
			m.run(t, "SELECT mz_sim.advance('%d seconds')", rapid.SampledFrom([]int{1, 20, 61, 400, 4000}).Draw(t, "seconds"))
		},
		"logging is switched": func(t *rapid.T) {
			rate := rapid.SampledFrom([]string{"on", "on", "off", "0.5"}).Draw(t, "rate")
			m.hazard(func() { m.run(t, "SELECT mz_sim.set('statement_logging', '%s')", rate) })
		},
	}
}

func (m *model) faults(outer *testing.T) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"statements are refused": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			m.run(t, "SELECT mz_sim.refuse('%s CLUSTER REPLICA', 'refused for the sake of it', '53000', %d)",
				rapid.SampledFrom([]string{"CREATE", "DROP"}).Draw(t, "statement"), rapid.IntRange(1, 2).Draw(t, "times"))
			m.wants(t, id, "target_size")
			m.rest(t)
			m.run(t, "SELECT mz_sim.allow()")
		},
		"statements take long": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			m.run(t, "SELECT mz_sim.set('ddl_delay', '300ms')")
			m.wants(t, id, "target_size")
			m.rest(t)
			m.run(t, "SELECT mz_sim.set('ddl_delay', '0s')")
		},
		"subscribes are cut": func(t *rapid.T) {
			m.run(t, "SELECT mz_sim.cut_subscribes()")
		},
		"connections break": func(t *rapid.T) {
			m.lives[rapid.IntRange(0, 1).Draw(t, "proxy")].cutter.cut()
		},
		"connections break at a step": func(t *rapid.T) { m.at(t, func(l *life) { l.cutter.cut() }) },
		"killed at a step": func(t *rapid.T) {
			var killed *life
			m.at(t, func(l *life) {
				killed = l
				l.cutter.shutDown(true)
			})
			for i, l := range m.lives {
				if l == killed {
					l.ends("killed")
					m.lives[i] = m.newLife(outer)
				}
			}
		},
		"stopped at a step": func(t *rapid.T) {
			stopping := make(chan *life, 2)
			m.at(t, func(l *life) { stopping <- l })
			select {
			case stopped := <-stopping:
				for i, l := range m.lives {
					if l == stopped {
						l.ends("stopped")
						m.lives[i] = m.newLife(outer)
					}
				}
			default: // nothing was to be done
			}
		},
		"lease is stolen at a step": func(t *rapid.T) {
			thief := connect(outer, m.dsn)
			defer func() { _ = thief.Close(context.Background()) }()
			m.at(t, func(*life) {
				thief.run(t, "UPDATE %s.mz_cluster_strategy_lease SET holder = 'thief', expires_at = now()", m.schema)
			})
		},
		"lease is given to nobody": func(t *rapid.T) {
			m.run(t, "UPDATE mz_cluster_strategy_lease SET holder = ''")
		},
		"server is restarted": func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "seldom") == 0 {
				m.hazard(func() { m.restart(outer) })
			}
		},
		"strategies table is dropped": func(t *rapid.T) {
			m.hazard(func() {
				m.run(t, "DROP TABLE mz_cluster_strategies")
				if err := m.lives[0].EnsureTables(context.Background()); err != nil {
					t.Fatal(err)
				}
			})
		},
	}
}
