package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

var (
	writes = flag.Int("writes", 100, "how many random writes TestWhatIf makes of each seed")
	seed   = flag.Uint64("seed", 0, "the one seed of TestWhatIf's random writes; 0: two, the same each time")
)

// What EXPLAIN STRATEGY says about a write is what the write then does; what one refuses, the other
// refuses with the same words; and a refused write leaves no trace.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { newWhatIfRun(t, seed).compare(t) })
	}
}

// compare makes the writes.
func (r *whatIfRun) compare(t *testing.T) {
	t.Helper()
	refused, acted := 0, 0
	for i := range *writes {
		if i%3 == 0 {
			r.meanwhile(t)
		}
		r.settle(t)
		w := r.write()
		text := fmt.Sprintf("%d: %s", i, w)
		effects, explained := r.explain(t, w)
		before := r.stored(t)
		done := r.run(t, w)
		happened := r.happened(t)
		switch {
		case gocmp.Diff(explained, done) != "":
			t.Fatalf("%s\n  what if (-), then (+)\n%s", text, gocmp.Diff(explained, done))
		case done != nil:
			refused++
			if after := r.stored(t); after != before || len(happened) > 0 {
				t.Fatalf("%s\n  was refused, and left a trace: %v\n%s", text, happened, gocmp.Diff(before, after)+r.context(t))
			}
		case gocmp.Diff(effects, r.withoutSequels(effects, happened)) != "":
			t.Fatalf("%s\n  what if (-), then (+)\n%s%s", text, gocmp.Diff(effects, happened), r.context(t))
		case len(happened) > 0:
			acted++
		}
	}
	t.Logf("of %d writes %d were refused and %d led to actions", *writes, refused, acted)
	if refused < *writes/20 || acted < *writes/20 {
		t.Error("the test sees too little")
	}
}

// whatIfRun is a session of random writes.
type whatIfRun struct {
	*generator
	*world
	client  *client
	actions int      // on record so far
	plans   []string // that EXPLAIN last gave
}

func newWhatIfRun(t *testing.T, seed uint64) *whatIfRun {
	t.Helper()
	w := newWorldWith(t, offlineDemo())
	r := &whatIfRun{&generator{rand.New(rand.NewPCG(seed, 0))}, w, connect(t, w), 0, nil}
	for _, sql := range []string{"SELECT mz_sim.set('startup', '100000 hours')", "SELECT mz_sim.set('hydration', '100000 hours')", "CREATE CLUSTER managed SIZE 'small'"} {
		r.direct1(t, sql)
	}
	return r
}

