package intercept_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
)

var seed = flag.Uint64("seed", 1, "where the random writes of TestWhatIf begin")

// randomWrites is how many writes TestWhatIf makes.
const randomWrites = 1000

// What EXPLAIN STRATEGY says about a write is what the write then does; what one refuses, the other
// refuses with the same words; and a refused write leaves no trace.
func TestWhatIf(t *testing.T) {
	r := newRig(t)
	g := &generator{Rand: rand.New(rand.NewPCG(*seed, 0)), rig: r}
	refused, acted := 0, 0
	for i := range randomWrites {
		g.meanwhile()
		w := g.write()
		explained := r.run(t.Context(), "EXPLAIN STRATEGY (FORMAT JSON) "+w.sql, nil)
		before := slices.Clone(r.rows)
		r.executed = nil
		done := r.run(t.Context(), w.sql, func() string { r.mu.Lock(); defer r.mu.Unlock(); w.apply(); return w.tag })
		if (explained.err == nil) != (done.err == nil) {
			t.Fatalf("%d: %s\n  what if: %s  then: %s", i, w.sql, explained, done)
		}
		if done.err != nil {
			refused++
			if diff := cmp.Diff(explained.String(), done.String()); diff != "" {
				t.Fatalf("%d: %s\n%s", i, w.sql, diff)
			}
			if len(r.rows) != len(before) || len(r.executed) > 0 {
				t.Fatalf("%d: %s\n  was refused, and left a trace", i, w.sql)
			}
			continue
		}
		acted += min(1, len(r.executed))
		if diff := cmp.Diff(g.explained(t, explained), g.happened()); diff != "" {
			t.Fatalf("%d: %s\n  what if (-), then (+)\n%s\n%v", i, w.sql, diff, done)
		}
	}
	if refused < randomWrites/10 || acted < randomWrites/10 {
		t.Errorf("of %d writes %d were refused and %d led to actions: the test sees too little", randomWrites, refused, acted)
	}
}

// effect is what a write does to a cluster: the statements in order, and the replicas afterwards.
type effect struct {
	statements []string
	replicas   []string
}

func (e effect) Equal(o effect) bool {
	return slices.Equal(e.statements, o.statements) && slices.Equal(e.replicas, o.replicas)
}

// explained is what EXPLAIN said, by cluster; clusters with nothing to do are left out.
func (g *generator) explained(t *testing.T, r *result) map[string]effect {
	effects := map[string]effect{}
	for _, one := range r.rows {
		var plan struct {
			Name    string
			Desired []struct{ Name, Size string }
			Actions []struct{ SQL string }
			Version int
		}
		if err := json.Unmarshal([]byte(one[0]), &plan); err != nil || plan.Version != 1 {
			t.Fatalf("%s: %v", one[0], err)
		}
		var e effect
		for _, a := range plan.Actions {
			e.statements = append(e.statements, a.SQL)
		}
		for _, d := range plan.Desired {
			e.replicas = append(e.replicas, d.Name+" "+d.Size)
		}
		if len(e.statements) > 0 {
			effects[plan.Name] = e
		}
	}
	return effects
}

// happened is what the server was told, and has now.
func (g *generator) happened() map[string]effect {
	effects := map[string]effect{}
	for _, c := range g.rig.clusters {
		var e effect
		for _, a := range g.rig.executed {
			if strings.Contains(a.SQL, " "+engine.QuoteIdent(c.Name)+".") {
				e.statements = append(e.statements, a.SQL)
			}
		}
		for _, r := range c.replicas {
			e.replicas = append(e.replicas, r.Name+" "+r.Size)
		}
		slices.Sort(e.replicas)
		if len(e.statements) > 0 {
			effects[c.Name] = e
		}
	}
	return effects
}

// randomWrite is a write with what it does to the table, told apart from its text.
type randomWrite struct {
	sql   string
	tag   string
	apply func()
}

