package mzsim_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The relations have the columns that testdata/relations.txt lists, in that order. The types are those of
// Materialize, as far as PostgreSQL can name them.
func TestRelations(t *testing.T) {
	c := fresh(t)
	const golden = "testdata/relations.txt"
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	var got strings.Builder
	for line := range strings.Lines(want) {
		name, _, _ := strings.Cut(line, ":")
		schema, relation, ok := strings.Cut(name, ".")
		if !ok {
			continue
		}
		got.WriteString(name + ": " + c.must(t, `SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
			FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE a.attnum > 0 AND n.nspname = '`+schema+`' AND c.relname = '`+relation+`'`) + "\n")
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
}

// Every relation of the system can be read, by any role but for the history; those of mz_catalog without their schema, too.
func TestRelationsCanBeRead(t *testing.T) {
	c := fresh(t)
	c.must(t, oneC)
	c.must(t, "CREATE ROLE reader")
	c.must(t, "GRANT USAGE ON CLUSTER c TO reader")
	r := dial(t, "user=reader", "cluster=c", "cluster_replica=r1", "auto_route_catalog_queries=off")
	for _, name := range rows(t, c, `SELECT s.name || '.' || r.name FROM mz_relations r JOIN mz_schemas s ON s.id = r.schema_id WHERE s.name IN ('mz_catalog', 'mz_internal', 'mz_introspection') ORDER BY 1`) {
		c.must(t, "SELECT * FROM "+name+" LIMIT 1")
		if bare, ok := strings.CutPrefix(name, "mz_catalog."); ok {
			c.must(t, "SELECT * FROM "+bare+" LIMIT 1")
		}
		got := r.say("SELECT count(*) >= 0 FROM " + name)
		if secret := strings.Contains(name, "_history_redacted") || strings.Contains(name, "mz_statement_execution_history") || strings.Contains(name, "mz_recent_activity_log"); secret {
			if !strings.HasPrefix(got, "42501 permission denied for") {
				t.Errorf("%s is no secret: %s", name, got)
			}
		} else if !strings.HasPrefix(got, "t [SELECT 1]") { // the first one may have waited for the replica, and is told of it
			t.Errorf("%s: %s", name, got)
		}
	}
	c.must(t, "GRANT mz_monitor_redacted TO reader")
	if got := r.say("SELECT count(*) >= 0 FROM mz_internal.mz_recent_activity_log_redacted"); got != "t [SELECT 1]" {
		t.Errorf("mz_monitor_redacted: %s", got)
	}
	if got := r.say("SELECT count(*) >= 0 FROM mz_internal.mz_recent_activity_log"); !strings.HasPrefix(got, "42501") {
		t.Errorf("mz_monitor_redacted sees too much: %s", got)
	}
}
