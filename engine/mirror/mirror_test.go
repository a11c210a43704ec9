package mirror

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"mzproxy/engine"
)

// newMirror is a mirror of everything.
func newMirror(unknown map[string]string) *Mirror {
	return New(Catalog("public", []string{"t"}), Own("s", "m", "a", "l", "'2025-01-01'", false), unknown)
}

// tell gives a mirror a line.
func tell(t testing.TB, m *Mirror, from Source, at Timestamp, diff int64, row ...string) *Changes {
	t.Helper()
	text := fmt.Sprintf("%d\tf\t%d\t%s", at, diff, strings.Join(row, "\t")+strings.Repeat("\t"+null, width+1-len(row)))
	if diff == 0 {
		text = fmt.Sprintf("%d\tt%s", at, strings.Repeat("\t"+null, width+2))
	}
	line, err := ParseLine(text)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := m.Take(from, line)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// progress moves the frontier of a subscription.
func progress(t testing.TB, m *Mirror, from Source, at Timestamp) *Changes {
	t.Helper()
	return tell(t, m, from, at, 0)
}

// event is something that happens on a server: a row comes or goes at a timestamp.
type event struct {
	from Source
	at   Timestamp
	diff int64
	row  string // with its tag
}

// direct is the picture that somebody sees who reads all relations at one timestamp.
func direct(t testing.TB, events []event, at Timestamp) *Picture {
	t.Helper()
	m, sums := newMirror(nil), map[event]int64{}
	for _, e := range events {
		if e.at <= at {
			sums[event{from: e.from, row: e.row}] += e.diff
		}
	}
	for e, n := range sums {
		if n != 0 {
			tell(t, m, e.from, at, n, strings.Split(e.row, "\t")...)
		}
	}
	progress(t, m, FromCatalog, at+1)
	progress(t, m, FromTables, at+1)
	progress(t, m, FromCatalog, at+2) // without rows the first line is one about progress
	progress(t, m, FromTables, at+2)
	p := *m.Picture()
	p.At = at
	return &p
}

// someRow draws a row of any relation, over few enough values that rows belong together.
func someRow(d *rand.Rand) (Source, string) {
	id := func(prefix string) string { return prefix + strconv.Itoa(1+d.IntN(3)) }
	replica := 1 + d.IntN(6) // which never changes its cluster
	yes := []string{"true", "false"}[d.IntN(2)]
	name := []string{"a", "b", `od\td`, `back\\slash`, null}[d.IntN(5)]
	moment := fmt.Sprintf("2025-06-01 12:00:0%d+00", d.IntN(3))
	rows := []struct {
		from Source
		row  []string
	}{
		{FromCatalog, []string{tagCluster, id("u"), name, yes, id("r"), "25cc", "1"}},
		{FromCatalog, []string{tagReplica, "u" + strconv.Itoa(replica), "u" + strconv.Itoa(1+replica%3), name, []string{"25cc", "50cc"}[d.IntN(2)]}},
		{FromCatalog, []string{tagStatus, "u" + strconv.Itoa(replica), "0", []string{"online", "offline"}[d.IntN(2)], moment}},
		{FromCatalog, []string{tagHydration, id("o"), "u" + strconv.Itoa(replica), yes}},
		{FromCatalog, []string{tagIndex, id("o"), id("u"), name}},
		{FromCatalog, []string{tagView, id("o"), id("u"), name}},
		{FromCatalog, []string{tagSource, id("o"), id("u"), name, []string{"postgres", "kafka", "subsource"}[d.IntN(3)]}},
		{FromCatalog, []string{tagSink, id("o"), id("u"), name}},
		{FromCatalog, []string{tagSubscription, id("x"), id("u")}},
		{FromCatalog, []string{tagSchedule, id("u"), []string{"manual", "on-refresh"}[d.IntN(2)]}},
		{FromCatalog, []string{tagScaling, id("u"), []string{"null", `{"on_hydration": {"hydration_size": "50cc"}}`}[d.IntN(2)], null}},
		{FromCatalog, []string{tagReconfigure, id("u"), "in-progress", "1795904472187", `{"size": "50cc", "replication_factor": 2}`}},
		{FromCatalog, []string{tagSize, []string{"25cc", "50cc"}[d.IntN(2)], "1", "2", []string{"0.25", "0.5"}[d.IntN(2)]}},
		{FromCatalog, []string{tagRole, id("r"), []string{"joe", "Joe", "ann"}[d.IntN(3)], yes}},
		{FromCatalog, []string{tagMember, id("r"), id("r")}},
		{FromCatalog, []string{tagDatabase, "u1", "materialize"}},
		{FromCatalog, []string{tagSchema, "u3", "u1"}},
		{FromCatalog, []string{tagTable, id("t"), "t", "u3", id("r"), "{u1=arwd/u1,=r/u1}"}},
		{FromTables, []string{tagStrategy, []string{"u1", "u2", "*", "nobody", null}[d.IntN(5)], "burst", `{"a": ` + strconv.Itoa(d.IntN(2)) + `}`, moment}},
		{FromTables, []string{tagState, id("u"), `{"strategies": {}, "replicas": {"u1": "burst"}}`, moment}},
		{FromTables, []string{tagAction, id("a"), id("u"), "CREATE", null, null, []string{"true", null}[d.IntN(2)], moment}},
		{FromTables, []string{tagLease, "1", id("h"), moment}},
	}
	r := rows[d.IntN(len(rows))]
	return r.from, strings.Join(r.row, "\t")
}

// history makes events: rows come and go, several at one timestamp, and never one that is not there.
func history(d *rand.Rand, n int) []event {
	var events []event
	there := map[event]int64{}
	at := Timestamp(1000)
	for range n {
		if d.IntN(3) == 0 {
			at += Timestamp(1 + d.IntN(3))
		}
		from, row := someRow(d)
		key := event{from: from, row: row}
		diff := int64(1)
		if there[key] > 0 && d.IntN(4) > 0 {
			diff = -1
		}
		there[key] += diff
		events = append(events, event{from, at, diff, row})
	}
	return events
}

// Whatever comes when, in batches as the server sends them, gives the pictures that direct reads at those timestamps give.
func TestPicturesAreDirectReads(t *testing.T) {
	t.Parallel()
	ignore := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Status{}, "Born"), cmp.Exporter(func(reflect.Type) bool { return true })}
	pictures := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		events := history(d, 60)
		m := newMirror(nil)
		var told [sources]Timestamp // up to where a subscription has told all
		for i := range told {
			told[i] = events[d.IntN(len(events)/2)].at
			progress(t, m, Source(i), told[i])
			for e, n := range sumsAt(events, Source(i), told[i]) {
				tell(t, m, Source(i), told[i], n, strings.Split(e, "\t")...)
			}
		}
		last := events[len(events)-1].at
		for told[FromCatalog] < last || told[FromTables] < last {
			from := Source(d.IntN(2))
			until := min(last, told[from]+Timestamp(d.IntN(5)))
			batch := slices.DeleteFunc(slices.Clone(events), func(e event) bool { return e.from != from || e.at <= told[from] || e.at > until })
			d.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			slices.SortStableFunc(batch, func(a, b event) int { return int(a.at - b.at) })
			for _, e := range batch {
				tell(t, m, from, e.at, e.diff, strings.Split(e.row, "\t")...)
			}
			told[from] = until
			changes := progress(t, m, from, until+1)
			if changes == nil {
				continue
			}
			pictures++
			if at := min(told[FromCatalog], told[FromTables]); m.Picture().At != at {
				rt.Fatalf("a picture of %d, want %d", m.Picture().At, at)
			}
			if diff := cmp.Diff(direct(t, events, m.Picture().At), m.Picture(), ignore); diff != "" {
				rt.Fatalf("at %d (-read +picture):\n%s", m.Picture().At, diff)
			}
		}
	})
	if pictures == 0 {
		t.Error("no picture was compared")
	}
}