// generator makes random writes, most of them valid.
type generator struct {
	*rand.Rand
	rig *rig
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// meanwhile lets time pass, and things happen.
func (g *generator) meanwhile() {
	g.rig.now = g.rig.now.Add(time.Duration(g.IntN(200_000)) * time.Millisecond)
	for _, c := range g.rig.clusters {
		for _, name := range slices.Sorted(maps.Keys(c.replicas)) {
			r := c.replicas[name]
			switch g.IntN(8) {
			case 0, 1:
				ready := true
				r.Online, r.Hydrated = true, &ready
			case 2:
				r.Online = false
			case 3:
				r.CrashCount, r.OOMCount = int64(g.IntN(3)), 0
			case 4:
				if g.oneIn(3) {
					delete(c.replicas, name)
				}
			}
		}
	}
	if len(g.rig.rows) > 25 { // or everything is superseded in the end
		g.rig.rows = g.rig.rows[20:]
	}
}

// value is a value of a write: how it is written, and what it means.
type value struct{ text, means string }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (g *generator) cluster() value {
	if g.oneIn(25) {
		name := pick(g, "prd", "managed", "quickstart", "u5", "mz_system", "", "u77")
		return value{literal(name), name}
	}
	c := pick(g, g.rig.find("u2"), g.rig.find("u3"), g.rig.find("u4"))
	name := pick(g, c.ID, c.Name, c.Name)
	return value{pick(g, literal(name), literal(name)+"::text", "U&'"+name[:1]+name[1:]+"'", "$q$"+name+"$q$"), c.ID}
}

func (g *generator) kind() value {
	name := pick(g, "target_size", "target_size", "burst", "burst", "idle_suspend", "shrink_to_fit", "pause")
	if g.oneIn(30) {
		name = pick(g, "target-size", "magic", "")
	}
	return value{literal(name), name}
}

// config is a config for a type: its keys in any order and spacing. means is as jsonb
// renders it: keys by length, then by bytes.
func (g *generator) config(kind string) value {
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
		keys["idle_after_s"] = pick(g, "60", "3600", "0.5")
	case "shrink_to_fit":
		keys["max_replica_size"] = size()
	}
	if kind != "pause" && g.oneIn(3) {
		keys["cooldown_s"] = pick(g, "0", "60", "600")
	}
	if g.oneIn(25) {
		keys[pick(g, "target_size", "cooldown_s", "colour")] = pick(g, "-1", `"huge"`, "null", "true")
	}
	names := []string{}
	for name := range keys {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	var stored []string
	for _, name := range names {
		stored = append(stored, fmt.Sprintf(`"%s": %s`, name, keys[name]))
	}
	means := "{" + strings.Join(stored, ", ") + "}"
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var typed []string
	for _, name := range names {
		typed = append(typed, fmt.Sprintf(`"%s"%s%s`, name, pick(g, ":", ": ", " : "), keys[name]))
	}
	text := "{" + strings.Join(typed, pick(g, ",", ", ", "\n, ")) + pick(g, "}", " }")
	if g.oneIn(40) {
		text = text[:len(text)-1]
	}
	return value{pick(g, literal(text), literal(text)+"::jsonb", "jsonb "+literal(text), "CAST("+literal(text)+" AS jsonb)", "$j$"+text+"$j$"), means}
}

func (g *generator) write() randomWrite {
	switch g.IntN(5) {
	case 0:
		return g.update()
	case 1:
		return g.delete()
	}
	return g.insert()
}

func (g *generator) insert() randomWrite {
	var texts []string
	var rows []row
	now := g.rig.now
	for range 1 + g.IntN(3) {
		cluster, kind := g.cluster(), g.kind()
		config := g.config(kind.means)
		updated, at := "DEFAULT", &now
		switch g.IntN(8) {
		case 0:
			past := now.Add(-time.Hour)
			updated, at = literal(past.Format("2006-01-02 15:04:05.999999+00")), &past
		case 1:
			updated, at = "NULL", nil
		case 2:
			updated = pick(g, "now()", "CURRENT_TIMESTAMP")
		}
		texts = append(texts, fmt.Sprintf("(%s, %s, %s, %s)", cluster.text, kind.text, config.text, updated))
		rows = append(rows, row{cluster.means, kind.means, config.means, at})
	}
	sql := "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config, updated_at) VALUES " + strings.Join(texts, ", ")
	return randomWrite{sql, fmt.Sprintf("INSERT 0 %d", len(rows)), func() { g.rig.rows = append(g.rig.rows, rows...) }}
}

// where is a condition, and what it means.
func (g *generator) where() (string, func(row) bool) {
	var texts []string
	var tests []func(row) bool
	if !g.oneIn(6) {
		one, other := g.cluster(), g.cluster()
		switch g.IntN(3) {
		case 0:
			texts = append(texts, "cluster_id = "+one.text)
			tests = append(tests, func(r row) bool { return r.cluster == one.means })
		default:
			texts = append(texts, pick(g, "cluster_id IN (%s, %s)", "cluster_id = ANY (ARRAY[%s, %s])"))
			texts[0] = fmt.Sprintf(texts[0], one.text, other.text)
			tests = append(tests, func(r row) bool { return r.cluster == one.means || r.cluster == other.means })
		}
	}
	if !g.oneIn(3) {
		kind := g.kind()
		texts = append(texts, pick(g, "strategy_type = ", "s.strategy_type = ")+kind.text)
		tests = append(tests, func(r row) bool { return r.kind == kind.means })
	}
	test := func(r row) bool {
		return !slices.ContainsFunc(tests, func(t func(row) bool) bool { return !t(r) })
	}
	if len(texts) == 0 {
		return "", test
	}
	return " WHERE " + strings.Join(texts, " AND "), test
}

func (g *generator) delete() randomWrite {
	where, test := g.where()
	return randomWrite{"DELETE FROM mz_cluster_strategies AS s" + where, "DELETE 1", func() { g.rig.rows = slices.DeleteFunc(g.rig.rows, test) }}
}

func (g *generator) update() randomWrite {
	where, test := g.where()
	now := g.rig.now
	cluster, kind := g.cluster(), g.kind()
	config := g.config(kind.means)
	type change struct {
		text  string
		apply func(*row)
	}
	changes := []change{
		{"cluster_id = " + cluster.text, func(r *row) { r.cluster = cluster.means }},
		{"strategy_type = " + kind.text, func(r *row) { r.kind = kind.means }},
		{"config = " + config.text, func(r *row) { r.config, r.updated = config.means, &now }},
		{"strategy_type = " + kind.text + ", config = " + config.text, func(r *row) { r.kind, r.config, r.updated = kind.means, config.means, &now }},
		{"(config, updated_at) = ROW(" + config.text + ", NULL)", func(r *row) { r.config, r.updated = config.means, nil }},
		{"updated_at = now()", func(r *row) { r.updated = &now }},
	}
	c := pick(g, changes...)
	return randomWrite{"UPDATE mz_cluster_strategies s SET " + c.text + where, "UPDATE 1", func() {
		for i := range g.rig.rows {
			if test(g.rig.rows[i]) {
				c.apply(&g.rig.rows[i])
			}
		}
	}}
}
