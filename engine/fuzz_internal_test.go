package engine

import (
	"encoding/json"
	"testing"
)

// Whatever is stored as a config: no panic, and either a fault in one line or values of the right types.
func FuzzParseConfig(f *testing.F) {
	info := TypeInfo{Name: "all", Parameters: []ParameterInfo{
		{Name: "size", Kind: KindSize}, {Name: "text", Kind: KindText}, {Name: "number", Kind: KindNumber, Least: "> 0"}, {Name: "integer", Kind: KindInteger, Least: ">= 1"},
		{Name: "bool", Kind: KindBool}, {Name: "timestamp", Kind: KindTimestamp}, Cooldown,
	}}
	for _, config := range []string{`{}`, `{"size": "a", "text": "b", "number": 1e-9, "integer": 1e2, "bool": true, "timestamp": "2025-06-01T12:00:00Z"}`,
		`{"number": 1e999999999}`, `{"integer": 1.5}`, `null`, `[]`, `{"size": null}`, "\xff", `{} {}`} {
		f.Add([]byte(config))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		config, fault := parseConfig(&info, raw, sizeNames{offered: []Size{{Name: "a"}}})
		if fault != "" {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("%q is no JSON", raw)
		}
		if n := config.Number("number", Whole(1)); n.Sign() <= 0 {
			t.Fatalf("%q: number %s", raw, n.Rat())
		}
		if i := config.Integer("integer", 1); i < 1 {
			t.Fatalf("%q: integer %d", raw, i)
		}
		if size := config.Text("size"); size != "" && size != "a" {
			t.Fatalf("%q: size %q", raw, size)
		}
	})
}

// Whatever is stored as a payload: no panic, and what is stored next is JSON that is read without complaint.
func FuzzReadPayload(f *testing.F) {
	for _, payload := range []string{``, `null`, `{}`, `5`, `{"last_decision_ts": null}`, `{"last_decision_ts": "2025-06-01T12:00:00Z", "kept": 1e400}`, `{"last_decision_ts": 5}`, `{"gave_up": "x"}`, "\xff", `{`} {
		f.Add([]byte(payload), true)
		f.Add([]byte(payload), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, acted bool) {
		p := readPayload(raw)
		next := p.next(Timestamp{}, acted, nil)
		if !json.Valid(next) {
			t.Fatalf("%q leads to %q", raw, next)
		}
		after := readPayload(next)
		if after.bad != "" {
			t.Fatalf("%q leads to %q: %s", raw, next, after.bad)
		}
		if again := after.next(Timestamp{}, acted, nil); !sameJSON(t, again, next) && string(next) != "null" {
			t.Fatalf("%q leads to %q, and that to %q", raw, next, again)
		}
	})
}

// What is read the short way is what the package json reads.
func FuzzDecodePlain(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : "b" , "c":1.50,"d":-0,"e":null ,"f":true,"g":false} `, `{"a":1,"a":2}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e5}`, `{"a":nullx}`,
		`{"a":"\n"}`, "{\"a\":\"\t\"}", `{"a":[]}`, `{"a":"é"}`, "{\"\xff\":1}", `{"a":1,}`, `{,}`, `{} {}`, `[]`, `{"a"`, `{"a":"b}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, ok := decodePlain(raw, nil)
		if !ok {
			return
		}
		tree, err := decodeTree(raw)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if got, want := string(canonical(d.asTree())), string(canonical(tree)); got != want {
			t.Fatalf("%q is read as %s, not %s", raw, got, want)
		}
	})
}

// sameJSON tells whether two texts are the same value.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	x, err := decodeTree(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := decodeTree(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(canonical(x)) == string(canonical(y))
}
