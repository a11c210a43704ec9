// Package materialize connects the engine to a Materialize: it watches the server, runs statements, and keeps strategies, state and audit rows in
// tables of its own.
//
//	SUBSCRIBE to the catalog ----\
//	                              >-- mirror.Mirror --> Picture --> view --> observation --> engine.Snapshot
//	SUBSCRIBE to our own tables -/                                  (world: is it of now?)
//
// What it knows of the server comes from two SUBSCRIBEs; a look asks nothing. What is asked all the same is a plain read of one relation, a
// statement of its own outside of transactions: catalog queries are routed to mz_catalog_server by Materialize, which always works, and queries
// on our tables run on the control cluster. The two are never mixed in one statement, for a join of both would run on the control cluster. What
// cannot be watched, as the statement history, the reader reads when it is due.
package materialize
