package intercept_test

import (
	"fmt"
	"strings"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
	"mzproxy/proxy/intercept"
)

// spare is a strategy that nothing but this file knows of: it keeps one more replica beside those that exist.
type spare struct{}

func (spare) Info() engine.TypeInfo {
	return engine.TypeInfo{Name: "spare", Priority: 1, Temporary: true, EachSize: true, Summary: "keeps one replica more",
		Parameters: []engine.ParameterInfo{
			{Name: "spare_size", Kind: engine.KindSize, Required: true, Headline: true, Meaning: "the size of the replica more"},
			{Name: "look_back_s", Kind: engine.KindNumber, Unit: "seconds", History: true, Meaning: "how far back uses count"},
			engine.Cooldown,
		}}
}

func (spare) Decide(in engine.Input) engine.Decision {
	if len(in.Own) > 0 {
		return engine.Decision{Verb: engine.VerbNone, Phase: "sparing", Text: "the spare one is there"}
	}
	spec := engine.ReplicaSpec{Name: in.Cluster.Name + "_spare", Size: in.Config.Text("spare_size")}
	return engine.Decision{Verb: engine.VerbCreate, Text: "there is none",
		Step: engine.Step{Add: []engine.Addition{{ReplicaSpec: spec, Why: "there is none"}}}}
}

// A strategy is one file: what SHOW, EXPLAIN, STATUS, validation, limits and the end of its replicas need, its own table says.
func TestFifthStrategy(t *testing.T) {
	registry := engine.NewRegistry(append(strategy.All(), spare{})...)
	r := newRig(t, func(_ *rig, rc *reconcile.Config, ic *intercept.Config) {
		rc.Planner.Registry, ic.Registry = registry, registry
	})
	r.replica("u2", "main", "small", true)
	says := func(sql string, runs func() string, parts ...string) {
		t.Helper()
		got := r.run(t.Context(), sql, runs)
		text := got.String()
		for _, row := range got.rows {
			text += strings.Join(row, " | ") + "\n"
		}
		for _, part := range parts {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), part) {
				t.Errorf("%s does not say %q:\n%s", sql, part, text)
			}
		}
	}
	says("SHOW STRATEGY TYPES", nil, "spare | NULL | NULL | NULL | NULL | keeps one replica more", "spare | spare_size | size")
	says(insert(`'prod', 'spare', '{"spare_siz": "small"}'`)[0], nil, `unrecognized parameter "spare_siz" for strategy "spare"`, `Perhaps you meant "spare_size".`)
	says(insert(`'prod', 'spar', '{}'`)[0], nil, `Perhaps you meant "spare".`)
	config := `{"spare_size": "large"}`
	says(insert(`'prod', 'spare', '` + config + `'`)[0], func() string { return r.store([]row{{"u2", "spare", config, nil}}) },
		`created cluster replica "prod"."prod_spare" (large)`, "Strategy spare: there is none.")
	says("EXPLAIN STRATEGY FOR CLUSTER prod", nil, "spare large none the spare one is there")
	says("SHOW STRATEGY STATUS", nil, "sparing")
	says("SHOW STRATEGIES", nil, "prod | spare | active | none: the spare one is there")
	r.limit = 2
	says(insert(`'staging', 'spare', '` + config + `'`)[0], func() string { return r.store(nil) })
	r.replica("u3", "a", "small", true)
	r.replica("u3", "b", "small", true)
	says(insert(`'staging', 'spare', '` + config + `'`)[0], nil, `strategy "spare" needs more replicas than cluster "staging" may have`)
	says("DELETE FROM mz_cluster_strategies WHERE cluster_id = 'prod'", func() string { r.rows = nil; return "DELETE 1" }, `dropped cluster replica "prod"."prod_spare"`, "the strategy is gone and main is ready")
	if got := fmt.Sprint(len(r.find("u2").replicas)); got != "1" {
		t.Errorf("%s replicas are left", got)
	}
}
