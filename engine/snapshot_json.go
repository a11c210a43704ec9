package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseSnapshot reads the JSON form of a Snapshot. Unknown fields are ignored, and letter case counts. The
// error is one line and names the place of the first fault, as in "clusters[3].replicas[0].size: missing".
//
// It takes
//
//	{"now", "enable_experimental", "sizes": [{"size", "processes", "workers", "credits_per_hour"}],
//	 "clusters": [{"id", "name", "managed", "objects", "last_activity",
//	   "replicas": [{"name", "size", "hydrated", "online", "oom_count", "crash_count"}],
//	   "strategies": [{"type", "config", "updated_at"}], "state": {type: payload},
//	   and of a managed one "size", "replication_factor", "schedule", "hydration_burst", "reconfiguring": {"size", "replication_factor", "since"}}]}
//
// and, for the guards, which stay silent without them,
//
//	{"limits": {"max_replicas_per_cluster", "max_credit_consumption_rate", "credits_in_use"}, "observe",
//	 "withheld_sizes": as sizes, "no_auto_scaling",
//	 "clusters": [{"activity_unknown", "crashes_unknown", "control", "native", "recent_actions", "created_by": {replica: type}, "recorded",
//	   "obligations": {"sinks", "sources", "materialized_views", "indexes", "unknown"}, "pinned_sources": [{"name", "replica"}],
//	   "replicas": [{"created_at", "awaits_sources"}], "burst_unknown", "burst_by", "failed": {"size", "replication_factor", "status"},
//	   "reconfiguring": {"deadline"}}]}
//
// testdata/plans/README.md says what each of the latter means. Required are now, size, processes,
// workers, id, name and type; null stands for the default of every other one. What is wrong inside a
// config or a payload is a Problem of the plan. Integers beyond 64 bits
// count as the nearest one.
func ParseSnapshot(data []byte) (Snapshot, error) {
	tree, err := decodeTree(data)
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot: %w", err)
	}
	r := &reader{}
	s := r.snapshot(tree)
	return s, r.err
}

// reader takes a JSON tree apart. The first fault stays in err, later ones
// are not looked for.
type reader struct{ err error }

func (r *reader) fail(path, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
	}
}

// object is a JSON object with the place where it was found.
type object struct {
	r      *reader
	path   string
	fields map[string]any
}

func (r *reader) object(value any, path string) object {
	fields, ok := value.(map[string]any)
	if !ok {
		r.fail(path, "not an object")
	}
	return object{r, path, fields}
}

func (o object) at(key string) string {
	if o.path == "snapshot" {
		return key
	}
	return o.path + "." + key
}

// value returns a field that is there and not null.
func (o object) value(key string, required bool) (any, bool) {
	v := o.fields[key]
	if v == nil && required {
		o.r.fail(o.at(key), "missing")
	}
	return v, v != nil
}

func field[T any](o object, key, kind string, required bool, fallback T) T {
	v, ok := o.value(key, required)
	if !ok {
		return fallback
	}
	t, ok := v.(T)
	if !ok {
		o.r.fail(o.at(key), "not %s", kind)
		return fallback
	}
	return t
}

func (o object) text(key string, required bool) string {
	return field(o, key, "a string", required, "")
}

func (o object) boolean(key string, fallback bool) bool {
	return field(o, key, "true or false", false, fallback)
}

func (o object) integer(key string, required bool) *int64 {
	n := field(o, key, "a number", required, json.Number(""))
	if n == "" {
		return nil
	}
	i, ok := whole(n)
	if !ok {
		o.r.fail(o.at(key), "not an integer: %s", n)
	}
	return &i
}

func (o object) count(key string, required bool) int64 {
	if i := o.integer(key, required); i != nil {
		return *i
	}
	return 0
}

func (o object) float(key string) float64 {
	n := field(o, key, "a number", false, json.Number("0"))
	// Out of range gives an infinity, which sorts where it should.
	f, _ := strconv.ParseFloat(n.String(), 64)
	return f
}

func (o object) timestamp(key string, required bool) *Timestamp {
	v, ok := o.value(key, required)
	if !ok {
		return nil
	}
	text, ok := v.(string)
	if !ok {
		o.r.fail(o.at(key), "not a timestamp")
		return nil
	}
	t, err := ParseTimestamp(text)
	if err != nil {
		o.r.fail(o.at(key), "%s", err)
		return nil
	}
	return &t
}

// each calls f for every object of a list.
func (o object) each(key string, f func(object)) {
	for i, v := range field(o, key, "a list", false, []any(nil)) {
		if o.r.err != nil {
			return
		}
		f(o.r.object(v, fmt.Sprintf("%s[%d]", o.at(key), i)))
	}
}

func (r *reader) snapshot(tree any) Snapshot {
	o := r.object(tree, "snapshot")
	var s Snapshot
	if now := o.timestamp("now", true); now != nil {
		s.Now = *now
	}
	s.EnableExperimental = o.boolean("enable_experimental", false)
	s.Observe = o.boolean("observe", false)
	s.NoAutoScaling = o.text("no_auto_scaling", false)
	if _, ok := o.value("limits", false); ok {
		l := r.object(o.fields["limits"], "limits")
		s.Limits = Limits{l.count("max_replicas_per_cluster", false), l.float("max_credit_consumption_rate"), l.float("credits_in_use")}
	}
	o.each("sizes", func(o object) { s.Sizes = append(s.Sizes, o.size()) })
	o.each("withheld_sizes", func(o object) { s.Withheld = append(s.Withheld, o.size()) })
	o.each("pauses", func(o object) { s.Pauses = append(s.Pauses, o.row()) })
	ids := map[string]bool{}
	o.each("clusters", func(o object) {
		c := o.cluster()
		if ids[c.ID] {
			r.fail(o.at("id"), "%q is there twice", c.ID)
		}
		ids[c.ID] = true
		s.Clusters = append(s.Clusters, c)
	})
	return s
}