// sumsAt are the rows of a source that are there at a timestamp.
func sumsAt(events []event, from Source, at Timestamp) map[string]int64 {
	sums := map[string]int64{}
	for _, e := range events {
		if e.from == from && e.at <= at {
			if sums[e.row] += e.diff; sums[e.row] == 0 {
				delete(sums, e.row)
			}
		}
	}
	return sums
}

// There is no picture before both subscriptions have told their beginnings, and none of a time that only one of them has told.
func TestFrontier(t *testing.T) {
	t.Parallel()
	m := newMirror(nil)
	steps := []struct {
		from    Source
		at      Timestamp
		row     []string
		picture Timestamp // 0: none yet
	}{
		{FromCatalog, 100, nil, 0},
		{FromCatalog, 100, []string{tagCluster, "u1", "prod", "false", "r1"}, 0},
		{FromCatalog, 101, nil, 0},
		{FromTables, 90, nil, 0},
		{FromTables, 90, []string{tagStrategy, "u1", "burst", "{}"}, 0},
		{FromTables, 91, nil, 0}, // the catalog of 90 is not known
		{FromTables, 101, nil, 100},
		{FromTables, 110, []string{tagStrategy, "u1", "idle_suspend", "{}"}, 100},
		{FromTables, 111, nil, 100},
		{FromTables, 111, nil, 100},
		{FromCatalog, 105, nil, 104},
		{FromCatalog, 120, nil, 110},
	}
	for i, s := range steps {
		diff := int64(1)
		if s.row == nil {
			diff = 0
		}
		changes := tell(t, m, s.from, s.at, diff, s.row...)
		var at Timestamp
		if p := m.Picture(); p != nil {
			at = p.At
		}
		if at != s.picture {
			t.Fatalf("step %d: a picture of %d, want %d (%+v)", i, at, s.picture, changes)
		}
	}
	if n := len(m.Picture().Clusters["u1"].Strategies); n != 2 {
		t.Errorf("%d strategies", n)
	}
}

