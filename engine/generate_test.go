package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// generator makes random snapshots from few names and numbers, so that the rules meet often.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0x6d7a))} }

// oneIn is true once in n times.
func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// maybe sets a field: now and then it is null, or not there at all.
func (g generator) maybe(t tree, key string, value any) {
	switch {
	case g.oneIn(8):
	case g.oneIn(12):
		t[key] = nil
	default:
		t[key] = value
	}
}

func num(text string) json.Number { return json.Number(text) }

var (
	sizeNames = []string{"25cc", "50cc", "100cc", "400cc", "1600cc", "128C", "0C", "M.1-small", "M.1-large", "small", "xlarge", "cc", "M.1-9cc", `o'd"d`, "größe"}
	planNow   = time.Date(2025, 6, 1, 12, 0, 0, 250_000_000, time.UTC)
)

// snapshot makes one that can be used.
func (g generator) snapshot() tree {
	s := tree{"now": g.timestamp(0), "unknown": tree{"now": num("1")}}
	if !g.oneIn(4) {
		s["enable_experimental"] = !g.oneIn(5)
	}
	offered := g.sizes(s)
	clusters := []any{}
	for i := range pick(g, 1, 1, 1, 2) {
		clusters = append(clusters, g.cluster(i, offered))
	}
	s["clusters"] = clusters
	return s
}

func (g generator) sizes(s tree) []string {
	if g.oneIn(8) {
		g.maybe(s, "sizes", []any{})
		return sizeNames
	}
	list := []any{}
	var offered []string
	for range 1 + g.IntN(8) {
		name := pick(g, sizeNames[:1+g.IntN(len(sizeNames))]...)
		size := tree{"size": name, "processes": pick(g, num("1"), num("1.0"), num("2")), "workers": pick(g, num("1"), num("2"), num("1e1"))}
		g.maybe(size, "credits_per_hour", pick(g, num("0"), num("0.25"), num("0.5"), num("1"), num("1e0"), num("4"), num("16")))
		list = append(list, size)
		offered = append(offered, name)
	}
	s["sizes"] = list
	return offered
}

// timestamp gives a moment some seconds before now, spelled in one of the ways there are.
func (g generator) timestamp(secondsAgo int) string {
	t := planNow.Add(-time.Duration(secondsAgo) * time.Second)
	zone := pick(g, time.UTC, time.UTC, time.FixedZone("", 2*3600), time.FixedZone("", -(5*3600+30*60)))
	text := t.In(zone).Format("2006-01-02T15:04:05.00Z07:00")
	if g.oneIn(4) { // with more digits than a nanosecond has
		text = strings.Replace(text, ".25", pick(g, ".250", ".2500000000000", ".250000000000001", ".249999999999999", ".25000000001"), 1)
	}
	if g.oneIn(6) {
		text = strings.ToLower(text)
	}
	return text
}

// server adds what a server tells of a managed cluster. Its replicas are of few sizes then, as they are there; these are given.
func (g generator) server(c tree, offered []string) []string {
	sizes := []string{pick(g, offered...), pick(g, offered...), pick(g, offered...)}
	g.maybe(c, "size", sizes[0])
	g.maybe(c, "replication_factor", pick(g, num("0"), num("0"), num("1"), num("1"), num("2"), num("3.0")))
	g.maybe(c, "schedule", pick(g, "manual", "manual", "manual", "manual", "manual", "on-refresh"))
	if g.oneIn(2) {
		g.maybe(c, "hydration_burst", sizes[1])
	}
	if g.oneIn(3) {
		to := tree{"size": pick(g, sizes...), "replication_factor": pick(g, num("1"), num("2")), "since": g.timestamp(g.age())}
		if g.oneIn(4) {
			delete(to, "since")
		}
		g.maybe(c, "reconfiguring", to)
	}
	replicas := []any{}
	for i := range g.IntN(4) {
		r := tree{"name": fmt.Sprint("r", i+1), "size": pick(g, sizes...)}
		g.maybe(r, "hydrated", g.oneIn(2))
		g.maybe(r, "online", !g.oneIn(6))
		replicas = append(replicas, r)
	}
	c["replicas"] = replicas
	return sizes
}

// age is how many seconds ago something was; often just on a limit, now and then in the future.
func (g generator) age() int { return pick(g, -60, 0, 1, 59, 60, 61, 599, 600, 601, 3600, 90000) }

