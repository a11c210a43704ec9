//go:build !race

package reconcile_test

// nameSchedules is how many random schedules of changing names are tried.
const nameSchedules = 1000
