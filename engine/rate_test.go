package engine_test

import (
	"strings"
	"testing"
	"time"

	"mzproxy/engine"
)

func TestRate(t *testing.T) {
	for text, want := range map[string]struct {
		rate   engine.Rate
		window string
	}{
		"10/5m":  {engine.Rate{Actions: 10, Within: 5 * time.Minute}, "5 minutes"},
		"1/1m":   {engine.Rate{Actions: 1, Within: time.Minute}, "1 minute"},
		"3/90s":  {engine.Rate{Actions: 3, Within: 90 * time.Second}, "90 seconds"},
		"100/1h": {engine.Rate{Actions: 100, Within: time.Hour}, "60 minutes"},
	} {
		var r engine.Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want.rate || r.Window() != want.window {
			t.Errorf("%s is %+v, %s (%v)", text, r, r.Window(), err)
		}
		var again engine.Rate
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%s is read as %v (%v)", r, again, err)
		}
	}
	for text, want := range map[string]string{
		"": "as in 10/5m", "10": "as in 10/5m", "ten/5m": "as in 10/5m", "10/soon": "as in 10/5m", "10/5": "as in 10/5m",
		"0/5m": "at least one action", "10/2h": "up to 1h", "10/500ms": "whole seconds",
	} {
		if err := new(engine.Rate).UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if got := (engine.Rate{}).String(); got != "10/5m" {
		t.Errorf("the standard rate is %s", got)
	}
}
