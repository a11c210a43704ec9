package main

import (
	"context"
	"fmt"

	"mzproxy/engine/materialize"
)

type checkCmd struct{ controllerFlags }

// Run prints one line a finding.
func (c checkCmd) Run(ctx context.Context, s streams) error {
	if _, err := c.upstream(); err != nil {
		return err
	}
	cfg, err := c.client()
	if err != nil {
		return err
	}
	client, err := materialize.New(cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	failed := false
	for _, f := range client.Check(ctx, c.SizeAlias) {
		fmt.Fprintf(s.out, "%-7s  %s: %s\n", f.Severity, f.Subject, f.Text)
		failed = failed || f.Severity == materialize.Failure
	}
	if failed {
		return exitStatus(exitFailure)
	}
	return nil
}
