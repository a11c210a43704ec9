package intercept_test

import (
	"testing"

	"mzproxy/proxy"
)

// A name that was prepared for a write is ours until it is deallocated, or stands for something
// else: a statement may also have been closed by a message that nobody here sees.
func TestPreparedNames(t *testing.T) {
	const ours = "PREPARE p (text) AS DELETE FROM mz_cluster_strategies WHERE cluster_id = $1"
	for _, test := range []struct {
		name       string
		statements []string
		ours       bool
	}{
		{"prepared", []string{ours}, true},
		{"never prepared", nil, false},
		{"another name", []string{"PREPARE q AS " + ours[len("PREPARE p (text) AS "):]}, false},
		{"deallocated", []string{ours, "DEALLOCATE p"}, false},
		{"all deallocated", []string{ours, "DEALLOCATE PREPARE ALL"}, false},
		{"discarded", []string{ours, "DISCARD ALL"}, false},
		{"plans discarded", []string{ours, "DISCARD PLANS"}, true},
		{"another one deallocated", []string{ours, "DEALLOCATE q"}, true},
		{"prepared for something else", []string{ours, "PREPARE p (text) AS SELECT $1"}, false},
		{"prepared again", []string{ours, "PREPARE p (text) AS SELECT $1", ours}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			for _, sql := range test.statements {
				if r.handler.Wants([]byte(sql)) {
					if out := r.run(t.Context(), sql, func() string { return "DONE" }); out.err != nil {
						t.Fatal(out)
					}
				}
			}
			const execute = "EXECUTE p('prod')"
			replaced := ""
			if r.handler.Wants([]byte(execute)) {
				verdicts, err := r.handler.Intercept(t.Context(), proxy.Query{Text: execute, TxStatus: 'I'})
				if err != nil {
					t.Fatal(err)
				}
				replaced = verdicts[0].Text
			}
			if want := map[bool]string{true: "EXECUTE p('u2')"}[test.ours]; replaced != want {
				t.Errorf("becomes %q, not %q", replaced, want)
			}
		})
	}
}