func (g generator) cluster(i int, offered []string) tree {
	name := pick(g, "prod", "c", `we"ird`)
	c := tree{"id": fmt.Sprintf("%s%d", pick(g, "u", "u", "u", "u", "u", "u", "\n", "s"), i), "name": name, "owner": "u7"}
	if g.oneIn(5) {
		c["managed"] = true
		offered = g.server(c, offered)
	}
	g.maybe(c, "objects", pick(g, num("0"), num("3"), num("12"), num("0.0")))
	g.maybe(c, "last_activity", g.timestamp(g.age()))
	names := []string{"main", "r_100cc", "main_100cc", "main_100cc_2", name + "_burst", name + "_25cc", "", "a\nb", "ß"}
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	replicas := []any{}
	for _, replica := range names[:pick(g, 0, 0, 1, 1, 2, 3, 4, 6)] {
		r := tree{"name": replica, "size": pick(g, append(offered, "gone")...)}
		g.maybe(r, "hydrated", !g.oneIn(2))
		g.maybe(r, "online", !g.oneIn(6))
		g.maybe(r, "oom_count", pick(g, num("0"), num("0"), num("0"), num("1"), num("3.0")))
		g.maybe(r, "crash_count", pick(g, num("0"), num("0"), num("0"), num("1"), num("1e1")))
		replicas = append(replicas, r)
	}
	if c["replicas"] == nil {
		g.maybe(c, "replicas", replicas)
	}
	rows := []any{}
	for _, kind := range []string{"target_size", "shrink_to_fit", "burst", "idle_suspend", "pausing"} {
		if kind == "pausing" && !g.oneIn(10) {
			continue
		}
		for range pick(g, 0, 1, 1, 1, 1, 2) {
			rows = append(rows, g.row(kind, name, offered))
		}
	}
	g.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	g.maybe(c, "strategies", rows)
	g.maybe(c, "state", g.state())
	return c
}

func (g generator) row(kind, cluster string, offered []string) tree {
	row := tree{"type": kind}
	g.maybe(row, "updated_at", g.timestamp(g.age()))
	config := tree{"unknown": pick[any](g, nil, num("1"), "x", tree{})}
	size := pick(g, append(offered, offered...)...)
	switch kind {
	case "target_size":
		config["target_size"] = size
		if g.oneIn(2) {
			config["replica_name"] = pick(g, "main", "main", "a\nb", "r_100cc", cluster+"_burst")
		}
		if g.oneIn(3) {
			config["replicas"] = pick(g, num("1"), num("2"), num("3.0"))
		}
		if g.oneIn(2) {
			config["resize_timeout_s"] = pick(g, num("60"), num("600"), num("1e9"))
		}
	case "shrink_to_fit":
		config["max_replica_size"] = size
		if g.oneIn(3) {
			config["min_oom_count"] = pick(g, num("1"), num("2.0"), num("3"), num("1e2"))
		}
		if g.oneIn(3) {
			config["min_crash_count"] = pick(g, num("2"), num("10"), num("11"))
		}
	case "burst":
		config["burst_replica_size"] = size
	case "idle_suspend":
		config["idle_after_s"] = pick(g, num("60"), num("600"), num("60.0000000000000000001"), num("59.999999"), num("1e9"), num("1e-3"), num("1e400"))
	}
	if g.oneIn(3) {
		config["cooldown_s"] = pick(g, num("0"), num("60"), num("600"), num("600.5"), num("1e5"), num("0e9"))
	}
	if g.oneIn(25) {
		key := slices.Sorted(maps.Keys(config))[g.IntN(len(config))]
		config[key] = pick[any](g, nil, "", "1h", true, num("-1"), num("0"), num("1.5"), []any{}, "25cC", "gone")
	}
	if g.oneIn(25) {
		for key := range config {
			delete(config, key)
		}
	}
	row["config"] = config
	if g.oneIn(25) {
		row["config"] = pick[any](g, nil, num("1"), "x", []any{}, true)
	}
	if g.oneIn(40) {
		delete(row, "config")
	}
	return row
}

func (g generator) state() tree {
	state := tree{}
	for _, kind := range []string{"target_size", "shrink_to_fit", "burst", "idle_suspend", "other"} {
		if !g.oneIn(3) {
			continue
		}
		payload := tree{"kept": pick[any](g, nil, num("1.0"), num("1e400"), tree{"b": []any{num("-0")}, "a": "<&>"})}
		if !g.oneIn(6) {
			payload["last_decision_ts"] = g.timestamp(g.age())
		}
		if kind == "idle_suspend" && g.oneIn(2) {
			payload["restore"] = pick[any](g, num("1"), num("2"), num("2"), "x", num("-1"), num("0"))
		}
		if g.oneIn(10) {
			payload["last_decision_ts"] = pick[any](g, nil, num("5"), "yesterday", "2025-02-29T00:00:00Z", tree{})
		}
		state[kind] = payload
		if g.oneIn(12) {
			state[kind] = pick[any](g, nil, num("5"), "x", []any{}, false)
		}
	}
	return state
}

