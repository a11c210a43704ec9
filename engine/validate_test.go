package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/strategy"
)

func registry() *engine.Registry { return engine.NewRegistry(strategy.All()...) }

func options() engine.ValidateOptions {
	return engine.ValidateOptions{Sizes: enginetest.Sizes, SizeAliases: map[string]string{"medium": "100cc", "broken": "gone"}, EnableExperimental: true}
}

// Every key of every type takes what it should, and nothing else. A plan says the same of the value.
func TestValidateValues(t *testing.T) {
	size := values{good: `"25cc" "M.1-small" "xlarge" "medium"`, bad: `"25CC" "gone" "" " 25cc" "broken" 25 null true [] {}`}
	text := values{good: `"main" " " "it's" "ü"`, bad: `"" 1 null false [] {}`}
	notNegative := values{good: `0 0.0 1 0.5 1e9 1e400 -0`, bad: `-1 -1e-400 "1" "" null true [] {}`}
	positive := values{good: `1 0.001 1e-400 3600`, bad: `0 -0.0 0e5 -1 "1h" null true [] {}`}
	count := values{good: `1 2 1.0 1e2 10e-1 1e400`, bad: `0 0.5 1.5 -1 1e-1 "1" null true [] {}`}
	few := values{good: `1 2 1.0 1e2 10e-1`, bad: `0 0.5 1.5 -1 101 1e400 "1" null true [] {}`}
	yesNo := values{good: `true false`, bad: `"true" 1 0 null [] {}`}
	moment := values{good: `"2025-06-01T12:00:00Z" "2025-06-01T12:00:00.123456789012+02:00"`, bad: `"2025-06-01" "tomorrow" "" 1 null true [] {}`}
	required := map[string]string{
		"target_size": `"target_size": "25cc"`, "shrink_to_fit": `"max_replica_size": "25cc"`, "burst": `"burst_replica_size": "25cc"`, "idle_suspend": `"idle_after_s": 60`,
	}
	table := map[string]values{
		"target_size.target_size": size, "target_size.replica_name": text, "target_size.cooldown_s": notNegative,
		"target_size.replicas": few, "target_size.resize_timeout_s": positive,
		"shrink_to_fit.max_replica_size": size, "shrink_to_fit.min_oom_count": count, "shrink_to_fit.min_crash_count": count, "shrink_to_fit.cooldown_s": notNegative,
		"burst.burst_replica_size": size, "burst.max_duration_s": positive, "burst.cooldown_s": notNegative,
		"idle_suspend.idle_after_s": positive, "idle_suspend.allow_stop_maintenance": yesNo, "idle_suspend.cooldown_s": notNegative,
		"pause.until": moment, "pause.reason": text, "pause.by": text,
	}
	tried := 0
	for _, info := range registry().Types() {
		for _, p := range info.Parameters {
			tried++
			values, ok := table[info.Name+"."+p.Name]
			if !ok {
				t.Errorf("%s.%s has no values to try", info.Name, p.Name)
			}
			for value, good := range values.each() {
				config := `{"` + p.Name + `": ` + value + `}`
				if more, ok := required[info.Name]; ok && !strings.HasPrefix(more, `"`+p.Name+`"`) {
					config = `{` + more + `, "` + p.Name + `": ` + value + `}`
				}
				problems := registry().Validate(info.Name, []byte(config), options())
				if good != (len(problems) == 0) {
					t.Errorf("%s %s: %v", info.Name, config, problems)
				}
				for _, problem := range problems {
					checkWords(t, problem)
					if problem.Key != p.Name || !problem.OnValue {
						t.Errorf("%s %s: the fault is at %q, value: %t", info.Name, config, problem.Key, problem.OnValue)
					}
				}
				s := enginetest.Snapshot(enginetest.Cluster("prod", enginetest.Strategy(info.Name, config)))
				plan := engine.Planner{Registry: registry(), SizeAliases: options().SizeAliases}.Plan(s).Clusters[0]
				if good != (len(plan.Problems) == 0) {
					t.Errorf("%s %s: the plan says %v", info.Name, config, plan.Problems)
				}
			}
		}
	}
	if tried != len(table) {
		t.Errorf("%d parameters of %d", tried, len(table))
	}
}

