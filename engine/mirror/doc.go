// Package mirror keeps what is known of a server: pictures of it, each at one timestamp.
//
//	lines of two subscriptions --> Mirror: rows by relation --> Picture
//	  (the catalog, our tables)      complete up to a frontier     (all rows at one timestamp)
//
// A subscription tells which rows came and went at which timestamp, in any order within one, and now and then its frontier: all rows
// of earlier timestamps have been told. The frontier of a Mirror is the earlier one of its subscriptions. A Picture has exactly the rows whose
// timestamps are before that frontier, of both; what is later waits. A subscription begins with the rows that are there at its first
// timestamp, so there is no Picture before the frontier is past the first timestamps of both.
//
// The package is values in, values out: no clock, no goroutine, no I/O.
package mirror
