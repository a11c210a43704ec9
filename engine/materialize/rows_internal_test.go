package materialize

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
	"mzproxy/engine/strategy"
)

// How many rows the property is tried with, and how many of them stand beside one another.
const (
	randomRows   = 20_000
	rowsTogether = 20
)

// Texts, moments and documents that the server's types allow, the odd ones first.
var (
	oddTexts   = []string{"", " ", "u2", "u3", "u999", "s1", "prod", "other", "u2 ", "U2", "'; DROP TABLE t; --", `"`, "\n\t\r", "\x01", "é", "\u202e", "🐘", "burst", "pause", "target_size", "idle_suspend", "shrink_to_fit", "create", "drop", "executed"}
	oddMoments = []string{"infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "+10000-01-01 00:00:00+00", "-0044-03-15 12:00:00+00", "0000-01-01 00:00:00+00",
		"9999-12-31 23:59:59.999999+00", "1970-01-01 00:00:00+00", "2025-06-01 12:00:00.123456+00", "2025-06-01 12:00:00+05:30", "1890-01-01 00:00:00+00:53:28", "2100-01-01 00:00:00+00"}
	oddDocuments = []string{"null", "true", "0", `""`, "[]", "{}", "[[]]", strings.Repeat("9", 39), "-1e-130000", "1e400", strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000), `{"target_size": "25cc"}`, `{"target_size": null}`, `{"burst_replica_size": "400cc"}`, `{"idle_after_s": ` + strings.Repeat("9", 39) + `}`,
		`{"idle_after_s": 1e-300}`, `{"idle_after_s": 1, "cooldown_s": 1e300}`, `{"until": "infinity"}`, `{"strategies": 5}`, `{"strategies": {"burst": [1]}, "created": {"r": "burst"}}`, `{"strategies": null, "created": []}`,
		`{"created": {"r": 5}}`, `{"strategies": {"target_size": {"last_decision_ts": "9999-12-31T23:59:59Z"}}}`, `{"op": 5, "trigger": []}`, `{"op": "create", "trigger": "due", "replica": "", "state": 1}`, `{"op": "explode", "trigger": "x"}`}
)

// Dice makes values of the server's types.
type Dice struct{ *rand.Rand }

func (d Dice) pick(list []string) string { return list[d.IntN(len(list))] }

// Text is one, or now and then NULL.
func (d Dice) Text() *string {
	switch n := d.IntN(400); {
	case n == 0:
		big := strings.Repeat("x", 1<<20)
		return &big
	case n < 20:
		return nil
	case n < 60:
		text := fmt.Sprintf("%c%d", 'a'+rune(d.IntN(26)), d.IntN(1000))
		return &text
	}
	text := d.pick(oddTexts)
	return &text
}

// Moment is a time, or NULL.
func (d Dice) Moment() *string {
	text := d.pick(oddMoments)
	switch d.IntN(4) {
	case 0:
		return nil
	case 1:
		text = time.Unix(d.Int64N(1<<36), d.Int64N(1e9)).UTC().Format("2006-01-02 15:04:05.999999-07")
	}
	return &text
}

// Document is a jsonb, or NULL.
func (d Dice) Document() *string {
	text := d.pick(oddDocuments)
	switch d.IntN(60) {
	case 0:
		return nil
	case 1:
		text = `{"x": "` + strings.Repeat("y", 1<<18) + `"}`
	}
	return &text
}

// Foreign is a cluster_id that is not that of the healthy cluster.
func (d Dice) Foreign() *string {
	for {
		if id := d.Text(); id == nil || *id != "u1" {
			return id
		}
	}
}

// sheet is a mirror with some clusters, and what it is told beside them.
type sheet struct {
	t testing.TB
	*mirror.Mirror
}

var copyEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// tell gives the mirror a row, as a server sends it.
func (s sheet) tell(from mirror.Source, at int, columns ...*string) {
	s.t.Helper()
	text := fmt.Sprintf("%d\tf\t1", at)
	for i := range 9 {
		value := `\N`
		if i < len(columns) && columns[i] != nil {
			value = copyEscapes.Replace(*columns[i])
		}
		text += "\t" + value
	}
	s.take(from, text)
}