// spoil puts a value in a place where it may not belong; many a snapshot cannot be used after.
func (g generator) spoil(t tree) {
	var places []func(any)
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case tree:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				places = append(places, func(to any) { v[key] = to }, func(any) { delete(v, key) })
				walk(v[key])
			}
		case []any:
			for i := range v {
				places = append(places, func(to any) { v[i] = to })
				walk(v[i])
			}
		}
	}
	walk(t)
	places[g.IntN(len(places))](pick[any](g, nil, "", "x", num("1"), num("1.5"), num("-3"), true, tree{}, []any{}, []any{nil}, "u0", "main"))
}

// write renders a tree with the keys of every object in random order.
func (g generator) write(b *strings.Builder, value any) {
	switch v := value.(type) {
	case tree:
		keys := slices.Sorted(maps.Keys(v))
		g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		b.WriteByte('{')
		for i, key := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			g.write(b, key)
			b.WriteByte(':')
			g.write(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			g.write(b, item)
		}
		b.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		b.Write(text)
	}
}

func (g generator) text(t tree) []byte {
	var b strings.Builder
	g.write(&b, t)
	return []byte(b.String())
}

// shuffled is a snapshot with the items of lists in another order, where order does not matter: rows of one type
// keep theirs, and clusters keep theirs.
func (g generator) shuffled(s tree) tree {
	s = maps.Clone(s)
	shuffle := func(t tree, key string) {
		if list, ok := t[key].([]any); ok {
			list = slices.Clone(list)
			g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			t[key] = list
		}
	}
	shuffle(s, "sizes")
	clusters := slices.Clone(s["clusters"].([]any))
	for i := range clusters {
		c := maps.Clone(clusters[i].(tree))
		shuffle(c, "replicas")
		if rows, ok := c["strategies"].([]any); ok {
			byType := map[string][]any{}
			for _, row := range rows {
				kind := row.(tree)["type"].(string)
				byType[kind] = append(byType[kind], row)
			}
			shuffle(c, "strategies")
			mixed := c["strategies"].([]any)
			for j, row := range mixed {
				kind := row.(tree)["type"].(string)
				mixed[j], byType[kind] = byType[kind][0], byType[kind][1:]
			}
		}
		clusters[i] = c
	}
	s["clusters"] = clusters
	return s
}

// each calls f for the clusters of a snapshot and their replicas.
func each(s tree, f func(cluster tree, replicas []any)) {
	for _, c := range s["clusters"].([]any) {
		replicas, _ := c.(tree)["replicas"].([]any)
		f(c.(tree), replicas)
	}
}

// created tells of replicas when and for which strategy they were created.
func (g generator) created(s tree) {
	each(s, func(c tree, replicas []any) {
		by := tree{}
		for _, r := range replicas {
			name := r.(tree)["name"].(string)
			if g.oneIn(2) || strings.HasSuffix(name, "_burst") {
				by[name] = pick(g, "target_size", "burst", "burst")
			}
			g.maybe(r.(tree), "created_at", g.timestamp(g.age()))
		}
		g.maybe(c, "created_by", by)
	})
}

// guarded adds what guards look at.
func (g generator) guarded(s tree) {
	if g.oneIn(2) {
		s["limits"] = tree{"max_replicas_per_cluster": num(pick(g, "0", "1", "2", "3")), "max_credit_consumption_rate": num(pick(g, "0", "1", "4.5", "100")), "credits_in_use": num(pick(g, "0", "1", "4"))}
	}
	g.maybe(s, "observe", g.oneIn(6))
	each(s, func(c tree, _ []any) {
		g.maybe(c, "control", g.oneIn(10))
		g.maybe(c, "native", pick(g, "", "", "", "", "SCHEDULE"))
		g.maybe(c, "recent_actions", num(pick(g, "0", "1", "8", "9", "10", "50")))
		if g.oneIn(2) {
			c["obligations"] = tree{"sinks": num(pick(g, "0", "1")), "materialized_views": num(pick(g, "0", "2")), "indexes": num("2")}
		}
		if rows, ok := c["strategies"].([]any); ok && g.oneIn(6) {
			c["strategies"] = append(rows, tree{"type": "pause", "config": pick(g, tree{"reason": "two\nlines"}, tree{"until": g.timestamp(g.age())}, tree{"until": "soon"})})
		}
	})
}

// pinned adds sources that run on one replica alone.
func (g generator) pinned(s tree) {
	each(s, func(c tree, replicas []any) {
		sources := []any{}
		for i := range g.IntN(3) {
			source := tree{"name": fmt.Sprint("s", i)}
			if len(replicas) > 0 && !g.oneIn(5) {
				source["replica"] = replicas[g.IntN(len(replicas))].(tree)["name"]
			}
			sources = append(sources, source)
		}
		g.maybe(c, "pinned_sources", sources)
	})
}
