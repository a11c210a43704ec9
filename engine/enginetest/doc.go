// Package enginetest helps to test what decides and what acts on decisions: builders for snapshots, and fakes
// of what the reconciler works with. It is for tests only.
package enginetest
