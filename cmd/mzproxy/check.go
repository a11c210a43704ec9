package main

import (
	"context"
	"fmt"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/strategy"
	"mzproxy/rewrite/pgtext"
)

type checkCmd struct{ controllerFlags }

// Run prints one line a finding, and in the end the statements that mend what can be mended by some.
func (c checkCmd) Run(ctx context.Context, s streams) error {
	if _, err := c.upstream(); err != nil {
		return err
	}
	cfg, err := c.client()
	if err != nil {
		return err
	}
	registry := engine.NewRegistry(strategy.All()...)
	cfg.Types = registry.Types()
	client, err := materialize.New(cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Fprintf(s.out, "%-7s  proxy: version %s\n", materialize.OK, version)
	findings := client.Check(ctx, c.SizeAlias)
	if snapshot, err := client.Observe(ctx); err == nil {
		findings = append(findings, c.strategies(snapshot, registry)...)
	} else if !failed(findings) {
		findings = append(findings, materialize.Finding{Severity: materialize.Failure, Subject: "strategies", Text: err.Error()})
	}
	var statements []string
	for _, f := range findings {
		fmt.Fprintf(s.out, "%-7s  %s: %s\n", f.Severity, f.Subject, f.Text)
		statements = append(statements, f.Run...)
	}
	if len(statements) > 0 {
		fmt.Fprint(s.out, "\n-- To be run by a role that may:\n", pasted(statements))
	}
	if failed(findings) {
		return exitStatus(exitFailure)
	}
	return nil
}

// pasted renders statements as psql takes them.
func pasted(statements []string) (text string) {
	told := map[string]bool{}
	for _, statement := range statements {
		if !told[statement] {
			text += statement + ";\n"
		}
		told[statement] = true
	}
	return text
}

func failed(findings []materialize.Finding) bool {
	for _, f := range findings {
		if f.Severity == materialize.Failure {
			return true
		}
	}
	return false
}

// strategies finds what is wrong with the rows that are stored: the decision itself says so.
func (c checkCmd) strategies(snapshot engine.Snapshot, registry *engine.Registry) (findings []materialize.Finding) {
	add := func(severity materialize.Severity, format string, args ...any) {
		findings = append(findings, materialize.Finding{Severity: severity, Subject: "strategies", Text: fmt.Sprintf(format, args...)})
	}
	const remedy = "UPDATE or DELETE the row"
	counting := 0
	for i, plan := range (engine.Planner{Registry: registry, SizeAliases: c.SizeAlias}).Plan(snapshot).Clusters {
		counting += len(engine.NewestRows(snapshot.Clusters[i].Strategies)) - len(plan.Problems)
		for _, p := range plan.Problems {
			switch p.Code {
			case engine.BadState:
				add(materialize.Warning, "cluster %q: what strategies remembered cannot be read: %s; run: RESET STRATEGY STATE FOR CLUSTER %s", plan.Name, p.Message, pgtext.QuoteIdent(plan.Name))
			case engine.ExperimentalDisabled:
				add(materialize.Warning, "cluster %q: %s; start the proxy with --enable-experimental, or DELETE the row", plan.Name, p.Message)
			default:
				add(materialize.Failure, "cluster %q: %s; %s", plan.Name, p.Message, remedy)
			}
		}
	}
	for _, stray := range snapshot.Strays {
		add(materialize.Failure, "%s is stored for %q, which is the id of no cluster; %s", stray.Type, stray.ClusterID, remedy)
	}
	if len(findings) == 0 {
		add(materialize.OK, "all %d rows that count can be used", max(0, counting))
	}
	return findings
}
