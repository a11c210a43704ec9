package materialize

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mzproxy/engine"
)

// Severity says what a Finding means for the proxy.
type Severity string

// The severities of a Finding.
const (
	OK      Severity = "ok"
	Warning Severity = "warning" // something works in a reduced way
	Failure Severity = "error"   // something will not work
)

// Finding is one result of a check, in one line.
type Finding struct {
	Severity Severity
	Subject  string // what was looked at: "server", "tables", ...
	Text     string
	Run      []string // statements for a role that may, which mend it
}

// Check looks whether the server has what the controller needs, and changes
// nothing. aliases are names for sizes, as the planner resolves them. After a
// failure to connect there are no other findings.
func (c *Client) Check(ctx context.Context, aliases map[string]string) []Finding {
	k := check{client: c}
	if !k.server(ctx) {
		return k.findings
	}
	k.tables(ctx)
	catalog := c.catalogOf(k.view)
	k.trust()
	k.sizes(catalog, aliases)
	k.controlCluster(catalog)
	k.signals(ctx)
	k.history(ctx)
	k.clusters(ctx, catalog)
	k.otherTool(ctx)
	return k.findings
}

// check is a Check in progress.
type check struct {
	client   *Client
	view     *view
	role     engine.Role
	findings []Finding
}

func (k *check) add(s Severity, subject, format string, args ...any) {
	k.findings = append(k.findings, Finding{Severity: s, Subject: subject, Text: fmt.Sprintf(format, args...)})
}

// run adds a finding that statements mend.
func (k *check) run(s Severity, subject string, statements []string, format string, args ...any) {
	k.add(s, subject, format, args...)
	k.findings[len(k.findings)-1].Run = statements
}

// trust tells which rows count.
func (k *check) trust() {
	needed, why := NewApprovals(k.client).rule(k.view)
	if needed {
		why = "they count with an approval: " + why
	} else {
		why = "all count: " + why
	}
	k.add(OK, "rows", "%s", why)
}

// sizes checks that there are sizes, and that every alias names one.
func (k *check) sizes(catalog engine.Catalog, aliases map[string]string) {
	var names []string
	for _, s := range catalog.Sizes {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		k.add(Failure, "sizes", "the server offers no replica sizes")
		return
	}
	k.add(OK, "sizes", "%d replica sizes", len(names))
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		if size := aliases[alias]; !slices.Contains(names, size) {
			k.add(Failure, "sizes", "alias %q stands for %q, which the server does not offer; correct --size-alias", alias, size)
		}
	}
}

// controlCluster checks that queries on our own tables can run.
func (k *check) controlCluster(catalog engine.Catalog) {
	name := k.client.cfg.ControlCluster
	i := slices.IndexFunc(catalog.Clusters, func(c engine.ClusterInfo) bool { return c.Name == name })
	if i < 0 {
		k.add(Failure, "control cluster", "there is no cluster %q; create it, or name another with --control-cluster", name)
		return
	}
	switch replicas := catalog.Clusters[i].Replicas; replicas {
	case 0:
		k.add(Failure, "control cluster", "%q has no replicas, so the proxy's tables cannot be read; give it one, or name another with --control-cluster", name)
	default:
		k.add(OK, "control cluster", "%q, replicas: %d", name, replicas)
	}
}

// history checks what idle_suspend needs to tell a cluster that is idle from
// one that nobody can see.
func (k *check) history(ctx context.Context) {
	off := k.view.loggingOff
	_, err := k.client.exec(ctx, "read statement history",
		"SELECT cluster_id, statement_type, execution_strategy, finished_status, finished_at, began_at, redacted_sql FROM mz_internal.mz_recent_activity_log_redacted LIMIT 0")
	switch {
	case isForbidden(err):
		k.run(Warning, "statement logging", []string{k.client.grant()}, "%s; idle_suspend holds; run: %s", fault(err), k.client.grant())
	case err != nil:
		k.add(Warning, "statement logging", "%s; idle_suspend goes by the history without kinds of statements", fault(err))
	case off != "":
		k.add(Warning, "statement logging", "%s; idle_suspend holds where it sees no activity; set statement_logging_max_sample_rate and statement_logging_default_sample_rate to 1", off)
	default:
		k.add(OK, "statement logging", "complete, and readable")
	}
}