// direct1 runs a statement around the proxy.
func (r *whatIfRun) direct1(t *testing.T, sql string) {
	t.Helper()
	if _, err := r.direct.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// meanwhile lets time pass and things happen.
func (r *whatIfRun) meanwhile(t *testing.T) {
	t.Helper()
	if r.oneIn(2) { // all that are offline come online
		r.direct1(t, "SELECT mz_sim.set('startup', '0s')")
		r.direct1(t, "SELECT mz_sim.set('startup', '100000 hours')")
	}
	for _, replica := range r.replicas(t) {
		if sql := r.fate(replica.cluster, replica.name); sql != "" {
			_, _ = r.direct.Exec(t.Context(), sql) // the engine may have dropped it just now
		}
	}
	if r.oneIn(3) {
		r.direct1(t, fmt.Sprintf("SELECT mz_sim.activity(%s, now())", literal(pick(r.generator, ours...))))
	}
	// What happened a moment ago is not believed yet.
	r.direct1(t, fmt.Sprintf("SELECT mz_sim.advance('%d milliseconds')", 60_000+r.IntN(600_000)))
	if r.oneIn(6) {
		r.direct1(t, "DELETE FROM mz_cluster_strategies")
	}
	r.app.client.Touch()
}

// settle waits until the engine has done all that follows from what happened, also where no strategy is left.
func (r *whatIfRun) settle(t *testing.T) {
	t.Helper()
	for _, cluster := range ours {
		for n, rest := 0, false; !rest; n++ {
			results, err := r.client.Exec(t.Context(), `APPLY STRATEGIES FOR CLUSTER "`+cluster+`"`).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if rest = len(results[0].Rows) == 0; !rest && n > 20 {
				t.Fatalf("the engine never comes to rest: %q\n%s", results[0].Rows, r.context(t))
			}
		}
	}
	r.happened(t)
}

type replica struct{ cluster, name, size string }

// replicas are those of the clusters that strategies are written for.
func (r *whatIfRun) replicas(t *testing.T) []replica {
	t.Helper()
	rows, err := r.direct.Query(t.Context(), "SELECT c.name, r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = ANY (string_to_array($1, ',')) ORDER BY 1, 2", strings.Join(ours, ","))
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one replica, err error) {
		return one, row.Scan(&one.cluster, &one.name, &one.size)
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// stored is what the table holds.
func (r *whatIfRun) stored(t *testing.T) (content string) {
	t.Helper()
	if err := r.direct.QueryRow(t.Context(), "SELECT coalesce(string_agg(s::text, E'\n' ORDER BY s::text), '') FROM mz_cluster_strategies s").Scan(&content); err != nil {
		t.Fatal(err)
	}
	return content
}

// context is what is worth knowing when a test has failed.
func (r *whatIfRun) context(t *testing.T) string {
	t.Helper()
	out, err := psqlOnce(t, r.addr.String(), "-x", "-c", "SHOW STRATEGY ACTIONS LIMIT 3", "-c", "EXPLAIN STRATEGY (VERBOSE)")
	return fmt.Sprintf("EXPLAIN said %s\nnow:\n%s (%v)", strings.Join(r.plans, "\n"), out, err)
}

// complaint is an error, its place aside.
type complaint struct{ Code, Message, Detail, Hint string }

// run runs a statement in one of the ways that there are.
func (r *whatIfRun) run(t *testing.T, sql string) *complaint {
	t.Helper()
	var err error
	if r.oneIn(3) {
		err = r.client.ExecParams(t.Context(), sql, nil, nil, nil, nil).Read().Err
	} else {
		_, err = r.client.Exec(t.Context(), sql).ReadAll()
	}
	return complains(t, err)
}

func complains(t *testing.T, err error) *complaint {
	t.Helper()
	if err == nil {
		return nil
	}
	e := serverError(t, err)
	return &complaint{e.Code, e.Message, e.Detail, e.Hint}
}

// effect is what a write does to a cluster: the statements in order, and the replicas afterwards.
type effect struct {
	Statements []string
	Replicas   []string
	shrinks    bool // among them is one of shrink_to_fit, which may call for another plan
}

// Equal compares what happens, not why.
func (e effect) Equal(other effect) bool {
	return slices.Equal(e.Statements, other.Statements) && slices.Equal(e.Replicas, other.Replicas)
}

// withoutSequels leaves out what follows from a plan of shrink_to_fit, in the next one: without a replica left
// it tries every size.
func (r *whatIfRun) withoutSequels(explained, happened map[string]effect) map[string]effect {
	for name, e := range explained {
		h := happened[name]
		if n := len(e.Statements); e.shrinks && len(h.Statements) > n && slices.Equal(e.Statements, h.Statements[:n]) {
			happened[name] = e
		}
	}
	return happened
}

// explain asks what if. Clusters with nothing to do are left out.
func (r *whatIfRun) explain(t *testing.T, write string) (map[string]effect, *complaint) {
	t.Helper()
	results, err := r.client.Exec(t.Context(), "EXPLAIN STRATEGY (FORMAT JSON) "+write).ReadAll()
	if err != nil {
		return nil, complains(t, err)
	}
	effects := map[string]effect{}
	r.plans = nil
	for _, row := range results[0].Rows {
		r.plans = append(r.plans, string(row[0]))
		name, e := readPlan(t, row[0])
		if len(e.Statements) > 0 {
			effects[name] = e
		}
	}
	return effects, nil
}

func readPlan(t *testing.T, document []byte) (cluster string, e effect) {
	t.Helper()
	var plan struct {
		Name    string
		Desired []struct{ Name, Size string }
		Actions []struct {
			SQL     string
			Reasons []string
		}
		Version int
	}
	if err := json.Unmarshal(document, &plan); err != nil || plan.Version != 1 {
		t.Fatalf("%s: %v", document, err)
	}
	for _, a := range plan.Actions {
		e.Statements = append(e.Statements, a.SQL)
		e.shrinks = e.shrinks || slices.ContainsFunc(a.Reasons, func(reason string) bool { return strings.HasPrefix(reason, "shrink_to_fit: ") })
	}
	for _, d := range plan.Desired {
		e.Replicas = append(e.Replicas, d.Name+" "+d.Size)
	}
	slices.Sort(e.Replicas)
	return plan.Name, e
}

// happened is what the server was told since the last time, and has now.
func (r *whatIfRun) happened(t *testing.T) map[string]effect {
	t.Helper()
	rows, err := r.direct.Query(t.Context(), `SELECT c.name, a.action_sql FROM mz_cluster_strategy_actions a JOIN mz_clusters c ON c.id = a.cluster_id
		WHERE a.executed ORDER BY a.created_at OFFSET $1`, r.actions)
	if err != nil {
		t.Fatal(err)
	}
	effects := map[string]effect{}
	var name, sql string
	if _, err := pgx.ForEachRow(rows, []any{&name, &sql}, func() error {
		e := effects[name]
		e.Statements = append(e.Statements, sql)
		effects[name] = e
		r.actions++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(effects) == 0 {
		return effects
	}
	for _, one := range r.replicas(t) {
		if e, ok := effects[one.cluster]; ok {
			e.Replicas = append(e.Replicas, one.name+" "+one.size)
			effects[one.cluster] = e
		}
	}
	for _, e := range effects {
		slices.SortFunc(e.Replicas, cmp.Compare)
	}
	return effects
}

// A cluster that has not been used for days is suspended by the very write, and what-if knows it: activity is
// read as far back as the new strategy asks for.
func TestWhatIfKnowsOldActivity(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	for _, sql := range []string{"CREATE CLUSTER REPLICA staging.old SIZE 'small'", "SELECT mz_sim.activity('staging', now())", "SELECT mz_sim.advance('3 days')"} {
		if _, err := w.direct.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	w.app.client.Touch()
	const insert = `INSERT INTO mz_cluster_strategies VALUES ('staging', 'idle_suspend', '{"idle_after_s": 100000}')`
	results, err := c.Exec(t.Context(), "EXPLAIN STRATEGY "+insert).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	for _, row := range results[0].Rows {
		plan = append(plan, string(row[0]))
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, `DROP CLUSTER REPLICA "staging"."old"`) {
		t.Errorf("what-if says\n%s", text)
	}
	c.notices = nil
	if _, err := c.Exec(t.Context(), insert).ReadAll(); err != nil || !slices.Equal(c.notices, []string{`NOTICE dropped cluster replica "staging"."old"`}) {
		t.Errorf("the write says %q (%v)", c.notices, err)
	}
}
