// Package intercept is the bridge between the relay, the reading of SQL and the
// engine. It checks writes to mz_cluster_strategies before they reach the
// server, runs the engine for the clusters concerned once a write is
// committed, tells the user in NOTICEs what was done, and answers the custom
// commands.
//
//	client: INSERT INTO mz_cluster_strategies ...
//	   Handler.Intercept   rewrite.Classify -> check (catalog, role, config) -> Verdict
//	   the server runs it  (cluster names have become ids)
//	   Handler.Ready       committed? -> Engine.Look -> NOTICEs
//	client: INSERT 0 1, NOTICEs before the prompt
package intercept
