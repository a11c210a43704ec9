package engine

import "time"

// ActivitySource knows of uses of clusters that the server does not tell of,
// for example what the proxy sees on the wire.
type ActivitySource interface {
	// Activity returns what was seen, by the names of the clusters. A cluster
	// that was never seen in use is not there.
	Activity() map[string]Activity
}

// Activity is the use of one cluster.
type Activity struct {
	Last time.Time // by the clock of this machine
	Busy bool      // in use now
}
