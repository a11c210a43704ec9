// Package mzsim is a stand-in for Materialize: a private PostgreSQL server
// behind the relay of package proxy, with an Interceptor that executes
// Materialize's cluster DDL, keeps the relations of mz_catalog and mz_internal,
// plays the life of replicas on a clock that tests can set, and enforces
// Materialize's rules on transactions, routing and clusters without replicas.
//
//	client ── proxy.Server ── Interceptor ──► PostgreSQL (unix socket, private)
//	                               │               ▲
//	                               └── admin pool ─┘   routing, SUBSCRIBE, statement history
//
// State lives in schema mz_sim of that PostgreSQL, so that transactions,
// locks and rollbacks are PostgreSQL's own. A replica's condition is not
// written by a background job; the views compute it from the replica's times,
// the knobs and the simulated clock.
//
// The knobs are SQL functions in schema mz_sim that any client may call:
//
//	SELECT mz_sim.set('hydration', '200ms');           -- see mz_sim.knobs for all
//	SELECT mz_sim.advance('1 hour');                   -- moves now()
//	SELECT mz_sim.crash('prod', 'r1', 'oom-killed');
//	SELECT mz_sim.hydrate('prod', 'r1');
//	SELECT mz_sim.activity('prod', now() - interval '2 hours');
//	SELECT mz_sim.refuse('CREATE CLUSTER REPLICA', 'message', '53000', 1); -- the next statement like that fails
//	SELECT mz_sim.allow();                             -- no statement is refused any more
//	SELECT mz_sim.stall('sink', 'broker is not there'); -- a source or sink does not run; NULL mends it
//	SELECT mz_sim.set('lag', '2s');                    -- the catalog shows what was so then
//	SELECT mz_sim.set('materialize_version', 'v26.34.0'); -- plays another version, see mz_sim.graceful
//	SELECT mz_sim.set('read_cost', '300ms');           -- what a read takes that needs a dataflow, see strategy.go
//	SELECT mz_sim.cut_subscribes();                    -- every SUBSCRIBE ends with an error
//	SELECT mz_sim.set('tick', '50ms');                 -- how often a SUBSCRIBE says that there is no news
//	SELECT mz_sim.set('snapshot_delay', '5s');         -- how late its first rows come
//	SELECT mz_sim.set('standing_still', 'catalog');    -- the time of SUBSCRIBEs stands still: catalog, tables, all or none
//
// They hold for what comes after them. pg_terminate_backend ends a session, which is a fault to try, too.
//
// What differs from Materialize because PostgreSQL executes the queries: type
// OIDs (unsigned integers and mz_timestamp are domains over numeric, lists and
// mz_aclitem[] are text[]), a materialized view is a PostgreSQL view in all but pg_class, a comment that begins with -- ends at a carriage
// return, too, a text that is not UTF-8 is refused and does not end the connection, changes of the catalog in one pipeline commit together, an index
// is registered but never used by a plan, sources never get rows and their tables have the same two columns
// always, CURRENT_TIMESTAMP does not follow the simulated clock
// as now() does, privileges on tables are checked even where enable_rbac_checks is off, a DDL
// transaction makes other DDL wait instead of failing, and ParameterStatus messages about
// the variables that only Materialize has come before ReadyForQuery instead
// of before CommandComplete.
package mzsim