func (s sheet) take(from mirror.Source, text string) {
	s.t.Helper()
	line, err := mirror.ParseLine(text)
	if err == nil {
		_, err = s.Take(from, line)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func newSheet(t testing.TB) sheet {
	t.Helper()
	s := sheet{t, mirror.New(mirror.Catalog("public", nil), mirror.Own("a", "b", "c", "d", "'2025-01-01'", false), nil)}
	for id, name := range map[string]string{"u1": "prod", "u2": "other", "u3": "third"} {
		s.tell(mirror.FromCatalog, 1, text("cluster"), &id, &name, text("false"), text("u1"))
	}
	for size, workers := range map[string]string{"25cc": "1", "400cc": "4"} {
		s.tell(mirror.FromCatalog, 1, text("size"), &size, text("1"), &workers, text("0.25"))
	}
	return s
}

func text(s string) *string { return &s }

// snapshot is what somebody sees who looks at noon.
func (s sheet) snapshot(history map[string]used) engine.Snapshot {
	s.t.Helper()
	for range 2 {
		for from := range mirror.Source(2) {
			s.take(from, "2\tt"+strings.Repeat("\t\\N", 10))
			s.take(from, "3\tt"+strings.Repeat("\t\\N", 10))
		}
	}
	client := &Client{resizes: newResizes()}
	client.reader = newReader(client)
	o := client.observation(&view{Picture: s.Picture(), now: noon}, nil)
	o.history = history
	return o.snapshot()
}

var noon = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// Whatever stands in a row of one of the tables: it is read, or it is its own fault; nothing panics, and the plan of a healthy
// cluster beside it stays as it is.
func TestRandomRows(t *testing.T) {
	t.Parallel()
	d := Dice{rand.New(rand.NewPCG(1, 2))}
	planner := engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
	for range randomRows / rowsTogether {
		sheet := newSheet(t)
		sheet.tell(mirror.FromTables, 1, text("strategy"), text("u1"), text("target_size"), text(`{"target_size": "25cc"}`), text("2025-06-01 11:00:00+00"))
		var said []string
		for range rowsTogether {
			said = append(said, d.row(sheet))
		}
		plan := planner.Plan(sheet.snapshot(map[string]used{"u1": {ran: use{at: noon}}}))
		if len(plan.Clusters) == 0 || plan.Clusters[0].ID != "u1" || len(plan.Clusters[0].Actions) != 1 || plan.Clusters[0].Actions[0].SQL != `CREATE CLUSTER REPLICA "prod"."r_25cc" (SIZE '25cc')` {
			t.Fatalf("the healthy cluster's plan is %+v beside\n%s", plan.Clusters, strings.Join(said, "\n"))
		}
		if data, err := plan.MarshalJSON(); err != nil || !json.Valid(data) {
			t.Fatalf("the plan cannot be rendered: %v, beside\n%s", err, strings.Join(said, "\n"))
		}
	}
}

// row adds a row to one of the tables.
func (d Dice) row(s sheet) string {
	id := d.Foreign()
	switch d.IntN(3) {
	case 0:
		kind, config, updated := d.Text(), d.Document(), d.Moment()
		s.tell(mirror.FromTables, 1, text("strategy"), id, kind, config, updated)
		return fmt.Sprintf("strategies: %.40q %.40q %.80q %v", orEmpty(id), orEmpty(kind), orEmpty(config), updated)
	case 1:
		payload, updated := d.Document(), d.Moment()
		s.tell(mirror.FromTables, 1, text("state"), id, payload, updated)
		return fmt.Sprintf("state: %.40q %.80q", orEmpty(id), orEmpty(payload))
	}
	executed := fmt.Sprint(d.IntN(2) == 0)
	columns := [6]*string{d.Text(), id, d.Text(), d.Document(), d.Text(), d.Moment()}
	_ = actionRecord(columns, nil)
	s.tell(mirror.FromTables, 1, text("action"), columns[0], id, columns[2], columns[4], d.Text(), &executed, columns[5])
	return fmt.Sprintf("actions: %.40q", orEmpty(columns[0]))
}

// A row that cannot be read is a finding of the row, and the other strategies of its cluster run.
func TestUnreadableRowAlone(t *testing.T) {
	planner := engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
	for _, moment := range []string{"infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"} {
		plan := func(pause bool) engine.ClusterPlan {
			s := newSheet(t)
			row := func(kind, config, updated string) {
				s.tell(mirror.FromTables, 1, text("strategy"), text("u1"), &kind, &config, &updated)
			}
			row("burst", `{"burst_replica_size": "25cc"}`, moment)
			row("target_size", `{"target_size": "400cc"}`, moment)
			row("target_size", `{"target_size": "25cc"}`, "2025-06-01 11:00:00+00")
			if pause {
				row("pause", `{}`, moment)
			}
			return planner.Plan(s.snapshot(nil)).Clusters[0]
		}
		p := plan(false)
		if len(p.Actions) != 1 || p.Actions[0].Size != "25cc" || len(p.Problems) != 1 || p.Problems[0].Strategy != "burst" || p.Problems[0].Code != engine.UnreadableRow {
			t.Errorf("%s: %+v", moment, p)
		}
		if !strings.Contains(p.Problems[0].Message, "updated_at") {
			t.Errorf("%s: %s", moment, p.Problems[0].Message)
		}
		if p := plan(true); len(p.Actions) > 0 {
			t.Errorf("a pause from %s does not hold: %+v", moment, p.Actions)
		}
	}
}

// After how long without use a strategy acts, the table of a type says: no other place knows which types look at it.
func TestUsesOfAnyType(t *testing.T) {
	types := []engine.TypeInfo{{Name: "new", Parameters: []engine.ParameterInfo{{Name: "look_back_s", Kind: engine.KindNumber, History: true}}}, {Name: "other"}}
	o := &observation{client: &Client{cfg: Config{Types: types}}, rows: map[string][]engine.StrategyRow{"u1": {
		{Type: "new", Config: []byte(`{"look_back_s": 86400}`)}, {Type: "other", Config: []byte(`{"look_back_s": 864000}`)}, {Type: "idle_suspend", Config: []byte(`{"idle_after_s": 864000}`)}}}}
	if got := o.idleAfter("u1"); got != 24*time.Hour {
		t.Errorf("the time without use is %s", got)
	}
}