// values are JSON values, separated by spaces (those that hold spaces are texts of spaces only, or end in them).
type values struct{ good, bad string }

func (v values) each() map[string]bool {
	list := map[string]bool{}
	for text, good := range map[string]bool{v.good: true, v.bad: false} {
		for text != "" {
			var value string
			if text[0] == '"' {
				end := strings.IndexByte(text[1:], '"') + 2
				value, text = text[:end], strings.TrimPrefix(text[end:], " ")
			} else {
				value, text, _ = strings.Cut(text, " ")
			}
			list[value] = good
		}
	}
	return list
}

// checkWords: PostgreSQL's style, every fault with words that help.
func checkWords(t *testing.T, p engine.ConfigProblem) {
	t.Helper()
	if p.Message == "" || strings.ContainsAny(p.Message, "\n") || strings.HasSuffix(p.Message, ".") || strings.ToLower(p.Message[:1]) != p.Message[:1] {
		t.Errorf("message %q", p.Message)
	}
	if p.Detail+p.Hint == "" {
		t.Errorf("%q has neither detail nor hint", p.Message)
	}
	for _, sentence := range []string{p.Detail, p.Hint} {
		if sentence != "" && !strings.HasSuffix(sentence, ".") {
			t.Errorf("%q is no sentence", sentence)
		}
	}
}

