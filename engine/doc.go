// Package engine decides what clusters should be and how to get there.
package engine
