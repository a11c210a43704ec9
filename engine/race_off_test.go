//go:build !race

package engine_test

// snapshots is how many random snapshots a property is tried on.
const snapshots = 25_000
