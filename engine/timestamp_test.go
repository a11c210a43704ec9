package engine_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"mzproxy/engine"
)

func TestParseTimestamp(t *testing.T) {
	for in, want := range map[string]string{
		"2025-06-01T12:00:00Z":                                      "2025-06-01T12:00:00Z",
		"2025-06-01t12:00:00z":                                      "2025-06-01T12:00:00Z",
		"2025-06-01T12:00:00.000Z":                                  "2025-06-01T12:00:00Z",
		"2025-06-01T12:00:00.250Z":                                  "2025-06-01T12:00:00.25Z",
		"2025-06-01T12:00:00.000000000000000000000000000000000001Z": "2025-06-01T12:00:00.000000000000000000000000000000000001Z",
		"2025-06-01T12:00:00.9999999999Z":                           "2025-06-01T12:00:00.9999999999Z",
		"2025-06-01T14:00:00+02:00":                                 "2025-06-01T12:00:00Z",
		"2025-06-01T00:30:00.5-23:59":                               "2025-06-02T00:29:00.5Z",
		"2025-06-01T12:00:00-00:00":                                 "2025-06-01T12:00:00Z",
		"2024-02-29T23:59:59+00:00":                                 "2024-02-29T23:59:59Z",
		"0000-01-01T00:00:00Z":                                      "0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59.9Z":                                    "9999-12-31T23:59:59.9Z",
		"1990-12-31T23:59:60Z":                                      "1991-01-01T00:00:00Z", // a leap second
		"1990-12-31T15:59:60.5-08:00":                               "1991-01-01T00:00:00.5Z",
	} {
		got, err := engine.ParseTimestamp(in)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "now", "2025-06-01", "2025-06-01T12:00Z", "2025-06-01T12:00:00", "2025-06-01 12:00:00Z", "2025-06-01T12:00:00.Z", "2025-06-01T12:00:00,5Z",
		"2025-6-1T12:00:00Z", "2025-06-01T24:00:00Z", "2025-06-01T12:60:00Z", "2025-06-01T12:00:61Z", "2025-13-01T12:00:00Z", "2025-00-01T12:00:00Z",
		"2025-06-31T12:00:00Z", "2025-02-29T12:00:00Z", "2025-06-00T12:00:00Z", "2025-06-01T12:00:00+24:00", "2025-06-01T12:00:00+02:60", "2025-06-01T12:00:00+02",
		"2025-06-01T12:00:00+0200", " 2025-06-01T12:00:00Z", "2025-06-01T12:00:00Z\n", "12025-06-01T12:00:00Z", "-025-06-01T12:00:00Z", "２025-06-01T12:00:00Z",
		"1990-12-31T23:59:60+01:00", "2025-06-01T12:00:60Z", "1990-12-30T23:59:60Z", // no leap seconds there
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", // not to be written in UTC
	} {
		if got, err := engine.ParseTimestamp(in); err == nil {
			t.Errorf("%q: %v, want an error", in, got)
		}
	}
}

func TestTimestampSince(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{"2025-06-01T12:00:00Z", "2025-06-01T12:00:00Z", "0"},
		{"2025-06-01T12:00:00.5Z", "2025-06-01T12:00:01.25Z", "0.75"},
		{"2025-06-01T12:00:00.00000000000000001Z", "2025-06-01T12:00:01Z", "0.99999999999999999"},
		{"2025-06-01T12:00:01Z", "2025-06-01T12:00:00Z", "-1"},
		{"0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "315569519999"},
	} {
		want, _ := new(big.Rat).SetString(test.want)
		if got := timestamp(t, test.to).Since(timestamp(t, test.from)); got.Rat().Cmp(want) != 0 {
			t.Errorf("%s since %s: %s, want %s", test.to, test.from, got.Rat(), want)
		}
	}
}

func timestamp(t interface{ Fatal(...any) }, text string) engine.Timestamp {
	ts, err := engine.ParseTimestamp(text)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

func TestTimestampAdd(t *testing.T) {
	start := timestamp(t, "2025-06-01T12:00:00.5Z")
	for later, want := range map[string]string{
		"2025-06-01T12:00:00.5Z": "2025-06-01T12:00:00.5Z", "2025-06-01T12:01:00.5Z": "2025-06-01T12:01:00.5Z",
		"2025-06-01T11:59:59.5Z": "2025-06-01T11:59:59.5Z", "2025-06-01T12:00:00.75Z": "2025-06-01T12:00:00.75Z",
		"2025-06-01T12:00:00.50000000011Z": "2025-06-01T12:00:00.500000001Z", // up to the next nanosecond
	} {
		if got, ok := start.Add(timestamp(t, later).Since(start)); !ok || got.String() != want {
			t.Errorf("to %s: %v, %t, want %s", later, got, ok, want)
		}
	}
	if got, ok := start.Add(engine.Whole(1e15)); ok {
		t.Errorf("the far future is %v", got)
	}
	if got, ok := start.Add(engine.Whole(7_000_000_000)); ok {
		t.Errorf("in 221 years it is %v", got)
	}
}

// What is written is read as the same moment, and comparing agrees with the distance.
func TestTimestampProperties(t *testing.T) {
	moments := rapid.StringMatching(`(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,14})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := timestamp(t, moments.Draw(t, "a")), timestamp(t, moments.Draw(t, "b"))
		if again := timestamp(t, a.String()); again != a || again.String() != a.String() {
			t.Fatalf("%v is read as %v", a, again)
		}
		if c, d := a.Compare(b), a.Since(b).Sign(); c != d {
			t.Fatalf("%v and %v: Compare %d, Since %d", a, b, c, d)
		}
		if sum, ok := b.Add(a.Since(b)); ok && sum.Compare(a) < 0 {
			t.Fatalf("%v + (%v - it) is %v", b, a, sum)
		}
	})
}
