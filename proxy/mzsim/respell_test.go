package mzsim

import "testing"

func TestRespell(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1":                 "SELECT 1",
		"SELECT * FROM (SELECT 1)": `SELECT * FROM (SELECT 1) AS "subquery 1"`,
		"SELECT * FROM (SELECT 1) x, (VALUES (2))":                               `SELECT * FROM (SELECT 1) x, (VALUES (2)) AS "subquery 1"`,
		"SELECT * FROM (SELECT 1) AS x WHERE true":                               "SELECT * FROM (SELECT 1) AS x WHERE true",
		"SELECT * FROM (SELECT 1) WHERE true":                                    `SELECT * FROM (SELECT 1) AS "subquery 1" WHERE true`,
		"SELECT (SELECT 1), (SELECT 2) FROM t":                                   "SELECT (SELECT 1), (SELECT 2) FROM t",
		"SELECT a FROM t JOIN (SELECT 1 AS b) ON a = b":                          `SELECT a FROM t JOIN (SELECT 1 AS b) AS "subquery 1" ON a = b`,
		"SELECT pg_catalog.pg_class.oid FROM pg_catalog.pg_class":                "SELECT pg_class.oid FROM mz_sim.pg_class",
		"SELECT relname FROM pg_class":                                           "SELECT relname FROM mz_sim.pg_class",
		"SELECT 1 FROM pg_catalog.pg_class c, pg_class d WHERE pg_class.oid = 1": "SELECT 1 FROM mz_sim.pg_class c, mz_sim.pg_class d WHERE pg_class.oid = 1",
		"SELECT 'x'::pg_catalog.regclass, obj_description(1, 'pg_class')":        "SELECT 'x'::pg_catalog.regclass, obj_description(1, 'pg_class')",
	} {
		if got := respell(sql); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}