func TestValidate(t *testing.T) {
	off := func(o *engine.ValidateOptions) { o.EnableExperimental = false }
	noSizes := func(o *engine.ValidateOptions) { o.Sizes, o.SizeAliases = nil, nil }
	for _, test := range []struct {
		rule, kind, config string
		with               func(*engine.ValidateOptions)
		want               []string // "CODE KEY: MESSAGE | DETAIL | HINT"
	}{
		{rule: "fine", kind: "target_size", config: `{"target_size": "25cc"}`},
		{rule: "fine, white space around", kind: "target_size", config: " \n{\"target_size\": \"25cc\"}\t"},
		{rule: "pause is a type", kind: "pause", config: `{}`},
		{rule: "every size where none is known", kind: "burst", config: `{"burst_replica_size": "huge"}`, with: noSizes},
		{rule: "but for the largest of a ladder", kind: "shrink_to_fit", config: `{"max_replica_size": "huge"}`, with: noSizes,
			want: []string{`unknown_size max_replica_size: unknown replica size "huge" | The server does not tell which replica sizes there are. | `}},
		{rule: "unknown type", kind: "target_sise", config: `{}`,
			want: []string{`unknown_strategy : unknown strategy type "target_sise" | Strategy types are target_size, shrink_to_fit, burst, idle_suspend, pause. | Perhaps you meant "target_size".`}},
		{rule: "type in capitals", kind: "BURST", config: `{}`,
			want: []string{`unknown_strategy : unknown strategy type "BURST" | Strategy types are target_size, shrink_to_fit, burst, idle_suspend, pause. | Perhaps you meant "burst".`}},
		{rule: "unknown type, nothing like it", kind: "autoscale_by_magic", config: `{}`,
			want: []string{`unknown_strategy : unknown strategy type "autoscale_by_magic" | Strategy types are target_size, shrink_to_fit, burst, idle_suspend, pause. | `}},
		{rule: "experimental", kind: "shrink_to_fit", config: `{"max_replica_size": "25cc"}`, with: off,
			want: []string{`experimental_disabled : strategy "shrink_to_fit" is experimental and not enabled |  | Start the proxy with --enable-experimental to use it.`}},
		{rule: "unknown key", kind: "idle_suspend", config: `{"idle_after_s": 60, "cooldown": 5}`,
			want: []string{`unknown_parameter cooldown: unrecognized parameter "cooldown" for strategy "idle_suspend" | Parameters are idle_after_s, allow_stop_maintenance, cooldown_s. | Perhaps you meant "cooldown_s".`}},
		{rule: "missing key", kind: "burst", config: `{}`,
			want: []string{`missing_parameter burst_replica_size: missing parameter "burst_replica_size" for strategy "burst" | "burst_replica_size" is the size of the added replica. | `}},
		{rule: "unknown size", kind: "target_size", config: `{"target_size": "101cc"}`,
			want: []string{`unknown_size target_size: unknown replica size "101cc" | Replica sizes are 25cc, 50cc, 100cc, 400cc, M.1-small, M.1-large, small, xlarge, broken, medium. | Perhaps you meant "100cc".`}},
		{rule: "wrong type", kind: "idle_suspend", config: `{"idle_after_s": "1h"}`,
			want: []string{`invalid_value idle_after_s: invalid value for parameter "idle_after_s": "1h" | "idle_after_s" takes a number > 0, in seconds. | `}},
		{rule: "all faults at once", kind: "target_size", config: `{"targetsize": "25cc", "replica_name": "", "zzz": 1}`, want: []string{
			`unknown_parameter targetsize: unrecognized parameter "targetsize" for strategy "target_size" | Parameters are target_size, replica_name, replicas, resize_timeout_s, cooldown_s. | Perhaps you meant "target_size".`,
			`unknown_parameter zzz: unrecognized parameter "zzz" for strategy "target_size" | Parameters are target_size, replica_name, replicas, resize_timeout_s, cooldown_s. | `,
			`missing_parameter target_size: missing parameter "target_size" for strategy "target_size" | "target_size" is the size of the replica to keep. | `,
			`invalid_value replica_name: invalid value for parameter "replica_name": "" | "replica_name" takes a non-empty string. | `,
		}},
		{rule: "not JSON", kind: "burst", config: `{"burst_replica_size": 25cc}`,
			want: []string{`not_json : invalid input syntax for type json | Invalid character 'c' after object key:value pair. | `}},
		{rule: "empty", kind: "burst", config: ``, want: []string{`not_json : invalid input syntax for type json | Unexpected end of JSON input. | `}},
		{rule: "something follows", kind: "burst", config: `{"burst_replica_size": "25cc"} x`,
			want: []string{`not_json : invalid input syntax for type json | Invalid character 'x' after top-level value. | `}},
		{rule: "not an object", kind: "burst", config: `["25cc"]`,
			want: []string{`invalid_value : config is not an object: ["25cc"] |  | A config is a JSON object, for example {"target_size": "100cc"}.`}},
		{rule: "null", kind: "burst", config: `null`,
			want: []string{`invalid_value : config is not an object: null |  | A config is a JSON object, for example {"target_size": "100cc"}.`}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			o := options()
			if test.with != nil {
				test.with(&o)
			}
			var got []string
			for _, p := range registry().Validate(test.kind, []byte(test.config), o) {
				checkWords(t, p)
				got = append(got, string(p.Code)+" "+p.Key+": "+p.Message+" | "+p.Detail+" | "+p.Hint)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestValidatePointsIntoJSON(t *testing.T) {
	for config, offset := range map[string]int64{`{"a": 25cc}`: 8, `{"a" 1}`: 5, `{`: 1, ``: 0, `{} x`: 3} {
		problems := registry().Validate("burst", []byte(config), options())
		if len(problems) != 1 || problems[0].Offset != offset {
			t.Errorf("%s: %+v, want offset %d", config, problems, offset)
		}
	}
}

func TestPerhaps(t *testing.T) {
	candidates := []string{"prod", "staging", "cluster-123"}
	for name, want := range map[string]string{
		"prd": "prod", "pord": "prod", "PROD": "prod", "production": "", "stagging": "staging", "cluster-12": "cluster-123", "cluster_123": "cluster-123", "x": "", "": "",
		strings.Repeat("x", 5000): "",
	} {
		if want != "" {
			want = `Perhaps you meant "` + want + `".`
		}
		if got := engine.Perhaps(name, candidates); got != want {
			t.Errorf("%.20s: %q, want %q", name, got, want)
		}
	}
}

func TestTypesAreComplete(t *testing.T) {
	var names []string
	for _, info := range registry().Types() {
		names = append(names, info.Name)
		if info.Summary == "" {
			t.Errorf("%s has no summary", info.Name)
		}
		for _, p := range info.Parameters {
			if p.Meaning == "" || p.Kind == "" || !p.Required && p.Default == "" && p.Kind != engine.KindText {
				t.Errorf("%s.%s is not described: %+v", info.Name, p.Name, p)
			}
		}
	}
	if got, want := strings.Join(names, " "), "target_size shrink_to_fit burst idle_suspend pause"; got != want {
		t.Errorf("types %s, want %s", got, want)
	}
}