// A picture that was taken stays as it is; what did not change is shared with the next one.
func TestPicturesDoNotChange(t *testing.T) {
	t.Parallel()
	m := newMirror(nil)
	for _, id := range []string{"u1", "u2"} {
		tell(t, m, FromCatalog, 1, 1, tagCluster, id, "c"+id, "false", "r1")
		tell(t, m, FromCatalog, 1, 1, tagReplica, "u1"+id[1:], id, "r", "25cc")
	}
	progress(t, m, FromTables, 1)
	progress(t, m, FromTables, 2)
	progress(t, m, FromCatalog, 2)
	before := m.Picture()
	tell(t, m, FromCatalog, 5, 1, tagStatus, "u11", "0", "online", "2025-06-01 12:00:00+00")
	tell(t, m, FromCatalog, 5, 1, tagReplica, "u13", "u1", "s", "50cc")
	progress(t, m, FromTables, 6)
	changes := progress(t, m, FromCatalog, 6)
	if diff := cmp.Diff(map[string]bool{"u1": false}, changes.Clusters); diff != "" || changes.All {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	after := m.Picture()
	if before.Clusters["u1"].Statuses[0].Online != 0 || len(before.Clusters["u1"].Replicas) != 1 || before.At != 1 {
		t.Errorf("the picture before: %+v", before.Clusters["u1"])
	}
	c := after.Clusters["u1"]
	if c.Statuses[0].Online != 1 || len(c.Replicas) != 2 || c.Statuses[0].Born != 0 || c.Statuses[1].Born != 5 {
		t.Errorf("the picture after: %+v", c)
	}
	if before.Clusters["u2"] != after.Clusters["u2"] {
		t.Error("a cluster that did not change was made anew")
	}
}

// A subscription that takes away what is not there is wrong about more than that.
func TestContradiction(t *testing.T) {
	t.Parallel()
	m := newMirror(nil)
	tell(t, m, FromCatalog, 1, -1, tagSize, "25cc", "1", "1", "0.25")
	progress(t, m, FromTables, 1)
	progress(t, m, FromTables, 2)
	if _, err := m.Take(FromCatalog, Line{At: 2, Progress: true}); err == nil {
		t.Error("no error")
	}
}

func TestRolesAndGrants(t *testing.T) {
	t.Parallel()
	m := newMirror(nil)
	for _, row := range [][]string{
		{tagRole, "u1", "joe", "f"}, {tagRole, "u2", "Joe", "f"}, {tagRole, "u3", "Ann", "t"}, {tagRole, "u4", "team", "f"}, {tagRole, "u5", "all", "f"},
		{tagMember, "u4", "u1"}, {tagMember, "u5", "u4"}, {tagMember, "u1", "u5"},
		{tagDatabase, "u1", "materialize"}, {tagDatabase, "u2", "other"}, {tagSchema, "u9", "u1"}, {tagSchema, "u8", "u2"},
		{tagTable, "u20", "t", "u9", "u1", "{u1=arwd/u1,=r/u1}"}, {tagTable, "u21", "t", "u8", "u3", `{"p=r/u3"}`}, {tagTable, "u22", "t", "u7", "u3", "{}"},
	} {
		tell(t, m, FromCatalog, 1, 1, row...)
	}
	progress(t, m, FromTables, 1)
	progress(t, m, FromTables, 2)
	progress(t, m, FromCatalog, 2)
	p := m.Picture()
	for user, want := range map[string]engine.Role{
		"joe": {ID: "u1", Name: "joe", MemberOf: []string{"u4", "u5", "u1"}}, "Joe": {ID: "u2", Name: "Joe"}, "JOE": {}, "ann": {ID: "u3", Name: "Ann", Superuser: true}, "nobody": {},
	} {
		if got, _ := p.Roles.Named(user); !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", user, got, want)
		}
	}
	want := []Table{{"t", "materialize", "u1", []Grant{{"u1", "arwd"}, {"", "r"}}}, {"t", "other", "u3", []Grant{{"", "r"}}}}
	if diff := cmp.Diff(want, p.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}
