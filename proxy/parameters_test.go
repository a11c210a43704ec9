package proxy

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// Parameters behave as a map does, in the order of their first report.
func TestParameters(t *testing.T) {
	text := rapid.StringMatching(`[a-c]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]string{}
		var reported []byte
		for range rapid.IntRange(0, 5).Draw(t, "reported at first") {
			name, value := text.Draw(t, "name"), text.Draw(t, "value")
			reported = append(reported, name+"\x00"+value+"\x00"...)
			want[name] = value
		}
		p := parametersFrom(reported)
		for range rapid.IntRange(0, 20).Draw(t, "reports") {
			name, value := text.Draw(t, "name"), text.Draw(t, "value")
			p, want[name] = p.with(name, value), value
		}
		if got := p.all(); !maps.Equal(got, want) {
			t.Fatalf("all are %q, want %q", got, want)
		}
		for name, value := range want {
			if got := p.get(name); got != value {
				t.Fatalf("%q is %q, want %q, in %q", name, got, value, p)
			}
		}
		if got := p.get("d"); got != "" {
			t.Fatalf("one that was not reported is %q", got)
		}
	})
}

func TestParametersAreShared(t *testing.T) {
	a := parameters{}.with("TimeZone", "UTC").with("DateStyle", "ISO").with("TimeZone", "Asia/Tokyo")
	b := parameters{}.with("TimeZone", "Asia/Tokyo").with("DateStyle", "ISO")
	if a != b {
		t.Errorf("%q and %q are two", a, b)
	}
}
