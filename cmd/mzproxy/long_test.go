package main

import (
	"strings"
	"testing"
)

// A text that is too long to be looked at reaches the server as it is. What it
// writes is noticed afterwards, as a write around the proxy.
func TestLongStatement(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	var id string
	if err := w.direct.QueryRow(t.Context(), "SELECT id FROM mz_clusters WHERE name = 'prod'").Scan(&id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.direct.Exec(t.Context(), insertRow, id, "target_size", "{}"); err != nil {
		t.Fatal(err)
	}
	padding := " /* " + strings.Repeat("x", 17<<20) + " */"
	for _, m := range []struct {
		name string
		run  func(c *client, text string) error
	}{
		{"simple", func(c *client, text string) error { return c.Exec(t.Context(), text).Close() }},
		{"extended", func(c *client, text string) error {
			_, err := c.ExecParams(t.Context(), text, nil, nil, nil, nil).Close()
			return err
		}},
	} {
		size := map[string]string{"simple": "small", "extended": "medium"}[m.name]
		c := connect(t, w)
		if err := m.run(c, `UPDATE mz_cluster_strategies SET config = '{"target_size": "`+size+`"}', updated_at = now()`+padding); err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		w.until(t, "SELECT count(*) = 1 FROM mz_cluster_replicas WHERE name = 'r_"+size+"'")
		if len(c.notices) > 0 {
			t.Errorf("%s: %q for what was not looked at", m.name, c.notices)
		}
	}
}
