package main

import (
	"strings"
	"testing"
)

// Statements that are prepared by a Parse message and by SQL's PREPARE have one name space, and are checked
// however they are executed: as long as the name stands for them, and not a moment longer.
func TestPreparedNames(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	const (
		write   = "INSERT INTO mz_cluster_strategies VALUES ($1, 'target_size', $2)"
		ours    = "PREPARE p AS " + write
		harmful = "SELECT $1::text, $2::jsonb"
		config  = `{"target_size": "small"}`

		checked = "42704" // the cluster is not there
		passed  = ""      // the server executes what it is
		unknown = "XX000" // there is no such statement; of a Bind message the code is the protocol's
	)
	for _, test := range []struct {
		name  string
		steps []string // SQL; "parse: " and SQL, as p; or "close"
		want  string
	}{
		{"by SQL", []string{ours}, checked},
		{"by a message", []string{"parse: " + write}, checked},
		{"never", []string{"SELECT 1"}, unknown},
		{"under another name", []string{"PREPARE q AS " + write}, unknown},
		{"by a message, another statement", []string{"parse: " + harmful}, passed},
		{"by SQL, deallocated", []string{ours, "DEALLOCATE p"}, unknown},
		{"by SQL, closed", []string{ours, "close"}, unknown},
		{"by a message, deallocated", []string{"parse: " + write, "DEALLOCATE PREPARE p"}, unknown},
		{"by a message, closed", []string{"parse: " + write, "close"}, unknown},
		{"by SQL, closed, another one by a message", []string{ours, "close", "parse: " + harmful}, passed},
		{"by a message, deallocated among others, another one by SQL", []string{"parse: " + write, "SELECT 1; DEALLOCATE p; SELECT 2", "PREPARE p AS " + harmful}, passed},
		{"by a message, and again by SQL", []string{"parse: " + write, "DEALLOCATE p; " + ours}, checked},
		{"by SQL, all deallocated", []string{ours, "DEALLOCATE ALL"}, unknown},
		{"by a message, discarded", []string{"parse: " + write, "DISCARD ALL"}, unknown},
		{"by SQL behind all that was deallocated", []string{"DEALLOCATE ALL; " + ours}, checked},
		{"by SQL, plans discarded", []string{ours, "DISCARD PLANS"}, checked},
		{"by SQL, another one deallocated", []string{ours, "PREPARE q AS SELECT 1", "DEALLOCATE q"}, checked},
		{"by SQL, another one in its place", []string{ours, "DEALLOCATE p", "PREPARE p AS " + harmful}, passed},
		{"by SQL, and refused a second time", []string{ours, "PREPARE p AS SELECT 1"}, checked},
		{"refused by the server", []string{"PREPARE p (nothing) AS " + write}, unknown},
		{"of a name that is taken", []string{"PREPARE p AS " + harmful, ours}, passed},
		{"by SQL in a transaction that is undone", []string{"BEGIN", ours, "ROLLBACK"}, checked},
		{"by SQL in the extended protocol", []string{"extended: " + ours}, checked},
		{"by SQL in the extended protocol, deallocated in it", []string{"extended: " + ours, "extended: DEALLOCATE p"}, unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, run := range map[string]func(*client, string) error{
				"EXECUTE": func(c *client, cluster string) error {
					_, err := c.Exec(t.Context(), "EXECUTE p('"+cluster+"', '"+config+"')").ReadAll()
					return err
				},
				"EXECUTE in the extended protocol": func(c *client, cluster string) error {
					return c.ExecParams(t.Context(), "EXECUTE p('"+cluster+"', '"+config+"')", nil, nil, nil, nil).Read().Err
				},
				"Bind": func(c *client, cluster string) error {
					return c.ExecPrepared(t.Context(), "p", values([]string{cluster, config}), nil, nil).Read().Err
				},
			} {
				c := connect(t, w)
				for _, step := range test.steps {
					c.step(t, step)
				}
				want := test.want
				if want == unknown && name == "Bind" {
					want = "26000"
				}
				if got := code(t, run(c, "prd")); got != want {
					t.Errorf("%s gives %q, not %q", name, got, want)
				}
				if test.want != checked {
					continue
				}
				if err := run(c, "staging"); err != nil || !w.holds(t, "SELECT count(*) = 1 FROM mz_cluster_strategies WHERE cluster_id = 'u3'") {
					t.Errorf("%s of a good row: %v, or the name has not become the id", name, err)
				}
				if _, err := w.direct.Exec(t.Context(), "DELETE FROM mz_cluster_strategies"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// step is one of TestPreparedNames. The server may refuse it.
func (c *client) step(t *testing.T, step string) {
	t.Helper()
	kind, text, said := strings.Cut(step, ": ")
	switch {
	case step == "close":
		if err := c.Deallocate(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
	case said && kind == "parse":
		if _, err := c.Prepare(t.Context(), "p", text, nil); err != nil {
			t.Fatal(err)
		}
	case said && kind == "extended":
		if err := c.ExecParams(t.Context(), text, nil, nil, nil, nil).Read().Err; err != nil {
			t.Fatal(err)
		}
	default:
		_, err := c.Exec(t.Context(), step).ReadAll()
		_ = code(t, err)
	}
}

// code is the SQLSTATE of an error; empty: there is none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	return serverError(t, err).Code
}
