package main

import (
	"context"
	"fmt"

	"mzproxy/engine/materialize"
)

type checkCmd struct {
	Upstream       string            `required:"" placeholder:"URL" help:"The server, as for serve."`
	Controller     string            `placeholder:"URL" help:"Another connection string for the controller."`
	ControlCluster string            `default:"quickstart" help:"Cluster on which the controller reads its own tables."`
	Schema         string            `default:"public" help:"Schema of the proxy's tables."`
	SizeAlias      map[string]string `mapsep:"," placeholder:"NAME=SIZE" help:"Names for sizes that configs may use."`
}

// Run prints one line a finding.
func (c checkCmd) Run(ctx context.Context, s streams) error {
	client, err := materialize.New(materialize.Config{
		DSN: controllerDSN(c.Controller, c.Upstream), ControlCluster: c.ControlCluster, Schema: c.Schema,
	})
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

// controllerDSN is the connection string of the controller: its own, or that of
// the server.
func controllerDSN(controller, upstream string) string {
	if controller != "" {
		return controller
	}
	return upstream
}
