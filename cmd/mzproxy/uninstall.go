package main

import (
	"fmt"

	"mzproxy/engine/materialize"
	"mzproxy/rewrite/pgtext"
)

type uninstallCmd struct {
	Schema string `default:"public" help:"Schema of the proxy's tables."`
	Print  bool   `required:"" env:"-" help:"Print the statements that take the proxy's tables out again; it runs none itself."`
}

// Run prints what takes the proxy out again. Clusters and replicas stay as they are.
func (c uninstallCmd) Run(s streams) error {
	fmt.Fprint(s.out, "-- Stop every proxy first. Clusters and replicas stay as they are; what was asked for and done is lost with the tables.\n")
	for _, table := range materialize.TableNames() {
		fmt.Fprintf(s.out, "DROP TABLE IF EXISTS %s.%s;\n", pgtext.QuoteIdent(c.Schema), pgtext.QuoteIdent(table))
	}
	return nil
}
