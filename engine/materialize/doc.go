// Package materialize connects the engine to a Materialize: it observes
// clusters, runs statements, and keeps strategies, state and audit rows in
// four tables.
//
// Every query is a statement of its own, outside of transactions: catalog
// queries are routed to mz_catalog_server by Materialize, which always works,
// and queries on the four tables run on the control cluster. The two are
// never mixed in one statement, for a join of both would run on the control
// cluster.
package materialize
