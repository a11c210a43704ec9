package intercept

import (
	"context"

	"mzproxy/engine"
	"mzproxy/proxy"
)

// showTypes answers SHOW STRATEGY TYPES from the tables that validation uses.
func (h *handler) showTypes() *proxy.Answer {
	return h.answer(columns("strategy", "parameter", "type", "default", "unit", "meaning"), "", func(_ context.Context, t *table) error {
		for _, info := range h.cfg.Registry.Types() {
			summary := info.Summary
			if info.Experimental {
				summary += " (experimental)"
			}
			t.add(text(info.Name), nil, nil, nil, nil, text(summary))
			for _, p := range info.Parameters {
				t.add(text(info.Name), text(p.Name), text(kind(p)), text(fallback(p)), orNull(p.Unit), text(p.Meaning))
			}
		}
		return nil
	})
}

func kind(p engine.ParameterInfo) string {
	if p.Least != "" {
		return string(p.Kind) + " " + p.Least
	}
	return string(p.Kind)
}

func fallback(p engine.ParameterInfo) string {
	switch {
	case p.Required:
		return "(required)"
	case p.Default == "":
		return "(none)"
	}
	return p.Default
}
