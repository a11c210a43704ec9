package intercept_test

import (
	"testing"

	"mzproxy/engine"
	"mzproxy/proxy"
)

const insertForProd = `INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`

// Whether a role is a superuser the session says itself where the catalog does not know: once, and only where something depends on it.
func TestSuperuserBySession(t *testing.T) {
	written := func() string { return "INSERT 0 1" }
	for _, test := range []struct {
		name      string
		role      engine.Role
		session   string // what it shows for is_superuser
		statement string
		code      string
		questions int
	}{
		{"superuser by the session alone", engine.Role{ID: "u8", Name: "admin@example.com"}, "on", insertForProd, "", 1},
		{"no superuser", engine.Role{ID: "u8", Name: "dev"}, "off", insertForProd, "42501", 1},
		{"it cannot be asked", engine.Role{ID: "u8", Name: "dev"}, "", insertForProd, "42501", 6}, // each time, and once more by what is known of now
		{"owner", engine.Role{ID: "u9", Name: "owners"}, "off", insertForProd, "", 0},
		{"member of the owner", engine.Role{ID: "u8", Name: "dev", MemberOf: []string{"u9"}}, "off", insertForProd, "", 0},
		{"superuser by the catalog", engine.Role{ID: "u8", Name: "root", Superuser: true}, "on", insertForProd, "", 0},
		{"rows that show later", engine.Role{ID: "u8", Name: "admin@example.com"}, "on", "INSERT INTO mz_cluster_strategies SELECT * FROM other", "", 1},
		{"pause", engine.Role{ID: "u8", Name: "admin@example.com"}, "on", "PAUSE STRATEGIES FOR CLUSTER prod", "", 1},
		{"pause, no superuser", engine.Role{ID: "u8", Name: "dev"}, "off", "PAUSE STRATEGIES FOR CLUSTER prod", "42501", 1},
		{"may not read", engine.Role{ID: "u8", Name: "stranger"}, "on", "SHOW STRATEGIES", "", 1},
		{"may not read, no superuser", engine.Role{ID: "u8", Name: "stranger"}, "off", "SHOW STRATEGY ACTIONS", "42501", 1},
		{"may read", engine.Role{ID: "u8", Name: "dev"}, "off", "EXPLAIN STRATEGY FOR CLUSTER prod", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.role, r.superuser = test.role, test.session
			for range 3 {
				code := ""
				if err := r.run(t.Context(), test.statement, written).err; err != nil {
					code = err.Code
				}
				if code != test.code {
					t.Errorf("SQLSTATE %q, not %q", code, test.code)
				}
			}
			if r.questions != test.questions {
				t.Errorf("asked %d times, not %d", r.questions, test.questions)
			}
		})
	}
}

// A write whose cluster is a parameter asks when it is bound.
func TestSuperuserAtBind(t *testing.T) {
	r := newRig(t)
	r.role, r.superuser = engine.Role{ID: "u8", Name: "admin@example.com"}, "on"
	verdicts, err := r.handler.Intercept(t.Context(), proxy.Query{Extended: true, TxStatus: 'I', Ask: r.ask,
		Text: "INSERT INTO mz_cluster_strategies VALUES ($1, 'target_size', '{\"target_size\": \"small\"}')"})
	if err != nil || len(verdicts) != 1 {
		t.Fatal(verdicts, err)
	}
	bind := &proxy.Bind{TxStatus: 'I', Formats: []int16{0}, Values: [][]byte{[]byte("prod")}, Ask: r.ask}
	if err := verdicts[0].Bind(t.Context(), bind); err != nil || r.questions != 1 {
		t.Errorf("asked %d times, error %v", r.questions, err)
	}
}
