package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes random writes of strategies, most of them valid.
type generator struct{ *rand.Rand }

// ours are the clusters that random writes are about, by name and by id.
var (
	ours    = []string{"prod", "staging", "cluster-123"}
	oursIDs = []string{"u2", "u3", "u4"}
)

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// fate is what happens to a replica, as a statement; empty: nothing.
func (g *generator) fate(cluster, replica string) string {
	of := literal(cluster) + ", " + literal(replica)
	switch g.IntN(10) {
	case 0, 1, 2:
		return "SELECT mz_sim.hydrate(" + of + ")"
	case 3:
		return "SELECT mz_sim.crash(" + of + ", " + pick(g, "'oom-killed'", "'error'") + ")"
	case 4:
		return fmt.Sprintf(`DROP CLUSTER REPLICA "%s"."%s"`, cluster, strings.ReplaceAll(replica, `"`, `""`))
	}
	return ""
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// write is an INSERT, UPDATE or DELETE.
func (g *generator) write() string {
	switch g.IntN(5) {
	case 0:
		return g.update()
	case 1:
		return "DELETE FROM mz_cluster_strategies AS s" + g.where()
	}
	return g.insert()
}

func (g *generator) insert() string {
	var rows []string
	for range 1 + g.IntN(3) {
		kind := g.kind()
		updated := pick(g, "DEFAULT", "DEFAULT", "DEFAULT", "now()", "NULL", "'2025-06-01 12:00:00.123+02'")
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s)", g.cluster(), literal(kind), g.config(kind), updated))
	}
	return "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config, updated_at) VALUES " + strings.Join(rows, ", ")
}

func (g *generator) update() string {
	kind := g.kind()
	return "UPDATE mz_cluster_strategies s SET " + pick(g,
		"cluster_id = "+g.cluster(),
		"strategy_type = "+literal(kind),
		"config = "+g.config(kind),
		"strategy_type = "+literal(kind)+", config = "+g.config(kind),
		"(config, updated_at) = ROW("+g.config(kind)+", NULL)",
		"updated_at = now()",
	) + g.where()
}

func (g *generator) where() string {
	var conditions []string
	if !g.oneIn(6) {
		conditions = append(conditions, pick(g,
			"cluster_id = "+g.cluster(),
			fmt.Sprintf("cluster_id IN (%s, %s)", g.cluster(), g.cluster()),
			fmt.Sprintf("cluster_id = ANY (ARRAY[%s, %s])", g.cluster(), g.cluster())))
	}
	if !g.oneIn(3) {
		conditions = append(conditions, pick(g, "strategy_type = ", "s.strategy_type = ")+literal(g.kind()))
	}
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// cluster is a cluster, in one of the ways to write it.
func (g *generator) cluster() string {
	name := pick(g, append(append([]string{}, ours...), append(ours, oursIDs...)...)...)
	if g.oneIn(25) {
		name = pick(g, "prd", "managed", "quickstart", "mz_system", "", "u77")
	}
	return pick(g, literal(name), literal(name)+"::text", "E"+literal(name), "$q$"+name+"$q$")
}

func (g *generator) kind() string {
	if g.oneIn(30) {
		return pick(g, "target-size", "magic", "")
	}
	if g.oneIn(20) {
		return "pause"
	}
	return pick(g, "target_size", "target_size", "target_size", "burst", "burst", "idle_suspend", "shrink_to_fit")
}

// config is a config for a type: its keys in any order and spacing, sometimes with a fault.
func (g *generator) config(kind string) string {
	size := func() string { return pick(g, `"small"`, `"medium"`, `"large"`) }
	keys := map[string]string{}
	switch kind {
	case "target_size":
		keys["target_size"] = size()
		if g.oneIn(4) {
			keys["replica_name"] = pick(g, `"base"`, `"it's"`, `"größe"`)
		}
	case "burst":
		keys["burst_replica_size"] = size()
	case "idle_suspend":
		keys["idle_after_s"] = pick(g, "60", "3600", "100000")
		if g.oneIn(2) {
			keys["allow_stop_maintenance"] = "true"
		}
	case "shrink_to_fit":
		keys["max_replica_size"] = size()
	}
	if kind != "pause" && g.oneIn(3) {
		keys["cooldown_s"] = pick(g, "0", "60", "600")
	}
	if g.oneIn(25) {
		keys[pick(g, "target_size", "cooldown_s", "colour")] = pick(g, "-1", `"huge"`, "null", "true")
	}
	var pairs []string
	for _, name := range g.shuffled(keys) {
		pairs = append(pairs, fmt.Sprintf(`"%s"%s%s`, name, pick(g, ":", ": ", " : "), keys[name]))
	}
	text := "{" + strings.Join(pairs, pick(g, ",", ", ", "\n, ")) + pick(g, "}", " }")
	if g.oneIn(40) {
		text = text[:len(text)-1]
	}
	return pick(g, literal(text), literal(text)+"::jsonb", "jsonb "+literal(text), "CAST("+literal(text)+" AS jsonb)", "$j$"+text+"$j$")
}

// shuffled are the keys in an order that depends on the seed alone.
func (g *generator) shuffled(m map[string]string) []string {
	names := slices.Sorted(maps.Keys(m))
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}