func (o object) size() Size {
	return Size{o.text("size", true), o.count("processes", true), o.count("workers", true), o.float("credits_per_hour")}
}

func (o object) cluster() ClusterState {
	c := ClusterState{
		ID:              o.text("id", true),
		Name:            o.text("name", true),
		Managed:         o.boolean("managed", false),
		Objects:         o.integer("objects", false),
		LastActivity:    o.timestamp("last_activity", false),
		ActivityUnknown: o.text("activity_unknown", false),
		CrashesUnknown:  o.text("crashes_unknown", false),
		Control:         o.boolean("control", false),
		Native:          o.text("native", false),
		RecentActions:   o.count("recent_actions", false),
		Recorded:        o.boolean("recorded", false),
		State:           map[string]json.RawMessage{},
	}
	_, c.Counted = o.value("recent_actions", false)
	o.managed(&c)
	if _, ok := o.value("obligations", false); ok {
		b := o.r.object(o.fields["obligations"], o.at("obligations"))
		c.Obligations = Obligations{b.count("sinks", false), b.count("sources", false), b.count("materialized_views", false), b.count("indexes", false), b.text("unknown", false)}
	}
	for name, creator := range field(o, "created_by", "an object", false, map[string]any(nil)) {
		strategy, ok := creator.(string)
		if !ok {
			o.r.fail(o.at("created_by"), "not a string: %s", abbreviate(creator))
		}
		if c.CreatedBy == nil {
			c.CreatedBy = map[string]string{}
		}
		c.CreatedBy[name] = strategy
	}
	o.each("pinned_sources", func(o object) {
		c.Pinned = append(c.Pinned, PinnedSource{o.text("name", true), o.text("replica", false)})
	})
	slices.SortFunc(c.Pinned, func(a, b PinnedSource) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Replica, b.Replica))
	})
	names := map[string]bool{}
	o.each("replicas", func(o object) {
		replica := o.replica()
		if names[replica.Name] {
			o.r.fail(o.at("name"), "%q is there twice", replica.Name)
		}
		names[replica.Name] = true
		c.Replicas = append(c.Replicas, replica)
	})
	o.each("strategies", func(o object) { c.Strategies = append(c.Strategies, o.row()) })
	for key, payload := range field(o, "state", "an object", false, map[string]any(nil)) {
		c.State[key] = canonical(payload)
	}
	return c
}

// managed reads what there is to know of a managed cluster.
func (o object) managed(c *ClusterState) {
	c.Schedule, c.BurstUnknown, c.BurstBy = o.text("schedule", false), o.text("burst_unknown", false), o.text("burst_by", false)
	shape := Shape{Size: o.text("size", false), Factor: o.factor(), Burst: o.text("hydration_burst", false)}
	if _, ok := o.value("size", false); ok && c.Managed {
		c.Shape = &shape
	}
	if _, ok := o.value("reconfiguring", false); ok {
		r := o.r.object(o.fields["reconfiguring"], o.at("reconfiguring"))
		c.Reconfiguring = &Reconfiguration{r.text("size", true), r.factor(), r.timestamp("since", false), r.timestamp("deadline", false)}
	}
	if _, ok := o.value("failed", false); ok {
		f := o.r.object(o.fields["failed"], o.at("failed"))
		c.Failed = &FailedReconfiguration{f.text("size", true), f.factor(), f.text("status", true)}
	}
}

// factor reads a replication factor, which is 1 where it is not there.
func (o object) factor() int64 {
	if n := o.integer("replication_factor", false); n != nil {
		return *n
	}
	return 1
}

func (o object) row() StrategyRow {
	row := StrategyRow{Type: o.text("type", true), UpdatedAt: o.timestamp("updated_at", false), Config: json.RawMessage("{}")}
	if config, ok := o.fields["config"]; ok { // null is a config, a wrong one
		row.Config = canonical(config)
	}
	return row
}

func (o object) replica() Replica {
	r := Replica{
		Name:       o.text("name", true),
		Size:       o.text("size", true),
		Online:     o.boolean("online", true),
		OOMCount:   o.count("oom_count", false),
		CrashCount: o.count("crash_count", false),
		CreatedAt:  o.timestamp("created_at", false),
	}
	if _, ok := o.value("hydrated", false); ok {
		hydrated := o.boolean("hydrated", false)
		r.Hydrated = &hydrated
	}
	for i, v := range field(o, "awaits_sources", "a list", false, []any(nil)) {
		name, ok := v.(string)
		if !ok {
			o.r.fail(fmt.Sprintf("%s[%d]", o.at("awaits_sources"), i), "not a string")
		}
		r.AwaitsSources = append(r.AwaitsSources, name)
	}
	slices.Sort(r.AwaitsSources)
	return r
}
