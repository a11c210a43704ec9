package engine_test

import (
	"encoding/json"
	"strings"
	"testing"

	"mzproxy/engine"
)

// A snapshot that cannot be used: the error is one line that names the place.
func TestParseSnapshotFaults(t *testing.T) {
	const now = `"now": "2025-06-01T12:00:00Z"`
	cluster := func(fields string) string {
		return `{` + now + `, "clusters": [{"id": "u1", "name": "a"}, {"id": "u2", "name": "b", ` + fields + `}]}`
	}
	replica := func(fields string) string {
		return cluster(`"replicas": [{"name": "r", "size": "s"}, {"name": "q", "size": "s", ` + fields + `}]`)
	}
	row := func(fields string) string { return cluster(`"strategies": [{"type": "burst", ` + fields + `}]`) }
	for in, want := range map[string]string{
		``:                                `snapshot: not JSON at line 1, column 1: it ends too early`,
		"\n {":                            `snapshot: not JSON at line 2, column 3: it ends too early`,
		"{\n \"now\": x}":                 `snapshot: not JSON at line 2, column 9: invalid character 'x' looking for beginning of value`,
		`{` + now + `} {}`:                `snapshot: not JSON at line 1, column 33: something follows the document`,
		`{` + now + `}}`:                  `snapshot: not JSON at line 1, column 32: something follows the document`,
		"{\"a\": \"\ufffd\xff\"}":         `snapshot: not UTF-8 at line 1, column 11`,
		"\xef\xbb\xbf{}":                  `snapshot: not JSON at line 1, column 1: invalid character 'ï' looking for beginning of value`,
		`[]`:                              `snapshot: not an object`,
		`null`:                            `snapshot: not an object`,
		`{}`:                              `now: missing`,
		`{"NOW": "2025-06-01T12:00:00Z"}`: `now: missing`,
		`{"now": null}`:                   `now: missing`,
		`{"now": 5}`:                      `now: not a timestamp`,
		`{"now": "today"}`:                `now: not an RFC 3339 timestamp: "today"`,
		`{` + now + `, "enable_experimental": "yes"}`:                                                    `enable_experimental: not true or false`,
		`{` + now + `, "sizes": {}}`:                                                                     `sizes: not a list`,
		`{` + now + `, "sizes": [1]}`:                                                                    `sizes[0]: not an object`,
		`{` + now + `, "sizes": [null]}`:                                                                 `sizes[0]: not an object`,
		`{` + now + `, "sizes": [{"processes": 1, "workers": 1}]}`:                                       `sizes[0].size: missing`,
		`{` + now + `, "sizes": [{"size": "s", "workers": 1}]}`:                                          `sizes[0].processes: missing`,
		`{` + now + `, "sizes": [{"size": "s", "processes": 1}]}`:                                        `sizes[0].workers: missing`,
		`{` + now + `, "sizes": [{"size": "s", "processes": 1.5}]}`:                                      `sizes[0].processes: not an integer: 1.5`,
		`{` + now + `, "sizes": [{"size": "s", "processes": "1"}]}`:                                      `sizes[0].processes: not a number`,
		`{` + now + `, "sizes": [{"size": "s", "processes": 1, "workers": 1, "credits_per_hour": "1"}]}`: `sizes[0].credits_per_hour: not a number`,
		`{` + now + `, "clusters": "none"}`:                                                              `clusters: not a list`,
		`{` + now + `, "clusters": [{"name": "a"}]}`:                                                     `clusters[0].id: missing`,
		`{` + now + `, "clusters": [{"id": "u1"}]}`:                                                      `clusters[0].name: missing`,
		`{` + now + `, "clusters": [{"id": 1, "name": "a"}]}`:                                            `clusters[0].id: not a string`,
		cluster(`"id": "u1"`):                                                                            `clusters[1].id: "u1" is there twice`,
		cluster(`"managed": 0`):                                                                          `clusters[1].managed: not true or false`,
		cluster(`"objects": "0"`):                                                                        `clusters[1].objects: not a number`,
		cluster(`"objects": 0.5`):                                                                        `clusters[1].objects: not an integer: 0.5`,
		cluster(`"last_activity": "2025-06-01"`):                                                         `clusters[1].last_activity: not an RFC 3339 timestamp: "2025-06-01"`,
		cluster(`"last_activity": false`):                                                                `clusters[1].last_activity: not a timestamp`,
		cluster(`"replicas": {}`):                                                                        `clusters[1].replicas: not a list`,
		cluster(`"strategies": {}`):                                                                      `clusters[1].strategies: not a list`,
		cluster(`"state": []`):                                                                           `clusters[1].state: not an object`,
		cluster(`"replicas": [{"size": "s"}]`):                                                           `clusters[1].replicas[0].name: missing`,
		cluster(`"replicas": [{"name": "r"}]`):                                                           `clusters[1].replicas[0].size: missing`,
		replica(`"name": "r"`):                                                                           `clusters[1].replicas[1].name: "r" is there twice`,
		replica(`"hydrated": "yes"`):                                                                     `clusters[1].replicas[1].hydrated: not true or false`,
		replica(`"online": 1`):                                                                           `clusters[1].replicas[1].online: not true or false`,
		replica(`"oom_count": true`):                                                                     `clusters[1].replicas[1].oom_count: not a number`,
		replica(`"crash_count": 1.5`):                                                                    `clusters[1].replicas[1].crash_count: not an integer: 1.5`,
		replica(`"created_at": 5`):                                                                       `clusters[1].replicas[1].created_at: not a timestamp`,
		cluster(`"strategies": [{"config": {}}]`):                                                        `clusters[1].strategies[0].type: missing`,
		row(`"type": 5`):                                                                                 `clusters[1].strategies[0].type: not a string`,
		row(`"updated_at": "now"`):                                                                       `clusters[1].strategies[0].updated_at: not an RFC 3339 timestamp: "now"`,
		cluster(`"created_by": {"r": 5}`):                                                                `clusters[1].created_by: not a string: 5`,
		cluster(`"obligations": {"sinks": "1"}`):                                                         `clusters[1].obligations.sinks: not a number`,
		`{` + now + `, "limits": {"max_replicas_per_cluster": 1.5}}`:                                     `limits.max_replicas_per_cluster: not an integer: 1.5`,
		`{` + now + `, "limits": []}`:                                                                    `limits: not an object`,
		`{` + now + `, "now": "` + strings.Repeat("x", 500) + "\\n\"}":                                   `now: not an RFC 3339 timestamp: "` + strings.Repeat("x", 56) + `...`,
	} {
		_, err := engine.ParseSnapshot([]byte(in))
		if err == nil || err.Error() != want {
			t.Errorf("%s\n  gives %v\n  want  %s", in, err, want)
		}
	}
}

