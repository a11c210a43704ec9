package wire

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
		p := NewParameters(reported)
		for range rapid.IntRange(0, 20).Draw(t, "reports") {
			name, value := text.Draw(t, "name"), text.Draw(t, "value")
			p, want[name] = p.With(name, value), value
		}
		if got := p.All(); !maps.Equal(got, want) {
			t.Fatalf("all are %q, want %q", got, want)
		}
		for name, value := range want {
			if got := p.Get(name); got != value {
				t.Fatalf("%q is %q, want %q, in %q", name, got, value, p)
			}
		}
		if got := p.Get("d"); got != "" {
			t.Fatalf("one that was not reported is %q", got)
		}
	})
}

func TestParametersAreShared(t *testing.T) {
	a := Parameters{}.With("TimeZone", "UTC").With("DateStyle", "ISO").With("TimeZone", "Asia/Tokyo")
	b := Parameters{}.With("TimeZone", "Asia/Tokyo").With("DateStyle", "ISO")
	if a != b {
		t.Errorf("%q and %q are two", a, b)
	}
}
