// Package pgtext is what the relay, the rewriter, the engine and the stand-in all know of PostgreSQL's text: quoting,
// positions in characters, edits, the options parameter, intervals, the numbers of types, and messages that everybody gives
// in the same words. It depends on nothing.
package pgtext