// Whatever is wrong inside a config or a payload is never the snapshot's fault.
func TestParseSnapshotLeavesConfigsAlone(t *testing.T) {
	for _, value := range []string{`null`, `1`, `"x"`, `[]`, `[{}]`, `true`, `{"target_size": null}`, `{"cooldown_s": "x"}`} {
		in := `{"now": "2025-06-01T12:00:00Z", "clusters": [{"id": "u1", "name": "a", "strategies": [{"type": "target_size", "config": ` + value + `}], "state": {"burst": ` + value + `}}]}`
		var plan struct {
			Clusters []struct {
				Errors []struct{ Strategy, Code string }
				State  map[string]json.RawMessage
			}
		}
		if err := json.Unmarshal(planJSON(t, []byte(in)), &plan); err != nil {
			t.Fatal(err)
		}
		c := plan.Clusters[0]
		if len(c.Errors) != 1 || c.Errors[0].Strategy != "target_size" || c.Errors[0].Code != "bad_config" {
			t.Errorf("config %s: errors %v", value, c.Errors)
		}
		if compact(t, c.State["burst"]) != compact(t, []byte(value)) {
			t.Errorf("payload %s is handed on as %s", value, c.State["burst"])
		}
	}
}

// null means the default, and fields that nobody knows are ignored.
func TestParseSnapshotDefaults(t *testing.T) {
	bare := `{"now": "2025-06-01T12:00:00Z", "clusters": [{"id": "u1", "name": "a", "replicas": [{"name": "r", "size": "s"}], "strategies": [{"type": "burst"}]}]}`
	nulls := `{"now": "2025-06-01T12:00:00Z", "enable_experimental": null, "sizes": null, "x": {}, "limits": null, "observe": null,
		"clusters": [{"id": "u1", "name": "a", "managed": null, "objects": null, "last_activity": null, "state": null, "Id": 7, "created_by": null, "obligations": null,
			"control": null, "native": null, "recent_actions": null, "activity_unknown": null,
			"replicas": [{"name": "r", "size": "s", "hydrated": null, "online": null, "oom_count": null, "crash_count": null, "created_at": null, "x": 1}],
			"strategies": [{"type": "burst", "updated_at": null, "x": [1]}]}]}`
	if a, b := planJSON(t, []byte(bare)), planJSON(t, []byte(nulls)); string(a) != string(b) {
		t.Errorf("null is not the default:\n%s\n%s", a, b)
	}
	if got := string(planJSON(t, []byte(`{"now": "2025-06-01T12:00:00Z"}`))); compact(t, []byte(got)) != `{"now":"2025-06-01T12:00:00Z","clusters":[]}` {
		t.Errorf("nothing gives %s", got)
	}
}
